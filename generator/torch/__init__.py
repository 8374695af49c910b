"""A Faust program as a layer in PyTorch: `pip install 'faustdiff[torch]'`.

    equalizer = FaustModule("eq.dsp", params=["gain", "cutoff"], sample_rate=48000)
    y = equalizer(x, gain=g, cutoff=c)          # x: (batch, channels, frames)

Gradients with respect to x and all sliders are exact, through feedback and delays.
"""

from .module import FaustModule

__all__ = ["FaustModule"]
