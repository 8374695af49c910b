"""The command `train`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..faust.excitation import GENERATED_INPUTS, excitation
from ..faust.program import build
from ..learned.training import train
from ..learned.values import read_values, text_of
from .options import (
    EXIT_NOT_HELD,
    Output,
    chosen_compiler,
    excitation_options,
    program_options,
    read_source,
    runs_programs,
    tell,
    usable_input,
    write_whole,
)

DEFAULT_SECONDS = 10.0


@click.command("train")
@program_options
@click.option(
    "--params",
    type=Output(),
    required=True,
    help="JSON file to write: what was learned.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON file of values to start from, as an earlier --params.",
)
@excitation_options(DEFAULT_SECONDS)
@runs_programs
def train_command(
    program: Path,
    include: tuple[Path, ...],
    compiler: str | None,
    params: Path,
    start: Path | None,
    fed: str,
    seconds: float | None,
    rate: int | None,
) -> None:
    """Run PROGRAM, which learns, and save what its bargraphs show.

    The values are saved by the labels of the bargraphs; where a label stands for several, by the
    end of the path. Those of the loss are left out. The first output is shown as the loss.
    Starting values are for the sliders of the program; networks of df.nn have a number box for each
    parameter.

    Exits with 1, and writes nothing, if a value is no finite number in the end.

    \b
    Examples:
      faustdiff train waveshaper.dsp --params learned.json
      faustdiff train waveshaper.dsp --start learned.json --params more.json --seconds 60
      faustdiff train amplifier.dsp --input guitar.wav --params amplifier.json
    """
    source = read_source(program)
    with usable_input(program):
        values = read_values(start) if start else None
        built = build(
            source,
            compiler=chosen_compiler(compiler),
            include=(program.parent, *include),
            fast=True,
        )
        if seconds is None and fed in GENERATED_INPUTS:
            seconds = DEFAULT_SECONDS
        trained = train(
            built,
            excitation(fed, built.inputs, seconds, rate),
            start=values,
            start_file=str(start),
            file=str(program),
        )
    for name in trained.unused:
        click.echo(f"{start}: the program has no control '{name}'; it was not used", err=True)
    if trained.skipped:
        click.echo(f"{program}: steps that were no finite numbers: {trained.skipped}", err=True)
        click.echo("  they were not taken; is the input finite, and the rate low enough?", err=True)
    if trained.diverged:
        click.echo(f"{program}: it has diverged: '{trained.diverged[0]}' is not finite", err=True)
        click.echo("  nothing was written; lower the learning rate", err=True)
        sys.exit(EXIT_NOT_HELD)
    write_whole(params, text_of(trained.values))
    first, last = trained.losses[0], trained.losses[-1]
    tell(params, f"wrote {params}: {len(trained.values)} values; loss {first:.3g} -> {last:.3g}")
