"""Lines of the library: broken where Faust allows, and the same program as before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faustdiff.library.layout import LINE_WIDTH, fit_lines
from support.paths import ROOT

LIBRARY = (ROOT / "build" / "diff.lib").read_text("utf-8")
FAUST_AS_IT_STANDS = [
    path
    for path in sorted((ROOT / "templates").rglob("*.lib"))
    if "{{" not in path.read_text("utf-8")
]


def program(text: str) -> list[str]:
    """The tokens of a Faust text, without its comments."""
    tokens = re.findall(r'"[^"]*"|//.*|\w+|\S', text)
    return [token for token in tokens if not token.startswith("//")]


def words(text: str) -> list[str]:
    """All that is written, comments too, without regard to lines, and the commands of formulas."""
    return [word for word in re.split(r"\s+|(?=\\)", text) if word not in ("", "//")]


def test_no_line_of_the_library_is_long() -> None:
    assert not [line for line in LIBRARY.splitlines() if len(line) > LINE_WIDTH]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_program_and_the_words_are_the_same(width: int) -> None:
    narrow = fit_lines(LIBRARY, width)
    assert narrow != LIBRARY or width == LINE_WIDTH
    assert program(narrow) == program(LIBRARY)
    assert sorted(words(narrow)) == sorted(words(LIBRARY))
    assert fit_lines(narrow, width) == narrow


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("f = a : b : cc;", ["f =", "    a : b", "    : cc;"]),
        ("f = (aaa(bb) == c);", ["f =", "    (aaa(bb) == c);"]),
        ("f(a, bb) = g(a, bb, c);", ["f(a, bb) =", "    g(a, bb,", "        c);"]),
        ('f = "a, b : c, d : e, f";', ["f =", '    "a, b : c, d : e, f";']),
        ("f = abc; // why it is so", ["// why it is so", "f = abc;"]),
        ("// * a point in a list", ["// * a point", "//   in a", "//   list"]),
        ("// $$a = b + c + d + e$$", ["// $$a = b +", "// c + d +", "// e$$"]),
        ("// $$a = bbbbbbbbbb - 2$$", ["// $$a =", "// bbbbbbbbbb -", "// 2$$"]),
    ],
)
def test_a_line_is_broken_at_the_outermost_place(line: str, lines: list[str]) -> None:
    assert fit_lines(line, 13).split("\n") == lines


@pytest.mark.parametrize("path", FAUST_AS_IT_STANDS, ids=lambda path: path.name)
def test_a_template_that_is_faust_stands_in_the_library_as_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    assert fit_lines(text).strip("\n") in LIBRARY
