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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..signals.bounds import Bounds
from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from ..signals.steady import Steadiness
from ..table.expressions import delay_of
from ..table.folding import condition, fold
from ..table.model import Primitive, tangent_name
from ..table.rules import COTANGENT, Share, adjoint, partial
from ..table.vocabulary import WHERE
from .activity import Activity, NoRuleError
from .coefficients import Coefficients, Term
from .gates import check_gates
from .nodes import Nodes, Signal
from .reversed_time import ReversedTime, hold_cotangent, scatter, table_cotangent
from .selections import unsafe_signals
from .tangents import table_slopes, table_tangent


@dataclass(frozen=True)
class Transpose:
    """`cotangents` of the leaves, as nodes; `time` tells which nodes run in reversed time.

    With `by_sums`, the cotangents of steady leaves are made of the inputs `sums`, the sums over
    time of the signals `coefficients`, which run in reversed time.
    """

    cotangents: tuple[int, ...]
    time: ReversedTime
    coefficients: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()


def transpose(
    graph: Graph,
    rows: Rows,
    outputs: Sequence[int],
    leaves: Sequence[int],
    steady: Steadiness,
    first_input: int,
    *,
    reads: Sequence[int] = (),
    by_sums: bool = False,
) -> Transpose:
    """The cotangents of the signals `leaves`, by those of `outputs`, as new nodes of `graph`.

    Those of `leaves` that are `reads` of tables pass their cotangents on, too, to the index.

    The cotangents of the outputs are inputs with the indices from `first_input` on. For a leaf that
    is steady, only the sum over time is meant: its terms may come at other samples than they
    belong to. Raises `NoRuleError` where a cotangent meets a box that has no rule, or none in
    reversed time.
    """
    transposition = _Transposition(graph, rows, outputs, leaves, steady)
    return transposition.run(outputs, first_input, set(leaves) - set(reads), by_sums)


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
        #: From here on, signals are made by rules.
        self.original_size = len(graph.nodes)
        self.slopes = table_slopes(graph, rows, self.numbers)
        self.activity = Activity(graph, rows, self.slopes)
        self.activity.spread(self.numbers, leaves)
        self.time = ReversedTime(graph, rows, steady)
        self.bounds = Bounds(graph, rows)
        self.cotangent_of: dict[int, int] = {}
        self.shares: dict[str, tuple[Share, ...]] = {}
        self.unsafe = unsafe_signals(graph, rows, outputs)
        self.coefficients: Coefficients | None = Coefficients(
            graph, rows, leaves, self.activity.bits, self.activity.paths, self.slopes
        )
        check_gates(graph, rows, outputs, self.active)

    def run(
        self, outputs: Sequence[int], first_input: int, ends: set[int], by_sums: bool
    ) -> Transpose:
        """Goes from `outputs` back to the signals `ends`, which are not entered."""
        graph = self.graph
        pending: dict[int, int] = {}
        for number in self.numbers:
            if graph.nodes[number].op == "feedback" and self.active(number):
                pending[number] = self.time.feedback()
                self.give(graph.source(number), pending[number])
        for index, output in enumerate(outputs):
            self.give(output, self.time.input(first_input + index))
        for number in reversed(self.numbers):
            cotangent = self.cotangent_of.get(number)
            if number in pending:
                graph.close(pending[number], self.silent(cotangent))
            elif cotangent is not None and number not in ends:
                self.pass_on(number, cotangent)
        collected, self.coefficients = self.coefficients, None
        assert collected is not None
        if not by_sums:
            self.cotangent_of.update(collected.cotangents())
            self.through_coefficients(collected.chained, ends)
            return Transpose(self.results(), self.time)
        return self.by_sums(collected.summands(), first_input + len(outputs), ends)

    def by_sums(
        self, summands: Mapping[int, Sequence[tuple[Signal, int]]], first_input: int, ends: set[int]
    ) -> Transpose:
        """Goes on from the sums over time of the `summands` of coefficients, which are inputs."""
        plain = self.time.plain
        sums: dict[int, int] = {}
        for number, terms in summands.items():
            for scale, summand in terms:
                if summand not in sums:
                    sums[summand] = self.graph.add("input", (first_input + len(sums),))
                share = sums[summand] if scale is None else plain.mul(scale, sums[summand])
                total = plain.add(self.cotangent_of.get(number), share)
                assert total is not None
                self.cotangent_of[number] = total
        if not sums:
            # No slider has an effect; a program has one output or more.
            sums = {self.graph.number(0.0): self.graph.add("input", (first_input,))}
        self.through_coefficients(list(summands), ends)
        return Transpose(self.results(), self.time, tuple(sums), tuple(sums.values()))

    def results(self) -> tuple[int, ...]:
        return tuple(self.silent(self.cotangent_of.get(number)) for number in self.leaves)

    def through_coefficients(self, coefficients: Sequence[int], ends: set[int]) -> None:
        """Passes the cotangents of what is steady on to the sliders."""
        for number in reversed(self.graph.reachable(coefficients)):
            cotangent = self.cotangent_of.get(number)
            if cotangent is not None and number not in ends:
                self.pass_on(number, cotangent)

    def active(self, number: int) -> bool:
        return self.activity.bits.get(number, 0) != 0

    def silent(self, cotangent: Signal) -> int:
        return self.graph.number(0.0) if cotangent is None else cotangent

    def give(self, number: int, cotangent: Signal) -> None:
        """Adds to the cotangent of a signal."""
        if cotangent is None or not self.active(number):
            return
        if self.coefficients and self.steady(number):
            self.coefficients.add(number, Term(cotangent))
            return
        total = self.time.plain.add(self.cotangent_of.get(number), cotangent)
        assert total is not None
        self.cotangent_of[number] = total

    def pass_on(self, number: int, cotangent: int) -> None:
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
        if row.name not in self.shares:
            self.shares[row.name] = adjoint(row)
        for name, share in zip(row.args, self.shares[row.name], strict=True):
            if share.form != "none" and self.active(node.args[row.args.index(name)]):
                self.by_share(number, row, name, share, cotangent)

    def by_share(
        self, number: int, row: Primitive, name: str, share: Share, cotangent: int
    ) -> None:
        arguments = self.graph.nodes[number].args
        values = dict(zip(row.args, arguments, strict=True))
        argument = values[name]
        algebra = Nodes(self.graph, self.rows, {**values, COTANGENT: cotangent})
        safe = self.unsafe.isdisjoint((number, *arguments))
        match share.form:
            case "lag":
                self.give(
                    argument, self.delay_cotangent(row, cotangent, fold(share.expression, algebra))
                )
            case "value" if self.coefficients and self.steady(argument) and row.kind != "selector":
                self.to_coefficient(argument, fold(partial(row, name), algebra), cotangent, safe)
            case "value":
                product = fold(share.expression, algebra)
                self.give(argument, self.masked_product(product, cotangent, safe))
            case "state":
                _Linear(self, row, name, values, safe).pull(share.expression.tree, cotangent)

    def masked_product(self, product: Signal, cotangent: int, safe: bool) -> Signal:
        """A product with a cotangent; 0 where that is 0, if the other factor is not `safe`."""
        if safe or product is None or product == cotangent:
            return product
        given = self.graph.primitive("!=", cotangent, self.graph.number(0.0))
        return self.time.where(given, product)

    def delay_cotangent(self, row: Primitive, cotangent: int, lag: Signal) -> int:
        """The cotangent of what a delay by `lag` delays."""
        if lag is None or self.steady(lag):
            return self.time.delay(cotangent, lag)
        longest = self.bounds.highest(lag)
        if longest is None:
            why = (
                "the length of the delay moves, and no bound of it is known for reverse mode; "
                "bound it by min"
            )
            raise NoRuleError(row.faust, why)
        return scatter(self.time, cotangent, lag, int(longest))

    def to_coefficient(self, number: int, factor: Signal, cotangent: int, safe: bool) -> None:
        """Gives a steady signal its cotangent, as a recorded signal times what is not recorded.

        Its sum over time counts, and that of c[n] f[n - d] is that of c[n + d] f[n], with d steady
        and both zero outside: one recorded signal serves for all its delays. What is steady in
        the factor and the cotangent is taken out of them too.
        """
        assert self.coefficients is not None
        root, lags, scale = self.split_factor(factor)
        if root is None:
            return
        for lag in lags:
            cotangent = self.time.delay(cotangent, lag)
        if safe:
            cotangent, more = self.split_steady(cotangent)
            self.coefficients.add(number, Term(cotangent, root, self.product(scale, more)))
        else:
            product = self.masked_product(self.time.plain.mul(root, cotangent), cotangent, safe)
            assert product is not None
            self.coefficients.add(number, Term(product, None, scale))

    def split_factor(self, factor: Signal) -> tuple[Signal, list[Signal], Signal]:
        """A factor without the delays and the steady factors at its end; those, and their product.

        As a product, None stands for 1. A signal of the original is not taken apart: it may be
        recorded for other factors too. Delays that are not numbers come first, and one by one: the
        feedback of the transposed program delays by them too.
        """
        lags: list[Signal] = []
        number: Signal = None
        scale: Signal = None
        seen: set[int] = set()
        while factor is not None and factor not in seen:
            seen.add(factor)
            node = self.graph.nodes[factor]
            if node.op == "feedback":
                number = self.time.plain.add(number, self.graph.number(1))
                factor = self.graph.source(factor)
            elif delayed := self.delay(factor):
                factor, lag = delayed
                if lag is None or self.graph.nodes[lag].op == "number":
                    number = self.time.plain.add(number, lag)
                else:
                    lags.append(lag)
            elif factor >= self.original_size and (scaled := self.steady_multiple(node)):
                factor, more = scaled
                scale = self.product(scale, more)
            else:
                break
        return factor, [*lags, number], scale

    def split_steady(self, signal: int) -> tuple[int, Signal]:
        """A signal of the transposed program without its steady factors, and their product."""
        scale: Signal = None
        while scaled := self.steady_multiple(self.graph.nodes[signal]):
            signal, more = scaled
            scale = self.product(scale, more)
        return signal, scale

    def product(self, a: Signal, b: Signal) -> Signal:
        """The product of two factors, where None stands for 1."""
        return b if a is None else a if b is None else self.time.plain.mul(a, b)

    def steady_multiple(self, node: Node) -> tuple[int, Signal] | None:
        """What a signal is a steady multiple of, and by which factor."""
        plain, one = self.time.plain, self.graph.number(1.0)
        if node.op != "primitive" or not any(map(self.steady, node.args)):
            return None
        match node.name, node.args:
            case "*", (a, b):
                return (b, a) if self.steady(a) else (a, b)
            case "/", (a, b) if self.steady(b):
                return a, plain.div(one, b)
            case "-", (a, b) if self.is_zero(a):
                return b, self.graph.number(-1.0)
            case "select2", (test, a, b) if self.steady(test) and self.is_zero(a):
                return b, self.time.where(test, one)
            case "select2", (test, a, b) if self.steady(test) and self.is_zero(b):
                return a, self.graph.primitive("select2", test, one, self.graph.number(0.0))
        return None

    def is_zero(self, number: int) -> bool:
        node = self.graph.nodes[number]
        return node.op == "number" and float(node.name) == 0

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
        self,
        parent: _Transposition,
        row: Primitive,
        name: str,
        values: dict[str, int],
        safe: bool,
    ) -> None:
        self.parent = parent
        self.safe = safe
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
                product = plain.mul(fold(factor, self.algebra), cotangent)
                self.pull(linear, self.parent.masked_product(product, cotangent, self.safe))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                self.pull(left, plain.div(cotangent, fold(right, self.algebra)))
            case ast.Subscript() if (lag := delay_of(tree)) is not None:
                sent = self.parent.delay_cotangent(self.row, cotangent, fold(lag, self.algebra))
                self.parent.give(self.argument, sent)
            case ast.Call(func=ast.Name(id=function), args=arguments):
                self.call(function, arguments, cotangent)
            case _:
                self.refuse(tree)

    def call(self, function: str, arguments: list[ast.expr], cotangent: int) -> None:
        graph, time = self.parent.graph, self.time
        match function, arguments:
            case "prefix", [_, linear]:
                self.pull(linear, time.delay(cotangent, graph.number(1)))
            case "control", [linear, gate]:
                self.pull(linear, hold_cotangent(time, cotangent, self.fold_tree(gate)))
            case "enable", [linear, gate]:
                opened = self.fold_tree(gate)
                product = time.plain.mul(opened, hold_cotangent(time, cotangent, opened))
                self.pull(linear, product)
            case "rwtable", [size, _, write, linear, read]:
                places = map(self.fold_tree, (size, write, read))
                self.pull(linear, table_cotangent(time, cotangent, *places))
            case name, [test, yes, no] if name == WHERE and not self.reads(test):
                chosen, silence = condition(test, self.algebra), graph.number(0.0)
                self.pull(yes, self.algebra.where(chosen, lambda: cotangent, lambda: silence))
                self.pull(no, self.algebra.where(chosen, lambda: silence, lambda: cotangent))
            case _:
                self.refuse(ast.Call(ast.Name(function), arguments, []))

    def fold_tree(self, tree: ast.expr) -> int:
        return self.algebra.present(fold(tree, self.algebra))

    def refuse(self, tree: ast.expr) -> None:
        why = f"its rule is not linear in {self.tangent}, as far as is seen: {ast.unparse(tree)}"
        raise NoRuleError(self.row.faust, why)
