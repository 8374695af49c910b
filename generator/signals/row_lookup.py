"""The table as the signal graph sees it: which row belongs to a node.

Rows are found by their Faust spelling; a spelling that is no primitive (`ma.tanh`, or a function of
the user's library) is expanded by the compiler, once per process, and found by what it expands to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ..faust.compilers import Compiler
from ..table.facts import Facts, facts
from ..table.model import Primitive, Table
from ..table.vocabulary import FUNCTIONS, Function
from .boxes import Box
from .core import parse
from .graph import Node

#: A box of the language itself: an operator, a wire, or a word without a prefix.
_PLAIN_BOX = re.compile(r"[a-z]\w*|[^\w\s.()\"]{1,2}|_")
CALL = re.compile(r"([a-z]\w*)\(\{\}(?:, \{\})*\)")


@dataclass(frozen=True)
class Rows:
    """The rows of a table by what `compiler` makes of their spelling.

    `include` are folders in which the libraries of the table are found.
    """

    table: Table
    compiler: Compiler
    include: tuple[Path, ...] = ()

    @cached_property
    def primitives(self) -> Mapping[str, Primitive]:
        """The rows of the language's own primitives, by each spelling."""
        return {
            box: row
            for row in self.table.primitives
            for box in (row.faust, *row.aliases)
            if row.args and not row.composite and _PLAIN_BOX.fullmatch(box)
        }

    @cached_property
    def facts(self) -> Mapping[str, Facts]:
        """What is known of the language's own primitives, by each spelling."""
        return {box: facts(row) for box, row in self.primitives.items()}

    @cached_property
    def arities(self) -> Mapping[str, tuple[int, int]]:
        """How many inputs and outputs each primitive has."""
        return {
            name: (len(row.args), 0 if name == "!" else 1) for name, row in self.primitives.items()
        }

    @cached_property
    def foreign(self) -> Mapping[str, Primitive]:
        """The rows of foreign functions, by their text in the core language."""
        return {
            box.data[0]: row
            for row in self.table.primitives
            for box in (self.expansions.get(row.faust),)
            if box is not None and box.kind == "ffunction"
        }

    @cached_property
    def functions(self) -> Mapping[str, Box]:
        """What the vocabulary's functions expand to, where they are no primitives."""
        return {
            name: self.expansions[_spell(function)]
            for name, function in FUNCTIONS.items()
            if _spell(function) in self.expansions
        }

    @cached_property
    def expansions(self) -> Mapping[str, Box]:
        """Boxes by their spelling, for all spellings that are not primitives."""
        spellings = [
            row.faust
            for row in self.table.primitives
            if row.args and not row.composite and not _PLAIN_BOX.fullmatch(row.faust)
        ]
        spellings += [
            _spell(function)
            for function in FUNCTIONS.values()
            if not function.stream and not CALL.fullmatch(function.faust)
        ]
        unique = tuple(dict.fromkeys(spellings))
        libraries = "".join(
            f'{prefix} = library("{file}");\n' for prefix, file in self.table.libraries.items()
        )
        source = f"{libraries}process = {', '.join(f'({spelling})' for spelling in unique)};\n"
        text = _expand(self.compiler, source, self.include)
        parts = parse(text, self.arities).process.parts
        return dict(zip(unique, _list_leaves(parts), strict=True))

    def of(self, node: Node) -> Primitive | None:
        """The row of a node that has arguments; None if the table has none."""
        if node.op == "primitive":
            return self.primitives[node.name]
        return self.foreign.get(node.name) if node.op == "foreign" else None

    def known_of(self, node: Node) -> Facts | None:
        """What is known of the primitive of a node; None for any other node."""
        return self.facts[node.name] if node.op == "primitive" else None


@cache
def _expand(compiler: Compiler, source: str, include: tuple[Path, ...]) -> str:
    return compiler.expand(source, include=include)


def _list_leaves(parts: Sequence[Box]) -> list[Box]:
    """The leaves of a list, which the compiler nests to the right."""
    *first, last = parts
    while last.kind == "parallel":
        *more, last = last.parts
        first += more
    return [*first, last]


def _spell(function: Function) -> str:
    """A box that computes a function of the vocabulary."""
    names = [f"a{index}" for index in range(function.arity)]
    return rf"\({', '.join(names)}).({function.faust.format(*names)})"
