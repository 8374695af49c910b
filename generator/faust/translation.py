"""Faust text to C++ text to a shared object, each made once and kept in a folder."""

from __future__ import annotations

import functools
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from .cache import Entry, digest
from .calling import COMPILER_TIMEOUT, call, read_answer
from .compilers import Compiler, gpp, gpp_target, gpp_version, include_flags
from .imports import content_of, imported

#: What a program is compiled in: one instance, or a batch of items on threads.
HOST_FILES = tuple(
    Path(__file__).with_name(name) for name in ("host.cpp", "batch.cpp", "lanes.hpp")
)

#: A fused multiply-add rounds once, so results would depend on the machine.
PORTABLE_FLAG = "-ffp-contract=off"

#: The standard headers that Faust's C++ includes; what it makes of them is C++11.
STANDARD_HEADERS = {"algorithm", "cmath", "cstdint", "math.h"}
#: By the standard that g++ chooses today, these headers take twice as long to read.
QUICK_STANDARD = "-std=gnu++14"

#: For speed on this machine. Nothing here takes a value apart from its last bits: sums keep their
#: order, NaN and infinity stay what they are.
FAST_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")

#: Whole numbers of Faust wrap around. Without this flag, g++ takes a product that would for proof
#: that its factors are small, and leaves out what larger ones need.
WRAP_FLAG = "-fwrapv"

#: The level of optimization of C++ up to so many characters; larger ones are not optimized, which
#: would take minutes. Measured over filters, networks and taps: -O2 runs as quickly as -O3, and g++
#: takes 0.4 to 0.8 times as long. For a thousand taps or weights g++ takes a third of the time of
#: -O2 with -Og, which runs at 0.7 to 1 of its speed; without optimization that is 0.2 to 0.3.
MAX_OPTIMIZED = 300_000
LEVELS = ((100_000, FAST_FLAGS[0]), (MAX_OPTIMIZED, "-O2"), (500_000, "-Og"))

#: What a compiler's own libraries consist of: Faust code, and headers of foreign functions.
SOURCE_SUFFIXES = {".lib", ".dsp", ".h", ".hh", ".hpp"}


def compile_cpp(
    cpp: str,
    *,
    double: bool,
    include: Sequence[Path] = (),
    optimize: str = "-O1",
    fast: bool = False,
    more: Sequence[str] = (),
    host: str = "host.cpp",
    defines: Sequence[str] = (),
    cache: Path | None = None,
    timeout: float = COMPILER_TIMEOUT,
) -> Path:
    """The shared object for C++ text made by `Compiler.to_cpp` in the same precision.

    `fast` compiles for this very machine, with `FAST_FLAGS` in place of `optimize`, which is left
    out for a text that it would take minutes for; `more` are further flags; `host` is the file of
    this folder that the program is compiled in, and `defines` are its macros, as "NAME=VALUE".
    Other parameters and the cache are as for `build`. Raises FaustError if g++ is missing or fails.
    """
    flags = [
        *(_fast_flags(len(cpp)) if fast else (_affordable(optimize, len(cpp)), PORTABLE_FLAG)),
        WRAP_FLAG,
        *([QUICK_STANDARD] if _headers(cpp) <= STANDARD_HEADERS else []),
        *more,
        f"-DFAUSTFLOAT={'double' if double else 'float'}",
        *(f"-D{name}" for name in defines),
        "-fPIC",
        "-shared",
        # Every program has a class `mydsp`: hidden symbols keep loaded ones apart.
        "-fvisibility=hidden",
    ]
    hosts = {path.name: path.read_text(encoding="utf-8") for path in HOST_FILES}
    machine = (platform.machine(), gpp_version(), gpp_target() if fast else "")
    identity = (*hosts.values(), host, *flags, *machine, *imported(cpp, include))
    entry = Entry.of(cache, ".so", cpp, *identity)

    def make(work: Path) -> bytes:
        for file, text in {"program.hpp": cpp, **hosts}.items():
            (work / file).write_text(text, encoding="utf-8")
        command = [gpp(), *flags, *include_flags(include), host, "-o", "program.so"]
        call(command, cwd=work, compiler="g++", source=cpp, timeout=timeout)
        return read_answer(work / "program.so", "g++", cpp)

    return entry.path(make)


def _headers(cpp: str) -> set[str]:
    """What C++ text includes; headers of foreign functions may be in any standard."""
    return set(re.findall(r'^[ \t]*#[ \t]*include\s*[<"](.+?)[>"]', cpp, re.M))


def translate(
    source: str,
    compiler: Compiler,
    *,
    double: bool,
    include: Sequence[Path] = (),
    options: Sequence[str] = (),
    cache: Path | None = None,
    timeout: float = COMPILER_TIMEOUT,
) -> str:
    """The C++ text of the Faust program `source`, as `Compiler.to_cpp` gives it, from the cache."""
    precision = "double" if double else "single"
    library = _library_digest(compiler.libraries())
    identity = (compiler.name, compiler.version(), library, precision, *options)
    entry = Entry.of(cache, ".cpp", source, *identity, *imported(source, include))

    def make(work: Path) -> bytes:
        return compiler.to_cpp(
            source, double=double, include=include, options=options, timeout=timeout
        ).encode()

    return entry.path(make).read_text(encoding="utf-8")


@functools.cache
def _library_digest(folder: Path) -> str:
    """A hash of a compiler's own libraries, which stay as they are while a process runs."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES)
    paths = [path for path in files if path.is_file()]
    return digest(*(str(path.relative_to(folder)) for path in paths), *map(content_of, paths))


def _affordable(optimize: str, size: int) -> str:
    """The level `optimize`, or none for C++ of so many characters that it would take minutes."""
    return optimize if size <= LEVELS[-1][0] else "-O0"


def _fast_flags(size: int) -> tuple[str, ...]:
    """`FAST_FLAGS`, with less optimization for C++ of many characters."""
    level = next((level for most, level in LEVELS if size <= most), "-O0")
    return FAST_FLAGS if level == LEVELS[0][1] else (level, *FAST_FLAGS[1:])
