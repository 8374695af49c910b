"""What a border shows: the value on it, and what value and slope tend to on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from .contexts import Context, NoValueError, UndecidedError, exact, float_of
from .questions import Objection, Question
from .sides import SLOPE_ROUNDING, Side, distinct_texts, short_text

#: The limits on both sides of a border are taken at these two distances.
LIMIT, NEARER = arb("1e-60"), arb("1e-90")

_ZERO = arb(0)


def objection(
    what: str, place: Mapping[str, Any], expected: Any, stated: Any, single: bool = False
) -> Objection:
    """What speaks against a formula at a place."""
    at = {name: float(value) for name, value in place.items()}
    first, second = distinct_texts(expected, stated)
    return Objection(what, at, first, second, single)


def side_of(
    question: Question, place: Mapping[str, Any], zero: Any, sign: int, value: Any
) -> Side | None:
    """What value and slope tend to on one side; None where there is no value."""
    moving = [place[name] for name in question.direction or {}]
    sizes = [abs(v).mid() for v in moving if v != 0]
    small = min((abs(c) for c in question.constants if c), default=Fraction(1))
    unit = min(sizes, key=float_of) if sizes else exact(min(Fraction(1), small))
    points = []
    for distance in (LIMIT, NEARER):
        step = (sign * unit * distance).mid()
        c = Context(question.values(place, step), zero)
        try:
            near, slope, _ = question.run(c)
        except (NoValueError, UndecidedError):
            return None
        if not near.is_finite():
            return None
        points.append((near, slope, step))
    (v, d, _), (w, e, nearest) = points
    # What grows, or creeps, between the two distances has no limit that could be judged.
    infinite = not e.is_finite() or (
        abs(e - d) > arb("1e-25") * (1 + abs(e)) and not abs(e) < abs(d) / 100
    )
    jumps = value is not None and (_jumps(value, w, e, e - d, nearest) or _stays(value, v, w))
    bounded = abs(w - v) < arb("1e-7") * (1 + abs(w))
    return Side(w, d, e, jumps, bool(infinite), bool(bounded))


def _jumps(value: Any, near: Any, slope: Any, change: Any, step: Any) -> bool:
    """Whether the value on a border differs from what it tends to beside it."""
    if slope.is_finite() and abs(change) < arb("1e-25") * (1 + abs(slope)):
        # A smooth side: the slope leads to the value, but for its own change on the way.
        gap = abs(near - value - slope * step)
        return bool(gap > abs(change * step) + SLOPE_ROUNDING**3 * (1 + abs(value)))
    most = abs(step) * 1000 * (abs(slope) if slope.is_finite() else 1)
    return bool(abs(near - value) > most + arb("1e-150") * (1 + abs(value)))


def _stays(value: Any, far: Any, near: Any) -> bool:
    """Whether what is near a border comes no nearer to the value on it, as steep as it may be."""
    gap = abs(near - value)
    return bool(gap > arb("0.99") * abs(far - value) and gap > arb("1e-150") * (1 + abs(value)))


def hole_objection(
    place: Mapping[str, Any], sides: Sequence[Side | None], declared: bool
) -> Objection | None:
    """Objects to a point without a value between two sides that have one."""
    right, left = sides
    if right is None or left is None or not (right.bounded and left.bounded) or declared:
        return None
    limit = right.value if abs(right.value) > arb("1e-50") else _ZERO
    return objection("the value has a hole that is not declared", place, limit, arb.nan())


class Border:
    """A place on a border, and the formula there; `declared` if the row says what happens."""

    def __init__(self, place: Mapping[str, Any], stated: Any, declared: bool, jumps: bool) -> None:
        self.place = place
        self.stated = stated
        self.declared = declared
        self.jumps = jumps
        self.kink = False

    def objection(self, sides: Sequence[Side], count: int) -> Objection | None:
        """What speaks against the formula here, by those of `count` sides that have a value."""
        stated, place = self.stated, self.place
        if not stated.is_finite():
            what = "the formula is not finite where the value is"
            beside = sides[0].near if sides else arb.nan()
            return None if self.declared else objection(what, place, beside, stated)
        jumping = [side for side in sides if side.jumps]
        if jumping and not (self.declared or self.jumps):
            return objection("the value jumps", place, jumping[0].value, stated)
        if not sides or any(side.infinite for side in sides):
            return None
        if len(sides) == 1 or sides[0].joins(sides[1]):
            if any(side.meets(stated) for side in sides) or sides[0].jumps:
                return None
            what = "the formula is not the slope at a single point"
            return objection(what, place, sides[0].near, stated, single=True)
        self.kink = True
        return self._at_kink(sides)

    def _at_kink(self, sides: Sequence[Side]) -> Objection | None:
        low, high = sorted((side.near for side in sides), key=float_of)
        margin = sum((side.margin for side in sides), SLOPE_ROUNDING * (1 + abs(low) + abs(high)))
        if self.stated < low - margin or self.stated > high + margin:
            what = f"the formula is not between the slopes {short_text(low)} and {short_text(high)}"
            return objection(what, self.place, low, self.stated, single=True)
        if self.declared or self.jumps:
            return None
        what = "the value has a kink that is not declared"
        return objection(what, self.place, low, high, single=True)
