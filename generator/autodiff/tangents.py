"""Forward mode: the tangents of the signals of a graph, by the rules of the table.

Tangents are sparse: a signal has one for each parameter that it depends on, and no others. The
tangent of a feedback is the feedback of the tangent of its source, so that the derivative of a
recursion is a recursion of tangents, which reads the signals of the first and is not read by it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from ..table.folding import fold
from ..table.model import Primitive, tangent_name
from ..table.rules import Rule, partial
from .activity import Activity
from .elimination import Region, RegionPartials, regions
from .gates import check_controls
from .nodes import Nodes, rule_of

#: The tangents of a signal, by the number of the parameter.
Tangents = Mapping[int, int]
#: Which tables that are read at whole places have the slope of what is in them.
TableSlope = Literal["oscillators", "all", "none"]


def tangents(
    graph: Graph,
    rows: Rows,
    outputs: Sequence[int],
    parameters: Sequence[int],
    slopes: Mapping[int, int] | None = None,
) -> list[Tangents]:
    """The tangents of each output with respect to the signals `parameters`, as nodes of `graph`.

    `slopes` are the `table_slopes` of the whole program, where the outputs are a part of it.
    Raises `NoRuleError` where a parameter goes through a box that has none.
    """
    return _Forward(graph, rows, parameters).of(outputs, slopes)


class _Forward:
    def __init__(self, graph: Graph, rows: Rows, parameters: Sequence[int]) -> None:
        self.graph = graph
        self.rows = rows
        self.parameters = parameters
        self.rules: dict[tuple[str, tuple[str, ...]], Rule] = {}
        self.shared: dict[tuple[int, tuple[str, ...]], Mapping[str, int | None]] = {}
        self.tangents_of: dict[int, dict[int, int]] = {}

    def of(self, outputs: Sequence[int], slopes: Mapping[int, int] | None = None) -> list[Tangents]:
        graph = self.graph
        numbers = graph.reachable(outputs)
        self.slopes = table_slopes(graph, self.rows, numbers) if slopes is None else slopes
        self.activity = Activity(graph, self.rows, self.slopes)
        self.activity.spread(numbers, self.parameters)
        check_controls(graph, outputs, lambda number: self.activity.bits[number] != 0)
        eliminated = regions(self.activity, numbers, outputs, self.parameters)
        roots = {region.root: region for region in eliminated}
        inside = {number for region in eliminated for number in region.inside} - set(roots)
        # Nothing reads the tangents of what is inside.
        numbers = [number for number in numbers if number not in inside]
        one = graph.number(1.0)
        backwards = RegionPartials(graph, self.rows, self.activity)
        for number in numbers:
            if number in roots:
                self.tangents_of[number] = self.by_leaves(roots[number], backwards)
                continue
            self.tangents_of[number] = {}
            for index in _places(self.activity.bits[number]):
                tangent = self.tangent(number, index, one)
                if tangent is not None:
                    self.tangents_of[number][index] = tangent
        for number in numbers:
            if graph.nodes[number].op == "feedback":
                for index, delayed in self.tangents_of[number].items():
                    source = self.tangents_of[graph.source(number)].get(index)
                    graph.close(delayed, graph.number(0.0) if source is None else source)
        reached = self._reaching_parameters(numbers, roots)
        for number in numbers:
            if graph.nodes[number].op == "feedback":
                for index, delayed in self.tangents_of[number].items():
                    if not reached[number] >> index & 1:
                        graph.silence(delayed)
        return [
            {
                index: n
                for index, n in self.tangents_of[output].items()
                if reached[output] >> index & 1
            }
            for output in outputs
        ]

    def by_leaves(self, region: Region, backwards: RegionPartials) -> dict[int, int]:
        """The tangents of the root of a region, from those of its leaves."""
        by_leaf: dict[int, int] = {}
        for leaf, partial_ in backwards.partials(region).items():
            for index, tangent in self.tangents_of[leaf].items():
                total = backwards.plain.add(
                    by_leaf.get(index), backwards.plain.mul(partial_, tangent)
                )
                if total is not None:
                    by_leaf[index] = total
        return by_leaf

    def _reaching_parameters(
        self, numbers: Sequence[int], roots: Mapping[int, Region]
    ) -> dict[int, int]:
        """Which parameters do reach a signal, as bits: a tangent that is made of itself is 0.

        In a loop tangents are written down before it is known whether any comes in.
        """
        bits = dict.fromkeys(numbers, 0)
        nonzero = {
            n: sum(1 << index for index in self.tangents_of[n])
            for n in numbers
            if self.tangents_of[n]
        }
        paths = {n: roots[n].leaves if n in roots else self.activity.paths(n) for n in nonzero}
        bits |= {n: 1 << index for index, n in enumerate(self.parameters) if n in nonzero}
        changed = True
        while changed:
            changed = False
            for number, own in nonzero.items():
                new = bits[number]
                for source in paths[number]:
                    new |= bits[source] & own
                changed |= new != bits[number]
                bits[number] = new
        return bits

    def tangent(self, number: int, index: int, one: int) -> int | None:
        node = self.graph.nodes[number]
        if number == self.parameters[index]:
            return one
        if node.op == "feedback":
            return self.graph.feedback()
        if node.op == "bargraph":
            return self.tangents_of[node.args[0]].get(index)
        row = self.activity.row(number, lambda content: index in self.tangents_of[content])
        if number in self.slopes:
            moved = self.tangents_of[self.slopes[number]].get(index)
            if moved is None:
                return None
            return table_tangent(self.graph, self.rows, number, moved)
        moving = tuple(
            name
            for name in self.activity.active(row)
            if index in self.tangents_of[node.args[row.args.index(name)]]
        )
        return self.by_rule(number, node, row, moving, index) if moving else None

    def by_rule(
        self, number: int, node: Node, row: Primitive, moving: tuple[str, ...], index: int
    ) -> int | None:
        rule = self.rules.get((row.name, moving))
        if rule is None:
            rule = self.rules[row.name, moving] = rule_of(row, moving)
        if isinstance(rule.tangent.tree, ast.Name):
            # One tangent passes as it is, as through a sum: the most frequent case by far.
            passed = next(name for name in moving if tangent_name(name) == rule.tangent.tree.id)
            return self.tangents_of[node.args[row.args.index(passed)]][index]
        arguments = dict(zip(row.args, node.args, strict=True))
        values = self.shared.get((number, moving))
        if values is None:
            values = {**arguments}
            algebra = Nodes(self.graph, self.rows, values)
            for name, expression in zip(rule.shared_names, rule.shared, strict=True):
                values[name] = fold(expression, algebra)
            self.shared[number, moving] = values
        tangents = {tangent_name(name): self.tangents_of[arguments[name]][index] for name in moving}
        result: int | None = fold(
            rule.tangent, Nodes(self.graph, self.rows, {**values, **tangents})
        )
        return result


def _places(bits: int) -> Iterator[int]:
    """The places at which a bit is set, in ascending order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def table_tangent(graph: Graph, rows: Rows, number: int, moving: int) -> int | None:
    """The tangent of a table at the whole part of an index with the tangent `moving`.

    See `table_slopes`.
    """
    row = next(row for row in rows.table.primitives if row.name == "frdtable")
    size, content, index = graph.nodes[number].args
    nodes = Nodes(graph, rows, {"size": size, "init": content, "r": index})
    result: int | None = nodes.mul(fold(partial(row, "r"), nodes), moving)
    return result


def table_slopes(
    graph: Graph, rows: Rows, numbers: Sequence[int], choice: TableSlope = "oscillators"
) -> dict[int, int]:
    """Tables that are read at the whole part of a real index: the table's node, and that index.

    Such a program is a staircase, whose derivative is 0. Where it stands for the function in the
    table, the tangent is taken to be its slope, by the row `frdtable`. An oscillator does: its
    index is a phase, which feedback makes. Any other lookup is taken at its word, unless `choice`
    is "all"; with "none" every table is a staircase.
    A program that interpolates reads the fractional part of the same index too: there the
    derivative is exact without this, and adding a slope would count it twice. Hence the condition
    that nothing but tables reads the whole part, and that nothing else rounds the index.
    """
    readers: dict[int, set[tuple[str, int]]] = {}
    rounded: dict[int, int] = {}
    for number in numbers:
        node = graph.nodes[number]
        name = node.name if node.op == "primitive" else node.op
        for place, argument in enumerate(node.args):
            readers.setdefault(argument, set()).add((name, place))
        known = rows.known_of(node)
        for place in known.rounded if known else ():
            rounded[node.args[place]] = rounded.get(node.args[place], 0) + 1
    slopes = {}
    for number in numbers:
        node = graph.nodes[number]
        if node.op == "primitive" and node.name == "rdtable":
            index = graph.nodes[node.args[2]]
            if index.op == "primitive" and index.name == "int":
                alone = readers[node.args[2]] == {("rdtable", 2)} and rounded[index.args[0]] == 1
                if alone and (choice == "all" or _phase(graph, index.args[0], choice)):
                    slopes[number] = index.args[0]
    return slopes


def _phase(graph: Graph, index: int, choice: TableSlope) -> bool:
    """Whether an index is that of an oscillator, and oscillators are asked for."""
    looped = any(graph.nodes[n].op == "feedback" for n in graph.reachable([index]))
    return choice == "oscillators" and looped
