"""The verdicts: what is proved, what is only sampled, and everything that must fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath as mp
import pytest

from faustdiff.proof.checking import CheckedTable, Finding, Outcome, Report, check, check_row
from faustdiff.table.algebras import Numbers
from faustdiff.table.folding import condition, fold
from faustdiff.table.model import Primitive, Table
from faustdiff.table.samples import sample_points, single, special_points

MakeRow = Callable[..., Primitive]


def finding(row: Primitive, argument: str = "x") -> Finding:
    return next(found for found in check_row(row) if found.argument == argument)


def guard(when: str, elsewhere: str = "0", argument: str = "x") -> str:
    safe = f"safe: {{{argument}: 1}}"
    return f"[{{args: [x], when: {when}, {safe}, elsewhere: {elsewhere}, reason: None.}}]"


# The built-in table.


def test_every_rule_of_the_table_holds(report: Report) -> None:
    assert isinstance(report, CheckedTable), [f"{f.row.name}: {f.detail}" for f in report.failures]
    assert {found.row.name for found in report.findings} == {
        r.name for r in report.table.primitives
    }


def test_nearly_all_formulas_are_proved(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    formulas = [row for row in report.table.primitives if row.kind in ("smooth", "guarded")]
    proved = [row for row in formulas if report.verdict(row) in ("proved", "declared")]
    with capsys.disabled():
        print(f"\nproved: {len(proved)} of {len(formulas)} rows, all in {report.seconds:.1f} s")
    assert len(proved) >= 0.9 * len(formulas)


def test_every_argument_has_one_finding(report: Report) -> None:
    for row in report.table.primitives:
        arguments = [found.argument for found in report.of(row)]
        assert arguments == ([""] if row.kind in ("structural", "unavailable") else [*row.args])


def test_each_finding_knows_its_place(report: Report) -> None:
    for found in report.findings:
        assert found.place.file == report.table.file
        assert found.place.line >= found.row.place.line


# Verdicts.


def test_a_residual_of_0_is_a_proof(make_row: MakeRow) -> None:
    assert finding(make_row()).outcome == "proved"


def test_what_sympy_has_no_form_for_is_confirmed(make_row: MakeRow) -> None:
    row = make_row(value="x + isnan(x)", partials="{x: 1}")
    assert finding(row).outcome == "confirmed"
    assert "150 digits" in finding(row).detail


def test_undecided_is_no_proof(make_row: MakeRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faustdiff.proof.symbolic.vanishes", lambda difference: False)
    assert finding(make_row()).outcome == "confirmed"


def test_a_proof_assumes_no_sign_that_another_guard_states(make_row: MakeRow) -> None:
    """For negative x the rule is wrong; only points that the row lists are known to be right."""
    row = make_row(
        kind="guarded",
        args="[x, y]",
        value="abs(x) * y",
        partials="{x: y, y: abs(x)}",
        samples="{x: [0.5, 2], y: [1, 2]}",
        edges="[{x: 0, y: 1}]",
        guards="[{args: [y], when: x > 0, elsewhere: 0, reason: None.}]",
    )
    assert finding(row, "x").outcome != "proved"


def test_a_zero_row_is_declared(make_row: MakeRow) -> None:
    row = make_row(kind="zero", value="floor(x)", partials="{x: 0}", reason="Constant.")
    assert finding(row).outcome == "declared"


def test_a_zero_row_that_is_not_flat_fails(make_row: MakeRow) -> None:
    row = make_row(kind="zero", value="floor(x) + 1e-9 * x", partials="{x: 0}", reason="Flat.")
    assert finding(row).outcome == "refuted"


def test_an_argument_that_is_not_differentiated_is_declared_with_its_reason(
    make_row: MakeRow,
) -> None:
    fields = {"partials": "{x: inactive}", "reason": "It is an index."}
    found = finding(make_row(value="floor(x)", **fields))
    assert found.outcome == "declared"
    assert finding(make_row(**fields)).outcome == "refuted"
    assert "It is an index." in found.detail


def test_a_row_about_time_is_unrolled(make_row: MakeRow) -> None:
    row = make_row(
        kind="linear", value="x[n - 1] * x", partials='{x: "x * dx[n - 1] + dx * x[n - 1]"}'
    )
    assert finding(row).outcome == "proved"


@pytest.mark.parametrize("stated", ["dx[n - 9]", "dx[n - 11]", "0"])
def test_a_long_delay_is_unrolled_far_enough(make_row: MakeRow, stated: str) -> None:
    right = make_row(kind="linear", value="x[n - 10]", partials='{x: "dx[n - 10]"}')
    wrong = make_row(kind="linear", value="x[n - 10]", partials=f'{{x: "{stated}"}}')
    assert finding(right).outcome == "proved"
    assert finding(wrong).outcome == "refuted"


def test_a_surrogate_is_differentiated_in_place_of_the_value(make_row: MakeRow) -> None:
    fields = {"value": "floor(x)", "surrogates": "{x: x}", "reason": "The straight line."}
    found = finding(make_row(**fields, partials="{x: 1}"))
    assert found.outcome == "declared"
    assert "an approximation" in found.detail
    assert finding(make_row(**{**fields, "reason": ""}, partials="{x: 1}")).outcome == "refuted"
    assert finding(make_row(**fields, partials="{x: 0}")).outcome == "refuted"


def test_an_integer_argument_is_tried_between_its_jumps(make_row: MakeRow) -> None:
    fields = {
        "args": "[k, x]",
        "roles": "{k: integer}",
        "samples": "{k: {values: [1, 2]}, x: [-2, 2]}",
        "value": "x * int(k)",
    }
    assert finding(make_row(**fields, partials="{k: 0, x: int(k)}"), "k").outcome != "refuted"
    assert finding(make_row(**fields, partials="{k: x, x: int(k)}"), "k").outcome == "refuted"


def test_the_verdict_on_a_row_is_the_weakest_on_its_arguments(make_row: MakeRow) -> None:
    row = make_row()

    def verdict(*outcomes: Outcome) -> Outcome:
        findings = tuple(Finding(row, "x", outcome, "") for outcome in outcomes)
        return Report(Table((row,), {}, "row.yaml"), findings, 0.0).verdict(row)

    assert verdict("declared", "proved", "confirmed", "refuted") == "refuted"
    assert verdict("declared", "proved", "confirmed") == "confirmed"
    assert verdict("declared", "proved") == "proved"
    assert verdict("declared") == "declared"


# Failures.


def test_a_failure_carries_its_evidence(make_row: MakeRow) -> None:
    found = finding(make_row(partials="{x: 1}", samples="{x: [1, 2]}"))
    assert found.outcome == "refuted"
    assert found.point
    with mp.workdps(20):
        assert mp.almosteq(mp.mpf(found.expected), mp.cos(found.point["x"]), 1e-10)
    assert found.stated == "1.0"
    assert found.where == f"x={found.point['x']!r}"
    assert str(found.place).startswith("row.yaml:")


def test_a_report_with_a_failure_is_not_checked(make_row: MakeRow) -> None:
    good, bad = make_row(name="good", faust="good"), make_row(partials="{x: 1}")
    assert isinstance(check(Table((good,), {}, "t")), CheckedTable)
    report = check(Table((good, bad), {}, "t"))
    assert not isinstance(report, CheckedTable)
    assert [f.row.name for f in report.failures] == ["row"]
    assert report.verdict(bad) == "refuted"
    with pytest.raises(ValueError, match="1 rules do not hold"):
        CheckedTable(report.table, report.findings, 0.0)


def test_progress_is_told_of_each_row(make_row: MakeRow) -> None:
    rows = (make_row(name="a", faust="a"), make_row(name="b", faust="b"))
    seen: list[str] = []
    check(Table(rows, {}, "t"), lambda row: seen.append(row.name))
    assert seen == ["a", "b"]


@pytest.mark.parametrize("partial", ["1 / (x - x)", "cos(x) / floor(x / 100)", "log(-1 - x * x)"])
def test_an_infinite_partial_is_near_to_nothing(make_row: MakeRow, partial: str) -> None:
    row = make_row(partials=f"{{x: {partial}}}", samples="{x: [0.5, 2]}")
    assert finding(row).outcome == "refuted"


@pytest.mark.parametrize(
    "partial", ["-x / where(y * y > 1e-10, y * y, 1e-10)", "-x / (y * y + 1e-10)"]
)
def test_a_clamped_denominator_is_seen_at_an_edge(make_row: MakeRow, partial: str) -> None:
    row = make_row(
        kind="guarded",
        args="[x, y]",
        value="x / y",
        partials=f"{{x: 1 / y, y: '{partial}'}}",
        domain="y != 0",
        guards="[{args: [x, y], when: y != 0, safe: {y: 1}, elsewhere: 0, reason: None.}]",
        samples="{x: [-9, 9], y: [-9, 9]}",
        edges="[{x: 1, y: 1e-6}]",
        poles="[{x: 1, y: 0}]",
        avoid="[y]",
    )
    assert finding(row, "y").outcome == "refuted"


@pytest.mark.parametrize("kink", ["x > 1", "x > 0.01", "x > -0.3"])
def test_a_kink_at_the_wrong_place_is_found(make_row: MakeRow, kink: str) -> None:
    row = make_row(
        kind="selector",
        value="where(x > 0, x, 0)",
        partials=f"{{x: 'where({kink}, 1, 0)'}}",
        samples="{x: [-100, 100]}",
        avoid="[x]",
    )
    assert finding(row).outcome == "refuted"


def test_all_listed_values_are_tried(make_row: MakeRow) -> None:
    row = make_row(
        args="[x, k]",
        roles="{k: integer}",
        value="ldexp(x, int(k))",
        partials="{x: 'ldexp(1, abs(int(k)))', k: inactive}",
        reason="The power is an integer.",
        samples="{x: [-2, 2], k: {values: [0, 1, 2, 3, 4, 5, 6, 7, -3]}}",
    )
    assert finding(row).outcome == "refuted"


# Guards, ties, edges and poles.


def test_a_guard_that_is_never_set_off_fails(make_row: MakeRow) -> None:
    fields = {"kind": "guarded", "value": "sqrt(x)", "partials": "{x: 0.5 / sqrt(x)}"}
    fields |= {"domain": "x >= 0", "samples": "{x: [0, 4]}", "guards": guard("x > 0")}
    assert finding(make_row(**fields, edges="[{x: 0}]")).outcome == "proved"
    found = finding(make_row(**fields, edges="[{x: 1}]"))
    assert found.outcome == "refuted"
    assert "no edge or pole is outside the guard x > 0" in found.detail


@pytest.mark.parametrize(("elsewhere", "outcome"), [("0.5", "proved"), ("0", "refuted")])
def test_outside_a_guard_the_derivative_counts_where_there_is_one(
    make_row: MakeRow, elsewhere: str, outcome: str
) -> None:
    row = make_row(
        kind="guarded",
        value="J1(x)",
        partials="{x: J0(x) - J1(x) / x}",
        guards=guard("x != 0", elsewhere),
        edges="[{x: 0}]",
    )
    assert finding(row).outcome == outcome


TIE = {
    "kind": "selector",
    "value": "abs(x)",
    "partials": "{x: sign(x)}",
    "edges": "[{x: 0}]",
    "avoid": "[x]",
}


def test_a_tie_that_is_kept(make_row: MakeRow) -> None:
    row = make_row(**TIE, tie="{at: x == 0, partials: {x: 0}, reason: None.}")
    assert finding(row).outcome == "proved"


def test_a_tie_that_is_not_kept_fails(make_row: MakeRow) -> None:
    found = finding(make_row(**TIE, tie="{at: x == 0, partials: {x: 1}, reason: None.}"))
    assert (found.outcome, found.detail) == ("refuted", "the tie rule is not kept")
    assert (found.where, found.expected, found.stated) == ("x=0", "1.0", "0.0")


def test_a_tie_that_no_edge_lies_on_fails(make_row: MakeRow) -> None:
    row = make_row(
        **{**TIE, "edges": "[{x: 1}]"}, tie="{at: x == 0, partials: {x: 0}, reason: None.}"
    )
    assert "no edge lies on the tie x == 0" in finding(row).detail


def test_a_tie_lies_between_the_slopes_on_both_sides(make_row: MakeRow) -> None:
    fields = {**TIE, "partials": "{x: 'where(x == 0, 17, sign(x))'}"}
    row = make_row(**fields, tie="{at: x == 0, partials: {x: 17}, reason: None.}")
    assert finding(row).outcome == "refuted"


def test_a_partial_that_is_not_finite_at_an_edge_fails(make_row: MakeRow) -> None:
    row = make_row(
        value="sqrt(x)", partials="{x: 0.5 / sqrt(x)}", samples="{x: [0, 4]}", edges="[{x: 0}]"
    )
    found = finding(row)
    assert (found.outcome, found.detail) == (
        "refuted",
        "the partial is not finite where the value is",
    )


def test_a_partial_that_overflows_only_in_single_fails(make_row: MakeRow) -> None:
    fields = {"value": "atan(x)", "partials": "{x: (1 + x ** 4) / ((1 + x ** 4) * (1 + x * x))}"}
    fields |= {"samples": "{x: [1, 2]}"}
    assert finding(make_row(**fields, edges="[{x: 1e3}]")).outcome == "proved"
    found = finding(make_row(**fields, edges="[{x: 1e10}]"))
    assert (found.outcome, found.detail) == ("refuted", "the partial is not finite in single")


def test_a_value_that_overflows_only_in_single_fails(make_row: MakeRow) -> None:
    row = make_row(value="exp(x)", partials="{x: exp(x)}", edges="[{x: 100}]")
    assert finding(row).detail.endswith("not finite in single")


def test_an_edge_where_the_value_is_infinite_should_be_a_pole(make_row: MakeRow) -> None:
    fields = {"kind": "guarded", "value": "log(x)", "partials": "{x: 1 / x}", "domain": "x > 0"}
    fields |= {"samples": "{x: [0, 4]}", "guards": guard("x > tiny")}
    assert finding(make_row(**fields, poles="[{x: 0}]")).outcome == "proved"
    found = finding(make_row(**fields, edges="[{x: 0}]"))
    assert found.outcome == "refuted"
    assert "a pole, not an edge" in found.detail


def test_a_domain_without_samples_fails(make_row: MakeRow) -> None:
    found = finding(make_row(domain="x > 5"))
    assert found.outcome == "refuted"
    assert found.detail == "no point of the sample ranges lies in the domain"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "linear", "args": "[x, v]", "value": "x[n - v]",
         "partials": "{x: 'dx[n - v]', v: 0}", "samples": "{x: [-1, 1], v: [0, 3]}"},
        {"kind": "linear", "args": "[t, x]", "value": "x * t[99]", "roles": "{t: table}",
         "partials": "{t: inactive, x: 't[99]'}", "reason": "None."},
    ],
    ids=["delay by an unknown number", "beyond the end of a table"],
)  # fmt: skip
def test_a_rule_that_cannot_be_evaluated_fails(make_row: MakeRow, fields: dict[str, str]) -> None:
    assert finding(make_row(**fields)).outcome == "refuted"


# Sample points.


@pytest.mark.exhaustive
def test_the_points_are_the_same_every_time(table: Table) -> None:
    """In another process too, where the hashes of texts are others."""
    pointwise = [row for row in table.primitives if row.samples.ranges and not row.temporal]
    assert all(sample_points(row) == sample_points(row) for row in pointwise)
    script = (
        "from faustdiff.table.samples import sample_points;"
        "from faustdiff.table.assembling import read;"
        "from faustdiff.resources import resource;"
        "print([sample_points(r) for r in read(resource('primitives.yaml')).primitives"
        " if r.samples.ranges and not r.temporal])"
    )
    # Of two fixed seeds, one at least is not that of this process.
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    other = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == f"{[sample_points(row) for row in pointwise]}\n"


def test_equal_tables_have_equal_reports(report: Report) -> None:
    def plain(report: Report) -> Any:
        return [(f.row.name, f.argument, f.outcome, f.detail) for f in report.findings]

    some = replace(report.table, primitives=report.table.primitives[::4])
    names = {row.name for row in some.primitives}
    expected = [found for found in plain(report) if found[0] in names]
    assert plain(check(some)) == expected


def test_the_points_are_where_the_row_wants_them(table: Table) -> None:
    for row in table.primitives:
        if not row.samples.ranges or row.temporal:
            continue
        for point in sample_points(row):
            numbers = Numbers({name: mp.mpf(value) for name, value in point.items()})
            assert set(point) == set(row.args)
            assert all(single(value) == value for value in point.values())
            for name, (low, high) in row.samples.ranges.items():
                assert low <= point[name] <= high
            assert row.domain is None or condition(row.domain, numbers)
            assert all(fold(avoid, numbers) != 0 for avoid in row.samples.avoid)


def test_edges_and_poles_are_numbers_of_single_precision(make_row: MakeRow) -> None:
    row = make_row(edges="[{x: 0.1}]", poles="[{x: 0.2}]")
    assert special_points(row) == [{"x": single(0.1)}, {"x": single(0.2)}]
