"""Expressions of the table in a floating-point format, rounded after every operation."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import mpmath as mp
from flint import arb

from ..table.algebras import Numbers
from ..table.samples import single
from ..table.vocabulary import CONSTANTS, FUNCTIONS, Function
from .contexts import working_precision

#: What rounds a double to each format.
ROUNDINGS: Mapping[str, Callable[[float], float]] = {"double": float, "single": single}
#: The least number above 0 of each format.
LEAST_DENORMAL: Mapping[str, float] = {"double": 5e-324, "single": single(1.5e-45)}

#: So many digits stand for the real numbers: 1 - tanh(x) is not 0 up to x = 68.
REAL_DIGITS = 60
#: Bits in which a Bessel function is computed.
BESSEL_BITS = 300

#: Functions of the vocabulary that Python has under the same name.
_NATIVE: Mapping[str, Callable[..., float]] = {
    name: getattr(math, name)
    for name, function in FUNCTIONS.items()
    if hasattr(math, name) and not (function.step or function.quotient)
} | {"abs": abs}


def _bessel(kind: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A Bessel function by FLINT, in a tenth of mpmath's time; an error where it has no number."""

    def ball(order: Any, x: Any) -> Any:
        if kind is arb.bessel_y and x <= 0:
            return arb.neg_inf() if x == 0 else arb.nan()
        with working_precision(BESSEL_BITS):
            result = kind(_ball(x), _ball(order))
        if not (result.is_finite() and result.rel_accuracy_bits() > BESSEL_BITS - 60):
            raise ValueError
        return result

    return ball


def _ball(x: Any) -> Any:
    return arb(x) if isinstance(x, float) else arb(mp.nstr(x, REAL_DIGITS + 5))


_BESSEL: Mapping[str, Callable[..., Any]] = {
    f"{letter}{order}": function if order == "n" else partial(function, float(order))
    for letter, function in (("J", _bessel(arb.bessel_j)), ("Y", _bessel(arb.bessel_y)))
    for order in "01n"
}


class Reals(Numbers):
    """Numbers of so many digits that they stand for the real ones."""

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        if function.name in _BESSEL:
            try:
                ball = _BESSEL[function.name](*arguments)
            except ValueError:
                return super().call(function, arguments)
            if not ball.is_finite():
                return mp.mpf(float(ball))
            return mp.mpf(tuple(map(int, ball.mid().man_exp())))
        return super().call(function, arguments)


class Floats(Numbers):
    """Doubles, rounded to a format; what Python refuses is left to mpmath."""

    def __init__(self, values: Mapping[str, float], title: str) -> None:
        self.title, self.round = title, ROUNDINGS[title]
        super().__init__(
            {name: self.round(value) for name, value in values.items()},
            lambda value: mp.mpf(self.round(float(value))),
        )

    def _native(self, operation: Callable[..., Any], exact: Callable[..., Any], *x: float) -> float:
        try:
            value = operation(*x)
            value = float(value) if isinstance(value, arb) else value
        except (TypeError, ValueError, ArithmeticError):
            value = None
        if not isinstance(value, float):
            value = float(self._real_result(exact, *map(mp.mpf, x)))
        return self._rounded(value)

    def _rounded(self, value: float) -> float:
        # No sign on a 0, as over the real numbers.
        return self.round(value) + 0.0

    def constant(self, text: str) -> float:
        return self._rounded(float(text))

    def name(self, name: str) -> float:
        return _constant(name, self.title) if name in CONSTANTS else float(self.values[name])

    def add(self, a: float, b: float) -> float:
        return self._rounded(a + b)

    def sub(self, a: float, b: float) -> float:
        return self._rounded(a - b)

    def mul(self, a: float, b: float) -> float:
        return self._rounded(a * b)

    def div(self, a: float, b: float) -> float:
        return self._native(operator.truediv, operator.truediv, a, b)

    def negate(self, a: float) -> float:
        return 0.0 - a

    def pow(self, a: float, b: float) -> float:
        return self._native(operator.pow, mp.power, a, b)

    def call(self, function: Function, arguments: Sequence[float]) -> float:
        name = function.name
        native = _NATIVE.get(name) or _BESSEL.get(name) or _refuse
        return self._native(native, function.number, *arguments)


@cache
def _constant(name: str, title: str) -> float:
    rounding = ROUNDINGS[title]
    return rounding(float(CONSTANTS[name].number(lambda value: mp.mpf(rounding(float(value))))))


def _refuse(*_: float) -> float:
    raise ValueError
