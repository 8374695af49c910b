"""What a row claims of its edges and poles, in both floating-point formats.

At an edge value and partials are finite, at a pole the partials are. Beside every 0 of an edge or
pole stand the smallest numbers of a format: where input and value are finite there, so is the rule.
At an edge the partial in double is near to what it is over the real numbers: where an exponential
becomes 0 by rounding, a condition may take a branch that it never takes over those.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import mpmath as mp

from ..table import rules
from ..table.algebras import Numbers
from ..table.expressions import Expression
from ..table.folding import condition, fold
from ..table.model import Guard, Primitive
from ..table.samples import Point, numbers_at, single, special_points
from ..table.vocabulary import WHERE
from .findings import Finding
from .formats import LEAST_DENORMAL, REAL_DIGITS, ROUNDINGS, Floats, Reals

#: With so many digits, what is rounded to a format afterwards is rounded once.
EDGE_DIGITS = 36
#: How far rounding may take a partial at an edge in double, of its size or 1, and by how much the
#: edge is moved to tell this from a condition that holds on one side of it.
ROUNDING_TOLERANCE, NEARBY = 1e-3, ("0", "1e-3", "-1e-3")


class Edges:
    """The points that a row lists, and the value at each of them, the same for all arguments."""

    def __init__(self, row: Primitive) -> None:
        self.row = row
        self.points = special_points(row)
        self.poles = [{k: single(v) for k, v in pole.items()} for pole in row.samples.poles]
        self.beside = [
            (title, point)
            for title in ROUNDINGS
            for point in _denormal_points(self.points, row, title)
        ]
        self._values: dict[tuple[object, ...], float] = {}

    def objections(self, name: str) -> Iterator[Finding]:
        """What speaks against the rule for one argument."""
        row = self.row
        if row.partials[name] is None or row.temporal:
            return
        partial = rules.partial(row, name)
        for point in self.points:
            yield from self._finite(name, partial, point)
        for title, point in self.beside:
            if row.value is not None and math.isfinite(self._value(title, point)):
                stated = fold(partial, Floats(point, title))
                if not math.isfinite(stated):
                    what = f"the partial is not finite in {title} where the value is"
                    yield _refutation(row, name, what, point, stated)
        yield from _guard(row, name)

    def _finite(self, name: str, partial: Expression, point: Point) -> Iterator[Finding]:
        """Value and partial at an edge (at a pole, the partial) in both formats."""
        row = self.row
        for title in ROUNDINGS:
            stated = fold(partial, Floats(point, title))
            if not math.isfinite(stated):
                what = f"the partial is not finite in {title}"
                yield _refutation(row, name, what, point, stated)
            if point not in self.poles and row.value is not None:
                value = self._value(title, point)
                if not math.isfinite(value):
                    what = f"the value is not finite in {title}: a pole, not an edge"
                    yield _refutation(row, name, what, point, value)
        if point not in self.poles and WHERE in str(partial):
            yield from _near_real(row, name, partial, point)

    def _value(self, title: str, point: Point) -> float:
        key = title, *point.values()
        if key not in self._values:
            assert self.row.value is not None
            self._values[key] = fold(self.row.value, Floats(point, title))
        return self._values[key]


def tie_is_met(row: Primitive) -> bool:
    """Whether an edge lies on the tie, so that it is tested in compiled programs too."""
    return row.tie is None or any(condition(row.tie.at, numbers_at(p)) for p in special_points(row))


def _near_real(row: Primitive, name: str, partial: Expression, point: Point) -> Iterator[Finding]:
    """The partial in double against the real numbers, at an edge and on both sides of it."""
    stated = expected = mp.mpf(0)
    for step in NEARBY:
        moved = {key: float(value * (1 + mp.mpf(step))) for key, value in point.items()}
        stated = fold(partial, Floats(moved, "double"))
        with mp.workdps(REAL_DIGITS):
            expected = fold(partial, Reals({key: mp.mpf(value) for key, value in moved.items()}))
        if not abs(stated - expected) > ROUNDING_TOLERANCE * max(1, abs(expected)):
            return
    what = "rounding in double takes the partial away from what it is over the real numbers"
    expected_text, stated_text = (str(mp.nstr(mp.mpf(one), 12)) for one in (expected, stated))
    yield Finding(row, name, "refuted", what, dict(point), expected_text, stated_text)


def _denormal_points(points: Sequence[Point], row: Primitive, title: str) -> Iterator[Point]:
    """The edges and poles with each 0 replaced by the least numbers of a format."""
    least = LEAST_DENORMAL[title]
    seen: set[tuple[tuple[str, float], ...]] = set()
    for point in points:
        zeros = [n for n, v in point.items() if v == 0 and row.roles[n] == "signal"]
        choices = itertools.product((0.0, least, -least), repeat=len(zeros))
        for values in itertools.islice(choices, 27):
            moved = {**point, **dict(zip(zeros, values, strict=True))}
            key = tuple(moved.items())
            if any(values) and key not in seen:
                seen.add(key)
                yield moved


def _guard(row: Primitive, name: str) -> Iterator[Finding]:
    """A guard that no edge or pole sets off is not tested; its operands are inside the domain."""
    guard = row.guard_of(name)
    if guard is None:
        return
    outside = [p for p in special_points(row) if not condition(guard.when, numbers_at(p))]
    if not outside:
        what = f"no edge or pole is outside the guard {guard.when}"
        yield Finding(row, name, "refuted", what)
    stated = rules.plain_partial(row, name)
    for point in outside:
        yield from _safe(row, name, stated, guard, point)


def _safe(
    row: Primitive, name: str, stated: Expression, guard: Guard, point: Point
) -> Iterator[Finding]:
    at = {n: mp.mpf(v) for n, v in point.items()}
    at |= {n: fold(e, Numbers({})) for n, e in guard.safe.items()}
    value = fold(stated, Reals(at))
    if not mp.isfinite(value):
        what = "the formula is not finite on the operands that the guard calls safe"
        yield _refutation(row, name, what, point, value)


def _refutation(row: Primitive, name: str, what: str, point: Point, stated: Any) -> Finding:
    shown = str(mp.nstr(mp.mpf(stated), 12))
    return Finding(row, name, "refuted", what, dict(point), "a finite number", shown)
