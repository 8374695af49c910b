"""The documentation keeps its word: Faust snippets run, the site is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from check_site import problems
from diagrams import diagrams
from docs_hooks import illustrated
from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.pages import PAGES, README, blocks
from support.paths import BUILD, ROOT

PROGRAMS = [
    (page.relative_to(ROOT).as_posix(), text)
    for page in PAGES
    if page != README  # its programs are tested by themselves
    for text in blocks(page, "faust")
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
    row = blocks(ROOT / "docs/howto/rows.md", "yaml")[0]
    (tmp_path / "my.yaml").write_text(row)
    result = CliRunner().invoke(main, ["check", "--table", str(tmp_path / "my.yaml")])
    assert result.exit_code == 0, result.output
    assert "proved" in result.output


@pytest.mark.xdist_group("site")
def test_the_site_is_whole(site: Path) -> None:
    """Every link leads somewhere, nothing is fetched from a network, no formula is left as text."""
    assert problems(site) == []
    for page in site.rglob("*.html"):
        prose = re.sub(r"<(pre|code|script).*?</\1>", "", page.read_text("utf-8"), flags=re.DOTALL)
        assert "$" not in prose and "{{" not in prose, page.name
    assert "<math" in (site / "reference.html").read_text("utf-8")


@pytest.mark.xdist_group("site")
def test_the_reference_shows_a_diagram_of_each_rule_that_is_an_expression(site: Path) -> None:
    reference = (site / "reference.html").read_text("utf-8")
    shown = re.findall(r'src="diagrams/(\w+)\.svg"', reference)
    drawn = diagrams(ROOT / "primitives.yaml")
    assert shown == list(drawn)
    assert len(shown) > 70
    assert "No block diagram" not in reference
    for name in shown:
        assert "<svg" in (site / f"diagrams/{name}.svg").read_text("utf-8")


def test_a_reference_without_a_compiler_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faustdiff.faust.compilers.available_compilers", tuple)
    drawn = diagrams(ROOT / "primitives.yaml")
    assert all(isinstance(found, FaustError) for found in drawn.values())
    page = illustrated((BUILD / "reference.md").read_text("utf-8"), drawn)
    assert page.count("No block diagram was drawn: no Faust compiler found") == len(drawn) > 70


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('<a href="page.html#nowhere">x</a>', "no such place: page.html#nowhere"),
        ('<a href="gone.html">x</a>', "leads nowhere: gone.html"),
        ('<a href="#gone">x</a>', "no such place: #gone"),
        ('<img src="gone.png" alt="">', "leads nowhere: gone.png"),
        ('<img src="page.html">', "an image without a text in its place: page.html"),
        ('<script src="https://far.example/x.js"></script>', "loaded from a network"),
        ('<link rel="stylesheet" href="//far.example/x.css">', "loaded from a network"),
        ('<a href="htp://far.example/">x</a>', "no address: htp://far.example/"),
        ('<p id="here"></p><p id="here"></p>', "the id 'here' is there twice"),
        ('<a href="page.html#there">x</a> <a href="https://far.example/">x</a>', ""),
    ],
)
def test_a_broken_site_is_told(tmp_path: Path, wrong: str, told: str) -> None:
    (tmp_path / "page.html").write_text('<h1 id="there">There</h1>')
    (tmp_path / "index.html").write_text(wrong)
    found = problems(tmp_path)
    assert found == [] if not told else len(found) == 1 and told in found[0]
