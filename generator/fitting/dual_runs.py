"""The differentiated program on examples: what one pass gives.

A pass is one run of the program with its partials over all samples of the examples. Runs over a
part of them count as that part of a pass, and so do runs for a validation or a ranking:
`Model.frames` counts every sample that was computed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..autodiff import Parameter
from ..autodiff.reverse import ReversePrograms
from ..faust.compilers import Compiler
from ..faust.program import CompiledProgram, Program, Session, Signals, build
from .adjoint import Adjoint
from .losses import Loss, Sums
from .pairing import Array, Example

#: A header of a foreign function that is looked for in the folders of a program.
OWN_HEADER = re.compile(r'"[^"\n]+\.(?:h|hh|hpp)"')


@dataclass(frozen=True)
class DualSource:
    """A program with its partials as text, and how to compile it: all that another process needs.

    `text` gives for each of `outputs` its value and its partials by `params`; `settings` are values
    of further sliders by label or path. `cache` is a folder for what was compiled. With `reverse`,
    gradients come from reverse mode; without `partials`, which are too many then, `text` is the
    forward program of it. `gradient` says in words how it is computed, and at what cost; it is
    empty where there was no choice.
    """

    text: str
    params: tuple[Parameter, ...]
    inputs: int
    outputs: int
    compiler: Compiler
    include: tuple[Path, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    cache: Path | None = None
    reverse: ReversePrograms | None = None
    partials: bool = True
    gradient: str = ""


class Model:
    """A compiled `DualSource`; in single precision and without g++, in the interpreter."""

    def __init__(self, source: DualSource) -> None:
        self.source = source
        # It imports nothing: what else is in its folders, as other fits, is no part of it.
        include = source.include if OWN_HEADER.search(source.text) else ()
        self.program = compile_program(source.text, source.compiler, include, source.cache)
        self.paths = tuple(self.program.settable_path(one.path) for one in source.params)
        self.settings = {self.program.settable_path(n): v for n, v in source.settings.items()}
        self.frames = 0
        self.partials = source.partials
        self.adjoint = None
        if source.reverse:
            self.adjoint = Adjoint(
                source.reverse, source.compiler, source.include, self.settings, source.cache
            )

    def controls(self, values: Array) -> dict[str, float]:
        """The values of all sliders that are set, by path."""
        fitted = dict(zip(self.paths, map(float, values), strict=True))
        return {**self.settings, **fitted}

    def runs(
        self, values: Array, one: Example, frames: int | None = None, latency: float | None = None
    ) -> Iterator[tuple[Array, Array, Array, Array]]:
        """Outputs (outputs, n), partials (outputs, P, n), targets and slopes (outputs, n).

        All in blocks. `latency` is that of `Example.target_blocks`, which gives targets and slopes.
        """
        rate, controls = one.rate, self.controls(values)
        if isinstance(self.program, CompiledProgram):
            session = self.session(controls, rate)
            for given, target, slope in one.blocks(frames, latency=latency):
                self.frames += target.shape[1]
                yield *self.compute(session, given, target.shape[1]), target, slope
            return
        # The interpreter keeps no state from call to call, so it gets all at once.
        parts = zip(*one.blocks(frames, latency=latency), strict=True)
        given, target, slope = (np.concatenate(part, axis=1) for part in parts)
        count = target.shape[1]
        self.frames += count
        signals = self.program.run(
            _input_or_none(given), count, sample_rate=rate, controls=controls
        )
        yield *self.split(signals), target, slope

    def output(self, values: Array, one: Example, frames: int | None = None) -> Array:
        """The outputs (outputs, n) of an example, or of its first `frames` samples."""
        return np.concatenate([output for output, *_ in self.runs(values, one, frames)], axis=1)

    def session(self, controls: Mapping[str, float], rate: int) -> Session:
        """A fresh instance with these values; `FaustError` in the interpreter."""
        session = self.program.session(sample_rate=rate)
        for path, value in controls.items():
            session.set(path, value)
        return session

    def move(self, session: Session, values: Array) -> None:
        """Other values for the fitted sliders of a running instance."""
        for path, value in zip(self.paths, values, strict=True):
            session.set(path, float(value))

    def compute(self, session: Session, given: Array, count: int) -> tuple[Array, Array]:
        """The next outputs (outputs, count) and partials (outputs, P, count) of an instance."""
        return self.split(session.compute(_input_or_none(given), count))

    def split(self, signals: Signals) -> tuple[Array, Array]:
        """Outputs and partials, one after the other in a differentiated program, apart."""
        if not self.partials:
            outputs = np.asarray(signals[: self.source.outputs], float)
            return outputs, np.zeros((len(outputs), 0, outputs.shape[1]))
        wide = np.asarray(signals, float).reshape(self.source.outputs, 1 + len(self.paths), -1)
        return wide[:, 0], wide[:, 1:]

    def sums(
        self,
        values: Array,
        examples: Sequence[Example],
        losses: Sequence[Loss],
        *,
        frames: int | None = None,
        curvature: bool = True,
    ) -> list[Sums]:
        """Each loss with its derivatives, over the first `frames` of each example.

        `values` are those of the P sliders and then, if they are sought as well, the latency of
        each example in samples, beyond its `advance`.
        """
        count, sliders = len(values), len(self.paths)
        if self.adjoint and count == sliders and not (curvature and self.partials):
            self.frames += sum(min(one.frames, frames or one.frames) for one in examples)
            return self.adjoint.sums(values, examples, losses, frames)
        meters = [one.meter(self.source.outputs, count, curvature=curvature) for one in losses]
        wrong = energy = 0.0
        with np.errstate(all="ignore"):
            for index, one in enumerate(examples):
                column = sliders + index if count > sliders else None
                latency = None if column is None else float(values[column])
                position = 0
                for output, partials, target, slope in self.runs(
                    values[:sliders], one, frames, latency
                ):
                    if column is not None:
                        more = np.zeros((len(output), count - sliders, output.shape[1]))
                        # The residual is output minus target, which moves the other way.
                        more[:, index] = -slope
                        partials = np.concatenate([partials, more], axis=1)
                    skipped = min(max(0, one.first - position), output.shape[1])
                    position += output.shape[1]
                    if skipped == output.shape[1]:
                        continue
                    if skipped:
                        output, target = output[:, skipped:], target[:, skipped:]
                        partials = partials[..., skipped:]
                    residual = output - target
                    wrong += float(np.vdot(residual, residual))
                    energy += float(np.vdot(target, target))
                    if not np.isfinite(wrong):
                        return [_nothing(count)] * len(losses)
                    for meter in meters:
                        meter.feed(output, target, partials)
                for meter in meters:
                    meter.end()
            error = wrong / energy if energy else np.inf
            return [Sums(*meter.sums(), error) for meter in meters]


_models: dict[tuple[object, ...], Model] = {}


def model_of(source: DualSource) -> Model:
    """The model of a source, compiled once per process."""
    settings = tuple(sorted(source.settings.items()))
    key = (source.text, source.compiler, source.include, settings, source.reverse is None)
    if key not in _models:
        _models[key] = Model(source)
    return _models[key]


def _input_or_none(given: Array) -> Array | None:
    return given if len(given) else None


def compile_program(
    text: str, compiler: Compiler, include: Sequence[Path], cache: Path | None = None
) -> Program:
    """A program in double precision, or without g++ in the interpreter, which knows single only."""
    double = shutil.which("g++") is not None
    return build(text, compiler=compiler, include=include, double=double, fast=True, cache=cache)


def _nothing(count: int) -> Sums:
    nowhere = np.full(count, np.nan)
    return Sums(np.inf, nowhere, np.full((count, count), np.nan), np.inf)
