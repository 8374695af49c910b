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
from .pairing import Example

Array = NDArray[np.float64]

#: Parts in which drift is looked for, and the shortest of them in seconds.
PARTS, SHORTEST = 12, 0.08
#: Drift is stated if the last part is later than the first by so many samples, and so many times
#: the standard error of that.
LEAST_DRIFT, LEAST_CERTAINTY = 0.2, 6.0
#: More parts per million than this are no clock's.
MAX_DRIFT = 1000.0


def drift(output: Array, target: Array, rate: int) -> float | None:
    """By how many parts per million `target` falls behind `output` (channels, n), or None.

    The lag is found in each of several parts, and a line is put through those by least squares.
    """
    frames = output.shape[1]
    part = max(frames // PARTS, round(SHORTEST * rate))
    starts = range(0, frames - part + 1, part)
    if len(starts) < 4:
        return None
    places, lags = [], []
    for start in starts:
        span = slice(start, start + part)
        lag = _fine_lag(output[:, span].mean(axis=0), target[:, span].mean(axis=0))
        if lag is not None:
            places.append(start + part / 2)
            lags.append(lag)
    if len(lags) < 4:
        return None
    x, y = np.array(places), np.array(lags)
    (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
    moved, error = abs(slope) * frames, float(np.sqrt(covariance[0, 0])) * frames
    ppm = 1e6 * float(slope)
    return (
        ppm
        if moved > LEAST_DRIFT and moved > LEAST_CERTAINTY * error and abs(ppm) < MAX_DRIFT
        else None
    )


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

    It is converted by soxr, and written to the folder `work` of the example; None where there is no
    such folder, or the target is too long.
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
    return replace(one, target=replace(written, **kept), drift=one.drift + ppm)
