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
from scipy.stats import qmc

from .identifiability import condition
from .leastsquares import Point, judged, minimize, step, verdict
from .losses import Residual, Sums
from .objective import Objective, Record

Array = NDArray[np.float64]

#: A part of the target's energy: with more left unexplained, the search has gone astray.
ASTRAY = 1e-2

DAMPING = 1e-2
#: After a problem that was nearly the same.
WARM = 1e-3

#: The lowpasses, in Hz.
CUTOFFS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
#: A level is solved where no step is expected to improve it by this part.
SOLVED = 3e-2
#: How many standard deviations a finer level may contradict a coarser one.
AGREEMENT = 3.0

#: The shortest piece of a race, in samples.
PIECE = 64
#: Steps of each start on each piece.
STEPS = 3
#: One in so many goes on.
KEPT = 4
#: The most starts in a piece of work: Ctrl-C keeps the best of the pieces that are done.
CHUNK = 16
#: Heats, and the rounds after which one without hope is given up.
HEATS, HOPE = 3, 2
#: Starts that are looked at to find the first piece, and how well the parameters must be known on
#: it, at most of them.
PROBES, KNOWN, MOST = 16, 1e-2, 0.75


def least_squares(
    objective: Objective, record: Record, start: Point, stage: str = "least squares"
) -> Point:
    """Levenberg-Marquardt over all samples."""
    point = start
    for point in minimize(objective, start):
        record.state = {"damping": point.damping, "growth": point.growth}
        if not point.done:
            record.add(stage, objective, point.units, point.sums)
    return point


def from_start(objective: Objective, record: Record, units: Array, sums: Sums) -> str:
    """From one start: least squares, then coarse to fine if that goes astray. Says why it ended."""
    point = least_squares(objective, record, Point(units, sums, DAMPING))
    if astray(objective, point):
        solved = coarse_to_fine(objective, record, units)
        point = least_squares(objective, record, replace(solved, damping=WARM))
    return released(objective, record, point).done


def astray(objective: Objective, point: Point) -> bool:
    """Whether much of the target is left unexplained by a loss that compares samples."""
    return isinstance(objective.loss, Residual) and point.sums.error > ASTRAY


def released(objective: Objective, record: Record, point: Point) -> Point:
    """If the search has gone astray to the ends of ranges: once more, from their middles."""
    inside = off_edges(point.units)
    if inside is None or not astray(objective, point):
        return point
    sums = objective(inside)
    record.add("released", objective, inside, sums)
    other = least_squares(objective, record, Point(inside, sums, DAMPING), "released")
    return min(point, other, key=lambda one: one.sums.loss)


def off_edges(units: Array) -> Array | None:
    """With the parameters that are at an end of their range in its middle, if there are any."""
    edge = (units < 1e-6) | (units > 1 - 1e-6)
    return np.where(edge, 0.5, units) if edge.any() else None


def coarse_to_fine(objective: Objective, record: Record, units: Array) -> Point:
    """The problem smoothed, from coarse to fine; the last level is the loss itself."""
    rate = objective.examples[0].target.rate
    cutoffs = [hertz for hertz in CUTOFFS if hertz < rate / 8]
    levels = [Residual("squared", relative=True, cutoff=hertz / rate) for hertz in cutoffs]
    names = [f"below {hertz:g} Hz" for hertz in cutoffs] + ["least squares"]
    losses = [*levels, objective.loss]

    def evaluate(at: Array, level: int) -> list[Sums]:
        found = objective.several(at, losses)
        record.add(names[level], objective, at, found[-1])
        return found

    level, found = 0, evaluate(units, 0)
    point = Point(units, found[0], DAMPING)
    while level < len(levels):
        move = step(point)
        if verdict(point, move, SOLVED):
            samples = max(2 * len(units), 4 * cutoffs[level] / rate * objective.total)
            level = _finest_agreeing(found, level, samples, point.units)
            point = Point(point.units, found[level], WARM)
            continue
        after = evaluate(point.units + move, level)
        moved = judged(point, move, after[level])
        if moved.sums is after[level]:
            found = after
        point = moved
    return point


def _finest_agreeing(found: Sequence[Sums], level: int, samples: float, units: Array) -> int:
    """The finest level whose step is within what `level` does not know.

    `samples` is the number of independent ones at `level`: two per second and Hz.
    """
    here = found[level]
    variance = here.loss / samples
    finest = level + 1
    for finer in range(level + 1, len(found)):
        move = step(Point(units, found[finer], 1e-6))
        if move @ here.curvature @ move / 2 > AGREEMENT**2 * len(units) * variance:
            break
        finest = finer
    return finest


@dataclass(frozen=True)
class Piece:
    """Work for one process: starts that are improved on the first `frames` samples."""

    starts: tuple[tuple[Array, float], ...]
    frames: int
    steps: int


@dataclass(frozen=True)
class Improved:
    """What became of a `Piece`, and how many samples were computed for it."""

    points: tuple[Point, ...]
    computed: int


def improve(objective: Objective, piece: Piece) -> Improved:
    """A few steps of least squares from each start."""
    before = objective.frames
    points = []
    for units, damping in piece.starts:
        point = Point(units, objective(units, piece.frames), damping)
        search = minimize(lambda at: objective(at, piece.frames), point)
        for _, point in zip(range(piece.steps), search, strict=False):
            if point.done:
                break
        points.append(point)
    return Improved(tuple(points), objective.frames - before)


Improver = Callable[[Sequence[Piece]], Iterable[Improved]]


def candidates(
    count: int, parameters: int, seed: int, first: Array | None
) -> Iterator[list[Array]]:
    """Starts (parameters,) that fill the ranges evenly, for one heat after the other.

    Latin hypercubes (McKay, Beckman and Conover, 1979). `first` comes in front, if given.
    """
    for heat in itertools.count():
        rng = np.random.default_rng([seed, heat])
        spread = list(qmc.LatinHypercube(parameters, rng=rng).random(count))
        yield spread if first is None or heat else [first, *spread[1:]]


def race(
    objective: Objective,
    record: Record,
    heats: Iterator[list[Array]],
    improver: Improver,
    jobs: int,
) -> Point:
    """The best of many starts, after least squares over all samples.

    A heat in which all have gone astray is given up early, and the next one starts on half its
    piece.
    """
    starts = next(heats)
    frames = first_piece(objective, record, starts)
    for heat in range(HEATS):
        last = heat == HEATS - 1
        best = _heat(objective, record, starts, max(frames >> heat, 1), improver, jobs, last)
        if best is not None:
            break
        starts = next(heats)
    assert best is not None
    return least_squares(objective, record, replace(best, damping=WARM))


def _heat(
    objective: Objective,
    record: Record,
    starts: Sequence[Array],
    frames: int,
    improver: Improver,
    jobs: int,
    last: bool,
) -> Point | None:
    """The best of the `starts`, or None if all are astray and it is not the `last` heat."""
    field = [(units, DAMPING) for units in starts]
    for number in itertools.count(1):
        parts = max(min(jobs, len(field)), -(-len(field) // CHUNK))
        pieces = [Piece(tuple(field[index::parts]), frames, STEPS) for index in range(parts)]
        points: list[Point] = []
        whole = frames >= objective.length
        try:
            for improved in improver(pieces):
                points += improved.points
                objective.frames += improved.computed
        except KeyboardInterrupt:
            if points:
                _told(objective, record, points, frames)
            raise
        best = _told(objective, record, points, frames)
        if whole:
            return best
        if number == HOPE and not last and astray(objective, best):
            return None
        kept = points[: max(1, len(points) // KEPT)]
        if not astray(objective, best):
            # It found the way; the others are in other valleys.
            kept = [one for one in kept if not astray(objective, one)]
        field = [(one.units, WARM) for one in kept]
        field += [
            (inside, WARM)
            for one in kept
            if astray(objective, one) and (inside := off_edges(one.units)) is not None
        ]
        frames = min(2 * frames, objective.length)
    raise AssertionError


def _told(objective: Objective, record: Record, points: list[Point], frames: int) -> Point:
    """Sorts the points of a round, and writes the best of them down."""
    points.sort(key=lambda one: one.sums.loss if one.sums.finite else np.inf)
    stage, whole = f"race of {len(points)} on {frames}", frames >= objective.length
    record.add(stage, objective, points[0].units, points[0].sums, whole=whole)
    return points[0]


def first_piece(objective: Objective, record: Record, starts: Sequence[Array]) -> int:
    """The length on which three of four starts have parameters that can be told apart.

    A start that is late, with a delay longer than the piece, would win on a target that is as well.
    """
    probes = starts[:PROBES]
    onset = max(one.target.onset() for one in objective.examples)
    frames = PIECE
    while frames < objective.length:
        if frames > onset:
            known = [condition(objective(units, frames).curvature) for units in probes]
            if float(np.quantile(known, 1 - MOST)) > KNOWN:
                break
            record.check(objective)
        frames *= 2
    return min(frames, objective.length)
