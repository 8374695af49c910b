"""What a fit leaves: values, iterations, plot and report, as texts and images."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as Display

from ..drawing import canvas, plain, png
from ..resources import resource
from .fit import Fit
from .model import model_of
from .pairing import Example
from .scales import Scales
from .setup import Setup
from .verdict import decibels

Array = NDArray[np.float64]

#: The window of the spectra, in samples.
WINDOW = 4096


class Spectrum:
    """The mean power spectrum of a signal that comes in blocks, over all channels.

    Welch, "The use of fast Fourier transform for the estimation of power spectra" (1967), with a
    Hann window and no overlap.
    """

    def __init__(self) -> None:
        self._total = np.zeros(WINDOW // 2 + 1)
        self._count = 0
        self._waiting: Array | None = None

    def feed(self, signal: Array) -> None:
        """The next samples (channels, n)."""
        if self._waiting is not None:
            signal = np.concatenate([self._waiting, signal], axis=1)
        while signal.shape[1] >= WINDOW:
            self._add(signal[:, :WINDOW])
            signal = signal[:, WINDOW:]
        self._waiting = signal

    def _add(self, piece: Array) -> None:
        self._total += (np.abs(np.fft.rfft(piece * np.hanning(WINDOW))) ** 2).mean(axis=0)
        self._count += 1

    def decibels(self) -> Array:
        """The spectrum (WINDOW / 2 + 1,) in dB, relative to a sine of amplitude 1."""
        if not self._count and self._waiting is not None:
            missing = WINDOW - self._waiting.shape[1]
            self._add(np.pad(self._waiting, ((0, 0), (0, missing))))
        mean = self._total / max(self._count, 1) / (WINDOW / 4) ** 2
        return np.asarray(10 * np.log10(np.maximum(mean, 1e-20)), float)


@dataclass(frozen=True)
class Spectra:
    """Spectra of target and result in dB, by `hertz`."""

    hertz: Array
    target: Array
    result: Array


class Listener:
    """Runs the result on the examples once, and takes the spectra on the way."""

    def __init__(self, setup: Setup, values: Sequence[float]) -> None:
        self._model, self._values = model_of(setup.source), np.array(values)
        self._rate = setup.examples[0].rate
        self._target, self._result = Spectrum(), Spectrum()

    def blocks(self, one: Example) -> Iterator[Array]:
        """The outputs (outputs, n) for an example."""
        for output, _, target, _ in self._model.runs(self._values, one):
            self._target.feed(target)
            self._result.feed(output)
            yield output

    def spectra(self) -> Spectra:
        """Of all that was heard."""
        hertz: Array = np.asarray(np.fft.rfftfreq(WINDOW, 1 / self._rate), float)
        return Spectra(hertz, self._target.decibels(), self._result.decibels())


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
        "causes": list(fit.verdict.causes),
        "latencies": list(fit.latencies),
        "inverted": [one.inverted for one in fit.setup.examples],
        "skipped_steps": fit.skipped,
        "notes": list(fit.notes),
        "warnings": list(fit.warnings),
    }
    return json.dumps(content, indent=2) + "\n"


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


def plot(setup: Setup, fit: Fit, spectra: Spectra) -> bytes:
    """A PNG: loss and parameters by passes, spectra of target and result."""
    figure = canvas(9, 10)
    losses, values, sound = figure.subplots(3, 1)
    scales = Scales(setup.source.params, setup.file)
    stages = list(dict.fromkeys(one.stage for one in fit.iterations))
    for stage in stages:
        some = [one for one in fit.iterations if one.stage == stage]
        losses.semilogy(
            [one.passes for one in some],
            [max(one.loss, 1e-300) for one in some],
            ".-",
            label=stage,
        )
    checked = [one for one in fit.iterations if one.validation is not None]
    if checked:
        levels = [one.validation for one in checked]
        losses.semilogy([one.passes for one in checked], levels, "k--", label="validation")
    losses.set(xlabel="passes", ylabel=f"loss ({setup.loss})")
    losses.legend(fontsize="small")
    passes = [one.passes for one in fit.iterations]
    units = np.array([scales.units(one.values) for one in fit.iterations])
    for index, one in enumerate(fit.params):
        values.plot(passes, units[:, index], ".-", label=plain(one.label))
    values.set(xlabel="passes", ylabel="part of the slider's range", ylim=(-0.03, 1.03))
    values.legend(fontsize="small", ncols=2)
    sound.semilogx(spectra.hertz[1:], spectra.target[1:], label="target", linewidth=2.5, alpha=0.4)
    sound.semilogx(spectra.hertz[1:], spectra.result[1:], label="result", linewidth=0.8)
    highest = float(max(spectra.target.max(), spectra.result.max()))
    sound.set(xlabel="Hz", ylabel="dB", xlim=(20, None), ylim=(highest - 120, highest + 5))
    sound.legend(fontsize="small")
    return png(figure)


def html(setup: Setup, fit: Fit, image: bytes, title: str, files: Sequence[str]) -> str:
    """The report: one page without anything from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(resource("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    rows = list(zip(fit.params, fit.values, fit.errors, strict=True))
    return environment.get_template("fit.html.jinja").render(
        title=title,
        fit=fit,
        loss=setup.loss,
        rows=rows,
        examples=setup.examples,
        files=files,
        decibels=decibels(fit.error),
        image=base64.b64encode(image).decode("ascii"),
    )


def table(fit: Fit) -> Display:
    """The fitted values, for a terminal."""
    display = Display(box=SIMPLE, pad_edge=False)
    for heading in ("parameter", "value", "standard error", "start", "range"):
        display.add_column(heading, justify="left" if heading == "parameter" else "right")
    for one, value, error in zip(fit.params, fit.values, fit.errors, strict=True):
        display.add_row(
            escape(one.label),
            escape(f"{value:.6g} {one.unit}".strip()),
            "" if error is None else f"{error:.1e}",
            f"{one.init:g}",
            f"{one.min:g} .. {one.max:g}",
        )
    return display


def summary(setup: Setup, fit: Fit) -> list[str]:
    """What there is to say below the table."""
    lines = [
        *fit.notes,
        f"{setup.loss} {fit.loss:.4g}, error to signal {decibels(fit.error)}, "
        f"{fit.passes:.1f} passes, {fit.seconds:.1f} s: {fit.reason}",
    ]
    if fit.validation is not None:
        lines.append(f"validation: {setup.loss} {fit.validation:.4g}")
    return lines
