"""Reverse mode: from an output back to the parameters, by the same rules as forward mode.

A rule that is linear in the tangent of one argument is the same factor in both directions, so the
cotangent of an argument is what the rule makes of the cotangent in place of the tangent. A delay
is no factor; it is moved: what reaches the argument of a delay by d does so d samples ago, and
cotangents are kept apart by how long ago they apply. What they are multiplied with is delayed by
as much. This is exact for parameters that are constant over the longest of these delays.

Feedback on the way from a parameter to the output has no end to start from: that is for forward
mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from ..signals.steady import Steadiness
from ..table.folding import fold
from ..table.model import Primitive, tangent_name
from ..table.vocabulary import Function
from .activity import Activity
from .nodes import Nodes, rule_of
from .tangents import Tangents, table_slopes, table_tangent


class NoReverseError(Exception):
    """Reverse mode does not reach a parameter; forward mode may."""


def cotangents(
    graph: Graph,
    rows: Rows,
    outputs: Sequence[int],
    parameters: Sequence[int],
    slopes: Mapping[int, int] | None = None,
) -> list[Tangents]:
    """The partials of each output with respect to the signals `parameters`, as nodes of `graph`.

    Raises `NoRuleError` as in forward mode, and `NoReverseError` where feedback, or a box with
    memory other than a delay, lies between a parameter and an output.
    """
    numbers = graph.reachable(outputs)
    slopes = table_slopes(graph, rows, numbers) if slopes is None else slopes
    activity = Activity(graph, rows, slopes)
    activity.spread(numbers, parameters)
    order = [(number, len(c) > 1) for c in graph.components(outputs) for number in c]
    backward = _Backward(graph, rows, activity, order[::-1], Steadiness(graph, rows))
    return [backward.of(output, parameters) for output in outputs]


@dataclass(frozen=True)
class _Backward:
    graph: Graph
    rows: Rows
    activity: Activity
    order: Sequence[tuple[int, bool]]
    steady: Steadiness

    def of(self, output: int, parameters: Sequence[int]) -> Tangents:
        """The partials of one output."""
        plain = Nodes(self.graph, self.rows, {})
        #: By signal, then by how long ago: the cotangent.
        by_lag: dict[int, dict[int | None, int]] = {output: {None: self.graph.number(1.0)}}

        def give(number: int, lag: int | None, cotangent: int | None) -> None:
            if cotangent is not None and self.activity.bits[number]:
                there = by_lag.setdefault(number, {})
                total = plain.add(there.get(lag), cotangent)
                assert total is not None
                there[lag] = total

        for number, looped in self.order:
            for lag, cotangent in by_lag.get(number, {}).items():
                if self.activity.bits[number] and number not in parameters:
                    if looped:
                        raise NoReverseError("feedback lies between a slider and an output")
                    self.through(number, lag, cotangent, give)
        partials = {}
        for index, parameter in enumerate(parameters):
            total = None
            for lag, cotangent in by_lag.get(parameter, {}).items():
                # Before a delay is filled, nothing comes out of it.
                began = self.before(self.graph.number(1.0), lag)
                total = plain.add(total, plain.mul(cotangent, began))
            if total is not None:
                partials[index] = total
        return partials

    def through(self, number: int, lag: int | None, cotangent: int, give: Any) -> None:
        """Passes the cotangent of a signal, `lag` samples ago, on to what it is computed from."""
        graph, node = self.graph, self.graph.nodes[number]
        if node.op == "bargraph":
            give(node.args[0], lag, cotangent)
            return
        if node.op == "feedback":
            give(graph.source(number), self.later(lag, graph.number(1)), cotangent)
            return
        row = self.activity.row(number, lambda content: self.activity.bits[content] != 0)
        if number in self.activity.slopes:
            slope = table_tangent(graph, self.rows, number, graph.number(1.0))
            factor = self.delay(slope, lag) if slope is not None else None
            product = Nodes(graph, self.rows, {}).mul(factor, cotangent)
            give(self.activity.slopes[number], lag, product)
            return
        for name, argument in zip(row.args, node.args, strict=True):
            if name in row.active and self.activity.bits[argument]:
                shift, passed = self.by_rule(node, row, name, lag, cotangent)
                give(argument, self.later(lag, shift), passed)

    def by_rule(
        self, node: Node, row: Primitive, name: str, lag: int | None, cotangent: int
    ) -> tuple[int | None, int | None]:
        """By how much more a cotangent is moved on its way to an argument, and what it becomes."""
        rule = rule_of(row, (name,))
        values: dict[str, Any] = {
            argument: self.delay(number, lag)
            for argument, number in zip(row.args, node.args, strict=True)
        }
        algebra = _DelayNodes(self.graph, self.rows, values, tangent_name(name), cotangent)
        for shared, expression in zip(rule.shared_names, rule.shared, strict=True):
            values[shared] = fold(expression, algebra)
        values[tangent_name(name)] = cotangent
        result = fold(rule.tangent, algebra)
        if isinstance(result, _LaggedCotangent):
            return result.lag, cotangent
        return None, result

    def later(self, lag: int | None, more: int | None) -> int | None:
        """`lag`, and `more` samples before."""
        return Nodes(self.graph, self.rows, {}).add(lag, more)

    def delay(self, number: int, lag: int | None) -> int:
        """The signal that many samples ago, where that matters."""
        return number if self.steady(number) else self.before(number, lag)

    def before(self, number: int, lag: int | None) -> int:
        """The signal that many samples ago."""
        past = Nodes(self.graph, self.rows, {"x": number}).delay("x", lag)
        assert past is not None
        return past


@dataclass(frozen=True)
class _LaggedCotangent:
    """A cotangent as it is, `lag` samples before."""

    lag: int | None


class _DelayNodes(Nodes):
    """Nodes, with one tangent that may be delayed as a whole and nothing else."""

    def __init__(
        self, graph: Graph, rows: Rows, values: dict[str, Any], tangent: str, cotangent: int
    ) -> None:
        super().__init__(graph, rows, values)
        self.tangent = tangent
        self.cotangent = cotangent

    def delay(self, signal: str, lag: Any) -> Any:
        return _LaggedCotangent(lag) if signal == self.tangent else super().delay(signal, lag)

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        if function.stream and self.cotangent in arguments:
            raise NoReverseError(f"'{function.name}' lies between a slider and an output")
        return super().call(function, arguments)
