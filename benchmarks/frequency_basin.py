"""From which starts, and to which frequencies, a sine learns the frequency of another sine.

First table: each frequency is hidden, the start is 500 Hz. Second table: 440 Hz is hidden, the
start moves. A cell is the time after which the learned frequency stays within 1 % to the end of
20 s of audio, or where it ended up.

The losses: levels behind lowpasses (`learnLinearFreq`), of a position that is mapped to a frequency
evenly in octaves, or of a frequency in hertz; and the squared error of samples (`learnMSE`), which
makes a phase-locked loop, with and without a lead that damps it (see examples/osc_frequency.dsp).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.settling import compiled, trial
from faustdiff.faust.program import CompiledProgram

FREQUENCIES = (100, 220, 440, 880, 1350, 2000, 4000)
STARTS = (60, 100, 200, 300, 400, 500, 600, 800, 1000, 2000, 4000, 8000)

PROGRAM = """
df = library("diff.lib"); si = library("signals.lib");
ma = library("maths.lib"); os = library("oscillators.lib");
start = hslider("start", 500, 50, 10000, 0.01);
hidden = hslider("hidden", 440, 50, 10000, 0.01);
vars = df.vars((PARAMETER));
d = df.env(vars);
learnable = vars.var(1) : MAP : d.display(hbargraph("learned", 50, 10000)) : d.osc(si.bus(2));
lead = _ <: _, (_ <: _, mem : - : *(100)) : +;
process = df.backpropNoInput(sin(os.phasor(2 * ma.PI, hidden)), learnable, LOSS);
"""

HERTZ = ("df.var(_, start)", "si.bus(2)")
POSITION = ("df.clamped(0, 1, _, log(start / 50) / log(200))", "d.logarithmic(50, 10000)")


@dataclass(frozen=True)
class Setting:
    """A title, the parameter and how it is mapped, and the loss."""

    title: str
    parameter: tuple[str, str]
    loss: str


SETTINGS = (
    *(
        Setting(
            f"levels, {window:5d}, position, SGD(1e-4)",
            POSITION,
            f"d.learnLinearFreq({window}, d.optimizers.SGD(1e-4))",
        )
        for window in (256, 1024, 4096, 16384)
    ),
    *(
        Setting(
            f"levels,  4096, hertz, Adam({rate})",
            HERTZ,
            f"d.learnLinearFreq(4096, d.optimizers.Adam({rate}, 0.9, 0.999))",
        )
        for rate in (0.001, 0.01, 0.1)
    ),
    *(
        Setting(
            f"samples, hertz, Adam({rate})",
            HERTZ,
            f"d.learnMSE(1, d.optimizers.Adam({rate}, 0.9, 0.999))",
        )
        for rate in (0.01, 0.1)
    ),
    *(
        Setting(
            f"samples, hertz, RMSProp({rate}) and lead",
            HERTZ,
            f"d.learnMSE(1, (d.optimizersWith(0.1).RMSProp({rate}, 0.9999) : lead))",
        )
        for rate in (0.03, 0.1, 0.3)
    ),
)


def program_of(setting: Setting) -> CompiledProgram:
    """The program of a setting."""
    parameter, mapped = setting.parameter
    text = PROGRAM.replace("PARAMETER", parameter).replace("MAP", mapped)
    return compiled(text.replace("LOSS", setting.loss))


def table(title: str, heads: Sequence[float], trials: Sequence[tuple[float, float]]) -> None:
    """One line for each setting; `trials` are pairs of a start and a hidden frequency."""
    width = max(len(setting.title) for setting in SETTINGS)
    print(f"\n{title}")
    print(" " * width + "".join(f"{head:>9}" for head in heads))
    for setting in SETTINGS:
        program = program_of(setting)
        with ThreadPoolExecutor(2) as threads:
            cells = list(
                threads.map(lambda pair, of=program: trial(of, pair[1], start=pair[0]), trials)
            )
        print(f"{setting.title:{width}}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


def main() -> None:
    """Print both tables."""
    table("Start 500 Hz, hidden:", FREQUENCIES, [(500, hidden) for hidden in FREQUENCIES])
    table("Hidden 440 Hz, start:", STARTS, [(start, 440) for start in STARTS])


if __name__ == "__main__":
    main()
