"""The functions of the standard libraries, differentiated, against central differences.

The difference quotients are those of the same plain program, compiled in double, of the fourth
order. No single step suits a function that has to be smooth over it, a sawtooth whose jumps move
with the parameter, and a filter near its limit; so several are taken, and the two neighbours that
agree best with each other tell the slope, and how well it is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import Program, build
from support.library_functions import IMPOSSIBLE, ROWS, TABULATED, Impossible, Row, Tabulated
from support.paths import BUILD

pytestmark = pytest.mark.each_compiler

Array = NDArray[np.float64]

#: Of the norm of the derivative over all frames.
TOLERANCE = 1e-6
#: The same, of what two programs leave of rounding that compute the same in another order.
BETWEEN_ENGINES = 1e-9
#: Relative to the parameter.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
#: How many functions one program holds: the older compiler gets slow with the size of a program.
BATCH = {"faust": 6, "cyfaust": 8}

HEAD = """import("stdfaust.lib"); df = library("diff.lib");
aa = library("aanl.lib"); ts = library("tonestacks.lib");
bridged(string) = pm.endChain(
    pm.chain(pm.lStringRigidTermination : string : pm.out : pm.rStringRigidTermination));
turn(f) = 2 * ma.PI * os.phasor(1, f);
"""


def noise(channels: int, frames: int) -> Array:
    return np.random.default_rng(1).uniform(-1, 1, (channels, frames))


def bursts(channels: int, frames: int) -> Array:
    """Loud and quiet in turns: what is fast to come and slow to go shows both."""
    return noise(channels, frames) * np.where(np.arange(frames) % 2500 < 1000, 1, 0.003)


def gate(channels: int, frames: int) -> Array:
    frame = np.arange(frames)
    return np.tile(1.0 * ((frame >= 3) & (frame < 0.6 * frames)), (channels, 1))


def impulses(channels: int, frames: int) -> Array:
    return np.tile(1.0 * (np.arange(frames) % 700 == 3), (channels, 1))


FEEDS: dict[str, Callable[[int, int], Array]] = {
    "noise": noise,
    "bursts": bursts,
    "gate": gate,
    "impulses": impulses,
}


@dataclass(frozen=True)
class Partial:
    """A partial against its difference quotient, both relative to the norm of the latter.

    `known` is how far two steps differ.
    """

    row: Row
    parameter: int
    error: float
    known: float
    norm: float

    def __str__(self) -> str:
        return (
            f"{self.row.name}, parameter {self.parameter + 1}: off by {self.error:.1e}"
            f" (the quotient is known to {self.known:.0e}, its norm is {self.norm:.1e})"
        )


def program(rows: Sequence[Row], dual: bool) -> str:
    """Each row's number of signals and of outputs, then its outputs; its parameters are sliders."""
    lines, heads, tails = [HEAD], [], []
    for index, row in enumerate(rows):
        count = len(row.at)
        lines.append(f"f{index} = {row.text};")
        heads.append(f"inputs(f{index}) - {count}, outputs(f{index})")
        box = f"df.jvp({count}, f{index})" if dual else f"f{index}"
        tails.append(f"({sliders(index, row)}, si.bus(inputs(f{index}) - {count}) : {box})")
    lines.append(f"process = {', '.join([*heads, *tails])};")
    return "\n".join(lines)


def sliders(index: int, row: Row) -> str:
    """The interval of a slider tells the compiler how long a delay line has to be."""
    return ", ".join(
        f'hslider("{label(index, i)}", {at!r}, {at - abs(at) / 4!r}, {at + abs(at) / 4!r}, 1e-6)'
        for i, at in enumerate(row.at)
    )


def label(index: int, parameter: int) -> str:
    return f"f{index} p{parameter}"


class Outputs:
    """What the functions of a batch give, for any parameters."""

    def __init__(self, rows: Sequence[Row], dual: bool, compiler: Compiler) -> None:
        self.rows = rows
        source = program(rows, dual)
        # Of such a program g++ would optimize for longer than all else takes together.
        self.program: Program = build(source, compiler=compiler, include=[BUILD], optimize="-O0")
        counts = self.program.run(np.zeros((self.program.inputs, 1)))[: 2 * len(rows), 0]
        self.frames = max(row.frames for row in rows)
        signals = [
            FEEDS[row.feed](int(n), self.frames) for row, n in zip(rows, counts[::2], strict=True)
        ]
        self.inputs = np.concatenate(signals)
        widths = [
            int(n) * (len(row.at) + 1 if dual else 1)
            for row, n in zip(rows, counts[1::2], strict=True)
        ]
        self.ends = 2 * len(rows) + np.cumsum([0, *widths])

    def at(self, parameter: int = 0, shift: float = 0.0) -> list[Array]:
        """(outputs, frames) of each row, with one parameter moved by `shift` times its size."""
        moved = {
            label(index, parameter): row.at[parameter] + shift * abs(row.at[parameter])
            for index, row in enumerate(self.rows)
            if parameter < len(row.at)
        }
        signals = self.program.run(self.inputs, self.frames, controls=moved)
        return [
            signals[start:end, : row.frames]
            for row, start, end in zip(self.rows, self.ends, self.ends[1:], strict=False)
        ]


def partials(rows: Sequence[Row], compiler: Compiler) -> list[Partial]:
    """Every partial of every row, at its point."""
    plain, dual = Outputs(rows, False, compiler), Outputs(rows, True, compiler)
    got, values = dual.at(), plain.at()
    for row, value, both in zip(rows, values, got, strict=True):
        assert np.isfinite(both).all(), f"{row.name} is not finite"
        primal = both[:: len(row.at) + 1]
        np.testing.assert_allclose(primal, value, rtol=1e-9, atol=1e-9, err_msg=row.name)
    found = []
    for parameter in range(max(len(row.at) for row in rows)):
        slopes = [quotients(plain, parameter, step) for step in STEPS]
        for index, row in enumerate(rows):
            if parameter < len(row.at):
                tangent = got[index][parameter + 1 :: len(row.at) + 1]
                candidates = [slope[index] for slope in slopes]
                found.append(compare(row, parameter, tangent, candidates))
    return found


def agree(plain: Outputs, got: Sequence[Array], compiler: Compiler) -> None:
    """The partials of the engine that works ahead of time are those of the library."""
    done = differentiate(program(plain.rows, dual=False), all_continuous=True, compiler=compiler)
    ahead = build(done.text, compiler=compiler, optimize="-O0").run(plain.inputs, plain.frames)
    place = {one.label: 1 + k for k, one in enumerate(done.params)}
    for index, (row, both) in enumerate(zip(plain.rows, got, strict=True)):
        for parameter in range(len(row.at)):
            start, end = (done.stride * k for k in plain.ends[index : index + 2])
            other = ahead[start + place[label(index, parameter)] : end : done.stride, : row.frames]
            tangent = both[parameter + 1 :: len(row.at) + 1]
            off = np.linalg.norm(other - tangent) / (np.linalg.norm(tangent) or 1.0)
            assert off <= BETWEEN_ENGINES, f"{row.name}, parameter {parameter + 1}: {off:.1e}"


def quotients(plain: Outputs, parameter: int, step: float) -> list[Array]:
    """The five-point difference quotients of all rows by one parameter."""
    far_below, below, above, far_above = (
        plain.at(parameter, shift * step) for shift in (-2, -1, 1, 2)
    )
    return [
        (8 * (above[i] - below[i]) - (far_above[i] - far_below[i]))
        / (12 * step * abs(row.at[parameter]))
        if parameter < len(row.at)
        else np.zeros(0)
        for i, row in enumerate(plain.rows)
    ]


def compare(row: Row, parameter: int, tangent: Array, slopes: Sequence[Array]) -> Partial:
    norms = [float(np.linalg.norm(slope)) for slope in slopes]
    gaps = [
        float(np.linalg.norm(a - b)) / norm if norm else 0.0
        for a, b, norm in zip(slopes, slopes[1:], norms[1:], strict=False)
    ]
    best = int(np.argmin(gaps))
    errors = [
        float(np.linalg.norm(tangent - slopes[k])) / (norms[k] or 1.0) for k in (best, best + 1)
    ]
    return Partial(row, parameter, min(errors), gaps[best], norms[best + 1])


def wrong(one: Partial) -> bool:
    return not (one.error <= TOLERANCE and one.known <= TOLERANCE and one.norm > 0)


def daily() -> list[Row]:
    """Every other row of each library, of those that do not take too long."""
    found: list[Row] = []
    for library in dict.fromkeys(row.library for row in ROWS):
        found += [row for row in ROWS if row.often and row.library == library][::2]
    return found


DAILY = daily()


def rows_of(name: str, often: bool) -> list[Row]:
    """The rows that one compiler is tried with; often, those of `DAILY` whose turn it is.

    The compiler alternates, but for rows that one compiler alone is given.
    """
    turn = {row: place % 2 for place, row in enumerate(row for row in DAILY if not row.only)}
    own = list(BATCH).index(name)
    mine = {row for row in DAILY if turn.get(row, own) == own}
    return [row for row in ROWS if row.only in ("", name) and (row in mine) == often]


def batches(name: str, often: bool) -> Iterator[tuple[Row, ...]]:
    """The rows for one compiler, as many to a program as it takes well."""
    # Signals of one length together.
    for frames in sorted({row.frames for row in ROWS}):
        rows = [row for row in rows_of(name, often) if row.frames == frames]
        yield from (tuple(rows[k : k + BATCH[name]]) for k in range(0, len(rows), BATCH[name]))


def every_batch() -> Iterator[Any]:
    """All rows with either compiler; those that are not tried often are `slow`."""
    for name in BATCH:
        for often in (True, False):
            for rows in batches(name, often):
                yield pytest.param(name, rows, marks=() if often else pytest.mark.slow)


@pytest.mark.parametrize(
    ("compiler", "rows"),
    list(every_batch()),
    ids=lambda value: value if isinstance(value, str) else f"{value[0].name}..{value[-1].name}",
    indirect=["compiler"],
)
def test_partials_are_the_slopes_of_the_function(compiler: Compiler, rows: tuple[Row, ...]) -> None:
    found = partials(rows, compiler)
    failures = [str(one) for one in found if wrong(one)]
    assert not failures, "\n".join(failures)


#: Every other batch of those that are tried often.
BOTH_ENGINES = [
    pytest.param(
        rows,
        id=f"{rows[0].name}..{rows[-1].name}",
        marks=() if often and not place % 2 else pytest.mark.slow,
    )
    for often in (True, False)
    for place, rows in enumerate(batches("faust", often))
]


@pytest.mark.parametrize("compiler", ["faust"], indirect=True)
@pytest.mark.parametrize("rows", BOTH_ENGINES)
def test_the_engine_ahead_of_time_agrees(compiler: Compiler, rows: tuple[Row, ...]) -> None:
    """It has nothing in common with the library but the table."""
    dual = Outputs(rows, True, compiler)
    agree(Outputs(rows, False, compiler), dual.at(), compiler)


def test_there_are_enough_functions() -> None:
    for name in BATCH:
        assert len({row.name for often in (True, False) for row in rows_of(name, often)}) >= 150
    often = [row for name in BATCH for row in rows_of(name, often=True)]
    assert sorted(row.name for row in often) == sorted(row.name for row in DAILY)
    assert {row.library for row in often} == {row.library for row in ROWS}
    assert len(often) > 200
    for row in ROWS:
        assert row.name in row.text
        assert bool(row.only) == bool(row.why)


UNHAPPY = [one for ones in IMPOSSIBLE.values() for one in ones]


@pytest.mark.parametrize("one", [one for one in UNHAPPY if one.error], ids=lambda one: one.name)
def test_what_the_language_hides_is_an_error_that_names_it(
    one: Impossible, compiler: Compiler
) -> None:
    source = program([Row(one.name, one.at, one.text)], dual=True)
    with pytest.raises(FaustError, match=re.escape(one.error)):
        compiler.to_cpp(source, double=True, include=[BUILD])


def test_what_only_jumps_gives_zero_or_says_what_it_gives(compiler: Compiler) -> None:
    quiet = [one for one in UNHAPPY if not one.error]
    rows = [Row(one.name, one.at, one.text) for one in quiet]
    for one, got in zip(quiet, Outputs(rows, True, compiler).at(), strict=True):
        values = got[:: len(one.at) + 1]
        tangents = np.delete(got, np.s_[:: len(one.at) + 1], axis=0)
        assert np.isfinite(got).all(), one.name
        assert np.any(values), one.name
        assert np.any(tangents) == (one.partial == "slope"), one.name


def test_the_readme_lists_what_cannot_be_differentiated() -> None:
    text = " ".join((BUILD.parent / "README.md").read_text(encoding="utf-8").split())
    for reason, ones in IMPOSSIBLE.items():
        names = ", ".join(f"`{one.name}`" for one in ones)
        assert f"| {names} | {reason} |" in text


@pytest.mark.parametrize("one", TABULATED, ids=lambda one: one.name)
def test_an_oscillator_in_a_table_has_the_slope_of_its_sine(
    one: Tabulated, compiler: Compiler
) -> None:
    # A table of 65536 entries, read at whole numbers: the phase is off by 2 pi / 65536.
    (got,) = Outputs([Row(one.name, one.at, one.text)], True, compiler).at()
    (sine,) = Outputs([Row(one.name, one.at, one.smooth)], True, compiler).at()
    for k in range(len(one.at) + 1):
        assert np.linalg.norm(got[k] - sine[k]) <= 2e-4 * np.linalg.norm(sine[k])
