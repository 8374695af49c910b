"""The cutoff of a filter as it moves in time, learned from a recording of what it does to noise.

What is learned is 33 numbers, between which the cutoff moves evenly by ratios; the filter is
moving_cutoff.dsp. Half of the time the cutoff is within 2 % of the true one.

    python examples/layers/moving_cutoff.py         # 10 s on two cores; writes moving_cutoff.png
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from faustdiff.torch import FaustModule

HERE = Path(__file__).parent
torch.set_num_threads(1)  # the tensors are small: more threads wait for each other
RATE, FRAMES, POINTS, STEPS = 44100, 22050, 33, 200
#: The largest error of the header.
BOUND = 0.02


def train(seed: int, steps: int = STEPS) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The median error, and the true and the learned cutoff in Hz, (FRAMES,)."""
    generator = torch.Generator().manual_seed(seed)
    module = FaustModule(HERE / "moving_cutoff.dsp", signals=["cutoff"], sample_rate=RATE)
    noise = torch.randn(1, 1, FRAMES, generator=generator)
    time = torch.linspace(0, 1, FRAMES)
    speed, phase = 1 + 2 * torch.rand(2, generator=generator)
    true = 1000 * torch.exp2(1.5 * torch.sin(2 * math.pi * (speed * time + phase)))
    recording = module(noise, cutoff=true[None])

    points = torch.full((1, 1, POINTS), math.log(1000.0), requires_grad=True)
    optimizer = torch.optim.Adam([points], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        cutoff = interpolate(points, FRAMES, mode="linear", align_corners=True)[0].exp()
        loss = (module(noise, cutoff=cutoff) - recording).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    cutoff = cutoff[0].detach()
    return float((cutoff / true - 1).abs().median()), true, cutoff


def main() -> None:
    """Trains, and draws the true and the learned cutoff."""
    import matplotlib.pyplot as plt

    error, true, learned = train(0)
    print(f"median error of the cutoff: {100 * error:.2f} % (at most {100 * BOUND:g} %)")
    figure, axis = plt.subplots(layout="constrained")
    time = torch.arange(FRAMES) / RATE
    axis.semilogy(time, true, label="true")
    axis.semilogy(time, learned, "--", label="learned")
    axis.set(xlabel="time in s", ylabel="cutoff in Hz")
    axis.legend()
    figure.savefig("moving_cutoff.png")


if __name__ == "__main__":
    main()
