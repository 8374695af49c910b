"""How long Faust takes to compile dual primitives, by number of parameters, on each compiler."""

from __future__ import annotations

import time
from pathlib import Path

from faustdiff.compilers import available_compilers

LIBRARY = Path(__file__).resolve().parent.parent / "build"
COUNTS = (1, 2, 4, 8, 16, 32, 64)


def fir(count: int) -> str:
    """An FIR filter whose `count` taps are all parameters, routed by hand."""
    taps = ", ".join(f'hslider("tap {i}", 0, -1, 1, 0.01)' for i in range(count))
    return f"""
    df = library("diff.lib"); si = library("signals.lib");
    vars = df.vars(({taps}));
    d = df.env(vars);
    tap(i) = d.input, d.diff(i) : d.diff(@) : si.bus(vars.N + 1), vars.var(i + 1) : d.diff(*);
    process = _ <: par(i, vars.N, tap(i)) : d.sumall(vars.N);
    """


def main() -> None:
    """Prints the table."""
    compilers = available_compilers()
    print("FIR with N learnable taps, Faust to C++, seconds")
    print("   N" + "".join(f"{c.name + ' ' + c.version():>16}" for c in compilers))
    for count in COUNTS:
        times = []
        for compiler in compilers:
            start = time.perf_counter()
            compiler.to_cpp(fir(count), double=True, include=[LIBRARY])
            times.append(time.perf_counter() - start)
        print(f"{count:4d}" + "".join(f"{seconds:16.2f}" for seconds in times))


if __name__ == "__main__":
    main()
