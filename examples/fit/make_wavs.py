"""Makes what the examples of `faustdiff fit` need: inputs, and targets with hidden values.

    python examples/fit/make_wavs.py [--snr DB] [NAME...]

For each example NAME, `examples/fit/wav` gets NAME.input.wav, if the program has an input, and
NAME.target.wav: the program's output with its hidden values, two seconds at 44.1 kHz, with white
noise at a signal-to-noise ratio of --snr if given. Prints the command that finds the values again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

Array = NDArray[np.float64]

HERE = Path(__file__).parent
RATE = 44100
FRAMES = 2 * RATE


@dataclass(frozen=True)
class Example:
    """A program, what is fed to it, and the values of its sliders that are to be found."""

    name: str
    hidden: dict[str, float]
    feed: str = ""
    options: tuple[str, ...] = ()

    @property
    def program(self) -> Path:
        """The Faust program."""
        return HERE / f"{self.name}.dsp"

    def input(self) -> Array | None:
        """What is fed to it (1, frames)."""
        return FEEDS[self.feed]()[None] if self.feed else None

    def target(self, compiler: Compiler | str | None = None, snr: float | None = None) -> Array:
        """Its output (1, frames), with noise at a signal-to-noise ratio of `snr` in dB."""
        text = self.program.read_text(encoding="utf-8")
        output = build(text, compiler=compiler).run(self.input(), FRAMES, controls=self.hidden)
        clean = np.asarray(output, float)
        if snr is None:
            return clean
        level = np.sqrt(np.mean(clean**2) / 10 ** (snr / 10))
        return clean + level * np.random.default_rng(40).normal(size=clean.shape)


def noise() -> Array:
    """White noise."""
    return np.random.default_rng(1).uniform(-0.5, 0.5, FRAMES)


def bursts() -> Array:
    """Short bursts of noise, as from a drum machine."""
    rng = np.random.default_rng(2)
    signal = np.zeros(FRAMES)
    for start in rng.integers(0, FRAMES - 4000, 6):
        signal[start : start + 4000] += rng.normal(size=4000) * 0.3 * np.exp(-np.arange(4000) / 600)
    return signal


def phrase() -> Array:
    """Decaying notes, some loud and some soft, with a few overtones each."""
    rng = np.random.default_rng(3)
    signal = np.zeros(FRAMES)
    for index, start in enumerate(range(0, FRAMES, FRAMES // 8)):
        time = np.arange(FRAMES - start) / RATE
        pitch = 110 * 2 ** (rng.integers(0, 24) / 12)
        note = sum(np.sin(2 * np.pi * pitch * k * time) / k**1.5 for k in range(1, 12))
        signal[start:] += (0.5, 0.1)[index % 2] * note * np.exp(-time / 0.15)
    return signal


def pluck() -> Array:
    """A burst of noise of 15 ms, then silence."""
    signal = np.zeros(FRAMES)
    signal[: RATE * 15 // 1000] = np.random.default_rng(4).uniform(-1, 1, RATE * 15 // 1000)
    return signal


FEEDS = {"noise": noise, "bursts": bursts, "phrase": phrase, "pluck": pluck}

#: A race of starts, for programs that cannot be reached from anywhere.
RACE = ("--starts", "256")

EXAMPLES = (
    Example(
        "equaliser",
        {"bass": 6, "mid": -9, "mid frequency": 2300, "mid Q": 2.5, "treble": 4.5},
        "noise",
    ),
    Example("resonant_filter", {"cutoff": 1800, "resonance": 7, "level": 0.8}, "noise"),
    Example(
        "compressor",
        {"ratio": 5, "threshold": -28, "attack": 0.004, "release": 0.15, "make-up": 8},
        "phrase",
    ),
    Example("echo", {"time": 0.3137, "feedback": 0.45, "mix": 0.35}, "bursts"),
    Example("amplifier", {"drive": 24, "tone": 5200, "level": -3}, "phrase"),
    Example(
        "fm_voice",
        {"frequency": 311.13, "ratio": 1.41, "index": 2.3, "decay": 0.8, "level": 0.7},
        options=RACE,
    ),
    Example("string", {"frequency": 146.83, "decay": 3, "brightness": 0.7}, "pluck", RACE),
    Example("reverb", {"room": 0.88, "damping": 0.2, "wet": 0.45}, "bursts"),
)


def main() -> None:
    """Writes the files and prints the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples; all by default")
    parser.add_argument("--snr", type=float, help="signal-to-noise ratio of the targets in dB")
    arguments = parser.parse_args()
    folder = HERE / "wav"
    folder.mkdir(exist_ok=True)
    for one in EXAMPLES:
        if arguments.names and one.name not in arguments.names:
            continue
        command = ["faustdiff fit", relpath(one.program)]
        if (signal := one.input()) is not None:
            source = folder / f"{one.name}.input.wav"
            soundfile.write(source, signal.T, RATE, subtype="DOUBLE")
            command += ["--input", relpath(source)]
        target = folder / f"{one.name}.target.wav"
        soundfile.write(target, one.target(snr=arguments.snr).T, RATE, subtype="DOUBLE")
        print(" ".join([*command, "--target", relpath(target), *one.options]))


if __name__ == "__main__":
    main()
