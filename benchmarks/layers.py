"""What a layer costs: value and gradient, beside other layers of the same structure.

    make bench-layers                     # installs the others in an environment of their own
    python benchmarks/layers.py --items 4 --seconds 0.5 --repeats 3

Every contender computes the mean square of its output and the derivatives by input and all
parameters, in single precision. All have the same number of threads: the process is kept on as many
cores, whatever a library would start by itself, and threads that wait for work sleep
(OMP_WAIT_POLICY=PASSIVE, unless it is set). Runs are interleaved; what is printed is the median CPU
time in ns per sample (of one channel of one item), the median time by the clock, and the time by
the clock until the first step is done, with all that is compiled for it. A contender that is not
installed, or fails, is named and left out. The programs of ours have the structure of the others,
not their code.
With --write, the table goes to `docs/howto/layers.md`.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "howto" / "layers.md"
RATE = 44100
#: Seconds after which no thread of the step before looks for work any more.
SETTLE = 0.3
COMPRESSOR = """import("stdfaust.lib");
process = co.compressor_mono(hslider("ratio", 4, 1, 20, 0.01),
    hslider("threshold", -24, -60, 0, 0.01), hslider("attack", 0.01, 0.0001, 0.1, 0.0001),
    hslider("release", 0.1, 0.005, 0.5, 0.001))
    * ba.db2linear(hslider("makeup", 0, 0, 24, 0.01));"""
EQUALIZER = """import("stdfaust.lib");
level(i) = hslider("level %i", 3, -20, 20, 0.01);
freq(i) = hslider("freq %i", 200 * pow(2, i), 20, 20000, 0.1);
q(i) = hslider("q %i", 0.7, 0.1, 6, 0.001);
process = fi.low_shelf(level(0), freq(0)) : seq(i, 4, fi.peak_eq_cq(level(i + 1), freq(i + 1),
    q(i + 1))) : fi.high_shelf(level(5), freq(5));"""
REVERB = """import("stdfaust.lib");
mix = hslider("mix", 0.33, 0, 1, 0.001);
wet = re.mono_freeverb(hslider("room", 0.5, 0, 0.99, 0.001), 0.5,
    hslider("damp", 0.5, 0, 0.99, 0.001), 0);
process = _ <: *(1 - mix), wet * mix :> _;"""
ONE_POLE = (
    """process = *(hslider("b", 0.1, 0, 1, 0.01)) : + ~ *(hslider("a", 0.9, 0, 0.99, 0.01));"""
)
#: A low-pass at 1 kHz.
COEFFICIENTS = {"b0": 0.0046, "b1": 0.0093, "b2": 0.0046, "a1": -1.7991, "a2": 0.8175}
BIQUAD = """import("stdfaust.lib");
process = fi.tf2(b0, b1, b2, a1, a2) with {{ {} }};""".format(
    " ".join(f'{n} = hslider("{n}", {v}, -2, 2, 0.0001);' for n, v in COEFFICIENTS.items())
)
#: Poles at 0.9 and 0.7 of the unit circle, four pairs: denominator coefficients 1 to 8.
POLES = [
    r * np.exp(sign * 1j * w)
    for r, w in ((0.9, 0.5), (0.7, 1), (0.8, 1.5), (0.6, 2.5))
    for sign in (1, -1)
]
ALL_POLE_A = np.real(np.poly(POLES))[1:]
ALL_POLE = "process = + ~ (_ <: {}) with {{ {} }};".format(
    " , ".join(f"@({i}) * (0 - a{i})" for i in range(8)) + " :> _",
    " ".join(f'a{i} = hslider("a{i}", {a:.12f}, -8, 8, 0.01);' for i, a in enumerate(ALL_POLE_A)),
)

Step = Callable[[], object]


@dataclass
class Contender:
    """A function that makes a step, and what was measured of it, in seconds."""

    task: str
    name: str
    make: Callable[[np.ndarray, int], Step]
    first: float = 0.0
    cpu: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)


def ours(text: str, x: np.ndarray, threads: int) -> Step:
    """This project, in PyTorch."""
    import torch

    from faustdiff.torch import FaustModule

    module = FaustModule(text, sample_rate=RATE, threads=threads)
    signal = torch.tensor(x, requires_grad=True)
    initial = {name: one.init for name, one in module.layer.sliders.items()}
    values = {name: torch.tensor(v, requires_grad=True) for name, v in initial.items()}

    def step() -> object:
        return torch.autograd.grad(mean_square(module(signal, values)), [signal, *values.values()])

    return step


def mean_square(outputs: Any) -> Any:
    """Of a tensor, as PyTorch does it in the fewest passes over memory."""
    import torch

    silence = torch.zeros((), dtype=outputs.dtype).expand_as(outputs)
    return torch.nn.functional.mse_loss(outputs, silence)


def jax_step(function: Callable[..., object], x: np.ndarray, values: dict[str, float]) -> Step:
    """A function of JAX, compiled with its gradient."""
    import jax
    import jax.numpy as jnp

    def loss(signal: jax.Array, values: dict[str, jax.Array]) -> jax.Array:
        return jnp.mean(function(signal, values) ** 2)

    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    signal = jnp.asarray(x)
    arrays = {name: jnp.float32(one) for name, one in values.items()}
    return lambda: jax.block_until_ready(gradient(signal, arrays))


def faustax(name: str, values: dict[str, float], x: np.ndarray, threads: int) -> Step:
    """Modules that the Faust compiler made for Flax: a scan over samples."""
    import faustax.processors

    effect = getattr(faustax.processors, name)(sample_rate=RATE)
    # All parameters are given: the defaults are checked in a way that a compiled function refuses.
    given = {**effect.defaults, **values}
    return jax_step(lambda signal, traced: effect.process(signal, **traced), x, given)


def scan(x: np.ndarray, threads: int) -> Step:
    """A one-pole filter by hand, as a scan in JAX."""
    import jax
    import jax.numpy as jnp

    def one_pole(signal: jax.Array, given: dict[str, jax.Array]) -> jax.Array:
        def step(state: jax.Array, sample: jax.Array) -> tuple[jax.Array, jax.Array]:
            state = given["b"] * sample + given["a"] * state
            return state, state

        samples = jnp.moveaxis(signal, -1, 0)
        return jnp.moveaxis(jax.lax.scan(step, jnp.zeros(samples.shape[1:]), samples)[1], 0, -1)

    return jax_step(one_pole, x, {"a": 0.9, "b": 0.1})


def biquad_scan(x: np.ndarray, threads: int) -> Step:
    """A filter of second order by hand, as a scan in JAX."""
    import jax
    import jax.numpy as jnp

    def biquad(signal: jax.Array, c: dict[str, jax.Array]) -> jax.Array:
        def step(
            state: tuple[jax.Array, jax.Array], sample: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            y = c["b0"] * sample + state[0]
            first = c["b1"] * sample - c["a1"] * y + state[1]
            return (first, c["b2"] * sample - c["a2"] * y), y

        samples = jnp.moveaxis(signal, -1, 0)
        start = (jnp.zeros(samples.shape[1:]),) * 2
        return jnp.moveaxis(jax.lax.scan(step, start, samples)[1], 0, -1)

    return jax_step(biquad, x, COEFFICIENTS)


def dasp(x: np.ndarray, threads: int) -> Step:
    """An equaliser by samples of its frequency response."""
    import inspect

    import torch
    from dasp_pytorch.functional import parametric_eq

    signal = torch.tensor(x, requires_grad=True)
    names = list(inspect.signature(parametric_eq).parameters)[2:]
    start = {"gain_db": 3.0, "cutoff_freq": 1000.0, "q_factor": 0.7}
    values = {
        name: torch.full((len(x),), next(v for k, v in start.items() if name.endswith(k)))
        for name in names
    }
    for one in values.values():
        one.requires_grad_()

    def step() -> object:
        loss = mean_square(parametric_eq(signal, RATE, **values))
        return torch.autograd.grad(loss, [signal, *values.values()])

    return step


def philtorch(x: np.ndarray, threads: int) -> Step:
    """An all-pole filter with a backward pass by hand."""
    import torch
    from philtorch.lti import lfilter

    signal = torch.tensor(x[:, 0], requires_grad=True)
    a = torch.tensor(ALL_POLE_A, dtype=torch.float32, requires_grad=True)
    b = torch.ones(1)

    def step() -> object:
        loss = mean_square(lfilter(b, a, signal))
        return torch.autograd.grad(loss, [signal, a])

    return step


def torchlpc(x: np.ndarray, threads: int) -> Step:
    """An all-pole filter, whose coefficients may move, with a backward pass by hand."""
    import torch
    from torchlpc import sample_wise_lpc

    signal = torch.tensor(x[:, 0], requires_grad=True)
    a = torch.tensor(ALL_POLE_A, dtype=torch.float32, requires_grad=True)

    def step() -> object:
        wide = a.expand(*signal.shape, -1)
        loss = mean_square(sample_wise_lpc(signal, wide))
        return torch.autograd.grad(loss, [signal, a])

    return step


EQ_VALUES = {
    f"{band}_gain_db": 3.0
    for band in ("low_shelf", "band0", "band1", "band2", "band3", "high_shelf")
}
COMPRESSOR_VALUES = {"threshold_db": -24.0, "ratio": 4.0, "attack_ms": 10.0, "release_ms": 100.0}
REVERB_VALUES = {"room_size": 0.5, "damping": 0.5, "mix": 0.33}


def contenders() -> list[Contender]:
    """All of them; the first of a task is ours."""

    def fax(name: str, values: dict[str, float]) -> Callable[[np.ndarray, int], Step]:
        return functools.partial(faustax, name, values)

    def own(text: str) -> Callable[[np.ndarray, int], Step]:
        return functools.partial(ours, text)

    return [
        Contender("compressor", "faustdiff", own(COMPRESSOR)),
        Contender("compressor", "faustax", fax("Compressor", COMPRESSOR_VALUES)),
        Contender("six-band equaliser", "faustdiff", own(EQUALIZER)),
        Contender("six-band equaliser", "faustax", fax("ParametricEQ", EQ_VALUES)),
        Contender("six-band equaliser", "dasp-pytorch", dasp),
        Contender("Freeverb", "faustdiff", own(REVERB)),
        Contender("Freeverb", "faustax", fax("Freeverb", REVERB_VALUES)),
        Contender("one-pole", "faustdiff", own(ONE_POLE)),
        Contender("one-pole", "JAX scan by hand", scan),
        Contender("biquad", "faustdiff", own(BIQUAD)),
        Contender("biquad", "JAX scan by hand", biquad_scan),
        Contender("all-pole of order 8", "faustdiff", own(ALL_POLE)),
        Contender("all-pole of order 8", "philtorch", philtorch),
        Contender("all-pole of order 8", "torchlpc", torchlpc),
    ]


def measure(every: list[Contender], x: np.ndarray, threads: int, repeats: int) -> str:
    """Measures and prints, task by task, contenders of a task in turn; the table."""
    table = [HEAD]
    print(HEAD, flush=True)
    for task in dict.fromkeys(one.task for one in every):
        steps: list[tuple[Contender, Step]] = []
        for one in every:
            if one.task != task:
                continue
            begin = time.perf_counter()
            try:
                step = one.make(x, threads)
                step()
            except Exception as error:
                print(f"left out: {one.name} ({task}): {type(error).__name__}: {error}"[:200])
                continue
            one.first = time.perf_counter() - begin
            steps.append((one, step))
        for _ in range(repeats):
            for one, step in steps:
                time.sleep(SETTLE)
                cpu, clock = time.process_time(), time.perf_counter()
                step()
                one.cpu.append(time.process_time() - cpu)
                one.clock.append(time.perf_counter() - clock)
        table.append(rows([one for one, _ in steps], x[:, 0].size))
        print(table[-1], flush=True)
    return "\n".join(table)


def write(table: str, options: argparse.Namespace) -> None:
    """Puts the table in its place in the documentation."""
    facts = (
        f"{options.items} items of {options.seconds:g} s at {RATE} Hz in single precision,"
        f" {options.threads} core(s) and as many threads, medians of {options.repeats}; ratios are"
        f" to faustdiff. A load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    text = "\n".join(["<!-- table -->", table, "", facts, "<!-- /table -->"])
    marked = re.compile(r"<!-- table -->.*<!-- /table -->", re.S)
    DOCUMENT.write_text(marked.sub(lambda _: text, DOCUMENT.read_text("utf-8")), "utf-8")


COLUMNS = "task | layer | CPU, ns/sample | ratio | clock, ns/sample | ratio | first call, s | ratio"
HEAD = f"| {COLUMNS} |\n" + "|---" * 8 + "|"


def rows(every: list[Contender], samples: int) -> str:
    """What was measured of a task, as rows of Markdown; ratios are to ours."""
    lines = []
    for one in every:
        if not one.cpu:
            continue
        base = next(other for other in every if other.task == one.task)
        cpu, clock = (1e9 * statistics.median(t) / samples for t in (one.cpu, one.clock))
        cpu0, clock0 = (1e9 * statistics.median(t) / samples for t in (base.cpu, base.clock))
        lines.append(
            f"| {one.task} | {one.name} | {cpu:.1f} | {cpu / cpu0:.1f} | {clock:.1f} "
            f"| {clock / clock0:.1f} | {one.first:.1f} | {one.first / base.first:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--task", action="append", help="only these tasks")
    parser.add_argument("--write", action="store_true", help="write the table")
    options = parser.parse_args()
    # Threads of OpenMP that wait for work would spin, and take the core from whoever has some.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Before a library counts the cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
    import torch

    torch.set_num_threads(options.threads)
    frames = int(options.seconds * RATE)
    x = np.random.default_rng(1).standard_normal((options.items, 1, frames)).astype(np.float32)
    every = [one for one in contenders() if not options.task or one.task in options.task]
    table = measure(every, 0.3 * x, options.threads, options.repeats)
    if options.write:
        write(table, options)


if __name__ == "__main__":
    main()
