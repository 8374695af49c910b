"""What a row claims of its edges and poles, in both floating-point formats.

At an edge value and partials are finite, at a pole the partials are. Beside every 0 of an edge or
pole stand the smallest numbers of a format: where input and value are finite there, so is the rule.
At an edge the partial in double is near to what it is over the real numbers: where an exponential
becomes 0 by rounding, a condition may take a branch that it never takes over those.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
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

NUMBER_FORMATS: Mapping[str, Callable[[Any], Any]] = {
    "double": lambda value: mp.mpf(float(value)),
    "single": lambda value: mp.mpf(single(float(value))),
}
#: With so many digits, what is rounded to a format afterwards is rounded once.
EDGE_DIGITS = 36
#: So many stand for the real numbers: 1 - tanh(x) is not 0 up to x = 68.
REAL_DIGITS = 60
#: How far rounding may take a partial at an edge in double, of its size or 1, and by how much the
#: edge is moved to tell this from a condition that holds on one side of it.
ROUNDING_TOLERANCE, NEARBY = 1e-3, ("0", "1e-3", "-1e-3")
#: The least number above 0 of each format.
LEAST_DENORMAL: Mapping[str, float] = {"double": 5e-324, "single": single(1.5e-45)}


def objections(row: Primitive, name: str) -> Iterator[Finding]:
    """What speaks against the rule for one argument at the points that the row lists."""
    if row.partials[name] is None or row.temporal:
        return
    partial = rules.partial(row, name)
    for point in special_points(row):
        yield from _finite(row, name, partial, point)
    for title in NUMBER_FORMATS:
        for point in _denormal_points(row, title):
            yield from _finite_beside(row, name, partial, point, title)
    yield from _guard(row, name)


def tie_is_met(row: Primitive) -> bool:
    """Whether an edge lies on the tie, so that it is tested in compiled programs too."""
    return row.tie is None or any(condition(row.tie.at, numbers_at(p)) for p in special_points(row))


def _algebra(point: Point, title: str) -> Numbers:
    rounding = NUMBER_FORMATS[title]
    return Numbers({key: mp.mpf(value) for key, value in point.items()}, rounding)


def _finite(row: Primitive, name: str, partial: Expression, point: Point) -> Iterator[Finding]:
    """Value and partial at an edge (at a pole, the partial) in both formats."""
    poles = [{k: single(v) for k, v in pole.items()} for pole in row.samples.poles]
    for title in NUMBER_FORMATS:
        algebra = _algebra(point, title)
        stated = fold(partial, algebra)
        if not mp.isfinite(stated):
            what = f"the partial is not finite in {title}"
            yield _refutation(row, name, what, point, stated)
        if point not in poles and row.value is not None:
            value = fold(row.value, algebra)
            if not mp.isfinite(value):
                what = f"the value is not finite in {title}: a pole, not an edge"
                yield _refutation(row, name, what, point, value)
    if point not in poles and WHERE in str(partial):
        yield from _near_real(row, name, partial, point)


def _near_real(row: Primitive, name: str, partial: Expression, point: Point) -> Iterator[Finding]:
    """The partial in double against the real numbers, at an edge and on both sides of it."""
    stated = expected = mp.mpf(0)
    for step in NEARBY:
        moved = {key: float(value * (1 + mp.mpf(step))) for key, value in point.items()}
        stated = fold(partial, _algebra(moved, "double"))
        with mp.workdps(REAL_DIGITS):
            expected = fold(partial, Numbers({key: mp.mpf(value) for key, value in moved.items()}))
        if not abs(stated - expected) > ROUNDING_TOLERANCE * max(1, abs(expected)):
            return
    what = "rounding in double takes the partial away from what it is over the real numbers"
    expected_text, stated_text = (str(mp.nstr(one, 12)) for one in (expected, stated))
    yield Finding(row, name, "refuted", what, dict(point), expected_text, stated_text)


def _denormal_points(row: Primitive, title: str) -> Iterator[Point]:
    """The edges and poles with each 0 replaced by the least numbers of a format."""
    least = LEAST_DENORMAL[title]
    seen: set[tuple[tuple[str, float], ...]] = set()
    for point in special_points(row):
        zeros = [n for n, v in point.items() if v == 0 and row.roles[n] == "signal"]
        choices = itertools.product((0.0, least, -least), repeat=len(zeros))
        for values in itertools.islice(choices, 27):
            moved = {**point, **dict(zip(zeros, values, strict=True))}
            key = tuple(moved.items())
            if any(values) and key not in seen:
                seen.add(key)
                yield moved


def _finite_beside(
    row: Primitive, name: str, partial: Expression, point: Point, title: str
) -> Iterator[Finding]:
    """The partial beside an edge, where the value is finite there."""
    algebra = _algebra(point, title)
    if row.value is None or not mp.isfinite(fold(row.value, algebra)):
        return
    stated = fold(partial, algebra)
    if not mp.isfinite(stated):
        what = f"the partial is not finite in {title} where the value is"
        yield _refutation(row, name, what, point, stated)


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
    value = fold(stated, Numbers(at))
    if not mp.isfinite(value):
        what = "the formula is not finite on the operands that the guard calls safe"
        yield _refutation(row, name, what, point, value)


def _refutation(row: Primitive, name: str, what: str, point: Point, stated: Any) -> Finding:
    shown = str(mp.nstr(stated, 12))
    return Finding(row, name, "refuted", what, dict(point), "a finite number", shown)
