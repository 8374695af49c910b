"""Whether a stated formula is the expected one, on every piece of the domain and on every border.

Between the zeros of its atoms everything in the vocabulary is analytic, and two analytic functions
that agree at random points to 200 digits are the same. So every piece is found, and a few points
in each decide; then every border is looked at, from both sides and on it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flint import arb

from .assumptions import harmless_ways
from .borders import Border, hole_objection, objection, side_of
from .budget import during
from .contexts import (
    Atom,
    Context,
    NoValueError,
    UndecidedError,
    float_of,
    precision,
    working_precision,
)
from .contradictions import contradict, is_excluded
from .gaps import MAX_BORDERS, Gap, PlaceSearch, SignRecord, gap_text, on_border
from .holes import holes
from .places import Places
from .questions import Answer, Evaluation, Key, Objection, Piece, Question
from .sides import (
    ZERO_TOLERANCE,
    apart,
    near,
    place_text,
    same,
)
from .visibility import SeenParts, WatchedContext

#: Points that decide a piece, and the most that are tried in it.
POINTS_PER_PIECE = 3
#: Pieces that are looked at, at most.
MAX_PIECES = 300
#: Pieces whose places try what a piece that was not found would do.
MAX_AROUND = 8
#: Places on one part of a border, by the signs of all atoms.
MAX_VISITS = 5
#: Combinations of signs that are looked for, at most.
MAX_TRIED = 4000
UNFOUND_REASON = "no place was found, and none is excluded, where"
#: How often the precision is doubled where a ball is too wide.
MAX_DOUBLINGS = 3

_ZERO = arb(0)


def decide(question: Question) -> Answer:
    """The answer to a question; the first objection ends the search."""
    with working_precision(precision(set(question.constants))):
        return _PieceSearch(question).answer()


def objection_at(question: Question, places: Sequence[Mapping[str, Any]]) -> Objection | None:
    """What speaks against the formula of a question at places on a border."""
    with working_precision(precision(set(question.constants))):
        search = _PieceSearch(question)
        for place in places:
            search.border(place)
    return search.result.objection


class _PieceSearch:
    def __init__(self, question: Question) -> None:
        self.question = question
        self.bits = precision(set(question.constants))
        self.draws = random.Random(question.seed)
        self.result = Answer()
        self.pool: dict[Key, Piece] = {}
        self.signs = SignRecord(question.borders and not question.forbidden)
        self.agreed: dict[Key, int] = {}
        self.seen = SeenParts()
        self.outside: set[Key] = set()
        self.corners = 0
        self.visits: dict[tuple[int | None, ...], int] = {}
        self.enough, self.most_visits = (1, 2) if question.brief else (POINTS_PER_PIECE, MAX_VISITS)
        distinct: dict[str, Atom] = {}
        for atom in question.atoms:
            if atom.key not in distinct or (atom.decides and not distinct[atom.key].decides):
                distinct[atom.key] = atom
        self.atoms = [atom for atom in distinct.values() if atom.free]

    def answer(self) -> Answer:
        with during("places on lines"):
            for place, border in Places(self.question, self.atoms, self.draws):
                if border:
                    self.border(place)
                else:
                    self.point(place)
                if self.result.objection:
                    return self.result
        self._search_gaps()
        self._search_holes()
        for key in [*self.pool]:
            if self.result.objection:
                return self.result
            if key not in self.outside and not self._is_decided(key):
                at = place_text(self.pool[key].points[0])
                self.result.unknown = f"nothing could be told near {at}"
        self.result.pieces = [p for key, p in self.pool.items() if self.agreed.get(key)]
        self.result.unseen = next(self.seen.unseen(), "")
        return self.result

    # Points inside of pieces.

    def point(self, place: Mapping[str, Any]) -> bool:
        """Holds the formula against what is expected at a place; whether they agree there."""
        evaluation = self._evaluate(place)
        if evaluation is None:
            return False
        c, expected, stated, agree = evaluation
        if c.on or (self._slopes and not expected.is_finite()) or self._missing(place, evaluation):
            self.border(place)
            return False
        key = self._remember(c, place)
        missing = not (self._slopes or expected.is_finite() or stated.is_finite())
        if missing or agree:
            self.agreed[key] = self.agreed.get(key, 0) + 1
            if c.visibility is not None:
                self.seen.add(key, c.visibility)
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

    def _missing(self, place: Mapping[str, Any], evaluation: Evaluation) -> bool:
        """Whether two values are compared, and one of them is missing at this point alone."""
        _, expected, stated, _ = evaluation
        if self._slopes or expected.is_finite() == stated.is_finite():
            return False
        return any(self._agree_around(place))

    def _holds_around(self, place: Mapping[str, Any]) -> bool:
        """Whether the two agree near a place too, so that it is not a single point."""
        return all(self._agree_around(place))

    def _agree_around(self, place: Mapping[str, Any]) -> list[bool]:
        near = [self._evaluate(self._nudge(place, scale)) for scale in (1e-6, 1e-9, 1e-12)]
        return [one is not None and one.agree for one in near]

    @property
    def _slopes(self) -> bool:
        return self.question.direction is not None

    def _evaluate(self, place: Mapping[str, Any]) -> Evaluation | None:
        """What is expected and what is stated, with as many bits as that takes."""
        # At the working precision most points decide; it is set already.
        evaluation, is_settled = self._try_place(place)
        for doubling in range(1, MAX_DOUBLINGS):
            if is_settled:
                break
            with working_precision(self.bits << (2 * doubling)):
                closer, is_settled = self._try_place(place)
                evaluation = closer if is_settled else closer or evaluation
        return evaluation

    def _try_place(self, place: Mapping[str, Any]) -> tuple[Evaluation | None, bool]:
        """What is told at the present precision, and whether more bits would tell no more."""
        values = self.question.values(place)
        c = WatchedContext(values, self.bits) if self.question.watching else Context(values)
        try:
            _, expected, stated = self.question.run(c)
        except NoValueError:
            if not c.on:
                self.outside.add(self._remember(c, place))
            return None, True
        except UndecidedError:
            return None, False
        evaluation = Evaluation(c, expected, stated, same(expected, stated))
        return evaluation, c.on or evaluation.agree or apart(expected, stated)

    def _remember(self, c: Context, place: Mapping[str, Any]) -> Key:
        key = tuple(c.signs.items())
        piece = self.pool.get(key)
        if piece is None:
            signs = tuple((atom, c.signs[atom.key] * atom.flip) for atom in c.met)
            divisors = {atom.key: atom for atom in c.divisors}
            self.pool[key] = Piece(signs, (dict(place),), tuple(divisors.values()))
            self.signs.add(key, signs, place)
        elif len(piece.points) < POINTS_PER_PIECE:
            self.pool[key] = replace(piece, points=(*piece.points, dict(place)))
        return key

    def _object(self, what: str, place: Mapping[str, Any], expected: Any, stated: Any) -> None:
        self._keep_objection(objection(what, place, expected, stated))

    def _is_decided(self, key: Key) -> bool:
        """Whether points of a piece agree, after some more were tried near those that are known."""
        for scale in (1e-3, 1e-2, 1e-6, 1e-9, 1e-12, 0.3):
            for point in self.pool[key].points:
                if self.agreed.get(key, 0) >= self.enough or self.result.objection:
                    return True
                self.point(self._nudge(point, scale))
        return self.agreed.get(key, 0) > 0 or key in self.outside

    def _nudge(self, point: Mapping[str, Any], scale: float) -> dict[str, Any]:
        def nudge(value: Any) -> Any:
            size = abs(value).mid() if value != 0 else arb(1)
            return (value + size * arb(scale * self.draws.uniform(-1, 1))).mid()

        moving = self.question.names
        return {n: nudge(v) if n in moving else v for n, v in point.items()}

    # Pieces that no point has met.

    def _search_gaps(self) -> None:
        """Looks for a place with each combination of signs that no point has had."""
        question = self.question
        search = PlaceSearch(question.walk, question.names, self.question.combinations())
        while not self.result.objection:
            gap = self.signs.gap()
            if gap is None:
                if self.signs.dropped:
                    self._leave_open(f"more than {MAX_BORDERS} parts of borders")
                return
            if self.signs.asked > MAX_TRIED or len(self.pool) > MAX_PIECES:
                self._leave_open(f"more than {MAX_PIECES} pieces")
                return
            if is_excluded(gap, question.names):
                continue
            with during(f"a place where {gap_text(gap)}"):
                self._decide_gap(search, gap)

    def _decide_gap(self, search: PlaceSearch, gap: Gap) -> None:
        """Decides a combination of signs that no point has had."""
        ways = harmless_ways(self.question, gap, on_border(gap), self._nearby_places())
        if ways is not None:
            self.result.assumed += [way for way in ways if not on_border(way.signs)]
            return
        place = self._search_place(search, gap)
        if place is not None and on_border(gap):
            self.border(place)
        elif place is not None:
            self.point(place)

    def _search_place(self, search: PlaceSearch, gap: Gap) -> Mapping[str, Any] | None:
        """A place with signs that were looked for; what is open is told in the answer."""
        known = self.question.known
        key = tuple((atom.key, sign * atom.flip) for atom, sign in gap)
        if key not in known:
            known[key] = None
            if not contradict(gap, self.question.names):
                with working_precision(2 * self.bits):
                    known[key] = search.place(gap, self.signs.starts(gap))
        place = known[key]
        if isinstance(place, str):
            self._leave_open(f"{UNFOUND_REASON} {gap_text(gap)}")
            return None
        return place

    def _leave_open(self, why: str) -> None:
        self.result.unknown = self.result.unknown or why

    def _nearby_places(self) -> list[Mapping[str, Any]]:
        """A few places in pieces that are known."""
        known = [*self.pool.values()][:MAX_AROUND]
        around = [place for piece in known for place in piece.points[:2]]
        return [self._nudge(place, scale) for scale in (1e-3, 0.3) for place in around]

    def _search_holes(self) -> None:
        """Looks for a place in each piece where what is divided by there is 0."""
        question = self.question
        if question.forbidden or not question.borders:
            return
        pieces = *self.pool.values(), *self.result.assumed
        for gap, place in holes(question, pieces, self.question.combinations(), 2 * self.bits):
            if isinstance(place, str):
                self._leave_open(f"{UNFOUND_REASON} {gap_text(gap)}")
            elif place is not None:
                self.border(place)
            if self.result.objection:
                return

    # Borders.

    def border(self, place: Mapping[str, Any]) -> None:
        """Holds the formula against the value on a border, and on both sides of it."""
        question = self.question
        if question.forbidden or not question.borders:
            return
        with working_precision(2 * self.bits):
            scale = max((abs(v).mid() for v in place.values()), key=float_of, default=_ZERO)
            # Places on borders are known to twice the precision, but for a few bits.
            zero = (scale * arb(2) ** int(-1.6 * self.bits)).mid() if scale > 0 else None
            if zero is not None:
                place = {n: _ZERO if abs(v) <= zero else v for n, v in place.items()}
            if not self._slopes:
                self._compare_at(place, zero)
                return
            c, value, expected, stated = self._values_on_border(place, zero)
            if c is not None and not c.on and value is not None and same(expected, stated):
                # Nothing that decides is 0 here: both are analytic, and agree around the place.
                return
            if value is not None and self._is_worn(place, zero):
                return
            sides = [side_of(question, place, zero, sign, value) for sign in (1, -1)]
            declared = question.declared is not None and question.declared(place)
            if value is None:
                self._keep_objection(hole_objection(place, sides, declared))
                return
            here = Border(place, stated, declared, question.jumps)
            self._keep_objection(here.objection([s for s in sides if s is not None], len(sides)))
            if here.kink and self.corners <= 1:
                # Where two borders meet there may be no partials that fit every direction.
                self.result.kinks.append(place)

    def _keep_objection(self, objection: Objection | None) -> None:
        if self.result.objection is None:
            self.result.objection = objection

    def _is_worn(self, place: Mapping[str, Any], zero: Any) -> bool:
        """Whether a part of a border, by what is 0 there, was looked at often enough."""
        c = Context(self.question.values(place), zero)
        signs: list[int | None] = []
        for atom in self.atoms:
            try:
                sign = c.sign(atom, atom.quantity(c)[0])
                signs.append(sign if atom.decides else abs(sign))
            except (NoValueError, UndecidedError):
                signs.append(None)
        key = tuple(signs)
        self.corners = signs.count(0)
        self.visits[key] = self.visits.get(key, 0) + 1
        return self.visits[key] > self.most_visits

    def _compare_at(self, place: Mapping[str, Any], zero: Any) -> None:
        c = Context(self.question.values(place), zero)
        try:
            _, expected, stated = self.question.run(c)
        except (NoValueError, UndecidedError):
            return
        self._remember_border(c, place)
        finite = expected.is_finite(), stated.is_finite()
        if finite[0] != finite[1] or (all(finite) and not near(expected, stated, ZERO_TOLERANCE)):
            self._keep_objection(
                objection("the values differ", place, expected, stated, single=True)
            )

    def _values_on_border(self, place: Mapping[str, Any], zero: Any) -> tuple[Any, Any, Any, Any]:
        """Value and formula on a border; None for a value that is not there."""
        c = Context(self.question.values(place), zero)
        try:
            value, expected, stated = self.question.run(c)
        except (NoValueError, UndecidedError):
            return None, None, None, None
        self._remember_border(c, place)
        return (c, value, expected, stated) if value.is_finite() else (c, None, None, None)

    def _remember_border(self, c: Context, place: Mapping[str, Any]) -> None:
        signs = tuple((atom, c.signs[atom.key] * atom.flip) for atom in c.met)
        self.signs.add(tuple(c.signs.items()), signs, place)
