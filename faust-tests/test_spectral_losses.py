"""Spectral losses in Faust: transform, values and gradients, against NumPy and differences."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import faustdiff
from faustdiff.faust.compilers import Compiler, find_compiler
from faustdiff.faust.program import CompiledProgram, Program
from faustdiff.fitting.report import summary
from support.harness import Array, compiled

pytestmark = pytest.mark.xdist_group("spectral_losses")

SIZE = 16
RATE = 44100
FRAMES = 8 * SIZE
TRANSFORM = """
df = library("diff.lib");
process = _ <: df.spectrum(SIZE, df.windows.hann, SHIFT), df.spectrum_bin(SIZE, SHIFT);
"""
#: Frequency and level of a sine and half of its second partial: its own partials by hand.
LOSSES = """
df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");
f = hslider("frequency", 3000, 0, 20000, 0.001); g = hslider("gain", 0.5, 0, 1, 0.001);
vars = df.vars((f, g)); d = df.env(vars);
osc(f) = f / ma.SR : (+ : \\(x).(x - floor(x))) ~ _ : *(2 * ma.PI) : sin;
truth = 0.3 * osc(5000) + 0.1 * osc(9000);
voice(f, g) = g * (osc(f) + 0.5 * osc(2 * f));
process = truth, (f, 1, 0, g, 0, 1 : d.fwd(\\(f, g).(voice(f, g)))) <: KINDS;
"""
KINDS = {
    "stft": "d.learnSTFT(16, si.bus(2))",
    "kl": "d.learnKL(16, si.bus(2))",
    "ot": "d.learnSpectralOT(16, si.bus(2))",
    "multi": "d.learnMultiSTFT((16, 8), si.bus(2))",
    "windowed": "d.learnSTFTWith(16, df.windows.rectangular, 4, si.bus(2))",
}
PLACES = ((3000.0, 0.5), (700.0, 0.2))
FLOOR = 1e-9


@pytest.mark.parametrize(("size", "shift"), [(2, 0), (4, 1), (16, 0), (64, 48)])
def test_transform_is_that_of_numpy(compiler: Compiler, size: int, shift: int) -> None:
    """Bins in the order that `spectrum_bin` says, of every whole frame, to 1e-12."""
    text = TRANSFORM.replace("SIZE", str(size)).replace("SHIFT", str(shift))
    signal = np.random.default_rng(size).normal(size=(1, 5 * size))
    real, imaginary, bins = compiled(text, compiler).run(signal, signal.shape[1])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    for frame in range(1, 4):
        start = frame * size - shift
        expected = np.fft.fft(signal[0, start : start + size] * window)
        out = slice(start + size - 1, start + 2 * size - 1)
        order = bins[out].astype(int)
        assert sorted(order) == list(range(size))
        assert real[out] + 1j * imaginary[out] == pytest.approx(expected[order], abs=1e-12)


@functools.cache
def losses(compiler: Compiler) -> Program:
    """A program that gives loss and two partials of each of `KINDS`."""
    return compiled(LOSSES.replace("KINDS", ", ".join(KINDS.values())), compiler)


def run(compiler: Compiler, frequency: float, gain: float) -> dict[str, Array]:
    """Loss and partials (3, FRAMES) of each."""
    controls = {"frequency": frequency, "gain": gain}
    got = np.asarray(losses(compiler).run(frames=FRAMES, controls=controls), float)
    return dict(zip(KINDS, got.reshape(len(KINDS), 3, FRAMES), strict=True))


def signals(frequency: float, gain: float) -> tuple[Array, Array]:
    """Estimate and truth, as the program makes them."""

    def osc(hertz: float) -> Array:
        return np.sin(2 * np.pi * hertz * np.arange(1, FRAMES + 1) / RATE)

    estimate = gain * (osc(frequency) + 0.5 * osc(2 * frequency))
    return estimate, 0.3 * osc(5000) + 0.1 * osc(9000)


def powers(signal: Array, start: int, size: int, window: Array) -> Array:
    """Power by bin of one frame; a sine of amplitude 1 has 1."""
    spectrum = np.fft.rfft(signal[start : start + size] * window)
    return np.asarray(abs(spectrum) ** 2 * (2 / window.sum()) ** 2)


def stft(power: Array, target: Array) -> float:
    one, two = np.sqrt(power + 1e-6), np.sqrt(target + 1e-6)
    return float(np.mean((one - two) ** 2 + np.log(one / two) ** 2))


def kl(power: Array, target: Array) -> float:
    p, q = power + FLOOR, target + FLOOR
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(q * np.log(q / p)))


def ot(power: Array, target: Array) -> float:
    p, q = (power[1:] + FLOOR) ** 2, (target[1:] + FLOOR) ** 2
    away = np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()
    k = np.arange(1, len(p) + 1)
    return float(np.sum(abs(away) * np.log2((k + 1) / k)) ** 2)


def blackman_harris(size: int) -> Array:
    u = 2 * np.pi * np.arange(size) / size
    parts = (0.35875, -0.48829, 0.14128, -0.01168)
    return np.asarray(sum(a * np.cos(k * u) for k, a in enumerate(parts)))


@pytest.mark.parametrize("place", PLACES)
def test_values_in_numpy(compiler: Compiler, place: tuple[float, float]) -> None:
    """Those of the last whole frames, to 1e-9."""
    found = run(compiler, *place)
    estimate, truth = signals(*place)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)

    def mean(of: object, window: Array, ends: list[int]) -> float:
        values = []
        for end in ends:
            pair = [powers(s, end - SIZE, SIZE, window) for s in (estimate, truth)]
            values.append(of(*pair))  # type: ignore[operator]
        return float(np.mean(values))

    # In sample n, a frame has come out that ended 2 SIZE - 1 samples before it, or a hop earlier.
    last = FRAMES - SIZE
    assert found["stft"][0, -1] == pytest.approx(
        mean(stft, hann, [last, last - SIZE // 2]), rel=1e-9
    )
    assert found["kl"][0, -1] == pytest.approx(mean(kl, hann, [last, last - SIZE // 2]), rel=1e-9)
    ends = [last, last - 4, last - 8, last - 12]
    assert found["windowed"][0, -1] == pytest.approx(mean(stft, np.ones(SIZE), ends), rel=1e-9)
    assert found["ot"][0, -1] == pytest.approx(
        mean(ot, blackman_harris(SIZE), [last - SIZE]), rel=1e-9
    )


@pytest.mark.parametrize("place", PLACES)
def test_gradients_against_differences(compiler: Compiler, place: tuple[float, float]) -> None:
    """To 1e-6 of the slope, or, for the level, on which shares do not depend, of the loss."""
    found = run(compiler, *place)
    late = slice(6 * SIZE, None)
    for index, step in enumerate((1e-3, 1e-6)):
        shift = np.eye(2)[index] * step
        at = {k: run(compiler, *(place + k * shift)) for k in (-2, -1, 1, 2)}
        for kind in KINDS:
            v = {k: one[kind][0, late] for k, one in at.items()}
            slope = (8 * (v[1] - v[-1]) - (v[2] - v[-2])) / (12 * step)
            error = abs(found[kind][1 + index, late] - slope).max()
            scale = abs(slope).max()
            if kind in ("kl", "ot") and index == 1:
                scale = max(scale, found[kind][0, late].max())
            assert error < 1e-6 * scale, (kind, index, error, scale)


def test_finite_at_silence(compiler: Compiler) -> None:
    assert all(np.isfinite(one).all() for one in run(compiler, 0.0, 0.0).values())


VOICE = """
import("stdfaust.lib");
f = hslider("f[diff:on][scale:log]", 500, 50, 10000, 0.01);
process = 0.5 * sin(2 * ma.PI * os.lf_sawpos(f));
"""


@pytest.mark.parametrize("hidden", [60.0, 2000.0])
def test_fit_finds_a_pitch_by_transport(hidden: float) -> None:
    """A sine of another phase, from 500 Hz: to 0.1 %, in 50 passes."""
    target = 0.5 * np.sin(2 * np.pi * hidden * np.arange(RATE // 4) / RATE + 1)
    found = faustdiff.fit(VOICE, None, target, RATE, loss="ot")
    assert found.values["f"] == pytest.approx(hidden, rel=1e-3)
    assert found.details.passes <= 50
    assert found.verdict.good


def oscillator(wave: str) -> str:
    """A program with an oscillator of the standard library, and the slider f."""
    return VOICE.replace("sin(2 * ma.PI * os.lf_sawpos(f))", wave)


def recorded(text: str, hertz: float) -> Array:
    """What a program plays, from the middle."""
    program = compiled(text, find_compiler())
    sound = program.run(None, RATE // 4 + 1234, sample_rate=RATE, controls={"f": hertz})
    return np.asarray(sound, float)[:, 1234:]


@pytest.mark.parametrize(
    ("wave", "hidden", "loss"),
    [
        ("os.square(f)", 60.0, "ot"),
        ("os.square(f)", 220.0, "mrstft"),
        ("os.sawtooth(f)", 140.0, "ot"),
        ("os.sawtooth(f)", 8000.0, "ot"),
        ("os.lf_squarewave(f)", 880.0, "ot"),
    ],
)
def test_fit_finds_the_pitch_of_oscillators(wave: str, hidden: float, loss: str) -> None:
    """Of many partials and another phase, from 500 Hz: to 0.1 %, in 50 passes, and called found."""
    text = oscillator(wave)
    found = faustdiff.fit(text, None, recorded(text, hidden), RATE, loss=loss)
    assert found.values["f"] == pytest.approx(hidden, rel=1e-3)
    assert found.details.passes <= 50
    assert found.verdict.kind == "found, by spectra"
    by_jumps = "the output does not depend on 'f', or by jumps alone: found by the pitch"
    assert (by_jumps in found.warnings) == ("lf_" in wave)


def test_a_pitch_out_of_reach_is_a_poor_match() -> None:
    """The distance is 0.006 there, on a scale of its own: the verdict is by one measure for all."""
    target = 0.5 * np.sin(2 * np.pi * 330 * np.arange(RATE // 4) / RATE)
    found = faustdiff.fit(
        VOICE.replace("500, 50, 10000", "150, 50, 200"), None, target, RATE, loss="ot"
    )
    assert found.verdict.kind == "poor match"
    (line,) = summary(found.details.setup, found.details)
    assert "spectra differ by" in line
    assert "error to signal" not in line


def test_another_level_is_named() -> None:
    """By a loss that knows levels; one of shares of energy does not judge them."""
    text = oscillator("os.sawtooth(f)")
    target = recorded(text, 220.0) / 10
    found = faustdiff.fit(text, None, target, RATE, loss="mrstft")
    assert found.values["f"] == pytest.approx(220, rel=1e-3)
    assert found.verdict.kind == "poor match"
    assert found.verdict.causes[0].startswith("the target is the same sound, 20 dB softer")
    assert faustdiff.fit(text, None, target, RATE, loss="ot").verdict.good


def test_another_timbre_is_no_match() -> None:
    text = oscillator("os.sawtooth(f)")
    target = recorded(oscillator("os.square(f)"), 220.0)
    found = faustdiff.fit(text, None, target, RATE, loss="mrstft")
    assert found.verdict.kind == "poor match"
    assert found.verdict.causes[0].startswith("the pitch is that of the target, 220")


def test_few_passes_keep_what_was_found() -> None:
    text = oscillator("os.sawtooth(f)")
    found = faustdiff.fit(text, None, recorded(text, 220.0), RATE, loss="ot", passes=12)
    assert found.values["f"] == pytest.approx(220, rel=1e-3)
    assert found.details.passes <= 14


def test_few_samples_are_no_proof() -> None:
    target = np.array([0.3])
    assert not faustdiff.fit(VOICE, None, target, RATE, loss="ot").verdict.good


START = """
df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");
vars = df.vars((-~_ <: attach(hbargraph("learned", 0, 20000))));
d = df.env(vars);
truth = 500 / ma.SR : (+ : \\(x).(x - floor(x))) ~ _ : *(2 * ma.PI) : sin;
rate = df.schedulers.exponential(0.01, 6 * 44100);
loss = d.learnLinearFreq(4096, d.optimizers.Adam(rate, 0.9, 0.999));
process = df.backpropNoInput(truth, (vars.var(1) : d.osc(si.bus(2))), loss);
"""


def test_an_oscillator_leaves_0_hz(compiler: Compiler) -> None:
    """From a plain integrator, which starts at 0: near 500 Hz after three seconds of audio."""
    program = compiled(START, compiler, optimize="-O1")
    if not isinstance(program, CompiledProgram):
        pytest.skip("the interpreter shows no bargraphs")
    session = program.session(sample_rate=RATE)
    session.compute(frames=3 * RATE)
    assert session.get("learned") == pytest.approx(500, rel=0.06)
