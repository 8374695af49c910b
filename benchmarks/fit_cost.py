"""What `faustdiff fit` costs as a process, beside a plain script; and many fits, each.

The script compiles the program by itself and lets SciPy's `least_squares` take differences: no
derivatives, no latency, no verdict, no files. Both are whole processes, with their children, and
find the same parameters. In a batch the recordings are a quarter of a second long, and what one of
them costs is the difference of a large folder and a small one: without start and compilers. Seconds
of processor (user and system), the least of several runs.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import build
from faustdiff.recordings import write_audio

RATE = 44100
SECONDS, SHORT = 1.0, 0.25
#: Recordings of a small folder.
FEW = 10
RUNS = 3
AMPLIFIER = """import("stdfaust.lib");
drive = hslider("drive [diff:1] [unit:dB]", 6, 0, 40, 0.1);
tone = hslider("tone [diff:1] [unit:Hz] [scale:log]", 2000, 200, 16000, 1);
level = hslider("level [diff:1] [unit:dB]", -6, -40, 12, 0.1);
process = *(ba.db2linear(drive)) : ma.tanh : fi.lowpass(1, tone) : *(ba.db2linear(level));
"""
HIDDEN = {"drive": 18.0, "tone": 4000.0, "level": -10.0}
#: Takes program, input and target; it knows of ranges and spacings what the program says.
SCRIPT = """
import sys
import numpy as np
import soundfile
from scipy.optimize import least_squares
from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import build

program = build(open(sys.argv[1]).read(), compiler=find_compiler(None), double=True)
given, rate = soundfile.read(sys.argv[2], always_2d=True)
target, rate = soundfile.read(sys.argv[3])
names = [one.path for one in program.controls]

def residual(values):
    drive, tone, level = values
    controls = dict(zip(names, (drive, 200 * 80**tone, level)))
    return program.run(given.T, len(given), sample_rate=rate, controls=controls)[0] - target

bounds = ([0, 0, -40], [40, 1, 12])
found = least_squares(residual, [6, 0.525, -6], bounds=bounds, x_scale=[40, 1, 52])
print(found.x[0], 200 * 80 ** found.x[1], found.x[2])
"""


def processor(command: list[str]) -> float:
    """The seconds of processor of a process and its children; the least of `RUNS`."""
    least = np.inf
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return float(least)


def recordings(folder: Path, count: int, seconds: float) -> None:
    """So many inputs, and what the program makes of them, in `in` and `out` of a folder."""
    program = build(AMPLIFIER, compiler=find_compiler(None), double=True)
    rng = np.random.default_rng(0)
    for name in ("in", "out"):
        (folder / name).mkdir()
    for index in range(count):
        frames = round(seconds * RATE)
        signal = rng.uniform(-1, 1, (1, frames)) * np.exp(-np.arange(frames) / RATE)
        values = {program.settable_path(name): value for name, value in HIDDEN.items()}
        target = np.asarray(program.run(signal, frames, sample_rate=RATE, controls=values))
        for name, sound in (("in", signal), ("out", target)):
            write_audio(folder / name / f"{index:04}.wav", iter([sound]), 1, RATE, "FLOAT")


def main() -> None:
    """Prints both tables; the number of recordings of the batch may be given."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    tool = [sys.executable, "-m", "faustdiff", "fit"]
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ.pop("FAUSTDIFF_CACHE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "amp.dsp").write_text(AMPLIFIER, encoding="utf-8")
        (folder / "plain.py").write_text(SCRIPT, encoding="utf-8")
        one = folder / "one"
        one.mkdir()
        recordings(one, 1, SECONDS)
        files = [str(one / "in" / "0000.wav"), str(one / "out" / "0000.wav")]
        program = str(folder / "amp.dsp")
        script = processor([sys.executable, str(folder / "plain.py"), program, *files])
        print(f"a plain script            {script:6.2f} s")
        fit = [*tool, program, "--input", files[0], "--target", files[1]]
        for what, option in (("without a report", "--no-report"), ("with a report", "--report")):
            cost = processor([*fit, "--out", str(folder / "o"), option])
            print(f"faustdiff fit, {what:<17}{cost:6.2f} s{cost / script:6.2f} times")
        for size in (FEW, FEW + count):
            (folder / str(size)).mkdir()
            recordings(folder / str(size), size, SHORT)
        for what, option in (("without reports", "--no-report"), ("with reports", "--report")):
            few, many = (
                processor([*tool, program, *_folders(folder / str(size)), option])
                for size in (FEW, FEW + count)
            )
            print(f"{count} recordings, {what:<17}{(many - few) / count:8.3f} s each")


def _folders(many: Path) -> list[str]:
    """The options for a batch."""
    names = (("--input", "in"), ("--target", "out"), ("--out", "fits"))
    return [word for option, name in names for word in (option, str(many / name))]


if __name__ == "__main__":
    main()
