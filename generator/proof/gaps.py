"""Which combinations of signs no point has had, and how a place with one of them is reached.

The signs that decide a piece, or a part of a border, are met one after the other. A gap is a known
beginning followed by a sign that no point has had there. It is looked for exactly where its atoms
are affine, by bisection of boxes, along lines from places where the affine part holds, and by
climbing from places that lack the last sign alone.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from flint import arb

from ..table.rules import copy_tree
from .affine import affine_form, called_function
from .contexts import Atom, Compiled, exact, float_of
from .lines import LARGEST_DOUBLE, Flat, Line, roots
from .questions import Key
from .regions import Form, NoPlaceError, TooManyError, affine_part, feasible, find, holds
from .regions import Signs as Wanted
from .sides import geometric
from .stationary import gradient

#: Gaps that are looked for along lines and by climbing, at most, and the starts for each.
MAX_SEARCHES = 16
MAX_STARTS = 2
#: Atoms whose zeros are looked for, of those in a gap, the last ones first.
MAX_CURVED = 3
#: Intervals looked at for the zeros of an atom on one line.
MAX_INTERVALS = 300
#: How large an integer is tried where one is looked for.
MAX_INTEGER = 300
#: Steps of one climb, and how often one of them is halved.
MAX_STEPS, MAX_HALVINGS = 40, 6
#: Parts of borders, by their signs, from which others are looked for.
MAX_BORDERS = 400

Place = Mapping[str, Any]
#: A known beginning, and a sign that no point has had after it.
Gap = list[tuple[Atom, int]]


def gap_text(gap: Wanted) -> str:
    """Signs as conditions, `x - 1 > 0 and y = 0`."""
    return " and ".join(f"{atom.text} {'=><'[sign]} 0" for atom, sign in gap)


def on_border(gap: Wanted) -> bool:
    """Whether a quantity that moves is wanted to be 0."""
    return any(sign == 0 and _is_border(atom) for atom, sign in gap)


def _is_border(atom: Atom) -> bool:
    return bool(atom.free) and not atom.steps


class SignRecord:
    """The combinations of signs that were met; with `borders`, parts of borders are asked for."""

    def __init__(self, borders: bool) -> None:
        self.borders = borders
        self.known: dict[Key, tuple[tuple[tuple[Atom, int], ...], Place]] = {}
        self.tried: set[tuple[Key, str, int]] = set()
        self.waiting: deque[tuple[Key, int, int]] = deque()
        self.asked = 0
        self.parts = 0
        #: Whether more parts of borders were met than are looked at.
        self.dropped = False

    def add(self, key: Key, signs: tuple[tuple[Atom, int], ...], place: Place) -> None:
        """Remembers a place and the signs that were met there, in their order."""
        if key in self.known:
            return
        on_part = on_border(signs)
        if on_part:
            self.parts += 1
            self.dropped = self.parts > MAX_BORDERS and self.borders
            if self.dropped or not self.borders:
                return
        self.known[key] = signs, dict(place)
        for index, (atom, sign) in enumerate(signs):
            self.tried.add((key[:index], atom.key, sign * atom.flip))
            if not atom.free:
                continue
            others = (1, -1, 0) if self.borders or not _is_border(atom) else (1, -1)
            self.waiting.extend((key, index, o) for o in others if o not in atom.missing)

    def gap(self) -> Gap | None:
        """The next signs up to a decision that went another way in all places; each once."""
        while self.waiting:
            key, index, other = self.waiting.popleft()
            signs, _ = self.known[key]
            atom = signs[index][0]
            mark = key[:index], atom.key, other * atom.flip
            if mark in self.tried:
                continue
            self.tried.add(mark)
            self.asked += other != 0 or atom.steps
            return [*signs[:index], (atom, other)]
        return None

    def starts(self, gap: Wanted) -> list[Place]:
        """Places that have all signs of a gap but the last, or as many of them as there are."""
        begun = [(atom.key, sign * atom.flip) for atom, sign in gap[:-1]]
        ranked = sorted(
            self.known.items(), key=lambda item: -_common_signs(item[0], begun)
        )  # the stable order keeps what was found first
        return [place for _, (_, place) in ranked[:MAX_STARTS]]


def _common_signs(key: Key, begun: Sequence[tuple[str, int]]) -> int:
    pairs = zip(key, begun, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


class PlaceSearch:
    """A search for places with wanted signs, among all `names` and listed integers `whole`."""

    def __init__(
        self, program: Compiled, names: Sequence[str], whole: Sequence[Mapping[str, Fraction]]
    ) -> None:
        self.program = program
        self.names = names
        self.whole = whole
        self.searches = 0

    def place(self, gap: Wanted, starts: Sequence[Place]) -> Place | Literal["open"] | None:
        """A place with these signs; None where there is none, "open" if none was found."""
        try:
            return self._place(gap, starts)
        except NoPlaceError:
            return None
        except TooManyError:
            return "open"

    def _place(self, gap: Wanted, starts: Sequence[Place]) -> Place | Literal["open"]:
        guess = self._guess(gap)
        if guess is not None:
            return guess
        if not on_border(gap):
            values = find(self.program, gap, self.names, self.whole)
            if values is not None:
                return {name: exact(value).mid() for name, value in values.items()}
        if self.searches >= MAX_SEARCHES:
            return "open"
        part, is_all = affine_part(gap, self.names)
        point = self._affine(part)
        insides = [{**point, **{n: exact(v) for n, v in w.items()}} for w in self.whole or [{}]]
        for inside in insides:
            if self._has(inside, gap):
                return inside
        if is_all:
            return "open"
        if _is_single_point(part, self.names) and not self.whole:
            raise NoPlaceError
        self.searches += 1
        for place in self._places_from(gap, [insides[0], *starts]):
            if self._has(place, gap):
                return place
        return "open"

    def _guess(self, gap: Wanted) -> Place | None:
        """A place where whole parts are taken for what they are made of, if it has these signs."""
        if not any(atom.steps and atom.free for atom, _ in gap):
            return None
        integers = [*self.whole[0]] if self.whole else []
        names = (*self.names, *integers)
        forms: list[Form] = []
        for atom, sign in gap:
            form = (
                None
                if atom.node is None
                else affine_form(_RoundingRemoval().visit(copy_tree(atom.node)))
            )
            if form is not None and {n for n in form if n} <= {*names}:
                margin = sign if atom.steps else 0
                forms.append(({**form, "": form[""] - margin}, sign))
        point = feasible(forms, names)
        if point is None:
            return None
        guesses = [{n: Fraction(round(point[n])) for n in integers}, *self.whole]
        if len(integers) == 1:
            guesses += [{integers[0]: Fraction(k)} for k in range(-MAX_INTEGER, MAX_INTEGER + 1)]
        for whole in guesses:
            place = {n: exact(v).mid() for n, v in {**point, **whole}.items()}
            if self._has(place, gap):
                return place
        return None

    def _affine(self, part: Sequence[Form]) -> Place:
        """A place where affine forms have their signs, by elimination."""
        point = feasible(part, self.names)
        if point is None:
            raise NoPlaceError
        return {name: exact(value) for name, value in point.items()}

    def _has(self, place: Place, gap: Wanted) -> bool:
        scale = max((abs(v).mid() for v in place.values()), key=float_of, default=arb(0))
        zero = (scale * arb("1e-300")).mid() if on_border(gap) and scale > 0 else None
        return holds(self.program, gap, place, zero)

    def _places_from(self, gap: Wanted, starts: Sequence[Place]) -> Iterator[Place]:
        """Places on lines through the starts, and above them."""
        curved = [(a, s) for a, s in reversed(gap) if a.affine is None and a.free][:MAX_CURVED]
        for start, way in itertools.product(starts, self._ways()):
            line = _line(start, way)
            for atom, sign in curved:
                yield from _places_on_line(atom, sign, line)
        if not on_border(gap):
            for start in starts:
                yield from self._climb(*gap[-1], start)

    def _ways(self) -> list[dict[str, Fraction]]:
        return [{name: Fraction(1)} for name in self.names]

    def _climb(self, atom: Atom, sign: int, start: Place) -> Iterator[Place]:
        """The end of a climb along the gradient of an atom, if it has the sign there."""
        place = {name: float(start[name]) for name in self.names}
        fixed = {name: value for name, value in start.items() if name not in place}
        for _ in range(MAX_STEPS):
            known = gradient(atom, self.names, place, fixed)
            if known is None:
                return
            value, slopes = known
            if value * sign > 0:
                yield {**fixed, **{name: arb(v) for name, v in place.items()}}
                return
            moved = self._step(atom, value, slopes, place, fixed)
            if moved is None:
                return
            place = moved

    def _step(
        self, atom: Atom, value: float, slopes: Mapping[str, float],
        place: Mapping[str, float], fixed: Place,
    ) -> dict[str, float] | None:  # fmt: skip
        """A step towards the zero of an atom, and a little over it; None if none leads there."""
        steepness = math.sqrt(sum(d * d for d in slopes.values()))
        if not 0 < steepness < math.inf:
            return None
        length = min(1.5 * abs(value) / steepness, 1 + max(map(abs, place.values())))
        length = math.copysign(length, -value)
        for _ in range(MAX_HALVINGS):
            moved = {n: v + length * slopes[n] / steepness for n, v in place.items()}
            known = gradient(atom, self.names, moved, fixed)
            if known is not None and (known[0] * value < 0 or abs(known[0]) < abs(value)):
                return moved
            length /= 4
        return None


def _is_single_point(forms: Sequence[Form], names: Sequence[str]) -> bool:
    """Whether the forms that are 0 leave one point alone."""
    flat = Flat(tuple(names), {})
    for form, sign in forms:
        flat = (flat.cut(form) if sign == 0 else None) or flat
    return not flat.free


class _RoundingRemoval(ast.NodeTransformer):
    """Replaces whole parts by what they are of, half a step away from a jump."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments = [self.visit(argument) for argument in node.args]
        function = called_function(node)
        if function is None or function.middle is None:
            return ast.Call(node.func, arguments, [])
        return ast.BinOp(arguments[0], ast.Add(), ast.Constant(function.middle))


def _line(start: Place, way: Mapping[str, Fraction]) -> Line:
    base = {name: _fraction(value) for name, value in start.items()}
    return Line(base, {name: way.get(name, Fraction(0)) for name in base})


def _fraction(value: Any) -> Fraction:
    """A number as a fraction that is short, since it only says where a line runs."""
    exactly = Fraction(float(value))
    return exactly if abs(exactly) < Fraction(LARGEST_DOUBLE) else Fraction(0)


def _places_on_line(atom: Atom, sign: int, line: Line) -> Iterator[Place]:
    """Places on a line on which an atom is 0, or between its zeros and beside them."""
    zeros = sorted(roots(atom, line, MAX_INTERVALS), key=float_of)
    if sign == 0:
        yield from ({n: v.mid() for n, v in line.place(zero).items()} for zero in zeros)
        return
    for a, b in itertools.pairwise(zeros):
        for t in ((a + b) / 2, geometric(a, b)):
            yield {n: v.mid() for n, v in line.place(t.mid()).items()}
    for zero, distance in itertools.product(zeros, ("1e-3", "-1e-3", "1e-9", "-1e-9")):
        t = (zero + arb(distance) * (abs(zero) if abs(zero) > 1 else 1)).mid()
        yield {n: v.mid() for n, v in line.place(t).items()}
