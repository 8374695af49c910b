"""Solvers on problems with known answers, without any program."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares as reference

from faustdiff.autodiff import Parameter
from faustdiff.errors import InputError
from faustdiff.fitting.examples import folders
from faustdiff.fitting.identifiability import condition, find_unidentifiable
from faustdiff.fitting.least_squares import Point, minimize
from faustdiff.fitting.losses import Sums
from faustdiff.fitting.scales import Scales
from faustdiff.fitting.search import candidates


def slider(label: str, low: float, high: float, **meta: str) -> Parameter:
    return Parameter(label, f"/p/{label}", "hslider", low, low, high, 0.01, meta)


def test_scales() -> None:
    scales = Scales([slider("even", -1, 3), slider("log", 20, 20000, scale="log")], "x.dsp")
    assert scales.values([0.5, 0.5]) == pytest.approx([1, np.sqrt(20 * 20000)])
    assert scales.units(scales.values([0.2, 0.9])) == pytest.approx([0.2, 0.9], rel=1e-12)
    assert list(scales.values([0, 0])) == [-1, 20]
    assert list(scales.values([1, 1])) == [3, 20000]
    step = 1e-6
    slopes = (scales.values([0.3 + step, 0.3 + step]) - scales.values([0.3, 0.3])) / step
    # One-sided differences, with a second derivative of the order of the first: 1e-5.
    assert scales.slopes([0.3, 0.3]) == pytest.approx(slopes, rel=1e-4)


def test_a_logarithmic_scale_that_reaches_zero() -> None:
    scales = Scales([slider("f", 0, 5000, scale="log"), slider("g", -1, 1, scale="log")], "x.dsp")
    assert scales.values([0, 0]) == pytest.approx([0, -1], abs=1e-12)
    assert scales.values([1, 1]) == pytest.approx([5000, 1])
    # Shifted by a thousandth of the width: 5 (1001)^u - 5.
    assert scales.values([0.5, 0.5])[0] == pytest.approx(5 * (1001**0.5 - 1))
    units = [0.2, 0.7]
    assert scales.units(scales.values(units)) == pytest.approx(units, rel=1e-9)
    step = 1e-6
    slopes = (scales.values([0.2 + step, 0.7 + step]) - scales.values(units)) / step
    assert scales.slopes(units) == pytest.approx(slopes, rel=1e-4)


@pytest.mark.parametrize(("low", "high", "scale"), [(1, 1, "lin"), (2, 1, "lin")])
def test_sliders_without_range(low: float, high: float, scale: str) -> None:
    with pytest.raises(InputError, match="gain"):
        Scales([slider("gain", low, high, scale=scale)], "x.dsp")


def residuals(units: np.ndarray) -> np.ndarray:
    """Rosenbrock's valley, whose floor is curved, in units."""
    x, y = 4 * units - 2
    return np.array([10 * (y - x * x), 1 - x])


def rosenbrock(units: np.ndarray) -> Sums:
    x, _ = 4 * units - 2
    jacobian = 4 * np.array([[-20 * x, 10.0], [-1.0, 0.0]])
    r = residuals(units)
    loss = float(r @ r)
    return Sums(loss, 2 * jacobian.T @ r, 2 * jacobian.T @ jacobian, loss)


def last(objective: object, units: list[float], limit: int = 200) -> Point:
    assert callable(objective)
    start = Point(np.array(units), objective(np.array(units)), 1e-2)
    return [start, *islice(minimize(objective, start), limit)][-1]


def test_levenberg_marquardt_follows_a_valley() -> None:
    point = last(rosenbrock, [0.2, 0.75])
    assert point.ending == "the target is explained"
    assert 4 * point.units - 2 == pytest.approx([1, 1], rel=1e-8)


def test_bounds_agree_with_scipy() -> None:
    """A minimum on the boundary: x and y at most 0.6 of the units."""

    def bounded(units: np.ndarray) -> Sums:
        sums = rosenbrock(0.6 * units)
        return Sums(sums.loss, 0.6 * sums.gradient, 0.36 * sums.curvature, sums.error)

    expected = reference(lambda u: residuals(0.6 * u), [0.3, 0.9], bounds=(0, 1), xtol=1e-14)
    point = last(bounded, [0.3, 0.9])
    assert point.sums.loss == pytest.approx(2 * expected.cost, rel=1e-8)
    assert point.units == pytest.approx(expected.x, rel=1e-5)
    assert point.ending == "no step improves the loss"


def test_a_step_into_the_unknown_is_taken_back() -> None:
    """Not finite beyond 0.7: the search ends before, at what is left to find."""

    def walled(units: np.ndarray) -> Sums:
        wall = units[0] > 0.7
        r = np.nan if wall else units[0] - 0.69
        return Sums(r * r, np.array([2 * r]), np.array([[0.2]]), r * r)

    point = last(walled, [0.1])
    assert point.units[0] == pytest.approx(0.69, abs=1e-6)


def test_nothing_depends_on_anything() -> None:
    point = last(lambda units: Sums(1.0, np.zeros(2), np.zeros((2, 2)), 1.0), [0.3, 0.4])
    assert point.ending == "no step improves the loss"
    assert list(point.units) == [0.3, 0.4]


def test_rank() -> None:
    jacobian = np.random.default_rng(0).normal(size=(50, 4))
    jacobian[:, 2] = 0
    jacobian[:, 3] = -1000 * jacobian[:, 0]
    left = find_unidentifiable(jacobian.T @ jacobian)
    assert left.idle == (2,)
    assert left.together == ((0, 3),)
    text = left.describe(["gain", "tone", "width", "volume"])
    assert text == (
        "the output does not depend on 'width', or by jumps alone; "
        "'gain', 'volume' cannot be told apart: only a combination of them acts"
    )
    assert not find_unidentifiable(np.diag([1.0, 1e-8, 1e8]))
    assert find_unidentifiable(np.zeros((2, 2))).idle == (0, 1)
    assert condition(jacobian.T @ jacobian) == 0
    assert condition(np.eye(3)) == 1


def test_starts_are_spread_and_seeded() -> None:
    first = np.full(3, 0.5)
    heats = candidates(64, 3, 7, first)
    starts, others = next(heats), next(heats)
    assert len(starts) == len(others) == 64
    assert starts[0] is first
    again = next(candidates(64, 3, 7, None))
    assert not (np.array(others) == np.array(again)).any()
    assert all((a == b).all() for a, b in zip(starts[1:], again[1:], strict=True))
    # A Latin hypercube: one start in each of 64 slices of each range.
    for column in np.array(again).T:
        assert sorted((column * 64).astype(int)) == list(range(64))
    assert not (np.array(next(candidates(64, 3, 8, None))) == np.array(again)).any()


def test_recordings_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "b.wav"):
        (tmp_path / name).touch()
    assert [name for name, *_ in folders([], [tmp_path])] == ["a.flac", "a.wav", "b"]
