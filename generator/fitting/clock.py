"""Whether the clock of a recording drifts against that of the program, and without that.

Two devices that each have a clock of their own differ by some parts per million: a target then
falls behind, a fraction of a sample at first, whole samples in the end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..recordings import open_recording, write_audio
from .alignment import MAX_SAMPLES, correlation
from .pairing import COMMON_BAND, Example

Array = NDArray[np.float64]

#: Parts in which drift is looked for, and the shortest of them in seconds.
PARTS, SHORTEST = 12, 0.08
#: Parts of a recording that is too short for these, and the shortest of them in samples.
SHORT_PARTS, FEWEST_SAMPLES = 16, 64
#: Drift is stated if the last part is later than the first by so many samples, and so many times
#: the standard error of that.
LEAST_DRIFT, LEAST_CERTAINTY = 0.2, 6.0
#: More parts per million than this are no clock's.
MAX_DRIFT = 1000.0


def drift(output: Array, target: Array, rate: int, *, known: bool = False) -> float | None:
    """By how many parts per million `target` falls behind `output` (channels, n), or None.

    The lag is found in each of several parts, and a line is put through those by least squares. In
    a short recording, which a clock moves by a fraction of a sample alone, the lag of a part is
    what is left over as a multiple of the slope; and so it is where a drift is `known` already and
    what is looked for is the rest of it, however small.
    """
    frames = output.shape[1]
    part = max(frames // PARTS, round(SHORTEST * rate))
    if known or frames < 4 * part:
        lags = _small_lags(output, target)
    else:
        lags = _lags(output, target, part)
    if len(lags) < 4:
        return None
    x, y, weights = np.array(lags).T
    (slope, _), covariance = np.polyfit(x, y, 1, w=weights, cov=True)
    moved, error = abs(slope) * frames, float(np.sqrt(covariance[0, 0])) * frames
    least = 0.0 if known else LEAST_DRIFT
    ppm = 1e6 * float(slope)
    stated = moved > least and moved > LEAST_CERTAINTY * error and abs(ppm) < MAX_DRIFT
    return ppm if stated else None


def _lags(output: Array, target: Array, part: int) -> list[tuple[float, float, float]]:
    """The middle of each part, its lag by correlation, and the weight of that."""
    lags = []
    for start in range(0, output.shape[1] - part + 1, part):
        span = slice(start, start + part)
        lag = _fine_lag(output[:, span].mean(axis=0), target[:, span].mean(axis=0))
        if lag is not None:
            lags.append((start + part / 2, lag, 1.0))
    return lags


def _small_lags(output: Array, target: Array) -> list[tuple[float, float, float]]:
    """As `_lags`, for lags of less than a sample: y(t - lag) is y - lag y'."""
    part = output.shape[1] // SHORT_PARTS
    if part < FEWEST_SAMPLES:
        return []
    slopes, left = np.gradient(output, axis=1), output - target
    lags = []
    for start in range(0, output.shape[1] - part + 1, part):
        slope = slopes[:, start : start + part]
        energy = float(np.vdot(slope, slope))
        if energy > 0:
            lag = float(np.vdot(slope, left[:, start : start + part])) / energy
            lags.append((start + part / 2, lag, float(np.sqrt(energy))))
    return lags


def _fine_lag(one: Array, other: Array, limit: int = 64) -> float | None:
    """The lag to a fraction of a sample: a parabola through the highest three points."""
    window = np.hanning(len(one))
    if not one.any() or not other.any():
        return None
    curve = correlation(one * window, other * window, limit)
    place = int(np.argmax(curve))
    if not 0 < place < len(curve) - 1:
        return None
    left, middle, right = curve[place - 1 : place + 2]
    return place - limit + float((left - right) / (2 * (left - 2 * middle + right)))


def at_own_clock(one: Example, ppm: float) -> Example | None:
    """With a target that falls behind by `ppm` parts per million less than it does.

    It is converted by soxr, which leaves out what is highest: that is not compared. It is written
    to the folder `work` of the example; None where there is none, or the target is too long.
    """
    if one.work is None or one.target.frames > MAX_SAMPLES:
        return None
    import soxr

    target = one.target
    faster = soxr.resample(target.samples().T, 1.0, 1.0 / (1 + 1e-6 * ppm), "VHQ").T
    path = one.work / f"{target.path.stem}-clock-{len(list(one.work.iterdir()))}.wav"
    write_audio(path, iter([np.asarray(faster, float)]), len(faster), one.rate, "DOUBLE")
    written = open_recording(path)
    kept = {name: getattr(target, name) for name in ("coding", "source_bytes", "source_rate")}
    band = one.band or COMMON_BAND / 2
    return replace(one, target=replace(written, **kept), drift=one.drift + ppm, band=band)
