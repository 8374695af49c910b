"""Pitch first: of a sound with a pitch, the slider that tunes it, then the rest.

Sample by sample, an oscillator that is off by a few cycles over a recording is lost: the loss has a
minimum every cycle. Its pitch is found apart: by autocorrelation in target and output, and by
moving the slider that the output's pitch depends on. What remains is found by magnitudes of
spectra, which forgive a phase, and then sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .alignment import LOOKED_AT
from .leastsquares import Point, minimize
from .losses import Residual, Spectral
from .objective import Objective, Search

Array = NDArray[np.float64]

#: The pitch at some units of the sliders.
Heard = Callable[[Array], float | None]

#: The pitches that are looked for, in Hz, and the samples in which they are.
LOWEST, HIGHEST, WINDOW = 25.0, 5000.0, 8192
#: A pitch is one if the autocorrelation there has this part of that at 0.
PERIODIC = 0.6
#: A peak at a shorter period is taken if it has this part of the highest one.
AS_HIGH = 0.93
#: By how much of its range a slider is moved to see whether it tunes; the least ratio of pitches.
MOVE, TUNED = 0.02, 1.004
#: Steps to the pitch of the target, and how near to it, as a ratio, is near enough.
STEPS, NEAR = 6, 1.0005
#: Pitches that an autocorrelation takes for one another.
OCTAVES = (1.0, 0.5, 2.0)
#: Passes over the magnitudes of spectra.
PASSES = 25
#: They end where a step is not expected to improve the distance by this part.
SETTLED = 1e-3


def pitch(signal: Array, rate: int) -> float | None:
    """The pitch of a signal (n,) in Hz where it is loudest, or None if it has none.

    By autocorrelation, normalised by the energy of what overlaps (McLeod and Wyvill, "A smarter way
    to find pitch", 2005).
    """
    size = min(WINDOW, len(signal))
    if size < 256 or not np.isfinite(signal).all():
        return None
    sums = np.concatenate([[0.0], np.cumsum(signal**2)])
    start = int(np.argmax(sums[size:] - sums[:-size]))
    piece = signal[start : start + size] - signal[start : start + size].mean()
    spectrum = np.fft.rfft(piece, 2 * size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
    squares = np.concatenate([[0.0], np.cumsum(piece**2)])
    overlap = squares[::-1][:size] + squares[-1] - squares[:size]
    curve = 2 * products / np.maximum(overlap, 1e-12 * (squares[-1] or 1.0))
    low, high = int(rate / HIGHEST), min(int(rate / LOWEST), size // 2)
    inner = curve[1:-1]
    peaks = 1 + np.flatnonzero((inner > curve[:-2]) & (inner >= curve[2:]))
    peaks = peaks[(peaks >= low) & (peaks <= high)]
    if not peaks.size or curve[peaks].max() < PERIODIC:
        return None
    place = int(peaks[np.argmax(curve[peaks] >= AS_HIGH * curve[peaks].max())])
    # Several periods are known better than one: each peak says where the next one is.
    period = float(place)
    for count in (1, 2, 4, 8):
        near = round(count * period)
        if near + 2 > high:
            break
        near += int(np.argmax(curve[near - 1 : near + 2])) - 1
        left, middle, right = curve[near - 1 : near + 2]
        bend = left - 2 * middle + right
        period = (near + (float((left - right) / (2 * bend)) if bend else 0.0)) / count
    return rate / period


@dataclass(frozen=True)
class Tuning:
    """A slider, by index, that tunes a program, and where it is set."""

    slider: int
    units: Array


def tuned(objective: Objective, units: Array) -> list[Tuning]:
    """Places at which the program has the pitch of the first target, or an octave of it."""
    one, model = objective.examples[0], objective.model
    target = np.concatenate([block for block, _ in one.wanted(LOOKED_AT)], axis=1)[0]
    wanted = pitch(target, one.rate)
    if wanted is None:
        return []

    def heard(at: Array) -> float | None:
        before = model.frames
        sliders = len(model.paths)
        output = model.output(objective.scales.values(at)[:sliders], one, LOOKED_AT)[0]
        objective.frames += model.frames - before
        return pitch(output, one.rate)

    now = heard(units)
    if now is None:
        return []
    slider = _tuning_slider(heard, units, len(model.paths), now)
    if slider is None:
        return []
    found = []
    for factor in OCTAVES:
        at = _tuned_to(heard, units, slider, wanted * factor)
        if at is not None:
            found.append(Tuning(slider, at))
    return found


def _tuning_slider(heard: Heard, units: Array, sliders: int, now: float) -> int | None:
    """The slider that the pitch depends on most."""
    best, slider = np.log(TUNED), None
    for index in range(sliders):
        at = units.copy()
        at[index] += MOVE if at[index] < 0.5 else -MOVE
        other = heard(at)
        if other is None:
            continue
        ratio = abs(float(np.log(other / now)))
        # A leap by octaves is another harmonic that is louder, no tuning.
        if best < ratio < 0.6:
            best, slider = ratio, index
    return slider


def _tuned_to(heard: Heard, units: Array, slider: int, wanted: float) -> Array | None:
    """The units at which the pitch is `wanted`: the secant method on logarithms."""
    one = units.copy()
    two = units.copy()
    two[slider] += MOVE if two[slider] < 0.5 else -MOVE
    low, high = heard(one), heard(two)
    for _ in range(STEPS):
        if low is None or high is None or low == high:
            return None
        slope = float(np.log(high / low)) / (two[slider] - one[slider])
        after = two.copy()
        after[slider] = np.clip(two[slider] + float(np.log(wanted / high)) / slope, 0.0, 1.0)
        one, low = two, high
        two, high = after, heard(after)
        if high is not None and abs(float(np.log(high / wanted))) < np.log(NEAR):
            return two
        if after[slider] == one[slider]:
            return None
    return None


def pitch_first(search: Search, units: Array) -> Array | None:
    """A start for least squares: tuned, and the rest by the magnitudes of spectra; or None."""
    objective = search.objective
    if not isinstance(objective.loss, Residual):
        return None
    places = tuned(objective, units)
    if not places:
        return None
    spectra = Objective(objective.model, objective.scales, objective.examples, Spectral())
    starts = [Point(one.units, spectra(one.units), 1e-2) for one in places]
    starts = [one for one in starts if one.sums.finite]
    if not starts:
        return None
    point = min(starts, key=lambda one: one.sums.loss)
    for after in islice(minimize(spectra, point, gain=SETTLED), PASSES):
        point = after
        search.add("pitch and spectra", point.units, point.sums, comparable=False)
    objective.frames += spectra.frames
    return point.units
