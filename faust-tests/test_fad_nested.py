"""Programs in which `fad` and `rad` stand in each other, differentiated ahead of time.

What the words give is differentiated once more by the command's engine, and compared with central
differences of what they give.
"""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from support.whole_programs import HEAD, Whole, distance, results

SLIDERS = (
    f'{HEAD}df = library("diff.lib"); fad = df.fad; rad = df.rad;\n'
    'x = hslider("x", 0.5, 0.1, 1, 0.01); y = hslider("y", 0.7, 0.1, 1, 0.01);\n'
)
#: Of the norm of a derivative over all frames.
TOLERANCE = 1e-7


def program(title: str, expression: str) -> Whole:
    return Whole(title, f"{SLIDERS}process = {expression};")


PROGRAMS = [
    program("fad of rad, four outputs and more", "fad(rad(x * y, (x, y)), (x, y)), x"),
    program("rad of fad", "rad(fad(sin(x) * y, (x, y)), (x, y))"),
    program("fad of fad of fad", "fad(fad(fad(x * x * y, x), x), y)"),
    program("rad of rad of rad", "rad(rad(rad(x * x * y, x), (x, y)), y)"),
    program("fad of rad of fad", "fad(rad(fad(x * x * y, x), x), y)"),
    program(
        "several in one program",
        "fad(rad(x * y, (x, y)), (x, y)), fad(rad(x * y * y, (x, y)), (y, x)), "
        "rad(fad(x * y, x), (x, y)), fad((x, y, x * y), y)",
    ),
    program(
        "in a recursion",
        r"_ : (\(s, i).(s * 0.5 + (rad(fad(s * x * i, (x, s)), (y, x, s)) :> _) * y)) ~ _",
    ),
    program(
        "of a recursion", "_ : fad(rad((+ ~ *(x / 2)) : *(y), (x, y)), (x, y)) : par(i, 9, *(y))"
    ),
    program(
        "in a recursion in a recursion",
        r"_ : (\(p, i).((i : (\(s, j).(fad(s * x + j * p, (s, p)) :> /(4) : *(y))) ~ _))) ~ _",
    ),
]


@pytest.mark.parametrize("index", range(len(PROGRAMS)), ids=[one.title for one in PROGRAMS])
def test_words_in_words_are_read_and_differentiated(compiler: Compiler, index: int) -> None:
    (one,) = results([PROGRAMS[index]], compiler, frames=300)
    assert distance(one.value, one.original) < 1e-13
    for partial, difference in zip(one.partials, one.differences, strict=True):
        assert np.any(difference)
        assert distance(partial, difference) < TOLERANCE
