"""Fits whose gradient comes from reverse mode: the same gradient, and many sliders."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faustdiff.autodiff import differentiate
from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler
from faustdiff.fitting.adjoint import greatest_curvature
from faustdiff.fitting.catalogue import LOSSES
from faustdiff.fitting.dual_runs import DualSource, Model
from faustdiff.fitting.gradients import derivatives
from faustdiff.fitting.pairing import pair
from faustdiff.recordings import open_recording
from support.fits import written

pytestmark = pytest.mark.either_compiler

FILTER = """import("stdfaust.lib");
process = fi.resonlp(hslider("f", 900, 100, 5000, 1), hslider("q", 2, 0.5, 9, 0.1), 1)
    : + ~ (@(30) : *(hslider("feedback", 0.4, 0, 0.9, 0.01)));
"""


def test_gradients_of_all_losses_are_those_of_forward_mode(
    compiler: Compiler, tmp_path: Path
) -> None:
    done = differentiate(FILTER, all_continuous=True, compiler=compiler)
    programs = reverse_programs(FILTER, all_continuous=True, compiler=compiler)
    source = DualSource(done.text, done.params, 1, 1, compiler, reverse=programs)
    rng, examples = np.random.default_rng(1), []
    for index, frames in enumerate((3000, 1700)):
        x, y = (written(tmp_path / f"{n}{index}.wav", rng.uniform(-1, 1, frames)) for n in "xy")
        examples.append(pair(open_recording(x), open_recording(y), 1, 1))
    model, values = Model(source), np.array([1200.0, 3.0, 0.5])
    # The program is mono: there is no difference of channels.
    chosen = {name: one for name, one in LOSSES.items() if name != "sumdiff"}
    losses = list(chosen.values())
    by_reverse = model.sums(values, examples, losses, curvature=False)
    model.adjoint = None
    by_forward = model.sums(values, examples, losses, curvature=False)
    for name, one, other in zip(chosen, by_reverse, by_forward, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-12), name
        assert one.error == pytest.approx(other.error, rel=1e-12), name
        np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-9, err_msg=name)


def run(folder: Path, *options: str) -> tuple[int, str]:
    arguments = ["fit", str(folder / "taps.dsp"), "--all", "--out", str(folder / "out")]
    arguments += ["--input", str(folder / "x.wav"), "--target", str(folder / "y.wav"), *options]
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_an_impulse_response_of_many_taps_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    taps = rng.normal(size=80) * np.exp(-np.arange(80) / 20)
    x = rng.uniform(-1, 1, 3000)
    written(tmp_path / "x.wav", x)
    written(tmp_path / "y.wav", np.convolve(x, taps)[:3000])
    text = 'process = _ <: sum(i, 80, @(i) * hslider("h%2i", 0, -4, 4, 0.0001));'
    (tmp_path / "taps.dsp").write_text(text)
    code, output = run(tmp_path, "--optimizer", "lbfgs")
    assert code == 0, output
    assert "gradients are by reverse mode" in output
    kept = json.loads((tmp_path / "out" / "values.json").read_text())
    found = np.array([one["value"] for one in kept["parameters"]])
    np.testing.assert_allclose(found, taps, atol=1e-5)
    code, output = run(tmp_path, "--gradient", "reverse")
    assert code == 2
    assert "use --optimizer lbfgs" in output


def test_the_cheaper_mode_is_chosen_and_said() -> None:
    few = 'process = fi.pole(hslider("pole", 0.5, 0, 0.9, 0.01));'
    taps = '_ <: sum(i, 20, @(i) * hslider("h%2i", 0.1, -4, 4, 0.0001))'
    many = f"process = {taps} : fi.lowpass(6, 1000);"
    for text, mode in ((few, "forward"), (many, "reverse")):
        source = 'import("stdfaust.lib");' + text
        found = derivatives(
            functools.partial(differentiate, source, all_continuous=True),
            functools.partial(reverse_programs, source, all_continuous=True),
            "auto",
            True,
            "program.dsp",
        )
        other = {"forward": "reverse", "reverse": "forward"}[mode]
        said = rf"{mode} mode, (\d+) operations per sample; {other} mode takes (\d+)"
        counted = re.fullmatch(said, found.gradient)
        assert counted, found.gradient
        cost, more = map(int, counted.groups())
        assert cost <= more
        assert (found.reverse is None) == (mode == "forward")


def test_the_greatest_curvature_of_a_quadratic_form() -> None:
    rng = np.random.default_rng(4)
    root = rng.normal(size=(12, 12))
    matrix = root @ root.T

    def gradient(at: np.ndarray) -> np.ndarray:
        return np.asarray(matrix @ at, float)

    at = rng.random(12)
    found = greatest_curvature(gradient, at, gradient(at))
    assert found == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=0.05)
