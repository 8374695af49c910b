"""Reverse mode by the entries of waveforms, against differences of a program of sliders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faustdiff.autodiff.reverse import NothingToDifferentiateError
from faustdiff.autodiff.vjp import vjp
from faustdiff.commands.main import main
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

pytestmark = [pytest.mark.either_compiler, pytest.mark.usefixtures("little_optimization")]

FRAMES = 200
#: Central differences of what is smooth in an entry, with this step: about 1e-10 off.
STEP = 1e-5

HEAD = 'import("stdfaust.lib");\n'
#: Programs that read the entries `first(i)` of 5, and `second(i)` of 3.
PROGRAMS = {
    "oscillator and filter": 'process = first(os.phasor(5, hslider("f", 441, 20, 900, 1)))'
    ' : fi.lowpass(2, hslider("c", 2000, 20, 9000, 1)) : + ~ *(0.5);',
    "between entries": "between(p) = first(p) * (1 - ma.frac(p)) + first(p + 1) * ma.frac(p);"
    ' process(x) = between(3.5 * abs(x) * hslider("g", 0.7, 0, 1, 0.01));',
    "two tables": "process(x) = first(9 * x) * second(3 * abs(x)), second(abs(x));",
    "a feedback that moves": "process(x) = x : + ~ *(0.3 * second(4 * abs(x)));",
    "an entry that a slider chooses": 'process = *(first(hslider("i", 2, 0, 4, 0.1)));',
    "a power": "process(x) = (1.5 + x) ^ second(2.9 * abs(x));",
}
ENTRIES = {"first": (0.4, -0.7, 1.1, 0.2, -0.3), "second": (0.5, 1.25, -0.75)}


def with_waveforms(program: str) -> str:
    """The program with tables."""
    lines = (
        f"{name}(i) = waveform{{{', '.join(map(str, entries))}}}, int(i) : rdtable;\n"
        for name, entries in ENTRIES.items()
    )
    return HEAD + "".join(lines) + program


def with_sliders(program: str) -> str:
    """The same with a slider for each entry; an index outside is that of the nearest entry."""
    lines = ""
    for name, entries in ENTRIES.items():
        given = ", ".join(
            f'hslider("{name} {k}", {entry}, -9, 9, 0.00001)' for k, entry in enumerate(entries)
        )
        count = len(entries)
        lines += f"{name}(i) = {given} : ba.selectn({count}, max(0, min({count - 1}, int(i))));\n"
    return HEAD + lines + program


@pytest.mark.parametrize("title", PROGRAMS)
def test_entries_have_the_partials_of_sliders(compiler: Compiler, title: str) -> None:
    rng = np.random.default_rng(3)
    program = vjp(with_waveforms(PROGRAMS[title]), waveforms=True, compiler=compiler)
    x = rng.uniform(-1, 1, (2, program.inputs, FRAMES))
    options = {} if program.inputs else {"frames": FRAMES, "batch": 2}
    g = rng.uniform(-1, 1, (2, program.outputs, FRAMES))
    found = []
    for segment in (None, 64):
        given = (x,) if program.inputs else ()
        _, tape = program.forward(*given, segment=segment, **options)
        found.append(program.backward(tape, g))
    reference = build(with_sliders(PROGRAMS[title]), compiler=compiler, double=True)

    def loss(label: str, value: float) -> float:
        runs = [reference.run(one, controls={label: value}, frames=FRAMES) for one in x]
        return float(np.sum(g * runs))

    names = [name for name in ENTRIES if f"{name}(" in PROGRAMS[title]]
    assert sorted(program.waveforms) == sorted(ENTRIES[name] for name in names)
    for name in names:
        place = program.waveforms.index(ENTRIES[name])
        expected = [
            (loss(f"{name} {k}", entry + STEP) - loss(f"{name} {k}", entry - STEP)) / (2 * STEP)
            for k, entry in enumerate(ENTRIES[name])
        ]
        for one in found:
            np.testing.assert_allclose(one.waveforms[place], expected, rtol=1e-7, atol=1e-7)


def test_sliders_and_inputs_keep_their_cotangents(compiler: Compiler) -> None:
    """A read passes its cotangent on to the index, whose slope is that between the entries."""
    source = with_waveforms(PROGRAMS["between entries"])
    x = np.random.default_rng(4).uniform(-0.9, 0.9, (1, FRAMES))
    results = []
    for waveforms in (False, True):
        program = vjp(source, waveforms=waveforms, compiler=compiler)
        y, tape = program.forward(x)
        results.append(program.backward(tape, y))
    without, beside = results
    assert without.waveforms == ()
    np.testing.assert_allclose(beside.inputs, without.inputs, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(beside.sliders["g"], without.sliders["g"], rtol=1e-12)


def test_single_precision() -> None:
    source = with_waveforms(PROGRAMS["two tables"])
    x = np.random.default_rng(5).uniform(-1, 1, (1, FRAMES)).astype(np.float32)
    results = []
    for double in (False, True):
        program = vjp(source, waveforms=True, double=double)
        y, tape = program.forward(x)
        results.append(program.backward(tape, np.ones_like(y)).waveforms)
    for single, reference in zip(*results, strict=True):
        # Products of single precision, added up in double.
        np.testing.assert_allclose(single, reference, rtol=1e-5, atol=1e-5)


def test_no_waveform() -> None:
    for source in ("process = _;", HEAD + "process = os.osc(440);"):
        with pytest.raises(InputError, match="no waveform is read by rdtable"):
            vjp(source, waveforms=True)


def test_nothing_to_differentiate_by() -> None:
    with pytest.raises(NothingToDifferentiateError, match="nothing to differentiate by"):
        vjp("process = 0.25 : + ~ *(0.5);")


def test_the_header_states_the_reads(tmp_path: Path) -> None:
    program = tmp_path / "two.dsp"
    program.write_text(with_waveforms(PROGRAMS["two tables"]))
    options = ["--mode", "reverse", "-o", str(program)]
    done = CliRunner().invoke(main, ["differentiate", str(program), "--waveforms", *options])
    assert done.exit_code == 0, done.output
    assert "the cotangents of inputs, waveform 1, waveform 2" in done.output
    text = (tmp_path / "two.backward.dsp").read_text()
    assert "  2. the entry of waveform 1 that is read, from 0, and 3. its cotangent" in text
    refused = CliRunner().invoke(
        main, ["differentiate", str(program), "--waveforms", "-o", str(tmp_path / "one.dsp")]
    )
    assert refused.exit_code == 2
    assert "add --mode reverse" in refused.output
