"""`--extend`: a foreign function with a rule of its own is checked, rendered, documented, used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

pytestmark = pytest.mark.xdist_group("extend")

HEADER = """
#include <math.h>
static inline double bump(double x) { return exp(-x * x); }
static inline float bumpf(float x) { return expf(-x * x); }
"""
LIBRARY = 'bump = ffunction(float bumpf|bump|bumpl(float), "bump.h", "");\n'
TABLE = """
libraries: {my: my.lib}
primitives:
  - name: bump
    faust: my.bump
    section: Mine
    kind: smooth
    args: [x]
    value: exp(-(x * x))
    partials: {x: RULE}
    samples: {x: [-3, 3]}
    edges: [{x: 0}]
    summary: A bump of my own.
"""
PROGRAM = """
df = library("diff.lib"); my = library("my.lib");
d = df.env(df.vars((0, 0)));
process = d.diff(my.bump) <: si.bus(3), (d.diff(sin)) with { si = library("signals.lib"); };
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_function(tmp_path)


def with_function(folder: Path) -> Path:
    (folder / "bump.h").write_text(HEADER)
    (folder / "my.lib").write_text(LIBRARY)
    return folder


def extend(folder: Path, rule: str) -> tuple[int, str]:
    (folder / "my.yaml").write_text(TABLE.replace("RULE", rule))
    command = ["build", "--extend", str(folder / "my.yaml"), "--out", str(folder)]
    result = CliRunner().invoke(main, command)
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library built with the rule, once for the tests that only use it."""
    folder = with_function(tmp_path_factory.mktemp("extended"))
    assert extend(folder, "-2 * x * exp(-(x * x))")[0] == 0
    return folder


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_a_foreign_function_becomes_differentiable(
    extended: Path, compiler: Compiler, double: bool
) -> None:
    program = build(PROGRAM, compiler=compiler, double=double, include=[extended])
    x = np.linspace(-2, 2, 33)
    value, first, second, chained, *_ = program.run(np.stack([x, 0.5 + 0 * x, -3 + 0 * x]))
    slope = -2 * x * np.exp(-x * x)
    tolerance = 1e-12 if double else 1e-5
    np.testing.assert_allclose(value, np.exp(-x * x), atol=tolerance)
    np.testing.assert_allclose(first, 0.5 * slope, atol=tolerance)
    np.testing.assert_allclose(second, -3 * slope, atol=3 * tolerance)
    np.testing.assert_allclose(chained, np.sin(np.exp(-x * x)), atol=tolerance)


def test_the_reference_and_the_library_document_it(extended: Path) -> None:
    reference = (extended / "reference.md").read_text()
    library = (extended / "diff.lib").read_text()
    assert '### <a id="bump"></a>`my.bump`' in reference
    assert "A bump of my own." in reference
    assert 'my = library("my.lib");' in library
    assert "(my.bump) => bump_rule;" in library


def test_a_wrong_rule_is_refused_and_nothing_is_written(folder: Path) -> None:
    (folder / "diff.lib").write_text("as it was")
    code, output = extend(folder, "2 * x * exp(-(x * x))")
    assert code == 1
    assert "my.yaml:10:19: row 'bump', argument x: the partial is not the derivative" in output
    assert "expected" in output and "stated" in output
    assert (folder / "diff.lib").read_text() == "as it was"
    assert not (folder / "reference.md").exists()


def test_a_name_of_the_built_in_table_is_taken(folder: Path) -> None:
    table = TABLE.replace("RULE", "0").replace("name: bump", "name: sin")
    (folder / "my.yaml").write_text(table)
    result = CliRunner().invoke(main, ["check", "--extend", str(folder / "my.yaml")])
    assert result.exit_code == 2
    assert "the name 'sin' is taken by the row at" in result.output
