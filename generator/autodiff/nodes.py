"""What the expressions of a rule build in a signal graph.

Nothing here is a rule: a row of the table is folded into nodes. Those functions of the vocabulary
that Faust has no primitive for are expanded by the compiler.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mpmath as mp

from ..signals.graph import Graph
from ..signals.propagate import propagate
from ..signals.row_lookup import CALL, Rows
from ..table.folding import COMPARISONS, Algebra
from ..table.model import Primitive
from ..table.rules import Rule, tangent
from ..table.vocabulary import CONSTANTS, MAX_INTEGER, Function

#: A number that the graph computes with before the compiler does; None is a structural zero.
Signal = int | None


def rule_of(row: Primitive, moving: Sequence[str]) -> Rule:
    """The tangent of a row of which only the arguments `moving` have tangents."""
    partials = {name: row.partials[name] if name in moving else None for name in row.args}
    return tangent(replace(row, partials=partials))


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
            return self.graph.number(mp.nstr(CONSTANTS[name].number(lambda value: value), 17))
        return self.values[name]

    def add(self, a: Signal, b: Signal) -> Signal:
        for one, other in ((a, b), (b, a)):
            if self._number(one) == 0:
                return other
        assert a is not None and b is not None
        x, y = self.unnegated(a), self.unnegated(b)
        if x is not None and y is not None:
            return self.negate(self.add(x, y))
        if x is not None or y is not None:
            return self.sub(a, y) if x is None else self.sub(b, x)
        return self._fold_constants("+", operator.add, a, b)

    def sub(self, a: Signal, b: Signal) -> Signal:
        if b is None:
            return a
        if a is None:
            return self.negate(b)
        y = self.unnegated(b)
        if y is not None:
            return self.add(a, y)
        return self._fold_constants("-", operator.sub, a, b)

    def mul(self, a: Signal, b: Signal) -> Signal:
        if a is None or b is None or 0 in (self._number(a), self._number(b)):
            return None
        for one, other in ((a, b), (b, a)):
            if self._number(one) == 1:
                return self.real(other)
        for one, other in ((a, b), (b, a)):
            negated, number = self.unnegated(one), self._number(other)
            if negated is not None:
                if number is None:
                    return self.negate(self.mul(negated, other))
                minus = self.graph.number(-1)
                return self.mul(negated, self._fold_constants("*", operator.mul, minus, other))
        return self._fold_constants("*", operator.mul, *self._as_reals(a, b))

    def div(self, a: Signal, b: Signal) -> Signal:
        if a is None and b is not None:
            return None
        return self._fold_constants("/", operator.truediv, self.present(a), self.present(b))

    def pow(self, a: Signal, b: Signal) -> Signal:
        if b is None:
            return self.graph.number(1.0)
        if self._number(b) == 1:
            return a
        return self.graph.primitive("pow", self.present(a), b)

    def negate(self, a: Signal) -> Signal:
        """The opposite, as a product with -1; sums and products draw it out of their arguments.

        Inside a loop of feedback, a change of sign would be one more step from sample to sample.
        """
        if a is None:
            return None
        x = self.unnegated(a)
        if x is not None:
            return x
        return self._fold_constants("*", operator.mul, *self._as_reals(self.graph.number(-1), a))

    def unnegated(self, a: int) -> Signal:
        """What a node is the opposite of, if it is a product with -1 of what is known to be a real.

        An integer has no opposite that always stands for its own: that of the lowest is itself,
        and -1.0 times an integer is a real, whose square does not overflow as the integer's does.
        """
        node = self.graph.nodes[a]
        if node.op != "primitive" or node.name != "*" or self._number(node.args[0]) != -1:
            return None
        return node.args[1] if self.is_real(node.args[1]) else None

    def call(self, function: Function, arguments: Sequence[Signal]) -> Signal:
        given = tuple(map(self.present, arguments))
        own = CALL.fullmatch(function.faust)
        if own and function.name == "int" and self.integer(given[0]):
            return given[0]
        if own and function.name == "control":
            return self._held(*given)
        if own:
            return self.graph.primitive(own.group(1), *given)
        return propagate(self.graph, self.rows.functions[function.name], given)[0]

    def _held(self, signal: int, gate: int) -> int:
        """A signal while the gate is not 0, and else its last value.

        `control` does that for what is computed for it alone: a tangent may be an input, or needed
        elsewhere. It is there to stop what the tangent is computed from.
        """
        graph, before = self.graph, self.graph.feedback()
        opened = graph.primitive("!=", gate, graph.number(0))
        computed = graph.primitive("control", signal, gate)
        held = graph.primitive("select2", opened, before, computed)
        graph.close(before, held)
        return held

    def compare(self, operator_: str, a: Signal, b: Signal) -> Any:
        """A node that is 0 or 1; True or False where both are numbers."""
        x, y = self._number(a), self._number(b)
        if x is not None and y is not None:
            return COMPARISONS[operator_](x, y)
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

    def _as_reals(self, a: int, b: int) -> tuple[int, int]:
        """Two factors, of which one is a real: a rule is about reals, and integers overflow."""
        if self.is_real(a) or self.is_real(b):
            return a, b
        if self._number(a) is None:
            return self.real(a), b
        return (a, b) if self._number(b) is not None else (a, self.real(b))

    def is_real(self, value: int, depth: int = 8) -> bool:
        """Whether a node is known to be a real; integers of Faust overflow where reals do not."""
        node = self.graph.nodes[value]
        if node.op == "number":
            return not _is_integer_text(node.name)
        if node.op in ("input", "widget", "bargraph"):
            return True
        if node.op == "feedback":
            # One that is not closed yet is that of a tangent or a cotangent, which are reals.
            source = self.graph.sources[self.graph.index(value)]
            return source is None or (depth > 0 and self.is_real(source, depth - 1))
        known = self.rows.known_of(node)
        if known is None or not isinstance(known.result, tuple):
            return known is not None and known.result == "real"
        return depth > 0 and any(self.is_real(node.args[p], depth - 1) for p in known.result)

    def integer(self, value: int) -> bool:
        """Whether a node is known to be an integer."""
        node = self.graph.nodes[value]
        if node.op == "number":
            return _is_integer_text(node.name)
        known = self.rows.known_of(node)
        return known is not None and known.result == "integer"

    def _truth(self, value: int) -> bool:
        node = self.graph.nodes[value]
        return node.op == "primitive" and node.name in COMPARISONS

    def _number(self, value: Signal) -> float | None:
        if value is None:
            return 0
        node = self.graph.nodes[value]
        if node.op != "number":
            return None
        return int(node.name) if _is_integer_text(node.name) else float(node.name)

    def _fold_constants(
        self, name: str, operation: Callable[[Any, Any], Any], a: int, b: int
    ) -> int:
        x, y = self._number(a), self._number(b)
        if x is not None and y is not None and not (name == "/" and y == 0):
            result = operation(x, y)
            if isinstance(result, int) and abs(result) > MAX_INTEGER:
                result = float(result)
            return self.graph.number(result)
        return self.graph.primitive(name, a, b)


def _is_integer_text(text: str) -> bool:
    return text.lstrip("-").isdigit()
