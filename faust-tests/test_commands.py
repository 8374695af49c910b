"""The commands of the documentation run, in a folder like the repository, with the files they name.

What cannot be run here is listed with its reason, so that no command goes by unseen.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from faustdiff.commands.main import commands as every_command
from faustdiff.commands.main import main
from faustdiff.proof import checking as stage3_check
from faustdiff.proof.checking import Finding
from faustdiff.table.model import Primitive
from site_assets import first_program
from support.pages import PAGES, blocks, programs
from support.paths import BUILD, ROOT

TOOLS = "faustdiff|python|make|pip|pytest|ruff|mypy|git|apt-get|apt|pre-commit|mkdocs|cp|cd"

#: What fetches packages from a network, runs this test among all others, or is for a shell.
NOT_RUN_TOOLS = ("make", "pip", "pytest", "apt-get", "python3", ".", "eval")
#: What measures, for minutes.
MEASUREMENTS = "python -m benchmarks."
#: What a test cannot run.
NOT_RUN = {
    "faustdiff diff OLD NEW": "stands for two versions of a library",
    "pytest tests/test_render.py --update-golden": "rewrites files of the repository",
    "ruff check": "is what 'make lint' runs in CI",
    "ruff format --check": "is what 'make lint' runs in CI",
    "mypy generator": "is what 'make lint' runs in CI",
    "faustdiff a-b": "stands for the name of a new command",
    "faustdiff verify --plot": "stands for a part of a longer command, where it needs an extra",
    "faustdiff fit diff.dsp": "stands for a part of a longer command, in a table of options",
}
#: Indented lines of the README that are no commands: a diagram, and what `make` prints.
SHOWN = ("primitives.yaml -> load", "sample   input", "0   1.000", "1  -0.500")
#: Those that find something: the last version of the workspace gives a row another name.
DIFFERENT = ("faustdiff diff HEAD~1:primitives.yaml primitives.yaml",)
#: Words that stand for a file of the reader, by the option before them.
STANDS_FOR = {"--table FILE": "--table primitives.yaml", "--extend FILE": "--extend my.yaml"}
#: What takes a minute, with three points to a curve instead of 61, of three losses of 13.
SMALLER = {
    "python examples/landscapes.py": "python examples/landscapes.py --every 30 --losses mse,stft,ot"
}

#: What some of the commands have to leave behind.
WRITTEN: Mapping[str, str] = {
    "DIR/diff.lib": "declare name",
    "lib/diff.lib": "my.bump",
    "B.dsp": "pole",
    "filter.diff.dsp": "cutoff",
    "errors.csv": "cutoff",
    "more.json": "weight",
    "shaper.dsp": "process",
    "amplifier.fit/values.json": "tone",
    "amp.fit/report.html": "tone",
    "learn.html": "pole",
    "A.fit/values.json": "pole",
    "faustdiff.xml": "<testsuite",
    "faustdiff.json": '"proved"',
}

RECORDINGS = ROOT / "docs/howto/recordings.md"
DECAY = """process = 1 - 1' : + ~ *(hslider("pole [diff:1]", 0.5, 0, 0.99, 0.001));"""
FILTER = """fi = library("filters.lib");
process = fi.lowpass(1, hslider("cutoff [diff:1] [scale:log]", 1000, 50, 10000, 1));"""


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of a page, each with the lines that it is said to print.

    They stand after `$`, in indented lines, and in the text if with arguments.
    """
    text = page.read_text("utf-8")
    languages = set(re.findall(r"^```(\w*)\n.*?^```", text, re.DOTALL | re.M))
    assert languages <= {"faust", "yaml", "python", "console", "text"}, "where would commands be?"
    for block in blocks(page, "console"):
        for shown in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *printed = shown.splitlines()
            yield command, printed
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.M)
    for line in re.findall(r"^    (\S.*)$", prose, re.M):
        if re.match(rf"({TOOLS})\b", line):
            yield re.split(r"  |#", line)[0].strip(), []
        else:
            assert line.strip().startswith(SHOWN), f"{page.name}: command or not? {line}"
    for span in re.findall(r"`([^`]+)`", prose):
        command = " ".join(span.split())
        if re.match(rf"({TOOLS}) \S", command) and not is_name(command):
            yield command, []


def is_name(command: str) -> bool:
    """Whether this is the name of a command of ours, as `faustdiff fit`, without arguments."""
    words = command.split()
    return len(words) == 2 and words[0] == "faustdiff" and words[1] in every_command()


def is_alike(expected: str, line: str) -> bool:
    """Whether two lines have the same words, and numbers that are equal to a thousandth."""
    pairs = list(zip_longest(expected.split(), line.split(), fillvalue=""))
    return all(one == other or _is_near(one, other) for one, other in pairs)


def _is_near(one: str, other: str) -> bool:
    try:
        return float(one) == pytest.approx(float(other), rel=1e-3)
    except ValueError:
        return False


ALL = {command: (page, printed) for page in PAGES for command, printed in commands(page)}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the repository that commands name, with a history, and the reader's files."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("wav"))
    shutil.copytree(ROOT / "build", folder / "build")
    table = (ROOT / "primitives.yaml").read_text("utf-8")
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    before = table.replace("- name: sin\n", "- name: sine\n")
    assert before != table
    for text in (before, table):
        (folder / "primitives.yaml").write_text(text, "utf-8")
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "A version"]):
            subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    (own,) = blocks(ROOT / "docs/howto/rows.md", "yaml")
    (folder / "my.yaml").write_text(own, "utf-8")
    shutil.copy(BUILD / "diff.lib", folder)
    # Without the lines that --fad puts in front.
    fad = re.sub(
        r"^(df|fad) = .*\n", "", blocks(ROOT / "docs/howto/fad.md", "faust")[0], flags=re.M
    )
    own_programs = {"A": DECAY, "filter": FILTER, "diff": FILTER, "program": fad}
    written = {f"{name}.dsp": text for name, text in own_programs.items()}
    for page in PAGES:
        written |= programs(page)
    written["learn.dsp"] = first_program()  # of the front page, which is made with it
    for name, text in written.items():
        (folder / name).write_text(text, "utf-8")
    with contextlib.chdir(folder):
        # What a reader without a device makes.
        exec("\n".join(blocks(RECORDINGS, "python")), {})
    soundfile.write(folder / "B.wav", 0.9 ** np.arange(4410), 44100, subtype="DOUBLE")
    return folder


@pytest.fixture
def proved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the commands prove the same rows, which is to be paid for once."""
    known: dict[str, list[Finding]] = {}
    check_row = stage3_check.check_row

    def once(row: Primitive, proofs: bool = True) -> list[Finding]:
        key = repr((row, proofs))
        if key not in known:
            known[key] = check_row(row, proofs)
        return known[key]

    monkeypatch.setattr(stage3_check, "check_row", once)


def run(command: str, folder: Path) -> tuple[int, str]:
    """The exit code and what was printed; `faustdiff` runs in this process."""
    command = SMALLER.get(command, command)
    for placeholder, file in STANDS_FOR.items():
        command = command.replace(placeholder, file)
    command, _, target = command.partition(" > ")
    program, *words = shlex.split(command)
    if program == "python":
        done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
    assert program == "faustdiff", f"{command}: run it, or list it in NOT_RUN with the reason"
    with contextlib.chdir(folder):
        result = CliRunner().invoke(main, words)
    if target:
        (folder / target).write_text(result.stdout, "utf-8")
    return result.exit_code, result.output


@pytest.mark.usefixtures("proved_once")
def test_the_commands_of_the_documentation_run(workspace: Path) -> None:
    wrong = []
    for command, (page, printed) in ALL.items():
        if command in NOT_RUN or command.startswith(MEASUREMENTS):
            continue
        if command.split()[0] in NOT_RUN_TOOLS:
            continue
        if command.startswith("faustdiff import-weights"):
            # Values are kept as PyTorch's state dicts are.
            shutil.copy(workspace / "learned.json", workspace / "state.json")
        code, output = run(command, workspace)
        if code != (1 if command in DIFFERENT else 0):
            wrong.append(f"{page.name}: {command}: exit code {code}\n{output}")
        wrong += [
            f"{page.name}: {command} does not print '{line}'\n{output}"
            for line in printed
            if not any(is_alike(line, found) for found in output.splitlines())
        ]
    assert not wrong, "\n".join(wrong)
    for file, content in WRITTEN.items():
        assert content in (workspace / file).read_text("utf-8"), file


@pytest.mark.slow
@pytest.mark.parametrize("command", SMALLER)
def test_what_is_run_in_small_runs_whole(command: str, workspace: Path) -> None:
    page, printed = ALL[command]
    words = shlex.split(command)[1:]
    done = subprocess.run([sys.executable, *words], cwd=workspace, capture_output=True, text=True)
    assert done.returncode == 0, f"{page.name}: {done.stderr}"
    assert all(line in done.stdout for line in printed)


def test_what_is_not_run_is_still_documented_and_exists() -> None:
    assert {*NOT_RUN, *DIFFERENT} <= set(ALL)
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {c.split()[1] for c in ALL if c.startswith("make ")} <= targets


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_the_python_of_the_documentation_runs(page: Path, workspace: Path) -> None:
    for text in blocks(page, "python"):
        for layer in ("torch", "jax"):
            if f"faustdiff.{layer}" in text:
                pytest.importorskip(layer)
        with contextlib.chdir(workspace):
            exec(compile(text, str(page), "exec"), {})
