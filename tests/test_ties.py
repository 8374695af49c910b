"""At a kink every row takes the slope on the same side, so that kinks which cancel leave a slope.

The rule: from below, where the first argument comes from below the second, or from below 0. It is
the side on which `x > y` is at x == y.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import mpmath as mp
import pytest

from faustdiff.table.algebras import Numbers
from faustdiff.table.assembling import built_in_table
from faustdiff.table.folding import fold
from faustdiff.table.model import Primitive

ROWS = {row.name: row for row in built_in_table().primitives}
KINKED = [row for row in ROWS.values() if row.tie]
#: A loss is least at its kink, and is left alone there.
LOSSES = {"absolute_error"}
Point = Mapping[str, float]


def partial(row: Primitive, name: str, point: Point) -> float:
    expression = row.partials[name]
    return 0.0 if expression is None else float(fold(expression, Numbers(point)))


@pytest.mark.parametrize("row", [r for r in KINKED if r.name not in LOSSES], ids=lambda r: r.name)
def test_a_tie_is_the_slope_from_below(row: Primitive) -> None:
    for edge in row.samples.edges:
        point = {name: mp.mpf(value) for name, value in edge.items()}
        first = row.args[0]
        below = {**point, first: point[first] - mp.mpf("1e-30")}
        for name in row.args:
            with mp.workdps(50):
                assert partial(row, name, point) == partial(row, name, below), (edge, name)


def dual_max(x: float, y: float, dx: float, dy: float) -> float:
    point = {"x": x, "y": y}
    return partial(ROWS["max"], "x", point) * dx + partial(ROWS["max"], "y", point) * dy


def dual_min(x: float, y: float, dx: float, dy: float) -> float:
    point = {"x": x, "y": y}
    return partial(ROWS["min"], "x", point) * dx + partial(ROWS["min"], "y", point) * dy


def dual_abs(x: float, dx: float) -> float:
    return partial(ROWS["abs"], "x", {"x": x}) * dx


def dual_above(x: float, y: float, then: float, other: float) -> float:
    """The tangent of select2(x > y, ..., ...)."""
    return then if x > y else other


IDENTITIES: dict[str, tuple[Callable[..., float], Callable[..., float]]] = {
    "max + min": (
        lambda x, y, dx, dy: dual_max(x, y, dx, dy) + dual_min(x, y, dx, dy),
        lambda x, y, dx, dy: dx + dy,
    ),
    "max by abs": (
        dual_max,
        lambda x, y, dx, dy: (dx + dy + dual_abs(x - y, dx - dy)) / 2,
    ),
    "min by abs": (
        dual_min,
        lambda x, y, dx, dy: (dx + dy - dual_abs(x - y, dx - dy)) / 2,
    ),
    "max by a choice": (dual_max, lambda x, y, dx, dy: dual_above(x, y, dx, dy)),
    "min by a choice": (dual_min, lambda x, y, dx, dy: dual_above(x, y, dy, dx)),
    "abs by max": (
        lambda x, y, dx, dy: dual_abs(x - y, dx - dy),
        lambda x, y, dx, dy: dual_max(x - y, y - x, dx - dy, dy - dx),
    ),
    "abs and its sign": (
        lambda x, y, dx, dy: (1 if x > y else -1) * dual_abs(x - y, dx - dy),
        lambda x, y, dx, dy: dx - dy,
    ),
    "relu": (
        lambda x, y, dx, dy: partial(ROWS["relu"], "x", {"x": x - y}) * (dx - dy),
        lambda x, y, dx, dy: dual_max(x - y, 0, dx - dy, 0),
    ),
    "copysign": (
        lambda x, y, dx, dy: partial(ROWS["copysign"], "x", {"x": x - y, "y": 1.0}) * (dx - dy),
        lambda x, y, dx, dy: dual_abs(x - y, dx - dy),
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_what_is_equal_has_equal_tangents_also_at_a_tie(name: str) -> None:
    one, other = IDENTITIES[name]
    for x, y in ((0.0, 0.0), (1.5, 1.5), (1.0, 2.0), (2.0, 1.0)):
        for dx, dy in ((1.0, 0.0), (0.0, 1.0), (0.3, -0.7)):
            assert one(x, y, dx, dy) == pytest.approx(other(x, y, dx, dy), abs=1e-15)
