"""How like a target an output sounds, whatever the phases.

Two things do not depend on phases where the windows are long enough to tell partials apart: the
levels of the long-term spectrum (Welch, "The use of fast Fourier transform for the estimation of
power spectra", 1967), and the course of the bands' amplitudes in time. A spectrum of a single frame
does: where two partials meet, as those that alias do, they beat.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from .losses import Spectral, spectral
from .pairing import Example
from .pitch import peaks, pitch
from .tuning import MAX_PEAKS, target_of

Array = NDArray[np.float64]

#: Windows of so many periods tell partials apart, and see no phase; shorter ones do.
WINDOW_PERIODS = 4.5
#: The shortest and the longest window for a sound that has a pitch.
SHORTEST, LONGEST = 512, 8192
#: The periods of an end, and the part of the energy of the loudest ones with which it is quiet.
END_PERIODS, QUIET_PART = 2.0, 0.1

#: Levels that differ by less, in dB, and amplitudes of bands, as a part of energy, are a match.
SAME_LEVEL, SAME_COURSE = 0.5, 1e-2
#: What is so far below the highest bin, as a ratio of amplitudes, is not compared.
BIN_FLOOR = 1e-2
#: The part of the energy that may lie where the windows are close to 0, at an end.
HIDDEN_PART = 0.5
#: Bands in which amplitudes are followed, and frames that are transformed at a time.
BANDS, FRAMES_AT_ONCE = 24, 64


@dataclass(frozen=True)
class SoundDifference:
    """How an output differs from its target.

    `level` is that of the long-term spectra in dB, as a root mean square over bins and weighted by
    their amplitudes. `course` is that of the bands' amplitudes in time, as a part of their energy.
    `louder` is by how many dB the target is the louder one.
    """

    level: float
    course: float
    louder: float

    @property
    def matches(self) -> bool:
        """Whether the sounds are alike."""
        return self.within(SAME_LEVEL)

    def within(self, decibels: float) -> bool:
        """Whether spectra differ by no more than this, and not in their course over time."""
        return self.level <= decibels and self.course <= SAME_COURSE

    @property
    def description(self) -> str:
        """The difference in words."""
        if not np.isfinite(self.level):
            return "all there is: one of the two is silent"
        words = f"{self.level:.2g} dB"
        if self.course > SAME_COURSE:
            words += f", and over time by {100 * min(self.course, 9.99):.3g} % of the energy"
        return words


@dataclass(frozen=True)
class Windows:
    """Windows for a target, by their `sizes` in samples, the longest first.

    `padded` says of both ends of the target whether zeros go there, which show a phase where a
    signal begins or ends in the middle of a tone.
    """

    sizes: tuple[int, ...] = (4096, 1024, 256)
    padded: tuple[bool, bool] = (True, True)

    @staticmethod
    def of(examples: Sequence[Example]) -> Windows:
        """Those that tell the partials of the targets apart.

        What a shorter window shows of a tone depends on its phase, which nobody knows.
        """
        one = examples[0]
        target = target_of(one)
        lowest = pitch(target, one.rate)
        if lowest is None:
            high = sorted(peaks(target, one.rate, MAX_PEAKS))
            gaps = [after - before for before, after in itertools.pairwise(high)]
            lowest = min(gaps, default=np.inf)
        if not np.isfinite(lowest):
            return Windows()
        least = max(SHORTEST, WINDOW_PERIODS * one.rate / lowest)
        size = 2 ** int(np.ceil(np.log2(least)))
        longest = min(LONGEST, min(example.frames for example in examples) // 2)
        sizes = tuple(factor * size for factor in (4, 2, 1) if factor * size <= longest)
        ends = _quiet_ends(target, int(END_PERIODS * one.rate / lowest))
        return Windows(sizes, ends) if sizes else Windows()

    @cached_property
    def loss(self) -> Spectral:
        """The distance of magnitudes by these windows, which least squares can follow."""
        return replace(spectral(self.sizes), padded=self.padded)

    def difference(
        self, pairs: Sequence[tuple[Array, Array]], *, level: bool = True
    ) -> SoundDifference:
        """That of outputs from targets, each (channels, n); without `level`, at the same energy."""
        wanted = sum(float(np.vdot(target, target)) for _, target in pairs)
        energy = sum(float(np.vdot(output, output)) for output, _ in pairs)
        if not (np.isfinite(energy) and min(wanted, energy) > 0):
            same = energy == wanted == 0
            return (
                SoundDifference(0.0, 0.0, 0.0) if same else SoundDifference(np.inf, np.inf, np.nan)
            )
        gain = 1.0 if level else np.sqrt(wanted / energy)
        # A window of this shape has lobes that are wider, and so far down that they hide nothing.
        sizes = self.sizes[:-1] or self.sizes
        levels, courses = [], []
        for size in sizes:
            padded = _paddings([target for _, target in pairs], size)
            channels = [
                _channel_spectra(gain * mine, its, size, padded)
                for output, target in pairs
                for mine, its in zip(output, target, strict=True)
            ]
            levels.append(_level(channels))
            whole = sum(one.energy for one in channels)
            courses.append(sum(one.deviation for one in channels) / whole)
        level_difference = float(np.sqrt(np.mean(levels)))
        louder = float(10 * np.log10(wanted / energy))
        return SoundDifference(level_difference, float(np.mean(courses)), louder)


def _quiet_ends(target: Array, size: int) -> tuple[bool, bool]:
    """Whether a signal (n,) begins and ends quietly, by pieces of some size."""
    size = min(size, len(target))
    sums = np.concatenate([[0.0], np.cumsum(target**2)])
    energies = sums[size:] - sums[:-size]
    loudest = QUIET_PART * float(energies.max())
    return bool(energies[0] < loudest), bool(energies[-1] < loudest)


@dataclass(frozen=True)
class _ChannelSpectra:
    """One channel by windows of one size: the mean powers by bin of output and target, (bins,).

    `deviation` is the energy by which the bands' amplitudes differ, of `energy` of the target.
    """

    mine: Array
    its: Array
    deviation: float
    energy: float


def _paddings(targets: Sequence[Array], size: int) -> tuple[bool, bool]:
    """Whether to put zeros before and after targets (channels, n), for windows of some size.

    They show the phase of a tone that they cut off: only where most of it would not be seen else.
    """
    edge = size // 4
    whole = sum(float(np.vdot(one, one)) for one in targets)
    ends = [
        sum(float(np.vdot(one[:, part], one[:, part])) for one in targets)
        for part in (slice(edge), slice(-edge, None))
    ]
    return ends[0] > HIDDEN_PART * whole, ends[1] > HIDDEN_PART * whole


def _channel_spectra(
    mine: Array, its: Array, size: int, padded: tuple[bool, bool]
) -> _ChannelSpectra:
    """Of an output and a target (n,)."""
    hop = size // 4
    short = max(0, size - len(its))
    ends = ((size - hop) * padded[0], max(size * padded[1], short))
    cut = [
        np.lib.stride_tricks.sliding_window_view(np.pad(one, ends), size)[::hop]
        for one in (mine, its)
    ]
    frames = len(cut[0])
    powers = np.zeros((2, size // 2 + 1))
    deviation = energy = 0.0
    starts = _bands(size)
    for first in range(0, frames, FRAMES_AT_ONCE):
        part = [one[first : first + FRAMES_AT_ONCE] * _window(size) for one in cut]
        spectra = np.abs(np.fft.rfft(part)) ** 2
        powers += spectra.sum(axis=1)
        amplitudes = np.sqrt(np.add.reduceat(spectra, starts, axis=2))
        deviation += float(np.sum((amplitudes[0] - amplitudes[1]) ** 2))
        energy += float(np.sum(amplitudes[1] ** 2))
    return _ChannelSpectra(powers[0] / frames, powers[1] / frames, deviation, energy)


def _level(channels: Sequence[_ChannelSpectra]) -> float:
    """The mean square of the differences of levels in dB, over the bins of all channels."""
    mine, its = (np.stack([getattr(one, name) for one in channels]) for name in ("mine", "its"))
    floor = BIN_FLOOR**2 * float(its.max())
    decibels = 10 * np.log10((mine + floor) / (its + floor))
    weights = np.sqrt(np.maximum(np.maximum(mine, its) - floor, 0.0))
    return float((weights * decibels**2).sum() / weights.sum())


@cache
def _window(size: int) -> Array:
    from scipy.signal import get_window

    return np.asarray(get_window("blackmanharris", size), float)


@cache
def _bands(size: int) -> NDArray[np.intp]:
    """The first bins of bands that are evenly wide on a logarithmic axis."""
    edges = np.round(np.geomspace(2, size // 2 + 1, BANDS + 1)[:-1])
    return np.concatenate([[0], np.unique(edges.astype(np.intp))])
