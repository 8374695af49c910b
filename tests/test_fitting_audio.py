"""Recordings of every format, and every recording that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from faustdiff.errors import InputError
from faustdiff.fitting.audio import open_recording, pair, write_audio

RATE = 44100
#: The largest error of a sample, half a step.
FORMATS = {
    "PCM_U8": 2.0**-8,
    "PCM_16": 2.0**-16,
    "PCM_24": 2.0**-24,
    "PCM_32": 2.0**-32,
    "FLOAT": 2.0**-25,
    "DOUBLE": 0.0,
}


def tone(channels: int = 1, frames: int = 20000) -> np.ndarray:
    time = np.arange(frames)
    return np.stack([0.5 * np.sin(0.01 * (c + 1) * time) for c in range(channels)])


def wav(path: Path, signal: np.ndarray, rate: int = RATE, subtype: str = "DOUBLE") -> Path:
    soundfile.write(path, signal.T, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_formats(tmp_path: Path, subtype: str, channels: int) -> None:
    signal = tone(channels)
    found = open_recording(wav(tmp_path / "a.wav", signal, 48000, subtype))
    assert (found.channels, found.rate, found.frames) == (channels, 48000, 20000)
    read = np.concatenate(list(found.blocks(block=777)), axis=1)
    # libsndfile rounds to the nearest step, or truncates, depending on the format.
    assert np.abs(read - signal).max() <= 2 * FORMATS[subtype]
    assert found.peak == np.abs(read).max()
    assert found.energy == pytest.approx(np.sum(read**2), rel=1e-12)
    assert np.concatenate(list(found.blocks(100, 64)), axis=1).shape == (channels, 100)


def test_flac_is_read_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(2).T, RATE)
    assert open_recording(tmp_path / "a.flac").channels == 2


def test_onset(tmp_path: Path) -> None:
    signal = np.zeros((1, 20000))
    signal[0, 12345:] = tone(1, 7655)
    assert open_recording(wav(tmp_path / "a.wav", signal)).onset() == 12346  # sin(0) is 0


def bad_nan(path: Path) -> None:
    signal = tone()
    signal[0, 9000] = np.nan
    wav(path, signal, subtype="FLOAT")


def bad_infinite(path: Path) -> None:
    signal = tone()
    signal[0, 9000] = -np.inf
    wav(path, signal, subtype="FLOAT")


def bad_truncated(path: Path) -> None:
    wav(path, tone(), subtype="PCM_16")
    os.truncate(path, path.stat().st_size - 1001)


def bad_flac(path: Path) -> None:
    soundfile.write(path, tone().T, RATE, format="FLAC")
    os.truncate(path, path.stat().st_size // 2)


BAD = {
    "there is no such file": lambda path: None,
    "the file is empty": lambda path: path.write_bytes(b""),
    "is no sound file": lambda path: path.write_bytes(b"RIFF, but nothing that follows from it"),
    "has no samples": lambda path: wav(path, np.zeros((1, 0))),
    "sample 9000 is not a number": bad_nan,
    "sample 9000 is infinite": bad_infinite,
    "is truncated: 1001 bytes": bad_truncated,
}


@pytest.mark.parametrize("what", BAD)
def test_files_that_cannot_be_used(tmp_path: Path, what: str) -> None:
    path = tmp_path / "bad.wav"
    BAD[what](path)
    with pytest.raises(InputError) as caught:
        open_recording(path)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.place.file == str(path)
    assert problem.hint


def test_a_truncated_flac_is_refused(tmp_path: Path) -> None:
    bad_flac(tmp_path / "bad.flac")
    with pytest.raises(InputError, match=r"truncated|no sound file"):
        open_recording(tmp_path / "bad.flac")


def test_a_header_that_does_not_know_its_length_is_read(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(), subtype="PCM_16")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert open_recording(path).frames == 20000


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    mono = open_recording(wav(tmp_path / "mono.wav", tone()))
    stereo = open_recording(wav(tmp_path / "stereo.wav", tone(2)))
    slow = open_recording(wav(tmp_path / "slow.wav", tone(), 48000))
    short = open_recording(wav(tmp_path / "short.wav", tone(1, 19000)))
    silent = open_recording(wav(tmp_path / "silent.wav", np.zeros((1, 20000))))
    cases = {
        "has 2 channels, the program has 1 inputs": (stereo, mono, 1, 1),
        "has 1 channels, the program has 2 outputs": (mono, mono, 1, 2),
        "has 44100 Hz, the target slow.wav has 48000 Hz": (mono, slow, 1, 1),
        "has 20000 samples, the target short.wav has 19000": (mono, short, 1, 1),
        "is silent": (mono, silent, 1, 1),
        "the program has 1 inputs and no recording": (None, mono, 1, 1),
    }
    for what, arguments in cases.items():
        with pytest.raises(InputError) as caught:
            pair(*arguments)
        assert what in str(caught.value)
    with pytest.raises(InputError) as caught:
        pair(stereo, slow, 1, 2)
    assert len(caught.value.problems) == 3
    assert pair(stereo, mono, 0, 1).input is None


def test_writing_leaves_nothing_half_done(tmp_path: Path) -> None:
    def blocks():
        yield tone()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_audio(tmp_path / "a.wav", blocks(), 1, RATE)
    assert list(tmp_path.iterdir()) == []
    write_audio(tmp_path / "a.wav", iter([tone(2), tone(2)]), 2, RATE)
    assert soundfile.info(tmp_path / "a.wav").frames == 40000
    assert [one.name for one in tmp_path.iterdir()] == ["a.wav"]
