"""The command line: parses options, calls the stages, prints what they return.

Exit codes: 0 done, 1 the thing checked does not hold, 2 usage or unreadable input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import __version__, reports
from .ahead.commands import differentiate_command, verify_command
from .comparison.command import diff_command
from .fitting.command import fit_command
from .learned.commands import freeze_command, import_weights_command, train_command
from .options import NOT_HELD, read_table, refuse, table_options
from .stage2_model import Primitive, Table
from .stage3_check import Checked, Report, check
from .stage5_render import render, write

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": reports.text,
    "json": reports.as_json,
    "junit": reports.junit,
    "github": reports.github,
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="faustdiff", message="%(prog)s %(version)s")
def main() -> None:
    """Differentiable Faust: derivative rules from one table, proved, rendered and compiled.

    \b
    Examples:
      faustdiff check                         prove the built-in table
      faustdiff build --out lib               prove it, then write lib/diff.lib
      faustdiff build --extend my.yaml        with rules for functions of your own
      faustdiff differentiate a.dsp -o b.dsp  a program with its partial derivatives
      faustdiff verify a.dsp                  its partials against finite differences
      faustdiff fit a.dsp --input in.wav --target out.wav   its sliders from recordings
    """


@main.command("build")
@table_options
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
    report = _checked(read_table(table, extensions))
    if not isinstance(report, Checked):
        for finding in report.failures:
            click.echo(reports.failure(finding), err=True)
        click.echo(f"{len(report.failures)} findings failed; nothing was written", err=True)
        sys.exit(NOT_HELD)
    try:
        paths = write(render(report), out)
    except OSError as error:
        refuse(f"{out}: cannot be written: {error.strerror}", "choose another folder with --out")
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"{len(report.table.primitives)} rows checked in {report.seconds:.1f} s")


@main.command("check")
@table_options
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
    report = _checked(read_table(table, extensions))
    click.echo(FORMATS[style](report))
    sys.exit(NOT_HELD if report.failures else 0)


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


for command in (
    diff_command,
    differentiate_command,
    verify_command,
    fit_command,
    train_command,
    freeze_command,
    import_weights_command,
):
    main.add_command(command)
