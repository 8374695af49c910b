"""Interval arithmetic: between which numbers a result stays, by the bounds of what it is made of.

What is not known is unbounded. A bound may be too wide, never too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

#: The least and the greatest number.
Interval = tuple[float, float]

EVERYTHING: Interval = (-math.inf, math.inf)


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
