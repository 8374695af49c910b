"""Where an expression is evaluated: duals of balls, the signs of atoms, and the precision."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

#: A value and its slope; None is a slope that is 0 whatever the arguments.
Dual = tuple[Any, Any]
Compiled = Callable[["Context"], Dual]
Test = Callable[["Context"], bool]

#: Bits of a ball, at least.
BALL_BITS = 700


class UndecidedError(Exception):
    """A ball is too wide to tell the sign of an atom."""


class NoValueError(Exception):
    """An expression has no real value here."""


class OutsideError(NoValueError):
    """An expression has no real value wherever the signs are these."""


@dataclass(eq=False)
class Atom:
    """A quantity whose sign decides something; `free` holds the names that move it.

    `steps` says that it is constant between jumps, so that it can be 0 over a whole range. `key`
    is the same for all atoms that have the same sign. `affine` maps names to coefficients, and ""
    to the constant, where the atom is of that form. One that does not decide which piece it is may
    still be the `centre` of something. A `smooth` one has no jump where its ball is finite. As far
    as its form shows them, `zeros` lists affine forms that are 0 together wherever the atom is 0,
    and `missing` the signs that it never has.
    """

    key: str
    quantity: Compiled
    text: str
    free: frozenset[str]
    steps: bool
    affine: Mapping[str, Fraction] | None
    decides: bool = True
    flip: int = 1
    centre: bool = True
    node: ast.expr | None = None
    smooth: bool = False
    zeros: Sequence[Sequence[Mapping[str, Fraction]]] | None = None
    missing: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Branch:
    """What becomes of a function when it is continued around a 0 of its `guards`.

    Its sign may turn, a constant be added (`shifts`), or a factor to a `power`. Without guards
    nothing is known of where it has branches.
    """

    key: str
    guards: tuple[Atom, ...] | None
    turns: bool = False
    shifts: bool = False
    power: Fraction | None = None

    @property
    def is_told(self) -> bool:
        """Whether it is known what another branch is."""
        return self.turns or self.shifts or self.power is not None


class Context:
    """The place where expressions are evaluated, and the signs that were found there.

    `values` maps a name to its dual. `signs` lists the atoms in the order they were met; `on`
    tells whether one was 0 or a step was on its jump. Below `zero` a quantity counts as 0.
    `divisors` are the quantities that were divided by.
    """

    #: The branches that functions take; None for those that they have.
    branches: Any = None
    #: Whether numbers are intervals, so that what has several signs there takes all its values.
    is_box = False
    #: Told of each part of a sum, and each argument of a function; None if nobody asks.
    visibility: Any = None

    __slots__ = ("divisors", "met", "on", "signs", "values", "zero")

    def __init__(self, values: Mapping[str, Dual], zero: Any = None) -> None:
        self.values = values
        self.zero = zero
        self.signs: dict[str, int] = {}
        self.met: list[Atom] = []
        self.divisors: list[Atom] = []
        self.on = False

    def sign(self, atom: Atom, value: Any) -> int:
        """The sign of an atom whose ball is `value`: -1, 0 or 1."""
        known = self.signs.get(atom.key)
        if known is not None:
            return known * atom.flip
        sign = self.decide_sign(atom, value)
        self.signs[atom.key] = sign * atom.flip
        self.met.append(atom)
        if sign == 0 and atom.free and not atom.steps:
            self.on = True
        return sign

    def vanishes(self, value: Any) -> bool:
        """Whether a quantity counts as 0 on a border."""
        return self.zero is not None and bool(value.abs_upper() <= self.zero)

    def decide_sign(self, atom: Atom, value: Any) -> int:
        """The sign that the ball of an atom shows."""
        if self.vanishes(value):
            return 0
        if value > 0:
            return 1
        if value < 0:
            return -1
        if value.is_exact() and value == 0:
            return 0
        if value.is_nan():
            raise NoValueError
        raise UndecidedError


class BoxContext(Context):
    """An interval: a choice that is not the same in all of it has the values of both branches."""

    is_box = True


def precision(constants: set[Fraction]) -> int:
    """Bits with which numbers as small and as large as these constants do not get lost."""
    sizes = [abs(math.log2(abs(c.numerator)) - math.log2(c.denominator)) for c in constants if c]
    return BALL_BITS + int(max(sizes, default=0))


class working_precision:  # noqa: N801 - a context manager, named as what it is
    """The block is evaluated with this many bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.before, ctx.prec = ctx.prec, self.bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self.before


def exact(value: float | Fraction | int) -> Any:
    """The ball of a number, exact for a double."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)


def float_of(value: Any) -> float:
    """The nearest double, for sorting."""
    return float(value)
