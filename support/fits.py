"""Programs, examples and calls that the tests of `fit` share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.fitting.dual_runs import DualSource
from faustdiff.fitting.fit import Fit
from faustdiff.fitting.pairing import pair
from faustdiff.fitting.setup import Setup
from faustdiff.recordings import open_recording
from support.paths import BUILD

RATE = 44100
FOLDER = BUILD.parent / "examples" / "fit"


def _made() -> Any:
    """The script of the examples, as a module."""
    spec = importlib.util.spec_from_file_location("make_wavs", FOLDER / "make_wavs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_wavs"] = module
    spec.loader.exec_module(module)
    return module


EXAMPLES = {one.name: one for one in _made().EXAMPLES}


def errors(one: Any, problem: Setup, found: Fit) -> list[float]:
    """The relative error of each parameter that was hidden in the example `one`."""
    assert sorted(problem.labels) == sorted(one.hidden)
    pairs = zip(problem.labels, found.values, strict=True)
    return [abs(value / one.hidden[label] - 1) for label, value in pairs]


def written(path: Path, signal: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, np.atleast_2d(signal).T, rate, subtype="DOUBLE")
    return path


def setup(
    folder: Path,
    text: str,
    compiler: Compiler,
    target: np.ndarray,
    given: np.ndarray | None = None,
    loss: str = "mse",
) -> Setup:
    """The sliders of `text` that are marked, to be fitted to `target` (outputs, frames)."""
    done = differentiate(text, compiler=compiler)
    source = DualSource(done.text, done.params, done.inputs, done.outputs, compiler)
    goal = open_recording(written(folder / "target.wav", target))
    feed = None if given is None else open_recording(written(folder / "input.wav", given))
    return Setup(source, (pair(feed, goal, done.inputs, done.outputs),), loss)
