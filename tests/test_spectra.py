"""Spectral losses: values of auraloss 0.4, closed forms, gradients against central differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from faustdiff.errors import InputError
from faustdiff.fitting.catalogue import RECIPES, at_rate, parse_loss
from faustdiff.fitting.distances import Divergence, Transport
from faustdiff.fitting.short_time import ShortTime
from support.spectral_signals import RATE, signals

EXPECTED = json.loads((Path(__file__).parent / "data" / "auraloss.json").read_text())
NAMES = [*RECIPES, "mel:sizes=256,mels=20,linear=1", "sumdiff:sizes=128+64,kl=1,ot=10"]


@pytest.mark.parametrize("name", EXPECTED)
def test_values_are_those_of_auraloss(name: str) -> None:
    """To 1e-6: auraloss holds its filters, of mel and of A-weighting, in single precision."""
    output, target = signals(2 if name.startswith("sumdiff") else 1)
    loss = at_rate(parse_loss(name), RATE)
    assert loss.value(output, target) == pytest.approx(EXPECTED[name], rel=1e-6)


def voice(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A program of two parameters, pole and level: (2, n), and its partials (2, 2, n).

    Noise behind y[n] = x[n] + pole y[n-1], and a sine.
    """
    pole, level = values
    noise = np.random.default_rng(7).normal(size=(2, 5000))
    sine = np.sin(2 * np.pi * 1234.5 * np.arange(5000) / RATE) * np.array([[1.0], [0.5]])
    filtered = lfilter([1.0], [1.0, -pole], noise)
    by_pole = lfilter([0.0, 1.0], [1.0, -pole], filtered)
    return filtered + level * sine, np.stack([by_pole, sine], axis=1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_two_parameters(name: str) -> None:
    """Against central differences of five points, to 1e-6: by either way, and in blocks.

    The steps are so short that no absolute value passes its kink.
    """
    loss = at_rate(parse_loss(name), RATE)
    target = voice(np.array([-0.3, 0.5]))[0] + signals(2)[0][:, :5000]
    at = np.array([0.5, 2.0])
    output, partials = voice(at)
    slopes = []
    for index, step in enumerate((1e-8, 1e-7)):
        shifts = {k: at + k * step * np.eye(2)[index] for k in (-2, -1, 1, 2)}
        v = {k: loss.value(voice(one)[0], target) for k, one in shifts.items()}
        slopes.append((8 * (v[1] - v[-1]) - (v[2] - v[-2])) / (12 * step))
    by_adjoint = np.einsum("cn,cpn->p", loss.gradient(output, target), partials)
    assert by_adjoint == pytest.approx(slopes, rel=1e-6)
    meter = loss.meter(2, 2, curvature=True)
    for part in (slice(0, 700), slice(700, 5000)):
        meter.feed(output[:, part], target[:, part], partials[..., part])
    meter.end()
    value, gradient, curvature = meter.sums()
    assert value == pytest.approx(loss.value(output, target), rel=1e-12)
    assert gradient == pytest.approx(by_adjoint, rel=1e-9)
    assert (np.linalg.eigvalsh(curvature) > 0).all()


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("silent", [(0, 0), (0, 1), (1, 0)])
def test_finite_at_silence(name: str, silent: tuple[int, int]) -> None:
    loss = parse_loss(name)
    output, target = (one * on for one, on in zip(signals(2), silent, strict=True))
    assert np.isfinite(loss.value(output, target))
    assert np.isfinite(loss.gradient(output, target)).all()
    meter = loss.meter(2, 1, curvature=True)
    meter.feed(output, target, signals(2)[0][:, None])
    meter.end()
    assert all(np.isfinite(one).all() for one in meter.sums())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frames", [1, 2, 3, 100])
def test_short_signals(name: str, frames: int) -> None:
    loss = parse_loss(name)
    output, target = (one[:, :frames] for one in signals(2))
    assert np.isfinite(loss.gradient(output, target)).all()
    assert loss.value(target, target) == pytest.approx(0, abs=1e-12)


def test_transport_is_the_way() -> None:
    """All energy in bin 3 of 100, that of the target in bin 83."""
    mine, its = np.zeros((2, 1, 100))
    mine[0, 3] = its[0, 83] = 1.0
    assert Transport().of(mine, its).value == pytest.approx(0.8)


def test_transport_against_sorted_samples() -> None:
    """Inverses of the distributions at many levels, in place of the exact integral."""
    rng = np.random.default_rng(5)
    mine, its = rng.random((2, 1, 17))
    edges = np.linspace(0, 1, 18)
    levels = (np.arange(200000) + 0.5) / 200000
    sums = [np.concatenate([[0], np.cumsum(one[0] ** 2)]) for one in (mine, its)]
    one, two = (np.interp(levels, total / total[-1], edges) for total in sums)
    assert Transport().of(mine, its).value == pytest.approx(np.mean(np.abs(one - two)), rel=1e-6)


def test_transport_slopes_to_the_frequency_from_everywhere() -> None:
    """A sine of any frequency from 60 to 16000 Hz, hidden 440 Hz: the slope has the right sign."""
    loss = parse_loss("ot")
    time = np.arange(9000) / RATE
    target = np.sin(2 * np.pi * 440 * time)[None]
    for hertz in (60, 200, 400, 480, 1000, 4000, 16000):
        output = np.sin(2 * np.pi * hertz * time)[None]
        by_hertz = 2 * np.pi * time * np.cos(2 * np.pi * hertz * time)
        slope = float(loss.gradient(output, target)[0] @ by_hertz)
        assert np.sign(slope) == np.sign(hertz - 440), hertz


def test_divergence_of_known_shares() -> None:
    """Shares 1/4, 3/4 of 1/2, 1/2: ln(2)/2 + ln(2/3)/2."""
    mine, its = np.sqrt([[0.25, 0.75]]), np.sqrt([[2.0, 2.0]])
    assert Divergence().of(mine, its).value == pytest.approx(np.log(4 / 3) / 2)


@pytest.mark.parametrize("transform", [ShortTime(64, 16, 64), ShortTime(63, 10, 40)])
@pytest.mark.parametrize("count", [1, 2, 20, 300])
def test_adjoint_of_the_transform(transform: ShortTime, count: int) -> None:
    """<S x, A> = <x, S* A> for random x and A, with Re(conj(A) S x) as the product."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(2, count))
    spectra = transform.transform(signal)
    other = rng.normal(size=spectra.shape) + 1j * rng.normal(size=spectra.shape)
    there = np.sum((other.conj() * spectra).real)
    assert np.sum(transform.adjoint(other, count) * signal) == pytest.approx(there, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nothing", "no loss 'nothing'"),
        ("mse:log=1", "'mse' has no settings"),
        ("mrstft:size=3", "no setting"),
        ("mrstft:sizes=a", "sizes is 'a'"),
        ("mrstft:sizes=512,windows=1024", "longer than its size"),
        ("mrstft:sizes=512+256,hops=3", "differ in number"),
        ("logmag:log=0", "all weights are 0"),
        ("logmag:log=nan", "log is 'nan'"),
    ],
)
def test_names_that_are_refused(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_loss(text)


def test_sum_and_difference_are_those_of_two_channels() -> None:
    with pytest.raises(InputError, match="those of 2 channels; the program has 1"):
        RECIPES["sumdiff"].loss().value(*signals(1))
