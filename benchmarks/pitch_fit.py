"""How `fit` finds the pitch of oscillators of the standard library: of each, at ten frequencies.

The frequency is hidden, the phase unknown: the target is a recording of the same oscillator from
the middle. `fit` starts at 500 Hz. A cell is the error of the frequency in percent, and the passes;
`!` where that is more than 0.1 % or 50 passes, `?` where the verdict is "poor match". The worst
that can be is `!` without `?`: a wrong pitch that is called found.

    python -m benchmarks.pitch_fit [--loss ot] [WAVE...]
"""

from __future__ import annotations

import argparse

import numpy as np

import faustdiff
from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import build
from faustdiff.fitting.fit import Fit

RATE, FRAMES, SKIPPED = 44100, 11025, 1234
FREQUENCIES = (60, 100, 140, 220, 440, 880, 1350, 2000, 4000, 8000)
#: What is asked: the relative error, and the passes.
TOLERANCE, PASSES = 1e-3, 50
PROGRAM = """import("stdfaust.lib");
f = hslider("f[diff:on][scale:log]", 500, 50, 10000, 0.01);
process = 0.5 * WAVE;
"""
#: The three that are asked for, and others that act by jumps.
WAVES = {
    "sine": "os.osc(f)",
    "square": "os.square(f)",
    "sawtooth": "os.sawtooth(f)",
    "triangle": "os.triangle(f)",
    "lf_saw": "os.lf_saw(f)",
    "lf_squarewave": "os.lf_squarewave(f)",
    "lf_triangle": "os.lf_triangle(f)",
    "pulsetrain": "os.pulsetrain(f, 0.3)",
    "imptrain": "os.imptrain(f)",
    "lf_imptrain": "os.lf_imptrain(f)",
}
ASKED = ("sine", "square", "sawtooth")


def hidden(wave: str, hertz: float) -> np.ndarray:
    """The oscillator at a frequency in Hz, from the middle."""
    text = PROGRAM.replace("WAVE", WAVES[wave])
    program = build(text, compiler=find_compiler(), double=True)
    sound = program.run(None, FRAMES + SKIPPED, sample_rate=RATE, controls={"f": hertz})
    return np.asarray(sound, float)[:, SKIPPED:]


def fitted(wave: str, hertz: float, loss: str) -> Fit:
    """A fit from 500 Hz to what is hidden."""
    text = PROGRAM.replace("WAVE", WAVES[wave])
    return faustdiff.fit(text, None, hidden(wave, hertz), RATE, loss=loss).details


def cell(wave: str, hertz: float, loss: str) -> str:
    """What a fit came to, for a table."""
    try:
        found = fitted(wave, hertz, loss)
    except faustdiff.errors.InputError as error:
        return f"[{error.problems[0].what[:12]}]"
    away = abs(found.values[0] / hertz - 1)
    missed = away > TOLERANCE or found.passes > PASSES
    mark = "!" * missed + "?" * (not found.verdict.good)
    return f"{100 * away:.2g}/{found.passes:.0f}{mark}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", default="ot")
    parser.add_argument("waves", nargs="*", default=ASKED)
    options = parser.parse_args()
    print(f"fit by {options.loss}, from 500 Hz; % / passes; hidden:")
    print(" " * 14 + "".join(f"{hertz:>14}" for hertz in FREQUENCIES))
    for wave in options.waves:
        cells = [cell(wave, hertz, options.loss) for hertz in FREQUENCIES]
        print(f"{wave:14}" + "".join(f"{one:>14}" for one in cells), flush=True)


if __name__ == "__main__":
    main()
