"""Recordings: checked when they are opened, then read block by block. The only reader of sound.

A `Recording` describes a file, not its samples, so that the length of a file costs no memory and a
description can be sent to another process. Files are read and written by libsndfile: WAV of 8, 16,
24 and 32 bits and of floats, FLAC, AIFF, OGG, MP3 and more.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, Place, Problem
from .files import replacing

if TYPE_CHECKING:
    from soundfile import SoundFile
    from typing_extensions import Buffer

Array = NDArray[np.float64]

#: Frames that are read, computed and forgotten at a time.
BLOCK_FRAMES = 8192
#: A recording of no more samples is kept in memory, as it is read in every pass.
MAX_CACHED = 1 << 20
#: Below this peak, a recording is silence: half the last bit of 24.
SILENCE = 2.0**-24
#: What is taken for a recording in a folder.
SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".w64", ".rf64")
#: Formats with steps that can be heard.
COARSE_FORMATS = ("PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")
#: Formats that leave out what is not heard, or more.
LOSSY_FORMATS = (
    "VORBIS",
    "OPUS",
    "MPEG_LAYER_I",
    "MPEG_LAYER_II",
    "MPEG_LAYER_III",
    *COARSE_FORMATS,
)
#: Sizes that a header of 32 bits states where the length was not known when it was written: 0, and
#: the largest numbers with and without a sign, less what a header takes (SoX, ffmpeg).
UNKNOWN_SIZE = 0x7FFF0000


@dataclass(frozen=True)
class Recording:
    """A sound file that can be read.

    `rate` in Hz, `peak` and `energy` (sum of squares) of all. Of the file that it comes from:
    `coding` as libsndfile calls it, size in bytes, and rate in Hz.
    """

    path: Path
    channels: int
    rate: int
    frames: int
    peak: float
    energy: float
    coding: str = ""
    source_bytes: int = 0
    source_rate: int = 0

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.peak < SILENCE

    @property
    def lossy(self) -> bool:
        """Whether its format leaves something out."""
        return self.coding in LOSSY_FORMATS

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.frames / self.rate

    def blocks(
        self, frames: int | None = None, block: int = BLOCK_FRAMES, start: int = 0
    ) -> Iterator[Array]:
        """`frames` samples from `start`, or all, as arrays (channels, at most `block`)."""
        left = self.frames - start
        left = left if frames is None else min(frames, left)
        if self.frames * self.channels <= MAX_CACHED:
            whole = _whole_file(self.path, self.path.stat().st_mtime_ns, self.frames)
            if whole.shape[1] < start + left:
                raise _refusal(self.path, "ends early", "it changed meanwhile")
            for place in range(start, start + left, block):
                yield whole[:, place : min(place + block, start + left)].copy()
            return
        with _open_sound(self.path, _data_chunk(self.path)) as sound:
            if start:
                sound.seek(start)
            while left > 0:
                samples = sound.read(min(block, left), dtype="float64", always_2d=True)
                if not len(samples):
                    raise _refusal(self.path, "ends early", "it changed meanwhile")
                left -= len(samples)
                yield np.ascontiguousarray(samples.T)

    def samples(self, frames: int | None = None, start: int = 0) -> Array:
        """`frames` samples from `start`, or all, as one array (channels, frames)."""
        parts = list(self.blocks(frames, start=start))
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.channels, 0))

    def onset(self, part: float = 1e-3) -> int:
        """The first sample whose magnitude exceeds this `part` of the peak."""
        start = 0
        for samples in self.blocks():
            loud = np.flatnonzero((np.abs(samples) > part * self.peak).any(axis=0))
            if loud.size:
                return start + int(loud[0])
            start += samples.shape[1]
        return 0


def open_recording(path: Path) -> Recording:
    """The description of a sound file, all of which has been read once.

    Raises `InputError` for a file that is missing, empty, truncated, no sound, or not finite.
    """
    if not path.is_file():
        raise _refusal(path, "there is no such file", "name a sound file, as WAV")
    if not path.stat().st_size:
        raise _refusal(path, "the file is empty", "record it again")
    data = _data_chunk(path)
    if data is not None and data.missing:
        what = f"is truncated: {data.missing} bytes of samples are missing"
        raise _refusal(path, what, "copy or record it again")
    import soundfile

    try:
        with _open_sound(path, data) as sound:
            return _describe(path, sound)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        what = f"is no sound file that can be read: {reason}"
        raise _refusal(path, what, "use WAV, FLAC, AIFF, OGG or MP3") from None


def _describe(path: Path, sound: SoundFile) -> Recording:
    """The description of an open sound file, read to its end."""
    frames, peak, energy = 0, 0.0, 0.0
    for samples in sound.blocks(BLOCK_FRAMES, dtype="float64", always_2d=True):
        largest = float(np.abs(samples).max())
        if not np.isfinite(largest):
            bad = frames + int(np.argmin(np.isfinite(samples).all(axis=1)))
            kind = "infinite" if largest == np.inf else "not a number"
            raise _refusal(path, f"is not finite at sample {bad}: {kind}", "repair the recording")
        frames, peak = frames + len(samples), max(peak, largest)
        energy += float(np.vdot(samples, samples))
    if not frames:
        raise _refusal(path, "has no samples", "use a longer recording")
    coding, rate = str(sound.subtype), int(sound.samplerate)
    size = path.stat().st_size
    recording = Recording(path, sound.channels, rate, frames, peak, energy, coding, size, rate)
    # The length of a lossy file is an estimate.
    if frames < sound.frames and not recording.lossy:
        what = f"is truncated: {frames} of {sound.frames} samples can be read"
        raise _refusal(path, what, "copy or record it again")
    return recording


def write_audio(
    path: Path, blocks: Iterable[Array], channels: int, rate: int, subtype: str = "FLOAT"
) -> None:
    """Writes arrays (channels, n) as a WAV file, all of it or nothing.

    `subtype` is libsndfile's: PCM_16, PCM_24, FLOAT, DOUBLE. Raises OSError.
    """
    with replacing(path, ".wav") as new:
        write_new_audio(new, blocks, channels, rate, subtype)


def write_new_audio(
    path: Path, blocks: Iterable[Array], channels: int, rate: int, subtype: str = "FLOAT"
) -> None:
    """As `write_audio`, as far as it gets: for a file that nobody else knows yet."""
    import soundfile

    with soundfile.SoundFile(
        path, "w", samplerate=rate, channels=channels, subtype=subtype, format="WAV"
    ) as sound:
        for samples in blocks:
            sound.write(np.ascontiguousarray(samples.T))


@lru_cache(maxsize=8)
def _whole_file(path: Path, changed: int, frames: int) -> Array:
    """The samples (channels, frames) of a short file, kept as long as it has not `changed`."""
    with _open_sound(path, _data_chunk(path)) as sound:
        samples = sound.read(frames, dtype="float64", always_2d=True)
    return np.ascontiguousarray(samples.T)


def _open_sound(path: Path, data: _DataChunk | None) -> SoundFile:
    """The file, opened; with its real length in the header where this says 0 for "unknown".

    `data` is what the header says of its samples, as `_data_chunk` reads it.
    """
    import soundfile

    if data is None or data.stated or not data.there:
        return soundfile.SoundFile(path)
    there = min(data.there - data.there % data.frame, 0xFFFFFFFF)
    return soundfile.SoundFile(_PatchedFile(path, data.place - 4, struct.pack("<I", there)))


class _PatchedFile(io.FileIO):
    """A file with other bytes in one place, as one reads it."""

    def __init__(self, path: Path, place: int, content: bytes) -> None:
        super().__init__(path, "rb")
        self._place, self._content = place, content

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        start = self.tell()
        count = super().readinto(view)
        for offset, byte in enumerate(self._content, self._place - start):
            if 0 <= offset < count:
                view[offset] = byte
        return count


@dataclass(frozen=True)
class _DataChunk:
    """The samples of a WAV file: where they begin, how many bytes are stated, and are there.

    `frame` is how many bytes the samples of all channels at one time take.
    """

    place: int
    stated: int
    there: int
    frame: int

    @property
    def missing(self) -> int:
        """How many bytes the header promises and the file does not have."""
        return max(0, self.stated - self.there) if self.stated < UNKNOWN_SIZE else 0


def _data_chunk(path: Path) -> _DataChunk | None:
    """What the header of a RIFF file says of its samples.

    libsndfile reads truncated files without complaint, as far as they go. A size of 0 is that of a
    header which was never completed, unless the size of the whole file is stated rightly.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        whole = int(struct.unpack("<I", head[4:8])[0])
        frame = 1
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                there = size - file.tell()
                completed = not length and whole + 8 in (size, size - 1)
                return _DataChunk(file.tell(), length, 0 if completed else there, frame)
            content = file.read(14) if name == b"fmt " else b""
            if len(content) == 14:
                frame = max(1, int(struct.unpack("<H", content[12:])[0]))
            file.seek(length + length % 2 - len(content), os.SEEK_CUR)
    return None


def _refusal(path: Path, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(str(path)), what, hint)])
