"""The table as the signal graph sees it: which row belongs to a node, and what its rule builds.

Nothing here is a rule. Rows are found by their Faust spelling; a spelling that is no primitive
(`ma.tanh`, or a function of the user's library) is expanded by the compiler, once per process, and
found by what it expands to. The expressions of a rule are folded into nodes; those functions of
the vocabulary that Faust has no primitive for are expanded in the same way.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import mpmath as mp

from ..compilers import Compiler
from ..expressions import Algebra
from ..rules import Rule, tangent
from ..stage2_model import Primitive, Table
from ..stage4_print import MAX_INTEGER
from ..vocabulary import CONSTANTS, FUNCTIONS, Function
from .boxes import Box
from .core import parse
from .graph import Graph, Node
from .propagate import propagate

#: A box of the language itself: an operator, a wire, or a word without a prefix.
_OWN = re.compile(r"[a-z]\w*|[^\w\s.()\"]{1,2}|_")
_CALL = re.compile(r"([a-z]\w*)\(\{\}(?:, \{\})*\)")

#: A number that the graph computes with before the compiler does; None is a structural zero.
Signal = int | None


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
            if row.args and not row.composite and _OWN.fullmatch(box)
        }

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
            for box in (self.expanded.get(row.faust),)
            if box is not None and box.kind == "ffunction"
        }

    @cached_property
    def functions(self) -> Mapping[str, Box]:
        """What the vocabulary's functions expand to, where they are no primitives."""
        return {
            name: self.expanded[_spelled(function)]
            for name, function in FUNCTIONS.items()
            if _spelled(function) in self.expanded
        }

    @cached_property
    def expanded(self) -> Mapping[str, Box]:
        """Boxes by their spelling, for all spellings that are not primitives."""
        spellings = [
            row.faust
            for row in self.table.primitives
            if row.args and not row.composite and not _OWN.fullmatch(row.faust)
        ]
        spellings += [
            _spelled(function)
            for function in FUNCTIONS.values()
            if not function.stream and not _CALL.fullmatch(function.faust)
        ]
        unique = tuple(dict.fromkeys(spellings))
        libraries = "".join(
            f'{prefix} = library("{file}");\n' for prefix, file in self.table.libraries.items()
        )
        source = f"{libraries}process = {', '.join(f'({spelling})' for spelling in unique)};\n"
        text = _expanded(self.compiler, source, self.include)
        parts = parse(text, self.arities).process.parts
        return dict(zip(unique, _spread(parts), strict=True))

    def of(self, node: Node) -> Primitive | None:
        """The row of a node that has arguments; None if the table has none."""
        if node.op == "primitive":
            return self.primitives[node.name]
        return self.foreign.get(node.name) if node.op == "foreign" else None


@cache
def _expanded(compiler: Compiler, source: str, include: tuple[Path, ...]) -> str:
    return compiler.expand(source, include=include)


def rule_of(row: Primitive, moving: Sequence[str]) -> Rule:
    """The tangent of a row of which only the arguments `moving` have tangents."""
    partials = {name: row.partials[name] if name in moving else None for name in row.args}
    return tangent(replace(row, partials=partials))


def _spread(parts: Sequence[Box]) -> list[Box]:
    """The leaves of a list, which the compiler nests to the right."""
    *first, last = parts
    while last.kind == "parallel":
        *more, last = last.parts
        first += more
    return [*first, last]


def _spelled(function: Function) -> str:
    """A box that computes a function of the vocabulary."""
    names = [f"a{index}" for index in range(function.arity)]
    return rf"\({', '.join(names)}).({function.faust.format(*names)})"


class Nodes(Algebra):
    """Expressions of the table as nodes of a graph. A value is a number of a node, or None: 0.

    Numbers are computed at once, so that a guard on a constant leaves no trace.
    """

    def __init__(self, graph: Graph, rows: Rows, values: Mapping[str, Signal]) -> None:
        self.graph = graph
        self.rows = rows
        self.values = values

    def constant(self, text: str) -> Signal:
        return None if text == "0" else self.graph.number(text)

    def name(self, name: str) -> Signal:
        if name in CONSTANTS:
            return self.graph.number(mp.nstr(CONSTANTS[name][0](), 17))
        return self.values[name]

    def add(self, a: Signal, b: Signal) -> Signal:
        for one, other in ((a, b), (b, a)):
            if self._number(one) == 0:
                return other
        assert a is not None and b is not None
        return self._folded("+", operator.add, a, b)

    def sub(self, a: Signal, b: Signal) -> Signal:
        if b is None:
            return a
        if a is None:
            return self.negate(b)
        return self._folded("-", operator.sub, a, b)

    def mul(self, a: Signal, b: Signal) -> Signal:
        if a is None or b is None or 0 in (self._number(a), self._number(b)):
            return None
        for one, other in ((a, b), (b, a)):
            if self._number(one) == 1:
                return self.real(other)
        return self._folded("*", operator.mul, a, b)

    def div(self, a: Signal, b: Signal) -> Signal:
        if a is None and b is not None:
            return None
        return self._folded("/", operator.truediv, self.present(a), self.present(b))

    def pow(self, a: Signal, b: Signal) -> Signal:
        if b is None:
            return self.graph.number(1.0)
        if self._number(b) == 1:
            return a
        return self.graph.primitive("pow", self.present(a), b)

    def negate(self, a: Signal) -> Signal:
        return None if a is None else self._folded("*", operator.mul, self.graph.number(-1), a)

    def call(self, function: Function, arguments: Sequence[Signal]) -> Signal:
        given = tuple(map(self.present, arguments))
        own = _CALL.fullmatch(function.faust)
        if own and function.name == "int" and self.integer(given[0]):
            return given[0]
        if own:
            return self.graph.primitive(own.group(1), *given)
        return propagate(self.graph, self.rows.functions[function.name], given)[0]

    def compare(self, operator_: str, a: Signal, b: Signal) -> Any:
        """A node that is 0 or 1; True or False where both are numbers."""
        x, y = self._number(a), self._number(b)
        if x is not None and y is not None:
            return _COMPARISONS[operator_](x, y)
        if operator_ == "!=" and b is None and a is not None and self._truth(a):
            return a
        return self.graph.primitive(operator_, self.present(a), self.present(b))

    def both(self, a: Any, b: Any) -> Any:
        if isinstance(a, bool) or isinstance(b, bool):
            first, other = (a, b) if isinstance(a, bool) else (b, a)
            return other if first else False
        return self.graph.primitive("&", a, b)

    def either(self, a: Any, b: Any) -> Any:
        if isinstance(a, bool) or isinstance(b, bool):
            first, other = (a, b) if isinstance(a, bool) else (b, a)
            return True if first else other
        return self.graph.primitive("|", a, b)

    def opposite(self, a: Any) -> Any:
        return not a if isinstance(a, bool) else self.graph.primitive("==", a, self.present(None))

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        if isinstance(condition, bool):
            return yes() if condition else no()
        then, other = yes(), no()
        if then == other:
            return then
        # Both sides as reals: a choice among integers would be an integer.
        return self.graph.primitive(
            "select2", condition, self.present(other, 0.0), self.present(then, 0.0)
        )

    def indicator(self, condition: Any) -> Any:
        if isinstance(condition, bool):
            return self.graph.number(1) if condition else None
        return condition

    def delay(self, signal: str, lag: Signal) -> Signal:
        delayed = self.values[signal]
        if delayed is None or lag is None:
            return delayed
        if self._number(lag) == 1:
            return self.graph.primitive("mem", delayed)
        return self.graph.primitive("@", delayed, lag)

    def lookup(self, table: str, index: Signal) -> Signal:
        size, content = self.values["size"], self.values[table]
        return self.graph.primitive("rdtable", *map(self.present, (size, content, index)))

    def present(self, value: Signal, zero: float = 0) -> int:
        """The node of a value, also where it is 0."""
        return self.graph.number(zero) if value is None else value

    def real(self, value: int) -> int:
        """The node, as a real."""
        return value if self.is_real(value) else self.graph.primitive("float", value)

    def is_real(self, value: int, depth: int = 4) -> bool:
        """Whether a node is known to be a real; integers of Faust overflow where reals do not."""
        node = self.graph.nodes[value]
        if node.op == "number":
            return not _whole(node.name)
        if node.op in ("input", "widget", "bargraph"):
            return True
        if node.op == "primitive" and node.name in ("/", "float", *_REAL):
            return True
        if node.op == "primitive" and node.name in ("+", "-", "*") and depth:
            return any(self.is_real(argument, depth - 1) for argument in node.args)
        return False

    def integer(self, value: int) -> bool:
        """Whether a node is known to be an integer."""
        node = self.graph.nodes[value]
        if node.op == "number":
            return _whole(node.name)
        return node.op == "primitive" and (node.name == "int" or self._truth(value))

    def _truth(self, value: int) -> bool:
        node = self.graph.nodes[value]
        return node.op == "primitive" and node.name in _COMPARISONS

    def _number(self, value: Signal) -> float | None:
        if value is None:
            return 0
        node = self.graph.nodes[value]
        if node.op != "number":
            return None
        return int(node.name) if _whole(node.name) else float(node.name)

    def _folded(self, name: str, operation: Callable[[Any, Any], Any], a: int, b: int) -> int:
        x, y = self._number(a), self._number(b)
        if x is not None and y is not None and not (name == "/" and y == 0):
            result = operation(x, y)
            if isinstance(result, int) and abs(result) > MAX_INTEGER:
                result = float(result)
            return self.graph.number(result)
        return self.graph.primitive(name, a, b)


_REAL = frozenset(("sin", "cos", "tan", "exp", "log", "log10", "sqrt", "asin", "acos", "atan"))

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _whole(text: str) -> bool:
    return text.lstrip("-").isdigit()
