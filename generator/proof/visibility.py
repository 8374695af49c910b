"""Whether numbers show all parts of a formula: what is lost in a sum everywhere was never tried.

Two analytic functions that agree at random points are the same; but `1 + exp(-1e9 * u)` is 1 to all
digits where `u` is not next to 0, and numbers do not tell it from 1. So a part counts as seen in a
piece if at one point at least it is not lost: a term beside the other one, an argument by how
much the value of a function changes with it (its relative condition number).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from .contexts import Context, Dual

#: The share of the bits by which the lesser part may be smaller, to be seen with the rest of them.
SEEN_SHARE = 0.85


class Visibility:
    """The parts that were met at one point, and whether each is large enough to be seen."""

    def __init__(self, bits: int) -> None:
        self.least = arb(2) ** -int(SEEN_SHARE * bits)
        self.parts: dict[ast.expr, bool] = {}

    def note(self, node: ast.expr, part: Any, other: Any) -> None:
        """Remembers a part beside another one; what is 0 to rounding has nothing to be seen."""
        if part.contains(0) or not (part.is_finite() and other.is_finite()):
            return
        is_seen = bool(abs(part) > self.least * abs(other))
        self.parts[node] = is_seen or self.parts.get(node, False)


class WatchedContext(Context):
    """A place where it is noted which parts of formulas are seen."""

    def __init__(self, values: Mapping[str, Dual], bits: int) -> None:
        super().__init__(values)
        self.visibility = Visibility(bits)


class SeenParts:
    """The parts that were seen in each piece."""

    def __init__(self) -> None:
        self.pieces: dict[object, dict[ast.expr, bool]] = {}

    def add(self, key: object, visibility: Visibility) -> None:
        """Adds what was noted at a point of a piece."""
        known = self.pieces.setdefault(key, {})
        for node, is_seen in visibility.parts.items():
            known[node] = is_seen or known.get(node, False)

    def unseen(self) -> Iterator[str]:
        """The parts that were seen at no point of a piece, as text."""
        for known in self.pieces.values():
            yield from (ast.unparse(node) for node, is_seen in known.items() if not is_seen)
