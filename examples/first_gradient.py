"""Compiles gain_dc.dsp on the fresh library and holds its partials against finite differences."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from faustdiff.faust.compilers import FaustError
from faustdiff.faust.program import Program, build

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parent / "build"
POINT = {"gain": 0.5, "dc": 0.25}
#: A finite difference loses half the digits: steps and tolerances in double and in single.
STEP = {True: 1e-6, False: 1e-2}
TOLERANCE = {True: 1e-9, False: 1e-4}


def main() -> int:
    """Prints the table; the exit code says whether the partials hold."""
    source = (HERE / "gain_dc.dsp").read_text(encoding="utf-8")
    program = _compiled(source)
    signal = np.array([[1.0, -0.5, 0.25, 0.75]])
    value, *partials = program.run(signal, controls=POINT)
    worst = 0.0
    print(
        "sample   input     value" + "".join(f"{f'd/d{name}':>10}{'diff.':>10}" for name in POINT)
    )
    differences = [_difference(program, signal, name) for name in POINT]
    for n, x in enumerate(signal[0]):
        pairs = [(p[n], q[n]) for p, q in zip(partials, differences, strict=True)]
        worst = max(worst, *(abs(p - q) for p, q in pairs))
        numbers = "".join(f"{p:10.5f}{q:10.5f}" for p, q in pairs)
        print(f"{n:6d}{x:8.3f}{value[n]:10.5f}{numbers}")
    holds = worst <= TOLERANCE[program.double]
    print(f"largest distance {worst:.1e}: {'the partials hold' if holds else 'WRONG'}")
    return 0 if holds else 1


def _compiled(source: str) -> Program:
    """In double where there is a C++ compiler, else in single by the interpreter of cyfaust."""
    try:
        return build(source, include=[LIBRARY])
    except FaustError as error:
        print(f"{error}\ncontinuing in single precision, with the interpreter of cyfaust")
        return build(source, double=False, include=[LIBRARY])


def _difference(program: Program, signal: np.ndarray, name: str) -> np.ndarray:
    """The central difference of the value with respect to one slider, by sample."""
    step = STEP[program.double]
    above, below = (
        program.run(signal, controls={**POINT, name: POINT[name] + h})[0] for h in (step, -step)
    )
    return (above - below) / (2 * step)


if __name__ == "__main__":
    sys.exit(main())
