"""The gradient of a loss by reverse mode: one pass forward and one backward, however many sliders.

The loss gives the cotangent of each output sample, and the adjoint of the program takes it back to
the sliders. There are no partials of the output, so nothing that is made of their products: no
Gauss-Newton matrix, no standard errors, and no answer to which sliders can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..autodiff.reverse import ReversePrograms
from ..autodiff.vjp import VJP
from ..faust.compilers import Compiler
from .losses import Loss, Sums
from .pairing import Example

Array = NDArray[np.float64]

#: A tape that is larger is cut in pieces, in bytes.
LARGEST_TAPE = 1 << 28
#: Steps of the power iteration for the greatest curvature, and how far it looks.
CURVATURE_STEPS, CURVATURE_REACH = 8, 1e-4


@dataclass
class Adjoint:
    """The two programs of reverse mode on examples, compiled for each of their sample rates.

    `settings` are values of sliders that are not fitted, by path.
    """

    programs: ReversePrograms
    compiler: Compiler
    include: tuple[Path, ...]
    settings: Mapping[str, float]
    cache: Path | None = None
    _compiled: dict[int, VJP] = field(default_factory=dict)

    def at(self, rate: int) -> VJP:
        """Both programs at a sample `rate` in Hz."""
        if rate not in self._compiled:
            self._compiled[rate] = VJP(
                self.programs,
                self.compiler,
                sample_rate=rate,
                include=self.include,
                cache=self.cache,
            )
        return self._compiled[rate]

    def sums(
        self,
        values: Array,
        examples: Sequence[Example],
        losses: Sequence[Loss],
        frames: int | None = None,
    ) -> list[Sums]:
        """Each loss with its gradient by the sliders (P,), over the first `frames` of each example.

        The curvature is 0: it is not known.
        """
        count = len(values)
        sliders = dict(zip((one.path for one in self.programs.params), values, strict=True))
        passes, pairs = [], []
        wrong = energy = 0.0
        for one in examples:
            given = np.concatenate(list(one.input_blocks(frames)), axis=1)
            target = np.concatenate([wanted for wanted, _ in one.target_blocks(frames)], axis=1)
            length = target.shape[1]
            large = length * self.programs.tape * 8 > LARGEST_TAPE
            program = self.at(one.rate)
            output, tape = program.forward(
                given if len(given) else None,
                {**self.settings, **sliders},
                frames=None if len(given) else length,
                segment="auto" if large else None,
            )
            passes.append((program, tape, output.shape))
            first = min(one.first, length)
            pairs.append((np.asarray(output[:, first:], float), target[:, first:]))
            residual = pairs[-1][0] - pairs[-1][1]
            wrong += float(np.vdot(residual, residual))
            energy += float(np.vdot(pairs[-1][1], pairs[-1][1]))
        nothing = np.zeros((count, count))
        if not np.isfinite(wrong):
            return [Sums(np.inf, np.full(count, np.nan), nothing, np.inf)] * len(losses)
        error = wrong / energy if energy else np.inf
        sums = []
        for loss in losses:
            gradient = np.zeros(count)
            for (program, tape, shape), cotangent in zip(
                passes, loss.gradients(pairs), strict=True
            ):
                wide = np.zeros(shape)
                wide[:, shape[1] - cotangent.shape[1] :] = cotangent
                back = program.backward(tape, wide, inputs=False).sliders
                gradient += [float(np.sum(back[name])) for name in program.names.params]
            sums.append(Sums(loss.whole(pairs), gradient, nothing, error))
        return sums


def greatest_curvature(
    gradient: Callable[[Array], Array], units: Array, here: Array, seed: int = 0
) -> float:
    """The greatest curvature of a loss at `units`, where its gradient is `here`.

    Power iteration on differences of gradients, as good as a step size needs to be; 0 if there is
    none, or where the gradient is not finite.
    """
    direction, size = np.random.default_rng(seed).normal(size=len(units)), 0.0
    for _ in range(CURVATURE_STEPS):
        direction = direction / (float(np.linalg.norm(direction)) or 1.0)
        direction = (gradient(units + CURVATURE_REACH * direction) - here) / CURVATURE_REACH
        if not np.isfinite(direction).all():
            return 0.0
        size = float(np.linalg.norm(direction))
    return size
