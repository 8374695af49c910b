"""How far an output is from its target, and what a parameter has to do with it.

A loss is defined on whole signals (`Loss.value`, `Loss.gradient`) and summed block by block by its
meter, which also takes the partials of the output by the parameters. A meter gives the gradient by
the parameters and, on demand, the Gauss-Newton matrix: the losses here are sums of squares, or are
weighted so (iteratively reweighted least squares; Holland and Welsch, "Robust regression using
iteratively reweighted least-squares", 1977).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from ..table.algebras import Arrays
from ..table.assembling import built_in_table
from ..table.expressions import Expression
from ..table.folding import fold
from ..table.rules import partial

Array = NDArray[np.float64]

#: What is compared must not depend on a division by 0 at rest.
LEAST_DIVISOR = 1e-12


@dataclass(frozen=True)
class Sums:
    """A loss at some values of P parameters: its gradient (P,) and Gauss-Newton matrix (P, P).

    `error` is the error-to-signal ratio in energy, without emphasis, whatever the loss: the part of
    the target that is not explained.
    """

    loss: float
    gradient: Array
    curvature: Array
    error: float

    @property
    def finite(self) -> bool:
        """Whether the program gave numbers."""
        numbers = (self.loss, self.gradient, self.curvature)
        return all(bool(np.isfinite(one).all()) for one in numbers)


class Meter(ABC):
    """Sums of one loss over any number of signals, each in blocks."""

    @abstractmethod
    def feed(self, output: Array, target: Array, partials: Array) -> None:
        """The next samples: (channels, n), (channels, n) and (channels, parameters, n)."""

    @abstractmethod
    def end(self) -> None:
        """The signals are over; others may follow."""

    @abstractmethod
    def sums(self) -> tuple[float, Array, Array]:
        """Loss, gradient and Gauss-Newton matrix of all that came."""


class Loss(ABC):
    """A distance between signals of the shape (channels, frames)."""

    @abstractmethod
    def meter(self, channels: int, parameters: int, *, curvature: bool) -> Meter:
        """Sums for so many channels and parameters; without `curvature`, its matrix stays 0."""

    def gradient(self, output: Array, target: Array) -> Array:
        """The gradient by the `output`, of its shape."""
        return self.gradients([(output, target)])[0]

    @abstractmethod
    def gradients(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        """The gradients of the loss of several signals together, by each output.

        `pairs` are outputs and targets, each (channels, frames).
        """

    def value(self, output: Array, target: Array) -> float:
        """The loss of a whole signal."""
        return self.whole([(output, target)])

    def whole(self, pairs: Sequence[tuple[Array, Array]]) -> float:
        """The loss of several signals together."""
        meter = self.meter(len(pairs[0][0]), 0, curvature=False)
        for output, target in pairs:
            meter.feed(output, target, np.zeros((len(output), 0, output.shape[1])))
            meter.end()
        return meter.sums()[0]


#: The rows of the table that say what a residual costs.
_ROWS = {"squared": "squared_error", "absolute": "absolute_error", "huber": "huber"}


@cache
def _cost(kind: str) -> tuple[Expression, Expression]:
    """What a residual costs, of an output `y` and a target `t`, and its derivative by `y`."""
    row = built_in_table()[_ROWS[kind]]
    assert row.value is not None
    return row.value, partial(row, "y")


@dataclass(frozen=True)
class Residual(Loss):
    """A mean of rho(r) over all samples, where r is output minus target.

    `kind` is "squared" (rho = r^2), "absolute" (|r|) or "huber": r^2/2 within `delta`, else
    delta*(|r| - delta/2) (Huber, "Robust estimation of a location parameter", 1964).

    With `emphasis` a, r is filtered by 1 - a z^-1 first; with a `cutoff`, in cycles per sample, by
    a Butterworth lowpass of order 4; with a `band`, by a steep lowpass that leaves nothing above
    it. With `relative`, the sum is divided by that of the target
    filtered in the same way. Squared, relative and with a = 0.95 it is the error-to-signal ratio of
    Wright, Damskägg and Välimäki, "Real-time black-box modelling with recurrent neural networks"
    (DAFx 2019), with the emphasis of Wright and Välimäki, "Perceptual loss function for neural
    modeling of audio systems" (ICASSP 2020).
    """

    kind: str = "squared"
    delta: float = 0.1
    emphasis: float = 0.0
    relative: bool = False
    cutoff: float = 0.0
    band: float = 0.0

    @cached_property
    def sections(self) -> Array | None:
        """The filter as second-order sections, if there is one."""
        if not (self.emphasis or self.cutoff or self.band):
            return None
        from scipy.signal import butter, cheby2

        emphasis = [[1.0, -self.emphasis, 0.0, 1.0, 0.0, 0.0]] if self.emphasis else []
        lowpass = butter(4, 2 * self.cutoff, output="sos").tolist() if self.cutoff else []
        # 60 dB down at the edge of the band.
        band = cheby2(12, 60, 2 * self.band, output="sos").tolist() if self.band else []
        return np.array(emphasis + lowpass + band)

    def filter(self, signal: Array, state: Array | None = None) -> tuple[Array, Array | None]:
        """A signal filtered along its last axis, and the state of the filter after it."""
        if self.sections is None:
            return signal, None
        from scipy.signal import sosfilt

        if state is None:
            state = np.zeros((len(self.sections), *signal.shape[:-1], 2))
        result, state = sosfilt(self.sections, signal, axis=-1, zi=state)
        return np.asarray(result, float), state

    def rho(self, residual: Array) -> Array:
        """What each sample adds: the value of the row of the table."""
        return self._fold(_cost(self.kind)[0], residual)

    def slope(self, residual: Array) -> Array:
        """The derivative of `rho`, by the row: 0 at the kink of the absolute value."""
        return self._fold(_cost(self.kind)[1], residual)

    def _fold(self, expression: Expression, residual: Array) -> Array:
        values = {"y": residual, "t": 0.0, "delta": self.delta}
        return np.asarray(fold(expression, Arrays(values)), float)

    def weight(self, residual: Array) -> Array:
        """slope(r) / r: the squares that touch `rho` at r."""
        if self.kind == "squared":
            return np.full_like(residual, 2.0)
        size = np.abs(residual)
        if self.kind == "huber":
            return self.delta / np.maximum(size, self.delta)
        # Bounded where the absolute value has its kink.
        return 1 / np.maximum(size, 1e-3 * float(size.mean()) + LEAST_DIVISOR)

    def meter(self, channels: int, parameters: int, *, curvature: bool) -> Meter:
        return _ResidualMeter(self, channels, parameters, curvature)

    def gradients(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        gradients, scale = [], 0.0
        for output, target in pairs:
            slope = self.slope(self.filter(output - target)[0])
            # The adjoint of a filter is the same one, backwards in time.
            gradients.append(self.filter(np.ascontiguousarray(slope[:, ::-1]))[0][:, ::-1])
            relative = self.relative
            scale += float(self.rho(self.filter(target)[0]).sum()) if relative else output.size
        return [np.asarray(back / (scale or LEAST_DIVISOR), float) for back in gradients]


class _ResidualMeter(Meter):
    def __init__(self, loss: Residual, channels: int, parameters: int, curvature: bool) -> None:
        self.loss, self.channels, self.parameters = loss, channels, parameters
        self.curvature = curvature
        self.total = self.scale = 0.0
        self.first = np.zeros(parameters)
        self.second = np.zeros((parameters, parameters))
        self.end()

    def end(self) -> None:
        #: Of the filters of residual, target and partials.
        self.states: list[Array | None] = [None, None, None]

    def feed(self, output: Array, target: Array, partials: Array) -> None:
        loss = self.loss
        signals = []
        for index, signal in enumerate((output - target, target, partials)):
            filtered, self.states[index] = loss.filter(signal, self.states[index])
            signals.append(filtered)
        residual, target, partials = signals
        self.total += float(loss.rho(residual).sum())
        self.scale += float(loss.rho(target).sum()) if loss.relative else residual.size
        columns = partials.transpose(1, 0, 2).reshape(self.parameters, residual.size)
        self.first += columns @ loss.slope(residual).reshape(-1)
        if self.curvature:
            weights = loss.weight(residual).reshape(-1)
            self.second += (columns * weights) @ columns.T

    def sums(self) -> tuple[float, Array, Array]:
        scale = self.scale or LEAST_DIVISOR
        return self.total / scale, self.first / scale, self.second / scale


@dataclass(frozen=True)
class Resolution:
    """One short-time Fourier transform: `size` and `hop` in samples, a periodic Hann window."""

    size: int
    hop: int

    @property
    def window(self) -> Array:
        """The window (size,)."""
        return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.size) / self.size), float)

    def frames(self, signal: Array) -> Array:
        """All whole frames along the last axis, windowed: (..., frames, size)."""
        cut = np.lib.stride_tricks.sliding_window_view(signal, self.size, axis=-1)
        return np.asarray(cut[..., :: self.hop, :] * self.window, float)

    def transform(self, signal: Array) -> NDArray[np.complex128]:
        """The spectra (..., frames, size/2 + 1) of all whole frames."""
        return np.asarray(np.fft.rfft(self.frames(signal)), np.complex128)

    def adjoint(self, spectra: NDArray[np.complex128], length: int) -> Array:
        """The adjoint of `transform`: <adjoint(A), x> = Re(conj(A) S x) over frames and bins.

        `irfft` counts all bins but the first and the last twice, and divides by the size.
        """
        halved = spectra * (0.5 * self.size)
        halved[..., 0] *= 2
        halved[..., -1] *= 2
        pieces = np.fft.irfft(halved, self.size) * self.window
        signal = np.zeros((*spectra.shape[:-2], length))
        for index in range(pieces.shape[-2]):
            start = index * self.hop
            signal[..., start : start + self.size] += pieces[..., index, :]
        return signal


@dataclass(frozen=True)
class Spectral(Loss):
    """Distances of short-time magnitudes M = sqrt(|S|^2 + floor^2), at several resolutions:

        mean over resolutions of  sum (M(y) - M(t))^2 / sum M(t)^2  +  mean (ln M(y) - ln M(t))^2

    The first term is the square of the spectral convergence of Arık, Jun and Diamos, "Fast
    spectrogram inversion using multi-head convolutional neural networks" (2018), the second the
    square of a log-spectral distance; the resolutions are after Yamamoto, Song and Kim, "Parallel
    WaveGAN" (ICASSP 2020) and Engel et al., "DDSP" (ICLR 2020), which take absolute values in place
    of squares: squares are what Gauss-Newton needs. `floor` is relative to the magnitude of a sine
    of amplitude 1. `padded` says of both ends of a signal whether zeros go there, so that each
    sample counts alike; of one that begins or ends in the middle of a tone, they show the phase.
    Without them whole frames are compared, or one that ends in zeros.
    """

    resolutions: tuple[Resolution, ...] = tuple(
        Resolution(size, size // 4) for size in (4096, 1024, 256)
    )
    floor: float = 1e-3
    padded: tuple[bool, bool] = (True, True)

    def padding(self, resolution: Resolution, frames: int) -> tuple[int, int]:
        """Zeros before and after a signal of so many samples."""
        before = (resolution.size - resolution.hop) * self.padded[0]
        after = resolution.size * self.padded[1]
        return before, max(after, resolution.size - before - frames)

    def wide(self, signal: Array, resolution: Resolution) -> Array:
        """A signal (channels, n) with the zeros around it."""
        return np.pad(signal, ((0, 0), self.padding(resolution, signal.shape[1])))

    def meter(self, channels: int, parameters: int, *, curvature: bool) -> Meter:
        return _SpectralMeter(self, channels, parameters, curvature)

    def gradients(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        # Each sample is its own parameter, one after the other: the adjoint does it in one go.
        totals = [np.zeros_like(output) for output, _ in pairs]
        for resolution in self.resolutions:
            before = self.padding(resolution, 0)[0]
            wide = [[self.wide(signal, resolution) for signal in pair] for pair in pairs]
            spectra = [[resolution.transform(signal) for signal in pair] for pair in wide]
            terms = [_Terms.of(self, resolution, *pair) for pair in spectra]
            energy = sum(one.energy for one in terms)
            count = sum(one.count for one in terms)
            for total, one, pair, padded in zip(totals, terms, spectra, wide, strict=True):
                factor = one.linear / energy + one.logarithmic / count
                back = resolution.adjoint(factor * pair[0], padded[0].shape[1])
                total += back[:, before : before + total.shape[1]]
        return [total / len(self.resolutions) for total in totals]


@dataclass(frozen=True)
class _Terms:
    """The two terms of one resolution.

    `linear` and `logarithmic` are the factors by which the spectrum Y becomes the gradient of
    either term by Y; `magnitude` is M(y).
    """

    magnitude: Array
    distance: float
    energy: float
    ratio: float
    count: int
    linear: Array
    logarithmic: Array

    @staticmethod
    def of(
        loss: Spectral,
        resolution: Resolution,
        output: NDArray[np.complex128],
        target: NDArray[np.complex128],
    ) -> _Terms:
        floor = (loss.floor * resolution.size / 4) ** 2
        power = output.real**2 + output.imag**2 + floor
        mine, its = np.sqrt(power), np.sqrt(target.real**2 + target.imag**2 + floor)
        ratios = np.log(mine / its)
        return _Terms(
            mine,
            float(np.sum((mine - its) ** 2)),
            float(np.sum(its**2)),
            float(np.sum(ratios**2)),
            mine.size,
            2 * (mine - its) / mine,
            2 * ratios / power,
        )


@dataclass
class _ResolutionSums:
    """Sums of one resolution: of squares, of the linear term, of the logarithmic one."""

    distance: float = 0.0
    energy: float = 0.0
    ratio: float = 0.0
    count: int = 0
    first: list[Array] = field(default_factory=list)
    second: list[Array] = field(default_factory=list)


class _SpectralMeter(Meter):
    def __init__(self, loss: Spectral, channels: int, parameters: int, curvature: bool) -> None:
        self.loss, self.channels, self.parameters = loss, channels, parameters
        self.curvature = curvature
        self.resolved = [
            _ResolutionSums(
                first=[np.zeros(parameters) for _ in range(2)],
                second=[np.zeros((parameters, parameters)) for _ in range(2)],
            )
            for _ in loss.resolutions
        ]
        self.start()

    def start(self) -> None:
        """Zeros in front of the signal."""
        rows, loss = self.channels * (2 + self.parameters), self.loss
        self.waiting = [np.zeros((rows, loss.padding(one, 0)[0])) for one in loss.resolutions]
        self.frames = 0

    def feed(self, output: Array, target: Array, partials: Array) -> None:
        count = output.shape[1]
        self.frames += count
        rows = np.concatenate([output, target, partials.reshape(-1, count)])
        for index, resolution in enumerate(self.loss.resolutions):
            signals = np.concatenate([self.waiting[index], rows], axis=1)
            ready = (signals.shape[1] - resolution.size) // resolution.hop + 1
            if ready > 0:
                used = (ready - 1) * resolution.hop + resolution.size
                self.add(self.resolved[index], resolution, signals[:, :used])
                signals = signals[:, ready * resolution.hop :]
            self.waiting[index] = signals

    def end(self) -> None:
        for index, resolution in enumerate(self.loss.resolutions):
            after = self.loss.padding(resolution, self.frames)[1]
            signals = np.pad(self.waiting[index], ((0, 0), (0, after)))
            if signals.shape[1] >= resolution.size:
                self.add(self.resolved[index], resolution, signals)
        self.start()

    def add(self, sums: _ResolutionSums, resolution: Resolution, signals: Array) -> None:
        """The whole frames of `signals`: outputs, targets, partials, one after the other."""
        output = resolution.transform(signals[: self.channels])
        target = resolution.transform(signals[self.channels : 2 * self.channels])
        terms = _Terms.of(self.loss, resolution, output, target)
        sums.distance += terms.distance
        sums.energy += terms.energy
        sums.ratio += terms.ratio
        sums.count += terms.count
        if not self.parameters:
            return
        rest = signals[2 * self.channels :].reshape(self.channels, self.parameters, -1)
        if not self.curvature:
            for place, factor in enumerate((terms.linear, terms.logarithmic)):
                back = resolution.adjoint(factor * output, rest.shape[-1])
                sums.first[place] += np.einsum("cn,cpn->p", back, rest)
            return
        spectra = resolution.transform(rest)
        # dM = Re(conj(Y) dY) / M, and d ln M is that over M again.
        change = (spectra * output.conj()[:, None]).real / terms.magnitude[:, None]
        columns = change.transpose(1, 0, 2, 3).reshape(self.parameters, -1)
        mine = terms.magnitude.reshape(-1)
        sums.first[0] += columns @ (terms.linear.reshape(-1) * mine)
        sums.second[0] += 2 * columns @ columns.T
        sums.first[1] += columns @ (terms.logarithmic.reshape(-1) * mine)
        columns /= mine
        sums.second[1] += 2 * columns @ columns.T

    def sums(self) -> tuple[float, Array, Array]:
        loss = 0.0
        first = np.zeros(self.parameters)
        second = np.zeros((self.parameters, self.parameters))
        for one in self.resolved:
            energy, count = one.energy or LEAST_DIVISOR, one.count or 1
            loss += one.distance / energy + one.ratio / count
            first += one.first[0] / energy + one.first[1] / count
            second += one.second[0] / energy + one.second[1] / count
        many = len(self.resolved)
        return loss / many, first / many, second / many


def spectral(sizes: Sequence[int]) -> Spectral:
    """The spectral loss with windows of these `sizes`, each moved by a quarter of its length."""
    return Spectral(tuple(Resolution(size, size // 4) for size in sizes))
