"""Two libraries by their numbers: the documented tests of one, compiled with both.

A test is the block under `#### Test` in the comment of a function, with an entry `name_test`. The
tests of the old library are compiled with the old and with the new one, all in one program each,
and fed the same noise. Equal numbers are no proof; different ones are a change.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from ..faust.calling import FaustError
from ..faust.compilers import Compiler, find_compiler
from ..faust.program import Program, build
from .changes import Change, Detail
from .libraries import Definition, Library

TEST_FRAMES = 2048
#: Relative distance below which two numbers in double precision are the same: a sum in another
#: order moves the last digits.
NUMERIC_TOLERANCE = 1e-9

_TEST = re.compile(r"#### Test\n\n?```\w*\n(.*?)\n```", re.DOTALL)
_LOAD = re.compile(r'\w+\s*=\s*library\("[^"]+"\);|import\("[^"]+"\);')
_TITLE = re.compile(r"^//#+ *([\w.-]+\.lib) *#+", re.MULTILINE)

Numbers = Mapping[str, NDArray[np.float64]]


def compare_numbers(
    old: Library, new: Library, changes: Sequence[Change], compiler: str | None
) -> tuple[str, tuple[Change, ...]]:
    """What the numbers say in one line, and the changes with what they say of each function.

    Raises `InputError` if there is no compiler, and if no test of the old library compiles.
    """
    try:
        with_what = find_compiler(compiler)
    except FaustError as error:
        what = f"there is no Faust compiler: {error}"
        raise InputError([Problem(Place(new.source.name), what, "leave out --numeric")]) from None
    tests = {
        name: test
        for name, function in old.functions.items()
        if name in new.functions and (test := _test(function))
    }
    before, failed = _numbers(old, tests, with_what)
    if tests and not before:
        message = next(iter(failed.values())).strip().partition("\n")[0]
        what = f"none of its documented tests compiles: {with_what.name}: {message}"
        raise InputError([Problem(Place(old.source.name), what, "leave out --numeric")])
    after, refused = _numbers(new, {name: tests[name] for name in before}, with_what)
    results = [change for change in changes if change.primitive not in before]
    different = 0
    for name in new.functions:
        if name not in before:
            continue
        mine = [change for change in changes if change.primitive == name]
        detail = _difference(before[name], after.get(name), refused.get(name, ""))
        if detail is None:
            same = f"its test gives the same {before[name].size} numbers with both; no proof"
            results += [
                replace(c, summary=f"{c.summary}; {same}") if c.change == "changed" else c
                for c in mine
            ]
            continue
        different += 1
        if changed := [change for change in mine if change.change == "changed"]:
            first = changed[0]
            results += [replace(first, details=(*first.details, detail))]
        else:
            place = old.functions[name].place, new.functions[name].place
            summary = f"its documented test: {detail.how}"
            results += [*mine, Change(name, "changed", summary, "major", (detail,), *place)]
    skipped = len(tests) - len(before)
    left_out = f"; {skipped} tests left out, which the old library fails" if skipped else ""
    note = (
        f"numbers: {len(before)} documented tests compiled with both libraries by "
        f"{with_what.name} {with_what.version()}, {different} differ{left_out}"
    )
    return note, tuple(results)


def _test(function: Definition) -> list[str]:
    """The lines of the documented test; [] if there is none, or it has no entry."""
    lines = [line.removeprefix("//").removeprefix(" ") for line in function.comment.splitlines()]
    match = _TEST.search("\n".join(lines))
    test = match[1].splitlines() if match else []
    return test if any(line.startswith(f"{function.name}_test") for line in test) else []


def _difference(
    old: NDArray[np.float64], new: NDArray[np.float64] | None, refused: str
) -> Detail | None:
    """How the numbers of one test differ, if they do."""
    if new is None:
        first = refused.splitlines()[0] if refused else "it does not compile"
        return Detail("test", "compiles", "does not", f"no longer compiles: {first}")
    if old.shape != new.shape:
        counts = f"{old.shape[0]} outputs", f"{new.shape[0]} outputs"
        return Detail("test", *counts, "it has another number of outputs")
    with np.errstate(invalid="ignore"):
        distance = np.abs(old - new) / np.maximum(1, np.abs(old))
    same = (old == new) | (np.isnan(old) & np.isnan(new)) | (distance <= NUMERIC_TOLERANCE)
    if same.all():
        return None
    output, frame = (int(k) for k in np.argwhere(~same)[0])
    values = f"{old[output, frame]:.9g}", f"{new[output, frame]:.9g}"
    where = {"output": float(output + 1), "frame": float(frame)}
    how = f"{np.count_nonzero(~same)} of {old.size} numbers differ"
    return Detail("test", *values, how, where, *values)


def _numbers(
    library: Library, tests: Mapping[str, list[str]], compiler: Compiler
) -> tuple[Numbers, dict[str, str]]:
    """The outputs of each test that compiles, and what the compiler says of the others."""
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as name:
        folder = Path(name)
        title = _TITLE.search(library.source.text)
        for file in {library.source.file, *([title[1]] if title else [])}:
            (folder / file).write_text(library.source.text, encoding="utf-8")
        options: dict[str, Any] = {"double": True, "include": [folder]}
        refused: dict[str, str] = {}
        numbers: dict[str, NDArray[np.float64]] = {}
        try:
            for tests_together in _compilable([*tests.items()], compiler, options, refused):
                text = _program(tests_together)
                program = build(text, compiler=compiler, optimize="-O0", **options)
                outputs = _outputs(program, len(tests_together))
                numbers |= zip(dict(tests_together), outputs, strict=True)
        except FaustError as error:
            place = Place(library.source.name)
            hint = "leave out --numeric"
            what = f"cannot be compiled by {error.compiler}: {error}"
            raise InputError([Problem(place, what, hint)]) from None
    return numbers, refused


def _outputs(program: Program, count: int) -> Iterator[NDArray[np.float64]]:
    """What each of the tests in a program gives, fed the same noise whatever stands beside it."""
    ends = program.run(np.zeros((program.inputs, 1)), 1)[: 2 * count, 0].astype(int)
    takes, gives = ends[:count], ends[count:]
    noise = [np.random.default_rng(0).uniform(-1, 1, (number, TEST_FRAMES)) for number in takes]
    fed = np.concatenate([np.zeros((0, TEST_FRAMES)), *noise])
    outputs = program.run(fed, TEST_FRAMES)[2 * count :].astype(np.float64)
    yield from np.split(outputs, np.cumsum(gives)[:-1])


def _compilable(
    tests: list[tuple[str, list[str]]],
    compiler: Compiler,
    options: Mapping[str, Any],
    refused: dict[str, str],
) -> list[list[tuple[str, list[str]]]]:
    """The tests that compile, as many in one program as the compiler takes, found by halves.

    Some compile alone and not beside others. The messages on the rest go into `refused`.
    """
    if not tests:
        return []
    try:
        compiler.to_cpp(_program(tests), **options)
    except FaustError as error:
        if len(tests) == 1:
            refused[tests[0][0]] = str(error)
            return []
        half = len(tests) // 2
        parts = (tests[:half], tests[half:])
        return [group for part in parts for group in _compilable(part, compiler, options, refused)]
    return [tests]


def _program(tests: Sequence[tuple[str, list[str]]]) -> str:
    """The numbers of inputs and of outputs of each test, then all outputs, beside what it loads."""
    loaded: dict[str, None] = {}
    entries = []
    for number, (name, lines) in enumerate(tests):
        own = [line for line in lines if not _LOAD.fullmatch(line.strip())]
        loaded |= dict.fromkeys(line.strip() for line in lines if line not in own)
        text = "\n".join(own)
        entries.append(f"test_{number} = {name}_test with {{\n{text}\n}};")
    called = [f"test_{number}" for number in range(len(tests))]
    counts = [f"{ends}({one})" for ends in ("inputs", "outputs") for one in called]
    return "\n".join([*loaded, *entries, f"process = {', '.join([*counts, *called])};"])
