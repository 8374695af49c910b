"""The transposed program: from the cotangents of outputs to those of inputs and sliders.

The derivative of a program at its signals is a linear program; this is its transpose, in reversed
time. Signals are met in descending order, so that a cotangent is complete before it is passed on:

- a split becomes a sum: a signal's cotangent adds up what its readers give;
- a box without memory multiplies by its partial, by the rule of the table;
- a delay gives its cotangent to what it delays, that many samples later in reversed time;
- feedback k of a signal s gives s its own cotangent of the sample before, in reversed time: a
  feedback of the transposed program, which is closed when the cotangent of k is complete.

Both programs stand in one graph at first. Where the transposed one reads a signal of the original,
that is a factor of a partial at the same sample; how it gets there is for `tape`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from ..signals.bounds import Bounds
from ..signals.graph import Graph
from ..signals.rows import Rows
from ..signals.steady import Steadiness
from ..table.expressions import condition, delay_of, fold
from ..table.model import Primitive, tangent_name
from ..table.rules import COTANGENT, Share, adjoint, partial
from ..table.vocabulary import WHERE
from .gates import check_gates
from .reversed_time import ReversedTime, held, scatter, table
from .rules import Nodes, Signal
from .tangents import Activity, NoRuleError, table_slopes, table_tangent


@dataclass(frozen=True)
class Transposed:
    """`cotangents` of the leaves, as nodes; `time` tells which nodes run in reversed time."""

    cotangents: tuple[int, ...]
    time: ReversedTime


def transpose(
    graph: Graph,
    rows: Rows,
    outputs: Sequence[int],
    leaves: Sequence[int],
    steady: Steadiness,
    first_input: int,
) -> Transposed:
    """The cotangents of the signals `leaves`, by those of `outputs`, as new nodes of `graph`.

    The cotangents of the outputs are inputs with the indices from `first_input` on. For a leaf that
    is steady, only the sum over time is meant: its terms may come at other samples than they
    belong to. Raises `NoRuleError` where a cotangent meets a box that has no rule, or none in
    reversed time.
    """
    return _Transposition(graph, rows, outputs, leaves, steady).run(outputs, first_input)


class _Transposition:
    def __init__(
        self,
        graph: Graph,
        rows: Rows,
        outputs: Sequence[int],
        leaves: Sequence[int],
        steady: Steadiness,
    ) -> None:
        self.graph = graph
        self.rows = rows
        self.leaves = leaves
        self.steady = steady
        self.numbers = graph.reachable(outputs)
        self.slopes = table_slopes(graph, self.numbers)
        self.activity = Activity(graph, rows, self.slopes)
        self.activity.spread(self.numbers, leaves)
        self.time = ReversedTime(graph, rows)
        self.bounds = Bounds(graph)
        self.found: dict[int, int] = {}
        self.shares: dict[str, tuple[Share, ...]] = {}
        check_gates(graph, outputs, self.active)

    def run(self, outputs: Sequence[int], first_input: int) -> Transposed:
        graph = self.graph
        pending: dict[int, int] = {}
        for number in self.numbers:
            if graph.nodes[number].op == "feedback" and self.active(number):
                pending[number] = self.time.feedback()
                self.give(graph.source(number), pending[number])
        for index, output in enumerate(outputs):
            self.give(output, self.time.input(first_input + index))
        leaves = set(self.leaves)
        for number in reversed(self.numbers):
            cotangent = self.found.get(number)
            if number in pending:
                graph.close(pending[number], self.silent(cotangent))
            elif cotangent is not None and number not in leaves:
                self.through(number, cotangent)
        return Transposed(tuple(self.silent(self.found.get(n)) for n in self.leaves), self.time)

    def active(self, number: int) -> bool:
        return self.activity.bits.get(number, 0) != 0

    def silent(self, cotangent: Signal) -> int:
        return self.graph.number(0.0) if cotangent is None else cotangent

    def give(self, number: int, cotangent: Signal) -> None:
        """Adds to the cotangent of a signal."""
        if cotangent is not None and self.active(number):
            total = self.time.plain.add(self.found.get(number), cotangent)
            assert total is not None
            self.found[number] = total

    def through(self, number: int, cotangent: int) -> None:
        """Passes the cotangent of a signal on to what it is computed from."""
        graph, node = self.graph, self.graph.nodes[number]
        if node.op == "bargraph":
            self.give(node.args[0], cotangent)
            return
        row = self.activity.row(number, self.active)
        if number in self.slopes:
            slope = table_tangent(graph, self.rows, number, graph.number(1.0))
            self.give(self.slopes[number], self.time.plain.mul(slope, cotangent))
            return
        values = dict(zip(row.args, node.args, strict=True))
        if row.name not in self.shares:
            self.shares[row.name] = adjoint(row)
        for name, share in zip(row.args, self.shares[row.name], strict=True):
            if share.form != "none" and self.active(values[name]):
                self.by_share(row, name, share, values, cotangent)

    def by_share(
        self, row: Primitive, name: str, share: Share, values: dict[str, int], cotangent: int
    ) -> None:
        argument = values[name]
        algebra = Nodes(self.graph, self.rows, {**values, COTANGENT: cotangent})
        match share.form:
            case "lag":
                self.give(argument, self.sent(row, cotangent, fold(share.expression, algebra)))
            case "value" if self.steady(argument) and row.kind != "selector":
                factor, lag = self.undelayed(fold(partial(row, name), algebra))
                self.give(argument, algebra.mul(factor, self.time.delayed(cotangent, lag)))
            case "value":
                self.give(argument, fold(share.expression, algebra))
            case "state":
                _Linear(self, row, name, values).pull(share.expression.tree, cotangent)

    def sent(self, row: Primitive, cotangent: int, lag: Signal) -> int:
        """The cotangent of what a delay by `lag` delays."""
        if lag is None or self.steady(lag):
            return self.time.delayed(cotangent, lag)
        longest = self.bounds.highest(lag)
        if longest is None:
            why = (
                "the length of the delay moves, and no bound of it is known for reverse mode; "
                "bound it by min"
            )
            raise NoRuleError(row.faust, why)
        return scatter(self.time, cotangent, lag, int(longest))

    def undelayed(self, factor: Signal) -> tuple[Signal, Signal]:
        """A factor without the delays at its end, and their sum.

        The sum over time of c[n] f[n - d] is that of c[n + d] f[n], with d steady and both zero
        outside: one recorded signal serves for all its delays.
        """
        lag: Signal = None
        seen: set[int] = set()
        while factor is not None and factor not in seen:
            seen.add(factor)
            node = self.graph.nodes[factor]
            if node.op == "feedback":
                more: Signal = self.graph.number(1)
                factor = self.graph.source(factor)
            else:
                found = self.delay(factor)
                if found is None:
                    break
                factor, more = found
            lag = self.time.plain.add(lag, more)
        return factor, lag

    def delay(self, number: int) -> tuple[int, Signal] | None:
        """What a signal delays and by how much, if it is a steady delay and nothing else."""
        node = self.graph.nodes[number]
        row = self.rows.of(node) if node.op == "primitive" else None
        if row is None or row.value is None or not isinstance(row.value.tree, ast.Subscript):
            return None
        lag = delay_of(row.value.tree)
        if lag is None:
            return None
        values = dict(zip(row.args, node.args, strict=True))
        more: Signal = fold(lag, Nodes(self.graph, self.rows, values))
        if more is not None and not self.steady(more):
            return None
        assert isinstance(row.value.tree.value, ast.Name)
        return values[row.value.tree.value.id], more


class _Linear:
    """The transpose of an expression that is linear in the tangent of one argument."""

    def __init__(
        self, parent: _Transposition, row: Primitive, name: str, values: dict[str, int]
    ) -> None:
        self.parent = parent
        self.time = parent.time
        self.row = row
        self.argument = values[name]
        self.tangent = tangent_name(name)
        self.algebra = Nodes(parent.graph, parent.rows, values)

    def reads(self, tree: ast.expr) -> bool:
        return any(isinstance(n, ast.Name) and n.id == self.tangent for n in ast.walk(tree))

    def pull(self, tree: ast.expr, cotangent: Signal) -> None:
        """Gives the argument what the cotangent of the value of `tree` amounts to."""
        if cotangent is None or not self.reads(tree):
            return
        plain = self.time.plain
        match tree:
            case ast.Name():
                self.parent.give(self.argument, cotangent)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self.pull(operand, plain.negate(cotangent))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                self.pull(left, cotangent)
                self.pull(right, cotangent)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                self.pull(left, cotangent)
                self.pull(right, plain.negate(cotangent))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                factor, linear = (right, left) if self.reads(left) else (left, right)
                self.pull(linear, plain.mul(fold(factor, self.algebra), cotangent))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                self.pull(left, plain.div(cotangent, fold(right, self.algebra)))
            case ast.Subscript() if (lag := delay_of(tree)) is not None:
                sent = self.parent.sent(self.row, cotangent, fold(lag, self.algebra))
                self.parent.give(self.argument, sent)
            case ast.Call(func=ast.Name(id=function), args=arguments):
                self.call(function, arguments, cotangent)
            case _:
                self.refuse(tree)

    def call(self, function: str, arguments: list[ast.expr], cotangent: int) -> None:
        graph, time = self.parent.graph, self.time
        match function, arguments:
            case "prefix", [_, linear]:
                self.pull(linear, time.delayed(cotangent, graph.number(1)))
            case "control", [linear, gate]:
                self.pull(linear, held(time, cotangent, self.folded(gate)))
            case "enable", [linear, gate]:
                opened = self.folded(gate)
                product = time.plain.mul(opened, held(time, cotangent, opened))
                self.pull(linear, product)
            case "rwtable", [size, _, write, linear, read]:
                places = map(self.folded, (size, write, read))
                self.pull(linear, table(time, cotangent, *places))
            case name, [test, yes, no] if name == WHERE and not self.reads(test):
                chosen, silence = condition(test, self.algebra), graph.number(0.0)
                self.pull(yes, self.algebra.where(chosen, lambda: cotangent, lambda: silence))
                self.pull(no, self.algebra.where(chosen, lambda: silence, lambda: cotangent))
            case _:
                self.refuse(ast.Call(ast.Name(function), arguments, []))

    def folded(self, tree: ast.expr) -> int:
        return self.algebra.present(fold(tree, self.algebra))

    def refuse(self, tree: ast.expr) -> None:
        why = f"its rule is not linear in {self.tangent}, as far as is seen: {ast.unparse(tree)}"
        raise NoRuleError(self.row.faust, why)
