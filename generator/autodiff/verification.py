"""Partials by the rules against central differences of the program itself.

The derivative of an output y by a slider p is estimated by the five-point formula

    D(h) = (8 (y(p + h) - y(p - h)) - (y(p + 2h) - y(p - 2h))) / (12 h),

whose error is of order h^4 (Fornberg, "Generation of finite difference formulas on arbitrarily
spaced grids", 1988), on runs of the program in double precision. It is taken at two steps, h and
h/2. Where these disagree, the difference itself is not known: between them lies a kink or a jump.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Display

from ..drawing import canvas, plain, png
from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler, find_compiler
from ..faust.excitation import Excitation
from ..faust.program import Program, build
from ..signals.sliders import Parameter
from ..table.model import Table
from .differentiate import differentiate

Array = NDArray[np.float64]

EPSILON = 1e-4
TOLERANCE = 1e-6
#: A step that leaves samples unsettled is divided by this, once.
FINER = 10
#: Comparisons in a plot.
DRAWN = 24
#: The step does not shrink below EPSILON times this part of the slider's range.
LEAST = 1e-2
#: Differences that are unsettled at more samples than this prove nothing.
MOST_UNSETTLED = 0.1


@dataclass(frozen=True)
class Comparison:
    """One output and one parameter over time.

    `value` is that of the parameter, `partial` and `difference` are arrays (frames,), and
    `settled` says at which samples the difference is known. Errors are taken where it is;
    `relative` is the absolute error divided by the greatest magnitude of the two over time, and
    `worst` the sample with the greatest error.
    """

    output: int
    parameter: Parameter
    value: float
    partial: Array
    difference: Array
    settled: NDArray[np.bool_]

    @property
    def scale(self) -> float:
        """What makes an error relative; 1 where everything is 0."""
        known = self.settled & np.isfinite(self.partial)
        if not known.any():
            return 1.0
        largest = max(np.abs(self.difference[known]).max(), np.abs(self.partial[known]).max())
        return float(largest) or 1.0

    @property
    def absolute(self) -> Array:
        """The absolute errors (frames,); 0 where the difference is not known."""
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

    @property
    def idle(self) -> bool:
        """Whether the output does not depend on the parameter, by the rules and by differences."""
        return not self.partial.any() and not self.difference.any()

    @property
    def decided(self) -> bool:
        """Whether differences are known at enough samples to prove something."""
        return self.unsettled <= MOST_UNSETTLED * self.settled.size

    def agrees(self, tolerance: float) -> bool:
        """Whether the partial is right where the difference is known."""
        return bool(self.relative.max(initial=0.0) <= tolerance)

    def holds(self, tolerance: float) -> bool:
        """Whether the partial is right as far as differences can tell."""
        return self.decided and self.agrees(tolerance)


@dataclass(frozen=True)
class Report:
    """All comparisons of a program, by output, then by parameter; `values` is (outputs, frames)."""

    name: str
    comparisons: tuple[Comparison, ...]
    values: Array
    rate: int
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether every partial is right."""
        return all(one.holds(self.tolerance) for one in self.comparisons)


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
    epsilon: float = EPSILON,
    tolerance: float = TOLERANCE,
) -> Report:
    """The partials of the program `source`, compared with central differences.

    `feed` gives the input signals for a number of inputs, `settings` values for sliders by label or
    path, `epsilon` the step relative to a slider's value, `tolerance` the greatest relative error.
    The other arguments, and errors, are those of `differentiate`; `ValueError` for an unknown name
    in `settings`; `InputError` if the program's output is not finite.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    done = differentiate(
        source,
        params=params,
        all_continuous=all_continuous,
        compiler=compiler,
        include=include,
        table=table,
        name=name,
        file=file,
    )
    plain = build(source, compiler=compiler, include=include)
    dual = build(done.text, compiler=compiler, include=include)
    settings = {plain.settable_path(n): v for n, v in (settings or {}).items()}
    excitation = feed(done.inputs)
    runs = _Runs(plain, excitation, settings)
    paths = [plain.settable_path(parameter.path) for parameter in done.params]
    frames, rate = excitation.signals.shape[1], excitation.rate
    duals = {dual.settable_path(path): value for path, value in settings.items()}
    signals = dual.run(excitation.signals, frames, sample_rate=rate, controls=duals).astype(float)
    values = signals[:: done.stride]
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(axis=0)))
        what = f"the output is not finite at sample {bad}"
        raise InputError([Problem(Place(file or name), what, "choose other values with --set")])
    comparisons = []
    for index, parameter in enumerate(done.params):
        value = settings.get(paths[index], parameter.init)
        difference, settled = runs.difference(paths[index], parameter, value, epsilon, tolerance)
        for output in range(done.outputs):
            comparisons.append(
                Comparison(
                    output,
                    parameter,
                    value,
                    signals[output * done.stride + 1 + index],
                    difference[output],
                    settled[output],
                )
            )
    comparisons.sort(key=lambda one: one.output)
    return Report(name, tuple(comparisons), values, rate, tolerance)


@dataclass(frozen=True)
class _Runs:
    """The plain program, run again and again with one slider moved."""

    program: Program
    excitation: Excitation
    settings: Mapping[str, float]

    def at(self, path: str, value: float) -> Array:
        signals, rate = self.excitation.signals, self.excitation.rate
        controls = {**self.settings, path: value}
        outputs = self.program.run(signals, signals.shape[1], sample_rate=rate, controls=controls)
        return np.asarray(outputs, float)

    def difference(
        self, path: str, parameter: Parameter, value: float, epsilon: float, tolerance: float
    ) -> tuple[Array, NDArray[np.bool_]]:
        """The difference (outputs, frames), and where it is known well enough."""
        step = epsilon * max(abs(value), LEAST * (parameter.max - parameter.min))
        # The five points stay within the slider's range, where there is room for them.
        room = min(value - parameter.min, parameter.max - value) / 2
        if room > 0:
            step = min(step, room)
        here = self.at(path, value)
        found, settled = self._difference(path, value, here, step, tolerance)
        # What bends much within a step is known from a smaller one.
        if not settled.all():
            finer, known = self._difference(path, value, here, step / FINER, tolerance)
            found = np.where(known & ~settled, finer, found)
            settled |= known
        return found, settled

    def _difference(
        self, path: str, value: float, here: Array, step: float, tolerance: float
    ) -> tuple[Array, NDArray[np.bool_]]:
        # In half steps: the far points of the fine formula are the near ones of the coarse one.
        runs = {k: self.at(path, value + k * step / 2) for k in (-4, -2, -1, 1, 2, 4)}

        def slope(near: int) -> Array:
            close, far = runs[near] - runs[-near], runs[2 * near] - runs[-2 * near]
            return np.asarray((8 * close - far) / (6 * near * step), float)

        def bend(near: int) -> Array:
            return np.abs(runs[near] - 2 * here + runs[-near])

        coarse, fine = slope(2), slope(1)
        scale = np.abs(fine).max(axis=1, keepdims=True, initial=0.0)
        # How far rounding alone can move the outputs, which are known to some 1e-15.
        rounding = 1e-13 * np.abs(here).max(axis=1, keepdims=True, initial=0.0)
        settled = np.abs(coarse - fine) <= np.maximum(tolerance * scale, rounding / step)
        # Both formulas agree on a kink that is where the slider is. The bend gives it away: it is
        # divided by 4 when the step is halved where the program is smooth, and by 2 at a kink.
        bent = bend(1) > np.maximum(tolerance * scale * step / 2, rounding)
        settled &= ~(bent & (bend(2) < 3 * bend(1)))
        return np.where(settled, fine, coarse), settled & np.isfinite(fine)


def show(report: Report, console: Console | None = None) -> None:
    """Prints the table of a report."""
    console = console or Console()
    title = f"{report.name}: partials against central differences"
    display = Display(title=title, box=SIMPLE, pad_edge=False)
    display.add_column("output")
    display.add_column("parameter", min_width=16)
    for heading in ("at the worst sample", "absolute, relative error"):
        display.add_column(heading, no_wrap=True)
    for one in report.comparisons:
        worst = one.worst
        errors = [
            f"{word:<5} {spread(one.absolute):.1e}   {spread(one.relative):.1e}"
            for word, spread in (("mean", np.mean), ("std", np.std), ("worst", np.max))
        ]
        display.add_row(
            str(one.output + 1),
            f"{escape(one.parameter.label)}\n= {one.value:.6g} {escape(one.parameter.unit)}\n"
            f"{_verdict(one, report.tolerance)}\n",
            f"sample     {worst}\nvalue      {report.values[one.output, worst]:.8g}\n"
            f"partial    {one.partial[worst]:.8g}\ndifference {one.difference[worst]:.8g}",
            "\n".join(errors),
        )
    console.print(display)


def _verdict(one: Comparison, tolerance: float) -> str:
    if not one.agrees(tolerance):
        verdict = "[red]differs[/]"
    elif not one.decided:
        verdict = "[yellow]undecided[/]"
    else:
        verdict = "[yellow]no effect[/]" if one.idle else "[green]ok[/]"
    return f"{verdict}\n{one.unsettled} unsettled" if one.unsettled else verdict


def csv_text(report: Report) -> str:
    """The table of a report, with all digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    errors = [
        f"{kind}_{what}" for kind in ("absolute", "relative") for what in ("mean", "std", "max")
    ]
    at_worst = ["worst_sample", "value", "partial", "difference"]
    writer.writerow(["output", "parameter", "at", *errors, *at_worst, "unsettled", "holds"])
    for one in report.comparisons:
        worst = one.worst
        numbers = [
            number
            for array in (one.absolute, one.relative)
            for number in (array.mean(), array.std(), array.max())
        ]
        at = [report.values[one.output, worst], one.partial[worst], one.difference[worst]]
        held = one.holds(report.tolerance)
        row = [*map(float, numbers), worst, *map(float, at), one.unsettled, str(held).lower()]
        writer.writerow([one.output + 1, one.parameter.path, one.value, *row])
    return text.getvalue()


def plot(report: Report) -> bytes:
    """A PNG: for each comparison the partial and the difference over time, and their error."""
    shown = _worst(report.comparisons)
    count = len(shown)
    figure = canvas(10, 2.6 * count + 0.6)
    if count < len(report.comparisons):
        figure.suptitle(f"the worst {count} of {len(report.comparisons)}")
    axes = figure.subplots(count, 2, squeeze=False)
    for (left, right), one in zip(axes, shown, strict=True):
        time = np.arange(one.partial.size) / report.rate
        title = f"output {one.output + 1} by {plain(one.parameter.label)}"
        left.plot(time, one.difference, label="difference", linewidth=2.5, alpha=0.4)
        left.plot(time, one.partial, label="partial", linewidth=0.8)
        left.set(title=title, xlabel="seconds")
        left.legend(loc="upper right")
        errors = np.where(one.settled & (one.relative > 0), one.relative, np.nan)
        highest = 2 * max(report.tolerance, one.relative.max(initial=0.0))
        right.set(title=f"relative error, {title}", xlabel="seconds")
        right.set(yscale="log", ylim=(1e-17, np.clip(highest, 1e-15, 1e15)))
        right.plot(time, errors, ".", markersize=2)
        right.axhline(report.tolerance, color="red", linewidth=0.8)
    return png(figure)


def _worst(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """As many as a page can hold, in their order."""
    ranked = sorted(comparisons, key=lambda one: -one.relative.max(initial=0.0))
    kept = {id(one) for one in ranked[:DRAWN]}
    return [one for one in comparisons if id(one) in kept]
