"""The folder that a fit leaves: all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import replacing
from ..recordings import write_new_audio
from .dual_runs import model_of
from .fit import Fit
from .pairing import Array
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
    sounds = _sound_names(len(setup.examples))
    contents = {
        "values.json": values_json(setup, fit).encode(),
        "iterations.csv": iterations_csv(fit).encode(),
        f"{name}.dsp": program.text.encode(),
    }
    files = [*contents, *sounds]
    if extras.plot:
        from .plots import plot

        contents["fit.png"] = plot(setup, fit)
        files.append("fit.png")
    if extras.report:
        from .report_page import report_page

        contents["report.html"] = report_page(setup, fit, name, files).encode()
        files.append("report.html")
    with _folder(out), ExitStack() as stack:
        # Each stands beside its place until all are whole.
        new = {file: stack.enter_context(replacing(out / file)) for file in files}
        for file, content in contents.items():
            new[file].write_bytes(content)
        for index, sound in enumerate(sounds):
            one = setup.examples[index]
            write_new_audio(new[sound], _result(fit, index), setup.source.outputs, one.rate)
    return WrittenFiles(tuple(out / file for file in files), program.own)


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """A folder, which is there afterwards if the block does not fail, or if it was."""
    before = out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not before:
            out.rmdir()
        raise


def _result(fit: Fit, index: int) -> Iterator[Array]:
    """The output of an example (outputs, n), block by block: as inspected, if that was all."""
    one, inspection = fit.setup.examples[index], fit.inspection
    if inspection is not None and not any(one.band for one in fit.setup.examples):
        output = inspection.outputs[index]
        if output.shape[1] == one.frames:
            yield output
            return
    for output, *_ in model_of(fit.setup.source).runs(np.array(fit.values), one):
        yield output


def _sound_names(count: int) -> list[str]:
    return ["result.wav"] if count == 1 else [f"result-{i + 1}.wav" for i in range(count)]
