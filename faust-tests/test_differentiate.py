"""Programs differentiated ahead of time, compiled and run, against two references.

Central differences of the original program, compiled by itself, and `df.jvp` of the same function:
an engine of its own, which has nothing in common with this one but the table.
"""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.autodiff import differentiate
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.whole_examples import FUNCTIONS, WHOLE
from support.whole_programs import HEAD, Whole, distance, function, results

#: Of the norm of a derivative over all frames: what five-point differences in double can show, and
#: what is left of rounding between two programs that compute the same.
BY_DIFFERENCES = 1e-6
BY_JVP = 1e-9

#: As many programs are made of those below, and no more: each is compiled for many of them.
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_partials_against_differences_and_against_jvp(compiler: Compiler, part: int) -> None:
    wrong = []
    for one in results([*FUNCTIONS, *WHOLE][part::PARTS], compiler, frames=3500, jvp=True):
        title = one.whole.title
        if distance(one.value, one.original) > 1e-13:
            wrong.append(f"{title}: the value is another")
        for index, parameter in enumerate(one.done.params):
            partial, difference = one.partials[index], one.differences[index]
            assert one.known[index] < BY_DIFFERENCES, f"{title}: no difference by {parameter.label}"
            if not np.any(difference) and title != "a sound file passes through":
                wrong.append(f"{title}: nothing depends on {parameter.label}")
            if distance(partial, difference) > BY_DIFFERENCES:
                wrong.append(f"{title}, {parameter.label}: {distance(partial, difference):.1e}")
            other = one.jvp[int(parameter.label[1:])] if one.jvp else partial
            if (off := distance(partial, other)) > BY_JVP:
                wrong.append(f"{title}, {parameter.label}: jvp differs by {off:.1e}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.xdist_group("differentiate")
def test_reverse_mode_gives_what_forward_mode_gives(compiler: Compiler) -> None:
    programs = [
        function("gains", [0.5, 0.3], r"\(g, h).(*(g) : ma.tanh : *(h) + g)"),
        function("FIR", [0.1, 0.2, 0.3], r"\(a, b, c).(_ <: *(a), @(1) * b, @(7) * c :> _)"),
        function(
            "cascade",
            [0.4, 0.3, 0.2],
            r"\(a, b, o).(_ <: _, (@(3) : *(a)) :> ma.tanh <: *(b), @(5) * b :> @(2) + (o : @(9)))",
        ),
        function("echo", [10.3, 0.5], r"\(d, g).(_ <: _, (de.fdelay(1024, d) : *(g)) :> _)"),
        function("moving delay", [0.7], r"\(g).(*(g) : sin : @(int(9 + 8 * sin(ba.time / 5))))"),
        function("choice", [0.3, 0.6], r"\(a, b).(_ <: select2(>(0), *(a), *(b) * a))"),
        function("filtered before", [0.3], r"\(a).(fi.lowpass(2, 900) : *(a) : max(0.01))"),
        function("two outputs", [0.3, 0.6], r"\(a, b).(_ <: *(a), *(b) * a)"),
    ]
    forward = results(programs, compiler, frames=400)
    reverse = results(programs, compiler, frames=400, mode="reverse")
    for there, back in zip(forward, reverse, strict=True):
        for a, b in zip(there.partials, back.partials, strict=True):
            assert np.any(a), there.whole.title
            assert distance(b, a) < 1e-13, there.whole.title


@pytest.mark.parametrize("oscillator", ["os.osc(f)", "os.oscsin(f)", "os.oscp(f, 0.3)"])
def test_an_oscillator_that_reads_a_table_has_the_slope_of_its_table(
    compiler: Compiler, oscillator: str
) -> None:
    """The program is a staircase; what it stands for is a sine of the running phase."""
    frequency, frames, rate = 441.3, 1500, 44100
    text = f'{HEAD}f = hslider("f", {frequency}, 20, 2000, 0.1); process = {oscillator};'
    done = differentiate(text, all_continuous=True, compiler=compiler)
    value, partial = build(done.text, compiler=compiler).run(None, frames)
    frame = np.arange(frames)
    shift = 0.3 if "0.3" in oscillator else 0.0
    turn = 2 * np.pi * frequency / rate
    phase = turn * frame + shift
    # Which of the first frames is phase 0 differs between libraries.
    late = int(np.argmin([np.abs(np.sin(phase + k * turn) - value).max() for k in (0, 1)]))
    expected = np.cos(phase + late * turn) * 2 * np.pi * (frame + late) / rate
    # One step of the table, 1/65536 of a turn, moves the cosine by 1e-4.
    assert distance(partial, expected) < 2e-4


def test_an_interpolated_table_is_not_given_a_slope_twice(compiler: Compiler) -> None:
    text = (
        "process = x : int, x - int(x) : \\(i, f).((1 - f) * t(i) + f * t(i + 1)) with { "
        't(i) = rdtable(16, (1 : + ~ _ : *(0.1) : sin), i); x = hslider("x", 3.25, 0, 10, 0.01); };'
    )
    done = differentiate(f"{HEAD}{text}", all_continuous=True, compiler=compiler)
    _, partial = build(done.text, compiler=compiler).run(None, 4)
    # The entries start with sin(0.1).
    assert partial == pytest.approx(np.full(4, np.sin(0.5) - np.sin(0.4)), rel=1e-12)


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: whole.title)
def test_the_user_interface_is_that_of_the_original(compiler: Compiler, whole: Whole) -> None:
    original = build(whole.text, compiler=compiler, optimize="-O0")
    done = differentiate(whole.text, all_continuous=True, compiler=compiler)
    result = build(done.text, compiler=compiler, optimize="-O0")
    assert sorted(map(repr, result.controls)) == sorted(map(repr, original.controls))
    for parameter in done.params:
        control = original.controls[original.find_settable(parameter.path)]
        for field in ("label", "path", "kind", "init", "min", "max", "step", "meta"):
            assert getattr(parameter, field) == getattr(control, field)


def test_single_precision(compiler: Compiler) -> None:
    text = HEAD + 'process = fi.lowpass(2, hslider("f", 1000, 20, 9000, 1));'
    done = differentiate(text, all_continuous=True, compiler=compiler)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 500))
    double = build(done.text, compiler=compiler).run(x)
    single = build(done.text, compiler=compiler, double=False).run(x)
    assert distance(single.astype(float), double) < 1e-4


REFUSED = {
    "no slider is marked": 'process = *(hslider("g", 0.5, 0, 1, 0.01));',
    "the content": 'process = rdtable(10, hslider("g [diff:1]", 0.5, 0, 1, 0.01), 3);',
    "ma.lgamma": HEAD + 'process = hslider("g [diff:1]", 0.5, 0, 1, 0.01) : ma.lgamma;',
    "there is no derivative rule": 'process = hslider("g [diff:1]", 0.5, 0, 1, 0.01)'
    ' : ffunction(float mine(float), <math.h>, "");',
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_differentiated_is_named(compiler: Compiler, what: str) -> None:
    with pytest.raises(InputError, match=what if what != "the content" else "cannot depend"):
        differentiate(REFUSED[what], compiler=compiler)


def test_reverse_mode_refuses_feedback(compiler: Compiler) -> None:
    text = 'process = + ~ *(hslider("g [diff:1]", 0.5, 0, 1, 0.01));'
    with pytest.raises(InputError, match="feedback lies between"):
        differentiate(text, compiler=compiler, mode="reverse")
