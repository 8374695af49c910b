"""Random programs: value and partials of `df.jvp` against an independent evaluator.

The same few hundred programs each time, until the tests change: hypothesis also tries the numbers
that stand in them. To explore, ask for more of them from another seed:

    FAUSTDIFF_PROGRAMS=3000 FAUSTDIFF_SEED=7 pytest faust-tests/test_random_programs.py
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from numpy.typing import NDArray

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.paths import BUILD
from support.random_programs import (
    CLOCKS,
    PARTLY,
    PRIMITIVES,
    TIMED,
    Model,
    Rejected,
    models,
    smaller,
)
from support.random_programs import reference as interpret
from support.row_trials import TABLE

pytestmark = pytest.mark.xdist_group("random_programs")

COUNT = int(os.environ.get("FAUSTDIFF_PROGRAMS", "240"))
SEED = int(os.environ.get("FAUSTDIFF_SEED", "0"))
#: How many programs one compilation holds.
BATCH = 20
FRAMES = 16
#: Numbers that are exact in any precision.
SIGNALS = np.round(np.random.default_rng(3).uniform(-1, 1, (2, FRAMES)) * 64) / 64
#: The roundings of a loop, and what is left of the difference quotients.
RELATIVE, ABSOLUTE = 1e-8, 1e-8

HEAD = 'import("stdfaust.lib"); df = library("diff.lib");\n'

#: Rows that no random program holds, and where they are tested.
ELSEWHERE = {
    "round": "not in every compiler; test_rows.py",
    "J0": "j0 is also a loop in the C++ of a delay line, and then does not compile; test_rows.py",
    "J1": "as J0; test_rows.py",
    "nextafter": "off by a rounding, which a jump may see; test_rows.py",
    "lowest": "about intervals; test_time.py",
    "highest": "about intervals; test_time.py",
    "assertbounds": "ends both compilers; test_time.py",
}


@dataclass(frozen=True)
class Trial:
    """A program, and its values and partials (outputs, 1 + parameters, frames)."""

    model: Model
    expected: NDArray[np.float64]


@functools.cache
def trials() -> list[Trial]:
    """Programs that have a derivative where they are tried; each once."""
    found: dict[str, Trial] = {}

    @seed(SEED)
    @settings(
        max_examples=COUNT,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(models())
    def collect(model: Model) -> None:
        try:
            found[model.text] = trial(model)
        except Rejected:
            reject()

    collect()
    return list(found.values())


def trial(model: Model) -> Trial:
    return Trial(model, interpret(model, SIGNALS).astype(float))


def program(batch: Sequence[Trial], dual: bool = True) -> str:
    """The outputs of each, one after the other; all have the same two inputs."""
    lines, calls = [HEAD], []
    for index, one in enumerate(batch):
        count, ins = len(one.model.at), one.model.body.ins
        lines.append(f"model{index} = {one.model.text};")
        sliders = ", ".join(f'hslider("{at}", {at}, -2, 2, 0.001)' for at in one.model.at)
        signals = "".join(f", {name}" for name in ("x1", "x2")[:ins])
        box = f"df.jvp({count}, model{index})" if dual else f"model{index}"
        calls.append(f"({sliders}{signals} : {box})")
    lines.append(f"process(x1, x2) = {', '.join(calls)}, (x1, x2 : !, !);")
    return "\n".join(lines)


def failures(batch: Sequence[Trial], compiler: Compiler) -> list[tuple[Trial, str]]:
    """The programs whose outputs are wrong, or which do not compile, each with what is wrong."""
    try:
        compiled = build(program(batch), compiler=compiler, include=[BUILD], optimize="-O0")
    except FaustError as error:
        if len(batch) == 1:
            return [(batch[0], str(error)[:1000])] if accepted(batch[0], compiler) else []
        half = len(batch) // 2
        return [*failures(batch[:half], compiler), *failures(batch[half:], compiler)]
    signals = compiled.run(SIGNALS)
    ends = np.cumsum([one.expected.shape[0] * one.expected.shape[1] for one in batch])
    found = []
    for one, got in zip(batch, np.split(signals, ends[:-1]), strict=True):
        got = got.reshape(one.expected.shape)
        close = np.isclose(got, one.expected, rtol=RELATIVE, atol=ABSOLUTE)
        for output, k, n in np.argwhere(~close)[:1]:
            what = f"partial {k}" if k else "value"
            found.append(
                (
                    one,
                    f"the {what} of output {output + 1} is {got[output, k, n]} at sample {n},"
                    f" expected {one.expected[output, k, n]}",
                )
            )
    return found


def accepted(one: Trial, compiler: Compiler) -> bool:
    """Whether the compiler takes the plain program: it has faults of its own."""
    try:
        build(program([one], dual=False), compiler=compiler, include=[BUILD], optimize="-O0")
    except FaustError:
        return False
    return True


def smallest(failed: Trial, compiler: Compiler) -> tuple[Trial, str]:
    """The failing program made smaller for as long as it still fails."""
    best, message = failed, ""
    while True:
        candidates = []
        for model in smaller(best.model):
            try:
                candidates.append(trial(model))
            except (Rejected, KeyError):
                continue
        for start in range(0, len(candidates), BATCH):
            found = failures(candidates[start : start + BATCH], compiler)
            if found:
                best, message = min(found, key=lambda pair: pair[0].model.body.size)
                break
        else:
            return best, message or failures([best], compiler)[0][1]


def report(found: Sequence[tuple[Trial, str]], compiler: Compiler) -> str:
    failed, _ = min(found, key=lambda pair: pair[0].model.body.size)
    least, message = smallest(failed, compiler)
    count = len(least.model.at)
    return (
        f"{len(found)} programs are wrong; the smallest was\n{failed.model.text}\n"
        f"and fails as\n{least.model.text}\nat {least.model.at}: {message}\n"
        f"process = {', '.join(map(str, least.model.at))}, si.bus({least.model.body.ins})"
        f" : df.jvp({count}, {least.model.text});"
    )


BATCHES = max(1, COUNT // BATCH)
#: Every other batch is for `make test-slow`.
EACH = [
    pytest.param(index, marks=pytest.mark.slow if index % 2 else ()) for index in range(BATCHES)
]


@pytest.mark.parametrize("index", EACH)
def test_value_and_partials_are_what_the_program_means(index: int, compiler: Compiler) -> None:
    batch = trials()[index::BATCHES]
    found = failures(batch, compiler)
    assert not found, report(found, compiler)


def test_there_are_as_many_programs_as_asked_for() -> None:
    assert len(trials()) > 0.9 * COUNT
    # More than a name or a number: something is in it that has a derivative.
    moving = [one for one in trials() if abs(one.expected[:, 1:]).max() > 0]
    assert len(moving) > 0.6 * COUNT


def test_every_row_can_be_in_a_program() -> None:
    kinds = ("smooth", "guarded", "selector", "zero", "linear")
    rows = {
        row.name: row.faust
        for row in TABLE.primitives
        if row.kind in kinds and not row.composite and row.faust != "_"
    }
    known = {*PRIMITIVES, *PARTLY, *TIMED, *CLOCKS}
    assert {name for name, faust in rows.items() if faust not in known} == set(ELSEWHERE)
