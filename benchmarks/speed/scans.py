"""The same gradients by JAX: `jacfwd` of a scan over samples, compiled; where JAX is installed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .contenders import Array, Contender, noise
from .tasks import BIQUAD, HIDDEN, ONE_POLE, TASKS, Task

FRAMES = 8192


def _one_pole(p: Any, x: Any, jax: Any) -> Any:
    def step(y: Any, x: Any) -> Any:
        y = p[0] * x + p[1] * y
        return y, y

    return jax.lax.scan(step, 0.0, x)[1]


def _biquad(p: Any, x: Any, jax: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        w1, w2 = state
        w = x - p[3] * w1 - p[4] * w2
        return (w, w1), p[0] * w + p[1] * w1 + p[2] * w2

    return jax.lax.scan(step, (0.0, 0.0), x)[1]


def _network(p: Any, x: Any, jax: Any) -> Any:
    w, b, v = (p[i * HIDDEN : (i + 1) * HIDDEN] for i in range(3))
    return jax.numpy.tanh(x[:, None] * w + b) @ v + p[-1]


_MODELS: dict[str, Callable[[Any, Any, Any], Any]] = {
    ONE_POLE.name: _one_pole,
    BIQUAD.name: _biquad,
    next(task.name for task in TASKS if task.name.startswith("network")): _network,
}


def jax_scan(task: Task) -> Contender | None:
    """The task in JAX; None if it is not written there, or JAX is not installed."""
    if task.name not in _MODELS:
        return None
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    model = _MODELS[task.name]
    values = np.array(task.values)

    @jax.jit
    def both(p: Any, x: Any) -> Any:
        return model(p, x, jax), jax.jacfwd(lambda q: model(q, x, jax))(p)

    def run(given: Array) -> Array:
        value, partials = both(values, given)
        return np.concatenate([np.asarray(value)[None], np.asarray(partials).T])

    signal = noise(FRAMES)

    def measure() -> float:
        start = time.process_time()
        jax.block_until_ready(both(values, signal))
        return (time.process_time() - start) / FRAMES

    return Contender("JAX", run, measure)
