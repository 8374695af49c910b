"""The command `import-weights`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..learned import pytorch
from ..learned.values import read_object
from .options import tell, usable_input, write_whole


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
    tell(output, f"wrote {output}: {', '.join(layer.call for layer in layers)}")
