"""Derivatives in the body of a function that another derivative takes apart, as a solver in a loop.

Variables of the one around are constants to the one inside: what the inner one gives is compared
with itself at shifted sliders.
"""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, build
from support.derivatives import HEAD
from support.paths import BUILD

#: An implicit equation in `v`, solved by two steps whose slope is that of `fad`.
SOLVER = """
residual(t, i, before, v) = v - before - 0.1 * ((i - v) / t - b * v * v * v);
step(t, i, before, v) = v - residual(t, i, before, v) / (fad(residual(t, i, before, v), v) : !, _);
solved(t, i) = (\\(before).(before + 0.1 : seq(k, 2, step(t, i, before)))) ~ _;
"""
STEP = 1e-4
#: Derivatives in bodies, as functions of `a`, and words around them that take the bodies apart.
BODIES = {
    "solver": ("solved(a, x)", "fad"),
    "variable and seed": (r"(x * a : \(s).(fad(sin(s * a), a) :> _))", "rad", "grad"),
    "several seeds, repeated": (
        r"(x * a, b : \(s, t).(fad(sin(s * t) * a, (t, s, a, t)) :> _))",
        "fad by two",
    ),
    "reverse": (r"(x * a : \(s).(s * b : \(z).(rad(sin(s * z * b), b) : !, _)))", "fad", "jvp"),
    "reverse in a body of reverse": (
        r"(rad((x * a : \(s).(rad((s * b * a : \(z).(sin(s * z))), a) :> _)), b) : !, _)",
        "fad",
        "rad",
    ),
    "same seed in a loop": (
        r"((x : (\(s, i).((fad(sin(s * a) * a, a) :> *(0.2)) + i)) ~ _))",
        "fad",
    ),
    "jvp": (r"(x * a : \(s).(s : df.jvp(1, \(p).(sin(p * s * a))) : !, _))", "fad", "jvp"),
    "grad": (
        r"(x * a : \(s).(s, b : df.grad(2, \(p, q).(sin(p * q) * s * a)) : !, _, _ :> _))",
        "rad",
        "grad",
    ),
}
AROUND = {
    "fad": "fad({}, a)",
    "fad by two": "(fad({}, (b, a)) : _, !, _)",
    "rad": "rad({}, a)",
    "jvp": r"(a : df.jvp(1, \(a).({})))",
    "grad": r"(a : df.grad(1, \(a).({})))",
}
#: What takes the older compiler ten seconds and more.
LONG = ("reverse in a body of reverse", "solver")
CASES = [
    pytest.param(
        body,
        around,
        id=f"{name}, {around}",
        marks=[pytest.mark.newer_compiler] if name in LONG else [],
    )
    for name, (body, *words) in BODIES.items()
    for around in words
]


def program(text: str, compiler: Compiler) -> Program:
    """Of a slider `a` that moves by small steps."""
    head = HEAD.replace('"a", 0.6, 0.1, 4, 0.01', '"a", 0.6, 0.1, 4, 1e-7')
    source = f"{head}{SOLVER}process = {text};"
    return build(source, compiler=compiler, include=[BUILD], optimize="-O0")


@pytest.mark.parametrize(("body", "around"), CASES)
def test_a_derivative_in_a_body_is_differentiated(
    compiler: Compiler, body: str, around: str
) -> None:
    whole = program(f"{body}, {AROUND[around].format(body)}", compiler)
    two_back, back, (here, value, partial), forth, two_forth = (
        whole.run(None, 100, controls={"/program/a": 0.6 + k * STEP}) for k in (-2, -1, 0, 1, 2)
    )
    difference = (8 * (forth[0] - back[0]) - (two_forth[0] - two_back[0])) / (12 * STEP)
    np.testing.assert_allclose(value, here, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(partial, difference, atol=1e-6 * np.abs(difference).max())


def test_a_variable_of_the_body_is_a_constant_to_the_inner_derivative(compiler: Compiler) -> None:
    text = r"x * a : \(s).(fad(s * s * a, a), rad(s * s * a, a), fad(s * s * a, s))"
    signal, *given = program(f"x, rad(({text}), a)", compiler).run(None, 100)
    s = 0.6 * signal
    value, by_a, by_s = s * s * 0.6, s * s, 2 * s * 0.6
    known = [value, by_a, value, by_a, value, by_s]
    # By the product rule, as s is 0.6 times the noise.
    total = signal * (3 * (2 * s * 0.6) + 2 * 2 * s + 2 * 0.6) + 3 * s * s + 2 * s
    np.testing.assert_allclose(given, [*known, total], rtol=1e-12, atol=1e-13)
