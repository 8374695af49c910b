"""How late a recording is, and whether it is upside down.

By generalised cross-correlation (Knapp and Carter, "The generalized correlation method for
estimation of time delay", 1976), whose weighting makes peaks narrow, so that a lag is found even
though the two signals have gone through different filters. Here the cross-spectrum is divided by
its magnitude to the power of `WHITENING_EXPONENT`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WHITENING_EXPONENT = 0.7
#: No lag is looked for beyond so many seconds, nor one at which less than this part of the shorter
#: signal would be compared.
LONGEST, OVERLAP = 30.0, 0.25
#: A peak must stand out by this factor from the root mean square of the correlation.
LEAST_PROMINENCE = 8.0
#: A peak that is nearer to 0 is taken if it has this part of the highest one.
NEARLY_HIGHEST = 0.9
#: How much of a signal is looked at, in samples.
MAX_SAMPLES = 1 << 20


@dataclass(frozen=True)
class Alignment:
    """The target is `lag` samples late; `signs` are -1 for channels that are upside down.

    `prominence` says how far the peak of the correlation stands out.
    """

    lag: int
    signs: tuple[float, ...]
    prominence: float

    @property
    def reliable(self) -> bool:
        """Whether the peak is one."""
        return self.prominence >= LEAST_PROMINENCE

    @property
    def moves(self) -> bool:
        """Whether anything is to be undone."""
        return self.reliable and (self.lag != 0 or min(self.signs) < 0)


def alignment(signal: Array, target: Array, rate: int) -> Alignment:
    """How `target` (channels, m) lies against `signal` (channels, n), at a `rate` in Hz.

    One lag for all channels, a sign for each.
    """
    signal, target = signal[:, :MAX_SAMPLES], target[:, :MAX_SAMPLES]
    longer, shorter = sorted((signal.shape[1], target.shape[1]), reverse=True)
    limit = max(1, min(longer - int(OVERLAP * shorter) - 1, round(LONGEST * rate)))
    curves = np.stack([correlation(a, b, limit) for a, b in zip(signal, target, strict=True)])
    strength = np.abs(curves).sum(axis=0)
    spread = float(np.sqrt(np.mean(strength**2)))
    if not spread > 0:
        return Alignment(0, (1.0,) * len(target), 0.0)
    high = np.flatnonzero(strength >= NEARLY_HIGHEST * strength.max())
    # Of peaks that are as high, as in periodic sounds, the one nearest to 0.
    nearest = int(high[np.argmin(np.abs(high - limit))])
    place = _summit(strength, nearest)
    signs = tuple(-1.0 if curve[place] < 0 else 1.0 for curve in curves)
    return Alignment(place - limit, signs, float(strength[place]) / spread)


def example_alignment(
    has_input: bool, output: Array, target: Array, given: Iterable[Array], rate: int
) -> Alignment:
    """How `target` lies against the `output` of a program, or against what is fed to a silent one.

    What is `given` (inputs, n) comes in blocks; a program without input has none.
    """
    signal = output
    if not np.isfinite(output).all() or not np.abs(output).max() > 0:
        if not has_input:
            return Alignment(0, (1.0,) * len(target), 0.0)
        fed = np.concatenate(list(given), axis=1).mean(axis=0)
        signal = np.broadcast_to(fed, target.shape)
    result = alignment(signal, target, rate)
    if not has_input:
        # What sounds by itself is not upside down.
        result = replace(result, signs=(1.0,) * len(target))
    return result


def _summit(curve: Array, place: int) -> int:
    """The local maximum that is reached from `place`."""
    while True:
        low, high = max(0, place - 1), min(len(curve), place + 2)
        best = low + int(np.argmax(curve[low:high]))
        if best == place:
            return place
        place = best


def correlation(one: Array, other: Array, limit: int) -> Array:
    """The weighted cross-correlation of two signals (n,) at the lags -limit .. limit."""
    size = 1 << (len(one) + len(other) - 1).bit_length()
    cross = np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size)
    magnitude = np.abs(cross)
    top = float(magnitude.max())
    if not top > 0:
        return np.zeros(2 * limit + 1)
    # What is far below the rest is noise, and is not lifted.
    weighted = cross / np.maximum(magnitude, 1e-6 * top) ** WHITENING_EXPONENT
    curve = np.fft.irfft(weighted, size)
    return np.concatenate([curve[-limit:], curve[: limit + 1]])
