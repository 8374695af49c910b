"""Many small programs in one: each box is fed by itself and compared with numbers given by hand.

Compiling takes half a second whatever the size of the program, so a file of tests collects its
cases, and each pair of compiler and precision compiles them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import BUILD, SCALE

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

Array = NDArray[np.float64]
#: An array, or nested lists, also of arrays.
Numbers = Array | Sequence[Any]

#: A few roundings of 1e-16 or 6e-8, with room for the conditioning of a remainder. There is no
#: absolute tolerance: what must be 0 is 0.
RELATIVE = {True: 1e-12, False: 3e-5}

LIBRARIES = """
df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");
ba = library("basics.lib");
"""


@dataclass(frozen=True)
class Case:
    """A box, what it is fed (inputs, frames), and what it must give (outputs, frames).

    `title` names it in a report. A case without inputs gives the last of its frames forever.
    """

    title: str
    box: str
    inputs: Array = field(compare=False)
    expected: Array = field(compare=False)


def case(title: str, box: str, inputs: Numbers, expected: Numbers) -> Case:
    """A case from nested lists; of `inputs`, [] means none, and one list is one frame."""

    def channels(numbers: Numbers) -> Array:
        array = np.asarray(numbers, float)
        return array[:, np.newaxis] if array.ndim == 1 else array

    return Case(title, box, channels(inputs), channels(expected))


def program(cases: Sequence[Case], prelude: str) -> str:
    """For each case its number of outputs; then the outputs of each case, on inputs of its own."""
    lines = [LIBRARIES, prelude]
    heads, tails = [], []
    for index, one in enumerate(cases):
        fed = one.inputs.shape[0]
        lines.append(f"case_{index} = {one.box};")
        heads.append(f"outputs(case_{index})")
        # A bare input counts as [-1, 1]; scaled, the compiler knows an interval that holds it.
        feed = f"par(i, {fed}, *({SCALE})) : " if fed else ""
        tails.append(f"({feed}case_{index})")
    lines.append(f"process = {', '.join([*heads, *tails])};")
    return "\n".join(lines)


def outputs(cases: Sequence[Case], prelude: str, compiler: Compiler, double: bool) -> list[Array]:
    """What each case gives (outputs, frames), all run in one program."""
    source = program(cases, prelude)
    # Of such a program g++ would optimize for longer than all else takes together.
    compiled = build(source, compiler=compiler, double=double, include=[BUILD], optimize="-O0")
    frames = max((one.inputs.shape[1] for one in cases), default=1)
    frames = max(frames, *(one.expected.shape[1] for one in cases))
    fed = [
        np.pad(one.inputs, ((0, 0), (0, frames - one.inputs.shape[1])), mode="edge")
        for one in cases
        if one.inputs.size
    ]
    inputs = np.concatenate(fed) if fed else np.zeros((0, frames))
    signals = compiled.run(inputs / SCALE, frames).astype(float)
    counts = signals[: len(cases), 0].astype(int)
    ends = len(cases) + np.cumsum(counts)
    return [
        signals[end - count : end, : one.expected.shape[1]]
        for one, end, count in zip(cases, ends, counts, strict=True)
    ]


def differences(one: Case, got: Array, double: bool, absolute: float = 0.0) -> list[str]:
    """What is wrong with the outputs of a case, one line for each wrong output."""
    if got.shape != one.expected.shape:
        return [f"{one.title}: {got.shape[0]} outputs, expected {one.expected.shape[0]}"]
    close = np.isclose(got, one.expected, rtol=RELATIVE[double], atol=absolute, equal_nan=True)
    return [
        f"{one.title}: output {k} is {got[k, n]}, expected {one.expected[k, n]} (frame {n})"
        for k in np.flatnonzero(~close.all(axis=1))
        for n in np.flatnonzero(~close[k])[:1]
    ]
