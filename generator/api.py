"""faustdiff from Python: each command as a function on programs and arrays.

    import faustdiff

    found = faustdiff.fit("amp.dsp", dry, wet, 48000)
    found.values["drive"], found.verdict, found.latency
    found.program                                  # the program with these values

A program is a path, or its text. Signals are arrays (frames,) or (channels, frames). What is wrong
with what is given raises `faustdiff.errors.InputError`, what a compiler refuses
`faustdiff.faust.calling.FaustError`. Programs run in this process: one that divides integers by
zero ends it, where the command, whose programs have a process of their own, ends with a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .extras import naming_extras

if TYPE_CHECKING:
    from .autodiff.differentiate import DifferentiatedProgram
    from .autodiff.verification import VerificationReport as Verification
    from .faust.compilers import Compiler
    from .fitting.gradients import Wanted
    from .fitting.result import FitResult
    from .proof.checking import Report as CheckReport
    from .table.model import Table

Program = str | Path
Signal = ArrayLike


@naming_extras
def fit(
    program: Program,
    inputs: Signal | Sequence[Signal] | None,
    target: Signal | Sequence[Signal],
    rate: int,
    *,
    params: Sequence[str] = (),
    all_continuous: bool = False,
    settings: Mapping[str, float] | None = None,
    menus: Sequence[str] = (),
    loss: str = "mse",
    optimizer: str = "lm",
    gradient: Wanted = "auto",
    starts: int = 1,
    passes: float | None = None,
    patience: int = 0,
    batch: int = 0,
    learning_rate: float | None = None,
    random_start: bool = False,
    seed: int = 0,
    align: bool = True,
    jobs: int = 1,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
) -> FitResult:
    """Finds the sliders of a program that turn `inputs` into `target`, at a `rate` in Hz.

    `inputs` is None for a program without inputs. For several examples, both are lists of arrays.
    `params` names the sliders that are sought, by label or path; else all continuous ones, if
    `all_continuous`, or those marked `[diff:1]`. `settings` are values of others, and starts of
    those; `menus` names controls with a few values, which are all tried. The rest is as the options
    of the command: `loss` is one of `fitting.catalogue`, such as mse, stft or ot, also with
    settings; `optimizer` is lm, lbfgs, adam or sgd.
    """
    from .fitting.result import fit_arrays
    from .fitting.setup import Options
    from .fitting.subject import Subject
    from .signals.source import read_source

    text = read_source(program)
    subject = Subject(
        text.text, text.name, text.file, _compiler(compiler), (*text.include, *include), table
    )
    options = Options(
        optimizer, passes, patience, starts, random_start, seed, learning_rate, batch, align
    )
    sliders = {"params": params, "all_continuous": all_continuous, "settings": settings}
    wanted = {**sliders, "menus": menus, "gradient": gradient}
    return fit_arrays(subject, inputs, target, rate, loss, options, jobs, wanted)


@naming_extras
def differentiate(
    program: Program,
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
) -> DifferentiatedProgram:
    """A program with its partial derivatives by sliders, as the text of another program.

    For each output it has the value, then a partial for each of `params`, as `fit` chooses them.
    """
    from .autodiff.differentiate import differentiate as transformed
    from .signals.source import read_source

    text = read_source(program)
    return transformed(
        text.text,
        params=params,
        all_continuous=all_continuous,
        compiler=compiler,
        include=(*text.include, *include),
        table=table,
        name=text.name,
        file=text.file,
    )


@naming_extras
def verify(
    program: Program,
    inputs: Signal | str = "noise",
    rate: int = 44100,
    *,
    seconds: float | None = None,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    settings: Mapping[str, float] | None = None,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    epsilon: float | None = None,
    tolerance: float | None = None,
) -> Verification:
    """The partials of a program compared with central differences; `.holds` if they agree.

    `inputs` is an array, or noise, impulse, sine or sweep of so many `seconds`. `epsilon` is the
    step relative to a slider's value, and `tolerance` the greatest relative error.
    """
    from .autodiff.partial_comparison import DEFAULT_TOLERANCE
    from .autodiff.verification import DEFAULT_EPSILON
    from .autodiff.verification import verify as verified
    from .faust.excitation import Excitation, excitation
    from .signals.source import read_source

    text = read_source(program)

    def feed(count: int) -> Excitation:
        if isinstance(inputs, str):
            return excitation(inputs, count, seconds, rate)
        signals = np.atleast_2d(np.asarray(inputs, float))
        wide = np.broadcast_to(signals, (count, signals.shape[1]))
        return Excitation(np.ascontiguousarray(wide), rate)

    return verified(
        text.text,
        feed,
        params=params,
        all_continuous=all_continuous,
        compiler=compiler,
        include=(*text.include, *include),
        table=table,
        name=text.name,
        file=text.file,
        settings=settings,
        epsilon=epsilon or DEFAULT_EPSILON,
        tolerance=tolerance or DEFAULT_TOLERANCE,
    )


@naming_extras
def check(table: Path | None = None, extend: Sequence[Path] = ()) -> CheckReport:
    """Proves every rule of a table, by default the built-in one; `.failures` do not hold."""
    from .proof.checking import check as checked
    from .resources import resource
    from .table.assembling import read

    return checked(read(table or resource("primitives.yaml"), tuple(extend)))


@naming_extras
def build(out: Path, table: Path | None = None, extend: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Proves a table and writes diff.lib, its reference and a schema into a folder; their paths.

    Raises `InputError` with each rule that does not hold, or each new row that does not compile,
    and writes nothing. Where no compiler is there to try new rows, a warning says so.
    """
    import warnings

    from .errors import InputError, Problem
    from .library.compiling import SPELLING_HINT, refused_rows, unknown_rows, untried_rows
    from .library.rendering import render, write
    from .proof.checking import CheckedTable

    report = check(table, extend)
    if not isinstance(report, CheckedTable):
        hint = "correct the row; its fields are explained at the top of the table"
        raise InputError(
            Problem(one.place, one.detail, hint, row=one.row.name) for one in report.failures
        )
    files = render(report)
    if rows := untried_rows(report.table):
        warnings.warn(unknown_rows(rows), stacklevel=2)
    if refused := refused_rows(files, report.table):
        raise InputError(
            Problem(row.place, f"does not compile: {message}", SPELLING_HINT, row=row.name)
            for row, message in refused
        )
    return tuple(write(files, out))


def _compiler(compiler: Compiler | str | None) -> Compiler:
    from .faust.compilers import Compiler, find_compiler

    return compiler if isinstance(compiler, Compiler) else find_compiler(compiler)
