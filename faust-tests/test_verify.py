"""`faustdiff differentiate` and `faustdiff verify` as a user calls them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from faustdiff.autodiff import verification_report
from faustdiff.autodiff.differences import Array
from faustdiff.autodiff.partial_comparison import PartialComparison
from faustdiff.autodiff.trials import Trial
from faustdiff.autodiff.verification import VerificationReport
from faustdiff.autodiff.verification_report import MAX_PLOTTED, plot
from faustdiff.autodiff.vjp import VJP, Cotangents
from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.signals.sliders import Parameter

pytestmark = pytest.mark.either_compiler

FILTER = (
    'import("stdfaust.lib");'
    'process = *(hslider("gain [diff:1][unit:x]", 0.5, 0, 1, 0.01))'
    ' : fi.lowpass(2, hslider("cutoff [diff:on]", 1000, 20, 9000, 1))'
    ' <: _, *(hslider("depth", 0.2, 0, 1, 0.01));'
)
#: The rule says 0, the program is a staircase with steep risers at whole numbers.
STAIRCASE = 'process = *(hslider("g [diff:1]", 0.5, 0, 9, 0.01)) : *(1e6) : floor;'
#: The slope of the table is a useful answer, and not what differences show.
TABLE = 'import("stdfaust.lib"); process = os.osc(hslider("f [diff:1]", 440, 20, 900, 1));'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return written(tmp_path, FILTER)


def written(folder: Path, text: str) -> Path:
    path = folder / "filter.dsp"
    path.write_text(text, encoding="utf-8")
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def multiply_partials(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Makes `verify` meet partials that are wrong by a factor, of programs with one output."""
    right = Trial.run_dual

    def wrong(trial: Trial, settings: Mapping[str, float]) -> Array:
        signals = right(trial, settings)
        signals[1:] *= factor
        return signals

    monkeypatch.setattr(Trial, "run_dual", wrong)


def test_differentiate_writes_a_program_that_states_its_order(
    tmp_path: Path, program: Path, compiler: Compiler
) -> None:
    out = tmp_path / "out.dsp"
    result = call("differentiate", program, "-o", out, "--compiler", compiler.name)
    assert (result.exit_code, result.stderr) == (0, "")
    text = out.read_text(encoding="utf-8")
    head = text.split("declare")[0]
    assert head.index("/filter/gain") < head.index("/filter/cutoff")
    assert "depth" not in head
    assert str(tmp_path) not in text and "/usr" not in text
    made = build(text, compiler=compiler)
    assert (made.inputs, made.outputs) == (1, 6)
    assert [c.path for c in made.controls] == ["/filter/cutoff", "/filter/depth", "/filter/gain"]


def test_verify_finds_the_partials_right(tmp_path: Path, program: Path, compiler: Compiler) -> None:
    table, plot = tmp_path / "errors.csv", tmp_path / "errors.png"
    arguments = ["--compiler", compiler.name, "--csv", table, "--plot", plot, "--set", "depth=0.7"]
    result = call("verify", program, "--all", "--seconds", 0.1, *arguments)
    assert result.exit_code == 0, result.output
    assert "cutoff" in result.stdout and "agrees" in result.stdout
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(row["output"], row["parameter"]) for row in rows] == [
        (output, f"/filter/{name}") for output in "12" for name in ("gain", "cutoff", "depth")
    ]
    assert [float(row["at"]) for row in rows] == [0.5, 1000, 0.7] * 2
    assert [row["verdict"] for row in rows] == [*["agrees"] * 2, "no effect", *["agrees"] * 3]
    for row in rows:
        assert 0 <= float(row["relative_mean"]) <= float(row["relative_max"]) < 1e-8
        close = abs(float(row["partial"]) - float(row["difference"]))
        assert close == pytest.approx(float(row["absolute_max"]))
        assert row["unsettled"] == "0"
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("source", ["impulse", "sine", "sweep"])
def test_verify_is_fed_by_name(program: Path, source: str) -> None:
    result = call("verify", program, "--input", source, "--seconds", 0.05, "--rate", 48000)
    assert result.exit_code == 0, result.output


def test_verify_is_fed_by_a_recording(tmp_path: Path, program: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, np.random.default_rng(0).uniform(-1, 1, 3000), 22050, "PCM_16")
    result = call("verify", program, "--input", file)
    assert result.exit_code == 0, result.output


def test_verify_does_not_pass_what_differences_do_not_show(tmp_path: Path) -> None:
    result = call("verify", written(tmp_path, STAIRCASE), "--seconds", 0.05)
    assert result.exit_code == 1
    assert "undecided" in result.stdout
    assert "a staircase: 'floor'" in " ".join(result.stdout.split())


def test_the_slope_of_a_table_is_a_choice_that_is_said(tmp_path: Path) -> None:
    program = written(tmp_path, TABLE)
    result = call("verify", program, "--seconds", 0.05)
    assert result.exit_code == 1
    assert "1 table is read at whole places" in result.stdout
    assert "slope of the content is taken" in " ".join(result.stdout.split())
    zero = call("verify", program, "--seconds", 0.05, "--table-slope", "none")
    assert "differs" not in zero.stdout
    assert "its derivative is 0" in " ".join(zero.stdout.split())


def test_a_plain_lookup_is_the_staircase_that_it_is(tmp_path: Path) -> None:
    slider = 'hslider("p [diff:1]", 3.3, 0, 8, 0.1)'
    text = f"process = rdtable(9, float(9 - (+(1) ~ _)), int({slider}));"
    result = call("verify", written(tmp_path, text), "--seconds", 0.01)
    assert result.exit_code == 0, result.output
    sloped = call("verify", written(tmp_path, text), "--seconds", 0.01, "--table-slope", "all")
    assert sloped.exit_code == 1 and "differs" in sloped.stdout


def test_a_slider_at_a_kink_has_one_of_both_slopes(tmp_path: Path) -> None:
    program = written(tmp_path, 'process = _ * abs(hslider("g [diff:1]", 0, -1, 1, 0.01));')
    result = call("verify", program, "--seconds", 0.01)
    assert result.exit_code == 0, result.output
    assert "agrees" in result.stdout


def test_kinks_that_cancel_leave_a_slope(tmp_path: Path, compiler: Compiler) -> None:
    """A function of the libraries that is smooth at 0 dB, put together from abs and select2."""
    text = 'fi = library("filters.lib"); g = hslider("g [diff:1]", 0, -20, 20, 0.1);'
    for section in ("peak_eq(g, 1000, 100)", "peak_eq_cq(g, 800, 3)"):
        program = written(tmp_path, f"{text} process = fi.{section};")
        table = tmp_path / "errors.csv"
        arguments = ["--seconds", 0.05, "--compiler", compiler.name, "--csv", table]
        result = call("verify", program, *arguments)
        assert result.exit_code == 0, result.output
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert row["verdict"] == "agrees"


def test_what_a_bypass_or_a_mute_hides_is_compared(tmp_path: Path) -> None:
    """With gates held, and a checkbox that is none: it silences what `--buttons` holds."""
    gain = 'hslider("gain [diff:1]", 0.5, 0, 1, 0.01)'
    played = f'_ * button("gate") <: _, *({gain}) : select2(1 - checkbox("bypass"));'
    muted = f'_ * {gain} * (1 - checkbox("mute"));'
    for text, options in ((played, ()), (played, ("--buttons",)), (muted, ("--buttons",))):
        program = written(tmp_path, f"process = {text}")
        result = call("verify", program, "--seconds", 0.01, *options)
        assert result.exit_code == 0, result.output
        assert "agrees" in result.stdout, (text, options)
    asked = call("verify", program, "--buttons", "--set", "mute=1", "--seconds", 0.01)
    assert "agrees" not in asked.stdout


def test_a_sound_stands_in_for_sound_files(tmp_path: Path, compiler: Compiler) -> None:
    """In both modes; a program that is read by real places has a slope by its speed."""
    text = (
        'import("stdfaust.lib"); sound = soundfile("voice [url:{\'a.wav\'}]", 1);'
        ' speed = hslider("speed", 0.7, 0.1, 2, 0.01); place = speed * ba.time % 1000 : float;'
        " read(place) = 0, int(place) : sound : !, !, _;"
        " process = it.interpolate_linear(ma.frac(place), read(place), read(place + 1))"
        ' * hslider("gain", 0.5, 0, 1, 0.01);'
    )
    program = written(tmp_path, text)
    options = ["--all", "--seconds", 0.01, "--reverse", "--compiler", compiler.name]
    result = call("verify", program, *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("agrees") == 4 and "no effect" not in result.stdout
    assert "two sines stand in for voice" in result.stdout


def test_a_slider_that_is_a_switch_or_a_choice_is_moved_too(tmp_path: Path) -> None:
    """What it lets through has an effect: between its steps it is as if it were off."""
    switch, choice = 'vslider("on", 0, 0, 1, 1)', 'nentry("kind[style:menu]", 0, 0, 2, 1)'
    for control, value in ((f"int({switch})", 1), (f"({choice} == 2)", 2)):
        program = written(
            tmp_path, f'process = _ * {control} * hslider("gain [diff:1]", 1, 0, 2, 0.1);'
        )
        table = tmp_path / "errors.csv"
        result = call("verify", program, "--seconds", 0.01, "--csv", table)
        assert result.exit_code == 0, result.output
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert row["verdict"] == "agrees", control
        assert f"={value}" in result.stdout


def test_a_slider_without_effect_is_compared_where_it_acts(tmp_path: Path) -> None:
    text = (
        'process = _ * hslider("gain", 0.5, 0, 1, 0.01) * button("gate")'
        ' * max(0.2, hslider("level", 0.1, 0, 1, 0.01));'
    )
    program = written(tmp_path, text)
    result = call("verify", program, "--all", "--seconds", 0.01)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "without effect where asked: gain; compared at /filter/gate=1" in shown.replace(
        "/program/", "/filter/"
    )
    held = call("verify", program, "--param", "gain", "--buttons", "--seconds", 0.01)
    assert "agrees" in held.stdout and "without effect" not in held.stdout


#: An instrument: what is on or off, and what is chosen, has no derivative.
INSTRUMENT = """
declare options "[midi:on][nvoices:8]";
// effect = not this one;
wave = nentry("wave [style:menu{'sum':0;'tanh':1}]", 0, 0, 1, 1);
tone(x) = select2(wave, x + x', ma.tanh(x)) with { ma = library("maths.lib"); };
process = tone(hslider("gain", 0.5, 0, 1, 0.01) * _) * (button("gate") + checkbox("hold")) <: _, _;
effect = _, _;
"""


def test_what_has_no_derivative_is_named(tmp_path: Path) -> None:
    program = written(tmp_path, INSTRUMENT)
    result = call("differentiate", program, "--all", "-o", tmp_path / "out.dsp")
    assert result.exit_code == 0, result.output
    said = result.output.splitlines()
    assert "one of 8 voices is differentiated; 'effect' is a program of its own" in said
    assert "without derivatives: wave (a choice), gate (a button), hold (a checkbox)" in said


def test_a_button_is_refused_as_one(tmp_path: Path) -> None:
    program = written(tmp_path, INSTRUMENT)
    for name, kind in (("gate", "button"), ("hold", "checkbox")):
        result = call("verify", program, "--param", name)
        assert result.exit_code == 2
        assert f"'{name}' is a {kind}, which is on or off" in result.stderr
    marked = written(tmp_path, 'process = _ * button("gate [diff:1]");')
    for mode in ([], ["--mode", "reverse"]):
        result = call("differentiate", marked, "-o", tmp_path / "out.dsp", *mode)
        assert result.exit_code == 2 and "'gate' is a button" in result.stderr


def test_a_choice_is_flat_and_not_without_effect(tmp_path: Path) -> None:
    result = call(
        "verify", written(tmp_path, INSTRUMENT), "--param", "wave", "--buttons", "--seconds", 0.01
    )
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "flat here; acts" in shown
    assert "no effect" not in shown


def test_an_effect_is_one_of_each_output(tmp_path: Path) -> None:
    """One slider acts on the first output alone, by a staircase; the other one on none."""
    text = (
        'process = _ * int(hslider("steps", 1.5, 0, 9, 0.01)),'
        ' _ + 0 * hslider("idle", 1, 0, 9, 1) * hslider("idle", 1, 0, 9, 1)\';'
    )
    table = tmp_path / "errors.csv"
    program = written(tmp_path, text)
    result = call("verify", program, "--param", "steps", "--seconds", 0.01, "--csv", table)
    assert result.exit_code == 0, result.output
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert [row["verdict"] for row in rows] == ["agrees", "no effect"]


def test_a_partial_that_is_0_where_the_slider_acts_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a gate, which is closed at first, so that partial and difference are 0 there."""
    multiply_partials(monkeypatch, 0)
    text = 'process = _ * hslider("gain", 0.5, 0, 1, 0.01) * button("gate");'
    result = call("verify", written(tmp_path, text), "--all", "--seconds", 0.01)
    assert result.exit_code == 1
    assert "differs" in result.stdout


def test_reverse_mode_is_a_second_opinion(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["verify", program, "--all", "--seconds", 0.05, "--set", "gain=0.7", "--reverse"]
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("reverse mode agrees") == 3
    refused = call(*arguments, "--table-slope", "none")
    assert refused.exit_code == 2 and "--reverse" in refused.stderr

    def wrong(*given: Any, **options: Any) -> Cotangents:
        cotangents = right(*given, **options)
        return replace(cotangents, sliders={k: 1.001 * v for k, v in cotangents.sliders.items()})

    right = VJP.backward
    monkeypatch.setattr(VJP, "backward", wrong)
    result = call(*arguments)
    assert result.exit_code == 1
    assert result.stdout.count("reverse mode differs") == 3
    assert result.stdout.count("to 1.0e-03") >= 1


def test_reverse_mode_is_compared_where_a_slider_acts(tmp_path: Path) -> None:
    program = written(tmp_path, INSTRUMENT)
    result = call("verify", program, "--all", "--seconds", 0.01, "--reverse")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "reverse mode agrees by gain" in shown
    assert "without effect where asked: gain" in shown


#: An oscillator so slow that its table stands still at most samples, and a smooth gain beside it.
SLOW = """
import("stdfaust.lib");
f = hslider("f [diff:1]", 0.05, 0.005, 0.2, 0.005);
process = os.osc(f) * exp(f * ba.time / 1e4);
"""


def test_the_slope_of_a_table_alone_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the steps of a table the difference is that of the rest, which has to be right."""
    program = written(tmp_path, SLOW)
    result = call("verify", program, "--seconds", 0.1)
    assert result.exit_code == 1
    assert "undecided" in result.stdout and "off by the slope" in result.stdout
    assert call("verify", program, "--seconds", 0.1, "--table-slope", "none").exit_code == 0
    multiply_partials(monkeypatch, 1.001)
    assert "differs" in call("verify", program, "--seconds", 0.1).stdout


def test_the_slope_of_a_delay_of_whole_samples_is_no_difference(tmp_path: Path) -> None:
    delay, gain = (f'hslider("{name} [diff:1]", 7.4, 0, 20, 0.1)' for name in "dg")
    text = f"process = _ @ {delay} * {gain};"
    table = tmp_path / "errors.csv"
    result = call("verify", written(tmp_path, text), "--seconds", 0.01, "--csv", table)
    assert result.exit_code == 1
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert [row["verdict"] for row in rows] == ["undecided", "agrees"]


#: A delay that moves slowly across whole samples, where its interpolation has kinks, with feedback
#: that keeps what it was; the smoothing's pole, 1e-5 below 1, is known to few digits of that.
ECHO = """
import("stdfaust.lib");
time = hslider("time", 0.45, 0, 0.7, 0.001) * ma.SR;
slow = hslider("slow", 13.28, 0, 100, 0.001);
moving = time : si.smooth(exp(-6.91 / (slow * ma.SR)));
process = + ~ (de.fdelay(32768, moving) : *(0.5));
"""


def test_a_delay_that_moves_across_kinks_does_not_differ(tmp_path: Path) -> None:
    result = call("verify", written(tmp_path, ECHO), "--all", "--tolerance", "1e-6")
    assert "differs" not in result.stdout
    assert result.stdout.count("agrees") == 2


def test_a_wrong_partial_across_kinks_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same delay, with partials that are a thousandth too large."""
    multiply_partials(monkeypatch, 1.001)
    result = call("verify", written(tmp_path, ECHO), "--all")
    assert result.exit_code == 1
    assert result.stdout.count("differs") == 2


def test_a_phase_that_moves_fast_takes_a_smaller_step(tmp_path: Path) -> None:
    text = 'process = (+(1) ~ _) * 0.2 * hslider("f [diff:1]", 0.5, 0, 1, 0.01) : sin;'
    result = call("verify", written(tmp_path, text), "--seconds", 0.25)
    assert result.exit_code == 0, result.output
    assert "unsettled" not in result.stdout


BAD = {
    "unknown slider": (["--param", "gian"], "did you mean 'gain'"),
    "unknown slider to set": (["--set", "cutof=3"], "unknown control 'cutof'"),
    "no number": (["--set", "cutoff=high"], "is not NAME=VALUE"),
    "no such input": (["--input", "nothing.wav"], "there is no such file"),
    "two channels": (["--input", "two.wav"], "has 3 channels, the program has 1 inputs"),
    "rate": (["--input", "one.wav", "--rate", "8000"], "22050 Hz, not 8000 Hz"),
    "not finite": (["--input", "nan.wav"], "not finite at sample 3"),
    "text": (["--input", "text.wav"], "is no sound file"),
    "empty": (["--input", "empty.wav"], "has no samples"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_of_verify(
    tmp_path: Path, program: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("one.wav", np.zeros(9), 22050, "PCM_16")
    soundfile.write("two.wav", np.zeros((9, 3)), 22050, "PCM_16")
    soundfile.write("nan.wav", np.array([0, 0, 0, np.nan]), 22050, "FLOAT")
    soundfile.write("empty.wav", np.zeros(0), 22050, "PCM_16")
    Path("text.wav").write_text("no sound", encoding="utf-8")
    arguments, message = BAD[case]
    result = call("verify", program, *arguments, "--csv", "out.csv")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("out.csv").exists()


def test_a_program_that_does_not_compile_shows_what_the_compiler_says(
    tmp_path: Path, compiler: Compiler
) -> None:
    out = tmp_path / "out.dsp"
    arguments = ["-o", out, "--compiler", compiler.name]
    program = written(tmp_path, "process =\nnothing;")
    result = call("differentiate", program, *arguments)
    assert result.exit_code == 2
    assert f"{program}:2 : ERROR : undefined symbol : nothing" in result.stderr
    assert compiler.name in result.stderr
    assert not out.exists()


def test_differentiate_leaves_the_old_file_if_there_is_nothing_to_do(tmp_path: Path) -> None:
    out = tmp_path / "out.dsp"
    out.write_text("old", encoding="utf-8")
    program = written(tmp_path, 'process = *(hslider("gain", 0.5, 0, 1, 0.01));')
    result = call("differentiate", program, "-o", out)
    assert result.exit_code == 2
    assert "no slider is marked" in result.stderr and "'gain'" in result.stderr
    assert out.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filter.dsp", "out.dsp"]


def test_a_missing_program_is_a_usage_error(tmp_path: Path) -> None:
    result = call("differentiate", tmp_path / "none.dsp", "-o", tmp_path / "out.dsp")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


OWN_ROW = """
primitives:
  - name: own
    faust: ffunction(float cosh(float), <math.h>, "")
    kind: smooth
    section: Mine
    args: [x]
    value: cosh(x)
    partials: {x: sinh(x)}
    samples: {x: [-2, 2]}
    summary: Mine.
"""


def test_a_foreign_function_of_the_users_own_is_differentiated_by_the_users_row(
    tmp_path: Path, compiler: Compiler
) -> None:
    # Declared without the name for long doubles, so that it is not the function of maths.lib.
    function = 'ffunction(float cosh(float), <math.h>, "")'
    text = f'process = *(hslider("g [diff:1]", 0.5, 0, 1, 0.01)) : {function};'
    program, rows = written(tmp_path, text), tmp_path / "own.yaml"
    rows.write_text(OWN_ROW, encoding="utf-8")
    arguments = ["verify", program, "--seconds", 0.05, "--compiler", compiler.name]
    without = call(*arguments)
    assert without.exit_code == 2
    assert "there is no derivative rule" in without.stderr
    assert "--extend" in without.stderr
    assert call(*arguments, "--extend", rows).exit_code == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("most", [4, pytest.param(MAX_PLOTTED, marks=pytest.mark.slow)])
def test_a_plot_of_anything_is_drawn_without_a_warning(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels that are no formula or have no glyph, infinite errors, too many for a page."""
    monkeypatch.setattr(verification_report, "MAX_PLOTTED", most)
    labels = ["$_$", "\N{KATAKANA LETTER A}", *(f"g{i}" for i in range(most))]
    right, bound = np.linspace(0.0, 1.0, 9), np.zeros(9)
    for first, shown in ((0.0, 1), (np.inf, 3), (1.0, len(labels))):
        partial = np.array([first, *right[1:]])
        sliders = [Parameter(one, f"/{one}", "hslider", 0, 0, 1, 0.1) for one in labels[:shown]]
        comparisons = [PartialComparison(0, one, 0.0, partial, right, bound) for one in sliders]
        report = VerificationReport("x", tuple(comparisons), right[None], 44100, 1e-30)
        assert plot(report).startswith(b"\x89PNG")


def test_a_partial_of_rounding_alone_is_not_wrong(tmp_path: Path, compiler: Compiler) -> None:
    """Where terms cancel, the output may show nothing of it; a small derivative is still one."""
    text = 'x = hslider("x", 0.58141, 0.1, 1, 0.00001); process = *(log(exp(x)) - x), *(1e-20 * x);'
    table = tmp_path / "errors.csv"
    path = written(tmp_path, text)
    result = call("verify", path, "--all", "--csv", table, "--compiler", compiler.name)
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert result.exit_code == 0, result.output
    assert rows[-1]["verdict"] == "agrees"


def test_a_wrong_partial_of_a_small_derivative_differs(
    tmp_path: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply_partials(monkeypatch, 1.001)
    path = written(tmp_path, 'process = *(1e-20 * hslider("x", 0.5, 0.1, 1, 0.001));')
    result = call("verify", path, "--all", "--compiler", compiler.name)
    assert (result.exit_code, "differs" in result.stdout) == (1, True)
