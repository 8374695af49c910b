"""The generated library keeps the house rules of the Faust libraries, and its examples run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.library_symbols import (
    DEFINITION,
    FRAMES,
    LOADED,
    SILENT,
    WORD,
    Symbol,
    grouped_tests,
    symbols,
    text,
)
from support.paths import BUILD
from support.row_trials import TABLE

#: The longest lines. The usage of a function is one line for the tools that read it, and the names
#: of two errors, which are a message, are longer than a line.
LONGEST = {"text": 100, "fenced": 113, "code": 107}

#: Kept from the library that this one replaces, though newer standard libraries have one too.
KEPT = {"env"}

HEADINGS = ["#### Usage", "Where:", "#### Example", "#### Test", "#### References"]

precisions = pytest.mark.parametrize("double", [True, False], ids=["double", "single"])


def each(chosen: tuple[Symbol, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("symbol", chosen, ids=lambda symbol: symbol.name)


# -- documentation -------------------------------------------------------------------------------


def test_every_row_with_a_dual_has_a_symbol() -> None:
    names = {symbol.name for symbol in symbols()}
    without = ("structural", "unavailable")
    assert {"vars", "var", "env", "lift"} <= names
    assert {f"dual_{row.name}" for row in TABLE.primitives if row.kind not in without} <= names


@each(symbols())
def test_a_symbol_is_documented_directly_before_it(symbol: Symbol) -> None:
    assert symbol.title == symbol.name, "a title and a closing line belong around the comment"
    assert symbol.lines[0].strip(), "the comment starts with a summary"
    headings = [line for line in symbol.lines if line.startswith("####") or line == "Where:"]
    assert headings == [heading for heading in HEADINGS if heading in headings]
    assert {"#### Usage", "Where:", "#### Test"} <= set(headings)


@each(symbols())
def test_a_symbol_has_a_usage_that_names_it(symbol: Symbol) -> None:
    usage = " ".join(symbol.fenced("#### Usage"))
    assert re.search(rf"\b{symbol.name}\b", usage)


@each(symbols())
def test_a_symbol_has_a_bullet_for_each_parameter(symbol: Symbol) -> None:
    assert all(name == name.upper() for name in symbol.parameters), "parameters are in capitals"
    first = symbol.lines.index("Where:") + 2
    assert symbol.lines[first - 1] == ""
    bullets = symbol.lines[first : symbol.lines.index("", first)]
    named: set[str] = set()
    for line in bullets:
        bullet = re.fullmatch(r"\* (`[^`]+`(?:, `[^`]+`)*): \S.*|  \S.*", line)
        assert bullet, f"neither a bullet nor the rest of one: {line}"
        named |= set(WORD.findall(bullet[1] or ""))
    assert set(symbol.parameters) <= named


@each(symbols())
def test_a_symbol_has_a_test_that_loads_what_it_uses(symbol: Symbol) -> None:
    test = symbol.fenced("#### Test")
    assert any(line.startswith(f"{symbol.name}_test =") for line in test)
    loaded = {line.split(" = ")[0] for line in test if LOADED.fullmatch(line)}
    assert set(re.findall(r"\b([a-z]{2})\.\w", " ".join(test))) == loaded


# -- tests and examples in the comments ----------------------------------------------------------


def one_program(tests: Mapping[str, list[str]]) -> str:
    """The numbers of inputs and outputs of all tests, then all outputs."""
    loaded = sorted({line for test in tests.values() for line in test if LOADED.fullmatch(line)})
    lines = []
    for name, test in tests.items():
        own = "\n".join(line for line in test if not LOADED.fullmatch(line))
        lines.append(f"the_{name} = {name}_test with {{\n{own}\n}};")
    arities = ", ".join(f"inputs(the_{name}), outputs(the_{name})" for name in tests)
    outputs = ", ".join(f"the_{name}" for name in tests)
    return "\n".join([*loaded, *lines, f"process = {arities}, {outputs};"])


def refused(tests: Mapping[str, list[str]], compiler: Compiler) -> list[str]:
    """The names of the tests that do not compile by themselves."""
    found = []
    for name, test in tests.items():
        source = "\n".join([*test, f"process = {name}_test;"])
        try:
            compiler.to_cpp(source, double=True, include=[BUILD])
        except FaustError:
            found.append(name)
    return found


@precisions
@pytest.mark.parametrize("group", [0, 1], ids=["most", "Bessel"])
def test_the_tests_in_the_comments_run_and_are_not_silent(
    compiler: Compiler, double: bool, group: int
) -> None:
    tests = grouped_tests(compiler)[group]
    wrong = []
    options: dict[str, Any] = {"double": double, "include": [BUILD], "optimize": "-O0"}
    try:
        program = build(one_program(tests), compiler=compiler, **options)
    except FaustError:
        for name in refused(tests, compiler):
            wrong.append(f"{name}_test does not compile")
            del tests[name]
        program = build(one_program(tests), compiler=compiler, **options)
    signals = program.run(np.zeros((program.inputs, FRAMES)), FRAMES)
    start = 2 * len(tests)
    for name, (inputs, count) in zip(tests, signals[:start, 0].reshape(-1, 2), strict=True):
        found = signals[start : start + int(count)]
        start += int(count)
        if inputs or not count:
            wrong.append(f"{name}_test has {inputs:g} inputs and {count:g} outputs")
        elif not np.isfinite(found).all():
            wrong.append(f"{name}_test is not finite: {found[:, 0]}")
        elif not found.any() and name not in SILENT:
            wrong.append(f"{name}_test is silent")
    assert not wrong, "\n".join(wrong)
    assert start == program.outputs


@each(tuple(symbol for symbol in symbols() if symbol.fenced("#### Example")))
def test_the_examples_in_the_comments_run(compiler: Compiler, symbol: Symbol) -> None:
    source = "\n".join(symbol.fenced("#### Example"))
    program = build(source, compiler=compiler, include=[BUILD])
    noise = np.random.default_rng(1).uniform(-1, 1, (program.inputs, 64))
    assert np.isfinite(program.run(noise, 64)).all()


# -- among the standard libraries ----------------------------------------------------------------


@pytest.mark.parametrize("standard", ["stdfaust.lib", "all.lib"])
def test_the_library_is_used_beside_the_standard_libraries(
    compiler: Compiler, standard: str
) -> None:
    source = f"""
    import("{standard}"); df = library("diff.lib"); d = df.env(df.vars((0.5, 0.25)));
    process = d.input, d.diff(440) : d.diff(*) : d.diff(sin);
    """
    program = build(source, compiler=compiler, include=[BUILD])
    np.testing.assert_allclose(program.run([0.001]), [[np.sin(0.44)], [0], [0]], atol=1e-15)


def test_the_prefix_is_free_in_the_standard_libraries(compiler: Compiler) -> None:
    standard = (compiler.libraries() / "stdfaust.lib").read_text(encoding="utf-8")
    assert not re.search(r"^\s*df\s*=", standard, re.MULTILINE)


def test_no_public_name_is_one_of_a_standard_library(compiler: Compiler) -> None:
    folder = compiler.libraries()
    every = (folder / "all.lib").read_text(encoding="utf-8")
    taken: dict[str, str] = {}
    for file in re.findall(r'import\("([\w.]+)"\)', every):
        lines = (folder / file).read_text(encoding="utf-8", errors="replace").splitlines()
        for definition in filter(None, map(DEFINITION.match, lines)):
            taken.setdefault(definition[1], file)
    assert "lowpass" in taken
    names = {symbol.name for symbol in symbols()} - KEPT
    assert {name: taken[name] for name in names & set(taken)} == {}


# -- the file ------------------------------------------------------------------------------------


def test_the_file_says_what_it_is() -> None:
    declared = dict(re.findall(r'^declare (\w+) "([^"]+)";$', text(), re.MULTILINE))
    assert set(declared) == {"name", "version", "author", "copyright", "license"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", declared["version"])
    assert re.match(r"//#+ diff\.lib #+\n", text())
    assert "Its official prefix is `df`." in text()


def test_the_sections_are_those_of_the_list_at_the_top() -> None:
    head = text().split("//\n// #### References")[0]
    listed = re.findall(r"^// \* \[(.+)\]\(#\S+\)$", head, re.MULTILINE)
    assert listed == re.findall(r"^//=+([^=]+)=+$", text(), re.MULTILINE)


def test_what_the_library_needs_is_loaded_by_name_and_nothing_is_imported() -> None:
    assert not re.search(r"^\s*import\(", text(), re.MULTILINE)
    code = "\n".join(line for line in text().splitlines() if not line.startswith("//"))
    for prefix in re.findall(r"^(\w+) = library", code, re.MULTILINE):
        assert re.search(rf"\b{prefix}\.\w", code), f"{prefix} is not used"


def test_the_file_is_plain_text() -> None:
    assert text().isascii()
    assert "\r" not in text() and "\t" not in text()
    assert text().endswith("\n") and not text().endswith("\n\n")
    assert not re.search(r" $", text(), re.MULTILINE)
    assert not re.search(r"/(home|root|tmp|usr|work)/", text()), "a path of a machine"


def test_lines_are_not_too_long() -> None:
    wrong = []
    fenced = False
    for number, line in enumerate(text().splitlines(), 1):
        fenced ^= line == "// ```"
        kind = "code" if not line.startswith("//") else "fenced" if fenced else "text"
        if len(line) > LONGEST[kind]:
            wrong.append(f"diff.lib:{number}: {len(line)} characters of {kind}")
    assert not wrong, "\n".join(wrong)
