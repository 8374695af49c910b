"""The folder that a fit leaves: all of it or nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import replacing
from ..recordings import write_audio
from .dual_runs import model_of
from .fit import Fit
from .report import iterations_csv, values_json
from .subject import Subject


@dataclass(frozen=True)
class ExtraFiles:
    """What a folder has besides values, iterations, program and sound."""

    report: bool = True
    plot: bool = False


@dataclass(frozen=True)
class WrittenFiles:
    """The files that a folder has got; `own` says whether the program is the user's text."""

    files: tuple[Path, ...]
    own: bool


def write_results(out: Path, subject: Subject, fit: Fit, extras: ExtraFiles) -> WrittenFiles:
    """Writes values, iterations, program and sound into `out`, and what `extras` asks for.

    Files of other names stay, and links are followed. Raises OSError.
    """
    setup, name = fit.setup, subject.name
    program = subject.with_initial_values(setup, fit.values)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as folder:
        new = Path(folder)
        sounds = _sound_names(len(setup.examples))
        for one, sound in zip(setup.examples, sounds, strict=True):
            blocks = (part for part, *_ in model_of(setup.source).runs(np.array(fit.values), one))
            write_audio(new / sound, blocks, setup.source.outputs, one.rate)
        texts = {
            "values.json": values_json(setup, fit),
            "iterations.csv": iterations_csv(fit),
            f"{name}.dsp": program.text,
        }
        files = [*texts, *sounds]
        if extras.plot:
            from .plots import plot

            (new / "fit.png").write_bytes(plot(setup, fit))
            files.append("fit.png")
        if extras.report:
            from .report_page import report_page

            texts["report.html"] = report_page(setup, fit, name, files)
            files.append("report.html")
        for file, text in texts.items():
            (new / file).write_text(text, encoding="utf-8")
        return WrittenFiles(tuple(_move_into_place(new, out, files)), program.own)


def _move_into_place(new: Path, out: Path, files: Sequence[str]) -> list[Path]:
    out.mkdir(exist_ok=True)
    for file in files:
        with replacing(out / file) as place:
            place.write_bytes((new / file).read_bytes())
    return [out / file for file in files]


def _sound_names(count: int) -> list[str]:
    return ["result.wav"] if count == 1 else [f"result-{i + 1}.wav" for i in range(count)]
