"""Bounds of signals follow from the values of rows, and hold."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from faustdiff.signals.bounds import bounds_of
from faustdiff.table.assembling import built_in_table
from faustdiff.table.folding import fold
from faustdiff.table.intervals import EVERYTHING, Interval
from faustdiff.table.model import Primitive
from faustdiff.table.samples import numbers_at
from faustdiff.table.vocabulary import FUNCTIONS

ROWS = {row.faust: row for row in built_in_table().primitives if row.value and row.args}
POINTWISE = {
    box: row for box, row in ROWS.items() if not row.temporal and "table" not in row.roles.values()
}


def bounds(box: str, *arguments: Interval) -> Interval:
    row = ROWS[box]
    assert row.value is not None
    return bounds_of(row.value.tree, dict(zip(row.args, arguments, strict=True)))


@pytest.mark.parametrize(
    ("box", "arguments", "expected"),
    [
        ("+", [(1, 2), (-3, 5)], (-2, 7)),
        ("-", [(1, 2), (-3, 5)], (-4, 5)),
        ("*", [(-1, 2), (-3, 5)], (-6, 10)),
        ("/", [(1, 2), (2, 4)], (0.25, 1)),
        ("/", [(1, 2), (-2, 4)], EVERYTHING),
        ("min", [(-math.inf, math.inf), (-3, 5)], (-math.inf, 5)),
        ("max", [(-math.inf, math.inf), (-3, 5)], (-3, math.inf)),
        ("%", [(0, math.inf), (64, 64)], (0, 64)),
        ("fmod", [(-1, math.inf), (64, 64)], (-64, 64)),
        ("&", [EVERYTHING, (0, 63)], (0, 63)),
        ("abs", [(-3, 2)], (0, 3)),
        ("mem", [(1, 2)], (0, 2)),
        ("@", [(-2, -1), (0, 9)], (-2, 0)),
        ("prefix", [(5, 5), (1, 2)], (1, 5)),
        ("attach", [(1, 2), EVERYTHING], (1, 2)),
        ("control", [(1, 2), EVERYTHING], (0, 2)),
        ("select2", [(0, 1), (1, 2), (5, 6)], (1, 6)),
        ("select2", [(1, 1), (1, 2), (5, 6)], (5, 6)),
        ("select3", [(0, 2), (1, 2), (5, 6), (7, 9)], (1, 9)),
        ("rdtable", [(8, 8), (-3, 4), EVERYTHING], (-3, 4)),
        ("sin", [EVERYTHING], (-1, 1)),
        ("<", [EVERYTHING, EVERYTHING], (0, 1)),
        ("int", [(-1.5, 2.5)], (-1, 2)),
        ("floor", [(-1.5, 2.5)], (-2, 2)),
        ("ceil", [(-1.5, 2.5)], (-1, 3)),
        ("rint", [(-1.6, 2.4)], (-2, 2)),
        ("^", [(2, 2), (1, 21)], (2, 2**21)),
        ("^", [(0, 0.5), (0, 2)], (0, 1)),
        ("^", [(-3, 2), (2, 2)], (0, 9)),
        ("^", [(-3, 2), (3, 3)], (-27, 8)),
        ("^", [(-3, -2), (0.5, 2)], EVERYTHING),
        ("^", [(0, 2), (-1, 2)], EVERYTHING),
        ("log", [(1, math.e)], (0, 1)),
        ("log", [(0, 1)], (-math.inf, 0)),
        ("log10", [(1e-3, 1e6)], (-3, 6)),
        ("sqrt", [(-1, 4)], (0, 2)),
        ("sqrt", [(1, math.inf)], (1, math.inf)),
        ("sqrt", [(-2, -1)], EVERYTHING),
    ],
)
def test_bounds_of_boxes(box: str, arguments: list[Interval], expected: Interval) -> None:
    low, high = bounds(box, *arguments)
    assert (low, high) == pytest.approx(expected, rel=2e-6)
    assert low <= expected[0] and expected[1] <= high


@pytest.mark.parametrize("row", POINTWISE.values(), ids=lambda row: row.name)
def test_no_value_lies_outside(row: Primitive) -> None:
    """At random points of random intervals; all arguments of an integer role are whole."""
    assert row.value is not None
    draws = random.Random(row.name)
    for _ in range(6):
        intervals: dict[str, Interval] = {}
        for name in row.args:
            low, high = sorted(draws.uniform(-4, 4) for _ in range(2))
            whole = row.roles[name] == "integer"
            intervals[name] = (math.floor(low), math.ceil(high)) if whole else (low, high)
        low, high = bounds_of(row.value.tree, intervals)
        for _ in range(6):
            point = {
                name: draws.randint(int(a), int(b))
                if row.roles[name] == "integer"
                else draws.choice((a, b, draws.uniform(a, b)))
                for name, (a, b) in intervals.items()
            }
            value = fold(row.value, numbers_at(point))
            if math.isfinite(value):
                assert low - 1e-12 <= value <= high + 1e-12, (point, intervals)


def test_functions_that_are_said_to_grow_do() -> None:
    growing = [function for function in FUNCTIONS.values() if function.increasing]
    assert {function.name for function in growing} >= {"exp", "tanh", "cbrt"}
    for function in growing:
        values = [function.number(x / 8) for x in range(-40, 41)]
        assert all(a < b for a, b in itertools.pairwise(values)), function.name
