"""Signals in reversed time, and the adjoints of boxes with memory.

The adjoint of a causal box is causal in reversed time. A cotangent program computes for the last
sample first; in it "before" means later in the original. The nodes are made in the graph of the
primal, whose signals they read at the sample they belong to; `ReversedTime.signals` tells the two
apart.

    box                   its adjoint, in reversed time
    x[n - d], d steady    a delay by d
    x[n - d[n]]           each cotangent is added to what is due in d[n] samples (`scatter`)
    rwtable               each cotangent is added where the table was read; what has come together
                          in an entry goes to the sample that wrote it, and the entry is emptied
    control, enable       cotangents add up while the box holds a sample, and go to that sample
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..signals.graph import Graph
from ..signals.row_lookup import Rows
from .nodes import Nodes, Signal


class ReversedTime:
    """Makes signals in reversed time as nodes of `graph`."""

    def __init__(self, graph: Graph, rows: Rows, steady: Callable[[int], bool]) -> None:
        self.graph = graph
        self.rows = rows
        self.steady = steady
        self.plain = Nodes(graph, rows, {})
        #: The feedback nodes, and the inputs, that run in reversed time.
        self.origins: set[int] = set()
        self._clock: int | None = None

    def input(self, index: int) -> int:
        """An input of the program that is fed in reversed time."""
        number = self.graph.add("input", (index,))
        self.origins.add(number)
        return number

    def feedback(self) -> int:
        """The sample before, in reversed time, of a signal that is said later."""
        number = self.graph.feedback()
        self.origins.add(number)
        return number

    def previous(self, signal: int) -> int:
        """The sample before, in reversed time; of a primal signal too."""
        number = self.feedback()
        self.graph.close(number, signal)
        return number

    def delay(self, signal: int, lag: Signal) -> int:
        """The signal `lag` samples before, in reversed time; `lag` is steady.

        What multiplies a signal and is steady does so after the delay: many multiples of a signal
        share one delay line.
        """
        node = self.graph.nodes[signal]
        if lag is not None and node.op == "primitive" and node.name == "*":
            for factor, other in (node.args, node.args[::-1]):
                if self.steady(factor):
                    moved = self.plain.mul(factor, self.delay(other, lag))
                    return self.plain.present(moved, 0.0)
        past = Nodes(self.graph, self.rows, {"x": signal}).delay("x", lag)
        assert past is not None
        return past

    def signals(self, numbers: Iterable[int]) -> set[int]:
        """Those of `numbers`, which ascend, that run in reversed time."""
        results: set[int] = set()
        for number in numbers:
            if number in self.origins or not results.isdisjoint(self.graph.nodes[number].args):
                results.add(number)
        return results

    def clock(self) -> int:
        """The number of the sample in reversed time, from 1."""
        if self._clock is None:
            before = self.feedback()
            self._clock = self.graph.primitive("+", before, self.graph.number(1))
            self.graph.close(before, self._clock)
        return self._clock

    def where(self, condition: int, yes: int) -> int:
        """`yes` while the condition is not 0, else silence."""
        return self.graph.primitive("select2", condition, self.graph.number(0.0), yes)


def scatter(time: ReversedTime, cotangent: int, lag: int, longest: int) -> int:
    """What is due now of the cotangents that were sent `lag` samples ahead each.

    A ring of sums, each stamped with the sample that it is due at. What is written in this sample
    reaches the table in the next, so that the sum before can be read; hence the second term.
    """
    graph, plain = time.graph, time.plain
    size = graph.number(1 << longest.bit_length())
    now = time.clock()
    due = graph.primitive("+", now, lag)
    place, here = (graph.primitive("%", t, size) for t in (due, now))
    before, written, stamp = time.feedback(), time.previous(place), time.previous(due)

    def arrival(place: int, due: int) -> int:
        total = graph.primitive("rwtable", size, graph.number(0.0), written, before, place)
        stamped = graph.primitive("rwtable", size, graph.number(0), written, stamp, place)
        return time.where(graph.primitive("==", stamped, due), total)

    graph.close(before, graph.primitive("+", arrival(place, due), cotangent))
    at_once = graph.primitive("==", lag, graph.number(0))
    total = plain.add(arrival(here, now), time.where(at_once, cotangent))
    assert total is not None
    return total


def kept_index(graph: Graph, index: int, last: int) -> int:
    """The entry that an index names, which the compiler keeps between 0 and `last`."""
    whole = graph.primitive("int", index)
    return graph.primitive("max", graph.number(0), graph.primitive("min", whole, last))


def table_cotangent(time: ReversedTime, cotangent: int, size: int, write: int, read: int) -> int:
    """The cotangent of what an `rwtable` writes, of the one of what it reads.

    A sum counts if it was written after its entry was last emptied. As in `scatter`, this sample
    reaches the tables in the next.
    """
    graph, plain = time.graph, time.plain
    now = time.clock()
    last = plain.sub(size, graph.number(1))
    assert last is not None
    write, read = (kept_index(graph, index, last) for index in (write, read))
    before, moment = time.feedback(), time.previous(now)
    was_read, was_written = time.previous(read), time.previous(write)

    def gather(place: int) -> int:
        whole = graph.number(0)
        total = graph.primitive("rwtable", size, graph.number(0.0), was_read, before, place)
        summed = graph.primitive("rwtable", size, whole, was_read, moment, place)
        emptied = graph.primitive("rwtable", size, whole, was_written, moment, place)
        return time.where(graph.primitive(">", summed, emptied), total)

    graph.close(before, graph.primitive("+", gather(read), cotangent))
    at_once = graph.primitive("==", read, write)
    total = plain.add(gather(write), time.where(at_once, cotangent))
    assert total is not None
    return total


def hold_cotangent(time: ReversedTime, cotangent: int, gate: int) -> int:
    """The cotangent of a signal that is passed while `gate` is not 0, and else held."""
    graph = time.graph
    before = time.feedback()
    total = graph.primitive("+", before, cotangent)
    opened = graph.primitive("!=", gate, graph.number(0))
    graph.close(before, graph.primitive("select2", opened, total, graph.number(0.0)))
    return time.where(opened, total)
