"""What reverse mode in two programs costs, beside the program itself and forward mode.

Times are CPU time of the sample loops, the least of many runs in turn; they depend on what else
runs. They are given in runs of the program twice: as the compiler writes it, and with states in
locals, as faustdiff runs it; both by g++ with the same options. Operations are those of
`support/operations.py`, per sample, and depend on nothing. The first table is of programs; the
second of a filter behind a network whose weights are sliders: all of the cost that grows with
their number is that of the network; the third of taps, which cost at every sample. The passes are
those of `faustdiff.vjp` on one thread, without the cotangents of inputs. Run it with
`python benchmarks/reverse_programs.py`.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from faustdiff.autodiff import differentiate  # noqa: E402
from faustdiff.autodiff.reverse import reverse_programs  # noqa: E402
from faustdiff.autodiff.vjp import VJP  # noqa: E402
from faustdiff.faust.batch import build_batch  # noqa: E402
from faustdiff.faust.compilers import Compiler, find_compiler  # noqa: E402
from support.operations import operations  # noqa: E402

FRAMES, RUNS = 441000, 40
#: Forward mode with more sliders takes too long to compile.
MOST_FORWARD = 100

HEAD = 'import("stdfaust.lib");\n'


def slider(name: str, value: float, low: float, high: float) -> str:
    """A slider as Faust text."""
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


def taps(count: int) -> str:
    """An impulse response of so many sliders, and a filter with feedback."""
    return f"_ <: sum(i, {count}, @(i) * {slider('h%4i', 0.01, -1, 1)}) : fi.lowpass(4, 1000)"


def compiled(text: str, compiler: Compiler) -> tuple[str, float]:
    """The C++ of a program, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    cpp = compiler.to_cpp(text, double=True, timeout=600)
    return cpp, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def least(*works: Callable[[], object]) -> list[float]:
    """The least time of many runs of each, taken in turn, in nanoseconds per sample."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(RUNS):
        for work, taken in zip(works, times, strict=True):
            start = time.thread_time()
            work()
            taken.append(time.thread_time() - start)
    return [min(one) / FRAMES * 1e9 for one in times]


def run_of(
    text: str, compiler: Compiler, inputs: int, outputs: int, local_states: bool = True
) -> Callable[[], object]:
    """A run of a program by itself."""
    program = build_batch(text, compiler, double=True, sample_rate=44100, local_states=local_states)
    given = np.random.default_rng(0).uniform(-1, 1, (1, inputs, FRAMES))
    sink = np.empty((1, outputs, FRAMES))
    values = np.array([[one.init for one in program.settable]])
    return lambda: program.run([given], [sink], values, frames=FRAMES)


def row(title: str, text: str, compiler: Compiler, forward_mode: bool) -> bool:
    """Prints one line, times in runs of the program; whether forward mode was seen to cost less."""
    source = f"{HEAD}process = {text};"
    start = time.process_time()
    made = reverse_programs(source, all_continuous=True, by_sums=True, compiler=compiler)
    transform = time.process_time() - start
    both = VJP(made, compiler, threads=1)
    x = np.random.default_rng(0).uniform(-1, 1, (made.inputs, FRAMES))
    _, tape = both.forward(x)
    runs = [run_of(source, compiler, made.inputs, made.outputs, one) for one in (False, True)]
    runs.append(lambda: both.forward(x))
    runs.append(lambda: both.backward(tape, x[: made.outputs], inputs=False))
    forward = ""
    if forward_mode:
        done = differentiate(source, all_continuous=True, compiler=compiler)
        runs.append(run_of(done.text, compiler, done.inputs, done.outputs * done.stride))
    written, plain, ahead, back, *by_forward = least(*runs)
    texts = [compiled(one, compiler) for one in (source, made.forward, made.backward)]
    counts = "".join(f"{operations(cpp).sample:6d}" for cpp, _ in texts)
    seconds = sum(one for _, one in texts[1:]) / max(texts[0][1], 0.01)
    for cost in by_forward:
        count = operations(compiled(done.text, compiler)[0]).sample
        forward = f"{cost / written:9.1f}{count:7d}"
    print(
        f"{title:>20}{len(made.params):6d}{made.tape:5d}{written:8.1f}{plain:8.1f}"
        f"{ahead / written:8.2f}{back / written:9.2f}{(ahead + back) / written:7.2f}"
        f"{(ahead + back) / plain:7.2f}{counts}{transform:7.1f}{seconds:8.1f}"
        f"{8 * made.tape:7d}{forward}",
        flush=True,
    )
    return any(cost < ahead + back for cost in by_forward)


def rows(title: str, text: Callable[[int], str], counts: Sequence[int], compiler: Compiler) -> None:
    """Prints a line for each number of sliders, and from which on reverse mode costs less."""
    forward = {count: row(title, text(count), compiler, count <= MOST_FORWARD) for count in counts}
    cheaper = [count for count, less in forward.items() if count <= MOST_FORWARD and not less]
    where = (
        f"from {min(cheaper)} sliders on" if cheaper else f"at none up to {MOST_FORWARD} sliders"
    )
    print(f"{title}: reverse mode costs less than forward mode {where}", flush=True)


def main() -> None:
    """Prints both tables."""
    compiler = find_compiler(sys.argv[1] if len(sys.argv) > 1 else None)
    print(f"{compiler.name} {compiler.version()}; times in runs of the program")
    print(
        f"{'program':>20}{'N':>6}{'tape':>5}{'ns':>8}{'locals':>8}{'forward':>8}{'backward':>9}"
        f"{'both':>7}{'locals':>7}"
        f"{'ops':>6}{'fwd':>6}{'bwd':>6}{'make s':>7}{'compile':>8}{'bytes':>7}"
        f"{'fwd.mode':>9}{'ops':>7}"
    )
    for title, text in PROGRAMS.items():
        row(title, text, compiler, forward_mode=True)
    # With 1,000, the compiler itself takes minutes for the network.
    rows("network and filter", network, (1, 3, 10, 30, 100, 300), compiler)
    rows("taps and filter", taps, (1, 3, 10, 30, 100, 300, 1000), compiler)


if __name__ == "__main__":
    main()
