"""New rows that no compiler is there to try are named, and refused where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from faustdiff import build
from faustdiff.commands.main import main
from faustdiff.library import compiling

ROW = """libraries: {my: my.lib}
primitives:
- {name: bump, faust: my.bump, section: Mine, kind: smooth, args: [x], value: x * x,
   partials: {x: 2 * x}, samples: {x: [-4, 4]}, summary: A bump.}
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of one new row, on a machine without a compiler, outside of a CI."""
    monkeypatch.setattr(compiling, "available_compilers", lambda: ())
    monkeypatch.setenv("CI", "")
    file = tmp_path / "table.yaml"
    file.write_text(ROW, "utf-8")
    return file


def test_a_warning_names_them(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["build", "--table", str(table), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "warning: no Faust compiler is there" in result.stderr
    assert "bump" in result.stderr
    assert (out / "diff.lib").exists()
    with pytest.warns(UserWarning, match="no Faust compiler is there"):
        build(out, table)


@pytest.mark.parametrize(("option", "ci"), [(["--must-compile"], ""), ([], "true")])
def test_they_are_refused_where_that_is_asked_for(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    out = tmp_path / "out"
    command = ["build", "--table", str(table), "--out", str(out), *option]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "no Faust compiler is there" in result.stderr
    assert not out.exists()
