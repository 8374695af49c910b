"""Boxes that are not computed while a gate is shut, as reverse mode sees them.

`enable` and `control` stop what only they need, with its memory: a filter before a shut gate
stands still. Neither the tape nor a transposed filter would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from .activity import NoRuleError


def check_gates(
    graph: Graph, rows: Rows, outputs: Sequence[int], active: Callable[[int], bool]
) -> None:
    """Raises `NoRuleError` if a gate that a derivative goes through stops a memory."""
    numbers = graph.reachable(outputs)
    gates = [n for n in numbers if _gate(rows, graph.nodes[n]) is not None]
    if not any(map(active, gates)):
        return
    running = ungated_signals(graph, rows, outputs, graph.needs)
    for gate in filter(active, gates):
        shut = _gate(rows, graph.nodes[gate])
        stopped = [n for place, n in enumerate(graph.nodes[gate].args) if place != shut]
        for number in graph.reachable(stopped):
            node = graph.nodes[number]
            known = rows.known_of(node)
            keeps = node.op in ("feedback", "pick", "soundfile") or (known and known.memory)
            if keeps and number not in running:
                why = "what it stops has memory, which reverse mode does not stop"
                raise NoRuleError(graph.nodes[gate].name, why)


def _gate(rows: Rows, node: Node) -> int | None:
    """The argument of a gate that stops the others while it is 0; None if a node is no gate."""
    known = rows.known_of(node)
    return known.gate if known else None


def ungated_signals(
    graph: Graph, rows: Rows, outputs: Sequence[int], needs: Callable[[int], Iterable[int]]
) -> set[int]:
    """The signals that outputs are made of by `needs`, and not behind a gate."""
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        node = graph.nodes[number]
        gate = _gate(rows, node)
        waiting.extend(needs(number) if gate is None else (node.args[gate],))
    return seen
