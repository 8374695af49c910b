"""A search for pieces that no line has met.

A piece is known by the signs of the atoms that were met in it. It is looked for by bisection of
boxes over the whole range of doubles, exactly by elimination (Fourier and Motzkin) where its atoms
are affine.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from .affine import affine_form
from .contexts import (
    Atom,
    Compiled,
    Context,
    Dual,
    NoValueError,
    UndecidedError,
    exact,
    working_precision,
)
from .lines import INTERVAL_BITS, LARGEST_DOUBLE, SMALLEST_DOUBLE, apply_form, between, interval

#: Boxes that a search starts with, by the size of their numbers, and boxes looked at in each.
START_BOXES = ((LARGEST_DOUBLE, 60), (16.0, 150), (3e4, 150), (LARGEST_DOUBLE, 400))
#: Pairs of inequalities that the elimination of one name may make.
MAX_PAIRS = 600
#: A box this narrow holds no two doubles.
THIN_BOX = 1e-14

Signs = Sequence[tuple[Atom, int]]
#: An affine form and its sign.
Form = tuple[Mapping[str, Fraction], int]


class _WrongSignError(Exception):
    """A box has another sign than the one that is wanted."""


class _AllSignsMetError(Exception):
    """All wanted signs have been met."""


class TooManyError(Exception):
    """Too many inequalities to be decided."""


class NoPlaceError(Exception):
    """No place has the wanted signs."""


class _WantedContext(Context):
    """Takes wanted signs for granted, unless a ball excludes one."""

    def __init__(
        self, values: Mapping[str, Dual], wanted: Mapping[str, int], zero: Any = None
    ) -> None:
        super().__init__(values, zero)
        self.wanted = wanted
        self.open = 0
        #: How far an atom was from the sign that was wanted, as a logarithm; None if none was.
        self.missed: float | None = None

    def decide_sign(self, atom: Atom, value: Any) -> int:
        wanted = self.wanted.get(atom.key)
        if wanted is None:
            raise _AllSignsMetError
        wanted *= atom.flip
        if self.vanishes(value):
            if wanted:
                self.missed = -1e6
                raise _WrongSignError
        elif value > 0 or value < 0:
            if wanted != (1 if value > 0 else -1):
                size = min(float(abs(value).upper()), LARGEST_DOUBLE)
                # Signs that are met later are the nearer, the more were right before.
                self.missed = math.log(max(size, SMALLEST_DOUBLE)) - 1e4 * len(self.signs)
                raise _WrongSignError
        elif not (value.is_exact() and value == 0):
            self.open += 1
        elif wanted:
            self.missed = -1e6
            raise _WrongSignError
        return wanted


def find(
    program: Compiled,
    signs: Signs,
    names: Sequence[str],
    fixed: Sequence[Mapping[str, Fraction]],
) -> dict[str, Fraction] | None:
    """A place at which the atoms have these signs; None if none was found.

    Raises `NoPlaceError` where there is none.
    """
    plain, is_all = affine_part(signs, names)
    if plain:
        try:
            point = feasible(plain, names)
        except TooManyError:
            point, is_all = {}, False
        if point is None:
            raise NoPlaceError
        if is_all:
            return {**point, **(fixed[0] if fixed else {})}
    wanted = {atom.key: sign * atom.flip for atom, sign in signs}
    # Not all integers are among those that are fixed.
    is_told = not fixed or all(atom.free <= {*names} for atom, _ in signs)
    for size, most in START_BOXES:
        undecided = False
        for whole in fixed or [{}]:
            place, all_seen = _bisect(program, wanted, names, whole, size, most)
            if place is not None:
                return place
            undecided = undecided or not all_seen
        if size == LARGEST_DOUBLE and not undecided and is_told:
            raise NoPlaceError
    return None


def affine_part(signs: Signs, names: Sequence[str]) -> tuple[list[Form], bool]:
    """The affine forms in `names` that the atoms are by the signs before them; are they all?

    A quantity that is 0 in one way alone is where affine forms are 0 together.
    """
    known: dict[str, int] = {}
    pairs: list[Form] = []
    is_all = True
    for atom, sign in signs:
        form = atom.affine
        if form is None and atom.node is not None:
            form = affine_form(atom.node, known)
        known[atom.key] = sign * atom.flip
        if atom.steps:
            is_all = False
        elif form is not None and {n for n in form if n} <= {*names}:
            pairs.append((form, sign))
        elif sign == 0 and atom.zeros is not None and len(atom.zeros) == 1:
            pairs += [(zero, 0) for zero in atom.zeros[0]]
        else:
            is_all = False
    return pairs, is_all


def holds(program: Compiled, signs: Signs, place: Mapping[str, Any], zero: Any = None) -> bool:
    """Whether the atoms have these signs at a place; what is below `zero` counts as 0."""
    wanted = {atom.key: sign * atom.flip for atom, sign in signs}
    possible_signs = _signs_in_box(program, wanted, place, zero)
    return (
        possible_signs.missed is None
        and not possible_signs.open
        and possible_signs.signs.keys() >= wanted.keys()
    )


def _bisect(
    program: Compiled,
    wanted: Mapping[str, int],
    names: Sequence[str],
    whole: Mapping[str, Fraction],
    size: float,
    most: int,
) -> tuple[dict[str, Fraction] | None, bool]:
    """A place among numbers up to `size`, if one was found, and whether there can be no other."""
    counter = itertools.count()
    start = dict.fromkeys(names, (-size, size))
    todo: list[tuple[float, int, dict[str, tuple[float, float]]]] = [(0.0, next(counter), start)]
    constants = {name: exact(value) for name, value in whole.items()}
    thin = False
    with working_precision(2 * INTERVAL_BITS):
        for _ in range(most):
            if not todo:
                return None, not thin
            _, _, box = heapq.heappop(todo)
            sides = {n: interval(*side) for n, side in box.items()}
            if _signs_in_box(program, wanted, {**sides, **constants}).missed is not None:
                continue
            middle = {n: _interior_point(*side) for n, side in box.items()}
            at = _signs_in_box(
                program, wanted, {**{n: arb(v) for n, v in middle.items()}, **constants}
            )
            if at.missed is None and not at.open:
                return {**{n: Fraction(value) for n, value in middle.items()}, **whole}, False
            halves = [*_split_box(box)]
            # What is left of a box too thin to be halved is not known.
            thin = thin or not halves
            for half in halves:
                # The nearer the middle is to having the sign, the sooner the box is halved.
                heapq.heappush(todo, (at.missed or 0.0, next(counter), half))
    return None, False


def _interior_point(low: float, high: float) -> float:
    middle = between(low, high, 0.0)
    if middle is None or (middle == 0.0 and low < 0 < high and high > 2):
        return low / 2 + high / 2 + (0.37 if high - low > 2 else 0.0)
    return middle


def _signs_in_box(
    program: Compiled, wanted: Mapping[str, int], box: Mapping[str, Any], zero: Any = None
) -> _WantedContext:
    """What became of the wanted signs in a box."""
    follow = _WantedContext({name: (ball, None) for name, ball in box.items()}, wanted, zero)
    try:
        program(follow)
    except (_AllSignsMetError, _WrongSignError):
        pass
    except NoValueError:
        if follow.missed is None and not follow.signs.keys() >= wanted.keys():
            follow.missed = math.inf
    except UndecidedError:
        follow.open += 1
    return follow


def _split_box(box: Mapping[str, tuple[float, float]]) -> Iterator[dict[str, tuple[float, float]]]:
    """The two halves of a box along its longest side, by the number of doubles on it."""
    sides = [(_halvings(*side), name) for name, side in box.items()]
    length, name = max(sides)
    low, high = box[name]
    middle = between(low, high, THIN_BOX)
    if length <= 0 or middle is None:
        return
    yield {**box, name: (low, middle)}
    yield {**box, name: (middle, high)}


def _halvings(low: float, high: float) -> float:
    """How long an interval is, in halvings until it is thin; less for what lies close to 0."""
    if between(low, high, THIN_BOX) is None:
        return 0.0
    if low < 0 < high:
        return 1200.0
    a, b = sorted((abs(low), abs(high)))
    near = min(0.0, math.log2(b))
    if a == 0:
        return max(0.5, 60 + near) if b <= 1 else 1100.0
    return max(0.1, (100 + math.log2(b / a) if b > 4 * a else 50 + math.log2((b - a) / b)) + near)


def feasible(forms: Sequence[Form], names: Sequence[str]) -> dict[str, Fraction] | None:
    """A point at which each affine form has its sign (-1, 0 or 1), by elimination; else None.

    Raises `TooManyError` where that would take too long.
    """
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
        if len(above) * len(below) > MAX_PAIRS:
            raise TooManyError
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
        bound = -(apply_form(form, point) + form.get("", Fraction(0))) / factor
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
