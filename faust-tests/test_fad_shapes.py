"""`df.fad` and `df.rad` in more shapes: lists in lists, loops in loops, many seeds, tables."""

from __future__ import annotations

import pytest

from faustdiff.faust.compilers import Compiler
from support.derivatives import check_derivatives
from support.fad_cases import REPEATING, SHAPES


@pytest.mark.parametrize(
    "index", range(len(SHAPES)), ids=[f"{i} {c.title}" for i, c in enumerate(SHAPES)]
)
def test_derivatives_are_those_of_the_expression(compiler: Compiler, index: int) -> None:
    check_derivatives(compiler, SHAPES, index)


@pytest.mark.parametrize("index", range(len(REPEATING)), ids=[c.title for c in REPEATING])
def test_models_that_repeat_themselves(compiler: Compiler, index: int) -> None:
    check_derivatives(compiler, REPEATING, index)
