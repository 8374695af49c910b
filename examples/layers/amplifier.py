"""An amplifier learned from a recording, trained in PyTorch, and written as one Faust program.

The model is a network 1-8-1 in PyTorch in front of a recursive filter in Faust, cabinet.dsp, both
learned at once. What it plays differs from the recording by at most 1 % of the energy. The numbers
of both are then put into amplifier.dsp by `freeze`: a plain program without sliders or libraries,
whose sound is that of the model to 1e-6.

    python examples/layers/amplifier.py    # 20 s on two cores; writes amplifier.frozen.dsp, a plot
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from faustdiff.faust.program import build
from faustdiff.learned.freezing import freeze
from faustdiff.learned.pytorch import layers, tensors
from faustdiff.torch import FaustModule

HERE = Path(__file__).parent
torch.set_num_threads(1)  # the tensors are small: more threads wait for each other
LIBRARY = HERE.parent.parent / "build"
RATE, FRAMES, STEPS = 44100, 4096, 1000
#: The largest errors of the header: of the model, as a part of the energy, and of the program.
BOUND, FROZEN_BOUND = 0.01, 1e-6


class Amplifier(nn.Module):
    """A network for the distortion, then the cabinet; (batch, 1, frames) to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        self.cabinet = FaustModule(HERE / "cabinet.dsp", owned=True, sample_rate=RATE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sound of the amplifier."""
        return self.cabinet(self.network(x.transpose(1, 2)).transpose(1, 2))


def device(x: torch.Tensor) -> torch.Tensor:
    """The amplifier that is recorded: asymmetric, with a cabinet of other settings."""
    settings = {"resonance": 110.0, "height": 6.0, "treble": 2500.0}
    cabinet = FaustModule(HERE / "cabinet.dsp", sample_rate=RATE)
    return cabinet(torch.tanh(3 * x + 0.3) - 0.29, settings)


def frozen(model: Amplifier) -> str:
    """The trained model as the text of one Faust program."""
    weights = {k: v.tolist() for k, v in model.double().network.state_dict().items()}
    values = {**flat(tensors(layers(weights))), **model.cabinet.values()}
    source = (HERE / "amplifier.dsp").read_text("utf-8")
    return freeze(source, values, include=(HERE, LIBRARY)).text


def flat(nested: dict[str, object], prefix: str = "") -> dict[str, float]:
    """Nested lists as numbers by name: {"0.weight": [[1.0]]} is {"0.weight.0.0": 1.0}."""
    found: dict[str, float] = {}
    for name, one in nested.items():
        inner = {str(i): part for i, part in enumerate(one)} if isinstance(one, list) else None
        found |= {prefix + name: float(one)} if inner is None else flat(inner, f"{prefix}{name}.")
    return found


def train(seed: int, steps: int = STEPS) -> tuple[float, float, Amplifier]:
    """The error of the model, the largest difference of the frozen program, and the model."""
    torch.manual_seed(seed)
    model = Amplifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sweep = torch.rand(4, 1, 1) * torch.sin(
        torch.linspace(0.01, 0.4, FRAMES) * torch.arange(FRAMES)
    )
    x = torch.cat([sweep, 0.5 * torch.randn(4, 1, FRAMES)])
    recording = device(x)
    for _ in range(steps):
        loss = (model(x) - recording).square().mean() / recording.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    text = frozen(model)
    with torch.no_grad():
        sound = model(x[:1].double()).numpy()[0]
    program = build(text)
    difference = abs(program.run(x[0].double().numpy(), sample_rate=RATE) - sound).max()
    return float(loss.detach()), float(difference), model


def main() -> None:
    """Trains, writes the program, and draws what the network does."""
    import matplotlib.pyplot as plt

    error, difference, model = train(0)
    print(f"error of the model: {100 * error:.3f} % (at most {100 * BOUND:g} %)")
    print(f"the frozen program differs by {difference:.1e} (at most {FROZEN_BOUND:g})")
    print(", ".join(f"{name} {value:.4g}" for name, value in model.cabinet.values().items()))
    Path("amplifier.frozen.dsp").write_text(frozen(model), encoding="utf-8")
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)
    figure, axis = plt.subplots(layout="constrained")
    axis.plot(x, torch.tanh(3 * x + 0.3) - 0.29, label="device")
    axis.plot(x, model.network(x[:, None]).detach()[:, 0], "--", label="network")
    axis.set(xlabel="in", ylabel="out")
    axis.legend()
    figure.savefig("amplifier.png")


if __name__ == "__main__":
    main()
