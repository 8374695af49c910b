"""The folder that a fit leaves: all of it or nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..recordings import write_audio
from ..signals.initial_values import Frozen
from .fit import Fit
from .report import Listener, html, iterations_csv, plot, values_json
from .setup import Setup


def write_results(out: Path, setup: Setup, fit: Fit, frozen: Frozen, name: str) -> list[Path]:
    """Writes values, iterations, plot, report, program and sound into `out`.

    Files of other names stay. Raises OSError.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as folder:
        new = Path(folder)
        listener = Listener(setup, fit.values)
        sounds = _sound_names(len(setup.examples))
        for one, sound in zip(setup.examples, sounds, strict=True):
            channels, rate = setup.source.outputs, one.rate
            write_audio(new / sound, listener.blocks(one), channels, rate)
        image = plot(setup, fit, listener.spectra())
        program = f"{name}.dsp"
        texts = {
            "values.json": values_json(setup, fit),
            "iterations.csv": iterations_csv(fit),
            program: frozen.text,
        }
        files = [*texts, "fit.png", *sounds]
        texts["report.html"] = html(setup, fit, image, name, files)
        for file, text in texts.items():
            (new / file).write_text(text, encoding="utf-8")
        (new / "fit.png").write_bytes(image)
        return _moved(new, out, [*files, "report.html"])


def _moved(new: Path, out: Path, files: Sequence[str]) -> list[Path]:
    out.mkdir(exist_ok=True)
    return [Path(shutil.move(new / file, out / file)) for file in files]


def _sound_names(count: int) -> list[str]:
    return ["result.wav"] if count == 1 else [f"result-{i + 1}.wav" for i in range(count)]
