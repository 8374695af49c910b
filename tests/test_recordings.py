"""Recordings of every format, and every recording that cannot be used."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from faustdiff.errors import InputError
from faustdiff.fitting.pairing import pair
from faustdiff.recordings import open_recording, write_audio

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


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_length_that_is_not_known(tmp_path: Path, size: int, subtype: str) -> None:
    """As programs write it that send to a pipe, or that were ended before they came back to it."""
    path = wav(tmp_path / "a.wav", tone(2), subtype=subtype)
    whole = open_recording(path).samples()
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = size.to_bytes(4, "little")
    data[4:8] = min(size + 36, 0xFFFFFFFF).to_bytes(4, "little")
    # Half a frame may be there as well.
    path.write_bytes(data + b"\0")
    found = open_recording(path)
    assert found.frames == 20000
    assert np.array_equal(found.samples(), whole)
    assert np.array_equal(found.samples(100, 5000), whole[:, 5000:5100])


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
    "not finite at sample 9000: not a number": bad_nan,
    "not finite at sample 9000: infinite": bad_infinite,
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


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    mono = open_recording(wav(tmp_path / "mono.wav", tone()))
    stereo = open_recording(wav(tmp_path / "stereo.wav", tone(2)))
    slow = open_recording(wav(tmp_path / "slow.wav", tone(), 48000))
    silent = open_recording(wav(tmp_path / "silent.wav", np.zeros((1, 20000))))
    three = open_recording(wav(tmp_path / "three.wav", tone(3)))
    cases = {
        "has 3 channels, the program has 2 inputs": (three, mono, 2, 1),
        "has 3 channels, the program has 2 outputs": (mono, three, 1, 2),
        "cannot be converted without a folder": (mono, slow, 1, 1),
        "is silent": (mono, silent, 1, 1),
        "the program has 1 inputs and no recording": (None, mono, 1, 1),
    }
    for what, arguments in cases.items():
        with pytest.raises(InputError) as caught:
            pair(*arguments)
        assert what in str(caught.value)
    with pytest.raises(InputError) as caught:
        pair(three, silent, 2, 2)
    assert len(caught.value.problems) == 2
    assert pair(stereo, mono, 0, 1).input is None


def test_what_can_be_mended_is(tmp_path: Path) -> None:
    mono = open_recording(wav(tmp_path / "mono.wav", tone()))
    longer = open_recording(wav(tmp_path / "longer.wav", tone(1, 20500)))
    both = open_recording(wav(tmp_path / "both.wav", np.repeat(tone(), 2, axis=0)))
    left = open_recording(wav(tmp_path / "left.wav", tone(2) * [[0], [1]]))
    slow = open_recording(wav(tmp_path / "slow.wav", tone(), 48000))
    found = pair(mono, longer, 1, 1)
    assert found.frames == 20000
    assert found.notes == ("the target is 500 samples longer: its end is left out",)
    # One channel goes to all inputs and outputs.
    (given, target, slope), *_ = pair(mono, mono, 2, 3).blocks(100)
    assert (given.shape, target.shape, slope.shape) == ((2, 100), (3, 100), (3, 100))
    assert (given[0] == given[1]).all()
    # Channels that are alike become one; of others, that which sounds.
    work = tmp_path / "work"
    work.mkdir()
    (_, target, _), *_ = pair(mono, both, 1, 1, work).blocks()
    assert target == pytest.approx(tone()[:, :8192], abs=1e-9)
    (_, target, _), *_ = pair(mono, left, 1, 1, work).blocks()
    assert target == pytest.approx(tone(2)[1:, :8192], abs=1e-9)
    found = pair(mono, slow, 1, 1, work)
    assert found.target.rate == 44100
    assert found.band == pytest.approx(0.45)
    assert "converted from 48000 Hz to 44100 Hz" in found.notes[0]


@pytest.mark.parametrize("latency", [0.0, 0.4, -0.3, 3.75, -12.5])
def test_a_target_between_its_samples(tmp_path: Path, latency: float) -> None:
    """Against the sine itself; the filter is within 3e-5 up to 0.95 of half the rate."""
    place = np.arange(20000)
    frequency = 0.9 * np.pi
    signal = np.sin(frequency * place)[None]
    recording = open_recording(wav(tmp_path / "a.wav", signal))
    example = replace(pair(None, recording, 0, 1), advance=100)
    parts = list(example.blocks(9000, 1000, latency))
    assert [target.shape[1] for _, target, _ in parts] == [1000] * 9
    found = np.concatenate([target for _, target, _ in parts], axis=1)
    slopes = np.concatenate([slope for _, _, slope in parts], axis=1)
    at = frequency * (np.arange(9000) + 100 + latency)
    assert np.abs(found - np.sin(at)).max() < 3e-5
    assert np.abs(slopes - frequency * np.cos(at)).max() < 1e-4


@pytest.mark.parametrize("advance", [0, 37, -20])
@pytest.mark.parametrize("latency", [0.0, 0.4, 3.75, -12.5])
def test_a_target_of_an_output_is_wanted_as_that(
    tmp_path: Path, advance: int, latency: float
) -> None:
    """Delayed against the sine itself, and back again; away from the ends of the recording."""
    recording = open_recording(wav(tmp_path / "a.wav", np.ones((1, 5000))))
    example = replace(pair(None, recording, 0, 1), advance=advance, signs=(-1.0,))
    output = np.sin(0.9 * np.pi * np.arange(4800))[None]
    late = example.delayed(output, latency)
    assert late.shape == (1, 5000)
    at = 0.9 * np.pi * (np.arange(5000) - advance - latency)
    assert np.abs(late + np.sin(at))[:, 200:4600].max() < 3e-5
    again = replace(example, target=open_recording(wav(tmp_path / "b.wav", late)))
    found = np.concatenate(
        [block for block, _ in again.target_blocks(4500, latency=latency)], axis=1
    )
    assert np.abs(found - output[:, :4500])[:, 200:4300].max() < 6e-5


def test_a_target_that_begins_early_is_not_compared_there(tmp_path: Path) -> None:
    recording = open_recording(wav(tmp_path / "a.wav", tone()))
    early = replace(pair(None, recording, 0, 1), advance=-50, signs=(-1.0,))
    assert early.first == 50
    (_, target, _), *_ = early.blocks(200)
    assert not target[:, :50].any()
    assert target[:, 50:] == pytest.approx(-tone()[:, :150], abs=1e-9)


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
