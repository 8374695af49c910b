"""What `verify` found, as a table, as CSV and as a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Display

from ..drawing import canvas, literal_label, png
from .partial_comparison import PartialComparison
from .verification import VerificationReport

#: Comparisons in a plot.
MAX_PLOTTED = 24


def print_report(report: VerificationReport, console: Console | None = None) -> None:
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
            f"{_verdict_text(one)}\n",
            f"sample     {worst}\nvalue      {report.values[one.output, worst]:.8g}\n"
            f"partial    {one.partial[worst]:.8g}\ndifference {one.difference[worst]:.8g}",
            "\n".join(errors),
        )
    console.print(display)
    for mode in report.modes:
        colour, word = ("green", "agrees") if mode.agrees else ("red", "differs")
        label = escape(mode.parameter.label)
        console.print(f"reverse mode [{colour}]{word}[/] by {label}, to {mode.relative:.1e}")
    for remark in report.remarks:
        console.print(escape(remark))
    _print_settings(report, console)


def _verdict_text(one: PartialComparison) -> str:
    colour = {"agrees": "green", "differs": "red"}.get(one.verdict, "yellow")
    lines = [f"[{colour}]{one.verdict}[/]"]
    if one.unsettled:
        lines.append(f"{one.unsettled} of {one.partial.size} unsettled")
    if one.acts and one.idle:
        lines.append("flat here; acts at other values")
    if one.jumps.any():
        lines.append("acts by jumps alone" if one.idle else "at a jump: compared beside it")
    if one.by_slope:
        lines.append("off by the slope for a staircase")
    if one.stairs and (one.unsettled or one.idle or one.verdict != "agrees"):
        lines.append(f"a staircase: {escape(', '.join(one.stairs))}")
    if one.moved:
        lines.append("no effect where asked; compared elsewhere")
    return "\n".join(lines)


def _print_settings(report: VerificationReport, console: Console) -> None:
    """Says at which settings parameters were compared that had no effect."""
    places: dict[str, list[str]] = {}
    for one in report.comparisons:
        if one.moved:
            text = ", ".join(f"{path}={value:.6g}" for path, value in one.moved.items())
            places.setdefault(text, []).append(one.parameter.label)
    for text, labels in places.items():
        names = ", ".join(dict.fromkeys(labels))
        console.print(escape(f"without effect where asked: {names}; compared at {text}"))


def csv_text(report: VerificationReport) -> str:
    """The table of a report, with all digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    errors = [
        f"{kind}_{what}" for kind in ("absolute", "relative") for what in ("mean", "std", "max")
    ]
    at_worst = ["worst_sample", "value", "partial", "difference"]
    writer.writerow(
        ["output", "parameter", "at", *errors, *at_worst, "unsettled", "verdict", "holds"]
    )
    for one in report.comparisons:
        worst = one.worst
        numbers = [
            number
            for array in (one.absolute, one.relative)
            for number in (array.mean(), array.std(), array.max())
        ]
        at = [report.values[one.output, worst], one.partial[worst], one.difference[worst]]
        verdict = [one.unsettled, one.verdict, str(one.holds).lower()]
        row = [*map(float, numbers), worst, *map(float, at), *verdict]
        writer.writerow([one.output + 1, one.parameter.path, one.value, *row])
    return text.getvalue()


def plot(report: VerificationReport) -> bytes:
    """A PNG: for each comparison the partial and the difference over time, and their error."""
    shown = _worst(report.comparisons)
    count = len(shown)
    figure = canvas(10, 2.6 * count + 0.6)
    if count < len(report.comparisons):
        figure.suptitle(f"the worst {count} of {len(report.comparisons)}")
    axes = figure.subplots(count, 2, squeeze=False)
    for (left, right), one in zip(axes, shown, strict=True):
        time = np.arange(one.partial.size) / report.rate
        title = f"output {one.output + 1} by {literal_label(one.parameter.label)}"
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


def _worst(comparisons: Sequence[PartialComparison]) -> list[PartialComparison]:
    """As many as a page can hold, in their order."""
    ranked = sorted(comparisons, key=lambda one: -one.relative.max(initial=0.0))
    kept = {id(one) for one in ranked[:MAX_PLOTTED]}
    return [one for one in comparisons if id(one) in kept]
