"""Broken machines: compilers of every bad kind, caches, disks, signals. Each is a message, never a
traceback, and leaves nothing behind."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from faustdiff.commands.main import main
from faustdiff.faust import calling
from faustdiff.faust.calling import FaustError, call
from faustdiff.faust.compilers import Compiler, SystemFaust
from faustdiff.faust.program import build
from support.fake_compilers import FAKES, HEAD, install, libraries
from support.interruption import assert_interruptible, install_slow_compiler

PROGRAM = 'process = *(hslider("gain[diff:1]", 0.5, 0, 1, 0.01));'
CRASHING = 'process = (7 % int(_ * 0.0001)) * hslider("gain[diff:1]", 0.5, 0, 1, 0.01);'

#: Whole files in the place of a compiler.
BROKEN = {
    "has no interpreter": (b"#!/no/such/interpreter\n", "cannot be run"),
    "is no program": (bytes(range(1, 200)), "cannot be run"),
    "is empty": (b"", ""),
    "tells no version": (b"#!/bin/sh\nexit 0\n", "does not tell its version"),
    "tells bytes": (b"#!/bin/sh\nhead -c 400 /dev/urandom\n", ""),
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the first on the PATH, for commands that are not what they seem."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("FAUSTDIFF_CACHE", raising=False)
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "gain.dsp"
    path.write_text(PROGRAM)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def assert_refused(result: Result, text: str = "") -> None:
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert text in result.output
    assert len(result.output) < 10000


# -- compilers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAKES)
def test_a_faust_of_a_bad_kind(fake: Path, program: Path, kind: str) -> None:
    if not Path(libraries(), "stdfaust.lib").is_file():
        pytest.skip("the libraries of 'faust' are needed to feign it")
    body, text = FAKES[kind]
    install(fake, "faust", (HEAD.replace("DSPDIR", libraries()) + body + "\n").encode())
    out = program.with_suffix(".out")
    result = run("differentiate", program, "--compiler", "faust", "-o", out)
    assert_refused(result, text)
    assert "faust" in result.output
    assert not out.exists()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_faust_that_is_none(fake: Path, program: Path, kind: str) -> None:
    content, text = BROKEN[kind]
    install(fake, "faust", content)
    result = run("verify", program, "--compiler", "faust")
    assert_refused(result)
    assert "faust" in result.output
    with pytest.raises(FaustError, match=text):
        SystemFaust().version()


@pytest.mark.parametrize("answer", ["/", "/no/such/folder", "", "a\\000b"])
def test_a_faust_whose_libraries_are_elsewhere(fake: Path, program: Path, answer: str) -> None:
    """The folder "/" is not searched."""
    script = f"#!/bin/sh\ncase $1 in --version) echo 2.54.9;; *) printf '{answer}';; esac\n"
    install(fake, "faust", script.encode())
    with pytest.raises(FaustError, match=r"libraries are in|wrote"):
        SystemFaust().libraries()


@pytest.mark.parametrize("kind", [*FAKES, "has no interpreter", "is no program"])
def test_a_gpp_of_a_bad_kind(fake: Path, program: Path, kind: str) -> None:
    head = '#!/bin/sh\ncase "$*" in *--version*|*--help*) echo g++; exit 0;; esac\n'
    head += "for last; do :; done\n"
    body = BROKEN[kind][0] if kind in BROKEN else (head + FAKES[kind][0] + "\n").encode()
    install(fake, "g++", body)
    result = run("verify", program)
    assert_refused(result)
    assert "g++" in result.output


def test_a_compiler_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = f"{random.random():.17f}"
    with pytest.raises(FaustError, match="faust was stopped: not done after"):
        call(["sh", "-c", f"sleep 9{mark[2:]} & wait"], cwd=tmp_path, compiler="faust", timeout=0.5)
    time.sleep(0.2)
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert f"sleep 9{mark[2:]}" not in commands


def test_of_much_output_the_beginning_is_kept(tmp_path: Path) -> None:
    script = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; exit 1"
    with pytest.raises(FaustError) as caught:
        call(["sh", "-c", script], cwd=tmp_path, compiler="faust")
    assert caught.value.message.startswith("first\nxxx")
    assert len(caught.value.message) <= calling.KEPT_OUTPUT


def test_output_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "MAX_FILE", 3 << 20)
    answer = tmp_path / "program.cpp"
    answer.write_bytes(bytes(calling.MAX_FILE + 1))
    with pytest.raises(FaustError, match="more than 3 MB"):
        calling.read_answer(answer, "faust", "")


def test_temporary_files_of_a_compiler_are_in_its_folder(tmp_path: Path) -> None:
    assert call(["sh", "-c", "echo $TMPDIR"], cwd=tmp_path, compiler="g++") == f"{tmp_path}\n"


def test_no_compiler(tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = run("verify", program, "--compiler", "faust")
    assert_refused(refused, "no faust compiler found\n  install it with 'apt-get install faust'")
    assert "this is what the compiler" not in refused.output
    assert_refused(run("verify", program, "--compiler", "cyfaust"), "there is no 'g++' on the PATH")


# -- the cache -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nothing", "/dev/null"])
def test_a_cache_that_is_no_folder(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("as it was")
    monkeypatch.setenv("FAUSTDIFF_CACHE", str(tmp_path / place))
    assert_refused(run("verify", program), "FAUSTDIFF_CACHE")
    assert (tmp_path / "file").read_text() == "as it was"


def test_a_damaged_entry_is_made_again(tmp_path: Path, compiler: Compiler) -> None:
    def entries() -> list[Path]:
        build(PROGRAM, compiler=compiler, cache=tmp_path, optimize="-O0")
        return sorted(tmp_path.iterdir())

    sound = entries()
    assert [path.suffix for path in sound] in ([".cpp", ".so"], [".so", ".cpp"])
    texts = {path: path.read_bytes() for path in sound if path.suffix == ".cpp"}
    for damage in ("emptied", "cut", "changed", "removed"):
        for path in sound:
            content = path.read_bytes()
            path.unlink()
            broken = {"emptied": b"", "cut": content[: len(content) // 2]}
            if damage != "removed":
                path.write_bytes(broken.get(damage, content[:-1] + b"?"))
        healed = entries()
        assert len(healed) == 2
        assert all(path.read_bytes() == text for path, text in texts.items())
        sound = healed


# -- programs, signals and the machine -----------------------------------------------------------


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "faustdiff", *map(str, arguments)]
    given = {"capture_output": True, "text": True, "timeout": 120, **options}
    return subprocess.run(command, **given)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("command", ["verify", "train", "fit"])
def test_a_program_that_crashes_is_a_message(tmp_path: Path, program: Path, command: str) -> None:
    program.write_text(CRASHING)
    options: dict[str, list[object]] = {
        "verify": [],
        "train": ["--params", tmp_path / "params.json"],
        "fit": ["--target", "sine.wav", "--out", tmp_path / "out"],
    }
    if command == "train":
        text = '(7 % int(_ * 0.0001)) : hbargraph("weight", 0, 1) : hbargraph("loss", 0, 1);'
        program.write_text(f"process = {text}")
    if command == "fit":
        import numpy as np
        import soundfile

        tone = np.sin(np.arange(4410) / 10)
        for name in ("sine.wav", "input.wav"):
            soundfile.write(tmp_path / name, tone, 44100, subtype="DOUBLE")
        options["fit"] = ["--input", tmp_path / "input.wav", "--target", tmp_path / "sine.wav"]
        options["fit"] += ["--out", tmp_path / "out"]
    done = process(command, program, *options[command], env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 2, done.stderr
    assert "it was ended by SIGFPE: it divides integers by zero" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("faustdiff-*"))
    assert not (tmp_path / "out").exists()


#: What a foreign function does, and what is said of it.
DEEDS = {
    "exit(0);": "it ended the process from inside",
    "_exit(0);": "it ended the process from inside",
    "close(1);": "it closed the standard output",
    "close(2);": "it closed the standard error",
    'if (!freopen("log", "w", stderr)) abort();': "it closed the standard error",
    "for (static int i = 0; i < 1000; i++) close(i);": "it closed the standard output",
    "for (;;) memset(malloc(1 << 20), 1, 1 << 20);": "ended by SIGSEGV: memory ran out, of which",
    "for (;;) memset(new char[1 << 20], 1, 1 << 20);": "ended by SIGABRT: memory ran out, of which",
}


def little_memory() -> None:
    """A gigabyte and a half: a flood need not fill the machine."""
    resource.setrlimit(resource.RLIMIT_DATA, (3 << 29, 3 << 29))


#: One of each kind is tried always.
OFTEN = ("_exit(0);", "close(2);", "for (static int i", "for (;;) memset(malloc")


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(deed, marks=() if deed.startswith(OFTEN) else pytest.mark.slow)
        for deed in DEEDS
    ],
)
def test_a_foreign_function_that_does_harm_is_no_success(program: Path, deed: str) -> None:
    headers = ("stdio", "stdlib", "string", "unistd")
    (program.parent / "end.h").write_text(
        "".join(f"#include <{header}.h>\n" for header in headers)
        + f"static inline double end(double x) {{ {deed} return x; }}\n"
    )
    call = 'ffunction(float end|end|end(float), "end.h", "")(_)'
    program.write_text(f'process = {call} * hslider("gain[diff:1]", 0.5, 0, 1, 0.01), {call};')
    done = process("verify", program, cwd=program.parent, preexec_fn=little_memory)
    assert done.returncode == 2, done.stdout
    assert DEEDS[deed] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("request_", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_signal_while_gpp_is_at_work_leaves_no_files(
    fake: Path, tmp_path: Path, program: Path, request_: signal.Signals
) -> None:
    """While a Faust compiler is at work, see test_faults_of_commands.py."""
    busy = install_slow_compiler(fake, "g++")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    assert_interruptible(
        ["verify", str(program), "--compiler", "faust"],
        request_,
        busy.exists,
        folder=tmp_path,
        environment={**os.environ, "TMPDIR": str(temporary)},
    )
    assert not list(temporary.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]], ids=str)
def test_a_full_disk_for_what_is_printed(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_without_end_of_nesting(program: Path) -> None:
    program.write_text(f"process = {'(' * 5000}_{')' * 5000};")
    for command in (["verify", program], ["differentiate", program, "--all", "-o", "/dev/null"]):
        done = process(*command)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root")
def test_a_user_without_rights(request: pytest.FixtureRequest) -> None:
    """No HOME, a folder that cannot be written, a program that cannot be read."""
    folder = Path(tempfile.mkdtemp())
    request.addfinalizer(lambda: shutil.rmtree(folder))
    folder.chmod(0o755)
    program, out = folder / "gain.dsp", folder / "out.dsp"
    program.write_text(PROGRAM)
    program.chmod(0o644)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    clean = {key: value for key, value in os.environ.items() if key not in ("HOME", "TMPDIR")}

    def as_nobody(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [*user, sys.executable, "-m", "faustdiff", *map(str, arguments)]
        return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120)

    if as_nobody("--version").returncode:
        pytest.skip("others may not read this checkout")
    done = as_nobody("differentiate", program, "-o", out)
    assert done.returncode == 2, done.stderr
    assert f"{out}: cannot be written: Permission denied" in done.stderr
    program.chmod(0o600)
    done = as_nobody("verify", program)
    assert done.returncode == 2
    assert "is not readable" in done.stderr
    assert not out.exists()
