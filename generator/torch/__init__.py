"""A Faust program as a layer in PyTorch: `pip install 'faustdiff[torch]'`.

    equalizer = FaustModule("eq.dsp", params=["gain", "cutoff"], sample_rate=48000)
    y = equalizer(x, gain=g, cutoff=c)          # x: (batch, channels, frames)
    far = loss("mrstft", sample_rate=48000)(y, target)   # the losses of `fit`

Gradients with respect to x and all sliders are exact, through feedback and delays.
"""

from .losses import loss
from .module import FaustModule

__all__ = ["FaustModule", "loss"]
