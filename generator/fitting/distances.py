"""Distances of magnitudes (frames, bins): values, slopes, and what least squares makes of them.

Two kinds. What compares bin with bin tells apart what is near, and does not know which way to go
when a partial stands in another bin. What compares distributions of energy over the frequency axis
knows: the Wasserstein distance grows with the way that energy has to move.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Bounds weights and divisions at a kink or at rest.
LEAST_DIVISOR = 1e-12
#: An absolute value is followed by squares down to this part of its mean.
KINK_PART = 1e-3
#: Bounds the curvature where next to no energy is, as a part of all energy.
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class DistanceValue:
    """A distance: its value, its slope by the magnitudes, and its curvature.

    `columns` makes of changes of the magnitudes (P, frames, bins) the rows (P, K) whose products
    are the Gauss-Newton matrix.
    """

    value: float
    slope: Array
    columns: Callable[[Array], Array]


class Distance(ABC):
    """A distance of magnitudes, all above or at 0."""

    @abstractmethod
    def of(self, mine: Array, its: Array) -> DistanceValue:
        """That of magnitudes from those of a target, both (frames, bins)."""


@dataclass(frozen=True)
class Convergence(Distance):
    """|M - T| / |T|, in the Frobenius norm.

    Arık, Jun and Diamos, "Fast spectrogram inversion using multi-head convolutional neural
    networks" (2018).
    """

    def of(self, mine: Array, its: Array) -> DistanceValue:
        away = mine - its
        size, whole = float(np.linalg.norm(away)), max(float(np.linalg.norm(its)), LEAST_DIVISOR)
        scale = max(size, LEAST_DIVISOR) * whole
        return DistanceValue(
            size / whole, away / scale, lambda changes: _rows(changes) / np.sqrt(scale)
        )


@dataclass(frozen=True)
class Magnitude(Distance):
    """The mean of |M - T|, or with `squared` of (M - T)^2; with `log`, of their logarithms."""

    log: bool = False
    squared: bool = False

    def of(self, mine: Array, its: Array) -> DistanceValue:
        away, by = mine - its, np.ones_like(mine)
        if self.log:
            # An empty mel band is 0 in both.
            heard = (mine > 0) & (its > 0)
            ones = np.ones_like(mine)
            by = np.divide(1.0, mine, out=0 * ones, where=heard)
            away = np.log(np.divide(mine, its, out=ones, where=heard))
        if self.squared:
            weight = np.full_like(away, 2.0)
            value, slope = float(np.mean(away**2)), 2 * away
        else:
            size = np.abs(away)
            weight = 1 / np.maximum(size, KINK_PART * float(size.mean()) + LEAST_DIVISOR)
            value, slope = float(size.mean()), np.sign(away)
        root = by * np.sqrt(weight / away.size)
        return DistanceValue(value, slope * by / away.size, lambda changes: _rows(changes * root))


@dataclass(frozen=True)
class _Shares:
    """The shares p = M^2 / sum M^2 of each frame, and how much each frame of the target counts."""

    mine: Array
    its: Array
    counts: Array
    magnitudes: Array
    energy: Array

    @staticmethod
    def of(mine: Array, its: Array) -> _Shares:
        energies = [np.maximum((one**2).sum(1, keepdims=True), 1e-300) for one in (mine, its)]
        shares = [one**2 / energy for one, energy in zip((mine, its), energies, strict=True)]
        counts = energies[1] / energies[1].sum()
        return _Shares(shares[0], shares[1], counts, mine, energies[0])

    def slope(self, by_share: Array) -> Array:
        """The slope by the magnitudes, from that by the shares."""
        mean = (by_share * self.mine).sum(1, keepdims=True)
        return np.asarray(2 * self.magnitudes / self.energy * (by_share - mean), float)

    def changes(self, changes: Array) -> Array:
        """The changes of the shares (P, frames, bins), from those of the magnitudes."""
        power = 2 * self.magnitudes * changes / self.energy
        return np.asarray(power - self.mine * power.sum(2, keepdims=True), float)


@dataclass(frozen=True)
class Divergence(Distance):
    """sum q ln(q / p) of the shares p of the energy in each bin, q those of the target.

    Kullback and Leibler, "On information and sufficiency" (1951). Frames count by the energy of the
    target in them.
    """

    def of(self, mine: Array, its: Array) -> DistanceValue:
        shares = _Shares.of(mine, its)
        mass = shares.counts * shares.its
        safe = np.maximum(shares.mine, 1e-300)
        ratio = np.where(mass > 0, np.maximum(shares.its, 1e-300) / safe, 1.0)
        return DistanceValue(
            float((mass * np.log(ratio)).sum()),
            shares.slope(-mass / safe),
            lambda changes: _rows(shares.changes(changes) / safe * np.sqrt(mass)),
        )


@dataclass(frozen=True)
class Transport(Distance):
    """The 1-Wasserstein distance of the shares of energy on the frequency axis, from 0 to 1.

    It is the integral of |C(x) - D(x)| over x, where C and D are the cumulative distributions of
    output and target, within a bin evenly distributed: how far the energy is on average from where
    it belongs, in parts of the way from 0 to half the sampling rate. For a sine it is the error of
    its frequency, from any distance. See Torres, Peeters and Richard, "Unsupervised harmonic
    parameter estimation using differentiable DSP and spectral optimal transport" (ICASSP 2024).
    Frames count by the energy of the target in them.
    """

    def of(self, mine: Array, its: Array) -> DistanceValue:
        shares = _Shares.of(mine, its)
        one, two = _cumulative(shares.mine), _cumulative(shares.its)
        areas, left, right = _absolute_areas(one - two)
        width = 1 / mine.shape[1]
        by_edge = np.zeros_like(one)
        by_edge[:, :-1] += left
        by_edge[:, 1:] += right
        # A share adds to the distribution from the upper edge of its bin on.
        behind = np.cumsum(by_edge[:, ::-1], axis=1)[:, ::-1][:, 1:]

        def columns(changes: Array) -> Array:
            # The quantile at C(x) moves by -dC / density: squares of that touch its absolute value.
            middle = np.diff(one).cumsum(1) - np.diff(one) / 2
            ways = np.array([_ways(*rows) for rows in zip(middle, two, strict=True)])
            density = (shares.mine + LEAST_SHARE) * np.maximum(ways, KINK_PART * width)
            share = shares.changes(changes)
            return _rows(
                (share.cumsum(2) - share / 2) * np.sqrt(width**2 * shares.counts / density)
            )

        value = width * float((shares.counts * areas).sum())
        return DistanceValue(value, shares.slope(width * shares.counts * behind), columns)


def _cumulative(shares: Array) -> Array:
    """The cumulative distributions (frames, bins + 1) at the edges of the bins."""
    return np.pad(np.cumsum(shares, axis=1), ((0, 0), (1, 0)))


def _absolute_areas(edges: Array) -> tuple[Array, Array, Array]:
    """The integrals of |d| over each bin, d straight between `edges`, and their slopes by these."""
    left, right = edges[:, :-1], edges[:, 1:]
    total = np.abs(left) + np.abs(right)
    safe = np.maximum(total, 1e-300)
    crossed = left * right < 0
    squares = (left**2 + right**2) / safe
    areas = np.where(crossed, squares, total) / 2
    slopes = [
        np.sign(end) / 2 * np.where(crossed, (2 * np.abs(end) - squares) / safe, 1.0)
        for end in (left, right)
    ]
    return areas, slopes[0], slopes[1]


def _ways(middle: Array, its: Array) -> Array:
    """How far the middle of each bin is from where the target has the same cumulated share."""
    count = len(middle)
    there = np.interp(middle, its, np.linspace(0.0, 1.0, count + 1))
    return np.abs((np.arange(count) + 0.5) / count - there)


def _rows(changes: Array) -> Array:
    return changes.reshape(len(changes), -1)
