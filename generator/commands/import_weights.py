"""The command `import-weights`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..learned import pytorch
from ..learned.formats import read_weights
from .options import Output, tell, usable_input, write_whole


@click.command("import-weights")
@click.argument("state", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=Output(),
    required=True,
    help="JSON file to write, for `faustdiff freeze` and `faustdiff train --start`.",
)
def import_weights_command(state: Path, output: Path) -> None:
    """Write the parameters of a network from elsewhere under the names of df.nn.

    STATE is a PyTorch state dict (JSON with each tensor as nested lists, safetensors, or .pt, of
    which nothing but tensors is loaded), a model of GuitarML (Proteus) or RTNeural, or a .nam of
    Neural Amp Modeler (LSTM, WaveNet). Linear, Conv1d, RNN, GRU, LSTM and LayerNorm are understood,
    in their order, with weight norm; the answer says which layers of df.nn they are.

    \b
    Examples:
      faustdiff import-weights model.safetensors -o learned.json
      faustdiff import-weights amplifier.nam -o learned.json
      faustdiff freeze model.dsp --params learned.json -o model.frozen.dsp
    """
    with usable_input():
        weights = read_weights(state)
    write_whole(output, json.dumps(pytorch.tensors(weights.layers), indent=1) + "\n")
    tell(output, f"wrote {output}: {', '.join(layer.call for layer in weights.layers)}")
    for note in weights.notes:
        tell(output, note)
