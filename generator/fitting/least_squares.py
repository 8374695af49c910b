"""Levenberg-Marquardt within bounds, on sums instead of residuals.

SciPy's `least_squares` wants the whole Jacobian, which grows with the recording. Here each pass
leaves only the normal equations, P x P. The step solves, within the bounds,

    min |R s + R^-T g|^2 + damping |D s|^2    with R^T R = H, D^2 = diag(H),

by SciPy's `lsq_linear`; the damping follows Nielsen, "Damping parameter in Marquardt's method"
(1999), with Marquardt's scaling (1963).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .losses import Sums

Array = NDArray[np.float64]
Objective = Callable[[Array], Sums]

#: What is explained up to this part of the target's energy is explained.
EXPLAINED_ENERGY = 1e-18


@dataclass(frozen=True)
class Worth:
    """What a step must promise to be worth a pass.

    A `gain`, as a part of the loss, and that it moves a parameter by more than a part of its range.
    """

    gain: float
    move: float


#: With N samples of noise, such a gain is a small part of the standard error of the parameters:
#: sqrt(N) times less.
OF_SAMPLES = Worth(1e-9, 1e-10)
#: Where phases are unknown, spectra that match are never the same, and have many corners.
OF_SPECTRA = Worth(1e-3, 1e-7)


@dataclass(frozen=True)
class Point:
    """Where the search stands: `units` (P,), the sums there, and the damping for the next step."""

    units: Array
    sums: Sums
    damping: float
    growth: float = 2.0
    ending: str = ""


def step(point: Point) -> Array:
    """The next step (P,), which stays within 0..1."""
    sums = point.sums
    scale = np.sqrt(np.maximum(np.diag(sums.curvature), 0.0))
    if not scale.any():
        return np.zeros_like(point.units)
    scale = np.maximum(scale, 1e-9 * float(scale.max()))
    scaled = sums.curvature / np.outer(scale, scale)
    sizes, axes = np.linalg.eigh(scaled)
    # What is not known from here, to the precision of the sums, is left alone.
    known = sizes > 1e-14 * float(sizes.max())
    roots = np.sqrt(np.where(known, sizes, 1.0))
    factor = roots[:, None] * axes.T
    factor[~known] = 0.0
    right = np.where(known, -(axes.T @ (sums.gradient / scale)) / roots, 0.0)
    system = np.concatenate([factor, np.sqrt(point.damping) * np.eye(len(scale))])
    low, high = -point.units * scale, (1.0 - point.units) * scale
    low, high = np.minimum(low, -1e-300), np.maximum(high, 1e-300)
    wanted = np.concatenate([right, np.zeros(len(scale))])
    solution = np.linalg.lstsq(system, wanted, rcond=-1)[0]
    if not ((low <= solution) & (solution <= high)).all():
        from scipy.optimize import lsq_linear

        solution = lsq_linear(system, wanted, (low, high)).x
    return np.asarray(np.clip(point.units + solution / scale, 0.0, 1.0) - point.units, float)


def expected_gain(point: Point, move: Array) -> float:
    """By how much the step `move` should lower the loss."""
    sums = point.sums
    return float(-(sums.gradient @ move + move @ sums.curvature @ move / 2))


def stop_reason(point: Point, move: Array, worth: Worth = OF_SAMPLES) -> str:
    """Why the search ends here instead of taking the step `move`, or nothing."""
    if not point.sums.finite:
        return "the program diverges"
    if point.sums.error <= EXPLAINED_ENERGY:
        return "the target is explained"
    if expected_gain(point, move) <= worth.gain * point.sums.loss:
        return "no step improves the loss"
    if np.abs(move).max() < worth.move:
        return "the parameters rest"
    return ""


def next_point(point: Point, move: Array, sums: Sums) -> Point:
    """The next point, given the sums after the step `move`: there, or here with more damping."""
    change = point.sums.loss - sums.loss
    if sums.finite and change > 0:
        quality = change / expected_gain(point, move)
        shrink = max(1 / 3, 1 - (2 * quality - 1) ** 3)
        return Point(point.units + move, sums, max(point.damping * shrink, 1e-12))
    return Point(point.units, point.sums, point.damping * point.growth, point.growth * 2)


def minimize(objective: Objective, start: Point, worth: Worth = OF_SAMPLES) -> Iterator[Point]:
    """The points after each evaluation of `objective`; a rejected step repeats its point.

    The last one is `ending` and says why.
    """
    point = start
    while True:
        move = step(point) if point.sums.finite else np.zeros_like(point.units)
        if reason := stop_reason(point, move, worth):
            yield replace(point, ending=reason)
            return
        point = next_point(point, move, objective(point.units + move))
        yield point
