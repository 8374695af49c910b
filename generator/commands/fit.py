"""The command `fit`."""

from __future__ import annotations

import csv
import io
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..autodiff import differentiate
from ..autodiff.reverse import reverse_programs
from ..faust.compilers import Compiler
from ..fitting.checkpoint import checkpoint, restored
from ..fitting.descent import RATES
from ..fitting.examples import ExampleMaker, folders
from ..fitting.fit import Fit, fit, fit_many
from ..fitting.gradients import Wanted, derivatives
from ..fitting.losses import LOSSES, Residual
from ..fitting.model import Source, model_of
from ..fitting.objective import Record
from ..fitting.onlinetable import run_online
from ..fitting.outputs import write_results
from ..fitting.pairing import Example
from ..fitting.pool import Pool, open_pool
from ..fitting.report import summary, table
from ..fitting.setup import OPTIMIZERS, PASSES, Options, Setup
from ..signals.initial_values import frozen
from ..table.model import Table
from .options import (
    NOT_HELD,
    chosen_compiler,
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

#: Of `online`: that of the seeds.
ONLINE_RATE = 0.1
#: The exit status of a fit that explains less than is asked for.
POOR = 3
INTERRUPTED = "interrupted: nothing was fitted yet, nothing is written"
#: A checkpoint is not written more often, in seconds.
EVERY = 1.0


@dataclass(frozen=True)
class Subject:
    """The program that is fitted."""

    path: Path
    text: str
    compiler: Compiler
    include: tuple[Path, ...]
    table: Table

    @property
    def name(self) -> str:
        """Its name, without the suffix."""
        return self.path.stem


@click.command("fit")
@program_options
@parameter_options
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE|FOLDER|PROGRAM.dsp|noise|impulse|sine|sweep",
    help="What goes in; once for each target.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recording of what should come out; may be repeated. Of a folder, each is fitted alone.",
)
@click.option(
    "--ground-truth",
    "truth",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Program whose output on the input is the target.",
)
@click.option("--validate-input", "other_inputs", multiple=True, help="Input for validation.")
@click.option(
    "--validate-target",
    "other_targets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Target for validation.",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a slider that is not fitted, or start of one that is; may be repeated.",
)
@click.option(
    "--sweep",
    "sweeps",
    metavar="NAME=V1,V2,...",
    multiple=True,
    help="One fit for each value of a slider that is not fitted; may be repeated.",
)
@click.option(
    "--loss", type=click.Choice(list(LOSSES)), default="mse", show_default=True, help="What falls."
)
@click.option(
    "--optimizer",
    type=click.Choice(OPTIMIZERS),
    default="lm",
    show_default=True,
    help="Least squares (lm), L-BFGS-B, Adam or SGD.",
)
@click.option(
    "--gradient",
    type=click.Choice(["auto", "forward", "reverse"]),
    default="auto",
    show_default=True,
    help="Mode of differentiation of L-BFGS-B, Adam and SGD; auto takes the cheaper one.",
)
@click.option(
    "--learning-rate",
    "learning_rate",
    type=click.FloatRange(0, min_open=True),
    help=f"Of Adam, SGD and --online.  [default: {RATES['adam']}, {RATES['sgd']}, {ONLINE_RATE}]",
)
@click.option(
    "--passes",
    type=click.FloatRange(1),
    help=f"Stop after so many.  [default: {', '.join(f'{k} {v}' for k, v in PASSES.items())}]",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=0,
    help="Stop after so many iterations without a better validation, or loss.",
)
@click.option(
    "--batch",
    type=click.IntRange(0),
    default=0,
    metavar="SAMPLES",
    help="Of Adam and SGD: move after so many samples.  [default: after all]",
)
@click.option(
    "--starts",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Starts that race; 256 is a good number.",
)
@click.option("--random-start", is_flag=True, help="Do not start from the sliders' values.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--checkpoint",
    "checkpoint_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to keep the search in.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint.")
@click.option(
    "--jobs", type=click.IntRange(1), help="Local processes.  [default: one for each processor]"
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Of a Dask cluster, to use instead of local processes."
)
@click.option("--online", is_flag=True, help="Gradient descent sample by sample, as a table.")
@click.option(
    "--align/--no-align",
    default=True,
    show_default=True,
    help="Estimate latency and polarity of the targets, and undo them.",
)
@click.option(
    "--require",
    metavar="DECIBELS",
    callback=lambda context, parameter, text: _decibels(text),
    help="Exit with 3 if more than this is left over, as -20dB; else if the match is poor.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Of generated signals.")
@click.option("--rate", type=click.IntRange(1), help="Of generated signals, in Hz.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write into.  [default: PROGRAM.fit]",
)
@table_options
@runs_programs
def fit_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    params: tuple[str, ...],
    all_continuous: bool,
    inputs: tuple[str, ...],
    targets: tuple[Path, ...],
    truth: Path | None,
    other_inputs: tuple[str, ...],
    other_targets: tuple[Path, ...],
    settings: tuple[str, ...],
    sweeps: tuple[str, ...],
    loss: str,
    optimizer: str,
    gradient: Wanted,
    learning_rate: float | None,
    passes: float | None,
    patience: int,
    batch: int,
    starts: int,
    random_start: bool,
    seed: int,
    checkpoint_file: Path | None,
    resume: bool,
    jobs: int | None,
    scheduler: str | None,
    online: bool,
    align: bool,
    require: float | None,
    seconds: float | None,
    rate: int | None,
    out: Path | None,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Find the sliders of PROGRAM that turn the input into the target.

    Fits the sliders marked [diff:1] or [diff:on] in their label, or chosen by --param or --all, by
    least squares within their ranges. A [scale:log] slider is searched by ratios. The folder --out
    gets the values, the program with them as defaults, the resulting sound, every iteration as CSV,
    a plot, and a report that opens offline. Ctrl-C keeps the best so far.

    \b
    Examples:
      faustdiff fit filter.dsp --input dry.wav --target wet.wav
      faustdiff fit voice.dsp --target note.wav --starts 256
      faustdiff fit amp.dsp --input a.wav --target b.wav --input c.wav --target d.wav --loss esr
      faustdiff fit filter.dsp --input noise --ground-truth truth.dsp --online
      faustdiff fit string.dsp --input plucks/ --target notes/ --jobs 4

    Exits with 0 when done, with 1 if interrupted or if some of many fits cannot be done, with 2 if
    program, recordings or options cannot be used.
    """
    _consistent(optimizer, loss, batch, checkpoint_file, resume, targets, sweeps, online, starts)
    rules = read_table(table, extensions)
    options = Options(
        optimizer, passes, patience, starts, random_start, seed, learning_rate, batch, align
    )
    out = out or Path(f"{program.stem}.fit")
    with (
        usable_input(*filter(None, (program, truth))),
        _interruptible(),
        tempfile.TemporaryDirectory(prefix="faustdiff-") as folder,
    ):
        work = Path(folder)
        folders_of_search = (program.parent, *include)
        subject = Subject(
            program, read_source(program), chosen_compiler(compiler), folders_of_search, rules
        )
        alone = optimizer != "lm" and not batch and not online and starts == 1
        source = _source(subject, params, all_continuous, settings, gradient, alone, work)
        stage = ExampleMaker(
            work, source.inputs, source.outputs, subject.compiler, include, seconds, rate
        )
        many = len(targets) == 1 and targets[0].is_dir()
        with open_pool(jobs or os.cpu_count() or 1, scheduler) as pool:
            if many or sweeps:
                cases = _cases(stage, source, loss, str(program), inputs, targets, truth, sweeps)
                sys.exit(_fit_all(cases, options, pool, subject, out))
            others = _others(stage, other_inputs, other_targets, work)
            examples = stage.examples(inputs, targets, truth)
            setup = Setup(source, examples, loss, others, str(program))
            if online:
                _online(setup, learning_rate or ONLINE_RATE, subject, out)
                return
            record = Record(options.passes_limit, patience)
            if resume and checkpoint_file:
                record = restored(checkpoint_file, setup, options)
            with _shown(setup, options, record, checkpoint_file):
                found = fit(setup, options, pool=pool, record=record)
            _leave(subject, found.setup, found, out)
            if found.interrupted:
                sys.exit(NOT_HELD)
            if not _good_enough(found, require):
                sys.exit(POOR)


def _decibels(text: str | None) -> float | None:
    """A level as -20dB or -20, as a part of the energy."""
    if text is None:
        return None
    try:
        return float(10 ** (float(text.strip().lower().removesuffix("db")) / 10))
    except ValueError:
        refuse(f"'--require {text}' is not a level in decibels", "write it as in --require -20dB")


def _good_enough(found: Fit, require: float | None) -> bool:
    return found.verdict.good if require is None else found.error <= require


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ends the command where Ctrl-C leaves nothing that could be kept."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"{INTERRUPTED}\n  run it again, and let it go on for longer", err=True)
        sys.exit(NOT_HELD)


def _consistent(
    optimizer: str,
    loss: str,
    batch: int,
    checkpoint_file: Path | None,
    resume: bool,
    targets: Sequence[Path],
    sweeps: Sequence[str],
    online: bool,
    starts: int,
) -> None:
    """Ends the command for options that contradict each other."""
    if batch and optimizer not in ("adam", "sgd"):
        refuse(f"--batch does not go with --optimizer {optimizer}", "use adam or sgd")
    if resume and not checkpoint_file:
        refuse("--resume needs a file to go on from", "name it with --checkpoint")
    many = sweeps or any(one.is_dir() for one in targets)
    if many and checkpoint_file:
        refuse("--checkpoint is for a single fit", "leave it out")
    if online and (many or checkpoint_file or starts > 1):
        refuse("--online goes through one recording, once", "leave out the other options")
    if online and loss not in ("mse", "mae"):
        refuse(f"--online has no loss '{loss}'", "use mse (l2) or mae (l1)")


def _source(
    subject: Subject,
    params: Sequence[str],
    all_continuous: bool,
    settings: Sequence[str],
    gradient: Wanted,
    gradient_alone: bool,
    work: Path,
) -> Source:
    options: dict[str, Any] = {
        "params": params or None,
        "all_continuous": all_continuous,
        "compiler": subject.compiler,
        "include": subject.include,
        "table": subject.table,
        "name": subject.name,
        "file": str(subject.path),
    }
    done = derivatives(
        lambda: differentiate(subject.text, **options),
        lambda: reverse_programs(subject.text, by_sums=True, **options),
        gradient,
        # The adjoint runs compiled.
        gradient_alone and shutil.which("g++") is not None,
        str(subject.path),
    )
    cache = None if os.environ.get("FAUSTDIFF_CACHE") else work / "cache"
    source = Source(
        done.text,
        done.params,
        done.inputs,
        done.outputs,
        subject.compiler,
        subject.include,
        cache=cache,
        reverse=done.reverse,
        partials=done.partials,
        gradient=done.gradient,
    )
    # What is set and fitted is where the search starts; the rest stays.
    model = model_of(source)
    fixed: dict[str, float] = {}
    starts: dict[str, float] = {}
    for name, value in map(_setting, settings):
        path = model.program.settable_path(name)
        (starts if path in model.paths else fixed)[path] = value
    moved = tuple(
        replace(one, init=starts.get(path, one.init))
        for one, path in zip(source.params, model.paths, strict=True)
    )
    return replace(source, params=moved, settings=fixed)


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        refuse(f"'{text}' is not NAME=VALUE", "write it as in gain=0.5")


def _others(
    stage: ExampleMaker, inputs: Sequence[str], targets: Sequence[Path], work: Path
) -> tuple[Example, ...]:
    if not targets:
        if inputs:
            refuse("--validate-input has no --validate-target", "give both")
        return ()
    folder = work / "validation"
    folder.mkdir()
    return replace(stage, work=folder).examples(inputs, targets, None)


def _cases(
    stage: ExampleMaker,
    source: Source,
    loss: str,
    file: str,
    inputs: Sequence[str],
    targets: Sequence[Path],
    truth: Path | None,
    sweeps: Sequence[str],
) -> dict[str, Setup]:
    """Setups by name: for each recording of a folder, and each combination of swept values."""
    if targets and targets[0].is_dir():
        sets = []
        for name, given, target in folders(inputs, targets):
            own = stage.work / name
            own.mkdir()
            makes = replace(stage, work=own)
            sets.append((name, makes.examples([given] if given else [], [target], None)))
    else:
        sets = [("", stage.examples(inputs, targets, truth))]
    fixed = [[(name, value) for value in values] for name, values in map(_sweep, sweeps)]
    cases = {}
    for (name, examples), values in itertools.product(sets, itertools.product(*fixed)):
        paths = {model_of(source).program.settable_path(key): value for key, value in values}
        for path in paths:
            if path in model_of(source).paths:
                refuse(f"--sweep moves '{path}', which is fitted", "sweep another slider")
        swept = replace(source, settings={**source.settings, **paths})
        title = "-".join([name, *(f"{key}={value:g}" for key, value in values)]).strip("-")
        cases[title.replace("/", "_")] = Setup(swept, examples, loss, (), file)
    return cases


def _sweep(text: str) -> tuple[str, list[float]]:
    name, _, values = text.rpartition("=")
    try:
        return name, [float(value) for value in values.split(",")]
    except ValueError:
        refuse(f"'--sweep {text}' is not NAME=V1,V2,...", "write it as in --sweep order=1,2,4")


def _fit_all(
    cases: dict[str, Setup], options: Options, pool: Pool, subject: Subject, out: Path
) -> int:
    names = list(cases)

    def tell(index: int, found: Fit | str) -> None:
        if isinstance(found, str):
            click.echo(f"{names[index]}: {found}", err=True)
        else:
            click.echo(f"{names[index]}: {summary(cases[names[index]], found)[0]}")

    results = fit_many([(setup, options) for setup in cases.values()], pool, tell)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    labels = next(iter(cases.values())).labels
    writer.writerow(["name", "loss", "error_to_signal", "passes", *labels])
    done = {n: one for n, one in zip(names, results, strict=True) if not isinstance(one, str)}
    for name, found in done.items():
        writer.writerow([name, found.loss, found.error, found.passes, *found.values])
    if done:
        # The numbers first: to draw and to write the rest takes longer.
        _made(out)
        write_whole(out / "fits.csv", rows.getvalue())
    for name, found in done.items():
        _leave(subject, found.setup, found, out / name, quiet=True)
    if done:
        click.echo(f"wrote {out}: fits.csv, and a folder for each of {len(done)}")
    return NOT_HELD if len(done) < len(results) else 0


def _online(setup: Setup, rate: float, subject: Subject, out: Path) -> None:
    absolute = setup.measure == Residual("absolute")
    start = np.array([one.init for one in setup.source.params])
    values, rows, interrupted = run_online(setup, start, rate, absolute, click.echo)
    _made(out)
    write_whole(out / "online.csv", rows)
    text = frozen(
        subject.text,
        _frozen_values(setup, values.tolist()),
        subject.compiler,
        include=subject.include,
        table=subject.table,
        name=subject.name,
    ).text
    write_whole(out / f"{subject.name}.dsp", text)
    click.echo(f"wrote {out}: online.csv, {subject.name}.dsp")
    if interrupted:
        click.echo("interrupted: these are the values until then")
        sys.exit(NOT_HELD)


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"{folder}: cannot be made: {error.strerror}", "choose another folder with --out")


def _frozen_values(setup: Setup, values: Sequence[float]) -> dict[str, float]:
    fitted = {one.path: float(v) for one, v in zip(setup.source.params, values, strict=True)}
    return {**setup.source.settings, **fitted}


def _leave(subject: Subject, setup: Setup, found: Fit, out: Path, *, quiet: bool = False) -> None:
    text = frozen(
        subject.text,
        _frozen_values(setup, found.values),
        subject.compiler,
        include=subject.include,
        table=subject.table,
        name=subject.name,
    )
    try:
        files = write_results(out, setup, found, text, subject.name)
    except OSError as error:
        refuse(f"{out}: cannot be written: {error.strerror}", "choose another folder with --out")
    except KeyboardInterrupt:
        click.echo(f"{out}: interrupted before the result was written\n  run it again", err=True)
        sys.exit(NOT_HELD)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    if quiet:
        return
    click.echo(found.verdict.line)
    for cause in found.verdict.causes:
        click.echo(f"  {cause}")
    Console().print(table(found))
    for line in summary(setup, found):
        click.echo(line)
    click.echo(f"wrote {out}: {', '.join(file.name for file in files)}")
    if not text.own:
        what = f"{subject.name}.dsp is the program as the compiler expands it"
        click.echo(f"{what}: its sliders are not all written in your text, once each")


@contextmanager
def _shown(
    setup: Setup, options: Options, record: Record, checkpoint_file: Path | None
) -> Iterator[None]:
    """Shows a progress bar on a terminal, and keeps the checkpoint up to date."""
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
            if time.monotonic() - written > EVERY:
                save()
                written = time.monotonic()

        record.tell = tell
        yield
    save()
