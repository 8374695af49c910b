"""The command `fit`: what it leaves, what it refuses, how it goes on."""

from __future__ import annotations

import csv
import json
import os
import pkgutil
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from faustdiff.autodiff import differentiate
from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler, find_compiler
from faustdiff.faust.program import build
from faustdiff.fitting import pool
from faustdiff.fitting.dual_runs import DualSource, Model
from support.fits import FOLDER, written
from support.paths import BUILD

pytestmark = pytest.mark.either_compiler

GAIN = """// A gain, and an offset.
gain = hslider("gain [diff:1]", 0.5, 0, 1, 0.001);
dc = hslider("dc [diff:1]", 0.25, -.5, .5, .001);
width = hslider("width", 0, 0, 1, 0.1);
process = _ * gain + dc + width;
"""
HIDDEN = {"gain": 0.8, "dc": -0.1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with gain.dsp, in.wav and out.wav, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    signal = rng.uniform(-0.5, 0.5, (1, 5000))
    (tmp_path / "gain.dsp").write_text(GAIN, encoding="utf-8")
    written(tmp_path / "in.wav", signal)
    written(tmp_path / "out.wav", HIDDEN["gain"] * signal + HIDDEN["dc"])
    return tmp_path


def run(*arguments: str) -> Result:
    # Wide enough that no table is cut.
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["fit", *arguments, "--jobs", "1"])


def fitted(*arguments: str, status: int = 0) -> Result:
    result = run("gain.dsp", "--input", "in.wav", "--target", "out.wav", *arguments)
    assert result.exit_code == status, result.output
    return result


def values(folder: Path, out: str = "gain.fit") -> dict[str, float]:
    content = json.loads((folder / out / "values.json").read_text(encoding="utf-8"))
    return {one["label"]: one["value"] for one in content["parameters"]}


def test_what_it_leaves(folder: Path, compiler: Compiler) -> None:
    result = fitted("--compiler", compiler.name)
    out = folder / "gain.fit"
    files = {"values.json", "iterations.csv", "report.html", "gain.dsp", "result.wav"}
    assert {one.name for one in out.iterdir()} == files
    assert {one.name for one in folder.iterdir()} == {"gain.dsp", "in.wav", "out.wav", "gain.fit"}
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-9)

    with (out / "iterations.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["gain"]) == pytest.approx(0.8, rel=1e-9)
    assert float(rows[0]["loss"]) > float(rows[-1]["loss"])
    # One pass goes before: for how the target lies against the output.
    assert [float(row["passes"]) for row in rows] == list(range(2, len(rows) + 2))

    program = (out / "gain.dsp").read_text(encoding="utf-8")
    assert program.startswith("// A gain, and an offset.\n")
    signal = soundfile.read(folder / "in.wav", always_2d=True)[0].T
    target = soundfile.read(folder / "out.wav", always_2d=True)[0].T
    assert build(program, compiler=compiler).run(signal) == pytest.approx(target, abs=1e-9)
    sound = soundfile.read(out / "result.wav", always_2d=True)[0].T
    assert sound == pytest.approx(target, abs=1e-7)  # floats of 32 bits

    report = (out / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:)", report)
    assert "http" not in report
    assert "data:image/png;base64," in report
    assert report.count("data:audio/flac;base64,") == 4
    fitted("--compiler", compiler.name, "--plot", "--no-report", "--out", "other")
    assert (folder / "other" / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "other" / "report.html").exists()
    assert "gain" in result.output
    assert "0.8" in result.output


@pytest.mark.parametrize(
    "options",
    [
        ("--optimizer", "lbfgs"),
        ("--optimizer", "adam", "--learning-rate", "0.02", "--passes", "400"),
        ("--optimizer", "adam", "--batch", "250", "--learning-rate", "0.005", "--passes", "60"),
        ("--optimizer", "sgd", "--passes", "400"),
        ("--optimizer", "sgd", "--batch", "250", "--learning-rate", "0.05", "--passes", "60"),
        ("--loss", "esr"),
        ("--loss", "mae"),
        ("--loss", "huber"),
        ("--loss", "esr", "--optimizer", "lbfgs"),
        ("--starts", "32"),
    ],
    ids=" ".join,
)
def test_optimizers_and_losses(folder: Path, options: tuple[str, ...]) -> None:
    fitted(*options)
    # Descent at a constant rate comes close and stays there.
    rate = 1e-2 if {"adam", "sgd"} & set(options) else 1e-5
    assert values(folder) == pytest.approx(HIDDEN, rel=rate)


def test_spectra_without_phases(folder: Path) -> None:
    """The spectral loss finds a filter; it cannot know a sign."""
    (folder / "filter.dsp").write_text(
        'import("stdfaust.lib");\n'
        'process = fi.lowpass(1, hslider("f [diff:1] [scale:log]", 1000, 50, 15000, 1))'
        ' : *(hslider("g [diff:1]", 0.5, 0.1, 2, 0.01));\n',
        encoding="utf-8",
    )
    (folder / "truth.dsp").write_text(
        'import("stdfaust.lib"); process = fi.lowpass(1, 3000) : *(0.9);', encoding="utf-8"
    )
    result = run("filter.dsp", "--input", "in.wav", "--ground-truth", "truth.dsp", "--loss", "stft")
    assert result.exit_code == 0, result.output
    assert values(folder, "filter.fit") == pytest.approx({"f": 3000, "g": 0.9}, rel=1e-4)


def test_several_examples_and_validation(folder: Path) -> None:
    """Two examples that each know one of the parameters; the validation is written down."""
    flat = np.full((1, 3000), 0.25)
    written(folder / "flat.wav", flat)
    written(folder / "flat.out.wav", HIDDEN["gain"] * flat + HIDDEN["dc"])
    fitted(
        "--input", "flat.wav", "--target", "flat.out.wav",
        "--validate-input", "flat.wav", "--validate-target", "flat.out.wav",
    )  # fmt: skip
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-9)
    assert {"result-1.wav", "result-2.wav"} < {p.name for p in (folder / "gain.fit").iterdir()}
    with (folder / "gain.fit" / "iterations.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["validation"]) < 1e-20


def test_patience_ends_a_search(folder: Path) -> None:
    """Validated on something else, Adam gets worse and stops."""
    written(folder / "other.wav", soundfile.read(folder / "in.wav")[0] * 0.5 + 0.25)
    result = fitted(
        "--optimizer", "adam", "--patience", "5",
        "--validate-input", "in.wav", "--validate-target", "other.wav", status=3,
    )  # fmt: skip
    assert "no improvement in 5 iterations" in result.output
    assert values(folder) == pytest.approx({"gain": 0.5, "dc": 0.25})


def test_settings(folder: Path) -> None:
    """`--set` moves the start of what is fitted, and what is not."""
    result = fitted("--param", "gain", "--set", "dc=-0.1", "--set", "gain=0.1")
    assert values(folder) == pytest.approx({"gain": 0.8}, rel=1e-9)
    program = (folder / "gain.fit" / "gain.dsp").read_text(encoding="utf-8")
    assert re.search(r'"dc \[diff:1\]", -0\.1,', program)
    assert " 0.1 " in result.output


def test_a_recording_of_a_folder_that_is_broken_is_left_out(folder: Path) -> None:
    """It is named, the others are fitted, and the status says so; with no other, nothing is."""
    signal = soundfile.read(folder / "in.wav")[0]
    (folder / "wet").mkdir()
    (folder / "wet" / "broken.wav").write_bytes(b"RIFF, but no more")
    arguments = ("gain.dsp", "--input", "in.wav", "--target", "wet", "--out", "o")
    alone = run(*arguments)
    assert alone.exit_code == 2
    assert "broken.wav" in alone.output
    assert not (folder / "o").exists()
    written(folder / "wet" / "good.wav", 0.3 * signal)
    result = run(*arguments)
    assert result.exit_code == 1
    assert "broken: " in result.output
    assert "fits.csv, and a folder for each of 1" in result.output
    content = json.loads((folder / "o" / "good" / "values.json").read_text(encoding="utf-8"))
    assert content["parameters"][0]["value"] == pytest.approx(0.3, rel=1e-9)


def test_a_folder_and_a_sweep(folder: Path) -> None:
    """One fit for each recording and each value, with a table of all."""
    signal = soundfile.read(folder / "in.wav")[0]
    (folder / "dry").mkdir()
    (folder / "wet").mkdir()
    for name, gain in (("a", 0.3), ("b", 0.9)):
        written(folder / "dry" / f"{name}.wav", signal)
        written(folder / "wet" / f"{name}.wav", gain * signal)
    result = run(
        "gain.dsp", "--input", "dry", "--target", "wet", "--sweep", "width=0,0.2", "--out", "o"
    )
    assert result.exit_code == 0, result.output
    with (folder / "o" / "fits.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    for name, gain in (("a", 0.3), ("b", 0.9)):
        for width in (0, 0.2):
            row = rows[f"{name}-width={width:g}"]
            assert float(row["gain"]) == pytest.approx(gain, rel=1e-9)
            assert float(row["dc"]) == pytest.approx(-width, abs=1e-9)
            program = (folder / "o" / row["name"] / "gain.dsp").read_text(encoding="utf-8")
            assert f'"width", {float(width)!r},' in program


def test_many_fits_in_processes(folder: Path) -> None:
    result = CliRunner().invoke(
        main,
        "fit gain.dsp --input in.wav --target out.wav --sweep width=0,0.1,0.2 --jobs 2".split(),
    )
    assert result.exit_code == 0, result.output
    with (folder / "gain.fit" / "fits.csv").open(encoding="utf-8") as file:
        found = [float(row["dc"]) for row in csv.DictReader(file)]
    assert found == pytest.approx([-0.1, -0.2, -0.3], rel=1e-6)


def test_a_cluster(folder: Path) -> None:
    """A race, and then a sweep, on two workers of a local Dask cluster."""
    try:
        import distributed
    except ImportError:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Dask is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        for options in (["--starts", "16"], ["--sweep", "width=0,0.1"]):
            result = CliRunner().invoke(
                main,
                [
                    *"fit gain.dsp --input in.wav --target out.wav --scheduler".split(),
                    cluster.scheduler_address,
                    *options,
                ],
            )
            assert result.exit_code == 0, result.output
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-6)
    assert values(folder, "gain.fit/width=0.1")["dc"] == pytest.approx(-0.2, rel=1e-6)


def test_resumed_adam_is_adam(folder: Path) -> None:
    """Ten steps and ten more are twenty."""
    options = ("--optimizer", "adam", "--checkpoint", "state.json", "--no-align")
    fitted(*options, "--passes", "21", status=3)
    expected = values(folder)
    fitted(*options, "--passes", "11", status=3)
    fitted(*options, "--passes", "22", "--resume", status=3)
    assert values(folder) == pytest.approx(expected, rel=1e-12)
    with (folder / "gain.fit" / "iterations.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 21


@pytest.mark.parametrize("optimizer", ["lm", "lbfgs", "sgd"])
def test_resumed_search_ends_where_it_would_have(folder: Path, optimizer: str) -> None:
    options = ("--optimizer", optimizer, "--checkpoint", "state.json")
    fitted(*options, "--passes", "3", status=3)
    assert values(folder) != pytest.approx(HIDDEN, rel=1e-6)
    fitted(*options, "--resume")
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-2 if optimizer == "sgd" else 1e-6)


def interrupting(monkeypatch: pytest.MonkeyPatch, place: str, after: int) -> None:
    """Ctrl-C, in place of the call of that number of a function."""
    module, name = place.rsplit(".", 1)
    owner = pkgutil.resolve_name(module)
    function, calls = getattr(owner, name), []

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == after:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, counted)


def test_interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the fourth pass: the best so far is written, and a checkpoint of it."""
    interrupting(monkeypatch, "faustdiff.fitting.dual_runs.Model.sums", 4)
    arguments = ("gain.dsp", "--input", "in.wav", "--target", "out.wav")
    result = run(*arguments, "--optimizer", "adam", "--checkpoint", "state.json")
    assert result.exit_code == 1
    assert "interrupted" in result.output
    with (folder / "gain.fit" / "iterations.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    best = min(rows, key=lambda row: float(row["loss"]))
    assert values(folder)["gain"] == float(best["gain"])
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    fitted("--optimizer", "adam", "--checkpoint", "state.json", "--resume")
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-2)


def test_interrupted_before_the_first_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {one.name for one in folder.iterdir()}
    interrupting(monkeypatch, "faustdiff.fitting.dual_runs.Model.sums", 1)
    result = run("gain.dsp", "--input", "in.wav", "--target", "out.wav", "--checkpoint", "s.json")
    assert result.exit_code == 1
    assert "nothing was fitted yet, nothing is written" in result.output
    assert {one.name for one in folder.iterdir()} == before


def test_an_interrupted_race_keeps_the_best_of_what_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second piece of work of the first round."""
    interrupting(monkeypatch, "faustdiff.fitting.searcher.improve_in_process", 2)
    result = run("gain.dsp", "--input", "in.wav", "--target", "out.wav", "--starts", "64")
    assert result.exit_code == 1
    assert "interrupted" in result.output
    with (folder / "gain.fit" / "iterations.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["stage"].startswith("race of 16 on ")
    assert values(folder)["gain"] == float(row["gain"])


def test_interrupted_among_many_fits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fitted until then is written, and nothing more is begun."""
    interrupting(monkeypatch, "faustdiff.fitting.dual_runs.Model.sums", 12)
    arguments = ("gain.dsp", "--input", "in.wav", "--target", "out.wav")
    result = run(*arguments, "--sweep", "width=0,0.1,0.2,0.3")
    assert result.exit_code == 1
    assert "width=0.3: interrupted before it was done" in result.output
    with (folder / "gain.fit" / "fits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert 1 <= len(rows) < 4
    assert float(rows[0]["dc"]) == pytest.approx(-0.1, rel=1e-6)


def test_interrupted_online(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupting(monkeypatch, "faustdiff.fitting.dual_runs.Model.compute", 4)
    result = run("gain.dsp", "--input", "in.wav", "--target", "out.wav", "--online")
    assert result.exit_code == 1
    assert "interrupted" in result.output
    lines = (folder / "gain.fit" / "online.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4  # with the head
    gain = lines[-1].split(",")[-2]
    assert f'"gain [diff:1]", {gain},' in (folder / "gain.fit" / "gain.dsp").read_text("utf-8")


REFUSED = {
    "is no checkpoint": ["--checkpoint", "gain.dsp", "--resume"],
    "--resume needs a file": ["--resume"],
    "--batch does not go with": ["--batch", "100"],
    "unknown control 'wdth'": ["--set", "wdth=1"],
    "there is no slider 'gian'": ["--param", "gian"],
    "is not NAME=VALUE": ["--set", "gain"],
    "'--set dc=nan' is not NAME=VALUE": ["--set", "dc=nan"],
    "'gain' is sought from": ["--set", "gain=99"],
    "which is fitted": ["--sweep", "gain=0,1"],
    "there are 2 inputs and 1 targets": ["--input", "in.wav"],
    "no Dask scheduler answers": ["--scheduler", "tcp://127.0.0.1:1"],
    "'wdth'": ["--sweep", "wdth=0,1"],
}


@pytest.mark.parametrize("what", REFUSED)
def test_options_that_cannot_be_used(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SCHEDULER_SECONDS", 0.5)
    before = {one: one.read_bytes() for one in folder.iterdir()}
    result = run("gain.dsp", "--input", "in.wav", "--target", "out.wav", *REFUSED[what])
    assert result.exit_code == 2
    assert what in result.output
    assert {one: one.read_bytes() for one in folder.iterdir()} == before


PROGRAMS = {
    "the output does not depend on 'b'": "process = *(g + (b > 2)) with { %s };",
    "'g', 'b' cannot be told apart": "process = *(g * b) with { %s };",
    "the program diverges": "process = + ~ *(3 + g + b) with { %s };",
    "cannot differentiate through": "process = *(g), b : ffunction(float nope(float, float), "
    '<math.h>, "") with { %s };',
    "undefined symbol": "process = nothing;",
}
SLIDERS = (
    'g = hslider("g [diff:1]", 0.5, 0, 1, 0.01); b = hslider("b [diff:1]", 0.5, 0.1, 1, 0.01);'
)


@pytest.mark.parametrize("what", PROGRAMS)
def test_programs_that_cannot_be_fitted(folder: Path, what: str) -> None:
    text = PROGRAMS[what]
    (folder / "bad.dsp").write_text(text % SLIDERS if "%s" in text else text, encoding="utf-8")
    result = run("bad.dsp", "--input", "in.wav", "--target", "out.wav")
    assert result.exit_code == 2
    assert what in result.output
    assert "Traceback" not in result.output
    assert not (folder / "bad.fit").exists()


def test_recordings_that_cannot_be_fitted(folder: Path) -> None:
    signal = soundfile.read(folder / "in.wav")[0]
    written(folder / "silence.wav", 0 * signal)
    (folder / "text.wav").write_text("no sound", encoding="utf-8")
    cases = {
        "not identifiable: the output does not depend on 'gain'": ("silence.wav", "out.wav"),
        "is silent": ("in.wav", "silence.wav"),
        "is no sound file": ("in.wav", "text.wav"),
        "there is no such file": ("in.wav", "nothing.wav"),
    }
    for what, (source, target) in cases.items():
        result = run("gain.dsp", "--input", source, "--target", target)
        assert result.exit_code == 2
        assert what in result.output
        assert not (folder / "gain.fit").exists()
    assert "the input is silent" in run(
        "gain.dsp", "--input", "silence.wav", "--target", "out.wav"
    ).output  # fmt: skip


def test_another_programs_sound_is_said_to_be_unexplained(folder: Path) -> None:
    signal = soundfile.read(folder / "in.wav")[0]
    written(folder / "out.wav", np.abs(signal) * signal)
    result = fitted(status=3)
    assert result.output.startswith("poor match: 6.2 % of the target's energy is not explained")
    assert "a nonlinearity that the program does not have" in result.output
    # No error bars where what is left over is structure.
    content = json.loads((folder / "gain.fit" / "values.json").read_text(encoding="utf-8"))
    assert [one["standard_error"] for one in content["parameters"]] == [None, None]
    assert fitted("--require", "-10dB").exit_code == 0
    fitted("--require", "-15", status=3)


def test_an_offset_hides_no_other_structure(folder: Path) -> None:
    signal = soundfile.read(folder / "in.wav")[0]
    written(folder / "out.wav", 0.5 * signal + 0.3 * np.abs(signal))
    only = ("--param", "gain")
    found = fitted(*only, status=3).output.splitlines()
    assert "constant offset" in found[1]
    assert any("a nonlinearity" in one and one.endswith("beside it") for one in found)
    written(folder / "out.wav", 0.5 * signal + 0.4)
    alone = fitted(*only, status=3).output
    assert "constant offset of 0.15: remove it" in alone
    assert "beside it" not in alone


def test_what_is_required_of_spectra_is_how_much_they_differ(folder: Path) -> None:
    signal = soundfile.read(folder / "in.wav")[0]
    written(folder / "out.wav", np.abs(signal) * signal)
    spectra = ("--loss", "stft", "--require")
    refused = fitted(*spectra, "-20dB", status=2)
    assert "is a level of samples, and spectra are compared" in refused.output
    assert "spectra differ by 0.83 dB" in fitted(*spectra, "0.5dB", status=3).output


def test_the_table_of_the_seed(folder: Path) -> None:
    """The rows that its document shows for `one_zero`, to the six digits of single precision."""
    arguments = [str(FOLDER / name) for name in ("one_zero.dsp", "ramp.dsp", "one_zero_truth.dsp")]
    result = run(
        arguments[0], "--input", arguments[1], "--ground-truth", arguments[2],
        "--online", "--seconds", "0.05", "--out", "o",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "Learnable parameter: b1, value: 0.5" in lines
    rows = [line.split() for line in lines if re.match(r" +\d+ ", line)]
    assert rows[0][3:] == ["0.000e+00", "-"]
    expected = [
        [-0.9990000129, -0.9990000129],
        [-1.9870100021, -1.4975000620, 0.2396199852, 0.5978040695],
        [-1.9850200415, -1.5936084986, 0.1532029957, 0.6759297848],
        [-1.9830299616, -1.6699019670, 0.0980491415, 0.7383674979],
        [-1.9810400009, -1.7304140329, 0.0628133789, 0.7882921696],
    ]
    for row, numbers in zip(rows, expected, strict=False):
        assert [float(cell) for cell in row[1 : 1 + len(numbers)]] == pytest.approx(
            numbers, abs=2e-6
        )
    assert float((folder / "o" / "online.csv").read_text().splitlines()[-1].split(",")[-1]) == (
        pytest.approx(0.99, rel=1e-3)
    )


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_gain_and_offset_online(folder: Path, loss: str) -> None:
    (folder / "truth.dsp").write_text("process = *(0.8) + (-0.1);", encoding="utf-8")
    rate = "0.1" if loss == "mse" else "0.001"
    result = run(
        "gain.dsp", "--input", "noise", "--ground-truth", "truth.dsp",
        "--online", "--loss", loss, "--learning-rate", rate, "--seconds", "0.2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    last = (folder / "gain.fit" / "online.csv").read_text(encoding="utf-8").splitlines()[-1]
    # The absolute value's gradient does not shrink: steps of the learning rate remain.
    assert [float(v) for v in last.split(",")[-2:]] == pytest.approx([0.8, -0.1], abs=2e-3)


def test_the_ground_truth_may_use_the_words_too(folder: Path) -> None:
    text = 'a = hslider("a", {}, 0, 1, 0.01); process = fad(_ * a, a);'
    for name, value in (("words.dsp", 0.5), ("truth.dsp", 0.75)):
        (folder / name).write_text(text.format(value), encoding="utf-8")
    given = ["--input", "noise", "--ground-truth", "truth.dsp", "--seconds", "0.2"]
    result = run("words.dsp", *given, "--fad", "--all", "-I", str(BUILD))
    assert result.exit_code == 0, result.output
    assert "0.75" in result.output


def test_neighbours_are_no_part_of_a_program(folder: Path) -> None:
    """What others write into the folder meanwhile is neither read nor waited for."""
    done = differentiate(GAIN, compiler=find_compiler(None))
    source = DualSource(
        done.text, done.params, done.inputs, done.outputs, find_compiler(None), (folder,)
    )
    cache = folder / "cache"
    Model(replace(source, cache=cache))
    before = {one.name for one in cache.iterdir()}
    (folder / "other.fit").mkdir()
    (folder / "other.fit" / "gain.dsp").write_text("process = _;", encoding="utf-8")
    (folder / "gone.dsp").symlink_to(folder / "nowhere.dsp")
    Model(replace(source, cache=cache))
    assert {one.name for one in cache.iterdir()} == before


def test_without_gpp(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without g++, the interpreter computes in single precision."""
    find_compiler("cyfaust")
    monkeypatch.setenv("PATH", "/nowhere")
    fitted()
    assert values(folder) == pytest.approx(HIDDEN, rel=1e-5)


SEEDS = {
    "gain": ("_*(gain)", {"gain": 0.8}),
    "gain and dc": ("_*gain,dc : +", {"gain": 0.8, "dc": -0.1}),
    "one zero": ("_ <: _, b1*mem : +", {"b1": 0.9}),
}


@pytest.mark.parametrize("name", SEEDS)
def test_the_programs_of_the_seed(folder: Path, name: str) -> None:
    """Those of its document are verified, and found from a program that makes the target."""
    process, hidden = SEEDS[name]
    sliders = "".join(f'{one} = hslider("{one} [diff:1]", 0.25, -.5, 1, .001);\n' for one in hidden)
    (folder / "diff.dsp").write_text(f"{sliders}process = {process};", encoding="utf-8")
    fixed = "".join(f"{one} = {value};\n" for one, value in hidden.items())
    (folder / "gt.dsp").write_text(f"{fixed}process = {process};", encoding="utf-8")
    result = CliRunner().invoke(main, ["verify", "diff.dsp", "--tolerance", "1e-6"])
    assert result.exit_code == 0, result.output
    result = run("diff.dsp", "--input", "noise", "--ground-truth", "gt.dsp")
    assert result.exit_code == 0, result.output
    assert values(folder, "diff.fit") == pytest.approx(hidden, rel=1e-9)
