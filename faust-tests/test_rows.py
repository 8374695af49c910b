"""Every row of the table, compiled: values, partials, edges; N = 0, 1, 2, 3 and 8."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.table.model import Primitive
from support.harness import Array
from support.paths import BUILD
from support.row_trials import (
    SATURATING,
    SLOPE_ROUNDING,
    Trial,
    compiled_rows,
    derivative,
    feed,
    program,
    trials,
    value,
)

#: Double: the formulas cost a few roundings of 1e-16; 1e-9 leaves room for cancellation in the
#: Bessel recurrences. Single: the same with roundings of 6e-8.
RELATIVE = {True: 1e-9, False: 1e-4}
#: Below this a tangent counts as 0: 1 / cosh(x)^2 underflows in single where it overflows.
ABSOLUTE = {True: 1e-300, False: 1e-30}


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_values_and_partials(compiler: Compiler, count: int, double: bool) -> None:
    rows = compiled_rows(compiler.version())
    assert len(rows) > 60
    compiled = build(program(rows, count), compiler=compiler, double=double, include=[BUILD])
    wrong: list[str] = []
    batches = [trials(row, count, regular=True) for row in rows]
    for row, batch, outputs in _outputs(rows, batches, compiled.run(feed(batches, count)), count):
        for trial, (got, *partials, plain) in zip(batch, outputs.T, strict=True):
            wrong += _wrong_value(trial, got, plain, double)
            wrong += _wrong_partials(row, trial, partials, double)
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_edges_and_poles_are_finite(compiler: Compiler, double: bool) -> None:
    count = 2
    rows = [row for row in compiled_rows(compiler.version()) if trials(row, count, regular=False)]
    compiled = build(program(rows, count), compiler=compiler, double=double, include=[BUILD])
    wrong: list[str] = []
    batches = [trials(row, count, regular=False) for row in rows]
    for _, batch, outputs in _outputs(rows, batches, compiled.run(feed(batches, count)), count):
        for trial, (got, *partials, plain) in zip(batch, outputs.T, strict=True):
            if not np.isfinite(partials).all() or not np.array_equal(got, plain, equal_nan=True):
                wrong.append(f"{_title(trial)}: value {got}, plain {plain}, partials {partials}")
    assert not wrong, "\n".join(wrong)


def test_without_parameters_a_dual_is_the_plain_primitive(compiler: Compiler) -> None:
    rows = compiled_rows(compiler.version())
    source = program(rows, 0)
    compiled = build(source, compiler=compiler, include=[BUILD])
    batches = [trials(row, 0, regular=True) for row in rows]
    outputs = compiled.run(feed(batches, 0))
    assert compiled.outputs == 2 * len(rows)
    np.testing.assert_array_equal(outputs[0::2], outputs[1::2])


def _outputs(
    rows: list[Primitive], batches: list[list[Trial]], signals: Array, count: int
) -> Iterator[tuple[Primitive, list[Trial], Array]]:
    """Each row with its trials and its outputs (value, partials, plain value) over them."""
    width = count + 2
    for index, (row, batch) in enumerate(zip(rows, batches, strict=True)):
        yield row, batch, signals[index * width : (index + 1) * width, : len(batch)].astype(float)


def _title(trial: Trial) -> str:
    return f"{trial.row.name} at {dict(trial.point)}"


def _wrong_value(trial: Trial, got: float, plain: float, double: bool) -> list[str]:
    expected = value(trial.row, trial.point)
    close = abs(got - expected) <= RELATIVE[double] * max(abs(expected), 1e-3)
    if got == plain and close:
        return []
    return [f"{_title(trial)}: value {got}, plain {plain}, expected {expected}"]


def _wrong_partials(row: Primitive, trial: Trial, partials: list[float], double: bool) -> list[str]:
    slopes = [
        0.0 if row.partials[name] is None else derivative(row, name, trial.point)
        for name in row.args
    ]
    wrong = []
    saturating = SLOPE_ROUNDING[double] if row.name in SATURATING else 0
    for i, got in enumerate(partials):
        terms = [slope * trial.tangents[k, i] for k, slope in enumerate(slopes)]
        allowed = RELATIVE[double] * sum(map(abs, terms)) + ABSOLUTE[double]
        allowed += saturating * float(np.abs(trial.tangents[:, i]).sum())
        if not abs(got - sum(terms)) <= allowed:
            wrong.append(f"{_title(trial)}: partial {i + 1} is {got}, expected {sum(terms)}")
    return wrong
