"""Lines through a domain, and the zeros of atoms on them.

Zeros are isolated by interval arithmetic over the whole range of doubles, then refined to the
working precision. A flat is a part of space where some affine atoms are 0; lines run within it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx

from .contexts import (
    Atom,
    BoxContext,
    Context,
    Dual,
    NoValueError,
    UndecidedError,
    exact,
    working_precision,
)

#: The ends of the range of doubles.
LARGEST_DOUBLE = 1.7e308
SMALLEST_DOUBLE = 1e-290
#: Intervals looked at for the zeros of one atom on one line, and zeros that are kept;
#: fewer where the atom does not decide which piece it is.
MAX_INTERVALS = 800
MAX_INTERVALS_BESIDE = 150
MAX_ROOTS = 20
#: Multiplicities of a zero that Newton's method is tried with, and its steps for each.
MULTIPLICITIES = (1, 2, 3, 4, 6, 8)
NEWTON_STEPS = 12
#: How far, relative to where it starts, a zero may be; and a last step that is small enough.
NEWTON_REACH, LAST_STEP = 1e-6, arb("1e-300")
#: An interval this narrow, relative to its place, holds one zero for all that matters.
NARROW_WIDTH = 1e-9
#: How far the nearest double is from a number, relative to it, at most.
ROUNDING_ERROR = 2.0**-52
#: Numbers of the text that are tried on a line, at most.
MAX_CONSTANTS = 24
#: Bits of interval arithmetic, where a wide box is no loss.
INTERVAL_BITS = 64


class Line:
    """The places `base + t * direction`."""

    def __init__(self, base: Mapping[str, Fraction], direction: Mapping[str, Fraction]) -> None:
        self.base = base
        self.direction = direction
        self.key = tuple(base.items()), tuple(direction.items())
        self._still: dict[str, Dual] = {
            name: (exact(start), None) for name, start in base.items() if not direction[name]
        }
        self._moving = [
            (name, exact(base[name]), exact(way)) for name, way in direction.items() if way
        ]

    def place(self, t: Any) -> dict[str, Any]:
        """The place at `t`, a ball."""
        return {name: value for name, (value, _) in self.values(t).items()}

    def values(self, t: Any) -> dict[str, Dual]:
        """The place at `t`, with the direction as its slope."""
        values = dict(self._still)
        for name, start, way in self._moving:
            values[name] = (start + t * way, way)
        return values


def roots(atom: Atom, line: Line, intervals: int | None = None, most: int = MAX_ROOTS) -> list[Any]:
    """The zeros of an atom on a line as balls of `t`; at most so many, nearest to 0 first.

    For those that its form does not tell, so many `intervals` are looked at.
    """
    if not any(line.direction.get(name) for name in atom.free):
        return []
    if atom.affine is not None:
        with working_precision(2 * ctx.prec):
            return _affine_root(atom.affine, line)
    if atom.zeros is not None:
        with working_precision(2 * ctx.prec):
            return _listed_roots(atom, line)
    places: list[Any] = []
    for low, high in _isolate(atom, line, intervals or _intervals(atom), most):
        with working_precision(2 * ctx.prec):
            root = _refine(atom, line, low, high)
        if not any(abs(root - other) < abs(root) * 1e-8 or root == other for other in places):
            places.append(root)
    return places


def _affine_root(form: Mapping[str, Fraction], line: Line) -> list[Any]:
    names = [name for name in form if name]
    start = form[""] + sum(form[name] * line.base[name] for name in names)
    slope = sum((form[name] * line.direction[name] for name in names), Fraction(0))
    if not slope:
        return []
    root = -start / slope
    return [exact(root)] if abs(root) < Fraction(LARGEST_DOUBLE) else []


def _listed_roots(atom: Atom, line: Line) -> list[Any]:
    """The places on a line where affine forms are 0 together, if the atom is 0 there."""
    places: list[Any] = []
    for forms in atom.zeros or ():
        for root in next((r for form in forms if (r := _affine_root(form, line))), []):
            place = {n: v for n, (v, _) in line.values(root).items()}
            together = all(_at(form, place).contains(0) for form in forms)
            if together and root not in places and _may_be_zero(atom, line.values(root)):
                places.append(root)
    return places


def _at(form: Mapping[str, Fraction], place: Mapping[str, Any]) -> Any:
    terms = (exact(factor) * place[name] for name, factor in form.items() if name)
    return sum(terms, exact(form[""]))


def _may_be_zero(atom: Atom, values: Mapping[str, Dual]) -> bool:
    try:
        return bool(atom.quantity(Context(values))[0].contains(0))
    except UndecidedError:
        return True
    except NoValueError:
        return False


def _intervals(atom: Atom) -> int:
    return MAX_INTERVALS if atom.decides else MAX_INTERVALS_BESIDE


def _isolate(atom: Atom, line: Line, count: int, most: int) -> list[tuple[float, float]]:
    """Narrow intervals that hold all zeros, as far as they were looked for."""
    counter = itertools.count()
    todo = [(0.0, next(counter), -LARGEST_DOUBLE, 0.0), (0.0, next(counter), 0.0, LARGEST_DOUBLE)]
    intervals: list[tuple[float, float]] = []
    with working_precision(INTERVAL_BITS):
        for _ in range(count):
            if not todo or len(intervals) >= most:
                break
            _, _, low, high = heapq.heappop(todo)
            narrowed = _narrow(atom, line, low, high)
            if narrowed is None:
                continue
            shrunk = narrowed[1] - narrowed[0] < (high - low) / 4
            low, high = narrowed
            middle = between(low, high)
            if middle is None:
                intervals.append((low, high))
                continue
            for a, b in ((low, high),) if shrunk else ((low, middle), (middle, high)):
                heapq.heappush(todo, (min(abs(a), abs(b)), next(counter), a, b))
    return intervals


def _narrow(atom: Atom, line: Line, low: float, high: float) -> tuple[float, float] | None:
    """Where in an interval a zero may be; None if it has none.

    Where the slope has one sign, a step of the interval Newton method leads to the zero.
    """
    try:
        value, slope = atom.quantity(BoxContext(line.values(interval(low, high))))
        if value > 0 or value < 0:
            return None
        if not atom.smooth or slope is None or not slope.is_finite() or slope.contains(0):
            return low, high
        middle = arb(low / 2 + high / 2)
        value = atom.quantity(Context(line.values(middle)))[0]
    except UndecidedError:
        return low, high
    except NoValueError:
        return None
    reached = middle - value / slope
    if not reached.is_finite():
        return low, high
    first, last = float(reached.lower()), float(reached.upper())
    first = max(low, first - abs(first) * ROUNDING_ERROR)
    last = min(high, last + abs(last) * ROUNDING_ERROR)
    return (first, last) if first <= last else None


def interval(low: float, high: float) -> Any:
    """A ball that holds all numbers from `low` to `high`."""
    middle = low / 2 + high / 2
    return arb(middle, max(high - middle, middle - low) * (1 + 1e-15) + 5e-324)


def between(low: float, high: float, narrow: float = NARROW_WIDTH) -> float | None:
    """A number that splits an interval, across magnitudes first; None if it is narrow."""
    if low < 0 < high:
        return 0.0
    if low == high:
        return None
    if high <= 0:
        middle = between(-high, -low, narrow)
        return None if middle is None else -middle
    if low == 0:
        if high <= SMALLEST_DOUBLE:
            return None
        return (
            1.0
            if high > 1
            else high * 1e-6
            if high > 1e-6
            else max(high * high, SMALLEST_DOUBLE / 2)
        )
    if high > 4 * low:
        return math.sqrt(low) * math.sqrt(high)
    if high - low <= narrow * high:
        return None
    return low / 2 + high / 2


def _refine(atom: Atom, line: Line, low: float, high: float) -> Any:
    """A zero to the working precision by Newton's method, by its multiplicity."""
    start = arb(low / 2 + high / 2)
    if low <= 0 <= high:
        return arb(0)
    best, least = start, None
    for order in MULTIPLICITIES:
        t, settled = _newton(atom, line, start, order)
        if settled:
            return _simplest(atom, line, t)
        try:
            size = abs(atom.quantity(Context(line.values(t)))[0]).abs_upper()
        except (NoValueError, UndecidedError):
            continue
        if abs(t - start) <= abs(start) * NEWTON_REACH and (least is None or size < least):
            best, least = t, size
    return _simplest(atom, line, best)


def _newton(atom: Atom, line: Line, start: Any, order: int) -> tuple[Any, bool]:
    """Newton's method for a zero of some multiplicity, and whether it settled."""
    t, step = start, None
    for _ in range(NEWTON_STEPS):
        try:
            value, slope = atom.quantity(Context(line.values(t)))
        except (NoValueError, UndecidedError):
            return t, False
        if value == 0:
            return t, True
        if slope is None or not (value / slope).is_finite():
            break
        step = order * value / slope
        t = (t - step).mid()
        if abs(t - start) > abs(start) * NEWTON_REACH:
            return t, False
        if step.abs_upper() < abs(t) * LAST_STEP:
            return t, True
    return t, step is not None and bool(step.abs_upper() < abs(t) * arb("1e-100"))


def _simplest(atom: Atom, line: Line, root: Any) -> Any:
    """A double, or a fraction of small numbers, if that is the zero; else the root as it is."""
    try:
        double = float(root)
        near = Fraction(double).limit_denominator(10_000)
    except (OverflowError, ValueError):
        return root
    for candidate in (exact(near), exact(double)):
        if abs(candidate - root) < abs(root) * arb("1e-100"):
            return candidate
    return root


# Lines.


def coordinate(draws: random.Random, low: float, high: float) -> Fraction:
    """A number of any usual size, sometimes whole, often in the range of the samples."""
    kind = draws.randrange(4)
    if kind == 0:
        value = draws.uniform(low, high)
    elif kind == 1:
        value = draws.choice((-1, 1)) * 10 ** draws.uniform(-3, 3)
    elif kind == 2:
        value = draws.uniform(-4, 4)
    else:
        return Fraction(draws.randint(-6, 6))
    # Twenty bits, so that what is exact stays short.
    mantissa, exponent = math.frexp(value)
    return Fraction(math.ldexp(round(mantissa * 2**20), exponent - 20))


@dataclass(frozen=True)
class Flat:
    """A flat part of space: `solved` gives some names as affine forms of those that are `free`."""

    free: tuple[str, ...]
    solved: Mapping[str, Mapping[str, Fraction]]

    def cut(self, form: Mapping[str, Fraction]) -> Flat | None:
        """The part where an affine form is 0; None if there is none, or it is the whole flat."""
        total: dict[str, Fraction] = {"": form[""]}
        for name, factor in form.items():
            if name:
                for other, value in self.solved.get(name, {name: Fraction(1)}).items():
                    total[other] = total.get(other, Fraction(0)) + factor * value
        names = [name for name in self.free if total.get(name)]
        if not names:
            return None
        eliminated = names[0]
        mine = {
            n: -v / total[eliminated] for n, v in total.items() if n != eliminated and (v or not n)
        }
        solved = {name: _substitute(known, eliminated, mine) for name, known in self.solved.items()}
        return Flat(tuple(n for n in self.free if n != eliminated), {**solved, eliminated: mine})

    def point(self, given: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """The point with these values of the free names."""
        point = {name: given[name] for name in self.free}
        for name, form in self.solved.items():
            point[name] = apply_form(form, given) + form.get("", Fraction(0))
        return point

    def direction(self, given: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """A direction within the flat."""
        direction = {name: given.get(name, Fraction(0)) for name in self.free}
        return {**direction, **{n: apply_form(f, direction) for n, f in self.solved.items()}}


def _substitute(
    form: Mapping[str, Fraction], eliminated: str, mine: Mapping[str, Fraction]
) -> dict[str, Fraction]:
    total = {name: value for name, value in form.items() if name != eliminated}
    for name, value in mine.items():
        total[name] = total.get(name, Fraction(0)) + form.get(eliminated, Fraction(0)) * value
    return total


def apply_form(form: Mapping[str, Fraction], given: Mapping[str, Fraction]) -> Fraction:
    """An affine form at a point, without its constant."""
    return sum((v * given.get(n, Fraction(0)) for n, v in form.items() if n), Fraction(0))


def flats(names: Sequence[str], atoms: Sequence[Atom], most: int) -> list[Flat]:
    """The whole space, then where one affine atom is 0, where two are, and so on."""
    result = [Flat(tuple(names), {})]
    seen = {_flat_key(result[0])}
    for depth in range(len(names)):
        for flat in [flat for flat in result if len(flat.solved) == depth]:
            for atom in atoms:
                if atom.affine is None or len(result) >= most or atom.steps or not atom.centre:
                    continue
                part = flat.cut(atom.affine)
                if part is not None and _flat_key(part) not in seen:
                    seen.add(_flat_key(part))
                    result.append(part)
    return result


def _flat_key(flat: Flat) -> str:
    return repr(sorted((name, sorted(form.items())) for name, form in flat.solved.items()))


def lines(
    flat: Flat, draws: random.Random, ranges: Mapping[str, tuple[float, float]], brief: bool
) -> Iterator[Line]:
    """Lines in a flat: along each axis, along the diagonals, and in random directions.

    If they are to be `brief`, one alone is not along an axis; within a border there is no other.
    """
    if not flat.free:
        point = flat.point({})
        yield Line(point, dict.fromkeys(point, Fraction(0)))
        return
    ways: list[dict[str, Fraction]] = [{name: Fraction(1)} for name in flat.free]
    if len(flat.free) > 1:
        count = 1 if brief else 0 if flat.solved else 2
        random_ways = [
            {name: Fraction(draws.randint(-40, 40), 16) for name in flat.free} for _ in range(count)
        ]
        if brief:
            ways = random_ways if flat.solved else [*ways, *random_ways]
        else:
            diagonals = [
                {name: Fraction(other if index % 2 else 1) for index, name in enumerate(flat.free)}
                for other in (1, -1)
            ]
            ways += [*diagonals, *random_ways]
    for way in ways:
        axis = next(iter(way)) if len(way) == 1 else None
        given = {name: coordinate(draws, *ranges[name]) for name in flat.free}
        if axis is not None:
            given[axis] = Fraction(0)
        yield Line(flat.point(given), flat.direction(way))


def line_positions(
    line: Line, flat: Flat, ranges: Mapping[str, tuple[float, float]], draws: random.Random
) -> list[float]:
    """Numbers of all sizes, and some in the range of the samples."""
    if flat.solved:
        return [0.37, -2.9, 97.0]
    spread = [0.37, -2.9, 13.3, -71.9, 1.1e3, -1e9, 1e-4]
    if len(flat.free) == 1:
        spread += [-0.61, 1.7, -2.3e4, 1e7, -1e-7]
    for name, (low, high) in ranges.items():
        if line.direction.get(name):
            spread += [draws.uniform(low, high) for _ in range(2)]
    return spread


def constant_positions(line: Line, constants: Iterable[Fraction]) -> list[Any]:
    """Each number of the text, and a number near it, on a line along an axis."""
    if sum(map(bool, line.direction.values())) > 1:
        return []
    stated = sorted({c for c in constants if c})[:MAX_CONSTANTS]
    return [exact(c * factor).mid() for c in stated for factor in (1, Fraction(1001, 1000))]
