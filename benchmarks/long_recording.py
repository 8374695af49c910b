"""Ten minutes of stereo through a reverb, and back, in less than 1 GB.

    python benchmarks/long_recording.py [MINUTES]

A recording in double precision fills 0.46 GB by itself, so it stays on disk, and goes through in
pieces of ten seconds: forward, keeping the state at each border, then backward from the last piece
to the first, each run again from its state. The gradient of a shorter recording is compared with
that of one pass with the whole tape.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import faustdiff
from faustdiff.autodiff.vjp import VJP

RATE, PIECE = 48000, 480000
REVERB = """import("stdfaust.lib");
process = re.stereo_freeverb(hslider("room", 0.8, 0, 0.99, 0.001), 0.5,
    hslider("damp", 0.3, 0, 0.99, 0.001), 23);"""


def gradient(program: VJP, x: np.ndarray) -> dict[str, float]:
    """The derivatives of half the energy of the output by the sliders, in pieces."""
    starts = range(0, x.shape[1], PIECE)
    states = [None]
    for start in starts:
        _, tape = program.forward(x[:, start : start + PIECE], state=states[-1], record=False)
        states.append(tape.state)
    total = dict.fromkeys(program.names.params, 0.0)
    after = None
    for start, state in reversed(list(zip(starts, states, strict=False))):
        y, tape = program.forward(x[:, start : start + PIECE], state=state, segment="auto")
        cotangents = program.backward(tape, y, state=after, inputs=False)
        after = cotangents.state
        total = {name: total[name] + float(one) for name, one in cotangents.sliders.items()}
    return total


def main() -> None:
    """Prints the peak of the memory, the time, and the difference to the whole tape."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    frames = int(minutes * 60 * RATE)
    program = faustdiff.vjp(REVERB, sample_rate=RATE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        x = np.memmap(path, np.float64, "w+", shape=(2, frames))
        for start in range(0, frames, PIECE):
            size = min(PIECE, frames - start)
            x[:, start : start + size] = np.random.default_rng(start).standard_normal((2, size))
        x.flush()
        x = np.memmap(path, np.float64, "r", shape=(2, frames))
        begin = time.process_time()
        found = gradient(program, x)
        seconds = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{minutes:g} minutes: {peak:.2f} GB at most, {seconds:.0f} s of CPU; {found}")
        short = np.ascontiguousarray(x[:, : min(frames, 3 * PIECE)])
        y, tape = program.forward(short)
        whole = program.backward(tape, y, inputs=False).sliders
        pieces = gradient(program, short)
        worst = max(abs(pieces[name] / float(one) - 1) for name, one in whole.items())
        print(f"thirty seconds, in pieces and whole: {worst:.1e} apart, relative")


if __name__ == "__main__":
    main()
