"""Whether a stated formula is the expected one, on every piece of the domain and on every border.

Between the zeros of its atoms everything in the vocabulary is analytic, and two analytic functions
that agree at random points to 200 digits are the same. So every piece is found, and a few points
in each decide; then every border is looked at, from both sides and on it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from .contexts import (
    Atom,
    Context,
    NoValueError,
    UndecidedError,
    exact,
    float_of,
    precision,
    working_precision,
)
from .lines import Flat, Line, flats, lines, roots
from .questions import Answer, Key, Objection, Piece, Question
from .regions import find
from .sides import (
    DISTANCES,
    SMALL,
    Side,
    apart,
    both_sides,
    distinct,
    geometric,
    near,
    place_text,
    same,
    short,
    texts,
)

#: Points that decide a piece, and the most that are tried in it.
ENOUGH = 3
#: Pieces, flats and borders that are looked at, at most.
MAX_PIECES = 300
MAX_FLATS = 24
#: Places on one part of a border, by the signs of all atoms.
MAX_VISITS = 5
#: Combinations of whole numbers that are tried, at most.
MAX_WHOLE = 40
#: Combinations of signs that are looked for, at most.
MAX_TRIED = 4000
#: How often the precision is doubled where a ball is too wide.
DOUBLINGS = 3
#: Distances from a border at which both sides are looked at.
#: The limits on both sides of a border are taken at these two distances.
LIMIT, NEARER = arb("1e-60"), arb("1e-90")

_ZERO = arb(0)


def decide(question: Question) -> Answer:
    """The answer to a question; the first objection ends the search."""
    with working_precision(precision(set(question.constants))):
        return _Search(question).answer()


def along(question: Question, places: Sequence[Mapping[str, Any]]) -> Objection | None:
    """What speaks against the formula of a question at places on a border."""
    with working_precision(precision(set(question.constants))):
        search = _Search(question)
        for place in places:
            search.border(place)
    return search.found.objection


class _Search:
    def __init__(self, question: Question) -> None:
        self.question = question
        self.bits = precision(set(question.constants))
        self.draws = random.Random(question.seed)
        self.found = Answer()
        self.pool: dict[Key, Piece] = {}
        self.agreed: dict[Key, int] = {}
        self.outside: set[Key] = set()
        self.corners = 0
        self.visits: dict[tuple[int | None, ...], int] = {}
        self.distances = DISTANCES if len(question.names) == 1 else DISTANCES[::2]
        distinct: dict[str, Atom] = {}
        for atom in question.atoms:
            distinct.setdefault(atom.key, atom)
        self.atoms = [atom for atom in distinct.values() if atom.free]

    def answer(self) -> Answer:
        for place, border in self._places():
            if border:
                self.border(place)
            else:
                self.point(place)
            if self.found.objection:
                return self.found
        self._find_missing()
        for key in [*self.pool]:
            if self.found.objection:
                return self.found
            if key not in self.outside and not self._settled(key):
                at = place_text(self.pool[key].points[0])
                self.found.unknown = f"nothing could be told near {at}"
        self.found.pieces = [p for key, p in self.pool.items() if self.agreed.get(key)]
        return self.found

    # Where to look.

    def _places(self) -> Iterator[tuple[dict[str, Any], bool]]:
        """Places to look at, and whether one lies on a border."""
        for point in self.question.extra:
            yield {name: arb(value) for name, value in point.items()}, False
        if not self.question.names:
            for whole in self._combinations():
                yield {name: exact(value) for name, value in whole.items()}, False
            return
        ranges = dict.fromkeys(self.question.names, (-4.0, 4.0))
        ranges.update({n: r for n, r in self.question.ranges.items() if n in ranges})
        several = len(self.question.names) > 1
        for flat in flats(self.question.names, self.atoms, MAX_FLATS):
            count = 0 if flat.solved else 2 if several else 0
            for line in lines(flat, self.draws, ranges, count):
                yield from self._along(line, flat)

    def _along(self, line: Line, flat: Flat) -> Iterator[tuple[dict[str, Any], bool]]:
        """Places on a line: on each zero of an atom, on both sides of it, and between."""
        whole = {n: self.draws.choice([*v]) for n, v in self.question.whole.items()}
        numbers = Line(
            {**line.base, **{n: Fraction(v) for n, v in whole.items()}},
            {**line.direction, **dict.fromkeys(whole, Fraction(0))},
        )
        if not flat.free:
            yield numbers.place(_ZERO), True
            return
        zeros = sorted(distinct([r for a in self.atoms for r in roots(a, numbers)]), key=float_of)
        border = bool(flat.solved)
        pairs = [*itertools.pairwise(zeros)]
        between = [middle for a, b in pairs for middle in ((a + b) / 2, geometric(a, b))]
        for t in (*map(arb, self._spread(line, flat)), *between):
            yield numbers.place(t.mid()), border
        for zero in zeros:
            yield numbers.place(zero.mid()), True
            for t in () if border else both_sides(zero.mid(), self.distances):
                yield numbers.place(t), False
        if not border:
            for t in self._constants(line):
                yield numbers.place(t), False

    def _spread(self, line: Line, flat: Flat) -> list[float]:
        """Numbers of all sizes, and some in the range of the samples."""
        if flat.solved:
            return [0.37, -2.9, 97.0]
        spread = [0.37, -2.9, 13.3, -71.9, 1.1e3, -1e9, 1e-4]
        if len(flat.free) == 1:
            spread += [-0.61, 1.7, -2.3e4, 1e7, -1e-7]
        for name, (low, high) in self.question.ranges.items():
            if line.direction.get(name):
                spread += [self.draws.uniform(low, high) for _ in range(2)]
        return spread

    def _constants(self, line: Line) -> list[Any]:
        """Each number of the text, and a number near it, on a line along an axis."""
        if sum(map(bool, line.direction.values())) > 1:
            return []
        stated = sorted({c for c in self.question.constants if c})[:24]
        return [exact(c * factor).mid() for c in stated for factor in (1, Fraction(1001, 1000))]

    # Points inside of pieces.

    def point(self, place: Mapping[str, Any]) -> bool:
        """Holds the formula against what is expected at a place; whether they agree there."""
        told = self._told(place)
        if told is None:
            return False
        c, expected, stated = told
        if c.on or (self._slopes and not expected.is_finite()) or self._missing(place, told):
            self.border(place)
            return False
        key = self._remember(c, place)
        missing = not (self._slopes or expected.is_finite() or stated.is_finite())
        if missing or same(expected, stated):
            self.agreed[key] = self.agreed.get(key, 0) + 1
            if self.question.forbidden and self._holds_around(place):
                self._object(self.question.forbidden, place, expected, stated)
            return True
        if self.question.forbidden:
            self.agreed[key] = self.agreed.get(key, 0) + 1
        elif not stated.is_finite():
            self._object("the formula is not finite where the value is", place, expected, stated)
        elif not expected.is_finite() or apart(expected, stated):
            self._object("the formula is not what is expected", place, expected, stated)
        return False

    def _missing(self, place: Mapping[str, Any], told: tuple[Context, Any, Any]) -> bool:
        """Whether two values are compared, and one of them is missing at this point alone."""
        _, expected, stated = told
        if self._slopes or expected.is_finite() == stated.is_finite():
            return False
        around = [self._told(self._nudged(place, scale)) for scale in (1e-6, 1e-9, 1e-12)]
        return any(near is not None and same(near[1], near[2]) for near in around)

    def _holds_around(self, place: Mapping[str, Any]) -> bool:
        """Whether the two agree near a place too, so that it is not a single point."""
        near = [self._told(self._nudged(place, scale)) for scale in (1e-6, 1e-9, 1e-12)]
        return all(told is not None and same(told[1], told[2]) for told in near)

    @property
    def _slopes(self) -> bool:
        return self.question.direction is not None

    def _told(self, place: Mapping[str, Any]) -> tuple[Context, Any, Any] | None:
        """Context, what is expected and what is stated, with as many bits as that takes."""
        told: tuple[Context, Any, Any] | None = None
        for doubling in range(DOUBLINGS):
            with working_precision(self.bits << (2 * doubling)):
                c = Context(self.question.values(place))
                try:
                    _, expected, stated = self.question.run(c)
                except NoValueError:
                    if not c.on:
                        self.outside.add(self._remember(c, place))
                    return None
                except UndecidedError:
                    continue
                told = c, expected, stated
                if c.on or same(expected, stated) or apart(expected, stated):
                    break
        return told

    def _remember(self, c: Context, place: Mapping[str, Any]) -> Key:
        key = tuple((atom.key, c.signs[atom.key]) for atom in c.met)
        piece = self.pool.get(key)
        if piece is None:
            signs = tuple((atom, c.signs[atom.key] * atom.flip) for atom in c.met)
            self.pool[key] = Piece(signs, (dict(place),))
        elif len(piece.points) < ENOUGH:
            self.pool[key] = Piece(piece.signs, (*piece.points, dict(place)))
        return key

    def _object(
        self, what: str, place: Mapping[str, Any], expected: Any, stated: Any, single: bool = False
    ) -> None:
        if self.found.objection is None:
            at = {name: float(value) for name, value in place.items()}
            first, second = texts(expected, stated)
            self.found.objection = Objection(what, at, first, second, single)

    def _settled(self, key: Key) -> bool:
        """Whether points of a piece agree, after some more were tried near those that are known."""
        for scale in (1e-3, 1e-2, 1e-6, 1e-9, 1e-12, 0.3):
            for point in self.pool[key].points:
                if self.agreed.get(key, 0) >= ENOUGH or self.found.objection:
                    return True
                self.point(self._nudged(point, scale))
        return self.agreed.get(key, 0) > 0 or key in self.outside

    def _nudged(self, point: Mapping[str, Any], scale: float) -> dict[str, Any]:
        def nudged(value: Any) -> Any:
            size = abs(value).mid() if value != 0 else arb(1)
            return (value + size * arb(scale * self.draws.uniform(-1, 1))).mid()

        moving = self.question.names
        return {n: nudged(v) if n in moving else v for n, v in point.items()}

    # Pieces that no point has met.

    def _find_missing(self) -> None:
        """Looks for a place with each combination of signs that no point has had."""
        whole = self._combinations()
        tried: set[tuple[Key, str, int]] = set()
        while not self.found.objection:
            gap = self._gap(tried)
            if gap is None:
                return
            if len(tried) > MAX_TRIED or len(self.pool) > MAX_PIECES:
                self.found.unknown = f"more than {MAX_PIECES} pieces"
                return
            key = tuple((atom.key, sign * atom.flip) for atom, sign in gap)
            known = self.question.known
            if key not in known:
                known[key] = find(self.question.walk, gap, self.question.names, whole)
            place = known[key]
            if place is not None:
                self.point({name: exact(value).mid() for name, value in place.items()})

    def _combinations(self) -> list[dict[str, Fraction]]:
        listed = self.question.whole
        rows = itertools.product(*([Fraction(v) for v in values] for values in listed.values()))
        return [dict(zip(listed, row, strict=True)) for row in itertools.islice(rows, MAX_WHOLE)]

    def _gap(self, tried: set[tuple[Key, str, int]]) -> list[tuple[Atom, int]] | None:
        """Signs up to a decision that went another way in all points; each is tried once."""
        for key, piece in self.pool.items():
            for index, (atom, sign) in enumerate(piece.signs):
                prefix = key[:index]
                tried.add((prefix, atom.key, sign * atom.flip))
        for key, piece in self.pool.items():
            for index, (atom, _) in enumerate(piece.signs):
                for other in (1, -1, 0) if atom.steps else (1, -1):
                    mark = (key[:index], atom.key, other * atom.flip)
                    if mark not in tried:
                        tried.add(mark)
                        return [*piece.signs[:index], (atom, other)]
        return None

    # Borders.

    def border(self, place: Mapping[str, Any]) -> None:
        """Holds the formula against the value on a border, and on both sides of it."""
        with working_precision(2 * self.bits):
            scale = max((abs(v).mid() for v in place.values()), key=float_of, default=_ZERO)
            zero = (scale * SMALL).mid() if scale > 0 else None
            if self.question.forbidden or not self.question.borders:
                return
            if not self._slopes:
                self._compared(place, zero)
                return
            value, stated = self._on(place, zero)
            if value is not None and self._often(place, zero):
                return
            sides = [self._side(place, zero, sign, value) for sign in (1, -1)]
            if value is None:
                self._hole(place, sides)
            else:
                self._judge(place, stated, [s for s in sides if s is not None], len(sides))

    def _often(self, place: Mapping[str, Any], zero: Any) -> bool:
        """Whether a part of a border, by the signs of all atoms, was looked at often enough."""
        c = Context(self.question.values(place), zero)
        signs: list[int | None] = []
        for atom in self.atoms:
            try:
                signs.append(c.sign(atom, atom.quantity(c)[0]))
            except (NoValueError, UndecidedError):
                signs.append(None)
        key = tuple(signs)
        self.corners = signs.count(0)
        self.visits[key] = self.visits.get(key, 0) + 1
        return self.visits[key] > MAX_VISITS

    def _compared(self, place: Mapping[str, Any], zero: Any) -> None:
        c = Context(self.question.values(place), zero)
        try:
            _, expected, stated = self.question.run(c)
        except (NoValueError, UndecidedError):
            return
        finite = expected.is_finite(), stated.is_finite()
        if finite[0] != finite[1] or (all(finite) and not near(expected, stated, SMALL)):
            self._object("the values differ", place, expected, stated, single=True)

    def _on(self, place: Mapping[str, Any], zero: Any) -> tuple[Any, Any]:
        """Value and formula on a border; None for a value that is not there."""
        try:
            value, _, stated = self.question.run(Context(self.question.values(place), zero))
        except (NoValueError, UndecidedError):
            return None, None
        return (value, stated) if value.is_finite() else (None, None)

    def _side(self, place: Mapping[str, Any], zero: Any, sign: int, value: Any) -> Side | None:
        """What value and slope tend to on one side; None where there is no value."""
        moving = [place[name] for name in self.question.direction or {}]
        sizes = [abs(v).mid() for v in moving if v != 0]
        small = min((abs(c) for c in self.question.constants if c), default=Fraction(1))
        unit = min(sizes, key=float_of) if sizes else exact(min(Fraction(1), small))
        found = []
        for distance in (LIMIT, NEARER):
            step = (sign * unit * distance).mid()
            c = Context(self.question.values(place, step), zero)
            try:
                near, slope, _ = self.question.run(c)
            except (NoValueError, UndecidedError):
                return None
            if not near.is_finite():
                return None
            found.append((near, slope, abs(step)))
        (v, d, _), (w, e, nearest) = found
        jumps = value is not None and abs(w - value) > (
            nearest * 1000 * (abs(e) if e.is_finite() else 1) + SMALL * (1 + abs(value))
        )
        # What grows, or creeps, between the two distances has no limit that could be judged.
        infinite = not e.is_finite() or (
            abs(e - d) > arb("1e-25") * (1 + abs(e)) and not abs(e) < abs(d) / 100
        )
        bounded = abs(w - v) < arb("1e-7") * (1 + abs(w))
        return Side(w, d, e, bool(jumps), bool(infinite), bool(bounded))

    def _hole(self, place: Mapping[str, Any], sides: Sequence[Side | None]) -> None:
        """Objects to a point without a value between two sides that have one."""
        right, left = sides
        if right is None or left is None or not (right.bounded and left.bounded):
            return
        if not self._declared(place):
            limit = right.value if abs(right.value) > arb("1e-50") else _ZERO
            self._object("the value has a hole that is not declared", place, limit, arb.nan())

    def _judge(
        self, place: Mapping[str, Any], stated: Any, sides: Sequence[Side], count: int
    ) -> None:
        declared = self._declared(place)
        if not stated.is_finite():
            if not declared:
                what = "the formula is not finite where the value is"
                self._object(what, place, sides[0].near if sides else arb.nan(), stated)
            return
        if any(side.jumps for side in sides) and not (declared or self.question.jumps):
            far = next(side for side in sides if side.jumps)
            self._object("the value jumps", place, far.value, stated)
            return
        slopes = [side for side in sides if not side.infinite]
        if len(slopes) < len(sides) or not sides:
            return
        if len(sides) == 1 or sides[0].joins(sides[1]):
            if not any(side.meets(stated) for side in sides) and not sides[0].jumps:
                what = "the formula is not the slope at a single point"
                self._object(what, place, sides[0].near, stated, single=True)
            return
        if self.corners <= 1:
            # Where two borders meet there may be no partials that fit every direction.
            self.found.kinks.append(place)
        low, high = sorted((side.near for side in sides), key=float_of)
        margin = arb("1e-25") * (1 + abs(low) + abs(high))
        if stated < low - margin or stated > high + margin:
            what = f"the formula is not between the slopes {short(low)} and {short(high)}"
            self._object(what, place, low, stated, single=True)
        elif not (declared or self.question.jumps):
            self._object("the value has a kink that is not declared", place, low, high, single=True)

    def _declared(self, place: Mapping[str, Any]) -> bool:
        return self.question.declared is not None and self.question.declared(place)
