"""Fixtures for tests that compile and run Faust programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from browser_checks import browser, browser_path
from faustdiff.faust import translation
from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from faustdiff.faust.program import Program, build
from support.paths import ROOT
from support.sharing import share


def pytest_configure(config: pytest.Config) -> None:
    share(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this folder needs compilers; what a shorter test stands for is `slow`.

    Of the four pairs of a compiler and a precision, the newer compiler in single precision is
    `slow`: its text differs from that in double by the type of the numbers alone, and the older
    compiler shows what rounding does. A test of many cases tries each case with one compiler, whose
    turn it is; with the other one it is slow. `each_compiler` tries every case with both; with
    `either_compiler` a test of one case is tried with one, too: graphs, adjoints, fits and weights
    are ours. Where the cases are in `one_program`, it is that of the newer compiler in double, of
    the older in single. What takes the older compiler ten seconds is for the `newer_compiler`.
    """
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker("compilers")
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "compiler" not in params:
            continue
        if params["compiler"] == "cyfaust" and params.get("double") is False:
            item.add_marker("slow")
        if params["compiler"] not in _turn(item):
            item.add_marker("slow")


def _turn(item: pytest.Item) -> Sequence[str]:
    """The compilers that a case is tried with: the same ones each time, whatever else is run."""
    params = item.callspec.params
    either = item.get_closest_marker("either_compiler")
    if item.get_closest_marker("each_compiler") or (set(params) == {"compiler"} and not either):
        return COMPILERS
    if params.get("double") is False:
        return COMPILERS[:1]
    if item.get_closest_marker("one_program") or item.get_closest_marker("newer_compiler"):
        return COMPILERS[1:]
    if set(params) == {"compiler", "double"}:
        return COMPILERS
    others = [part for part in item.callspec.id.split("-") if part not in COMPILERS]
    if not others:
        others = [item.originalname]
    at = zlib.crc32("-".join(others).encode()) % len(COMPILERS)
    return COMPILERS[at : at + 1]


#: What `find_compiler` knows, the older one first.
COMPILERS = ("faust", "cyfaust")


class BuildProgram(Protocol):
    """`build` with the compiler of the test."""

    def __call__(self, source: str, **options: Any) -> Program: ...


@pytest.fixture(params=COMPILERS)
def compiler(request: pytest.FixtureRequest) -> Compiler:
    """Each Faust compiler in turn; a missing one, or g++, fails in CI and skips elsewhere."""
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    if shutil.which("g++") is None:
        give_up("there is no 'g++' on the PATH: 'apt-get install g++'")
    try:
        return find_compiler(request.param)
    except FaustError as error:
        give_up(str(error))


@pytest.fixture(params=[True, False], ids=["double", "single"])
def double(request: pytest.FixtureRequest) -> bool:
    """Each precision in turn."""
    return bool(request.param)


@pytest.fixture
def build_program(compiler: Compiler) -> BuildProgram:
    """Faust text to a running program, with the compiler of the test."""

    def build_with_compiler(source: str, **options: Any) -> Program:
        return build(source, compiler=compiler, **options)

    return build_with_compiler


@pytest.fixture
def little_optimization(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to run fast is optimized little: for a few frames, g++ takes longer than they do.

    `test_harness.py` compares programs that are optimized in full.
    """
    monkeypatch.setattr(translation, "FAST_FLAGS", ("-O0", translation.PORTABLE_FLAG))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser; a missing one fails in CI and skips elsewhere."""
    if browser_path() is None or shutil.which("faust") is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no chromium or no faust on the PATH: 'apt-get install chromium faust'")
    with browser() as running:
        yield running


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder
