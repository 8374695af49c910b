"""The command `verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from ..autodiff import verification, verification_report
from ..autodiff.partial_comparison import DEFAULT_TOLERANCE
from ..autodiff.tangents import TableSlope
from ..faust.excitation import DEFAULT_SECONDS, excitation
from ..files import is_stream, name_of
from .options import (
    EXIT_NOT_HELD,
    FiniteFloat,
    Output,
    chosen_compiler,
    excitation_options,
    named_values,
    parameter_options,
    program_options,
    read_source,
    read_table,
    refuse,
    runs_programs,
    table_options,
    table_slope_option,
    usable_input,
    write_whole,
)


@click.command("verify")
@program_options
@parameter_options
@excitation_options(DEFAULT_SECONDS)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a slider, by label or path; may be repeated.  [default: its init]",
)
@click.option(
    "--epsilon",
    type=FiniteFloat(0, 0.1, min_open=True),
    default=verification.DEFAULT_EPSILON,
    show_default=True,
    help="Greatest step of the differences, relative to the slider's value.",
)
@click.option(
    "--tolerance",
    type=FiniteFloat(0, min_open=True),
    default=DEFAULT_TOLERANCE,
    show_default=True,
    help="The greatest relative error that is let pass.",
)
@click.option("--buttons", is_flag=True, help="Hold all buttons and checkboxes.")
@click.option(
    "--reverse",
    is_flag=True,
    help="Compare with reverse mode as well: other programs by the same rules.",
)
@table_slope_option
@click.option("--csv", "table_file", type=Output(), help="Table to write.")
@click.option("--plot", "plot_file", type=Output(), help="PNG to write.")
@table_options
@runs_programs
def verify_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    params: tuple[str, ...],
    all_continuous: bool,
    fed: str,
    settings: tuple[str, ...],
    epsilon: float,
    seconds: float | None,
    rate: int | None,
    tolerance: float,
    buttons: bool,
    reverse: bool,
    table_slope: TableSlope,
    table_file: Path | None,
    plot_file: Path | None,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Compare the partials of PROGRAM with central differences.

    The program runs in double precision, at the sliders' initial values. The differences are of
    five points, at steps that are each a tenth of the one before, so that their errors are known. A
    partial agrees where it is within the bound of the difference, and differs where the bound
    excludes it; samples at which the difference is not known, as at a jump, are counted apart, and
    where they are the most the verdict is "undecided". A slider without effect is compared at other
    settings as well. With --reverse, the sums over time of each partial, with random weights, have
    to be those of reverse mode, too.

    Exits with 0 if all partials agree or have no effect, with 1 if one differs or is undecided, 2
    if the input cannot be used.

    \b
    Examples:
      faustdiff verify filter.dsp --all --input sweep --seconds 2 --csv errors.csv
      faustdiff verify filter.dsp --input guitar.wav --set drive=0.7 --plot errors.png
    """
    if reverse and table_slope != "oscillators":
        refuse("--table-slope is about forward mode", "leave out --reverse")
    with usable_input(program):
        report = verification.verify(
            read_source(program),
            lambda inputs: excitation(fed, inputs, seconds, rate),
            params=params,
            all_continuous=all_continuous,
            compiler=chosen_compiler(compiler),
            include=(program.parent, *include),
            table=read_table(table, extensions),
            name=name_of(program),
            file=str(program),
            settings=dict(named_values("--set", settings)),
            epsilon=epsilon,
            tolerance=tolerance,
            buttons=buttons,
            reverse=reverse,
            table_slope=table_slope,
        )
    _show(report, table_file, plot_file)
    sys.exit(0 if report.holds else EXIT_NOT_HELD)


def _show(
    report: verification.VerificationReport, table_file: Path | None, plot_file: Path | None
) -> None:
    """Prints a report, and writes the files that were asked for."""
    verification_report.print_report(report, _console(table_file, plot_file))
    if table_file:
        write_whole(table_file, verification_report.csv_text(report))
    if plot_file:
        write_whole(plot_file, verification_report.plot(report))


def _console(*outputs: Path | None) -> Console:
    """Where the report is printed: apart from an output that is the standard output."""
    return Console(stderr=any(is_stream(file) for file in outputs if file))
