"""What a program is fed: a WAV file, or a signal made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..deferred import DeferredModule
from ..errors import InputError, Place, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    # Commands that play nothing ask here for names and defaults alone.
    np = DeferredModule("numpy")

GENERATED_INPUTS = ("noise", "impulse", "sine", "sweep")

DEFAULT_RATE = 44100
DEFAULT_SECONDS = 0.5
AMPLITUDE = 0.5
#: Of the sine, in Hz; no divisor of a usual sample rate, so that no period repeats.
SINE_FREQUENCY = 997.0
#: What stands in for a sound file: its frames, and two sines in radians for each frame.
SOUND_FRAMES, SOUND_STEPS = 1024, (0.031, 0.17)


@dataclass(frozen=True)
class Excitation:
    """Input `signals` (inputs, frames) at a sample `rate` in Hz."""

    signals: NDArray[np.float64]
    rate: int


def stand_in_sound() -> NDArray[np.float64]:
    """What stands in for a sound file (frames,): two sines that share no period."""
    frames = np.arange(SOUND_FRAMES)
    return np.asarray(AMPLITUDE / 2 * sum(np.sin(step * frames) for step in SOUND_STEPS))


def excitation(source: str, inputs: int, seconds: float | None, rate: int | None) -> Excitation:
    """The signals for a program of so many `inputs`.

    `source` is noise (white, seeded, each input its own), impulse, sine (997 Hz), sweep
    (exponential, 20 Hz to 0.45 of the rate), or a WAV file of one channel, or of as many as there
    are inputs. By default `seconds` is the whole file, else 0.5, and `rate` that of the file, else
    44100. Raises `InputError` for a file that cannot be used.
    """
    if source not in GENERATED_INPUTS:
        return _recording(source, inputs, seconds, rate)
    rate = rate or DEFAULT_RATE
    frames = max(1, round((seconds or DEFAULT_SECONDS) * rate))
    time = np.arange(frames) / rate
    match source:
        case "noise":
            signals = np.random.default_rng(0).uniform(-AMPLITUDE, AMPLITUDE, (inputs, frames))
        case "impulse":
            signals = np.zeros((inputs, frames))
            signals[:, 0] = 1.0
        case "sine":
            wave = AMPLITUDE * np.sin(2 * np.pi * SINE_FREQUENCY * time)
            signals = np.tile(wave, (inputs, 1))
        case _:
            low, high = 20.0, 0.45 * rate
            growth = np.log(high / low) * rate / frames
            wave = AMPLITUDE * np.sin(2 * np.pi * low * np.expm1(growth * time) / growth)
            signals = np.tile(wave, (inputs, 1))
    return Excitation(signals, rate)


def _recording(file: str, inputs: int, seconds: float | None, rate: int | None) -> Excitation:
    def refusal(what: str, hint: str) -> InputError:
        return InputError([Problem(Place(file), what, hint)])

    from ..recordings import open_recording

    if not Path(file).is_file():
        hint = f"name a WAV file, or one of {', '.join(GENERATED_INPUTS)}"
        raise refusal("there is no such file", hint)
    recording = open_recording(Path(file))
    if rate not in (None, recording.rate):
        what = f"has a sample rate of {recording.rate} Hz, not {rate} Hz"
        raise refusal(what, "leave out --rate")
    if recording.channels not in (1, inputs):
        what = f"has {recording.channels} channels, the program has {inputs} inputs"
        raise refusal(what, "use a file with one channel, or with one for each input")
    frames = None if seconds is None else max(1, round(seconds * recording.rate))
    samples = recording.samples(frames)
    signals = np.broadcast_to(samples, (inputs, samples.shape[1]))
    return Excitation(np.ascontiguousarray(signals), recording.rate)
