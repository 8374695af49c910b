"""Partials by reverse mode beside those by forward mode: two transforms that have to agree.

For cotangents w of the outputs, reverse mode gives for each parameter the sum over outputs and
time of w times the partial, which can be taken from forward mode as well. Both read one table of
rules; all else is different: adjoints for tangents, a tape, reversed time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, Place, Problem
from ..faust.excitation import stand_in_sound
from ..signals.sliders import Parameter
from .partial_comparison import DEFAULT_TOLERANCE, PartialComparison
from .trials import Trial
from .vjp import VJP

#: A sum with random weights is some 1/sqrt(samples) of the sum of the magnitudes. By chance it may
#: be less; then an error is one of this part of that sum, far above rounding still.
LEAST_PART = 1e-4


@dataclass(frozen=True)
class ReverseComparison:
    """The sum of w times the partials by one parameter, in both modes.

    `scale` is what a relative error is a part of.
    """

    parameter: Parameter
    forward: float
    reverse: float
    scale: float
    tolerance: float = DEFAULT_TOLERANCE

    @property
    def relative(self) -> float:
        """How far the modes are apart, as a part of `scale`."""
        error = abs(self.forward - self.reverse)
        return error / self.scale if self.scale else (0.0 if error == 0 else np.inf)

    @property
    def agrees(self) -> bool:
        """Whether they are within the tolerance; not if one is not finite."""
        return self.relative <= self.tolerance


def compare_modes(
    trial: Trial,
    reverse: VJP,
    given: Mapping[str, float],
    comparisons: Sequence[Sequence[PartialComparison]],
) -> tuple[ReverseComparison, ...]:
    """The modes beside each other for each parameter, at the settings of its `comparisons`.

    `reverse` has the parameters of `trial`, in the same order; `given` are the settings by path.
    """
    inputs = trial.feed.signals
    shape = (trial.differentiated.outputs, inputs.shape[1])
    weights = np.random.default_rng(0).standard_normal(shape)
    by_settings: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for index, several in enumerate(comparisons):
        settings = {**given, **several[0].moved}
        by_settings.setdefault(tuple(settings.items()), []).append(index)
    opinions: dict[int, ReverseComparison] = {}
    for items, indices in by_settings.items():
        settings = dict(items)
        known = {path: v for path, v in settings.items() if reverse.names.has(path)}
        with reverse.sounding(stand_in_sound()):
            try:
                _, tape = reverse.forward(inputs, known)
            except ValueError as error:
                hint = "reverse mode takes values within the ranges of the sliders"
                raise InputError([Problem(Place("settings"), str(error), hint)]) from None
            found = reverse.backward(tape, weights, inputs=False).sliders
        signals = trial.run_dual(settings)
        for index in indices:
            terms = weights * signals[1 + index :: trial.differentiated.stride]
            total = float(terms.sum())
            opinions[index] = ReverseComparison(
                trial.differentiated.params[index],
                total,
                float(found[reverse.names.params[index]]),
                max(abs(total), LEAST_PART * float(np.abs(terms).sum())),
                trial.tolerance,
            )
    return tuple(opinions[index] for index in range(len(comparisons)))
