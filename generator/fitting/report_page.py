"""The report of a fit: one page without anything from elsewhere, drawn without a plotting library.

Verdict, causes and warnings first; then the parameters in their ranges, players at equal loudness,
waveforms as SVG, and the spectrogram of what is left over as a small PNG.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from ..drawing import colours, indexed_png
from ..resources import resource
from .fit import Fit
from .scales import Scales
from .setup import Setup
from .value_text import value_text

Array = NDArray[np.float64]

PAGE_TONES = {
    "found": "found",
    "found, with noise": "noise",
    "found, in a lossy format": "noise",
    "found, but for another structure": "noise",
    "found, by spectra": "noise",
    "poor match": "poor",
}
#: Examples whose sounds are in the page, and how much of each, in seconds.
EXAMPLES, PLAYED_SECONDS = 4, 10.0
#: The level of what is played: the root mean square, unless the peak would exceed 1.
PLAYED_LEVEL = 0.1
#: Columns of a waveform, and of a spectrogram with its window in samples.
COLUMNS, SLICES, WINDOW = 500, 240, 1024
#: The levels of a spectrogram, in dB below its highest.
SPECTROGRAM_DEPTH = 90.0


def report_page(setup: Setup, fit: Fit, title: str, files: Sequence[str]) -> str:
    """The page."""
    scales = Scales(setup.source.params, setup.file)
    units = scales.units(fit.values)
    starts = scales.units([one.init for one in fit.params])
    parameters = [
        {
            "label": one.label,
            "path": one.path,
            "value": value_text(value, error, one.unit, fit.verdict.digits),
            "low": f"{one.min:g}",
            "high": f"{one.max:g}",
            "start": f"{one.init:g}",
            "at": f"{100 * at:.2f}",
            "from": f"{100 * start:.2f}",
        }
        for one, value, error, at, start in zip(
            fit.params, fit.values, fit.errors, units, starts, strict=True
        )
    ]
    numbers = (
        f"{setup.loss} {fit.loss:.4g}, {fit.passes:.1f} passes, {fit.seconds:.1f} s: {fit.reason}"
    )
    if fit.validation is not None:
        numbers += f"; validation: {setup.loss} {fit.validation:.4g}"
    text: str = _template().render(
        title=title,
        fit=fit,
        tone=PAGE_TONES[fit.verdict.kind],
        numbers=numbers,
        loss=setup.loss,
        parameters=parameters,
        sounds=[_sound(setup, fit, index) for index in range(min(EXAMPLES, len(setup.examples)))],
        losses=_curve([one.loss for one in fit.iterations]),
        files=files,
    )
    return text


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(resource("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("fit.html.jinja")


def _sound(setup: Setup, fit: Fit, index: int) -> dict[str, Any]:
    """What the page shows of one example."""
    one, signals = setup.examples[index], fit.inspection
    assert signals is not None
    cut = slice(None, int(PLAYED_SECONDS * one.rate))
    output, target = signals.outputs[index][:, cut], signals.targets[index][:, cut]
    fed, residual = signals.inputs[index][:, cut], output - target
    peak = float(max(np.abs(output).max(initial=0), np.abs(target).max(initial=0))) or 1.0
    left = float(np.abs(residual).max(initial=0))
    players = [("input", fed)] if len(fed) else []
    players += [("target", target), ("result", output), ("residual", residual)]
    gains = {name: _gain(sound) for name, sound in players}
    # What is left over is played at the level of the result, then as loud as that.
    gains["residual"] = gains["result"]
    data = [{"name": n, "data": _flac(gains[n] * s, one.rate)} for n, s in players]
    louder = _gain(residual)
    if left and 1.5 * gains["result"] < louder < 1e4 * gains["result"]:
        by = 20 * np.log10(louder / gains["result"])
        name = f"residual, {by:.0f} dB louder"
        data.append({"name": name, "data": _flac(louder * residual, one.rate)})
    level = 20 * np.log10(left / peak) if left else -np.inf
    image, top = _spectrogram(residual[0])
    return {
        "name": one.target.path.name if len(setup.examples) > 1 else "Sound",
        "players": data,
        "loudness": "All are equally loud, but for the residual: it has the level of the result.",
        "target": _wave(target[0], peak, 160),
        "result": _wave(output[0], peak, 160),
        "residual": _wave(residual[0], left or 1.0, 90),
        "seconds": f"{output.shape[1] / one.rate:.2f}",
        "scale": f"its peak {level:.1f} dB below that of the sound" if left else "which is nothing",
        "spectrogram": image,
        "highest": f"{one.rate / 2000:g}",
        "levels": f"dark is {SPECTROGRAM_DEPTH:.0f} dB below bright ({top:.0f} dB)",
    }


def _gain(sound: Array) -> float:
    size = float(np.sqrt(np.mean(sound**2))) if sound.size else 0.0
    peak = float(np.abs(sound).max(initial=0.0))
    return min(PLAYED_LEVEL / size, 0.99 / peak) if size else 1.0


def _flac(sound: Array, rate: int) -> str:
    """A sound (channels, n) as FLAC of 16 bits, in base64; two channels at most."""
    import soundfile

    file = io.BytesIO()
    samples = np.clip(sound[:2].T, -1, 1)
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _wave(signal: Array, peak: float, height: int) -> str:
    """The path of a waveform: the least and the greatest sample of each column."""
    if not signal.size:
        return ""
    edges = np.linspace(0, len(signal), min(COLUMNS, len(signal)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(signal, edges), np.maximum.reduceat(signal, edges)
    x = np.linspace(0, 1000, len(edges))
    middle = height / 2
    above, below = middle - high / peak * middle * 0.96, middle - low / peak * middle * 0.96
    across = np.concatenate([x, x[::-1]])
    down = np.concatenate([above, below[::-1] + 0.5])
    points = np.stack([across, down], axis=1).reshape(-1).tolist()
    return "M" + "L".join(["%.1f %.1f"] * len(across)) % tuple(points) + "Z"


def _curve(losses: Sequence[float]) -> str:
    levels = np.log10(np.maximum([one if np.isfinite(one) else 1e30 for one in losses], 1e-300))
    levels = np.clip(levels, levels.min(), np.median(levels) + 12)
    span = float(levels.max() - levels.min()) or 1.0
    x = np.linspace(5, 995, len(levels)) if len(levels) > 1 else np.array([500.0])
    y = 8 + (levels.max() - levels) / span * 104
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{points}" + ("h1" if len(levels) == 1 else "")


def _spectrogram(signal: Array) -> tuple[str, float]:
    """A PNG in base64, and its highest level in dB relative to a sine of amplitude 1."""
    if len(signal) < WINDOW or not signal.any():
        return "", 0.0
    starts = np.linspace(0, len(signal) - WINDOW, min(SLICES, len(signal) // 64)).astype(int)
    pieces = signal[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(pieces)) ** 2 / (WINDOW / 4) ** 2
    # Four bins to a row of the image.
    power = power[:, :-1].reshape(len(starts), -1, 4).mean(axis=2)
    levels = 10 * np.log10(np.maximum(power, 1e-30))
    top = float(levels.max())
    values = np.clip(255 * (1 + (levels - top) / SPECTROGRAM_DEPTH), 0, 255).astype(np.uint8)
    image = indexed_png(np.ascontiguousarray(values.T[::-1]), colours())
    return base64.b64encode(image).decode("ascii"), top
