"""A batch gives what its items give one by one, forward and backward in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faustdiff.faust.batch import BatchProgram, BatchResult, NotFiniteError, build_batch
from faustdiff.faust.channels import AbsentChannels
from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.cpp_rewriting import with_channels, with_local_states
from faustdiff.faust.program import build

pytestmark = pytest.mark.usefixtures("little_optimization")

#: Short and long delays, a counter, a table that is written, a bargraph among the sliders.
ECHO = """
import("stdfaust.lib");
level = hbargraph("level", 0, 9);
gain = hslider("gain", 1, 0, 2, 0.01);
cutoff = hslider("cutoff", 900, 20, 9000, 1);
echo = *(gain) : fi.lowpass(3, cutoff) : (+ : @(50)) ~ *(0.6) <: attach(_, abs : level);
process(x, y) = echo(x), rwtable(8, 0.0, ba.time % 8, y, ba.time % 5);
"""
FRAMES = 2500
VALUES = np.array([[1.0, 900.0], [0.5, 300.0], [2.0, 4000.0]])
NOISE = np.random.default_rng(5).standard_normal((3, 2, FRAMES))


@pytest.fixture
def echo(compiler: Compiler) -> BatchProgram:
    return build_batch(ECHO, compiler, double=True, sample_rate=44100)


def settings(program: BatchProgram) -> np.ndarray:
    """`VALUES` in the order of the program's sliders."""
    return VALUES[:, [["gain", "cutoff"].index(one.label) for one in program.settable]]


def run(program: BatchProgram, x: np.ndarray, **options: Any) -> tuple[np.ndarray, BatchResult]:
    y = np.full((len(x), 2, x.shape[2]), np.nan, program.dtype)
    return y, program.run([x], [y], settings(program), frames=x.shape[2], **options)


@pytest.mark.parametrize("reversed_time", [False, True])
def test_items_are_those_of_single_runs(
    compiler: Compiler, double: bool, reversed_time: bool
) -> None:
    batch = build_batch(
        ECHO, compiler, double=double, sample_rate=48000, reversed_time=reversed_time
    )
    x = NOISE.astype(batch.dtype)
    y, _ = run(batch, x, threads=2)
    single = build(ECHO, compiler=compiler, double=double)
    turn = slice(None, None, -1 if reversed_time else 1)
    for item, (gain, cutoff) in enumerate(VALUES):
        controls = {"gain": gain, "cutoff": cutoff}
        one = single.run(x[item, :, turn], controls=controls, sample_rate=48000)
        # Fused multiply-adds round once: some units in the last place, amplified by the filter.
        tolerance = 1e-11 if double else 1e-2
        np.testing.assert_allclose(y[item, :, turn], one, atol=tolerance * np.abs(one).max())


def test_a_run_in_pieces_is_the_run(echo: BatchProgram) -> None:
    whole, _ = run(echo, NOISE)
    first, finished = run(echo, NOISE[:, :, :777], keep_state=True, threads=2)
    second, _ = run(echo, NOISE[:, :, 777:], initial=finished.state)
    # The same operations in the same order: the same bits.
    np.testing.assert_array_equal(np.concatenate([first, second], axis=2), whole)


@pytest.mark.parametrize("sums", [1, 2])
@pytest.mark.parametrize("reversed_time", [False, True])
def test_sums_are_those_of_the_signals(
    compiler: Compiler, double: bool, sums: int, reversed_time: bool
) -> None:
    options = {"double": double, "sample_rate": 44100, "reversed_time": reversed_time}
    plain, summed = (build_batch(ECHO, compiler, sums=one, **options) for one in (0, sums))
    x = NOISE.astype(plain.dtype)
    whole, _ = run(plain, x)
    signals = np.empty((3, 2 - sums, FRAMES), plain.dtype)
    finished = summed.run([x], [signals], settings(summed), frames=FRAMES)
    np.testing.assert_array_equal(signals, whole[:, : 2 - sums])
    # In single precision, too, sums are kept in double.
    expected = whole[:, 2 - sums :].sum(axis=2, dtype=np.float64)
    np.testing.assert_allclose(finished.totals, expected, rtol=1e-11)


def test_delay_lines_are_as_long_as_the_rate_needs(compiler: Compiler, double: bool) -> None:
    # Delays at the borders of powers of two, several of one line, of whole numbers and of the rate.
    source = """import("stdfaust.lib");
        by(seconds) = int(ma.SR * seconds);
        echo(delay) = (+ : @(delay)) ~ *(0.5);
        process(x, y) = x@(by(0.0639)) + x@(by(0.064)) + x@20 + x@63, echo(max(0, by(0.1) - 1), x),
            echo(by(0.2) + 7 + by(0.001) * 2, y), echo(min(by(1), 99), y), y@(max(63, by(0.001))),
            x@(max(0, min(69, int(y * 30))));"""
    single = build(source, compiler=compiler, double=double)
    sizes = []
    for rate in (1000, 8000, 48000, 500_000):
        program = build_batch(source, compiler, double=double, sample_rate=rate)
        sizes.append(program.state_size)
        y = np.empty((3, 6, FRAMES), program.dtype)
        x = NOISE.astype(program.dtype)
        program.run([x], [y], np.empty((3, 0)), frames=FRAMES)
        for item in range(3):
            one = single.run(x[item], sample_rate=rate)
            np.testing.assert_allclose(y[item], one, rtol=0, atol=8 * np.finfo(program.dtype).eps)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]


def test_absent_inputs_are_silent_and_one_item_serves_all(echo: BatchProgram) -> None:
    shared = NOISE[:1, :1]
    y = np.empty((3, 1, FRAMES))
    echo.run([shared, AbsentChannels(1)], [y, AbsentChannels(1)], settings(echo), frames=FRAMES)
    silent = np.concatenate([np.repeat(shared, 3, 0), np.zeros((3, 1, FRAMES))], axis=1)
    np.testing.assert_array_equal(y[:, 0], run(echo, silent)[0][:, 0])


@pytest.mark.parametrize("reversed_time", [False, True])
def test_inputs_that_have_to_be_finite_are(
    compiler: Compiler, double: bool, reversed_time: bool
) -> None:
    # The second input is not used, and a sample of the first that is no number is no place.
    process = "process(x, y, z) = rdtable(9, float(ba.time), int(x)), y * 0, z : _, !, _;"
    options = {"double": double, "sample_rate": 44100, "reversed_time": reversed_time}
    program = build_batch(f'import("stdfaust.lib"); {process}', compiler, finite=2, **options)
    x = np.ones((2, 3, FRAMES), program.dtype)
    y = np.empty((2, 2, FRAMES), program.dtype)

    def run_once() -> None:
        program.run([x], [y], np.empty((2, 0)), frames=FRAMES, threads=2)

    for place in ((0, 0, 0), (0, 1, 1023), (1, 0, 1024), (1, 1, FRAMES - 1)):
        for value in (np.nan, np.inf, -np.inf):
            x[place] = value
            with pytest.raises(NotFiniteError):
                run_once()
            # The program has read 0 in its place.
            np.testing.assert_array_equal(y[:, 0], np.where(np.isfinite(x[:, 0]), x[:, 0], 0))
            x[place] = 1
    largest = np.finfo(program.dtype).max
    x[1, 2, 7], x[1, 1, 8], x[0, 1, 9] = np.nan, largest, -largest
    run_once()
    expected = np.ones((2, FRAMES))
    expected[1, 7] = np.nan
    np.testing.assert_array_equal(y[:, 1], expected)


def test_what_does_not_fit_is_refused(echo: BatchProgram) -> None:
    y = np.empty((3, 2, FRAMES))
    with pytest.raises(ValueError, match="expected 2 channels, not 1"):
        echo.run([NOISE[:, :1]], [y], VALUES, frames=FRAMES)
    with pytest.raises(ValueError, match=r"expected signals \(3, channels, 9\) of float64"):
        echo.run([NOISE], [y], VALUES, frames=9)
    with pytest.raises(ValueError, match="do not follow each other"):
        echo.run([NOISE[:, :, ::-1]], [y], VALUES, frames=FRAMES)
    with pytest.raises(ValueError, match="expected values"):
        echo.run([NOISE], [y], VALUES[:, :1], frames=FRAMES)
    with pytest.raises(ValueError, match="expected states"):
        echo.run([NOISE], [y], VALUES, frames=FRAMES, initial=np.zeros((3, 4), np.uint8))


def test_other_code_than_the_compilers_is_refused(compiler: Compiler) -> None:
    with pytest.raises(ValueError, match="no function `compute`"):
        with_local_states("class mydsp {};")
    cpp = compiler.to_cpp("process = _;", double=True)
    with pytest.raises(ValueError, match="of a kind that is not known"):
        with_channels(cpp.replace("FAUSTFLOAT* input0 =", "auto input0 ="))
    with pytest.raises(ValueError, match="no loop over samples"):
        with_channels(cpp.replace("< count", "!= count"), finite=1)
    with pytest.raises(FaustError):
        build_batch("process = nothing;", compiler, double=True, sample_rate=44100)
