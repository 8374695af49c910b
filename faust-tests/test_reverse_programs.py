"""Reverse mode as two programs: against forward mode, and against central differences."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, seed, settings

from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program, build
from support.library_functions import ROWS
from support.random_programs import Model, Rejected, models, reference
from support.reverse_pairs import Adjoint, adjoints
from support.whole_examples import FUNCTIONS, WHOLE
from support.whole_programs import HEAD, Whole, function

#: Of the sum of the magnitudes of the terms: both modes add the same products in another order.
BY_FORWARD = 1e-11
#: Of the same sum, by five-point differences in double, with a step so small that few kinks are in
#: it: what is left is rounding, at most 1e-10 for all functions of the libraries.
STEP, BY_DIFFERENCES = 1e-6, 1e-8
#: Where coefficients are differences of squares of the sample rate, rounding is that much larger.
ROUNDED = {"fi.tf2sb": 1e-7}
#: Fed with 0 alone, where the detector of its level has a kink.
AT_KINK = "compressor at silence"
#: How many random programs each compiler is given, and of which kind.
COUNT = int(os.environ.get("FAUSTDIFF_PROGRAMS", "12"))
SEED = int(os.environ.get("FAUSTDIFF_SEED", "0"))


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
    "moving delay within the rate": f"@(min(2 ^ rint(log(ma.SR / 200) / log(2)),"
    f" {slider('d', 20.5, 0, 50)} * (1 + os.osc(441)))) : *({GAIN})",
    "moving delay in a loop": f"+ ~ (@(min(100, int(20 + 10 * os.osc(441)))) : *({GAIN}))",
    "length out of a loop": f"\\(x).(y(x), x@max(0, min(9, int(4 + 4 * sin(y(x))))))"
    f" with {{ y = + ~ *({GAIN}); }}",
    "length in its loop": f"(\\(y, x).(x + {GAIN} * y@max(0, min(5, int(3 + 3 * sin(y)))))) ~ _",
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
    "meter on the way": f'*({GAIN}) : hbargraph("level", -9, 9) : fi.pole({GAIN})',
    "taps": f"_ <: sum(i, 5, @(i) * {slider('h%i', 0.5, -1, 1)})",
}
#: What a gate holds, and what it passes since it is computed anyway.
GATES = {
    "tangent that is an input": f"\\(x).(control(x * {GAIN}, x > 0))",
    "tangent that is needed": f"\\(x).(sin(x), control(sin(x) * {GAIN}, x > 0))",
    "gated factor": f"\\(x).(control(exp(x * {GAIN}), x > 0) * x')",
    "gated square root": f"\\(x).(control(sqrt(x * {GAIN}), x > 0))",
    "shared with the outside": f"\\(x).(control(x * {GAIN}, x > 0), x * {GAIN})",
    "input, its delay and a slider": f"\\(x).(x, x', {GAIN} : par(i, 3, control(_, x > 0)))",
    "state": f"\\(x).(control((x : + ~ *({GAIN}))', x > 0), (x : + ~ *({GAIN})))",
    "gate of a slider": f"\\(x).(enable(x, max(0, ba.time % 3 * {GAIN} - 0.2)))",
}
#: Whose square, product or opposite is no integer of 32 bits.
INTEGERS = {
    "square": f"atan2(*({GAIN}), ba.time * 1000 + 1)",
    "square of an opposite": f"\\(n, x).(x * {GAIN} / ((-1.0) * n))(ba.time * 1000 + 1)",
    "product of opposites": f"\\(n, x).(x * {GAIN} * ((-1) * n) * (-1.0 * n))(ba.time * 1000 + 1)",
    "opposite of the least": f"*({GAIN}) * (-1 * select2(ba.time % 2, -2147483647 - 1, 5))",
    "negated, and the least": f"(-1 * sin(*({GAIN}))) * (-2147483647 - 1)",
    "noise in loops": f"+ ~ *({GAIN} * (((+(12345) ~ *(1103515245)) * (-1)) % 7) / 14)",
}


#: Functions of the standard libraries, a few of each kind; all of them with the marker `slow`.
EVERY = tuple(
    function(row.name, row.at, row.text)
    for row in ROWS
    if row.feed == "noise" and not row.only and not row.text.startswith(("aa", "ts"))
)
#: The compilers call the counters of their loops j0, j1 and so on, as C calls Bessel's functions.
BESSEL = tuple(one for one in EVERY if re.match(r"ma\.[JY][01n]$", one.title))
LIBRARY = tuple(one for one in EVERY if one not in BESSEL)
EXAMPLES = (*FUNCTIONS, *WHOLE)


def check(programs: Sequence[Whole], compiler: Compiler, frames: int = 400) -> list[Adjoint]:
    """Each program against forward mode, and its inputs' cotangents against differences too.

    With 2.54.9 by signals, with the newer compiler by sums over time: programs are made alike for
    both. What is wrong is told in one message.
    """
    by_sums = compiler.name != "faust"
    found = adjoints(programs, compiler, frames=frames, step=STEP, by_sums=by_sums)
    wrong = [f"{one.whole.title}: {one.error:.1e}" for one in found if one.error > BY_FORWARD]
    wrong += [
        f"{one.whole.title}: the value is another"
        for one in found
        if not np.allclose(one.value, one.original, rtol=1e-9, atol=1e-12)
    ]
    wrong += [
        f"{one.whole.title}: {one.slope_error:.1e} from differences"
        for one in found
        if one.slope_error > ROUNDED.get(one.whole.title, BY_DIFFERENCES)
        and one.whole.title != AT_KINK
    ]
    assert not wrong, "\n".join(wrong)
    return found


def half(programs: Sequence[Whole], compiler: Compiler, others: bool) -> Sequence[Whole]:
    """Every other program: those of this compiler, or those of the other one."""
    return programs[int((compiler.name == "faust") != others) :: 2]


def in_halves(test: Callable[..., None]) -> Callable[..., None]:
    """A test of programs by one compiler each; by the other one it is slow."""
    halves = [False, pytest.param(True, marks=pytest.mark.slow)]
    names = ["its programs", "the other's programs"]
    return pytest.mark.each_compiler(pytest.mark.parametrize("others", halves, ids=names)(test))


@in_halves
def test_memories_gates_and_integers(compiler: Compiler, others: bool) -> None:
    texts = {**MEMORIES, **GATES, **INTEGERS}
    programs = [Whole(title, f"{HEAD}process = {text};") for title, text in texts.items()]
    for one in check(half(programs, compiler, others), compiler):
        assert np.any(one.expected), one.whole.title


def test_an_input_of_many_taps_is_on_the_tape_once(compiler: Compiler) -> None:
    text = f"{HEAD}process = {MEMORIES['taps']};"
    assert reverse_programs(text, compiler=compiler, all_continuous=True).tape == 1


@in_halves
def test_examples(compiler: Compiler, others: bool) -> None:
    check(half(EXAMPLES, compiler, others), compiler, frames=1500)


def test_functions_of_the_standard_libraries(compiler: Compiler) -> None:
    start = 7 * int(compiler.name == "faust")
    check(LIBRARY[start::20], compiler, frames=1000)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_all_functions_of_the_standard_libraries(compiler: Compiler, part: int) -> None:
    check(LIBRARY[part::20], compiler, frames=1000)


@pytest.mark.slow
def test_bessel_functions(compiler: Compiler) -> None:
    assert len(BESSEL) == 6
    check(BESSEL, compiler, frames=100)


@in_halves
def test_random_programs(compiler: Compiler, others: bool) -> None:
    check(half(drawn(2 * COUNT), compiler, others), compiler, frames=16)


@functools.cache
def drawn(count: int) -> list[Whole]:
    """Random programs with parameters that are differentiable where they are tried."""
    found: dict[str, Whole] = {}
    signals = np.random.default_rng(3).uniform(-1, 1, (2, 16))

    @seed(SEED)
    @settings(
        max_examples=2 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(models())
    def collect(model: Model) -> None:
        try:
            reference(model, signals)
        except Rejected:
            reject()
        found[model.text] = function(model.text, model.at, model.text)

    collect()
    return list(found.values())[:count]


def test_sliders_by_way_of_sums_over_time(compiler: Compiler) -> None:
    weights = f"sum(i, 6, {slider('w%i', 0.3, -1, 1)} * sin(i + 1))"
    source = f"{HEAD}process = fi.lowpass(2, 1000 * (1.5 + ma.tanh({weights}))) : *({GAIN});"
    rng, frames = np.random.default_rng(6), 400
    x, g = rng.normal(size=(2, 1, frames))
    gradients = []
    for by_sums in (False, True):
        made = reverse_programs(source, all_continuous=True, by_sums=by_sums, compiler=compiler)
        forward, backward = (build(t, compiler=compiler) for t in (made.forward, made.backward))
        tape = np.asarray(forward.run(x), float)[1:]
        sums = backward.run(np.vstack([g, tape])[:, ::-1])[1:].sum(axis=1)
        assert len(sums) == (made.coefficients or 7)
        if by_sums:
            # As many as the filter has coefficients, however many sliders there are.
            assert made.coefficients < 7
            sums = build(made.sliders, compiler=compiler).run(sums[:, None])[:, 0]
        gradients.append(sums)
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-11)


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
        (
            f"process(x) = control(s(x) * x, x > 0), control(s(x), x' > 0)"
            f" with {{ s(x) = exp({GAIN} * x); }};",
            "behind another gate too",
        ),
    ],
)
def test_what_it_refuses(compiler: Compiler, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        reverse_programs(text, all_continuous=True, compiler=compiler)
