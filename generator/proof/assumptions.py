"""What formulas are where signs are taken for granted, whether or not a place has them.

A piece that no search found, and none excluded, does no harm where the formula on it is the
expected one and the value the one around it: both are analytic, and compared at places outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .contexts import Atom, Context, Dual, NoValueError, OutsideError, UndecidedError
from .contradictions import is_excluded
from .questions import Piece, Question
from .regions import Signs
from .sides import same

#: Ways to go on that are followed, at most.
MAX_WAYS = 64
#: Places that agree, to be enough.
AGREEING_PLACES = 3

Place = Mapping[str, Any]


class _SignNotAssumedError(Exception):
    """The sign of an atom is not among those that are taken for granted."""

    def __init__(self, atom: Atom) -> None:
        super().__init__(atom.text)
        self.atom = atom


class _AssumedContext(Context):
    """Takes signs for granted, whatever the numbers are."""

    def __init__(self, values: Mapping[str, Dual], signs: Signs) -> None:
        super().__init__(values)
        self.assumed = {atom.key: sign * atom.flip for atom, sign in signs}

    def decide_sign(self, atom: Atom, value: Any) -> int:
        if atom.key not in self.assumed:
            raise _SignNotAssumedError(atom)
        return self.assumed[atom.key] * atom.flip


def harmless_ways(
    question: Question, gap: Signs, on_border: bool, places: Sequence[Place]
) -> list[Piece] | None:
    """The ways in which a gap may go on, if the formula is right on each of them; else None."""
    pieces: list[Piece] = []
    todo: list[Signs] = [gap]
    for _ in range(MAX_WAYS):
        if not todo:
            return pieces
        signs = todo.pop()
        divisors: dict[str, Atom] = {}
        try:
            on_part = on_border or signs[-1][1] == 0
            agree = _agree(question, signs, on_part, places, divisors)
        except _SignNotAssumedError as asked:
            atom = asked.atom
            ways = [[*signs, (atom, sign)] for sign in (1, -1, 0) if sign not in atom.missing]
            todo += [way for way in ways if not is_excluded(way, question.names)]
            continue
        if not agree:
            return None
        pieces.append(Piece(tuple(signs), (), tuple(divisors.values())))
    return None


def _agree(
    question: Question,
    signs: Signs,
    on_border: bool,
    places: Sequence[Place],
    divisors: dict[str, Atom],
) -> bool:
    """Whether the formula is right under these signs, at a few places that have other signs.

    What is divided by is added to `divisors`.
    """
    agreed, is_open = 0, False
    for place in places:
        c = _AssumedContext(question.values(place), signs)
        agrees = _compare(question, c, on_border, place)
        divisors |= {atom.key: atom for atom in c.divisors}
        if agrees is False:
            return False
        is_open = is_open or agrees is None
        agreed += agrees is True
        if agreed >= AGREEING_PLACES:
            return True
    return agreed > 0 or not is_open


def _compare(
    question: Question, c: _AssumedContext, on_border: bool, place: Place
) -> bool | str | None:
    """True or False; None for a place that does not tell, "outside" for signs without a value."""
    try:
        if question.domain is not None and not question.domain(c):
            return "outside"
        value, slope = question.value(c)
    except OutsideError:
        return "outside"
    except (NoValueError, UndecidedError):
        return None
    if not value.is_finite():
        return None
    try:
        stated = question.stated(c)[0]
        real, _, beside = question.run(Context(question.values(place)))
    except OutsideError:
        return False
    except (NoValueError, UndecidedError):
        return None
    if question.direction is not None and not question.jumps and not same(value, real):
        return False
    if on_border and not question.forbidden:
        return same(stated, beside)
    expected = value if question.direction is None else slope if slope is not None else 0 * value
    return bool(same(expected, stated) != bool(question.forbidden))
