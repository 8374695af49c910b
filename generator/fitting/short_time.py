"""Magnitudes of short-time spectra, on their scales, and their adjoints.

Centred frames, with the signal reflected at its ends, are as `torch.stft` makes them, so that the
losses that stand on them give the numbers of auraloss 0.4 (Steinmetz and Reiss, "auraloss:
Audio-focused loss functions in PyTorch", DMRN+15, 2020). The transforms are SciPy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Spectra = NDArray[np.complex128]

#: Taps of the A-weighting filter, and points of the response that they are fitted to.
WEIGHTING_TAPS, WEIGHTING_POINTS = 101, 512
#: Corner frequencies in Hz of the A-weighting, and its gain in dB at 1 kHz (IEC 61672-1).
CORNERS, AT_1000 = (20.598997, 107.65265, 737.86223, 12194.217), 1.9997


@dataclass(frozen=True)
class ShortTime:
    """A transform of `size` points, moved by `hop`, under a periodic Hann window of `length`.

    Frames that are not `centred` are those that lie wholly in the signal. A reflection has a corner
    that depends on the phase at the end: the slope of a distance by a frequency ripples with it.
    """

    size: int
    hop: int
    length: int
    centred: bool = True

    @cached_property
    def window(self) -> Array:
        """The window (size,): `length` samples in the middle."""
        from scipy.signal import get_window

        before = (self.size - self.length) // 2
        after = self.size - self.length - before
        return np.pad(np.asarray(get_window("hann", self.length), float), (before, after))

    def sources(self, count: int) -> NDArray[np.intp]:
        """Which of `count` samples stands at each place of the signal as it is cut into frames.

        If centred, the ends are reflected; a signal that is shorter than a frame is repeated.
        """
        if not self.centred:
            return np.arange(max(count, self.size)) % count
        places = np.arange(-(self.size // 2), count + self.size // 2)
        if count == 1:
            return np.zeros_like(places)
        around = places % (2 * (count - 1))
        return np.minimum(around, 2 * (count - 1) - around)

    def transform(self, signal: Array) -> Spectra:
        """The spectra (..., frames, size/2 + 1) of a signal (..., n)."""
        from scipy.fft import rfft

        padded = signal[..., self.sources(signal.shape[-1])]
        cut = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=-1)
        return np.asarray(rfft(cut[..., :: self.hop, :] * self.window), np.complex128)

    def adjoint(self, spectra: Spectra, count: int) -> Array:
        """The adjoint of `transform`: <adjoint(A), x> = Re(conj(A) S x) over frames and bins."""
        from scipy.fft import irfft

        # `irfft` counts the bins between the first and the last twice, and divides by the size.
        halved = spectra * (0.5 * self.size)
        halved[..., 0] *= 2
        if self.size % 2 == 0:
            halved[..., -1] *= 2
        pieces = irfft(halved, self.size) * self.window
        sources = self.sources(count)
        padded = np.zeros((*spectra.shape[:-2], len(sources)))
        for frame in range(pieces.shape[-2]):
            start = frame * self.hop
            padded[..., start : start + self.size] += pieces[..., frame, :]
        rows = [np.bincount(sources, one, count) for one in padded.reshape(-1, len(sources))]
        return np.array(rows, float).reshape(*spectra.shape[:-2], count)


@dataclass(frozen=True)
class Magnitudes:
    """M = sqrt(max(|S|^2, eps)) of the spectra of a signal, in `mels` bands where that is not 0."""

    transform: ShortTime
    eps: float
    mels: int
    rate: float

    def of(self, signal: Array) -> SignalSpectra:
        """The magnitudes of signals (channels, n)."""
        spectra = self.transform.transform(signal)
        power = spectra.real**2 + spectra.imag**2
        return SignalSpectra(self, spectra, power > self.eps, np.sqrt(np.maximum(power, self.eps)))

    @property
    def bands(self) -> Array | None:
        """The weights (mels, bins) of the bands."""
        return mel_bands(self.mels, self.transform.size, self.rate) if self.mels else None


@dataclass(frozen=True)
class SignalSpectra:
    """Signals as spectra and plain magnitudes (channels, frames, bins); `moves`: those over eps."""

    by: Magnitudes
    spectra: Spectra
    moves: NDArray[np.bool_]
    plain: Array

    @property
    def magnitudes(self) -> Array:
        """The magnitudes on the scale that is asked for, (channels, frames, bins or bands)."""
        bands = self.by.bands
        return self.plain if bands is None else self.plain @ bands.T

    def change(self, partial: Array) -> Array:
        """The partial of the magnitudes, by that of the signals (channels, n)."""
        spectra = self.by.transform.transform(partial)
        change = np.where(self.moves, (spectra * self.spectra.conj()).real / self.plain, 0.0)
        bands = self.by.bands
        return np.asarray(change if bands is None else change @ bands.T, float)

    def adjoint(self, slope: Array, count: int) -> Array:
        """The gradient by the signals (channels, count), by that of the magnitudes."""
        bands = self.by.bands
        plain = slope if bands is None else slope @ bands
        return self.by.transform.adjoint(
            np.where(self.moves, plain / self.plain, 0.0) * self.spectra, count
        )


@cache
def mel_bands(count: int, size: int, rate: float) -> Array:
    """Triangles (count, size/2 + 1) of equal area, evenly in mels from 0 to half the rate.

    The mels are those of Slaney, "Auditory toolbox" (1998): linear up to 1 kHz, 200/3 Hz for each,
    then 27 for a factor of 6.4.
    """
    step, corner, ratio = 200.0 / 3, 1000.0, np.log(6.4) / 27
    top = rate / 2
    highest = top / step if top < corner else corner / step + np.log(top / corner) / ratio
    mels = np.linspace(0.0, highest, count + 2)
    beyond = np.maximum(mels - corner / step, 0.0)
    edges = np.where(beyond > 0, corner * np.exp(ratio * beyond), step * mels)
    hertz = np.arange(size // 2 + 1) * rate / size
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * 2 / (high - low), float)


@cache
def a_weighting(rate: float) -> Array:
    """A filter (TAPS,) with the response of A-weighting, by least squares; symmetric."""
    from scipy.signal import bilinear, firls, freqz

    one, two, three, four = (2 * np.pi * hertz for hertz in CORNERS)
    poles = np.polymul([1, 2 * four, four**2], [1, 2 * one, one**2])
    poles = np.polymul(np.polymul(poles, [1, three]), [1, two])
    zeros = [four**2 * 10 ** (AT_1000 / 20), 0, 0, 0, 0]
    hertz, response = freqz(*bilinear(zeros, poles, fs=rate), worN=WEIGHTING_POINTS, fs=rate)
    return np.asarray(firls(WEIGHTING_TAPS, hertz, np.abs(response), fs=rate), float)


def apply_weighting(signal: Array, rate: float) -> Array:
    """Signals (..., n) behind A-weighting, not delayed; the filter is its own adjoint."""
    from scipy.ndimage import convolve1d

    return np.asarray(convolve1d(signal, a_weighting(rate), axis=-1, mode="constant"), float)
