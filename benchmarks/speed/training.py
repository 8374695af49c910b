"""Steps of training side by side: `python -m benchmarks.speed.training [--rounds N]`.

Each program learns parameters of a filter while it runs, by `df.learned`; the C++ by hand does the
same, without and with a check that gradients are finite. All end with the same parameters, and are
measured in turn. What is printed is the least time of a sample by hand, and the ratio to it.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

import numpy as np

from faustdiff.faust.compilers import find_compiler

from .contenders import LIBRARY, Contender, Setting, compiled, from_faust, noise

#: Parameters may differ by so much after `FRAMES` samples.
CLOSE, FRAMES = 1e-12, 4000
ROUNDS = 31
TAPS = 8


@dataclass(frozen=True)
class Training:
    """What is learned: `model` and `truth` are Faust, of parameters and x; the rest is C++.

    `gradient` computes `d`, the gradient of the squared error, from the parameters `g`, the
    sample `x`, and `rest`, which the target has beside the truth: no parameter can give it, so that
    gradients do not vanish. `members` are what it remembers, and all start with a value.
    """

    name: str
    params: tuple[str, ...]
    model: str
    truth: str
    members: str
    gradient: str
    rate: float
    adam: bool = False


def _fir(name: str, adam: bool) -> Training:
    names = tuple(f"b{i}" for i in range(TAPS))
    gradient = f"""
        for (int i = {TAPS - 1}; i > 0; i--) line[i] = line[i - 1];
        line[0] = x;
        double e = -rest;
        for (int i = 0; i < {TAPS}; i++) e += (g[i] - 0.5 / (1 + i)) * line[i];
        for (int i = 0; i < {TAPS}; i++) d[i] = 2 * e * line[i];"""
    return Training(
        name,
        names,
        " + ".join(f"{one} * x@({i})" for i, one in enumerate(names)),
        " + ".join(f"{0.5 / (1 + i)!r} * x@({i})" for i in range(TAPS)),
        f"double line[{TAPS}] = {{}};",
        gradient,
        1e-3,
        adam,
    )


TRAININGS = (
    Training(
        "gain",
        ("a",),
        "a * x",
        "0.5 * x",
        "",
        "d[0] = 2 * (g[0] * x - (0.5 * x + rest)) * x;",
        1e-3,
    ),
    Training(
        "one-pole",
        ("a",),
        "x : + ~ *(a)",
        "x : + ~ *(0.7)",
        "double y = 0; double da = 0; double t = 0;",
        "da = y + g[0] * da; y = g[0] * y + x; t = 0.7 * t + x; d[0] = 2 * (y - (t + rest)) * da;",
        1e-4,
    ),
    _fir("FIR, 8 taps", adam=False),
    Training(
        "IIR",
        ("b", "a"),
        "b * x : + ~ *(a)",
        "0.4 * x : + ~ *(0.7)",
        "double y = 0; double db = 0; double da = 0; double t = 0;",
        "da = y + g[1] * da; db = x + g[1] * db; y = g[1] * y + g[0] * x; t = 0.7 * t + 0.4 * x;"
        " d[0] = 2 * (y - (t + rest)) * db; d[1] = 2 * (y - (t + rest)) * da;",
        1e-4,
    ),
    _fir("FIR, 8 taps, Adam", adam=True),
)

_HAND = """
#include <algorithm>
#include <cmath>
struct mydsp : public dsp {
    static const int K = %(count)d;
    double g_[K], skipped_ = 0;
    struct { %(members)s } state;
    int getNumInputs() { return 1; }
    int getNumOutputs() { return K + 1; }
    void init(int) { std::fill_n(g_, K, 0.1); }
    void buildUserInterface(UI*) {}
    void compute(int count, double** inputs, double** outputs) {
        const double* __restrict__ input = inputs[0];
        double* __restrict__ out[K + 1];
        std::copy_n(outputs, K + 1, out);
        double g[K], skipped = skipped_;
        std::copy_n(g_, K, g);
        auto kept = state;
        %(load)s
        for (int n = 0; n < count; n++) {
            double x = input[n], rest = 0.1 * x * x, d[K];
            %(gradient)s
            %(check)s
            %(before)s
            for (int i = 0; i < K; i++) {
                %(step)s
                g[i] = std::min(10.0, std::max(-10.0, g[i] - step));
                out[i][n] = g[i];
            }
            out[K][n] = skipped;
        }
        %(store)s
        state = kept;
        std::copy_n(g, K, g_);
        skipped_ = skipped;
    }
};
"""
_CHECK = """
            bool finite = true;
            for (int i = 0; i < K; i++) finite &= std::fabs(d[i]) < 1e15;
            if (!finite) {
                skipped += K;
                std::fill_n(d, K, 0.0);
            }"""


def by_hand(one: Training, check: bool) -> Contender:
    """The steps in C++, with its memory in local variables during a block."""
    members, before = one.members, ""
    step = f"double step = {one.rate!r} * d[i];"
    if one.adam:
        members += " double m[K] = {}; double v[K] = {}; double p1 = 1; double p2 = 1;"
        before = "p1 *= 0.9; p2 *= 0.999;"
        before += f" double rate = {one.rate!r} / (1 - p1), scale = 1 / (1 - p2);"
        step = """m[i] = 0.9 * m[i] + 0.1 * d[i];
                v[i] = 0.999 * v[i] + 0.001 * d[i] * d[i];
                double step = rate * m[i] / (std::sqrt(scale * v[i]) + 1e-8);"""
    load = store = ""
    for name, size in re.findall(r"double (\w+)(?:\[(\w+)\])?", members):
        load += f"double {name}[{size}]; " if size else f"double {name} = kept.{name}; "
        load += f"std::copy_n(kept.{name}, {size}, {name}); " if size else ""
        store += (
            f"std::copy_n({name}, {size}, kept.{name}); " if size else f"kept.{name} = {name}; "
        )
    text = _HAND % {
        "count": len(one.params),
        "members": members,
        "load": load,
        "store": store,
        "gradient": one.gradient,
        "check": _CHECK if check else "",
        "before": before,
        "step": step,
    }
    return compiled("checked" if check else "hand", text, Setting("hand", local=False))


def ours(one: Training) -> Contender:
    """The steps by `df.learned`."""
    count, names = len(one.params), ", ".join(one.params)
    engine = f"Adam({one.rate!r}, 0.9, 0.999)" if one.adam else f"SGD({one.rate!r})"
    source = f"""import("stdfaust.lib"); df = library("diff.lib");
        model = \\({names}, x).({one.model}); truth(x) = ({one.truth}) + 0.1 * x * x;
        loss({names}, x, t) = (model({names}, x) - t) ^ 2;
        process = _ <: _, truth : df.learned({count}, steps, -10, 10, 0.1, 0)
        with {{ steps = df.descent({count}, loss, df.optimizers({count}, 1e-8).{engine}); }};"""
    return from_faust("df.learned", source, find_compiler(), include=[LIBRARY])


def main() -> None:
    """Checks that all learn the same, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print("| training step | hand | with a check | df.learned |\n|---|---|---|---|", flush=True)
    for one in TRAININGS:
        field = [by_hand(one, check=False), by_hand(one, check=True), ours(one)]
        first, *others = [contender.run(noise(FRAMES)) for contender in field]
        for contender, other in zip(field[1:], others, strict=True):
            wrong = float(np.max(np.abs(other - first)))
            if not wrong < CLOSE:
                raise SystemExit(f"{one.name}: {contender.name} differs by {wrong:.1e}")
        seconds: list[list[float]] = [[] for _ in field]
        for _ in range(rounds):
            for taken, contender in zip(seconds, field, strict=True):
                taken.append(contender.measure())
        hand, *rest = map(min, seconds)
        cells = " | ".join(f"{least / hand:.2f}" for least in rest)
        print(f"| {one.name} | {1e9 * hand:.1f} ns | {cells} |", flush=True)


if __name__ == "__main__":
    main()
