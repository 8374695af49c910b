"""Partials by the rules against central differences of the program itself.

See `differences` for how these are taken and how well they are known. A verdict is one of

- agrees: at every sample where the difference is known, the partial is within its bound;
- differs: at some the bound excludes it, or the partial is not finite;
- no effect: partial and difference are both 0, as far as rounding lets one see;
- undecided: the difference is known at too few samples, or the parameter acts by jumps alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler, find_compiler
from ..faust.excitation import Excitation
from ..faust.program import Program, build
from ..signals.sliders import Parameter
from ..table.model import Table
from .differences import NOISE, Array, Difference, Mask, difference, rounding_of
from .differentiate import DifferentiatedProgram, differentiate
from .tangents import TableSlope

DEFAULT_EPSILON = 1e-4
DEFAULT_TOLERANCE = 1e-6
#: The step does not shrink below DEFAULT_EPSILON times this part of the slider's range.
LEAST_STEP = 1e-2
#: A difference is known where its bound is below this part of the greatest derivative.
KNOWN_PART = 1e-4
#: Differences that are known at less than this part of the samples decide nothing.
LEAST_KNOWN_PART = 0.5
#: So near to a sample whose difference is not known, another does not count against a partial.
NEIGHBOURHOOD = 8
#: From so many runs it is told how far rounding moves a partial that differs.
ROUNDED_RUNS = 9
#: Other settings that are tried where a slider has no effect.
MAX_SETTINGS = 6

Verdict = Literal["agrees", "differs", "no effect", "undecided"]


@dataclass(frozen=True)
class PartialComparison:
    """One output and one parameter over time.

    `value` is that of the parameter, `partial`, `difference` and `bound` are arrays (frames,), and
    `zero` is how large a derivative can seem that is 0. `moved` are the settings, by path, at which
    it was taken if not at those asked for; `stairs` says what makes a staircase of the parameter.
    At the samples `jumps` its value is where the output jumps, and the difference is that of the
    other side.
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
        allowed = self.tolerance * self.scale + 2 * np.where(self.settled, self.bound, 0.0)
        doubtful = ~self.settled
        for shift in range(1, NEIGHBOURHOOD + 1):
            doubtful[shift:] |= ~self.settled[:-shift]
            doubtful[:-shift] |= ~self.settled[shift:]
        wrong = (self.absolute > allowed) & ~doubtful
        return np.asarray(wrong | ~np.isfinite(self.partial))

    @property
    def idle(self) -> bool:
        """Whether the output does not depend on the parameter, by the rules and by differences."""
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
            surrogate = bool(self.stairs) and not (self.excluded & ~self.jumps).any()
            return "undecided" if surrogate else "differs"
        if self.idle:
            return "undecided" if self.jumps.any() else "no effect"
        return "agrees"

    @property
    def holds(self) -> bool:
        """Whether the partial is right as far as differences can tell."""
        return self.verdict in ("agrees", "no effect")


@dataclass(frozen=True)
class VerificationReport:
    """All comparisons of a program, by output, then by parameter; `values` is (outputs, frames).

    `remarks` say what was done that a user would want to know.
    """

    name: str
    comparisons: tuple[PartialComparison, ...]
    values: Array
    rate: int
    tolerance: float
    remarks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every partial is right."""
        return all(one.holds for one in self.comparisons)


def verify(
    source: str,
    feed: Callable[[int], Excitation],
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = "program",
    file: str = "",
    settings: Mapping[str, float] | None = None,
    epsilon: float = DEFAULT_EPSILON,
    tolerance: float = DEFAULT_TOLERANCE,
    buttons: bool = False,
    table_slope: TableSlope = "oscillators",
) -> VerificationReport:
    """The partials of the program `source`, compared with central differences.

    `feed` gives the input signals for a number of inputs, `settings` values for sliders by label or
    path, `epsilon` the greatest step relative to a slider's value, `tolerance` the relative error
    that is let pass; with `buttons`, all buttons and checkboxes are held. A slider without effect
    is tried at other settings. The other arguments, and errors, are those of `differentiate`;
    `ValueError` for an unknown name in `settings`; `InputError` if the output is not finite.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    differentiated = differentiate(
        source,
        params=params,
        all_continuous=all_continuous,
        compiler=compiler,
        include=include,
        table=table,
        name=name,
        file=file,
        table_slope=table_slope,
    )
    plain = build(source, compiler=compiler, include=include)
    dual = build(differentiated.text, compiler=compiler, include=include)
    given = {plain.settable_path(n): v for n, v in (settings or {}).items()}
    if buttons:
        given = {**_pressed_buttons(plain), **given}
    trial = _Trial(plain, dual, differentiated, feed(differentiated.inputs), epsilon, tolerance)
    signals = trial.run_dual(given)
    values = signals[:: differentiated.stride]
    _require_finite(values, file or name)
    by_parameter = [
        trial.compare(index, given, signals) for index in range(len(differentiated.params))
    ]
    idle = [index for index, several in enumerate(by_parameter) if all(one.idle for one in several)]
    for index, moved, there in trial.find_active(idle, given):
        by_parameter[index] = trial.compare(index, {**given, **moved}, there, moved)
    comparisons = [one for several in by_parameter for one in several]
    comparisons.sort(key=lambda one: one.output)
    return VerificationReport(
        name, tuple(comparisons), values, trial.feed.rate, tolerance, differentiated.remarks
    )


def _require_finite(values: Array, file: str) -> None:
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(axis=0)))
        what = f"the output is not finite at sample {bad}"
        raise InputError([Problem(Place(file), what, "choose other values with --set")])


def _pressed_buttons(program: Program) -> dict[str, float]:
    """All buttons and checkboxes of a program, held."""
    return {c.path: 1.0 for c in program.controls if c.kind in ("button", "checkbox")}


@dataclass(frozen=True)
class _Trial:
    """The plain program and that with its partials, run again and again at other settings."""

    plain: Program
    dual: Program
    differentiated: DifferentiatedProgram
    feed: Excitation
    epsilon: float
    tolerance: float

    def run_dual(self, settings: Mapping[str, float]) -> Array:
        """The outputs of the program with its partials (outputs * stride, frames)."""
        controls = {}
        for path, value in settings.items():
            there = _path(self.dual, path)
            if there is not None:
                controls[there] = value
        return self._run(self.dual, controls)

    def _run(self, program: Program, controls: Mapping[str, float]) -> Array:
        signals, rate = self.feed.signals, self.feed.rate
        outputs = program.run(signals, signals.shape[1], sample_rate=rate, controls=controls)
        return np.asarray(outputs, float)

    def compare(
        self,
        index: int,
        settings: Mapping[str, float],
        signals: Array,
        moved: Mapping[str, float] | None = None,
    ) -> list[PartialComparison]:
        """The comparisons of one parameter, for each output, at some settings."""
        parameter = self.differentiated.params[index]
        partial = signals[1 + index :: self.differentiated.stride]
        path = _path(self.plain, parameter.path)
        value = settings.get(path or "", parameter.init)
        step = self.epsilon * max(abs(value), LEAST_STEP * (parameter.max - parameter.min))
        # The five points stay within the slider's range, where there is room for them.
        room = min(value - parameter.min, parameter.max - value) / 2
        step = min(step, room) if room > 0 else step

        def run(at: float) -> Array:
            return self._run(self.plain, {**settings, path: at} if path else settings)

        def of(estimate: Difference, rounding: Array) -> list[PartialComparison]:
            """`rounding` (outputs, 1) is that of the partials."""
            taken = _at_kinks(estimate, partial, self.tolerance)
            contested = taken.contests(partial, self.tolerance)
            taken = replace(taken, bound=np.where(contested, np.inf, taken.bound))
            return [
                PartialComparison(
                    output,
                    parameter,
                    value,
                    partial[output],
                    taken.value[output],
                    taken.bound[output] + rounding[output],
                    float(estimate.zero[output, 0] + rounding[output, 0]),
                    self.tolerance,
                    dict(moved or {}),
                    self.differentiated.stairs[index],
                    taken.jumps[output],
                )
                for output in range(self.differentiated.outputs)
            ]

        def enough(estimate: Difference) -> bool:
            return all(one.holds and not one.unsettled for one in of(estimate, exact))

        def partials(at: float) -> Array:
            dual = self.run_dual({**settings, path: at} if path else settings)
            return dual[1 + index :: self.differentiated.stride]

        exact = np.zeros((self.differentiated.outputs, 1))
        estimate = difference(run, value, step, enough)
        found = of(estimate, exact)
        if not any(one.verdict == "differs" for one in found):
            return found
        # Where terms cancel, a partial is of their rounding, of which the output may show nothing.
        reach = np.abs(self.feed.signals).max(initial=1.0)
        most = NOISE * reach / max(abs(value), step)
        rounding = rounding_of(partials, value, 0.001 * step, count=ROUNDED_RUNS)
        return of(estimate, np.minimum(np.nan_to_num(rounding, nan=0.0), most))

    def find_active(
        self, idle: Sequence[int], given: Mapping[str, float]
    ) -> list[tuple[int, dict[str, float], Array]]:
        """For idle parameters, settings at which they act, and the dual program's outputs there."""
        active: list[tuple[int, dict[str, float], Array]] = []
        waiting = list(idle)
        generator = np.random.default_rng(0)
        for place in range(MAX_SETTINGS if idle else 0):
            # Every other time: a checkbox may be a gate, or a bypass.
            held: dict[str, float] = {} if place % 2 else _pressed_buttons(self.plain)
            if place:
                held |= {
                    c.path: float(c.min + generator.uniform(0.1, 0.9) * (c.max - c.min))
                    for c in self.plain.controls
                    if c.kind in ("hslider", "vslider", "nentry") and _continuous(c.meta)
                }
            moved = {path: value for path, value in held.items() if path not in given}
            if not moved:
                continue
            signals = self.run_dual({**given, **moved})
            if not np.isfinite(signals[:: self.differentiated.stride]).all():
                continue
            for index in list(waiting):
                if np.any(signals[1 + index :: self.differentiated.stride]):
                    waiting.remove(index)
                    active.append((index, moved, signals))
        return active


def _continuous(meta: Mapping[str, str]) -> bool:
    return not meta.get("style", "").strip().startswith(("menu", "radio"))


def _at_kinks(estimate: Difference, partial: Array, tolerance: float) -> Difference:
    """Where the slider is at a kink, the one-sided difference that is the nearer one."""
    with np.errstate(invalid="ignore"):
        below, above = np.abs(partial - estimate.below), np.abs(partial - estimate.above)
        nearer = np.where(below <= above, estimate.below, estimate.above)
        right = np.fmin(below, above) <= np.maximum(1e-4 * np.abs(nearer), 20 * estimate.zero)
    value = np.where(right, nearer, estimate.value)
    bound = np.where(right, np.fmin(below, above) + tolerance * np.abs(nearer), estimate.bound)
    return replace(estimate, value=value, bound=bound)


def _path(program: Program, path: str) -> str | None:
    """The path of a slider in a program; None where nothing that is computed depends on it."""
    try:
        return program.settable_path(path)
    except ValueError:
        return None
