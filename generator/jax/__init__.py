"""A Faust program as a function in JAX: `pip install 'faustdiff[jax]'`.

    equalizer = FaustFunction("eq.dsp", params=["gain", "cutoff"], sample_rate=48000)
    y = equalizer(x, gain=g, cutoff=c)          # x: (batch, channels, frames)
    far = loss("mrstft", sample_rate=48000)(y, target)   # the losses of `fit`

Works under `jit`, `grad` and `vmap`; gradients are exact, through feedback and delays.
"""

from .function import FaustFunction
from .losses import loss

__all__ = ["FaustFunction", "loss"]
