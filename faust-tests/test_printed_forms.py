"""Printed Faust text means what the expression means: one program of all forms, compiled and run.

The reference is the expression itself, evaluated by `Numbers` at 50 digits; the printer and the
compilers are under test.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.library.printing import faust
from faustdiff.table.algebras import Numbers
from faustdiff.table.expressions import parse
from faustdiff.table.folding import fold
from support.harness import SCALE, Array

ARGUMENTS = ("x", "y", "z")

#: Both signs, both orders, equal ones, whole ones; none for which a form below is undefined.
POINTS = [
    (0.75, 2.5, -1.25),
    (-0.75, -2.5, 3.5),
    (2.0, 0.5, 0.125),
    (-3.0, 1.5, -0.5),
    (1.0, 1.0, 0.5),
    (5.0, -4.0, 7.0),
    (-1.0, -1.0, 2.0),
    (0.25, -0.25, -8.0),
]

FORMS = [
    # Unary minus.
    *("-x", "-sin(x)", "-x ** 2", "(-x) ** 2", "-(x ** 2)", "--x", "-(-x)", "+x", "-(+x)"),
    *("-(x + y)", "-(x - y)", "-x + y", "-x - y", "x + -y", "2 - -x", "x - -(y - z)"),
    *("x - -(z - y)", "x - (-y) * z", "-x * y", "x * -y", "-x * -y", "-x / y", "x / -y"),
    *("-(x / y)", "-(x * y) * z", "-(x - y) * z", "z * -(x - y)", "-abs(x)", "abs(-x)"),
    *("-3", "x + -3", "x - -3", "-3 * x", "x * -3", "x / -3", "-3 - x", "(-3) ** 2", "-3 ** 2"),
    *("-1 * x", "x * -1", "-1 * x * y", "-1 * -1", "-1 - -1", "0 - x", "x - 0"),
    # Grouping.
    *("x - y - z", "x - (y - z)", "x - (y + z)", "x + (y - z)", "x - y + z", "(x - y) - (y - x)"),
    *("x / y / z", "x / (y / z)", "x / (y * z)", "x * (y / z)", "x / y * z", "x * y / z"),
    *("(x + y) * z", "x + y * z", "(x + y) / (x - z)", "x * y - z / x", "x / (y + z)"),
    *("1 / (1 / x)", "1 / (1 + x * x)", "(x + y) * (x - y) / z", "x * (y * (z * x))"),
    # Powers.
    *("x ** 2", "x ** 3", "x ** -1", "x ** -2", "1 / x ** 2", "x / y ** 2", "2 * x ** 2"),
    *("x * y ** -1", "x / y ** -1", "1 / x ** -1", "y ** -1 * x", "(x + y + 9) ** -1"),
    *("abs(x) ** 0.5", "abs(x) ** y", "abs(x) ** abs(y) ** 0.5", "(abs(x) ** y) ** z"),
    *("(x ** 2) ** 3", "2 ** x", "2 ** 3", "2 ** -1", "10 ** 9"),
    # Numbers.
    *("2147483647", "2147483648", "-2147483648", "10000000000", "10000000000 * x", "1e10 + x"),
    *("1e-10", "1e-10 * x", "1e22 * x", "1e-300 * x", "0.1 + 0.2", "0.30000000000000004 * x"),
    *("123456789.125 + x", "1 / 3", "7 / 2 * x", "3 * 4 + 5", "2 * pi * x", "x / pi"),
    # Integers that fit, but whose result does not.
    *("10 ** 12", "2147483647 + 1", "-2147483647 - 2", "100000 * 100000", "1000 * 1000 * 10000"),
    *("x + 2 ** 31", "100000 * 100000 / 3", "x ** 2 * 10 ** 10"),
    # Functions.
    *("sin(x) ** 2 + cos(x) ** 2", "exp(-(x * x))", "sqrt(x * x + y * y)", "atan2(y, x)"),
    *("log(abs(x)) / log(10)", "log10(abs(x) / 2)", "tanh(-x)", "1 / cosh(x) ** 2"),
    *("floor(x / 2)", "ceil(-x)", "rint(x * 0.6)", "int(x) - int(-x)", "fmod(x, 0.625)"),
    *(
        "remainder(x - y, 0.6875)",
        "sign(x - y)",
        "-sign(x - 1)",
        "sign(x) * sign(y)",
        "hypot(x, -y)",
    ),
    *("copysign(x, -y)", "bitand(int(x), 6) + bitor(int(x), 9)", "bitxor(int(x), int(y))"),
    *("shift_left(int(x), 2)", "shift_right(int(x), 1)", "ldexp(x, 3)", "Jn(2, x)"),
    # Conditions and choices.
    *("x < y", "x <= y", "x > y", "x >= y", "x == y", "x != y", "not x < y", "0 < x < 2"),
    *("x < y and y < z", "x < y or y < z", "not (x < y and y < z)", "not x < y or x == 1"),
    *("(x < y) + (y < z)", "(x < y) * 3 - (y < z)", "-(x < y)", "(x < y) < z", "2 * (x == y) + 1"),
    *("where(x > 0, 1, 2)", "where(x > y, x, y)", "where(not x > y, x, y)", "-where(x > 0, y, z)"),
    *("where(x > 0, where(y > 0, 1, 2), where(z > 0, 3, 4))", "where(x > 0, x < y, y < z) + 1"),
    *("where(x > 0 and y > 0, x, -y)", "where(x > 0 or not y > z, x ** 2, y ** 2)"),
    *("sqrt(where(x > 0, x, 4))", "where(x > 0, sqrt(abs(x)), -x) * where(y > 0, 2, 3)"),
    *("where(0 <= x <= 1 or y == -4, 1 / (2 + x), z)", "where(x > 0, x, y) - where(y > 0, y, x)"),
]


def program() -> str:
    """Each form as an output, as a function of inputs that are fed divided by `SCALE`."""
    lines = ['ma = library("maths.lib");', f"number = _ * {SCALE};"]
    for index, form in enumerate(FORMS):
        lines.append(f"form_{index}(x, y, z) = {faust(parse(form, ARGUMENTS))};")
    listed = ", ".join(f"form_{index}(x, y, z)" for index in range(len(FORMS)))
    lines.append(f"process = number, number, number : all with {{ all(x, y, z) = {listed}; }};")
    return "\n".join(lines)


def expected() -> Array:
    """The numbers that the outputs (forms, frames) must be."""
    with mp.workdps(50):
        points = [Numbers(dict(zip(ARGUMENTS, map(mp.mpf, p), strict=True))) for p in POINTS]
        forms = [parse(form, ARGUMENTS) for form in FORMS]
        return np.array([[float(fold(form, point)) for point in points] for form in forms])


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_printed_forms_have_the_value_of_their_expression(compiler: Compiler, double: bool) -> None:
    reference = expected()
    undefined = [f for f, row in zip(FORMS, reference, strict=True) if not np.isfinite(row).all()]
    assert not undefined, "choose points at which these have a value"
    signals = build(program(), compiler=compiler, double=double).run(np.array(POINTS).T / SCALE)
    relative, absolute = (1e-13, 1e-13) if double else (1e-5, 1e-5)
    wrong = [
        f"{form}  printed as  {faust(parse(form, ARGUMENTS))}\n  gave {got}, not {wanted}"
        for form, got, wanted in zip(FORMS, signals.astype(float), reference, strict=True)
        if not np.allclose(got, wanted, relative, absolute)
    ]
    assert not wrong, "\n".join(wrong)
