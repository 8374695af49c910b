"""An hour at 48 kHz: partials of an oscillator, a filter and a neuron do not drift.

In double they are held against central differences at the end of the hour. In single they stay
finite and bounded; a phase is a sum over all frames, so its tangent in single stops growing after
512 s, which the test states.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

pytestmark = pytest.mark.slow

RATE, BLOCK = 48000, 1 << 19
BLOCKS = 3600 * RATE // BLOCK
PROGRAM = """
import("stdfaust.lib");
f = hslider("f", 440, 20, 2000, 0.001); fc = hslider("fc", 1200, 100, 8000, 0.1);
w = hslider("w", 1.5, -4, 4, 0.001); b = hslider("b", 0.2, -4, 4, 0.001);
phase = f / ma.SR : (+ : \\(x).(x - floor(x))) ~ _;
process = sin(2 * ma.PI * phase) : fi.lowpass(2, fc) : *(w) : +(b) : ma.tanh;
"""
#: Of a slider, for differences: an hour of f is 2 pi 3600 f rad, so its step is small.
STEPS = {"f": 1e-6, "fc": 0.5, "w": 1e-3, "b": 1e-3}
#: The error of the formula is of the fourth order: 1e-8 at most. The phase is rounded 1.7e8 times
#: by up to 5e-17, not at random for it repeats itself: 1e-8 turns, of the 2e-2 rad that the step of
#: f is in the end. The other sliders do not meet that sum.
RELATIVE = {"f": 5e-6, "fc": 1e-7, "w": 1e-7, "b": 1e-7}


@functools.cache
def last_second(
    compiler: Compiler, text: str, double: bool, slider: str = "", value: float = 0.0
) -> np.ndarray:
    """The outputs in the last second of the hour, with one slider set to a value."""
    session = build(text, compiler=compiler, double=double).session(sample_rate=RATE)
    if slider:
        session.set(slider, value)
    for _ in range(BLOCKS - 1):
        session.compute(frames=BLOCK)
    return session.compute(frames=BLOCK).astype(float)[:, -RATE:]


def test_an_hour_in_double(compiler: Compiler) -> None:
    done = differentiate(PROGRAM, all_continuous=True, compiler=compiler)
    duals = last_second(compiler, done.text, True)
    for one, partial in zip(done.params, duals[1:], strict=True):
        step = STEPS[one.label]
        at = {
            k: last_second(compiler, PROGRAM, True, one.label, one.init + k * step)[0]
            for k in (-2, -1, 1, 2)
        }
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        error = abs(partial - slope).max() / abs(slope).max()
        print(f"{one.label}: {error:.1e}")
        assert error < RELATIVE[one.label], f"{one.label}: {error:g}"


def test_an_hour_in_single(compiler: Compiler) -> None:
    done = differentiate(PROGRAM, all_continuous=True, compiler=compiler)
    double = last_second(compiler, done.text, True)
    single = last_second(compiler, done.text, False)
    assert np.isfinite(single).all()
    names = ("value", *(one.label for one in done.params))
    sizes = dict(zip(names, abs(single).max(axis=1), strict=True))
    exact = dict(zip(sizes, abs(double).max(axis=1), strict=True))
    print("single, double:", {name: (sizes[name], exact[name]) for name in names})
    for name in ("value", "fc", "w", "b"):
        assert sizes[name] == pytest.approx(exact[name], rel=0.05), name
    # The tangent of the phase grows by 1/48000 a frame, in turns, until half a rounding of the sum
    # is more: at the next power of two, which is 512 s.
    stalled = 2 ** math.ceil(math.log2(2**24 / RATE))
    assert stalled == 512
    assert sizes["f"] == pytest.approx(exact["f"] * stalled / 3600, rel=0.02)
