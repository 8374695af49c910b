"""Running Faust programs on NumPy arrays.

    gain = build('process = *(hslider("gain", 1, 0, 2, 0.01));')
    y = gain.run(x, controls={"gain": 0.5})        # x: (1, frames) -> y: (1, frames)

Signals are arrays of shape (channels, frames). Compiled programs run inside this process: a
program that divides integers by zero ends it, as in any Faust host. `supervision` makes two of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from .calling import COMPILER_TIMEOUT
from .compiled import CompiledProgram, Session
from .compilers import Compiler, EmbeddedFaust, available_compilers, find_compiler
from .cpp_rewriting import BLOCK_OPTIONS, STATE_OPTIONS, delays_alone, with_local_states
from .interface import Control, Program, Signals, control_path
from .interpreter import Interpreter
from .loop_order import with_newest_last, with_sums_in_parts
from .translation import MAX_OPTIMIZED, compile_cpp, translate

__all__ = [
    "CompiledProgram",
    "Control",
    "Interpreter",
    "Program",
    "Session",
    "Signals",
    "build",
    "compile_cpp",
    "control_path",
]


def build(
    source: str,
    *,
    compiler: Compiler | str | None = None,
    double: bool = True,
    include: Sequence[Path] = (),
    optimize: str = "-O1",
    fast: bool = False,
    cache: Path | None = None,
    timeout: float = COMPILER_TIMEOUT,
) -> Program:
    """Faust text to a program that runs.

    `compiler` is a `Compiler` or a name for `find_compiler`; `double` chooses the precision;
    `include` lists folders for imports and for headers of foreign functions; `optimize` is a flag
    of g++; `fast` is for what runs long: compiled in its place with `FAST_FLAGS`, for this very
    machine, and with the text that `fast_text` gives, unless the C++ text has more than
    `MAX_OPTIMIZED` characters. `timeout` limits each compiler, in seconds. Results are kept in the
    folder `cache`, else in the one that the environment variable FAUSTDIFF_CACHE names, else until
    this process ends. Without g++, single precision falls back to `Interpreter`, unless another
    compiler than cyfaust is asked for. Raises FaustError if a compiler is missing or refuses the
    program.
    """
    if shutil.which("g++") is None and not double and EmbeddedFaust() in available_compilers():
        asked = compiler or os.environ.get("FAUSTDIFF_COMPILER") or "cyfaust"
        if asked in ("cyfaust", EmbeddedFaust()):
            return Interpreter(source, include=include, timeout=timeout)
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    cpp = translate(
        source,
        compiler,
        double=double,
        include=include,
        options=STATE_OPTIONS if fast else (),
        cache=cache,
        timeout=timeout,
    )
    fast = fast and len(cpp) <= MAX_OPTIMIZED
    if fast:
        cpp = fast_text(
            cpp, source, compiler, double=double, include=include, cache=cache, timeout=timeout
        )
    library = compile_cpp(
        cpp,
        double=double,
        include=include,
        optimize=optimize,
        fast=fast,
        cache=cache,
        timeout=timeout,
    )
    return CompiledProgram(library, double=double)


def fast_text(
    cpp: str,
    source: str,
    compiler: Compiler,
    *,
    double: bool = True,
    include: Sequence[Path] = (),
    cache: Path | None = None,
    timeout: float = COMPILER_TIMEOUT,
) -> str:
    """The fastest C++ text for the program `source`.

    `cpp` is what the compiler translates it to with `STATE_OPTIONS`. Programs of delays alone are
    translated in blocks; of others, states are local variables, and the loop over samples is in the
    better order.
    """
    if delays_alone(cpp):
        blocks = translate(
            source,
            compiler,
            double=double,
            include=include,
            options=BLOCK_OPTIONS,
            cache=cache,
            timeout=timeout,
        )
        return with_sums_in_parts(blocks)
    try:
        return with_local_states(with_newest_last(cpp))
    except ValueError:
        # Of C++ that is not understood, states stay where they are.
        return cpp
