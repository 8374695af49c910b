"""How what is left over depends on the result, where no filter nor polynomial of it shows that.

A repeat, as of an echo or a room, lies later than a short filter reaches. A level that moves, as of
a tremolo, is no filter at all. Noise has neither: its correlation with the result has no peak, and
the spectrum of its product with the result has no line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .alignment import MAX_SAMPLES, alignment

Array = NDArray[np.float64]

#: Repeats are looked for beyond so many samples.
NEAREST_REPEAT = 24
#: Of noise, a bin of a spectrum is above the median of those around by less than this factor, but
#: for one of 10^12: of an exponential distribution, log(10^12) / log(2).
LINE = 40.0
#: Bins around a line, on both sides.
AROUND = 32
#: Modulations are slower than this, in Hz, and have so many periods: with fewer, they are a drift.
FASTEST, FEWEST_PERIODS = 50.0, 4


@dataclass(frozen=True)
class Dependence:
    """What is left over depends on the result: the `part` of its energy, and how, in words."""

    part: float
    description: str


def dependence(output: Array, residual: Array, rate: int) -> Dependence | None:
    """The repeat or modulation of `output` in `residual`, both (channels, n), or None."""
    output, residual = output[:, :MAX_SAMPLES], residual[:, :MAX_SAMPLES]
    if not output.any() or not residual.any():
        return None
    return _repeat(output, residual, rate) or _modulation(output[0], residual[0], rate)


def _repeat(output: Array, residual: Array, rate: int) -> Dependence | None:
    found = alignment(output, residual, rate)
    if not found.reliable or abs(found.lag) <= NEAREST_REPEAT:
        return None
    late, early = max(0, found.lag), max(0, -found.lag)
    count = output.shape[1] - late - early
    here, there = residual[:, late : late + count], output[:, early : early + count]
    energies = float(np.vdot(there, there)) * float(np.vdot(residual, residual))
    # Each channel has a sign of its own.
    shared = float(np.abs((here * there).sum(axis=1)).sum())
    time = f"{abs(found.lag)} samples ({1000 * abs(found.lag) / rate:.3g} ms)"
    way = "later" if found.lag > 0 else "earlier"
    return Dependence(
        shared**2 / energies if energies else 0.0,
        f"what is left over is the sound itself, {time} {way}: the program lacks an echo",
    )


def _modulation(output: Array, residual: Array, rate: int) -> Dependence | None:
    # Differences, for what is as slow as a modulation may look like one.
    carrier, rest = np.diff(output), np.diff(residual)
    level, left = float(np.mean(output**2)), float(np.mean(residual**2))
    product = carrier * rest
    count = len(product)
    if not level > 0 or not left > 0 or not product.any():
        return None
    power = np.abs(np.fft.rfft((product - product.mean()) * np.hanning(count))) ** 2
    last = min(len(power) - AROUND, int(FASTEST * count / rate))
    if last <= FEWEST_PERIODS:
        return None
    place = FEWEST_PERIODS + int(np.argmax(power[FEWEST_PERIODS:last]))
    around = power[max(1, place - AROUND) : place + AROUND]
    if not power[place] > LINE * float(np.median(around)):
        return None
    # A line of amplitude a has a^2 (n / 4)^2 in its bin of a Hann window. A level that moves by m
    # makes one of m times the carrier's energy, and leaves half of m^2 of that of the output.
    depth = 4 * float(np.sqrt(power[place])) / count / float(np.mean(carrier**2))
    what = f"the level of the target moves at about {place * rate / count:.2g} Hz"
    part = min(1.0, depth**2 / 2 * level / left)
    return Dependence(part, f"{what}: the program lacks a modulation")
