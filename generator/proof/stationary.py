"""Where a quantity of several arguments has no slope: an island, or a single point, is around one.

A place where a quantity is negative that is nowhere unbounded holds a least value of it. So lines
through such points meet small closed curves that lines at random do not.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from .contexts import Atom, Context, NoValueError, UndecidedError, working_precision
from .forms import has_choices
from .lines import Line, coordinate
from .questions import Question

#: Curved quantities of which islands are looked for, at most.
MAX_CURVED = 12
#: Starts of a search, steps of each, and points that are kept.
STARTS, STEPS, MAX_POINTS = 7, 24, 6
#: Bits that are enough to say where lines run.
LINE_BITS = 128
#: A last step that is small enough, a distance at which points are the same, and how far they are.
LAST_STEP, SAME, FURTHEST = 1e-13, 1e-6, 1e9

Point = dict[str, float]


def lines_through_islands(
    question: Question, atoms: Sequence[Atom], draws: random.Random
) -> Iterator[Line]:
    """Lines along each axis through points where a curved quantity has no slope."""
    names = question.names
    curved = [a for a in atoms if a.affine is None and a.smooth and a.centre and _may_close(a)]
    for atom in curved[:MAX_CURVED]:
        moving = [name for name in names if name in atom.free]
        if len(moving) < 2 or 0 in atom.missing:
            continue
        given = {name: coordinate(draws, -4.0, 4.0) for name in names}
        whole = {n: Fraction(draws.choice([*v])) for n, v in question.whole.items()}
        for point in stationary_points(atom, moving, {**given, **whole}, draws):
            for axis in moving:
                yield Line({**given, **point}, {n: Fraction(n == axis) for n in names})


def _may_close(atom: Atom) -> bool:
    """Whether a quantity may be 0 on a closed curve: affine forms alone make none, choices may."""
    return atom.zeros is None or (atom.node is not None and has_choices(atom.node))


def gradient(
    atom: Atom, names: Sequence[str], place: Mapping[str, float], fixed: Mapping[str, Any]
) -> tuple[float, Point] | None:
    """A quantity at a place and its slope by each name; None where one is not finite."""
    values = {**fixed, **{name: arb(value) for name, value in place.items()}}
    slopes: Point = {}
    size = 0.0
    for name in names:
        duals = {n: (v, arb(1) if n == name else None) for n, v in values.items()}
        try:
            value, slope = atom.quantity(Context(duals))
            size, slopes[name] = float(value), 0.0 if slope is None else float(slope)
        except (NoValueError, UndecidedError, OverflowError, ValueError):
            return None
    if not (math.isfinite(size) and all(map(math.isfinite, slopes.values()))):
        return None
    return size, slopes


def stationary_points(
    atom: Atom, names: Sequence[str], fixed: Mapping[str, Fraction], draws: random.Random
) -> list[dict[str, Fraction]]:
    """Places where the slopes of a quantity by some names are 0, as far as they were found."""
    places: list[dict[str, Fraction]] = []
    others = {name: arb(float(value)) for name, value in fixed.items() if name not in names}
    with working_precision(LINE_BITS):
        for _ in range(STARTS):
            point: Point | None = {name: float(coordinate(draws, -4.0, 4.0)) for name in names}
            point = _refine(atom, names, point or {}, others)
            if point is None or len(places) >= MAX_POINTS:
                continue
            exactly = {name: _short(value) for name, value in point.items()}
            if not any(_near(exactly, other) for other in places):
                places.append(exactly)
    return places


def _refine(
    atom: Atom, names: Sequence[str], point: Point, fixed: Mapping[str, Any]
) -> Point | None:
    """Where Newton's method for the slopes leads from a point; None if it does not settle."""
    for _ in range(STEPS):
        step = _newton_step(atom, names, point, fixed)
        if step is None:
            return None
        point = {name: point[name] + step[name] for name in names}
        if max(map(abs, point.values())) > FURTHEST:
            return None
        if all(abs(step[name]) <= LAST_STEP * (1 + abs(point[name])) for name in names):
            return point
    return None


def _newton_step(
    atom: Atom, names: Sequence[str], point: Point, fixed: Mapping[str, Any]
) -> Point | None:
    here = gradient(atom, names, point, fixed)
    rows = []
    for name in names:
        h = 2.0**-14 * (1 + abs(point[name]))
        sides = [
            gradient(atom, names, {**point, name: point[name] + way * h}, fixed) for way in (1, -1)
        ]
        if here is None or sides[0] is None or sides[1] is None:
            return None
        rows.append([(sides[0][1][n] - sides[1][1][n]) / (2 * h) for n in names])
    if here is None:
        return None
    try:
        solved = arb_mat(rows).solve(arb_mat([[-here[1][n]] for n in names]))
        step = {name: float(solved[index, 0]) for index, name in enumerate(names)}
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return step if all(map(math.isfinite, step.values())) else None


def _short(value: float) -> Fraction:
    """A fraction of small numbers, if one is as near as the search is exact; else the double."""
    exactly = Fraction(value)
    short = exactly.limit_denominator(1000)
    return short if abs(short - exactly) < SAME * (1 + abs(exactly)) else exactly


def _near(a: Mapping[str, Fraction], b: Mapping[str, Fraction]) -> bool:
    return all(abs(a[n] - b[n]) <= SAME * (1 + abs(a[n])) for n in a)
