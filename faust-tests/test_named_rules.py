"""Rules that hand-written libraries got wrong, one named test for each, with numbers by hand.

No number here comes from the table. A point reads `(operands, value, slope, slope, ...)`; each is
tried with its operands as signals, as constants with tangents, and as `d.diff(constant)`. The
tangents of an operand differ between the two parameters, so that each slope is seen on its own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import ArrayLike

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.harness import LIBRARIES, Array, Case, Numbers, case, differences, outputs
from support.paths import BUILD

pytestmark = [pytest.mark.xdist_group("named_rules"), pytest.mark.one_program]

#: The tangents of up to four operands, for two parameters each.
TANGENTS = np.array([[0.7, -1.3], [0.45, 2.1], [-0.85, 0.6], [1.15, -0.35]])

PRELUDE = "d = df.env(df.vars((0.5, 0.25)));"

INF, NAN = math.inf, math.nan

Test = TypeVar("Test", bound=Callable[..., None])
Point = tuple[Any, ...]

#: The cases of each test, and the version of the language from which on they compile.
CASES: dict[str, list[Case]] = {}
SINCE: dict[str, tuple[int, ...]] = {}


def rule(
    box: str, *points: Point, constants: bool = True, since: str = "0"
) -> Callable[[Test], Test]:
    """Gives a test the points of a primitive.

    `constants=False` where the plain primitive of constants is refused by the compiler, or is
    another number than at run time.
    """

    def register(test: Test) -> Test:
        SINCE[test.__name__] = _version(since)
        for operands, value, *slopes in points:
            CASES.setdefault(test.__name__, []).extend(
                _tried(box, operands, value, np.array(slopes), constants)
            )
        return test

    return register


def box(text: str, inputs: Numbers, expected: Numbers) -> Callable[[Test], Test]:
    """Gives a test a box with its inputs (channels, frames) and outputs, as in `batch.case`."""

    def register(test: Test) -> Test:
        SINCE.setdefault(test.__name__, (0,))
        CASES.setdefault(test.__name__, []).append(case(text, text, inputs, expected))
        return test

    return register


def _tried(
    box: str, operands: Sequence[float], value: float, slopes: Array, constants: bool
) -> list[Case]:
    tangents = TANGENTS[: len(operands)]
    expected = [value, *(slopes @ tangents)]
    duals = [[x, *dx] for x, dx in zip(operands, tangents, strict=True)]
    title = f"{box} at {operands}"
    # Operands of whole numbers count as reals where they are signals.
    integers = box in ("&", "|", "xor", "<<", ">>")
    kind = "int, si.bus(2)" if integers else "si.bus(3)"
    wires = ", ".join([kind] * len(operands))
    dual = f"d.diff({box})"
    found = [case(f"{title}, signals", f"{wires} : {dual}", np.ravel(duals), expected)]
    if constants:
        texts = ", ".join(
            f"{x!r}, {dx!r}, {dy!r}"
            for x, (dx, dy) in zip(operands, tangents.tolist(), strict=True)
        )
        found.append(case(f"{title}, constants", f"{texts} : {dual}", [], expected))
        texts = ", ".join(f"d.diff({x!r})" for x in operands)
        found.append(case(f"{title}, d.diff of constants", f"{texts} : {dual}", [], [value, 0, 0]))
    return found


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@functools.cache
def _reports(compiler: Compiler, double: bool) -> dict[str, list[str]]:
    """What is wrong in each test, from one program for all."""
    version = _version(compiler.version())
    known = [(name, one) for name in CASES if SINCE[name] <= version for one in CASES[name]]
    found = outputs([one for _, one in known], PRELUDE, compiler, double)
    reports: dict[str, list[str]] = {name: [] for name in CASES}
    for (name, one), got in zip(known, found, strict=True):
        reports[name] += differences(one, got, double)
    return reports


@pytest.fixture
def wrong(request: pytest.FixtureRequest, compiler: Compiler, double: bool) -> str:
    """What the cases of the test get wrong."""
    return "\n".join(_reports(compiler, double)[request.function.__name__])


# -- roots and logarithms ------------------------------------------------------------------------


@rule("sqrt", ((4.0,), 2, 0.25), ((2.25,), 1.5, 1 / 3), ((9,), 3, 1 / 6))
@rule("sqrt", ((1e-12,), 1e-6, 5e5), ((1e-30,), 1e-15, 5e14))
@rule("sqrt", ((0.0,), 0, 0), ((0,), 0, 0))
@rule("sqrt", ((-1.0,), NAN, 0), constants=False)
def test_sqrt_is_half_the_inverse_root_and_0_at_0(wrong: str) -> None:
    assert not wrong, wrong


@rule("log", ((1.0,), 0, 1), ((4,), math.log(4), 0.25), ((1e-12,), math.log(1e-12), 1e12))
@rule("log", ((0.0,), -INF, 0), ((-2.0,), NAN, 0), constants=False)
def test_log_is_finite_at_0(wrong: str) -> None:
    assert not wrong, wrong


@rule("log10", ((10.0,), 1, 0.1 / math.log(10)), ((100,), 2, 0.01 / math.log(10)))
@rule("log10", ((0.5,), -0.3010299956639812, 0.8685889638065036))
@rule("log10", ((0.0,), -INF, 0), ((-2.0,), NAN, 0), constants=False)
def test_log10_has_the_factor_of_its_base_and_is_finite_at_0(wrong: str) -> None:
    assert not wrong, wrong


# -- trigonometry --------------------------------------------------------------------------------


@rule("atan", ((0.0,), 0, 1), ((1.0,), math.pi / 4, 0.5), ((2,), 1.1071487177940904, 0.2))
@rule("atan", ((-3.0,), -1.2490457723982544, 0.1), ((7,), 1.4288992721907328, 0.02))
def test_atan_is_one_over_one_plus_the_square_without_a_root(wrong: str) -> None:
    assert not wrong, wrong


@rule("atan2", ((1.0, 2.0), 0.4636476090008061, 0.4, -0.2))
@rule("atan2", ((-1.0, 2.0), -0.4636476090008061, 0.4, 0.2))
@rule("atan2", ((1.0, -2.0), 2.677945044588987, -0.4, -0.2))
@rule("atan2", ((-1.0, -2.0), -2.677945044588987, -0.4, 0.2))
@rule("atan2", ((3.0, 0.0), math.pi / 2, 0, -1 / 3), ((0.0, 4.0), 0, 0.25, 0))
@rule("atan2", ((0.0, 0.0), 0, 0, 0))
def test_atan2_has_a_minus_before_the_ordinate(wrong: str) -> None:
    assert not wrong, wrong


@rule("asin", ((0.6,), 0.6435011087932844, 1.25), ((-0.8,), -0.9272952180016122, 5 / 3))
@rule("asin", ((0,), 0, 1), ((1.0,), math.pi / 2, 0), ((-1,), -math.pi / 2, 0))
@rule("asin", ((1.5,), NAN, 0), constants=False)
def test_asin_is_finite_at_both_ends(wrong: str) -> None:
    assert not wrong, wrong


@rule("acos", ((0.6,), 0.9272952180016123, -1.25), ((-0.8,), 2.498091544796509, -5 / 3))
@rule("acos", ((0,), math.pi / 2, -1), ((1.0,), 0, 0), ((-1,), math.pi, 0))
@rule("acos", ((1.5,), NAN, 0), constants=False)
def test_acos_is_finite_at_both_ends(wrong: str) -> None:
    assert not wrong, wrong


# -- kinks ---------------------------------------------------------------------------------------


@rule("abs", ((2.5,), 2.5, 1), ((-2.5,), 2.5, -1), ((-3,), 3, -1), ((3,), 3, 1))
@rule("abs", ((1e-30,), 1e-30, 1), ((-1e-30,), 1e-30, -1), ((0.0,), 0, -1), ((0,), 0, -1))
def test_abs_has_the_slope_from_below_at_0(wrong: str) -> None:
    assert not wrong, wrong


@rule("min", ((1.5, 2.5), 1.5, 1, 0), ((2.5, 1.5), 1.5, 0, 1), ((-3.0, -2.0), -3, 1, 0))
@rule("min", ((1, 2), 1, 1, 0), ((2, 1), 1, 0, 1))
def test_min_passes_the_lesser(wrong: str) -> None:
    assert not wrong, wrong


@rule("max", ((1.5, 2.5), 2.5, 0, 1), ((2.5, 1.5), 2.5, 1, 0), ((-3.0, -2.0), -2, 0, 1))
@rule("max", ((1, 2), 2, 0, 1), ((2, 1), 2, 1, 0))
def test_max_passes_the_greater(wrong: str) -> None:
    assert not wrong, wrong


@rule("min", ((1.25, 1.25), 1.25, 1, 0), ((0.0, 0.0), 0, 1, 0), ((2, 2), 2, 1, 0))
def test_min_at_a_tie_passes_the_first(wrong: str) -> None:
    assert not wrong, wrong


@rule("max", ((1.25, 1.25), 1.25, 0, 1), ((0.0, 0.0), 0, 0, 1), ((2, 2), 2, 0, 1))
def test_max_at_a_tie_passes_the_second(wrong: str) -> None:
    assert not wrong, wrong


MIN_PLUS_MAX = "si.bus(6) <: d.diff(min), d.diff(max) : d.diff(+)"


@box(MIN_PLUS_MAX, [1.25, 0.7, -1.3, 1.25, 0.45, 2.1], [2.5, 1.15, 0.8])
@box(MIN_PLUS_MAX, [1.25, 0.7, -1.3, 2.0, 0.45, 2.1], [3.25, 1.15, 0.8])
@box(MIN_PLUS_MAX, [2.0, 0.7, -1.3, 1.25, 0.45, 2.1], [3.25, 1.15, 0.8])
def test_min_plus_max_keeps_the_derivative_of_the_sum(wrong: str) -> None:
    assert not wrong, wrong


# -- quotients and powers ------------------------------------------------------------------------


@rule("/", ((6.0, -4.0), -1.5, -0.25, -0.375), ((6, 4), 1.5, 0.25, -0.375))
@rule("/", ((3.0, 1e-6), 3e6, 1e6, -3e12), ((3.0, -1e-6), -3e6, -1e6, -3e12))
@rule("/", ((1.5, 1e-12), 1.5e12, 1e12, -1.5e24), ((1.5, -1e-12), -1.5e12, -1e12, -1.5e24))
@rule("/", ((0.0, 1e-12), 0, 1e12, 0))
def test_division_is_exact_for_small_denominators(wrong: str) -> None:
    assert not wrong, wrong


@rule(
    "/",
    ((3.0, 0.0), INF, 0, 0),
    ((-3.0, 0.0), -INF, 0, 0),
    ((0.0, 0.0), NAN, 0, 0),
    constants=False,
)
def test_division_by_0_has_finite_partials(wrong: str) -> None:
    assert not wrong, wrong


@rule("^", ((-3.0, 2.0), 9, -6, 0), ((-3, 2), 9, -6, 0), ((-3.0, 2), 9, -6, 0))
@rule("^", ((-2.0, 3.0), -8, 12, 0), ((-2, 3), -8, 12, 0), ((-2.0, 3), -8, 12, 0))
@rule("^", ((-2.0, -1.0), -0.5, -0.25, 0), ((-2.0, 0.0), 1, 0, 0))
def test_power_of_a_negative_base_with_a_whole_exponent(wrong: str) -> None:
    assert not wrong, wrong


@rule("^", ((0.0, 2.0), 0, 0, 0), ((0, 2), 0, 0, 0), ((0.0, 1.0), 0, 1, 0), ((0, 1), 0, 1, 0))
@rule("^", ((0.0, 0.5), 0, 0, 0), ((0.0, 0.0), 1, 0, 0), ((0, 0), 1, 0, 0))
@rule("^", ((0.0, -1.0), INF, 0, 0))
def test_power_of_0_is_exact_where_it_can_be_and_finite_elsewhere(wrong: str) -> None:
    assert not wrong, wrong


@rule("^", ((2.0, -1.0), 0.5, -0.25, 0.5 * math.log(2)))
@rule("^", ((2.0, 0.5), 2**0.5, 0.5 / 2**0.5, 2**0.5 * math.log(2)))
@rule("^", ((2, 3), 8, 12, 8 * math.log(2)), ((1.5, 0.0), 1, 0, math.log(1.5)))
@rule("^", ((1.0, 2.5), 1, 2.5, 0))
def test_power_of_a_positive_base_has_both_partials(wrong: str) -> None:
    assert not wrong, wrong


def raised(exponent: str, base: float, value: float, slope: float) -> Callable[[Test], Test]:
    """The power of a signal with a constant exponent."""
    dual = f"si.bus(3), d.diff({exponent}) : d.diff(^)"
    return box(dual, [base, 0.7, -1.3], [value, slope * 0.7, slope * -1.3])


@raised("2", -3.0, 9, -6)
@raised("2.0", -3.0, 9, -6)
@raised("3", -2.0, -8, 12)
@raised("1", 0.0, 0, 1)
@raised("2", 0.0, 0, 0)
@raised("0", 0.0, 1, 0)
@raised("0", -2.5, 1, 0)
@raised("0.5", 0.0, 0, 0)
@raised("0.5", 2.25, 1.5, 1 / 3)
@raised("-1", 2.0, 0.5, -0.25)
@raised("-1", -2.0, -0.5, -0.25)
@raised("-2", -2.0, 0.25, 0.25)
@raised("0 - 2", -2.0, 0.25, 0.25)
def test_power_with_a_constant_exponent(wrong: str) -> None:
    assert not wrong, wrong


def power_of(base: str, exponent: float, value: float, slope: float) -> Callable[[Test], Test]:
    """The power of a constant with a signal as exponent."""
    dual = f"d.diff({base}), si.bus(3) : d.diff(^)"
    return box(dual, [exponent, 0.7, -1.3], [value, slope * 0.7, slope * -1.3])


@power_of("2", -1.0, 0.5, 0.5 * math.log(2))
@power_of("2", 0.5, 2**0.5, 2**0.5 * math.log(2))
@power_of("2.0", 3.0, 8, 8 * math.log(2))
@power_of("10", 0.0, 1, math.log(10))
@power_of("1", 3.0, 1, 0)
@power_of("0", 2.0, 0, 0)
@power_of("0.0", 0.5, 0, 0)
@power_of("0", 0.0, 1, 0)
@power_of("-2.0", 3.0, -8, 0)
def test_power_of_a_constant_base(wrong: str) -> None:
    assert not wrong, wrong


# -- remainders ----------------------------------------------------------------------------------

TOWARDS_ZERO: Sequence[Point] = (
    ((7.5, 2.0), 1.5, 1, -3),
    ((-7.5, 2.0), -1.5, 1, 3),
    ((7.5, -2.0), 1.5, 1, 3),
    ((-7.5, -2.0), -1.5, 1, -3),
    ((-7, 3), -1, 1, 2),
    ((0.0, 1.0), 0, 1, 0),
    # 0.1 is a little more than a tenth in either precision, so it goes in 9 times.
    ((1.0, 0.1), 0.1, 1, -9),
)


@rule("%", *TOWARDS_ZERO)
@rule("%", ((2.5, 0.0), NAN, 1, 0), constants=False)
def test_modulo_counts_its_quotient_towards_zero(wrong: str) -> None:
    assert not wrong, wrong


@rule("fmod", *TOWARDS_ZERO)
@rule("fmod", ((2.5, 0.0), NAN, 1, 0), constants=False)
def test_fmod_counts_its_quotient_towards_zero(wrong: str) -> None:
    assert not wrong, wrong


@rule("remainder", ((7.5, 2.0), -0.5, 1, -4), ((-7.5, 2.0), 0.5, 1, 4))
@rule("remainder", ((7.5, -2.0), -0.5, 1, 4), ((-7.5, -2.0), 0.5, 1, -4))
@rule("remainder", ((7.0, 2.0), -1, 1, -4), ((5.0, 2.0), 1, 1, -2), ((0.0, 1.0), 0, 1, 0))
@rule("remainder", ((1.0, 0.375), -0.125, 1, -3))
@rule("remainder", ((2.5, 0.0), NAN, 1, 0), constants=False)
# 0.1 goes into 1 ten times, but for a rounding; the value is nothing but that rounding.
@box("1.0, 0.7, -1.3, 0.1, 0.45, 2.1 : d.diff(remainder) : !, _, _", [], [0.7 - 4.5, -1.3 - 21])
@box("si.bus(6) : d.diff(remainder) : !, _, _", [1, 0.7, -1.3, 0.1, 0.45, 2.1], [-3.8, -22.3])
def test_remainder_counts_the_nearest_quotient(wrong: str) -> None:
    assert not wrong, wrong


# -- steps ---------------------------------------------------------------------------------------


@rule("floor", ((2.75,), 2, 0), ((-2.75,), -3, 0), ((3.0,), 3, 0), ((-3,), -3, 0))
def test_floor_has_no_slope(wrong: str) -> None:
    assert not wrong, wrong


@rule("ceil", ((2.75,), 3, 0), ((-2.75,), -2, 0), ((3.0,), 3, 0), ((-3,), -3, 0))
def test_ceil_has_no_slope(wrong: str) -> None:
    assert not wrong, wrong


@rule("int", ((2.75,), 2, 0), ((-2.75,), -2, 0), ((3.0,), 3, 0), ((-3,), -3, 0))
def test_int_has_no_slope(wrong: str) -> None:
    assert not wrong, wrong


@rule("rint", ((2.75,), 3, 0), ((-2.75,), -3, 0), ((2.5,), 2, 0), ((3.5,), 4, 0), ((-3,), -3, 0))
def test_rint_has_no_slope(wrong: str) -> None:
    assert not wrong, wrong


@rule("round", ((2.75,), 3, 0), ((-2.75,), -3, 0), ((-3,), -3, 0), since="2.69")
# The compiler folds the round of a constant half to the even side.
@rule("round", ((2.5,), 3, 0), ((-2.5,), -3, 0), constants=False, since="2.69")
def test_round_has_no_slope(wrong: str, compiler: Compiler, double: bool) -> None:
    assert not wrong, wrong
    if _version(compiler.version()) < SINCE["test_round_has_no_slope"]:
        source = f"{LIBRARIES}{PRELUDE} process = d.diff(round);"
        with pytest.raises(FaustError, match="undefined symbol : round"):
            compiler.to_cpp(source, double=double, include=[BUILD])


# -- comparisons and bits: two duals in, one dual out --------------------------------------------


def compared(box: str, below: int, equal: int, above: int) -> Callable[[Test], Test]:
    return rule(
        box,
        ((1.5, 2.5), below, 0, 0),
        ((2.0, 2.0), equal, 0, 0),
        ((2.5, -1.5), above, 0, 0),
        ((1, 2), below, 0, 0),
        ((2, 2), equal, 0, 0),
        ((2, 1), above, 0, 0),
    )


@compared("<", 1, 0, 0)
@compared("<=", 1, 1, 0)
@compared(">", 0, 0, 1)
@compared(">=", 0, 1, 1)
@compared("==", 0, 1, 0)
@compared("!=", 1, 0, 1)
def test_comparisons_take_two_duals_and_give_one_without_slope(wrong: str) -> None:
    assert not wrong, wrong


@rule("&", ((12, 10), 8, 0, 0), ((-6, 255), 250, 0, 0))
@rule("|", ((12, 10), 14, 0, 0), ((-6, 1), -5, 0, 0))
@rule("xor", ((12, 10), 6, 0, 0), ((-6, 3), -7, 0, 0))
@rule("<<", ((5, 3), 40, 0, 0), ((1, 0), 1, 0, 0))
@rule(">>", ((40, 2), 10, 0, 0), ((-16, 2), -4, 0, 0))
def test_operations_on_bits_take_two_duals_and_give_one_without_slope(wrong: str) -> None:
    assert not wrong, wrong


# -- selection -----------------------------------------------------------------------------------


@rule("select2", ((0.0, 1.5, -2.5), 1.5, 0, 1, 0), ((1.0, 1.5, -2.5), -2.5, 0, 0, 1))
@rule("select2", ((0, 1.5, -2.5), 1.5, 0, 1, 0), ((1, 1.5, -2.5), -2.5, 0, 0, 1))
def test_select2_passes_the_selected_tangent(wrong: str) -> None:
    assert not wrong, wrong


@rule("select3", ((0.0, 1.5, -2.5, 3.25), 1.5, 0, 1, 0, 0))
@rule("select3", ((1.0, 1.5, -2.5, 3.25), -2.5, 0, 0, 1, 0))
@rule("select3", ((2.0, 1.5, -2.5, 3.25), 3.25, 0, 0, 0, 1))
@rule("select3", ((0, 1.5, -2.5, 3.25), 1.5, 0, 1, 0, 0), ((1, 1.5, -2.5, 3.25), -2.5, 0, 0, 1, 0))
@rule("select3", ((2, 1.5, -2.5, 3.25), 3.25, 0, 0, 0, 1))
def test_select3_passes_the_selected_tangent(wrong: str) -> None:
    assert not wrong, wrong


SELECT2, SELECT3 = "si.bus(9) : d.diff(select2)", "si.bus(12) : d.diff(select3)"
BAD = [INF, NAN, -INF]


@box(SELECT2, [0, 0.3, NAN, 1.5, 0.7, -1.3, *BAD], [1.5, 0.7, -1.3])
@box(SELECT2, [1, NAN, INF, *BAD, -2.5, 0.45, 2.1], [-2.5, 0.45, 2.1])
@box(SELECT3, [0, 0.3, 0.2, 1.5, 0.7, -1.3, *BAD, *BAD], [1.5, 0.7, -1.3])
@box(SELECT3, [1, INF, NAN, *BAD, -2.5, 0.45, 2.1, *BAD], [-2.5, 0.45, 2.1])
@box(SELECT3, [2, 0.3, 0.2, *BAD, *BAD, 3.25, -0.85, 0.6], [3.25, -0.85, 0.6])
# The usual way to keep a logarithm from 0: the branch that is not taken is infinite there.
@box(
    "si.bus(3) <: (si.bus(3), d.diff(0) : d.diff(>)), d.diff(-9), d.diff(log) : d.diff(select2)",
    [[0, 4.0], [0.7, 0.7], [-1.3, -1.3]],
    [[-9, math.log(4)], [0, 0.175], [0, -0.325]],
)
def test_a_branch_that_is_not_selected_does_not_disturb(wrong: str) -> None:
    assert not wrong, wrong


# -- delays --------------------------------------------------------------------------------------

SIGNAL = np.array([0.31, -1.72, 2.45, 0.93, -0.58, 1.66, -2.09, 0.74])
MOVES = np.array(
    [[0.7, -0.2, 1.1, 0.4, -0.9, 0.15, 0.65, -1.3], [-1.3, 0.8, 0.25, -0.6, 1.7, -0.35, 0.5, 0.95]]
)
MOVING_DELAY = np.array([0.25, 1.5, 0.75, 2.25, 3.5, 1.25, 0.5, 2.75])
DELAY_MOVES = np.array(
    [[0.45, -0.8, 0.3, 1.2, -0.55, 0.9, 0.1, -0.4], [2.1, 0.6, -1.4, 0.35, 0.75, -0.25, 1.9, 0.2]]
)

DELAY = "si.bus(3), (max(0) : min(4)), si.bus(2) : d.diff(@)"
FDELAY = "si.bus(3), (max(0) : min(4)), si.bus(2) : d.fdelay"


def delayed(x: Array, v: Array) -> Array:
    """`x` by the whole part of `v` samples."""
    lags = np.floor(v).astype(int)
    return np.array([x[n - lag] if n >= lag else 0.0 for n, lag in enumerate(lags)])


def interpolated(x: Array, v: Array) -> Array:
    """`x` by `v` samples, on a straight line between two taps."""
    part = v - np.floor(v)
    return (1 - part) * delayed(x, v) + part * delayed(x, v + 1)


def slopes_of_line(x: Array, v: Array, dx: Array, dv: Array) -> Array:
    """Central differences of `interpolated` along each row of `dx` and `dv`."""
    h = 1 / 64
    return np.array(
        [
            (interpolated(x + h * a, v + h * b) - interpolated(x - h * a, v - h * b)) / (2 * h)
            for a, b in zip(dx, dv, strict=True)
        ]
    )


def by(v: ArrayLike, dv: ArrayLike, dx: Array = MOVES) -> Array:
    """The inputs of a delay of `SIGNAL` by `v`."""
    length = len(SIGNAL)
    delays = np.broadcast_to(np.asarray(v, float), length)
    return np.vstack([SIGNAL, dx, delays, np.broadcast_to(dv, (2, length))])


@box(
    "si.bus(3), d.diff(3) : d.diff(@)",
    [[1.5, -2.5, 0.75, 4, 0.5], [0.7, 0.1, 0.2, 0.3, 0.4], [-1.3, 2, 3, 4, 5]],
    [[0, 0, 0, 1.5, -2.5], [0, 0, 0, 0.7, 0.1], [0, 0, 0, -1.3, 2]],
)
@box(
    "si.bus(3), d.diff(0) : d.diff(@)",
    [[1.5, -2.5], [0.7, 0.1], [-1.3, 2]],
    [[1.5, -2.5], [0.7, 0.1], [-1.3, 2]],
)
@box(
    "si.bus(3) : d.diff(mem)",
    [[1.5, -2.5, 0.75], [0.7, 0.1, 0.2], [-1.3, 2, 3]],
    [[0, 1.5, -2.5], [0, 0.7, 0.1], [0, -1.3, 2]],
)
def test_a_fixed_delay_delays_the_tangents(wrong: str) -> None:
    assert not wrong, wrong


@box(
    DELAY,
    by(MOVING_DELAY, 0),
    np.vstack([delayed(SIGNAL, MOVING_DELAY), *(delayed(dx, MOVING_DELAY) for dx in MOVES)]),
)
def test_a_delay_that_no_parameter_moves_delays_the_value_by_whole_samples(wrong: str) -> None:
    # Not a mixture of both taps: the value has whole taps only, and so has its tangent.
    assert not wrong, wrong


@box(
    DELAY,
    by(MOVING_DELAY, DELAY_MOVES, 0 * MOVES),
    np.vstack(
        [
            delayed(SIGNAL, MOVING_DELAY),
            slopes_of_line(SIGNAL, MOVING_DELAY, 0 * MOVES, DELAY_MOVES),
        ]
    ),
)
# x[n - 2] is 1.5 and x[n - 3] is 0.5: a longer delay by 0.45 moves the value by -0.45.
@box(
    DELAY,
    [[0.5, 1.5, 4, 8], [0] * 4, [0] * 4, [2.0] * 4, [0.45] * 4, [2.1] * 4],
    [[0, 0, 0.5, 1.5], [0, 0, -0.225, -0.45], [0, 0, -1.05, -2.1]],
)
def test_a_moving_delay_has_the_slope_of_the_line_between_two_taps(wrong: str) -> None:
    assert not wrong, wrong


@box(
    DELAY,
    by(MOVING_DELAY, DELAY_MOVES),
    np.vstack([delayed(SIGNAL, MOVING_DELAY), *(delayed(dx, MOVING_DELAY) for dx in MOVES)])
    + np.vstack(
        [
            np.zeros(len(SIGNAL)),
            slopes_of_line(SIGNAL, MOVING_DELAY, 0 * MOVES, DELAY_MOVES),
        ]
    ),
)
def test_a_moving_delay_of_a_moving_signal_adds_both_tangents(wrong: str) -> None:
    assert not wrong, wrong


@box(
    FDELAY,
    by(MOVING_DELAY, DELAY_MOVES),
    np.vstack(
        [
            interpolated(SIGNAL, MOVING_DELAY),
            slopes_of_line(SIGNAL, MOVING_DELAY, MOVES, DELAY_MOVES),
        ]
    ),
)
def test_fdelay_is_exact(wrong: str) -> None:
    assert not wrong, wrong


@box(
    "d.diff(5), si.bus(3) : d.diff(prefix)",
    [[1.5, -2.5, 0.75], [0.7, 0.1, 0.2], [-1.3, 2, 3]],
    [[5, 1.5, -2.5], [0, 0.7, 0.1], [0, -1.3, 2]],
)
@box(
    "2.5, 0.3, 0.4, si.bus(3) : d.diff(prefix)",
    [[1.5, -2.5, 0.75], [0.7, 0.1, 0.2], [-1.3, 2, 3]],
    [[2.5, 1.5, -2.5], [0, 0.7, 0.1], [0, -1.3, 2]],
)
def test_prefix_delays_the_tangents_and_starts_them_at_0(wrong: str) -> None:
    assert not wrong, wrong


# -- tables --------------------------------------------------------------------------------------

READ = "(max(0) : min(3)), si.bus(2)"
WAVEFORM = "d.diff(waveform{1.5, -2.5, 0.75, 4.25})"


@box(
    f"{WAVEFORM}, {READ} : d.diff(rdtable)",
    [[0, 2, 1.75, 3], [0.7] * 4, [-1.3] * 4],
    [[1.5, 0.75, -2.5, 4.25], [0] * 4, [0] * 4],
)
def test_rdtable_has_no_slope(wrong: str) -> None:
    assert not wrong, wrong


# Between entries 1 and 2 the slope is 3.25; after the last comes the first.
@box(
    f"{WAVEFORM}, (max(0) : min(3.5)), si.bus(2) : d.frdtable",
    [[0, 1.5, 2.25, 3.5], [0.7] * 4, [-1.3] * 4],
    [
        [1.5, -0.875, 1.625, 2.875],
        [-2.8, 2.275, 2.45, -1.925],
        [5.2, -4.225, -4.55, 3.575],
    ],
)
def test_frdtable_has_the_slope_between_two_entries(wrong: str) -> None:
    assert not wrong, wrong


WRITES, READS = [0, 2, 3, 0, 1, 2, 2, 3], [2, 2, 0, 1, 1, 3, 2, 0]


def written(content: Sequence[float], values: Array) -> list[float]:
    """A table over time: each frame writes one entry, then reads one."""
    table = list(content)
    read = []
    for entry, value, index in zip(WRITES, values, READS, strict=True):
        table[entry] = value
        read.append(table[index])
    return read


@box(
    f"{WAVEFORM}, (int : max(0) : min(3)), si.bus(2), si.bus(3), (int : max(0) : min(3)), si.bus(2)"
    ": d.diff(rwtable)",
    np.vstack([WRITES, 0.3 + 0 * MOVES, SIGNAL, MOVES, READS, 0.9 + 0 * MOVES]),
    [written([1.5, -2.5, 0.75, 4.25], SIGNAL), *(written([0] * 4, dx) for dx in MOVES)],
)
def test_rwtable_reads_the_tangents_back_from_tables_of_their_own(wrong: str) -> None:
    assert not wrong, wrong


# -- signals that are looked at ------------------------------------------------------------------


@rule("attach", ((1.5, -2.5), 1.5, 1, 0), ((0.0, 3.0), 0, 1, 0))
@box("si.bus(6) : d.diff(attach)", [1.5, 0.7, -1.3, *BAD], [1.5, 0.7, -1.3])
def test_attach_passes_the_tangent_of_the_first(wrong: str) -> None:
    assert not wrong, wrong


# -- constants -----------------------------------------------------------------------------------


def test_a_constant_at_a_pole_is_what_the_compiler_makes_of_it(
    compiler: Compiler, double: bool
) -> None:
    # Both compilers fold log(0) to plus infinity; at run time it is minus infinity.
    poles = [("0", "log"), ("0.0", "log"), ("0", "log10"), ("0.0", "log10")]
    boxes = [
        f"({x} : {primitive}), ({x}, 0.7, -1.3 : d.diff({primitive})), "
        f"(d.diff({x}) : d.diff({primitive}))"
        for x, primitive in poles
    ]
    source = f"{LIBRARIES}{PRELUDE} process = {', '.join(boxes)};"
    compiled = build(source, compiler=compiler, double=double, include=[BUILD])
    for (x, primitive), found in zip(poles, compiled.run(frames=1).reshape(4, 7), strict=True):
        value, *duals = found
        assert np.isinf(value)
        assert duals == [value, 0, 0, value, 0, 0], f"{x} : {primitive} gives {duals}"


#: What the plain primitive refuses at compile time, for these constants.
REFUSED = {
    "/": "1, 0",
    "%": "1, 0",
    "fmod": "1.0, 0.0",
    "remainder": "1.0, 0.0",
    "log": "-1.0",
    "log10": "-1.0",
    "sqrt": "-1.0",
    "asin": "1.5",
    "acos": "-1.5",
}


@pytest.mark.parametrize("primitive", REFUSED)
def test_a_constant_that_the_plain_primitive_refuses_is_refused_in_the_same_words(
    compiler: Compiler, primitive: str
) -> None:
    constants = REFUSED[primitive]
    duals = ", ".join(f"d.diff({number})" for number in constants.split(", "))

    def refusal(box: str) -> str:
        source = f"{LIBRARIES}{PRELUDE} process = {box};"
        with pytest.raises(FaustError) as caught:
            compiler.to_cpp(source, double=True, include=[BUILD])
        return caught.value.message

    assert refusal(f"{duals} : d.diff({primitive})") == refusal(f"{constants} : {primitive}")


def test_the_partials_at_refused_constants_compile_and_are_0(
    compiler: Compiler, double: bool
) -> None:
    unused = "process = _, (-1.0 : route(1, 1, (1, 1)) : sqrt : !);"
    try:
        compiler.to_cpp(unused, double=double)
    except FaustError:
        pytest.skip("this compiler computes a constant even where nothing uses it, and refuses it")
    cases = []
    for primitive, constants in REFUSED.items():
        numbers = constants.split(", ")
        duals = [f"d.diff({number})" for number in numbers]
        moving = [f"{n}, {a}, {b}" for n, (a, b) in zip(numbers, TANGENTS.tolist(), strict=False)]
        # The remainders follow their first operand whatever the second is.
        follows = primitive in ("%", "fmod", "remainder")
        for texts, expected in ((duals, [0, 0]), (moving, [0.7, -1.3] if follows else [0, 0])):
            box = f"{', '.join(texts)} : d.diff({primitive}) : !, _, _"
            cases.append(case(box, box, [], expected))
    found = outputs(cases, PRELUDE, compiler, double)
    wrong = [
        w for one, got in zip(cases, found, strict=True) for w in differences(one, got, double)
    ]
    assert not wrong, "\n".join(wrong)
