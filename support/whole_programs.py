"""Whole programs differentiated ahead of time, many in one compilation.

Each program is differentiated by itself. The results are then compiled as one program, and so are
the originals, each in a group of its own; so is `df.jvp` of those that are functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faustdiff.autodiff import DifferentiatedProgram, differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, build
from support.paths import BUILD

Array = NDArray[np.float64]

HEAD = 'import("stdfaust.lib");\n'


def noise(channels: int, frames: int) -> Array:
    return np.random.default_rng(1).uniform(-1, 1, (channels, frames))


@dataclass(frozen=True)
class Whole:
    """A program, all of whose continuous sliders are its parameters.

    With `function`, it is that function of sliders at the values `at`, which `df.jvp` takes too.
    """

    title: str
    text: str
    function: str = ""
    at: tuple[float, ...] = ()
    feed: Callable[[int, int], Array] = noise


def function(title: str, at: Sequence[float], text: str, **rest: Any) -> Whole:
    """A function of parameters with the values `at`, then of signals."""
    fed = ", ".join(_slider(index, value) for index, value in enumerate(at))
    whole = f"{HEAD}process = ({text})({fed});"
    return Whole(title, whole, text, tuple(at), **rest)


def _slider(index: int, value: float) -> str:
    low, high = sorted((value / 4, value * 4))
    return f'hslider("p{index}", {value!r}, {low!r}, {high!r}, 1e-6)'


@dataclass(frozen=True)
class Result:
    """What a program and its derivatives give: arrays (outputs, frames), by parameter.

    `known` says how far the differences at two steps are apart; `jvp` has the partials of
    `df.jvp`, if asked for, in the order of the function's parameters.
    """

    whole: Whole
    done: DifferentiatedProgram
    original: Array
    value: Array
    partials: tuple[Array, ...]
    differences: tuple[Array, ...]
    known: tuple[float, ...]
    jvp: tuple[Array, ...]


def results(
    programs: Sequence[Whole],
    compiler: Compiler,
    *,
    frames: int = 2000,
    steps: Sequence[float] = (1e-4, 1e-5),
    jvp: bool = False,
    mode: Any = "forward",
) -> list[Result]:
    """Each program with its partials, their differences and, with `jvp`, those of `df.jvp`."""
    done = [
        differentiate(one.text, all_continuous=True, compiler=compiler, mode=mode, include=[BUILD])
        for one in programs
    ]
    plain = joined([one.text for one in programs], compiler)
    duals = joined([one.text for one in done], compiler)
    widths = [one.outputs for one in done]
    inputs = np.concatenate([w.feed(d.inputs, frames) for w, d in zip(programs, done, strict=True)])
    original = parted(plain.run(inputs, frames), widths)
    dual = parted(duals.run(inputs, frames), [d.outputs * d.stride for d in done])
    others = _split_jvp(programs, done, inputs, frames, compiler) if jvp else [()] * len(done)

    def moved(shift: float, index: int) -> list[Array]:
        controls = {
            f"/all/at{k}{_tail(one.params[index].path)}": one.params[index].init
            + shift * abs(one.params[index].init)
            for k, one in enumerate(done)
            if index < len(one.params)
        }
        return parted(plain.run(inputs, frames, controls=controls), widths)

    def difference(index: int, size: float) -> list[Array]:
        runs = {k: moved(k * size, index) for k in (-2, -1, 1, 2)}
        return [
            (8 * (runs[1][k] - runs[-1][k]) - (runs[2][k] - runs[-2][k]))
            / (12 * size * abs(one.params[index].init) if index < len(one.params) else 1)
            for k, one in enumerate(done)
        ]

    count = max(len(one.params) for one in done)
    # By step, then by parameter, then by program: no single step suits all of them.
    coarse = [[difference(index, step) for index in range(count)] for step in steps]
    fine = [[difference(index, step / 2) for index in range(count)] for step in steps]

    def best(index: int, k: int) -> tuple[float, Array]:
        pairs = [(c[index][k], f[index][k]) for c, f in zip(coarse, fine, strict=True)]
        return min(((distance(c, f), f) for c, f in pairs), key=lambda pair: pair[0])

    found = []
    for k, (one, whole) in enumerate(zip(done, programs, strict=True)):
        each = range(len(one.params))
        found.append(
            Result(
                whole,
                one,
                original[k],
                dual[k][:: one.stride],
                tuple(dual[k][1 + index :: one.stride] for index in each),
                tuple(best(index, k)[1] for index in each),
                tuple(best(index, k)[0] for index in each),
                others[k],
            )
        )
    return found


def distance(a: Array, b: Array) -> float:
    """How far `a` is from `b`, relative to the norm of `b`, if that is not 0."""
    return float(np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0))


def _tail(path: str) -> str:
    """A path without the name of its program, which becomes a group."""
    return path.removeprefix("/program")


def joined(texts: Sequence[str], compiler: Compiler) -> Program:
    """One program of all; each keeps its widgets in a group of its own."""
    lines = ['declare name "all";']
    for index, text in enumerate(texts):
        kept = "\n".join(line for line in text.splitlines() if not line.startswith("declare"))
        lines.append(f"part{index} = environment {{\n{kept}\n}};")
    parts = ", ".join(f'vgroup("at{k}", part{k}.process)' for k in range(len(texts)))
    source = "\n".join([*lines, f"process = {parts};"])
    return build(source, compiler=compiler, include=[BUILD], optimize="-O0")


def parted(signals: Any, widths: Sequence[int]) -> list[Array]:
    return np.split(np.asarray(signals, float), np.cumsum(widths)[:-1])


def _split_jvp(
    programs: Sequence[Whole],
    done: Sequence[DifferentiatedProgram],
    inputs: Array,
    frames: int,
    compiler: Compiler,
) -> list[tuple[Array, ...]]:
    """The partials of `df.jvp` for the programs that are functions; nothing for the others."""
    boxes, widths, rows = [], [], []
    start = 0
    for one, derived in zip(programs, done, strict=True):
        if one.function:
            sliders = ", ".join(map(repr, one.at))
            fed = "".join([", _"] * derived.inputs)
            boxes.append(f"(({sliders}{fed}) : df.jvp({len(one.at)}, {one.function}))")
            widths.append(derived.outputs * derived.stride)
            rows.extend(range(start, start + derived.inputs))
        start += derived.inputs
    source = f'{HEAD}df = library("diff.lib");\nprocess = {", ".join(boxes)};'
    compiled = build(source, compiler=compiler, include=[BUILD], optimize="-O0")
    signals = iter(parted(compiled.run(inputs[rows], frames), widths))
    found: list[tuple[Array, ...]] = []
    for one, derived in zip(programs, done, strict=True):
        own = next(signals) if one.function else None
        each = range(1, derived.stride)
        found.append(() if own is None else tuple(own[k :: derived.stride] for k in each))
    return found
