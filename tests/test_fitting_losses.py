"""Losses: values against closed forms, gradients against central differences, meters in blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faustdiff.fitting.catalogue import SAMPLE_LOSSES as LOSSES
from faustdiff.fitting.losses import Loss, Residual, Resolution, Spectral, spectral

CASES = {
    **LOSSES,
    "smoothed": Residual("squared", relative=True, cutoff=0.01),
    "huber with emphasis": Residual("huber", delta=0.05, emphasis=0.95),
    "one resolution": spectral([64]),
    **{
        f"padded {ends}": replace(spectral([64, 16]), padded=ends)
        for ends in ((False, False), (False, True), (True, False))
    },
}


def signals(channels: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(channels * frames)
    time = np.arange(frames)
    target = np.stack([np.cos(0.1 * (c + 1) * time) for c in range(channels)])
    return target + 0.1 * rng.normal(size=target.shape), target


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("channels", "frames"), [(1, 1), (2, 37), (1, 5000)])
def test_gradient_against_central_differences(name: str, channels: int, frames: int) -> None:
    loss = CASES[name]
    output, target = signals(channels, frames)
    rng = np.random.default_rng(0)
    gradient = loss.gradient(output, target)
    for _ in range(3):
        direction = rng.normal(size=output.shape)
        # Five points, and a step far below what bends: the floor of the spectra, Huber's corner.
        step = 1e-6
        at = {k: loss.value(output + k * step * direction, target) for k in (-2, -1, 1, 2)}
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        stated = float(np.sum(gradient * direction))
        if loss == LOSSES["mae"]:
            # The step may cross the kinks of a few of the samples.
            assert stated == pytest.approx(slope, rel=0.05, abs=1e-3)
        else:
            assert stated == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_meter_is_the_same_in_any_blocks_and_by_either_way(name: str) -> None:
    """Gradient by parameters: adjoint against forward transform; whole against pieces."""
    loss = CASES[name]
    output, target = signals(2, 6000)
    partials = np.random.default_rng(1).normal(size=(2, 3, 6000))
    expected = np.einsum("cn,cpn->p", loss.gradient(output, target), partials)
    for sizes, curvature in (([6000], True), ([1, 999, 5000], True), ([4096, 1904], False)):
        meter = loss.meter(2, 3, curvature=curvature)
        start = 0
        for size in sizes:
            part = slice(start, start + size)
            meter.feed(output[:, part], target[:, part], partials[:, :, part])
            start += size
        meter.end()
        value, gradient, matrix = meter.sums()
        assert value == pytest.approx(loss.value(output, target), rel=1e-10)
        assert gradient == pytest.approx(expected, rel=1e-9, abs=1e-12)
        if curvature and loss != LOSSES["mae"]:
            assert np.linalg.eigvalsh(matrix).min() > 0


def test_meter_sums_over_several_signals() -> None:
    """Two signals, each from rest, are not one long signal."""
    loss = LOSSES["esr"]
    output, target = signals(1, 100)
    meter = loss.meter(1, 0, curvature=False)
    for _ in range(2):
        meter.feed(output, target, np.zeros((1, 0, 100)))
        meter.end()
    assert meter.sums()[0] == pytest.approx(loss.value(output, target), rel=1e-12)


@pytest.mark.parametrize("loss", [LOSSES["mse"], LOSSES["esr"], spectral([64, 16])])
def test_curvature_is_that_of_the_loss_where_the_target_is_met(loss: Loss) -> None:
    """At a residual of 0, Gauss-Newton is exact: compared with second differences."""
    _, target = signals(1, 600)
    partials = np.random.default_rng(2).normal(size=(1, 2, 600))
    meter = loss.meter(1, 2, curvature=True)
    meter.feed(target, target, partials)
    meter.end()
    _, gradient, matrix = meter.sums()
    assert np.abs(gradient).max() < 1e-12
    for move in ([1.0, 0.0], [0.0, 1.0], [0.6, -0.8]):
        shift = 1e-6 * np.einsum("p,cpn->cn", move, partials)
        both = loss.value(target + shift, target) + loss.value(target - shift, target)
        assert move @ matrix @ move == pytest.approx(both / 1e-12, rel=1e-4)


def test_closed_forms() -> None:
    output, target = np.array([[3.0, 0.05, -1.0]]), np.array([[1.0, 0.0, 1.0]])
    assert LOSSES["mse"].value(output, target) == pytest.approx((4 + 0.0025 + 4) / 3)
    assert LOSSES["mae"].value(output, target) == pytest.approx(4.05 / 3)
    huber = (0.1 * 1.95 + 0.05**2 / 2 + 0.1 * 1.95) / 3
    assert LOSSES["huber"].value(output, target) == pytest.approx(huber)
    filtered = [2.0, 0.05 - 0.95 * 2, -2 - 0.95 * 0.05], [1.0, -0.95, 1.0]
    esr = sum(r * r for r in filtered[0]) / sum(t * t for t in filtered[1])
    assert LOSSES["esr"].value(output, target) == pytest.approx(esr)


def test_spectral_loss_of_half_the_level() -> None:
    """Far above the floor: (1 - 1/2)^2 and ln(2)^2, at every bin of noise."""
    target = np.random.default_rng(0).normal(size=(1, 40000))
    loss = Spectral(resolutions=(Resolution(256, 64),), floor=1e-9)
    assert loss.value(target / 2, target) == pytest.approx(0.25 + np.log(2) ** 2, rel=1e-2)
    assert loss.value(target, target) == 0


def test_adjoint_of_the_transform() -> None:
    """<S x, A> = <x, S* A> for random x and A, with Re(conj(A) S x) as the product."""
    resolution = Resolution(64, 16)
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(2, 500))
    spectra = resolution.transform(signal)
    other = rng.normal(size=spectra.shape) + 1j * rng.normal(size=spectra.shape)
    there = np.sum((other.conj() * spectra).real)
    back = np.sum(resolution.adjoint(other, 500) * signal)
    assert back == pytest.approx(there, rel=1e-12)


def test_weights_touch_the_loss_from_above() -> None:
    """The squares of iteratively reweighted least squares majorize Huber's loss."""
    loss = Residual("huber")
    residual = np.linspace(-1, 1, 41)
    for at in (-0.7, 0.05, 0.3):
        weight = loss.weight(np.array([at]))[0]
        touch = loss.rho(np.array([at]))[0] + weight * (residual**2 - at**2) / 2
        assert (touch >= loss.rho(residual) - 1e-12).all()
