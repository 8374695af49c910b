"""Every command on a broken machine: bad compilers, full disks, no rights, signals, nothing at all.

A command ends with a message that names what is wrong, never with a traceback, and leaves neither
an output nor temporary files nor processes. `COMMANDS` has a line for each command.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from faustdiff.commands.main import commands, main
from support.fake_compilers import FAKES, HEAD, install, libraries
from support.interruption import assert_interruptible, install_slow_compiler
from support.paths import ROOT

#: Of tests of every command: these always, the others with `-m slow`.
OFTEN = ("check", "differentiate", "verify")

#: What each command is called with, in the folder of `folder`; OUT is what it writes.
COMMANDS = {
    "build": "--table small.yaml --extend own.yaml --out OUT",
    "check": "--table small.yaml",
    "diff": "small.yaml small.yaml",
    "diff numeric": "toy.lib other.lib --numeric --compiler faust",
    "differentiate": "gain.dsp --compiler faust -o OUT",
    "differentiate reverse": "gain.dsp --mode reverse --compiler faust -o OUT",
    "fit": "gain.dsp --input in.wav --target in.wav --compiler faust --jobs 1 --out OUT",
    "freeze": "gain.dsp --params values.json --compiler faust -o OUT",
    "import-weights": "state.json -o OUT",
    "page": "gain.dsp --compiler faust -o OUT",
    "train": "learn.dsp --seconds 0.1 --compiler faust --params OUT",
    "verify": "gain.dsp --seconds 0.1 --compiler faust --csv OUT",
}
#: Those that call a compiler.
COMPILING = [name for name in COMMANDS if name not in ("check", "diff", "import-weights")]
#: Of the others, what is read first.
READS = {"check": "small.yaml", "diff": "small.yaml", "import-weights": "state.json"}
#: Those that write what they are told to, and no folder.
WRITING = [name for name, line in COMMANDS.items() if line.endswith("OUT") and "--out" not in line]

TOY = """// #### toy
//-------`(toy.)gain`-------
// A gain.
//
// #### Test
//
// ```
// toy = library("toy.lib");
// gain_test = 0.5 : toy.gain;
// ```
//--------------------------
gain = *(2);
"""
FILES = {
    "gain.dsp": 'process = *(hslider("gain[diff:1]", 0.5, 0, 1, 0.01));',
    "learn.dsp": 'process = _ : hbargraph("weight", 0, 1) : hbargraph("loss", 0, 1);',
    "values.json": '{"gain": 0.25}',
    "state.json": '{"0.weight": [[0.5]], "0.bias": [0.25]}',
    "own.lib": "triple = *(3);",
    "own.yaml": """libraries: {my: own.lib}
primitives:
- name: triple
  faust: my.triple
  section: Mine
  kind: smooth
  args: [x]
  value: 3 * x
  partials: {x: 3}
  samples: {x: [-3, 3]}
  summary: Three times.
""",
    "small.yaml": (ROOT / "tests" / "small.yaml").read_text("utf-8"),
    "toy.lib": TOY,
    "other.lib": TOY.replace("*(2)", "*(3)"),
}


def mostly_slow(commands: Iterable[str]) -> list[Any]:
    return [
        name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in commands
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the commands read."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    tone = 0.5 * np.sin(np.arange(2000) / 10)
    soundfile.write(tmp_path / "in.wav", tone, 44100, subtype="DOUBLE")
    return tmp_path


@pytest.fixture
def away(folder: Path) -> Iterator[Path]:
    """A folder for temporary files, which is empty again in the end."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        assert not list(Path(name).iterdir())


def words(command: str, out: object = "out") -> list[str]:
    line = COMMANDS[command].replace("OUT", str(out))
    return [command.split()[0], *line.split()]


def process(
    command: str, folder: Path, environment: dict[str, str], out: object = "out", **options: Any
) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "faustdiff", *words(command, out)]
    given = {"stdout": subprocess.PIPE, **options}
    return subprocess.run(
        line, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, timeout=120, **given
    )


def ended(
    command: str, folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> subprocess.CompletedProcess[str]:
    """As `process`, but inside this process for those that are not in `OFTEN`: they start alike."""
    if command in OFTEN:
        return process(command, folder, environment)
    given = {"FAUSTDIFF_CACHE": str(folder / "cache"), **environment}
    for name in {name for name in os.environ if not name.startswith("PYTEST")} - set(given):
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", given["TMPDIR"])
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, words(command))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return subprocess.CompletedProcess(words(command), done.exit_code, done.stdout, done.stderr)


def assert_said(done: subprocess.CompletedProcess[str], text: str = "") -> None:
    """It was refused in lines that a user can read."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert text in done.stderr


def outputs(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(("out", ".new-"))]


def test_every_command_is_tried() -> None:
    assert {name.split()[0] for name in COMMANDS} == set(commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_fault_it_ends_well(
    command: str, folder: Path, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = ended(command, folder, {**os.environ, "TMPDIR": str(away)}, monkeypatch)
    assert done.returncode == (1 if command == "diff numeric" else 0), done.stderr
    assert bool(outputs(folder)) == COMMANDS[command].endswith("OUT")


#: What the compiler writes of the rows of `build` is not run, and its language not looked at.
FAKED = [
    (command, kind)
    for command in COMPILING
    for kind in FAKES
    if (command, kind) != ("build", "writes another language")
]


@pytest.mark.parametrize(("command", "kind"), FAKED)
def test_a_compiler_of_a_bad_kind(
    command: str, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, _ = FAKES[kind]
    script = (HEAD.replace("DSPDIR", libraries()) + body + "\n").encode()
    install(folder, "faust", script)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("FAUSTDIFF_CACHE", raising=False)
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(main, words(command))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2), result.output
    assert "faust" in result.output or "g++" in result.output
    assert len(result.output) < 10000
    assert not outputs(folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", mostly_slow(COMMANDS))
def test_no_room_for_what_is_printed(command: str, folder: Path, away: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(away)}
    with open("/dev/full", "w") as full:  # noqa: PTH123
        assert_said(process(command, folder, environment, stdout=full), "No space left on device")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", mostly_slow(WRITING))
def test_no_room_for_the_output(command: str, folder: Path, away: Path) -> None:
    done = process(command, folder, {**os.environ, "TMPDIR": str(away)}, "/dev/full")
    text = "is no file" if "reverse" in command else "/dev/full: cannot be written: No space left"
    assert_said(done, text)


def small_files() -> None:
    """No file may be larger than a kilobyte: a disk, and a TMPDIR, that fill up."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@pytest.mark.parametrize("command", mostly_slow(name for name in COMMANDS if name not in READS))
def test_a_disk_that_fills_up(command: str, folder: Path, away: Path) -> None:
    """What the compilers, their caches and the command itself write."""
    environment = {**os.environ, "TMPDIR": str(away), "FAUSTDIFF_CACHE": str(folder / "cache")}
    done = process(command, folder, environment, preexec_fn=small_files)
    if done.returncode == 0:
        assert all(path.is_dir() or path.stat().st_size < 1000 for path in outputs(folder))
    else:
        assert_said(done)
        assert not [path for path in outputs(folder) if path.is_file()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_machine_with_nothing_but_python(
    command: str, folder: Path, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No compiler, no g++, no HOME, nothing on the PATH."""
    done = ended(command, folder, {"PATH": "/nowhere", "TMPDIR": str(away)}, monkeypatch)
    if done.returncode:
        assert_said(done, "\n  ")
        assert "install" in done.stderr or "no " in done.stderr
        assert not outputs(folder)
    else:
        assert command not in COMPILING or command == "build"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root")
@pytest.mark.parametrize("command", mostly_slow(c for c in COMMANDS if "OUT" in COMMANDS[c]))
def test_a_folder_that_may_not_be_written(command: str, folder: Path) -> None:
    """By a user without rights, without HOME and without TMPDIR."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name, "read-only")
        shutil.copytree(folder, place)
        for path in (Path(name), place):
            path.chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if key not in ("HOME", "TMPDIR")}
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
        tried = subprocess.run([*user, "-m", "faustdiff", "--version"], env=kept)
        if tried.returncode:
            pytest.skip("others may not read this checkout")
        line = [*user, "-m", "faustdiff", *words(command)]
        done = subprocess.run(
            line, cwd=place, env=kept, capture_output=True, text=True, timeout=120
        )
        assert_said(done, "Permission denied")
        assert not outputs(place)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signal.SIGTERM, id="term", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, id="int"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_in_the_middle(
    command: str, request_: signal.Signals, folder: Path, away: Path
) -> None:
    """While a compiler is at work, or while a file is read that does not end."""
    environment = {**os.environ, "TMPDIR": str(away)}
    environment.pop("FAUSTDIFF_CACHE", None)
    if command in READS:
        pipe = folder / READS[command]
        pipe.unlink()
        os.mkfifo(pipe)
        is_busy = partial(is_read, pipe)
    else:
        is_busy = install_slow_compiler(folder, "faust").exists
        environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    assert_interruptible(words(command), request_, is_busy, folder=folder, environment=environment)
    assert not outputs(folder)


def is_read(pipe: Path) -> bool:
    """Whether anybody waits for a pipe: who opens it for writing is refused otherwise."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("command", mostly_slow(WRITING))
def test_a_dash_is_the_standard_output(command: str, folder: Path, away: Path) -> None:
    done = process(command, folder, {**os.environ, "TMPDIR": str(away)}, "-")
    if "reverse" in command:
        assert_said(done, "in reverse mode two are written beside it")
        return
    assert done.returncode == 0, done.stderr
    assert process(command, folder, {**os.environ, "TMPDIR": str(away)}).returncode == 0
    assert done.stdout.split("/dev/stdout")[0][:200] in (folder / "out").read_text("utf-8")
    assert not (folder / "-").exists()


@pytest.mark.parametrize("command", ["build", "fit"])
def test_a_dash_is_no_folder(command: str, folder: Path, away: Path) -> None:
    done = process(command, folder, {**os.environ, "TMPDIR": str(away)}, "-")
    assert_said(done, "'-' is the standard output, and this is to be a folder")
    assert not (folder / "-").exists()


@pytest.mark.parametrize("command", [name for name in COMMANDS if "gain.dsp" in COMMANDS[name]])
def test_a_name_of_a_file_that_is_no_text(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes the name of a program, and the title of a page."""
    name = os.fsdecode(b"gain\xff.dsp")
    try:
        (folder / "gain.dsp").rename(folder / name)
    except OSError:
        pytest.skip("this system has no such names")
    monkeypatch.chdir(folder)
    line = [name if word == "gain.dsp" else word for word in words(command)]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0, result.output
