"""Signals that need not be finite, because what is made of them may be left out.

In select2(x > 0, 0, sqrt(x) * g) the product is NaN where it is not chosen. Forward mode chooses
among the tangents. In reverse mode a cotangent of 0 comes to the product, and 0 * NaN is not 0: so
products with such signals are taken only where the cotangent is not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..signals.graph import Graph
from ..signals.row_lookup import Rows
from .gates import ungated_signals


def unsafe_signals(graph: Graph, rows: Rows, outputs: Sequence[int]) -> frozenset[int]:
    """The signals that may be infinite or NaN while the outputs are finite."""
    numbers = graph.reachable(outputs)
    needed = _unconditional_signals(graph, rows, outputs)
    unsafe: set[int] = set()
    changed = len(needed) < len(numbers)
    while changed:
        changed = False
        for number in numbers:
            if number in needed or number in unsafe:
                continue
            if _source(graph, rows, number) or not unsafe.isdisjoint(graph.needs(number)):
                unsafe.add(number)
                changed = True
    return frozenset(unsafe)


def _source(graph: Graph, rows: Rows, number: int) -> bool:
    """Whether the box of a signal may make a number that is not finite."""
    node = graph.nodes[number]
    if node.op not in ("primitive", "foreign"):
        return False
    row = rows.of(node)
    if row is None or row.kind not in ("smooth", "guarded"):
        return row is None
    known = rows.known_of(node)
    return known is None or not known.finite


def _unconditional_signals(graph: Graph, rows: Rows, outputs: Sequence[int]) -> set[int]:
    """The signals that reach an output without being one of several to choose from."""

    def needs(number: int) -> Iterable[int]:
        node = graph.nodes[number]
        row = rows.of(node) if node.op == "primitive" else None
        if row is None or row.kind != "selector":
            return graph.needs(number)
        kept = zip(row.args, node.args, strict=True)
        return [argument for name, argument in kept if name not in row.active]

    return ungated_signals(graph, rows, outputs, needs)
