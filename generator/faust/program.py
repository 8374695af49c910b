"""Running Faust programs on NumPy arrays.

    gain = build('process = *(hslider("gain", 1, 0, 2, 0.01));')
    y = gain.run(x, controls={"gain": 0.5})        # x: (1, frames) -> y: (1, frames)

Signals are arrays of shape (channels, frames). Compiled programs run inside this process: a
program that divides integers by zero ends it, as in any Faust host.
"""

from __future__ import annotations

import atexit
import ctypes
import difflib
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .compilers import (
    TIMEOUT,
    Compiler,
    EmbeddedFaust,
    FaustError,
    available_compilers,
    call,
    find_compiler,
    gpp,
    gpp_version,
    include_flags,
    worker,
)

Signals = NDArray[np.floating[Any]]

BLOCK = 4096

# The callback of `describe` in host.cpp: event, label, value, zone, init, min, max, step.
LISTENER = ctypes.CFUNCTYPE(None, *[ctypes.c_char_p] * 3, ctypes.c_void_p, *[ctypes.c_double] * 4)

HOST = Path(__file__).with_name("host.cpp")

# What a program may read from an include folder: Faust code, and headers of foreign functions.
SOURCE_SUFFIXES = {".lib", ".dsp", ".h", ".hh", ".hpp"}


@dataclass(frozen=True)
class Control:
    """A widget of a program's user interface.

    `path` is Faust's own: the labels of the groups and of the widget, joined by "/" with "_" for
    characters that are special there. `kind` is button, checkbox, hslider, vslider, nentry,
    hbargraph or vbargraph. `meta` holds the metadata of the label, as {"unit": "dB"}; it is empty
    in the interpreter. Faust does not clamp values to [min, max].
    """

    label: str
    path: str
    kind: str
    init: float
    min: float
    max: float
    step: float
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def readonly(self) -> bool:
        """Whether the program writes the value: a bargraph."""
        return self.kind.endswith("bargraph")


class Program(ABC):
    """A Faust program ready to run: channel counts, precision and controls."""

    inputs: int
    outputs: int
    double: bool
    controls: tuple[Control, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the samples: float64 in double precision, else float32."""
        return np.dtype(np.float64 if self.double else np.float32)

    @abstractmethod
    def session(self, *, sample_rate: int = 44100) -> Session:
        """A fresh instance that keeps its state; `sample_rate` in Hz.

        Raises FaustError where that is not possible, in the interpreter.
        """

    @abstractmethod
    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK,
    ) -> Signals:
        """The outputs (outputs, frames) of a fresh instance for `inputs` (inputs, frames).

        A program without inputs takes the number of `frames` instead. One input channel may come
        as a flat array. `sample_rate` is in Hz; `controls` gives values by label or path;
        `block` is the number of frames per call of the program. Raises ValueError for a wrong
        shape or control.
        """

    def find(self, name: str) -> int:
        """The index in `controls` of the one whose label or path is `name`.

        Raises ValueError, with the nearest names, if there is no such control, and with the paths
        if there are several.
        """
        found = [i for i, c in enumerate(self.controls) if name in (c.label, c.path)]
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(self.controls[i].path for i in found)
            raise ValueError(f"several controls are named '{name}', use a path: {paths}")
        names = list(dict.fromkeys(n for c in self.controls for n in (c.label, c.path)))
        nearest = difflib.get_close_matches(name, names, n=4, cutoff=0)
        hint = f"the nearest are {', '.join(nearest)}" if nearest else "the program has no controls"
        raise ValueError(f"unknown control '{name}': {hint}")

    def find_settable(self, name: str) -> int:
        """Like `find`, but raises ValueError for a bargraph as well."""
        index = self.find(name)
        if self.controls[index].readonly:
            raise ValueError(
                f"control '{name}' is a {self.controls[index].kind}, set by the program"
            )
        return index

    def signals(self, inputs: ArrayLike | None, frames: int | None) -> Signals:
        """The `inputs` of `run` as a contiguous array (inputs, frames) of the program's dtype."""
        if inputs is None:
            if frames is None:
                raise ValueError("give the inputs, or the number of frames")
            array = np.zeros((0, frames), self.dtype)
        else:
            array = np.ascontiguousarray(np.atleast_2d(np.asarray(inputs)), self.dtype)
        if array.ndim != 2 or array.shape[0] != self.inputs:
            raise ValueError(f"expected inputs ({self.inputs}, frames), not {array.shape}")
        if frames not in (None, array.shape[1]):
            raise ValueError(f"inputs of {array.shape[1]} frames do not fit frames={frames}")
        return array


class CompiledProgram(Program):
    """A program compiled by g++ and loaded into this process.

    `library` is a shared object made by `compile_cpp` in the precision `double`.
    """

    def __init__(self, library: Path, *, double: bool) -> None:
        self.double = double
        self.real = ctypes.c_double if double else ctypes.c_float
        self.api = ctypes.CDLL(str(library))
        signatures: list[tuple[str, Any, list[Any]]] = [
            ("create", ctypes.c_void_p, [ctypes.c_int]),
            ("destroy", None, [ctypes.c_void_p]),
            ("inputs", ctypes.c_int, [ctypes.c_void_p]),
            ("outputs", ctypes.c_int, [ctypes.c_void_p]),
            ("describe", None, [ctypes.c_void_p, LISTENER]),
            ("compute", None, [ctypes.c_void_p] * 3 + [ctypes.c_int] * 2),
        ]
        for name, result, arguments in signatures:
            function = getattr(self.api, name)
            function.restype, function.argtypes = result, arguments
        instance = self.api.create(44100)
        self.inputs = self.api.inputs(instance)
        self.outputs = self.api.outputs(instance)
        self.controls = tuple(control for control, _ in self.widgets(instance))
        self.api.destroy(instance)

    def widgets(self, instance: int) -> list[tuple[Control, Any]]:
        """The controls of an instance, each with its value as a ctypes number in the instance."""
        found: list[tuple[Control, Any]] = []
        groups: list[str] = []
        meta: dict[int | None, dict[str, str]] = {}

        def tell(
            event: bytes,
            label: bytes,
            value: bytes,
            zone: int | None,
            init: float,
            low: float,
            high: float,
            step: float,
        ) -> None:
            text = label.decode()
            if event == b"open":
                groups.append(text)
            elif event == b"close":
                groups.pop()
            elif event == b"declare":
                meta.setdefault(zone, {})[text] = value.decode()
            else:
                path = control_path([*groups, text])
                control = Control(
                    text, path, event.decode(), init, low, high, step, meta.get(zone, {})
                )
                found.append((control, self.real.from_address(zone or 0)))

        self.api.describe(instance, LISTENER(tell))
        return found

    def session(self, *, sample_rate: int = 44100) -> Session:
        return Session(self, sample_rate)

    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK,
    ) -> Signals:
        session = self.session(sample_rate=sample_rate)
        for name, value in (controls or {}).items():
            session.set(name, value)
        return session.compute(inputs, frames, block=block)


class Session:
    """One instance of a compiled program, which keeps its state from call to call.

    Sessions of one program share its constant tables, as Faust instances do: where those depend
    on the sample rate, the session made last decides.
    """

    def __init__(self, program: CompiledProgram, sample_rate: int) -> None:
        self._program = program
        self._instance = program.api.create(sample_rate)
        weakref.finalize(self, program.api.destroy, self._instance)
        self._values = []
        for control, value in program.widgets(self._instance):
            # Faust leaves a bargraph undefined until it is computed.
            value.value = control.init
            self._values.append(value)

    def set(self, name: str, value: float) -> None:
        """Set a control by label or path; ValueError for an unknown name or a bargraph."""
        self._values[self._program.find_settable(name)].value = value

    def get(self, name: str) -> float:
        """The value of a control or bargraph by label or path; ValueError for an unknown name."""
        return float(self._values[self._program.find(name)].value)

    def compute(
        self, inputs: ArrayLike | None = None, frames: int | None = None, *, block: int = BLOCK
    ) -> Signals:
        """The next outputs (outputs, frames) for `inputs` (inputs, frames), as in `Program.run`."""
        source = self._program.signals(inputs, frames)
        count = source.shape[1]
        sink = np.zeros((self._program.outputs, count), self._program.dtype)
        if block < 1:
            raise ValueError(f"a block has at least one frame, not {block}")
        self._program.api.compute(
            self._instance, source.ctypes.data, sink.ctypes.data, count, block
        )
        return sink


class Interpreter(Program):
    """A program in the interpreter of cyfaust, for machines without g++; single precision only.

    Each run is a process of its own. Foreign functions other than those of Faust's libraries are
    refused by the interpreter. Raises FaustError if cyfaust is missing, refuses `source`, or if
    `double` is asked for.
    """

    def __init__(
        self,
        source: str,
        *,
        double: bool = False,
        include: Sequence[Path] = (),
        timeout: float = TIMEOUT,
    ) -> None:
        if double:
            text = "the interpreter of cyfaust computes in single precision only: use double=False"
            raise FaustError(f"{text}, or 'apt-get install g++'", "cyfaust", source)
        self.double = False
        find_compiler("cyfaust")
        self._source = source
        self._include = tuple(include)
        self._timeout = timeout
        with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
            self._work("describe", Path(folder))
            description = json.loads((Path(folder) / "result").read_text(encoding="utf-8"))
        self.inputs = description["inputs"]
        self.outputs = description["outputs"]
        self.controls = tuple(Control(**control) for control in description["controls"])

    def session(self, *, sample_rate: int = 44100) -> Session:
        text = "the interpreter of cyfaust keeps no state between calls: 'apt-get install g++'"
        raise FaustError(text, "cyfaust", self._source)

    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK,
    ) -> Signals:
        values = {self.find_settable(name): value for name, value in (controls or {}).items()}
        with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
            np.savez(
                Path(folder) / "job.npz",
                inputs=self.signals(inputs, frames),
                paths=np.array([self.controls[index].path for index in values], str),
                values=np.array(list(values.values()), float),
                sample_rate=sample_rate,
                block=block,
            )
            self._work("run", Path(folder))
            result: Signals = np.load(Path(folder) / "result.npy")
            return result

    def _work(self, action: str, work: Path) -> None:
        (work / "program.dsp").write_text(self._source, encoding="utf-8")
        command = worker(action, include_flags(self._include))
        call(command, cwd=work, compiler="cyfaust", source=self._source, timeout=self._timeout)


def build(
    source: str,
    *,
    compiler: Compiler | str | None = None,
    double: bool = True,
    include: Sequence[Path] = (),
    optimize: str = "-O1",
    cache: Path | None = None,
    timeout: float = TIMEOUT,
) -> Program:
    """Faust text to a program that runs.

    `compiler` is a `Compiler` or a name for `find_compiler`; `double` chooses the precision;
    `include` lists folders for imports and for headers of foreign functions; `optimize` is a flag
    of g++; `timeout` limits each compiler, in seconds. Results are kept in the folder `cache`,
    else in the one that the environment variable FAUSTDIFF_CACHE names, else until this process
    ends. Without g++, single precision falls back to `Interpreter`, unless another compiler than
    cyfaust is asked for. Raises FaustError if a compiler is missing or refuses the program.
    """
    if shutil.which("g++") is None and not double and EmbeddedFaust() in available_compilers():
        asked = compiler or os.environ.get("FAUSTDIFF_COMPILER") or "cyfaust"
        if asked in ("cyfaust", EmbeddedFaust()):
            return Interpreter(source, include=include, timeout=timeout)
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    folder = _cache_folder(cache)
    cpp = _cached_cpp(compiler, source, double, include, folder, timeout)
    library = compile_cpp(
        cpp, double=double, include=include, optimize=optimize, cache=cache, timeout=timeout
    )
    return CompiledProgram(library, double=double)


def compile_cpp(
    cpp: str,
    *,
    double: bool,
    include: Sequence[Path] = (),
    optimize: str = "-O1",
    cache: Path | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """The shared object for C++ text made by `Compiler.to_cpp` in the same precision.

    Parameters and cache as for `build`. Raises FaustError if g++ is missing or fails.
    """
    flags = [
        optimize,
        f"-DFAUSTFLOAT={'double' if double else 'float'}",
        "-fPIC",
        "-shared",
        # Every program has a class `mydsp`: hidden symbols keep loaded ones apart.
        "-fvisibility=hidden",
        # A fused multiply-add rounds once, so results would depend on the machine.
        "-ffp-contract=off",
    ]
    host = HOST.read_text(encoding="utf-8")
    machine = (platform.machine(), gpp_version())
    folder = _cache_folder(cache)
    library = folder / f"{_digest(cpp, host, *flags, *machine, *_contents(include))}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as name:
            work = Path(name)
            (work / "program.hpp").write_text(cpp, encoding="utf-8")
            (work / "host.cpp").write_text(host, encoding="utf-8")
            command = [gpp(), *flags, *include_flags(include), "host.cpp", "-o", "program.so"]
            call(command, cwd=work, compiler="g++", source=cpp, timeout=timeout)
            # Processes may race for one entry: each puts a complete file in place.
            (work / "program.so").replace(library)
    return library


def _cached_cpp(
    compiler: Compiler,
    source: str,
    double: bool,
    include: Sequence[Path],
    folder: Path,
    timeout: float,
) -> str:
    precision = "double" if double else "single"
    library = _library_digest(compiler.libraries())
    identity = (compiler.name, compiler.version(), library, precision)
    entry = folder / f"{_digest(source, *identity, *_contents(include))}.cpp"
    if not entry.exists():
        cpp = compiler.to_cpp(source, double=double, include=include, timeout=timeout)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            (Path(name) / "program.cpp").write_text(cpp, encoding="utf-8")
            (Path(name) / "program.cpp").replace(entry)
    return entry.read_text(encoding="utf-8")


def _cache_folder(cache: Path | None) -> Path:
    chosen = cache or os.environ.get("FAUSTDIFF_CACHE")
    folder = Path(chosen) if chosen else _process_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@functools.cache
def _library_digest(folder: Path) -> str:
    """A hash of a compiler's own libraries, which stay as they are while a process runs."""
    return _digest(*_contents([folder]))


@functools.cache
def _process_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="faustdiff-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _contents(folders: Sequence[Path]) -> Iterator[str]:
    """Names and texts of all that a program could import from `folders`."""
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*")):
            if path.suffix in SOURCE_SUFFIXES and path.is_file():
                yield str(path.relative_to(folder))
                yield path.read_text(encoding="utf-8", errors="surrogateescape")


def _digest(*parts: str) -> str:
    """A hash of the sequence of `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def control_path(labels: Sequence[str]) -> str:
    """The path of a widget, spelled as by Faust's own hosts."""
    return "/" + "/".join(re.sub(r"[/ #*,?\[\]{}()]", "_", label) for label in labels)
