"""The expression language: what it parses, and that all its algebras mean the same.

References are Python's own arithmetic, `math` and SciPy (the fixture `plain`), and simulations
written out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath as mp
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from faustdiff.table.algebras import Numbers, Stream, Symbols
from faustdiff.table.expressions import MAX_EXPONENT, TIME, ExpressionError, parse
from faustdiff.table.folding import condition, fold
from faustdiff.table.vocabulary import FUNCTIONS

ARGUMENTS = ("x", "y", "z")

#: Where each function is compared; the default suits those defined everywhere.
EVERYWHERE = (-2.75, -1.0, -0.5, -1e-6, 0.0, 1e-6, 0.5, 1.0, 2.5, 10.25)
POSITIVE = (1e-6, 0.5, 1.0, 2.5, 10.25)
GRIDS: dict[str, Sequence[float]] = {
    **dict.fromkeys(("log", "log10", "Y0", "Y1", "gamma", "lgamma"), POSITIVE),
    "sqrt": (0.0, *POSITIVE),
    **dict.fromkeys(("asin", "acos"), (-1.0, -0.5, 0.0, 0.25, 1.0)),
    "atanh": (-0.75, 0.0, 0.25),
    "acosh": (1.0, 1.5, 20.0),
    "log1p": (-0.5, 0.0, 1e-6, 3.0),
    "logb": (-8.0, -0.75, 0.25, 1.0, 100.0),
}
WHOLE = (-6, 0, 1, 5, 12)
PAIRS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    **dict.fromkeys(("bitand", "bitor", "bitxor"), (WHOLE, WHOLE)),
    **dict.fromkeys(("shift_left", "shift_right"), (WHOLE, (0, 1, 3))),
    **dict.fromkeys(("fmod", "remainder"), (EVERYWHERE, (-3.5, -0.25, 0.125, 2.0))),
    "Jn": ((0, 1, 2, 5), (-3.0, 0.5, 10.0)),
    "Yn": ((0, 1, 2, 5), (0.5, 10.0)),
    "ldexp": (EVERYWHERE, (-3, 0, 4)),
}
#: Tests of the format, which symbols do not have.
NUMBERS_ONLY = ("isnan", "isinf")
POINTWISE = sorted(name for name, function in FUNCTIONS.items() if not function.stream)


def number(text: str, **names: Any) -> Any:
    """The value of `text` in `Numbers`."""
    return fold(parse(text, ARGUMENTS), Numbers({k: mp.mpf(v) for k, v in names.items()}))


def grid(name: str) -> list[tuple[float, ...]]:
    if FUNCTIONS[name].arity == 1:
        return [(x,) for x in GRIDS.get(name, EVERYWHERE)]
    first, second = PAIRS.get(name, (EVERYWHERE, (-2.0, 0.5, 3.0)))
    return [(x, y) for x in first for y in second]


# Numbers.


@pytest.mark.parametrize("name", POINTWISE)
def test_a_function_has_the_values_of_its_reference(name: str, plain: Any) -> None:
    text = f"{name}({', '.join(ARGUMENTS[: FUNCTIONS[name].arity])})"
    for point in grid(name):
        names = dict(zip(ARGUMENTS, point, strict=False))
        expected = float(plain.value(text, names))
        assert float(number(text, **names)) == pytest.approx(expected, rel=1e-12, abs=1e-14), names


@pytest.mark.parametrize("name", POINTWISE)
def test_symbols_and_numbers_agree(name: str) -> None:
    text = f"{name}({', '.join(ARGUMENTS[: FUNCTIONS[name].arity])})"
    if name in NUMBERS_ONLY:
        with pytest.raises(TypeError, match="no symbolic form"):
            fold(parse(text, ARGUMENTS), Symbols({"x": sp.Symbol("x")}))
        return
    for point in grid(name):
        names = dict(zip(ARGUMENTS, point, strict=False))
        if name == "copysign" and 0 in point:
            continue  # sp.sign(0) is 0; the row avoids it
        values = {key: sp.Rational(str(Fraction(value))) for key, value in names.items()}
        exact = sp.N(fold(parse(text, ARGUMENTS), Symbols(values)), 30)
        with mp.workdps(40):
            expected = number(text, **names)
            assert abs(mp.mpf(str(exact)) - expected) < 1e-20 * max(1, abs(expected)), names


COORDINATES = st.integers(-64, 64).map(lambda n: n / 8)


def trees(functions: Sequence[str]) -> st.SearchStrategy[str]:
    """Texts of random expressions of x, y and small numbers."""

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        binary = st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({' '.join(t)})")
        negated = inner.map(lambda t: f"-{t}")
        choice = st.tuples(inner, st.sampled_from(("<", ">=", "==")), inner, inner, inner).map(
            lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
        )
        called = [inner.map(f"{name}({{}})".format) for name in functions]
        return st.one_of(binary, binary, negated, choice, *called)

    # A function of a large number depends on its last digit: no small divisors there.
    leaves = st.sampled_from(("x", "y", "2", "0.5", "3", *(() if functions else ("1e-3",))))
    return st.recursive(leaves, grow, max_leaves=6)


@pytest.mark.exhaustive
@settings(deadline=None, max_examples=300)
@given(text=trees(()), x=COORDINATES, y=COORDINATES)
def test_arithmetic_rounded_to_double_is_that_of_python(text: str, x: float, y: float) -> None:
    """Bit by bit: this is what makes the edges of the table finite or not in a format."""
    algebra = Numbers({"x": mp.mpf(x), "y": mp.mpf(y)}, lambda v: mp.mpf(float(v)))
    with mp.workdps(50):
        ours = fold(parse(text, ARGUMENTS), algebra)
    try:
        theirs = eval(text, {"x": x, "y": y, "where": lambda c, a, b: a if c else b})
    except ZeroDivisionError:
        return
    assert float(ours) == theirs


@pytest.mark.exhaustive
@settings(deadline=None, max_examples=200)
@given(text=trees(("sin", "tanh", "atan", "abs")), x=COORDINATES, y=COORDINATES)
def test_fractions_and_math_give_the_same_numbers(
    plain: Any, text: str, x: float, y: float
) -> None:
    try:
        expected = plain.value(text, {"x": Fraction(x), "y": Fraction(y)})
    except ZeroDivisionError:
        return
    with mp.workdps(50):
        ours = number(text, x=x, y=y)
    if abs(expected) < 1e6:
        assert float(ours) == pytest.approx(float(expected), rel=1e-6, abs=1e-6)


@pytest.mark.exhaustive
@settings(deadline=None, max_examples=100)
@given(text=trees(("sin", "tanh", "abs")), x=COORDINATES, y=COORDINATES)
def test_symbols_agree_with_numbers_at_random_points(text: str, x: float, y: float) -> None:
    symbols = {name: sp.Symbol(name, real=True) for name in ("x", "y")}
    expression = parse(text, ARGUMENTS)
    with mp.workdps(50):
        expected = number(text, x=x, y=y)
        if not mp.isfinite(expected) or abs(expected) > 1e6:
            return
    try:
        form = fold(expression, Symbols(symbols))
    except ZeroDivisionError:
        return
    at = {symbols["x"]: sp.Rational(x), symbols["y"]: sp.Rational(y)}
    exact = sp.N(sp.sympify(form).subs(at), 30)
    if exact.is_Number and exact.is_finite:
        assert float(exact) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / x", math.inf),
        ("x / x", math.nan),
        ("x ** -1", math.nan),
        ("log(x)", -math.inf),
        ("log(x - 1)", math.nan),
        ("sqrt(x - 1)", math.nan),
        ("acosh(x)", math.nan),
        ("(x - 2) ** 0.5", math.nan),
        ("1 / x - 1 / x", math.nan),
        ("x / (1 / x)", 0),
        ("fmod(x, x)", math.nan),
        ("where(x == 0, 3, 1 / x)", 3),
        ("where(x != 0, 1 / x, 4)", 4),
        ("log(x) < 0", 1),
        ("x / x == x / x", 0),
        ("(x - 8) ** 3", -512),
        ("(x - 8) ** -2", 1 / 64),
        ("x ** 0", 1),
        ("isinf(1 / x)", 1),
        ("isnan(x / x)", 1),
    ],
)
def test_what_is_not_a_real_number_is_infinite_or_nan(text: str, expected: float) -> None:
    assert float(number(text, x=0)) == pytest.approx(expected, nan_ok=True)


def test_rounding_shows_where_a_format_overflows() -> None:
    square = parse("x * x", ARGUMENTS)
    point = {"x": mp.mpf(1e200)}
    assert mp.isfinite(fold(square, Numbers(point)))
    assert fold(square, Numbers(point, lambda v: mp.mpf(float(v)))) == mp.inf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(exp(exp(exp(x))))", math.inf),
        ("sin(exp(exp(exp(x))))", math.nan),
        ("shift_left(1, int(x * 1e15))", math.nan),
    ],
)
def test_a_number_that_would_take_for_ever_is_no_number(text: str, expected: float) -> None:
    assert float(number(text, x=9)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("x", [-7.5, -5.0, -1.0, -0.3, 0.0, 0.3, 1.0, 5.0, 7.5])
@pytest.mark.parametrize("y", [-3.0, -0.1, 0.1, 0.7, 2.0])
def test_remainders_are_those_of_c(x: float, y: float) -> None:
    """The quotient is taken from exact numbers: 1 / 0.1 is not 10."""
    with mp.workdps(50):
        assert float(number("fmod(x, y)", x=x, y=y)) == math.fmod(x, y)
        assert float(number("remainder(x, y)", x=x, y=y)) == math.remainder(x, y)


def test_the_remainder_of_1_by_a_tenth() -> None:
    with mp.workdps(50):
        assert float(number("fmod(x, y)", x=1, y=0.1)) == math.fmod(1, 0.1)
        assert float(number("(x - fmod(x, y)) / y", x=1, y=0.1)) == pytest.approx(9)
        assert float(number("fmod(x, 0.1)", x=1)) == 0, "a number in a table is a decimal"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x < y", [1, 0, 0]),
        ("x <= y", [1, 1, 0]),
        ("x > y", [0, 0, 1]),
        ("x >= y", [0, 1, 1]),
        ("x == y", [0, 1, 0]),
        ("x != y", [1, 0, 1]),
        ("not x < y", [0, 1, 1]),
        ("x < y or x > y", [1, 0, 1]),
        ("x < 2 and y > 0", [1, 0, 0]),
        ("0 < x < y", [1, 0, 0]),
        ("not (x < y or x == y)", [0, 0, 1]),
        ("(x < y) + 2 * (x > y)", [1, 0, 2]),
    ],
)
def test_a_condition_counts_as_0_or_1(text: str, expected: list[int]) -> None:
    points: list[dict[str, Any]] = [{"x": x, "y": 2} for x in (1, 2, 3)]
    assert [int(number(text, **point)) for point in points] == expected
    expression = parse(text, ARGUMENTS)
    if "+" not in text:
        held = [condition(expression, Numbers(point)) for point in points]
        assert held == list(map(bool, expected))


def test_precedence_is_that_of_mathematics() -> None:
    assert number("-x ** 2", x=3) == -9
    assert number("x ** y ** z", x=2, y=3, z=2) == 512
    assert number("x - y - z", x=1, y=2, z=3) == -4
    assert number("x / y / z", x=12, y=2, z=3) == 2
    assert number("2 - -x", x=3) == 5


# Parsing.


def test_an_expression_knows_its_names_and_its_text() -> None:
    expression = parse(" sin(x) + pi * 2 ", ARGUMENTS)
    assert expression.names == {"x"}
    assert str(expression) == expression.text == "sin(x) + pi * 2"
    assert expression == parse("sin(x) + pi * 2", ARGUMENTS)


def test_the_names_of_a_signal_in_time() -> None:
    assert parse("x[n - int(v)]", ["x", "v", TIME]).names == {"x", "v"}


@pytest.mark.parametrize("text", ["x", "-x", "+x", "x[n]", "x[n - 1]", "x[n - 1 - int(y)]", "t[3]"])
def test_accepted(text: str) -> None:
    parse(text, [*ARGUMENTS, "t", TIME])


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("1e300", "1e301"),
        ("-1e300", "1e999"),
        (f"x ** {MAX_EXPONENT}", f"x ** {MAX_EXPONENT + 1}"),
        ("x ** (1 / 2)", "x ** (1 / 0)"),
        (f"x ** ({2 * MAX_EXPONENT} / 2)", f"x ** ({2 * MAX_EXPONENT + 1} / 2)"),
    ],
)
def test_a_limit_itself_is_accepted(good: str, bad: str) -> None:
    parse(good, ARGUMENTS)
    with pytest.raises(ExpressionError, match="too large"):
        parse(bad, ARGUMENTS)


@pytest.mark.exhaustive
@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parse(text, ARGUMENTS)
    except ExpressionError as error:
        assert error.what
        assert error.hint


@given(st.text(alphabet="xy12.+-*/()<>=[], sincowhe", max_size=30))
def test_no_formula_like_text_breaks_the_parser(text: str) -> None:
    try:
        parse(text, ARGUMENTS)
    except ExpressionError as error:
        assert error.what
        assert error.hint


# Signals in time.

X: list[float] = [3, 1, -4, 1, 5, -9, 2, 6]
GATE: list[float] = [1, 0.5, 0, 0, 2, 1, 0, 1]
LAGS: list[float] = [0, 1, 2.75, 0.5, 3, 1, 7, 2]
TABLE: list[float] = [10, 20, 30, 40]
INDICES: list[float] = [0, 3, 1.5, 2.25, 3.75, 1, 0, 2]
WRITES: list[float] = [0, 1, 2, 3, 1, 0, 2, 2]


def stream(text: str, frames: int = len(X)) -> list[float]:
    """The samples of `text` in `Stream` over `Numbers`."""
    signals: dict[str, list[float]] = {"x": X, "c": GATE, "v": LAGS, "i": INDICES, "w": WRITES}
    signals["size"] = [len(TABLE)] * len(X)
    scope = [*signals, "t", TIME]
    exact = {name: [mp.mpf(sample) for sample in samples] for name, samples in signals.items()}
    tables = {"t": [mp.mpf(entry) for entry in TABLE]}
    at = fold(parse(text, scope), Stream(Numbers({}), exact, tables))
    return [float(at(n)) for n in range(frames)]


def test_a_fixed_delay_starts_with_0() -> None:
    assert stream("x[n - 1]") == [0, 3, 1, -4, 1, 5, -9, 2]
    assert stream("x[n - 1 - 2]") == [0, 0, 0, 3, 1, -4, 1, 5]
    assert stream("x[n]") == stream("x[n - 0]") == stream("x") == X


def test_a_moving_delay_is_cut_to_whole_samples() -> None:
    expected = [X[n - int(lag)] if n >= int(lag) else 0 for n, lag in enumerate(LAGS)]
    assert stream("x[n - int(v)]") == expected
    assert stream("x[n - v]") == expected


def test_a_prefix_is_followed_by_the_delayed_signal() -> None:
    assert stream("prefix(5, x)") == [5, 3, 1, -4, 1, 5, -9, 2]


def test_enable_repeats_its_last_product() -> None:
    expected, last = [], 0.0
    for sample, gate in zip(X, GATE, strict=True):
        last = sample * gate if gate else last
        expected.append(last)
    assert stream("enable(x, c)") == expected


def test_control_repeats_its_last_value() -> None:
    expected, last = [], 0.0
    for sample, gate in zip(X, GATE, strict=True):
        last = sample if gate else last
        expected.append(last)
    assert stream("control(x, c)") == expected


def test_a_closed_gate_has_held_nothing_at_first() -> None:
    assert stream("control(x, c - 1)", 1) == [0]


def test_a_table_is_read_at_whole_entries() -> None:
    assert stream("t[int(i)]") == [TABLE[int(i)] for i in INDICES]
    assert stream("t[i]") == stream("t[int(i)]")


def test_a_written_table_is_written_before_it_is_read() -> None:
    entries, expected = [7.0] * 4, []
    for sample, write, read in zip(X, WRITES, INDICES, strict=True):
        entries[int(write)] = sample
        expected.append(entries[int(read)])
    assert stream("rwtable(size, 7, w, x, i)") == expected


def test_a_table_starts_with_its_own_content() -> None:
    entries, expected = [float(entry) for entry in TABLE], []
    for sample, write, read in zip(X, WRITES, INDICES, strict=True):
        entries[int(write)] = sample
        expected.append(entries[int(read)])
    assert stream("rwtable(size, t, w, x, i)") == expected


@pytest.mark.parametrize(
    "text",
    [
        "x[n - 1] + 2 * x[n - int(v)]",
        "where(c == 0, x[n - 1], x * c)",
        "where(not (c > 0 and x > 0), -x, x[n - 2] / (1 + c))",
        "enable(x * x, c) - control(x, c)",
        "(1 - (v - int(v))) * x[n - int(v)] + (v - int(v)) * x[n - int(v) - 1]",
        "t[int(fmod(int(i) + 1, 4))] - t[int(i)]",
        "prefix(0.5, x * x) ** 2",
    ],
)
def test_mixtures_agree_with_the_plain_evaluator(text: str, plain: Any) -> None:
    signals = {"x": X, "c": GATE, "v": LAGS, "i": INDICES}
    expected = plain.stream(text, signals, {"t": TABLE}, len(X))
    assert stream(text) == pytest.approx([float(sample) for sample in expected])


def test_the_branch_that_is_not_chosen_is_not_evaluated() -> None:
    """In a stream neither: reading far beyond the end of the signal would raise."""
    assert stream("where(c >= 0, x, t[99])") == X
    assert stream("where(c < 0, t[99], x)") == X


def test_a_delay_has_no_value_outside_a_signal() -> None:
    with pytest.raises(TypeError, match="no value outside a signal"):
        fold(parse("x[n - 1]", ["x", TIME]), Numbers({"x": mp.mpf(1)}))


def test_streams_of_symbols_are_what_rules_in_time_are_proved_with() -> None:
    a, b, c = sp.symbols("a b c")
    at = fold(parse("x[n - 1] * x", ["x", TIME]), Stream(Symbols({}), {"x": [a, b, c]}, {}))
    assert [at(n) for n in range(3)] == [0, a * b, b * c]
