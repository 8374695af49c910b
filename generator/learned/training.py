"""A program that learns is run, and what its bargraphs show is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, Place, Problem
from ..faust.excitation import Excitation
from ..faust.program import Program
from .values import place_values, short_names

#: The bargraphs of the losses of diff.lib that show no parameter: the loss, and how many steps were
#: no finite numbers and not taken.
LOSS, SKIPPED_STEPS = "loss", "skipped"


@dataclass(frozen=True)
class TrainingResult:
    """What a program has learned: `values` by name, and the mean `losses` of each second.

    `unused` are the names of starting values for which there was no control. `skipped` is how many
    steps were not taken, since they were no finite numbers.
    """

    values: Mapping[str, float]
    losses: tuple[float, ...]
    unused: tuple[str, ...]
    skipped: int = 0

    @property
    def diverged(self) -> tuple[str, ...]:
        """The names of the values that are no finite numbers."""
        return tuple(name for name, value in self.values.items() if not np.isfinite(value))


def train(
    program: Program,
    excitation: Excitation,
    *,
    start: Mapping[str, float] | None = None,
    start_file: str = "",
    file: str = "",
    step: Callable[[float], None] = lambda loss: None,
) -> TrainingResult:
    """Runs a compiled `program` on all of the `excitation`, and reads its bargraphs.

    `start` are values for its sliders, by names as in `values.placed`. The first output is taken as
    the loss, as `df.backprop` gives it; `step` is told its mean after each second. `start_file` and
    `file` stand for the values and the program in messages. Raises `InputError` if the program has
    no bargraphs besides those of the loss, or a starting value has no place, and `FaustError` for a
    program in the interpreter, which keeps no state.
    """
    meters = [control for control in program.controls if control.readonly]
    counters = [meter for meter in meters if meter.label == SKIPPED_STEPS]
    meters = [meter for meter in meters if meter.label not in (LOSS, SKIPPED_STEPS)]
    if not meters:
        what = "no bargraph shows what the program learns"
        hint = 'give the parameters meters, as in df.var(hbargraph("gain", 0, 1), 0)'
        raise InputError([Problem(Place(file), what, hint)])
    session = program.session(sample_rate=excitation.rate)
    unused: list[str] = []
    if start:
        sliders = [control for control in program.controls if not control.readonly]
        numbers, unused = place_values(start, sliders, start_file)
        for index, value in numbers.items():
            session.set(sliders[index].path, value)
    losses = []
    frames = excitation.signals.shape[1]
    for begin in range(0, frames, excitation.rate):
        block = excitation.signals[:, begin : begin + excitation.rate]
        # With no inputs, the block has no rows but still its length.
        outputs = session.compute(block, block.shape[1])
        losses.append(float(outputs[0].mean()) if len(outputs) else 0.0)
        step(losses[-1])
    names = short_names(meters)
    values = {name: session.get(m.path) for name, m in zip(names, meters, strict=True)}
    skipped = sum(int(session.get(counter.path)) for counter in counters)
    return TrainingResult(values, tuple(losses), tuple(unused), skipped)
