"""The pitch of a sound, and the other frequencies that stand out in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The pitches that are looked for, in Hz, and the samples in which they are.
LOWEST, HIGHEST, WINDOW = 25.0, 5000.0, 8192
#: A pitch is one if the autocorrelation there has this part of that at 0.
LEAST_PERIODICITY = 0.6
#: A peak at a shorter period is taken if it has this part of the highest one.
NEARLY_HIGHEST = 0.93


def pitch(signal: Array, rate: int) -> float | None:
    """The pitch of a signal (n,) in Hz where it is loudest, or None if it has none.

    By autocorrelation, normalised by the energy of what overlaps (McLeod and Wyvill, "A smarter way
    to find pitch", 2005).
    """
    piece = loudest(signal)
    size = len(piece)
    if size < 256:
        return None
    spectrum = np.fft.rfft(piece, 2 * size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
    squares = np.concatenate([[0.0], np.cumsum(piece**2)])
    overlap = squares[::-1][:size] + squares[-1] - squares[:size]
    curve = 2 * products / np.maximum(overlap, 1e-12 * (squares[-1] or 1.0))
    low, high = int(rate / HIGHEST), min(int(rate / LOWEST), size // 2)
    inner = curve[1:-1]
    peaks = 1 + np.flatnonzero((inner > curve[:-2]) & (inner >= curve[2:]))
    peaks = peaks[(peaks >= low) & (peaks <= high)]
    if not peaks.size or curve[peaks].max() < LEAST_PERIODICITY:
        return None
    place = int(peaks[np.argmax(curve[peaks] >= NEARLY_HIGHEST * curve[peaks].max())])
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


def peaks(signal: Array, rate: int, count: int) -> list[float]:
    """The frequencies in Hz of the `count` highest peaks of a signal (n,) where it is loudest."""
    piece = loudest(signal)
    if len(piece) < 256:
        return []
    heights = np.abs(np.fft.rfft(piece * np.blackman(len(piece)), 2 * len(piece)))
    inner = heights[1:-1]
    places = 1 + np.flatnonzero((inner > heights[:-2]) & (inner >= heights[2:]))
    places = places[heights[places] > 0]
    found = []
    for place in places[np.argsort(-heights[places], kind="stable")][:count]:
        # The top of a window's lobe is a parabola, in decibels.
        left, middle, right = np.log(np.maximum(heights[place - 1 : place + 2], 1e-300))
        bend = left - 2 * middle + right
        shift = float((left - right) / (2 * bend)) if bend else 0.0
        found.append((place + shift) * rate / (2 * len(piece)))
    return found


def loudest(signal: Array) -> Array:
    """The loudest `WINDOW` samples of a signal (n,), without its mean; empty if not finite."""
    if not np.isfinite(signal).all() or not len(signal):
        return signal[:0]
    size = min(WINDOW, len(signal))
    sums = np.concatenate([[0.0], np.cumsum(signal**2)])
    start = int(np.argmax(sums[size:] - sums[:-size]))
    piece = signal[start : start + size]
    return np.asarray(piece - piece.mean(), float)
