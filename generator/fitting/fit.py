"""A fit: from a program, examples and options to parameters, and what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..autodiff import Parameter
from .alignment import MAX_SAMPLES
from .attempts import PITCH_REASON, Attempt, Attempts
from .clock import drift
from .dual_runs import model_of
from .identifiability import Unidentifiable, find_unidentifiable
from .inspection import Inspection, inspect
from .losses import Residual
from .lossy import lossy, without_bias
from .objective import Iteration, Record, SearchEndError
from .pitch import FEWEST_SAMPLES, pitch
from .pool import Pool
from .searcher import closed_gates
from .setup import Options, Setup
from .starting import require_finite
from .verdict import DRIFT_ERROR, NOTHING_LEFT, Verdict, drifting, judge, lateness

Array = NDArray[np.float64]

#: Pitches that differ by this part of them are the same.
SAME_PITCH = 1e-3
#: A parameter is at an end of its range if it is nearer to it than this part of the range.
END_DISTANCE = 1e-6


@dataclass(frozen=True)
class Fit:
    """What was found.

    `errors` are standard errors of the values (None where they are not known). `loss` and `error`
    are those at `values`; `verdict` says what that means. `setup` is that of the best attempt, and
    `latencies` are those of its targets in samples. `notes` say what was done to the recordings and
    the program, `warnings` what to be careful about. `interrupted` after Ctrl-C.
    """

    setup: Setup
    params: tuple[Parameter, ...]
    values: tuple[float, ...]
    errors: tuple[float | None, ...]
    loss: float
    error: float
    validation: float | None
    passes: float
    seconds: float
    reason: str
    verdict: Verdict
    latencies: tuple[float, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    iterations: tuple[Iteration, ...]
    skipped: int = 0
    interrupted: bool = False
    inspection: Inspection | None = field(default=None, repr=False, compare=False)

    @property
    def by_path(self) -> dict[str, float]:
        """The values by path."""
        return {one.path: value for one, value in zip(self.params, self.values, strict=True)}


def fit(
    setup: Setup,
    options: Options,
    *,
    pool: Pool | None = None,
    record: Record | None = None,
) -> Fit:
    """Searches for the parameters of `setup`.

    `record` may come from a checkpoint, or have listeners; Ctrl-C ends the search, and the best of
    it is returned. Raises `InputError` if the program diverges or its parameters cannot be known.
    """
    if record is None:
        record = Record(options.passes_limit, options.patience)
    setup, notes = open_gates(setup)
    attempts = Attempts(options, pool or Pool(1), record)
    interrupted = False
    reason = ""
    try:
        attempts.run(setup)
    except SearchEndError as end:
        reason = str(end)
    except KeyboardInterrupt:
        if not attempts.finished:
            raise
        reason, interrupted = "interrupted", True
    best = attempts.best()
    assert best is not None
    return _conclude(best, attempts, reason or best.reason, notes, interrupted)


def open_gates(setup: Setup) -> tuple[Setup, list[str]]:
    """With buttons and checkboxes on, if the program is silent otherwise; and a note of that."""
    model = model_of(setup.source)
    gates = closed_gates(model)
    if not gates:
        return setup, []
    values = np.array([one.init for one in setup.source.params])
    if any(model.output(values, one, MAX_SAMPLES).any() for one in setup.examples):
        return setup, []
    paths = {one.path: 1.0 for one in model.program.controls if one.label in gates}
    source = replace(setup.source, settings={**setup.source.settings, **paths})
    opened = model_of(source)
    if not any(opened.output(values, one, MAX_SAMPLES).any() for one in setup.examples):
        return setup, []
    names = ", ".join(f"'{name}'" for name in gates)
    return replace(setup, source=source), [f"the program is silent with {names} off: it is on"]


def _conclude(
    best: Attempt, attempts: Attempts, reason: str, notes: list[str], interrupted: bool
) -> Fit:
    """The fit that the best attempt amounts to: over all samples."""
    setup, units, record, options = best.setup, best.units, attempts.record, attempts.options
    objective, sliders, spread = setup.objective(), len(best.setup.source.params), None
    if lossy(setup.examples) and setup.compares_samples and best.best.error > NOTHING_LEFT:
        units, spread = without_bias(setup, units)
    sums = best.sums
    if sums is None or units is not best.units or not best.whole or options.optimizer != "lm":
        sums = objective(units)
    require_finite(objective, units, sums, setup.labels, setup.file)
    values = objective.scales.values(units)
    loss = setup.measure
    filters = replace(loss, emphasis=0.0, relative=False) if isinstance(loss, Residual) else None
    inspection = inspect(model_of(setup.source), values, setup.examples, filters)
    error = _error(inspection)
    warnings = list(attempts.warnings)
    left = find_unidentifiable(sums.curvature) if setup.source.partials else Unidentifiable()
    near = (units[:sliders] < END_DISTANCE) | (units[:sliders] > 1 - END_DISTANCE)
    ends = [setup.labels[i] for i in np.flatnonzero(near)]
    hints = []
    if reason.endswith("are spent") or interrupted:
        hints.append("the search is not over: let it go on, or allow more with --passes")
    if ends:
        hints.append(f"at an end of the range: {', '.join(ends)}; is the range wide enough?")
    if options.starts == 1 and options.optimizer == "lm":
        hints.append("the search may be in another minimum: try --starts 256")
    aligned = options.align and not options.batch
    verdict = _verdict(setup, inspection, error, hints, aligned)
    if left:
        warnings.append(_what_is_unknown(left.describe(setup.labels), best))
    if ends and verdict.good:
        warnings.append(hints[0])
    latencies = _latencies(setup, values)
    errors: tuple[float | None, ...] = (None,) * len(values)
    if verdict.good and not left and verdict.kind != "found, but for another structure":
        errors = _standard_errors(setup, inspection, spread, objective.scales.slopes(units))
    if record.skipped:
        warnings.append(f"{record.skipped} steps that were not finite were skipped")
    return Fit(
        setup,
        setup.source.params,
        tuple(map(float, values[:sliders])),
        errors[:sliders],
        sums.loss,
        error,
        objective.validation(units),
        record.iterations[-1].passes,
        record.iterations[-1].seconds,
        reason,
        verdict,
        latencies,
        (*notes, *_mode(setup), *_corrections(setup, latencies, inspection)),
        tuple(warnings),
        tuple(record.iterations),
        record.skipped,
        interrupted,
        inspection,
    )


def _standard_errors(
    setup: Setup, inspection: Inspection, spread: Array | None, slopes: Array
) -> tuple[float | None, ...]:
    """Of the values (P,): by what is left over, or by the `spread` of units behind a format."""
    if spread is not None:
        return tuple(map(float, spread * slopes))
    return inspection.standard_errors() if setup.tells_errors else (None,) * len(slopes)


def _latencies(setup: Setup, values: Array) -> tuple[float, ...]:
    """How late the targets are, in samples."""
    sought = values[len(setup.source.params) :] if setup.latency else np.zeros(len(setup.examples))
    return tuple(one.advance + float(lag) for one, lag in zip(setup.examples, sought, strict=True))


def _what_is_unknown(described: str, best: Attempt) -> str:
    """What a loss does not tell at the result; of a sound that is tuned, the pitch may."""
    if best.reason == PITCH_REASON:
        return f"{described}: found by the pitch"
    return f"not identifiable at the result: {described}"


def _mode(setup: Setup) -> list[str]:
    """The mode of differentiation, if there was a choice, with the operations that were counted."""
    if not setup.source.gradient:
        return []
    notes = [f"gradients are by {setup.source.gradient}"]
    if not setup.source.partials:
        notes.append("latency, standard errors and what can be told apart are not looked for")
    return notes


def _error(inspection: Inspection) -> float:
    wanted = inspection.target_energy
    return inspection.energy / wanted if wanted else np.inf


def _verdict(
    setup: Setup,
    inspection: Inspection,
    error: float,
    hints: list[str],
    aligned: bool,
) -> Verdict:
    if setup.compares_samples:
        return judge(inspection, setup.examples, error, hints, aligned)
    if error <= NOTHING_LEFT and inspection.samples > len(setup.params):
        return Verdict("found", error)
    # Losses that compare no samples have scales of their own: one measure judges them all.
    pairs = list(zip(inspection.outputs, inspection.targets, strict=True))
    difference = setup.windows.difference(pairs, level=setup.judges_level)
    if inspection.samples < FEWEST_SAMPLES:
        causes = [f"{inspection.samples} samples are too few to know a spectrum"]
    elif difference.matches:
        return Verdict("found, by spectra", error, difference=difference)
    else:
        causes = [*_audible_likeness(setup, pairs), *hints]
    return Verdict("poor match", error, causes=tuple(causes), difference=difference)


def _audible_likeness(setup: Setup, pairs: Sequence[tuple[Array, Array]]) -> list[str]:
    """What is alike in sounds whose spectra differ."""
    scaled = setup.windows.difference(pairs, level=False)
    if scaled.matches:
        way = "louder" if scaled.louder > 0 else "softer"
        what = f"the target is the same sound, {abs(scaled.louder):.2g} dB {way}"
        return [f"{what}: is there a slider for that?"]
    rate = setup.examples[0].rate
    mine, its = (pitch(one[0], rate) for one in pairs[0])
    if mine is None or its is None or abs(mine / its - 1) > SAME_PITCH:
        return []
    return [f"the pitch is that of the target, {its:.6g} Hz: the timbre or the envelope is another"]


def _corrections(setup: Setup, latencies: Sequence[float], inspection: Inspection) -> list[str]:
    """What was undone to the recordings, in words."""
    notes = []
    for index, (one, latency) in enumerate(zip(setup.examples, latencies, strict=True)):
        which = f"{one.target.path.name}: " if len(setup.examples) > 1 else ""
        notes += [which + note for note in one.notes]
        shown = round(latency, 2)
        if shown:
            notes.append(f"{which}{lateness(shown, one.rate)}; this is undone")
        if one.inverted:
            whole = all(sign < 0 for sign in one.signs)
            channels = [str(i + 1) for i, sign in enumerate(one.signs) if sign < 0]
            what = "the target" if whole else f"channel {', '.join(channels)} of the target"
            notes.append(f"{which}{what} is inverted; this is undone")
        if one.drift:
            notes.append(f"{which}{drifting(one.drift)}; this is undone")
        elif 1e-6 < _error(inspection) < DRIFT_ERROR:
            ppm = drift(inspection.outputs[index], inspection.targets[index], one.rate)
            notes += [f"{which}{drifting(ppm)}"] if ppm else []
    return notes
