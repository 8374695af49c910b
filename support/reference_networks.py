"""Networks in NumPy, written from the formulas in PyTorch's documentation, and as Faust text.

A layer takes its parameters as a flat array and signals (channels, frames). It shares nothing with
the templates; derivatives are central differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

#: Five points: the error of the formula is of the fourth order, some 1e-11 of a smooth function,
#: and the rounding of the values, 1e-16, is divided by the step.
STEP = 1e-3


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def gelu(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def gelu_slope(x: Array) -> Array:
    w = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return np.asarray((1 + w) / 2 + x / 2 * (1 - w**2) * inner)


#: Values and slopes.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
    "leaky_relu": (lambda x: np.where(x > 0, x, x / 100), lambda x: np.where(x > 0, 1, 0.01)),
    "elu": (lambda x: np.where(x > 0, x, np.exp(x) - 1), lambda x: np.where(x > 0, 1, np.exp(x))),
    "softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid),
    "gelu": (gelu, gelu_slope),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    "linear": (lambda x: x, np.ones_like),
}


@dataclass(frozen=True)
class Net:
    """A network: Faust `text`, shapes of its tensors, and `run` on parameters and signals."""

    text: str
    shapes: tuple[tuple[int, ...], ...]
    inputs: int
    run: Callable[[Sequence[Array], Array], Array]

    @property
    def count(self) -> int:
        """The number of parameters."""
        return sum(map(prod, self.shapes))

    def __call__(self, parameters: Array, x: Array) -> Array:
        """The outputs (outputs, frames) for flat parameters."""
        tensors, start = [], 0
        for shape in self.shapes:
            tensors.append(parameters[start : start + prod(shape)].reshape(shape))
            start += prod(shape)
        return self.run(tensors, x)

    def partials(self, parameters: Array, x: Array) -> Array:
        """(outputs, parameters, frames), by central differences."""
        found = []
        for k in range(len(parameters)):
            shift = STEP * np.eye(len(parameters))[k]
            near = self(parameters + shift, x) - self(parameters - shift, x)
            far = self(parameters + 2 * shift, x) - self(parameters - 2 * shift, x)
            found.append((8 * near - far) / (12 * STEP))
        return np.stack(found, axis=1)


def dense(inputs: int, outputs: int) -> Net:
    shapes = ((outputs, inputs), (outputs,))
    return Net(
        f"df.nn.dense({inputs}, {outputs})", shapes, inputs, lambda p, x: p[0] @ x + p[1][:, None]
    )


def conv1d(inputs: int, outputs: int, taps: int, dilation: int) -> Net:
    def run(p: Sequence[Array], x: Array) -> Array:
        before = (taps - 1) * dilation
        padded = np.pad(x, ((0, 0), (before, 0)))
        y = np.zeros((outputs, x.shape[1])) + p[1][:, None]
        for t in range(taps):
            y += p[0][:, :, t] @ padded[:, t * dilation : t * dilation + x.shape[1]]
        return y

    text = f"df.nn.conv1d({inputs}, {outputs}, {taps}, {dilation})"
    return Net(text, ((outputs, inputs, taps), (outputs,)), inputs, run)


def layer_norm(width: int) -> Net:
    def run(p: Sequence[Array], x: Array) -> Array:
        centred = x - x.mean(axis=0)
        normal = centred / np.sqrt(np.square(centred).mean(axis=0) + 1e-5)
        return np.asarray(normal * p[0][:, None] + p[1][:, None])

    return Net(f"df.nn.layer_norm({width})", ((width,), (width,)), width, run)


def _rnn(i: Array, h: Array, state: Array) -> Array:
    return np.asarray(np.tanh(i + h))


def _gru(i: Array, h: Array, state: Array) -> Array:
    (ir, iz, ic), (hr, hz, hc) = np.split(i, 3), np.split(h, 3)
    z = sigmoid(iz + hz)
    return np.asarray((1 - z) * np.tanh(ic + sigmoid(ir + hr) * hc) + z * state)


def _lstm(i: Array, h: Array, state: Array) -> Array:
    i, f, g, o = np.split(i + h, 4)
    cell = sigmoid(f) * np.split(state, 2)[1] + sigmoid(i) * np.tanh(g)
    return np.concatenate([sigmoid(o) * np.tanh(cell), cell])


RECURRENT = {"rnn": (1, 1, _rnn), "gru": (3, 1, _gru), "lstm": (4, 2, _lstm)}


def recurrent(kind: str, inputs: int, units: int) -> Net:
    gates, states, step = RECURRENT[kind]

    def run(p: Sequence[Array], x: Array) -> Array:
        state = np.zeros(states * units)
        y = np.zeros((units, x.shape[1]))
        for n in range(x.shape[1]):
            state = step(p[0] @ x[:, n] + p[2], p[1] @ state[:units] + p[3], state)
            y[:, n] = state[:units]
        return y

    rows = gates * units
    shapes = ((rows, inputs), (rows, units), (rows,), (rows,))
    return Net(f"df.nn.{kind}({inputs}, {units})", shapes, inputs, run)


def activation(name: str, width: int) -> Net:
    return Net(f"df.nn.{name}", (), width, lambda p, x: np.asarray(ACTIVATIONS[name][0](x)))


def pass_on(width: int) -> Net:
    return Net(f"df.nn.pass({width})", (), width, lambda p, x: x)


def sequential(*nets: Net) -> Net:
    def run(p: Sequence[Array], x: Array) -> Array:
        for net in nets:
            x = net.run(p[: len(net.shapes)], x)
            p = p[len(net.shapes) :]
        return x

    text = f"df.nn.sequential(({', '.join(net.text for net in nets)}))"
    return Net(text, sum((net.shapes for net in nets), ()), nets[0].inputs, run)


def parallel(*nets: Net) -> Net:
    def run(p: Sequence[Array], x: Array) -> Array:
        found = []
        for net in nets:
            found.append(net.run(p[: len(net.shapes)], x[: net.inputs]))
            p, x = p[len(net.shapes) :], x[net.inputs :]
        return np.concatenate(found)

    text = f"df.nn.parallel(({', '.join(net.text for net in nets)}))"
    inputs = sum(net.inputs for net in nets)
    return Net(text, sum((net.shapes for net in nets), ()), inputs, run)
