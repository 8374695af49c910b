"""What a fit leaves as text: values, iterations, and what a terminal shows."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from .fit import Fit
from .setup import Setup
from .value_text import value_text

if TYPE_CHECKING:
    from rich.table import Table as Display


def values_json(setup: Setup, fit: Fit) -> str:
    """The fitted values and how good they are."""
    parameters = [
        {
            "path": one.path,
            "label": one.label,
            "value": value,
            "standard_error": error,
            "unit": one.unit,
            "init": one.init,
            "min": one.min,
            "max": one.max,
        }
        for one, value, error in zip(fit.params, fit.values, fit.errors, strict=True)
    ]
    content = {
        "parameters": parameters,
        "loss": {"name": setup.loss, "value": fit.loss, "validation": fit.validation},
        "error_to_signal": fit.error,
        "passes": round(fit.passes, 3),
        "iterations": len(fit.iterations),
        "seconds": round(fit.seconds, 3),
        "ended": fit.reason,
        "verdict": fit.verdict.kind,
        "spectra": _spectra(fit),
        "causes": list(fit.verdict.causes),
        "latencies": list(fit.latencies),
        "inverted": [one.inverted for one in fit.setup.examples],
        "skipped_steps": fit.skipped,
        "notes": list(fit.notes),
        "warnings": list(fit.warnings),
    }
    return json.dumps(content, indent=2) + "\n"


def _spectra(fit: Fit) -> dict[str, float | None] | None:
    """How the spectra differ; None for what is no number, as where one of two sounds is silent."""
    if fit.verdict.difference is None:
        return None
    numbers = asdict(fit.verdict.difference)
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def iterations_csv(fit: Fit) -> str:
    """One line per iteration."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["iteration", "stage", "passes", "seconds", "loss", "error_to_signal", "validation"]
    writer.writerow([*head, *(one.label for one in fit.params)])
    for one in fit.iterations:
        validation = "" if one.validation is None else repr(one.validation)
        numbers = [f"{one.passes:.4f}", f"{one.seconds:.3f}", repr(one.loss), repr(one.error)]
        writer.writerow([one.number, one.stage, *numbers, validation, *map(repr, one.values)])
    return text.getvalue()


def table(fit: Fit) -> Display:
    """The fitted values, for a terminal."""
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table as Display

    display = Display(box=SIMPLE, pad_edge=False)
    for heading in ("parameter", "value", "start", "range"):
        display.add_column(heading, justify="left" if heading == "parameter" else "right")
    for one, value, error in zip(fit.params, fit.values, fit.errors, strict=True):
        display.add_row(
            escape(one.label),
            escape(value_text(value, error, one.unit, fit.verdict.digits)),
            f"{one.init:g}",
            f"{one.min:g} .. {one.max:g}",
        )
    return display


def summary(setup: Setup, fit: Fit) -> list[str]:
    """What there is to say below the table."""
    by_spectra = fit.verdict.difference is not None
    left = f"{'spectra differ by' if by_spectra else 'error to signal'} {fit.verdict.rest}"
    lines = [
        f"{setup.loss} {fit.loss:.4g}, {left}, "
        f"{fit.passes:.1f} passes, {fit.seconds:.1f} s: {fit.reason}",
    ]
    if fit.validation is not None:
        lines.append(f"validation: {setup.loss} {fit.validation:.4g}")
    return lines
