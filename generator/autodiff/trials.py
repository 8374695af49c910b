"""The program and its dual, run again and again at other settings, for `verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..faust.excitation import Excitation, stand_in_sound
from ..faust.interface import Control
from ..faust.program import Program
from ..signals.sliders import SLIDERS
from .differences import MAX_NOISE, NOISE, Array, Difference, Mask, difference, rounding_of
from .differentiate import DifferentiatedProgram
from .partial_comparison import PartialComparison

#: The step does not shrink below DEFAULT_EPSILON times this part of the slider's range.
LEAST_STEP = 1e-2
#: From so many runs it is told how far rounding moves a partial that differs.
ROUNDED_RUNS = 9
#: Other settings that are tried where a slider has no effect.
MAX_SETTINGS = 9


@dataclass(frozen=True)
class Active:
    """A parameter by index, settings at which it acts, and the outputs of the dual there."""

    index: int
    moved: Mapping[str, float]
    signals: Array


@dataclass(frozen=True)
class Trial:
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
        with program.sounding(stand_in_sound()):
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
        self, idle: Sequence[int], given: Mapping[str, float], asked: Mapping[str, float]
    ) -> list[Active]:
        """For parameters that are idle at the settings `given`, where they act.

        What is moved is apart from `given`, of which the settings `asked` for stay. A parameter is
        not in the list if none of the settings that are tried shows a partial, or another output
        for another value.
        """
        active: list[Active] = []
        waiting = list(idle)
        places: list[tuple[dict[str, float], Array]] = []
        for moved in [{}, *self._other_settings(given, asked)]:
            if not waiting:
                break
            signals = self.run_dual({**given, **moved})
            if not np.isfinite(signals[:: self.differentiated.stride]).all():
                continue
            places.append((moved, signals))
            for index in list(waiting) if moved else ():
                if np.any(signals[1 + index :: self.differentiated.stride]):
                    waiting.remove(index)
                    active.append(Active(index, moved, signals))
        for moved, signals in places:
            for index in self.acting(waiting, {**given, **moved}):
                waiting.remove(index)
                active.append(Active(index, moved, signals))
        return active

    def _other_settings(
        self, given: Mapping[str, float], asked: Mapping[str, float]
    ) -> Iterator[dict[str, float]]:
        """What else may be set: buttons held, and sliders anywhere."""
        generator = np.random.default_rng(0)
        # A button may be a gate; a checkbox one as well, or a bypass.
        released = dict.fromkeys(pressed_buttons(self.plain), 0.0)
        gates = [
            pressed_buttons(self.plain),
            pressed_buttons(self.plain, ("button",)),
            released,
        ]
        for place in range(MAX_SETTINGS):
            held = {**released, **gates[place % len(gates)]}
            if place >= len(gates):
                held |= {
                    c.path: _on_grid(c, generator.uniform(0.1, 0.9))
                    for c in self.plain.controls
                    if c.kind in SLIDERS
                }
            moved = {
                path: value
                for path, value in held.items()
                if path not in asked and value != given.get(path, released.get(path))
            }
            if moved:
                yield moved

    def acting(self, indices: Sequence[int], settings: Mapping[str, float]) -> dict[int, Mask]:
        """For which outputs the ends of a parameter's range give others: (outputs,) by index.

        Parameters that change nothing are left out.
        """
        paths: dict[int, str] = {}
        for index in indices:
            path = _path(self.plain, self.differentiated.params[index].path)
            if path is not None:
                paths[index] = path
        before = self._run(self.plain, settings)
        scale = np.abs(before).max(axis=1, keepdims=True, initial=0.0)

        def changes(end: str, some: Sequence[int]) -> Mask:
            values = {paths[i]: getattr(self.differentiated.params[i], end) for i in some}
            after = self._run(self.plain, {**settings, **values})
            same = np.isclose(after, before, 0, MAX_NOISE * scale, equal_nan=True)
            return np.asarray(~same.all(axis=1))

        # All at once first, since mostly none acts.
        ends = [end for end in ("min", "max") if paths and changes(end, list(paths)).any()]
        masks = {i: np.any([changes(end, [i]) for end in ends], axis=0) for i in paths if ends}
        return {index: mask for index, mask in masks.items() if mask.any()}


def _on_grid(control: Control, part: float) -> float:
    """A value that a slider may take, at about this part of its range: it may be a switch."""
    span = control.max - control.min
    steps = round(part * span / control.step) if control.step > 0 else 0
    moved = steps * control.step if control.step > 0 else part * span
    return float(min(control.min + moved, control.max))


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


def pressed_buttons(
    program: Program, kinds: Sequence[str] = ("button", "checkbox")
) -> dict[str, float]:
    """The buttons and checkboxes of a program, held."""
    return {c.path: 1.0 for c in program.controls if c.kind in kinds}
