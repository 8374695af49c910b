"""Expressions folded into nodes of a graph, against Python's own arithmetic; without a compiler."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import pytest

from faustdiff.autodiff.nodes import Nodes
from faustdiff.signals.graph import Graph
from faustdiff.signals.row_lookup import Rows
from faustdiff.table.model import Table
from faustdiff.table.vocabulary import FUNCTIONS, MAX_INTEGER

PRIMITIVES: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "pow": operator.pow,
    "<": operator.lt,
    "!=": operator.ne,
    "==": operator.eq,
    "&": operator.and_,
    "|": operator.or_,
    "select2": lambda condition, no, yes: yes if condition else no,
    "float": float,
}
#: Nothing here asks a compiler.
NO_COMPILER: Any = None
#: What the two inputs are given: exact in sums and products.
GIVEN = (3.5, -0.75)


@pytest.fixture
def nodes(table: Table) -> Nodes:
    """With the reals x and y, inputs of the graph."""
    graph = Graph()
    values = {name: graph.add("input", (place,)) for place, name in enumerate("xy")}
    return Nodes(graph, Rows(table, NO_COMPILER), values)


def value(nodes: Nodes, at: Any) -> float:
    """What a node computes; a structural zero is 0, and a decided condition is itself."""
    if at is None or isinstance(at, bool):
        return float(at or 0)
    node = nodes.graph.nodes[at]
    if node.op == "input":
        return GIVEN[node.data[0]]  # type: ignore[index]
    if node.op == "number":
        return float(node.name)
    return float(PRIMITIVES[node.name](*(_whole(value(nodes, one)) for one in node.args)))


def _whole(number: float) -> float | int:
    return int(number) if number in (0, 1) else number


def primitives(nodes: Nodes, at: int | None) -> list[str]:
    """The primitives that a node is computed by."""
    reached = nodes.graph.reachable([at] if at is not None else [])
    return sorted(
        nodes.graph.nodes[n].name for n in reached if nodes.graph.nodes[n].op == "primitive"
    )


def operands(nodes: Nodes) -> list[int | None]:
    """Signals, their opposites, and numbers of both kinds."""
    x, y = nodes.values["x"], nodes.values["y"]
    numbers = [nodes.graph.number(number) for number in (0, 1, -1, 2, 2.5, -0.5)]
    return [None, x, y, nodes.negate(x), nodes.negate(y), *numbers]


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_arithmetic_is_that_of_numbers(nodes: Nodes, name: str) -> None:
    compute = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[name]
    for a, b in itertools.product(operands(nodes), repeat=2):
        if name == "div" and value(nodes, b) == 0:
            continue
        expected = PRIMITIVES[compute](value(nodes, a), value(nodes, b))
        assert value(nodes, getattr(nodes, name)(a, b)) == expected, (a, b)


def test_signs_are_drawn_out_of_sums_and_products(nodes: Nodes) -> None:
    x, y = nodes.values["x"], nodes.values["y"]
    assert x is not None and y is not None
    minus_x, minus_y = nodes.negate(x), nodes.negate(y)
    assert primitives(nodes, minus_x) == ["*"]
    assert nodes.negate(minus_x) == x
    assert primitives(nodes, nodes.add(minus_x, y)) == ["-"]
    assert primitives(nodes, nodes.add(x, minus_y)) == ["-"]
    assert primitives(nodes, nodes.sub(x, minus_y)) == ["+"]
    assert primitives(nodes, nodes.add(minus_x, minus_y)) == ["*", "+"]
    assert primitives(nodes, nodes.mul(minus_x, minus_y)) == ["*"]
    assert primitives(nodes, nodes.mul(minus_x, nodes.graph.number(2.5))) == ["*"]


def test_zeros_and_ones_leave_no_trace(nodes: Nodes) -> None:
    x, zero, one = nodes.values["x"], nodes.graph.number(0), nodes.graph.number(1)
    assert nodes.add(x, zero) == nodes.add(None, x) == nodes.sub(x, None) == x
    assert nodes.mul(x, one) == nodes.mul(one, x) == nodes.pow(x, one) == x
    assert nodes.mul(x, zero) is nodes.mul(None, x) is nodes.div(None, x) is None
    assert value(nodes, nodes.pow(x, None)) == 1
    assert nodes.constant("0") is None


def test_integers_beyond_32_bits_become_reals(nodes: Nodes) -> None:
    graph = nodes.graph
    largest = graph.number(MAX_INTEGER)
    assert nodes.integer(nodes.present(nodes.add(graph.number(1), graph.number(2))))
    assert nodes.integer(nodes.present(nodes.mul(largest, graph.number(-1))))
    assert nodes.is_real(nodes.present(nodes.add(largest, graph.number(1))))
    # Division by zero is left to the program.
    assert primitives(nodes, nodes.div(graph.number(1), graph.number(0))) == ["/"]


def test_conditions_are_decided_where_they_can_be(nodes: Nodes) -> None:
    x, y = nodes.values["x"], nodes.values["y"]
    one, two = nodes.graph.number(1), nodes.graph.number(2)
    assert nodes.compare("<", one, two) is True
    assert nodes.compare("<", two, None) is False
    less, more = nodes.compare("<", x, y), nodes.compare("<", y, x)
    assert (value(nodes, less), value(nodes, more)) == (0, 1)
    assert nodes.compare("!=", more, None) == more
    assert primitives(nodes, nodes.compare("!=", x, None)) == ["!="]
    for a, b in itertools.product((True, False, less, more), repeat=2):
        truths = bool(value(nodes, a)), bool(value(nodes, b))
        assert bool(value(nodes, nodes.both(a, b))) == all(truths), (a, b)
        assert bool(value(nodes, nodes.either(a, b))) == any(truths), (a, b)
        assert bool(value(nodes, nodes.opposite(a))) == (not truths[0]), a
    assert nodes.both(True, more) == nodes.either(False, more) == more
    assert nodes.indicator(False) is None
    assert value(nodes, nodes.indicator(True)) == 1
    assert nodes.indicator(more) == more


def test_a_choice_is_between_what_differs(nodes: Nodes) -> None:
    x, y = nodes.values["x"], nodes.values["y"]
    less, more = nodes.compare("<", x, y), nodes.compare("<", y, x)
    assert nodes.where(True, lambda: x, lambda: y) == x
    assert nodes.where(False, lambda: x, lambda: y) == y
    assert nodes.where(less, lambda: x, lambda: x) == x
    for condition, expected in ((less, GIVEN[1]), (more, GIVEN[0])):
        chosen = nodes.where(condition, lambda: x, lambda: y)
        assert value(nodes, chosen) == expected
        assert primitives(nodes, chosen) == ["<", "select2"]
    nothing = nodes.where(more, lambda: None, lambda: x)
    assert value(nodes, nothing) == 0
    assert all(nodes.is_real(part) for part in nodes.graph.nodes[nothing].args[1:])


def test_products_of_integers_are_those_of_reals(nodes: Nodes) -> None:
    """Two signals that are integers overflow as such."""
    first, second = (nodes.compare("<", nodes.values[a], nodes.values[b]) for a, b in ("xy", "yx"))
    both = nodes.add(first, second)
    assert both is not None
    product = nodes.mul(both, both)
    assert product is not None and nodes.is_real(product)
    assert primitives(nodes, product).count("float") == 1


def test_delays(nodes: Nodes) -> None:
    one, two = nodes.graph.number(1), nodes.graph.number(2)
    assert nodes.delay("x", None) == nodes.values["x"]
    assert primitives(nodes, nodes.delay("x", one)) == ["mem"]
    assert primitives(nodes, nodes.delay("x", two)) == ["@"]


def test_functions_are_the_primitives_of_that_name(nodes: Nodes) -> None:
    x, y, one = nodes.values["x"], nodes.values["y"], nodes.graph.number(1)
    assert primitives(nodes, nodes.call(FUNCTIONS["sin"], (x,))) == ["sin"]
    assert nodes.call(FUNCTIONS["int"], (one,)) == one
    assert primitives(nodes, nodes.call(FUNCTIONS["int"], (x,))) == ["int"]
    held = nodes.call(FUNCTIONS["control"], (x, y))
    assert primitives(nodes, held) == ["!=", "control", "select2"]
