"""Two tables compared: each kind of change, rewritten rules, and signs that must not slip by."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faustdiff.commands.main import main
from faustdiff.comparison.changes import KINDS, Change
from faustdiff.comparison.tables import compare_tables
from faustdiff.proof.checking import Finding
from faustdiff.resources import resource
from faustdiff.table.loading import parse_yaml
from faustdiff.table.model import Primitive, Table
from faustdiff.table.modelling import model

pytestmark = pytest.mark.exhaustive

BUILT_IN = resource("primitives.yaml").read_text("utf-8")
HEAD = "libraries: {ma: maths.lib}\nprimitives:\n"
ROWS = {
    re.findall(r"name: (\w+)", text)[0]: text
    for text in re.findall(r"^- name: .*?(?=^- name: |^# ====|\Z)", BUILT_IN, re.DOTALL | re.M)
}

Edit = tuple[str, str]


def table(*rows: str) -> str:
    """The text of a table with these rows of the built-in one."""
    return HEAD + "".join(ROWS[row] for row in rows)


def edited(text: str, *edits: Edit) -> str:
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after)
    return text


def diff(tmp_path: Path, old: str, new: str, *options: str) -> Result:
    (tmp_path / "old.yaml").write_text(old, "utf-8")
    (tmp_path / "new.yaml").write_text(new, "utf-8")
    paths = [str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")]
    return CliRunner().invoke(main, ["diff", *paths, *options])


def changes(tmp_path: Path, old: str, new: str) -> list[dict[str, Any]]:
    result = diff(tmp_path, old, new, "--format", "json")
    assert result.exit_code == 1, result.output
    found: list[dict[str, Any]] = json.loads(result.output)["changes"]
    return found


@dataclass(frozen=True)
class Pair:
    """An old table and edits of it, with the changes expected: (primitive, change, bump)."""

    id: str
    rows: tuple[str, ...]
    edits: tuple[Edit, ...]
    expected: tuple[tuple[str, str, str], ...]
    more: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


PAIRS = [
    Pair("a row more", ("sin",), (), (("cos", "added", "minor"),), more=("cos",)),
    Pair("a row less", ("sin", "cos"), (), (("cos", "removed", "major"),), without=("cos",)),
    Pair(
        "another name, the same box",
        ("sin", "cos"),
        (("name: cos", "name: cosine"),),
        (("cosine", "renamed", "major"),),
    ),
    Pair(
        "another name and another box",
        ("tanh",),
        (("name: tanh", "name: saturate"), ("faust: ma.tanh", "faust: ma.saturate")),
        (("saturate", "renamed", "major"),),
    ),
    Pair(
        "one more spelling",
        ("pow",),
        (("aliases: [pow]", "aliases: [pow, power]"),),
        (("pow", "renamed", "minor"),),
    ),
    Pair(
        "another summary",
        ("sin",),
        (("summary: The sine.", "summary: The sine of an angle in radians."),),
        (("sin", "documentation", "patch"),),
    ),
    Pair(
        "another reason of a guard",
        ("sqrt",),
        (("The slope is infinite at 0; an", "There is no finite slope at 0; an"),),
        (("sqrt", "documentation", "patch"),),
    ),
    Pair(
        "a value rewritten",
        ("atan2",),
        (("x: -y / (x * x + y * y)", "x: -(y / (x ** 2 + y ** 2))"),),
        (("atan2", "equal", "patch"),),
    ),
    Pair(
        "arguments with other names",
        ("atan2",),
        tuple(
            (f"{before}", f"{after}")
            for before, after in (
                ("args: [y, x]\n  value: atan2(y, x)", "args: [b, a]\n  value: atan2(b, a)"),
                ("y: x / (x * x + y * y)", "b: a / (a * a + b * b)"),
                ("x: -y / (x * x + y * y)", "a: -b / (a * a + b * b)"),
                ("x != 0 or y != 0", "a != 0 or b != 0"),
                (
                    "args: [y, x]\n      when: x * x + y * y",
                    "args: [b, a]\n      when: a * a + b * b",
                ),
                ("safe: {x: 1}", "safe: {a: 1}"),
                ("{y: [-10, 10], x: [-10, 10]}", "{b: [-10, 10], a: [-10, 10]}"),
                (
                    "[{y: 0, x: 0}, {y: 1, x: 0}, {y: 0, x: 1}]",
                    "[{b: 0, a: 0}, {b: 1, a: 0}, {b: 0, a: 1}]",
                ),
                ("avoid: [y]", "avoid: [b]"),
            )
        ),
        (("atan2", "equal", "patch"),),
    ),
    Pair(
        "a changed sign",
        ("cos", "sin"),
        (("partials: {x: -sin(x)}", "partials: {x: sin(x)}"),),
        (("cos", "changed", "major"),),
    ),
    Pair(
        "a wrong factor",
        ("log10",),
        (("1 / (x * log(10))", "1 / x"),),
        (("log10", "changed", "major"),),
    ),
    Pair(
        "another value, with its partial",
        ("sin",),
        (("value: sin(x)", "value: 2 * sin(x)"), ("{x: cos(x)}", "{x: 2 * cos(x)}")),
        (("sin", "changed", "major"),),
    ),
    Pair(
        "one argument more",
        ("sin",),
        (
            ("args: [x]", "args: [x, y]"),
            ("{x: cos(x)}", "{x: cos(x), y: 0}"),
            ("samples: {x: [-100, 100]}", "samples: {x: [-100, 100], y: [0, 1]}"),
            ("edges: [{x: 0}]", "edges: [{x: 0, y: 0}]"),
        ),
        (("sin", "changed", "major"),),
    ),
    Pair(
        "another delay",
        ("mem",),
        (("value: x[n - 1]", "value: x[n - 2]"), ("dx[n - 1]", "dx[n - 2]")),
        (("mem", "changed", "major"),),
    ),
    Pair(
        "used in another way",
        ("mem",),
        (("  kind: linear", "  kind: linear\n  through: linear"),),
        (("mem", "changed", "major"),),
    ),
    Pair(
        "a wider guard",
        ("div",),
        (("when: abs(y) > tiny", "when: abs(y) > 1e-10"),),
        (("div", "guard", "minor"),),
    ),
    Pair(
        "another value outside the guard",
        ("sqrt",),
        (("elsewhere: 0", "elsewhere: 1"),),
        (("sqrt", "guard", "minor"),),
    ),
    Pair(
        "another choice at a kink",
        ("min",),
        (
            ("x: where(x > y, 0, 1)", "x: where(x >= y, 0, 1)"),
            ("y: where(x > y, 1, 0)", "y: where(x >= y, 1, 0)"),
            ("partials: {x: 1, y: 0}", "partials: {x: 0, y: 1}"),
        ),
        (("min", "guard", "minor"),),
    ),
    Pair(
        "another domain",
        ("asin",),
        (("domain: abs(x) <= 1", "domain: abs(x) < 1"),),
        (("asin", "guard", "minor"),),
    ),
    Pair(
        "no longer differentiated, where the partial is 0",
        ("select2",),
        (("    c: 0\n", "    c: inactive\n"), ("  avoid:", "  reason: A switch.\n  avoid:")),
        (("select2", "verdict", "patch"),),
    ),
    Pair(
        "checked elsewhere",
        ("exp",),
        (("samples: {x: [-20, 20]}", "samples: {x: [-10, 10]}"),),
        (("exp", "verdict", "patch"),),
    ),
    Pair(
        "a guard in other words",
        ("div",),
        (("when: abs(y) > tiny", "when: y > tiny or -y > tiny"),),
        (("div", "equal", "patch"),),
    ),
    Pair(
        "two rows at once",
        ("sin", "cos", "exp"),
        (("summary: The sine.", "summary: Sine."), ("{x: -sin(x)}", "{x: -2 * sin(x)}")),
        (("sin", "documentation", "patch"), ("cos", "changed", "major")),
    ),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_each_kind_of_change_is_told(tmp_path: Path, pair: Pair) -> None:
    kept = tuple(row for row in pair.rows if row not in pair.without)
    found = changes(tmp_path, table(*pair.rows), edited(table(*kept, *pair.more), *pair.edits))
    assert [(c["primitive"], c["change"], c["bump"]) for c in found] == [*pair.expected]


# Rules in another form: half angles, expanded, factored, and with conditions.

EQUAL = [
    ("tan", "1 + tan(x) ** 2", "1 / cos(x) ** 2"),
    ("tan", "1 + tan(x) ** 2", "2 / (1 + cos(2 * x))"),
    ("sin", "{x: cos(x)}", "{x: 1 - 2 * sin(x / 2) ** 2}"),
    ("sin", "{x: cos(x)}", "{x: cos(x / 2) ** 2 - sin(x / 2) ** 2}"),
    ("sin", "value: sin(x)", "value: 2 * sin(x / 2) * cos(x / 2)"),
    ("cos", "{x: -sin(x)}", "{x: -2 * cos(x / 2) * sin(x / 2)}"),
    ("tanh", None, "{x: 1 - tanh(x) ** 2}"),
    ("tanh", None, "{x: (1 - tanh(x)) * (1 + tanh(x))}"),
    ("asin", "1 / sqrt((1 - x) * (1 + x))", "1 / sqrt(1 - x * x)"),
    ("asin", "1 / sqrt((1 - x) * (1 + x))", "sqrt(1 - x ** 2) / (1 - x ** 2)"),
    ("acos", "value: acos(x)", "value: pi / 2 - asin(x)"),
    ("atan2", "y: x / (x * x + y * y)", "y: x * (x * x + y * y) ** -1"),
    ("div", "y: -(x / y) / y", "y: -x / y ** 2"),
    ("mul", "value: x * y", "value: ((x + y) ** 2 - (x - y) ** 2) / 4"),
    ("pow", "y: x ** y * log(x)", "y: exp(y * log(x)) * log(x)"),
    ("log10", "1 / (x * log(10))", "1 / log(10) / x"),
    ("sqrt", "0.5 / sqrt(x)", "1 / (2 * sqrt(x))"),
    ("sqrt", "0.5 / sqrt(x)", "sqrt(x) / (2 * x)"),
    ("exp", "{x: exp(x)}", "{x: exp(x / 2) ** 2}"),
    ("exp", "{x: exp(x)}", "{x: cosh(x) + sinh(x)}"),
    ("min", "value: where(x > y, y, x)", "value: (x + y - abs(x - y)) / 2"),
    ("min", "x: where(x > y, 0, 1)", "x: where(not (y < x), 1, 0)"),
    ("max", "value: where(x > y, x, y)", "value: where(x <= y, y, x)"),
    ("max", "x: where(x > y, 1, 0)", "x: x > y"),
    ("abs", "value: abs(x)", "value: sqrt(x * x)"),
    ("abs", "value: abs(x)", "value: where(x < 0, -x, x)"),
    ("select2", "y: where(int(c) == 0, 0, 1)", "y: 1 - where(int(c) == 0, 1, 0)"),
    ("asin", "when: abs(x) < 1", "when: x > -1 and x < 1"),
    ("atan2", "when: x * x + y * y > 0", "when: not (x == 0 and y == 0)"),
    ("pow", "x: y * x ** (y - 1)", "x: x ** (y - 1) * y"),
    ("fdelay", "v: x[n - int(v) - 1] - x[n - int(v)]", "v: -(x[n - int(v)] - x[n - 1 - int(v)])"),
    ("rwtable", "rwtable(size, 0.0, w, dx, r)", "1.0 * rwtable(size, 0, w, dx, r)"),
]  # fmt: skip


def partials(row: str) -> str:
    return re.findall(r"partials: (\{.*?\})\n", ROWS[row])[0]


@pytest.mark.parametrize(("row", "before", "after"), EQUAL, ids=range(len(EQUAL)))
def test_an_equal_form_is_proved_equal(
    tmp_path: Path, row: str, before: str | None, after: str
) -> None:
    new = edited(table(row), (before or partials(row), after))
    found = changes(tmp_path, table(row), new)
    assert [c["change"] for c in found if c["change"] != "verdict"] == ["equal"], found
    how = [detail["how"] for c in found for detail in c["details"] if c["change"] == "equal"]
    assert all("SymPy reduces" in text for text in how)


@pytest.mark.parametrize(("row", "before", "after"), EQUAL, ids=range(len(EQUAL)))
def test_an_equal_form_with_another_sign_is_not(
    tmp_path: Path, row: str, before: str | None, after: str
) -> None:
    field, colon, expression = after.rpartition(": ")
    if "when" in field:
        pytest.skip("a condition has no sign")
    closing = "}" if expression.endswith("}") else ""
    negated = f"{field}{colon}-({expression.removesuffix('}')}){closing}"
    found = changes(tmp_path, table(row), edited(table(row), (before or partials(row), negated)))
    assert [c["change"] for c in found] == ["changed"], found
    differs = [d for c in found for d in c["details"] if d["old_value"] != d["new_value"]]
    assert differs


def rows_of(text: str) -> Table:
    return model(parse_yaml(text, "table.yaml"))


def told(old: str, new: str) -> Sequence[Change]:
    return compare_tables(rows_of(old), rows_of(new))


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the verdicts out, for what does not depend on them."""

    def nothing(row: Primitive) -> list[Finding]:
        return [Finding(row, name, "declared", "") for name in row.args]

    monkeypatch.setattr("faustdiff.comparison.row_pair.check_row", nothing)


@pytest.mark.usefixtures("unchecked")
def test_a_changed_sign_of_any_partial_is_told_with_a_point() -> None:
    tried = 0
    for name, text in ROWS.items():
        row = rows_of(HEAD + text).primitives[0]
        for argument in row.active:
            stated = row.partials[argument]
            assert stated is not None
            pattern = rf"(partials:.*?\b{argument}: )(\"?){re.escape(stated.text)}(\"?)"
            wrong, count = re.subn(pattern, rf"\1\2-({stated.text})\3", text, count=1, flags=re.S)
            if not count:
                continue  # Folded over lines in the table.
            tried += 1
            found = told(HEAD + text, HEAD + wrong)
            assert {c.change for c in found} & {"changed", "guard"}, name
            assert "equal" not in {c.change for c in found}, name
            details = [d for c in found for d in c.details if d.point is not None]
            assert details, f"{name}, {argument}: no point"
            assert all(d.old_value != d.new_value for d in details)
    assert tried >= 90


# What is honest.


def test_agreement_at_points_is_no_proof(tmp_path: Path) -> None:
    old = edited(table("sin"), ("value: sin(x)", "value: sin(x) + ma_step(x)"))
    assert diff(tmp_path, old, old).exit_code == 2
    # Equal for every number there is, but nothing that SymPy can know.
    uneven = "sin(x) + isnan(x) * rint(x)"
    new = edited(table("sin"), ("value: sin(x)", f"value: {uneven}"))
    found, verdict = changes(tmp_path, table("sin"), new)
    assert (found["change"], verdict["change"]) == ("equal", "verdict")
    assert "not decided by SymPy; they agree to 150 digits" in found["summary"]
    assert "point" not in found


@pytest.mark.usefixtures("unchecked")
def test_a_difference_in_a_narrow_region_is_found(tmp_path: Path) -> None:
    narrow = "where(x > 70 and x < 70.001, 2, cos(x))"
    new = edited(table("sin"), ("{x: cos(x)}", f"{{x: '{narrow}'}}"))
    (found,) = changes(tmp_path, table("sin"), new)
    assert found["change"] == "changed"
    assert 70 < found["point"]["x"] < 70.001
    assert float(found["new_value"]) == 2


def test_a_form_that_divides_zero_by_zero_is_not_equal(tmp_path: Path) -> None:
    new = edited(table("sin"), ("{x: cos(x)}", "{x: sin(2 * x) / (2 * sin(x))}"))
    found = changes(tmp_path, table("sin"), new)
    assert [c["change"] for c in found] == ["guard"]
    assert found[0]["point"] == {"x": 0}
    assert found[0]["new_value"] == "nan"
    assert "proved -> refuted" in found[0]["summary"]


def test_a_point_and_both_values_are_given(tmp_path: Path) -> None:
    new = edited(table("cos"), ("{x: -sin(x)}", "{x: sin(x)}"))
    (found,) = changes(tmp_path, table("cos"), new)
    x = found["point"]["x"]
    assert float(found["old_value"]) == pytest.approx(-math.sin(x), rel=1e-11)
    assert float(found["new_value"]) == pytest.approx(math.sin(x), rel=1e-11)
    assert found["old"]["line"] == found["new"]["line"] == 3


def test_a_correction_asks_for_a_patch(tmp_path: Path) -> None:
    old = edited(table("cos"), ("{x: -sin(x)}", "{x: sin(x)}"))
    (found,) = changes(tmp_path, old, table("cos"))
    assert (found["change"], found["bump"]) == ("changed", "patch")
    assert "refuted -> proved" in found["summary"]


def test_layout_comments_and_order_do_not_count(tmp_path: Path) -> None:
    new = table("cos", "sin").replace("value: sin(x)", "value: ( sin( x ) )   # as ever")
    result = diff(tmp_path, table("sin", "cos"), new)
    assert result.exit_code == 0, result.output
    assert "no differences" in result.output


@pytest.mark.parametrize(
    ("fail_on", "value", "code"),
    [("patch", "0 + sin(x)", 1), ("minor", "0 + sin(x)", 0), ("minor", "sin(x) + 0.001 * x", 1)],
)
def test_a_rewritten_rule_need_not_fail(
    tmp_path: Path, fail_on: str, value: str, code: int
) -> None:
    new = table("cos", "sin").replace("value: sin(x)", f"value: {value}")
    result = diff(tmp_path, table("cos", "sin"), new, "--fail-on", fail_on)
    assert result.exit_code == code, result.output
    assert ("rewritten, but equal" in result.output) == (value == "0 + sin(x)")


def test_the_built_in_table_is_the_same_as_itself(tmp_path: Path) -> None:
    assert diff(tmp_path, BUILT_IN, BUILT_IN).exit_code == 0


def test_libraries_of_the_table_are_compared(tmp_path: Path) -> None:
    new = table("sin").replace("{ma: maths.lib}", "{ma: maths.lib, my: my.lib}")
    (found,) = changes(tmp_path, table("sin"), new)
    assert (found["primitive"], found["change"]) == ("libraries.my", "added")


def test_an_extension_may_use_the_libraries_of_the_built_in_table(tmp_path: Path) -> None:
    text = "primitives:\n" + ROWS["tanh"]
    assert diff(tmp_path, text, text).exit_code == 0


def test_a_bump_that_the_documentation_does_not_state_cannot_be_asked_for() -> None:
    # The table of kinds and bumps in the documentation is made of KINDS.
    with pytest.raises(ValueError, match="documentation never asks for major"):
        Change("sin", "documentation", "", "major")
    assert {change for pair in PAIRS for _, change, _ in pair.expected} == set(KINDS)
