"""Makes models.json: small PyTorch models, what they are fed, and what they give.

    python -m pip install torch
    python tests/data/pytorch/make.py

The tests need the file, not PyTorch. Tensors are in double precision; signals are (channels,
frames), with time along the frames.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

FRAMES = 24


class Causal(nn.Module):
    """A convolution that sees the present and the past: zeros come before the signal."""

    def __init__(self, inputs: int, outputs: int, taps: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, taps, dilation=dilation)
        self.before = (taps - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        """(channels, frames) to the same."""
        return self.conv(nn.functional.pad(x, (self.before, 0)))


class OverTime(nn.Module):
    """A module that takes (frames, channels), on (channels, frames); of recurrent ones, outputs."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """(channels, frames) to the same."""
        y = self.module(x.T)
        return (y[0] if isinstance(y, tuple) else y).T


def dense(inputs: int, outputs: int) -> nn.Module:
    """A linear layer at each sample."""
    return OverTime(nn.Linear(inputs, outputs))


MODELS = {
    "dense": ("df.nn.dense(3, 4), df.nn.tanh, df.nn.dense(4, 2)", 3,
              lambda: nn.Sequential(dense(3, 4), nn.Tanh(), dense(4, 2))),
    "conv1d": ("df.nn.conv1d(2, 3, 3, 2), df.nn.sigmoid, df.nn.conv1d(3, 1, 2, 1)", 2,
               lambda: nn.Sequential(Causal(2, 3, 3, 2), nn.Sigmoid(), Causal(3, 1, 2, 1))),
    "rnn": ("df.nn.rnn(2, 3)", 2, lambda: OverTime(nn.RNN(2, 3))),
    "gru": ("df.nn.gru(2, 3), df.nn.dense(3, 1)", 2,
            lambda: nn.Sequential(OverTime(nn.GRU(2, 3)), dense(3, 1))),
    "lstm": ("df.nn.lstm(1, 2), df.nn.lstm(2, 2), df.nn.dense(2, 1)", 1,
             lambda: nn.Sequential(OverTime(nn.LSTM(1, 2, num_layers=2)), dense(2, 1))),
    "norm": ("df.nn.dense(2, 3), df.nn.layer_norm(3), df.nn.gelu", 2,
             lambda: nn.Sequential(dense(2, 3), OverTime(nn.LayerNorm(3)),
                                   nn.GELU(approximate="tanh"))),
}  # fmt: skip


def main() -> None:
    """Writes the file beside this script."""
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    found = {}
    for name, (layers, inputs, make) in MODELS.items():
        model = make()
        # A new LayerNorm is 1 and 0, which would hide a wrong order.
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -0.9, 0.9)
        x = torch.randn(inputs, FRAMES)
        with torch.no_grad():
            y = model(x)
        state = {key: tensor.tolist() for key, tensor in model.state_dict().items()}
        found[name] = {
            "layers": layers, "state": state, "input": x.tolist(), "output": y.tolist()
        }  # fmt: skip
    text = json.dumps({"torch": torch.__version__, "models": found})
    Path(__file__).with_name("models.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
