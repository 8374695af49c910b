"""`df.fad` and `df.rad` in more shapes: lists in lists, loops in loops, many seeds, tables."""

from __future__ import annotations

import pytest

from faustdiff.faust.compilers import Compiler
from support.derivatives import Case, both, check_derivatives, state

POLES = " : ".join(f"fi.pole(h({i}))" for i in range(14))
#: A gated cell with 14 weights, on both sides of what the library takes for many seeds.
WEIGHTS = [f"h({i})" for i in range(14)]
CELL = (
    r"\(i).((\(p).(h(3) * p / (1 + exp(0 - h(0) * i - h(1) * p - h(2))) + "
    "h(4) * ma.tanh(h(5) * i + h(6) * p + h(7) + h(8) * i * i) + h(9) * p * i + h(10))) ~ _ : "
    r"\(y).(h(11) * y + h(12) * y * y + h(13) * i))"
)

CASES = [
    # Lists of seeds in lists.
    Case(
        "a list in a list",
        "a * b * c",
        ("a", "b", "c"),
        program="a, b, c, fad(a * b * c, ((a, b), c))",
    ),
    Case(
        "rad: a list in a list",
        "a * b * sin(c)",
        ("a", "b", "c"),
        "rad",
        program="a, b, c, rad(a * b * sin(c), ((a, b), (c)))",
    ),
    Case(
        "lists made by par",
        "h(0) * h(1) + h(2) * sin(h(3))",
        ("h(0)", "h(1)", "h(2)", "h(3)"),
        program="h(0), h(1), h(2), h(3), "
        "fad(h(0) * h(1) + h(2) * sin(h(3)), par(i, 2, (h(2 * i), h(2 * i + 1))))",
    ),
    # Smoothed sliders and what is made of them.
    *both("twice a smoothed slider", "x : fi.pole(doubled / 4)", "doubled"),
    *both("a number times a smoothed slider", "sin(scaled) * scaled", "scaled"),
    *both("two smoothed sliders of one slider", "quick * sin(slow) + slow", "quick", "slow"),
    *both("smoothed twice", "x : *(smoother) : fi.lowpass(2, 500 * smoother)", "smoother"),
    # Several inputs, and none.
    *both("two inputs", "*(a), *(b) :> _", "a", "b", signals="x, x'"),
    *both(
        "three inputs in a function",
        r"\(p, q, r).(p * a + q * b + r)",
        "a",
        "b",
        signals="x, x', x''",
    ),
    *both("a loop without inputs", "1 : + ~ *(a / 2)", "a"),
    # Loops in loops.
    *both(
        "two loops around one sum",
        r"(\(p, q, r).(p + q + r)) ~ *(a / 2) ~ *(c)",
        "a",
        "c",
        signals="x",
    ),
    *both("a loop in a loop", "(+ : + ~ *(c)) ~ *(a / 4)", "a", "c", signals="x"),
    *both("a loop of two alike", "par(i, 2, +) ~ par(i, 2, *(a)) :> _", "a", signals="x, x'"),
    *both(
        "letrec of two",
        "_ : \\(i).(y letrec { 'y = i + a * z; 'z = c * y; })",
        "a",
        "c",
        signals="x",
    ),
    *both(
        "a seed before and in the loop, another absent",
        "*(a) : fi.pole(a / 2)",
        "a",
        "c",
        signals="x",
    ),
    # More seeds than are carried each by itself.
    *both("fourteen poles", f"x : {POLES}", *WEIGHTS),
    *both("a gated cell", f"x : {CELL}", *WEIGHTS),
    *both("recursive filter", "fi.iir((a, b, c), (c, 0.2 * a))", "a", "b", "c", signals="x"),
    # Iterations.
    *both("sum", "sum(i, 4, (x @ i) * a ^ i)", "a"),
    *both("prod", "prod(i, 3, a + i * b)", "a", "b"),
    *both("seq", "seq(i, 3, *(a) : +(b * i))", "a", "b", signals="x"),
    *both("par", "par(i, 3, *(a + i)) :> _", "a", signals="x, x', x''"),
    # Tables, waveforms, routes, conditions.
    *both("waveform", r"waveform {1, 2, 4} : \(n, w).(w * a + b)", "a", "b"),
    *both("read table", "a * rdtable(4, float(+(1) ~ _), 2)", "a"),
    *both("written table", "rwtable(8, 0.0, (+(1) ~ _) % 8, a * x, (+(1) ~ _) % 8) * b", "a", "b"),
    *both("route", "a, b : route(2, 2, 1, 2, 2, 1) : /", "a", "b"),
    *both(
        "conditions", "select3(int(a * 3), a * b, b * c, c) + select2(x > 0, a, b)", "a", "b", "c"
    ),
    *both("attach", "attach(a * x, b)", "a"),
    *both("casts", "float(int(a * 4)) * b + (b > 1) * a", "a", "b"),
    # Definitions.
    *both("body with arguments", "g(b, x) with { g(q, i) = q * a * i + sin(q); }", "a", "b"),
    *both("environment", "environment { q = a * b; }.q * a", "a", "b"),
    *both("rules by number", "p(3) with { p(0) = 1; p(n) = a * p(n - 1) + b; }", "a", "b"),
    *both(
        "foreign function",
        'ffunction(float tanhf|tanh|tanhl (float), <math.h>, "")(a * b)',
        "a",
        "b",
    ),
    # Standard libraries.
    *both("state variable filter", "fi.svf.lp(f, b)", "f", "b", signals="x"),
    *both("cubic nonlinearity", "ef.cubicnl(c + 0.3, 0)", "c", signals="x"),
    *both("decibels", "x * ba.db2linear(b - 6)", "b"),
    # Nested.
    Case("fad of fad of fad", "fad(fad(sin(a) * a, a), a)", ("a",)),
    Case("fad of rad through feedback", "x : rad(fi.pole(a), a)", ("a",)),
    Case(
        "rad of fad through feedback", "x : fad(fi.tf2(1, a, 0, c, 0.1), (a, c))", ("a", "c"), "rad"
    ),
    Case("fad of rad, other seeds", "rad(sin(a * b), b)", ("a", "b")),
    # States.
    state("three states", "loss(p * x + q * x' + r, 0.5 * x + 0.1)", "p", "q", "r"),
    state(
        "a state in a filter",
        "loss(x : fi.tf2(1, g, 0, 0.3, 0), x : fi.tf2(1, 0.2, 0, 0.3, 0))",
        "g",
    ),
    # Wires.
    Case(
        "wires among others",
        r"\(p, q, a).(p * q * sin(a))",
        ("p", "q", "a"),
        program="b, c, a, ((b, c) : fad((\\(p, q).(p * q * sin(a))), (_, _, a)))",
    ),
    Case(
        "a stop in a loop",
        "x : *(a) : + ~ *(0.25)",
        ("a",),
        program="a, (x : fad((*(a) : + ~ *(df.stop(a * 0 + 0.25))), a))",
    ),
]


@pytest.mark.parametrize(
    "index", range(len(CASES)), ids=[f"{i} {c.title}" for i, c in enumerate(CASES)]
)
def test_derivatives_are_those_of_the_expression(compiler: Compiler, index: int) -> None:
    check_derivatives(compiler, CASES, index)
