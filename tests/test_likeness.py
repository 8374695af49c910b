"""How like two sounds are, and the pitch of one: against sums of sines, whose phases are free."""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.fitting.likeness import SoundDifference, Windows
from faustdiff.fitting.pitch import pitch
from faustdiff.fitting.verdict import Verdict

RATE = 44100
FRAMES = RATE // 4
WINDOWS = Windows((4096, 2048), (False, False))


def tone(hertz: float, seed: int, *, odd: bool = False, frames: int = FRAMES) -> np.ndarray:
    """Partials of 1/k below half the rate, each with a phase of its own: (1, frames)."""
    rng, time = np.random.default_rng(seed), np.arange(frames) / RATE
    parts = [
        np.sin(2 * np.pi * k * hertz * time + rng.uniform(0, 2 * np.pi)) / k
        for k in range(1, int(RATE / 2 / hertz) + 1, 2 if odd else 1)
    ]
    return np.sum(parts, axis=0)[None]


@pytest.mark.parametrize("hertz", [220.0, 443.7, 2000.0, 8000.0])
def test_phases_make_no_difference(hertz: float) -> None:
    found = WINDOWS.difference([(tone(hertz, 0), tone(hertz, 1))])
    assert found.matches, found


@pytest.mark.parametrize("hertz", [443.7, 2000.0])
@pytest.mark.parametrize("ratio", [0.5, 0.998, 1.002, 1.5, 2.0])
def test_a_pitch_is_none_that_is_off(hertz: float, ratio: float) -> None:
    found = WINDOWS.difference([(tone(ratio * hertz, 0), tone(hertz, 1))])
    assert not found.matches, found


def test_another_timbre_is_no_match() -> None:
    assert not WINDOWS.difference([(tone(220, 0, odd=True), tone(220, 1))]).matches


def test_level() -> None:
    """Half of it: 6.02 dB, a little less near the floor of 40 dB, and nothing without level."""
    pairs = [(tone(443.7, 0) / 2, tone(443.7, 0))]
    found = WINDOWS.difference(pairs)
    assert found.louder == pytest.approx(20 * np.log10(2), rel=1e-12)
    assert found.level == pytest.approx(20 * np.log10(2), rel=0.1)
    assert found.level < found.louder
    assert not found.matches
    without = WINDOWS.difference(pairs, level=False)
    assert without.level == pytest.approx(0, abs=1e-12)
    assert without.course == pytest.approx(0, abs=1e-12)


def test_course_in_time() -> None:
    """A decay and the same one backwards have one spectrum of powers, and are not alike."""
    decay = np.exp(-np.arange(FRAMES) / 3000)
    found = WINDOWS.difference([(tone(443.7, 0) * decay, tone(443.7, 1) * decay[::-1])])
    assert found.course > 0.1
    assert not found.matches


def test_channels_count_alike() -> None:
    same = tone(443.7, 0)
    pair = (np.concatenate([same, same]), np.concatenate([same, tone(500, 0)]))
    assert not WINDOWS.difference([pair]).matches


@pytest.mark.parametrize("frames", [1, 2, 3, 100])
def test_short_sounds(frames: int) -> None:
    sound = tone(443.7, 0, frames=frames) + 0.1
    assert Windows().difference([(sound, sound)]).matches
    assert not Windows().difference([(2 * sound, sound)]).matches


def test_silence() -> None:
    silent, sound = np.zeros((1, FRAMES)), tone(443.7, 0)
    assert WINDOWS.difference([(silent, silent)]).matches
    assert not WINDOWS.difference([(silent, sound)]).matches
    assert not WINDOWS.difference([(sound, silent)]).matches
    assert not WINDOWS.difference([(sound * np.nan, sound)]).matches


def test_what_is_within_a_level() -> None:
    """Of samples what is left over, of spectra by how much they differ, also over time."""
    assert Verdict("poor match", 0.009).within(-20)
    assert not Verdict("found, with noise", 0.011).within(-20)
    assert Verdict("found, by spectra", 1.5, difference=SoundDifference(2.9, 0.001, 0)).within(3)
    assert not Verdict("found, by spectra", 0, difference=SoundDifference(3.1, 0.001, 0)).within(3)
    assert not Verdict("poor match", 0, difference=SoundDifference(0.1, 0.5, 0)).within(3)


def test_the_difference_in_words() -> None:
    assert SoundDifference(0.1234, 0.001, 0).description == "0.12 dB"
    silent = WINDOWS.difference([(np.zeros((1, FRAMES)), tone(443.7, 0))])
    assert silent.description == "all there is: one of the two is silent"
    assert SoundDifference(6.02, 0.25, 0).description == "6 dB, and over time by 25 % of the energy"


@pytest.mark.parametrize("hertz", [60, 100, 140, 220, 440, 880, 1350, 2000, 4000, 8000])
@pytest.mark.parametrize("kind", ["sine", "odd", "all"])
def test_pitch(hertz: float, kind: str) -> None:
    """From a part of a tone that starts anywhere, to 1e-4."""
    sound = tone(hertz, 3, odd=kind == "odd")[0]
    if kind == "sine":
        sound = np.sin(2 * np.pi * hertz * np.arange(FRAMES) / RATE + 1)
    assert pitch(sound, RATE) == pytest.approx(hertz, rel=1e-4)


def test_noise_and_silence_have_no_pitch() -> None:
    assert pitch(np.random.default_rng(0).normal(size=FRAMES), RATE) is None
    assert pitch(np.zeros(FRAMES), RATE) is None
    assert pitch(np.ones(FRAMES), RATE) is None
    assert pitch(np.full(FRAMES, np.nan), RATE) is None
    assert pitch(np.ones(3), RATE) is None
