"""Where examples come from: files, folders of files, programs and generated signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler
from ..faust.excitation import DEFAULT_RATE, GENERATED_INPUTS, excitation
from ..faust.program import CompiledProgram, Program
from ..files import read_text
from ..recordings import BLOCK_FRAMES, SUFFIXES, Recording, open_recording, write_audio
from .dual_runs import compile_program
from .pairing import Array, Example, pair

#: Of generated inputs, where no recording says how long.
DEFAULT_SECONDS = 2.0


@dataclass(frozen=True)
class ExampleMaker:
    """Makes examples: for a program of so many `inputs` and `outputs`.

    Recordings that do not exist yet are written to the folder `work`. `seconds` and `rate` (Hz) are
    those of generated signals; `read` gives the text of a program.
    """

    work: Path
    inputs: int
    outputs: int
    compiler: Compiler
    include: tuple[Path, ...] = ()
    seconds: float | None = None
    rate: int | None = None
    read: Callable[[Path], str] = field(default=partial(read_text, kind="Faust program"))

    def examples(
        self, inputs: Sequence[str], targets: Sequence[Path], truth: Path | None
    ) -> tuple[Example, ...]:
        """The examples that the options name, one for each target or, with a `truth`, input.

        Raises `InputError` for files that cannot be used and for counts that do not match.
        """
        if truth is not None:
            return self._by_truth(inputs, targets, truth)
        if not targets:
            raise _refusal("--target", "there is no target", "give --target or --ground-truth")
        if self.inputs and len(inputs) != len(targets):
            what = f"there are {len(inputs)} inputs and {len(targets)} targets"
            raise _refusal("--input", what, "give one --input for each --target")
        examples = []
        for index, target in enumerate(targets):
            recording = open_recording(target)
            source = None
            if self.inputs:
                source = self.input(inputs[index], index, recording)
            examples.append(pair(source, recording, self.inputs, self.outputs, self.work))
        _one_rate(examples)
        return tuple(examples)

    def input(self, name: str, index: int, target: Recording | None) -> Recording:
        """The recording `name`, or the signal it stands for, as long as the `target` if any."""
        frames = target.frames if target else round((self.seconds or DEFAULT_SECONDS) * self._rate)
        rate = target.rate if target else self._rate
        path = self.work / f"input-{index + 1}.wav"
        if name in GENERATED_INPUTS:
            signals = excitation(name, self.inputs, frames / rate, rate).signals
            return _write_blocks(path, iter([signals]), len(signals), rate)
        if name.endswith(".dsp"):
            program = self._build(Path(name))
            if program.inputs or program.outputs != self.inputs:
                what = f"has {program.inputs} inputs and {program.outputs} outputs"
                hint = f"use a program with 0 inputs and {self.inputs} outputs"
                raise _refusal(name, what, hint)
            blocks = render_outputs(program, rate, _silence(frames))
            return _write_blocks(path, blocks, program.outputs, rate)
        return open_recording(Path(name))

    def _by_truth(
        self, inputs: Sequence[str], targets: Sequence[Path], truth: Path
    ) -> tuple[Example, ...]:
        if targets:
            what = "there are a target and a program that makes it"
            raise _refusal("--ground-truth", what, "give either --target or --ground-truth")
        if self.inputs and not inputs:
            what = f"the program has {self.inputs} inputs and nothing that feeds them"
            raise _refusal("--input", what, "give --input")
        program = self._build(truth)
        if (program.inputs, program.outputs) != (self.inputs, self.outputs):
            what = f"has {program.inputs} inputs and {program.outputs} outputs"
            hint = f"use one that has {self.inputs} and {self.outputs}, as the program"
            raise _refusal(str(truth), what, hint)
        examples = []
        for index, name in enumerate(inputs if self.inputs else ["none"]):
            source = self.input(name, index, None) if self.inputs else None
            rate = source.rate if source else self._rate
            frames = (
                source.frames if source else round((self.seconds or DEFAULT_SECONDS) * self._rate)
            )
            given = source.blocks() if source else _silence(frames)
            path = self.work / f"target-{index + 1}.wav"
            blocks = render_outputs(program, rate, given)
            target = _write_blocks(path, blocks, self.outputs, rate)
            examples.append(pair(source, target, self.inputs, self.outputs, self.work))
        _one_rate(examples)
        return tuple(examples)

    @property
    def _rate(self) -> int:
        return self.rate or DEFAULT_RATE

    def _build(self, path: Path) -> Program:
        include = (path.parent, *self.include)
        return compile_program(self.read(path), self.compiler, include)


def render_outputs(program: Program, rate: int, inputs: Iterator[Array]) -> Iterator[Array]:
    """The outputs of a fresh instance for `inputs` (inputs, n), block by block."""
    if isinstance(program, CompiledProgram):
        session = program.session(sample_rate=rate)
        for given in inputs:
            signals = session.compute(given if program.inputs else None, given.shape[1])
            yield np.asarray(signals, float)
    else:
        given = np.concatenate(list(inputs), axis=1)
        signals = program.run(given if program.inputs else None, given.shape[1], sample_rate=rate)
        yield np.asarray(signals, float)


def folders(inputs: Sequence[str], targets: Sequence[Path]) -> list[tuple[str, str | None, Path]]:
    """For a folder of targets: the name, input and target of each of its recordings.

    The input is the file of the same name in the folder of inputs, or an input that is the same for
    all. Raises `InputError` for a folder without recordings, and for inputs that are missing.
    """
    if len(targets) != 1 or len(inputs) > 1:
        raise _refusal("--target", "a folder goes alone", "give one folder, and one of inputs")
    folder = targets[0]
    triples: list[tuple[str, str | None, Path]] = []
    problems = []
    recordings = sorted(one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES)
    stems = [one.stem for one in recordings]
    for target in recordings:
        source = inputs[0] if inputs else None
        if source is not None and Path(source).is_dir():
            own = Path(source) / target.name
            if not own.is_file():
                hint = f"put it into {source}, under that name"
                problems.append(Problem(Place(str(target)), "has no input", hint))
            source = str(own)
        # Two formats of one name keep theirs.
        name = target.stem if stems.count(target.stem) == 1 else target.name
        triples.append((name, source, target))
    if not triples:
        raise _refusal(str(folder), "has no recordings", "put WAV files into it")
    if problems:
        raise InputError(problems)
    return triples


def _write_blocks(path: Path, blocks: Iterator[Array], channels: int, rate: int) -> Recording:
    # In double precision, so that a truth is what the program computes.
    write_audio(path, blocks, channels, rate, "DOUBLE")
    return open_recording(path)


def _silence(frames: int) -> Iterator[Array]:
    for start in range(0, frames, BLOCK_FRAMES):
        yield np.zeros((0, min(BLOCK_FRAMES, frames - start)))


def _one_rate(pairs: Sequence[Example]) -> None:
    rates = sorted({one.rate for one in pairs})
    if len(rates) > 1:
        listed = " and ".join(f"{rate} Hz" for rate in rates)
        raise _refusal("--target", f"the examples have {listed}", "convert them to one rate")


def _refusal(place: str, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(place), what, hint)])
