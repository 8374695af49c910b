"""Where a program is a staircase in a slider: what rounds, selects or counts on its way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..signals.graph import Graph, Node

_ROUNDING = frozenset(("int", "floor", "ceil", "rint", "round", "%", "fmod", "remainder"))
_COMPARING = frozenset(("<", "<=", ">", ">=", "==", "!="))
#: What a whole number decides, by primitive and argument.
_DECIDED = {
    ("@", 1): "a delay of whole samples",
    ("rdtable", 2): "a table that is read at whole places",
    ("rwtable", 2): "a table that is written at whole places",
    ("rwtable", 4): "a table that is read at whole places",
    ("select2", 0): "a selection",
    ("select3", 0): "a selection",
    ("enable", 1): "a gate",
    ("control", 1): "a gate",
}


def staircases(graph: Graph, outputs: Sequence[int], sliders: Sequence[int]) -> list[list[str]]:
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
    found: list[dict[str, None]] = [{} for _ in sliders]
    for number in numbers:
        for place, what in _steps(graph.nodes[number]):
            reached = bits[graph.nodes[number].args[place]]
            for index in range(len(sliders)) if reached else ():
                if reached >> index & 1:
                    found[index][what] = None
    return [list(one) for one in found]


def _steps(node: Node) -> Iterator[tuple[int, str]]:
    """The arguments of a node in which it is a staircase, and what it is called."""
    if node.op != "primitive":
        return
    if node.name in _ROUNDING:
        yield 0, f"'{node.name}'"
    for place in range(len(node.args)):
        if node.name in _COMPARING:
            yield place, f"a comparison '{node.name}'"
        elif (node.name, place) in _DECIDED:
            yield place, _DECIDED[node.name, place]
