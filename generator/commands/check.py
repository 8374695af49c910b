"""The command `check`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..errors import nearest
from ..proof.checking import check
from ..proof.findings import Report
from ..table.model import Primitive, Table
from . import reports
from .options import EXIT_NOT_HELD, accept_option, read_table, refuse, table_options

REPORT_FORMATS: dict[str, Callable[[Report], str]] = {
    "text": reports.as_text,
    "json": reports.as_json,
    "junit": reports.as_junit,
    "github": reports.as_github,
}


@click.command("check")
@table_options
@click.option(
    "--format",
    "style",
    type=click.Choice(list(REPORT_FORMATS)),
    default="text",
    show_default=True,
    help="How to report.",
)
@accept_option
def check_command(
    table: Path, extensions: tuple[Path, ...], style: str, accepted: tuple[str, ...]
) -> None:
    """Prove every derivative rule of the table.

    \b
    proved     SymPy reduces the residual to 0 on every piece of the domain
    confirmed  at points of every piece it is 0 to 150 digits
    declared   0 between jumps, a named approximation, or no derivative
    refuted    a point shows that the rule is wrong, or not finite
    unknown    not decided within the time that a row has

    Exits with 0 if all rules hold, with 1 if one does not, with 2 if the table cannot be read.

    \b
    Examples:
      faustdiff check
      faustdiff check --table primitives.yaml --format junit > check.xml
    """
    report = check_with_progress(read_table(table, extensions), accepted)
    click.echo(REPORT_FORMATS[style](report))
    sys.exit(EXIT_NOT_HELD if report.failures else 0)


def check_with_progress(table: Table, accepted: tuple[str, ...] = ()) -> Report:
    """What `check` says of the table, with a progress bar on a terminal."""
    names = [row.name for row in table.primitives]
    for name in accepted:
        if name not in names:
            refuse(f"--accept: no row has the name '{name}'", nearest(name, names, "name a row"))
    with _progress(len(table.primitives)) as step:
        return check(table, step, accepted)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Primitive], None]]:
    """A progress bar on a terminal, silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda row: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("checking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total)

        def step(row: Primitive) -> None:
            bar.update(task, advance=1, description=row.name)

        yield step
