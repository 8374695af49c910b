"""What is left over and no filter shows: repeats and modulations, and nothing in noise."""

import numpy as np
import pytest

from faustdiff.fitting.dependence import dependence

RATE, COUNT = 44100, 22050
NOISE = np.random.default_rng(3).normal(size=(2, COUNT))
TIMES = np.arange(COUNT) / RATE
SOUND = NOISE[:1]
SINE = 0.5 * np.sin(2 * np.pi * 441.3 * TIMES)[None]


def test_repeat() -> None:
    late = 0.1 * np.pad(SOUND, ((0, 0), (4000, 0)))[:, :COUNT]
    found = dependence(SOUND, late + 0.1 * NOISE[1:], RATE)
    assert found is not None
    # The repeat and the noise are as loud, but for the 4000 samples before it begins.
    share = (COUNT - 4000) / COUNT
    assert found.part == pytest.approx(share / (share + 1), rel=0.1)
    assert "4000 samples (90.7 ms) later" in found.description


@pytest.mark.parametrize("sound", [SOUND, SINE])
def test_modulation(sound: np.ndarray) -> None:
    residual = 0.2 * np.cos(2 * np.pi * 12 * TIMES) * sound
    energy = np.mean(residual**2)
    found = dependence(sound, residual + np.sqrt(energy) * NOISE[1:], RATE)
    assert found is not None
    assert found.part == pytest.approx(0.5, rel=0.15)
    assert "moves at about 12 Hz" in found.description


@pytest.mark.parametrize("sound", [SOUND, SINE, np.cumsum(SOUND, axis=1), np.sign(SINE)])
@pytest.mark.parametrize("seed", range(5))
def test_noise_shows_nothing(sound: np.ndarray, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=(1, COUNT))
    assert dependence(sound, noise, RATE) is None
    assert dependence(sound, np.cumsum(noise, axis=1), RATE) is None
    assert dependence(sound, 0 * noise, RATE) is None
