"""Items side by side in the lanes of vectors give what they give one by one.

Bit for bit, where functions are called for one lane after the other; else to their rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faustdiff.autodiff.buffers import Buffers
from faustdiff.faust import batch, translation
from faustdiff.faust.batch import BatchProgram, BatchResult, NotFiniteError, build_batch
from faustdiff.faust.channels import LaneChannels
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.lane_rewriting import in_lanes


@pytest.fixture
def same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions are those of single items, and no multiplication and addition are fused."""
    flags = ("-O0", "-march=native", translation.PORTABLE_FLAG, "-DLANE_BY_LANE")
    monkeypatch.setattr(translation, "FAST_FLAGS", flags)


#: Memory of all kinds, at places that are the same for all items and at others; whole numbers that
#: wrap around and are shifted by more than they have bits, choices whose other side is no number,
#: tables, functions by all their names, a bargraph.
MIXED = """
import("stdfaust.lib");
gain = hslider("gain", 1, 0, 2, 0.01);
cutoff = hslider("cutoff", 900, 20, 9000, 1);
level = attach(_, abs : hbargraph("level", 0, 9));
echo = *(gain) : fi.lowpass(3, cutoff) : (+ : @(50)) ~ *(0.6) <: _, level :> _;
whole(x, y) = int(y * 3) % 2, (int(x * 5) & 1 | int(y * 99) << int(x * 40)) - (ba.time == 3) : *;
chosen(x, y) = select2(x > y, max(x, whole(x, y)), int(x * 3) ^ 3 - sqrt(abs(ma.tanh(y)))),
    select2(x > 0, 0, rdtable(waveform{1.0, 2.0, 4.0}, int(x * 3) % 3)) / max(abs(y), 0.1) :> _;
process(x, y) = echo(x) + no.noise, (y : @(int(cutoff) % 60)) + os.osc(cutoff),
    rwtable(8, 0.0, int(abs(x) * 9) % 8, y, ba.time % 5), chosen(x, y);
"""
#: Two times all lanes of single precision and a rest; four times and a rest in double.
ITEMS, FRAMES = 19, 523
RNG = np.random.default_rng(8)
NOISE = RNG.standard_normal((ITEMS, 2, FRAMES))
VALUES = {"gain": RNG.uniform(0, 2, ITEMS), "cutoff": RNG.uniform(20, 9000, ITEMS)}


def run(
    program: BatchProgram,
    x: np.ndarray,
    pay: pytest.MonkeyPatch,
    wide: bool,
    *,
    ordered: bool = False,
    initial: np.ndarray | None = None,
) -> tuple[np.ndarray, BatchResult]:
    """The outputs but the last, which is added up, of all items side by side or one by one.

    With `ordered`, the channels are in the order of lanes.
    """
    pay.setattr(batch, "lanes_pay", lambda *_: wide)
    frames = x.shape[2]
    y = np.full((ITEMS, 3, frames), np.nan, program.dtype)
    source, sink = map(in_order_of_lanes, (x, y)) if ordered else (x, y)
    values = np.stack([VALUES[one.label] for one in program.settable], axis=1)
    result = program.run(
        [source], [sink], values, frames=frames, initial=initial, keep_state=True, threads=2
    )
    assert program.runs_side_by_side or not wide
    return (sink.signals() if isinstance(sink, LaneChannels) else sink), result


def in_order_of_lanes(signals: np.ndarray) -> LaneChannels:
    """A copy, in all the lanes of a vector, with a rest."""
    lanes = batch.LANE_BYTES // signals.itemsize
    channels = Buffers(signals.dtype).take(*signals.shape, lanes)
    assert isinstance(channels, LaneChannels)
    assert channels.shape == signals.shape
    channels.fill(signals)
    np.testing.assert_array_equal(channels.signals(), signals)
    return channels


@pytest.mark.usefixtures("same_bits")
@pytest.mark.parametrize("reversed_time", [False, True])
def test_lanes_are_single_runs(
    compiler: Compiler, double: bool, reversed_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = build_batch(
        MIXED,
        compiler,
        double=double,
        sample_rate=44100,
        reversed_time=reversed_time,
        finite=1,
        sums=1,
    )
    x = NOISE.astype(program.dtype)
    first, second = x[:, :, :200], x[:, :, 200:]
    y, ended = run(program, first, monkeypatch, wide=False)
    wide, ended_wide = run(program, first, monkeypatch, wide=True)
    np.testing.assert_array_equal(wide, y)
    assert_same_sums(ended_wide, ended, program.dtype)
    for side_by_side in (False, True):
        again, _ = run(program, first, monkeypatch, side_by_side, ordered=True)
        np.testing.assert_array_equal(again, y)
    # Each continues where the other ended.
    y, continued = run(program, second, monkeypatch, wide=False, initial=ended_wide.state)
    wide, continued_wide = run(program, second, monkeypatch, wide=True, initial=ended.state)
    np.testing.assert_array_equal(wide, y)
    assert_same_sums(continued_wide, continued, program.dtype)
    # Items that are at different times run one by one.
    mixed = np.where(np.arange(ITEMS)[:, None] % 3 == 0, ended.state, continued.state)
    y, _ = run(program, first, monkeypatch, wide=False, initial=mixed)
    for ordered in (False, True):
        again, _ = run(program, first, monkeypatch, True, ordered=ordered, initial=mixed)
        np.testing.assert_array_equal(again, y)
    # A sample that is not finite is found in every lane.
    for item in range(ITEMS):
        spoiled = first.copy()
        spoiled[item, 0, item] = np.inf
        with pytest.raises(NotFiniteError):
            run(program, spoiled, monkeypatch, wide=True)


def assert_same_sums(wide: BatchResult, single: BatchResult, dtype: np.dtype[Any]) -> None:
    """Sixteen samples are added up in `dtype`: of that many roundings, some 4 remain."""
    largest = np.abs(single.totals).max()
    np.testing.assert_allclose(
        wide.totals, single.totals, rtol=0, atol=largest * 9 * np.finfo(dtype).eps
    )


#: All that lanes.hpp has, of one argument and of two, also by the names of C.
UNARY = """acos asin atan ceil cos exp floor log log10 rint sin sqrt tan ma.acosh ma.asinh
ma.atanh ma.cbrt ma.cosh ma.erf ma.erfc ma.expm1 ma.log1p ma.log2 ma.sinh ma.tanh""".split()
BINARY = "atan2 fmod ma.copysign ma.hypot pow remainder".split()


def test_functions_of_lanes(
    compiler: Compiler, double: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = [f"{name}(x)" for name in UNARY] + [f"{name}(x, y)" for name in BINARY]
    program = build_batch(
        f'import("stdfaust.lib"); process(x, y) = {", ".join(called)};',
        compiler,
        double=double,
        sample_rate=44100,
    )
    info = np.finfo(program.dtype)
    edges = [0.0, -0.0, 1, -1, 0.5, 2, 3, -7, 88, 710, np.inf, -np.inf, np.nan, info.max, info.tiny]
    wide_range = RNG.choice([-1, 1], 900) * 10 ** RNG.uniform(-25, 25, 900)
    values = np.concatenate([edges, RNG.uniform(-4, 4, 900), wide_range]).astype(program.dtype)
    x = RNG.choice(values, (8, 2, 8192))
    outputs = []
    for wide in (False, True):
        monkeypatch.setattr(batch, "lanes_pay", lambda *_, wide=wide: wide)
        y = np.empty((8, len(called), x.shape[2]), program.dtype)
        program.run([x], [y], np.empty((8, 0)), frames=x.shape[2])
        outputs.append(np.moveaxis(y, 1, 0))
    assert program.runs_side_by_side
    wrong = {}
    for name, single, wide in zip(called, *outputs, strict=True):
        # Functions of libm for vectors are right to 4 units in the last place, for numbers to 1;
        # numbers that are not normal are flushed to 0.
        with np.errstate(invalid="ignore", over="ignore"):
            close = np.abs(wide - single) <= 5 * np.spacing(np.abs(single)) + info.tiny
        same = (wide == single) | (np.isnan(wide) & np.isnan(single)) | close
        if not same.all():
            item, frame = np.argwhere(~same)[0]
            wrong[name] = (x[item, :, frame], wide[item, frame], single[item, frame])
    assert not wrong


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        ("control(_, _ > 0)", "a branch"),
        ("@(1 << 22)", "do not fit"),
        ('0, _ : soundfile("a", 1) : !, !, _', "sound file"),
    ],
)
def test_what_cannot_run_in_lanes_is_named(compiler: Compiler, process: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        in_lanes(compiler.to_cpp(f"process = {process};", double=False))


def test_what_cannot_run_in_lanes_runs(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build_batch("process = control(_, _ > 0);", compiler, double=False, sample_rate=9)
    x = NOISE[:, :, :99].astype(np.float32)
    x[:, 1, 0] = 1
    y = np.empty((ITEMS, 1, 99), np.float32)
    monkeypatch.setattr(batch, "lanes_pay", lambda *_: True)
    program.run([x], [y], np.empty((ITEMS, 0)), frames=99)
    for item in range(ITEMS):
        held = np.maximum.accumulate(np.where(x[item, 1] > 0, np.arange(99), 0))
        np.testing.assert_array_equal(y[item, 0], x[item, 0, held])
    assert not program.runs_side_by_side
