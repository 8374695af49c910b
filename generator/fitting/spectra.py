"""Losses of short-time spectra over whole signals: sums of distances at several resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import InputError, Place, Problem
from .distances import Distance, DistanceValue
from .losses import Array, Loss, Meter
from .short_time import Magnitudes, ShortTime, SignalSpectra, apply_weighting


@dataclass(frozen=True)
class SpectralLoss(Loss):
    """The mean over `transforms` of the weighted sum of `distances` of magnitudes.

    Magnitudes are sqrt(max(|S|^2, eps)), in `mels` bands where that is not 0; with `a_weighted`,
    signals pass an A-weighting filter first. Both need the sampling `rate` in Hz. All frames of all
    channels and signals are one set, as in auraloss 0.4; the signals are held until they end.
    """

    transforms: tuple[ShortTime, ...]
    distances: tuple[tuple[float, Distance], ...]
    mels: int = 0
    a_weighted: bool = False
    rate: float = 44100.0
    eps: float = 1e-8

    @cached_property
    def views(self) -> tuple[Magnitudes, ...]:
        """What is compared."""
        return tuple(Magnitudes(one, self.eps, self.mels, self.rate) for one in self.transforms)

    def filter(self, signal: Array) -> Array:
        """Signals (..., n) as they are compared."""
        return apply_weighting(signal, self.rate) if self.a_weighted else signal

    def meter(self, channels: int, parameters: int, *, curvature: bool) -> Meter:
        return _SpectraMeter(self, channels, parameters, curvature)

    def gradients(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        gradients = [np.zeros_like(output) for output, _ in pairs]
        filtered = [(self.filter(output), self.filter(target)) for output, target in pairs]
        for view in self.views:
            compared = ViewComparison.of(self, view, filtered)
            for total, back in zip(gradients, compared.adjoint(), strict=True):
                total += back / len(self.views)
        return [self.filter(one) for one in gradients]


@dataclass(frozen=True)
class ViewComparison:
    """Outputs as one view shows them, and their distances from the targets."""

    seen: tuple[SignalSpectra, ...]
    frames: tuple[int, ...]
    measured: tuple[tuple[float, DistanceValue], ...]

    @staticmethod
    def of(
        loss: SpectralLoss, view: Magnitudes, pairs: Sequence[tuple[Array, Array]]
    ) -> ViewComparison:
        """Of outputs and targets (channels, n), filtered."""
        seen = tuple(view.of(output) for output, _ in pairs)
        mine = _stack([one.magnitudes for one in seen])
        its = _stack([view.of(target).magnitudes for _, target in pairs])
        measured = tuple((weight, one.of(mine, its)) for weight, one in loss.distances)
        return ViewComparison(seen, tuple(output.shape[1] for output, _ in pairs), measured)

    @property
    def value(self) -> float:
        """The weighted sum of the distances."""
        return sum(weight * one.value for weight, one in self.measured)

    def adjoint(self) -> list[Array]:
        """The gradient by each output (channels, n)."""
        slope = sum(weight * one.slope for weight, one in self.measured)
        assert isinstance(slope, np.ndarray)
        gradients, start = [], 0
        for one, count in zip(self.seen, self.frames, strict=True):
            shape = (*one.plain.shape[:2], slope.shape[1])
            end = start + shape[0] * shape[1]
            gradients.append(one.adjoint(slope[start:end].reshape(shape), count))
            start = end
        return gradients

    def curvature(self, partials: Sequence[Array]) -> Array:
        """The Gauss-Newton matrix (P, P); `partials` are filtered, (channels, P, n) for each."""
        changes = []
        for index in range(partials[0].shape[1]):
            pairs = zip(self.seen, partials, strict=True)
            changes.append(_stack([one.change(of[:, index]) for one, of in pairs]))
        stacked = np.array(changes)
        total = np.zeros((len(changes), len(changes)))
        for weight, one in self.measured:
            columns = one.columns(stacked)
            total += weight * columns @ columns.T
        return total


def _stack(views: Sequence[Array]) -> Array:
    """Magnitudes (channels, frames, bins) of several signals as one set of frames."""
    return np.concatenate([one.reshape(-1, one.shape[-1]) for one in views])


class _SpectraMeter(Meter):
    def __init__(self, loss: SpectralLoss, channels: int, parameters: int, curvature: bool) -> None:
        self.loss, self.parameters, self.curvature = loss, parameters, curvature
        self.blocks: list[tuple[Array, Array, Array]] = []
        self.signals: list[tuple[Array, Array, Array]] = []

    def feed(self, output: Array, target: Array, partials: Array) -> None:
        self.blocks.append((output.copy(), target.copy(), partials.copy()))

    def end(self) -> None:
        if self.blocks:
            output, target, partials = (
                np.concatenate(parts, axis=-1) for parts in zip(*self.blocks, strict=True)
            )
            self.signals.append((output, target, partials))
        self.blocks = []

    def sums(self) -> tuple[float, Array, Array]:
        loss, many = self.loss, len(self.loss.views)
        filtered = [tuple(loss.filter(one) for one in signal) for signal in self.signals]
        value, first = 0.0, np.zeros(self.parameters)
        second = np.zeros((self.parameters, self.parameters))
        for view in loss.views:
            compared = ViewComparison.of(
                loss, view, [(output, target) for output, target, _ in filtered]
            )
            value += compared.value / many
            if not self.parameters:
                continue
            for back, (_, _, partials) in zip(compared.adjoint(), filtered, strict=True):
                first += np.einsum("cn,cpn->p", back, partials) / many
            if self.curvature:
                second += compared.curvature([partials for *_, partials in filtered]) / many
        return value, first, second


@dataclass(frozen=True)
class SumAndDifference(Loss):
    """(w_sum L(left + right) + w_diff L(left - right)) / 2, for signals of two channels.

    Steinmetz, Pons, Pascual and Serrà, "Automatic multitrack mixing with a differentiable mixing
    console of neural audio effects" (ICASSP 2021).
    """

    inner: Loss
    weights: tuple[float, float] = (1.0, 1.0)

    def meter(self, channels: int, parameters: int, *, curvature: bool) -> Meter:
        """Raises `InputError` where there are not two channels."""
        if channels != 2:
            what = f"sum and difference are those of 2 channels; the program has {channels}"
            hint = "choose another loss, such as mrstft"
            raise InputError([Problem(Place("loss 'sumdiff'"), what, hint)])
        meters = [self.inner.meter(1, parameters, curvature=curvature) for _ in self.weights]
        return _MixedMeter(self.weights, meters)

    def gradients(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        gradients = [np.zeros_like(output) for output, _ in pairs]
        for sign, weight in zip((1.0, -1.0), self.weights, strict=True):
            mixed = [(_mix(output, sign), _mix(target, sign)) for output, target in pairs]
            for total, back in zip(gradients, self.inner.gradients(mixed), strict=True):
                total += weight / 2 * np.concatenate([back, sign * back])
        return gradients


def _mix(signal: Array, sign: float) -> Array:
    return signal[:1] + sign * signal[1:2]


class _MixedMeter(Meter):
    def __init__(self, weights: tuple[float, float], meters: Sequence[Meter]) -> None:
        self.weights, self.meters = weights, meters

    def feed(self, output: Array, target: Array, partials: Array) -> None:
        for sign, meter in zip((1.0, -1.0), self.meters, strict=True):
            meter.feed(*(_mix(one, sign) for one in (output, target, partials)))

    def end(self) -> None:
        for meter in self.meters:
            meter.end()

    def sums(self) -> tuple[float, Array, Array]:
        one, two = (
            [weight / 2 * part for part in meter.sums()]
            for weight, meter in zip(self.weights, self.meters, strict=True)
        )
        value, first, second = (a + b for a, b in zip(one, two, strict=True))
        return float(value), np.asarray(first), np.asarray(second)
