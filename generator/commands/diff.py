"""The command `faustdiff diff`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import click
from rich.console import Console

from ..comparison import libraries, numeric, show
from ..comparison.changes import BUMPS, Bump, Change, Comparison
from ..comparison.sources import Document, fetch_document
from ..comparison.tables import compare_tables
from ..errors import InputError
from ..resources import resource
from ..table.assembling import merge
from ..table.loading import load_tree, parse_yaml
from ..table.model import Primitive, Table
from ..table.modelling import model
from .options import runs_programs

EXIT_DIFFERENT = 1
EXIT_UNUSABLE = 2


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--format",
    "style",
    type=click.Choice(list(show.CHANGE_FORMATS)),
    default="text",
    show_default=True,
    help="How to report.",
)
@click.option(
    "--numeric",
    "by_numbers",
    is_flag=True,
    help="Libraries: compile the documented tests with both, and compare the numbers.",
)
@click.option(
    "--compiler",
    type=click.Choice(["faust", "cyfaust"]),
    help="The compiler for --numeric; without it, the first that is installed.",
)
@click.option(
    "--fail-on",
    type=click.Choice(BUMPS[1:]),
    default=BUMPS[1],
    show_default=True,
    help="The least bump of the version that counts as a difference for the exit code.",
)
@runs_programs
def diff_command(
    old: str, new: str, style: str, by_numbers: bool, compiler: str | None, fail_on: Bump
) -> None:
    """Compare two tables, or two generated libraries, by what they mean.

    OLD and NEW are files (.yaml or .lib), or REV:PATH of a git repository. Exits with 0 if they
    are the same, with 1 if they differ, with 2 if one of them cannot be read.

    \b
    A rule that is written in another way is reported as equal only if SymPy proves it; points
    where the two agree are no proof. A rule that differs comes with a point and both values.
    Rules that are rewritten, but equal, and texts ask for a patch: with --fail-on minor they are
    reported, and the exit code is 0.

    \b
    Examples:
      faustdiff diff HEAD~1:primitives.yaml primitives.yaml
      faustdiff diff v0.1.0:build/diff.lib build/diff.lib --numeric
      faustdiff diff old.yaml new.yaml --format markdown >> CHANGELOG.md
      faustdiff diff main:primitives.yaml primitives.yaml --fail-on minor
    """
    start = time.perf_counter()
    try:
        sources = fetch_document(old), fetch_document(new)
        comparison = _compare(*sources, by_numbers, compiler)
    except InputError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_UNUSABLE)
    comparison = replace(comparison, seconds=time.perf_counter() - start)
    formatted = show.CHANGE_FORMATS[style]
    if formatted is None:
        show.print_changes(comparison, Console())
    else:
        click.echo(formatted(comparison))
    is_failing = BUMPS.index(comparison.bump) >= BUMPS.index(fail_on)
    sys.exit(EXIT_DIFFERENT if is_failing else 0)


def _compare(old: Document, new: Document, by_numbers: bool, compiler: str | None) -> Comparison:
    if old.form != new.form:
        raise click.UsageError(f"{old.name} is a {old.form} and {new.name} is a {new.form}")
    if old.form == "table":
        if by_numbers:
            raise click.UsageError("--numeric is for libraries; tables are compared by proof")
        changes: tuple[Change, ...] = compare_tables(_read_table(old), _read_table(new), _progress)
        return Comparison(old.name, new.name, "table", changes, 0.0)
    first, second = libraries.parse_library(old), libraries.parse_library(new)
    changes = libraries.compare_libraries(first, second)
    version = first.declared.get("version", "")
    if not by_numbers:
        return Comparison(old.name, new.name, "library", changes, 0.0, version)
    note, changes = numeric.compare_numbers(first, second, changes, compiler)
    return Comparison(old.name, new.name, "library", changes, 0.0, version, note)


def _read_table(source: Document) -> Table:
    """The table of a source; one that extends the built-in table may use its libraries."""
    table = model(parse_yaml(source.text, source.name))
    try:
        return merge((table,))
    except InputError:
        built_in = model(load_tree(resource("primitives.yaml"))).libraries
        merge((replace(table, libraries={**built_in, **table.libraries}),))
        return table


def _progress(row: Primitive) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rcomparing {row.name:<20}\r", err=True, nl=False)
