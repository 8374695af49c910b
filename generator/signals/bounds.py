"""Between which numbers a signal stays, where that can be told from the program.

The value of a row is folded with intervals in the place of numbers, so that a new row brings its
bounds along. What is not known is unbounded; an input is unbounded too, whatever range a compiler
takes it to have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..table.folding import COMPARISONS, Algebra, fold
from ..table.intervals import EVERYTHING, Interval, by_corners, hull, outwards, power, quotient
from ..table.vocabulary import Function
from .graph import Graph, Node
from .row_lookup import Rows

#: Of a function that grows, ends beyond this count as infinite.
LARGEST_END = 500.0


def sizing(graph: Graph, rows: Rows, outputs: Sequence[int]) -> set[int]:
    """The signals on whose bounds delay lines and tables rely, among them widgets.

    What a loop gives has no bounds, so that what goes into it does not matter.
    """
    waiting, found = [], set()
    for number in graph.reachable(outputs):
        known = rows.known_of(graph.nodes[number])
        waiting += [graph.nodes[number].args[place] for place in known.sizes] if known else []
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(graph.nodes[number].args)
    return found


class Bounds:
    """The bounds of the signals of a graph, by the `rows` of its boxes."""

    def __init__(self, graph: Graph, rows: Rows) -> None:
        self.graph = graph
        self.rows = rows
        self._known: dict[int, Interval] = {}

    def highest(self, number: int) -> float | None:
        """A number that the signal does not exceed; None if there is none that is known."""
        high = self.of(number)[1]
        return high if math.isfinite(high) else None

    def of(self, number: int) -> Interval:
        """The least and the greatest value of a signal, infinite where they are not known."""
        if number not in self._known:
            # A loop says nothing about its own bounds.
            self._known[number] = EVERYTHING
            self._known[number] = self._bounds(self.graph.nodes[number])
        return self._known[number]

    def _bounds(self, node: Node) -> Interval:
        match node.op:
            case "number":
                return (float(node.name), float(node.name))
            case "widget":
                return _range_of_widget(node)
            case "bargraph":
                return self.of(node.args[0])
            case "primitive" | "foreign":
                row = self.rows.of(node)
                if row is not None and row.value is not None:
                    arguments = map(self.of, node.args)
                    return bounds_of(row.value.tree, dict(zip(row.args, arguments, strict=True)))
        return EVERYTHING


def _range_of_widget(node: Node) -> Interval:
    numbers = node.widget.numbers if node.widget else ()
    return (float(numbers[1]), float(numbers[2])) if len(numbers) == 4 else (0.0, 1.0)


def bounds_of(tree: Any, arguments: Mapping[str, Interval]) -> Interval:
    """The bounds of an expression of the table, by those of its `arguments`."""
    bounds: _Quantity = fold(tree, _Intervals(arguments))
    return bounds.interval


@dataclass(frozen=True)
class _Quantity:
    """An interval, and the name of the argument if it is that of one."""

    interval: Interval
    name: str = ""


#: Everything that may be.
_UNKNOWN = _Quantity(EVERYTHING)


@dataclass(frozen=True)
class _Relation:
    sign: str
    a: _Quantity
    b: _Quantity


class _Intervals(Algebra):
    """Intervals in the place of numbers; a choice narrows what its condition compares."""

    def __init__(self, arguments: Mapping[str, Interval]) -> None:
        self.arguments = dict(arguments)

    def constant(self, text: str) -> _Quantity:
        return _Quantity((float(text), float(text)))

    def name(self, name: str) -> _Quantity:
        return _Quantity(self.arguments.get(name, EVERYTHING), name)

    def add(self, a: _Quantity, b: _Quantity) -> _Quantity:
        (low, high), (least, greatest) = a.interval, b.interval
        return _Quantity((low + least, high + greatest))

    def negate(self, a: _Quantity) -> _Quantity:
        low, high = a.interval
        return _Quantity((-high, -low))

    def sub(self, a: _Quantity, b: _Quantity) -> _Quantity:
        return self.add(a, self.negate(b))

    def mul(self, a: _Quantity, b: _Quantity) -> _Quantity:
        return _Quantity(by_corners(lambda x, y: x * y, a.interval, b.interval))

    def div(self, a: _Quantity, b: _Quantity) -> _Quantity:
        return _Quantity(quotient(a.interval, b.interval))

    def pow(self, a: _Quantity, b: _Quantity) -> _Quantity:
        return _Quantity(power(a.interval, b.interval))

    def call(self, function: Function, arguments: Sequence[_Quantity]) -> _Quantity:
        intervals = [argument.interval for argument in arguments]
        if function.bounds is not None:
            return _Quantity(function.bounds(*intervals))
        interval = EVERYTHING
        if function.increasing or function.middle is not None:
            low, high = intervals[0]
            interval = _at_end(function, low), _at_end(function, high)
            interval = outwards(interval) if function.increasing else interval
        if function.bounded:
            interval = max(interval[0], -1.0), min(interval[1], 1.0)
        return _Quantity(interval)

    def delay(self, signal: str, lag: _Quantity) -> _Quantity:
        return _Quantity(hull(self.name(signal).interval, (0.0, 0.0)))

    def lookup(self, table: str, index: _Quantity) -> _Quantity:
        return self.name(table)

    def compare(self, operator: str, a: _Quantity, b: _Quantity) -> _Relation | None:
        return _Relation(operator, a, b)

    def both(self, a: object, b: object) -> None:
        return None

    either = both

    def opposite(self, a: object) -> None:
        return None

    def where(
        self,
        condition: _Relation | None,
        yes: Callable[[], _Quantity],
        no: Callable[[], _Quantity],
    ) -> _Quantity:
        branches = []
        for branch, holds in ((yes, True), (no, False)):
            before = self.arguments
            narrowed = self._narrow(condition, holds)
            if narrowed is not None:
                self.arguments = narrowed
                branches.append(branch().interval)
                self.arguments = before
        return _Quantity(hull(*branches)) if branches else _UNKNOWN

    def _narrow(self, condition: _Relation | None, holds: bool) -> dict[str, Interval] | None:
        """The arguments where a condition holds, or does not; None if that is nowhere."""
        arguments = dict(self.arguments)
        if condition is None:
            return arguments
        compare = COMPARISONS[condition.sign]
        may_be_less, may_be_greater = compare(0, 1) == holds, compare(1, 0) == holds
        a, b = condition.a.interval, condition.b.interval
        if not may_be_greater:
            a, b = (a[0], min(a[1], b[1])), (max(b[0], a[0]), b[1])
        if not may_be_less:
            a, b = (max(a[0], b[0]), a[1]), (b[0], min(b[1], a[1]))
        if a[0] > a[1] or b[0] > b[1]:
            return None
        for quantity, interval in ((condition.a, a), (condition.b, b)):
            if quantity.name in arguments:
                arguments[quantity.name] = interval
        return arguments


def _at_end(function: Function, end: float) -> float:
    """The value of a function that grows, at an end of an interval."""
    is_far = not math.isfinite(end) or (function.increasing and abs(end) > LARGEST_END)
    if is_far:
        return math.copysign(math.inf, end)
    return float(function.number(end))
