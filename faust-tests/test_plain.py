"""Plain Faust differentiated: `df.jvp`, `d.fwd`, `d.learnable`, against central differences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.harness import SCALE
from support.paths import BUILD

HEAD = 'import("stdfaust.lib"); df = library("diff.lib");\n'
FRAMES = 6000
#: Five-point differences with a step of 1e-4 of the value: the truncation is of the fourth order,
#: the rounding about 1e-12. What is left is the sensitivity of the program itself.
STEP = 1e-4
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Model:
    """A function of parameters, then of signals; `at` are the parameters."""

    text: str
    at: tuple[float, ...]

    @property
    def plain(self) -> str:
        """The function as Faust reads it."""
        return self.text.replace('\\"', '"')

    def among(self, count: int) -> str:
        """The function with `count` parameters, of which those after the first are not used."""
        names = [f"q{i}" for i in range(count)]
        used = ", ".join(names[: len(self.at)])
        return f"\\({', '.join(names)}).(({self.plain})({used}))"

    def in_a_large_program(self) -> str:
        """The function beside so much that whole dual signals are taken."""
        names = ", ".join(f"q{i}" for i in range(len(self.at)))
        rest = "par(i, 20, ((q0 + i) * q0 : sin : !))"
        return f"\\({names}).(({self.plain})({names}), {rest})"


MODELS = (
    # The language: closures, splitting, merging, feedback, iteration, letrec, partial application.
    Model(r"\(g, dc).(*(g) : +(dc))", (0.5, 0.25)),
    Model(r"\(a).(+ ~ *(a))", (0.7,)),
    Model(r"\(a, b).(+ ~ (_ <: *(a), (mem : *(b)) :> _))", (0.7, -0.2)),
    Model(r"\(a).(_ <: par(i, 4, @(i) : *(pow(a, i))) :> _)", (0.6,)),
    Model(r"\(a).(seq(i, 3, *(a) : +(i)))", (0.6,)),
    Model(r"\(a).(_ <: sum(i, 3, *(a + i)), prod(i, 3, +(a * i)))", (0.6,)),
    Model(r"\(a).(_ : y letrec { 'y = _ + a * y; })", (0.6,)),
    Model(r"\(a).(_ <: a, (a, _) :> _ <: *(a), (*(a) : +(a)) : *)", (0.6,)),
    Model(
        r"\(a, b).(_ <: (x, y) letrec { 'x = _ - x * a * b + y * b; 'y = (x - y) * a; } :> _)",
        (0.6, 0.3),
    ),
    Model(r"\(a).(_ <: (\(x).(\(y).(x * y + a)))(a * 2))", (0.6,)),
    Model(r"\(a, b).(sum(i, 60, (a * i + b) * sin(a - b * i)))", (0.6, 0.3)),
    Model(r"\(a).(route(2, 2, (1, 2), (2, 1)) : *(a), _ : *)", (0.6,)),
    Model(r"\(a).(_, _ : ro.interleave(1, 2) : *(a), sin)", (0.6,)),
    Model(r"\(a).(f(2) with { f(0) = _; f(n) = *(a) : +(n) : f(n - 1); })", (0.6,)),
    Model(r"\(a).(_ * (2 : *(a)) + ma.SR / 44100 * a)", (0.6,)),
    Model(r"\(a).(waveform{0.1, 0.5, -0.3} : !, *(a))", (0.6,)),
    Model(r"\(a).(_ : rwtable(8, 0.0, (1 : + ~ _ : %(8)), _, (2 : + ~ _ : %(8))) : *(a))", (0.6,)),
    Model(r"\(a).(vgroup(\"plain\", *(2)) : *(a))", (0.6,)),
    # The standard libraries.
    Model(r"\(g, fc).(*(g) : fi.lowpass(1, fc))", (0.5, 1000.0)),
    Model(r"\(fc).(fi.lowpass(4, fc))", (1000.0,)),
    Model(r"\(fc).(fi.highpass(3, fc))", (1000.0,)),
    Model(r"\(fc, q).(fi.resonlp(fc, q, 1))", (1000.0, 2.0)),
    Model(r"\(fc, q).(fi.svf.lp(fc, q))", (1000.0, 2.0)),
    Model(r"\(g, fc).(fi.peak_eq(g, fc, 100))", (3.0, 1000.0)),
    Model(r"\(g, fc).(fi.low_shelf(g, fc))", (3.0, 300.0)),
    Model(r"\(b0, b1, b2, a1, a2).(fi.tf2(b0, b1, b2, a1, a2))", (0.5, 0.3, 0.2, -0.4, 0.1)),
    Model(r"\(r).(fi.pole(r) : fi.zero(r * r))", (0.5,)),
    Model(r"\(fc).(fi.dcblockerat(fc))", (50.0,)),
    Model(r"\(s).(si.smooth(s))", (0.9,)),
    Model(r"\(t).(an.amp_follower(t))", (0.05,)),
    Model(r"\(f).(os.oscrs(f))", (440.0,)),
    Model(r"\(f).(os.oscrq(f))", (440.0,)),
    Model(r"\(d).(de.fdelay(128, max(0, min(127, d))))", (10.3,)),
    Model(r"\(r, t, a, b).(co.compressor_mono(r, t, a, b))", (4.0, -20.0, 0.01, 0.1)),
    Model(r"\(d).(ef.cubicnl(d, 0))", (0.4,)),
    Model(r"\(g, d).(re.mono_freeverb(g, 0.5, d, 23))", (0.5, 0.3)),
    Model(r"\(fc, q).(ve.moog_vcf(q, fc))", (500.0, 0.5)),
    Model(r"\(x).(ma.tanh(x) * ma.signum(x) + ba.db2linear(x))", (0.4,)),
)

#: From 13 parameters on, programs of any size are taken the sparse way.
MANY = 13
#: What takes half a minute among so many.
LONG = "sum(i, 60"
AMONG_MANY = [
    m
    for m in MODELS
    if not any(
        f in m.text
        for f in (
            "fi.l",
            "fi.h",
            "fi.r",
            "fi.svf",
            "peak_eq",
            "oscr",
            "freeverb",
            "moog",
            "compressor",
            "dcblocker",
            "amp_follower",
            LONG,
        )
    )
]

#: What the language hides from a pattern: the error names the box.
HIDDEN = (
    ('vgroup("group", *(a))', r'vgroup\("group"|this group[^/]*/group"'),
    ('vgroup("group", a * 2)', "no derivative passes this group[^/]*/group"),
    ('*(a) : hbargraph("level", 0, 1)', r'hbargraph\("level"'),
    ('*(a) : ffunction(float foo(float), "foo.h", "")', r"ffunction\(float foo"),
    ("*(a) : ma.lgamma", "lgamma"),
)


def ways(model: Model, among_many: bool) -> dict[str, str]:
    """The function differentiated: alone, in a large program, and among many parameters."""
    count, text = len(model.at), model.plain
    boxes = {
        "alone": f"df.jvp({count}, {text})",
        "in a large program": f"df.jvp({count}, {model.in_a_large_program()})",
    }
    if among_many:
        unused = ", ".join(["1"] * (MANY - count))
        first = f"_, (si.bus({count}), si.block({MANY - count}))"
        boxes["among many"] = (
            f"si.bus({count}), ({unused}), si.bus(inputs({text}) - {count}) "
            f": df.jvp({MANY}, {model.among(MANY)}) : par(i, outputs({text}), ({first}))"
        )
    return boxes


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.text)
def test_partials_are_those_of_the_program(compiler: Compiler, model: Model) -> None:
    check_partials(compiler, model, ways(model, model in AMONG_MANY))


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["cyfaust"], indirect=True)
def test_partials_of_sixty_terms_among_many_parameters(compiler: Compiler) -> None:
    (model,) = (model for model in MODELS if LONG in model.text)
    check_partials(compiler, model, ways(model, among_many=True))


def check_partials(compiler: Compiler, model: Model, boxes: Mapping[str, str]) -> None:
    """The plain function and all ways are in one program, on the same inputs."""
    count, text = len(model.at), model.plain
    scaled = f"par(i, {count}, *({SCALE})), si.bus(inputs({text}) - {count})"
    together = ", ".join(f"({box})" for box in (text, *boxes.values()))
    source = f"{HEAD}process = {scaled} <: {together};"
    program = build(source, compiler=compiler, include=[BUILD], optimize="-O0")
    outputs, rest = divmod(program.outputs, 1 + (1 + count) * len(boxes))
    assert outputs
    assert not rest
    noise = np.random.default_rng(1).uniform(-1, 1, (program.inputs - count, FRAMES))

    def run(at: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The function's own outputs, then those of each way."""
        parameters = np.tile(at[:, None] / SCALE, (1, FRAMES))
        signals = program.run(np.vstack([parameters, noise]))
        return np.split(signals, outputs + np.arange(len(boxes)) * outputs * (1 + count))

    at = np.array(model.at)
    value, *found = run(at)
    for how, got in zip(boxes, found, strict=True):
        assert np.isfinite(got).all(), how
        np.testing.assert_allclose(got[:: count + 1], value, rtol=1e-12, atol=1e-12, err_msg=how)
    for i in range(count):
        h = np.zeros(count)
        h[i] = STEP * abs(at[i])
        shifted = {k: run(at + k * h)[0] for k in (-2, -1, 1, 2)}
        expected = (8 * (shifted[1] - shifted[-1]) - (shifted[2] - shifted[-2])) / (12 * h[i])
        scale = np.abs(expected).max()
        assert scale > 0, "the model does not depend on the parameter"
        for how, got in zip(boxes, found, strict=True):
            tangent, tolerance = got[i + 1 :: count + 1], TOLERANCE * scale
            np.testing.assert_allclose(tangent, expected, atol=tolerance, err_msg=how)


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize(("text", "message"), HIDDEN, ids=[text for text, _ in HIDDEN])
def test_what_cannot_be_matched_is_an_error_that_names_it(
    compiler: Compiler, text: str, message: str, count: int
) -> None:
    model = Model(rf"\(a).({text})", (1.0,)).among(count)
    with pytest.raises(FaustError) as caught:
        build(f"{HEAD}process = df.jvp({count}, {model});", compiler=compiler, include=[BUILD])
    assert re.search(message, str(caught.value))


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize("name", ["osc", "oscsin", "osccos", "osci"])
def test_table_oscillators_have_the_slope_of_their_table(
    compiler: Compiler, name: str, count: int
) -> None:
    """The program is a staircase: the reference is the phase of the sine that the table holds.

    The slope between two of 65536 entries is that of the sine half an entry on: 5e-5.
    """
    frequency, rate, frames = 440.5, 44100, 4000
    model = Model(rf"\(f).(os.{name}(f * {SCALE}))", (1.0,)).among(count)
    rest = "".join(", 1" for _ in range(count - 1))
    source = f"{HEAD}process = _{rest} : df.jvp({count}, {model}) : _, _, si.block({count - 1});"
    program = build(source, compiler=compiler, include=[BUILD])
    value, slope = program.run(np.full(frames, frequency / SCALE))
    # The oscillators of 2.54.9 have moved one step at the first sample already.
    time = (np.arange(frames) + (compiler.name == "faust")) / rate
    phase = 2 * np.pi * frequency * time
    sine, derivative = (np.cos, lambda p: -np.sin(p)) if "cos" in name else (np.sin, np.cos)
    np.testing.assert_allclose(value, sine(phase), atol=1e-4)
    expected = derivative(phase) * 2 * np.pi * time * SCALE
    np.testing.assert_allclose(slope, expected, atol=1e-4 * np.abs(expected).max())


def test_too_few_arguments_are_an_error(compiler: Compiler) -> None:
    with pytest.raises(FaustError, match="the_function_must_take_at_least_N_arguments"):
        build(f"{HEAD}process = df.jvp(3, *);", compiler=compiler, include=[BUILD])


def test_second_derivatives_by_nesting(compiler: Compiler) -> None:
    source = HEAD + r"process = df.jvp(1, \(a).(df.jvp(1, \(b).(sin(b) * b * b), a)));"
    a = np.linspace(-2, 2, 41)
    value, first, again, second = build(source, compiler=compiler, include=[BUILD]).run(a)
    slope = np.cos(a) * a * a + 2 * a * np.sin(a)
    np.testing.assert_allclose(value, np.sin(a) * a * a, atol=1e-12)
    np.testing.assert_allclose(first, slope, atol=1e-12)
    np.testing.assert_allclose(again, slope, atol=1e-12)
    curvature = (2 - a * a) * np.sin(a) + 4 * a * np.cos(a)
    np.testing.assert_allclose(second, curvature, atol=1e-12)


def test_what_repeats_itself_is_done_once(compiler: Compiler) -> None:
    """Written out, the model is 3 ** 20 boxes: taken apart one by one, it would never compile."""
    rules = "f(0) = a; f(n) = (f(n - 1) * a + 1) / (1 + f(n - 1) * f(n - 1));"
    model = rf"\(a).(f(20) with {{ {rules} }})"
    program = build(f"{HEAD}process = df.jvp(1, {model});", compiler=compiler, include=[BUILD])
    a = np.linspace(-1, 1, 21)
    value, slope = a, np.ones_like(a)
    for _ in range(20):
        above, below = value * a + 1, 1 + value * value
        slope = ((slope * a + value) * below - above * 2 * value * slope) / below**2
        value = above / below
    got = program.run(a)
    np.testing.assert_allclose(got[0], value, rtol=1e-12)
    np.testing.assert_allclose(got[1], slope, rtol=1e-10, atol=1e-12)


def test_silence_gives_finite_partials(compiler: Compiler) -> None:
    model = r"\(t, r).(an.amp_follower(t) : sqrt <: _, (ba.linear2db : *(r) : ba.db2linear))"
    program = build(f"{HEAD}process = df.jvp(2, {model});", compiler=compiler, include=[BUILD])
    outputs = program.run(np.array([[0.1] * 100, [0.5] * 100, [0.0] * 100]))
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("spelling", ["fwd", "fwdAD"])
def test_sliders_are_parameters(compiler: Compiler, spelling: str) -> None:
    source = f"""{HEAD}
    gain = hslider("gain", 0.5, 0, 1, 0.001);
    fc = hslider("fc", 1000, 50, 5000, 1);
    other = hslider("other", 0.3, 0, 1, 0.001);
    model = *(gain) : fi.lowpass(1, fc) : +(other * gain);
    d = df.env(df.vars((gain, fc)));
    process = _ <: (d.input : d.{spelling}(model)), model;
    """
    program = build(source, compiler=compiler, include=[BUILD])
    noise = np.random.default_rng(2).uniform(-1, 1, 500)
    value, by_gain, by_fc, plain = program.run(noise)
    np.testing.assert_allclose(value, plain, atol=1e-14)
    for name, at, got in (("gain", 0.5, by_gain), ("fc", 1000.0, by_fc)):
        step = 1e-4 * at
        above, below = (program.run(noise, controls={name: at + h})[3] for h in (step, -step))
        expected = (above - below) / (2 * step)
        np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_a_plain_model_learns(compiler: Compiler, double: bool) -> None:
    source = rf"""{HEAD}
    vars = df.vars((df.var(hbargraph("gain", 0, 1), 0.1), df.var(hbargraph("pole", 0, 1), 0)));
    d = df.env(vars);
    model(g, a) = *(g) : + ~ *(a);
    truth = model(0.5, 0.8);
    process = no.noise <: df.backprop(truth, d.learnable(model), d.learnMSE(1, OPTIMIZER))
    with {{ OPTIMIZER = d.optimizers.Adam(1e-3, 0.9, 0.999); }};
    """
    session = build(source, compiler=compiler, double=double, include=[BUILD]).session()
    session.compute(None, 5 * 44100)
    assert session.get("gain") == pytest.approx(0.5, rel=1e-2)
    assert session.get("pole") == pytest.approx(0.8, rel=1e-2)
