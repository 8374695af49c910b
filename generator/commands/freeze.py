"""The command `freeze`."""

from __future__ import annotations

from pathlib import Path

import click

from ..files import name_of
from ..learned.freezing import freeze
from ..learned.values import read_values
from .options import (
    Output,
    chosen_compiler,
    program_options,
    read_source,
    tell,
    usable_input,
    write_whole,
)


@click.command("freeze")
@program_options
@click.option(
    "--params",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="JSON file of values, as from `faustdiff train`.",
)
@click.option(
    "-o",
    "--output",
    type=Output(),
    help="Faust file to write; a .lib defines ENTRY.  [default: on the screen]",
)
@click.option(
    "--entry",
    default="process",
    show_default=True,
    help="The definition of PROGRAM to freeze, as `model` next to a `process` that learns.",
)
def freeze_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    params: Path,
    output: Path | None,
    entry: str,
) -> None:
    """Write PROGRAM with numbers in the place of sliders.

    Each slider or number box whose label, or the end of whose path, is a name in the file becomes
    that number; the others stay. What is written is plain Faust without imports.

    \b
    Examples:
      faustdiff freeze waveshaper.dsp --params learned.json --entry model -o shaper.dsp
      faustdiff freeze waveshaper.dsp --params learned.json --entry model -o shaper.lib
      faustdiff freeze filter.dsp --params fitted.json -o filter.fitted.dsp
    """
    library = output is not None and output.suffix == ".lib"
    with usable_input(program):
        frozen = freeze(
            read_source(program),
            read_values(params),
            entry=entry,
            library=library,
            compiler=chosen_compiler(compiler),
            include=(program.parent, *include),
            name=name_of(program),
            values_file=str(params),
        )
    for name in frozen.unused:
        click.echo(f"{params}: '{entry}' has no slider '{name}'; it was not used", err=True)
    if output is None:
        click.echo(frozen.text, nl=False)
        return
    write_whole(output, frozen.text)
    left = f", left free: {', '.join(frozen.free)}" if frozen.free else ""
    tell(output, f"wrote {output}: {len(frozen.set)} numbers in place{left}")
