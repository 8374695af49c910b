"""An hour at 48 kHz: partials of an oscillator, a filter and a neuron do not drift.

In double they are held against central differences at the end of the hour. In single they stay
finite and bounded; a phase is a sum over all frames, so its tangent in single stops growing once it
is 2^24 times its step, which the test states.
"""

from __future__ import annotations

import functools

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
#: The phase rounds 1.7e8 times by 1e-16 at most, 1e-12 as a walk; divided by the step of f, of the
#: slope 2e4: 1e-10. The rest is the error of the formula, of fourth order.
RELATIVE = 1e-7


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
        assert error < RELATIVE, f"{one.label}: {error:g}"


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
    # The tangent of the phase grows by 1/48000 a frame, until that is half a rounding of the sum.
    stalled = 2.0**-1 / (2.0**-24 * RATE) * 2
    assert sizes["f"] <= exact["f"] / 3600 * stalled
