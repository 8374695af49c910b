"""How long it takes to differentiate a program ahead of time, and to compile the result.

    python benchmarks/ahead_of_time.py

Seconds of wall clock, the best of three. `transform` is `faustdiff.autodiff.differentiate`, which
runs the compiler once to expand the program; `compile` is Faust to C++ in double precision, of the
result; `plain` is that of the program itself. `partials` counts parameters, not outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import available_compilers
from faustdiff.table.assembling import built_in_table

T = TypeVar("T")

STANDARD = 'import("stdfaust.lib");'


def fir(taps: int) -> str:
    """Every tap is a slider."""
    return f'process = _ <: sum(i, {taps}, @(i) : *(hslider("b%i", 0.1, -1, 1, 0.001)));'


def model(function: str, *sliders: tuple[float, float, float]) -> str:
    """A function of sliders: init, min, max."""
    listed = ", ".join(
        f'hslider("p{index}", {init}, {low}, {high}, 0.001)'
        for index, (init, low, high) in enumerate(sliders)
    )
    return f"{STANDARD} process = {function}({listed});"


UNIT = (0.5, 0, 1)

PROGRAMS = {
    "FIR, 16 taps": fir(16),
    "FIR, 64 taps": fir(64),
    "FIR, 128 taps": fir(128),
    "FIR, 256 taps": fir(256),
    "Moog ladder": model("ve.moogLadder", UNIT, (2, 0.7, 20)),
    "diode ladder": model("ve.diodeLadder", UNIT, (2, 0.7, 20)),
    "Karplus-Strong string": model("pm.ks", (0.5, 0.1, 2), UNIT),
    "Freeverb, with its interface": f"{STANDARD} process = dm.freeverb_demo;",
    "Zita reverb, with its interface": f"{STANDARD} process = dm.zita_rev1;",
    "compressor": model(
        "co.compressor_mono", (4, 1, 20), (-20, -60, 0), (0.01, 0.001, 1), (0.1, 0.01, 1)
    ),
}

RUNS = 3


def best(work: Callable[[], T]) -> tuple[float, T]:
    """The shortest of several runs, and the result of the last."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main() -> None:
    """Prints the table."""
    loading, _ = best(lambda: built_in_table.__wrapped__())
    table = Table(title="Ahead of time, seconds")
    for heading in ("program", "compiler", "partials", "transform", "compile", "together", "plain"):
        table.add_column(heading, justify="left" if heading in ("program", "compiler") else "right")
    built_in_table()
    for compiler in available_compilers():
        for name, source in PROGRAMS.items():
            transform, done = best(
                lambda s=source, c=compiler: differentiate(s, all_continuous=True, compiler=c)
            )
            compiling, _ = best(lambda t=done.text, c=compiler: c.to_cpp(t, double=True))
            plain, _ = best(lambda s=source, c=compiler: c.to_cpp(s, double=True))
            together = f"{transform + compiling:.2f}"
            numbers = (f"{transform:.2f}", f"{compiling:.2f}", together, f"{plain:.2f}")
            version = f"{compiler.name} {compiler.version()}"
            table.add_row(name, version, str(len(done.params)), *numbers)
    Console(width=100).print(table)
    print(f"reading the table of rules, once per process: {loading:.2f} s")


if __name__ == "__main__":
    main()
