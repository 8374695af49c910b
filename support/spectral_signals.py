"""The signals whose spectral losses are compared with those of auraloss 0.4."""

from __future__ import annotations

import numpy as np

RATE = 44100


def signals(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """An output and a target (channels, 6000)."""
    time = np.arange(6000) / RATE
    first = [np.sin(2 * np.pi * 440 * (c + 1) * time) for c in range(channels)]
    second = [0.7 * np.sin(2 * np.pi * 500 * (c + 1) * time + 1) ** 3 for c in range(channels)]
    noise = np.random.default_rng(channels).normal(size=(2, channels, 6000))
    return np.array(first) + 0.05 * noise[0], np.array(second) + 0.05 * noise[1]
