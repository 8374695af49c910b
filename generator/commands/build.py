"""The command `build`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ..library.compiling import SPELLING_HINT, refused_rows, unknown_rows, untried_rows
from ..library.rendering import render, write
from ..proof.findings import CheckedTable
from ..table.model import Table
from . import reports
from .check import check_with_progress
from .options import (
    EXIT_NOT_HELD,
    Output,
    accept_option,
    read_table,
    refuse,
    table_options,
    usable_input,
)


@click.command("build")
@table_options
@click.option(
    "--out",
    type=Output(folder=True),
    default=Path("build"),
    show_default=True,
    help="Folder to write into.",
)
@accept_option
@click.option(
    "--must-compile",
    is_flag=True,
    help="Fail where no compiler is there to try new rows; so it is where CI is 'true'.",
)
def build_command(
    table: Path,
    extensions: tuple[Path, ...],
    out: Path,
    accepted: tuple[str, ...],
    must_compile: bool,
) -> None:
    """Check the table, then write diff.lib, reference.md and a schema.

    Nothing is written unless every rule holds, and each row that is not of the built-in table
    compiles, if a compiler is installed. The schema, primitives.schema.json, is for
    editors that complete and check tables.

    \b
    Examples:
      faustdiff build                         into ./build
      faustdiff build --out DIR --extend my.yaml
    """
    report = check_with_progress(read_table(table, extensions), accepted)
    if not isinstance(report, CheckedTable):
        for finding in report.failures:
            click.echo(reports.failure(finding), err=True)
        click.echo(f"{len(report.failures)} findings failed; nothing was written", err=True)
        sys.exit(EXIT_NOT_HELD)
    with usable_input():
        files = render(report)
    _report_untried(report.table, must_compile or os.environ.get("CI") == "true")
    refused = refused_rows(files, report.table)
    for row, message in refused:
        click.echo(f"{row.place}: row '{row.name}': does not compile: {message}", err=True)
        click.echo(f"  {SPELLING_HINT}", err=True)
    if refused:
        sys.exit(EXIT_NOT_HELD)
    try:
        paths = write(files, out)
    except OSError as error:
        refuse(f"{out}: cannot be written: {error.strerror}", "choose another folder with --out")
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"{len(report.table.primitives)} rows checked in {report.seconds:.1f} s")


def _report_untried(table: Table, must_compile: bool) -> None:
    """Says which rows no compiler has tried; ends the command if that must not be."""
    rows = untried_rows(table)
    if not rows:
        return
    what = unknown_rows(rows)
    hint = "install one, as in 'pip install cyfaust'"
    if must_compile:
        click.echo(f"{what}\n  {hint}; nothing was written", err=True)
        sys.exit(EXIT_NOT_HELD)
    click.echo(f"warning: {what}\n  {hint}", err=True)
