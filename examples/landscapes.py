"""Draws losses against one parameter: which of them slope towards what is hidden, and from where.

    python examples/landscapes.py --out landscapes.svg

Four sounds, half a second at 44.1 kHz: the frequency of a sine (440 Hz hidden), the cutoff of a
lowpass on noise (1000 Hz), the delay of a click train (10 ms), the index of an FM voice (3). The
sounds have other phases, and other noise, than what is hidden, as recordings have. Each curve is
scaled from its least to its largest value. A table says from which part of the values a descent
along the curve ends at the hidden value.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from faustdiff.fitting.catalogue import at_rate, parse_loss

Array = NDArray[np.float64]

RATE = 44100
FRAMES = RATE // 2
TIME = np.arange(FRAMES) / RATE
LOSSES = (
    *("mse", "mae", "huber", "esr"),
    *("stft", "magnitude", "logmag", "convergence", "mrstft", "mel", "aweighted", "kl", "ot"),
)
POINTS = 61
#: How near to the hidden value a descent has to end, in points.
NEAR = 1


def sine(hertz: float, phase: float) -> Array:
    """A sine."""
    return np.sin(2 * np.pi * hertz * TIME + phase)


def filtered(hertz: float, seed: float) -> Array:
    """Noise behind a lowpass of order 2."""
    noise = np.random.default_rng(int(seed)).normal(size=FRAMES)
    return np.asarray(sosfilt(butter(2, hertz, fs=RATE, output="sos"), noise))


def delayed(milliseconds: float, start: float) -> Array:
    """Clicks that fade, and their echoes."""
    late = round(milliseconds * RATE / 1000)
    clicks = np.exp(-400 * ((TIME + start / 1000) % 0.1)) * sine(1500, 0)
    return clicks + 0.7 * np.pad(clicks, (late, 0))[:FRAMES]


def modulated(index: float, phase: float) -> Array:
    """An FM voice, 300 Hz by 450 Hz."""
    return np.sin(2 * np.pi * 300 * TIME + phase + index * sine(450, 2 * phase))


#: Title, sound, hidden value, values, and what differs between the sound and what is hidden.
SOUNDS: Sequence[tuple[str, Callable[[float, float], Array], float, Array, tuple[float, float]]] = (
    ("frequency of a sine, Hz", sine, 440, np.geomspace(55, 3520, POINTS), (0, 1)),
    ("cutoff of a lowpass, Hz", filtered, 1000, np.geomspace(125, 8000, POINTS), (0, 1)),
    ("delay, ms", delayed, 10, np.linspace(1, 19, POINTS), (0, 0)),
    ("index of an FM voice", modulated, 3, np.linspace(0, 6, POINTS), (0, 1)),
)


def reach(curve: Array) -> float:
    """From which part of the points a descent ends in the middle, where the hidden value is."""
    middle, ends = len(curve) // 2, 0
    for start in range(len(curve)):
        at = start
        while True:
            near = [k for k in (at - 1, at + 1) if 0 <= k < len(curve)]
            best = min(near, key=lambda k: curve[k])
            if curve[best] >= curve[at]:
                break
            at = best
        ends += abs(at - middle) <= NEAR
    return ends / len(curve)


def main() -> None:
    """Draws the picture and prints the table."""
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("landscapes.svg"))
    parser.add_argument("--every", type=int, default=1, help="leave out points (1, 2, 3, 5, ...)")
    parser.add_argument("--losses", default=",".join(LOSSES), help="which of them")
    options = parser.parse_args()
    losses = options.losses.split(",")
    figure, axes = plt.subplots(
        *(len(losses), len(SOUNDS)),
        figsize=(12, 1.55 * len(losses)),
        sharey=True,
        squeeze=False,
    )
    print(f"{'':12}" + "".join(f"{title:>26}" for title, *_ in SOUNDS))
    for row, name in zip(axes, losses, strict=True):
        loss, cells = at_rate(parse_loss(name), RATE), []
        for plot, (title, sound, hidden, values, (mine, its)) in zip(row, SOUNDS, strict=True):
            values = values[:: options.every]
            target = sound(hidden, its)[None]
            curve = np.array([loss.value(sound(value, mine)[None], target) for value in values])
            cells.append(reach(curve))
            plot.plot(np.arange(len(curve)), (curve - curve.min()) / (np.ptp(curve) or 1.0), "k")
            plot.axvline(len(curve) // 2, color="0.7", zorder=0)
            plot.set_yticks([])
            ticks = [0, len(curve) // 2, len(curve) - 1]
            plot.set_xticks(ticks, [f"{values[k]:.3g}" for k in ticks])
            if name == losses[0]:
                plot.set_title(title, fontsize=10)
        row[0].set_ylabel(name)
        print(f"{name:12}" + "".join(f"{cell:>26.0%}" for cell in cells), flush=True)
    figure.tight_layout()
    figure.savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
