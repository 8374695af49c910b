"""What is written compiles: names are validated, and new rows are compiled before they count."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from faustdiff.commands.main import main
from faustdiff.faust.compilers import available_compilers
from faustdiff.table.spelling import is_box, is_library_prefix, is_own_name

ROW = """libraries: {{{prefix}: my.lib}}
primitives:
- name: bump
  faust: {faust}
  section: Mine
  kind: smooth
  args: [{arg}]
  value: {arg} * {arg}
  partials: {{{arg}: 2 * {arg}}}
  samples: {{{arg}: [-4, 4]}}
  summary: "A bump. <script>"
"""


@pytest.mark.parametrize(
    "text",
    ["+", "!=", "_", "my.bump", "my.sub.bump", "0.5", 'hslider("a, b)", 0, 0, 1, 0.1)',
     "waveform{1, 2.5, -3}", "fconstant(int fs, <math.h>)", "route(2, 2, (1, 2), (2, 1))",
     'ffunction(float f(float, int), <math.h>, "")'],
)  # fmt: skip
def test_a_box(text: str) -> None:
    assert is_box(text)


@pytest.mark.parametrize(
    "text",
    ["my.bump /* x", 'my.bump", x', "environment { x = 1", ")(", "1 + ", "a,b", '"open', "f(x",
     "f(x))(", "f(a;b)", "f(a) // b", "f(a) = b", "x = 1; evil", "process", "f(\"a\nb\")", "f(,)",
     "a.", ".a", "a b", "1x", "f(a):g", "\\(x).(x)", "f{a}", ""],
)  # fmt: skip
def test_no_box(text: str) -> None:
    assert not is_box(text)


def test_names() -> None:
    assert is_library_prefix("my")
    assert not any(map(is_library_prefix, ("a b", "1x", "x = 1; evil", "process", "df", "a-b", "")))
    assert all(map(is_own_name, ("s1", "s20", "cotangent")))
    assert not any(map(is_own_name, ("s", "x", "s1x")))


def build(tmp_path: Path, faust: str = "my.bump", prefix: str = "my", arg: str = "x") -> str:
    """What `build` says of a row, and that it leaves nothing behind where it refuses."""
    (tmp_path / "row.yaml").write_text(ROW.format(faust=faust, prefix=prefix, arg=arg), "utf-8")
    out = tmp_path / "out"
    words = ["build", "--table", str(tmp_path / "row.yaml"), "--out", str(out)]
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert bool(result.exit_code) != (out / "diff.lib").exists()
    return result.output


@pytest.mark.parametrize(
    "fields",
    [{"faust": '"my.bump /* x"'}, {"faust": "'my.bump\", x'"}, {"prefix": '"a b"'},
     {"prefix": '"x = 1; my"'}, {"arg": "s1"}, {"arg": "cotangent"}],
)  # fmt: skip
def test_what_ends_the_text_around_it_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    assert "bump" in build(tmp_path, **fields) or "no name for a library" in build(
        tmp_path, **fields
    )


@pytest.mark.parametrize("word", ["class", "lambda", "yield", "None", "import"])
def test_an_argument_that_is_a_word_of_a_language(tmp_path: Path, word: str) -> None:
    assert f"'{word}' is a word of Python" in build(tmp_path, arg=word)


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", ["200b", "00ad", "2028", "202e"])
def test_an_invisible_character_is_named(tmp_path: Path, code: str) -> None:
    text = ROW.replace("my.lib", f'"my.lib\\u{code}"')
    (tmp_path / "row.yaml").write_text(text.format(faust="my.bump", prefix="my", arg="x"), "utf-8")
    result = CliRunner().invoke(main, ["check", "--extend", str(tmp_path / "row.yaml")])
    assert result.exit_code == 2
    assert f"invisible character, U+{code.upper()}" in result.output


@pytest.mark.exhaustive
@pytest.mark.parametrize("prefix", ["ma", "si", "ba", "vars", "env", "dual_sin", "diff", "d"])
def test_a_prefix_of_the_library_itself_is_refused(tmp_path: Path, prefix: str) -> None:
    text = ROW.format(faust=f"{prefix}.bump", prefix=prefix, arg="x")
    (tmp_path / "row.yaml").write_text(text, "utf-8")
    out = tmp_path / "out"
    words = ["build", "--extend", str(tmp_path / "row.yaml"), "--out", str(out)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert f"the prefix '{prefix}' is" in result.output
    assert not (out / "diff.lib").exists()


@pytest.mark.compilers
@pytest.mark.skipif(not available_compilers(), reason="no Faust compiler is installed")
def test_a_new_row_is_compiled(tmp_path: Path) -> None:
    assert "wrote" in build(tmp_path)
    assert "<script>" not in (tmp_path / "out" / "reference.md").read_text("utf-8")


@pytest.mark.compilers
@pytest.mark.skipif(not available_compilers(), reason="no Faust compiler is installed")
def test_a_row_that_no_compiler_knows_is_named(tmp_path: Path) -> None:
    told = build(tmp_path, faust="no_such_box")
    assert "row 'bump': does not compile" in told
