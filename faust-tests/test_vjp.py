"""`faustdiff.vjp`: cotangents on arrays, in batches, in pieces, in threads; and what is refused."""

from __future__ import annotations

import copy
import functools
import resource
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import faustdiff
from faustdiff.autodiff.vjp import VJP
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler, FaustError

pytestmark = [
    pytest.mark.xdist_group("vjp"),
    pytest.mark.usefixtures("little_optimization"),
    pytest.mark.either_compiler,
]

FRAMES = 600
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.standard_normal((3, 2, FRAMES))
WEIGHTS = RANDOM.standard_normal((3, 2, FRAMES))

#: A filter in a feedback loop with a delay, across two channels, with a switch and a menu.
STEREO = """
import("stdfaust.lib");
cutoff = hslider("cutoff", 2000, 50, 12000, 1);
back = hslider("back", 0.4, 0, 0.95, 0.01);
on = checkbox("on");
shape = nentry("shape [style:menu{'tanh':0;'cubic':1}]", 0, 0, 1, 1);
bend(x) = select2(shape, ma.tanh(x), x - x * x * x / 9);
process(l, r) = (echo(r, l) ~ (@(20), @(33))) : bend, _
with { echo(a, b, x, y) = x + back * a : fi.lowpass(2, cutoff), y * (1 - on) + back * b; };
"""
BATCH = {"cutoff": np.array([900.0, 2000.0, 5000.0]), "back": 0.6, "on": np.array([0.0, 1.0, 0.0])}


@functools.cache
def made(compiler: Compiler, **options: Any) -> VJP:
    return faustdiff.vjp(STEREO, signals=["back"], compiler=compiler, **options)


@pytest.fixture
def stereo(compiler: Compiler) -> VJP:
    return made(compiler)


def loss(program: VJP, x: np.ndarray, sliders: Mapping[str, Any], weights: np.ndarray) -> float:
    return float(np.sum(weights * program.forward(x, sliders, record=False)[0]))


def difference(function: Any, step: float) -> float:
    """The derivative at 0, by central differences of fourth order."""
    near, far = (function(n * step) - function(-n * step) for n in (1, 2))
    return float((8 * near - far) / (12 * step))


def test_cotangents_are_central_differences(stereo: VJP) -> None:
    assert stereo.names.params == ("cutoff",)
    assert stereo.names.signals == ("back",)
    assert set(stereo.names.settings) == {"on", "shape"}
    moving = {**BATCH, "back": 0.5 + 0.3 * np.sin(np.arange(3 * FRAMES).reshape(3, -1) / 50)}
    outputs, tape = stereo.forward(NOISE, moving)
    cotangents = stereo.backward(tape, WEIGHTS)
    assert outputs.shape == WEIGHTS.shape
    for name, step in (("cutoff", 1.0), ("back", 1e-3)):
        direction = RANDOM.standard_normal(moving[name].shape)
        found = np.sum(cotangents.sliders[name] * direction)
        expected = difference(
            lambda t, n=name, d=direction: loss(
                stereo, NOISE, {**moving, n: moving[n] + t * d}, WEIGHTS
            ),
            step,
        )
        # Fourth order at these steps: 1e-10, with room for the sum over three items.
        assert found == pytest.approx(expected, rel=1e-8), name
    direction = RANDOM.standard_normal(NOISE.shape)
    expected = difference(lambda t: loss(stereo, NOISE + t * direction, moving, WEIGHTS), 1e-3)
    assert np.sum(cotangents.inputs * direction) == pytest.approx(expected, rel=1e-8)


def test_a_cotangent_has_the_shape_of_the_value(stereo: VJP) -> None:
    outputs, tape = stereo.forward(NOISE, BATCH)
    batch = stereo.backward(tape, WEIGHTS).sliders
    assert batch["cutoff"].shape == (3,)
    assert batch["back"].shape == ()
    single = 0.0
    for item in range(3):
        sliders = {name: np.broadcast_to(value, 3)[item] for name, value in BATCH.items()}
        one, tape = stereo.forward(NOISE[item], sliders)
        np.testing.assert_array_equal(one, outputs[item])
        cotangents = stereo.backward(tape, WEIGHTS[item])
        assert cotangents.inputs.shape == (2, FRAMES)
        assert cotangents.sliders["cutoff"] == pytest.approx(batch["cutoff"][item], rel=1e-12)
        single += cotangents.sliders["back"]
    assert batch["back"] == pytest.approx(single, rel=1e-12)


@pytest.mark.parametrize("segment", [1, 77, FRAMES, 10 * FRAMES, "auto"])
def test_segments_change_nothing(stereo: VJP, segment: Any) -> None:
    outputs, tape = stereo.forward(NOISE, BATCH)
    expected = stereo.backward(tape, WEIGHTS)
    again, tape = stereo.forward(NOISE, BATCH, segment=segment)
    cotangents = stereo.backward(tape, WEIGHTS)
    np.testing.assert_array_equal(again, outputs)
    np.testing.assert_array_equal(cotangents.inputs, expected.inputs)
    for name, one in expected.sliders.items():
        # The same terms, added up in another order.
        np.testing.assert_allclose(cotangents.sliders[name], one, rtol=1e-11)


def test_pieces_with_states_are_the_whole(stereo: VJP) -> None:
    outputs, tape = stereo.forward(NOISE, BATCH)
    expected = stereo.backward(tape, WEIGHTS)
    first, early = stereo.forward(NOISE[:, :, :250], BATCH)
    second, late = stereo.forward(NOISE[:, :, 250:], BATCH, state=early.state)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=2), outputs)
    after = stereo.backward(late, WEIGHTS[:, :, 250:])
    before = stereo.backward(early, WEIGHTS[:, :, :250], state=after.state)
    joined = np.concatenate([before.inputs, after.inputs], axis=2)
    np.testing.assert_array_equal(joined, expected.inputs)
    for name, one in expected.sliders.items():
        total = before.sliders[name] + after.sliders[name]
        np.testing.assert_allclose(total, one, rtol=1e-11)


def test_single_precision(compiler: Compiler, stereo: VJP) -> None:
    single = made(compiler, double=False)
    outputs, tape = single.forward(NOISE, BATCH)
    cotangents = single.backward(tape, WEIGHTS)
    assert outputs.dtype == cotangents.inputs.dtype == np.float32
    _, tape = stereo.forward(NOISE, BATCH)
    for name, expected in stereo.backward(tape, WEIGHTS).sliders.items():
        np.testing.assert_allclose(cotangents.sliders[name], expected, rtol=1e-3)


def test_single_precision_keeps_all_bits_of_integers(compiler: Compiler) -> None:
    """Choices by the bits of a noise of 32 bits, of which single precision holds 24."""
    source = """
    noise = +(12345) ~ *(1103515245);
    gain = hslider("gain", 0.5, 0, 1, 0.01);
    process = *(prod(k, 6, select2((noise & (1 << k)) != 0, 1, 1 + gain * (k + 1))));
    """
    program = faustdiff.vjp(source, double=False, compiler=compiler)
    _, tape = program.forward(np.ones((1, 40)))
    found = program.backward(tape, np.ones((1, 40)))
    noise, expected = 0, []
    for _ in range(40):
        noise = (1103515245 * noise + 12345) % 2**32
        expected.append(np.prod([1 + 0.5 * (k + 1) for k in range(6) if noise >> k & 1]))
    np.testing.assert_allclose(found.inputs[0], expected, rtol=1e-5)


def test_threads_share_a_program(stereo: VJP) -> None:
    def gradient(item: int) -> np.ndarray:
        _, tape = stereo.forward(NOISE[item], {"cutoff": 500.0 + item})
        return stereo.backward(tape, WEIGHTS[item]).inputs

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(gradient, [0, 1, 2] * 20))
    for index, one in enumerate(found):
        np.testing.assert_array_equal(one, gradient(index % 3))


def test_a_copy_of_a_tape_outlives_it(stereo: VJP) -> None:
    outputs, tape = stereo.forward(NOISE, BATCH)
    expected = stereo.backward(tape, outputs).sliders["cutoff"].copy()
    other = copy.copy(tape)
    del tape
    stereo.forward(2 * NOISE, BATCH)
    np.testing.assert_array_equal(stereo.backward(other, outputs).sliders["cutoff"], expected)


def test_memory_stays_constant(stereo: VJP) -> None:
    x = np.tile(NOISE, 30)

    def step() -> None:
        outputs, tape = stereo.forward(x, BATCH)
        stereo.backward(tape, outputs)

    for _ in range(10):
        step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        step()
    # In kB: a step that kept its outputs, or its tape, would keep 170 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 20_000


def test_a_file_a_program_without_inputs_and_one_without_sliders(tmp_path: Path) -> None:
    (tmp_path / "own.lib").write_text("level = 0.25;")
    file = tmp_path / "source.dsp"
    file.write_text(
        'import("stdfaust.lib"); own = library("own.lib");'
        'process = os.osc(440) * hslider("gain", 1, 0, 2, 0.1) * own.level;'
    )
    program = faustdiff.vjp(file)
    outputs, tape = program.forward(frames=300)
    assert outputs.shape == (1, 300)
    cotangents = program.backward(tape, np.ones((1, 300)))
    assert cotangents.sliders["gain"] == pytest.approx(outputs.sum(), rel=1e-12)
    idle = faustdiff.vjp('process = 1 + 0 * hslider("gain", 1, 0, 2, 0.1);')
    outputs, tape = idle.forward(frames=3)
    assert idle.backward(tape, outputs).sliders == {"gain": 0}
    plain = faustdiff.vjp("process = + ~ *(0.5);")
    outputs, tape = plain.forward(NOISE[0, :1])
    cotangents = plain.backward(tape, outputs)
    assert cotangents.sliders == {}
    matrix = np.tril(0.5 ** np.subtract.outer(np.arange(FRAMES), np.arange(FRAMES)).clip(0))
    np.testing.assert_allclose(cotangents.inputs, outputs @ matrix, rtol=1e-9, atol=1e-12)


RANGES = """
gain = hslider("gain", 1, 0, 1, 0.01);
level = hslider("level", 0, -1, 1, 0.01);
lag = hslider("lag", 3, 0, 10, 1);
place = nentry("place", 1, 0, 3, 1);
process = *(gain) : *(level) : @(lag + 1) : *(rdtable(waveform {1, 2, 3, 4}, int(place)));
"""


def test_values_outside_of_the_range(compiler: Compiler) -> None:
    """A gain means what it says; a moving level is held; a delay or a place is refused."""
    program = faustdiff.vjp(RANGES, signals=["level"], compiler=compiler)
    level = np.where(np.arange(20) < 10, 1.5, 0.5)[None]
    x = np.ones((1, 1, 20))
    y, tape = program.forward(x, {"gain": [2.5], "level": level})
    held = np.minimum(level, 1)
    expected = np.concatenate([np.zeros(4), 2 * 2.5 * held[0, :16]])
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-15)
    found = program.backward(tape, np.ones_like(y)).sliders
    # The last 4 samples do not come out any more.
    np.testing.assert_allclose(found["gain"], [2 * held[0, :16].sum()], rtol=1e-14)
    expected = np.where((level == 0.5) & (np.arange(20) < 16), 2 * 2.5, 0)
    np.testing.assert_allclose(found["level"], expected, rtol=1e-14)
    for name, value in (("lag", 12), ("lag", -0.1), ("place", 4)):
        with pytest.raises(ValueError, match=f"the value of '{name}': {value} is outside of"):
            program.forward(x, {name: value})
    # Differences may be taken at the ends.
    program.forward(x, {"lag": 10 + 1e-6, "place": -1e-6})


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sliders", "message"),
    [
        ({"cutof": 1}, "there is no slider 'cutof': did you mean 'cutoff'?"),
        ({"cutoff": np.ones(2)}, r"'cutoff' has the shape \(2,\), expected a number or \(3,\)"),
        ({"cutoff": np.ones((3, FRAMES))}, "name it among the signals"),
        ({"back": np.ones((3, 9))}, r"'back' has .* expected a number or \(3,\) or \(3, 600\)"),
        ({"cutoff": np.nan}, "the value of 'cutoff': nan is not a finite number"),
        ({"cutoff": 60, "/program/cutoff": 60}, "given twice"),
        ({"on": 2}, r"the value of 'on': 2 is outside of \[0, 1\]"),
        ({"cutoff": None}, "the value of 'cutoff': expected real numbers, not NoneType"),
        ({"cutoff": "high"}, "the value of 'cutoff': expected real numbers"),
        ({1: 2}, "there is no slider '1'"),
        ([900, 0.6], "sliders are given as {name: value}, not as a list"),
    ],
)
def test_wrong_values_are_named(sliders: Any, message: str, stereo: VJP) -> None:
    with pytest.raises(ValueError, match=message):
        stereo.forward(NOISE, sliders)


def test_wrong_signals_are_named(stereo: VJP) -> None:
    with pytest.raises(ValueError, match=r"inputs have the shape .* expected \(batch, 2, frames\)"):
        stereo.forward(NOISE[:, :1])
    with pytest.raises(ValueError, match="inputs are missing"):
        stereo.forward()
    spoiled = NOISE.copy()
    spoiled[1, 0, 5] = np.nan
    with pytest.raises(ValueError, match=r"inputs: nan at \[1, 0, 5\]"):
        stereo.forward(spoiled)
    with pytest.raises(ValueError, match="inputs: expected real numbers, not complex128"):
        stereo.forward(NOISE + 1j)
    with pytest.raises(ValueError, match="inputs are a batch of no items"):
        stereo.forward(NOISE[:0])
    for segment, shown in ((0, "0"), (1.5, "1.5"), (True, "True"), ("all", "'all'")):
        with pytest.raises(ValueError, match=f"segment is a .*number.*, not {shown}"):
            stereo.forward(NOISE, segment=segment)
    _, tape = stereo.forward(NOISE)
    with pytest.raises(ValueError, match=r"cotangents have .* expected \(3, 2, 600\)"):
        stereo.backward(tape, WEIGHTS[:2])
    with pytest.raises(ValueError, match=r"cotangents: nan at \[1, 0, 5\]"):
        stereo.backward(tape, spoiled)


def test_what_is_no_tape_or_state_is_named(stereo: VJP) -> None:
    outputs, tape = stereo.forward(NOISE)
    with pytest.raises(ValueError, match=r"expected a Tape, .* `forward` gives, not a ndarray"):
        stereo.backward(outputs, tape)
    with pytest.raises(ValueError, match=r"expected a State, .*, not a Tape"):
        stereo.forward(NOISE, state=tape)
    for segment in (None, 100):
        _, nothing = stereo.forward(NOISE, record=False, segment=segment)
        with pytest.raises(ValueError, match="nothing was recorded"):
            stereo.backward(nothing, WEIGHTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 0}, "sample_rate is a whole number of 1 or more, not 0"),
        ({"sample_rate": 44100.5}, "sample_rate is a whole number .*, not 44100.5"),
        ({"sample_rate": "48k"}, "sample_rate is a whole number .*, not '48k'"),
        ({"threads": -1}, "threads is a whole number of 1 or more, not -1"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        faustdiff.vjp("process = _;", **options)


def test_a_tape_or_a_state_of_another_program_is_refused(compiler: Compiler) -> None:
    options = {"signals": ["back"], "compiler": compiler}
    other = faustdiff.vjp(STEREO.replace("0.95", "0.9"), **options)
    slow = faustdiff.vjp(STEREO, **options, sample_rate=22050)
    single = made(compiler, double=False)
    again = faustdiff.vjp(STEREO, **options)
    _, tape = again.forward(NOISE, BATCH)
    again.backward(made(compiler).forward(NOISE, BATCH)[1], WEIGHTS)
    for program, message in (
        (other, "the tape is one of another program"),
        (slow, "the tape was made at 44100 Hz, and this program runs at 22050 Hz"),
        (single, "the tape is of float64, and this program computes float32"),
    ):
        with pytest.raises(ValueError, match=message):
            program.backward(tape, WEIGHTS)
    with pytest.raises(ValueError, match="none of the forward pass of this program"):
        other.forward(NOISE, state=tape.state)
    with pytest.raises(ValueError, match="none of the backward pass"):
        again.backward(tape, WEIGHTS, state=tape.state)
    with pytest.raises(ValueError, match="of 3 items, not of 1"):
        again.forward(NOISE[0], state=tape.state)


def test_programs_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        faustdiff.vjp("missing.dsp")
    with pytest.raises(InputError, match="there is no slider 'gian'"):
        faustdiff.vjp('process = *(hslider("gain", 1, 0, 1, 0.1));', params=["gian"])
    with pytest.raises(FaustError):
        faustdiff.vjp("process = nothing;")
