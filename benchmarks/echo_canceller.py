"""Steps per second of an echo canceller of 64 taps that learns, in forward and in reverse mode.

    python -m benchmarks.echo_canceller

One step is one sample of noise with the gradient of all taps, in single precision on one core.
"""

from __future__ import annotations

import time
from pathlib import Path

from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import build

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "examples" / "loops" / "echo_canceller.dsp"
RATE = 48000
FRAMES = 10 * RATE
REPEATS = 5


def main() -> None:
    """Prints a line for each mode: the best of a few runs, in time of the processor."""
    text = PROGRAM.read_text(encoding="utf-8")
    for word in ("fad", "rad"):
        source = text.replace("fad = df.fad;", f"fad = df.{word};")
        program = build(
            source, compiler=find_compiler(), double=False, include=[ROOT / "build"], fast=True
        )
        seconds = []
        for _ in range(REPEATS):
            start = time.process_time()
            left = program.run(None, FRAMES)
            seconds.append(time.process_time() - start)
        assert abs(left[:, -RATE:]).max() < 1e-3, "the echo is not learned"
        steps = FRAMES / min(seconds)
        print(
            f"{word}: {steps / 1e6:.2f} million steps a second, {steps / RATE:.0f} times real time"
        )


if __name__ == "__main__":
    main()
