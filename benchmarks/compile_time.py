"""How long Faust takes to compile derivatives of plain programs, on each compiler, in seconds."""

from __future__ import annotations

import time
from pathlib import Path

from faustdiff.faust.compilers import Compiler, FaustError, available_compilers

LIBRARY = Path(__file__).resolve().parent.parent / "build"
HEAD = 'import("stdfaust.lib"); df = library("diff.lib");\n'
COUNTS = (4, 8, 16, 32, 64, 128)
LIMIT = 120
#: A function of the standard libraries, and how many parameters it has.
FUNCTIONS = (
    ("fi.lowpass(4)", 1),
    ("fi.bandpass(2)", 2),
    ("fi.peak_eq", 3),
    ("co.compressor_mono", 4),
    (r"\(a, b, c).(re.mono_freeverb(a, b, c, 100))", 3),
    ("pm.ks", 2),
    ("ve.korg35LPF", 2),
    ("ve.moogLadder", 2),
    ("ve.diodeLadder", 2),
)


def fir(count: int) -> str:
    """An FIR filter whose `count` taps are all parameters, written plainly."""
    names = [f"b{i}" for i in range(count)]
    taps = ", ".join(f"(@({i}) * {name})" for i, name in enumerate(names))
    return rf"df.jvp({count}, \({', '.join(names)}).(_ <: {taps} :> _))"


def seconds(compiler: Compiler, program: str) -> str:
    """The time from Faust to C++."""
    start = time.perf_counter()
    try:
        source = f"{HEAD}process = {program};"
        compiler.to_cpp(source, double=True, include=[LIBRARY], timeout=LIMIT)
    except FaustError:
        return f"> {LIMIT}"
    return f"{time.perf_counter() - start:.2f}"


def main() -> None:
    """Prints the tables."""
    compilers = available_compilers()
    rows = [(f"FIR, {count} learnable taps", fir(count)) for count in COUNTS]
    rows += [(text, f"df.jvp({count}, {text})") for text, count in FUNCTIONS]
    versions = "".join(f"{compiler.version():>14}" for compiler in compilers)
    print(f"{'Faust to C++, seconds':48}{versions}")
    for name, program in rows:
        print(f"{name:48}" + "".join(f"{seconds(c, program):>14}" for c in compilers), flush=True)


if __name__ == "__main__":
    main()
