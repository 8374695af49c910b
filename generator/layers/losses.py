"""The losses of `fit` on batches of arrays: what PyTorch and JAX call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fitting.catalogue import at_rate, parse_loss
from ..fitting.losses import Loss

Array = NDArray[Any]


@dataclass(frozen=True)
class BatchLoss:
    """A loss by its name, with settings, as `fit --loss` takes it; all of a batch is one set.

    `loss` is the one for signals of this rate, in Hz. Raises `InputError` for a name that is none.
    """

    name: str
    sample_rate: float = 44100.0

    loss: Loss = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = at_rate(parse_loss(self.name), self.sample_rate)
        object.__setattr__(self, "loss", named)

    def value(self, output: Array, target: Array) -> Array:
        """The loss, of no axes, of arrays (batch, channels, frames) or (channels, frames)."""
        return np.asarray(self.loss.whole(_pairs(output, target)), output.dtype)

    def gradient(self, output: Array, target: Array) -> Array:
        """The gradient of that by `output`, of its shape and type."""
        gradients = self.loss.gradients(_pairs(output, target))
        return np.asarray(gradients).reshape(output.shape).astype(output.dtype)


def require_alike(output: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Raises `ValueError` for shapes that are not those of one batch of signals."""
    if output != target or len(output) not in (2, 3) or not all(output):
        raise ValueError(
            f"output {output} and target {target}: give both as (batch, channels, frames) or "
            "(channels, frames)"
        )


def _pairs(output: Array, target: Array) -> list[tuple[Array, Array]]:
    require_alike(output.shape, target.shape)
    shape = output.shape if output.ndim == 3 else (1, *output.shape)
    both = (np.asarray(one, np.float64).reshape(shape) for one in (output, target))
    return list(zip(*both, strict=True))
