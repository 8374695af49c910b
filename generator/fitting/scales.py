"""Sliders as numbers between 0 and 1, in which they are optimized.

A slider marked `[scale:log]` is spaced by ratios: p = min (max / min)^u. Any other is spaced
evenly: p = min + (max - min) u. So all parameters have the same range, and a filter's cutoff can be
found over three decades.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..autodiff import Parameter
from ..errors import InputError, Place, Problem

Array = NDArray[np.float64]


class Scales:
    """The ranges of P sliders. Raises `InputError` for one that has no range, or no logarithm."""

    def __init__(self, params: Sequence[Parameter], file: str) -> None:
        problems = []
        for one in params:
            if not one.max > one.min:
                what = f"the slider '{one.label}' has no range: {one.min:g} to {one.max:g}"
                problems.append(Problem(Place(file), what, "widen it, or leave it out"))
            elif one.scale == "log" and one.min <= 0:
                what = f"the slider '{one.label}' has [scale:log] and a range from {one.min:g}"
                problems.append(Problem(Place(file), what, "let it start above 0"))
        if problems:
            raise InputError(problems)
        self._low = np.array([one.min for one in params])
        self._high = np.array([one.max for one in params])
        self._log = np.array([one.scale == "log" for one in params], bool)
        self._ratio = np.log(np.where(self._log, self._high / np.where(self._log, self._low, 1), 1))

    def values(self, units: ArrayLike) -> Array:
        """The sliders (P,) at `units` (P,), never outside their ranges."""
        units = np.asarray(units, float)
        even = self._low + (self._high - self._low) * units
        spaced = np.where(self._log, self._low * np.exp(self._ratio * units), even)
        spaced = np.where(units >= 1, self._high, spaced)
        return np.asarray(np.clip(spaced, self._low, self._high), float)

    def units(self, values: ArrayLike) -> Array:
        """The inverse of `values`."""
        values = np.clip(np.asarray(values, float), self._low, self._high)
        even = (values - self._low) / (self._high - self._low)
        with np.errstate(divide="ignore", invalid="ignore"):
            spaced = np.log(values / self._low) / np.where(self._log, self._ratio, 1)
        return np.asarray(np.clip(np.where(self._log, spaced, even), 0.0, 1.0), float)

    def slopes(self, units: ArrayLike) -> Array:
        """The derivatives of `values` by the units (P,)."""
        even = self._high - self._low
        return np.asarray(np.where(self._log, self.values(units) * self._ratio, even), float)
