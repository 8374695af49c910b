"""Reverse mode: `df.vjp`, `df.grad` and the like, against `df.jvp` and central differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import Program, build
from support.harness import SCALE
from support.networks import dense
from support.operations import operations
from support.paths import BUILD

HEAD = 'import("stdfaust.lib"); df = library("diff.lib");\n'
NETWORK_HEAD = 'df = library("diff.lib"); si = library("signals.lib"); ma = library("maths.lib");\n'
FRAMES = 60
#: Both modes evaluate the same formulas in another order; the scale is that of the largest value.
AGAINST_FORWARD = 1e-9
#: Five-point differences with a step of 1e-4: truncation of the fourth order, rounding about 1e-12.
AGAINST_DIFFERENCES = 1e-6
STEP = 1e-4
NETWORK = "df.nn.sequential((df.nn.dense(1, 2), df.nn.tanh, df.nn.dense(2, 1)))"
POINTS = (-2, -1, 1, 2)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A function of `len(at)` parameters, then of signals."""

    text: str
    at: tuple[float, ...]


MODELS = (
    # Composition, partial application, iteration, `with`, `case`.
    Model(r"\(a, x).(sin(a * x))", (0.6,)),
    Model(r"\(g, dc).(*(g) : +(dc))", (0.5, 0.25)),
    Model(r"\(a).(seq(i, 3, *(a) : +(i)))", (0.6,)),
    Model(r"\(a).(_ <: sum(i, 3, *(a + i)), prod(i, 3, +(a * i)))", (0.6,)),
    Model(r"\(a).(f(2) with { f(0) = _; f(n) = *(a) : +(n) : f(n - 1); })", (0.6,)),
    Model(r"\(a).(case { (0) => *(a); (n) => *(n) : exp : *(a); }(2))", (0.6,)),
    Model(r"*", (0.7,)),
    # Splits, merges, parallels.
    Model(r"_,_,_ : (_ <: _, _), _, _ : _, (_, _ <: _, _, _, _), _ :> _, _", (0.5, 0.3)),
    Model(r"_,_,_ <: (*, _ : +), (+, !), ro.cross(3) : (_, _ <: +, *), _, _, _", (0.5, 0.3)),
    Model(r"\(a, b).(_, ! , (_ : *(b)) : *(a), exp :> sin)", (0.6, 0.4)),
    # Functions in functions.
    Model(r"\(a).(_ <: (\(x).(\(y).(x * y + a)))(a * 2))", (0.6,)),
    Model(r"\(w, v, x).(ma.tanh(w * x) : f(v) with { f(v, y) = y * v + cos(y); })", (0.6, 0.4)),
    Model(r"\(w, b).(*(w) : cos : \(x).(x + x') : \(y).(y * y' * b))", (0.6, 0.4)),
    # Delays: each lag of an intermediate result is passed back on its own.
    Model(r"\(a).(_ <: par(i, 4, @(i) : *(pow(a, i))) :> _)", (0.6,)),
    Model(r"\(w, b).(*(w) : +(b) : cos <: _, mem : +)", (0.6, 0.4)),
    Model(r"\(w, b).(*(w) : +(b) : ma.tanh : @(3) : *(w) : cos : mem : +(w * b))", (0.6, 0.4)),
    Model(r"\(w, b).(*(w) : cos <: (_ <: _, mem, @(3) :> sin), (@(2) : exp) :> *(b))", (0.6, 0.4)),
    Model(r"\(w, b).(*(w) : +(b) : \(x).(x * x' + exp(x@3)) : \(y).(y * y' * w))", (0.6, 0.4)),
    Model(r"\(b0, b1).(fi.fir((b0, b1)) : ma.tanh : fi.fir((b1, b0)))", (0.6, 0.4)),
    Model(r"\(d, w).(*(w) : exp : de.fdelay(64, d) : *(w))", (5.3, 0.6)),
    Model(r'\(w).(*(w) : exp <: @(int(hslider("n", 3, 0, 9, 1))), _ : *)', (0.6,)),
    Model(r"\(w).(prefix(0.5, _ * w) : *(w))", (0.6,)),
    # Tables, constants, selections, and what a parameter does not reach.
    Model(r"\(a).(waveform{0.1, 0.5, -0.3} : !, *(a))", (0.6,)),
    Model(r"\(w).(rdtable(waveform{1, 2, 4, 8}, int(3)) * w * w)", (0.6,)),
    Model(r"\(a, x, y).(min(a * x, y), max(a * y, x), abs(a * x - y))", (0.6,)),
    Model(
        r"\(a, x, y).(select2(x > y, a * a * x, sin(a)), select3(int(2 * x), a, a * x, y))", (0.6,)
    ),
    Model(r"\(x).(ma.tanh(x) * ma.signum(x) + ba.db2linear(x))", (0.4,)),
    Model(r"\(a).(_ * (2 : *(a)) + ma.SR / 44100 * a)", (0.6,)),
    Model(r"\(a, b).(_ * (a / b + b ^ a + atan2(a, b) + a % b))", (0.6, 0.4)),
    Model(r"\(a).(_ <: (floor, floor) :> *(a))", (0.6,)),
    # Networks say how they are passed back; behind delays, and with a function of one's own in
    # them, they are taken apart.
    Model(f"{NETWORK}.apply", (0.6, -0.4, 0.1, 0.3, 0.5, -0.7, 0.2)),
    Model(f"({NETWORK}.apply <: _, mem : +)", (0.6, -0.4, 0.1, 0.3, 0.5, -0.7, 0.2)),
    Model(
        r"\(a, w, b).(df.nn.sequential((df.nn.dense(1, 1), df.nn.pointwise(*(a)))).apply(w, b))",
        (0.6, 0.4, 0.1),
    ),
    # Routes, and boxes that are linear.
    Model(r"\(a).(route(2, 2, (1, 2), (2, 1)) : *(a), _ : *)", (0.6,)),
    Model(
        r"\(a, b).(_, _ <: route(4, 3, (1, 2), (2, 1), (3, 3), (4, 3)) : *(a), *(b), sin)",
        (0.6, 0.4),
    ),
    Model(
        r"\(a).(_, _ : (mem, *(a)) : route(2, 3, (1, 2), (2, 1), (2, 3)) : *(a), _', sin)", (0.6,)
    ),
    Model(r'\(a).(vgroup("plain", *(2)) : *(a))', (0.6,)),
)

#: Feedback that no parameter reaches, which `df.pullback` and `df.grad` take.
FED_BACK = (
    Model(r"\(w, x).((x : fi.lowpass(2, 1000)) * w + exp(w * x))", (0.6,)),
    Model(
        r"\(a, b).((fi.pole(0.5), *(a)) : route(2, 3, (1, 2), (2, 1), (2, 3)) : *(b), *(a), sin)",
        (0.6, 0.4),
    ),
    Model(r"\(w).(_ <: (*(w) > 0 : + ~ *(0.5)), *(w) : *)", (0.6,)),
)

REFUSED = (
    r"\(a).(+ ~ *(a))",
    r"\(w).(*(w) : fi.lowpass(1, 1000))",
    r"\(w).(rwtable(8, 0.0, int(_), _ * w, int(_)))",
    r"\(w).(_, *(w) : enable)",
    # Functions in the loop.
    r"(\(y, a).(a * y + 0.1)) ~ _",
    r"(\(y, a).(ma.tanh(y) + a)) ~ *(0.5)",
    r"(+ : \(y).(y * 0.5)) ~ _",
    r"+ ~ \(y).(y * 0.5)",
    r"(*(2) : (\(y, a).(sin(y - a))) ~ _) : + ~ *(0.3)",
    r"df.nn.rnn(1, 1).apply",
)


def close(got: Array, expected: Array, tolerance: float) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@dataclass(frozen=True)
class Compared:
    """What was found for one model, (rows, frames); `slopes` are by differences."""

    model: Model
    reverse: Array
    forward: Array
    slopes: Array


def compared(compiler: Compiler, models: Sequence[Model], mode: str) -> list[Compared]:
    """All models in one program, each on parameters, signals and cotangents of its own."""
    names = [f"f{k}" for k in range(len(models))]
    texts = "".join(f"{n} = {m.text};\n" for n, m in zip(names, models, strict=True))
    arities = built(compiler, texts, [f"inputs({n}), outputs({n})" for n in names]).run(None, 1)
    shapes = np.asarray(arities, int).reshape(-1, 2)
    rng = np.random.default_rng(3)
    given, shifted, boxes = [], [], []
    for name, model, (inputs, outputs) in zip(names, models, shapes, strict=True):
        count = len(model.at)
        at = np.tile(np.array(model.at)[:, None] / SCALE, (1, FRAMES))
        shifted.append(np.vstack([at, rng.uniform(-1, 1, (inputs - count, FRAMES))]))
        given.append(np.vstack([shifted[-1], rng.uniform(-1, 1, (outputs, FRAMES))]))
        boxes.append(
            f"(scaled({count}, {inputs}), si.bus({outputs})"
            f" <: (si.bus({inputs}), si.block({outputs}) : df.jvp({count}, {name})),"
            f" df.{mode}({count}, {name}))"
        )
    # A parameter is scaled, for the compiler takes an input to lie in [-1, 1].
    scaled = f"scaled(n, i) = par(k, n, *({SCALE})), si.bus(i - n);\n"
    out = np.asarray(built(compiler, texts + scaled, boxes).run(np.vstack(given)), float)
    alone = [
        f"(scaled({len(m.at)}, {i}) : {n})"
        for n, m, (i, _) in zip(names, models, shapes, strict=True)
    ]
    plain = built(compiler, texts + scaled, alone)
    slopes = differences(plain, shifted, models, shapes[:, 1])
    found, start = [], 0
    for k, (model, (inputs, outputs)) in enumerate(zip(models, shapes, strict=True)):
        count = len(model.at)
        rows = count if mode == "pullback" else int(inputs)
        g = given[k][inputs:]
        duals = out[start : start + outputs * (count + 1)].reshape(outputs, count + 1, FRAMES)
        start += outputs * (count + 1)
        forward = np.einsum("jf,jif->if", g, duals[:, 1:])
        by_slopes = np.array([(g * slope).sum(0) for slope in slopes[k]])
        found.append(Compared(model, out[start : start + rows], forward, by_slopes))
        start += rows
    assert start == len(out), "a model has another number of cotangents than it should have"
    return found


def differences(
    plain: Program, inputs: list[Array], models: Sequence[Model], outputs: NDArray[np.int64]
) -> list[list[Array]]:
    """For each model and each of its inputs, the slopes of all outputs (outputs, frames)."""
    ends = np.cumsum(outputs)
    slopes: list[list[Array]] = [[] for _ in models]
    for i in range(max(map(len, inputs))):
        shifts = [np.eye(len(rows))[i][:, None] if i < len(rows) else 0 * rows for rows in inputs]
        h = [STEP / SCALE if i < len(m.at) else STEP for m in models]
        y = {
            k: plain.run(
                np.vstack([x + k * e * d for x, e, d in zip(inputs, h, shifts, strict=True)])
            )
            for k in (-2, -1, 1, 2)
        }
        slope = (8 * (y[1] - y[-1]) - (y[2] - y[-2])) / (12 * STEP)
        for k, (end, count) in enumerate(zip(ends, outputs, strict=True)):
            if i < len(inputs[k]):
                slopes[k].append(slope[end - count : end])
    return slopes


@pytest.mark.parametrize(
    ("models", "mode"),
    # A few at a time, for the time that 2.54.9 takes grows with the square of the program.
    [*((MODELS[k::4], "vjp") for k in range(4)), (FED_BACK, "pullback")],
    ids=["vjp 1", "vjp 2", "vjp 3", "vjp 4", "pullback"],
)
def test_cotangents_are_those_of_forward_mode_and_of_differences(
    compiler: Compiler, models: Sequence[Model], mode: str
) -> None:
    for found in compared(compiler, models, mode):
        count, text = len(found.model.at), found.model.text
        scale = np.abs(found.forward).max()
        assert scale > 0, f"{text} does not depend on its parameters"
        for i, cotangent in enumerate(found.reverse):
            title = f"{text}, input {i}"
            if i < count:
                worst = np.abs(cotangent - found.forward[i]).max()
                assert worst <= AGAINST_FORWARD * scale, title
            elif re.search(r"select|max|min|abs|signum|int", text):
                continue  # The shift of a random signal crosses a jump somewhere.
            largest = max(scale, np.abs(found.slopes[i]).max())
            worst = np.abs(cotangent - found.slopes[i]).max()
            assert worst <= AGAINST_DIFFERENCES * largest, title


def random_network(seed: int, widest: int = 3) -> tuple[int, int, str]:
    """Parameters, inputs and text of a network of random shape and activations."""
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, widest + 1, rng.integers(3, 5))]
    sizes[-1] = 1
    acts = ("ma.tanh", "sin", "atan", r"\(x).(x / (1 + abs(x)))", r"\(x).(1 / (1 + exp(0 - x)))")
    act = str(rng.choice(acts))
    if rng.integers(2):
        act = f"(({act}) : (_ <: _, (*(0.5) : mem) :> _))"
    count, text = dense(sizes, act, by_wire=bool(rng.integers(2)))
    return count, sizes[0], text


# Each in a program of its own: 2.54.9 takes a time that grows with the square of the program.
# Half of them by each compiler, for time: that both give the same is for the models above.
@pytest.mark.parametrize(
    "half", [*range(5), *(pytest.param(half, marks=pytest.mark.slow) for half in range(5, 10))]
)
def test_random_networks(compiler: Compiler, half: int) -> None:
    seed = 2 * half + (compiler.name == "faust")
    network = random_network(seed)
    grad, given = gradient(compiler, network, seed)
    forward = built(compiler, network[2], [f"df.jvp({network[0]}, net)"], NETWORK_HEAD).run(given)
    close(grad, forward, AGAINST_FORWARD)


@pytest.mark.parametrize(("seed", "count"), [(0, 33), (1, 31)])
def test_larger_random_networks(compiler: Compiler, seed: int, count: int) -> None:
    network = random_network(seed, 6)
    assert network[0] == count
    gradient(compiler, network, seed)


def gradient(compiler: Compiler, network: tuple[int, int, str], seed: int) -> tuple[Array, Array]:
    """Of a network its value and gradient, held against differences, and what it was fed."""
    count, signals, text = network
    rng = np.random.default_rng(seed)
    parameters, x = rng.normal(size=(count, 1)), rng.uniform(-1, 1, (signals, 20))
    given = np.vstack([np.tile(parameters, (1, 20)), x])
    grad = np.asarray(
        built(compiler, text, [f"df.grad({count}, net)"], NETWORK_HEAD).run(given), float
    )
    # One after the other: as it is, then each parameter at four points, on the same signals.
    points = [parameters]
    points += [parameters + n * STEP * unit[:, None] for unit in np.eye(count) for n in POINTS]
    fed = np.hstack([np.vstack([np.tile(point, (1, 20)), x]) for point in points])
    value = built(compiler, text, ["net"], NETWORK_HEAD).run(fed).reshape(len(points), 20)
    np.testing.assert_allclose(grad[0], value[0], rtol=1e-12, atol=1e-15)
    # What is in delays at the start of a point, from another, is gone after two samples.
    y = value[1:].reshape(count, len(POINTS), 20)[:, :, 2:]
    slopes = (y[:, 0] - 8 * y[:, 1] + 8 * y[:, 2] - y[:, 3]) / (12 * STEP)
    close(grad[1:, 2:], slopes, AGAINST_DIFFERENCES)
    return grad, given


def built(compiler: Compiler, texts: str, boxes: list[str], head: str = HEAD) -> Program:
    source = f"{head}{texts}\nprocess = {', '.join(boxes)};"
    return build(source, compiler=compiler, include=[BUILD], optimize="-O0")


# 16 by layers is in test_nn.py.
@pytest.mark.parametrize("width", [2, 4, 8])
def test_a_gradient_costs_at_most_four_times_the_network(compiler: Compiler, width: int) -> None:
    count, text = dense((1, width, width, 1), "ma.tanh")
    head = NETWORK_HEAD + text
    plain = operations(compiler.to_cpp(f"{head}process = net;", double=True, include=[BUILD]))
    grad = f"{head}process = df.grad({count}, net);"
    with_gradient = operations(compiler.to_cpp(grad, double=True, include=[BUILD]))
    # A weight costs a product and a sum: fewer operations than these would be a miscount.
    assert plain.sample >= 2 * width * width
    assert with_gradient.sample > plain.sample
    assert with_gradient.sample + with_gradient.block <= 4 * (plain.sample + plain.block)


@pytest.mark.parametrize("text", REFUSED)
def test_feedback_that_a_parameter_reaches_is_refused(compiler: Compiler, text: str) -> None:
    with pytest.raises(FaustError, match=r"feedback.*use_df_jvp"):
        build(f"{HEAD}process = df.pullback(1, {text});", compiler=compiler, include=[BUILD])


def test_a_signal_that_reaches_feedback_is_refused_by_vjp_alone(compiler: Compiler) -> None:
    text = r"\(w, x).((x : fi.pole(0.5)) * w)"
    with pytest.raises(FaustError, match=r"feedback.*use_df_jvp"):
        build(f"{HEAD}process = df.vjp(1, {text});", compiler=compiler, include=[BUILD])
    build(f"{HEAD}process = df.grad(1, {text});", compiler=compiler, include=[BUILD])


@pytest.mark.parametrize(
    ("box", "name"),
    [
        ("df.grad(1, (_ <: _, _))", "the_function_must_have_one_output"),
        ("df.vjp(3, *)", "the_function_must_take_at_least_N_arguments"),
        (r"df.vjp(1, \(a).(a : hbargraph(\"level\", 0, 1)))", "hbargraph"),
        (r"df.vjp(1, \(a).(ma.lgamma(a)))", "the_derivative_of_lgamma_is_not_available"),
        ("df.mixed(1, sin, (_ <: _, _))", "the_program_must_have_one_output"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_why(compiler: Compiler, box: str, name: str) -> None:
    source = f"{HEAD}process = {box};".replace('\\"', '"')
    with pytest.raises(FaustError, match=name):
        build(source, compiler=compiler, include=[BUILD])


def test_ties_and_guards_are_those_of_the_table(compiler: Compiler) -> None:
    boxes = ("min", "max", "/", "^", "atan2")
    one = ("abs", "sqrt", "log", "ma.cbrt")
    both = ", ".join(
        [f"(si.bus(2) <: df.grad(2, {b}), df.jvp(2, {b}))" for b in boxes]
        + [f"(_ <: df.grad(1, {b}), df.jvp(1, {b}))" for b in one]
    )
    program = build(f"{HEAD}process = {both};", compiler=compiler, include=[BUILD])
    points = np.array([0.0, 1.0, -1.0, 2.0, 1e-30])
    a, b = (axis.ravel() for axis in np.meshgrid(points, points))
    given = np.vstack([np.tile(np.vstack([a, b]), (len(boxes), 1)), np.tile(a, (len(one), 1))])
    out = program.run(given)
    for k in range(len(boxes)):
        grad, jvp = out[6 * k : 6 * k + 3], out[6 * k + 3 : 6 * k + 6]
        assert np.isfinite(grad[1:]).all()
        np.testing.assert_allclose(grad[1:], jvp[1:], rtol=1e-12)
    for k in range(len(one)):
        grad, jvp = out[6 * len(boxes) + 4 * k :][:2], out[6 * len(boxes) + 4 * k + 2 :][:2]
        np.testing.assert_allclose(grad[1], jvp[1], rtol=1e-12)


def test_a_network_that_controls_a_recursive_program(compiler: Compiler) -> None:
    source = rf"""{HEAD}
    net(w1, w2, b1, b2, z) = 0.5 + 0.4 * ma.tanh(w1 * z + b1), 1000 * (2 + ma.tanh(w2 * z + b2));
    program(gain, cutoff) = *(gain) : fi.lowpass(2, cutoff);
    whole(w1, w2, b1, b2, z, x) = net(w1, w2, b1, b2, z), x : program;
    process = si.bus(6) <: df.mixed(4, net, program), df.jvp(4, whole);
    """
    parameters = np.array([0.5, -0.25, 0.1, 0.2, 0.7])
    noise = np.random.default_rng(5).uniform(-1, 1, 300)
    given = np.vstack([np.tile(parameters[:, None], (1, 300)), noise])
    assert given.shape == (6, 300)
    mixed, forward = build(source, compiler=compiler, include=[BUILD]).run(given).reshape(2, 5, 300)
    for got, expected in zip(mixed, forward, strict=True):
        close(got, expected, AGAINST_FORWARD)
