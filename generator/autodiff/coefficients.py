"""The cotangents of sliders, through the coefficients that are computed from sliders alone.

A coefficient stands still, so what counts of its cotangent is the sum over time, and
sum_n sum_s M[p, s] c_s[n] can be taken in any order. The terms of c_s are products of a recorded
signal and a cotangent; of several orders the one with the fewest products per sample is taken:

- by signals: for each slider, all cotangents that meet one recorded signal are added up first,
  each times its entry of M, and multiplied with that signal once;
- by coefficients: the cotangent of each coefficient, then the entries of M;
- by the chain rule: the cotangent of each coefficient is passed back step by step, where M is
  large, as behind a network. That is for the caller: `chained`.

M is computed from sliders alone, by forward mode, so the compiler does it once per block. Where
the sums over time of what makes up the cotangents can be had (`sums`), the chain rule is
needed once and not for each sample; and coefficients share the sums of what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..signals.graph import Graph
from ..signals.row_lookup import Rows
from .nodes import Nodes, Signal
from .tangents import Tangents, tangents


@dataclass(frozen=True)
class Term:
    """A part of a cotangent: `scale`, which is steady, times `factor` times `cotangent`.

    None stands for 1.
    """

    cotangent: int
    factor: Signal = None
    scale: Signal = None


@dataclass
class Coefficients:
    """Collects the cotangents of signals that are made of the sliders `params` alone.

    `bits` tells which of the leaves a signal depends on, `paths` through which others it does.
    """

    graph: Graph
    rows: Rows
    params: Sequence[int]
    bits: Mapping[int, int]
    paths: Callable[[int], Sequence[int]]
    slopes: Mapping[int, int]
    terms: dict[int, list[Term]] = field(default_factory=dict)
    #: What of them is to be passed on by the chain rule.
    chained: list[int] = field(default_factory=list)

    @cached_property
    def plain(self) -> Nodes:
        return Nodes(self.graph, self.rows, {})

    def add(self, number: int, term: Term) -> None:
        self.terms.setdefault(number, []).append(term)

    def summands(self) -> dict[int, list[tuple[Signal, int]]]:
        """What adds up, over time, to the cotangent of each coefficient: (scale, signal)s.

        A scale of None stands for 1. Coefficients may have signals in common.
        """
        return {
            number: [(one.scale, self._product(one)) for one in terms]
            for number, terms in sorted(self.terms.items())
        }

    def cotangents(self) -> dict[int, int]:
        """The cotangents of sliders, and of the signals in `chained`."""
        cotangents: dict[int, int] = {}
        for group in self._groups():
            entries = sum(self.bits[number].bit_count() for number in group)
            if entries > self._edges(group):
                self.chained += group
                cotangents.update((number, self._sum(self.terms[number])) for number in group)
            else:
                cotangents.update(self._by_matrix(group))
        return cotangents

    def _groups(self) -> list[list[int]]:
        """The coefficients; those that depend on a slider in common are together."""
        groups: list[tuple[int, list[int]]] = []
        for number in sorted(self.terms):
            bits, members = self.bits[number], [number]
            apart = []
            for other, others in groups:
                if other & bits:
                    bits, members = bits | other, others + members
                else:
                    apart.append((other, others))
            groups = [*apart, (bits, members)]
        return [members for _, members in groups]

    def _edges(self, group: Sequence[int]) -> int:
        """How many steps the chain rule takes from the coefficients back to the sliders."""
        seen, waiting, count = set(group), list(group), 0
        while waiting:
            for argument in self.paths(waiting.pop()):
                if self.bits.get(argument):
                    count += 1
                    if argument not in seen:
                        seen.add(argument)
                        waiting.append(argument)
        return count

    def _by_matrix(self, group: Sequence[int]) -> dict[int, int]:
        matrix = tangents(self.graph, self.rows, group, self.params, self.slopes)
        columns = list(zip(group, matrix, strict=True))
        own = [len(self.terms[number]) for number in group]
        entries = list(map(len, matrix))
        met = {index: set[Signal]() for index in range(len(self.params))}
        for number, column in columns:
            for index in column:
                met[index].update(t.factor for t in self.terms[number] if t.factor is not None)
        by_signals = sum(n * m for n, m in zip(own, entries, strict=True)) + sum(
            map(len, met.values())
        )
        by_coefficients = sum(own) + sum(entries)
        terms = self.terms
        if by_coefficients < by_signals:
            terms = {number: [Term(self._sum(terms[number]))] for number in group}
        return self._sums(columns, terms)

    def _sums(
        self, columns: Sequence[tuple[int, Tangents]], terms: Mapping[int, Sequence[Term]]
    ) -> dict[int, int]:
        plain, times = self.plain, self._times
        sums: dict[int, dict[Signal, Signal]] = {}
        for number, column in columns:
            for index, entry in column.items():
                row = sums.setdefault(index, {})
                for term in terms[number]:
                    product = plain.mul(times(term.scale, entry), term.cotangent)
                    row[term.factor] = plain.add(row.get(term.factor), product)
        totals = {}
        for index, row in sums.items():
            total: Signal = None
            for factor, cotangent in row.items():
                total = plain.add(total, times(factor, cotangent))
            if total is not None:
                totals[self.params[index]] = total
        return totals

    def _sum(self, terms: Sequence[Term]) -> int:
        total: Signal = None
        for term in terms:
            scaled = self._times(term.scale, term.cotangent)
            total = self.plain.add(total, self._times(term.factor, scaled))
        return self.plain.present(total, 0.0)

    def _product(self, term: Term) -> int:
        """A term without its scale."""
        return self.plain.present(self._times(term.factor, term.cotangent), 0.0)

    def _times(self, factor: Signal, signal: Signal) -> Signal:
        """The product, where None is a factor of 1."""
        return signal if factor is None else self.plain.mul(factor, signal)
