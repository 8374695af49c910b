"""Interval arithmetic: between which numbers a result stays, by the bounds of what it is made of.

What is not known is unbounded. A bound may be too wide, never too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

#: The least and the greatest number.
Interval = tuple[float, float]

EVERYTHING: Interval = (-math.inf, math.inf)

#: Ends are further out than computed, by this part: a program may round in single precision.
ROUNDING_PART = 1e-6


def hull(*intervals: Interval) -> Interval:
    """The narrowest interval that holds them all."""
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def by_corners(operation: Callable[[float, float], float], a: Interval, b: Interval) -> Interval:
    """Of an operation whose extremes are at ends of both, such as a product."""
    if not all(map(math.isfinite, (*a, *b))):
        return EVERYTHING
    try:
        results = [operation(x, y) for x in a for y in b]
    except (ArithmeticError, ValueError):
        return EVERYTHING
    return min(results), max(results)


def outwards(a: Interval) -> Interval:
    """An interval a little wider, for what may be rounded."""
    low, high = (ROUNDING_PART * abs(end) if math.isfinite(end) else 0.0 for end in a)
    return a[0] - low, a[1] + high


def power(a: Interval, b: Interval) -> Interval:
    """Of a to the power of b."""
    positive = a[0] > 0 or (a[0] == 0 and b[0] >= 0)
    whole = b[0] == b[1] >= 0 and b[0] == math.floor(b[0])
    if not positive and not whole:
        return EVERYTHING
    corners = by_corners(pow, a, b)
    # An even power is least at 0.
    return outwards(hull(corners, (0.0, 0.0)) if a[0] <= 0 <= a[1] and b[0] else corners)


def growing(function: Callable[[float], float], least: float = 0.0) -> Callable[..., Interval]:
    """The intervals of a function that grows without end from where it begins, `least`."""

    def end(x: float) -> float:
        if x == math.inf:
            return x
        try:
            return function(x)
        except ValueError:
            return -math.inf

    def bounds(a: Interval) -> Interval:
        if a[1] < least:
            return EVERYTHING
        return outwards((end(max(a[0], least)), end(a[1])))

    return bounds


def quotient(a: Interval, b: Interval) -> Interval:
    """Of a / b."""
    return EVERYTHING if b[0] <= 0 <= b[1] else by_corners(lambda x, y: x / y, a, b)


def absolute(a: Interval) -> Interval:
    """Of the absolute value."""
    low = 0.0 if a[0] <= 0 <= a[1] else min(map(abs, a))
    return low, max(map(abs, a))


def remainder(a: Interval, b: Interval) -> Interval:
    """Of what is left of a, with its sign, when it is divided by b."""
    most = max(map(abs, b))
    return (0.0 if a[0] >= 0 else -most, most)


def mask(a: Interval, b: Interval) -> Interval:
    """Of the bits that two integers share, one of which is known not to be negative."""
    highs = [high for low, high in (a, b) if low >= 0]
    return (0.0, min(highs)) if highs else EVERYTHING
