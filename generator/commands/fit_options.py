"""The options of the command `fit`, and what they are as one thing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ..fitting.catalogue import LOSSES, parse_loss
from ..fitting.descent import LEARNING_RATES
from ..fitting.gradients import Wanted
from ..fitting.setup import DEFAULT_PASSES, OPTIMIZERS, Options, compares_samples
from .options import SECONDS, FiniteFloat, Output, refuse

#: Of `--online`: that of the seeds.
ONLINE_RATE = 0.1


@dataclass(frozen=True)
class Request:
    """The options of `fit`, as they are called there."""

    program: Path
    include: tuple[Path, ...]
    compiler: str | None
    params: tuple[str, ...]
    all_continuous: bool
    inputs: tuple[str, ...]
    targets: tuple[Path, ...]
    truth: Path | None
    other_inputs: tuple[str, ...]
    other_targets: tuple[Path, ...]
    settings: tuple[str, ...]
    menus: tuple[str, ...]
    sweeps: tuple[str, ...]
    loss: str
    optimizer: str
    gradient: Wanted
    learning_rate: float | None
    passes: float | None
    patience: int
    batch: int
    starts: int
    random_start: bool
    seed: int
    checkpoint_file: Path | None
    resume: bool
    jobs: int | None
    scheduler: str | None
    online: bool
    align: bool
    require: float | None
    report: bool | None
    plot: bool
    seconds: float | None
    rate: int | None
    out: Path | None
    table: Path
    extensions: tuple[Path, ...]

    @property
    def many(self) -> bool:
        """Whether it asks for several fits."""
        return bool(self.sweeps) or any(one.is_dir() for one in self.targets)

    @property
    def options(self) -> Options:
        """How to search."""
        return Options(
            self.optimizer,
            self.passes,
            self.patience,
            self.starts,
            self.random_start,
            self.seed,
            self.learning_rate,
            self.batch,
            self.align,
        )

    def require_consistent(self) -> None:
        """Ends the command for options that contradict each other."""
        if self.batch and self.optimizer not in ("adam", "sgd"):
            what = f"--batch does not go with --optimizer {self.optimizer}"
            refuse(what, "use adam or sgd")
        if self.resume and not self.checkpoint_file:
            refuse("--resume needs a file to go on from", "name it with --checkpoint")
        if (self.many or self.menus) and self.checkpoint_file:
            refuse("--checkpoint is for a single fit", "leave it out")
        if self.online and (self.many or self.checkpoint_file or self.starts > 1):
            refuse("--online goes through one recording, once", "leave out the other options")
        if self.online and self.loss not in ("mse", "mae"):
            refuse(f"--online has no loss '{self.loss}'", "use mse (l2) or mae (l1)")
        if self.require is not None and self.require <= 0 and not compares_samples(self.loss):
            what = f"'--require {self.require:g}dB' is a level of samples, and spectra are compared"
            refuse(what, "write by how much spectra may differ, as in --require 3dB")


def _decibels(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """A level as -20dB or -20."""
    if text is None:
        return None
    try:
        level = float(text.strip().lower().removesuffix("db"))
    except ValueError:
        level = math.nan
    if math.isnan(level):
        refuse(f"'--require {text}' is not a level in decibels", "write it as in --require -20dB")
    return level


def _loss(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """The name of a loss, with settings, or a usage error."""
    try:
        parse_loss(text)
    except InputError as error:
        raise click.BadParameter("; ".join(str(one) for one in error.problems)) from None
    return text


OPTIONS = (
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="FILE|FOLDER|PROGRAM.dsp|noise|impulse|sine|sweep",
        help="What goes in; once for each target.",
    ),
    click.option(
        "--target",
        "targets",
        multiple=True,
        type=click.Path(path_type=Path),
        help="What should come out; may be repeated. Of a folder, each is fitted alone.",
    ),
    click.option(
        "--ground-truth",
        "truth",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Program whose output on the input is the target.",
    ),
    click.option("--validate-input", "other_inputs", multiple=True, help="Input for validation."),
    click.option(
        "--validate-target",
        "other_targets",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Target for validation.",
    ),
    click.option(
        "--set",
        "settings",
        metavar="NAME=VALUE",
        multiple=True,
        help="Value of a slider that is not fitted, or start of one that is; may be repeated.",
    ),
    click.option(
        "--menu",
        "menus",
        metavar="NAME",
        multiple=True,
        help="Checkbox or number box whose values are all tried; may be repeated.",
    ),
    click.option(
        "--sweep",
        "sweeps",
        metavar="NAME=V1,V2,...",
        multiple=True,
        help="One fit for each value of a slider that is not fitted; may be repeated.",
    ),
    click.option(
        "--loss",
        default="mse",
        show_default=True,
        metavar="NAME[:KEY=VALUE,...]",
        callback=_loss,
        help=f"What falls: {', '.join(LOSSES)}; with settings as in mrstft:sizes=1024+256,log=2.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(OPTIMIZERS),
        default="lm",
        show_default=True,
        help="Least squares (lm), L-BFGS-B, Adam or SGD.",
    ),
    click.option(
        "--gradient",
        type=click.Choice(["auto", "forward", "reverse"]),
        default="auto",
        show_default=True,
        help="Mode of differentiation of L-BFGS-B, Adam and SGD; auto takes the cheaper one.",
    ),
    click.option(
        "--learning-rate",
        "learning_rate",
        type=FiniteFloat(0, min_open=True),
        help="Of Adam, SGD and --online.  "
        f"[default: {LEARNING_RATES['adam']}, {LEARNING_RATES['sgd']}, {ONLINE_RATE}]",
    ),
    click.option(
        "--passes",
        type=FiniteFloat(1),
        help="Stop after so many.  "
        f"[default: {', '.join(f'{name} {passes}' for name, passes in DEFAULT_PASSES.items())}]",
    ),
    click.option(
        "--patience",
        type=click.IntRange(0),
        default=0,
        help="Stop after so many iterations without a better validation, or loss.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(0),
        default=0,
        metavar="SAMPLES",
        help="Of Adam and SGD: move after so many samples.  [default: after all]",
    ),
    click.option(
        "--starts",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Starts that race; 256 is a good number.",
    ),
    click.option("--random-start", is_flag=True, help="Do not start from the sliders' values."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option(
        "--checkpoint",
        "checkpoint_file",
        type=Output(again=True),
        help="File to keep the search in.",
    ),
    click.option("--resume", is_flag=True, help="Go on from the checkpoint."),
    click.option(
        "--jobs", type=click.IntRange(1), help="Local processes.  [default: one for each processor]"
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Of a Dask cluster, to use instead of local processes.",
    ),
    click.option("--online", is_flag=True, help="Gradient descent sample by sample, as a table."),
    click.option(
        "--align/--no-align",
        default=True,
        show_default=True,
        help="Estimate latency and polarity of the targets, and undo them.",
    ),
    click.option(
        "--require",
        metavar="DECIBELS",
        callback=_decibels,
        help="Exit with 3 if more than this is left over, as -20dB, or, with a loss of spectra, if "
        "they differ by more than this, as 3dB; else if the match is poor.",
    ),
    click.option("--seconds", type=SECONDS, help="Of generated signals."),
    click.option(
        "--report/--no-report",
        default=None,
        help="Write report.html.  [default: of a single fit]",
    ),
    click.option("--plot", is_flag=True, help="Write fit.png as well."),
    click.option("--rate", type=click.IntRange(1), help="Of generated signals, in Hz."),
    click.option(
        "--out",
        type=Output(folder=True),
        help="Folder to write into.  [default: PROGRAM.fit]",
    ),
)


def fit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `fit` has of its own."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
