"""Boxes that are not computed while a gate is shut, as reverse mode sees them.

`enable` and `control` stop what only they need, with its memory: a filter before a shut gate
stands still. Neither the tape nor a transposed filter would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..signals.graph import Graph
from ..signals.steady import MEMORY
from .activity import NoRuleError

#: The primitives that are gates: the first argument stops while the second is 0.
GATES = frozenset(("enable", "control"))


def check_gates(graph: Graph, outputs: Sequence[int], active: Callable[[int], bool]) -> None:
    """Raises `NoRuleError` if a gate that a derivative goes through stops a memory."""
    numbers = graph.reachable(outputs)
    gates = [n for n in numbers if graph.nodes[n].op == "primitive" and _gated(graph, n)]
    if not any(map(active, gates)):
        return
    running = _running(graph, outputs)
    for gate in filter(active, gates):
        for number in graph.reachable(graph.nodes[gate].args[:1]):
            node = graph.nodes[number]
            keeps = node.op in ("feedback", "pick", "soundfile") or (
                node.op == "primitive" and node.name in MEMORY
            )
            if keeps and number not in running:
                why = "what it stops has memory, which reverse mode does not stop"
                raise NoRuleError(graph.nodes[gate].name, why)


def _gated(graph: Graph, number: int) -> bool:
    return graph.nodes[number].name in GATES


def _running(graph: Graph, outputs: Sequence[int]) -> set[int]:
    """The signals that are computed at every sample."""
    return reached(graph, outputs, graph.needs)


def reached(
    graph: Graph, outputs: Sequence[int], needs: Callable[[int], Iterable[int]]
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
        if node.op == "primitive" and node.name in GATES:
            waiting.extend(node.args[1:])
        else:
            waiting.extend(needs(number))
    return seen
