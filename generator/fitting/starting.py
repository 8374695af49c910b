"""Where a search begins: where something can be known, as near to the sliders' values as possible.

A partial may vanish at the start alone: a gain of 0 before a product, a clipper that is saturated,
a magnitude at silence. So a slider that has no effect is moved, and looked at again, before it is
called not identifiable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from .identifiability import Unidentifiable, find_unidentifiable
from .losses import Sums
from .objective import Objective

Array = NDArray[np.float64]

#: By how much of its range a slider without effect is moved, up and down.
MOVE_PARTS = (0.03, 0.15, 0.4, 0.7)
#: Other places at which the rank of the Jacobian is looked at.
RANK_PLACES = 4

ALL_IDENTIFIABLE = Unidentifiable()


@dataclass(frozen=True)
class Start:
    """Where to begin, the sums there, sliders that were `moved`, and what stays `unknown`."""

    units: Array
    sums: Sums
    moved: tuple[int, ...] = ()
    unknown: Unidentifiable = ALL_IDENTIFIABLE


def find_start(objective: Objective, units: Array, labels: tuple[str, ...], file: str) -> Start:
    """A start from which the parameters can be known, as near to `units` as there is one.

    Without partials nothing is known about that. Raises `InputError` if the program's output or
    partials are not finite at `units`.
    """
    sums = objective(units)
    require_finite(objective, units, sums, labels, file)
    if not objective.model.partials:
        return Start(units, sums)
    left = find_unidentifiable(sums.curvature)
    if not left:
        return Start(units, sums)
    sliders = len(objective.model.paths)
    idle = tuple(i for i in left.idle if i < sliders)
    if not idle:
        return Start(units, sums, unknown=_unidentifiable_everywhere(objective, units, left))
    best: Start | None = None
    for moved in _moved_places(units, idle):
        trial = objective(moved)
        if not trial.finite:
            continue
        still = find_unidentifiable(trial.curvature)
        fewer = len(still.idle) < len(left.idle)
        if fewer and (best is None or _is_better(still, trial, best)):
            best = Start(moved, trial, tuple(i for i in idle if i not in still.idle), still)
    if best is None:
        return Start(units, sums, unknown=_unidentifiable_everywhere(objective, units, left))
    if best.unknown:
        rest = _unidentifiable_everywhere(objective, best.units, best.unknown)
        best = Start(best.units, best.sums, best.moved, rest)
    return best


def _is_better(still: Unidentifiable, sums: Sums, best: Start) -> bool:
    count, least = len(still.idle), len(best.unknown.idle)
    return count < least or (count == least and sums.loss < best.sums.loss)


def _moved_places(units: Array, idle: tuple[int, ...]) -> list[Array]:
    """Places beside `units`, where the sliders without effect are moved: one by one, and all."""
    groups = [idle] if len(idle) == 1 or len(idle) > 8 else [*((i,) for i in idle), idle]
    places = []
    for group in groups:
        for size in MOVE_PARTS:
            for way in (size, -size):
                at = units.copy()
                at[list(group)] += way
                # Where there is no way on, the other way, by a little more.
                outside = (at < 0) | (at > 1)
                at[outside] = units[outside] - 1.3 * way
                places.append(np.clip(at, 0.0, 1.0))
    return places


def _unidentifiable_everywhere(
    objective: Objective, units: Array, left: Unidentifiable
) -> Unidentifiable:
    """What of `left` stays unknown at other places: a parameter may have no effect here alone."""
    rng = np.random.default_rng(0)
    sliders = len(objective.model.paths)
    for _ in range(RANK_PLACES):
        at = units.copy()
        at[:sliders] = rng.random(sliders)
        sums = objective(at)
        if not sums.finite:
            continue
        left = _common_unidentifiable(left, find_unidentifiable(sums.curvature))
        if not left:
            break
    return left


def _common_unidentifiable(one: Unidentifiable, other: Unidentifiable) -> Unidentifiable:
    """What is unknown in both."""
    # A group at one place may hide behind a parameter without effect at the other.
    together = tuple(g for g in one.together if g in other.together)
    return Unidentifiable(tuple(i for i in one.idle if i in other.idle), together)


def require_finite(
    objective: Objective, units: Array, sums: Sums, labels: tuple[str, ...], file: str
) -> None:
    """Raises `InputError` where the program does not give numbers."""
    if not sums.finite:
        values = objective.scales.values(units)
        at = ", ".join(f"{n} = {v:.6g}" for n, v in zip(labels, values, strict=True))
        what = f"the program diverges: its output or partials are not finite at {at}"
        raise InputError([Problem(Place(file), what, "start from other values")])
