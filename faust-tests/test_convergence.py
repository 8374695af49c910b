"""Every program in examples/ learns what is hidden in it to 1 % within 10 s of audio, and stays.

So does its counterpart in examples/plain/, whose model is plain Faust.

A problem is a program, values to hide in it, and how far off it is: by default, each meter under
"Learned" is held against the slider of the same name under "Hidden".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import CompiledProgram, Program, Session, build
from support.paths import BUILD

EXAMPLES = BUILD.parent / "examples"
#: Duals routed by hand, and the same problems with plain models.
FOLDERS = (EXAMPLES, EXAMPLES / "plain")
RATE = 44100
SECONDS = 10
#: The meters are read so many times in the last second: "and stays there".
READINGS = 50
TOLERANCE = 0.01

Values = Mapping[str, float]


@dataclass(frozen=True)
class Reading:
    """What a program hides, what it has learned, and its loss over the samples since the last."""

    hidden: Values
    learned: Values
    loss: NDArray[np.float64]


def parameters(one: Reading) -> float:
    """The largest relative distance of a learned value from the hidden one of its name."""
    pairs = [(one.learned[name], value) for name, value in one.hidden.items()]
    return max(abs(learned - hidden) / abs(hidden) for learned, hidden in pairs)


def without_noise(one: Reading) -> float:
    """`parameters`, without the slider that sets how much a measurement is disturbed."""
    hidden = {name: value for name, value in one.hidden.items() if name != "disturbance"}
    return parameters(Reading(hidden, one.learned, one.loss))


def two_taps(one: Reading) -> float:
    """The distance of all taps from two echoes, by the largest of the two."""
    taps = np.array([one.learned[f"tap {i:2d}"] for i in range(16)])
    echoes = np.zeros(16)
    for which in ("first", "second"):
        echoes[round(one.hidden[f"{which} delay"])] += one.hidden[f"{which} gain"]
    return float(abs(taps - echoes).max() / abs(echoes).max())


def response(one: Reading) -> float:
    """The largest relative distance of two frequency responses."""
    learned, hidden = (_response(values) for values in (one.learned, one.hidden))
    return float((abs(learned - hidden) / abs(hidden)).max())


def _response(taps: Values) -> NDArray[np.complex128]:
    late = np.exp(-1j * np.linspace(0, np.pi, 257))
    ahead = taps["b0"] + taps["b1"] * late + taps["b2"] * late**2
    answer: NDArray[np.complex128] = ahead / (1 - taps["a1"] * late - taps["a2"] * late**2)
    return answer


def error_of_the_curve(one: Reading) -> float:
    """The root mean square of the error, by that of the curve."""
    curve = np.sin(one.hidden["drive"] * np.linspace(-1, 1, 1001))
    return float(np.sqrt(one.loss.mean() / np.square(curve).mean()))


@dataclass(frozen=True)
class Problem:
    """A program in examples/, values to hide, and what is to be below `TOLERANCE`.

    The values that the program itself hides are tried too.
    """

    example: str
    others: tuple[Values, ...]
    distance: Callable[[Reading], float] = field(default=parameters, compare=False)


def taps(*values: float) -> Values:
    return {f"tap {i}": value for i, value in enumerate(values)}


def iir(b0: float, b1: float, b2: float, a1: float, a2: float) -> Values:
    return {"b0": b0, "b1": b1, "b2": b2, "a1": a1, "a2": a2}


PROBLEMS = (
    Problem("gain", ({"gain": 0.9},)),
    Problem("gain_and_dc", ({"gain": 0.8, "dc": 0.3},)),
    Problem("gain_scheduler", ({"gain": 0.8},), without_noise),
    Problem("gain_exp", ({"level": 1},)),
    Problem("gain_pow_cos", ({"depth": 1.5, "phase": -0.6},)),
    Problem("squared_dc", ({"dc": 0.8},)),
    Problem("fixed_delay", ({"gain": -0.7},)),
    Problem("learned_delay", ({"gain": 0.4, "delay": 61.3},)),
    Problem("fir", (taps(-0.7, 0.9, 0.5, -0.1, 0.2, -0.3, 0.8, 0.4),)),
    Problem(
        "fir_delays",
        ({"first delay": 0, "first gain": -0.5, "second delay": 15, "second gain": 0.9},),
        two_taps,
    ),
    Problem("one_pole", ({"a": -0.9},)),
    Problem("one_pole_gain", ({"gain": 0.8, "a": -0.5},)),
    Problem("one_pole_ten", ({"a": -0.6},), without_noise),
    Problem("lowpass_cutoff", ({"cutoff": 150}, {"cutoff": 15000})),
    # In the last, a zero cancels the pole: many coefficients make that filter.
    Problem("iir", (iir(0.3, 0.4, -0.5, -0.8, -0.8), iir(0.8, -0.4, 0, 0.5, 0)), response),
    Problem("osc_frequency", ({"frequency": 120}, {"frequency": 250}, {"frequency": 800})),
    # From 500 Hz, in the table that benchmarks/frequency_basin.py prints.
    Problem(
        "frequency",
        tuple({"frequency": hertz} for hertz in (100, 220, 880, 1350, 2000, 4000)),
    ),
    Problem("neural_network", ({"drive": 0.5}, {"drive": 3}), error_of_the_curve),
)


def every_way() -> Iterator[Any]:
    """What a plain model becomes is the same program as by hand, so one precision tells.

    What learns a frequency runs long: by hand in double, the other ways are slow.
    """
    for problem in PROBLEMS:
        for name, folder, double in (
            ("double", FOLDERS[0], True),
            ("single", FOLDERS[0], False),
            ("plain-double", FOLDERS[1], True),
        ):
            slow = problem.example == "frequency" and name != "double"
            marks = pytest.mark.slow if slow else ()
            yield pytest.param(problem, folder, double, id=f"{problem.example}-{name}", marks=marks)


@pytest.mark.parametrize(("problem", "folder", "double"), list(every_way()))
def test_learns_and_stays(folder: Path, problem: Problem, compiler: Compiler, double: bool) -> None:
    text = source(folder, problem.example)
    program = build(text, compiler=compiler, double=double, include=[BUILD])
    failures = []
    for values in ({}, *problem.others):
        distances = [problem.distance(one) for one in last_second(program, values)]
        worst = max(distances, key=lambda distance: (np.isnan(distance), distance))
        if not worst <= TOLERANCE:
            failures.append(f"{values or 'as it is'}: off by {worst:.3g}, last {distances[-1]:.3g}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_is_a_problem(folder: Path) -> None:
    programs = {path.stem for path in folder.glob("*.dsp")} - {"gain_dc"}
    assert programs == {problem.example for problem in PROBLEMS}


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.example)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_example_says_what_it_learns(folder: Path, problem: Problem) -> None:
    header = re.match(r"(//.*\n)*", source(folder, problem.example))
    assert header is not None
    assert 2 <= header[0].count("\n") <= 5


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.example)
def test_plain_models_route_nothing(problem: Problem) -> None:
    text = source(FOLDERS[1], problem.example)
    assert "d.learnable(model" in text
    assert not re.search(r"d\.(diff|input|fwd|linear|osc|fdelay|sumall)|df\.rec|vars\.var", text)


def source(folder: Path, example: str) -> str:
    return (folder / f"{example}.dsp").read_text(encoding="utf-8")


def last_second(program: Program, values: Values) -> Iterator[Reading]:
    """What the program has learned, read again and again until `SECONDS` have passed."""
    assert isinstance(program, CompiledProgram)
    session = program.session(sample_rate=RATE)
    sliders, meters = (
        {control.label: control.path for control in program.controls if control.readonly is kind}
        for kind in (False, True)
    )
    for name, value in values.items():
        session.set(sliders[name], value)
    hidden = _read(session, sliders)
    session.compute(frames=(SECONDS - 1) * RATE)
    for _ in range(READINGS):
        loss = session.compute(frames=RATE // READINGS)[0].astype(float)
        yield Reading(hidden, _read(session, meters), loss)


def _read(session: Session, paths: Mapping[str, str]) -> Values:
    return {label: session.get(path) for label, path in paths.items()}
