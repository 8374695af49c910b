"""Faust text to C++ text, with the `faust` of the system or the one inside the wheel `cyfaust`."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .calling import COMPILER_TIMEOUT, CompilerMissingError, FaustError, as_text, call, read_answer

__all__ = [
    "COMPILER_TIMEOUT",
    "Compiler",
    "EmbeddedFaust",
    "FaustError",
    "SystemFaust",
    "available_compilers",
    "call",
    "find_compiler",
    "gpp",
    "gpp_target",
    "gpp_version",
    "include_flags",
    "worker",
]

INSTALL_FAUST = (
    "install it with 'apt-get install faust', or install the wheel: 'pip install cyfaust'"
)


class Compiler(ABC):
    """A Faust compiler. Its relative imports start in the `include` folders, never in the cwd."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name which `find_compiler` knows."""

    @abstractmethod
    def version(self) -> str:
        """The version of the Faust language, as "2.54.9"; FaustError if it is not installed."""

    @abstractmethod
    def libraries(self) -> Path:
        """The folder of its standard libraries; FaustError if it is not installed."""

    @abstractmethod
    def _command(self, action: str, flags: Sequence[str]) -> list[str]:
        """How to make `result` from `program.dsp` in the working directory."""

    def to_cpp(
        self,
        source: str,
        *,
        double: bool,
        include: Sequence[Path] = (),
        options: Sequence[str] = (),
        timeout: float = COMPILER_TIMEOUT,
    ) -> str:
        """The C++ class `mydsp` for the Faust program `source`.

        `double` chooses the precision of the computation, `include` lists folders searched for
        imports, `options` are further flags of the compiler, `timeout` is in seconds. Raises
        FaustError with the compiler's message.
        """
        precision = "-double" if double else "-single"
        return self._translate("cpp", source, include, [precision, *options], timeout)

    def expand(
        self,
        source: str,
        *,
        include: Sequence[Path] = (),
        options: Sequence[str] = (),
        timeout: float = COMPILER_TIMEOUT,
    ) -> str:
        """The program `source` in double precision as one Faust text without imports.

        Parameters and errors as for `to_cpp`.
        """
        return self._translate("expand", source, include, ["-double", *options], timeout)

    def diagram(
        self,
        source: str,
        *,
        include: Sequence[Path] = (),
        folding: int | None = None,
        timeout: float = COMPILER_TIMEOUT,
    ) -> dict[str, str]:
        """The block diagram of the program `source` as SVG: sheets by the names of their files.

        The whole is `process.svg`. With `folding`, definitions of more elements than that have
        sheets of their own, to which their boxes are links. Parameters and errors as for `to_cpp`;
        signals are not looked at, so that a program is drawn whatever its inputs may be.
        """
        # More elements than after -f, and it would be folded.
        fold = ["-f", "1000000"] if folding is None else ["-f", "1", "-fc", str(folding)]
        with self._call("expand", source, include, ["-svg", *fold], timeout) as work:
            sheets = sorted((work / "program-svg").glob("*.svg"))
            diagrams = {one.name: read_answer(one, self.name, source) for one in sheets}
        if "process.svg" not in diagrams:
            raise FaustError(f"{self.name} drew no diagram", self.name, source)
        return {name: as_text(content, self.name, source) for name, content in diagrams.items()}

    def to_wasm(
        self, source: str, *, include: Sequence[Path] = (), timeout: float = COMPILER_TIMEOUT
    ) -> tuple[bytes, str]:
        """The WebAssembly module of the program `source`, in double precision, and a script.

        The script has the description of the program, as a string of JSON. Parameters and errors
        as for `to_cpp`; also FaustError if this compiler has no such output.
        """
        with self._call("wasm", source, include, ["-double"], timeout) as work:
            module = read_answer(work / "result.wasm", self.name, source)
            script = read_answer(work / "result.js", self.name, source)
        return module, as_text(script, self.name, source)

    def _translate(
        self,
        action: str,
        source: str,
        include: Sequence[Path],
        options: Sequence[str],
        timeout: float,
    ) -> str:
        with self._call(action, source, include, options, timeout) as work:
            return as_text(read_answer(work / "result", self.name, source), self.name, source)

    @contextmanager
    def _call(
        self,
        action: str,
        source: str,
        include: Sequence[Path],
        options: Sequence[str],
        timeout: float,
    ) -> Iterator[Path]:
        """The folder in which the compiler was called, with what it left."""
        # Names relative to the working directory keep that directory out of the messages.
        with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
            work = Path(folder)
            (work / "program.dsp").write_text(source, encoding="utf-8")
            command = self._command(action, [*include_flags(include), *options])
            call(command, cwd=work, compiler=self.name, source=source, timeout=timeout)
            yield work


@dataclass(frozen=True)
class SystemFaust(Compiler):
    """The command `faust` on the PATH."""

    name = "faust"

    def version(self) -> str:
        return _version(self.name, _answer(self.name, self._executable(), "--version"))

    def libraries(self) -> Path:
        answer = _answer(self.name, self._executable(), "-dspdir").strip()
        # Of a folder that holds something else, all files below would be read.
        if "\0" in answer or not Path(answer, "stdfaust.lib").is_file():
            where = _printable_beginning(answer)
            text = f"faust says that its libraries are in '{where}'; no stdfaust.lib is"
            raise FaustError(text, self.name)
        return Path(answer)

    def _command(self, action: str, flags: Sequence[str]) -> list[str]:
        mode = ["-e"] if action == "expand" else ["-lang", action]
        # The compiler finds a name for the script beside a module by the ending of the module's.
        result = "result.wasm" if action == "wasm" else "result"
        # Faust's own limit on compile time is switched off: `call` keeps the time.
        return [self._executable(), "-t", "0", *mode, *flags, "program.dsp", "-o", result]

    def _executable(self) -> str:
        executable = shutil.which("faust")
        if executable is None:
            raise CompilerMissingError("there is no 'faust' on the PATH", INSTALL_FAUST, self.name)
        return executable


@dataclass(frozen=True)
class EmbeddedFaust(Compiler):
    """The compiler inside the wheel `cyfaust`, always run in a process of its own."""

    name = "cyfaust"

    def to_wasm(
        self, source: str, *, include: Sequence[Path] = (), timeout: float = COMPILER_TIMEOUT
    ) -> tuple[bytes, str]:
        raise FaustError("the compiler in the wheel 'cyfaust' makes no WebAssembly", self.name)

    def version(self) -> str:
        return _version(self.name, _answer(self.name, *self._command("version", ())))

    def libraries(self) -> Path:
        return self._package() / "resources" / "libraries"

    def _command(self, action: str, flags: Sequence[str]) -> list[str]:
        self._package()
        return worker(action, flags)

    def _package(self) -> Path:
        spec = importlib.util.find_spec("cyfaust")
        if spec is None or spec.origin is None:
            raise CompilerMissingError(
                "the wheel 'cyfaust' is not installed", INSTALL_FAUST, self.name
            )
        return Path(spec.origin).parent


def worker(action: str, flags: Sequence[str]) -> list[str]:
    """The command for one action of `cyfaust_worker.py`."""
    # -P keeps this package's folder off the module path, where it could hide other modules.
    script = Path(__file__).with_name("cyfaust_worker.py")
    return [sys.executable, "-P", str(script), action, *flags]


def include_flags(include: Sequence[Path]) -> list[str]:
    """The flags that add the folders `include` to a search path, for Faust and for g++."""
    return [flag for folder in include for flag in ("-I", str(Path(folder).resolve()))]


def available_compilers() -> tuple[Compiler, ...]:
    """The Faust compilers of this machine, the system's first."""
    compilers: list[Compiler] = []
    if shutil.which("faust"):
        compilers.append(SystemFaust())
    if importlib.util.find_spec("cyfaust"):
        compilers.append(EmbeddedFaust())
    return tuple(compilers)


def find_compiler(name: str | None = None) -> Compiler:
    """The compiler `name` ("faust" or "cyfaust").

    Without a name: the one in the environment variable FAUSTDIFF_COMPILER, else the first of
    `available_compilers`. Raises ValueError for any other name and FaustError, with what to
    install, if the compiler is missing.
    """
    name = name or os.environ.get("FAUSTDIFF_COMPILER") or None
    if name not in (None, "faust", "cyfaust"):
        raise ValueError(f"unknown Faust compiler '{name}': choose 'faust' or 'cyfaust'")
    for compiler in available_compilers():
        if name in (None, compiler.name):
            return compiler
    raise CompilerMissingError(
        f"no {name or 'Faust'} compiler found", INSTALL_FAUST, name or "faust"
    )


def gpp() -> str:
    """The path of g++; FaustError with what to install if there is none."""
    executable = shutil.which("g++")
    if executable is None:
        raise CompilerMissingError("there is no 'g++' on the PATH", "'apt-get install g++'", "g++")
    return executable


def gpp_version() -> str:
    """What g++ says about itself; FaustError if there is none."""
    return _answer("g++", gpp(), "--version")


def gpp_target() -> str:
    """The instruction set that g++ compiles for with -march=native; FaustError without g++."""
    return _answer("g++", gpp(), "-march=native", "-Q", "--help=target")


@functools.cache
def _answer(compiler: str, *command: str) -> str:
    """The output of a question about an installation, asked once per process."""
    return call(command, cwd=Path(tempfile.gettempdir()), compiler=compiler)


def _version(compiler: str, text: str) -> str:
    version = re.search(r"\d+\.\d+\.\d+", text)
    if version is None:
        raise FaustError(
            f"{compiler} does not tell its version, but '{_printable_beginning(text)}'", compiler
        )
    return version.group()


def _printable_beginning(text: str) -> str:
    """The beginning of an answer, in characters that can be printed."""
    line = (text.splitlines() or [""])[0][:60]
    return "".join(char if char.isprintable() else "?" for char in line)
