"""Rows with memory or tables, over time: values and partials for N = 1, 2 and 3.

Each row has a simulation in NumPy, written here from what the primitive does. Partials are
central differences of it. Whether a gate is open and between which two taps or entries a signal
falls is decided where the row is tried, not beside it; all else is linear in each signal, so that
the differences are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.harness import LIBRARIES, Array, case, differences, outputs
from support.paths import BUILD
from support.row_trials import TABLE

FRAMES = 48
STEP = 1 / 64

#: Values are exact; the sums of a moving delay lose a few roundings of what they are made of.
ABSOLUTE = {True: 1e-13, False: 1e-4}

CONTENT = np.array([1.5, -2.5, 0.75, 4.25, -0.5, 3.0, -1.25, 2.0])
WAVEFORM = f"d.diff(waveform{{{', '.join(map(str, CONTENT))}}})"
SHORT = f"d.diff(waveform{{{', '.join(map(str, CONTENT[:4]))}}})"

Signals = Mapping[str, Array]
#: What comes out, from the signals, and from the signals where decisions are taken.
Simulation = Callable[[Signals, Signals], Array]
Draw = Callable[[np.random.Generator], Array]


@dataclass(frozen=True)
class Trial:
    """A box that takes the duals of `signals`, and what it does.

    With respect to a signal in `surrogates`, that is differentiated in place of the value.
    """

    box: str
    signals: Mapping[str, Draw]
    value: Simulation
    surrogates: Mapping[str, Simulation] = field(default_factory=dict)


def real(source: np.random.Generator) -> Array:
    return source.uniform(-3, 3, FRAMES)


def between(low: float, high: float) -> Draw:
    """Real numbers, some of them whole."""

    def draw(source: np.random.Generator) -> Array:
        numbers = source.uniform(low, high, FRAMES)
        return np.where(source.uniform(size=FRAMES) < 0.3, np.floor(numbers), numbers)

    return draw


def whole(high: int) -> Draw:
    return lambda source: source.integers(0, high + 1, FRAMES).astype(float)


def gate(source: np.random.Generator) -> Array:
    """Shut at first and in many frames after; open with different numbers."""
    values = source.choice([0.0, 0.0, 1.0, 0.5, 2.0, -1.5], FRAMES)
    values[:2] = 0
    return values


def at(signal: Array, lag: Array) -> Array:
    """`signal` before as many samples as the whole numbers `lag` say; 0 before time 0."""
    indices = np.arange(FRAMES) - lag.astype(int)
    return np.where(indices >= 0, signal[np.maximum(indices, 0)], 0)


def same(now: Signals, base: Signals) -> Array:
    return now["x"]


def one_sample_later(now: Signals, base: Signals) -> Array:
    return np.concatenate([[0.0], now["x"][:-1]])


def whole_delay(now: Signals, base: Signals) -> Array:
    return at(now["x"], np.floor(base["v"]))


def delay_between_taps(now: Signals, base: Signals) -> Array:
    lag = np.floor(base["v"])
    part = now["v"] - lag
    return (1 - part) * at(now["x"], lag) + part * at(now["x"], lag + 1)


def after_five(now: Signals, base: Signals) -> Array:
    return np.concatenate([[5.0], now["x"][:-1]])


def entry(now: Signals, base: Signals) -> Array:
    return np.asarray(CONTENT[base["r"].astype(int)])


def between_entries(now: Signals, base: Signals) -> Array:
    low = np.floor(base["r"]).astype(int)
    part = now["r"] - low
    return np.asarray((1 - part) * CONTENT[low] + part * CONTENT[(low + 1) % len(CONTENT)])


def written_and_read(now: Signals, base: Signals) -> Array:
    table = CONTENT[:4].copy()
    read = []
    for w, x, r in zip(base["w"].astype(int), now["x"], base["r"].astype(int), strict=True):
        table[w] = x
        read.append(table[r])
    return np.array(read)


def held(values: Array, gates: Array) -> Array:
    """`values` where the gate is not 0, else the last of them; 0 before the first."""
    last, found = 0.0, []
    for value, opened in zip(values, gates, strict=True):
        last = value if opened else last
        found.append(last)
    return np.array(found)


def enabled(now: Signals, base: Signals) -> Array:
    return held(now["x"] * now["c"], base["c"])


def controlled(now: Signals, base: Signals) -> Array:
    return held(now["x"], base["c"])


def clamped(low: float, high: float) -> str:
    """A dual whose value the compiler knows to be in a range."""
    return f"(max({low}) : min({high})), p"


def index(high: int) -> str:
    """A dual whose value the compiler knows to be an index."""
    return f"(int : max(0) : min({high})), p"


SIGNAL = "si.bus(d.N + 1)"

TRIALS = {
    "wire": Trial("d.diff(_)", {"x": real}, same),
    "float": Trial("d.diff(float)", {"x": real}, same),
    "mem": Trial("d.diff(mem)", {"x": real}, one_sample_later),
    "delay": Trial(
        f"{SIGNAL}, {clamped(0, 5)} : d.diff(@)",
        {"x": real, "v": between(0, 5)},
        whole_delay,
        surrogates={"v": delay_between_taps},
    ),
    "fdelay": Trial(
        f"{SIGNAL}, {clamped(0, 5)} : d.fdelay",
        {"x": real, "v": between(0, 5)},
        delay_between_taps,
    ),
    "prefix": Trial(f"d.diff(5), {SIGNAL} : d.diff(prefix)", {"x": real}, after_five),
    "rdtable": Trial(
        f"{WAVEFORM}, {clamped(0, 7)} : d.diff(rdtable)",
        {"r": between(0, 7)},
        entry,
    ),
    "frdtable": Trial(
        f"{WAVEFORM}, {clamped(0, 7.99)} : d.frdtable",
        {"r": between(0, 7.99)},
        between_entries,
    ),
    "rwtable": Trial(
        f"{SHORT}, {index(3)}, {SIGNAL}, {index(3)} : d.diff(rwtable)",
        {"w": whole(3), "x": real, "r": whole(3)},
        written_and_read,
    ),
    "attach": Trial("d.diff(attach)", {"x": real, "y": real}, same),
    "enable": Trial("d.diff(enable)", {"x": real, "c": gate}, enabled),
    "control": Trial("d.diff(control)", {"x": real, "c": gate}, controlled),
    "nextafter": Trial("d.diff(ma.nextafter)", {"x": real, "y": real}, same),
}


def tried(trial: Trial, count: int) -> tuple[Signals, list[Signals]]:
    """The signals of a trial, and their tangents for each parameter; exact in single precision."""
    source = np.random.default_rng(count)

    def drawn(draw: Draw) -> Array:
        return draw(source).astype(np.float32).astype(np.float64)

    signals: Signals = {name: drawn(draw) for name, draw in trial.signals.items()}
    return signals, [{name: drawn(real) for name in signals} for _ in range(count)]


def slope(trial: Trial, signals: Signals, tangents: Signals) -> Array:
    """The sum over all signals of the central difference along the tangent of each."""

    def moved(name: str, step: float) -> Array:
        simulate = trial.surrogates.get(name, trial.value)
        return simulate({**signals, name: signals[name] + step * tangents[name]}, signals)

    slopes = [(moved(name, STEP) - moved(name, -STEP)) / (2 * STEP) for name in signals]
    return np.asarray(np.sum(slopes, axis=0))


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_values_and_partials_over_time(compiler: Compiler, count: int, double: bool) -> None:
    cases = []
    for name, trial in TRIALS.items():
        signals, tangents = tried(trial, count)
        inputs = [row for key in signals for row in (signals[key], *(t[key] for t in tangents))]
        expected = [trial.value(signals, signals), *(slope(trial, signals, t) for t in tangents)]
        cases.append(case(name, trial.box, inputs, expected))
    prelude = f"d = df.env(df.vars(({', '.join(['0.5'] * count)}))); p = si.bus({count});"
    found = outputs(cases, prelude, compiler, double)
    wrong = [
        line
        for one, got in zip(cases, found, strict=True)
        for line in differences(one, got, double, ABSOLUTE[double])
    ]
    assert not wrong, "\n".join(wrong)


def test_every_row_about_time_is_tried() -> None:
    rows = {row.name for row in TABLE.primitives if row.temporal and not row.broken}
    assert rows == set(TRIALS)


# -- intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_lowest_and_highest_of_an_input_are_the_ends_of_its_interval(
    compiler: Compiler, double: bool
) -> None:
    boxes = []
    for count in (1, 2, 3):
        duals = f"df.env(df.vars(({', '.join(['0.5'] * count)})))"
        boxes += [f"({duals}.diff({name}))" for name in ("lowest", "highest")]
    source = f"{LIBRARIES} process = {', '.join(boxes)};"
    compiled = build(source, compiler=compiler, double=double, include=[BUILD])
    inputs = np.random.default_rng(1).uniform(-1, 1, (compiled.inputs, 5))
    expected = [-1, 0, 1, 0, -1, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, 0]
    np.testing.assert_array_equal(compiled.run(inputs).T, [expected] * 5)


def test_assertbounds_does_not_compile_or_is_right(compiler: Compiler) -> None:
    try:
        build("process = assertbounds(-20, 20, _);", compiler=compiler)
    except FaustError:
        assert TABLE["assertbounds"].broken
        return
    box = "d.diff(-20), d.diff(20), si.bus(3) : d.diff(assertbounds)"
    one = case("assertbounds", box, [1.5, 0.7, -1.3], [1.5, 0.7, -1.3])
    (got,) = outputs([one], "d = df.env(df.vars((0.5, 0.25)));", compiler, True)
    assert not differences(one, got, True)
