"""A thousand taps, each a slider, from a recorded impulse response and from noise.

Prints the time of the whole command `faustdiff fit`, its CPU time with that of the compilers, and
how far the taps are from the hidden ones, of the largest of them. Run it with
`python benchmarks/many_taps.py [TAPS]`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 44100


def main() -> None:
    """Prints a line for each input."""
    taps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rng = np.random.default_rng(0)
    hidden = 0.3 * rng.normal(size=taps) * np.exp(-5 * np.arange(taps) / taps)
    hidden = np.clip(hidden, -0.99, 0.99)
    impulse = np.zeros(RATE)
    impulse[0] = 1
    print(f"{'input':>8}{'wall s':>8}{'CPU s':>8}{'error':>10}")
    for title, x in {"impulse": impulse, "noise": rng.uniform(-0.5, 0.5, RATE)}.items():
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu, found = fitted(Path(folder), x, np.convolve(x, hidden)[:RATE], taps)
        error = np.max(np.abs(found - hidden)) / np.max(np.abs(hidden))
        print(f"{title:>8}{wall:8.1f}{cpu:8.1f}{error:10.1e}", flush=True)


def fitted(
    folder: Path, x: np.ndarray, target: np.ndarray, taps: int
) -> tuple[float, float, np.ndarray]:
    """The wall time, the CPU time, and the values that `faustdiff fit` finds in `folder`."""
    slider = 'hslider("h%5i", 0, -1, 1, 0.00001)'
    text = f"process = _ <: sum(i, {taps}, @(i) * {slider});"
    (folder / "taps.dsp").write_text(text)
    for name, signal in (("x", x), ("y", target)):
        soundfile.write(folder / f"{name}.wav", signal, RATE, subtype="DOUBLE")
    command = [sys.executable, "-m", "faustdiff", "fit", "taps.dsp", "--all", "--optimizer"]
    command += ["lbfgs", "--input", "x.wav", "--target", "y.wav", "--out", "found"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    cpu = sum(after[:2]) - sum(before[:2])
    values = json.loads((folder / "found" / "values.json").read_text())["parameters"]
    return wall, cpu, np.array([one["value"] for one in values])


if __name__ == "__main__":
    main()
