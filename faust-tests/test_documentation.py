"""The documentation keeps its word: Faust snippets run, the site is complete."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rows import BUILD

from faustdiff.cli import main
from faustdiff.compilers import Compiler
from faustdiff.program import build

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
PROGRAMS = [
    (page.relative_to(ROOT).as_posix(), text)
    for page in PAGES
    if page.name != "README.md"  # its programs are tested by themselves
    for text in re.findall(r"```faust\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("page", "text"), PROGRAMS, ids=[page for page, _ in PROGRAMS])
def test_programs_run(compiler: Compiler, page: str, text: str) -> None:
    program = build(text, compiler=compiler, include=[BUILD])
    noise = [[0.5, -0.25, 1.0, 0.125] * 16] * program.inputs
    outputs = program.run(noise or None, 64)
    assert abs(outputs).sum() > 0


def test_the_amplifier_of_the_tutorial_is_fitted(compiler: Compiler) -> None:
    text = next(t for page, t in PROGRAMS if page == "docs/tutorial.md" and "backprop" in t)
    session = build(text, compiler=compiler, include=[BUILD]).session()
    session.compute(None, 44100)
    assert session.get("gain") == pytest.approx(0.5, rel=1e-2)
    assert session.get("offset") == pytest.approx(0.25, rel=1e-2)


def test_a_documented_row_can_be_proved(tmp_path: Path) -> None:
    page = (ROOT / "docs/howto/rows.md").read_text("utf-8")
    row = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    (tmp_path / "my.yaml").write_text(row)
    result = CliRunner().invoke(main, ["check", "--table", str(tmp_path / "my.yaml")])
    assert result.exit_code == 0, result.output
    assert "proved" in result.output


@pytest.mark.skipif(
    importlib.util.find_spec("material") is None, reason="needs the extra 'docs' (make docs)"
)
def test_the_site_builds_without_warning_and_needs_no_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for page in tmp_path.rglob("*.html"):
        html = page.read_text("utf-8")
        fetched = re.findall(r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//[^"]*"', html)
        fetched += re.findall(
            r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="http[^"]*"', html
        )
        assert fetched == []
        assert "$$" not in re.sub(r"<(pre|code).*?</\1>", "", html, flags=re.DOTALL)
    reference = (tmp_path / "reference.html").read_text("utf-8")
    assert "<math" in reference
    shown = re.findall(r'src="(diagrams/\w+\.svg)"', reference)
    assert len(shown) > 50
    for image in shown:
        assert "<svg" in (tmp_path / image).read_text("utf-8")
