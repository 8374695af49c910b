"""The losses of `fit` as functions that JAX differentiates in reverse mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..layers.losses import BatchLoss, require_alike


def loss(name: str, sample_rate: float = 44100.0) -> Callable[[Any, Any], Any]:
    """A loss by its name, as in `fit --loss mrstft:sizes=1024+256`, at a sampling rate in Hz.

    It takes output and target, (batch, channels, frames) or (channels, frames), and gives an array
    without axes, of the type of the output. All of a batch is one set. It is computed in double
    precision on the CPU, called back from the compiled function, and its gradient is the exact one,
    by the output alone: that by the target is not a number. Raises `InputError` for a name that is
    none, and when called `ValueError` for shapes that differ.
    """
    batch = BatchLoss(name, sample_rate)

    @jax.custom_vjp
    def value_of(output: Any, target: Any) -> Any:
        require_alike(output.shape, target.shape)
        kind = jax.ShapeDtypeStruct((), output.dtype)
        return jax.pure_callback(batch.value, kind, output, target, vmap_method="sequential")

    def forward(output: Any, target: Any) -> tuple[Any, tuple[Any, Any]]:
        return value_of(output, target), (output, target)

    def backward(kept: tuple[Any, Any], cotangent: Any) -> tuple[Any, Any]:
        output, target = kept
        kind = jax.ShapeDtypeStruct(output.shape, output.dtype)
        gradient = jax.pure_callback(batch.gradient, kind, output, target, vmap_method="sequential")
        return cotangent * gradient, jnp.full_like(target, jnp.nan)

    value_of.defvjp(forward, backward)
    return value_of
