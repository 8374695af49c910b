"""Programs with `fad` and `rad`, each against central differences of the same expression.

A program shows what its seeds were, sample by sample, then what `fad` or `rad` gave. The reference
is the same expression as a function of those seeds.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.harness import SCALE
from support.paths import BUILD

Array = NDArray[np.float64]

FRAMES = 400
#: Five-point differences: the truncation is of the fourth order, the rounding some 1e-12.
STEP = 1e-4
TOLERANCE = 1e-6

#: What the programs have in common: as they would be written for the compiler that has both words.
HEAD = """
import("stdfaust.lib");
df = library("diff.lib");
fad = df.fad;
rad = df.rad;
a = hslider("a", 0.6, 0.1, 4, 0.01);
b = hslider("b", 1.5, 0.1, 4, 0.01);
c = hslider("c", 0.25, -1, 1, 0.01);
f = hslider("f", 700, 50, 4000, 1);
x = no.noise;
smooth = hslider("smooth", 0.5, 0, 1, 0.01) : si.smoo;
pair = (a, b) : \\(p, q).(p + q, p * q);
two = nentry("two", 0.5, 0, 1, 0.01);
h(i) = hslider("h%i", 0.02 * (i + 1), -1, 1, 0.01);
loss(y, t) = (y - t) * (y - t);
doubled = smooth * 2;
scaled = 2 * (b : si.smoo);
quick = a : si.smooth(0.5);
slow = a : si.smooth(0.9);
smoother = smooth : si.smoo : +(1);
smoothest = smoother : si.smooth(0.5);
"""


@dataclass(frozen=True)
class Case:
    """An expression and its seeds, by name; `program` where it is not simply `fad(EXPR, SEEDS)`.

    A program gives its seeds, then what is tested. `function` is the expression of the names.
    """

    title: str
    expression: str
    names: tuple[str, ...]
    word: str = "fad"
    program: str = ""
    signals: str = ""

    @property
    def function(self) -> str:
        """The expression as a function of its seeds."""
        return rf"\({', '.join(self.names)}).({self.expression})"

    @property
    def text(self) -> str:
        """The program: its seeds, then values and derivatives."""
        if self.program:
            return self.program
        seeds = ", ".join(self.names)
        called = f"{self.word}(({self.expression}), ({seeds}))"
        return f"{seeds}, ({self.signals} : {called})" if self.signals else f"{seeds}, {called}"


def both(title: str, expression: str, *names: str, signals: str = "") -> list[Case]:
    """A case for each of the two words."""
    return [
        Case(f"{word}: {title}", expression, names, word, signals=signals)
        for word in ("fad", "rad")
    ]


#: A state of a recursion is a seed inside of the loop; the loop gives it, then what `fad` gave.
def state(title: str, expression: str, *names: str, word: str = "fad") -> Case:
    """A gradient descent on `expression`, whose states are the seeds."""
    count = len(names)
    seeds = ", ".join(names)
    got = f"{word}({expression}, ({seeds}))"
    steps = [
        f"({name} - 0.05 * ({got} : {pick(k + 1, count + 1)}))" for k, name in enumerate(names)
    ]
    loop = rf"(\({seeds}).({', '.join(steps)}, {seeds}, {got}))"
    kept = ", ".join("!" * count + "_" * (2 * count + 1))
    program = f"({loop} ~ ({', '.join('_' * count)})) : {kept}"
    return Case(f"{word}: {title}", expression, names, word, program)


def pick(index: int, count: int) -> str:
    """One of `count` wires."""
    return ", ".join("_" if k == index else "!" for k in range(count))


def function_of(case: Case) -> str:
    """The expression as a function of the names, which are what a lambda can bind."""
    if case.title.startswith(("wires", "a bus")):
        return case.expression
    names = {name: re.sub(r"\W", "_", name) for name in case.names}
    text = case.expression
    for name, plain in names.items():
        if name != plain:
            text = text.replace(name, plain)
    if names and case.expression.startswith("x <: par(i, 16"):
        terms = ", ".join(f"(x @ {i}) * h_{i}_" for i in range(16))
        text = f"({terms}) :> _"
    bound = rf"\({', '.join(names.values())}).({text})"
    return f"si.bus({len(names)}), ({case.signals}) : {bound}" if case.signals else bound


PRELUDE = HEAD + "s = a + b;\ny = 0.3;\n"


#: The time of the compiler 2.54.9 grows with the square of a program.
GROUP = 8


@functools.cache
def programs(compiler: Compiler, cases: tuple[Case, ...]) -> tuple[list[Array], list[list[Array]]]:
    """For each case what its program gives, and the partials of its function."""
    lines = [f"case_{i} = {case.text};" for i, case in enumerate(cases)]
    counts = [f"outputs(case_{i})" for i in range(len(cases))]
    names = [f"case_{i}" for i in range(len(cases))]
    source = "\n".join([PRELUDE, *lines, f"process = {', '.join(counts + names)};"])
    both_given = build(source, compiler=compiler, include=[BUILD], optimize="-O0").run(None, FRAMES)
    sizes, given = both_given[: len(cases), 0].astype(int), both_given[len(cases) :]
    got = np.split(given.astype(float), np.cumsum(sizes)[:-1])
    fed = [f"(par(i, {len(case.names)}, *({SCALE})) : {function_of(case)})" for case in cases]
    source = f"{PRELUDE}process = {', '.join(fed)};"
    plain = build(source, compiler=compiler, include=[BUILD], optimize="-O0")
    seeds = [block[: len(case.names)] for case, block in zip(cases, got, strict=True)]

    def run(index: int, shift: float) -> Array:
        """All functions, with the seed of this index of each shifted by a fraction of its size."""
        moved = [block.copy() for block in seeds]
        for block in moved:
            if index < len(block):
                block[index] += shift * size(block[index])
        return plain.run(np.vstack(moved) / SCALE).astype(float)

    ends = np.cumsum([outputs_of(case, n) for case, n in zip(cases, sizes, strict=True)])[:-1]
    partials: list[list[Array]] = [[block] for block in np.split(run(0, 0.0), ends)]
    for index in range(max(len(case.names) for case in cases)):
        at = {k: run(index, k * STEP) for k in (-2, -1, 1, 2)}
        difference = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * STEP)
        for k, block in enumerate(np.split(difference, ends)):
            if index < len(seeds[k]):
                partials[k].append(block / size(seeds[k][index]))
    return got, partials


def size(seed: Array) -> float:
    """What a step is a fraction of."""
    return float(np.abs(seed).max()) or 1.0


def outputs_of(case: Case, size_of_program: int) -> int:
    """How many outputs an expression has, from those of its program."""
    rest = size_of_program - len(case.names)
    return rest // (1 + len(case.names)) if case.word == "fad" else rest - len(case.names)


def check_derivatives(compiler: Compiler, cases: list[Case], index: int) -> None:
    """Compares one of the cases with differences; it is compiled with its group."""
    group = index // GROUP * GROUP
    case = cases[index]
    got, partials = programs(compiler, tuple(cases[group : group + GROUP]))
    value, *expected = partials[index % GROUP]
    count = len(case.names)
    given = got[index % GROUP][count:]
    assert np.isfinite(given).all()
    if case.word == "fad":
        derivatives = [given[k :: count + 1] for k in range(count + 1)]
    else:
        derivatives = [given[: len(value)], *given[len(value) :, np.newaxis]]
        expected = [block.sum(axis=0, keepdims=True) for block in expected]
    np.testing.assert_allclose(derivatives[0], value, rtol=1e-12, atol=1e-12)
    assert case.title.endswith("absent") or any(np.abs(block).max() > 0 for block in expected)
    for derivative, block in zip(derivatives[1:], expected, strict=True):
        scale = np.abs(block).max() + 1e-9
        np.testing.assert_allclose(derivative, block, atol=TOLERANCE * scale, rtol=0)
