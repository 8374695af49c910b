"""The text of expressions, Faust and LaTeX, character by character.

That the Faust text means what the expression means is shown by the compiler, in
faust-tests/test_printed_forms.py.
"""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from faustdiff.library.printing import Unevaluated, _Faust, faust, latex
from faustdiff.table.expressions import TIME, parse
from faustdiff.table.folding import fold
from faustdiff.table.model import Table
from faustdiff.table.vocabulary import FUNCTIONS

SCOPE = ("x", "y", "z", "dx", "delta", "init", TIME)

FAUST = [
    # Faust has no unary minus on expressions.
    ("-x", "0 - x"),
    ("-sin(x)", "0 - sin(x)"),
    ("-x ** 2", "0 - pow(x, 2)"),
    ("(-x) ** 2", "pow(0 - x, 2)"),
    ("-(x + y)", "0 - (x + y)"),
    ("-(x - y)", "0 - (x - y)"),
    ("-x * y", "(0 - x) * y"),
    ("x * -y", "x * (0 - y)"),
    ("-x / y", "(0 - x) / y"),
    ("x / -y", "x / (0 - y)"),
    ("-(x / y)", "0 - x / y"),
    ("-x + y", "0 - x + y"),
    ("x + -y", "x - y"),
    ("2 - -x", "2 - (0 - x)"),
    ("x - -(y - z)", "x - (0 - (y - z))"),
    ("x - -(z - y)", "x - (0 - (z - y))"),
    ("--x", "0 - (0 - x)"),
    # The square of an integer above 46340 is none in Faust.
    ("x * x", "float(x) * x"),
    ("1 + x * x * x", "1 + float(x) * x * x"),
    ("(x - y) * (x - y)", "float(x - y) * (x - y)"),
    (
        "where(x > 0, y, x) * where(x > 0, y, x)",
        "float(select2((x > 0), x, y)) * select2((x > 0), x, y)",
    ),
    (
        "where(x > 0, 0.5, x) * where(x > 0, 0.5, x)",
        "select2((x > 0), x, 0.5) * select2((x > 0), x, 0.5)",
    ),
    ("x * y", "x * y"),
    ("sin(x) * sin(x)", "sin(x) * sin(x)"),
    ("0.5 * x * (0.5 * x)", "0.5 * x * (0.5 * x)"),
    ("+x", "x"),
    ("-3", "-3"),
    ("x + -3", "x + (-3)"),
    ("x - -3", "x - (-3)"),
    ("-3 * x", "(-3) * x"),
    ("(-3) ** 2", "pow(-3, 2)"),
    ("-3 ** 2", "0 - pow(3, 2)"),
    # The author's order and grouping.
    ("x - y - z", "x - y - z"),
    ("x - (y - z)", "x - (y - z)"),
    ("x - (y + z)", "x - (y + z)"),
    ("x + (y + z)", "x + (y + z)"),
    ("z + x + y", "z + x + y"),
    ("x / y / z", "x / y / z"),
    ("x / (y * z)", "x / (y * z)"),
    ("x / (y / z)", "x / (y / z)"),
    ("x * (y / z)", "x * (y / z)"),
    ("x / y * z", "x / y * z"),
    ("(x + y) * z", "(x + y) * z"),
    ("1 / sqrt((1 - x) * (1 + x))", "1 / sqrt((1 - x) * (1 + x))"),
    ("x - x", "x - x"),
    ("0 * x + 1 * y", "0 * x + 1 * y"),
    # Powers.
    ("x ** 2", "pow(x, 2)"),
    ("x ** y ** z", "pow(x, pow(y, z))"),
    ("(x ** y) ** z", "pow(pow(x, y), z)"),
    ("x ** 0.5", "pow(x, 0.5)"),
    ("x ** -2", "pow(x, -2)"),
    ("x ** -1", "1 / x"),
    ("x * y ** -1", "x / y"),
    ("(x + y) ** -1", "1 / (x + y)"),
    ("x ** (y - 1)", "pow(x, y - 1)"),
    ("x / y ** -1", "x / (1 / y)"),
    ("1 / x ** -1", "1 / (1 / x)"),
    # Numbers.
    ("2147483647", "2147483647"),
    ("2147483648", "2147483648.0"),
    ("10000000000 * x", "10000000000.0 * x"),
    ("-10000000000", "-10000000000.0"),
    ("0.1", "0.1"),
    ("1e-10", "1e-10"),
    ("1e22", "1e+22"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("0.044715", "0.044715"),
    ("10 ** 9", "pow(10, 9)"),
    ("10 ** 12", "pow(10.0, 12.0)"),
    ("1000 * 1000 * 10000 + x", "1000.0 * 1000.0 * 10000.0 + x"),
    ("2147483647 + 1", "2147483647.0 + 1.0"),
    ("pi", "ma.PI"),
    ("2 / sqrt(pi)", "2 / sqrt(ma.PI)"),
    # Conditions are always in parentheses; select2 takes what holds when false first.
    ("x < y", "(x < y)"),
    ("x >= 0", "(x >= 0)"),
    ("x == y", "(x == y)"),
    ("x != y", "(x != y)"),
    ("(x < y) + 1", "(x < y) + 1"),
    ("(x < y) * (y < z)", "(x < y) * (y < z)"),
    ("-(x < y)", "0 - (x < y)"),
    ("where(x > 0, 1, y)", "select2((x > 0), y, 1)"),
    ("where(x > 0, where(y > 0, 1, 2), 3)", "select2((x > 0), 3, select2((y > 0), 2, 1))"),
    ("where(x > 0 and y > 0, 1, 2)", "select2(((x > 0) & (y > 0)), 2, 1)"),
    ("where(x > 0 or y > 0, 1, 2)", "select2(((x > 0) | (y > 0)), 2, 1)"),
    ("where(not x > 0, 1, 2)", "select2((1 - (x > 0)), 2, 1)"),
    ("where(0 < x < 1, 1, 2)", "select2(((0 < x) & (x < 1)), 2, 1)"),
    ("sqrt(where(x > 0, x, 1))", "sqrt(select2((x > 0), 1, x))"),
    ("-where(x > 0, x, 1)", "0 - select2((x > 0), 1, x)"),
    # Time.
    ("x[n]", "(x @ (0))"),
    ("x[n - 1]", "x'"),
    ("x[n - 2]", "(x @ (2))"),
    ("x[n - int(y)]", "(x @ (int(y)))"),
    ("x[n - int(y) - 1]", "(x @ (int(y) + 1))"),
    ("x[n - 1] ** 2", "pow(x', 2)"),
    ("-x[n - 1]", "0 - x'"),
    ("init[int(x)]", "rdtable(size, init, int(x))"),
    ("prefix(0.0, dx)", "prefix(0.0, dx)"),
    # Spelled otherwise than in the table.
    ("sign(x)", "((x > 0) - (x < 0))"),
    ("sign(x + y)", "((x + y > 0) - (x + y < 0))"),
    ("tanh(x)", "ma.tanh(x)"),
    ("bitxor(int(x), 3)", "(int(x) xor 3)"),
    ("shift_left(int(x), 1)", "(int(x) << 1)"),
]

LATEX = [
    ("-x ** 2", "- x^{2}"),
    ("x - (y - z)", r"x - \left(y - z\right)"),
    ("x / (1 + x * x)", r"\frac{x}{1 + x x}"),
    ("1 / (1 + x * x)", r"\frac{1}{1 + x x}"),
    ("-x / y", r"\frac{- x}{y}"),
    ("sqrt(x)", r"\sqrt{x}"),
    ("abs(x)", r"\left|x\right|"),
    ("sin(x) ** 2", r"{\sin\left(x\right)}^{2}"),
    ("2 * pi", r"2 \pi"),
    ("x[n - 1]", "x[n - 1]"),
    ("x[n - int(y) - 1]", r"x[n - \left(\operatorname{int}\left(y\right) + 1\right)]"),
    ("where(x > 0, 1, y)", r"\begin{cases} 1 & x > 0 \\ y & \text{otherwise} \end{cases}"),
    ("floor(x)", r"\left\lfloor x \right\rfloor"),
]


@pytest.mark.parametrize(("text", "printed"), FAUST, ids=[text for text, _ in FAUST])
def test_faust(text: str, printed: str) -> None:
    assert faust(parse(text, SCOPE)) == printed


@pytest.mark.parametrize(("text", "printed"), LATEX, ids=[text for text, _ in LATEX])
def test_latex(text: str, printed: str) -> None:
    assert latex(parse(text, SCOPE)) == printed


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_both_texts(name: str) -> None:
    arguments = ("x", "y", "z", "2", "1")[: FUNCTIONS[name].arity]
    expression = parse(f"{name}({', '.join(arguments)})", SCOPE)
    assert all(argument in faust(expression) for argument in arguments)
    assert all(argument in latex(expression) for argument in arguments)


def test_every_expression_of_the_table_has_both_texts(table: Table) -> None:
    for row in table.primitives:
        for expression in (row.value, *row.partials.values(), *row.surrogates.values()):
            if expression is not None:
                for text in (faust(expression), latex(expression)):
                    assert text.count("(") == text.count(")")
                    assert "  " not in text
                    assert "**" not in text


def test_printing_does_not_evaluate() -> None:
    tree = fold(parse("x + x - 2 * x", SCOPE), Unevaluated())
    assert tree != 0
    assert str(_Faust().doprint(tree)) == "x + x - 2 * x"


X = sp.Symbol("x")
UNKNOWN: list[Any] = [
    sp.oo,
    sp.nan,
    sp.I,
    sp.pi,
    sp.Rational(1, 3),
    sp.Derivative(sp.floor(X), X),
    sp.Integral(X, X),
    sp.Piecewise((X, X > 0), (0, True)),
    sp.Max(X, 1),
    sp.Heaviside(X),
    sp.besselj(2, X),
    sp.Matrix([1]),
]


@pytest.mark.parametrize("node", UNKNOWN, ids=lambda node: type(node).__name__)
def test_an_unknown_node_is_an_error_not_a_guess(node: Any) -> None:
    with pytest.raises(TypeError, match="no Faust text"):
        _Faust().doprint(node)


@pytest.mark.parametrize("node", [sp.Function("unheard")(X)], ids=str)
def test_an_unknown_function_is_an_error(node: Any) -> None:
    with pytest.raises(KeyError, match="unheard"):
        _Faust().doprint(node)
