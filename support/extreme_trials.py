"""Where numbers end: points of the rows at denormals, beside edges, and at huge numbers.

References are the exact derivative of the value of a row: the chain rule over textbook derivatives,
in mpmath, with more digits than any difference of two numbers of double precision has. Nothing is
taken from the partials that the table states.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from faustdiff.table.algebras import Numbers
from faustdiff.table.folding import Algebra, condition, fold
from faustdiff.table.model import Primitive
from faustdiff.table.samples import Point, is_avoided
from faustdiff.table.vocabulary import CONSTANTS, Function

#: Differences from 1 are the finest that count: 107 bits. That 1e300 - 1 is odd needs 1000 bits, a
#: remainder of 1e300 by 5e-324 2071; a difference of 5e-324 goes through 1 - exp in a loss: 1128.
BALL_BITS = 200
MORE_BITS = {"log_cosh": 1200, "pow": 1100, "mod": 2400, "fmod": 2400, "remainder": 2400}

#: Arguments whose squares are computed: the rows say what that does to numbers far from 1.
SQUARED = {"div": ("y",), "atan2": ("x", "y"), "pseudo_huber": ("y", "t"),
           "asinh": ("x",)}  # fmt: skip

Partials = Callable[..., Sequence[Any]]


def _bessel(which: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda n, x: (which(n - 1, x) - which(n + 1, x)) / 2


#: The partials of every function of a value, by argument; those that are not here are steps.
TEXTBOOK: dict[str, Partials] = {
    "sin": lambda x: [mp.cos(x)],
    "cos": lambda x: [-mp.sin(x)],
    "tan": lambda x: [mp.sec(x) ** 2],
    "asin": lambda x: [1 / mp.sqrt(1 - x * x)],
    "acos": lambda x: [-1 / mp.sqrt(1 - x * x)],
    "atan": lambda x: [1 / (1 + x * x)],
    "atan2": lambda y, x: [x / (x * x + y * y), -y / (x * x + y * y)],
    "exp": lambda x: [mp.exp(x)],
    "log": lambda x: [1 / x],
    "log10": lambda x: [1 / (x * mp.log(10))],
    "sqrt": lambda x: [1 / (2 * mp.sqrt(x))],
    "abs": lambda x: [mp.sign(x) if x else mp.nan],
    "sinh": lambda x: [mp.cosh(x)],
    "cosh": lambda x: [mp.sinh(x)],
    "tanh": lambda x: [mp.sech(x) ** 2],
    "asinh": lambda x: [1 / mp.sqrt(x * x + 1)],
    "acosh": lambda x: [1 / mp.sqrt(x * x - 1)],
    "atanh": lambda x: [1 / (1 - x * x)],
    "log1p": lambda x: [1 / (1 + x)],
    "expm1": lambda x: [mp.exp(x)],
    "cbrt": lambda x: [1 / (3 * mp.cbrt(abs(x)) ** 2)],
    "hypot": lambda x, y: [x / mp.sqrt(x * x + y * y), y / mp.sqrt(x * x + y * y)],
    "erf": lambda x: [2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    "erfc": lambda x: [-2 / mp.sqrt(mp.pi) * mp.exp(-x * x)],
    "J0": lambda x: [-mp.besselj(1, x)],
    "J1": lambda x: [_bessel(mp.besselj)(1, x)],
    "Jn": lambda n, x: [0, _bessel(mp.besselj)(n, x)],
    "Y0": lambda x: [-mp.bessely(1, x)],
    "Y1": lambda x: [_bessel(mp.bessely)(1, x)],
    "Yn": lambda n, x: [0, _bessel(mp.bessely)(n, x)],
    "ldexp": lambda x, n: [mp.mpf(2) ** n, 0],
    "copysign": lambda x, y: [mp.sign(x) * (1 if y >= 0 else -1), 0],
    "fmod": lambda x, y: [1, -(mp.floor(x / y) if x / y >= 0 else mp.ceil(x / y))],
    "remainder": lambda x, y: [1, -mp.nint(x / y)],
}


@dataclass(frozen=True)
class Jet:
    """A number and its derivative."""

    value: Any
    slope: Any = 0


# The same numbers come again for each argument that moves, and digits take long.


@functools.cache
def _value(function: Function, bits: int, values: tuple[Any, ...]) -> Any:
    return Numbers({}).call(function, values)


@functools.cache
def _partials(name: str, bits: int, values: tuple[Any, ...]) -> Sequence[Any]:
    return TEXTBOOK[name](*values)


class Jets(Algebra):
    """Numbers of mpmath with their derivative with respect to one argument."""

    def __init__(self, point: Point, active: str) -> None:
        self.point, self.active = point, active

    def constant(self, text: str) -> Jet:
        return Jet(mp.mpf(text))

    def name(self, name: str) -> Jet:
        if name in CONSTANTS:
            return Jet(CONSTANTS[name].number(float))
        return Jet(mp.mpf(self.point[name]), int(name == self.active))

    def add(self, a: Jet, b: Jet) -> Jet:
        return Jet(a.value + b.value, a.slope + b.slope)

    def sub(self, a: Jet, b: Jet) -> Jet:
        return Jet(a.value - b.value, a.slope - b.slope)

    def mul(self, a: Jet, b: Jet) -> Jet:
        return Jet(a.value * b.value, a.slope * b.value + a.value * b.slope)

    def div(self, a: Jet, b: Jet) -> Jet:
        return Jet(a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value)

    def pow(self, a: Jet, b: Jet) -> Jet:
        slope = mp.mpf(0)
        if a.slope:
            slope += a.slope * b.value * mp.power(a.value, b.value - 1)
        if b.slope:
            slope += b.slope * mp.power(a.value, b.value) * mp.log(a.value)
        return Jet(mp.power(a.value, b.value), slope)

    def negate(self, a: Jet) -> Jet:
        return Jet(-a.value, -a.slope)

    def call(self, function: Function, arguments: Sequence[Jet]) -> Jet:
        values = tuple(argument.value for argument in arguments)
        slope = mp.mpf(0)
        if any(argument.slope for argument in arguments) and function.name in TEXTBOOK:
            partials = _partials(function.name, mp.mp.prec, values)
            slope = sum(
                (p * a.slope for p, a in zip(partials, arguments, strict=True) if a.slope), slope
            )
        else:
            moving = any(argument.slope for argument in arguments)
            assert function.step or function.name in ("sign", "isnan", "isinf") or not moving
        return Jet(_value(function, mp.mp.prec, values), slope)

    def compare(self, operator: str, a: Jet, b: Jet) -> bool:
        return Numbers({}).compare(operator, a.value, b.value)

    def both(self, a: bool, b: bool) -> bool:
        return a and b

    def either(self, a: bool, b: bool) -> bool:
        return a or b

    def opposite(self, a: bool) -> bool:
        return not a

    def where(self, condition: bool, yes: Callable[[], Jet], no: Callable[[], Jet]) -> Jet:
        return yes() if condition else no()


@dataclass(frozen=True)
class Extreme:
    """A row at a point, where one argument moves: what its value and its partial must be.

    `expected` is what the table declares (`declared`) where the guard of the argument says that
    its formula does not hold.
    """

    row: Primitive
    point: Point
    argument: str
    value: float
    expected: float
    declared: bool


#: The trials of a row in a format: the same for every compiler, and digits take long.
_known: dict[tuple[str, bool], list[Extreme]] = {}


def extremes(row: Primitive, double: bool) -> list[Extreme]:
    """A row at all its extreme points, for each argument that has a partial.

    Left out are points outside the domain, at kinks, and those where a partial is no number of the
    format: an infinite partial makes NaN of the tangents of the other arguments.
    """
    if (row.name, double) not in _known:
        _known[row.name, double] = _extremes(row, double)
    return _known[row.name, double]


def _extremes(row: Primitive, double: bool) -> list[Extreme]:
    found = []
    with mp.workprec(MORE_BITS.get(row.name, BALL_BITS)):
        for point in extreme_points(row, double):
            if not _regular(row, point) or _squared(row, point, double):
                continue
            trials = [_extreme(row, point, name, double) for name in row.active or row.args[:1]]
            if all(math.isfinite(trial.expected) for trial in trials):
                found += trials
    return found


def _regular(row: Primitive, point: Point) -> bool:
    if row.name == "pow" and point["x"] < 0 and abs(point["y"]) >= 2**24:
        return False  # The row says that y - 1 is y there.
    inside = row.domain is None or condition(row.domain, _numbers(point))
    return bool(inside) and not is_avoided(row, point)


def _squared(row: Primitive, point: Point, double: bool) -> bool:
    """Whether the square of a number leaves the format or loses digits, as the row declares."""
    sizes = [abs(mp.mpf(point[name])) ** 2 for name in SQUARED.get(row.name, ()) if point[name]]
    largest = float(np.finfo(float if double else np.float32).max)
    return any(not least(double) <= size <= largest / 4 for size in sizes)


def _numbers(point: Point) -> Numbers:
    return Numbers({name: mp.mpf(value) for name, value in point.items()})


def _extreme(row: Primitive, point: Point, name: str, double: bool) -> Extreme:
    assert row.value is not None
    guard = row.guard_of(name)
    declared = guard is not None and not condition(guard.when, _Rounded(point, double))
    try:
        if declared:
            assert guard is not None
            jet = Jet(fold(row.value, _numbers(point)), fold(guard.elsewhere, _numbers(point)))
        else:
            jet = fold(row.value, Jets(point, name))
    except ZeroDivisionError:
        assert not declared
        jet = Jet(fold(row.value, _numbers(point)), mp.inf)
    value, slope = rounded(jet.value, double), rounded(jet.slope, double)
    return Extreme(row, point, name, value, slope, declared)


class _Rounded(Numbers):
    """Numbers in which `tiny` is that of a format."""

    def __init__(self, point: Point, double: bool) -> None:
        super().__init__({name: mp.mpf(value) for name, value in point.items()})
        self.double = double

    def name(self, name: str) -> Any:
        return mp.mpf(least(self.double)) if name == "tiny" else super().name(name)


def least(double: bool) -> float:
    """The least number with all its digits."""
    return float(np.finfo(float if double else np.float32).tiny)


def rounded(exact: Any, double: bool) -> float:
    """A number in a format; infinite where it has none, NaN where there is no real number."""
    if isinstance(exact, mp.mpc):
        return math.nan
    if mp.isinf(exact) or abs(exact) > float(np.finfo(float if double else np.float32).max):
        return math.copysign(math.inf, exact)
    return float(exact)


def extreme_points(row: Primitive, double: bool) -> Iterator[Point]:
    """Denormals, huge numbers and what lies between, in all pairs; edges, and just beside them."""
    kind = np.float64 if double else np.float32
    fixed = dict(row.samples.values)
    moving = [name for name in row.args if name not in fixed]
    if not moving:
        return
    choices = [_whole(row, name) or _numbers_of_size(double, len(moving)) for name in moving]
    turns = itertools.cycle(range(60))
    for numbers in itertools.product(*choices):
        turn = next(turns)
        point = {name: float(v[turn % len(v)]) for name, v in fixed.items()}
        yield point | dict(zip(moving, numbers, strict=True))
    for edge in (*row.samples.edges, *row.samples.poles):
        for name in moving:
            for near in _beside(edge[name], double):
                yield {other: float(kind(number)) for other, number in edge.items()} | {name: near}


def _whole(row: Primitive, name: str) -> list[float]:
    """Numbers for an argument that is made an integer, which has 32 bits."""
    made = re.search(rf"\bint\({name}\)", row.value.text if row.value else "")
    return [-2.5, -0.5, 0.5, 1.0, 3.75, 2e9] if made else []


def _numbers_of_size(double: bool, count: int) -> list[float]:
    if double:
        sizes = [5e-324, 1e-310, least(True), 1e-300, 1e-160, 1e-9, 0.75, 1.0, 40.0, 1e9, 1e160,
                 1e300]  # fmt: skip
    else:
        sizes = [1e-45, 1e-40, least(False), 1e-30, 1e-20, 1e-5, 0.75, 1.0, 40.0, 1e5, 1e20, 1e30]
    if count > 1:
        sizes = [sizes[k] for k in (0, 2, 4, 6, 7, 10, 11)]
    if count > 2:
        sizes = [sizes[0], 0.75, sizes[-1]]
    kind = float if double else np.float32
    return [float(kind(sign * size)) for size in sizes for sign in (1, -1)] + [0.0]


def _beside(edge: float, double: bool) -> list[float]:
    kind = np.float64 if double else np.float32
    number = kind(edge)
    return [float(number), *(float(np.nextafter(number, kind(end))) for end in (-np.inf, np.inf))]
