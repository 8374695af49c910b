"""Central differences of a program by one slider, with a bound on how wrong they are.

The derivative of an output y by a slider p is estimated by the five-point formula

    D(h) = (8 (y(p + h) - y(p - h)) - (y(p + 2h) - y(p - 2h))) / (12 h),

whose error is of order h^4 (Fornberg, "Generation of finite difference formulas on arbitrarily
spaced grids", 1988), at steps that are each a tenth of the one before. Two errors are known: of
truncation, by how far neighbouring steps are apart, and of rounding, which the program itself
shows, divided by the step. Their sum is the bound. A coarse step counts only where finer ones do
not contradict it, so that what wiggles within a step is not smoothed away; how far it is from the
finest one, beyond rounding, is a part of the bound. What lies between the two sides of the finest
step, within its rounding, is not excluded by coarser ones (`Difference.contests`).

Where the slider stands at a kink, the two one-sided differences stay apart however small the step.
Where it stands at a jump, one of them grows as the step shrinks, and the other is the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: How well outputs are known at best, relative to their greatest magnitude; and how much more than
#: three runs show rounding may be.
NOISE, NOISE_AMPLIFICATION = 1e-13, 4
#: The most rounding, relative to the output, with which a derivative can be told from 0.
MAX_NOISE = 1e-9
#: Each step is this part of the one before; there are so many.
RATIO, STEPS = 0.1, 4
#: The steps that are tried first.
FIRST_STEPS = slice(1, 3)


@dataclass(frozen=True)
class Difference:
    """The derivative of each output over time, arrays (outputs, frames).

    `bound` says how far `value` may be from the truth, infinite where that is not known. `zero`
    (outputs, 1) is how large a derivative can seem that is 0. At a kink `below` and `above` are the
    one-sided derivatives, elsewhere not a number. `jumps` says where the value is that of one side,
    since the other one jumps. `least` and `greatest` are what the sides of the finest step allow,
    its rounding included.
    """

    value: Array
    bound: Array
    zero: Array
    below: Array
    above: Array
    jumps: Mask
    least: Array
    greatest: Array

    def contests(self, partial: Array, tolerance: float) -> Mask:
        """Where `value` excludes a partial (outputs, frames) that the finest step allows.

        A kink may be nearer than that step: then both sides are a derivative somewhere in it.
        """
        with np.errstate(invalid="ignore"):
            allowed = tolerance * np.abs(partial).max(axis=1, keepdims=True, initial=0.0)
            excluded = np.abs(partial - self.value) > allowed + 2 * self.bound
            near = (partial >= self.least - allowed) & (partial <= self.greatest + allowed)
        return np.asarray(excluded & near)


@dataclass(frozen=True)
class _Level:
    step: float
    slope: Array
    below: Array
    above: Array


def difference(
    run: Callable[[float], Array], value: float, step: float, enough: Callable[[Difference], bool]
) -> Difference:
    """The derivative of `run` at `value`; `step` is the greatest step.

    `run` gives the outputs (outputs, frames) for a value. Two of the steps are tried first, and the
    others if those are not `enough`.
    """
    here = run(value)
    steps = [step * RATIO**place for place in range(STEPS)]
    magnitude = np.abs(here).max(axis=1, keepdims=True, initial=0.0)
    noise = np.maximum(NOISE * magnitude, rounding_of(run, value, steps[-1]))
    # What is larger is no rounding: nothing is known then, least of all that a derivative is 0.
    zero = np.minimum(noise, MAX_NOISE * magnitude) / step
    levels = {size: _level(run, here, value, size) for size in steps[FIRST_STEPS]}
    estimate = _combine([levels[size] for size in steps[FIRST_STEPS]], noise, zero)
    if enough(estimate):
        return estimate
    levels |= {size: _level(run, here, value, size) for size in steps if size not in levels}
    return _combine([levels[size] for size in steps], noise, zero)


def rounding_of(run: Callable[[float], Array], value: float, step: float, count: int = 3) -> Array:
    """How far rounding moves the outputs (outputs, 1), as the program itself shows.

    Runs whose sliders are a hundredth of `step` apart lie on a line, three at a time, but for
    rounding: that of signals, which filters with poles near 1 amplify, and that of coefficients
    such as those poles, of which a shorter way would show nothing.
    """
    with np.errstate(all="ignore"):
        runs = np.array([run(value + step * (1 + place / 100)) for place in range(count)])
        off = np.abs(np.diff(runs, n=2, axis=0)).max(axis=(0, 2), initial=0.0) / 2
    return np.asarray(NOISE_AMPLIFICATION * off[:, None])


def _level(run: Callable[[float], Array], here: Array, value: float, step: float) -> _Level:
    far_below, below, above, far_above = (run(value + k * step) for k in (-2, -1, 1, 2))
    with np.errstate(all="ignore"):
        slope = (8 * (above - below) - (far_above - far_below)) / (12 * step)
        # One-sided, to the second order.
        left = (3 * here - 4 * below + far_below) / (2 * step)
        right = (4 * above - far_above - 3 * here) / (2 * step)
    return _Level(step, slope, left, right)


def _combine(levels: list[_Level], noise: Array, zero: Array) -> Difference:
    """The best of what neighbouring steps say; `levels` has the greatest step first."""
    with np.errstate(all="ignore"):
        value, bound = _extrapolate(levels[-2], levels[-1], noise)
        for coarse, fine in zip(levels[-3::-1], levels[-2:0:-1], strict=True):
            other, its_bound = _extrapolate(coarse, fine, noise)
            better = (its_bound < bound) & (np.abs(other - value) <= its_bound + bound)
            value, bound = np.where(better, other, value), np.where(better, its_bound, bound)
        kinked, below, above = _kinks(levels, noise)
        jumps = np.zeros(value.shape, bool)
        for coarse, fine in pairwise(levels):
            side, its_bound, jumped = _slope_beside_jump(coarse, fine, noise)
            better = jumped & (its_bound < bound)
            value, bound = np.where(better, side, value), np.where(better, its_bound, bound)
            jumps |= better
        bound = np.fmax(bound, _excess_error(value, jumps, levels[-1], noise))
    bound = np.where(np.isfinite(bound) & np.isfinite(value) & ~kinked, bound, np.inf)
    finest, rounding = levels[-1], noise / levels[-1].step
    least = np.fmin(finest.below, finest.above) - rounding
    greatest = np.fmax(finest.below, finest.above) + rounding
    return Difference(value, _widen(bound), zero, below, above, jumps, least, greatest)


def _excess_error(value: Array, jumps: Mask, finest: _Level, noise: Array) -> Array:
    """How far the finest step is from a derivative, beyond what rounding explains.

    Coarser steps may agree with each other and be wrong alike: that of a signal that has passed a
    kink, in a delay that moves, holds a part of both sides until the step is shorter than the way
    to the kink.
    """
    away = np.fmin(np.abs(value - finest.below), np.abs(value - finest.above))
    away = np.where(jumps, away, np.abs(value - finest.slope))
    return np.asarray(away - np.where(jumps, 4, 1) * noise / finest.step)


def _extrapolate(coarse: _Level, fine: _Level, noise: Array) -> tuple[Array, Array]:
    apart = np.abs(coarse.slope - fine.slope)
    truncated = apart > 2 * noise / fine.step
    rounding = noise / np.where(truncated, fine.step, coarse.step)
    # At a kink within the step, sides do not come together as the square of the step.
    wide, narrow = np.abs(coarse.above - coarse.below), np.abs(fine.above - fine.below)
    bent = np.where(narrow > np.maximum(0.05 * wide, 16 * noise / fine.step), narrow, 0.0)
    return np.where(truncated, fine.slope, coarse.slope), apart + rounding + bent


def _slope_beside_jump(coarse: _Level, fine: _Level, noise: Array) -> tuple[Array, Array, Mask]:
    """The slope of the side that does not jump, how well it is known, and where the other jumps."""
    apart = [np.abs(coarse.below - fine.below), np.abs(coarse.above - fine.above)]
    right = apart[1] < apart[0]
    rounding = 4 * noise / fine.step
    # A jump over a step that is a tenth is ten times the slope.
    wide, narrow = np.abs(coarse.above - coarse.below), np.abs(fine.above - fine.below)
    jumped = (narrow > 0.5 / RATIO * wide) & (narrow > 100 * rounding)
    return np.where(right, fine.above, fine.below), np.minimum(*apart) + rounding, jumped


def _kinks(levels: list[_Level], noise: Array) -> tuple[Mask, Array, Array]:
    """Where the sides stay apart as the step shrinks, and their slopes there."""
    coarse, fine = levels[-3:-1] if len(levels) > 2 else levels
    wide, narrow = np.abs(coarse.above - coarse.below), np.abs(fine.above - fine.below)
    slope = np.maximum(np.abs(fine.above), np.abs(fine.below))
    far = narrow > np.maximum(1e-4 * slope, 20 * noise / fine.step)
    settled = np.abs(wide - narrow) <= 0.1 * narrow
    kinked = far & settled
    return kinked, np.where(kinked, fine.below, np.nan), np.where(kinked, fine.above, np.nan)


def _widen(bound: Array) -> Array:
    """The bounds, each at least that of its neighbours: two steps may agree by chance."""
    wide = bound.copy()
    wide[:, 1:] = np.maximum(wide[:, 1:], bound[:, :-1])
    wide[:, :-1] = np.maximum(wide[:, :-1], bound[:, 1:])
    return wide
