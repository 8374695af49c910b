"""What reverse mode in two programs costs, beside the program itself and forward mode.

Times are CPU time of the sample loops, the least of several runs; they depend on what else runs.
Operations are those of `support/operations.py`, per sample, and depend on nothing. The first table
is of programs; the second of a filter behind a network whose weights are sliders: all of the cost
that grows with their number is that of the network. Run it with `python benchmarks/reverse_programs.py`.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from faustdiff.autodiff import differentiate  # noqa: E402
from faustdiff.autodiff.reverse import reverse_programs  # noqa: E402
from faustdiff.faust.compilers import Compiler, find_compiler  # noqa: E402
from faustdiff.faust.program import CompiledProgram, build  # noqa: E402
from support.operations import operations  # noqa: E402

FRAMES, BLOCK, RUNS = 44100, 512, 20
#: Forward mode with more sliders takes too long to compile.
MOST_FORWARD = 100

HEAD = 'import("stdfaust.lib");\n'


def slider(name: str, value: float, low: float, high: float) -> str:
    return f'hslider("{name}", {value}, {low}, {high}, 0.0001)'


PEAKS = ", ".join(
    [slider("L%2i", 3, -20, 20), slider("f%2i", 400, 20, 20000), slider("Q%2i", 2, 0.7, 20)]
)
PROGRAMS = {
    "low-pass of order 4": f"fi.lowpass(4, {slider('f', 1000, 20, 9000)}) :"
    f" *({slider('g', 0.5, 0, 1)})",
    "Moog ladder": f"ve.moogLadder({slider('f', 0.2, 0, 1)}, {slider('q', 2, 0.7, 20)})",
    "diode ladder": f"ve.diodeLadder({slider('f', 0.2, 0, 1)}, {slider('q', 2, 0.7, 20)})",
    "string": f"+ ~ (de.fdelay(1024, {slider('l', 200.3, 10, 1000)}) :"
    f" fi.lowpass(1, {slider('f', 5000, 20, 9000)}) : *(0.9))",
    "compressor": f"co.compressor_mono({slider('r', 4, 1, 20)}, {slider('t', -20, -60, 0)},"
    f" {slider('a', 0.01, 0.001, 0.1)}, {slider('d', 0.1, 0.01, 1)})",
    "reverb": f"re.mono_freeverb({slider('a', 0.5, 0, 1)}, {slider('b', 0.5, 0, 1)},"
    f" {slider('c', 0.5, 0, 1)}, 23)",
    "ten peak filters": f"seq(i, 10, fi.peak_eq_cq({PEAKS}))",
}


def network(count: int) -> str:
    """A filter whose cutoff is a function of so many sliders."""
    total = f"sum(i, {count}, {slider('w%4i', 0.01, -1, 1)} * sin(i + 1))"
    return f"fi.lowpass(4, 1000 * (1.5 + ma.tanh({total})))"


@dataclass(frozen=True)
class Cost:
    """Of a program: nanoseconds and operations per sample, seconds to compile, channels out."""

    time: float
    operations: int
    compile: float
    outputs: int


def cost(text: str, compiler: Compiler) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    cpp = compiler.to_cpp(text, double=True, timeout=600)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    program = build(text, compiler=compiler, timeout=600)
    assert isinstance(program, CompiledProgram)
    given = np.random.default_rng(0).uniform(0.1, 0.9, (program.inputs, FRAMES))
    session, least = program.session(), np.inf
    for _ in range(RUNS):
        start = time.thread_time()
        session.compute(given, block=BLOCK)
        least = min(least, time.thread_time() - start)
    return Cost(least / FRAMES * 1e9, operations(cpp).sample, seconds, program.outputs)


def row(title: str, text: str, compiler: Compiler, forward_mode: bool) -> None:
    """Prints one line: everything relative to the program itself, but for what is counted."""
    source = f"{HEAD}process = {text};"
    start = time.process_time()
    made = reverse_programs(source, all_continuous=True, compiler=compiler)
    transform = time.process_time() - start
    plain, ahead, back = (cost(t, compiler) for t in (source, made.forward, made.backward))
    forward = ""
    if forward_mode:
        done = differentiate(source, all_continuous=True, compiler=compiler)
        found = cost(done.text, compiler)
        forward = f"{found.time / plain.time:8.1f}{found.operations:7d}"
    compiled = (ahead.compile + back.compile) / max(plain.compile, 0.01)
    print(
        f"{title:>20}{len(made.params):6d}{made.tape:5d}{plain.time:9.1f}"
        f"{(ahead.time + back.time) / plain.time:8.1f}"
        f"{plain.operations:6d}{ahead.operations:6d}{back.operations:6d}"
        f"{transform:7.1f}{compiled:9.1f}{8 * (made.tape + back.outputs):8d}{forward}",
        flush=True,
    )


def main() -> None:
    """Prints both tables."""
    compiler = find_compiler(sys.argv[1] if len(sys.argv) > 1 else None)
    print(f"{compiler.name} {compiler.version()}; 'both' and 'fwd.mode' in runs of the program")
    print(
        f"{'program':>20}{'N':>6}{'tape':>5}{'ns':>9}{'both':>8}{'ops':>6}{'fwd':>6}{'bwd':>6}"
        f"{'make s':>7}{'compile':>9}{'bytes':>8}{'fwd.mode':>8}{'ops':>7}"
    )
    for title, text in PROGRAMS.items():
        row(title, text, compiler, forward_mode=True)
    for count in (1, 3, 10, 30, 100, 300, 1000):
        row("network and filter", network(count), compiler, count <= MOST_FORWARD)


if __name__ == "__main__":
    main()
