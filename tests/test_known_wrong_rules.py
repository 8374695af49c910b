"""Every wrong formula that users met in earlier work is refused, with the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from faustdiff.commands.main import main
from faustdiff.proof.checking import CheckedTable, check
from faustdiff.resources import resource
from faustdiff.table.loading import parse_yaml
from faustdiff.table.modelling import model


@dataclass(frozen=True)
class Wrong:
    """A row of the built-in table with some of its text replaced, and what must be refused."""

    id: str
    row: str
    edits: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...] = ("x",)


SMOOTH = ("kind: zero", "kind: smooth")
PASSES = ("partials: {x: 0}", "partials: {x: 1}")

WRONG = [
    Wrong(
        "atan with a square root",
        "atan",
        (("1 / (1 + x * x)", "1 / sqrt(1 + x * x)"),),
    ),
    Wrong(
        "atan2 with a plus",
        "atan2",
        (("x: -y /", "x: y /"),),
    ),
    Wrong(
        "atan2 with a plus over a square root",
        "atan2",
        (("x: -y /", "x: y /"), ("(x * x + y * y)", "sqrt(x * x + y * y)")),
        ("y", "x"),
    ),
    Wrong(
        "log10 with u * log10(u)",
        "log10",
        (("x * log(10)", "x * log10(x)"),),
    ),
    Wrong("floor passes the tangent", "floor", (SMOOTH, PASSES)),
    Wrong("ceil passes the tangent", "ceil", (SMOOTH, PASSES)),
    Wrong(
        "min with its branches swapped",
        "min",
        (("x: where(x > y, 0, 1)", "x: where(x > y, 1, 0)"),
         ("y: where(x > y, 1, 0)", "y: where(x > y, 0, 1)")),
        ("x", "y"),
    ),
    Wrong(
        "max with its branches swapped",
        "max",
        (("x: where(x > y, 1, 0)", "x: where(x > y, 0, 1)"),
         ("y: where(x > y, 0, 1)", "y: where(x > y, 1, 0)")),
        ("x", "y"),
    ),
    Wrong(
        "Huber's loss with its inner gradient squared",
        "huber",
        (("y: where(abs(y - t) <= delta, y - t,", "y: where(abs(y - t) <= delta, (y - t) ** 2,"),),
        ("y",),
    ),
    Wrong("sqrt with its guard inverted", "sqrt", (("when: x > 0", "when: x <= 0"),)),
    Wrong(
        "abs with the sign of the other side",
        "abs",
        (('{x: "where(x > 0, 1, -1)"}', '{x: "where(x > 0, -1, 1)"}'),),
    ),
    Wrong(
        "a quotient that clamps its denominator",
        "div",
        (("y: -(x / y) / y", "y: -x / where(y * y > 1e-10, y * y, 1e-10)"),),
        ("y",),
    ),
    Wrong(
        "a power by way of a logarithm, NaN for negative bases",
        "pow",
        (("x: y * x ** (y - 1)", "x: y * exp((y - 1) * log(x))"),),
    ),
    Wrong(
        "a remainder that is constant in its divisor",
        "fmod",
        (("y: -rint((x - fmod(x, y)) / y)", "y: 0"),),
        ("y",),
    ),
]  # fmt: skip


@pytest.fixture(params=WRONG, ids=lambda wrong: wrong.id)
def wrong(request: pytest.FixtureRequest) -> Wrong:
    found = request.param
    assert isinstance(found, Wrong)
    return found


@pytest.fixture
def text(wrong: Wrong) -> str:
    """A table of the one row."""
    return f"libraries: {{ma: maths.lib}}\nprimitives:\n{edited(wrong)}\n"


def edited(wrong: Wrong) -> str:
    whole = resource("primitives.yaml").read_text("utf-8")
    row = re.search(rf"^- name: {wrong.row}\n(?:  .*\n)+", whole, re.MULTILINE)
    assert row
    result = row.group()
    for old, new in wrong.edits:
        assert old in result, f"primitives.yaml has changed: no '{old}' in the row {wrong.row}"
        result = result.replace(old, new)
    return result


def test_the_row_is_refused_with_its_evidence(wrong: Wrong, text: str) -> None:
    report = check(model(parse_yaml(text, "wrong.yaml")))
    assert not isinstance(report, CheckedTable)
    assert tuple(failure.argument for failure in report.failures) == wrong.arguments
    for failure in report.failures:
        assert failure.row.name == wrong.row
        assert failure.point is not None
        assert set(failure.point) == set(failure.row.args)
        assert float(failure.expected) != float(failure.stated)
        assert str(failure.place).startswith("wrong.yaml:")


def test_the_command_line_says_so(wrong: Wrong, text: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["check", "--table", str(file)])
    assert result.exit_code == 1, result.output
    for failure in check(model(parse_yaml(text, str(file)))).failures:
        assert f"{failure.place}: row '{wrong.row}', argument {failure.argument}" in result.output
        evidence = f"{failure.where}: expected {failure.expected}, stated {failure.stated}"
        assert evidence in result.output


def test_the_rows_are_right_without_the_edits() -> None:
    """It is the edit that is refused, not the row it is made in."""
    rows = "\n".join(edited(Wrong("", name, ())) for name in {wrong.row for wrong in WRONG})
    text = f"libraries: {{ma: maths.lib}}\nprimitives:\n{rows}"
    assert isinstance(check(model(parse_yaml(text, "right.yaml"))), CheckedTable)
