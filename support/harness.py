"""Many small programs in one: each box is fed by itself and compared with numbers given by hand.

Compiling takes half a second whatever the size of the program, so a file of tests collects its
cases, and each pair of compiler and precision compiles them once. References share nothing with the
table or the templates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, build
from support.paths import BUILD

Array = NDArray[np.float64]
#: An array, or nested lists, also of arrays.
Numbers = Array | Sequence[Any]

#: The length of a test over time.
FRAMES = 200

#: Inputs are fed divided by this power of two and multiplied by it in the program: exact, and the
#: compiler then knows an interval that holds the samples (a bare input counts as [-1, 1]).
SCALE = 2.0**20

LIBRARIES = """
df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");
ba = library("basics.lib"); os = library("oscillators.lib"); no = library("noises.lib");
"""


@dataclass(frozen=True)
class Tolerance:
    """How far numbers may be off, in double and in single; `single` is None where it is not tried.

    An error is relative to the number that is expected, or to `floor` (double, single) times the
    largest number of its signal, whichever is larger.
    """

    double: float
    single: float | None
    floor: tuple[float, float] = (0.0, 0.0)

    def of(self, double: bool) -> tuple[float, float]:
        """The relative error and the floor in a precision; that of STEPS where none is given."""
        single = STEPS.single if self.single is None else self.single
        assert single is not None
        return (self.double, self.floor[0]) if double else (single, self.floor[1])


#: A few roundings of 1e-16 or 6e-8, with room for the conditioning of a remainder. There is no
#: floor: what must be 0 is 0.
ROUNDINGS = Tolerance(1e-12, 3e-5)
#: A step costs a few roundings, which 200 steps of a recursion and the differences in a loss (of
#: logarithms, of velocities) amplify to some 1e-13 at most in double; 1e-9 leaves room for the
#: worst draw of random signals. A sum of terms may cancel: hence the floor.
STEPS = Tolerance(1e-9, 1e-4, (1e-6, 1e-1))


@dataclass(frozen=True)
class Case:
    """A box, what it is fed (inputs, frames), and what it must give (outputs, frames).

    `title` names it in a report. A case without inputs has an array without rows.
    """

    title: str
    box: str
    inputs: Array = field(compare=False)
    expected: Array = field(compare=False)
    tolerance: Tolerance = ROUNDINGS


def case(title: str, box: str, inputs: Numbers, expected: Numbers) -> Case:
    """A case from nested lists; of `inputs`, [] means none, and one list is one frame."""

    def channels(numbers: Numbers) -> Array:
        array = np.asarray(numbers, float)
        return array[:, np.newaxis] if array.ndim == 1 else array

    return Case(title, box, channels(inputs), channels(expected))


def case_over_time(
    title: str,
    box: str,
    inputs: ArrayLike,
    expected: ArrayLike,
    single: float | None = STEPS.single,
    double: float = STEPS.double,
) -> Case:
    """A case from signals; of `inputs`, [] means none, and one list is one signal."""
    fed = np.asarray(inputs, float)
    if not fed.size:
        fed = np.zeros((0, FRAMES))
    reference = np.atleast_2d(np.asarray(expected, float))
    assert np.isfinite(reference).all(), title
    tolerance = Tolerance(double, single, STEPS.floor)
    return Case(title, box, np.atleast_2d(fed), reference, tolerance)


def program(cases: Sequence[Case], prelude: str = "") -> str:
    """For each case its number of outputs; then the outputs of each case, on inputs of its own.

    Bargraphs of equal names are kept apart by groups.
    """
    lines = [LIBRARIES, prelude]
    heads, tails = [], []
    for index, one in enumerate(cases):
        fed = one.inputs.shape[0]
        feed = f"par(i, {fed}, *({SCALE})) : " if fed else ""
        lines.append(f"case_{index} = {one.box};")
        heads.append(f"outputs(case_{index})")
        tails.append(f'vgroup("case {index}", {feed}case_{index})')
    lines.append(f"process = {', '.join([*heads, *tails])};")
    return "\n".join(lines)


def compiled(
    source: str, compiler: Compiler, double: bool = True, optimize: str = "-O0"
) -> Program:
    """A program next to the library; of large ones g++ would optimize for longer than they run."""
    return build(source, compiler=compiler, double=double, include=[BUILD], optimize=optimize)


def outputs(cases: Sequence[Case], prelude: str, compiler: Compiler, double: bool) -> list[Array]:
    """What each case gives (outputs, frames), all run in one program."""
    made = compiled(program(cases, prelude), compiler, double)
    frames = max(max(one.inputs.shape[1], one.expected.shape[1]) for one in cases)
    fed = [
        np.pad(one.inputs, ((0, 0), (0, frames - one.inputs.shape[1])), mode="edge")
        for one in cases
        if one.inputs.size
    ]
    inputs = np.concatenate(fed) if fed else np.zeros((0, frames))
    signals = made.run(inputs / SCALE, frames).astype(float)
    counts = signals[: len(cases), 0].astype(int)
    ends = len(cases) + np.cumsum(counts)
    return [
        signals[end - count : end, : one.expected.shape[1]]
        for one, end, count in zip(cases, ends, counts, strict=True)
    ]


@functools.cache
def reports(
    cases: tuple[Case, ...], prelude: str, compiler: Compiler, double: bool
) -> dict[str, list[str]]:
    """What is wrong in each case that is meant for the precision, by title."""
    tried = tuple(one for one in cases if double or one.tolerance.single is not None)
    found = outputs(tried, prelude, compiler, double)
    return {one.title: differences(one, got, double) for one, got in zip(tried, found, strict=True)}


def differences(one: Case, got: Array, double: bool, absolute: float = 0.0) -> list[str]:
    """What is wrong with the outputs of a case, one line for each wrong output.

    What is not finite in both, and the same, agrees.
    """
    if got.shape != one.expected.shape:
        return [f"{one.title}: {got.shape[0]} outputs, expected {one.expected.shape[0]}"]
    same = (got == one.expected) | (np.isnan(got) & np.isnan(one.expected))
    close = same | near(got, one.expected, *one.tolerance.of(double), absolute)
    return [
        f"{one.title}: output {k} is {got[k, n]}, expected {one.expected[k, n]} (frame {n})"
        for k in np.flatnonzero(~close.all(axis=1))
        for n in np.flatnonzero(~close[k])[:1]
    ]


def near(
    got: ArrayLike, expected: Array, relative: float, floor: float, absolute: float = 0.0
) -> NDArray[np.bool_]:
    """Whether numbers agree: see `Tolerance`; an error up to `absolute` counts as none."""
    size = abs(expected)
    if floor:
        size = np.maximum(size, floor * size.max(axis=-1, keepdims=True))
    with np.errstate(invalid="ignore"):
        error = abs(np.asarray(got) - expected)
    allowed = np.where(np.isfinite(size), absolute + relative * size, 0.0)
    return np.asarray(error <= allowed)


def draw(seed: int, count: int, frames: int = FRAMES) -> Array:
    """`count` random signals, numbers that float32 holds, so that both precisions are fed alike."""
    numbers = np.random.default_rng(seed).normal(size=(count, frames))
    return np.asarray(np.float32(numbers), float)
