"""The partial of an output by a parameter beside its central difference, and what that says.

A verdict is one of

- agrees: at every sample where the difference is known, the partial is within its bound;
- differs: at some the bound excludes it, or the partial is not finite;
- no effect: partial and difference are both 0, and no other value changes the output;
- undecided: the difference is known at too few samples, the parameter acts by jumps alone, or the
  slope that stands for a staircase is all that the difference excludes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ..signals.sliders import Parameter
from ..table.vocabulary import READ_AT_WHOLE_PLACES
from .differences import Array, Mask

DEFAULT_TOLERANCE = 1e-6
#: A difference is known where its bound is below this part of the greatest derivative.
KNOWN_PART = 1e-4
#: Differences that are known at less than this part of the samples decide nothing.
LEAST_KNOWN_PART = 0.5
#: The line through the entries of a table has a kink at each, and a step may hold many: slopes are
#: known to this part of the greatest. In the libraries' sines of 65536 entries it is 2 pi / 65536.
KINKED_PART = 1e-4
#: So near to a sample whose difference is not known, another does not count against a partial.
NEIGHBOURHOOD = 8

Verdict = Literal["agrees", "differs", "no effect", "undecided"]


@dataclass(frozen=True)
class PartialComparison:
    """One output and one parameter over time.

    `value` is that of the parameter, `partial`, `difference` and `bound` are arrays (frames,), and
    `zero` is how large a derivative can seem that is 0. `moved` are the settings, by path, at which
    it was taken if not at those asked for; `stairs` says what makes a staircase of the parameter.
    At the samples `jumps` its value is where the output jumps, and the difference is that of the
    other side. `acts` says that other values of the parameter give other outputs, and `by_slope`
    that the partial differs by the slope that stands for a staircase alone, as of a table: without
    it the difference confirms the partial.
    """

    output: int
    parameter: Parameter
    value: float
    partial: Array
    difference: Array
    bound: Array
    zero: float = 0.0
    tolerance: float = DEFAULT_TOLERANCE
    moved: Mapping[str, float] = field(default_factory=dict)
    stairs: Sequence[str] = ()
    jumps: Mask = field(default_factory=lambda: np.zeros(1, bool))
    acts: bool = False
    by_slope: bool = False

    @cached_property
    def scale(self) -> float:
        """What makes an error relative: the greatest derivative over time; 1 if all are 0."""
        finite = np.abs(self.partial[np.isfinite(self.partial)])
        known = np.abs(self.difference[self.bound < 0.1 * np.abs(self.difference)])
        greatest = max(finite.max(initial=0.0), known.max(initial=0.0), self.zero)
        return float(greatest) or 1.0

    @cached_property
    def settled(self) -> Mask:
        """At which samples the difference is known."""
        return self.bound <= max(KNOWN_PART * self.scale, 20 * self.zero)

    @cached_property
    def absolute(self) -> Array:
        """The absolute errors (frames,); 0 where the difference is not known."""
        with np.errstate(invalid="ignore"):
            errors = np.where(self.settled, np.abs(self.partial - self.difference), 0.0)
        # A partial that is not finite is wrong, whatever the difference.
        return np.where(np.isfinite(self.partial), errors, np.inf)

    @property
    def relative(self) -> Array:
        """The relative errors (frames,)."""
        return self.absolute / self.scale

    @property
    def worst(self) -> int:
        """The sample with the greatest error."""
        return int(np.argmax(self.absolute))

    @property
    def unsettled(self) -> int:
        """At how many samples the difference is not known."""
        return int(np.count_nonzero(~self.settled))

    @cached_property
    def excluded(self) -> Mask:
        """At which samples the bound of the difference excludes the partial."""
        known = max(self.tolerance, KINKED_PART if READ_AT_WHOLE_PLACES in self.stairs else 0.0)
        allowed = known * self.scale + 2 * np.where(self.settled, self.bound, 0.0)
        doubtful = ~self.settled
        for shift in range(1, NEIGHBOURHOOD + 1):
            doubtful[shift:] |= ~self.settled[:-shift]
            doubtful[:-shift] |= ~self.settled[shift:]
        wrong = (self.absolute > allowed) & ~doubtful
        return np.asarray(wrong | ~np.isfinite(self.partial))

    @property
    def idle(self) -> bool:
        """Whether the output does not change around the value, by the rules and by differences."""
        still = np.abs(self.partial) <= self.zero
        known = np.abs(self.difference) <= self.bound + self.zero
        return bool(still.all() and (known | ~self.settled).all() and self.settled.any())

    @cached_property
    def verdict(self) -> Verdict:
        """What the differences say of the partial."""
        if not np.isfinite(self.partial).all():
            return "differs"
        if self.settled.mean() < LEAST_KNOWN_PART:
            return "undecided"
        if self.excluded.any():
            # The slope that a rule gives to a staircase is none of its derivative.
            at_jumps = bool(self.stairs) and not (self.excluded & ~self.jumps).any()
            surrogate = at_jumps or self.by_slope
            return "undecided" if surrogate else "differs"
        if self.idle and self.jumps.any():
            return "undecided"
        return "no effect" if self.idle and not self.acts else "agrees"

    @property
    def holds(self) -> bool:
        """Whether the partial is right as far as differences can tell."""
        return self.verdict in ("agrees", "no effect")
