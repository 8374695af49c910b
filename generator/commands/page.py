"""The command `page`."""

from __future__ import annotations

from pathlib import Path

import click

from ..faust.wasm import INSTALL_FOR_WASM
from ..files import name_of
from ..pages.page import page
from ..pages.programs import page_program
from .options import (
    Output,
    chosen_compiler,
    parameter_options,
    program_options,
    read_source,
    read_table,
    refuse_to_replace,
    table_options,
    tell,
    usable_input,
    write_whole,
)


@click.command("page")
@program_options
@click.option(
    "-o",
    "--output",
    type=Output(),
    required=True,
    help="HTML file to write.",
)
@click.option("--title", help="What the page is called.  [default: the name of PROGRAM]")
@parameter_options
@table_options
def page_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    output: Path,
    title: str | None,
    params: tuple[str, ...],
    all_continuous: bool,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Write PROGRAM as a page on which it learns before one's eyes.

    The page is one file of HTML. It opens by a double click or from any server, needs no network,
    and shows hidden and learned values side by side, with the loss.

    A program with df.backprop learns by itself. Of a plain one the page finds the sliders that are
    marked [diff:1] in their label, or chosen by --param or --all: it has hidden ones beside them.

    WebAssembly is made by the command `faust`, or by Node with the npm package @grame/faustwasm.

    \b
    Examples:
      faustdiff page gain.dsp -o gain.html
      faustdiff page filter.dsp --param cutoff --title "A filter" -o filter.html
    """
    refuse_to_replace(program, output)
    rules = read_table(table, extensions)
    source = read_source(program)
    with usable_input(program):
        result = page_program(
            source,
            compiler=chosen_compiler(compiler, INSTALL_FOR_WASM),
            params=params,
            all_continuous=all_continuous,
            include=(program.parent, *include),
            table=rules,
            file=str(program),
        )
    name = title or name_of(program).replace("_", " ").replace("-", " ").capitalize()
    text = page(result, title=name, source=source)
    write_whole(output, text)
    tell(output, f"wrote {output}: {len(text.encode()) / 1000:.0f} kB")
