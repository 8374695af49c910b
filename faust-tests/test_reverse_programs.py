"""Reverse mode as two programs: against forward mode, and against central differences."""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, build
from support.reverse_pairs import adjoints
from support.whole_programs import HEAD, Whole

#: Of the sum of the magnitudes of the terms: both modes add the same products in another order.
BY_FORWARD = 1e-11
#: Five-point differences in double, with a step of 1e-4.
BY_DIFFERENCES = 1e-8


def slider(name: str, value: float, low: float, high: float) -> str:
    return f'hslider("{name}", {value}, {low}, {high}, 0.0001)'


GAIN = slider("g", 0.5, 0, 1)
MEMORIES = {
    "gain": f"*({GAIN})",
    "one pole": f"+ ~ *({GAIN})",
    "low-pass": f"fi.lowpass(4, {slider('f', 1000, 20, 9000)}) : *({GAIN})",
    "string": f"+ ~ (de.fdelay(512, {slider('l', 50.3, 1, 400)}) : fi.lowpass(1,"
    f" {slider('f', 5000, 20, 9000)}) : *({GAIN}))",
    "moving delay": f"@({slider('d', 20.5, 0, 50)} * (1 + os.osc(441))) : *({GAIN})",
    "moving delay in a loop": f"+ ~ (@(min(100, int(20 + 10 * os.osc(441)))) : *({GAIN}))",
    "moving delay down to nothing": f"*({GAIN}) : @(int(1.2 + 1.2 * os.osc(4410)))",
    "table in turns": f"rwtable(64, 0.0, ba.time % 64, *({GAIN}), ba.time * 7 % 60)",
    "table out of order": "rwtable(8, 0.0, int(ba.time * 0.71) % 8,"
    f" *({GAIN}), int(ba.time * 2.1) % 8)",
    "table in a loop": f"+ ~ (rwtable(8, 0.0, ba.time % 8, *({GAIN}), (ba.time + 3) % 8))",
    "control": f"*({GAIN}), (ba.time % 7 > 3) : control",
    "enable": f"*({GAIN}), max(0, ba.time % 7 * {slider('h', 0.5, 0, 1)} - 0.3) : enable",
    "prefix": f"prefix(1.0, *({GAIN}))",
    "smoothed": f"*({GAIN} : si.smoo)",
    "noise": f"_ + no.noise * {GAIN} : fi.resonlp({slider('f', 1000, 20, 9000)}, 2, 1)",
    "taps": f"_ <: sum(i, 5, @(i) * {slider('h%i', 0.5, -1, 1)})",
}


def test_memories(compiler: Compiler) -> None:
    programs = [Whole(title, f"{HEAD}process = {text};") for title, text in MEMORIES.items()]
    for one in adjoints(programs, compiler):
        title = one.whole.title
        assert np.any(one.expected), title
        np.testing.assert_allclose(one.value, one.original, rtol=1e-12, atol=1e-15, err_msg=title)
        assert one.error <= BY_FORWARD, title
        assert abs(one.slope - one.products[-1]) <= BY_DIFFERENCES * one.scale[-1], title


def test_sliders_that_move_in_time(compiler: Compiler) -> None:
    source = HEAD + (
        f"process = de.fdelay(2048, {slider('d', 50, 10, 1000)}) : fi.lowpass(2,"
        f" {slider('f', 1000, 20, 9000)}) : *({GAIN});"
    )
    made = reverse_programs(source, params=["g"], signals=["f", "d"], compiler=compiler)
    assert [one.label for one in made.signals] == ["f", "d"]
    forward, backward = (build(t, compiler=compiler) for t in (made.forward, made.backward))
    rng, frames = np.random.default_rng(3), 400
    n = np.arange(frames)
    fed = np.vstack([rng.uniform(-1, 1, frames), 1000 + 300 * np.sin(n / 20), 200.3 + n / 3.1])
    v = rng.normal(size=fed.shape) * np.array([[1.0], [10.0], [1e-3]])
    g = rng.normal(size=(1, frames))

    def run(program: Program, signals: np.ndarray) -> np.ndarray:
        return np.asarray(program.run(signals), float)

    def loss(h: float) -> float:
        return float(np.sum(g * run(forward, fed + h * v)[:1]))

    tape = run(forward, fed)[1:]
    given = run(backward, np.vstack([g, tape])[:, ::-1])[:3, ::-1]
    h = 1e-3
    slope = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
    # Where the delay passes a whole number, the slope of the interpolation jumps.
    assert abs(np.sum(given * v) - slope) <= 1e-8 * np.sum(np.abs(given * v))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"process = + ~ *({GAIN}), _ : enable;", "has memory, which reverse mode does not stop"),
        (f"process(x, d) = x * {GAIN} : @(d);", "no bound"),
    ],
)
def test_what_it_refuses(compiler: Compiler, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        reverse_programs(text, all_continuous=True, compiler=compiler)
