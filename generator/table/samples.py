"""Where a row is tried: seeded points, the same for the check and for the compiled tests.

Every coordinate is a number that single precision holds exactly, so both formats see one point.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator, Mapping

import mpmath as mp

from .algebras import Numbers
from .folding import condition, fold
from .model import Primitive

Point = Mapping[str, float]


class NoPointError(ValueError):
    """The stated ranges hold no point of the domain."""


TINY_SAMPLE = 1e-6
#: How far random points keep from the zeros of a row's `avoid` expressions.
AVOID_MARGIN = 1e-3
MAX_DRAWS = 200


def single(value: float) -> float:
    """The nearest number that IEEE single precision holds; infinite where it overflows."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def numbers_at(point: Point) -> Numbers:
    """The algebra of mpmath numbers in which the arguments have the values of a point."""
    return Numbers({name: mp.mpf(value) for name, value in point.items()})


def sample_points(row: Primitive, count: int = 12, attempts: int = MAX_DRAWS) -> list[Point]:
    """At least one point, those of `draw_points`.

    Raises `NoPointError` if the stated ranges hold no point of the domain.
    """
    points = [*draw_points(row, count, attempts)]
    if not points:
        raise NoPointError("no point of the sample ranges lies in the domain")
    return points


def draw_points(row: Primitive, count: int, attempts: int) -> Iterator[Point]:
    """At most `count` random points, then some of any size, tiny and large ones, in the domain.

    A point that is not usable is drawn again, so many times at most.
    """
    source = random.Random(row.name)

    def anywhere(low: float, high: float) -> float:
        return source.uniform(low, high)

    def tiny(low: float, high: float) -> float:
        return source.choice((-1, 1)) * source.uniform(0.5, 1) * TINY_SAMPLE

    def lowest(low: float, high: float) -> float:
        return low + source.uniform(0, 0.02) * (high - low)

    def highest(low: float, high: float) -> float:
        return high - source.uniform(0, 0.02) * (high - low)

    def draw_magnitude(low: float, high: float) -> float:
        """Any order of magnitude down to the margin, so that kinks are approached."""
        furthest = math.log(max(abs(low), abs(high)) / AVOID_MARGIN)
        return source.choice((-1, 1)) * AVOID_MARGIN * math.exp(source.uniform(0, furthest))

    decks = {name: source.sample(v, len(v)) for name, v in row.samples.values.items()}
    wanted = (
        [anywhere] * count + [draw_magnitude] * count + [tiny] * 2 + [lowest] * 2 + [highest] * 2
    )
    for turn, draw in enumerate(wanted):
        for _ in range(attempts):
            point = {
                name: single(draw(*row.samples.ranges[name]))
                if name in row.samples.ranges
                else single(decks[name][turn % len(decks[name])])
                for name in row.args
            }
            if is_usable(row, point):
                yield point
                break


def special_points(row: Primitive) -> list[Point]:
    """The row's edges and poles, as single precision holds them."""
    return [
        {name: single(value) for name, value in point.items()}
        for point in (*row.samples.edges, *row.samples.poles)
    ]


def is_usable(row: Primitive, point: Point) -> bool:
    """Whether a point is inside the ranges and the domain, and clear of what is to be avoided."""
    inside = all(low <= point[name] <= high for name, (low, high) in row.samples.ranges.items())
    if not inside or (row.domain is None and not row.samples.avoid):
        return inside
    algebra = numbers_at(point)
    if row.domain is not None and not condition(row.domain, algebra):
        return False
    return all(abs(fold(avoided, algebra)) > AVOID_MARGIN for avoided in row.samples.avoid)


def is_avoided(row: Primitive, point: Point) -> bool:
    """Whether a point is one at which the value has no derivative in the classical sense."""
    algebra = numbers_at(point)
    if row.tie is not None and condition(row.tie.at, algebra):
        return True
    return any(not abs(fold(avoided, algebra)) > 0 for avoided in row.samples.avoid)
