"""The command `fit`."""

from __future__ import annotations

import itertools
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..errors import InputError, Problem
from ..files import make_folder, name_of
from ..fitting.checkpoint import checkpoint, restore
from ..fitting.dual_runs import DualSource, model_of
from ..fitting.examples import ExampleMaker, folders
from ..fitting.fit import Fit
from ..fitting.jobs import FitJob, Outcome, fit_menus, run_jobs, table_csv
from ..fitting.losses import Residual
from ..fitting.objective import Record
from ..fitting.outputs import ExtraFiles, write_results
from ..fitting.pairing import Example
from ..fitting.pool import Pool, Shared, open_pool
from ..fitting.report import summary, table
from ..fitting.setup import Options, Setup
from ..fitting.subject import Menu, Subject, source_of
from .fit_options import ONLINE_RATE, Request, fit_options
from .options import (
    EXIT_NOT_HELD,
    chosen_compiler,
    named_values,
    parameter_options,
    program_options,
    read_source,
    read_table,
    refuse,
    runs_programs,
    table_options,
    usable_input,
    write_whole,
)

#: The exit status of a fit that explains less than is asked for.
POOR_MATCH = 3
INTERRUPTED_MESSAGE = "interrupted: nothing was fitted yet, nothing is written"
#: A checkpoint is not written more often, in seconds.
CHECKPOINT_INTERVAL = 1.0

#: The examples of one of many fits, under its name.
ExampleSet = tuple[str, tuple[Example, ...]]


@click.command("fit")
@program_options
@parameter_options
@fit_options
@table_options
@runs_programs
def fit_command(**given: Any) -> None:
    """Find the sliders of PROGRAM that turn the input into the target.

    Fits the sliders marked [diff:1] or [diff:on] in their label, or chosen by --param or --all, by
    least squares within their ranges. A [scale:log] slider is searched by ratios. The folder --out
    gets the values, the program with them as defaults, the resulting sound, every iteration as CSV,
    and a report that opens offline. Ctrl-C keeps the best so far.

    Latency and polarity of the target, other rates, lengths and channels are found out, undone, and
    said. The first line is the verdict: found, found with noise, or poor match with likely causes.

    \b
    Examples:
      faustdiff fit filter.dsp --input dry.wav --target wet.wav
      faustdiff fit voice.dsp --target note.wav --starts 256
      faustdiff fit amp.dsp --input a.wav --target b.wav --input c.wav --target d.wav --loss esr
      faustdiff fit filter.dsp --input noise --ground-truth truth.dsp --online
      faustdiff fit string.dsp --input plucks/ --target notes/ --jobs 4

    Exits with 0 when found, with 1 if interrupted or if some of many fits cannot be done, with 2 if
    program, recordings or options cannot be used, with 3 if the match is poor, or not what
    --require asks for.
    """
    request = Request(**given)
    request.require_consistent()
    rules = read_table(request.table, request.extensions)
    program = request.program
    with (
        usable_input(*filter(None, (program, request.truth))),
        _interruptible(),
        tempfile.TemporaryDirectory(prefix="faustdiff-") as folder,
        open_pool(request.jobs or os.cpu_count() or 1, request.scheduler) as pool,
    ):
        subject = Subject(
            read_source(program),
            name_of(program),
            str(program),
            chosen_compiler(request.compiler),
            (program.parent, *request.include),
            rules,
        )
        status = _run(request, subject, Path(folder), pool)
    sys.exit(status)


def _run(request: Request, subject: Subject, work: Path, pool: Pool) -> int:
    """Fits what is asked for; the exit status."""
    out = request.out or Path(f"{subject.name}.fit")
    settings = dict(named_values("--set", request.settings))
    source, menus = source_of(
        subject,
        request.params,
        request.all_continuous,
        settings,
        request.menus,
        work,
        request.gradient,
        request.options.gradient_alone and not request.online,
    )
    maker = ExampleMaker(
        work,
        source.inputs,
        source.outputs,
        subject.compiler,
        request.include,
        request.seconds,
        request.rate,
        read_source,
    )
    if request.many:
        sets, refused = _example_sets(request, maker)
        return _fit_all(_jobs(request, subject, sets, source, menus, out), refused, pool, out)
    others = _validation_examples(maker, request.other_inputs, request.other_targets, work)
    examples = maker.examples(request.inputs, request.targets, request.truth)
    setup = Setup(source, examples, request.loss, others, str(request.program))
    if request.online:
        return _online(setup, request.learning_rate or ONLINE_RATE, subject, out)
    options = request.options
    record = Record(options.passes_limit, options.patience)
    if request.resume and request.checkpoint_file:
        record = restore(request.checkpoint_file, setup, options)
    with _progress_and_checkpoints(setup, options, record, request.checkpoint_file):
        result = fit_menus(setup, menus, options, pool=pool, record=record)
    _write(subject, result, out, ExtraFiles(request.report is not False, request.plot))
    if result.interrupted:
        return EXIT_NOT_HELD
    verdict, required = result.verdict, request.require
    good = verdict.good if required is None else verdict.within(required)
    return 0 if good else POOR_MATCH


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ends the command where Ctrl-C leaves nothing that could be kept."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"{INTERRUPTED_MESSAGE}\n  run it again, and let it go on for longer", err=True)
        sys.exit(EXIT_NOT_HELD)


def _validation_examples(
    maker: ExampleMaker, inputs: Sequence[str], targets: Sequence[Path], work: Path
) -> tuple[Example, ...]:
    if not targets:
        if inputs:
            refuse("--validate-input has no --validate-target", "give both")
        return ()
    folder = work / "validation"
    folder.mkdir()
    return replace(maker, work=folder).examples(inputs, targets, None)


def _example_sets(
    request: Request, maker: ExampleMaker
) -> tuple[Sequence[ExampleSet], Sequence[Outcome]]:
    """The examples of each recording of a folder, and the recordings that cannot be used."""
    targets = request.targets
    if not (targets and targets[0].is_dir()):
        return [("", maker.examples(request.inputs, targets, request.truth))], ()
    sets: list[ExampleSet] = []
    refused: list[Outcome] = []
    problems: list[Problem] = []
    for name, given, target in folders(request.inputs, targets):
        own = maker.work / name
        own.mkdir()
        makes = replace(maker, work=own)
        try:
            sets.append((name, makes.examples([given] if given else [], [target], None)))
        except InputError as error:
            refused.append(Outcome(name, failure=str(error)))
            problems += error.problems
    if not sets:
        raise InputError(problems)
    return sets, refused


def _jobs(
    request: Request,
    subject: Subject,
    sets: Sequence[ExampleSet],
    source: DualSource,
    menus: tuple[Menu, ...],
    out: Path,
) -> list[FitJob]:
    """A fit for each set of examples, and each combination of swept values."""
    fixed = [[(name, value) for value in values] for name, values in map(_sweep, request.sweeps)]
    model, shared = model_of(source), Shared(subject)
    jobs = []
    for (name, examples), values in itertools.product(sets, itertools.product(*fixed)):
        paths = {model.program.settable_path(key): value for key, value in values}
        for path in paths:
            if path in model.paths:
                refuse(f"--sweep moves '{path}', which is fitted", "sweep another slider")
        swept = replace(source, settings={**source.settings, **paths})
        title = "-".join([name, *(f"{key}={value:g}" for key, value in values)]).strip("-")
        title = title.replace("/", "_")
        setup = Setup(swept, examples, request.loss, (), str(request.program))
        extras = ExtraFiles(bool(request.report), request.plot)
        jobs.append(FitJob(title, shared, setup, menus, request.options, out / title, extras))
    return jobs


def _sweep(text: str) -> tuple[str, list[float]]:
    name, _, values = text.rpartition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        refuse(f"'--sweep {text}' is not NAME=V1,V2,...", "write it as in --sweep order=1,2,4")
    return name, numbers


def _fit_all(jobs: Sequence[FitJob], refused: Sequence[Outcome], pool: Pool, out: Path) -> int:
    def tell(one: Outcome) -> None:
        if one.failure:
            click.echo(f"{one.name}: {one.failure}", err=True)
            return
        click.echo(f"{one.name}: {one.line}")
        for warning in one.warnings:
            click.echo(f"{one.name}: warning: {warning}", err=True)

    make_folder(out)
    for one in refused:
        tell(one)
    outcomes = [*refused, *run_jobs(jobs, pool, tell)]
    fits = [one for one in outcomes if not one.failure]
    if fits:
        write_whole(out / "fits.csv", table_csv(jobs[0].setup.labels, outcomes))
        click.echo(f"wrote {out}: fits.csv, and a folder for each of {len(fits)}")
    return EXIT_NOT_HELD if len(fits) < len(outcomes) else 0


def _online(setup: Setup, rate: float, subject: Subject, out: Path) -> int:
    from ..fitting.online_table import run_online

    absolute = setup.measure == Residual("absolute")
    start = np.array([one.init for one in setup.source.params])
    values, rows, interrupted = run_online(setup, start, rate, absolute, click.echo)
    make_folder(out)
    write_whole(out / "online.csv", rows)
    write_whole(
        out / f"{subject.name}.dsp", subject.with_initial_values(setup, values.tolist()).text
    )
    click.echo(f"wrote {out}: online.csv, {subject.name}.dsp")
    if interrupted:
        click.echo("interrupted: these are the values until then")
    return EXIT_NOT_HELD if interrupted else 0


def _write(subject: Subject, fit: Fit, out: Path, extras: ExtraFiles) -> None:
    """Writes the folder, and says what was found: the verdict first."""
    try:
        left = write_results(out, subject, fit, extras)
    except OSError as error:
        refuse(f"{out}: cannot be written: {error.strerror}", "choose another folder with --out")
    except KeyboardInterrupt:
        click.echo(f"{out}: interrupted before the result was written\n  run it again", err=True)
        sys.exit(EXIT_NOT_HELD)
    from rich.console import Console

    click.echo(fit.verdict.line)
    for cause in fit.verdict.causes:
        click.echo(f"  {cause}")
    Console().print(table(fit))
    for note in fit.notes:
        click.echo(note)
    for line in summary(fit.setup, fit):
        click.echo(line)
    click.echo(f"wrote {out}: {', '.join(file.name for file in left.files)}")
    for warning in fit.warnings:
        click.echo(f"warning: {warning}", err=True)
    if not left.own:
        what = f"{subject.name}.dsp is the program as the compiler expands it"
        click.echo(f"{what}: its sliders are not all written in your text, once each")


@contextmanager
def _progress_and_checkpoints(
    setup: Setup, options: Options, record: Record, checkpoint_file: Path | None
) -> Iterator[None]:
    """Shows a progress bar on a terminal, and keeps the checkpoint up to date."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    written = 0.0

    def save() -> None:
        if checkpoint_file:
            write_whole(checkpoint_file, checkpoint(setup, options, record))

    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("fitting", total=record.limit, state="")

        def tell(now: Record) -> None:
            nonlocal written
            last = now.iterations[-1]
            values = ", ".join(
                f"{label} {value:.4g}"
                for label, value in zip(setup.labels, last.values, strict=True)
            )
            state = f"{last.passes:.1f} passes  loss {last.loss:.3e}  {values}"
            bar.update(task, completed=last.passes, description=last.stage, state=state)
            if time.monotonic() - written > CHECKPOINT_INTERVAL:
                save()
                written = time.monotonic()

        record.tell = tell
        yield
    save()
