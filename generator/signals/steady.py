"""What of a graph varies in time, what can be computed again from its arguments, what is whole.

A program that is cut in two computes a signal twice, or passes it on as a number. These are the
facts that decide which: a signal with memory can only be passed on, one that is made of numbers
and sliders alone is the same at every sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .graph import Graph, Node
from .row_lookup import Rows

#: What it costs to record a signal and to read it again, in additions: two passes through memory.
RECORDING_COST = 8
#: What a foreign function costs, in additions.
FOREIGN_COST = 16


def computed_from(rows: Rows, node: Node) -> tuple[int, ...] | None:
    """The signals of which a node is a function at each sample; None where it is no function.

    The content of a table that is filled once is no such signal: it is there before the first.
    """
    if node.op == "bargraph":
        return node.args
    if node.op not in ("primitive", "foreign") or not node.args:
        return None
    known = rows.known_of(node)
    if known is None:
        return node.args
    if known.memory or known.interval:
        return None
    return tuple(node.args[place] for place in known.reads)


class Steadiness:
    """Which signals are computed from numbers and sliders alone, sample by sample.

    The signals `moving` are taken to be none of them.
    """

    def __init__(self, graph: Graph, rows: Rows, moving: Iterable[int] = ()) -> None:
        self.graph = graph
        self.rows = rows
        self._known: dict[int, bool] = dict.fromkeys(moving, False)

    def __call__(self, number: int) -> bool:
        if number not in self._known:
            self._known[number] = self._steady(number)
        return self._known[number]

    def _steady(self, number: int) -> bool:
        node = self.graph.nodes[number]
        match node.op:
            case "number" | "constant" | "widget":
                return True
            case "pick":
                # The size of a waveform; its samples, and a soundfile, go on in time.
                return node.name == "0" and self.graph.nodes[node.args[0]].op == "waveform"
            case "primitive" if self.rows.facts[node.name].interval:
                return all(map(self, node.args))
        arguments = computed_from(self.rows, node)
        return arguments is not None and all(map(self, arguments))


def waveform_entries(waveform: Node) -> list[str]:
    """The entries of a waveform, as they are written."""
    text = waveform.name
    inside = text[text.index("{") + 1 : text.rindex("}")]
    return [entry.strip() for entry in inside.split(",")]


def operations(graph: Graph, rows: Rows, outputs: Sequence[int]) -> int:
    """What a program costs at each sample, in additions; what is steady costs nothing."""
    steady, total = Steadiness(graph, rows), 0
    for number in graph.reachable(outputs):
        node = graph.nodes[number]
        if node.args and node.op in ("primitive", "foreign") and not steady(number):
            known = rows.known_of(node)
            total += known.cost if known else FOREIGN_COST
    return total


def whole_signals(graph: Graph, rows: Rows, numbers: Sequence[int]) -> frozenset[int]:
    """Those of `numbers` that the compiler computes as integers, for certain.

    `numbers` is in ascending order and closed under `Graph.needs`. In a loop the type is the
    greatest one that is consistent, as in the compiler.
    """
    whole = set(numbers)
    changed = True
    while changed:
        changed = False
        for number in numbers:
            if number in whole and not _whole(graph, rows, number, whole):
                whole.discard(number)
                changed = True
    return frozenset(whole)


def _whole(graph: Graph, rows: Rows, number: int, whole: set[int]) -> bool:
    node = graph.nodes[number]
    match node.op:
        case "number":
            return node.name.lstrip("-").isdigit()
        case "constant" | "foreign":
            return node.name.split("(")[1].lstrip().startswith("int ")
        case "feedback":
            return graph.source(number) in whole
        case "pick":
            source = graph.nodes[node.args[0]]
            if source.op == "waveform" and node.name == "1":
                return all(entry.lstrip("-").isdigit() for entry in waveform_entries(source))
            return node.name in ("0", "1")
        case "primitive":
            result = rows.facts[node.name].result
            if isinstance(result, tuple):
                return whole.issuperset(node.args[place] for place in result)
            return result == "integer"
    return False
