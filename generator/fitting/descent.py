"""Optimizers that take the gradient alone: L-BFGS-B, Adam, and plain gradient descent.

They move the units of the sliders, and clip them to 0..1. Adam is that of Kingma and Ba (ICLR
2015). Adam and SGD may move after each batch of samples: the program goes on from where it is, so
that its partials lag behind by what parameters have moved since, as in real-time recurrent learning
(Williams and Zipser, 1989).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .adjoint import greatest_curvature
from .losses import Sums
from .objective import Objective, Search

Array = NDArray[np.float64]

#: Of Adam, the part of a slider's range that a step goes at most; of SGD, see `descend`.
LEARNING_RATES = {"adam": 0.02, "sgd": 0.5}
ADAM_DECAYS = (0.9, 0.999)
ADAM_EPSILON = 1e-8

#: Of `descend_online`: what is nearer to its target than this moves nothing.
ONLINE_SENSITIVITY = 1e-7


def lbfgs(search: Search, units: Array, sums: Sums) -> str:
    """L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995) by SciPy. Says why it ended."""
    from scipy.optimize import minimize

    # SciPy's tolerances are absolute: a loss that starts at 1 suits them.
    scale = 1 / sums.loss if sums.loss > 0 else 1.0

    def evaluate(at: Array) -> tuple[float, Array]:
        sums = search.objective(at, curvature=False)
        if not sums.finite:
            search.record.skipped += 1
            return 1e10, np.zeros_like(at)
        search.add("L-BFGS-B", at, sums)
        return sums.loss * scale, sums.gradient * scale

    options: dict[str, Any] = {"maxiter": 15000, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-9}
    bounds = [(0.0, 1.0)] * len(units)
    result = minimize(evaluate, units, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return str(result.message).lower()


@dataclass(frozen=True)
class Descent:
    """How to descend: `method` is adam or sgd, `rate` relative to the ranges of the sliders.

    `batch` is the number of samples per step, or 0 for all; `seed` shuffles the examples.
    """

    method: str
    rate: float
    batch: int = 0
    seed: int = 0


def descend(search: Search, units: Array, sums: Sums, descent: Descent) -> str:
    """Adam or SGD until the record's passes or patience are spent.

    The gradient is divided by the greatest curvature at the start, so that a rate does not depend
    on how loud a recording is: SGD with a rate of 1 would take a Newton step in the steepest
    direction. `record.state` holds what is needed to go on. A step that is not finite is skipped
    and counted.
    """
    objective, record = search.objective, search.record
    stage = descent.method.upper() if descent.method == "sgd" else "Adam"
    stepper = Stepper(descent, units, _steepest(objective, units, sums), record.state)
    latest = sums
    while True:
        if descent.batch:
            units, latest, skipped = _epoch(objective, units, descent, stepper)
            record.skipped += skipped
        else:
            units = stepper(units, latest.gradient)
            latest = objective(units, curvature=False)
        if not latest.finite:
            return "the program diverges"
        record.state = {**stepper.state, "units": units.tolist()}
        search.add(stage, units, latest)


def _steepest(objective: Objective, units: Array, sums: Sums) -> float:
    """The greatest curvature of the loss, or 1 if there is none."""
    if objective.model.partials:
        return float(np.linalg.eigvalsh(sums.curvature)[-1]) or 1.0

    def gradient(at: Array) -> Array:
        return objective(at, curvature=False).gradient

    return greatest_curvature(gradient, units, sums.gradient) or 1.0


class Stepper:
    """The steps of Adam or SGD, with their memory; `state` is that of an earlier one, as JSON."""

    def __init__(
        self, descent: Descent, units: Array, steepest: float, state: dict[str, object]
    ) -> None:
        self.descent = descent
        self.scale = _number(state.get("scale"), 1 / steepest)
        self.first, self.second = _vector(state, "first", units), _vector(state, "second", units)
        self.count = int(_number(state.get("count"), 0))

    @property
    def state(self) -> dict[str, object]:
        """What is needed to go on."""
        return {
            "scale": self.scale,
            "count": self.count,
            "first": self.first.tolist(),
            "second": self.second.tolist(),
        }

    def __call__(self, at: Array, gradient: Array) -> Array:
        """Where a step leads to."""
        self.count += 1
        slope, rate = gradient * self.scale, self.descent.rate
        if self.descent.method == "sgd":
            return np.clip(at - rate * slope, 0.0, 1.0)
        one, two = ADAM_DECAYS
        self.first = one * self.first + (1 - one) * slope
        self.second = two * self.second + (1 - two) * slope**2
        size = np.sqrt(self.second / (1 - two**self.count)) + ADAM_EPSILON
        return np.clip(at - rate * self.first / (1 - one**self.count) / size, 0.0, 1.0)


def _epoch(
    objective: Objective, units: Array, descent: Descent, stepper: Stepper
) -> tuple[Array, Sums, int]:
    """All examples once, in a random order; the mean of the losses on the way, and what it skipped.

    Where a batch gives no finite gradient, no step is taken, and the program begins anew.
    """
    model, count = objective.model, len(units)
    weighted = wrong = energy = 0.0
    compared = skipped = 0
    gradient = np.zeros(count)
    rng = np.random.default_rng((descent.seed, stepper.count))
    for index in rng.permutation(len(objective.examples)):
        one = objective.examples[index]
        session = model.session(model.controls(objective.scales.values(units)), one.rate)
        for given, target, _ in one.blocks(block=descent.batch):
            meter = objective.loss.meter(len(target), count, curvature=False)
            output, partials = model.compute(session, given, target.shape[1])
            objective.frames += target.shape[1]
            meter.feed(output, target, partials)
            meter.end()
            sums = objective.by_units(units, Sums(*meter.sums(), 0.0))
            if not sums.finite:
                skipped += 1
                session = model.session(model.controls(objective.scales.values(units)), one.rate)
                continue
            compared += target.shape[1]
            weighted += sums.loss * target.shape[1]
            wrong += float(np.sum((output - target) ** 2))
            energy += float(np.sum(target**2))
            gradient = sums.gradient
            units = stepper(units, gradient)
            model.move(session, objective.scales.values(units))
    if not compared:
        weighted = np.nan
    mean = weighted / max(1, compared)
    nothing = np.zeros((count, count))
    return units, Sums(mean, gradient, nothing, wrong / (energy or 1.0)), skipped


def _vector(state: dict[str, object], name: str, like: Array) -> Array:
    kept = state.get(name)
    return np.zeros_like(like) if kept is None else np.asarray(kept, float)


def _number(kept: object, otherwise: float) -> float:
    return float(kept) if isinstance(kept, int | float) else otherwise


def descend_online(
    objective: Objective, values: Array, rate: float, absolute: bool
) -> Iterator[tuple[Array, Array, float, Array]]:
    """Gradient descent sample by sample, on the sliders themselves.

    After each sample: target (channels,), output (channels,), loss, and the values that it leads
    to. The loss of a sample is r^2, or |r| if `absolute`, summed over channels; a step is the
    `rate` times its gradient. A sample whose loss is less than `ONLINE_SENSITIVITY` moves nothing.
    """
    model = objective.model
    low, high = (objective.scales.values(np.full(len(values), end)) for end in (0.0, 1.0))
    for one in objective.examples:
        session = model.session(model.controls(values), one.rate)
        for given, targets, _ in one.blocks():
            for index in range(targets.shape[1]):
                target = targets[:, index]
                output, partials = model.compute(session, given[:, index : index + 1], 1)
                objective.frames += 1
                residual = output[:, 0] - target
                size = np.abs(residual) if absolute else residual**2
                loss = float(size.sum())
                if not (np.isfinite(loss) and np.isfinite(partials).all()):
                    # Nothing is learned from it, and the program begins anew.
                    session = model.session(model.controls(values), one.rate)
                elif loss >= ONLINE_SENSITIVITY:
                    slope = np.sign(residual) if absolute else 2 * residual
                    values = np.clip(values - rate * (slope @ partials[:, :, 0]), low, high)
                    model.move(session, values)
                yield target, output[:, 0], loss, values
