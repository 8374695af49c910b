"""Recordings as people have them: late, upside down, at another rate, longer, coded, noisy.

The unknown device is a chain of plug-ins of another make (pedalboard): highpass, distortion,
lowpass and gain, in single precision. The parameters are found within 1 %, or 3 % with noise or a
lossy format, and the verdict says so.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from click.testing import CliRunner
from scipy.signal import butter, lfilter

from faustdiff.autodiff import differentiate
from faustdiff.commands.main import main
from faustdiff.faust.compilers import find_compiler
from faustdiff.fitting.alignment import alignment
from faustdiff.fitting.clock import drift
from faustdiff.fitting.dual_runs import DualSource
from faustdiff.fitting.fit import Fit, fit
from faustdiff.fitting.inspection import Inspection
from faustdiff.fitting.pairing import pair
from faustdiff.fitting.pitch import pitch
from faustdiff.fitting.setup import Options, Setup
from faustdiff.fitting.verdict import judge
from faustdiff.recordings import open_recording

try:
    import pedalboard
except ImportError:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(
        "pedalboard is not installed", allow_module_level=True
    )

RATE = 44100
FRAMES = 30000
HIDDEN = {"low": 250.0, "drive": 20.0, "tone": 5000.0, "level": -8.0}
PROGRAM = """import("stdfaust.lib");
low = hslider("low [diff:1] [unit:Hz] [scale:log]", 100, 20, 1000, 1);
drive = hslider("drive [diff:1] [unit:dB]", 10, 0, 40, 0.1);
tone = hslider("tone [diff:1] [unit:Hz] [scale:log]", 2000, 200, 16000, 1);
level = hslider("level [diff:1] [unit:dB]", -6, -40, 12, 0.1);
process = fi.highpass(1, low) : *(ba.db2linear(drive)) : ma.tanh
    : fi.lowpass(1, tone) : *(ba.db2linear(level));
"""

LATE = {"0": 0.0, "37": 37.0, "900": 900.0, "13.4": 13.4}
CONDITIONS = ("37", "900", "13.4", "inverted", "rate", "longer", "stereo", "flac", "ogg", "noise")


def together(one: str, other: str) -> bool:
    return not ({one, other} <= set(LATE) or {one, other} == {"flac", "ogg"})


PAIRS = [pair_ for pair_ in itertools.combinations(CONDITIONS, 2) if together(*pair_)]
#: A lossy format is fitted several times; two of these are enough for every day.
DAILY = [one for one in PAIRS if "ogg" not in one] + [("13.4", "ogg"), ("rate", "ogg")]


@functools.cache
def signal() -> np.ndarray:
    """Decaying chords over a little noise, as a float of 32 bits holds them."""
    rng = np.random.default_rng(3)
    sound = 0.01 * rng.normal(size=FRAMES)
    for index, start in enumerate(range(0, FRAMES, FRAMES // 6)):
        time = np.arange(FRAMES - start) / RATE
        tones = 110 * 2 ** (rng.integers(0, 24) / 12) * np.arange(1, 12)[:, None]
        chord = (np.sin(2 * np.pi * tones * time) / np.arange(1, 12)[:, None] ** 1.5).sum(axis=0)
        sound[start:] += (0.5, 0.1)[index % 2] * chord * np.exp(-time / 0.15)
    return sound.astype(np.float32).astype(float)


@functools.cache
def device() -> np.ndarray:
    chain = pedalboard.Pedalboard(
        [
            pedalboard.HighpassFilter(HIDDEN["low"]),
            pedalboard.Distortion(HIDDEN["drive"]),
            pedalboard.LowpassFilter(HIDDEN["tone"]),
            pedalboard.Gain(HIDDEN["level"]),
        ]
    )
    return chain(signal().astype(np.float32), RATE, reset=True).astype(float)


def late(sound: np.ndarray, samples: float) -> np.ndarray:
    """Later by any number of samples: by a shift of phases, far from the ends of the transform."""
    spectrum = np.fft.rfft(sound, 2 * len(sound))
    bins = np.arange(len(spectrum)) / (2 * len(sound))
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * bins * samples))[: len(sound)]


def recorded(folder: Path, conditions: tuple[str, ...]) -> Path:
    """The device's sound in a file, under these conditions."""
    sound, rate = device(), RATE
    if "longer" in conditions:
        sound = np.concatenate([sound, np.zeros(500)])
    for name in conditions:
        sound = late(sound, LATE.get(name, 0.0)) if name in LATE else sound
    if "inverted" in conditions:
        sound = -sound
    if "rate" in conditions:
        sound, rate = soxr.resample(sound, RATE, 48000, "VHQ"), 48000
    if "noise" in conditions:
        level = np.sqrt(np.mean(sound**2) / 1e4)
        sound = sound + level * np.random.default_rng(5).normal(size=len(sound))
    if "stereo" in conditions:
        sound = np.stack([sound, sound], axis=1)
    suffix = next((one for one in ("flac", "ogg") if one in conditions), "wav")
    file = folder / f"target.{suffix}"
    soundfile.write(file, sound, rate, **({"subtype": "FLOAT"} if suffix == "wav" else {}))
    return file


@functools.cache
def source(text: str = PROGRAM) -> DualSource:
    done = differentiate(text, compiler=find_compiler(None))
    return DualSource(done.text, done.params, done.inputs, done.outputs, find_compiler(None))


def fitted(folder: Path, target: Path | np.ndarray, options: Options | None = None) -> Fit:
    soundfile.write(folder / "input.wav", signal(), RATE, subtype="FLOAT")
    if isinstance(target, np.ndarray):
        soundfile.write(folder / "target.wav", target, RATE, subtype="FLOAT")
        target = folder / "target.wav"
    example = pair(open_recording(folder / "input.wav"), open_recording(target), 1, 1, folder)
    return fit(Setup(source(), (example,), "mse"), options or Options())


def worst(found: Fit) -> float:
    return max(
        abs(value / HIDDEN[one.label] - 1)
        for one, value in zip(found.params, found.values, strict=True)
    )


def check(folder: Path, conditions: tuple[str, ...]) -> None:
    found = fitted(folder, recorded(folder, conditions))
    lossy = {"noise", "ogg"} & set(conditions)
    assert worst(found) < (0.03 if lossy else 0.01), found.by_path
    assert found.verdict.good, found.verdict
    wanted = sum(LATE.get(name, 0.0) for name in conditions)
    assert found.latencies[0] == pytest.approx(wanted, abs=0.1)
    assert found.setup.examples[0].inverted == ("inverted" in conditions)


@pytest.mark.parametrize("condition", ["0", *CONDITIONS])
def test_one_condition(tmp_path: Path, condition: str) -> None:
    check(tmp_path, (condition,))


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(pair, id="-".join(pair), marks=pytest.mark.slow if place % 2 else ())
        for place, pair in enumerate(DAILY)
    ],
)
def test_two_conditions(tmp_path: Path, conditions: tuple[str, ...]) -> None:
    check(tmp_path, conditions)


@pytest.mark.slow
@pytest.mark.parametrize("conditions", sorted(set(PAIRS) - set(DAILY)), ids="-".join)
def test_two_conditions_with_a_lossy_format(tmp_path: Path, conditions: tuple[str, ...]) -> None:
    check(tmp_path, conditions)


def highpassed() -> np.ndarray:
    return np.asarray(lfilter(*butter(1, 2 * HIDDEN["low"] / RATE, "high"), signal()))


def lowpassed(sound: np.ndarray, order: int = 1) -> np.ndarray:
    return np.asarray(0.4 * lfilter(*butter(order, 2 * HIDDEN["tone"] / RATE), sound))


OTHERS = {
    "asymmetric": lambda: lowpassed(np.tanh(10 * highpassed() + 0.1) - np.tanh(0.1)),
    "second order": lambda: lowpassed(np.tanh(10 * highpassed()), 2),
    "hard clipping": lambda: lowpassed(np.clip(10 * highpassed(), -1, 1)),
    "noise alone": lambda: np.random.default_rng(9).normal(size=FRAMES),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_structure_is_no_match(tmp_path: Path, name: str) -> None:
    found = fitted(tmp_path, OTHERS[name]())
    assert found.verdict.kind == "poor match"
    assert found.errors == (None,) * 4
    structure = [one for one in found.verdict.causes if "another structure" in one]
    other = [one for one in found.verdict.causes if "another recording" in one]
    assert (other if name == "noise alone" else structure) == [found.verdict.causes[-1]]


def test_causes_that_a_recording_shows(tmp_path: Path) -> None:
    clipped = fitted(tmp_path, np.clip(device(), -0.3, 0.3))
    assert clipped.verdict.causes[0].startswith("the target is clipped, at 0.3")
    plain = Options(align=False)
    late_one = fitted(tmp_path, -late(device(), 57), plain)
    assert late_one.verdict.causes[0].startswith("the target is 57 samples late")
    assert late_one.verdict.causes[1] == "the target is inverted"
    faster = fitted(tmp_path, soxr.resample(device(), 48000, 44100, "VHQ"))
    assert any("another sample rate" in one for one in faster.verdict.causes)


def test_where_a_target_begins(tmp_path: Path) -> None:
    """Long before the input, or in its middle, and of one block it has nothing."""
    before = fitted(tmp_path, np.concatenate([np.zeros(FRAMES), device()]))
    assert worst(before) < 1e-2
    assert before.latencies[0] == pytest.approx(FRAMES, abs=0.05)
    middle = fitted(tmp_path, device()[12000:20000])
    assert worst(middle) < 1e-2
    assert middle.latencies[0] == pytest.approx(-12000, abs=0.05)


def test_a_clock_that_drifts_is_undone(tmp_path: Path) -> None:
    slower = soxr.resample(device(), RATE, RATE * (1 + 100e-6), "VHQ")
    found = fitted(tmp_path, slower)
    assert found.verdict.good
    assert worst(found) < 1e-2
    (said,) = [one for one in found.notes if "drifts" in one]
    assert float(said.split("drifts by ")[1].split()[0]) == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize("ppm", [50, -50])
def test_the_drift_of_a_short_recording_is_undone(tmp_path: Path, ppm: int) -> None:
    """A quarter of a second, at the end of which it is half a sample."""
    slower = soxr.resample(device(), RATE, RATE * (1 + ppm * 1e-6), "VHQ")[: RATE // 4]
    slower += 0.01 * slower.std() * np.random.default_rng(7).normal(size=len(slower))
    found = fitted(tmp_path, slower)
    assert found.verdict.good
    assert worst(found) < 3e-2
    (said,) = [one for one in found.notes if "drifts" in one]
    assert float(said.split("drifts by ")[1].split()[0]) == pytest.approx(ppm, rel=0.1)


def test_an_offset_is_named_first(tmp_path: Path) -> None:
    found = fitted(tmp_path, device() + 0.1)
    assert found.verdict.causes[0].startswith("the target has a constant offset of 0.0")


def test_few_samples_prove_nothing(tmp_path: Path) -> None:
    sound = device()[:100] + 0.01 * np.random.default_rng(4).normal(size=100)
    found = fitted(tmp_path, sound)
    assert found.verdict.kind == "poor match"
    assert "samples are too few" in found.verdict.causes[-1]


@pytest.mark.parametrize("coding", ["PCM_U8", "ULAW", "IMA_ADPCM"])
def test_coarse_samples(tmp_path: Path, coding: str) -> None:
    soundfile.write(tmp_path / "target.wav", device(), RATE, subtype=coding)
    found = fitted(tmp_path, tmp_path / "target.wav")
    assert found.verdict.kind == "found, in a lossy format"
    assert worst(found) < 3e-2


def test_standard_errors_are_those_of_the_noise(tmp_path: Path) -> None:
    """For noise that depends on itself: by twenty recordings, to the spread of such a number."""
    rng = np.random.default_rng(7)
    values, errors = [], []
    for _ in range(20):
        noise = lfilter([0.1], [1, -0.98], rng.normal(size=FRAMES))
        sound = device() + noise * np.sqrt(np.mean(device() ** 2) / np.mean(noise**2) / 1e4)
        found = fitted(tmp_path, sound, Options(align=False))
        assert found.verdict.kind == "found, with noise"
        values.append(found.values)
        errors.append(found.errors)
    spread = np.std(values, axis=0, ddof=1)
    ratio = np.mean(np.array(errors, float), axis=0) / spread
    # The relative error of a spread of twenty is 0.16; errors for white noise miss it by three.
    assert (ratio > 0.6).all()
    assert (ratio < 2.0).all()


def test_noise_that_depends_on_itself_is_no_structure(tmp_path: Path) -> None:
    """Its past tells it so well that half a second of chords seems to, too."""
    output = device()[None, :22050]
    example = pair(*[open_recording(recorded(tmp_path, ()))] * 2, 1, 1, tmp_path)
    for seed in range(10, 14):
        noise = lfilter([1.0], [1, -0.95], np.random.default_rng(seed).normal(size=output.shape))
        noise *= 0.1 * output.std() / noise.std()
        none = np.zeros((0, 0))
        seen = Inspection(
            (output,), (output + noise,), (signal()[None, :22050],), none, none, 1.0, 22050, 100.0
        )
        verdict = judge(seen, [example], 1e-2, [], True)
        assert verdict.kind == "found, with noise"


def test_a_little_of_another_structure_is_no_noise(tmp_path: Path) -> None:
    """A mild pole moves the tone by per cents, and leaves next to nothing of a dull sound."""
    found = fitted(tmp_path, lfilter([0.8], [1, -0.2], device()))
    assert found.verdict.kind == "found, but for another structure"
    assert "found, but for another structure" in found.verdict.line
    assert "a filter that the program does not have" in found.verdict.causes[0]
    assert found.errors == (None,) * 4


def test_an_input_in_a_lossy_format_may_be_another_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "input.wav", signal(), RATE, subtype="PCM_U8")
    soundfile.write(tmp_path / "target.wav", device(), RATE, subtype="FLOAT")
    recordings = [open_recording(tmp_path / f"{name}.wav") for name in ("input", "target")]
    found = fit(Setup(source(), (pair(*recordings, 1, 1, tmp_path),), "mse"), Options())
    assert found.verdict.kind == "found, in a lossy format"
    assert found.errors == (None,) * 4


def test_standard_errors_behind_a_coder_are_those_of_its_blocks(tmp_path: Path) -> None:
    """OPUS weakens what is high by as much as differs from block to block."""
    path = tmp_path / "target.opus"
    sound = soxr.resample(device(), RATE, 48000, "VHQ")
    soundfile.write(path, sound, 48000, format="OGG", subtype="OPUS")
    found = fitted(tmp_path, path)
    assert found.verdict.kind == "found, in a lossy format"
    for one, value, error in zip(found.params, found.values, found.errors, strict=True):
        assert error is not None
        assert abs(value - HIDDEN[one.label]) < 4 * error, one.label
        assert error < 0.1 * abs(value), one.label


@pytest.mark.parametrize("lag", [0, 1, 37, -25, 900])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_alignment(lag: int, sign: float) -> None:
    """Of two channels that have gone through another filter than the signal."""
    rng = np.random.default_rng(1)
    both = rng.normal(size=(2, 20000))
    other = sign * np.array([lfilter([0.3], [1, -0.7], one) for one in both])
    moved = np.roll(other, lag, axis=1)
    found = alignment(both, moved, RATE)
    assert (found.lag, found.signs) == (lag, (sign, sign))
    assert found.reliable
    assert not alignment(both, rng.normal(size=(2, 20000)), RATE).reliable


def test_drift() -> None:
    sound = np.random.default_rng(2).normal(size=4 * RATE)
    faster = soxr.resample(sound, RATE, RATE * (1 + 50e-6), "VHQ")[: len(sound) - 20]
    count = len(faster)
    assert drift(sound[None, :count], faster[None], RATE) == pytest.approx(50, rel=0.02)
    assert drift(sound[None], sound[None], RATE) is None
    assert drift(sound[None], late(sound, 0.4)[None], RATE) is None


@pytest.mark.parametrize("hertz", [41.2, 220.0, 987.77, 3000.0])
def test_pitch(hertz: float) -> None:
    time = np.arange(RATE // 2) / RATE
    tones = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 6))
    assert pitch(np.asarray(tones) * np.exp(-2 * time), RATE) == pytest.approx(hertz, rel=2e-3)
    assert pitch(np.random.default_rng(0).normal(size=RATE // 2), RATE) is None


VOICE = """import("stdfaust.lib");
f = hslider("freq [diff:1] [scale:log]", 220, 50, 2000, 0.1);
g = hslider("gain [diff:1]", 0.5, 0, 1, 0.01);
fc = hslider("fc [diff:1] [scale:log]", 1000, 50, 10000, 1);
a = hslider("a [diff:1]", 0.02, 0.001, 1, 0.001);
s = hslider("s [diff:1]", 0.5, 0, 1, 0.01);
process = os.sawtooth(f) * g * en.adsr(a, 0.1, s, 0.3, button("gate")) : fi.lowpass(2, fc);
"""


def command(folder: Path, text: str, *arguments: str, status: int = 0) -> dict[str, float]:
    """The values that the command finds for a program in `folder`, and what it says."""
    program = folder / "p.dsp"
    program.write_text(text, encoding="utf-8")
    out = str(folder / "o")
    result = CliRunner().invoke(main, ["fit", str(program), *arguments, "--out", out])
    assert result.exit_code == status, result.output
    content = json.loads((folder / "o" / "values.json").read_text(encoding="utf-8"))
    return {one["label"]: one["value"] for one in content["parameters"]}


def test_a_voice_is_played_and_tuned_first(tmp_path: Path) -> None:
    hidden = {"freq": 330.0, "gain": 0.7, "fc": 3000.0, "a": 0.1, "s": 0.8}
    truth = VOICE.replace('button("gate")', "1")
    for name, value in hidden.items():
        start = truth.index(f'"{name} [')
        parts = truth[start:].split(",")
        parts[1] = f" {value}"
        truth = truth[:start] + ",".join(parts)
    (tmp_path / "truth.dsp").write_text(truth, encoding="utf-8")
    truth_file = str(tmp_path / "truth.dsp")
    found = command(tmp_path, VOICE, "--ground-truth", truth_file, "--seconds", "0.6")
    assert found == pytest.approx(hidden, rel=1e-3)


def test_starts_at_which_nothing_moves(tmp_path: Path) -> None:
    """A gain of 0 by magnitudes, a product of zeros, a clipper that is saturated, a log from 0."""
    soundfile.write(tmp_path / "x.wav", signal(), RATE, subtype="DOUBLE")
    arguments = ("--input", str(tmp_path / "x.wav"), "--target", str(tmp_path / "y.wav"))

    def found(text: str, sound: np.ndarray, *more: str) -> dict[str, float]:
        soundfile.write(tmp_path / "y.wav", sound, RATE, subtype="DOUBLE")
        return command(tmp_path, text, *arguments, *more)

    gain = 'process = *(hslider("g [diff:1]", 0, 0, 2, 0.001));'
    assert found(gain, 0.5 * signal(), "--loss", "stft") == pytest.approx({"g": 0.5}, rel=1e-4)
    zeros = (
        'a = hslider("a [diff:1]", 0, -1, 1, 0.01); b = hslider("b [diff:1]", 0, 0, 1, 0.01);'
        "process(x) = a * b * x + (1 - b) * x';"
    )
    mixed = 0.3 * 0.6 * signal() + 0.4 * np.concatenate([[0], signal()[:-1]])
    assert found(zeros, mixed) == pytest.approx({"a": 0.3, "b": 0.6}, rel=1e-6)
    clipper = (
        'process = *(hslider("k [diff:1] [scale:log]", 1000000, 0.1, 1000000, 1))'
        " : max(-1) : min(1);"
    )
    assert found(clipper, np.clip(3 * signal(), -1, 1))["k"] == pytest.approx(3, rel=1e-3)
    log = (
        'import("stdfaust.lib");'
        'process = fi.lowpass(1, max(1, hslider("f [diff:1] [scale:log]", 0, 0, 5000, 1)));'
    )
    pole = lfilter(*butter(1, 2 * 800 / RATE), signal())
    assert found(log, pole) == pytest.approx({"f": 800}, rel=1e-3)


def test_a_program_that_delays_and_inverts_is_believed(tmp_path: Path) -> None:
    """What a slider does as well is no fault of the recording."""
    text = (
        'import("stdfaust.lib"); process = *(hslider("g [diff:1]", 0.5, -1, 1, 0.01))'
        ' : de.fdelayltv(3, 1024, hslider("d [diff:1]", 20, 0, 1000, 0.1));'
    )
    soundfile.write(tmp_path / "x.wav", signal(), RATE, subtype="DOUBLE")
    sound = -0.7 * np.concatenate([np.zeros(36), signal()[:-36]])
    soundfile.write(tmp_path / "y.wav", sound, RATE, subtype="DOUBLE")
    arguments = ("--input", str(tmp_path / "x.wav"), "--target", str(tmp_path / "y.wav"))
    found = command(tmp_path, text, *arguments)
    assert found == pytest.approx({"g": -0.7, "d": 36}, rel=1e-3)
