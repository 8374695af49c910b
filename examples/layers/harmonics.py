"""A harmonic sound taken apart: the amplitudes of eight harmonics as they change in time.

The synthesizer is harmonics.dsp. Of each amplitude one number is learned for each frame of 10 ms,
between which it moves evenly. The sound that they make differs from the recording by at most 1 % of
its energy, and so do the amplitudes.

    python examples/layers/harmonics.py             # 10 s on two cores; writes harmonics.png
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn.functional import interpolate

from faustdiff.torch import FaustModule

HERE = Path(__file__).parent
torch.set_num_threads(1)  # the tensors are small: more threads wait for each other
RATE, FRAMES, HARMONICS, STEPS = 16000, 8000, 8, 150
POINTS = FRAMES * 100 // RATE + 1
#: The largest error of the header.
BOUND = 0.01
NAMES = [f"amplitude {k}" for k in range(HARMONICS)]


def moved(points: torch.Tensor) -> dict[str, torch.Tensor]:
    """Amplitudes by name, each (1, FRAMES), from their points (HARMONICS, POINTS)."""
    lines = interpolate(points[None], FRAMES, mode="linear", align_corners=True)[0]
    return {name: line[None] for name, line in zip(NAMES, lines, strict=True)}


def train(seed: int, steps: int = STEPS) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The larger of the two errors, and true and learned amplitudes, (HARMONICS, POINTS)."""
    generator = torch.Generator().manual_seed(seed)
    module = FaustModule(HERE / "harmonics.dsp", params=[], signals=NAMES, sample_rate=RATE)
    frequency = float(150 + 200 * torch.rand((), generator=generator))
    knots = torch.rand(1, HARMONICS, 6, generator=generator)
    true = interpolate(knots, POINTS, mode="linear", align_corners=True)[0]

    def play(points: torch.Tensor) -> torch.Tensor:
        return module(frames=FRAMES, batch=1, values=moved(points), frequency=frequency)

    recording = play(true)
    points = torch.full((HARMONICS, POINTS), 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([points], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        loss = (play(points) - recording).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            points.clamp_(0, 1)  # the range of the sliders
        schedule.step()
    learned = points.detach()
    wrong = float(loss.detach() / recording.square().mean())
    apart = float((learned - true).square().mean() / true.square().mean())
    return max(wrong, apart), true, learned


def main() -> None:
    """Trains, and draws true and learned amplitudes."""
    import matplotlib.pyplot as plt

    error, true, learned = train(0)
    print(f"error of sound and amplitudes: {100 * error:.2f} % (at most {100 * BOUND:g} %)")
    figure, axes = plt.subplots(2, 4, figsize=(12, 5), layout="constrained", sharey=True)
    for name, axis, one, other in zip(NAMES, axes.flat, true, learned, strict=True):
        axis.plot(one, label="true")
        axis.plot(other, "--", label="learned")
        axis.set(title=name, xlabel="time in 10 ms")
    axes.flat[0].legend()
    figure.savefig("harmonics.png")


if __name__ == "__main__":
    main()
