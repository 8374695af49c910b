"""Between which numbers a signal stays, where that can be told from the program.

Interval arithmetic over the boxes that bound a delay in practice. What is not known is unbounded;
an input is unbounded too, whatever range a compiler takes it to have.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .graph import Graph, Node

Interval = tuple[float, float]
Operation = Callable[[float, float], float]
EVERYTHING: Interval = (-math.inf, math.inf)


class Bounds:
    """The bounds of the signals of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[int, Interval] = {}

    def highest(self, number: int) -> float | None:
        """A number that the signal does not exceed; None if there is none that is known."""
        high = self.of(number)[1]
        return high if math.isfinite(high) else None

    def of(self, number: int) -> Interval:
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
                return _range(node)
            case "bargraph":
                return self.of(node.args[0])
            case "primitive" if node.name in _RULES:
                return _RULES[node.name](*map(self.of, node.args))
        return EVERYTHING


def _range(node: Node) -> Interval:
    numbers = node.widget.numbers if node.widget else ()
    return (float(numbers[1]), float(numbers[2])) if len(numbers) == 4 else (0.0, 1.0)


def _hull(*intervals: Interval) -> Interval:
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def _corners(
    operation: Callable[[float, float], float],
) -> Callable[[Interval, Interval], Interval]:
    def apply(a: Interval, b: Interval) -> Interval:
        if not all(map(math.isfinite, (*a, *b))):
            return EVERYTHING
        try:
            results = [operation(x, y) for x in a for y in b]
        except (ArithmeticError, ValueError):
            return EVERYTHING
        return min(results), max(results)

    return apply


def _quotient(a: Interval, b: Interval) -> Interval:
    return EVERYTHING if b[0] <= 0 <= b[1] else _corners(lambda x, y: x / y)(a, b)


def _monotonic(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
    def at(x: float) -> float:
        return float(function(x)) if math.isfinite(x) else x

    return lambda a: (at(a[0]), at(a[1]))


def _absolute(a: Interval) -> Interval:
    low = 0.0 if a[0] <= 0 <= a[1] else min(map(abs, a))
    return low, max(map(abs, a))


def _modulo(a: Interval, b: Interval) -> Interval:
    most = max(map(abs, b))
    return (0.0 if a[0] >= 0 else -most, most)


def _mask(a: Interval, b: Interval) -> Interval:
    """Of two integers, one of which is known not to be negative."""
    highs = [high for low, high in (a, b) if low >= 0]
    return (0.0, min(highs)) if highs else EVERYTHING


_RULES: dict[str, Callable[..., Interval]] = {
    "+": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "*": _corners(lambda x, y: x * y),
    "/": _quotient,
    "min": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "%": _modulo,
    "fmod": _modulo,
    "&": _mask,
    "abs": _absolute,
    "float": lambda a: a,
    "mem": lambda a: _hull(a, (0.0, 0.0)),
    "@": lambda a, _: _hull(a, (0.0, 0.0)),
    "prefix": _hull,
    "attach": lambda a, _: a,
    "control": lambda a, _: _hull(a, (0.0, 0.0)),
    "select2": lambda _, *branches: _hull(*branches),
    "select3": lambda _, *branches: _hull(*branches),
    "rdtable": lambda _, content, __: content,
    **dict.fromkeys(("sin", "cos"), lambda _: (-1.0, 1.0)),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), lambda *_: (0.0, 1.0)),
    "int": _monotonic(math.trunc),
    "floor": _monotonic(math.floor),
    "ceil": _monotonic(math.ceil),
    "rint": _monotonic(round),
    "round": _monotonic(lambda x: math.floor(x + 0.5)),
}
