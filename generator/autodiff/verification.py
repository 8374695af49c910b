"""Partials by the rules against central differences of the program itself.

See `differences` for how these are taken and how well they are known, and `partial_comparison`
for the verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler, find_compiler
from ..faust.excitation import Excitation
from ..faust.program import build
from ..table.assembling import built_in_table
from ..table.model import Table
from .differences import Array
from .differentiate import differentiate
from .partial_comparison import DEFAULT_TOLERANCE, PartialComparison
from .reverse import reverse_programs
from .second_opinion import ReverseComparison, compare_modes
from .tangents import TableSlope
from .trials import Trial, pressed_buttons
from .vjp import VJP

DEFAULT_EPSILON = 1e-4


@dataclass(frozen=True)
class VerificationReport:
    """All comparisons of a program, by output, then by parameter; `values` is (outputs, frames).

    `modes` compare with reverse mode, by parameter, if that was asked for; `remarks` say what was
    done that a user would want to know.
    """

    name: str
    comparisons: tuple[PartialComparison, ...]
    values: Array
    rate: int
    tolerance: float
    remarks: tuple[str, ...] = ()
    modes: tuple[ReverseComparison, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every partial is right, and both modes agree where they were compared."""
        return all(one.holds for one in self.comparisons) and all(one.agrees for one in self.modes)


def verify(
    source: str,
    feed: Callable[[int], Excitation],
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = "program",
    file: str = "",
    settings: Mapping[str, float] | None = None,
    epsilon: float = DEFAULT_EPSILON,
    tolerance: float = DEFAULT_TOLERANCE,
    buttons: bool = False,
    reverse: bool = False,
    table_slope: TableSlope = "oscillators",
) -> VerificationReport:
    """The partials of the program `source`, compared with central differences.

    `feed` gives the input signals for a number of inputs, `settings` values for sliders by label or
    path, `epsilon` the greatest step relative to a slider's value, `tolerance` the relative error
    that is let pass; with `buttons`, all buttons and checkboxes are held, and with `reverse`
    reverse mode is compared as well. A slider without effect is tried at other settings. The other
    arguments, and errors, are those of `differentiate`; `ValueError` for an unknown name in
    `settings`; `InputError` if the output is not finite.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    build_it = partial(build, compiler=compiler, include=include)
    shared: dict[str, Any] = {"compiler": compiler, "include": include, "table": table}
    differentiate_it = partial(
        differentiate,
        source,
        params=params,
        all_continuous=all_continuous,
        name=name,
        file=file,
        **shared,
    )
    differentiated = differentiate_it(table_slope=table_slope)
    plain, dual = build_it(source), build_it(differentiated.text)
    asked = {plain.settable_path(n): v for n, v in (settings or {}).items()}
    given = {**pressed_buttons(plain), **asked} if buttons else asked
    trial = Trial(plain, dual, differentiated, feed(differentiated.inputs), epsilon, tolerance)
    signals = trial.run_dual(given)
    values = signals[:: differentiated.stride]
    _require_finite(values, file or name)
    compared = _comparisons(trial, given, asked, signals)
    if table_slope == "oscillators" and any(_may_be_by_slope(one) for one in compared):
        flat = differentiate_it(table_slope="none", table=_without_surrogates(table))
        without = replace(trial, dual=build_it(flat.text), differentiated=flat)
        compared = _judge_slopes(without, given, compared)
    modes = _compare_modes(source, trial, shared, given, compared) if reverse else ()
    by_output = sorted((one for several in compared for one in several), key=lambda one: one.output)
    remarks = (*differentiated.remarks, *_sound_remarks(plain.sounds))
    return VerificationReport(
        name, tuple(by_output), values, trial.feed.rate, tolerance, remarks, modes
    )


def _without_surrogates(table: Table | None) -> Table:
    """A table by which staircases have the derivative 0, where a row has a slope in its place."""
    table = table or built_in_table()
    rows = (
        replace(row, partials={**row.partials, **dict.fromkeys(row.surrogates)})
        for row in table.primitives
    )
    return replace(table, primitives=tuple(rows))


def _sound_remarks(sounds: Sequence[str]) -> tuple[str, ...]:
    if not sounds:
        return ()
    return (f"sound files are not read: two sines stand in for {', '.join(sounds)}",)


def _comparisons(
    trial: Trial, given: Mapping[str, float], asked: Mapping[str, float], signals: Array
) -> list[list[PartialComparison]]:
    """Those of each parameter: at the settings `given`, or where it acts if it does not there."""
    count = len(trial.differentiated.params)
    compared = [trial.compare(index, given, signals) for index in range(count)]
    idle = [index for index, several in enumerate(compared) if all(one.idle for one in several)]
    without_effect = set(idle)
    for one in trial.find_active(idle, given, asked):
        without_effect.remove(one.index)
        settings = {**given, **one.moved}
        compared[one.index] = trial.compare(one.index, settings, one.signals, one.moved)
    for index, several in enumerate(compared):
        if index not in without_effect and any(one.idle for one in several):
            acting = trial.acting([index], {**given, **several[0].moved}).get(index)
            if acting is not None:
                compared[index] = [replace(one, acts=bool(acting[one.output])) for one in several]
    return compared


def _compare_modes(
    source: str,
    trial: Trial,
    shared: Mapping[str, Any],
    given: Mapping[str, float],
    compared: Sequence[Sequence[PartialComparison]],
) -> tuple[ReverseComparison, ...]:
    """Reverse mode beside forward mode, by the parameters of a trial."""
    paths = [one.path for one in trial.differentiated.params]
    programs = reverse_programs(source, params=paths, by_sums=True, **shared)
    rate, include = trial.feed.rate, shared["include"]
    adjoint = VJP(programs, shared["compiler"], sample_rate=rate, include=include)
    return compare_modes(trial, adjoint, given, compared)


def _may_be_by_slope(several: Sequence[PartialComparison]) -> bool:
    return any(one.verdict == "differs" and one.stairs for one in several)


def _judge_slopes(
    flat: Trial, given: Mapping[str, float], compared: Sequence[Sequence[PartialComparison]]
) -> list[list[PartialComparison]]:
    """Which partials differ by slopes for staircases alone, by `flat`, a dual that has none."""
    judged: list[list[PartialComparison]] = []
    for index, several in enumerate(compared):
        confirmed = [False] * len(several)
        if _may_be_by_slope(several):
            settings = {**given, **several[0].moved}
            others = flat.compare(index, settings, flat.run_dual(settings))
            confirmed = [
                one.verdict != "differs" and not np.array_equal(one.partial, steep.partial)
                for one, steep in zip(others, several, strict=True)
            ]
        judged.append(
            [replace(one, by_slope=so) for one, so in zip(several, confirmed, strict=True)]
        )
    return judged


def _require_finite(values: Array, file: str) -> None:
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(axis=0)))
        what = f"the output is not finite at sample {bad}"
        raise InputError([Problem(Place(file), what, "choose other values with --set")])
