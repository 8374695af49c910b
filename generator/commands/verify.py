"""The command `verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..autodiff import verification
from ..faust.excitation import GENERATED, SECONDS, excitation
from .options import (
    NOT_HELD,
    chosen_compiler,
    named_values,
    parameter_options,
    program_options,
    read_source,
    read_table,
    runs_programs,
    table_options,
    usable_input,
    write_whole,
)


@click.command("verify")
@program_options
@parameter_options
@click.option(
    "--input",
    "source",
    default="noise",
    show_default=True,
    metavar="|".join(["FILE.wav", *GENERATED]),
    help="What the program is fed.",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a slider, by label or path; may be repeated.  [default: its init]",
)
@click.option(
    "--epsilon",
    type=click.FloatRange(0, 0.1, min_open=True),
    default=verification.EPSILON,
    show_default=True,
    help="Step of the differences, relative to the slider's value.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help=f"How long to run.  [default: {SECONDS}, or the whole file]",
)
@click.option(
    "--rate",
    type=click.IntRange(min=1),
    help="Sample rate in Hz.  [default: 44100, or that of the file]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    default=verification.TOLERANCE,
    show_default=True,
    help="The greatest relative error that is let pass.",
)
@click.option(
    "--csv", "table_file", type=click.Path(path_type=Path, dir_okay=False), help="Table to write."
)
@click.option(
    "--plot", "plot_file", type=click.Path(path_type=Path, dir_okay=False), help="PNG to write."
)
@table_options
@runs_programs
def verify_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    params: tuple[str, ...],
    all_continuous: bool,
    source: str,
    settings: tuple[str, ...],
    epsilon: float,
    seconds: float | None,
    rate: int | None,
    tolerance: float,
    table_file: Path | None,
    plot_file: Path | None,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Compare the partials of PROGRAM with central differences.

    The program runs in double precision, at the sliders' initial values. The differences are of
    five points, at two steps, so that it is known how well they are known; samples at which the
    two steps disagree, as at a kink or a jump, are counted apart. The relative error is relative
    to the greatest magnitude that the partial has over time.

    Exits with 0 if all errors are within the tolerance, with 1 if one is not, with 2 if the
    program or the input cannot be used.

    \b
    Examples:
      faustdiff verify filter.dsp
      faustdiff verify filter.dsp --all --input sweep --seconds 2 --csv errors.csv
      faustdiff verify filter.dsp --input guitar.wav --set drive=0.7 --plot errors.png
    """
    rules = read_table(table, extensions)
    with usable_input(program):
        report = verification.verify(
            read_source(program),
            lambda inputs: excitation(source, inputs, seconds, rate),
            params=params,
            all_continuous=all_continuous,
            compiler=chosen_compiler(compiler),
            include=(program.parent, *include),
            table=rules,
            name=program.stem,
            file=str(program),
            settings=dict(named_values("--set", settings)),
            epsilon=epsilon,
            tolerance=tolerance,
        )
    verification.show(report)
    if table_file:
        write_whole(table_file, verification.csv_text(report))
    if plot_file:
        write_whole(plot_file, verification.plot(report))
    sys.exit(0 if report.holds else NOT_HELD)
