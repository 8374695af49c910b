"""What of a graph varies in time, what can be computed again from its arguments, what is whole.

A program that is cut in two computes a signal twice, or passes it on as a number. These are the
facts that decide which: a signal with memory can only be passed on, one that is made of numbers
and sliders alone is the same at every sample.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Graph, Node

#: Primitives whose output depends on more than the present sample of their arguments.
MEMORY = frozenset(("mem", "@", "prefix", "rwtable", "enable", "control"))

#: Primitives that give a fact of the compiler about an argument, not a function of its samples.
_COMPILED = frozenset(("lowest", "highest"))

#: What it costs to record a signal and to read it again, in additions: two passes through memory.
RECORDING = 8
#: What an operation costs, in additions; a function that is not listed costs more than recording.
COSTS = {
    **dict.fromkeys(("+", "-", "*", "<", "<=", ">", ">=", "==", "!=", "&", "|", "xor"), 1),
    **dict.fromkeys(("<<", ">>", "int", "float", "min", "max", "abs", "attach", "mem", "@"), 1),
    **dict.fromkeys(("select2", "select3", "floor", "ceil", "rint", "round", "prefix"), 2),
    **dict.fromkeys(("/", "sqrt", "rdtable", "rwtable", "enable", "control"), 4),
}
#: What other functions cost.
FUNCTION = 16

_WHOLE_RESULT = frozenset(("int", "<", "<=", ">", ">=", "==", "!=", "&", "|", "xor", "<<", ">>"))
#: For other primitives: the arguments that must be whole so that the result is. None: all.
_WHOLE_IF: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("+", "-", "*", "%", "min", "max", "abs", "prefix", "enable")),
    **dict.fromkeys(("mem", "@", "attach", "control", "lowest", "highest"), (0,)),
    "select2": (1, 2),
    "select3": (1, 2, 3),
    "rdtable": (1,),
    "rwtable": (1, 3),
}


def computed_from(node: Node) -> tuple[int, ...] | None:
    """The signals of which a node is a function at each sample; None where it is no function.

    The content of a table that is filled once is no such signal: it is there before the first.
    """
    if node.op == "bargraph":
        return node.args
    if node.op not in ("primitive", "foreign") or not node.args:
        return None
    if node.op == "primitive":
        if node.name in MEMORY or node.name in _COMPILED:
            return None
        if node.name == "rdtable":
            return node.args[2:]
        if node.name == "attach":
            return node.args[:1]
    return node.args


class Steadiness:
    """Which signals are computed from numbers and sliders alone, sample by sample."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[int, bool] = {}

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
            case "primitive" if node.name in _COMPILED:
                return all(map(self, node.args))
        arguments = computed_from(node)
        return arguments is not None and all(map(self, arguments))


def operations(graph: Graph, outputs: Sequence[int]) -> int:
    """What a program costs at each sample, in additions; what is steady costs nothing."""
    steady, total = Steadiness(graph), 0
    for number in graph.reachable(outputs):
        node = graph.nodes[number]
        if node.args and node.op in ("primitive", "foreign") and not steady(number):
            total += COSTS.get(node.name, FUNCTION)
    return total


def whole_signals(graph: Graph, numbers: Sequence[int]) -> frozenset[int]:
    """Those of `numbers` that the compiler computes as integers, for certain.

    `numbers` is in ascending order and closed under `Graph.needs`. In a loop the type is the
    greatest one that is consistent, as in the compiler.
    """
    found = set(numbers)
    changed = True
    while changed:
        changed = False
        for number in numbers:
            if number in found and not _whole(graph, number, found):
                found.discard(number)
                changed = True
    return frozenset(found)


def _whole(graph: Graph, number: int, found: set[int]) -> bool:
    node = graph.nodes[number]
    match node.op:
        case "number":
            return node.name.lstrip("-").isdigit()
        case "constant" | "foreign":
            return node.name.split("(")[1].lstrip().startswith("int ")
        case "feedback":
            return graph.source(number) in found
        case "pick":
            source = graph.nodes[node.args[0]]
            if source.op == "waveform" and node.name == "1":
                inside = source.name[source.name.index("{") + 1 : source.name.rindex("}")]
                return all(entry.strip().lstrip("-").isdigit() for entry in inside.split(","))
            return node.name in ("0", "1")
        case "primitive" if node.name in _WHOLE_RESULT:
            return True
        case "primitive" if node.name in _WHOLE_IF:
            places = _WHOLE_IF[node.name]
            chosen = node.args if places is None else [node.args[place] for place in places]
            return found.issuperset(chosen)
    return False
