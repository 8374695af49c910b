"""`df.nn`: outputs of every layer, gradients, initial values, names, and learning."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import CompiledProgram, build
from support.harness import SCALE, Array, Case, case_over_time, compiled, near, reports
from support.paths import BUILD
from support.reference_networks import (
    ACTIVATIONS,
    RECURRENT,
    Net,
    activation,
    conv1d,
    dense,
    layer_norm,
    parallel,
    pass_on,
    recurrent,
    sequential,
)

pytestmark = pytest.mark.xdist_group("nn")

FRAMES = 24
EXAMPLES = BUILD.parent / "examples" / "networks"
HEAD = 'df = library("diff.lib"); si = library("signals.lib");\n'

precisions = pytest.mark.parametrize("double", [True, False], ids=["double", "single"])

NAMES = [name for name in ACTIVATIONS if name != "linear"]


def one_pole(width: int) -> Net:
    """A recursive program driven by what comes before: gain, pole, signal."""

    def run(p: list[Array], x: Array) -> Array:
        y = np.zeros((1, x.shape[1]))
        for n in range(x.shape[1]):
            y[0, n] = x[0, n] * x[2, n] + 0.3 * x[1, n] * (y[0, n - 1] if n else 0)
        return y

    return Net("df.nn.block(0, (\\(g, a, x).(g * x : + ~ *(0.3 * a))), 0)", (), 3, run)


def sines() -> Net:
    """A layer without memory of one's own."""

    def run(p: list[Array], x: Array) -> Array:
        return np.asarray(p[0][1] * np.sin(p[0][0] * x))

    return Net("df.nn.memoryless(2, (\\(w, g, x).(g * sin(w * x))), (1, 0.5))", ((2,),), 1, run)


LAYERS = (
    dense(1, 1),
    dense(3, 2),
    conv1d(1, 1, 1, 1),
    conv1d(2, 3, 3, 2),
    layer_norm(1),
    layer_norm(4),
    *(recurrent(kind, *shape) for kind in RECURRENT for shape in ((1, 1), (2, 2))),
    recurrent("gru", 1, 3),
)

TOGETHER = (
    *(sequential(dense(2, 3), activation(name, 3), dense(3, 2)) for name in NAMES),
    sequential(conv1d(1, 2, 2, 1), activation("tanh", 2), conv1d(2, 2, 3, 2)),
    # Parameters before two delays: what is before the signal is silence, not a bias.
    sequential(dense(1, 1), conv1d(1, 2, 2, 1), conv1d(2, 1, 2, 2)),
    sequential(activation("tanh", 2), dense(2, 3), layer_norm(3), activation("sigmoid", 3)),
    # Feedback first, last, twice, and between layers with a memory.
    sequential(recurrent("rnn", 1, 2), activation("tanh", 2), dense(2, 2)),
    sequential(dense(1, 2), activation("gelu", 2), recurrent("gru", 2, 2)),
    sequential(recurrent("rnn", 1, 2), recurrent("lstm", 2, 1)),
    sequential(conv1d(1, 2, 2, 2), recurrent("gru", 2, 1), conv1d(1, 2, 2, 1), dense(2, 1)),
    parallel(conv1d(1, 1, 2, 1), dense(1, 2)),
    parallel(sequential(dense(1, 1), dense(1, 2)), recurrent("rnn", 1, 1), pass_on(1)),
    sequential(parallel(dense(1, 2), activation("tanh", 1)), dense(3, 1)),
    # A network that drives a recursive program: reverse and forward mode together.
    sequential(
        parallel(sequential(dense(1, 3), activation("tanh", 3), dense(3, 2)), pass_on(1)),
        one_pole(3),
    ),
    sequential(dense(1, 1), sines(), sines()),
)


def random_net(seed: int) -> Net:
    """Two to four layers; with feedback in some."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 3))
    layers: list[Net] = []
    for _ in range(rng.integers(2, 5)):
        out = int(rng.integers(1, 3))
        match rng.integers(5):
            case 0:
                layers.append(conv1d(width, out, int(rng.integers(1, 4)), int(rng.integers(1, 3))))
            case 1 if all(net.text.startswith("df.nn.d") for net in layers):
                layers.append(recurrent(list(RECURRENT)[seed % 3], width, out := 1))
            case 2 if layers:
                layers.append(activation(NAMES[int(rng.integers(len(NAMES)))], out := width))
            case _:
                layers.append(dense(width, out))
        width = out
    return sequential(*layers) if len(layers) > 1 else layers[0]


RANDOM = tuple(random_net(seed) for seed in range(20))
EVERY = (*LAYERS, *TOGETHER, *RANDOM)


@functools.cache
def fed(net: Net) -> tuple[Array, Array]:
    """Parameters and signals, numbers that float32 holds."""
    rng = np.random.default_rng(net.count + len(net.text))
    numbers = rng.normal(size=net.count), rng.normal(size=(net.inputs, FRAMES))
    return tuple(np.asarray(np.float32(part), float) for part in numbers)  # type: ignore[return-value]


def inputs_of(net: Net) -> Array:
    parameters, x = fed(net)
    return np.vstack([np.tile(parameters[:, None], FRAMES), x])


# -- outputs and gradients -----------------------------------------------------------------------


@functools.cache
def outputs() -> tuple[Case, ...]:
    nets = (*LAYERS, *TOGETHER)
    return tuple(case_over_time(n.text, f"{n.text}.apply", inputs_of(n), n(*fed(n))) for n in nets)


@precisions
def test_outputs_are_those_of_the_reference(compiler: Compiler, double: bool) -> None:
    wrong = reports(outputs(), "", compiler, double)
    assert not any(wrong.values()), "\n".join(itertools.chain(*wrong.values()))


def run(boxes: Sequence[str], feeds: Sequence[Array], compiler: Compiler) -> list[Array]:
    """What each box gives (outputs, frames), on inputs of its own, all in one program."""
    parts = [
        f"(par(i, {len(feed)}, *({SCALE})) : {box})" for box, feed in zip(boxes, feeds, strict=True)
    ]
    counts = ", ".join(f"outputs({box})" for box in boxes)
    program = compiled(f"{HEAD} process = {counts}, {', '.join(parts)};", compiler)
    got = program.run(np.concatenate(feeds) / SCALE)
    ends = len(boxes) + np.cumsum(got[: len(boxes), 0].astype(int))
    return np.split(got[: ends[-1]], [len(boxes), *ends[:-1]])[1:]


def close(got: Array, expected: Array, relative: float) -> bool:
    """Whether all agree; a number far below the largest of its net agrees absolutely."""
    if got.shape != expected.shape:
        return False
    return bool(near(got.ravel(), expected.ravel(), relative, 1e-2).all())


def together(values: Array, partials: Array) -> Array:
    """Each value, followed by its partials."""
    return np.concatenate([np.vstack([y, *p]) for y, p in zip(values, partials, strict=True)])


# The compiler 2.54.9 takes a time that grows with the square of a program.
BATCH = 5
BATCHES = tuple(EVERY[start : start + BATCH] for start in range(0, len(EVERY), BATCH))
# The last two, of random nets, are for `make test-slow`.
EACH = [*BATCHES[:-2], *(pytest.param(nets, marks=pytest.mark.slow) for nets in BATCHES[-2:])]
batches = pytest.mark.parametrize("nets", EACH, ids=range(len(BATCHES)))


#: `df.jvp` carries all partials through every primitive, which takes long to compile.
BY_JVP = {net for net in EVERY if 0 < net.count <= (16 if net in LAYERS else 8)}


@batches
def test_partials_are_those_of_central_differences_and_of_jvp(
    compiler: Compiler, nets: tuple[Net, ...]
) -> None:
    small = [net for net in nets if net in BY_JVP]
    boxes = [f"{net.text}.dual" for net in nets]
    boxes += [f"df.jvp({net.count}, {net.text}.apply)" for net in small]
    found = run(boxes, [inputs_of(net) for net in (*nets, *small)], compiler)
    duals = dict(zip(nets, found, strict=False))
    for net, dual in duals.items():
        assert close(dual, together(net(*fed(net)), net.partials(*fed(net))), 1e-6), net.text
    for net, forward in zip(small, found[len(nets) :], strict=True):
        assert close(duals[net], forward, 1e-9), net.text


def test_every_kind_of_layer_is_compared_with_jvp() -> None:
    texts = " ".join(net.text for net in BY_JVP)
    for kind in ("dense", "conv1d", "layer_norm", "parallel", "sequential", *RECURRENT):
        assert f"df.nn.{kind}(" in texts, kind


def test_the_gradient_is_the_sum_of_cotangents_times_partials(compiler: Compiler) -> None:
    """With several outputs, with feedback, and with delays behind layers."""
    nets = [net for net in TOGETHER if "conv1d" in net.text or "rnn" in net.text]
    rng = np.random.default_rng(3)
    partials = [net.partials(*fed(net)) for net in nets]
    cotangents = [rng.normal(size=len(partial)) for partial in partials]
    feeds = [
        np.vstack([inputs_of(net), np.tile(g[:, None], FRAMES)])
        for net, g in zip(nets, cotangents, strict=True)
    ]
    found = run([f"{net.text}.gradient" for net in nets], feeds, compiler)
    for net, got, g, partial in zip(nets, found, cotangents, partials, strict=True):
        assert close(got, np.einsum("k,kpn->pn", g, partial), 1e-6), net.text


#: What is counted: sums, products, and calls of functions.
OPERATIONS = re.compile(r" [-+*/] |\b(?:tanh|cosh|exp|pow)\w*\(")


@pytest.mark.parametrize("hidden", [2, 4, 8, 16])
def test_the_gradient_takes_at_most_four_times_the_operations(
    compiler: Compiler, hidden: int
) -> None:
    layers = dense(1, hidden), dense(hidden, hidden), dense(hidden, 1)
    tanh = activation("tanh", hidden)
    net = sequential(layers[0], tanh, layers[1], tanh, layers[2])
    counts = []
    for member in ("apply", "dual"):
        source = f"{HEAD} process = {net.text}.{member};"
        text = compiler.to_cpp(source, double=True, include=[BUILD])
        counts.append(len(OPERATIONS.findall(text[text.index("for (int i0") :])))
    assert counts[0] > hidden**2
    assert counts[1] <= 4 * counts[0]


# -- parameters ----------------------------------------------------------------------------------


def initial(box: str, compiler: Compiler) -> Array:
    program = compiled(f"{HEAD} process = {box}.initial;", compiler)
    return np.asarray(program.run(frames=1)[:, 0], float)


def test_weights_start_within_the_bounds_of_glorot_and_biases_at_0(compiler: Compiler) -> None:
    net = sequential(dense(4, 16), activation("tanh", 16), dense(16, 4))
    numbers = initial(net.text, compiler)
    first, bias, second = numbers[:64], numbers[64:80], numbers[80:144]
    bound = np.sqrt(6 / 20)
    assert not bias.any() and not numbers[144:].any()
    for weights in (first, second):
        assert abs(weights).max() <= bound
        # Of numbers that are even in [-b, b], the standard deviation is b / sqrt(3).
        assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.2)
        assert len(set(weights)) == 64
    assert not set(first) & set(second)


def test_initializers_are_chosen_by_layer_or_network(compiler: Compiler) -> None:
    init = "df.initializers"
    he = initial(f"df.nn.initialized({init}.he, df.nn.dense(3, 50))", compiler)
    assert np.sqrt(2) * 0.9 < abs(he).max() <= np.sqrt(2)
    uniform = initial(f"df.nn.initialized({init}.uniform, df.nn.gru(4, 4))", compiler)
    assert 0.45 < abs(uniform).max() <= 0.5
    net = (
        f"df.nn.sequential((df.nn.initialized({init}.zero, df.nn.dense(1, 2)), df.nn.dense(2, 1)))"
    )
    numbers = initial(f"df.nn.initialized({init}.seeded(3, {init}.he), {net})", compiler)
    assert not numbers[:4].any() and numbers[4:6].all()
    other = initial(f"df.nn.initialized({init}.he, {net})", compiler)
    assert (numbers[4:6] != other[4:6]).all()


def test_the_model_has_a_number_box_for_each_parameter(compiler: Compiler) -> None:
    net = sequential(recurrent("rnn", 1, 2), dense(2, 1), conv1d(1, 1, 2, 1))
    program = build(f"{HEAD} process = {net.text}.model;", compiler=compiler, include=[BUILD])
    names = [
        *(f"0.weight_ih_l0.{j}.0" for j in range(2)),
        *(f"0.weight_hh_l0.{j}.{i}" for j in range(2) for i in range(2)),
        *(f"0.bias_{way}_l0.{j}" for way in ("ih", "hh") for j in range(2)),
        *(f"1.weight.0.{i}" for i in range(2)),
        "1.bias.0",
        *(f"2.weight.0.0.{t}" for t in range(2)),
        "2.bias.0",
    ]
    assert {control.label for control in program.controls} == set(names)
    assert all(control.meta.get("hidden") == "1" for control in program.controls)
    parameters, x = fed(net)
    got = program.run(x, controls=dict(zip(names, parameters, strict=True)))
    np.testing.assert_allclose(got, net(parameters, x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "box",
    [
        "df.nn.sequential((df.nn.dense(1, 3), df.nn.dense(2, 1)))",
        "df.nn.sequential((df.nn.dense(1, 3), df.nn.tanh, df.nn.gru(2, 1)))",
    ],
)
def test_layers_that_do_not_fit_are_refused_by_name(compiler: Compiler, box: str) -> None:
    with pytest.raises(FaustError, match="must_take_as_many_signals_as_the_layer_before_it_gives"):
        compiler.to_cpp(f"{HEAD} process = {box}.apply;", double=True, include=[BUILD])


# -- learning ------------------------------------------------------------------------------------


def test_a_step_of_a_network_with_several_outputs(compiler: Compiler) -> None:
    """The mean of two squared errors over two outputs and two samples, then plain descent."""
    net, rate = dense(1, 2), 0.25
    truth, optimizer = "(_ <: *(0.5), *(-1))", f"par(i, net.N, *({rate}))"
    box = f"df.nn.trainN(net, {truth}, df.dual_squared_error, 2, {optimizer})"
    source = f"{HEAD} net = {net.text}; process = _ <: {box};"
    program = build(source, compiler=compiler, include=[BUILD])
    x = np.array([[0.5, -1.0, 0.25, 0.75]])
    got = program.run(x)
    p = initial(net.text, compiler)
    gradients: list[Array] = [np.zeros(4)]
    for n in range(4):
        y, t = net(p, x[:, n : n + 1])[:, 0], np.array([0.5, -1]) * x[0, n]
        np.testing.assert_allclose(got[1:, n], [*t, *y], rtol=1e-12, atol=1e-14)
        partials = net.partials(p, x[:, n : n + 1])[:, :, 0]
        gradients.append((2 * (y - t)) @ partials / 2)
        p = p - rate * (gradients[-1] + gradients[-2]) / 2


@dataclass(frozen=True)
class Task:
    """An example, how many seconds it learns, and what must hold of the second after that."""

    example: str
    seconds: int
    decibels: float = 0.0
    accuracy: float = 0.0


TASKS = (
    Task("waveshaper", 15, decibels=-40),
    Task("dilated_convolution", 7, decibels=-40),
    Task("gru", 5, decibels=-30),
    Task("classifier", 4, accuracy=0.95),
)


#: The others take twice as long.
OFTEN = ("waveshaper", "gru")


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=() if task.example in OFTEN else pytest.mark.slow) for task in TASKS],
    ids=lambda task: task.example,
)
def test_learns(task: Task, compiler: Compiler) -> None:
    source = (EXAMPLES / f"{task.example}.dsp").read_text(encoding="utf-8")
    # g++ would optimize for longer than the program runs.
    program = build(source, compiler=compiler, include=[BUILD], optimize="-O0")
    assert isinstance(program, CompiledProgram)
    session = program.session()
    session.compute(frames=task.seconds * 44100)
    _, truth, learned = session.compute(frames=44100)
    if task.decibels:
        error = np.square(truth - learned).mean() / np.square(truth).mean()
        assert 10 * np.log10(error) < task.decibels
    else:
        assert (np.sign(truth) == np.sign(learned)).mean() > task.accuracy


def test_every_example_is_a_task() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.dsp")} == {task.example for task in TASKS}
