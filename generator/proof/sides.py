"""Numbers held against each other: equal, apart, or tending to one limit; and as text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb

from .contexts import float_of

#: A residual is 0 if its ball holds 0 and is this small beside the formula.
ZERO_TOLERANCE = arb("1e-150")
#: ... or, where both are 0 to rounding, this small.
ROUNDING_AT_ZERO = arb("1e-170")
#: What rounding leaves of a slope of size 1 next to a border.
SLOPE_ROUNDING = arb("1e-100")
#: Distances from a border at which both sides are looked at, as powers of a tenth.
NEAREST = 15
DISTANCES = (1, 2, 3, 6, 9, 12, NEAREST)


@dataclass(frozen=True)
class Side:
    """One side of a border: the value next to it, and the slope at two distances."""

    value: Any
    far: Any
    near: Any
    jumps: bool
    infinite: bool
    bounded: bool

    @property
    def margin(self) -> Any:
        """How far the slope may still be from its limit."""
        return 10 * abs(self.near - self.far)

    def joins(self, other: Side) -> bool:
        """Whether both sides tend to one slope."""
        gap, before = abs(self.near - other.near), abs(self.far - other.far)
        rounding = SLOPE_ROUNDING * (1 + abs(self.near) + abs(other.near))
        return bool(gap <= self.margin + other.margin + rounding or gap < before / 100)

    def meets(self, stated: Any) -> bool:
        """Whether the slope tends to what is stated."""
        gap, before = abs(self.near - stated), abs(self.far - stated)
        return bool(gap <= self.margin + SLOPE_ROUNDING * (1 + abs(stated)) or gap < before / 100)


def same(expected: Any, stated: Any) -> bool:
    """Whether two finite numbers are equal to 150 digits."""
    if not (expected.is_finite() and stated.is_finite()):
        return False
    return near(expected, stated, ZERO_TOLERANCE)


def near(a: Any, b: Any, tolerance: Any) -> bool:
    """Whether the ball of a difference holds 0 and is small beside the two."""
    gap = a - b
    if not gap.contains(0):
        return False
    most = gap.abs_upper()
    if most < tolerance * abs(a).abs_lower():
        return True
    size = max(abs(a).abs_lower(), abs(b).abs_lower(), key=float_of)
    if size == 0:
        return bool(most < ROUNDING_AT_ZERO)
    return bool(most < tolerance * size)


def apart(a: Any, b: Any) -> bool:
    """Whether two balls have no number in common."""
    return bool(a - b > 0 or a - b < 0)


def distinct(zeros: Sequence[Any]) -> list[Any]:
    """Each number once."""
    points: list[Any] = []
    for zero in zeros:
        if not any(
            zero == other or abs(zero - other) < ZERO_TOLERANCE * abs(zero) for other in points
        ):
            points.append(zero)
    return points


def both_sides(zero: Any, distances: Sequence[int]) -> Iterator[Any]:
    """Places on both sides of a zero, from a tenth of its size to a millionth of a millionth."""
    size = abs(zero).mid() if abs(zero) > 1 else arb(1)
    for digits, side in itertools.product(distances, (1, -1)):
        yield (zero + side * size / arb(10) ** digits).mid()
    if zero == 0:
        yield from (side * arb("1e-100").mid() for side in (1, -1))
    elif abs(zero) < 1:
        yield from ((zero * factor).mid() for factor in (arb(1.001), arb(0.999), arb(2), arb(0.5)))


def geometric(a: Any, b: Any) -> Any:
    """A number between two of the same sign, in the middle of their magnitudes."""
    if a > 0:
        return (a * b).sqrt()
    return -(a * b).sqrt() if b < 0 else (a + b) / 2


def short_text(value: Any) -> str:
    """A number with six digits."""
    return f"{float(value):.6g}"


def distinct_texts(*values: Any) -> tuple[str, ...]:
    """Numbers with 12 digits, or with as many as it takes to tell them apart."""
    shown: tuple[str, ...] = ()
    for digits in (12, 17, 25, 40, 80, 160):
        shown = tuple(_number_text(value, digits) for value in values)
        if len(set(shown)) == len(shown):
            break
    return shown


def _number_text(value: Any, digits: int) -> str:
    if not value.is_finite():
        return "nan"
    mantissa, e, exponent = str(value.mid().str(digits, radius=False)).partition("e")
    if "." in mantissa:
        whole, _, fraction = mantissa.partition(".")
        mantissa = f"{whole}.{fraction.rstrip('0') or '0'}"
    return mantissa + e + exponent if "." in mantissa or e else f"{mantissa}.0"


def place_text(place: Mapping[str, Any]) -> str:
    """A place as text, `x=2, y=0.5`."""
    return ", ".join(f"{name}={float(value):.9g}" for name, value in place.items())
