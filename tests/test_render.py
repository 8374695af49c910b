"""The generated files: goldens of a small table, and that writing them never leaves half a file."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from faustdiff.library import row_text
from faustdiff.library.rendering import render, write
from faustdiff.library.templates import fill
from faustdiff.proof.checking import CheckedTable, Report, check
from faustdiff.table.assembling import read
from faustdiff.table.loading import parse_yaml
from faustdiff.table.modelling import model

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
BUILD = HERE.parent / "build"
TEMPLATES = HERE.parent / "templates"


def difference(expected: dict[str, str], actual: dict[str, str]) -> str:
    """What differs between two sets of files, as a unified diff."""
    return "\n".join(
        line
        for name in sorted({*expected, *actual})
        for line in difflib.unified_diff(
            expected.get(name, "").splitlines(),
            actual.get(name, "").splitlines(),
            f"expected/{name}",
            f"actual/{name}",
            lineterm="",
        )
    )


def golden(checked: CheckedTable) -> dict[str, str]:
    """What depends on the rows: reference.md, and diff.lib from the first section of the table."""
    rendered = render(checked)
    section = checked.table.primitives[0].section
    library = rendered["diff.lib"]
    start = library.index(f"={section}=")
    return {
        "reference.md": rendered["reference.md"],
        "rows.lib": library[library.rindex("\n", 0, start) + 1 :],
    }


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in folder.iterdir() if path.is_file()}


def test_the_small_table_renders_as_its_goldens(
    small: CheckedTable, request: pytest.FixtureRequest
) -> None:
    rendered = golden(small)
    if request.config.getoption("--update-golden"):
        for path in GOLDEN.iterdir():
            path.unlink()
        write(rendered, GOLDEN)
    different = difference(files(GOLDEN), rendered)
    assert not different, f"{different}\n\nIf this is meant: pytest tests --update-golden"


def test_build_is_what_the_table_gives(report: Report) -> None:
    assert isinstance(report, CheckedTable)
    different = difference(files(BUILD), render(report))
    assert not different, f"{different[:4000]}\n\nbuild/ is stale: make build"


def test_templates_of_faust_and_markdown_have_named_holes_and_nothing_else_to_compute() -> None:
    templates = [path for path in TEMPLATES.rglob("*") if path.suffix in (".lib", ".md")]
    assert len(templates) > 20
    computed = {
        f"{path.relative_to(TEMPLATES)}: {found}"
        for path in templates
        for found in re.findall(r"\{%.*|\{#.*|\{\{(?! \w+ \}\}).*", path.read_text("utf-8"))
    }
    assert not computed
    # Of a page in HTML, whose text must be escaped, Jinja makes the whole.
    assert {path.name for path in TEMPLATES.rglob("*.jinja")} == {
        "fit.html.jinja",
        "page.html.jinja",
    }


def test_holes_and_what_fills_them_are_the_same() -> None:
    with pytest.raises(ValueError, match=r"tensor.lib: .* differ in indices, more"):
        fill("library/repeated/tensor.lib", function="f", name="n", places="", more="")


def test_equal_tables_give_equal_bytes(small: CheckedTable, small_text: str) -> None:
    again = check(model(parse_yaml(small_text, "small.yaml")))
    assert isinstance(again, CheckedTable)
    assert render(small) == render(small) == render(again)


@pytest.mark.exhaustive
def test_another_process_renders_the_same(small: CheckedTable) -> None:
    script = (
        "import sys; from pathlib import Path; from faustdiff.table.assembling import read;"
        "from faustdiff.proof.checking import check;"
        "from faustdiff.library.rendering import render;"
        "sys.stdout.write(''.join(render(check(read(Path(sys.argv[1])))).values()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(HERE / "small.yaml")],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode() == "".join(render(small).values())


def test_the_place_of_the_table_does_not_show(
    small: CheckedTable, small_text: str, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere.yaml"
    file.write_text(small_text, "utf-8")
    elsewhere = check(read(file))
    assert isinstance(elsewhere, CheckedTable)
    assert render(elsewhere) == render(small)


def test_the_files_are_plain_text(small: CheckedTable) -> None:
    for name, text in render(small).items():
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name
        assert not {"\r", "\t"} & set(text), name
        assert all(line == line.rstrip() for line in text.splitlines()), name


def test_each_row_is_in_both_files(report: Report) -> None:
    assert isinstance(report, CheckedTable)
    rendered = render(report)
    for row in report.table.primitives:
        assert f'<a id="{row.name}"></a>' in rendered["reference.md"]
        assert (
            row.kind in ("structural", "unavailable") or f"dual_{row.name}(" in rendered["diff.lib"]
        )


def test_an_argument_that_starts_with_d_is_no_tangent(make_row: Any) -> None:
    row = make_row(
        args="[x, delta]",
        kind="linear",
        value="x + delta",
        partials="{x: 1, delta: 1}",
        samples="{x: [-1, 1], delta: [-1, 1]}",
    )
    formulas = row_text._formulas(row)
    assert formulas == (
        r"f = x + \mathrm{delta}",
        r"\dot{f} = \dot{x} + \dot{\mathrm{delta}}",
    )


# Only a table whose rules hold.


def test_only_a_checked_table_can_be_rendered() -> None:
    """What mypy enforces: a report may have failures, and is refused."""
    hints = get_type_hints(render)
    assert hints["checked"] is CheckedTable
    assert not issubclass(Report, CheckedTable)


def test_a_table_with_a_failure_cannot_be_made_checked(small_text: str) -> None:
    wrong = small_text.replace("x: where(x >= y, 1, 0)", "x: where(x >= y, 0, 1)")
    report = check(model(parse_yaml(wrong, "wrong.yaml")))
    assert report.failures
    assert not isinstance(report, CheckedTable)
    with pytest.raises(ValueError, match="rules do not hold"):
        CheckedTable(report.table, report.findings, report.seconds)


# Writing.


def test_files_are_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    paths = write({"a.lib": "one\n", "b.md": "zwölf\n"}, folder)
    assert paths == [folder / "a.lib", folder / "b.md"]
    assert (folder / "a.lib").read_bytes() == b"one\n"
    assert (folder / "b.md").read_bytes() == "zwölf\n".encode()
    assert {path.name for path in folder.iterdir()} == {"a.lib", "b.md"}
    write({"a.lib": "two\n"}, folder)
    assert (folder / "a.lib").read_text() == "two\n"
    assert (folder / "a.lib").stat().st_mode & 0o777 == 0o644


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.lib").write_text("old\n")
    with pytest.raises(UnicodeEncodeError):
        write({"a.lib": "new " * 10_000 + "\ud800"}, tmp_path)
    assert files(tmp_path) == {"a.lib": "old\n"}


@pytest.mark.parametrize("failing", ["a.lib", "b.md"])
def test_an_error_midway_leaves_each_file_old_or_new(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.lib", "b.md"):
        (tmp_path / name).write_text("old\n")
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == failing:
            raise OSError("no space left")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write({"a.lib": "new\n", "b.md": "new\n"}, tmp_path)
    expected = {"a.lib": "old\n" if failing == "a.lib" else "new\n", "b.md": "old\n"}
    assert files(tmp_path) == expected


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file\n")
    with pytest.raises(OSError, match="out"):
        write({"a.lib": "new\n"}, tmp_path / "out")
