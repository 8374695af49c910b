"""Ways to compute a value and its partials: each as a compiled program with the same interface.

All that is compiled by g++ is compiled with the same flags, and runs in the same host: blocks of
`BLOCK` samples in memory that stays near the processor.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faustdiff.autodiff import differentiate
from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.autodiff.vjp import VJP
from faustdiff.faust.compiled import CompiledProgram
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.cpp_rewriting import STATE_OPTIONS, with_local_states
from faustdiff.faust.program import fast_text
from faustdiff.faust.translation import compile_cpp

from .tasks import Task

Array = NDArray[np.float64]

LIBRARY = Path(__file__).resolve().parents[2] / "build"
STANDARD = 'import("stdfaust.lib");'
#: Samples per call, as a host of audio has them, and per measurement of reverse mode.
BLOCK, REVERSE_FRAMES = 512, 1 << 15
#: Samples between one output and the next: without them, a block of each lies in the same places of
#: the cache, and a program that writes 49 outputs one after the other waits for them.
GAP = 8
RATE = 48000

_REPEAT = """
#include <time.h>
#include <vector>
extern "C" __attribute__((visibility("default")))
double repeat(mydsp* instance, double* in, double* out, int block, int times) {
    std::vector<double*> sinks(instance->getNumOutputs());
    for (size_t i = 0; i < sinks.size(); i++) sinks[i] = out + i * (block + GAP);
    timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (int i = 0; i < times; i++) instance->compute(block, &in, sinks.data());
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (end.tv_sec - start.tv_sec) + 1e-9 * (end.tv_nsec - start.tv_nsec);
}
"""

_HAND = """
#include <algorithm>
#include <cmath>
#include <vector>
struct mydsp : public dsp {
    double p[%(count)d], rate;
    %(members)s
    int getNumInputs() { return 1; }
    int getNumOutputs() { return 1 + %(count)d; }
    void init(int sample_rate) { rate = sample_rate; }
    void buildUserInterface(UI* ui) {
        static const char* const names[] = {%(names)s};
        static const double values[] = {%(values)s};
        for (int i = 0; i < %(count)d; i++) {
            p[i] = values[i];
            ui->addHorizontalSlider(names[i], &p[i], values[i], -1e9, 1e9, 1e-9);
        }
    }
    void compute(int count, double** inputs, double** outputs) {
        const double* __restrict__ x = inputs[0];
        double* __restrict__ out[1 + %(count)d];
        std::copy_n(outputs, 1 + %(count)d, out);
        %(body)s
    }
};
"""


@dataclass(frozen=True)
class Contender:
    """`run` gives the outputs (outputs, n) for the samples (n,); `measure` seconds per sample."""

    name: str
    run: Callable[[Array], Array]
    measure: Callable[[], float]


def slider_program(task: Task) -> str:
    """The task as a program whose parameters are sliders."""
    sliders = ", ".join(
        f'hslider("{name}", {value!r}, {value - reach!r}, {value + reach!r}, 1e-9)'
        for name, value in zip(labels(task), task.values, strict=True)
        for reach in (abs(value) / 2 + 0.1,)
    )
    return f"{STANDARD} model = {task.model}; process = model({sliders});"


def jvp_program(task: Task) -> str:
    """The task by `df.jvp`: the parameters are sliders as well."""
    sliders = slider_program(task).rsplit("process = model(", 1)[1].removesuffix(");")
    head = f'{STANDARD} df = library("diff.lib"); model = {task.model};'
    return f"{head} process = {sliders}, _ : df.jvp({len(task.values)}, model);"


def labels(task: Task) -> list[str]:
    """The names of the sliders, in the order of the parameters."""
    return [f"p{i:02}" for i in range(len(task.values))]


@dataclass(frozen=True)
class Setting:
    """How C++ text is changed and compiled; `options` are further flags of the Faust compiler."""

    name: str
    flags: tuple[str, ...] = ()
    local: bool = True
    options: tuple[str, ...] = ()


#: What `build(..., fast=True)` uses: `STATE_OPTIONS`, `fast_text` and `FAST_FLAGS`.
OURS = Setting("ours")


def compiled(name: str, cpp: str, setting: Setting = OURS) -> Contender:
    """A contender from C++ text with the class `mydsp`."""
    text = (with_local_states(cpp) if setting.local else cpp) + _REPEAT
    flags = (*setting.flags, f"-DGAP={GAP}")
    library = compile_cpp(text, double=True, fast=True, more=flags)
    program = CompiledProgram(library, double=True)
    repeat = program.api.repeat
    repeat.restype = ctypes.c_double
    repeat.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 2
    session = program.session(sample_rate=RATE)
    signal = noise(BLOCK)
    sink = np.zeros((program.outputs, BLOCK + GAP))

    def seconds(times: int) -> float:
        given, taken = signal.ctypes.data, sink.ctypes.data
        return float(repeat(session.instance, given, taken, BLOCK, times)) / (times * BLOCK)

    # Some ten milliseconds each, far above the resolution of the clock.
    times = max(1, int(0.01 / (seconds(20) * BLOCK)))

    def run(given: Array) -> Array:
        fresh = program.session(sample_rate=RATE)
        return np.asarray(fresh.compute(given[None], block=BLOCK))

    return Contender(name, run, lambda: seconds(times))


def hand_written(task: Task) -> Contender:
    """The task as written in C++."""
    names = ", ".join(f'"{name}"' for name in labels(task))
    text = _HAND % {
        "count": len(task.values),
        "names": names,
        "values": ", ".join(map(repr, task.values)),
        "members": task.members,
        "body": task.body,
    }
    return compiled("hand", text, Setting("hand", local=False))


def from_faust(
    name: str,
    source: str,
    compiler: Compiler,
    setting: Setting = OURS,
    include: Sequence[Path] = (),
) -> Contender:
    """A Faust program, compiled."""
    options = STATE_OPTIONS if setting is OURS else setting.options
    cpp = compiler.to_cpp(source, double=True, include=include, options=options)
    if setting is OURS:
        cpp = fast_text(cpp, source, compiler, include=include)
        setting = replace(setting, local=False)
    return compiled(name, cpp, setting)


def forward(task: Task, compiler: Compiler, setting: Setting = OURS) -> Contender:
    """`faustdiff differentiate` in forward mode."""
    done = differentiate(slider_program(task), params=labels(task), compiler=compiler)
    return from_faust("forward", done.text, compiler, setting)


def jvp(task: Task, compiler: Compiler, setting: Setting = OURS) -> Contender:
    """`df.jvp` of the library."""
    return from_faust("jvp", jvp_program(task), compiler, setting, [LIBRARY])


def primal(task: Task, compiler: Compiler) -> Contender:
    """The program alone."""
    return from_faust("primal", slider_program(task), compiler)


def reverse(task: Task, compiler: Compiler) -> Contender:
    """Reverse mode with a tape: a pass forward and one backward, of a sum of squares.

    `run` gives the value, and for each parameter the partial of the sum of squares alone, spread
    evenly over the samples.
    """
    programs = reverse_programs(slider_program(task), params=labels(task), compiler=compiler)
    vjp = VJP(programs, compiler, sample_rate=RATE, threads=1)

    def run(given: Array) -> Array:
        value, tape = vjp.forward(given[None], {}, frames=None)
        sliders = vjp.backward(tape, np.asarray(value), inputs=False).sliders
        sums = [float(np.sum(sliders[name])) for name in vjp.names.params]
        spread = np.repeat(np.array(sums)[:, None] / len(given), len(given), axis=1)
        return np.concatenate([np.asarray(value), spread])

    signal = noise(REVERSE_FRAMES)

    def measure() -> float:
        start = time.thread_time()
        value, tape = vjp.forward(signal[None], {}, frames=None)
        vjp.backward(tape, np.asarray(value), inputs=False)
        return (time.thread_time() - start) / len(signal)

    return Contender("reverse", run, measure)


def noise(frames: int) -> Array:
    """The same noise each time."""
    return np.random.default_rng(1).uniform(-1, 1, frames)
