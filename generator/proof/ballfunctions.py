"""The functions of the vocabulary in ball arithmetic, each with derivative rules of its own.

A ball (`flint.arb`) is a number with a bound on its error, so that what a ball excludes is
excluded for certain. Formulas are those of Abramowitz and Stegun; the Bessel functions take the
recurrence of their neighbours (9.1.27).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Literal

from flint import arb, fmpq

#: Where a function of real numbers has no value, or a kink: a quantity must be positive, may be 0,
#: or must only be different from 0.
Edge = Literal["positive", "not negative", "not zero"]


class Branches(Flag):
    """How the values of a function on other branches differ from the real ones."""

    NONE = 0
    SIGN = auto()
    CONSTANT = auto()
    #: In any other way.
    MORE = auto()


@dataclass(frozen=True)
class BallFunction:
    """A function of balls, its partial derivatives, and the quantities that decide where it is.

    `slopes` has one function for each argument, None where the derivative is 0. `edges` pairs a
    quantity with what the function asks of it. `branches` says how it differs on other branches.
    """

    value: Callable[..., Any]
    slopes: tuple[Callable[..., Any] | None, ...]
    edges: tuple[tuple[Callable[..., Any], Edge], ...] = ()
    saturates: bool = False
    branches: Branches = Branches.NONE


def number(text: str) -> Any:
    """The ball of a decimal number, exact but for rounding to the working precision."""
    from fractions import Fraction

    value = Fraction(text)
    return arb(fmpq(value.numerator, value.denominator))


HALF = arb(0.5)


def _ln10(x: Any) -> Any:
    return x * arb(10).log()


def _two_over_root_pi() -> Any:
    return 2 / arb.pi().sqrt()


def _cbrt(x: Any) -> Any:
    if x < 0:
        return -((-x).root(3))
    return x.root(3) if x >= 0 else (x.union(-x)).abs_upper().root(3) * arb(0, 1)


def _j(order: Any, x: Any) -> Any:
    return x.bessel_j(order)


def _y(order: Any, x: Any) -> Any:
    return x.bessel_y(order)


def _between(kind: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The derivative by x of a Bessel function, from the orders below and above."""
    return lambda order, x: (kind(order - 1, x) - kind(order + 1, x)) / 2


def _power_of_two(order: Any) -> Any:
    exact = order.unique_fmpz()
    return arb(2) ** exact if exact is not None else (order * arb(2).log()).exp()


def _monotone(function: Callable[[Any], Any], low: int, high: int | None) -> Callable[[Any], Any]:
    """A monotone function from `low` to `high`, also of a ball that rounding puts beyond an end."""

    def value(x: Any) -> Any:
        if not x >= low and not x < low:
            return function(arb(low)).union(function(_end(x.upper(), low, high)))
        if high is not None and not x <= high and not x > high:
            return function(arb(high)).union(function(_end(x.lower(), low, high)))
        return function(x)

    return value


def _end(x: Any, low: int, high: int | None) -> Any:
    """The other end of a ball, inside the domain."""
    return arb(low) if x < low else arb(high) if high is not None and x > high else x


_ASIN = _monotone(arb.asin, -1, 1)
_ACOS = _monotone(arb.acos, -1, 1)
_ACOSH = _monotone(arb.acosh, 1, None)
_SQRT = _monotone(arb.sqrt, 0, None)


def _itself(x: Any) -> Any:
    return x


Ask = tuple[Callable[..., Any], Edge]

_ABOVE_ONE: Ask = (lambda x: x - 1, "not negative")
_INSIDE_ONE: tuple[Ask, Ask] = (
    (lambda x: 1 - x, "not negative"),
    (lambda x: 1 + x, "not negative"),
)
_INSIDE_ONE_OPEN: tuple[Ask, Ask] = (
    (lambda x: 1 - x, "positive"),
    (lambda x: 1 + x, "positive"),
)

SIGN, CONSTANT, MORE = Branches.SIGN, Branches.CONSTANT, Branches.MORE

FUNCTIONS: Mapping[str, BallFunction] = {
    "sin": BallFunction(arb.sin, (arb.cos,)),
    "cos": BallFunction(arb.cos, (lambda x: -x.sin(),)),
    "tan": BallFunction(arb.tan, (lambda x: x.sec() ** 2,), ((arb.cos, "not zero"),)),
    "asin": BallFunction(
        _ASIN, (lambda x: (1 - x * x).rsqrt(),), _INSIDE_ONE,
        branches=SIGN | CONSTANT,
    ),
    "acos": BallFunction(
        _ACOS, (lambda x: -(1 - x * x).rsqrt(),), _INSIDE_ONE,
        branches=SIGN | CONSTANT,
    ),
    "atan": BallFunction(arb.atan, (lambda x: 1 / (1 + x * x),), saturates=True, branches=CONSTANT),
    "atan2": BallFunction(
        arb.atan2, (lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y)),
        ((lambda y, x: y, "not zero"),),
        branches=CONSTANT,
    ),
    "exp": BallFunction(arb.exp, (arb.exp,), saturates=True),
    "log": BallFunction(arb.log, (lambda x: 1 / x,), ((_itself, "positive"),), branches=CONSTANT),
    "log10": BallFunction(
        lambda x: x.log() / arb(10).log(), (lambda x: 1 / _ln10(x),), ((_itself, "positive"),),
        branches=CONSTANT,
    ),
    "sqrt": BallFunction(
        _SQRT, (lambda x: x.rsqrt() / 2,), ((_itself, "not negative"),),
        branches=SIGN,
    ),
    "sinh": BallFunction(arb.sinh, (arb.cosh,), saturates=True),
    "cosh": BallFunction(arb.cosh, (arb.sinh,), saturates=True),
    "tanh": BallFunction(arb.tanh, (lambda x: x.sech() ** 2,), saturates=True),
    "asinh": BallFunction(arb.asinh, (lambda x: (1 + x * x).rsqrt(),), branches=SIGN | CONSTANT),
    "acosh": BallFunction(
        _ACOSH, (lambda x: (x - 1).rsqrt() * (x + 1).rsqrt(),), (_ABOVE_ONE,),
        branches=SIGN | CONSTANT,
    ),
    "atanh": BallFunction(
        arb.atanh, (lambda x: 1 / ((1 - x) * (1 + x)),), _INSIDE_ONE_OPEN,
        branches=CONSTANT,
    ),
    "log1p": BallFunction(
        arb.log1p, (lambda x: 1 / (1 + x),), ((lambda x: 1 + x, "positive"),),
        branches=CONSTANT,
    ),
    "expm1": BallFunction(arb.expm1, (arb.exp,), saturates=True),
    "cbrt": BallFunction(
        _cbrt, (lambda x: 1 / (3 * _cbrt(x) ** 2),), ((_itself, "not zero"),),
        branches=MORE,
    ),
    "hypot": BallFunction(
        lambda x, y: (x * x + y * y).sqrt(),
        (lambda x, y: x * (x * x + y * y).rsqrt(), lambda x, y: y * (x * x + y * y).rsqrt()),
        ((lambda x, y: x**2 + y**2, "not zero"),),
        branches=SIGN,
    ),
    "erf": BallFunction(
        arb.erf, (lambda x: _two_over_root_pi() * (-x * x).exp(),), saturates=True
    ),
    "erfc": BallFunction(
        arb.erfc, (lambda x: -_two_over_root_pi() * (-x * x).exp(),), saturates=True
    ),
    "gamma": BallFunction(arb.gamma, (lambda x: x.gamma() * x.digamma(),)),
    "lgamma": BallFunction(lambda x: abs(x.gamma()).log(), (arb.digamma,), branches=CONSTANT),
    "J0": BallFunction(lambda x: _j(0, x), (lambda x: -_j(1, x),)),
    "J1": BallFunction(lambda x: _j(1, x), (lambda x: (_j(0, x) - _j(2, x)) / 2,)),
    "Jn": BallFunction(_j, (None, _between(_j))),
    "Y0": BallFunction(
        lambda x: _y(0, x), (lambda x: -_y(1, x),), ((_itself, "positive"),),
        branches=MORE,
    ),
    "Y1": BallFunction(
        lambda x: _y(1, x), (lambda x: (_y(0, x) - _y(2, x)) / 2,), ((_itself, "positive"),),
        branches=MORE,
    ),
    "Yn": BallFunction(
        _y, (None, _between(_y)), ((lambda order, x: x, "positive"),),
        branches=MORE,
    ),
    "ldexp": BallFunction(
        lambda x, n: x * _power_of_two(n),
        (
            lambda x, n: _power_of_two(n),
            lambda x, n: x * _power_of_two(n) * arb(2).log(),
        ),
    ),
}  # fmt: skip
