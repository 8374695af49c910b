"""Boxes over time against references in NumPy: many in one program, in double and in single.

A reference is written from the formulas of a paper, in float64, and shares nothing with the table
or the templates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rows import BUILD, SCALE

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, Signals, build

Array = NDArray[np.float64]

FRAMES = 200

#: Double: a step costs a few roundings of 1e-16, which 200 steps of a recursion and the differences
#: in a loss (of logarithms, of velocities) amplify to some 1e-13 at most; 1e-9 leaves room for the
#: worst draw of random signals. Single: the same with roundings of 6e-8.
RELATIVE = {True: 1e-9, False: 1e-4}
#: A sum of terms may cancel: below this fraction of the largest in a signal, errors are absolute.
FLOOR = {True: 1e-6, False: 1e-1}

LIBRARIES = """
df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");
ba = library("basics.lib"); os = library("oscillators.lib"); no = library("noises.lib");
"""


@dataclass(frozen=True)
class Trial:
    """A box, the signals (inputs, frames) it is fed, and what it must give (outputs, frames).

    Without inputs the array has no rows. `double` and `single` are relative tolerances; `single` is
    None where the box is meant for double only.
    """

    title: str
    box: str
    inputs: Array = field(compare=False)
    expected: Array = field(compare=False)
    single: float | None = RELATIVE[False]
    double: float = RELATIVE[True]


def trial(
    title: str,
    box: str,
    inputs: ArrayLike,
    expected: ArrayLike,
    single: float | None = RELATIVE[False],
    double: float = RELATIVE[True],
) -> Trial:
    """A trial from nested lists; of `inputs`, [] means none."""
    fed = np.asarray(inputs, float)
    if not fed.size:
        fed = np.zeros((0, FRAMES))
    reference = np.atleast_2d(np.asarray(expected, float))
    return Trial(title, box, np.atleast_2d(fed), reference, single, double)


def program(trials: Sequence[Trial], prelude: str = "") -> str:
    """For each trial its number of outputs; then the outputs of each trial, on inputs of its own.

    Bargraphs of equal names are kept apart by groups.
    """
    lines = [LIBRARIES, prelude]
    heads, tails = [], []
    for index, one in enumerate(trials):
        # A bare input counts as [-1, 1]; scaled, the compiler knows an interval that holds it.
        fed = one.inputs.shape[0]
        feed = f"par(i, {fed}, *({SCALE})) : " if fed else ""
        lines.append(f"trial_{index} = {one.box};")
        heads.append(f"outputs(trial_{index})")
        tails.append(f'vgroup("trial {index}", {feed}trial_{index})')
    lines.append(f"process = {', '.join([*heads, *tails])};")
    return "\n".join(lines)


def compiled(
    source: str, compiler: Compiler, double: bool = True, optimize: str = "-O0"
) -> Program:
    """A program next to the library; of large ones g++ would optimize for longer than they run."""
    return build(source, compiler=compiler, double=double, include=[BUILD], optimize=optimize)


def outputs(
    trials: Sequence[Trial], prelude: str, compiler: Compiler, double: bool
) -> list[Signals]:
    """What each trial gives (outputs, frames), all run in one program."""
    made = compiled(program(trials, prelude), compiler, double)
    frames = max(max(one.inputs.shape[1], one.expected.shape[1]) for one in trials)
    fed = [
        np.pad(one.inputs, ((0, 0), (0, frames - one.inputs.shape[1])), mode="edge")
        for one in trials
        if one.inputs.size
    ]
    inputs = np.concatenate(fed) if fed else np.zeros((0, frames))
    signals = made.run(inputs / SCALE, frames)
    counts = signals[: len(trials), 0].astype(int)
    ends = len(trials) + np.cumsum(counts)
    return [
        signals[end - count : end, : one.expected.shape[1]].astype(float)
        for one, end, count in zip(trials, ends, counts, strict=True)
    ]


@functools.cache
def reports(
    trials: tuple[Trial, ...], prelude: str, compiler: Compiler, double: bool
) -> dict[str, list[str]]:
    """What is wrong in each trial, by title, from one program for all."""
    tried = tuple(one for one in trials if double or one.single is not None)
    found = outputs(tried, prelude, compiler, double)
    return {one.title: differences(one, got, double) for one, got in zip(tried, found, strict=True)}


def differences(one: Trial, got: Signals, double: bool) -> list[str]:
    """What is wrong with the outputs of a trial, one line for each wrong output."""
    if got.shape[0] != one.expected.shape[0]:
        return [f"{one.title}: {got.shape[0]} outputs, expected {one.expected.shape[0]}"]
    relative = one.double if double else one.single or RELATIVE[False]
    close = near(got, one.expected, relative, FLOOR[double])
    return [
        f"{one.title}: output {k} is {got[k, n]}, expected {one.expected[k, n]} (frame {n})"
        for k in np.flatnonzero(~close.all(axis=1))
        for n in np.flatnonzero(~close[k])[:1]
    ]


def near(got: ArrayLike, expected: Array, relative: float, floor: float) -> NDArray[np.bool_]:
    """Whether numbers agree up to `relative`; those below `floor` times the largest, absolutely."""
    scale = np.maximum(abs(expected), floor * abs(expected).max(axis=-1, keepdims=True))
    return np.asarray(abs(np.asarray(got) - expected) <= relative * scale)


def draw(seed: int, count: int, frames: int = FRAMES) -> Array:
    """`count` random signals, numbers that float32 holds, so that both precisions are fed alike."""
    numbers = np.random.default_rng(seed).normal(size=(count, frames))
    return np.asarray(np.float32(numbers), float)
