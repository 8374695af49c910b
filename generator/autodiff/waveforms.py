"""Waveforms as parameters: the entries of tables, each with a partial of its own.

A read `rdtable(waveform, i[n])` is linear in the entries: entry k gets the sum of the cotangents of
the reads at which i[n] = k. Which entry that is changes from sample to sample, so the backward
program gives the place that was read, and the cotangent of what was read; the host adds up. What is
in a table that is computed, or is read as a signal without `rdtable`, is no parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..signals.graph import Graph
from ..signals.steady import waveform_entries
from .reversed_time import kept_index


@dataclass(frozen=True)
class TableRead:
    """A table that is read: the signal `value`, the entry's number `place`, and which waveform."""

    value: int
    place: int
    waveform: int


@dataclass(frozen=True)
class Waveforms:
    """The waveforms that a program reads by `rdtable`, each a tuple of its entries, and all reads.

    They stand in the order in which the program reads them first.
    """

    entries: tuple[tuple[float, ...], ...] = ()
    reads: tuple[TableRead, ...] = ()

    @property
    def of_reads(self) -> tuple[int, ...]:
        """Which waveform each read is of."""
        return tuple(read.waveform for read in self.reads)


def waveforms(graph: Graph, outputs: Sequence[int]) -> Waveforms:
    """The waveforms that `outputs` depend on; the places are made as new nodes of `graph`."""
    tables: dict[int, int] = {}
    entries: list[tuple[float, ...]] = []
    reads = []
    for number in graph.reachable(outputs):
        node = graph.nodes[number]
        if node.op != "primitive" or node.name != "rdtable":
            continue
        size, content, index = node.args
        pick = graph.nodes[content]
        if pick.op != "pick" or pick.name != "1" or graph.nodes[pick.args[0]].op != "waveform":
            continue
        source = pick.args[0]
        if source not in tables:
            tables[source] = len(entries)
            entries.append(tuple(map(float, waveform_entries(graph.nodes[source]))))
        count = len(entries[tables[source]])
        reads.append(TableRead(number, _place(graph, size, index, count), tables[source]))
    return Waveforms(tuple(entries), tuple(reads))


def _place(graph: Graph, size: int, index: int, count: int) -> int:
    """The entry that is read: the compiler keeps an index in the table; a waveform repeats."""
    kept = kept_index(graph, index, graph.primitive("-", size, graph.number(1)))
    return graph.primitive("%", kept, graph.number(count))
