"""Voices by `fit` with a spectral loss, from races of starts, where no phase is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

import faustdiff

RATE = 44100
FRAMES = RATE // 2
FM = """import("stdfaust.lib");
f = hslider("f[diff:on][scale:log]", 500, 50, 5000, 0.01);
i = hslider("i[diff:on]", 1, 0, 10, 0.01);
phase(x) = 2*ma.PI*os.lf_sawpos(x);
process = 0.5*sin(phase(f) + i*sin(phase(1.414*f)));
"""
SUBTRACTIVE = """import("stdfaust.lib");
f = hslider("f[diff:on][scale:log]", 500, 50, 5000, 0.01);
fc = hslider("fc[diff:on][scale:log]", 1000, 100, 15000, 0.01);
q = hslider("q[diff:on][scale:log]", 1, 0.5, 20, 0.01);
a = hslider("a[diff:on][scale:log]", 0.05, 0.001, 1, 0.001);
d = hslider("d[diff:on][scale:log]", 0.3, 0.01, 3, 0.001);
env = ba.time/ma.SR <: (1-exp(0-_/a)), exp(0-_/d) : *;
process = 0.3*os.sawtooth(f)*env : fi.resonlp(fc, q, 1);
"""
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)))


def modulated(f: float, i: float, seed: int) -> np.ndarray:
    """The FM voice with phases of its own."""
    carrier, modulator = np.random.default_rng(seed).random(2) * 2 * np.pi
    time = np.arange(FRAMES) / RATE
    inner = np.sin(2 * np.pi * 1.414 * f * time + modulator)
    return np.asarray(0.5 * np.sin(2 * np.pi * f * time + carrier + i * inner))


def subtractive(f: float, fc: float, q: float, a: float, d: float, seed: int) -> np.ndarray:
    """A sum of sines with a phase of its own, an envelope, a resonant lowpass by hand."""
    time = np.arange(FRAMES) / RATE
    phase = f * time + np.random.default_rng(seed).random()
    partials = (np.sin(2 * np.pi * k * phase) / k for k in range(1, int(RATE / 2 / f) + 1))
    saw = -2 / np.pi * np.sum(list(partials), axis=0)
    sound = 0.3 * saw * (1 - np.exp(-time / a)) * np.exp(-time / d)
    c = 1 / np.tan(np.pi * fc / RATE)
    below = [c * c + c / q + 1, 2 - 2 * c * c, c * c - c / q + 1]
    return np.asarray(lfilter([1, 2, 1], below, sound))


def check(text: str, target: np.ndarray, hidden: dict[str, float], seed: int) -> None:
    """Pitch within 0.1 %, the rest within 3 %, and called found."""
    found = faustdiff.fit(text, None, target, RATE, loss="mrstft", starts=64, seed=seed)
    assert found.verdict.good, found.verdict
    assert found.values["f"] == pytest.approx(hidden["f"], rel=1e-3)
    assert found.values == pytest.approx(hidden, rel=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_frequency_modulation(seed: int) -> None:
    hidden = {"f": 440.0, "i": 2.5}
    check(FM, modulated(**hidden, seed=seed), hidden, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_subtractive(seed: int) -> None:
    hidden = {"f": 220.0, "fc": 1800.0, "q": 4.0, "a": 0.03, "d": 0.2}
    check(SUBTRACTIVE, subtractive(**hidden, seed=seed), hidden, seed)
