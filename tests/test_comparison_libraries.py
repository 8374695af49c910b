"""Two generated libraries compared, where sources come from, and how a comparison is shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faustdiff.commands.main import main
from faustdiff.comparison.changes import BUMPS, Bump, Change, Comparison

LIBRARY = """
//########## toy.lib ##########
// A toy.
declare name "Toy";
declare version "1.2.3";
ma = library("maths.lib");

//-------`(toy.)gain`-------
// A gain.
//
// #### Test
//
// ```
// toy = library("toy.lib");
// gain_test = 0.5 : toy.gain(2);
// ```
//--------------------------
gain(G) = *(G);

//-------`(toy.)twice`-------
// The gain of two.
//
// #### Test
//
// ```
// toy = library("toy.lib");
// twice_test = _ : toy.twice;
// ```
//---------------------------
twice = gain(2) with { unused(G) = ma.PI * G; };

fact(0) = 1; /* a factorial */
fact(n) = n * fact(n - 1);
tools = environment { up(X) = X + 1; down(X) = X - 1; };
"""

GAIN = LIBRARY[LIBRARY.index("//-------`(toy.)gain`") : LIBRARY.index("//-------`(toy.)twice`")]


def diff(tmp_path: Path, old: str, new: str, *options: str) -> Result:
    (tmp_path / "old.lib").write_text(old, "utf-8")
    (tmp_path / "new.lib").write_text(new, "utf-8")
    paths = [str(tmp_path / "old.lib"), str(tmp_path / "new.lib")]
    return CliRunner().invoke(main, ["diff", *paths, *options])


def found(tmp_path: Path, *edits: tuple[str, str], options: tuple[str, ...] = ()) -> dict[str, Any]:
    new = LIBRARY
    for before, after in edits:
        assert before in new
        new = new.replace(before, after)
    result = diff(tmp_path, LIBRARY, new, "--format", "json", *options)
    assert result.exit_code in (0, 1), result.output
    content: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == bool(content["changes"])
    return content


def told(content: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(c["primitive"], c["change"], c["bump"]) for c in content["changes"]]


# Libraries.


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([("gain(G) = *(G);", "gain( G )=\n  *( G ) ; // as ever")], []),
        ([("gain(G) = *(G);", "gain(AMOUNT) = *(AMOUNT);")], [("gain", "equal", "patch")]),
        ([("// A gain.", "// Times a number.")], [("gain", "documentation", "patch")]),
        ([("gain(G) = *(G);", "gain(G) = *(G) : *(1);")], [("gain", "changed", "minor")]),
        ([("gain(G) = *(G);", "gain(G, H) = *(G);")], [("gain", "changed", "major")]),
        ([("fact(0) = 1;", "fact(0) = 2;")], [("fact", "changed", "minor")]),
        ([("fact(0) = 1;", "")], [("fact", "changed", "minor")]),
        ([("down(X) = X - 1;", "")], [("tools", "changed", "major")]),
        ([("down(X) = X - 1;", "down(X) = X - 1; same = _;")], [("tools", "changed", "minor")]),
        ([("fact(", "factorial(")], [("factorial", "renamed", "major")]),
        ([("gain(", "level(")], [("level", "renamed", "major")]),
        ([("ma.PI * G", "ma.PI * H")], [("twice", "changed", "minor")]),
        ([('version "1.2.3"', 'version "1.3.0"')], [("declare", "documentation", "patch")]),
        ([("fact(n) =", "half = 0.5; fact(n) =")], [("half", "added", "minor")]),
        ([(GAIN, "")], [("gain", "removed", "major")]),
    ],
)  # fmt: skip
def test_changes_of_a_library(
    tmp_path: Path, edits: list[tuple[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    assert told(found(tmp_path, *edits)) == expected


def test_what_a_change_reaches_is_named(tmp_path: Path) -> None:
    content = found(tmp_path, ("gain(G) = *(G);", "gain(G) = *(G) : *(1);"))
    assert "used by twice" in content["changes"][0]["summary"]


def test_the_next_version_follows_from_the_declared_one(tmp_path: Path) -> None:
    content = found(tmp_path, ("fact(n) =", "half = 0.5; fact(n) ="))
    assert (content["bump"], content["version"], content["next_version"]) == (
        "minor",
        "1.2.3",
        "1.3.0",
    )


@pytest.mark.parametrize(
    ("version", "bump", "following"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("0.2.3", "major", "0.3.0"),
        ("0.2.3", "minor", "0.3.0"),
        ("1.2", "major", ""),
        ("1.2.3", "none", ""),
    ],
)
def test_bumps(version: str, bump: Bump, following: str) -> None:
    changes = tuple(Change("f", "changed", "", lower) for lower in BUMPS[1 : BUMPS.index(bump) + 1])
    comparison = Comparison("a", "b", "library", changes, 0.0, version)
    assert comparison.bump == bump
    assert comparison.next_version == following


def test_text_that_is_no_library(tmp_path: Path) -> None:
    for broken, what in (
        ("gain(G) = *(G;", "old.lib:1:1: '"),
        ("a = 1;\ngain(G) = {*(G", "old.lib:2:1: 'gain ( G ) ='".split(" '")[0]),
        ("just words;", "starts no definition"),
        ("// nothing", "defines nothing"),
    ):
        result = diff(tmp_path, broken, LIBRARY)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        assert what.split("old.lib")[-1].rstrip("'") in result.output


# Numbers.

needs_a_compiler = pytest.mark.skipif(
    not (shutil.which("faust") and shutil.which("g++")) and not os.environ.get("CI"),
    reason="there is no faust, or no g++",
)


@needs_a_compiler
def test_the_same_numbers_are_told_and_are_no_proof(tmp_path: Path) -> None:
    content = found(tmp_path, ("gain(G) = *(G);", "gain(G) = *(G) : *(1);"), options=("--numeric",))
    assert told(content) == [("gain", "changed", "minor")]
    assert "the same 2048 numbers with both; no proof" in content["changes"][0]["summary"]
    assert "2 documented tests compiled with both libraries" in content["numeric"]


@needs_a_compiler
def test_other_numbers_are_told_where_they_come_out(tmp_path: Path) -> None:
    content = found(tmp_path, ("gain(G) = *(G);", "gain(G) = *(G + 1);"), options=("--numeric",))
    assert told(content) == [("gain", "changed", "minor"), ("twice", "changed", "major")]
    gain, twice = content["changes"]
    assert (gain["old_value"], gain["new_value"]) == ("1", "1.5")
    assert twice["details"][0]["how"] == "2048 of 2048 numbers differ"


@needs_a_compiler
def test_a_test_that_no_longer_compiles_is_told(tmp_path: Path) -> None:
    content = found(tmp_path, ("gain(G) = *(G);", "gain(G, H) = *(G + H);"), options=("--numeric",))
    details = [d["how"] for c in content["changes"] for d in c["details"] if "how" in d]
    assert any(how.startswith(("no longer compiles", "it has another number")) for how in details)


@needs_a_compiler
def test_tests_that_do_not_compile_beside_each_other_are_compared_apart(tmp_path: Path) -> None:
    """A foreign function has one type in a program."""
    calls = {kind: f'ffunction({kind} lround(float), <math.h>, "")' for kind in ("int", "float")}
    library = LIBRARY.replace("0.5 : toy.gain(2)", f"0.5 : toy.gain({calls['int']}(1.5))")
    library = library.replace("_ : toy.twice", f"_ <: {calls['float']}, toy.twice")
    result = diff(tmp_path, library, library.replace("gain(2) with", "gain(2.5) with"), "--numeric")
    assert result.exit_code == 1, result.output
    assert "2 documented tests compiled with both libraries" in result.output
    assert "1 differ" in result.output


# Where sources come from.


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit of `sub/rules.yaml` and `toy.lib`."""
    table = (Path(__file__).parent / "small.yaml").read_text("utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "rules.yaml").write_text(table, "utf-8")
    (tmp_path / "toy.lib").write_text(LIBRARY, "utf-8")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


def test_a_revision_is_compared_with_a_file(repository: Path) -> None:
    path = repository / "sub" / "rules.yaml"
    assert run("HEAD:sub/rules.yaml", "sub/rules.yaml").exit_code == 0
    path.write_text(path.read_text("utf-8").replace("The cube root.", "Cube root."), "utf-8")
    result = run("HEAD:sub/rules.yaml", "sub/rules.yaml", "--format", "json")
    assert result.exit_code == 1
    (change,) = json.loads(result.output)["changes"]
    assert (change["primitive"], change["change"]) == ("cbrt", "documentation")
    assert change["old"]["file"] == "HEAD:sub/rules.yaml"
    assert run(":sub/rules.yaml", "HEAD:sub/rules.yaml").exit_code == 0


def test_a_path_may_start_from_here(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "sub")
    assert run("HEAD:./rules.yaml", "rules.yaml").exit_code == 0
    result = run("HEAD:rules.yaml", "rules.yaml")
    assert result.exit_code == 2
    assert "from here it is HEAD:./rules.yaml" in result.output


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nothing:sub/rules.yaml", "there is no revision 'nothing'"),
        ("--output=x:sub/rules.yaml", "there is no revision '--output=x'"),
        ("HEAD:other.yaml", "the revision 'HEAD' has no file 'other.yaml'"),
        ("HEAD:sub", "is neither a table (.yaml) nor a library (.lib)"),
        ("HEAD:", "is neither a table (.yaml) nor a library (.lib)"),
        ("missing.yaml", "cannot be read: No such file or directory"),
        ("README.md", "is neither a table (.yaml) nor a library (.lib)"),
        ("sub", "is neither a table (.yaml) nor a library (.lib)"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_a_source_that_cannot_be_read(name: str, what: str) -> None:
    result = run("--", name, "sub/rules.yaml")
    assert result.exit_code == 2
    assert what in result.output
    assert "Traceback" not in result.output
    assert len(result.output.strip().splitlines()) == 2, "what and where, then what to do"


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    result = run("HEAD:rules.yaml", "HEAD:rules.yaml")
    assert result.exit_code == 2
    assert "this is not a git repository" in result.output


@pytest.mark.usefixtures("repository")
def test_a_table_is_not_compared_with_a_library() -> None:
    assert run("sub/rules.yaml", "toy.lib").exit_code == 2
    assert run("sub/rules.yaml", "sub/rules.yaml", "--numeric").exit_code == 2


def test_a_table_with_mistakes_is_refused_with_all_of_them(repository: Path) -> None:
    path = repository / "sub" / "rules.yaml"
    broken = path.read_text("utf-8").replace("kind: linear", "kind: liner")
    (repository / "broken.yaml").write_text(broken.replace("value: cbrt(x)", "value: cbr(x)"))
    result = run("sub/rules.yaml", "broken.yaml")
    assert result.exit_code == 2
    assert "did you mean 'linear'?" in result.output
    assert "did you mean 'cbrt'?" in result.output


# How it is shown.


def test_text_says_what_where_and_how_long(tmp_path: Path) -> None:
    result = diff(tmp_path, LIBRARY, LIBRARY.replace("fact(0) = 1;", "fact(0) = 2;"))
    assert "changed (1)" in result.output
    assert "new.lib:" in result.output
    assert "suggested version bump: minor (1.2.3 -> 1.3.0)" in result.output
    assert "time: " in result.output
    assert "\x1b" not in result.output, "no colour into a pipe"


def test_text_has_colour_where_it_is_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = diff(tmp_path, LIBRARY, LIBRARY.replace("fact(0) = 1;", "fact(0) = 2;"))
    assert "\x1b[" in result.output


def test_markdown_is_ready_for_a_changelog(tmp_path: Path) -> None:
    new = LIBRARY.replace("gain(G) = *(G);", "gain(G, H) = *(G);")
    result = diff(tmp_path, LIBRARY, new, "--format", "markdown")
    lines = result.output.splitlines()
    assert lines[0].startswith("### Changes from `")
    assert "**Changed**" in lines
    assert any(line.startswith("- `gain`: signature gain(G) -> gain(G, H)") for line in lines)
    assert "    - signature: `gain(G)` is now `gain(G, H)`" in lines
