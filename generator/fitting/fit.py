"""A fit: from a program, examples and options to parameters, and what is known about them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autodiff import Parameter
from ..errors import InputError, Place, Problem
from .audio import Pair, total_frames
from .descent import RATES, Descent, descend, lbfgs
from .identifiability import Unknown, unknown
from .leastsquares import Point
from .losses import LOSSES, Loss, Residual, Sums
from .model import Source, model_of
from .objective import FinishedError, Iteration, Objective, Record
from .pool import Pool
from .scales import Scales
from .search import (
    Piece,
    astray,
    candidates,
    from_start,
    improve,
    least_squares,
    race,
    released,
)

Array = NDArray[np.float64]

OPTIMIZERS = ("lm", "lbfgs", "adam", "sgd")
#: Passes after which a search ends, by optimizer.
PASSES = {"lm": 60, "lbfgs": 200, "adam": 500, "sgd": 500}
#: Other places at which the rank of the Jacobian is looked at if the start does not have it.
PLACES = 4


@dataclass(frozen=True)
class Options:
    """How to search.

    `optimizer` is lm, lbfgs, adam or sgd; `passes` and `patience` are those of `Record` (None:
    by optimizer); `starts` is the number of starts in a race; the first is that of the sliders,
    unless `random_start`. `rate`, `batch` and `seed` are those of `Descent`.
    """

    optimizer: str = "lm"
    passes: float | None = None
    patience: int = 0
    starts: int = 1
    random_start: bool = False
    seed: int = 0
    rate: float | None = None
    batch: int = 0


@dataclass(frozen=True)
class Setup:
    """What is fitted to what: enough for another process to compute the loss."""

    source: Source
    examples: tuple[Pair, ...]
    loss: str
    others: tuple[Pair, ...] = ()
    file: str = "program"

    def objective(self) -> Objective:
        """The loss of this setup, in this process."""
        scales = Scales(self.source.params, self.file)
        return Objective(model_of(self.source), scales, self.examples, self.measure, self.others)

    @property
    def measure(self) -> Loss:
        """The loss itself."""
        return LOSSES[self.loss]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the parameters."""
        return tuple(one.label for one in self.source.params)

    @property
    def identity(self) -> str:
        """A hash of what a checkpoint depends on."""
        parts = [self.source.text, self.loss, *(str(one.target.frames) for one in self.examples)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Fit:
    """What was found.

    `errors` are standard errors of the values, for noise that is white (None where they are not
    known). `loss` and `error` are those at `values`; `explained` is False where much of the target
    is not. `warnings` are sentences for people. `interrupted` after Ctrl-C.
    """

    params: tuple[Parameter, ...]
    values: tuple[float, ...]
    errors: tuple[float | None, ...]
    loss: float
    error: float
    validation: float | None
    passes: float
    seconds: float
    reason: str
    explained: bool
    warnings: tuple[str, ...]
    iterations: tuple[Iteration, ...]
    interrupted: bool = False

    @property
    def by_path(self) -> dict[str, float]:
        """The values by path."""
        return {one.path: value for one, value in zip(self.params, self.values, strict=True)}


def fit(
    setup: Setup,
    options: Options,
    *,
    pool: Pool | None = None,
    record: Record | None = None,
) -> Fit:
    """Searches for the parameters of `setup`.

    `record` may come from a checkpoint, or have listeners; Ctrl-C ends the search, and the best of
    it is returned. Raises `InputError` if the program diverges or its parameters cannot be known.
    """
    objective = setup.objective()
    if record is None:
        record = Record(passes_limit(options))
    interrupted = False
    try:
        reason = _searched(setup, options, objective, record, pool or Pool(1))
    except FinishedError as end:
        if record.units is None:
            what = f"{end} before there is anything to show"
            hint = "allow more with --passes"
            raise InputError([Problem(Place(setup.file), what, hint)]) from None
        reason = str(end)
    except KeyboardInterrupt:
        if record.units is None:
            raise
        reason, interrupted = "interrupted", True
    return _concluded(setup, objective, record, reason, interrupted)


def passes_limit(options: Options) -> float:
    """After how many passes a search with these options ends."""
    return options.passes or PASSES[options.optimizer]


def _searched(
    setup: Setup, options: Options, objective: Objective, record: Record, pool: Pool
) -> str:
    resumed = record.units is not None
    rng = np.random.default_rng(options.seed)
    count = len(setup.source.params)
    first = rng.random(count) if options.random_start else _initial(setup, objective)
    if options.starts > 1 and not resumed:
        first_of_race = None if options.random_start else first
        heats = candidates(options.starts, count, options.seed, first_of_race)
        _identifiable(setup, objective, list(rng.random((PLACES, count))))
        point = race(objective, record, heats, _Improver(setup, pool), pool.jobs)
        if options.optimizer == "lm":
            return released(objective, record, point).done
        units, sums = point.units, point.sums
    else:
        units = record.units if record.units is not None else first
        units = np.asarray(record.state.get("units", units), float)
        sums = objective(units, curvature=options.optimizer == "lm" or not resumed)
        _finite(setup, objective, units, sums)
        if not resumed:
            _identifiable(setup, objective, list(rng.random((PLACES, count))), sums)
            record.add("start", objective, units, sums)
    match options.optimizer:
        case "lm" if resumed:
            damping = record.state.get("damping", 1e-2)
            point = Point(units, sums, float(damping) if isinstance(damping, float) else 1e-2)
            return least_squares(objective, record, point).done
        case "lm":
            return from_start(objective, record, units, sums)
        case "lbfgs":
            return lbfgs(objective, record, units, sums)
    rate = options.rate or RATES[options.optimizer]
    descent = Descent(options.optimizer, rate, options.batch, options.seed)
    return descend(objective, record, units, sums, descent)


def _initial(setup: Setup, objective: Objective) -> Array:
    return objective.scales.units([one.init for one in setup.source.params])


def _finite(setup: Setup, objective: Objective, units: Array, sums: Sums) -> None:
    if not sums.finite:
        values = objective.scales.values(units)
        at = ", ".join(f"{n} = {v:.6g}" for n, v in zip(setup.labels, values, strict=True))
        what = f"the program diverges: its output or partials are not finite at {at}"
        raise InputError([Problem(Place(setup.file), what, "start from other values")])


def _identifiable(
    setup: Setup, objective: Objective, places: Sequence[Array], sums: Sums | None = None
) -> None:
    """Raises `InputError` for parameters that cannot be known, here or at any of `places`."""
    left: Unknown | None = unknown(sums.curvature) if sums else None
    if left is not None and not left:
        return
    for units in places:
        found = objective(units)
        if not found.finite:
            continue
        here = unknown(found.curvature)
        if not here:
            return
        left = here if left is None else _common(left, here)
        if not left:
            return
    if left is None:
        return
    sources = [one.input for one in setup.examples if one.input]
    if sources and all(one.silent for one in sources):
        hint = "the input is silent: use one that sounds"
    else:
        hint = "choose fewer sliders with --param, or examples in which they act"
    what = f"not identifiable: {left.described(setup.labels)}"
    raise InputError([Problem(Place(setup.file), what, hint)])


def _common(one: Unknown, other: Unknown) -> Unknown:
    """What is unknown in both: a parameter may have no effect at one place only."""
    # A group at one place may hide behind a parameter without effect at the other.
    together = tuple(g for g in one.together if g in other.together)
    return Unknown(tuple(i for i in one.idle if i in other.idle), together)


def _concluded(
    setup: Setup, objective: Objective, record: Record, reason: str, interrupted: bool
) -> Fit:
    units, best = record.units, record.best
    assert units is not None and best is not None
    searched, seconds = record.iterations[-1].passes, record.iterations[-1].seconds
    # What is reported is computed anew, over all samples, whatever the search looked at.
    sums = objective(units)
    validation = objective.validation(units)
    _finite(setup, objective, units, sums)
    warnings = []
    if left := unknown(sums.curvature):
        warnings.append(f"not identifiable at the result: {left.described(setup.labels)}")
    values = objective.scales.values(units)
    ends = [setup.labels[i] for i in np.flatnonzero((units <= 0) | (units >= 1))]
    if ends:
        warnings.append(f"at an end of the range: {', '.join(ends)}; is the range wide enough?")
    lost = astray(objective, Point(units, sums, 0.0))
    if lost:
        part = f"{100 * sums.error:.0f} % of the target's energy is not explained"
        warnings.append(f"{part}: try --starts 256, or is it another program's sound?")
    errors = _standard_errors(setup, objective, units, sums)
    return Fit(
        setup.source.params,
        tuple(map(float, values)),
        errors if not left else (None,) * len(values),
        sums.loss,
        sums.error,
        validation,
        searched,
        seconds,
        reason,
        not lost,
        tuple(warnings),
        tuple(record.iterations),
        interrupted,
    )


def _standard_errors(
    setup: Setup, objective: Objective, units: Array, sums: Sums
) -> tuple[float | None, ...]:
    """From the inverse of the normal matrix: sigma^2 (J^T J)^-1, for the mean of squares only."""
    loss, count = objective.loss, len(units)
    if loss != Residual("squared"):
        return (None,) * count
    samples = total_frames(setup.examples) * setup.source.outputs
    try:
        inverse = np.linalg.inv(sums.curvature)
    except np.linalg.LinAlgError:
        return (None,) * count
    variance = 2 * sums.loss * np.diag(inverse) / max(1, samples - count)
    sizes = np.sqrt(np.maximum(variance, 0.0)) * np.abs(objective.scales.slopes(units))
    return tuple(map(float, sizes))


@dataclass(frozen=True)
class _Improver:
    """Sends the pieces of a race to the processes of a pool."""

    setup: Setup
    pool: Pool

    def __call__(self, pieces: Sequence[Piece]) -> Iterable[Any]:
        return self.pool.map(_improved, [(self.setup, piece) for piece in pieces])


def _improved(setup: Setup, piece: Piece) -> Any:
    return improve(setup.objective(), piece)


def fit_many(
    jobs: Sequence[tuple[Setup, Options]], pool: Pool, tell: Callable[[int, Fit | str], None]
) -> list[Fit | str]:
    """Fits that have nothing to do with each other; a text where one cannot be done.

    Ctrl-C ends all of them: those that are done are kept.
    """
    found: list[Fit | str] = []
    try:
        for index, one in enumerate(pool.map(_fitted, list(jobs))):
            found.append(one)
            tell(index, one)
            if isinstance(one, Fit) and one.interrupted:
                break
    except KeyboardInterrupt:
        if not found:
            raise
    for index in range(len(found), len(jobs)):
        found.append("interrupted before it was done")
        tell(index, found[-1])
    return found


def _fitted(setup: Setup, options: Options) -> Fit | str:
    # One thread for each process: the processes are the parallel part.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        return fit(setup, options)
    except InputError as error:
        return str(error)
