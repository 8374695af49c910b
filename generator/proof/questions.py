"""What is asked about a formula, and what is answered."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, NamedTuple

from flint import arb

from .contexts import Atom, Compiled, Context, Dual, NoValueError, OutsideError, Test, exact

#: Integers that an argument of that role is tried with, beside those that a row lists.
INTEGER_TRIALS = (0, 1, 2, 3, -1, -2, 7)
#: Combinations of integers that are tried, at most.
MAX_COMBINATIONS = 120
#: The signs that make out a piece, by the keys of its atoms.
Key = tuple[tuple[str, int], ...]
#: A place that has the signs of a key; None if there is none, "open" if none was found.
Known = dict[Key, Mapping[str, Any] | Literal["open"] | None]
#: The zeros of atoms on lines, by the atom, the line, and the bits.
Zeros = dict[tuple[object, ...], list[Any]]


@dataclass(frozen=True)
class Objection:
    """A point that speaks against a formula: what is wrong, what was expected and stated."""

    what: str
    point: Mapping[str, float]
    expected: str = ""
    stated: str = ""
    single: bool = False


class Evaluation(NamedTuple):
    """Both formulas at a place, and whether they are equal to 150 digits."""

    context: Context
    expected: Any
    stated: Any
    agree: bool


@dataclass(frozen=True)
class Piece:
    """One piece: the signs that make it out, points in it, and what is divided by there."""

    signs: tuple[tuple[Atom, int], ...]
    points: tuple[Mapping[str, Any], ...]
    divisors: tuple[Atom, ...] = ()


@dataclass
class Answer:
    """What was found: the pieces that agree, an objection, or why the matter is not decided.

    `assumed` are pieces of which no place is known, where the formula would be right. `unseen` is a
    part that is too small to be seen at every point of a piece.
    """

    pieces: list[Piece] = field(default_factory=list)
    assumed: list[Piece] = field(default_factory=list)
    kinks: list[Mapping[str, Any]] = field(default_factory=list)
    objection: Objection | None = None
    unknown: str = ""
    unseen: str = ""

    @property
    def stretches(self) -> list[Piece]:
        """All that SymPy has to prove: pieces, and what would be pieces if there were a place."""
        return [*self.pieces, *self.assumed]


@dataclass(frozen=True)
class Question:
    """`stated` is held against the slope of `value` along `direction`, or against `value` itself.

    `names` vary over all numbers, `whole` over integers (each with those that are to be tried).
    Outside `domain`, and where the value is not finite, nothing is asked. `declared` tells where
    the value may have no slope. With `jumps`, the value may jump, and bend, anywhere. If
    `forbidden` says something, then the question is the opposite one: the formula must not agree
    with the value on any whole piece, and that is what is said where it does. Without `borders`,
    single points do not count. `extra` points are tried first; `more` are points that a brief
    question does without. With `watching`, it is noted which parts are seen. A `brief` question is
    about finding every piece and border with few points: what holds on them is to be proved by
    SymPy. `known` remembers which pieces were looked for, and `zeros` those of atoms on lines; both
    are shared by questions about one row.
    """

    value: Compiled
    stated: Compiled
    names: tuple[str, ...]
    direction: Mapping[str, Fraction | str] | None
    atoms: Sequence[Atom]
    constants: frozenset[Fraction] = frozenset()
    whole: Mapping[str, Sequence[float]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    domain: Test | None = None
    declared: Callable[[Mapping[str, Any]], bool] | None = None
    jumps: bool = False
    forbidden: str = ""
    borders: bool = True
    extra: Sequence[Mapping[str, float]] = ()
    more: Callable[[], Sequence[Mapping[str, float]]] = tuple
    seed: str = ""
    watching: bool = False
    brief: bool = False
    known: Known = field(default_factory=dict)
    zeros: Zeros = field(default_factory=dict)

    def values(self, place: Mapping[str, Any], step: Any = None) -> dict[str, Dual]:
        """A place, moved by `step` along the direction, with the direction as its slope."""
        values: dict[str, Dual] = {name: (ball, None) for name, ball in place.items()}
        for name, way in self._ways:
            slope = place[way] if isinstance(way, str) else way
            values[name] = (place[name] if step is None else place[name] + step * slope, slope)
        return values

    @cached_property
    def _ways(self) -> list[tuple[str, Any]]:
        """The direction, with a ball for each number."""
        ways = (self.direction or {}).items()
        return [(name, way if isinstance(way, str) else exact(way)) for name, way in ways]

    def combinations(self) -> list[dict[str, Fraction]]:
        """The integers that are tried together, the first `MAX_COMBINATIONS` of them."""
        rows = itertools.product(*(map(Fraction, values) for values in self.whole.values()))
        first = itertools.islice(rows, MAX_COMBINATIONS)
        return [dict(zip(self.whole, row, strict=True)) for row in first]

    def walk(self, c: Context) -> Dual:
        """Domain, value and formula in their order: the atoms that are met make out the piece."""
        if self.domain is not None and not self.domain(c):
            raise OutsideError
        self.value(c)
        return self.stated(c)

    def run(self, c: Context) -> tuple[Any, Any, Any]:
        """The value, what is expected of the formula, and the formula; NaN where it has no value.

        Raises `NoValueError` where nothing is asked.
        """
        moving = c.values
        # Only the value needs a slope.
        still = {name: (ball, None) for name, (ball, _) in moving.items()}
        c.values = still
        if self.domain is not None and not self.domain(c):
            raise OutsideError
        c.values = moving
        value, slope = self.value(c)
        if self.direction is not None and not value.is_finite():
            raise OutsideError
        c.values = still
        try:
            stated = self.stated(c)[0]
        except NoValueError:
            stated = arb.nan()
        expected = value if self.direction is None else arb(0) if slope is None else slope
        return value, expected, stated
