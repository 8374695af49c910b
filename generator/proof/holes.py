"""Where something is divided by 0 within a piece: lines and flats may miss such places.

Each quantity that is divided by in a piece is looked for at 0 with the signs of the piece: exactly
where its form allows, along lines from points of the piece, and by bisection, which may also show
that there is no such place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from .arithmetic import ZERO
from .budget import during
from .contexts import Context, Dual, working_precision
from .contradictions import contradict, is_excluded
from .gaps import Gap, PlaceSearch, gap_text
from .questions import Piece, Question
from .regions import NoPlaceError, TooManyError, find

Place = Mapping[str, Any]

#: Quantities of a piece that are looked for, at most.
MAX_DIVISORS = 12
#: Places in other pieces that a search starts from too, at most.
MAX_AROUND = 8


def holes(
    question: Question,
    pieces: Sequence[Piece],
    whole: Sequence[Mapping[str, Fraction]],
    bits: int,
) -> Iterator[tuple[Gap, Place | Literal["open"] | None]]:
    """Signs of a piece together with a 0 of what is divided by, and a place that has them.

    The place is None where there is none, "open" if that is not known.
    """
    around = [point for piece in pieces for point in piece.points[:1]][:MAX_AROUND]
    for piece in pieces:
        for gap in _gaps(question, piece):
            with during(f"a place where {gap_text(gap)}"), working_precision(bits):
                place = _place(question, gap, [*piece.points, *around], whole)
            yield gap, place


def _gaps(question: Question, piece: Piece) -> Iterator[Gap]:
    """The signs of a piece together with a 0 of what is divided by in it."""
    known = {atom.key for atom, _ in piece.signs}
    for divisor in piece.divisors[:MAX_DIVISORS]:
        if divisor.key in known or 0 in divisor.missing or divisor.steps:
            continue
        if len(divisor.free & {*question.names}) < 2:
            # Of one argument: all of its zeros are on every line along it.
            continue
        # What is made of the quotient has no sign where there is none.
        before = [(a, s) for a, s in piece.signs if divisor.text not in a.text]
        gap: Gap = [*before, (divisor, 0)]
        if not is_excluded(gap, question.names):
            yield gap


def _place(
    question: Question, gap: Gap, starts: Sequence[Place], whole: Sequence[Mapping[str, Fraction]]
) -> Place | Literal["open"] | None:
    if contradict(gap, question.names):
        return None

    def program(c: Context) -> Dual:
        for atom, _ in gap:
            c.sign(atom, atom.quantity(c)[0])
        return ZERO, None

    search = PlaceSearch(program, question.names, whole)
    place = search.place(gap, starts)
    if place != "open":
        return place
    try:
        find(program, gap, question.names, whole)
    except NoPlaceError:
        return None
    except TooManyError:
        pass
    return "open"
