"""Rows in processes of their own, with limits, and findings that are kept for the next run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faustdiff.proof import checking, findings_store, parallel
from faustdiff.proof.checking import check
from faustdiff.proof.findings import Finding
from faustdiff.table.model import Primitive, Table

MakeRow = Callable[..., Primitive]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAUSTDIFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def table(make_row: MakeRow, count: int) -> Table:
    rows = [make_row(name=f"row{n}", faust=f"row{n}", value=f"{n} * sin(x)",
                     partials=f"{{x: {n} * cos(x)}}") for n in range(1, count + 1)]  # fmt: skip
    return Table(tuple(rows), {}, "t")


def test_many_rows_have_the_findings_of_each(make_row: MakeRow) -> None:
    rows = table(make_row, 8)
    report = check(rows)
    assert [f.row for f in report.findings] == [*rows.primitives]
    assert {f.outcome for f in report.findings} == {"proved"}


def test_a_row_that_is_known_is_not_checked_again(
    make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table(make_row, 2)
    first = check(rows)
    asked: list[str] = []

    def noted(row: Primitive) -> list[Finding]:
        asked.append(row.name)
        return [Finding(row, "x", "proved", "")]

    monkeypatch.setattr(checking, "check_row", noted)
    assert check(rows).findings == first.findings
    assert asked == []
    changed = make_row(
        name="row2", faust="row2", value="sin(2 * x)", partials="{x: 2 * cos(2 * x)}"
    )
    check(Table((rows.primitives[0], changed), {}, "t"))
    assert asked == ["row2"]


def test_what_is_unknown_is_asked_again(make_row: MakeRow) -> None:
    row = make_row()
    findings_store.remember({row.name: [Finding(row, "x", "unknown", "")]}, [row])
    assert findings_store.recall([row]) == {}


def test_a_broken_cache_is_no_cache(make_row: MakeRow, cache: Path) -> None:
    cache.mkdir()
    (cache / "findings.sqlite").write_bytes(os.urandom(5000))
    assert not check(table(make_row, 1)).failures
    os.environ["FAUSTDIFF_CACHE"] = str(cache / "findings.sqlite")
    assert not check(table(make_row, 1)).failures


@pytest.mark.exhaustive
def test_a_row_that_does_not_end_is_stopped(make_row: MakeRow) -> None:
    rows = table(make_row, 8).primitives

    def sleepy(row: Primitive) -> list[Finding]:
        if row.name == "row3":
            time.sleep(600)
        if row.name == "row4":
            os._exit(1)
        return [Finding(row, "x", "proved", "")]

    if parallel.cores() < 2:
        pytest.skip("one processor: rows are checked one by one")
    found = {row.name: findings[0] for row, findings in parallel.check_rows(rows, sleepy, 2.0)}
    assert found["row3"].detail == "stopped after 2 s"
    assert found["row4"].detail.startswith("the check ended by itself")
    assert [found[f"row{n}"].outcome for n in (1, 2, 5, 6, 7, 8)] == 6 * ["proved"]


@pytest.mark.exhaustive
def test_where_all_is_known_nothing_heavy_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(
        "primitives:\n- {name: sine, faust: sin, section: S, kind: smooth, args: [x],"
        " value: sin(x), partials: {x: cos(x)}, samples: {x: [-4, 4]}, summary: Sine.}\n"
    )
    program = (
        "import sys; from faustdiff.commands.main import main\n"
        f"main(['check', '--table', {str(file)!r}], standalone_mode=False)"
    )
    told = f"try:\n    {program.splitlines()[1]}\nexcept SystemExit: pass\n"
    script = f"{program.splitlines()[0]}\n{told}print({{'sympy', 'flint'}} & {{*sys.modules}})"
    for loaded in ("sympy", "set()"):
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
        )
        assert loaded in done.stdout.splitlines()[-1], done.stdout


@pytest.mark.exhaustive
def test_programs_are_differentiated_without_proofs() -> None:
    """SymPy would take a quarter of the time in which these start."""
    modules = "differentiate", "fit", "freeze", "page", "train", "verify"
    imports = "".join(f"import faustdiff.commands.{name}\n" for name in modules)
    script = f"{imports}import sys; print({{'sympy', 'flint'}} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"
