"""The command line: parses options, calls the stages, prints what they return.

Exit codes: 0 done, 1 the thing checked does not hold, 2 usage or unreadable input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import __version__, reports
from .comparison.command import diff_command
from .errors import InputError
from .resources import resource
from .stage2_model import Primitive, Table, read
from .stage3_check import Checked, Report, check
from .stage5_render import render, write

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": reports.text,
    "json": reports.as_json,
    "junit": reports.junit,
    "github": reports.github,
}

NOT_HELD = 1
UNUSABLE = 2


def _table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    table = click.option(
        "--table",
        type=click.Path(path_type=Path),
        default=lambda: resource("primitives.yaml"),
        show_default="the built-in one",
        help="Table to use in place of the built-in one.",
    )
    extend = click.option(
        "--extend",
        "extensions",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Table of rows to add, such as foreign functions of your own; may be repeated.",
    )
    return table(extend(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="faustdiff", message="%(prog)s %(version)s")
def main() -> None:
    """Differentiable Faust: derivative rules from one table, proved, rendered and compiled.

    \b
    Examples:
      faustdiff check                         prove the built-in table
      faustdiff build --out lib               prove it, then write lib/diff.lib
      faustdiff build --extend my.yaml        with rules for functions of your own
    """


main.add_command(diff_command)


@main.command("build")
@_table_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build"),
    show_default=True,
    help="Folder to write into.",
)
def build_command(table: Path, extensions: tuple[Path, ...], out: Path) -> None:
    """Check the table, then write diff.lib and reference.md.

    Nothing is written unless every rule holds.

    \b
    Examples:
      faustdiff build                         into ./build
      faustdiff build --out DIR --extend my.yaml
    """
    report = _checked(_read(table, extensions))
    if not isinstance(report, Checked):
        for finding in report.failures:
            click.echo(reports.failure(finding), err=True)
        click.echo(f"{len(report.failures)} findings failed; nothing was written", err=True)
        sys.exit(NOT_HELD)
    try:
        paths = write(render(report), out)
    except OSError as error:
        _refuse(f"{out}: cannot be written: {error.strerror}", "choose another folder with --out")
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"{len(report.table.primitives)} rows checked in {report.seconds:.1f} s")


@main.command("check")
@_table_options
@click.option(
    "--format",
    "style",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How to report.",
)
def check_command(table: Path, extensions: tuple[Path, ...], style: str) -> None:
    """Prove every derivative rule of the table.

    Exits with 0 if all rules hold, with 1 if one does not, with 2 if the table cannot be read.

    \b
    Examples:
      faustdiff check
      faustdiff check --table primitives.yaml --format junit > check.xml
    """
    report = _checked(_read(table, extensions))
    click.echo(FORMATS[style](report))
    sys.exit(NOT_HELD if report.failures else 0)


def _read(table: Path, extensions: tuple[Path, ...]) -> Table:
    try:
        return read(table, extensions)
    except InputError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(UNUSABLE)


def _refuse(what: str, hint: str) -> NoReturn:
    click.echo(f"{what}\n  {hint}", err=True)
    sys.exit(UNUSABLE)


def _checked(table: Table) -> Report:
    with _progress(len(table.primitives)) as step:
        return check(table, step)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Primitive], None]]:
    """A progress bar on a terminal, silence in a pipe."""
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
