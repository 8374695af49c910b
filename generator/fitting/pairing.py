"""An input and a target as one example: channels, rates, lengths, and how late the target is.

What can be mended without a guess is mended and said: one channel goes to all inputs, channels that
agree become one, another sample rate is converted, and what only one of the recordings has at its
end is left out. How late the target is, and whether it is upside down, is estimated elsewhere
(`alignment`) and stands here as `advance` and `signs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from ..recordings import BLOCK_FRAMES, Recording, open_recording, write_audio

__all__ = ["BLOCK_FRAMES", "Array", "Example", "pair", "total_frames"]

Array = NDArray[np.float64]

#: Half the length of the interpolating filter, in samples, and the shape of its Kaiser window:
#: within 3e-5 up to 0.95 of half the rate.
REACH, WINDOW_SHAPE = 64, 9.0
#: Channels whose mean is taken for one have at least this correlation.
LEAST_CORRELATION = 0.9
#: Where rates differ, what is above this part of half the lower one is not compared.
COMMON_BAND = 0.9


@dataclass(frozen=True)
class Example:
    """What goes into a program, if it has inputs, and what should come out of it.

    The output y[n] is compared with sign * target[n + advance], for as long as both last. `signs`
    has one for each output. `band` is the highest frequency that is compared, in cycles per sample,
    or 0 for all. The last samples of the target, `margin` of them, are not compared: a fraction of
    a sample cannot be interpolated there. `drift` in parts per million has been undone. `notes` say
    what was done to the recordings; more of it is written to the folder `work`.
    """

    input: Recording | None
    target: Recording
    inputs: int
    outputs: int
    advance: int = 0
    signs: tuple[float, ...] = ()
    band: float = 0.0
    margin: int = 0
    drift: float = 0.0
    notes: tuple[str, ...] = ()
    work: Path | None = None

    @property
    def rate(self) -> int:
        """The sample rate in Hz."""
        return self.target.rate

    @property
    def frames(self) -> int:
        """How long the program is run, in samples."""
        left = self.target.frames - self.advance - self.margin
        return left if self.input is None else min(left, self.input.frames)

    @property
    def first(self) -> int:
        """The first sample of the output that the target has."""
        return max(0, -self.advance)

    @property
    def inverted(self) -> bool:
        """Whether any channel of the target is taken upside down."""
        return any(sign < 0 for sign in self.signs)

    def input_blocks(self, frames: int | None = None, block: int = BLOCK_FRAMES) -> Iterator[Array]:
        """What goes in (inputs, n), block by block, for `frames` samples."""
        left = self.frames if frames is None else min(frames, self.frames)
        if self.input is None:
            for start in range(0, left, block):
                yield np.zeros((0, min(block, left - start)))
            return
        for samples in self.input.blocks(left, block):
            wide = np.broadcast_to(samples, (self.inputs, samples.shape[1]))
            yield np.ascontiguousarray(wide)

    def target_blocks(
        self, frames: int | None = None, block: int = BLOCK_FRAMES, latency: float | None = None
    ) -> Iterator[tuple[Array, Array]]:
        """What should come out (outputs, n), block by block, and its slope by the latency.

        `latency` is added to `advance`, in samples, by a windowed sinc; the slope is 0 for None.
        """
        left = self.frames if frames is None else min(frames, self.frames)
        signs = np.array(self.signs or (1.0,) * self.outputs)[:, None]
        whole = 0 if latency is None else int(np.floor(latency))
        reach = 0 if latency is None else REACH
        start = self.advance + whole - max(0, reach - 1)
        count = left + max(0, 2 * reach - 1)
        before: Array | None = None
        for part in _pad(self.target, start, count, block):
            samples = signs * part
            if latency is None:
                yield samples, np.zeros_like(samples)
                continue
            if before is not None:
                samples = np.concatenate([before, samples], axis=1)
            if samples.shape[1] >= 2 * REACH:
                yield _interpolate(samples, latency - whole)
                samples = samples[:, -(2 * REACH - 1) :]
            before = samples

    def delayed(self, output: Array, latency: float = 0.0) -> Array:
        """The target (outputs, n) whose `target_blocks`, with this `latency`, is `output`."""
        whole = int(np.ceil(latency))
        padded = np.pad(output, ((0, 0), (REACH - 1, REACH)))
        moved = _interpolate(padded, whole - latency)[0] if latency != whole else output
        late = np.zeros((len(output), self.target.frames))
        start = self.advance + whole
        kept = moved[:, max(0, -start) :][:, : max(0, late.shape[1] - start)]
        late[:, max(0, start) : max(0, start) + kept.shape[1]] = kept
        return np.asarray(late * np.array(self.signs or (1.0,) * self.outputs)[:, None], float)

    def blocks(
        self, frames: int | None = None, block: int = BLOCK_FRAMES, latency: float | None = None
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Inputs (inputs, n), targets (outputs, n) and the slopes of these by the latency."""
        wanted = _regular(self.target_blocks(frames, block, latency), block)
        for given in self.input_blocks(frames, block):
            target, slope = next(wanted)
            yield given, target, slope


def _regular(pairs: Iterator[tuple[Array, Array]], block: int) -> Iterator[tuple[Array, Array]]:
    """Blocks of `block` samples, the last one shorter, of blocks of any length."""
    rest: tuple[Array, ...] | None = None
    for pair in pairs:
        joined = pair
        if rest is not None:
            joined = (np.hstack([rest[0], pair[0]]), np.hstack([rest[1], pair[1]]))
        while joined[0].shape[1] >= block:
            yield joined[0][:, :block], joined[1][:, :block]
            joined = (joined[0][:, block:], joined[1][:, block:])
        rest = joined
    if rest is not None and rest[0].shape[1]:
        yield rest[0], rest[1]


def _pad(recording: Recording, start: int, frames: int, block: int) -> Iterator[Array]:
    """`frames` samples from `start`, which may lie outside the recording: there, zeros."""
    silence = min(frames, max(0, -start))
    if silence:
        yield np.zeros((recording.channels, silence))
    there = max(0, min(frames - silence, recording.frames - max(0, start)))
    if there:
        yield from recording.blocks(there, block, max(0, start))
    after = frames - silence - there
    if after:
        yield np.zeros((recording.channels, after))


@lru_cache(maxsize=64)
def _sinc(fraction: float) -> tuple[Array, Array]:
    """The filter (2 REACH,) that interpolates at `fraction` of a sample, and its slope by it.

    Tap k is for the sample k - REACH + 1. A sinc with a Kaiser window.
    """

    def taps(at: float) -> Array:
        x = at - np.arange(1 - REACH, REACH + 1)
        shape = np.sqrt(np.maximum(1 - (x / REACH) ** 2, 0.0))
        return np.asarray(np.sinc(x) * np.i0(WINDOW_SHAPE * shape) / np.i0(WINDOW_SHAPE), float)

    step = 1e-4
    return taps(fraction), (taps(fraction + step) - taps(fraction - step)) / (2 * step)


def _interpolate(samples: Array, fraction: float) -> tuple[Array, Array]:
    """Samples (channels, n) between samples, (channels, n - 2 REACH + 1), and their slopes."""
    taps, slopes = _sinc(fraction)
    count = samples.shape[1]
    size = 1 << (count - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)

    def correlate(kernel: Array) -> Array:
        # Correlation, not convolution: tap k meets sample n + k.
        result = np.fft.irfft(spectrum * np.conj(np.fft.rfft(kernel, size)), size)
        return np.asarray(result[:, : count - 2 * REACH + 1], float)

    return correlate(taps), correlate(slopes)


def pair(
    source: Recording | None, target: Recording, inputs: int, outputs: int, work: Path | None = None
) -> Example:
    """The two recordings as an example for a program with so many `inputs` and `outputs`.

    What has to be converted is written to the folder `work`. Raises `InputError` with all that does
    not fit: channels, silence, a rate that cannot be converted.
    """
    problems = []
    notes: list[str] = []
    if target.silent:
        what = "is silent: no parameter can be identified from it"
        problems.append(_problem(target.path, what, "use a target that sounds"))
    if source is None and inputs:
        what = f"the program has {inputs} inputs and no recording to feed them"
        problems.append(_problem(target.path, what, "name one with --input"))
    if not inputs:
        source = None
    if target.channels not in (1, outputs) and outputs != 1:
        what = f"has {target.channels} channels, the program has {outputs} outputs"
        problems.append(_problem(target.path, what, "use a file with one channel per output"))
    if source is not None and source.channels not in (1, inputs) and inputs != 1:
        what = f"has {source.channels} channels, the program has {inputs} inputs"
        problems.append(_problem(source.path, what, "use a file with one channel per input"))
    if problems:
        raise InputError(problems)
    converter = _Converter(work, notes)
    band = 0.0
    if source is not None:
        source = converter.channels(source, inputs)
        if source.rate != target.rate:
            band = COMMON_BAND / 2 * min(source.rate, target.rate) / source.rate
            target = converter.rate(target, source.rate)
    target = converter.channels(target, outputs)
    if source is not None and source.frames != target.frames:
        by = abs(source.frames - target.frames)
        longer = "input" if source.frames > target.frames else "target"
        notes.append(f"the {longer} is {by} samples longer: its end is left out")
    return Example(source, target, inputs, outputs, band=band, notes=tuple(notes), work=work)


@dataclass
class _Converter:
    """Writes what a recording becomes to the folder `work`, and adds to the `notes`."""

    work: Path | None
    notes: list[str]

    def channels(self, recording: Recording, wanted: int) -> Recording:
        """With `target_blocks` channels: one goes to all, and all that are alike become one."""
        if recording.channels == wanted:
            return recording
        name = recording.path.name
        if recording.channels == 1:
            # It is spread where it is read.
            self.notes.append(f"{name} has one channel: it stands for all {wanted}")
            return recording
        samples = recording.samples()
        chosen, what = _one_channel(samples)
        self.notes.append(f"{name} has {len(samples)} channels: {what}")
        return self.write(recording, chosen, recording.rate)

    def rate(self, recording: Recording, rate: int) -> Recording:
        """At another sample `rate` in Hz, by soxr at its highest quality."""
        import soxr

        samples = soxr.resample(recording.samples().T, recording.rate, rate, "VHQ").T
        self.notes.append(
            f"{recording.path.name} is converted from {recording.rate} Hz to {rate} Hz; "
            f"{COMMON_BAND * min(rate, recording.rate) / 2000:.3g} kHz and below are compared"
        )
        return self.write(recording, np.asarray(samples, float), rate)

    def write(self, recording: Recording, samples: Array, rate: int) -> Recording:
        if self.work is None:
            what = "cannot be converted without a folder to write to"
            raise InputError([_problem(recording.path, what, "convert it beforehand")])
        path = self.work / f"{recording.path.stem}-converted-{len(list(self.work.iterdir()))}.wav"
        write_audio(path, iter([samples]), len(samples), rate, "DOUBLE")
        return replace(
            open_recording(path),
            coding=recording.coding,
            source_bytes=recording.source_bytes,
            source_rate=recording.source_rate,
        )


def _one_channel(samples: Array) -> tuple[Array, str]:
    """One channel (1, n) for several (c, n), and what was done."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 1e-4 * np.abs(samples).max())
    if len(loud) == 1:
        return samples[loud], f"channel {loud[0] + 1} is taken, the others are silent"
    correlation = np.corrcoef(samples[loud])
    if correlation.min() >= LEAST_CORRELATION:
        return samples[loud].mean(axis=0, keepdims=True), "their mean is taken"
    return samples[loud[:1]], f"they differ; channel {loud[0] + 1} is taken"


def total_frames(examples: Sequence[Example]) -> int:
    """The length of all examples together, in samples."""
    return sum(one.frames for one in examples)


def _problem(path: Path, what: str, hint: str) -> Problem:
    return Problem(Place(str(path)), what, hint)
