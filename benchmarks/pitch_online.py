"""How soon a program in Faust, learning online, has the pitch of another: thirty times.

With one setting. A sine, a square wave and a sawtooth of the standard library are hidden at ten
frequencies from 60 to 8000 Hz. A sum of one, five or ten partials starts at 500 Hz and learns by
`d.learnSpectralOT` for 20 s at 44.1 kHz, in single precision. A cell is the time after which its
frequency stays within 1 % until the end, or where it ended up.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from benchmarks.settling import compiled, trial
from faustdiff.faust.program import CompiledProgram

START = 500.0
FREQUENCIES = (60, 100, 140, 220, 440, 880, 1350, 2000, 4000, 8000)

PROGRAM = """
df = library("diff.lib"); ma = library("maths.lib"); os = library("oscillators.lib");
si = library("signals.lib");
hidden = hslider("hidden", 440, 50, 10000, 0.01);
vars = df.vars((df.clamped(0, 1, _, log(500 / 50.0) / log(200))));
d = df.env(vars);
frequency = vars.var(1) : d.logarithmic(50, 10000) : d.display(hbargraph("learned", 50, 10000));

learnable = frequency <: si.bus(2), d.phasor(si.bus(2)) : MODEL;
process = df.backpropNoInput(WAVE(hidden), learnable, LOSS);
"""
LOSS = "d.learnSpectralOT(4096, d.optimizers.SGD(df.schedulers.exponential(4e-7, 4 * 44100)))"
#: What is hidden, and the learnable on a dual frequency and a dual phase.
WAVES = {
    "sine": ("os.osc", "d.fwd(\\(f, p).(sin(p)))"),
    "square": (
        "os.square",
        "d.fwd(\\(f, p).(sum(i, 5, select2((2*i+1)*f < 0.45*ma.SR, 0, sin((2*i+1)*p)/(2*i+1)))))",
    ),
    "sawtooth": (
        "os.sawtooth",
        "d.fwd(\\(f, p).(sum(i, 10, select2((i+1)*f < 0.45*ma.SR, 0, sin((i+1)*p)/(i+1)))))",
    ),
}


def program_of(wave: str) -> CompiledProgram:
    """The program of a wave."""
    truth, model = WAVES[wave]
    return compiled(PROGRAM.replace("LOSS", LOSS).replace("WAVE", truth).replace("MODEL", model))


def main() -> None:
    """Prints the table."""
    print(f"{LOSS}, from {START:g} Hz; hidden:")
    print(" " * 10 + "".join(f"{hertz:>9}" for hertz in FREQUENCIES))
    for wave in WAVES:
        program = program_of(wave)
        with ThreadPoolExecutor(2) as threads:
            cells = list(threads.map(lambda hertz, of=program: trial(of, hertz), FREQUENCIES))
        print(f"{wave:10}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
