"""Networks of fully connected layers: every gradient, chained as users chain the blocks.

The reference is a network in NumPy with the usual backpropagation by matrices, which is itself held
against central differences of its loss; the compiled loss is differentiated by its sliders, too.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from support.harness import LIBRARIES, Array, compiled, draw, near
from support.reference_networks import ACTIVATIONS

pytestmark = [pytest.mark.xdist_group("networks"), pytest.mark.one_program]

Function = Callable[[Array], Array]


# -- the reference -------------------------------------------------------------------------------


DELTA = 0.25

#: Of an error: the loss and its slope, by the output y and the truth t.
LOSSES: dict[str, tuple[Callable[[float, float], float], Callable[[float, float], float]]] = {
    "L1": (lambda y, t: abs(y - t), lambda y, t: float(np.sign(y - t))),
    "L2": (lambda y, t: (y - t) ** 2, lambda y, t: 2 * (y - t)),
    "MSLE": (
        lambda y, t: float(np.log1p(y) - np.log1p(t)) ** 2,
        lambda y, t: 2 * float(np.log1p(y) - np.log1p(t)) / (1 + y),
    ),
    "LogCosh": (
        lambda y, t: float(np.log(np.cosh(y - t))),
        lambda y, t: float(np.tanh(y - t)),
    ),
    "Huber": (
        lambda y, t: (y - t) ** 2 / 2 if abs(y - t) <= DELTA else DELTA * (abs(y - t) - DELTA / 2),
        lambda y, t: float(np.clip(y - t, -DELTA, DELTA)),
    ),
}


@dataclass(frozen=True)
class Network:
    """Layer sizes from the inputs to the one output, activations, and a loss.

    `truth` is what the output should be.
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    truth: float = 0.75

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} {' '.join(self.activations)} {self.loss}"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Neurons and inputs of each layer, from the first."""
        return list(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    def forward(self, weights: Sequence[Array], x: Array) -> float:
        """The loss. The weights are matrices (neurons, inputs + 1), the bias last."""
        return LOSSES[self.loss][0](self.outputs(weights, x)[-1][1][0], self.truth)

    def outputs(self, weights: Sequence[Array], x: Array) -> list[tuple[Array, Array]]:
        """Of each layer what goes into the activations, and what comes out of them."""
        found = []
        for matrix, activation in zip(weights, self.activations, strict=True):
            inner = matrix @ np.append(x, 1)
            x = ACTIVATIONS[activation][0](inner)
            found.append((inner, x))
        return found

    def gradients(self, weights: Sequence[Array], x: Array) -> tuple[list[Array], Array]:
        """Those of each layer, shaped as its weights, and those of the inputs."""
        layers = self.outputs(weights, x)
        sensitivity = np.array([LOSSES[self.loss][1](layers[-1][1][0], self.truth)])
        found: list[Array] = []
        for k in reversed(range(len(weights))):
            sensitivity = sensitivity * ACTIVATIONS[self.activations[k]][1](layers[k][0])
            before = layers[k - 1][1] if k else x
            found.insert(0, np.outer(sensitivity, np.append(before, 1)))
            sensitivity = weights[k][:, :-1].T @ sensitivity
        return found, sensitivity

    def flat(self, gradients: tuple[list[Array], Array]) -> Array:
        """In the order of the library: layers from the last, neuron by neuron, then the inputs."""
        layers, inputs = gradients
        return np.concatenate([*[layer.ravel() for layer in reversed(layers)], inputs])

    @property
    def count(self) -> int:
        """The number of all gradients."""
        return sum(n * (m + 1) for n, m in self.shapes) + self.sizes[0]

    def position(self, label: str) -> int:
        """Where in `flat` the gradient by a slider is."""
        layer, k = int(label.split(" ")[1]), int(label.split(" ")[3])
        inputs = self.sizes[layer]
        after = sum(n * (m + 1) for n, m in self.shapes[layer + 1 :])
        return after + k // inputs * (inputs + 1) + k % inputs

    def weights(self, seed: int) -> list[Array]:
        """Random weights; the biases are 0, as in the library."""
        source = np.random.default_rng(seed)
        found = []
        for neurons, inputs in self.shapes:
            matrix = source.uniform(-1.5, 1.5, (neurons, inputs + 1)) / np.sqrt(inputs)
            matrix[:, -1] = 0
            found.append(np.asarray(np.float32(matrix), float))
        return found

    def controls(self, weights: Sequence[Array]) -> dict[str, float]:
        """The sliders of `sliders`, set to the weights."""
        return {
            f"layer {layer} weight {k}": float(value)
            for layer, matrix in enumerate(weights)
            for k, value in enumerate(matrix[:, :-1].ravel())
        }


# -- the programs --------------------------------------------------------------------------------


def sliders(layer: int) -> str:
    """An initializer that takes each weight of a layer from a slider."""
    label = f"layer {layer} weight %k"
    return f'\\(m, n, k).(hslider("{label}", 0, -9, 9, 1e-9))'


def chained(
    network: Network, rate: float, window: int = 1, initial: Callable[[int], str] = sliders
) -> str:
    """The layers within each other's feedback, as in the documentation of `backpropNN`."""
    layers = network.shapes
    count = len(layers)
    reverse = ", ".join(f"{neurons}, {inputs}" for neurons, inputs in reversed(layers))
    delta = f", {DELTA}" if network.loss == "Huber" else ""
    inner = ""
    for k in reversed(range(count)):
        neurons, inputs = layers[k]
        block = (
            f'vgroup("layer {k}", df.fcFrom({initial(k)}, {neurons}, {inputs}, '
            f"df.activations.{network.activations[k]}, {rate}))"
        )
        own = neurons * (inputs + 1)
        if k == count - 1:
            loss = f"df.losses.{network.loss}({window}, {network.truth}, {inputs}{delta})"
            inner = f"""((({block} : {loss}), si.bus(b.next_signals({count - 1}))
                : b.start(b.N - 1)) ~ (!, si.bus({own})))"""
        else:
            inner = f"""(({block}, si.bus(b.next_signals({k})) : {inner})
                ~ (si.block(b.prev_signals({count - 1 - k})), si.bus({own})))"""
    return f"({inner} with {{ b = df.backpropNN(({reverse})); }})"


NETWORKS = [
    Network((1, 2, 3, 1), ("tanh", "sigmoid", "linear"), "L2"),
    Network((1, 2, 3, 1), ("silu", "gelu", "softplus"), "MSLE"),
    Network((2, 5, 1), ("elu", "linear"), "LogCosh"),
    Network((2, 5, 1), ("relu", "sigmoid"), "L1"),
    Network((3, 1, 4, 1), ("softplus", "leaky_relu", "linear"), "Huber"),
    Network((3, 1, 4, 1), ("gelu", "tanh", "silu"), "L2"),
    Network((1, 8, 8, 1), ("tanh", "elu", "linear"), "L2"),
    Network((2, 1), ("sigmoid",), "L1"),
    Network((1, 3, 1, 5, 2, 1), ("tanh", "gelu", "softplus", "tanh", "linear"), "L2"),
]

FRAMES = 6
#: By five points: the error is of the order of h^4, 1e-12, and the roundings of a loss of order 1
#: are 1e-16 / h = 1e-13, of gradients that are above 1e-6 where they are compared.
STEP = 1e-3
OFFSETS = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))


def test_every_activation_and_loss_is_in_a_network() -> None:
    assert {a for network in NETWORKS for a in network.activations} == set(ACTIVATIONS)
    assert {network.loss for network in NETWORKS} == set(LOSSES)


def differences(loss: Callable[[Sequence[Array], Array], float], x: Array, w: list[Array]) -> Array:
    """Central differences of a loss by everything, in the order of `flat`."""
    found = []
    for array in [*reversed(w), x]:
        for index in np.ndindex(array.shape):
            start, slope = array[index], 0.0
            for offset, factor in OFFSETS:
                array[index] = start + offset * STEP
                slope += factor * loss(w, x) / STEP
            array[index] = start
            found.append(slope)
    return np.array(found)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_the_reference_is_the_gradient_of_its_loss(network: Network) -> None:
    weights = network.weights(1)
    for x in signals(network).T:
        expected = differences(network.forward, x.copy(), weights)
        got = network.flat(network.gradients(weights, x))
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-10)


def signals(network: Network) -> Array:
    """Inputs (sizes[0], FRAMES)."""
    return np.clip(draw(sum(network.sizes), network.sizes[0], FRAMES), -2, 2) / 2


@dataclass(frozen=True)
class Outcome:
    """The loss and all gradients (1 + gradients, frames), and slopes of the loss by differences.

    The slopes are by the sliders and by the inputs (gradients, frames); those by the biases, which
    have no slider, are NaN.
    """

    outputs: Array
    slopes: Array


@functools.cache
def _outcomes(compiler: Compiler, double: bool) -> dict[str, Outcome]:
    """All networks in one program; with a rate of 0 it has no memory: one session is enough.

    In single there are no slopes: a difference would be of a few roundings.
    """
    boxes = ", ".join(f'vgroup("{i}", {chained(n, 0)})' for i, n in enumerate(NETWORKS))
    program = compiled(f"{LIBRARIES} process = {boxes};", compiler, double)
    fed = [signals(network) for network in NETWORKS]
    starts = [network.controls(network.weights(1)) for network in NETWORKS]
    paths = {
        (int(control.path.split("/")[2]), control.label): control.path
        for control in program.controls
        if control.kind == "hslider"
    }
    session = program.session()
    for i, start in enumerate(starts):
        for label, value in start.items():
            session.set(paths[i, label], value)

    def run(inputs: Sequence[Array]) -> list[Array]:
        """The outputs of each network."""
        got = np.asarray(session.compute(np.concatenate(inputs)), float)
        widths = [1 + network.count for network in NETWORKS]
        assert len(got) == sum(widths)
        return np.split(got, np.cumsum(widths)[:-1])

    outputs = run(fed)
    slopes = [np.full((network.count, FRAMES), np.nan) for network in NETWORKS]
    if double:
        for labels in itertools.zip_longest(*starts):
            # One slider of each network at a time: they have nothing in common.
            moved = [(i, label) for i, label in enumerate(labels) if label]
            for i, label in moved:
                slopes[i][NETWORKS[i].position(label)] = 0
            for offset, factor in OFFSETS:
                for i, label in moved:
                    session.set(paths[i, label], starts[i][label] + offset * STEP)
                for (i, label), got in ((m, run(fed)[m[0]]) for m in moved):
                    slopes[i][NETWORKS[i].position(label)] += factor * got[0] / STEP
            for i, label in moved:
                session.set(paths[i, label], starts[i][label])
        for channel in range(max(network.sizes[0] for network in NETWORKS)):
            moved_inputs = [i for i, x in enumerate(fed) if channel < len(x)]
            total = [np.zeros(FRAMES) for _ in NETWORKS]
            for offset, factor in OFFSETS:
                shifted = [x + offset * STEP * (np.arange(len(x)) == channel)[:, None] for x in fed]
                for i, got in enumerate(run(shifted)):
                    total[i] += factor * got[0] / STEP
            for i in moved_inputs:
                slopes[i][NETWORKS[i].count - len(fed[i]) + channel] = total[i]
    return {
        str(network): Outcome(*both)
        for network, *both in zip(NETWORKS, outputs, slopes, strict=True)
    }


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_all_gradients(compiler: Compiler, double: bool, network: Network) -> None:
    """Those of weights, biases and inputs, for any shape, next to those of NumPy."""
    got = _outcomes(compiler, double)[str(network)].outputs
    weights = network.weights(1)
    expected = np.array(
        [
            [network.forward(weights, x), *network.flat(network.gradients(weights, x))]
            for x in signals(network).T
        ]
    ).T
    close = near(got, expected, 1e-9 if double else 1e-4, 1e-6 if double else 1e-2)
    assert close.all(), f"outputs {np.flatnonzero(~close.all(axis=1))}"


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_gradients_are_those_of_the_compiled_loss(compiler: Compiler, network: Network) -> None:
    """By the weights and the inputs; the biases are held against differences of the reference."""
    outcome = _outcomes(compiler, True)[str(network)]
    got, slopes = outcome.outputs[1:], outcome.slopes.copy()
    without = np.isnan(slopes).any(axis=1)
    assert without.sum() == sum(network.sizes[1:])
    weights = network.weights(1)
    reference = np.array(
        [differences(network.forward, x.copy(), weights) for x in signals(network).T]
    ).T
    slopes[without] = reference[without]
    for expected in (slopes, reference):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-11)
    # Most of them are far from 0, so that the relative tolerance is the one that counts.
    assert np.mean(abs(slopes) > 1e-4) > 0.5


# -- training ------------------------------------------------------------------------------------

STEPS = 100
TRAINED = [NETWORKS[0], NETWORKS[2], NETWORKS[5], NETWORKS[6], NETWORKS[8]]


def trained(network: Network, rate: float, fed: Array) -> Array:
    """Losses and gradients (1 + count, frames): each step is taken one sample later."""
    weights = network.weights(1)
    found = []
    for x in fed.T:
        gradients = network.gradients(weights, x)
        found.append([network.forward(weights, x), *network.flat(gradients)])
        weights = [w - rate * g for w, g in zip(weights, gradients[0], strict=True)]
    return np.array(found).T


@functools.cache
def _trained(compiler: Compiler, double: bool) -> list[Array]:
    """What comes out of the networks that are trained."""
    boxes = ", ".join(f'vgroup("{i}", {chained(n, 0.05)})' for i, n in enumerate(TRAINED))
    program = compiled(f"{LIBRARIES} process = {boxes};", compiler, double)
    session = program.session()
    for control in program.controls:
        if control.kind == "hslider":
            network = TRAINED[int(control.path.split("/")[2])]
            session.set(control.path, network.controls(network.weights(1))[control.label])
    fed = [draw(7 + i, network.sizes[0], STEPS) for i, network in enumerate(TRAINED)]
    got = np.asarray(session.compute(np.concatenate(fed)), float)
    return np.split(got, np.cumsum([1 + network.count for network in TRAINED])[:-1])


@pytest.mark.parametrize("index", range(len(TRAINED)), ids=[str(n) for n in TRAINED])
def test_training_takes_the_same_path(compiler: Compiler, double: bool, index: int) -> None:
    """Every weight and bias learns from its own gradient, one sample later."""
    network = TRAINED[index]
    fed = draw(7 + index, network.sizes[0], STEPS)
    expected = trained(network, 0.05, fed)
    assert expected[0, -20:].mean() < expected[0, :20].mean()
    got = _trained(compiler, double)[index]
    close = near(got, expected, 1e-9 if double else 1e-3, 1e-4 if double else 1e-1)
    assert close.all(), f"outputs {np.flatnonzero(~close.all(axis=1))}"


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_training_in_single_is_finite_for_10_seconds(compiler: Compiler, activation: str) -> None:
    """1-8-8-1 from its own initial weights learns sin(3 x) of noise, at a rate of 1e-2."""
    network = Network((1, 8, 8, 1), (activation, activation, "linear"), "L2")
    initial = {"tanh": "df.initializers.glorot", "relu": "df.initializers.he"}[activation]
    text = chained(network, 1e-2, initial=lambda _: initial)
    target = text.replace(f"df.losses.L2(1, {network.truth}, 8)", "df.losses.L2(1, sin(3 * x), 8)")
    assert target != text
    source = f"{LIBRARIES} process(x) = x : {target};"
    program = compiled(source, compiler, double=False, optimize="-O1")
    assert (program.inputs, program.outputs) == (1, 1 + network.count)
    session = program.session()
    losses = []
    noise = np.random.default_rng(8)
    for _ in range(10):
        got = session.compute(noise.uniform(-1, 1, (1, 44100)))
        assert np.isfinite(got).all()
        losses.append(float(got[0].mean()))
    assert losses[-1] < 1e-2 * np.mean(np.sin(3 * np.linspace(-1, 1, 1000)) ** 2), losses
    meters = {c.path: session.get(c.path) for c in program.controls}
    assert np.isfinite(list(meters.values())).all()
    # 97 parameters, the loss, and how many steps were skipped, each shown once.
    assert len(meters) == len(program.controls) == 99


# -- windows -------------------------------------------------------------------------------------


@functools.cache
def _windowed(compiler: Compiler) -> Array:
    """The network 1-2-3-1 with a loss over 12 samples, on a signal with a period of as many."""
    program = compiled(f"{LIBRARIES} process = {chained(NETWORKS[0], 0, 12)};", compiler)
    session = program.session()
    for label, value in NETWORKS[0].controls(NETWORKS[0].weights(1)).items():
        session.set(label, value)
    return np.asarray(session.compute(np.tile(periodic(), 4)), float)


def periodic() -> Array:
    return np.asarray(np.sin(2 * np.pi * np.arange(12) / 12)[None] + 0.25)


def averages() -> Array:
    """The loss and all gradients, averaged over a period."""
    network = NETWORKS[0]
    weights = network.weights(1)
    found = [
        [network.forward(weights, x), *network.flat(network.gradients(weights, x))]
        for x in periodic().T
    ]
    return np.asarray(np.mean(found, axis=0))


def test_a_window_averages_the_loss_and_the_gradients_of_the_last_layer(
    compiler: Compiler,
) -> None:
    got = _windowed(compiler)[:5, -12:]
    np.testing.assert_allclose(got, np.tile(averages()[:5, None], 12), rtol=1e-9)


def test_a_window_leaves_the_gradients_of_hidden_layers_right_on_average(
    compiler: Compiler,
) -> None:
    got = _windowed(compiler)[5:, -12:].mean(axis=1)
    np.testing.assert_allclose(got, averages()[5:], rtol=1e-9)


STALL = """one(m, n, k) = 1; b = df.backpropNN((1, 1, 1, 1));
net(x, window) = x : (df.fcFrom(one, 1, 1, df.activations.linear, 1e-2)
    : ((df.fcFrom(one, 1, 1, df.activations.linear, 0) : df.losses.L2(window, 2 * x, 1)),
        si.bus(b.next_signals(1)) : b.start(b.N - 1)) ~ (!, si.bus(2))) ~ (si.block(3), si.bus(2));
process(x) = net(x, 1), net(x, 32);
"""


def test_a_window_of_a_period_does_not_stop_hidden_layers(compiler: Compiler) -> None:
    """A gain of 2 in two layers, of which the first learns, from a sine of 32 samples.

    The mean of the error over 32 samples is always 0; that of its product with the sine is not.
    """
    got = compiled(f"{LIBRARIES} {STALL}", compiler).run(np.sin(np.pi * np.arange(22050) / 16))
    for loss in np.split(got, 2):
        assert loss[0, :32].mean() > 0.1
        assert loss[0, -32:].max() < 1e-20


@functools.cache
def _over_windows(compiler: Compiler, double: bool) -> dict[str, Array]:
    """Of each loss what a sigmoid neuron with 2 inputs gives, with a loss over 5 samples."""
    networks = [Network((2, 1), ("sigmoid",), loss) for loss in LOSSES]
    boxes = ", ".join(f'vgroup("{n.loss}", {chained(n, 0, 5)})' for n in networks)
    program = compiled(f"{LIBRARIES} process = si.bus(2) <: {boxes};", compiler, double)
    session = program.session()
    for control in program.controls:
        if control.kind == "hslider":
            session.set(control.path, networks[0].controls(networks[0].weights(1))[control.label])
    got = np.asarray(session.compute(signals(networks[0])), float)
    return dict(zip(LOSSES, np.split(got, len(LOSSES)), strict=True))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_over_a_window(compiler: Compiler, double: bool, loss: str) -> None:
    """The loss and the gradients of the layer are means; those of its inputs are of each sample."""
    network = Network((2, 1), ("sigmoid",), loss)
    weights = network.weights(1)
    each = np.array(
        [
            [network.forward(weights, x), *network.flat(network.gradients(weights, x))]
            for x in signals(network).T
        ]
    ).T
    means = [[sum(row[max(n - 4, 0) : n + 1]) / 5 for n in range(FRAMES)] for row in each[:4]]
    expected = np.concatenate([np.array(means), each[4:]])
    got = _over_windows(compiler, double)[loss]
    assert near(got, expected, 1e-9 if double else 1e-4, 1e-6 if double else 1e-2).all()


# -- one layer -----------------------------------------------------------------------------------

SHAPES = [(m, n) for m in (1, 2, 3, 5) for n in (1, 2, 4, 7)]


@functools.cache
def _ways_back(compiler: Compiler) -> list[tuple[Array, Array, Array]]:
    """Of each shape the gradients of the outputs, the derivatives, and what `backpropFC` gives."""
    boxes = ", ".join(f"df.backpropFC({m}, {n})" for m, n in SHAPES)
    program = compiled(f"{LIBRARIES} process = {boxes};", compiler)
    above = [draw(m, n, 3) for m, n in SHAPES]
    local = [draw(n, n * (2 * m + 1), 3) for m, n in SHAPES]
    fed = [array for both in zip(above, local, strict=True) for array in both]
    got = np.asarray(program.run(np.concatenate(fed)), float)
    widths = [n * (m + 1) + m for m, n in SHAPES]
    return list(zip(above, local, np.split(got, np.cumsum(widths)[:-1]), strict=True))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}-{shape[1]}")
def test_the_way_back_through_a_layer_sums_over_neurons(
    compiler: Compiler, shape: tuple[int, int]
) -> None:
    """The gradient of an input is the sum over all neurons, not their mean; and for any shape.

    There used to be none where a layer has fewer inputs than neurons, or more than one more.
    """
    m, n = shape
    above, local, got = _ways_back(compiler)[SHAPES.index(shape)]
    derivatives = local.reshape(n, 2 * m + 1, 3)
    products = above[:, None] * derivatives
    parameters = products[:, : m + 1].reshape(-1, 3)
    inputs = products[:, m + 1 :].sum(axis=0)
    np.testing.assert_allclose(got, np.concatenate([parameters, inputs]), rtol=1e-12)


def test_a_sum_over_four_neurons_by_hand(compiler: Compiler) -> None:
    """Neurons with derivatives 1, 2, 3, 4 by their input, each with a gradient of 0.5: 5."""
    program = compiled(f"{LIBRARIES} process = df.backpropFC(1, 4);", compiler)
    fed = [0.5] * 4 + [number for k in (1, 2, 3, 4) for number in (10 * k, 1, k)]
    got = program.run(np.array(fed)[:, None])[:, 0]
    assert got.tolist() == [5, 0.5, 10, 0.5, 15, 0.5, 20, 0.5, 5]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_gives_outputs_then_derivatives(compiler: Compiler, activation: str) -> None:
    """3 neurons of 2 inputs, from Glorot's weights; each: by its weights, its bias, the signals."""
    got, weights, x = _layers(compiler)[activation]
    value, slope = ACTIVATIONS[activation]
    inner = weights @ x
    expected = list(value(inner))
    for w, s in zip(weights, slope(inner), strict=True):
        expected += [s * x, s * np.ones((1, x.shape[1])), s * w[:, None]]
    np.testing.assert_allclose(got, np.vstack(expected), rtol=1e-9, atol=1e-15)


@functools.cache
def _layers(compiler: Compiler) -> dict[str, tuple[Array, Array, Array]]:
    """Of each activation what a layer gives, its weights (3, 2), and the signals (2, frames)."""
    names = list(ACTIVATIONS)
    initial = ", ".join(f"df.initializers.glorot(2, 3, {k})" for k in range(6))
    layers = ", ".join(
        f'vgroup("{name}", par(i, 9, 0), si.bus(2) : df.fc(3, 2, df.activations.{name}, 0.5))'
        for name in names
    )
    program = compiled(f"{LIBRARIES} process = {initial}, (si.bus(2) <: {layers});", compiler)
    x = draw(9, 2, FRAMES)
    got = np.asarray(program.run(x), float)
    weights = got[:6, 0].reshape(3, 2)
    found = np.split(got[6:], len(names))
    return {name: (out, weights, x) for name, out in zip(names, found, strict=True)}


def test_a_neuron_is_a_layer_of_one(compiler: Compiler, double: bool) -> None:
    source = f"""{LIBRARIES} process = si.bus(7)
        <: vgroup("a", df.neuron(3, df.activations.gelu, 0.1)),
            vgroup("b", df.fc(1, 3, df.activations.gelu, 0.1));"""
    got = compiled(source, compiler, double).run(draw(11, 7, 50))
    assert got.shape == (16, 50)
    np.testing.assert_array_equal(got[:8], got[8:])


def test_weights_and_biases_subtract_their_gradients(compiler: Compiler, double: bool) -> None:
    source = f"""{LIBRARIES} process = par(k, 3, df.initializers.glorot(3, 1, k)),
        df.weights(3, 0.25), df.bias(0.5);"""
    program = compiled(source, compiler, double)
    fed = np.round(draw(12, 4, 20) * 64) / 64
    session = program.session()
    got = session.compute(fed).astype(float)
    taken = np.cumsum(fed * np.array([[0.25]] * 3 + [[0.5]]), axis=1)
    start = np.append(got[:3, 0], 0)[:, None]
    np.testing.assert_allclose(got[3:], start - taken, rtol=0, atol=1e-15 if double else 2e-6)
    for name, final in zip(("weight0", "weight1", "weight2", "bias"), got[3:, -1], strict=True):
        assert session.get(name) == final


# -- initial weights -----------------------------------------------------------------------------

#: Inputs and neurons of layers, and the numbers of all their weights.
LAYERS = [(1, 8), (8, 8), (2, 5), (5, 5), (3, 4), (13, 13), (4, 1)]
INITIALIZERS: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda inputs, neurons: math.sqrt(6 / (inputs + neurons)),
    "he": lambda inputs, neurons: math.sqrt(6 / inputs),
    "zero": lambda inputs, neurons: 0.0,
    "seeded(1, df.initializers.glorot)": lambda inputs, neurons: math.sqrt(6 / (inputs + neurons)),
    "seeded(2, df.initializers.glorot)": lambda inputs, neurons: math.sqrt(6 / (inputs + neurons)),
    "seeded(1, df.initializers.he)": lambda inputs, neurons: math.sqrt(6 / inputs),
}


@functools.cache
def _initial(compiler: Compiler, double: bool) -> dict[tuple[str, int, int], Array]:
    """The weights (neurons, inputs) by initializer and shape."""
    boxes = [
        f"par(k, {inputs * neurons}, df.initializers.{name}({inputs}, {neurons}, k))"
        for name in INITIALIZERS
        for inputs, neurons in LAYERS
    ]
    program = compiled(f"{LIBRARIES} process = {', '.join(boxes)};", compiler, double)
    runs = [program.run(frames=2) for _ in range(2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0][:, 0], runs[0][:, 1])
    numbers = iter(np.asarray(runs[0][:, 0], float))
    return {
        (name, inputs, neurons): np.array(
            list(itertools.islice(numbers, inputs * neurons))
        ).reshape(neurons, inputs)
        for name in INITIALIZERS
        for inputs, neurons in LAYERS
    }


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights_are_in_range(compiler: Compiler, double: bool, name: str) -> None:
    """Within the limits of the papers, and about as large as random numbers are there."""
    every = _initial(compiler, double)
    for inputs, neurons in LAYERS:
        weights, limit = every[name, inputs, neurons], INITIALIZERS[name](inputs, neurons)
        assert abs(weights).max() <= limit * (1 + 1e-6)
        if inputs * neurons >= 64 and limit:
            assert np.std(weights) == pytest.approx(limit / np.sqrt(3), rel=0.15)
            assert abs(weights.mean()) < 0.15 * limit


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "zero"])
def test_no_two_neurons_start_alike(compiler: Compiler, double: bool, name: str) -> None:
    """Not the same weights, nor those of another with an offset: the layer has its full rank."""
    every = _initial(compiler, double)
    for inputs, neurons in LAYERS:
        weights = every[name, inputs, neurons]
        assert len(np.unique(weights)) == weights.size
        values = np.linalg.svd(weights, compute_uv=False)
        assert values[-1] > 5e-3 * values[0], (inputs, neurons, values)
        if inputs > 4 and neurons > 1:
            alike = np.corrcoef(weights) - np.eye(neurons)
            assert alike.max() < 0.98, (inputs, neurons)


def test_initial_weights_are_the_same_everywhere(compiler: Compiler) -> None:
    """In single and in double, up to a rounding."""
    double, single = _initial(compiler, True), _initial(compiler, False)
    for key, weights in double.items():
        np.testing.assert_allclose(single[key], weights, rtol=0, atol=1e-6)


def test_a_seed_makes_another_sequence(compiler: Compiler) -> None:
    found = _initial(compiler, True)
    glorot, first, second = (
        found[name, 8, 8]
        for name in (
            "glorot",
            "seeded(1, df.initializers.glorot)",
            "seeded(2, df.initializers.glorot)",
        )
    )
    for one, other in itertools.combinations((glorot, first, second), 2):
        assert not np.isin(one, other).all()
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.5
