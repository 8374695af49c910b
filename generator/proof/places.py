"""The places at which a question is looked at: on lines, at the zeros of atoms, and between."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb, ctx

from .contexts import Atom, exact, float_of, working_precision
from .lines import (
    Flat,
    Line,
    constant_positions,
    coordinate,
    flats,
    line_positions,
    lines,
    roots,
)
from .questions import Question
from .sides import DISTANCES, NEAREST, both_sides, distinct, geometric
from .stationary import lines_through_islands

#: Flats that are looked at, at most.
MAX_FLATS = 24
#: Positions on a line of a brief question, beside those that its zeros give.
FEW_POSITIONS, FEW_ON_BORDER = (-2.9, 13.3), (0.37, -2.9)
#: Zeros on a line of a brief question of several arguments, and intervals looked at for those that
#: decide nothing.
FEW_ROOTS, FEW_INTERVALS = 6, 40

_ZERO = arb(0)

#: A place, and whether it lies on a border.
Found = tuple[dict[str, Any], bool]


class Places:
    """Where a question is looked at, in an order that `draws` fixes."""

    def __init__(self, question: Question, atoms: Sequence[Atom], draws: random.Random) -> None:
        self.question = question
        self.atoms = atoms
        self.draws = draws
        self.bits = ctx.prec
        self.distances = DISTANCES if len(question.names) == 1 else DISTANCES[::2]

    def __iter__(self) -> Iterator[Found]:
        question = self.question
        for point in (*question.extra, *(() if question.brief else question.more())):
            yield {name: arb(value) for name, value in point.items()}, False
        if not question.names:
            for whole in question.combinations():
                yield {name: exact(value) for name, value in whole.items()}, False
            return
        ranges = dict.fromkeys(question.names, (-4.0, 4.0))
        ranges.update({n: r for n, r in question.ranges.items() if n in ranges})
        for flat in flats(question.names, self.atoms, MAX_FLATS):
            few = question.brief and not (flat.solved and question.direction is None)
            for line in lines(flat, self.draws, ranges, few):
                yield from self._on_line(line, flat)
        if len(question.names) > 1:
            for line in lines_through_islands(question, self.atoms, self.draws):
                yield from self._on_line(line, Flat(question.names, {}))

        if question.whole and not question.brief:
            yield from self._with_integers(ranges)

    def _with_integers(self, ranges: Mapping[str, tuple[float, float]]) -> Iterator[Found]:
        """A place with each of the integers that are tried together."""
        for whole in self.question.combinations():
            place = {name: coordinate(self.draws, *ranges[name]) for name in ranges}
            yield {name: exact(value) for name, value in {**place, **whole}.items()}, False

    def _on_line(self, line: Line, flat: Flat) -> Iterator[Found]:
        whole = {n: self.draws.choice([*v]) for n, v in self.question.whole.items()}
        with working_precision(2 * self.bits):
            line = Line(
                {**line.base, **{n: Fraction(v) for n, v in whole.items()}},
                {**line.direction, **dict.fromkeys(whole, Fraction(0))},
            )
        if not flat.free:
            yield self._precisely(line, _ZERO), True
            return
        zeros = self._zeros(line)
        # Two values on a border are compared there alone.
        few = self.question.brief and not (flat.solved and self.question.direction is None)
        yield from (self._few_places if few else self._many_places)(line, flat, zeros)

    def _few_places(
        self, line: Line, flat: Flat, zeros: Sequence[tuple[Any, bool]]
    ) -> Iterator[Found]:
        """One place between two zeros, one on each, and one next to it where a piece may end."""
        if flat.solved:
            for t in FEW_ON_BORDER:
                yield self._precisely(line, arb(t)), True
        else:
            for t in (*map(arb, FEW_POSITIONS), *_between([zero for zero, _ in zeros])):
                yield line.place(t.mid()), False
        for zero, decides in zeros:
            yield self._precisely(line, zero), True
            if decides and not flat.solved:
                for t in both_sides(zero.mid(), (NEAREST,)):
                    yield line.place(t), False

    def _many_places(
        self, line: Line, flat: Flat, zeros: Sequence[tuple[Any, bool]]
    ) -> Iterator[Found]:
        """Places of all sizes, on each zero, on both sides of it, and between."""
        border = bool(flat.solved)
        pairs = [*itertools.pairwise(zero for zero, _ in zeros)]
        between = [middle for a, b in pairs for middle in ((a + b) / 2, geometric(a, b))]
        positions = line_positions(line, flat, self.question.ranges, self.draws)
        for t in (*map(arb, positions), *between):
            yield self._precisely(line, t) if border else line.place(t.mid()), border
        for zero, _ in zeros:
            yield self._precisely(line, zero), True
            for t in () if border else both_sides(zero.mid(), self.distances):
                yield line.place(t), False
        if not border:
            for t in constant_positions(line, self.question.constants):
                yield line.place(t), False

    def _zeros(self, line: Line) -> list[tuple[Any, bool]]:
        """The zeros of all atoms on a line in their order, and whether a piece may end there."""
        places: list[Any] = []
        ends: list[Any] = []
        for atom in self.atoms:
            key = atom.text, atom.decides, self.bits, self.question.brief, line.key
            if key not in self.question.zeros:
                self.question.zeros[key] = self._roots(atom, line)
            places += self.question.zeros[key]
            if atom.decides:
                ends += self.question.zeros[key]
        zeros = sorted(distinct(places), key=float_of)
        return [(zero, zero in ends) for zero in zeros]

    def _roots(self, atom: Atom, line: Line) -> list[Any]:
        if not self.question.brief or len(self.question.names) == 1:
            return roots(atom, line)
        # What is divided by is looked for in each piece apart.
        return roots(atom, line, None if atom.decides else FEW_INTERVALS, FEW_ROOTS)

    def _precisely(self, line: Line, t: Any) -> dict[str, Any]:
        """A place on a border, to twice the precision."""
        with working_precision(2 * self.bits):
            return {name: value.mid() for name, value in line.place(t).items()}


def _between(zeros: Sequence[Any]) -> Iterator[Any]:
    """A position between each two zeros, and one beyond the first and the last."""
    if zeros:
        yield zeros[0] - 1 - abs(zeros[0]) / 3
        yield from ((a + b) / 2 for a, b in itertools.pairwise(zeros))
        yield zeros[-1] + 1 + abs(zeros[-1]) / 3
