"""The operations of the language on compiled expressions: value and slope of each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from flint import arb

from ..table.vocabulary import FUNCTIONS
from .contexts import (
    Atom,
    Branch,
    Compiled,
    Context,
    Dual,
    NoValueError,
    OutsideError,
    Test,
    UndecidedError,
)

ONE, ZERO = arb(1), arb(0)


def pi(c: Context) -> Dual:
    """The number pi."""
    return arb.pi(), None


def negate(a: Compiled) -> Compiled:
    """Minus `a`."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        return -v, None if d is None else -d

    return evaluate


def _note_terms(c: Context, node: ast.BinOp, v: Any, w: Any) -> None:
    c.visibility.note(node.left, v, w)
    c.visibility.note(node.right, w, v)


def add(a: Compiled, b: Compiled, node: ast.BinOp | None = None) -> Compiled:
    """`a + b`; `node` is the sum itself, for contexts that note which terms are seen."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        if c.visibility is not None and node is not None:
            _note_terms(c, node, v, w)
        return v + w, e if d is None else d if e is None else d + e

    return evaluate


def subtract(a: Compiled, b: Compiled, node: ast.BinOp | None = None) -> Compiled:
    """`a - b`, like `add`."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        if c.visibility is not None and node is not None:
            _note_terms(c, node, v, w)
        return v - w, d if e is None else -e if d is None else d - e

    return evaluate


def multiply(a: Compiled, b: Compiled) -> Compiled:
    """`a * b`."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        first = None if d is None else d * w
        second = None if e is None else v * e
        return v * w, second if first is None else first if second is None else first + second

    return evaluate


def divide(a: Compiled, b: Compiled, divisor: Atom | None = None) -> Compiled:
    """`a / b`; the context is told of a `divisor` that may be 0."""

    def evaluate(c: Context) -> Dual:
        if divisor is not None:
            c.divisors.append(divisor)
        v, d = a(c)
        w, e = b(c)
        if c.vanishes(w):
            return arb.nan(), arb.nan()
        quotient = v / w
        if e is None:
            return quotient, None if d is None else d / w
        return quotient, (-quotient * e if d is None else d - quotient * e) / w

    return evaluate


def choice(test: Test, yes: Compiled, no: Compiled) -> Compiled:
    """`yes` where a condition holds, else `no`; the other one is not evaluated."""

    def evaluate(c: Context) -> Dual:
        if not c.is_box:
            return yes(c) if test(c) else no(c)
        try:
            holds = test(c)
        except UndecidedError:
            return _either_value(c, yes, no), arb.nan()
        return yes(c) if holds else no(c)

    return evaluate


def _either_value(c: Context, yes: Compiled, no: Compiled) -> Any:
    """All values of two branches in a box; one that has none does not count."""
    try:
        value = yes(c)[0]
    except NoValueError:
        return no(c)[0]
    try:
        return value.union(no(c)[0])
    except NoValueError:
        return value


def absolute(a: Compiled, atom: Atom) -> Compiled:
    """The absolute value; its atom is `a` itself."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        if c.is_box and not (v > 0 or v < 0):
            return ZERO.union(v.abs_upper()), None if d is None else d * ONE.union(-ONE)
        sign = c.sign(atom, v)
        if sign == 0:
            return abs(v), None
        return (v, d) if sign > 0 else (-v, None if d is None else -d)

    return evaluate


def copy_sign(a: Compiled, size: Atom, b: Compiled, direction: Atom) -> Compiled:
    """The size of `a` with the sign of `b`."""

    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        sign = c.sign(size, v) * (1 if c.sign(direction, b(c)[0]) >= 0 else -1)
        return v * sign, None if d is None else d * sign

    return evaluate


#: Fewer bits than this in a ball mean that it stands for an interval.
MIN_EXACT_BITS = 40


def _raise(v: Any, exponent: int) -> Any:
    """A whole power; for an interval, no wider than it has to be."""
    if exponent < 2 or v.rel_accuracy_bits() > MIN_EXACT_BITS or not v.is_finite():
        return v**exponent
    if exponent % 2:
        return (v.lower() ** exponent).union(v.upper() ** exponent)
    return (v.abs_lower() ** exponent).union(v.abs_upper() ** exponent)


def whole_power(a: Compiled, exponent: int, divisor: Atom | None = None) -> Compiled:
    """`a` to the power of an integer; of a negative one, `divisor` is what may be 0."""

    def evaluate(c: Context) -> Dual:
        if divisor is not None:
            c.divisors.append(divisor)
        v, d = a(c)
        if exponent < 0 and c.vanishes(v):
            return arb.nan(), arb.nan()
        if d is None or exponent == 0:
            return _raise(v, exponent), None
        return _raise(v, exponent), exponent * v ** (exponent - 1) * d

    return evaluate


def real_power(a: Compiled, b: Compiled, base: Atom, exponent: Atom) -> Compiled:
    """A power with a base of 0 or less only where the exponent allows it."""

    def evaluate(c: Context) -> Dual:
        (v, d), (w, e) = a(c), b(c)
        sign = c.sign(base, v)
        whole = w.unique_fmpz() if w.is_exact() else None
        if sign == 0:
            below = c.sign(exponent, w)
            if below < 0:
                raise OutsideError
            slope = None if d is None else w * v ** (w - 1) * d
            return (ONE if below == 0 else ZERO), slope
        if sign < 0:
            if whole is None:
                raise NoValueError
            slope = None if d is None else whole * v ** (whole - 1) * d
            return v**whole, slope if e is None else arb.nan()
        power = v**w
        if c.visibility is not None:
            for atom, share in ((base, w), (exponent, w * v.log())):
                c.visibility.note(atom.node, share, ONE)
        slope = None if d is None else w * v ** (w - 1) * d
        if e is not None:
            moved = power * v.log() * e
            slope = moved if slope is None else slope + moved
        return power, slope

    return evaluate


def with_branch(function: Compiled, branch: Branch) -> Compiled:
    """A function that has several branches; the context may ask for another one."""

    def evaluate(c: Context) -> Dual:
        dual = function(c)
        if c.branches is None:
            return dual
        moved: Dual = c.branches.move(branch, dual)
        return moved

    return evaluate


# Functions that are constant between jumps.


def step_function(name: str, parts: list[Compiled]) -> Compiled:
    """A function of the vocabulary that is constant between jumps."""
    if len(parts) == 2:
        return _on_integers(FUNCTIONS[name].number, *parts)
    step = _STEPS[name]
    return lambda c: (step(c, parts[0](c)[0]), None)


def unmoved_step(step: Compiled) -> Compiled:
    """A step of what stays where it is: on its jump there is no border."""

    def evaluate(c: Context) -> Dual:
        on = c.on
        result = step(c)
        c.on = on
        return result

    return evaluate


def _on_integers(operation: Callable[..., Any], a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        x, y = a(c)[0].unique_fmpz(), b(c)[0].unique_fmpz()
        if x is None or y is None:
            raise UndecidedError
        try:
            return arb(int(operation(int(x), int(y)))), None
        except ValueError:
            raise NoValueError from None

    return evaluate


def _floor(c: Context, x: Any) -> Any:
    """The floor; on a jump, the context is told."""
    if not x.is_finite():
        raise NoValueError if x.is_nan() and x.mid().is_nan() else UndecidedError
    near = (x + 0.5).floor().unique_fmpz()
    if near is not None:
        distance = abs(x - near).abs_upper()
        if distance == 0 or (c.zero is not None and distance <= c.zero):
            c.on = True
            return arb(near)
    return x.floor()


def _ceil(c: Context, x: Any) -> Any:
    return -_floor(c, -x)


def _truncate(c: Context, x: Any) -> Any:
    if abs(x) < 1:
        return ZERO
    if x > 0:
        return _floor(c, x)
    if x < 0:
        return _ceil(c, x)
    return x.floor().union(x.ceil())


def _nearest_even(c: Context, x: Any) -> Any:
    before, c.on = c.on, False
    up = _floor(c, x + 0.5)
    half, c.on = c.on, before or c.on
    if half:
        whole = up.unique_fmpz()
        return up - 1 if whole is not None and int(whole) % 2 else up
    return up


def _nearest_away(c: Context, x: Any) -> Any:
    if x >= 0:
        return _floor(c, x + 0.5)
    if x < 0:
        return -_floor(c, -x + 0.5)
    return (x + 0.5).floor().union((x - 0.5).ceil())


def _exponent(c: Context, x: Any) -> Any:
    size = abs(x)
    if not size > 0:
        if x.is_exact():
            raise NoValueError
        raise UndecidedError
    if size.is_exact():
        mantissa, exponent = size.man_exp()
        if mantissa == 1:
            c.on = True
        return arb(int(exponent) + int(mantissa).bit_length() - 1)
    return _floor(c, size.log() / arb(2).log())


_STEPS: Mapping[str, Callable[[Context, Any], Any]] = {
    "floor": _floor,
    "ceil": _ceil,
    "int": _truncate,
    "rint": _nearest_even,
    "round": _nearest_away,
    "logb": _exponent,
    "lowest": lambda c, x: arb(-1),
    "highest": lambda c, x: ONE,
}
