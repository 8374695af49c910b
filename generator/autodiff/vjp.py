"""Vector-Jacobian products of a Faust program on NumPy arrays: compiled once, run in batches.

    program = vjp(Path("eq.dsp"), params=["gain"], sample_rate=48000)
    y, tape = program.forward(x, {"gain": 0.5})       # x: (batch, inputs, frames)
    cotangents = program.backward(tape, y - target)   # of sum((y - target)^2) / 2
    cotangents.sliders["gain"], cotangents.inputs

The derivatives are exact, feedback and delays included; see `reverse`. Memory is that of the tape,
or with `segment` that of one piece of it and of the states between pieces: each piece is run again
before its part of the backward pass (checkpoints; Griewank and Walther, Evaluating Derivatives,
2008, chapter 12).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..extras import naming_extras
from ..faust.batch import BatchProgram, build_batch
from ..faust.channels import AbsentChannels, Channels
from ..faust.compilers import Compiler, find_compiler
from ..faust.interface import Signals
from ..signals.source import read_source
from ..table.model import Table
from .arguments import (
    Names,
    Values,
    checked_signals,
    naming_place,
    require_finite,
    require_type,
    whole_number,
)
from .buffers import Buffers, Recorded
from .reverse import ReversePrograms, reverse_programs

#: How long a piece of `segment="auto"` is at least, in frames.
SHORTEST_SEGMENT = 4096


@dataclass(frozen=True)
class State:
    """Where a program stands after a run: the states of all items, (batch, bytes).

    It continues a run of the same program, in this process or another one on this machine.
    """

    data: NDArray[np.uint8] = field(repr=False)
    program: str = field(repr=False)


@dataclass(frozen=True)
class Tape:
    """What a forward pass keeps for the backward pass.

    `state` is where the forward pass ended, None for a tape that was restored. With segments,
    `inputs` are those of the call and must not be changed before the backward pass.
    """

    program: VJP = field(repr=False)
    values: Values = field(repr=False)
    inputs: tuple[Signals, ...] = field(repr=False)
    recorded: Recorded | None = field(repr=False)
    borders: tuple[State | None, ...] = field(repr=False)
    frames: int
    segment: int
    state: State | None = field(repr=False)


@dataclass(frozen=True)
class Cotangents:
    """The result of a backward pass: the derivatives of sum(cotangents * outputs).

    `inputs` has the shape of the inputs, and is None if they were not asked for. `sliders` has an
    entry for each of the program's `params` and `signals`, by name, with the shape of the value
    that was given; of what was given as one number, the derivatives of all items are added up.
    `waveforms` are those by the entries of each of the program's `waveforms`, added up over items
    and time. `state` continues the backward pass to the frames before.
    """

    inputs: Signals | None
    sliders: Mapping[str, NDArray[np.floating[Any]]]
    state: State = field(repr=False)
    waveforms: tuple[NDArray[np.float64], ...] = ()


class VJP:
    """A Faust program and its adjoint, compiled for one sample rate and one precision.

    `params` stand still during a call, `signals` may move at every sample; `names` holds the names
    of both and of the other controls that can be set. `waveforms` are the entries of those that are
    parameters. Several threads may use one object.
    """

    def __init__(
        self,
        programs: ReversePrograms,
        compiler: Compiler,
        *,
        sample_rate: int = 44100,
        double: bool = True,
        threads: int | None = None,
        include: Sequence[Path] = (),
        cache: Path | None = None,
    ) -> None:
        def compile_batch(
            text: str, reversed_time: bool, finite: int, sums: int = 0, double: bool = double
        ) -> BatchProgram:
            return build_batch(
                text,
                compiler,
                double=double,
                sample_rate=sample_rate,
                reversed_time=reversed_time,
                finite=finite,
                sums=sums,
                include=include,
                cache=cache,
            )

        sample_rate = whole_number(sample_rate, "sample_rate", 1)
        self.programs = programs
        self.sample_rate = sample_rate
        self.threads = whole_number(threads or os.cpu_count() or 1, "threads", 1)
        self._forward = compile_batch(programs.forward, False, programs.inputs)
        sums = programs.coefficients if programs.sliders else len(programs.params)
        self._backward = compile_batch(programs.backward, True, programs.outputs, sums)
        # At a single sample, always in double: sums over time may cancel.
        self._sliders = (
            compile_batch(programs.sliders, False, 0, double=True) if programs.sliders else None
        )
        self.dtype = self._forward.dtype
        self.inputs, self.outputs = programs.inputs, programs.outputs
        self.params, self.signals = programs.params, programs.signals
        self.waveforms = programs.waveforms.entries
        self.names = Names(programs, self._forward, self._backward, self._sliders)
        self._buffers = Buffers(self.dtype)

    @contextmanager
    def sounding(self, sound: ArrayLike) -> Iterator[None]:
        """While it is open, all sound files hold `sound` (frames,), see `Program.sounding`."""
        with self._forward.sounding(sound), self._backward.sounding(sound):
            yield

    def forward(
        self,
        inputs: ArrayLike | None = None,
        sliders: Mapping[str, ArrayLike] | None = None,
        *,
        frames: int | None = None,
        batch: int | None = None,
        state: State | None = None,
        segment: int | Literal["auto"] | None = None,
        record: bool = True,
        restorable: bool = False,
    ) -> tuple[Signals, Tape]:
        """The outputs (batch, outputs, frames), and what `backward` needs.

        `inputs` are (batch, inputs, frames), or (inputs, frames) for a single item, whose outputs
        are (outputs, frames); a program without inputs takes the number of `frames` instead, and
        that of the items in a `batch`, None for a single item.
        `sliders` gives values by label or path: a number, or (batch,); for one of the `signals`
        also (batch, frames), or (frames,) for a single item, held in the range of the slider.
        `state` continues from the end of another pass. With `segment`, in frames, no more than one
        piece of the tape exists at a time ("auto" takes the length that needs the least memory).
        Without `record`, only outputs and state are computed; what a `restorable` tape recorded can
        be given to `restore`. Raises ValueError for an unknown slider, a wrong shape, a value that
        is not finite, or one that makes a delay or a place in a table, outside of its range.
        """
        if inputs is None:
            inputs = self._nothing(frames, batch)
        x = checked_signals(inputs, self.inputs, frames, self.dtype, "inputs")
        batched = np.ndim(inputs) == 3
        items, count = len(x), x.shape[2]
        values = self.names.values(sliders or {}, items if batched else None, count)
        sources = (x, *values.channels(count, self.dtype))
        outputs = np.empty((items, self.outputs, count), self.dtype)
        length = self._segment(segment, items, count)
        tape = None
        if record and not segment:
            tape = self._tape(items, count, restorable)
        borders: list[State | None] = []
        for start, stop in _segments(count, length):
            borders.append(state)
            pieces = [one[:, :, start:stop] for one in sources]
            sink = outputs[:, :, start:stop]
            with naming_place(x, "inputs"):
                state = self._run_forward(pieces, sink, tape, values, stop - start, state)
        assert state is not None
        kept = Tape(
            self,
            values,
            sources if record and segment else (),
            tape,
            tuple(borders) if record and segment else (None,),
            count,
            length,
            state,
        )
        if tape is not None:
            # Not with the tape itself: its copies, which have these values too, share the memory.
            self._buffers.give_back_with(values, tape)
        return (outputs if batched else outputs[0]), kept

    def backward(
        self,
        tape: Tape,
        cotangents: ArrayLike,
        *,
        state: State | None = None,
        inputs: bool = True,
    ) -> Cotangents:
        """The cotangents of inputs and sliders for those of the outputs, in the outputs' shape.

        `state` continues from the backward pass over the frames that follow those of the tape:
        without it, nothing after them counts. Without `inputs`, their cotangents are left out.
        Raises ValueError for a tape of another program or sample rate, a wrong shape, or a
        cotangent that is not finite.
        """
        self._check(tape)
        values, count = tape.values, tape.frames
        given = checked_signals(cotangents, self.outputs, count, self.dtype, "cotangents")
        items, batched = len(values.numbers), values.items is not None
        shape = (*((items,) if batched else ()), self.outputs, count)
        if np.shape(cotangents) != shape:
            raise ValueError(f"cotangents have the shape {np.shape(cotangents)}, expected {shape}")
        through = np.empty((items, self.inputs, count), self.dtype) if inputs else None
        moving = np.empty((items, len(self.signals), count), self.dtype)
        totals = np.zeros((items, self._backward.sums))
        reads = self.programs.waveforms.of_reads
        entries = tuple(np.zeros(len(one)) for one in self.waveforms)
        pieces = list(_segments(count, tape.segment))
        for (start, stop), border in reversed(list(zip(pieces, tape.borders, strict=True))):
            recorded = self._recorded(tape, start, stop, border)
            read = np.empty((items, 2 * len(reads), stop - start), self.dtype)
            absent = AbsentChannels(self.inputs)
            first: Channels = absent if through is None else through[:, :, start:stop]
            with naming_place(given, "cotangents"):
                finished = self._backward.run(
                    [given[:, :, start:stop], recorded],
                    [first, moving[:, :, start:stop], read],
                    values.numbers[:, self.names.backward],
                    frames=stop - start,
                    initial=self._initial(state, items, "backward"),
                    keep_state=True,
                    threads=self.threads,
                )
            if tape.recorded is None:
                self._buffers.give_back(recorded)
            totals += finished.totals
            _add_up(entries, reads, read)
            state = State(finished.state, self._key("backward"))
        assert state is not None
        totals = self._of_sliders(totals, values)
        gradients = {name: totals[:, index] for index, name in enumerate(self.names.params)}
        gradients |= {name: moving[:, index] for index, name in enumerate(self.names.signals)}
        shaped = {name: values.in_shape(name, one) for name, one in gradients.items()}
        if through is not None and not batched:
            through = through[0]
        return Cotangents(through, shaped, state, entries)

    def _tape(self, items: int, frames: int, plain: bool = False) -> Recorded:
        """Memory for a tape, or a piece of it."""
        passes = () if plain else (self._forward, self._backward)
        lanes = min((one.lanes(items, frames) for one in passes), default=1)
        return self._buffers.take(items, self.programs.tape, frames, lanes)

    def _recorded(self, tape: Tape, start: int, stop: int, border: State | None) -> Recorded:
        """The signals of a piece of the tape, run again if they were not kept."""
        if tape.recorded is not None:
            return tape.recorded
        items, frames = len(tape.values.numbers), stop - start
        recorded = self._tape(items, frames)
        sources = [one[:, :, start:stop] for one in tape.inputs]
        outputs = AbsentChannels(self.outputs)
        self._run_forward(sources, outputs, recorded, tape.values, frames, border)
        return recorded

    def restore(self, recorded: Signals, sliders: Mapping[str, ArrayLike]) -> Tape:
        """A tape from its signals, (batch, tape, frames) as in one that is `restorable`.

        Raises ValueError for a wrong shape, as `forward` does.
        """
        given = checked_signals(
            recorded, self.programs.tape, None, self.dtype, "signals of the tape"
        )
        require_finite(given, "signals of the tape")
        frames = given.shape[2]
        values = self.names.values(sliders, len(given), frames)
        return Tape(self, values, (), given, (None,), frames, max(frames, 1), None)

    def _of_sliders(self, totals: NDArray[np.float64], values: Values) -> NDArray[np.float64]:
        """The gradient by the sliders (items, params), from the sums of the backward pass."""
        if self._sliders is None:
            return totals
        gradients = np.empty((len(totals), len(self.params), 1))
        numbers = values.numbers[:, self.names.sliders]
        self._sliders.run(
            [totals[:, :, None]], [gradients], numbers, frames=1, threads=self.threads
        )
        return gradients[:, :, 0]

    def _run_forward(
        self,
        sources: Sequence[Signals],
        outputs: Channels,
        tape: Recorded | None,
        values: Values,
        frames: int,
        state: State | None,
    ) -> State:
        finished = self._forward.run(
            sources,
            [outputs, AbsentChannels(self.programs.tape) if tape is None else tape],
            values.numbers[:, self.names.forward],
            frames=frames,
            initial=self._initial(state, len(values.numbers), "forward"),
            keep_state=True,
            threads=self.threads,
        )
        return State(finished.state, self._key("forward"))

    def _nothing(self, frames: int | None, batch: int | None) -> Signals:
        """The inputs of a program that has none."""
        if self.inputs:
            raise ValueError(f"inputs are missing: expected (batch, {self.inputs}, frames)")
        if frames is None:
            raise ValueError("give the number of frames: the program has no inputs")
        frames = whole_number(frames, "frames", 0)
        batch = None if batch is None else whole_number(batch, "batch", 1)
        return np.zeros((0, frames) if batch is None else (batch, 0, frames), self.dtype)

    def _initial(self, state: State | None, items: int, direction: str) -> NDArray[np.uint8] | None:
        if state is None:
            return None
        require_type(state, State, "such as the `state` of a tape or of cotangents")
        if state.program != self._key(direction):
            here = f"in {self.dtype} and at {self.sample_rate} Hz"
            raise ValueError(f"the state is none of the {direction} pass of this program, {here}")
        if len(state.data) != items:
            raise ValueError(f"the state is one of {len(state.data)} items, not of {items}")
        return state.data

    def _key(self, direction: str) -> str:
        library = self._forward if direction == "forward" else self._backward
        return f"{direction} {library.digest}"

    def _segment(self, segment: int | str | None, items: int, frames: int) -> int:
        if segment is None:
            return max(frames, 1)
        if segment == "auto":
            piece = max(self.programs.tape * self.dtype.itemsize, 1)
            best = int((frames * self._forward.state_size / piece) ** 0.5)
            return max(best, SHORTEST_SEGMENT)
        if isinstance(segment, str):
            raise ValueError(f"segment is a number of frames or 'auto', not {segment!r}")
        return whole_number(segment, "segment", 1)

    def _check(self, tape: Tape) -> None:
        require_type(tape, Tape, "the second thing that `forward` gives")
        if tape.recorded is None and not tape.inputs:
            raise ValueError("nothing was recorded: call `forward` without record=False")
        other = tape.program
        if all(other._key(one) == self._key(one) for one in ("forward", "backward")):
            return
        if other.programs != self.programs:
            raise ValueError("the tape is one of another program")
        if other.sample_rate != self.sample_rate:
            rates = f"{other.sample_rate} Hz, and this program runs at {self.sample_rate} Hz"
            raise ValueError(f"the tape was made at {rates}")
        raise ValueError(f"the tape is of {other.dtype}, and this program computes {self.dtype}")


def _add_up(entries: Sequence[NDArray[np.float64]], reads: Sequence[int], read: Signals) -> None:
    """Adds the cotangents of `reads`, (items, 2 reads, frames) behind places, to the entries."""
    for k, one in enumerate(reads):
        np.add.at(entries[one], read[:, 2 * k].astype(np.int64), read[:, 2 * k + 1])


def _segments(frames: int, length: int) -> Iterator[tuple[int, int]]:
    """The pieces of a run, as (start, stop); one even if there are no frames."""
    for start in range(0, max(frames, 1), length):
        yield start, min(start + length, frames)


@naming_extras
def vjp(
    program: str | Path,
    *,
    params: Sequence[str] | None = None,
    signals: Sequence[str] = (),
    waveforms: bool = False,
    sample_rate: int = 44100,
    double: bool = True,
    threads: int | None = None,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    cache: Path | None = None,
) -> VJP:
    """A Faust program, as text or as the path of a file, to what computes its derivatives.

    They are taken with respect to the inputs, the sliders `params`, by label or path (else all that
    are continuous), the sliders `signals`, which may move at every sample, and, with `waveforms`,
    the entries of each waveform that is read by `rdtable`. `sample_rate` is in Hz, `double` chooses
    the precision, `threads` is how many items run at once (else as many as there are processors).
    The other arguments are those of `reverse_programs` and `build`.

    Raises `InputError` if there is no such file or slider, or the program has no derivative,
    ValueError for a sample rate that is no whole number above 0, and `FaustError` if a compiler is
    missing or refuses the program.
    """
    source = read_source(program)
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    folders = (*source.include, *include)
    programs = reverse_programs(
        source.text,
        params=params,
        all_continuous=True,
        signals=signals,
        waveforms=waveforms,
        by_sums=True,
        compiler=compiler,
        include=folders,
        table=table,
        name=source.name,
        file=source.file,
    )
    return VJP(
        programs,
        compiler,
        sample_rate=sample_rate,
        double=double,
        threads=threads,
        include=folders,
        cache=cache,
    )
