"""Plots of a fit, by matplotlib, on request: loss, parameters and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..drawing import canvas, literal_label, png
from .fit import Fit
from .scales import Scales
from .setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

#: The window of the spectra, in samples.
SPECTRUM_WINDOW = 4096


class Spectrum:
    """The mean power spectrum of a signal that comes in blocks, over all channels.

    Welch, "The use of fast Fourier transform for the estimation of power spectra" (1967), with a
    Hann window and no overlap.
    """

    def __init__(self) -> None:
        self._total = np.zeros(SPECTRUM_WINDOW // 2 + 1)
        self._count = 0
        self._waiting: Array | None = None

    def feed(self, signal: Array) -> None:
        """The next samples (channels, n)."""
        if self._waiting is not None:
            signal = np.concatenate([self._waiting, signal], axis=1)
        while signal.shape[1] >= SPECTRUM_WINDOW:
            self._add(signal[:, :SPECTRUM_WINDOW])
            signal = signal[:, SPECTRUM_WINDOW:]
        self._waiting = signal

    def _add(self, piece: Array) -> None:
        self._total += (np.abs(np.fft.rfft(piece * np.hanning(SPECTRUM_WINDOW))) ** 2).mean(axis=0)
        self._count += 1

    def decibels(self) -> Array:
        """The spectrum (WINDOW / 2 + 1,) in dB, relative to a sine of amplitude 1."""
        if not self._count and self._waiting is not None:
            missing = SPECTRUM_WINDOW - self._waiting.shape[1]
            self._add(np.pad(self._waiting, ((0, 0), (0, missing))))
        mean = self._total / max(self._count, 1) / (SPECTRUM_WINDOW / 4) ** 2
        return np.asarray(10 * np.log10(np.maximum(mean, 1e-20)), float)


def plot(setup: Setup, fit: Fit) -> bytes:
    """The plots as a PNG."""
    return png(figure(setup, fit))


def figure(setup: Setup, fit: Fit) -> Figure:
    """Loss and parameters by passes, spectra of target and result."""
    page = canvas(9, 10)
    losses, values, sound = page.subplots(3, 1)
    scales = Scales(setup.source.params, setup.file)
    stages = list(dict.fromkeys(one.stage for one in fit.iterations))
    for stage in stages:
        some = [one for one in fit.iterations if one.stage == stage]
        losses.semilogy(
            [one.passes for one in some],
            [max(one.loss, 1e-300) for one in some],
            ".-",
            label=stage,
        )
    checked = [one for one in fit.iterations if one.validation is not None]
    if checked:
        levels = [one.validation for one in checked]
        losses.semilogy([one.passes for one in checked], levels, "k--", label="validation")
    losses.set(xlabel="passes", ylabel=f"loss ({setup.loss})")
    losses.legend(fontsize="small")
    passes = [one.passes for one in fit.iterations]
    units = np.array([scales.units(one.values) for one in fit.iterations])
    for index, one in enumerate(fit.params):
        values.plot(passes, units[:, index], ".-", label=literal_label(one.label))
    values.set(xlabel="passes", ylabel="part of the slider's range", ylim=(-0.03, 1.03))
    values.legend(fontsize="small", ncols=2)
    target, result = Spectrum(), Spectrum()
    assert fit.inspection is not None
    for wanted, output in zip(fit.inspection.targets, fit.inspection.outputs, strict=True):
        target.feed(wanted)
        result.feed(output)
    hertz = np.fft.rfftfreq(SPECTRUM_WINDOW, 1 / setup.examples[0].rate)
    wanted_levels, found_levels = target.decibels(), result.decibels()
    sound.semilogx(hertz[1:], wanted_levels[1:], label="target", linewidth=2.5, alpha=0.4)
    sound.semilogx(hertz[1:], found_levels[1:], label="result", linewidth=0.8)
    highest = float(max(wanted_levels.max(), found_levels.max()))
    sound.set(xlabel="Hz", ylabel="dB", xlim=(20, None), ylim=(highest - 120, highest + 5))
    sound.legend(fontsize="small")
    return page
