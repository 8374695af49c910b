"""Programs from a grammar: partials equal differences, and reverse mode equals forward mode.

Tables of numbers and of signals, groups, closures, moving delays and feedback. Programs that once
failed are in `data/fuzz/`. `make fuzz` draws many more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from faustdiff.autodiff.verification import verify
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.excitation import excitation
from support.fuzzing import examples, programs
from support.reverse_pairs import adjoints
from support.whole_programs import Whole

KEPT = sorted((Path(__file__).parent / "data" / "fuzz").glob("*.dsp"))
#: Outputs of a program: so many signals share two compilations.
OUTPUTS = 8
#: Sums over some hundred frames in another order, each of a few roundings of 1e-16.
ADJOINT = 1e-10


def assert_right(text: str, compiler: Compiler) -> None:
    report = verify(
        text, lambda inputs: excitation("noise", inputs, 0.02, None), all_continuous=True,
        compiler=compiler,
    )  # fmt: skip
    wrong = [
        f"output {one.output} by {one.parameter.path}: {one.relative.max():g}"
        for one in report.comparisons
        if one.verdict == "differs"
    ]
    assert not wrong, "\n".join([*wrong, text])
    (pair,) = adjoints([Whole("fuzz", text)], compiler, frames=200)
    assert pair.error < ADJOINT, f"{pair.error}\n{text}"


@given(text=programs(OUTPUTS))
@examples(2)
def test_a_program_is_differentiated_right(compiler: Compiler, text: str) -> None:
    assert_right(text, compiler)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_program_that_once_failed(path: Path, compiler: Compiler) -> None:
    assert_right(path.read_text("utf-8"), compiler)
