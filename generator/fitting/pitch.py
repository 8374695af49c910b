"""The pitch of a sound, and the other frequencies that stand out in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The pitches that are looked for, in Hz, and the samples in which they are.
LOWEST, HIGHEST, WINDOW = 25.0, 10000.0, 8192
#: Fewer samples have none.
FEWEST_SAMPLES = 64
#: Points of the autocorrelation per sample: the peak of a short period is between samples.
POINTS_PER_SAMPLE = 4
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
    if size < FEWEST_SAMPLES:
        return None
    spectrum = np.abs(np.fft.rfft(piece, 2 * size)) ** 2
    products = (
        np.fft.irfft(spectrum, 2 * size * POINTS_PER_SAMPLE)[: size * POINTS_PER_SAMPLE]
        * POINTS_PER_SAMPLE
    )
    squares = np.concatenate([[0.0], np.cumsum(piece**2)])
    overlap = np.interp(
        np.arange(size * POINTS_PER_SAMPLE) / POINTS_PER_SAMPLE,
        np.arange(size),
        squares[::-1][:size] + squares[-1] - squares[:size],
    )
    curve = 2 * products / np.maximum(overlap, 1e-12 * (squares[-1] or 1.0))
    low, high = (
        int(POINTS_PER_SAMPLE * rate / HIGHEST),
        min(int(POINTS_PER_SAMPLE * rate / LOWEST), len(curve) // 2),
    )
    inner = curve[1:-1]
    peaks = 1 + np.flatnonzero((inner > curve[:-2]) & (inner >= curve[2:]))
    peaks = peaks[(peaks >= low) & (peaks <= high)]
    if not peaks.size:
        return None
    heights = _top(curve, peaks)[1]
    if heights.max() < LEAST_PERIODICITY:
        return None
    place = peaks[np.argmax(heights >= NEARLY_HIGHEST * heights.max())]
    # Several periods are known better than one: each peak says where the next one is.
    period, count = float(place), 1
    while (near := round(count * period)) + POINTS_PER_SAMPLE + 1 < len(curve) // 2:
        near += (
            int(np.argmax(curve[near - POINTS_PER_SAMPLE : near + POINTS_PER_SAMPLE + 1]))
            - POINTS_PER_SAMPLE
        )
        period = float(_top(curve, np.array([near]))[0][0]) / count
        count *= 2
    return POINTS_PER_SAMPLE * rate / period


def _top(curve: Array, places: NDArray[np.intp]) -> tuple[Array, Array]:
    """Where the parabolas through the points around `places` of a curve are highest, how high."""
    left, middle, right = (curve[places + way] for way in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend != 0)
    return np.asarray(places + shift, float), middle - (left - right) * shift / 4


def peaks(signal: Array, rate: int, count: int) -> list[float]:
    """The frequencies in Hz of the `count` highest peaks of a signal (n,) where it is loudest."""
    piece = loudest(signal)
    if len(piece) < FEWEST_SAMPLES:
        return []
    heights = np.abs(np.fft.rfft(piece * np.blackman(len(piece)), 2 * len(piece)))
    inner = heights[1:-1]
    places = 1 + np.flatnonzero((inner > heights[:-2]) & (inner >= heights[2:]))
    places = places[heights[places] > 0]
    highest = places[np.argsort(-heights[places], kind="stable")][:count]
    # The top of a window's lobe is a parabola, in decibels.
    tops = _top(np.log(np.maximum(heights, 1e-300)), highest)[0]
    return [float(top) * rate / (2 * len(piece)) for top in tops]


def loudest(signal: Array) -> Array:
    """The loudest `WINDOW` samples of a signal (n,), without its mean; empty if not finite."""
    if not np.isfinite(signal).all() or not len(signal):
        return signal[:0]
    size = min(WINDOW, len(signal))
    sums = np.concatenate([[0.0], np.cumsum(signal**2)])
    start = int(np.argmax(sums[size:] - sums[:-size]))
    piece = signal[start : start + size]
    return np.asarray(piece - piece.mean(), float)
