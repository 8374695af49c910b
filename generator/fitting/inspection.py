"""What is left over at a result: residuals, and how well the parameters are known from them.

Standard errors are those of a sandwich: H^-1 M H^-1, where H is the Gauss-Newton matrix and M the
sum over blocks of the outer products of the gradients (White, "Heteroskedasticity-consistent
covariance matrix estimator", 1980; by blocks, so that noise may depend on itself: Newey and West,
1987). They are never smaller than those for white noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .dual_runs import Model
from .losses import Residual
from .pairing import Example

Array = NDArray[np.float64]

#: Samples of a block, at least; noise is taken for independent beyond it.
NOISE_BLOCK = 2048
#: How much of each example is kept, in samples.
KEPT_SAMPLES = 1 << 20


@dataclass(frozen=True)
class Inspection:
    """Signals at a result, for each example (channels, n): output, target, and what went in.

    `gradients` (blocks, P) are those of half the sum of squares, `normal` (P, P) is the sum of the
    products of the partials, both by the values. `energy` is that of the residual, over `samples`,
    and `target_energy` that of the target; of the signals, no more than `KEPT_SAMPLES` are here.
    """

    outputs: tuple[Array, ...]
    targets: tuple[Array, ...]
    inputs: tuple[Array, ...]
    gradients: Array
    normal: Array
    energy: float
    samples: int
    target_energy: float

    @property
    def residual(self) -> Array:
        """Output minus target, of all examples, one after the other (channels, n)."""
        parts = zip(self.outputs, self.targets, strict=True)
        return np.concatenate([output - target for output, target in parts], axis=1)

    def standard_errors(self) -> tuple[float | None, ...]:
        """Of the values (P,), or None for each where the matrix cannot be inverted."""
        count = len(self.normal)
        size = np.sqrt(np.maximum(np.diag(self.normal), 0.0))
        if not size.all() or self.samples <= count:
            return (None,) * count
        try:
            inverse = np.linalg.inv(self.normal / np.outer(size, size)) / np.outer(size, size)
        except np.linalg.LinAlgError:
            return (None,) * count
        white = self.energy / (self.samples - count) * np.diag(inverse)
        blocks = len(self.gradients)
        variance = white
        if blocks > 2 * count:
            scores = self.gradients @ inverse
            variance = np.maximum(white, blocks / (blocks - count) * np.sum(scores**2, axis=0))
        return tuple(map(float, np.sqrt(np.maximum(variance, 0.0))))


def inspect(
    model: Model, values: Array, examples: Sequence[Example], loss: Residual | None
) -> Inspection:
    """Runs a result once more. `values` are those of `Model.sums`.

    Signals go through the filters of `loss`, if there is one. Without partials, what is made of
    them is 0.
    """
    sliders = len(model.paths)
    signals: tuple[list[Array], ...] = ([], [], [])
    gradients: list[Array] = []
    normal = np.zeros((len(values), len(values)))
    energy, wanted, samples = 0.0, 0.0, 0
    for index, one in enumerate(examples):
        latency = float(values[sliders + index]) if len(values) > sliders else None
        parts: tuple[list[Array], ...] = ([], [], [])
        states: list[Array | None] = [None, None, None]
        done = 0
        given = one.input_blocks()
        for output, partials, target, slope in model.runs(values[:sliders], one, None, latency):
            columns = partials
            if len(values) > sliders:
                more = np.zeros((len(output), len(values) - sliders, output.shape[1]))
                more[:, index] = -slope
                columns = np.concatenate([partials, more], axis=1)
            if loss is not None:
                three = zip((output, target, columns), range(3), strict=True)
                for signal, place in three:
                    filtered, states[place] = loss.filter(signal, states[place])
                    if place == 0:
                        output = filtered
                    elif place == 1:
                        target = filtered
                    else:
                        columns = filtered
            skipped = min(max(0, one.first - done), output.shape[1])
            done += output.shape[1]
            output, target = output[:, skipped:], target[:, skipped:]
            columns, fed = columns[..., skipped:], next(given)[:, skipped:]
            residual = output - target
            energy += float(np.vdot(residual, residual))
            wanted += float(np.vdot(target, target))
            samples += residual.size
            if model.partials:
                flat = columns.transpose(1, 0, 2).reshape(len(values), -1)
                normal += flat @ flat.T
                gradients += _by_blocks(columns, residual)
            if done <= KEPT_SAMPLES:
                for part, signal in zip(parts, (output, target, fed), strict=True):
                    part.append(signal)
        for kept, part in zip(signals, parts, strict=True):
            kept.append(np.concatenate(part, axis=1))
    outputs, targets, inputs = map(tuple, signals)
    return Inspection(
        outputs, targets, inputs, np.array(gradients), normal, energy, samples, wanted
    )


def _by_blocks(columns: Array, residual: Array) -> list[Array]:
    """The gradient (P,) of half the sum of squares, for each block of samples."""
    product = np.einsum("cpn,cn->pn", columns, residual)
    starts = np.arange(0, product.shape[1], NOISE_BLOCK)
    return list(np.add.reduceat(product, starts, axis=1).T) if len(starts) else []
