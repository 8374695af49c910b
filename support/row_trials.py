"""Programs that try many rows of the table at once, and the numbers they must give.

References are taken from the value of a row alone, by 50-digit numerical differentiation with
mpmath; the partials that the table states are what is under test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp
import numpy as np

from faustdiff.resources import resource
from faustdiff.table.algebras import Numbers
from faustdiff.table.assembling import read
from faustdiff.table.folding import condition, fold
from faustdiff.table.model import Primitive
from faustdiff.table.samples import Point, is_avoided, numbers_at, sample_points, special_points
from support.harness import SCALE, Array

TABLE = read(resource("primitives.yaml"))

#: They tell the interval of a signal, which `SCALE` would change; test_time.py has them.
INTERVALS = ("lowest", "highest")

#: A partial that is made of a saturating value has an error relative to a slope of 1: two roundings
#: of the value (1.1e-16, in single precision 6e-8); twice that is allowed.
SATURATING = ("tanh",)
SLOPE_ROUNDING = {True: 4.4e-16, False: 2.4e-7}

#: A numerical derivative of 0 comes out as noise of the working precision.
NOISE = 1e-40


@dataclass(frozen=True)
class Trial:
    """One row at one point, with a tangent for each argument and parameter (arguments, N)."""

    row: Primitive
    point: Point
    tangents: Array


def compiled_rows(version: str) -> list[Primitive]:
    """The rows about numbers that a compiler of this version can be asked for."""

    def known(row: Primitive) -> bool:
        numbers = [tuple(map(int, text.split("."))) for text in (row.since or "0", version)]
        return numbers[0] <= numbers[1]

    return [
        row
        for row in TABLE.primitives
        if row.value is not None
        and not row.temporal
        and row.kind != "unavailable"
        and not row.broken
        and row.name not in INTERVALS
        and known(row)
    ]


def program(rows: Sequence[Primitive], count: int, number: str = f"_ * {SCALE}") -> str:
    """For each row its dual on inputs of its own, then the plain primitive on the same values.

    `number` makes a value of what is fed; a tangent is fed divided by `SCALE`.
    """
    parameters = f"({', '.join(['0.5'] * count)})" if count else "!"
    lines = [
        'df = library("diff.lib"); ma = library("maths.lib"); si = library("signals.lib");',
        f"d = df.env(df.vars({parameters}));",
        f"number = {number}; tangents = par(i, {count}, *({SCALE}));",
        "dual = number, tangents; integer = (number : int), tangents;",
    ]
    duals = {"signal": "dual", "integer": "integer"}
    for row in rows:
        inputs = ", ".join(duals[row.roles[name]] for name in fed(row))
        values = ", ".join(f"_, par(i, {count}, !)" for _ in fed(row))
        width = len(fed(row)) * (count + 1)
        numbers = [f"{row.samples.values[name][0]}" for name in row.args if name not in fed(row)]
        constants = "".join(f"{number}, par(i, {count}, 0), " for number in numbers)
        plain = "".join(f"{number}, " for number in numbers)
        dual = f"df.dual_{row.name}({count})" if row.composite else f"d.diff({row.faust})"
        primitive = f"df.dual_{row.name}(0)" if row.composite else row.faust
        lines.append(
            f"{row.name}_trial = {inputs} : si.bus({width}) <: "
            f"({constants}si.bus({width}) : {dual}), ({plain}{values} : {primitive});"
        )
    lines.append(f"process = {', '.join(f'{row.name}_trial' for row in rows)};")
    return "\n".join(lines)


def fed(row: Primitive) -> list[str]:
    """The arguments that are signals; the others are numbers in the program."""
    return [name for name in row.args if row.roles[name] != "constant"]


def trials(row: Primitive, count: int, regular: bool) -> list[Trial]:
    """The row at its sample points (`regular`), or at its edges and poles."""
    source = np.random.default_rng(len(row.name) + 1000 * count)
    where = [*sample_points(row), *_differentiable(row)] if regular else special_points(row)
    shape = (len(row.args), count)
    return [
        Trial(row, point, np.float32(source.uniform(-2, 2, shape)).astype(float)) for point in where
    ]


def _differentiable(row: Primitive) -> list[Point]:
    found = []
    for point in special_points(row):
        inside = row.domain is None or condition(row.domain, numbers_at(point))
        if inside and not is_avoided(row, point) and row.kind not in ("zero", "guarded"):
            found.append(point)
    return found


def feed(batches: Sequence[Sequence[Trial]], count: int) -> Array:
    """The inputs (channels, frames) that give each row its trials, one a frame; the last stays."""
    frames = max(len(batch) for batch in batches)
    channels = []
    for batch in batches:
        padded = [*batch, *[batch[-1]] * (frames - len(batch))]
        for name in fed(batch[0].row):
            index = batch[0].row.args.index(name)
            channels.append([trial.point[name] for trial in padded])
            channels.extend([trial.tangents[index, i] for trial in padded] for i in range(count))
    return np.array(channels) / SCALE


#: What the same row gives at the same point, whatever it is compiled with: 50 digits take long.
_known: dict[tuple[str, str, tuple[tuple[str, float], ...]], float] = {}


def once(row: Primitive, name: str, point: Point, compute: Callable[[], float]) -> float:
    """What `compute` gives for a partial of a row, or for its value if `name` is "", at a point."""
    key = (row.name, name, tuple(point.items()))
    if key not in _known:
        _known[key] = compute()
    return _known[key]


def derivative(row: Primitive, name: str, point: Point) -> float:
    """The partial of the value at a point, numerically, with 50 digits."""
    return once(row, name, point, lambda: _derivative(row, name, point))


def _derivative(row: Primitive, name: str, point: Point) -> float:
    values = numbers_at(point).values
    offset = mp.mpf("0.5") if row.roles[name] == "integer" else mp.mpf(0)
    assert row.value is not None
    with mp.workdps(50):

        def along(x: mp.mpf) -> mp.mpf:
            return fold(row.value, Numbers({**values, name: x}))  # type: ignore[arg-type]

        slope = mp.diff(along, values[name] + offset)
        return float(slope) if abs(slope) > NOISE else 0.0


def value(row: Primitive, point: Point) -> float:
    """The value at a point, with 50 digits."""
    return once(row, "", point, lambda: _value(row, point))


def _value(row: Primitive, point: Point) -> float:
    assert row.value is not None
    with mp.workdps(50):
        return float(fold(row.value, numbers_at(point)))
