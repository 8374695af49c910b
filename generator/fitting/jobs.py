"""Many fits that have nothing to do with each other, and fits for each entry of menus.

Each process fits, writes the folder of what it found, and gives back a line: no signal travels.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from .fit import Fit, fit
from .objective import Record
from .outputs import ExtraFiles, write_results
from .pool import Pool, Shared
from .report import summary
from .setup import Options, Setup
from .subject import Menu, Subject, choices


@dataclass(frozen=True)
class FitJob:
    """One of many fits: what is fitted, how, and the folder `out` that it leaves."""

    name: str
    subject: Shared[Subject]
    setup: Setup
    menus: tuple[Menu, ...]
    options: Options
    out: Path
    extras: ExtraFiles


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `failure` says why it could not be done."""

    name: str
    line: str = ""
    kind: str = ""
    loss: float = 0.0
    error: float = 0.0
    passes: float = 0.0
    values: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    interrupted: bool = False
    failure: str = ""


def fit_menus(
    setup: Setup,
    menus: Sequence[Menu],
    options: Options,
    *,
    pool: Pool | None = None,
    record: Record | None = None,
) -> Fit:
    """The best fit over all entries of menus; as `fit` without any."""
    if not menus:
        return fit(setup, options, pool=pool, record=record)
    best: Fit | None = None
    chosen: Mapping[str, float] = {}
    refused: InputError | None = None
    for entry, values in choices(setup, menus):
        try:
            result = fit(entry, options, pool=pool)
        except InputError as error:
            refused = error
            continue
        if best is None or result.loss < best.loss:
            best, chosen = result, values
        if result.interrupted or result.error < 1e-10:
            break
    if best is None:
        assert refused is not None
        raise refused
    notes = [f"'{menu.label}' is {chosen[menu.path]:g}: it explains most" for menu in menus]
    return replace(best, notes=(*notes, *best.notes))


def run_job(job: FitJob) -> Outcome:
    """Fits and writes, in any process."""
    # One thread for each process: the processes are the parallel part.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        result = fit_menus(job.setup, job.menus, job.options)
        write_results(job.out, job.subject.value, result, job.extras)
    except InputError as error:
        return Outcome(job.name, failure=str(error))
    except OSError as error:
        return Outcome(job.name, failure=f"{job.out}: cannot be written: {error.strerror}")
    return Outcome(
        job.name,
        f"{result.verdict.line}; {summary(job.setup, result)[0]}",
        result.verdict.kind,
        result.loss,
        result.error,
        result.passes,
        result.values,
        result.warnings,
        result.interrupted,
    )


def run_jobs(jobs: Sequence[FitJob], pool: Pool, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """All outcomes, in order; Ctrl-C ends them, and those that are done are kept."""
    outcomes: list[Outcome] = []
    try:
        for one in pool.map(run_job, [(job,) for job in jobs]):
            outcomes.append(one)
            tell(one)
            if one.interrupted:
                break
    except KeyboardInterrupt:
        if not outcomes:
            raise
    for job in jobs[len(outcomes) :]:
        outcomes.append(Outcome(job.name, failure="interrupted before it was done"))
        tell(outcomes[-1])
    return outcomes


def table_csv(labels: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """A line for each outcome that is one."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["name", "verdict", "loss", "error_to_signal", "passes", *labels])
    for one in outcomes:
        if not one.failure:
            writer.writerow([one.name, one.kind, one.loss, one.error, one.passes, *one.values])
    return rows.getvalue()
