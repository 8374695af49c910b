"""Where the pieces of a domain are: zeros of atoms along lines, and a search for missing pieces.

A piece is known by the signs of the atoms that were met in it. Zeros along a line are isolated by
interval arithmetic over the whole range of doubles, then refined to the working precision. A piece
that no line has met is looked for by bisection of boxes, exactly by elimination (Fourier and
Motzkin) where its atoms are affine.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from .balls import Atom, Compiled, Context, Dual, NoValueError, UndecidedError, working_precision

#: The ends of the range of doubles.
LARGEST = 1.7e308
SMALLEST = 1e-290
#: Intervals looked at for the zeros of one atom on one line, and zeros that are kept;
#: fewer where the atom does not decide which piece it is.
MAX_INTERVALS = 800
MAX_INTERVALS_BESIDE = 150
MAX_ROOTS = 20
#: Boxes looked at for one piece.
MAX_BOXES = 600
#: An interval this narrow, relative to its place, holds one zero for all that matters.
NARROW = 1e-9
#: A box this narrow holds no two doubles.
THIN = 1e-14
INTERVAL_BITS = 64

Place = Mapping[str, Any]
Signs = Sequence[tuple[Atom, int]]


def exact(value: float | Fraction | int) -> Any:
    """The ball of a number, exact for a double."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)


class Line:
    """The places `base + t * direction`."""

    def __init__(self, base: Mapping[str, Fraction], direction: Mapping[str, Fraction]) -> None:
        self.base = base
        self.direction = direction
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


def roots(atom: Atom, line: Line) -> list[Any]:
    """The zeros of an atom on a line as balls of `t`; at most `MAX_ROOTS`, nearest to 0 first."""
    if not any(line.direction.get(name) for name in atom.free):
        return []
    if atom.affine is not None:
        return _affine_root(atom.affine, line)
    found: list[Any] = []
    for low, high in _isolated(atom, line):
        root = _refined(atom, line, low, high)
        if not any(abs(root - other) < abs(root) * 1e-8 or root == other for other in found):
            found.append(root)
    return found


def _affine_root(form: Mapping[str, Fraction], line: Line) -> list[Any]:
    names = [name for name in form if name]
    start = form[""] + sum(form[name] * line.base[name] for name in names)
    slope = sum((form[name] * line.direction[name] for name in names), Fraction(0))
    if not slope:
        return []
    root = -start / slope
    return [exact(root)] if abs(root) < Fraction(LARGEST) else []


def _isolated(atom: Atom, line: Line) -> list[tuple[float, float]]:
    """Narrow intervals that hold all zeros, as far as they were looked for."""
    counter = itertools.count()
    todo = [(0.0, next(counter), -LARGEST, 0.0), (0.0, next(counter), 0.0, LARGEST)]
    found: list[tuple[float, float]] = []
    with working_precision(INTERVAL_BITS):
        for _ in range(MAX_INTERVALS if atom.decides else MAX_INTERVALS_BESIDE):
            if not todo or len(found) >= MAX_ROOTS:
                break
            _, _, low, high = heapq.heappop(todo)
            if _excludes_zero(atom, line.values(interval(low, high))):
                continue
            middle = between(low, high)
            if middle is None:
                found.append((low, high))
                continue
            for a, b in ((low, middle), (middle, high)):
                heapq.heappush(todo, (min(abs(a), abs(b)), next(counter), a, b))
    return found


def _excludes_zero(atom: Atom, values: Mapping[str, Dual]) -> bool:
    try:
        value = atom.quantity(Context(values))[0]
    except UndecidedError:
        return False
    except NoValueError:
        return True
    return bool(value > 0 or value < 0)


def interval(low: float, high: float) -> Any:
    """A ball that holds all numbers from `low` to `high`."""
    middle = low / 2 + high / 2
    return arb(middle, max(high - middle, middle - low) * (1 + 1e-15) + 5e-324)


def between(low: float, high: float, narrow: float = NARROW) -> float | None:
    """A number that splits an interval, across magnitudes first; None if it is narrow."""
    if low < 0 < high:
        return 0.0
    if high <= 0:
        middle = between(-high, -low, narrow)
        return None if middle is None else -middle
    if low == 0:
        if high <= SMALLEST:
            return None
        return 1.0 if high > 1 else high * 1e-6 if high > 1e-6 else max(high * high, SMALLEST / 2)
    if high > 4 * low:
        return math.sqrt(low) * math.sqrt(high)
    if high - low <= narrow * high:
        return None
    return low / 2 + high / 2


def _refined(atom: Atom, line: Line, low: float, high: float) -> Any:
    """A zero to the working precision by Newton's method, for single and for double zeros."""
    start = arb(low / 2 + high / 2)
    if low <= 0 <= high:
        return arb(0)
    best, least = start, None
    for order in (1, 2):
        t = start
        for _ in range(12):
            try:
                value, slope = atom.quantity(Context(line.values(t)))
            except (NoValueError, UndecidedError):
                break
            if slope is None or not (value / slope).is_finite():
                if value == 0:
                    return t
                break
            t = (t - order * value / slope).mid()
        try:
            size = abs(atom.quantity(Context(line.values(t)))[0]).abs_upper()
        except (NoValueError, UndecidedError):
            continue
        if abs(t - start) <= abs(start) * 1e-6 and (least is None or size < least):
            best, least = t, size
    return _simplest(atom, line, best)


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
        gone = names[0]
        mine = {n: -v / total[gone] for n, v in total.items() if n != gone and (v or not n)}
        solved = {name: _put(known, gone, mine) for name, known in self.solved.items()}
        return Flat(tuple(n for n in self.free if n != gone), {**solved, gone: mine})

    def point(self, given: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """The point with these values of the free names."""
        point = {name: given[name] for name in self.free}
        for name, form in self.solved.items():
            point[name] = _applied(form, given) + form.get("", Fraction(0))
        return point

    def direction(self, given: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """A direction within the flat."""
        direction = {name: given.get(name, Fraction(0)) for name in self.free}
        return {**direction, **{n: _applied(f, direction) for n, f in self.solved.items()}}


def _put(
    form: Mapping[str, Fraction], gone: str, mine: Mapping[str, Fraction]
) -> dict[str, Fraction]:
    total = {name: value for name, value in form.items() if name != gone}
    for name, value in mine.items():
        total[name] = total.get(name, Fraction(0)) + form.get(gone, Fraction(0)) * value
    return total


def _applied(form: Mapping[str, Fraction], given: Mapping[str, Fraction]) -> Fraction:
    return sum((v * given.get(n, Fraction(0)) for n, v in form.items() if n), Fraction(0))


def flats(names: Sequence[str], atoms: Sequence[Atom], most: int) -> list[Flat]:
    """The whole space, then where one affine atom is 0, where two are, and so on."""
    found = [Flat(tuple(names), {})]
    seen = {_flat_key(found[0])}
    for depth in range(len(names)):
        for flat in [flat for flat in found if len(flat.solved) == depth]:
            for atom in atoms:
                if atom.affine is None or len(found) >= most or atom.steps:
                    continue
                part = flat.cut(atom.affine)
                if part is not None and _flat_key(part) not in seen:
                    seen.add(_flat_key(part))
                    found.append(part)
    return found


def _flat_key(flat: Flat) -> str:
    return repr(sorted((name, sorted(form.items())) for name, form in flat.solved.items()))


def lines(
    flat: Flat, draws: random.Random, ranges: Mapping[str, tuple[float, float]], count: int
) -> Iterator[Line]:
    """Lines in a flat: along each axis, along the diagonals, and in random directions."""
    if not flat.free:
        point = flat.point({})
        yield Line(point, dict.fromkeys(point, Fraction(0)))
        return
    ways: list[dict[str, Fraction]] = [{name: Fraction(1)} for name in flat.free]
    if len(flat.free) > 1:
        ways += [
            {name: Fraction(other if index % 2 else 1) for index, name in enumerate(flat.free)}
            for other in (1, -1)
        ]
        ways += [
            {name: Fraction(draws.randint(-40, 40), 16) for name in flat.free} for _ in range(count)
        ]
    for way in ways:
        axis = next(iter(way)) if len(way) == 1 else None
        given = {name: coordinate(draws, *ranges[name]) for name in flat.free}
        if axis is not None:
            given[axis] = Fraction(0)
        yield Line(flat.point(given), flat.direction(way))


# Pieces that no line has met.


class _MissedError(Exception):
    """A box has another sign than the one that is wanted."""


class _ReachedError(Exception):
    """All wanted signs have been met."""


class _Follow(Context):
    """Takes wanted signs for granted, unless a ball excludes one."""

    def __init__(self, values: Mapping[str, Dual], wanted: Mapping[str, int]) -> None:
        super().__init__(values)
        self.wanted = wanted
        self.open = 0
        #: How far an atom was from the sign that was wanted, as a logarithm; None if none was.
        self.missed: float | None = None

    def told(self, atom: Atom, value: Any) -> int:
        wanted = self.wanted.get(atom.key)
        if wanted is None:
            raise _ReachedError
        wanted *= atom.flip
        if value > 0 or value < 0:
            if wanted != (1 if value > 0 else -1):
                size = min(float(abs(value).upper()), LARGEST)
                # Signs that are met later are the nearer, the more were right before.
                self.missed = math.log(max(size, SMALLEST)) - 1e4 * len(self.signs)
                raise _MissedError
        elif not (value.is_exact() and value == 0):
            self.open += 1
        elif wanted:
            self.missed = -1e6
            raise _MissedError
        return wanted


def find(
    program: Compiled,
    signs: Signs,
    names: Sequence[str],
    fixed: Sequence[Mapping[str, Fraction]],
) -> dict[str, Fraction] | None:
    """A place at which the atoms have these signs; None if there is none, or none was found."""
    plain = [(a.affine, s) for a, s in signs if a.affine is not None and not a.steps]
    if plain and not {n for form, _ in plain for n in form if n} - set(names):
        point = feasible([(form, s) for form, s in plain if form is not None], names)
        if point is None:
            return None
        if len(plain) == len(signs):
            return {**point, **(fixed[0] if fixed else {})}
    wanted = {atom.key: sign * atom.flip for atom, sign in signs}
    for whole in fixed or [{}]:
        found = _bisect(program, wanted, names, whole)
        if found is not None:
            return found
    return None


def _bisect(
    program: Compiled,
    wanted: Mapping[str, int],
    names: Sequence[str],
    whole: Mapping[str, Fraction],
) -> dict[str, Fraction] | None:
    counter = itertools.count()
    start = dict.fromkeys(names, (-LARGEST, LARGEST))
    todo: list[tuple[float, int, dict[str, tuple[float, float]]]] = [(0.0, next(counter), start)]
    constants = {name: exact(value) for name, value in whole.items()}
    with working_precision(2 * INTERVAL_BITS):
        for _ in range(MAX_BOXES):
            if not todo:
                return None
            _, _, box = heapq.heappop(todo)
            sides = {n: interval(*side) for n, side in box.items()}
            if _box(program, wanted, {**sides, **constants}).missed is not None:
                continue
            middle = {n: _inside(*side) for n, side in box.items()}
            at = _box(program, wanted, {**{n: arb(v) for n, v in middle.items()}, **constants})
            if at.missed is None and not at.open:
                return {**{n: Fraction(value) for n, value in middle.items()}, **whole}
            for half in _halves(box):
                # The nearer the middle is to having the sign, the sooner the box is halved.
                heapq.heappush(todo, (at.missed or 0.0, next(counter), half))
    return None


def _inside(low: float, high: float) -> float:
    middle = between(low, high, 0.0)
    if middle is None or (middle == 0.0 and low < 0 < high and high > 2):
        return low / 2 + high / 2 + (0.37 if high - low > 2 else 0.0)
    return middle


def _box(program: Compiled, wanted: Mapping[str, int], box: Mapping[str, Any]) -> _Follow:
    """What became of the wanted signs in a box."""
    follow = _Follow({name: (ball, None) for name, ball in box.items()}, wanted)
    try:
        program(follow)
    except (_ReachedError, _MissedError):
        pass
    except NoValueError:
        if follow.missed is None and not follow.signs.keys() >= wanted.keys():
            follow.missed = math.inf
    except UndecidedError:
        follow.open += 1
    return follow


def _halves(box: Mapping[str, tuple[float, float]]) -> Iterator[dict[str, tuple[float, float]]]:
    """The two halves of a box along its longest side, by the number of doubles on it."""
    sides = [(_length(*side), name) for name, side in box.items()]
    length, name = max(sides)
    low, high = box[name]
    middle = between(low, high, THIN)
    if length <= 0 or middle is None:
        return
    yield {**box, name: (low, middle)}
    yield {**box, name: (middle, high)}


def _length(low: float, high: float) -> float:
    """How long an interval is, in halvings until it is thin; less for what lies close to 0."""
    if between(low, high, THIN) is None:
        return 0.0
    if low < 0 < high:
        return 1200.0
    a, b = sorted((abs(low), abs(high)))
    near = min(0.0, math.log2(b))
    if a == 0:
        return max(0.5, 60 + near) if b <= 1 else 1100.0
    return max(0.1, (100 + math.log2(b / a) if b > 4 * a else 50 + math.log2((b - a) / b)) + near)


def feasible(
    forms: Sequence[tuple[Mapping[str, Fraction], int]], names: Sequence[str]
) -> dict[str, Fraction] | None:
    """A point at which each affine form has its sign (-1, 0 or 1), by elimination; else None."""
    # Each row is a form that must be positive (or, where not strict, not negative).
    rows: list[tuple[dict[str, Fraction], bool]] = []
    for form, sign in forms:
        if sign:
            rows.append(({n: v * sign for n, v in form.items()}, True))
        else:
            rows += [(dict(form), False), ({n: -v for n, v in form.items()}, False)]
    steps: list[tuple[str, list[tuple[dict[str, Fraction], bool]]]] = []
    for name in names:
        steps.append((name, rows))
        above = [(f, s) for f, s in rows if f.get(name, 0) > 0]
        below = [(f, s) for f, s in rows if f.get(name, 0) < 0]
        rest = [(f, s) for f, s in rows if not f.get(name)]
        if len(above) * len(below) > 600:
            return None
        for (f, s), (g, r) in itertools.product(above, below):
            joined: dict[str, Fraction] = {}
            for n in {*f, *g} - {name}:
                joined[n] = f.get(n, Fraction(0)) / f[name] - g.get(n, Fraction(0)) / g[name]
            rest.append((joined, s or r))
        rows = rest
    if any(f.get("", 0) < 0 or (s and not f.get("", 0)) for f, s in rows):
        return None
    point: dict[str, Fraction] = {}
    for name, stated in reversed(steps):
        point[name] = _chosen_between(*_bounds(name, stated, point))
    return point


def _bounds(
    name: str, rows: Sequence[tuple[Mapping[str, Fraction], bool]], point: Mapping[str, Fraction]
) -> tuple[Fraction | None, Fraction | None]:
    """Between which numbers a name has to be, where the names in `point` have their values."""
    low: Fraction | None = None
    high: Fraction | None = None
    for form, _ in rows:
        factor = form.get(name)
        if not factor:
            continue
        bound = -(_applied(form, point) + form.get("", Fraction(0))) / factor
        if factor > 0:
            low = bound if low is None else max(low, bound)
        else:
            high = bound if high is None else min(high, bound)
    return low, high


def _chosen_between(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is not None and high is not None:
        return low if low == high else (low + high) / 2
    if low is not None:
        return low + max(Fraction(1), abs(low) / 8)
    return Fraction(1, 3) if high is None else high - max(Fraction(1), abs(high) / 8)
