"""A network that hears a dry and a wet sound, and sets an equaliser and a compressor.

It never sees the settings: the loss is the distance of spectra between the wet sound and what the
channel strip makes of the dry one, and gradients go through the strip, which is channel.dsp. On
sounds and settings that it has not heard, its wet sound is on average at most 0.25 times as far
from the true one as the dry sound is.

    python examples/layers/predict_settings.py      # 20 s on two cores; writes predict_settings.png
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from torch import nn

from faustdiff.torch import FaustModule

HERE = Path(__file__).parent
torch.set_num_threads(1)  # the tensors are small: more threads wait for each other
RATE, FRAMES, BATCH, STEPS = 16000, 2048, 16, 500
#: The largest error of the header.
BOUND = 0.25
NAMES = ("level", "frequency", "ratio", "threshold")
BANDS = 24


def strip() -> FaustModule:
    """The channel strip, whose settings are numbers in [0, 1]."""
    return FaustModule(HERE / "channel.dsp", params=NAMES, normalized=True, sample_rate=RATE)


def sounds(count: int, generator: torch.Generator) -> torch.Tensor:
    """Noise in bursts of different levels, (count, 1, FRAMES)."""
    noise = torch.randn(count, 1, FRAMES, generator=generator)
    steps = torch.rand(count, 1, 8, generator=generator).repeat_interleave(FRAMES // 8, dim=2)
    return noise * 10 ** (2 * steps - 2)


def spectra(x: torch.Tensor) -> torch.Tensor:
    """Levels in dB of BANDS bands over time, (batch, BANDS, blocks)."""
    window = torch.hann_window(512)
    power = torch.stft(x[:, 0], 512, 256, window=window, return_complex=True).abs().square()
    edges = np.unique(np.geomspace(4, 256, BANDS + 1).astype(int))
    bands = [power[:, a:b].mean(1) for a, b in itertools.pairwise(edges)]
    return 10 * torch.log10(torch.stack(bands, 1) + 1e-6)


class Listener(nn.Module):
    """Dry and wet spectra to settings in [0, 1], (batch, 4)."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3 * bands + 8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4)
        )

    def forward(self, dry: torch.Tensor, wet: torch.Tensor) -> torch.Tensor:
        """What has become louder or softer: by band, and by level of the dry sound."""
        change = wet - dry
        loud = dry.mean(1, keepdim=True)
        weights = torch.softmax(-(((loud - torch.linspace(-20, 40, 8)[:, None]) / 8) ** 2), dim=1)
        by_level = (weights * change.mean(1, keepdim=True)).sum(2) / weights.sum(2)
        features = [change.mean(2), change.std(2), dry.mean(2) - dry.mean(), by_level]
        return torch.sigmoid(self.layers(torch.cat(features, 1) / 10))


def train(seed: int, steps: int = STEPS) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The error on unheard sounds, and the true and predicted settings, (64, 4) in [0, 1]."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    module = strip()

    def example(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        settings = torch.rand(count, 4, generator=generator)
        dry = sounds(count, generator)
        with torch.no_grad():
            wet = module(dry, dict(zip(NAMES, settings.T, strict=True)))
        return settings, dry, wet

    bands = spectra(sounds(1, generator)).shape[1]
    listener = Listener(bands)
    optimizer = torch.optim.Adam(listener.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        _, dry, wet = example(BATCH)
        target = spectra(wet)
        found = listener(spectra(dry), target)
        loss = (spectra(module(dry, dict(zip(NAMES, found.T, strict=True)))) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    settings, dry, wet = example(64)
    target = spectra(wet)
    with torch.no_grad():
        found = listener(spectra(dry), target)
        again = spectra(module(dry, dict(zip(NAMES, found.T, strict=True))))
    error = (again - target).abs().mean() / (spectra(dry) - target).abs().mean()
    return float(error), settings, found


def main() -> None:
    """Trains, and draws true against predicted settings."""
    import matplotlib.pyplot as plt

    error, settings, found = train(0)
    print(f"distance of spectra: {error:.3f} of that of the dry sound (at most {BOUND})")
    figure, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
    for index, (name, axis) in enumerate(zip(NAMES, axes, strict=True)):
        axis.plot(settings[:, index], found[:, index], ".")
        axis.set(title=name, xlabel="true, in [0, 1]", ylabel="predicted")
    figure.savefig("predict_settings.png")


if __name__ == "__main__":
    main()
