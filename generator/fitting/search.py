"""From a start to the parameters: which problem is solved first, so that the real one can be.

Least squares converges in a few passes from a start that is near enough. What is near enough
depends on the program: a filter forgives octaves, an oscillator that is off by a cycle over the
recording is lost, and so is a delay that is off by a period of what it delays. There are two
remedies, and both solve an easier problem first.

*Coarse to fine.* Residual and partials are smoothed by lowpasses, from 3 Hz upwards, in the same
pass. The wider the smoothing, the further a delay can be off. Once a level is solved, the search
goes on at the finest level whose own step agrees with what the coarser one knows: in the metric of
its Gauss-Newton matrix, the step is within its uncertainty. This is the continuation of Witkin,
Terzopoulos and Kass, "Signal matching through scale space" (1987).

*Race.* Many starts compete on a short piece from the beginning of the recordings, just long enough
for the parameters to be identifiable. The best quarter goes on to a piece of twice the length, and
so on: successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016)
joined with a growing horizon, in which frequencies and delays are known ever better before cycles
can be lost. All of it costs but a few passes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .identifiability import condition
from .least_squares import (
    OF_SAMPLES,
    OF_SPECTRA,
    Point,
    Worth,
    minimize,
    next_point,
    step,
    stop_reason,
)
from .losses import Residual, Sums
from .objective import Objective, Search

Array = NDArray[np.float64]

#: A part of the target's energy: with more left over, the search is taken for lost.
LOST_ENERGY = 1e-2

FIRST_DAMPING = 1e-2
#: After a problem that was nearly the same.
WARM_DAMPING = 1e-3

#: The lowpasses, in Hz.
LOWPASS_CUTOFFS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
#: A level is solved where no step is worth that.
LEAST_WORTH = Worth(3e-2, OF_SAMPLES.move)
#: How many standard deviations a finer level may contradict a coarser one.
MAX_CONTRADICTION = 3.0

#: The shortest piece of a race, in samples.
SHORTEST_PIECE = 64
#: Steps of each start on each piece.
RACE_STEPS = 3
#: One in so many goes on.
RACE_FACTOR = 4
#: The most starts in a piece of work: Ctrl-C keeps the best of the pieces that are done.
CHUNK_STARTS = 16
#: Fields of starts that are raced, and the rounds after which one that explains little is given up.
FIELDS, ROUNDS = 3, 2
#: Starts that are looked at to find the first piece, and the condition of the Jacobian that this
#: part of them must have on it.
PROBED_STARTS, PROBED_CONDITION, PROBED_PART = 16, 1e-2, 0.75


def least_squares(search: Search, start: Point, stage: str = "least squares") -> Point:
    """Levenberg-Marquardt over all samples."""
    point = start
    samples = isinstance(search.objective.loss, Residual)
    for point in minimize(search.objective, start, OF_SAMPLES if samples else OF_SPECTRA):
        search.record.state = {"damping": point.damping, "growth": point.growth}
        if not point.ending:
            search.add(stage, point.units, point.sums)
    return point


def from_start(search: Search, units: Array, sums: Sums) -> Point:
    """From one start: least squares, then coarse to fine where that leaves much unexplained."""
    point = least_squares(search, Point(units, sums, FIRST_DAMPING))
    if is_lost(search.objective, point):
        solved = coarse_to_fine(search, units)
        point = least_squares(search, replace(solved, damping=WARM_DAMPING))
    return release_from_ends(search, point)


def is_lost(objective: Objective, point: Point) -> bool:
    """Whether much of the target is left over by a loss that compares samples."""
    return isinstance(objective.loss, Residual) and point.sums.error > LOST_ENERGY


def release_from_ends(search: Search, point: Point) -> Point:
    """Again from the middles, if it has run into the ends of ranges and explains little."""
    inside = off_edges(point.units)
    if inside is None or not is_lost(search.objective, point):
        return point
    sums = search.objective(inside)
    search.add("released", inside, sums)
    other = least_squares(search, Point(inside, sums, FIRST_DAMPING), "released")
    return min(point, other, key=lambda one: one.sums.loss)


def off_edges(units: Array) -> Array | None:
    """With the parameters that are at an end of their range in its middle, if there are any."""
    edge = (units < 1e-6) | (units > 1 - 1e-6)
    return np.where(edge, 0.5, units) if edge.any() else None


def coarse_to_fine(search: Search, units: Array) -> Point:
    """The problem smoothed, from coarse to fine; the last level is the loss itself."""
    objective = search.objective
    rate = objective.examples[0].rate
    cutoffs = [hertz for hertz in LOWPASS_CUTOFFS if hertz < rate / 8]
    levels = [Residual("squared", relative=True, cutoff=hertz / rate) for hertz in cutoffs]
    names = [f"below {hertz:g} Hz" for hertz in cutoffs] + ["least squares"]
    losses = [*levels, objective.loss]

    def evaluate(at: Array, level: int) -> list[Sums]:
        sums = objective.several(at, losses)
        search.add(names[level], at, sums[-1])
        return sums

    level, sums_of_levels = 0, evaluate(units, 0)
    point = Point(units, sums_of_levels[0], FIRST_DAMPING)
    while level < len(levels):
        move = step(point)
        if stop_reason(point, move, LEAST_WORTH):
            samples = max(2 * len(units), 4 * cutoffs[level] / rate * objective.total)
            level = _finest_agreeing(sums_of_levels, level, samples, point.units)
            point = Point(point.units, sums_of_levels[level], WARM_DAMPING)
            continue
        after = evaluate(point.units + move, level)
        moved = next_point(point, move, after[level])
        if moved.sums is after[level]:
            sums_of_levels = after
        point = moved
    return point


def _finest_agreeing(levels: Sequence[Sums], level: int, samples: float, units: Array) -> int:
    """The finest level whose step is within what `level` does not know.

    `samples` is the number of independent ones at `level`: two per second and Hz.
    """
    here = levels[level]
    variance = here.loss / samples
    finest = level + 1
    for finer in range(level + 1, len(levels)):
        move = step(Point(units, levels[finer], 1e-6))
        if move @ here.curvature @ move / 2 > MAX_CONTRADICTION**2 * len(units) * variance:
            break
        finest = finer
    return finest


@dataclass(frozen=True)
class RacePiece:
    """Work for one process: starts that are improved on the first `frames` samples."""

    starts: tuple[tuple[Array, float], ...]
    frames: int
    steps: int


@dataclass(frozen=True)
class RaceOutcome:
    """What became of a `RacePiece`, and how many samples were computed for it."""

    points: tuple[Point, ...]
    computed: int


def improve_piece(objective: Objective, piece: RacePiece) -> RaceOutcome:
    """A few steps of least squares from each start."""
    before = objective.frames
    points = []
    for units, damping in piece.starts:
        point = Point(units, objective(units, piece.frames), damping)
        search = minimize(lambda at: objective(at, piece.frames), point)
        for _, point in zip(range(piece.steps), search, strict=False):
            if point.ending:
                break
        points.append(point)
    return RaceOutcome(tuple(points), objective.frames - before)


Improver = Callable[[Sequence[RacePiece]], Iterable[RaceOutcome]]


def candidates(
    count: int, parameters: int, seed: int, first: Array | None
) -> Iterator[list[Array]]:
    """Starts (parameters,) that fill the ranges evenly, for one field after the other.

    Latin hypercubes (McKay, Beckman and Conover, 1979). `first` comes in front, if given.
    """
    from scipy.stats import qmc

    for field in itertools.count():
        rng = np.random.default_rng([seed, field])
        spread = list(qmc.LatinHypercube(parameters, rng=rng).random(count))
        yield spread if first is None or field else [first, *spread[1:]]


def race(search: Search, fields: Iterator[list[Array]], improver: Improver, jobs: int) -> Point:
    """The best of many starts, after least squares over all samples.

    A field in which all explain little is given up early, and the next one starts on half its
    piece.
    """
    starts = next(fields)
    frames = first_piece(search, starts)
    for number in range(FIELDS):
        last = number == FIELDS - 1
        best = _halving(search, starts, max(frames >> number, 1), improver, jobs, last)
        if best is not None:
            break
        starts = next(fields)
    assert best is not None
    return least_squares(search, replace(best, damping=WARM_DAMPING))


def _halving(
    search: Search,
    starts: Sequence[Array],
    frames: int,
    improver: Improver,
    jobs: int,
    last: bool,
) -> Point | None:
    """The best of the `starts`, or None if all explain little and it is not the `last` field."""
    objective = search.objective
    racing = [(units, FIRST_DAMPING) for units in starts]
    for turn in itertools.count(1):
        points = _round(search, racing, frames, improver, jobs)
        if frames >= objective.length:
            return points[0]
        if turn == ROUNDS and not last and is_lost(objective, points[0]):
            return None
        kept = points[: max(1, len(points) // RACE_FACTOR)]
        if not is_lost(objective, points[0]):
            # It found the way; the others are in other valleys.
            kept = [one for one in kept if not is_lost(objective, one)]
        racing = [(one.units, WARM_DAMPING) for one in kept]
        racing += [
            (inside, WARM_DAMPING)
            for one in kept
            if is_lost(objective, one) and (inside := off_edges(one.units)) is not None
        ]
        frames = min(2 * frames, objective.length)
    raise AssertionError


def _round(
    search: Search,
    racing: Sequence[tuple[Array, float]],
    frames: int,
    improver: Improver,
    jobs: int,
) -> list[Point]:
    """All that race, improved on the first `frames` samples, the best first; it is recorded."""
    parts = max(min(jobs, len(racing)), -(-len(racing) // CHUNK_STARTS))
    pieces = [RacePiece(tuple(racing[index::parts]), frames, RACE_STEPS) for index in range(parts)]
    points: list[Point] = []

    def record() -> None:
        points.sort(key=lambda one: one.sums.loss if one.sums.finite else np.inf)
        whole = frames >= search.objective.length
        stage = f"race of {len(points)} on {frames}"
        search.add(stage, points[0].units, points[0].sums, whole=whole)

    try:
        for improved in improver(pieces):
            points += improved.points
            search.objective.frames += improved.computed
    except KeyboardInterrupt:
        if points:
            record()
        raise
    record()
    return points


def first_piece(search: Search, starts: Sequence[Array]) -> int:
    """The length on which three of four starts have parameters that can be told apart.

    A start that is late, with a delay longer than the piece, would win on a target that is as well.
    """
    objective = search.objective
    probes = starts[:PROBED_STARTS]
    onset = max(one.target.onset() for one in objective.examples)
    frames = SHORTEST_PIECE
    while frames < objective.length:
        if frames > onset:
            known = [condition(objective(units, frames).curvature) for units in probes]
            if float(np.quantile(known, 1 - PROBED_PART)) > PROBED_CONDITION:
                break
            search.record.check(objective)
        frames *= 2
    return min(frames, objective.length)
