"""Differences with their bounds, and the verdicts on them: functions whose derivative is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from faustdiff.autodiff.differences import Difference, difference
from faustdiff.autodiff.partial_comparison import PartialComparison
from faustdiff.signals.sliders import Parameter
from faustdiff.table.vocabulary import READ_AT_WHOLE_PLACES

Array = NDArray[np.float64]
TIME = np.linspace(0.0, 1.0, 400)
SLIDER = Parameter("p", "/p", "hslider", 0.5, 0, 1, 0.01)


def found(f: Callable[[float], Array], at: float, step: float = 1e-4) -> Difference:
    return difference(lambda p: f(p)[None], at, step, lambda _: False)


def compared(f: Callable[[float], Array], at: float, partial: Array) -> PartialComparison:
    one = found(f, at)
    zero = float(one.zero[0, 0])
    return PartialComparison(
        0, SLIDER, at, partial, one.value[0], one.bound[0], zero, jumps=one.jumps[0]
    )


SMOOTH: dict[str, tuple[Callable[[float], Array], Callable[[float], Array]]] = {
    "product": (lambda p: p * TIME, lambda p: TIME),
    "sine": (lambda p: np.sin(20 * p * TIME), lambda p: 20 * TIME * np.cos(20 * p * TIME)),
    "steep": (
        lambda p: np.tanh(1e4 * (p - 0.5) + TIME),
        lambda p: 1e4 / np.cosh(1e4 * (p - 0.5) + TIME) ** 2,
    ),
    "many periods": (lambda p: np.sin(1e5 * p + TIME), lambda p: 1e5 * np.cos(1e5 * p + TIME)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_bound_holds_and_is_small(name: str) -> None:
    f, derivative = SMOOTH[name]
    one, true = found(f, 0.5), derivative(0.5)
    scale = np.abs(true).max()
    # What is left is the rounding of the slider's value, of 1e-16 at a step of 1e-7.
    assert np.all(np.abs(one.value[0] - true) <= 2 * one.bound[0] + 1e-8 * scale)
    assert one.bound.max() < 1e-4 * scale
    assert compared(f, 0.5, true).verdict == "agrees"
    assert compared(f, 0.5, true * (1 + 1e-3)).verdict == "differs"
    assert compared(f, 0.5, 0 * true).verdict == "differs"


def test_what_wiggles_within_a_coarse_step_is_seen_by_a_fine_one() -> None:
    # A triangle of period 1e-4 on a line: coarse steps see the line alone.
    def f(p: float) -> Array:
        return p + np.abs((p * 1e4 + TIME) % 1 - 0.5) * 1e-4

    slope = 1 + np.sign((0.5 * 1e4 + TIME) % 1 - 0.5)
    assert compared(f, 0.5, slope).verdict == "agrees"
    assert compared(f, 0.5, np.ones(TIME.size)).verdict == "differs"


def test_a_kink_has_two_slopes_and_either_is_right() -> None:
    def f(p: float) -> Array:
        return np.abs(p) * (1 + TIME)

    one = found(f, 0.0, 1e-6)
    assert np.all(one.bound == np.inf)
    assert one.below == pytest.approx((-1 - TIME)[None], rel=1e-6)
    assert one.above == pytest.approx((1 + TIME)[None], rel=1e-6)


def test_a_kink_beside_the_slider_is_not_taken_for_a_slope() -> None:
    """Nearer than the finest step, and at some hundred distances, at one sample each."""
    kinks = 0.5 + np.linspace(-2e-7, 2e-7, TIME.size)

    def f(p: float) -> Array:
        return p + 0.01 * np.abs(p - kinks)

    slope = 1 + 0.01 * np.sign(0.5 - kinks)
    one = compared(f, 0.5, slope)
    assert not one.excluded.any()


def test_a_staircase_at_a_riser_is_undecided() -> None:
    def f(p: float) -> Array:
        return np.floor(1000 * p) * (1 + TIME)

    assert compared(f, 0.5, np.zeros(TIME.size)).verdict == "undecided"
    assert compared(f, 0.50051, np.zeros(TIME.size)).verdict == "no effect"


@pytest.mark.parametrize("rising", [np.floor, np.ceil])
def test_beside_a_jump_the_other_side_counts(rising: Callable[[float], float]) -> None:
    """The slider stands on a riser: the slope between risers is that of the side that continues."""

    def f(p: float) -> Array:
        return np.sin(3 * p * TIME) + rising(1000 * p) * (1 + TIME)

    slope = 3 * TIME * np.cos(3 * 0.5 * TIME)
    one = compared(f, 0.5, slope)
    assert one.verdict == "agrees" and one.jumps.all() and not one.unsettled
    wrong = compared(f, 0.5, slope * 1.001)
    assert wrong.verdict == "differs"
    # Of a staircase, a rule may take the slope instead.
    assert replace(wrong, stairs=("'floor'",)).verdict == "undecided"
    assert not compared(f, 0.50051, slope).jumps.any()


def test_few_samples_decide_nothing() -> None:
    def f(p: float) -> Array:
        return np.where(TIME < 0.9, np.sin(1e13 * p * (1 + TIME)), p)

    assert compared(f, 0.5, np.full(TIME.size, 3.0)).verdict == "undecided"


def test_zeros_that_differ_by_rounding_agree() -> None:
    noise = np.random.default_rng(0)

    def f(p: float) -> Array:
        return TIME * (1 + 1e-16 * noise.integers(-2, 3, TIME.size))

    one = compared(f, 0.5, 1e-17 * TIME)
    assert one.verdict == "no effect"
    # A small derivative is not taken for none.
    assert compared(lambda p: TIME * (1 + 1e-6 * p), 0.5, 1e-6 * TIME).verdict == "agrees"
    assert compared(lambda p: TIME * (1 + 1e-6 * p), 0.5, 0 * TIME).verdict == "differs"


def test_a_partial_that_is_not_finite_differs() -> None:
    partial = TIME.copy()
    partial[7] = np.nan
    assert compared(lambda p: p * TIME, 0.5, partial).verdict == "differs"


def test_slopes_by_a_table_are_known_to_the_kinks_of_its_line() -> None:
    """5e-5 of the greatest slope is what neighbouring entries differ by; 5e-4 is more."""
    slope = np.cos(np.linspace(0, 20, 500))
    for off, stairs, verdict in (
        (5e-5, (), "differs"),
        (5e-5, (READ_AT_WHOLE_PLACES,), "agrees"),
        (5e-4, (READ_AT_WHOLE_PLACES,), "differs"),
    ):
        one = PartialComparison(
            0, SLIDER, 1.0, slope, slope + off, np.full(500, 1e-9), 1e-12, 1e-6, {}, stairs
        )
        assert one.verdict == verdict, (off, stairs)
