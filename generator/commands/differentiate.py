"""The command `differentiate`."""

from __future__ import annotations

from pathlib import Path

import click

from ..autodiff.differentiate import Mode, differentiate
from .options import (
    chosen_compiler,
    parameter_options,
    program_options,
    read_source,
    read_table,
    table_options,
    tell,
    usable_input,
    write_whole,
)


@click.command("differentiate")
@program_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Faust program to write.",
)
@parameter_options
@click.option(
    "--mode",
    type=click.Choice(["forward", "reverse"]),
    default="forward",
    show_default=True,
    help="Reverse is for many parameters and no feedback behind them.",
)
@table_options
def differentiate_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    output: Path,
    params: tuple[str, ...],
    all_continuous: bool,
    mode: Mode,
    table: Path,
    extensions: tuple[Path, ...],
) -> None:
    """Write PROGRAM with its partial derivatives.

    The program that is written keeps the inputs and the sliders. For each output of the original
    it has the value, then one partial for each slider that is marked [diff:1] or [diff:on] in its
    label, or chosen by --param or --all; its header states the order.

    \b
    Examples:
      faustdiff differentiate filter.dsp -o filter.diff.dsp
      faustdiff differentiate filter.dsp --param cutoff --param q -o filter.diff.dsp
      faustdiff differentiate network.dsp --all --mode reverse -o network.diff.dsp
    """
    rules = read_table(table, extensions)
    with usable_input(program):
        done = differentiate(
            read_source(program),
            params=params,
            all_continuous=all_continuous,
            mode=mode,
            compiler=chosen_compiler(compiler),
            include=(program.parent, *include),
            table=rules,
            name=program.stem,
            file=str(program),
        )
    write_whole(output, done.text)
    names = ", ".join(param.label for param in done.params)
    tell(output, f"wrote {output}: {done.outputs} x (value, {names})")
