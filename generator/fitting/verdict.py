"""Whether a fit is right, or why it is not, in words.

What is left over decides. Noise has nothing to do with the signal; what another structure would
explain does: it can be predicted from the program's input and output, by filters and polynomials of
these. A lossy format leaves as much as it leaves of the result itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .alignment import Alignment, alignment
from .clock import drift
from .dependence import dependence
from .inspection import Inspection
from .likeness import SoundDifference
from .lossy import coding_error
from .pairing import Example
from .value_text import MOST_DIGITS

Array = NDArray[np.float64]

Kind = Literal[
    "found",
    "found, with noise",
    "found, in a lossy format",
    "found, but for another structure",
    "found, by spectra",
    "poor match",
]
#: Digits of a value that has no standard error, where they are not as many as can be.
DIGITS: Mapping[Kind, int] = {
    "found, in a lossy format": 3,
    "found, but for another structure": 3,
    "found, by spectra": 4,
    "poor match": 3,
}

#: Parts of the target's energy: what is left over is nothing; what can be predicted from the signal
#: is too much; what cannot be predicted is too much as well.
NOTHING_LEFT, PREDICTED_LEFT, NOISE_LEFT = 1e-6, 3e-5, 0.25
#: With less of what is left over predicted, no structure is named.
LEAST_PREDICTED = 0.03
#: From this part of a little that is left over, it is no noise: errors of values are not known.
MOSTLY_PREDICTED = 0.7
#: What a lossy format may leave, in multiples of what it leaves of the result.
CODEC_FACTOR = 4.0
#: Samples from which what is left over is predicted, before and after each.
TAPS_BEFORE, TAPS_AFTER = 24, 8
#: So many samples are needed for each coefficient of a prediction.
SAMPLES_FOR_EACH = 4
#: An offset is named if it is this part of what is left over.
OFFSET_PART = 0.5
#: Less than this part of what is left over, beside an offset, may come from the offset itself.
BESIDE_PART = 0.01
#: With more left over, what looks like the drift of a clock is none.
DRIFT_ERROR = 0.1
#: Samples that are predicted.
PREDICTED_SAMPLES = 16384
#: What a prediction explains is chance within so many deviations, where these are this small.
DEVIATIONS, SMALL_CHANCE = 4.0, 0.01
#: Of a sound without input, this part of what is left over may be in peaks of its spectrum.
TONAL_PART = 0.05
#: Samples in a row at the peak, and the part of all, by which a target is clipped.
CLIPPED_RUN, CLIPPED_PART = 3, 2e-4
#: Other rates that a recording may really have, relative to what it states.
OTHER_SPEEDS = (48000 / 44100, 44100 / 48000, 2.0, 0.5)


@dataclass(frozen=True)
class Verdict:
    """What a fit is, in one word, and why: the likely causes of a poor match, in order.

    `error` is the error-to-signal ratio in energy, `predicted` the part of the target's energy that
    is left over and depends on the signal. `difference` is that of spectra, for losses that compare
    no samples: what these do not tell apart, as an attack within a window, may be off.
    In a lossy format, what is left over depends on the signal, but no more than the format makes
    it: values may be off by what that removes. But for another structure: little is left over, and
    most of it depends on the signal: values may be off by what another structure makes of them.
    """

    kind: Kind
    error: float
    predicted: float = 0.0
    causes: tuple[str, ...] = ()
    difference: SoundDifference | None = None

    @property
    def good(self) -> bool:
        """Whether the parameters are found."""
        return self.kind != "poor match"

    @property
    def digits(self) -> int:
        """How many digits of a value may be known that has no standard error."""
        return DIGITS.get(self.kind, MOST_DIGITS)

    def within(self, decibels: float) -> bool:
        """Whether no more than this is left over of samples, or spectra differ by no more."""
        if self.difference is not None:
            return self.difference.within(decibels)
        return self.error <= 10 ** (decibels / 10)

    @property
    def rest(self) -> str:
        """What is not explained: the difference of spectra, or what is left of the samples."""
        if self.difference is not None:
            return self.difference.description
        return decibels(self.error)

    @property
    def line(self) -> str:
        """The verdict as one line."""
        match self.kind:
            case "found":
                return "found"
            case "found, by spectra":
                return f"found, as far as spectra tell: they differ by {self.rest}"
            case "found, in a lossy format":
                return f"found, as far as a lossy format tells at {decibels(self.error)}"
            case "found, with noise" | "found, but for another structure":
                return f"{self.kind} at {decibels(self.error)}"
        if self.difference is not None:
            return f"poor match: spectra differ by {self.rest}"
        # At an error of 1 the result explains nothing; beyond it, less than silence would.
        part = 100 * min(self.error, 1.0)
        left = f"{float(f'{part:.2g}'):g} % of the target's energy is not explained"
        return f"poor match: {left} ({decibels(self.error)})"


def decibels(error: float) -> str:
    """An error-to-signal ratio in energy, as people read it."""
    return f"{10 * np.log10(error):.1f} dB" if error > 0 else "-inf dB"


def judge(
    inspection: Inspection,
    examples: Sequence[Example],
    error: float,
    hints: Sequence[str],
    aligned: bool,
) -> Verdict:
    """The verdict on a fit whose error-to-signal ratio is `error`.

    `hints` are causes that the search knows of: ends of ranges, several minima. `aligned` says
    whether it looked for latency and polarity.
    """
    if error <= NOTHING_LEFT:
        return Verdict("found", error)
    part, nonlinear = predicted_part(inspection)
    if part is None:
        count = inspection.residual.shape[1]
        what = f"{count} samples are too few to tell noise from another structure"
        causes = [*_causes(inspection, examples, error, aligned), *hints, what]
        return Verdict("poor match", error, error, tuple(causes))
    output = inspection.outputs[0]
    left = inspection.residual[:, : output.shape[1]]
    other = dependence(output, left, examples[0].rate)
    if _by_chance(inspection, part):
        part = 0.0
    predicted = max(part, other.part if other else 0.0) * error
    lossy = [one for one in examples if one.target.lossy]
    if error <= NOISE_LEFT and predicted <= PREDICTED_LEFT:
        if part > MOSTLY_PREDICTED and not lossy:
            named = (_structure(part, nonlinear),)
            return Verdict("found, but for another structure", error, predicted, named)
        coded = lossy or any(one.input is not None and one.input.lossy for one in examples)
        kind: Kind = "found, in a lossy format" if coded else "found, with noise"
        return Verdict(kind, error, predicted)
    if lossy and error <= CODEC_FACTOR * coding_error(inspection.outputs[0], lossy[0].target):
        return Verdict("found, in a lossy format", error, predicted)
    causes = [*_causes(inspection, examples, error, aligned), *hints]
    constant = _constant(inspection)
    if constant is not None:
        causes.insert(0, f"the target has a constant offset of {constant:.3g}: remove it")
        causes += _beside_offset(inspection)
    elif part > LEAST_PREDICTED:
        causes.append(_structure(part, nonlinear))
    elif other is not None:
        causes.append(other.description)
    else:
        causes.append("what is left over has nothing to do with the signal: another recording?")
    return Verdict("poor match", error, predicted, tuple(causes))


def _by_chance(inspection: Inspection, part: float) -> bool:
    """Whether a prediction may explain this part of what is left over by chance.

    Noise that depends on itself is explained far more easily: there, what counts is what a
    prediction explains of its innovations, the part of each sample that those before do not tell.
    """
    chance = _chance(inspection)
    if part <= chance:
        return True
    innovations, _ = predicted_part(inspection, whiten=True)
    return innovations is not None and innovations <= chance


def _chance(inspection: Inspection) -> float:
    """The part of noise that a prediction explains by chance, where the samples make that small.

    So many deviations of an adjusted R^2 of n samples on p columns, which are sqrt(2 p) / (n - p).
    """
    count = min(inspection.residual.shape[1], PREDICTED_SAMPLES)
    columns = len(POWERS) * 2 * (TAPS_BEFORE + 1 + TAPS_AFTER)
    chance = DEVIATIONS * np.sqrt(2 * columns) / max(1, count - columns)
    return float(chance) if chance <= SMALL_CHANCE else 0.0


def _constant(inspection: Inspection) -> float | None:
    """The constant that is most of what is left over, in the first channel, or None."""
    means = inspection.residual.mean(axis=1)
    part = np.mean(means**2) / (np.mean(inspection.residual**2) or 1.0)
    return float(-means[0]) if part > OFFSET_PART else None


def _beside_offset(inspection: Inspection) -> list[str]:
    """What another structure would explain, where more than an offset is left over."""
    residual = inspection.residual
    offset = residual.mean(axis=1, keepdims=True)
    without = replace(inspection, targets=tuple(one + offset for one in inspection.targets))
    rest = float(np.mean((residual - offset) ** 2) / np.mean(residual**2))
    part, nonlinear = predicted_part(without)
    if rest < BESIDE_PART or part is None or part <= LEAST_PREDICTED:
        return []
    return [f"{_structure(part, nonlinear)} beside it"]


def _structure(part: float, nonlinear: float) -> str:
    what = "a nonlinearity" if nonlinear > 0.3 else "a filter"
    return (
        f"the target comes from another structure: {what} that the program does not have would "
        f"explain {100 * part:.0f} % of what is left over"
    )


def _causes(
    inspection: Inspection, examples: Sequence[Example], error: float, aligned: bool
) -> list[str]:
    """What the recordings themselves show, the likeliest first."""
    causes = []
    one, output, target = examples[0], inspection.outputs[0], inspection.targets[0]
    if one.input is not None and one.input.lossy:
        causes.append(
            "the input has a lossy format: what the target was made of was another sound?"
        )
    delay = alignment(output, target, one.rate)
    if delay.reliable and abs(delay.lag) > 1 and not aligned:
        causes.append(lateness(delay.lag, one.rate))
    if delay.reliable and min(delay.signs) < 0 and not aligned:
        causes.append("the target is inverted")
    if (level := clipping(target)) and flat_part(target) > 2 * flat_part(output):
        causes.append(f"the target is clipped, at {level:.3g}")
    if speed := _other_speed(delay, output, target, one.rate):
        causes.append(
            f"the target has another sample rate than it states: {one.rate * speed:.0f} Hz, "
            f"not {one.rate} Hz?"
        )
    if error < DRIFT_ERROR and (moved := drift(output, target, one.rate)):
        causes.append(drifting(moved))
    return causes


def lateness(lag: float, rate: int) -> str:
    """How late a target is, in words."""
    what = "late" if lag > 0 else "early"
    return f"the target is {abs(lag):g} samples {what} ({1000 * abs(lag) / rate:.3g} ms)"


def drifting(ppm: float) -> str:
    """How its clock drifts, in words."""
    return f"the clock of the target drifts by {ppm:.3g} parts per million"


def clipping(target: Array) -> float | None:
    """The level at which a target (channels, n) is cut off, or None."""
    return float(np.abs(target).max()) if flat_part(target) > CLIPPED_PART else None


def flat_part(signal: Array) -> float:
    """The part of the samples of a signal (channels, n) that are in a row at its peak."""
    peak = float(np.abs(signal).max(initial=0.0))
    at_peak = np.abs(signal) >= peak * (1 - 1e-4)
    runs = at_peak.copy()
    for shift in range(1, CLIPPED_RUN):
        runs[:, shift:] &= at_peak[:, :-shift]
        runs[:, :shift] = False
    return float(runs.mean()) if peak else 0.0


def _other_speed(delay: Alignment, output: Array, target: Array, rate: int) -> float | None:
    """The factor by which the target is really faster, if another one makes it fit far better."""
    count = min(output.shape[1], target.shape[1], 1 << 17)
    best, speed = 1.5 * delay.prominence, None
    for factor in OTHER_SPEEDS:
        times = np.arange(int(min(count, count / factor)) - 1) * factor
        moved = np.stack([np.interp(times, np.arange(count), one[:count]) for one in target])
        other = alignment(output[:, : len(times)], moved, rate)
        if other.reliable and other.prominence > best:
            best, speed = other.prominence, factor
    return speed


def predicted_part(inspection: Inspection, *, whiten: bool = False) -> tuple[float | None, float]:
    """The part of what is left over that depends on the signal, and how much of that is nonlinear.

    By least squares on powers of input and output at some samples before and after, adjusted for
    the number of these. Of a sound without input, the part in peaks of its spectrum where that is
    more. None where there are too few samples to know. With `whiten`, all goes through the filter
    that makes what is left over white.
    """
    residual = inspection.residual[0]
    output = np.concatenate([one[0] for one in inspection.outputs])
    fed = np.concatenate(
        [one.mean(axis=0) if len(one) else one[:0].sum(axis=0) for one in inspection.inputs]
    )
    sources = [fed, output] if fed.size == output.size and fed.any() else [output]
    sources = [one / (float(np.abs(one).max()) or 1.0) for one in sources]
    powers = [f(one) for one in sources for f in POWERS]
    if len(residual) < SAMPLES_FOR_EACH * (len(powers) + TAPS_BEFORE + TAPS_AFTER):
        return None, 0.0
    if whiten:
        residual, *filtered = _whiten([residual, *sources, *powers])
        sources, powers = filtered[: len(sources)], filtered[len(sources) :]
    linear = _share(residual, sources)
    whole = _share(residual, powers)
    part = max(linear, whole)
    if len(sources) == 1:
        part = max(part, _tonal(residual) - TONAL_PART)
    return part, (whole - linear) / part if part > 0 else 0.0


def _whiten(signals: Sequence[Array]) -> list[Array]:
    """Signals (n,) through the filter that predicts the first one from its past, by Yule-Walker."""
    from scipy.linalg import solve_toeplitz
    from scipy.signal import lfilter

    first = signals[0] - signals[0].mean()
    power = np.abs(np.fft.rfft(first, 2 * len(first))) ** 2
    correlation = np.fft.irfft(power)[: TAPS_BEFORE + 1]
    if not correlation[0] > 0:
        return list(signals)
    correlation[0] *= 1 + 1e-9
    taps = np.concatenate([[1.0], -solve_toeplitz(correlation[:-1], correlation[1:])])
    return [np.asarray(lfilter(taps, 1.0, one), float) for one in signals]


def _same(signal: Array) -> Array:
    return signal


def _cube(signal: Array) -> Array:
    return np.asarray(signal**3, float)


POWERS = (_same, np.abs, np.square, _cube)


def _share(residual: Array, sources: Sequence[Array]) -> float:
    """Adjusted R^2 of `residual` (n,) on `sources` (n,) at samples around each.

    From -BEFORE to AFTER; where there are few samples, at so many fewer.
    """
    least = SAMPLES_FOR_EACH * len(sources) * (TAPS_BEFORE + TAPS_AFTER)
    near = min(1.0, len(residual) / least)
    before, after = int(TAPS_BEFORE * near), int(TAPS_AFTER * near)
    count = len(residual) - before - after
    rows = np.arange(count)
    if count > PREDICTED_SAMPLES:
        rows = np.sort(np.random.default_rng(0).choice(count, PREDICTED_SAMPLES, replace=False))
    wanted = residual[before + rows]
    energy = float(wanted @ wanted)
    if not energy > 0:
        return 0.0
    lags = np.arange(before + after + 1)
    columns = np.concatenate([one[rows[:, None] + lags] for one in sources], axis=1)
    columns = np.concatenate([columns, np.ones((len(rows), 1))], axis=1)
    normal = columns.T @ columns
    normal += 1e-10 * np.trace(normal) / len(normal) * np.eye(len(normal))
    rest = wanted - columns @ np.linalg.solve(normal, columns.T @ wanted)
    left: float = float(rest @ rest) / energy * len(rows) / (len(rows) - columns.shape[1])
    return max(0.0, 1 - left)


def _tonal(residual: Array) -> float:
    """The part of the energy in bins that stand out from their neighbours by ten times."""
    power = np.abs(np.fft.rfft(residual * np.hanning(len(residual)))) ** 2
    width = 64
    count = len(power) // width
    if not count:
        return 0.0
    bands = power[: count * width].reshape(count, width)
    peaks = np.where(bands > 14 * np.median(bands, axis=1, keepdims=True), bands, 0.0)
    return float(peaks.sum() / (bands.sum() or 1.0))
