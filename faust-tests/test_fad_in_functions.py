"""`fad` in the body of a function that another `fad` takes apart, as a solver in a loop.

What carries the variables of the outer one is not told from what carries those of the inner one
where one engine of the library takes both apart: the tangent is wrong, or an error.
"""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.derivatives import HEAD
from support.paths import BUILD

#: An implicit equation in `v`, solved by two steps whose slope is that of `fad`.
SOLVER = """
residual(t, i, before, v) = v - before - 0.1 * ((i - v) / t - b * v * v * v);
step(t, i, before, v) = v - residual(t, i, before, v) / (fad(residual(t, i, before, v), v) : !, _);
solved(t, i) = (\\(before).(before + 0.1 : seq(k, 2, step(t, i, before)))) ~ _;
"""
STEP = 1e-4
#: By hand: the slope of the residual by `v`, in place of the inner `fad`.
BY_HAND = SOLVER.replace(
    "(fad(residual(t, i, before, v), v) : !, _)", "(1 + 0.1 * (1 / t + 3 * b * v * v))"
)


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(
            "fad(solved(a, x), a)",
            marks=pytest.mark.xfail(strict=True, reason="variables of both are not told apart"),
        ),
        "a : df.jvp(1, \\(p).(BY_HAND.solved(p, x)))",
    ],
)
def test_a_solver_in_a_loop_has_the_partials_of_its_solution(compiler: Compiler, word: str) -> None:
    by_hand = f"BY_HAND = environment {{{BY_HAND}}};"
    source = f"{HEAD}{SOLVER}{by_hand}process = {word}, BY_HAND.solved(a, x);"
    value, partial, known = build(source, compiler=compiler, include=[BUILD]).run(None, 200)
    shifts = ", ".join(f"BY_HAND.solved(a + {k * STEP}, x)" for k in (-2, -1, 1, 2))
    source = f"{HEAD}{by_hand}process = {shifts};"
    two_back, back, forth, two_forth = build(source, compiler=compiler, include=[BUILD]).run(
        None, 200
    )
    difference = (8 * (forth - back) - (two_forth - two_back)) / (12 * STEP)
    np.testing.assert_allclose(value, known, rtol=1e-12)
    np.testing.assert_allclose(partial, difference, atol=1e-6 * np.abs(difference).max())
