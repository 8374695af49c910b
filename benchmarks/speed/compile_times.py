"""How long gradients take to compile: `python -m benchmarks.speed.compile_times [--runs N]`.

Each line is CPU time beside what was asked, the least of some runs on Faust 2.54.9: our part, which
is Python and the compiler's expansion of the program (the table of rules is read before), the
compiler's for the text that we make, and the compiler's for the plain program, which no tool of
ours has touched. Programs of the library have no part in Python. What takes the compiler long is
measured once, and given up after a minute by the clock.

A second table has the same for sizes of 64 and of 256, and the exponent of the growth between them.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from faustdiff.autodiff.differentiate import differentiate
from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from faustdiff.table.assembling import built_in_table

from ..fad_compile_time import processor_time
from .contenders import LIBRARY

HEAD = 'import("stdfaust.lib"); df = library("diff.lib");\n'
#: Seconds by the clock that the compiler has for a program, and runs of each.
LIMIT, RUNS = 60, 3
DELAY_NETWORK = """import("stdfaust.lib");
line(i) = @(int(hslider("delay%i", 400 + 97 * i, 100, 1000, 1)))
    : fi.lowpass(1, hslider("cutoff%i", 4000, 500, 10000, 1))
    : *(hslider("gain%i", 0.9, 0, 0.99, 0.001));
mixed = si.bus(6) <: si.bus(6), (si.bus(6) :> /(0 - 3) <: si.bus(6)) :> si.bus(6);
process = _ <: (si.bus(12) :> par(i, 6, line(i))) ~ mixed :> _;
"""


@dataclass(frozen=True)
class Task:
    """A program, and how its derivative is made: `make` gives the texts to compile.

    `asked` is the limit in seconds, `largest` in bytes of text.
    """

    name: str
    plain: str
    make: Callable[[str, Compiler], Sequence[str]]
    asked: float = math.inf
    largest: float = math.inf


@dataclass(frozen=True)
class Times:
    """CPU seconds, and bytes of text; infinite where the compiler had no time left."""

    ours: float
    compiler: float
    size: int

    @property
    def whole(self) -> float:
        return self.ours + self.compiler


def forward(source: str, compiler: Compiler) -> Sequence[str]:
    """As `faustdiff differentiate --all` makes it."""
    return (differentiate(source, all_continuous=True, compiler=compiler).text,)


def reverse(source: str, compiler: Compiler) -> Sequence[str]:
    """As `faustdiff differentiate --all --mode reverse` makes it."""
    programs = reverse_programs(source, all_continuous=True, compiler=compiler)
    return programs.forward, programs.backward


def in_the_language(text: str) -> Callable[[str, Compiler], Sequence[str]]:
    """A program that calls the library, beside the plain one."""
    return lambda source, compiler: (f"{HEAD}process = {text};",)


def taps(count: int, transform: str, asked: float = math.inf) -> Task:
    """An FIR filter all of whose taps are parameters, by a function of the library."""
    names = ", ".join(f"b{i}" for i in range(count))
    scaled = ", ".join(f"(@({i}) * b{i})" for i in range(count))
    fir = rf"\({names}).(_ <: {scaled} :> _)"
    made = in_the_language(f"df.{transform}({count}, {fir})")
    return Task(f"FIR, {count} taps, `df.{transform}`", f"process = {fir};", made, asked)


def network(widths: Sequence[int], transform: str, asked: float = math.inf) -> Task:
    """A network with tanh between its layers, by `df.grad` or by itself."""
    layers = ", df.nn.tanh, ".join(f"df.nn.dense({m}, {k})" for m, k in pairwise(widths))
    net = f"with {{ net = df.nn.sequential(({layers})); }}"
    plain = f"{HEAD}process = net.apply {net};"
    name = f"network {'-'.join(map(str, widths))}, `{transform}`"
    return Task(name, plain, in_the_language(f"{transform} {net}"), asked)


def sliders(count: int, operation: str, asked: float = math.inf, largest: float = math.inf) -> Task:
    """A sum or a product of sliders, ahead of time."""
    source = f'process = {operation}(i, {count}, hslider("p%i", 0.5, 0, 1, 0.001));'
    word = {"sum": "sum", "prod": "product"}[operation]
    return Task(f"{word} of {count:,} sliders", source, forward, asked, largest)


def fir_of_sliders(count: int) -> Task:
    """An FIR filter, ahead of time."""
    source = f'process = _ <: sum(i, {count}, @(i) : *(hslider("b%i", 0.1, -1, 1, 0.001)));'
    return Task(f"FIR, {count} taps, `differentiate`", source, forward)


ASKED = (
    network((1, 64, 1), "df.grad(net.N, net.apply)", 5),
    network((1, 32, 32, 1), "net.dual", 3),
    taps(64, "grad", 2),
    taps(64, "jvp", 0.4),
    sliders(1000, "prod", 3, 2e6),
    sliders(5000, "sum", 10),
    Task("delay network of six lines, reverse mode", DELAY_NETWORK, reverse, 20),
)
#: The same task at 64 and at 256.
GROWTH = (
    tuple(fir_of_sliders(count) for count in (64, 256)),
    tuple(sliders(count, "prod") for count in (64, 256)),
    tuple(sliders(count, "sum") for count in (64, 256)),
    tuple(taps(count, "jvp") for count in (64, 256)),
    tuple(taps(count, "grad") for count in (64, 256)),
    tuple(network((1, n, 1), "df.grad(net.N, net.apply)") for n in (64, 256)),
)


def _compiled(compiler: Compiler, texts: Sequence[str]) -> float:
    """CPU seconds of the compiler, of all texts."""
    before = processor_time()
    try:
        for text in texts:
            compiler.to_cpp(text, double=True, include=[LIBRARY], timeout=LIMIT)
    except FaustError:
        return math.inf
    return processor_time() - before


def measured(task: Task, compiler: Compiler, runs: int) -> Times:
    """The least times of making the texts and of compiling them."""
    ours, theirs = math.inf, math.inf
    for _ in range(runs):
        start = time.process_time() + processor_time()
        texts = task.make(task.plain, compiler)
        ours = min(ours, time.process_time() + processor_time() - start)
        once = _compiled(compiler, texts)
        theirs = min(theirs, once)
        if once > LIMIT / 3:
            break
    return Times(ours, theirs, sum(map(len, texts)))


def plain(task: Task, compiler: Compiler, runs: int) -> float:
    """The least time of the compiler for the program itself."""
    return measured(replace(task, make=lambda source, _: (source,)), compiler, runs).compiler


def shown(seconds: float) -> str:
    """A time as in the tables."""
    return f"not in {LIMIT} s" if math.isinf(seconds) else f"{seconds:.2f}"


def line(task: Task, compiler: Compiler, runs: int) -> str:
    """A line of the first table."""
    times = measured(task, compiler, runs)
    limits = f"{task.asked:g} s"
    if math.isfinite(task.largest):
        limits += f", {task.largest / 1e6:g} MB"
    held = times.whole <= task.asked and times.size <= task.largest
    numbers = (times.whole, times.ours, times.compiler, plain(task, compiler, runs))
    size = f"{times.size / 1e6:.2f} MB" if times.ours >= 0.005 else ""
    cells = (task.name, limits, "yes" if held else "no", *map(shown, numbers), size)
    return f"| {' | '.join(cells)} |"


def growth(tasks: Sequence[Task], compiler: Compiler, runs: int) -> str:
    """A line of the second table."""
    small, large = (measured(task, compiler, runs) for task in tasks)
    base, most = (plain(task, compiler, runs) for task in tasks)
    pairs = [(small.ours, large.ours), (small.compiler, large.compiler), (base, most)]
    cells = [
        f"{shown(a)}, {shown(b)}: {math.log(b / a, 4):.1f}"
        if max(a, 0.005) < b < math.inf and a >= 0.005
        else f"{shown(a)}, {shown(b)}"
        for a, b in pairs
    ]
    return f"| {tasks[0].name.replace('64', 'N')} | {' | '.join(cells)} |"


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    compiler = find_compiler("faust")
    built_in_table()
    print(f"CPU seconds on Faust {compiler.version()}, the least of {runs} runs\n")
    print("| program | asked | held | whole | ours | compiler | compiler, plain | text |")
    print("|---|---|---|---|---|---|---|---|")
    for task in ASKED:
        print(line(task, compiler, runs), flush=True)
    print("\n| N = 64, 256: seconds, exponent | ours | compiler | compiler, plain |")
    print("|---|---|---|---|")
    for tasks in GROWTH:
        print(growth(tasks, compiler, runs), flush=True)


if __name__ == "__main__":
    main()
