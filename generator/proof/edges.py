"""What a row claims of its edges and poles, in both floating-point formats.

At an edge value and partials are finite, at a pole the partials are. Beside every 0 of an edge or
pole stand the smallest numbers of a format: where input and value are finite there, so is the rule.
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
from .findings import Finding

NUMBER_FORMATS: Mapping[str, Callable[[Any], Any]] = {
    "double": lambda value: mp.mpf(float(value)),
    "single": lambda value: mp.mpf(single(float(value))),
}
#: With so many digits, what is rounded to a format afterwards is rounded once.
DIGITS = 36
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
            yield _refuted(row, name, what, point, stated)
        if point not in poles and row.value is not None:
            value = fold(row.value, algebra)
            if not mp.isfinite(value):
                what = f"the value is not finite in {title}: a pole, not an edge"
                yield _refuted(row, name, what, point, value)


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
        yield _refuted(row, name, what, point, stated)


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
        yield _refuted(row, name, what, point, value)


def _refuted(row: Primitive, name: str, what: str, point: Point, stated: Any) -> Finding:
    shown = str(mp.nstr(stated, 12))
    return Finding(row, name, "refuted", what, dict(point), "a finite number", shown)
