"""The commands `train`, `freeze` and `import-weights`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..ahead.excitation import GENERATED, RATE, excitation
from ..options import (
    NOT_HELD,
    chosen_compiler,
    program_options,
    read_source,
    usable_input,
    write_whole,
)
from ..program import build
from . import pytorch
from .freezing import freeze
from .training import train
from .values import read_object, read_values, text_of

SECONDS = 10.0


@click.command("train")
@program_options
@click.option(
    "--params",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="JSON file to write: what was learned.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON file of values to start from, as an earlier --params.",
)
@click.option(
    "--input",
    "fed",
    default="noise",
    show_default=True,
    metavar="|".join(["FILE.wav", *GENERATED]),
    help="What the program is fed, if it has inputs.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help=f"How long to run.  [default: {SECONDS:g}, or the whole file]",
)
@click.option(
    "--rate",
    type=click.IntRange(min=1),
    help=f"Sample rate in Hz.  [default: {RATE}, or that of the file]",
)
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
    end of the path. That of the loss is left out. The first output is shown as the loss.
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
            source, compiler=chosen_compiler(compiler), include=(program.parent, *include)
        )
        if seconds is None and fed in GENERATED:
            seconds = SECONDS
        trained = train(
            built,
            excitation(fed, built.inputs, seconds, rate),
            start=values,
            start_file=str(start),
            file=str(program),
        )
    for name in trained.unused:
        click.echo(f"{start}: the program has no control '{name}'; it was not used", err=True)
    if trained.diverged:
        click.echo(f"{program}: it has diverged: '{trained.diverged[0]}' is not finite", err=True)
        click.echo("  nothing was written; lower the learning rate", err=True)
        sys.exit(NOT_HELD)
    write_whole(params, text_of(trained.values))
    first, last = trained.losses[0], trained.losses[-1]
    click.echo(f"wrote {params}: {len(trained.values)} values; loss {first:.3g} -> {last:.3g}")


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
    type=click.Path(path_type=Path, dir_okay=False),
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
            name=program.stem,
            values_file=str(params),
        )
    for name in frozen.unused:
        click.echo(f"{params}: '{entry}' has no slider '{name}'; it was not used", err=True)
    if output is None:
        click.echo(frozen.text, nl=False)
        return
    write_whole(output, frozen.text)
    left = f", left free: {', '.join(frozen.free)}" if frozen.free else ""
    click.echo(f"wrote {output}: {len(frozen.set)} numbers in place{left}")


@click.command("import-weights")
@click.argument("state", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="JSON file to write, for `faustdiff freeze` and `faustdiff train --start`.",
)
def import_weights_command(state: Path, output: Path) -> None:
    """Write the parameters of a PyTorch state dict under the names of df.nn.

    STATE is the state dict as JSON, each tensor as nested lists. Linear, Conv1d, RNN, GRU, LSTM and
    LayerNorm are understood, in their order; the answer says which layers of df.nn they are.

    \b
    Examples:
      python -c "import json, torch; d = torch.load('model.pt'); \\
          json.dump({k: v.tolist() for k, v in d.items()}, open('state.json', 'w'))"
      faustdiff import-weights state.json -o learned.json
      faustdiff freeze model.dsp --params learned.json -o model.frozen.dsp
    """
    with usable_input():
        layers = pytorch.layers(read_object(state), str(state))
    write_whole(output, json.dumps(pytorch.tensors(layers), indent=1) + "\n")
    click.echo(f"wrote {output}: {', '.join(layer.call for layer in layers)}")
