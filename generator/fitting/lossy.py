"""Targets in a format that leaves something out: OGG, MP3, samples of few bits.

What such a format leaves out depends on the signal, and biases the parameters: a coder that weakens
what is high moves a lowpass. So the result is coded in the same way and fitted in its turn: the
difference is the bias, and is taken off (Gourieroux, Monfort and Renault, "Indirect inference",
1993).

A coder also answers differently each time that a sound lies otherwise in its blocks. How much that
moves the parameters tells their standard errors: what the target has got of it is unknown, and so
is what the result has (Efron, "Bootstrap methods", 1979).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..recordings import COARSE_FORMATS, Recording, open_recording, write_audio
from .alignment import alignment
from .dual_runs import model_of
from .least_squares import Point, minimize
from .pairing import Example
from .setup import Setup

Array = NDArray[np.float64]

#: The container of a coding, where it is not MP3.
CONTAINERS = {
    "VORBIS": "OGG",
    "OPUS": "OGG",
    "PCM_S8": "AIFF",
    **dict.fromkeys(COARSE_FORMATS[1:], "WAV"),
}
#: Times that the result is coded and fitted.
RECODING_ROUNDS = 6
#: Steps of units: those that tell a slope, what slopes can be, and when the rounds end.
LEAST_STEP, SLOPES, SETTLED_STEP = 0.01, (0.3, 1.5), 1e-3
#: Passes of one such fit.
PASSES_PER_ROUND = 12
#: Shifts by which the result lies otherwise in a coder's blocks, in seconds.
CODER_SHIFTS = (0.0043, 0.0091, 0.0127, 0.0167)
#: Qualities of the coder that are tried: libsndfile's compression levels.
COMPRESSION_LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def through_codec(signal: Array, recording: Recording, folder: Path) -> Array | None:
    """A signal (channels, n) as the format of a lossy `recording` leaves it, or None.

    Coded at the rate of the file, and about as many bits per second; the delay of the coder is
    undone.
    """
    if recording.source_rate not in (0, recording.rate):
        import soxr

        own, other = recording.rate, recording.source_rate
        faster = soxr.resample(signal.T, own, other, "VHQ").T
        heard = through_codec(faster, replace(recording, rate=other), folder)
        if heard is None:
            return None
        back = soxr.resample(heard.T, other, own, "VHQ").T[:, : signal.shape[1]]
        return np.pad(back, ((0, 0), (0, signal.shape[1] - back.shape[1])))
    import soundfile

    bits = recording.source_bytes / recording.seconds if recording.source_bytes else 0.0
    peak = max(1.0, float(np.abs(signal).max()))
    form = CONTAINERS.get(recording.coding, "MP3")
    best: tuple[float, Array] | None = None
    for level in COMPRESSION_LEVELS if bits and recording.coding not in COARSE_FORMATS else (None,):
        path = folder / f"coded.{form.lower()}"
        options = {} if level is None else {"compression_level": level}
        try:
            soundfile.write(
                path,
                signal.T / peak,
                recording.rate,
                format=form,
                subtype=recording.coding,
                **options,
            )
            heard = np.asarray(soundfile.read(path, always_2d=True)[0].T * peak, float)
        except soundfile.LibsndfileError:
            # A level that this coder does not have.
            continue
        off = abs(path.stat().st_size / (signal.shape[1] / recording.rate) - bits)
        if best is None or off < best[0]:
            best = off, heard
    if best is None:
        return None
    lag = alignment(signal, best[1], recording.rate).lag
    result = np.zeros_like(signal)
    moved = best[1][:, max(0, lag) :][:, : signal.shape[1]]
    result[:, : moved.shape[1]] = moved
    return result


def coding_error(signal: Array, recording: Recording) -> float:
    """What the format of a `recording` leaves out of a signal, as an error-to-signal ratio."""
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
        heard = through_codec(signal, recording, Path(folder))
    energy = float(np.vdot(signal, signal))
    if heard is None or not energy:
        return 0.0
    wrong = signal - heard
    part: float = float(np.vdot(wrong, wrong)) / energy
    return part


def without_bias(setup: Setup, units: Array) -> tuple[Array, Array | None]:
    """The units without what the format of the targets adds to them, and their standard errors.

    These are None for a format without blocks. A fixed point: what is fitted to the coded result is
    to be `units`. Each unit is found by secants, for a strong coder moves the fit by a part of what
    the result is moved by.
    """
    corrected = units.copy()
    slope = np.ones_like(units)
    last: tuple[Array, Array] | None = None
    errors: Array | None = None
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as name:
        for _ in range(RECODING_ROUNDS):
            again = _refit(setup, corrected, Path(name))
            if again is None:
                return units, None
            if last is not None:
                step, answer = corrected - last[0], again - last[1]
                # Of shorter steps, what the coder does differently each time is too large a part.
                significant = np.abs(step) > LEAST_STEP
                slope[significant] = np.clip(answer[significant] / step[significant], *SLOPES)
            last = corrected, again
            corrected = np.clip(corrected + (units - again) / slope, 0.0, 1.0)
            if np.abs(corrected - last[0]).max() < SETTLED_STEP:
                break
        if not any(one.target.coding in COARSE_FORMATS for one in setup.examples):
            rate = setup.examples[0].rate
            shifts = [round(seconds * rate) for seconds in CODER_SHIFTS]
            answers = [_refit(setup, corrected, Path(name), shift) for shift in shifts]
            spread = np.std([one for one in answers if one is not None], axis=0, ddof=1)
            errors = np.sqrt(2) * spread / slope
    return corrected, errors


def _refit(setup: Setup, units: Array, folder: Path, shift: int = 0) -> Array | None:
    """What is fitted to the coded result at `units`, which is as late as the targets are.

    It is coded after `shift` samples of silence.
    """
    sliders = len(setup.source.params)
    values = setup.objective().scales.values(units)
    late = values[sliders:] if setup.latency else np.zeros(len(setup.examples))
    examples: list[Example] = []
    for index, one in enumerate(setup.examples):
        if not one.target.lossy:
            return None
        signal = one.delayed(model_of(setup.source).output(values[:sliders], one), late[index])
        wide = np.pad(signal, ((0, 0), (shift, 0)))
        heard = through_codec(wide, replace(one.target, rate=one.rate), folder)
        if heard is None:
            return None
        heard = heard[:, shift:]
        path = folder / f"coded-{index}.wav"
        write_audio(path, iter([heard]), len(heard), one.rate, "DOUBLE")
        examples.append(replace(one, target=open_recording(path)))
    objective = replace(setup, examples=tuple(examples)).objective()
    point = Point(units, objective(units), 1e-3)
    for after in islice(minimize(objective, point), PASSES_PER_ROUND):
        point = after
    return np.asarray(point.units, float)


def lossy(examples: Sequence[Example]) -> bool:
    """Whether all targets are in a format that leaves something out."""
    return all(one.target.lossy for one in examples)
