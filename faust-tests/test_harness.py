"""Programs run by the harness do what their Faust text says, with both compilers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faustdiff.faust.compilers import (
    Compiler,
    EmbeddedFaust,
    FaustError,
    SystemFaust,
    available_compilers,
    call,
    find_compiler,
)
from faustdiff.faust.program import Interpreter, Program, build, compile_cpp

pytestmark = pytest.mark.each_compiler

NOISE = np.random.default_rng(1).standard_normal((2, 1000))

COUNTER = "process = 1 : + ~ _;"

WIDGETS = """
process = vgroup("synth", *(hslider("gain[unit:dB]", 2, 0, 10, 0.5)) + nentry("offset", 0, -1, 1, 1)
    + checkbox("on") + button("a / b") : hbargraph("level", -3, 3));
"""


@pytest.fixture
def no_system_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PATH without faust and g++."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FAUSTDIFF_COMPILER", raising=False)


@pytest.fixture
def cyfaust() -> Compiler:
    return pytest.importorskip("cyfaust") and EmbeddedFaust()


# -- running -------------------------------------------------------------------------------------


def test_gain_on_an_array(build_program: Any, double: bool) -> None:
    program = build_program("process = *(0.5);", double=double)
    assert (program.inputs, program.outputs) == (1, 1)
    y = program.run(NOISE[0])
    assert y.dtype == program.dtype == (np.float64 if double else np.float32)
    np.testing.assert_array_equal(y, 0.5 * NOISE[:1].astype(y.dtype))


def test_channels_keep_their_order(build_program: Any, double: bool) -> None:
    program = build_program("process(l, r) = r, -l;", double=double)
    y = program.run(NOISE, block=64)
    np.testing.assert_array_equal(y, np.array([NOISE[1], -NOISE[0]], y.dtype))


def test_state_lasts_over_blocks_and_starts_fresh_in_each_run(
    build_program: Any, double: bool
) -> None:
    program = build_program(COUNTER, double=double)
    for block in (1, 7, 4096):
        np.testing.assert_array_equal(program.run(frames=100, block=block), [np.arange(1, 101)])


def test_session_keeps_its_state(build_program: Any, double: bool) -> None:
    program = build_program(COUNTER, double=double)
    session, other = program.session(), program.session()
    np.testing.assert_array_equal(session.compute(frames=3), [[1, 2, 3]])
    np.testing.assert_array_equal(session.compute(frames=2), [[4, 5]])
    np.testing.assert_array_equal(other.compute(frames=1), [[1]])


def test_programs_do_not_share_symbols(build_program: Any, double: bool) -> None:
    sources = ("process = waveform{1, 2, 3};", "process = waveform{7, 8};")
    first, second = [build_program(s, double=double) for s in sources]
    assert first.run(frames=2)[:, -1].tolist() == [3, 2]
    assert second.run(frames=2)[:, -1].tolist() == [2, 8]


def test_sample_rate_reaches_the_program(build_program: Any, double: bool) -> None:
    program = build_program('import("stdfaust.lib"); process = ma.SR;', double=double)
    assert program.run(frames=1, sample_rate=96000) == 96000


def test_nan_and_infinity_pass_unchanged(build_program: Any, double: bool) -> None:
    x = np.array([[np.nan, np.inf, -np.inf, -0.0, 1.0]])
    y = build_program("process = _;", double=double).run(x)
    np.testing.assert_array_equal(y, x)
    assert np.signbit(y[0, 3])


def test_libraries_and_their_foreign_functions(build_program: Any, double: bool) -> None:
    program = build_program(
        'import("stdfaust.lib"); process = _ <: ma.tanh, ma.isnan, os.osc(0);', double=double
    )
    y = program.run([[0.5, np.nan]])
    np.testing.assert_allclose(y[0], np.tanh([0.5, np.nan]), rtol=1e-6)
    np.testing.assert_array_equal(y[1:], [[0, 1], [0, 0]])


def test_missing_sound_is_silence(build_program: Any, double: bool) -> None:
    program = build_program(
        "process = 0, 5 : soundfile(\"s[url:{'none.wav'}]\", 1);", double=double
    )
    assert program.run(frames=1).ravel().tolist() == [1024, 44100, 0]


def test_foreign_function_from_an_include_folder(build_program: Any, tmp_path: Path) -> None:
    (tmp_path / "half.h").write_text("inline double half(double x) { return x / 2; }\n")
    (tmp_path / "half.lib").write_text('half = ffunction(float half(float), "half.h", "");\n')
    program = build_program('import("half.lib"); process = half;', include=[tmp_path])
    assert program.run([3.0]) == 1.5


@pytest.mark.parametrize(
    ("inputs", "frames"), [(None, None), (None, 4), (np.zeros((1, 4)), None), (NOISE, 4)]
)
def test_wrong_inputs(build_program: Any, inputs: Any, frames: int | None) -> None:
    with pytest.raises(ValueError, match="inputs"):
        build_program("process = +;").run(inputs, frames)


# -- controls ------------------------------------------------------------------------------------


def test_controls_are_described(build_program: Any, double: bool) -> None:
    controls = {c.label: c for c in build_program(WIDGETS, double=double).controls}
    gain = controls["gain"]
    assert (gain.init, gain.min, gain.max, gain.step) == (2, 0, 10, 0.5)
    assert (gain.path, gain.meta) == ("/synth/gain", {"unit": "dB"})
    assert controls["a / b"].path == "/synth/a___b"
    kinds = {label: control.kind for label, control in controls.items()}
    assert kinds == {
        "gain": "hslider",
        "offset": "nentry",
        "on": "checkbox",
        "a / b": "button",
        "level": "hbargraph",
    }


def test_controls_are_set_by_label_or_path(build_program: Any, double: bool) -> None:
    program = build_program(WIDGETS, double=double)
    assert program.run([1.0]) == 2
    assert program.run([1.0], controls={"gain": 3, "/synth/offset": -1, "on": 1}) == 3
    assert program.run([1.0]) == 2


def test_bargraph_is_read_after_a_run(build_program: Any, double: bool) -> None:
    session = build_program(WIDGETS, double=double).session()
    assert session.get("level") == -3
    session.compute([0.25, 0.5])
    assert session.get("level") == 1
    with pytest.raises(ValueError, match="hbargraph"):
        session.set("level", 0)


def test_unknown_control_lists_the_nearest(build_program: Any) -> None:
    with pytest.raises(ValueError, match="unknown control 'gian': the nearest are gain"):
        build_program(WIDGETS).run([1.0], controls={"gian": 1})
    with pytest.raises(ValueError, match="no controls"):
        build_program(COUNTER).run(frames=1, controls={"gain": 1})


def test_label_of_two_controls_needs_a_path(build_program: Any) -> None:
    knob = 'hslider("x", 0, 0, 1, 0.1)'
    program = build_program(f'process = vgroup("a", {knob}), vgroup("b", {knob});')
    paths = [control.path for control in program.controls]
    with pytest.raises(ValueError, match=f"{paths[0]}, {paths[1]}"):
        program.run(frames=1, controls={"x": 1})
    assert program.run(frames=1, controls={paths[1]: 1}).ravel().tolist() == [0, 1]


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("process = foo(1", "syntax error"),
        ("process = 1 : nowhere;", "undefined symbol : nowhere"),
        ('import("nowhere.lib"); process = 1;', "nowhere.lib"),
        ("process = !;", "no output signal"),
    ],
)
def test_error_carries_the_message_of_the_compiler(
    compiler: Compiler, source: str, message: str
) -> None:
    for translate in (
        lambda: compiler.to_cpp(source, double=True),
        lambda: build(source, compiler=compiler),
    ):
        with pytest.raises(FaustError, match=message) as caught:
            translate()
        assert (caught.value.compiler, caught.value.source) == (compiler.name, source)
        assert tempfile.gettempdir() not in str(caught.value)


def test_error_of_gpp(compiler: Compiler) -> None:
    source = 'process = ffunction(float nowhere(float), "nowhere.h", "");'
    with pytest.raises(FaustError, match=r"nowhere\.h") as caught:
        build(source, compiler=compiler)
    assert caught.value.compiler == "g++"
    assert tempfile.gettempdir() not in str(caught.value)


def test_timeout(compiler: Compiler) -> None:
    with pytest.raises(FaustError, match=f"{compiler.name} was stopped: not done after 0.001 s"):
        compiler.to_cpp("process = _;", double=True, timeout=0.001)
    cpp = compiler.to_cpp("process = _;", double=True)
    with pytest.raises(FaustError, match=r"g\+\+ was stopped"):
        compile_cpp(cpp, double=True, optimize="-O3", timeout=0.001)


def test_crash_is_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.abort()"]
    with pytest.raises(FaustError, match="cyfaust was ended by SIGABRT"):
        call(command, cwd=tmp_path, compiler="cyfaust")


# -- compilers -----------------------------------------------------------------------------------


def test_compiler_knows_itself(compiler: Compiler) -> None:
    assert all(part.isdigit() for part in compiler.version().split("."))
    assert (compiler.libraries() / "stdfaust.lib").is_file()


def test_expand_leaves_no_import(compiler: Compiler, build_program: Any) -> None:
    source = 'import("stdfaust.lib"); process = os.osc(440);'
    expanded = compiler.expand(source)
    assert "import" not in expanded
    np.testing.assert_array_equal(
        build_program(expanded).run(frames=99), build_program(source).run(frames=99)
    )


def test_compiler_is_chosen_by_name_or_environment(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_compiler(compiler.name) == compiler
    monkeypatch.setenv("FAUSTDIFF_COMPILER", compiler.name)
    assert find_compiler() == compiler
    with pytest.raises(ValueError, match="choose 'faust' or 'cyfaust'"):
        find_compiler("other")


def test_system_compiler_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAUSTDIFF_COMPILER", raising=False)
    assert find_compiler() == available_compilers()[0]


@pytest.mark.usefixtures("no_system_tools")
def test_missing_tools_say_what_to_install(cyfaust: Compiler) -> None:
    with pytest.raises(FaustError, match="apt-get install faust"):
        find_compiler("faust")
    with pytest.raises(FaustError, match="apt-get install faust"):
        SystemFaust().version()
    with pytest.raises(FaustError, match=r"apt-get install g\+\+"):
        build("process = _;", compiler=cyfaust)


# -- cache ---------------------------------------------------------------------------------------


def test_cache_answers_without_a_process(
    build_program: Any, double: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*args: Any, **options: Any) -> None:
        raise AssertionError("a process was started")

    first = build_program(WIDGETS, double=double, cache=tmp_path).run(NOISE[0])
    monkeypatch.setattr(subprocess, "Popen", no_process)
    again = build_program(WIDGETS, double=double, cache=tmp_path).run(NOISE[0])
    np.testing.assert_array_equal(first, again)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".cpp", ".so"]


@pytest.mark.parametrize("name", ["value.lib", "../value.lib"])
def test_cache_notices_a_changed_library(build_program: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    for value in (1, 2):
        (folder / name).write_text(f"value = {value};\n")
        program = build_program(f'import("{name}"); process = value;', include=[folder])
        assert program.run(frames=1) == value


# -- interpreter ---------------------------------------------------------------------------------


def test_interpreter_equals_the_compiled_program(cyfaust: Compiler) -> None:
    source = f'import("stdfaust.lib"); {WIDGETS.replace("process", "widgets")} process = '
    source += "widgets, (_ : fi.lowpass(3, 1000) : ma.tanh), os.osc(440);"
    compiled = build(source, compiler=cyfaust, double=False)
    interpreter = Interpreter(source)
    assert [replace(c, meta={}) for c in compiled.controls] == list(interpreter.controls)

    def run(program: Program) -> Any:
        return program.run(NOISE, controls={"gain": 3, "offset": 1}, sample_rate=48000, block=300)

    assert run(interpreter).dtype == np.float32
    np.testing.assert_allclose(run(interpreter), run(compiled), atol=1e-6)


def test_interpreter_passes_nan_and_infinity(cyfaust: Compiler) -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 1.0]])
    np.testing.assert_array_equal(Interpreter("process = _;").run(x), x)


def test_interpreter_refuses_what_it_cannot_do(cyfaust: Compiler) -> None:
    with pytest.raises(FaustError, match="single precision only"):
        Interpreter("process = _;", double=True)
    with pytest.raises(FaustError, match="undefined symbol : nowhere"):
        Interpreter("process = nowhere;")
    with pytest.raises(FaustError, match="foreign function 'nowhere'"):
        Interpreter('process = ffunction(float nowhere(float), "nowhere.h", "");')
    with pytest.raises(FaustError, match="keeps no state"):
        Interpreter("process = _;").session()


@pytest.mark.usefixtures("no_system_tools")
def test_interpreter_replaces_gpp_in_single_precision(cyfaust: Compiler) -> None:
    program = build(COUNTER, double=False)
    assert isinstance(program, Interpreter)
    np.testing.assert_array_equal(program.run(frames=3), [[1, 2, 3]])


def test_a_fast_program_computes_the_same(compiler: Compiler, double: bool) -> None:
    """States in local variables from block to block, rings, sums and statements in another order:
    filters, delays, a count of samples, functions, recursions of several signals."""
    source = """import("stdfaust.lib"); a = hslider("a", 0.5, 0, 1, 0.01);
        pole = *(a) : + ~ *(1 - a);
        ladder = (\\(y, x).(ma.tanh(x - 2 * a * y)) : pole : pole) ~ _;
        all_pole = + ~ (_ <: par(i, 9, @(i) * (a / (i + 2))) :> *(-1));
        section = (\\(u, v, x).(0.9 * u - a * v + x, v * 0.9 + a * u)) ~ (_, _) :> _;
        process = fi.lowpass(3, 900) : + ~ *(a)
            <: _, @(7), @(300), (ba.time : %(5)), hbargraph("b", 0, 1), ladder, all_pole, section,
            exp(pole) * log(2 + fi.tf2(a, 1, 0.5, -0.5, a)) + sin(_ + a);"""
    signal = np.random.default_rng(0).uniform(-1, 1, (1, 1000))
    plain, fast = (
        build(source, compiler=compiler, double=double, fast=fast) for fast in (False, True)
    )
    signal = signal.astype(plain.dtype)
    expected = plain.run(signal, controls={"a": 0.3})
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if double else {"rtol": 1e-4, "atol": 1e-5}
    for block in (1000, 64, 1):
        got = fast.run(signal, controls={"a": 0.3}, block=block)
        # Fused multiply-adds round once, hence the last bits.
        np.testing.assert_allclose(got, expected, **tolerance)


def test_a_fast_program_of_delays_alone_computes_the_same(compiler: Compiler) -> None:
    source = "process = _, _ <: @(3), mem, (_, @(20) : *), (@(100), _ : +);"
    signal = np.random.default_rng(0).uniform(-1, 1, (2, 1000))
    plain, fast = (build(source, compiler=compiler, fast=fast) for fast in (False, True))
    for block in (1000, 256, 50, 1):
        got = fast.run(signal, block=block)
        np.testing.assert_allclose(got, plain.run(signal), rtol=1e-14)


def test_a_fast_program_keeps_what_is_no_number(compiler: Compiler) -> None:
    fast = build("process = log, /, sqrt;", compiler=compiler, fast=True)
    got = fast.run(np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 0.0], [4.0, -4.0]]))
    np.testing.assert_array_equal(got, [[-np.inf, np.nan], [np.inf, np.nan], [2.0, np.nan]])


def test_sound_files_are_silent_unless_they_are_given_a_sound() -> None:
    program = build("process = 0, (+(1) ~ _) : soundfile(\"voice [url:{'a.wav'}]\", 1) : !, !, _;")
    assert program.sounds == ("voice",) and not program.controls
    with program.sounding([1.0, 2.0, 3.0]):
        np.testing.assert_array_equal(program.run(frames=5), [[2, 3, 1, 2, 3]])
    np.testing.assert_array_equal(program.run(frames=5), np.zeros((1, 5)))


def test_whole_numbers_that_wrap_around_leave_others_alone(compiler: Compiler) -> None:
    source = """time = (+(1) ~ _) - 1;
        process = max(-9.0, (time % 5) * 0.2), (time * 1103515245 + 12345) % 1000;"""
    fast = build(source, compiler=compiler, fast=True).run(np.zeros((0, 8)))
    np.testing.assert_array_equal(fast[0], np.arange(8) % 5 * 0.2)
    wrapped = (np.arange(8) * 1103515245 + 12345).astype(np.int32).astype(np.int64)
    np.testing.assert_array_equal(fast[1], np.fmod(wrapped, 1000))
