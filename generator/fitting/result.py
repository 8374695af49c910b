"""A fit as Python gets it: values by name, signals as arrays, a plot, a view in a notebook."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, Place, Problem
from ..recordings import Recording, open_recording, write_audio
from .catalogue import parse_loss
from .dual_runs import DualSource
from .fit import Fit
from .jobs import fit_menus
from .pairing import Example, pair
from .pool import Pool
from .setup import OPTIMIZERS, Options, Setup
from .subject import Subject, source_of
from .value_text import value_text
from .verdict import Verdict

Array = NDArray[np.float64]


#: What a file of sound can hold: an array with more is one whose frames come first.
MAX_CHANNELS = 1024
ARRAY_HINT = "give arrays of floats (frames,) or (channels, frames)"


@dataclass(frozen=True)
class FitResult:
    """What was found.

    `values` and `errors` (standard errors, None where they are not known) are by label, or by path
    where a label stands for several. `verdict.kind` is "found", "found, with noise",
    "found, in a lossy format", "found, but for another structure", "found, by spectra" or
    "poor match", `verdict.causes` are the likely causes of that. `latency` is how many samples the
    first target is late. `output` and `target` (channels, frames) are those of the first example,
    aligned; `error` is the error-to-signal ratio in energy. `program` is the
    text with the values as those that its sliders start at. `details` is all that is known.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float | None]
    verdict: Verdict
    error: float
    latency: float
    inverted: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    program: str = field(repr=False)
    output: Array = field(repr=False)
    target: Array = field(repr=False)
    details: Fit = field(repr=False)

    @staticmethod
    def of(subject: Subject, fit: Fit) -> FitResult:
        """The result of a fit, with all that needs the recordings, which may go afterwards."""
        labels = [one.label for one in fit.params]
        names = [one.label if labels.count(one.label) == 1 else one.path for one in fit.params]
        assert fit.inspection is not None
        return FitResult(
            dict(zip(names, fit.values, strict=True)),
            dict(zip(names, fit.errors, strict=True)),
            fit.verdict,
            fit.error,
            fit.latencies[0],
            fit.setup.examples[0].inverted,
            fit.notes,
            fit.warnings,
            subject.with_initial_values(fit.setup, fit.values).text,
            fit.inspection.outputs[0],
            fit.inspection.targets[0],
            fit,
        )

    @property
    def residual(self) -> Array:
        """Output minus target (channels, frames)."""
        return self.output - self.target

    def plot(self) -> Any:
        """Loss, parameters and spectra as a figure of matplotlib."""
        from .plots import figure

        return figure(self.details.setup, self.details)

    def report(self, title: str = "fit") -> str:
        """The report as a page of HTML, without anything from elsewhere."""
        from .report_page import report_page

        return report_page(self.details.setup, self.details, title, ())

    def _repr_html_(self) -> str:
        """The verdict and the values, for a notebook."""
        digits = self.verdict.digits
        rows = "".join(
            f"<tr><td>{escape(name)}</td>"
            f"<td>{escape(value_text(value, error, one.unit, digits))}</td>"
            f"<td>{one.min:g} .. {one.max:g}</td></tr>"
            for one, (name, value), error in zip(
                self.details.params, self.values.items(), self.errors.values(), strict=True
            )
        )
        remarks = [*self.verdict.causes, *self.notes, *self.warnings]
        lines = "".join(f"<li>{escape(one)}</li>" for one in remarks)
        listed = f"<ul>{lines}</ul>" if lines else ""
        head = "<tr><th>parameter</th><th>value</th><th>range</th></tr>"
        return (
            f"<p><strong>{escape(self.verdict.line)}</strong></p>"
            f"<table>{head}{rows}</table>{listed}"
        )


def fit_arrays(
    subject: Subject,
    inputs: object,
    targets: object,
    rate: int,
    loss: str,
    options: Options,
    jobs: int,
    wanted: Mapping[str, Any],
) -> FitResult:
    """A fit to arrays, which are recordings while it lasts; `wanted` is what `source_of` takes."""
    parse_loss(loss)
    if options.optimizer not in OPTIMIZERS:
        what = f"no optimizer '{options.optimizer}'"
        hint = f"optimizers: {', '.join(OPTIMIZERS)}"
        raise InputError([Problem(Place("fit"), what, hint)])
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
        work = Path(folder)
        source, menus = source_of(
            subject, **wanted, cache=work, gradient_alone=options.gradient_alone
        )
        examples = examples_of(inputs, targets, rate, source, work)
        setup = Setup(source, examples, loss, (), subject.file or subject.name)
        return FitResult.of(subject, fit_menus(setup, menus, options, pool=Pool(jobs)))


def examples_of(
    inputs: object, targets: object, rate: int, source: DualSource, work: Path
) -> tuple[Example, ...]:
    """Arrays as examples: written to the folder `work` as they are, and opened as recordings.

    Raises `InputError` as recordings do, and for counts that do not match.
    """
    if rate < 1:
        raise _refusal("fit", f"{rate} is no sample rate", "give it in Hz, as 44100")
    wanted = _signals(targets)
    given: list[Array] | list[None] = [None] * len(wanted)
    if inputs is not None:
        given = _signals(inputs)
    if len(given) != len(wanted):
        what = f"there are {len(given)} inputs and {len(wanted)} targets"
        raise InputError([Problem(Place("fit"), what, "give one input for each target")])
    examples = []
    for index, (one, other) in enumerate(zip(given, wanted, strict=True)):
        feed = None
        if one is not None and source.inputs:
            feed = _write_arrays(work / f"input-{index + 1}.wav", one, rate)
        goal = _write_arrays(work / f"target-{index + 1}.wav", other, rate)
        examples.append(pair(feed, goal, source.inputs, source.outputs, work))
    return tuple(examples)


def _signals(given: object) -> list[Array]:
    """One array, or a list of arrays, as a list of arrays (channels, frames)."""
    several = isinstance(given, Sequence) and len(given) > 0 and np.ndim(given[0]) > 0
    items: Sequence[ArrayLike] = given if several else [given]  # type: ignore[assignment, list-item]
    return [_signal(one) for one in items]


def _signal(given: ArrayLike) -> Array:
    """Real numbers (frames,) or (channels, frames) as an array (channels, frames)."""
    try:
        signal = np.atleast_2d(np.asarray(given))
    except ValueError:
        raise _refusal("a signal", "is no array of numbers", ARRAY_HINT) from None
    if signal.dtype.kind != "f":
        integers = signal.dtype.kind in "iu" and bool(signal.size)
        # Samples of 8, 16 or 32 bits, as files hold them; a list of small whole numbers is none.
        if integers and isinstance(given, np.ndarray) and np.abs(signal.astype(float)).max() > 1:
            hint = "divide by the largest one of the type, as 32768 of int16"
            raise _refusal("a signal", f"has whole numbers ({signal.dtype}), not -1 .. 1", hint)
        if signal.dtype.kind not in "iub":
            raise _refusal("a signal", f"has no real numbers but {signal.dtype}", ARRAY_HINT)
    if signal.ndim != 2 or not signal.size:
        raise _refusal("a signal", f"has the shape {np.shape(given)}", ARRAY_HINT)
    if len(signal) > MAX_CHANNELS:
        hint = "channels come first: give its transpose"
        raise _refusal("a signal", f"has the shape {np.shape(given)}", hint)
    return signal.astype(float)


def _refusal(where: str, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(where), what, hint)])


def _write_arrays(path: Path, signal: Array, rate: int) -> Recording:
    write_audio(path, iter([signal]), len(signal), rate, "DOUBLE")
    return open_recording(path)
