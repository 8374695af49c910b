"""What a row is: the value of a primitive, its partials, and where they hold.

The rooms above agree on this. A `Primitive` states the value of a Faust primitive, one partial
derivative for each argument, where they hold, and what replaces them elsewhere. Nothing here knows
whether a rule is true: that is for `proof`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import Place
from .expressions import Expression

Kind = Literal["smooth", "guarded", "selector", "zero", "linear", "structural", "unavailable"]
Role = Literal["signal", "integer", "constant", "table"]
Through = Literal["diff", "linear", "display", "inactive", "none"]

KINDS: Mapping[Kind, str] = {
    "smooth": "differentiable everywhere in its domain",
    "guarded": "differentiable where a condition holds, with a stated value elsewhere",
    "selector": "passes one of its arguments on; the derivative is that of the selected one",
    "zero": "constant between jumps: the derivative is zero almost everywhere",
    "linear": "linear in a signal, perhaps with memory: the tangent goes the way of the signal",
    "structural": "wires, boxes without input and boxes that look at a signal without changing it",
    "unavailable": "has a derivative that Faust has no function for: using it is an error",
}
#: The kinds whose rows have nothing that is differentiated.
NOT_DIFFERENTIATED: tuple[Kind, ...] = ("structural", "unavailable")
ROLES: Mapping[Role, str] = {
    "signal": "a real signal",
    "integer": "a signal that the primitive reads as an integer",
    "constant": "a number known at compile time",
    "table": "a signal that fills a table before the program runs",
}
THROUGH: Mapping[Through, str] = {
    "diff": "d.diff(box)",
    "linear": "d.linear(box)",
    "display": "d.display(box)",
    "inactive": "d.inactive(box)",
    "none": "no part of a dual",
}


@dataclass(frozen=True)
class Guard:
    """Where the formulas for `args` hold, and what stands in for them elsewhere.

    `when` is the condition; where it fails, each operand in `safe` is replaced by a number, so
    that the formula is never evaluated outside its domain, and the partial is `elsewhere`.
    """

    args: tuple[str, ...]
    when: Expression
    safe: Mapping[str, Expression]
    elsewhere: Expression
    reason: str


@dataclass(frozen=True)
class Tie:
    """What the partials are at a kink (where `at` holds), and why."""

    at: Expression
    partials: Mapping[str, Expression]
    reason: str


@dataclass(frozen=True)
class Samples:
    """Where a row is tested: ranges or values by argument, and single points.

    `edges` are points at the border of what is defined: value and partials must be finite there.
    At `poles` the value itself is not finite, the partials must be. Random points keep away from
    the zeros of `avoid`.
    """

    ranges: Mapping[str, tuple[float, float]]
    values: Mapping[str, tuple[float, ...]]
    edges: tuple[Mapping[str, float], ...]
    poles: tuple[Mapping[str, float], ...]
    avoid: tuple[Expression, ...]


@dataclass(frozen=True)
class Primitive:
    """One row: a primitive with its value and its derivative rule.

    `partials` maps every argument to an expression, or to None where the rule does not
    differentiate with respect to it (`reason` says why). An expression that mentions the tangent
    of its own argument (`dx` for `x`) is the whole contribution of that argument; any other is
    multiplied by the tangent. With respect to an argument in `surrogates`, that expression is
    differentiated in place of `value`, which has no useful derivative there. With `real` the result
    is a real also where all that the value is made of are integers.
    """

    name: str
    faust: str
    kind: Kind
    section: str
    args: tuple[str, ...]
    roles: Mapping[str, Role]
    value: Expression | None
    surrogates: Mapping[str, Expression]
    partials: Mapping[str, Expression | None]
    domain: Expression | None
    guards: tuple[Guard, ...]
    tie: Tie | None
    samples: Samples
    summary: str
    reason: str
    aliases: tuple[str, ...]
    since: str
    through: Through
    composite: bool
    real: bool
    broken: str
    place: Place
    places: Mapping[str, Place]

    def place_of(self, field: str) -> Place:
        """Where a field of this row stands, as `value` or `partials.x`."""
        return self.places.get(field, self.place)

    def guard_of(self, argument: str) -> Guard | None:
        """The guard of the partial with respect to `argument`."""
        return next((guard for guard in self.guards if argument in guard.args), None)

    @property
    def temporal(self) -> bool:
        """Whether the row speaks of signals in time or of tables, not of numbers alone."""
        return self.kind == "linear" or "table" in self.roles.values()

    @property
    def active(self) -> tuple[str, ...]:
        """The arguments whose tangent reaches the result."""
        return tuple(a for a in self.args if not is_zero(self.partials[a]))


@dataclass(frozen=True)
class Table:
    """All rows, in the order of the file, and the libraries their spellings refer to."""

    primitives: tuple[Primitive, ...]
    libraries: Mapping[str, str]
    file: str

    def __getitem__(self, name: str) -> Primitive:
        for primitive in self.primitives:
            if primitive.name == name:
                return primitive
        raise KeyError(name)


def is_zero(partial: Expression | None) -> bool:
    """Whether a partial never contributes: not differentiated, or literally 0."""
    return partial is None or partial.text in ("0", "0.0")


def tangent_name(argument: str) -> str:
    """The name of an argument's tangent in an expression: `dx` for `x`."""
    return f"d{argument}"
