"""Every row with a formula, compiled, where numbers end: denormals, edges, huge numbers.

What a row gives must be finite and right wherever its derivative is a number of the format. The
compilers are not told to flush denormals to 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.extreme_trials import Extreme, extremes, least
from support.harness import SCALE, Array
from support.paths import BUILD
from support.row_trials import (
    SATURATING,
    SLOPE_ROUNDING,
    compiled_rows,
    fed,
    program,
)

pytestmark = pytest.mark.one_program

#: The largest error of an intermediate result that counts is that of the argument of an
#: exponential: it may be 745 (88 in single), rounded some four times, so 2^12 halves of an ulp.
RELATIVE = {True: 2.0**-41, False: 2.0**-14}
#: A difference of two logarithms has the roundings of both: those of a saturated slope.
LOGARITHMS = ("squared_log_error",)
#: Values that are a difference of numbers near 1.
NEAR_ONE = ("pseudo_huber", "log_cosh")
#: Numbers above 1 come through one wire, times this, and all others through another: exact.
LARGE = {True: 2.0**1000, False: 2.0**100}


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_values_and_partials_where_numbers_end(compiler: Compiler, double: bool) -> None:
    trials = {row.name: extremes(row, double) for row in compiled_rows(compiler.version())}
    rows = [row for row in compiled_rows(compiler.version()) if trials[row.name]]
    assert len(rows) > 60
    source = program(rows, 1, f"(*({LARGE[double]}), _ :> _)")
    compiled = build(source, compiler=compiler, double=double, include=[BUILD])
    batches = [trials[row.name] for row in rows]
    signals = compiled.run(_feed(batches, double)).astype(float)
    wrong = []
    for index, batch in enumerate(batches):
        for trial, (value, partial, _) in zip(
            batch, signals[3 * index : 3 * index + 3].T, strict=False
        ):
            wrong += _wrong(trial, "value", value, trial.value, double)
            wrong += _wrong(trial, f"partial {trial.argument}", partial, trial.expected, double)
    assert not wrong, f"{len(wrong)} of {sum(map(len, batches))}:\n" + "\n".join(wrong[:40])


def test_squares_of_integers_do_not_overflow(compiler: Compiler) -> None:
    """Against the closed forms; the squares of these integers have more than 32 bits."""
    n = np.array([46341, 100_000, -100_000, 2_000_000_000], float)
    source = (
        'df = library("diff.lib"); process(v) = (n, 1 : df.dual_atan(1)),'
        " (n, 1 : df.dual_asinh(1)), (0.5 * v, 1, n, 0 : df.dual_atan2(1)) with { n = int(v); };"
    )
    compiled = build(source, compiler=compiler, double=True, include=[BUILD])
    found = compiled.run(n[None]).astype(float)
    assert found[1] == pytest.approx(1 / (1 + n**2), rel=1e-15)
    assert found[3] == pytest.approx(1 / np.sqrt(1 + n**2), rel=1e-15)
    assert found[5] == pytest.approx(1 / (1.25 * n), rel=1e-15)


def _feed(batches: list[list[Extreme]], double: bool) -> Array:
    frames = max(map(len, batches))
    channels = []
    for batch in batches:
        padded = [*batch, *[batch[-1]] * (frames - len(batch))]
        for name in fed(batch[0].row):
            numbers = np.array([trial.point[name] for trial in padded])
            large = np.abs(numbers) > 1
            channels += [np.where(large, numbers / LARGE[double], 0), np.where(large, 0, numbers)]
            channels.append(np.array([trial.argument == name for trial in padded]) / SCALE)
    return np.array(channels)


def _wrong(trial: Extreme, what: str, got: float, expected: float, double: bool) -> list[str]:
    if not np.isfinite(expected):
        return []
    allowed = RELATIVE[double] * abs(expected) + least(double)
    rounded = SATURATING if what != "value" else NEAR_ONE
    if trial.row.name in (*rounded, *LOGARITHMS):
        allowed += SLOPE_ROUNDING[double]
    if abs(got - expected) <= allowed:
        return []
    return [f"{trial.row.name} at {dict(trial.point)}: {what} is {got}, expected {expected}"]
