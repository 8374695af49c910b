"""Whether what was found at points of a piece holds in all of it, where it has several places.

Signs may hold in places that do not touch. On a connected set a formula that is analytic there is
known by a few points; a convex set, where affine quantities keep their signs, is connected. Beyond
it, continuing a formula around a zero of what a root or a logarithm is taken of leads to another
branch: a root of the other sign, a logarithm or an arc that is larger by a constant. A formula that
is right with each of these branches is right in every place; else that is not known.
"""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flint import arb

from .affine import called_function
from .contexts import (
    Atom,
    Branch,
    Context,
    Dual,
    NoValueError,
    UndecidedError,
    exact,
    precision,
    working_precision,
)
from .contradictions import contradict, is_excluded
from .gaps import gap_text
from .lines import MAX_ROOTS
from .questions import Answer, Piece, Question
from .regions import Signs
from .sides import same

#: Roots of which both signs are tried together, at most, and places where they are.
MAX_ROOTS_TRIED, PLACES = 4, 2

Place = Mapping[str, Any]


class _BranchContext(Context):
    """Takes the signs of a piece for granted, and moves functions to other branches."""

    def __init__(self, values: Mapping[str, Dual], signs: Signs, moves: _Moves) -> None:
        super().__init__(values)
        self.given = {atom.key: sign * atom.flip for atom, sign in signs}
        self.branches = moves

    def decide_sign(self, atom: Atom, value: Any) -> int:
        known = self.given.get(atom.key)
        return super().decide_sign(atom, value) if known is None else known * atom.flip


class _Moves:
    """The branches that are taken: of `flipped` roots the other sign; arcs and logarithms moved."""

    def __init__(self, question: Question, signs: Signs) -> None:
        self.names = question.names
        self.convex = [(atom, sign) for atom, sign in signs if atom.affine is not None]
        self.single: dict[str, bool] = {}
        self.flipped: frozenset[str] = frozenset()
        self.is_moved = False
        self.open: dict[str, Branch] = {}

    def move(self, branch: Branch, dual: Dual) -> Dual:
        """A value and its slope on the branch that is taken."""
        if branch.key not in self.single:
            is_known = branch.guards is not None and all(map(self._keeps_away, branch.guards))
            # Of one argument, the places nearest to 0 have points; these repeat in all others.
            repeats = len(self.names) == 1 and not _moves_alone(ast.parse(branch.key))
            self.single[branch.key] = is_known or repeats
        if self.single[branch.key]:
            return dual
        self.open[branch.key] = branch
        if not self.is_moved:
            return dual
        value, slope = dual
        draws = random.Random(branch.key)
        if branch.turns and branch.key in self.flipped:
            value, slope = -value, None if slope is None else -slope
        if branch.shifts:
            value += arb(draws.uniform(1, 2))
        if branch.power is not None:
            factor = arb(draws.uniform(1, 2)) ** exact(branch.power)
            value, slope = value * factor, None if slope is None else slope * factor
        return value, slope

    def _keeps_away(self, atom: Atom) -> bool:
        """Whether a quantity is 0 nowhere on the convex set of a piece, or at the most on a rim."""
        if 0 in atom.missing or not atom.free:
            return True
        if any(atom.key == other.key for other, _ in self.convex):
            return True
        if atom.zeros is not None and all(len(zero) > 1 for zero in atom.zeros):
            return True
        gap = [*self.convex, (atom, 0)]
        return is_excluded(gap, self.names) or contradict(gap, self.names)


def several_places(question: Question, answer: Answer) -> str:
    """Why points of a piece do not tell all of it; "" if they do.

    Of one argument, every place between two zeros has points of its own.
    """
    if len(question.names) == 1 and not any(
        len(zeros) >= MAX_ROOTS for zeros in question.zeros.values()
    ):
        return ""
    around = [point for piece in answer.pieces for point in piece.points]
    for piece in answer.stretches:
        if function := open_branch(question, piece, around):
            where = f"where {gap_text(piece.signs)}, " if piece.signs else ""
            return f"{where}{function} may be another branch in places that do not touch"
    return ""


def open_branch(question: Question, piece: Piece, places: Sequence[Place]) -> str:
    """The function that may have another branch in some place of a piece; "" if none matters."""
    with working_precision(precision(set(question.constants))):
        moves = _Moves(question, piece.signs)
        near = (piece.points or tuple(places))[:PLACES]
        if not all(_agrees(question, piece, moves, place) for place in near):
            return next(iter(moves.open), "") if piece.points else ""
        if not moves.open:
            return ""
        unknown = next((b for b in moves.open.values() if not b.is_told), None)
        if unknown is not None:
            return unknown.key
        moves.is_moved = True
        roots = [key for key, branch in moves.open.items() if branch.turns]
        for moves.flipped in _choices(roots):
            if not all(_agrees(question, piece, moves, place) for place in near):
                return next(iter(moves.open))
        return "" if len(roots) <= MAX_ROOTS_TRIED else roots[-1]


def _moves_alone(node: ast.AST) -> bool:
    """Whether a name stands in an expression outside of functions that are periodic."""
    if isinstance(node, ast.Call):
        function = called_function(node)
        return not (function and function.periodic) and any(map(_moves_alone, node.args))
    return isinstance(node, ast.Name) or any(map(_moves_alone, ast.iter_child_nodes(node)))


def _choices(keys: Sequence[str]) -> Iterator[frozenset[str]]:
    for chosen in itertools.product((True, False), repeat=min(len(keys), MAX_ROOTS_TRIED)):
        yield frozenset(itertools.compress(keys, chosen))


def _agrees(question: Question, piece: Piece, moves: _Moves, place: Place) -> bool:
    c = _BranchContext(question.values(place), piece.signs, moves)
    try:
        _, expected, stated = question.run(c)
    except (NoValueError, UndecidedError):
        return True
    return same(expected, stated) or not (expected.is_finite() and stated.is_finite())
