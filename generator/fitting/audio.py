"""Recordings: checked when they are opened, then read block by block.

A `Recording` is a description of a file, not its samples, so that the length of a file costs no
memory and a description can be sent to another process. Files are read and written by libsndfile:
WAV of 8, 16, 24 and 32 bits and of floats, FLAC, AIFF and more.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from ..files import replacing

Array = NDArray[np.float64]

#: Frames that are read, computed and forgotten at a time.
BLOCK = 8192

#: Below this peak, a recording is silence: half the last bit of 24.
SILENCE = 2.0**-24


@dataclass(frozen=True)
class Recording:
    """A sound file that can be read: `rate` in Hz, `peak` and `energy` (sum of squares) of all."""

    path: Path
    channels: int
    rate: int
    frames: int
    peak: float
    energy: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.peak < SILENCE

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.frames / self.rate

    def blocks(self, frames: int | None = None, block: int = BLOCK) -> Iterator[Array]:
        """The first `frames` samples, or all, as arrays (channels, at most `block`)."""
        left = self.frames if frames is None else min(frames, self.frames)
        with soundfile.SoundFile(self.path) as sound:
            while left > 0:
                samples = sound.read(min(block, left), dtype="float64", always_2d=True)
                if not len(samples):
                    raise InputError([_problem(self.path, "ends early", "it changed meanwhile")])
                left -= len(samples)
                yield np.ascontiguousarray(samples.T)

    def onset(self, part: float = 1e-3) -> int:
        """The first sample whose magnitude exceeds this `part` of the peak."""
        start = 0
        for samples in self.blocks():
            loud = np.flatnonzero((np.abs(samples) > part * self.peak).any(axis=0))
            if loud.size:
                return start + int(loud[0])
            start += samples.shape[1]
        return 0


@dataclass(frozen=True)
class Pair:
    """What goes into the program, if it has inputs, and what should come out of it."""

    input: Recording | None
    target: Recording

    @property
    def frames(self) -> int:
        """The length in samples."""
        return self.target.frames

    def blocks(
        self, frames: int | None = None, block: int = BLOCK
    ) -> Iterator[tuple[Array, Array]]:
        """Inputs (inputs, n) and targets (outputs, n), block by block."""
        targets = self.target.blocks(frames, block)
        if self.input is None:
            yield from ((np.zeros((0, target.shape[1])), target) for target in targets)
        else:
            yield from zip(self.input.blocks(frames, block), targets, strict=True)


def open_recording(path: Path) -> Recording:
    """The description of a sound file, all of which has been read once.

    Raises `InputError` for a file that is missing, empty, truncated, no sound, or not finite.
    """
    if not path.is_file():
        raise InputError([_problem(path, "there is no such file", "name a sound file, as WAV")])
    if not path.stat().st_size:
        raise InputError([_problem(path, "the file is empty", "record it again")])
    missing = _missing_bytes(path)
    if missing:
        what = f"is truncated: {missing} bytes of samples are missing"
        raise InputError([_problem(path, what, "copy or record it again")])
    try:
        with soundfile.SoundFile(path) as sound:
            channels, rate, stated = sound.channels, int(sound.samplerate), sound.frames
            frames, peak, energy = 0, 0.0, 0.0
            for samples in sound.blocks(BLOCK, dtype="float64", always_2d=True):
                largest = float(np.abs(samples).max())
                if not np.isfinite(largest):
                    bad = frames + int(np.argmin(np.isfinite(samples).all(axis=1)))
                    kind = "infinite" if largest == np.inf else "not a number"
                    what = f"sample {bad} is {kind}"
                    raise InputError([_problem(path, what, "repair the recording")])
                frames, peak = frames + len(samples), max(peak, largest)
                energy += float(np.vdot(samples, samples))
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        what = f"is no sound file that can be read: {reason}"
        raise InputError([_problem(path, what, "use WAV, FLAC or AIFF")]) from None
    if not frames:
        raise InputError([_problem(path, "has no samples", "use a longer recording")])
    if frames < stated:
        what = f"is truncated: {frames} of {stated} samples can be read"
        raise InputError([_problem(path, what, "copy or record it again")])
    return Recording(path, channels, rate, frames, peak, energy)


def pair(source: Recording | None, target: Recording, inputs: int, outputs: int) -> Pair:
    """The two recordings as an example for a program with so many `inputs` and `outputs`.

    Raises `InputError` with all that does not fit: channels, sample rates, lengths, silence.
    """
    problems = []
    if target.channels != outputs:
        what = f"has {target.channels} channels, the program has {outputs} outputs"
        problems.append(_problem(target.path, what, "use a file with one channel per output"))
    if target.silent:
        what = "is silent: no parameter can be identified from it"
        problems.append(_problem(target.path, what, "use a target that sounds"))
    if source is None and inputs:
        what = f"the program has {inputs} inputs and no recording to feed them"
        problems.append(_problem(target.path, what, "name one with --input"))
    if source is not None:
        problems += _misfits(source, target, inputs)
    if problems:
        raise InputError(problems)
    return Pair(source if inputs else None, target)


def _misfits(source: Recording, target: Recording, inputs: int) -> list[Problem]:
    problems = []
    if inputs and source.channels != inputs:
        what = f"has {source.channels} channels, the program has {inputs} inputs"
        problems.append(_problem(source.path, what, "use a file with one channel per input"))
    if source.rate != target.rate:
        what = f"has {source.rate} Hz, the target {target.path.name} has {target.rate} Hz"
        problems.append(_problem(source.path, what, "convert one of them"))
    elif source.frames != target.frames:
        what = (
            f"has {source.frames} samples, the target {target.path.name} has {target.frames}: "
            f"a difference of {abs(source.frames - target.frames)}"
        )
        problems.append(_problem(source.path, what, "cut both to the same start and length"))
    return problems


def write_audio(
    path: Path, blocks: Iterable[Array], channels: int, rate: int, subtype: str = "FLOAT"
) -> None:
    """Writes arrays (channels, n) as a WAV file, all of it or nothing.

    `subtype` is libsndfile's: PCM_16, PCM_24, FLOAT, DOUBLE. Raises OSError.
    """
    with (
        replacing(path, ".wav") as new,
        soundfile.SoundFile(
            new, "w", samplerate=rate, channels=channels, subtype=subtype, format="WAV"
        ) as sound,
    ):
        for samples in blocks:
            sound.write(np.ascontiguousarray(samples.T))


def total_frames(pairs: Sequence[Pair]) -> int:
    """The length of all examples together, in samples."""
    return sum(one.frames for one in pairs)


def _missing_bytes(path: Path) -> int:
    """How many bytes of samples the header of a RIFF file promises, and the file does not have.

    libsndfile reads such files without complaint, as far as they go. A size of all ones, or 0, is
    what programs write that do not know the length beforehand.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                unknown = length in (0, 0xFFFFFFFF)
                return 0 if unknown else max(0, length - (size - file.tell()))
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def _problem(path: Path, what: str, hint: str) -> Problem:
    return Problem(Place(str(path)), what, hint)
