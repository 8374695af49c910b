"""Sliders as numbers between 0 and 1, in which they are optimized.

A slider marked `[scale:log]` is spaced by ratios: p = min (max / min)^u. Any other is spaced
evenly: p = min + (max - min) u. So all parameters have the same range, and a filter's cutoff can be
found over three decades. Where a logarithmic range reaches 0 or below, p + shift is spaced by
ratios, shifted by so much that it begins at a thousandth of the range's width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..autodiff import Parameter
from ..errors import InputError, Place, Problem

Array = NDArray[np.float64]


#: Where a logarithmic range that reaches 0 begins, as a part of its width.
LOG_FLOOR = 1e-3


class Scales:
    """The ranges of P sliders. Raises `InputError` for one that has no range."""

    def __init__(self, params: Sequence[Parameter], file: str) -> None:
        problems = []
        for one in params:
            if not one.max > one.min:
                what = f"the slider '{one.label}' has no range: {one.min:g} to {one.max:g}"
                problems.append(Problem(Place(file), what, "widen it, or leave it out"))
        if problems:
            raise InputError(problems)
        self._low = np.array([one.min for one in params])
        self._high = np.array([one.max for one in params])
        self._log = np.array([one.scale == "log" for one in params], bool)
        begin = np.where(self._low > 0, self._low, LOG_FLOOR * (self._high - self._low))
        self._shift = np.where(self._log, begin - self._low, 0.0)
        ratios = (self._high + self._shift) / np.where(self._log, begin, 1.0)
        self._ratio = np.log(np.where(self._log, ratios, 1.0))

    def values(self, units: ArrayLike) -> Array:
        """The sliders (P,) at `units` (P,), never outside their ranges."""
        units = np.asarray(units, float)
        even = self._low + (self._high - self._low) * units
        begin = self._low + self._shift
        spaced = np.where(self._log, begin * np.exp(self._ratio * units) - self._shift, even)
        spaced = np.where(units >= 1, self._high, spaced)
        return np.asarray(np.clip(spaced, self._low, self._high), float)

    def units(self, values: ArrayLike) -> Array:
        """The inverse of `values`."""
        values = np.clip(np.asarray(values, float), self._low, self._high)
        even = (values - self._low) / (self._high - self._low)
        with np.errstate(divide="ignore", invalid="ignore"):
            above = (values + self._shift) / (self._low + self._shift)
            spaced = np.log(above) / np.where(self._log, self._ratio, 1)
        return np.asarray(np.clip(np.where(self._log, spaced, even), 0.0, 1.0), float)

    def slopes(self, units: ArrayLike) -> Array:
        """The derivatives of `values` by the units (P,)."""
        even = self._high - self._low
        spaced = (self.values(units) + self._shift) * self._ratio
        return np.asarray(np.where(self._log, spaced, even), float)
