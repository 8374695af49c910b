"""The tape: which signals of the original the transposed program is given, and which it computes.

The factors of the partials are signals of the original. Those made of numbers and sliders alone
are computed again. Of the others each one is either recorded, or computed again at each sample from
what is recorded or computed: the cheapest choice is a minimum cut. With x(v) "the transposed
program has v" and y(v) "it computes v", where y(v) implies x(v) and x(a) for every argument a, the
cost is RECORDING for each v with x(v) and not y(v), and that of the operation for each v with y(v).

A signal of single precision holds integers up to 2^24. One that may be larger, as a counter or the
state of a noise, is recorded as two signals: its upper and its lower 16 bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..signals.bounds import Bounds
from ..signals.graph import Graph
from ..signals.row_lookup import Rows
from ..signals.steady import RECORDING_COST, Steadiness, computed_from, whole_signals

#: Up to here every integer is a number of single precision.
LARGEST_INTEGER = 1 << 24
#: So much that what is gated is computed again, whatever that costs.
GATED_COST = 1 << 12
#: How many bits of a larger integer are in the second of its two signals.
LOWER_BITS = 16


@dataclass(frozen=True)
class BackwardGraph:
    """The transposed program as a graph of its own.

    Its inputs are the cotangents, then the tape: the samples of the signals `tape` of the original.
    """

    graph: Graph
    outputs: tuple[int, ...]
    tape: tuple[int, ...]


def extract_backward(
    graph: Graph,
    results: Sequence[int],
    is_reversed: set[int],
    steady: Steadiness,
    inputs: Mapping[int, int],
    gated: frozenset[int] = frozenset(),
) -> BackwardGraph:
    """Cuts the transposed program out of the graph that it shares with the original.

    `results` are its outputs, which may be signals of the original, `is_reversed` the signals that
    run in reversed time, and `inputs` says which number each of its inputs gets. Signals that are
    `gated` are not recorded, for that would keep a gate from stopping them.
    """
    needed = [one for one in results if one not in is_reversed and not steady(one)]
    for number in sorted(is_reversed):
        for argument in graph.needs(number):
            if argument not in is_reversed and not steady(argument):
                needed.append(argument)
    whole = whole_signals(graph, steady.rows, graph.reachable(needed))
    large = large_integers(graph, steady.rows, whole)
    costs = dict.fromkeys(large, 2 * RECORDING_COST) | dict.fromkeys(gated, GATED_COST)
    recorded = choose_tape(graph, dict.fromkeys(needed), steady, costs)
    return _Copy(graph, is_reversed, steady, recorded, whole, large, inputs).of(results)


def large_integers(graph: Graph, rows: Rows, whole: Iterable[int]) -> frozenset[int]:
    """Those of the integers `whole` of which it is not known that they are in single precision."""
    bounds = Bounds(graph, rows)
    return frozenset(n for n in whole if max(map(abs, bounds.of(n))) > LARGEST_INTEGER)


def choose_tape(
    graph: Graph, needed: Iterable[int], steady: Steadiness, costs: Mapping[int, int]
) -> frozenset[int]:
    """The signals to record so that all of `needed` can be had, at the least cost.

    `costs` are those of recording signals for which it is not `RECORDING_COST`.
    """
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    needed = list(needed)
    recording = defaultdict(lambda: RECORDING_COST, costs)
    cone = _recordable(graph, needed, steady, recording)
    have = {number: 2 + place for place, number in enumerate(cone)}
    compute = {n: 2 + len(cone) + place for place, n in enumerate(n for n in cone if cone[n])}
    source, sink, unlimited = 0, 1, 1 << 28
    edges: dict[tuple[int, int], int] = {(source, have[number]): unlimited for number in needed}
    for number, cost in cone.items():
        edges[have[number], sink] = recording[number]
        if cost:
            edges[source, compute[number]] = recording[number] - cost
            edges[compute[number], have[number]] = unlimited
            for argument in computed_from(steady.rows, graph.nodes[number]) or ():
                if argument in have:
                    edges[compute[number], have[argument]] = unlimited
    size = 2 + len(have) + len(compute)
    ends = np.array(list(edges), np.int32).reshape(-1, 2)
    limits = csr_array(
        (np.array(list(edges.values()), np.int32), (ends[:, 0], ends[:, 1])), shape=(size, size)
    )
    if not needed:
        return frozenset()
    rest = limits - maximum_flow(limits, source, sink).flow
    rest.eliminate_zeros()
    reached = set(breadth_first_order(rest, source, return_predecessors=False).tolist())
    return frozenset(n for n in cone if have[n] in reached and compute.get(n, -1) not in reached)


def _recordable(
    graph: Graph, needed: Sequence[int], steady: Steadiness, recording: Mapping[int, int]
) -> dict[int, int]:
    """What could be recorded, each with the cost to compute it, or 0 where that is no choice."""
    costs: dict[int, int] = {}
    waiting = list(needed)
    while waiting:
        number = waiting.pop()
        if number in costs or steady(number):
            continue
        node = graph.nodes[number]
        arguments = computed_from(steady.rows, node)
        known = steady.rows.known_of(node)
        cost = known.cost if known else RECORDING_COST
        if node.op == "bargraph":
            cost = 1
        costs[number] = cost if arguments is not None and cost < recording[number] else 0
        if costs[number]:
            waiting.extend(arguments or ())
    return costs


class _Copy:
    def __init__(
        self,
        graph: Graph,
        is_reversed: set[int],
        steady: Steadiness,
        recorded: frozenset[int],
        whole: frozenset[int],
        large: frozenset[int],
        inputs: Mapping[int, int],
    ) -> None:
        self.graph = graph
        self.is_reversed = is_reversed
        self.steady = steady
        self.recorded = recorded
        self.whole = whole
        self.large = large
        self.inputs = inputs
        self.backward = Graph()
        self.copies: dict[int, int] = {}
        self.contents: dict[int, int] = {}
        self.tape: list[int] = []

    def of(self, results: Sequence[int]) -> BackwardGraph:
        graph = self.graph
        loops = []
        for number in sorted(self.is_reversed):
            node = graph.nodes[number]
            if node.op == "feedback":
                self.copies[number] = self.backward.feedback()
                loops.append(number)
            elif number in self.inputs:
                self.copies[number] = self.backward.add("input", (self.inputs[number],))
            else:
                arguments = tuple(map(self.copy, node.args))
                self.copies[number] = self.backward.add(node.op, node.data, arguments)
        for number in loops:
            self.backward.close(self.copies[number], self.copy(graph.source(number)))
        outputs = tuple(map(self.copy, results))
        return BackwardGraph(self.backward, outputs, tuple(self.tape))

    def copy(self, number: int) -> int:
        """The signal in the new graph."""
        if number not in self.copies:
            self.copies[number] = self._make_copy(number)
        return self.copies[number]

    def _make_copy(self, number: int) -> int:
        if number in self.recorded:
            return self._read(number)
        node = self.graph.nodes[number]
        known = self.steady.rows.known_of(node)
        passed = 0 if node.op == "bargraph" else known.passed if known else None
        if passed is not None:
            return self.copy(node.args[passed])
        contents = known.contents if known else ()
        arguments = tuple(
            self.content(argument) if place in contents else self.copy(argument)
            for place, argument in enumerate(node.args)
        )
        return self.backward.add(node.op, node.data, arguments)

    def _read(self, number: int) -> int:
        """What was recorded of a signal, which is now written down as a part of the tape."""
        if number not in self.whole:
            return self._next_of_tape(number)
        if number not in self.large:
            return self.backward.primitive("int", self._next_of_tape(number))
        graph, backward, unit = self.graph, self.backward, 1 << LOWER_BITS
        upper = graph.primitive(">>", number, graph.number(LOWER_BITS))
        lower = graph.primitive("&", number, graph.number(unit - 1))
        first, second = (backward.primitive("int", self._next_of_tape(n)) for n in (upper, lower))
        return backward.primitive(
            "+", backward.primitive("*", first, backward.number(unit)), second
        )

    def _next_of_tape(self, number: int) -> int:
        self.tape.append(number)
        return self.backward.add("input", (len(self.inputs) + len(self.tape) - 1,))

    def content(self, number: int) -> int:
        """What fills a table, with all that it is computed from: it runs before the program."""
        graph, copies = self.graph, self.contents
        numbers = [n for n in graph.reachable([number]) if n not in copies]
        for inner in numbers:
            node = graph.nodes[inner]
            if node.op == "feedback":
                copies[inner] = self.backward.feedback()
            else:
                copies[inner] = self.backward.add(
                    node.op, node.data, tuple(copies[a] for a in node.args)
                )
        for inner in numbers:
            if graph.nodes[inner].op == "feedback":
                self.backward.close(copies[inner], copies[graph.source(inner)])
        return copies[number]
