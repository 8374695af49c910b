"""Where a program is a staircase in a slider: what rounds, selects or counts on its way."""

from __future__ import annotations

from collections.abc import Sequence

from ..signals.core import argument_types
from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows


def staircases(
    graph: Graph, rows: Rows, outputs: Sequence[int], sliders: Sequence[int]
) -> list[list[str]]:
    """For each of the signals `sliders`, what makes a staircase of it on its way to an output."""
    numbers = graph.reachable(outputs)
    bits = dict.fromkeys(numbers, 0)
    bits |= {number: 1 << index for index, number in enumerate(sliders) if number in bits}
    changed = True
    while changed:
        changed = False
        for number in numbers:
            new = bits[number]
            for needed in graph.needs(number):
                new |= bits[needed]
            changed |= new != bits[number]
            bits[number] = new
    labels: list[dict[str, None]] = [{} for _ in sliders]
    for number in numbers:
        for place, what in _steps(graph.nodes[number], rows):
            reached = bits[graph.nodes[number].args[place]]
            for index in range(len(sliders)) if reached else ():
                if reached >> index & 1:
                    labels[index][what] = None
    return [list(one) for one in labels]


def _steps(node: Node, rows: Rows) -> Sequence[tuple[int, str]]:
    """The arguments of a node in which it is a staircase, and what it is called."""
    if node.op == "foreign":
        types = argument_types(node.name)
        called = "a foreign function of whole numbers"
        return [(place, called) for place, of in enumerate(types) if of == "int"]
    known = rows.known_of(node)
    return known.steps if known else ()
