"""Boxes that are not computed while a gate is shut.

`enable` and `control` stop what only they need, with its memory: a filter before a shut gate
stands still. Neither the tape nor a transposed filter would.

What is needed elsewhere too is computed at every sample, and so are inputs, sliders and numbers,
and what is made of sliders and numbers alone. The compilers hold no last value of these, nor of a
delay of them: `control` passes them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from ..signals.steady import Steadiness
from .activity import NoRuleError


def check_gates(
    graph: Graph, rows: Rows, outputs: Sequence[int], active: Callable[[int], bool]
) -> None:
    """Raises `NoRuleError` if a gate that a derivative goes through stops a memory."""
    numbers = graph.reachable(outputs)
    gates = [n for n in numbers if _gate(rows, graph.nodes[n]) is not None]
    if not any(map(active, gates)):
        return
    check_controls(graph, outputs, active)
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


def check_controls(graph: Graph, outputs: Sequence[int], active: Callable[[int], bool]) -> None:
    """Raises `NoRuleError` if a `control` that a derivative goes through is opened by another."""
    for number in graph.reachable(outputs):
        node = graph.nodes[number]
        if not _is_control(node) or not active(number):
            continue

        def others(reader: int, held: int = number) -> Iterable[int]:
            return () if reader == held else graph.needs(reader)

        if node.args[0] in reached(outputs, others):
            why = "what it holds is computed behind another gate too, when that one is open"
            raise NoRuleError(node.name, why)


def open_controls(graph: Graph, rows: Rows, outputs: Sequence[int]) -> None:
    """Makes each `control` that holds nothing an `attach`, which passes its first argument."""
    controls = [n for n in graph.reachable(outputs) if _is_control(graph.nodes[n])]
    if not controls:
        return
    running = ungated_signals(graph, rows, outputs, graph.needs)
    steady = Steadiness(graph, rows)

    def computed_always(number: int) -> bool:
        node = graph.nodes[number]
        if number in running or node.op == "input" or steady(number):
            return True
        if node.op == "feedback":
            return graph.source(number) in running
        return (
            node.op == "primitive" and node.name in ("mem", "@") and computed_always(node.args[0])
        )

    for number in controls:
        if computed_always(graph.nodes[number].args[0]):
            graph.nodes[number] = replace(graph.nodes[number], data=("attach",))


def gated_signals(graph: Graph, rows: Rows, outputs: Sequence[int]) -> frozenset[int]:
    """What is not computed while a gate is shut; as an output it would be computed always."""
    numbers = graph.reachable(outputs)
    if all(_gate(rows, graph.nodes[n]) is None for n in numbers):
        return frozenset()
    running = ungated_signals(graph, rows, outputs, graph.needs)
    return frozenset(n for n in numbers if n not in running and graph.nodes[n].args)


def _is_control(node: Node) -> bool:
    return node.op == "primitive" and node.name == "control"


def _gate(rows: Rows, node: Node) -> int | None:
    """The argument of a gate that stops the others while it is 0; None if a node is no gate."""
    known = rows.known_of(node)
    return known.gate if known else None


def ungated_signals(
    graph: Graph, rows: Rows, outputs: Sequence[int], needs: Callable[[int], Iterable[int]]
) -> set[int]:
    """The signals that outputs are made of by `needs`, and not behind a gate."""

    def ungated(number: int) -> Iterable[int]:
        node = graph.nodes[number]
        gate = _gate(rows, node)
        return needs(number) if gate is None else (node.args[gate],)

    return reached(outputs, ungated)


def reached(outputs: Sequence[int], needs: Callable[[int], Iterable[int]]) -> set[int]:
    """The signals that outputs are made of by `needs`."""
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            waiting.extend(needs(number))
    return seen
