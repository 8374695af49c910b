"""When a frequency that a program in Faust learns online has settled, for tables of such times.

Such a program has the controls `hidden` and `learned`, in Hz. It learns for 20 s at 44.1 kHz, in
single precision, as it would in a browser.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import CompiledProgram, build

LIBRARY = Path(__file__).resolve().parent.parent / "build"
RATE = 44100
SECONDS = 20
READINGS_PER_SECOND = 20
TOLERANCE = 0.01
#: A frequency beyond is not worth its digits, in Hz.
LOST = 1e5


def compiled(text: str) -> CompiledProgram:
    """The program of a Faust text."""
    program = build(text, compiler=find_compiler(), double=False, include=[LIBRARY], optimize="-O2")
    assert isinstance(program, CompiledProgram)
    return program


def trial(program: CompiledProgram, hidden: float, **controls: float) -> str:
    """A cell of a table: when it stays within TOLERANCE until the end, or where it ends."""
    session = program.session(sample_rate=RATE)
    for name, value in {**controls, "hidden": hidden}.items():
        session.set(name, value)
    learned = []
    for _ in range(SECONDS * READINGS_PER_SECOND):
        session.compute(frames=RATE // READINGS_PER_SECOND)
        learned.append(session.get("learned"))
    away = np.flatnonzero(~(abs(np.array(learned) / hidden - 1) <= TOLERANCE))
    if not away.size:
        return "0 s"
    # What is near the truth for the last second only may be passing by.
    if away[-1] >= len(learned) - READINGS_PER_SECOND:
        return f"-> {learned[-1]:.0f}" if abs(learned[-1]) < LOST else "lost"
    return f"{(away[-1] + 1) / READINGS_PER_SECOND:.1f} s"
