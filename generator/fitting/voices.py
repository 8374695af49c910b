"""Pitch first: of a sound with a pitch, the sliders that tune it, then the rest.

An oscillator that is off by a few cycles over a recording is lost sample by sample, and by bins of
a spectrum where it is off by a few bins: the loss has a minimum every cycle, or every bin. So its
pitch is found apart, by moving the sliders that what is heard depends on to what is heard of the
target. There may be several places, as octaves, and the rest is not known yet: several starts, at
each place, are compared by magnitudes of spectra, which forgive a phase, and the best are improved.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .alignment import MAX_SAMPLES
from .least_squares import OF_SPECTRA, Point, minimize
from .likeness import SoundDifference, Windows
from .losses import Sums
from .objective import Objective, Record, Search, SearchEndError
from .setup import Setup
from .tuning import Listener, Tuner, frequencies, target_of, tuners

Array = NDArray[np.float64]

#: Places of the sliders that tune, at most, and how many sliders are tuned together.
MAX_PLACES, MAX_TUNED = 12, 2
#: How many of each place are improved, by how many steps; how many of these go on, by how many.
PER_PLACE, FIRST_STEPS, FINALISTS, FINAL_STEPS = 2, 6, 5, 14
#: Steps of the best one.
BEST_STEPS = 25
FIRST_DAMPING = 1e-2
#: Ratios by which a pitch may be off in a valley beside the right one, as logarithms.
PITCH_OFFSETS = (2e-4, 6e-4, 1.2e-3, 2e-3, 3.2e-3)
#: Times that it is looked at.
NEIGHBOUR_ROUNDS = 3


class Spectra:
    """The magnitudes of spectra of a program and its targets, by the units of its sliders.

    Where `level` is False, an output may be as loud as it likes.
    """

    def __init__(self, objective: Objective, windows: Windows, *, level: bool) -> None:
        self.objective, self.windows, self.level = objective, windows, level
        #: The units with the least distance of all that were looked at.
        self.nearest: Array | None = None
        self._least = np.inf

    def __call__(self, units: Array, *, curvature: bool = True) -> Sums:
        """The distance that least squares follows, with its derivatives."""
        sums = self.objective.several(units, [self.windows.loss], curvature=curvature)[0]
        if sums.finite and sums.loss < self._least:
            self.nearest, self._least = units.copy(), sums.loss
        return sums

    def difference(self, units: Array) -> SoundDifference:
        """How what sounds at some units differs from the targets."""
        objective, pairs = self.objective, []
        model = objective.model
        before, values = model.frames, objective.scales.values(units)[: len(model.paths)]
        for one in objective.examples:
            runs = [(mine, its) for mine, _, its, _ in model.runs(values, one, MAX_SAMPLES)]
            mine, its = (np.concatenate(part, axis=1) for part in zip(*runs, strict=True))
            pairs.append((mine[:, one.first :], its[:, one.first :]))
        objective.frames += model.frames - before
        return self.windows.difference(pairs, level=self.level)

    def improve(self, point: Point, steps: int) -> Point:
        """A point after some steps of least squares."""
        if not steps:
            return point
        point = replace(point, sums=self(point.units))
        for after in islice(minimize(self, point, OF_SPECTRA), steps):
            point = after
        return point


def spectra_of(setup: Setup, objective: Objective) -> Spectra:
    """The spectra of a setup, whose runs are counted by `objective`."""
    return Spectra(objective, setup.windows, level=setup.judges_level)


@dataclass(frozen=True)
class TunedStart:
    """Units of all sliders, and the indices of those that tune.

    `whole` is False where the passes were spent before the search was over.
    """

    units: Array
    sliders: tuple[int, ...]
    whole: bool = True


def pitch_first(
    search: Search, spectra: Spectra, timbres: Sequence[Array], places: Sequence[Array]
) -> TunedStart | None:
    """A start for a search: tuned, and the rest by the magnitudes of spectra; or None.

    `timbres` are units of all sliders, of which those that tune are found, at one of `places`. None
    if no slider tunes the program at any of these, or the target has no frequency that stands out,
    or the passes of the record are spent before one is found.
    """
    ears = Listener(search.objective)
    wanted = frequencies(target_of(ears.one), ears.one.rate)
    if not wanted:
        return None
    tuned = next(filter(None, (tuners(ears, one) for one in places)), None)
    if not tuned:
        return None
    sliders = tuple(one.slider for one in tuned)
    try:
        units = _tune(search, spectra, tuned, _starts(tuned[:MAX_TUNED], wanted, timbres))
    except SearchEndError:
        return (
            None if spectra.nearest is None else TunedStart(spectra.nearest, sliders, whole=False)
        )
    return None if units is None else TunedStart(units, sliders)


def _tune(
    search: Search, spectra: Spectra, tuned: Sequence[Tuner], places: Iterator[list[Array]]
) -> Array | None:
    """The best units from the starts at all places, where there are any."""
    point = _race(spectra, places, search.record)
    if point is None:
        return None
    if not point.sums.curvature.any() and len(point.units) > len(tuned):
        # It matched at once: what does not tune may still be known better.
        point = replace(point, sums=spectra(point.units))
    for _ in range(NEIGHBOUR_ROUNDS):
        for after in islice(minimize(spectra, point, OF_SPECTRA), BEST_STEPS):
            point = after
            search.add("pitch and spectra", point.units, point.sums, comparable=False)
        if spectra.difference(point.units).matches:
            break
        beside = _neighbour(spectra, point, tuned)
        if beside is None:
            break
        point = beside
    return point.units


class _Places:
    """Where a slider stands for the frequencies that it reaches, found as they are asked for."""

    def __init__(self, tuner: Tuner, wanted: Sequence[float]) -> None:
        self.slider = tuner.slider
        self._found = (place for hertz in wanted if (place := tuner.at(hertz)) is not None)
        self._kept: list[float] = []

    def at(self, rank: int) -> float | None:
        """The units for a frequency by its rank, or None where there are fewer."""
        self._kept += islice(self._found, max(0, rank + 1 - len(self._kept)))
        return self._kept[rank] if rank < len(self._kept) else None


def _starts(
    tuned: Sequence[Tuner], wanted: Sequence[float], timbres: Sequence[Array]
) -> Iterator[list[Array]]:
    """Units: for each place of the sliders that tune, the likeliest first, each timbre there."""
    reached = [_Places(one, wanted) for one in tuned]
    # A slider that reaches none of the frequencies stays where it is.
    reached = [one for one in reached if one.at(0) is not None]
    count = 0
    for ranks in sorted(itertools.product(range(len(wanted)), repeat=len(reached)), key=sum):
        places = [(one.slider, one.at(rank)) for one, rank in zip(reached, ranks, strict=True)]
        if count == MAX_PLACES or any(place is None for _, place in places):
            continue
        count += 1
        starts = []
        for units in timbres:
            start = units.copy()
            for slider, place in places:
                start[slider] = place
            starts.append(start)
        # Where all sliders tune, all timbres are one.
        yield list({one.tobytes(): one for one in starts}.values())


def _race(spectra: Spectra, places: Iterator[list[Array]], record: Record) -> Point | None:
    """The best of the starts at all places by magnitudes of spectra.

    The likeliest place comes first, and the others only where it is no match.
    """
    points: list[Point] = []
    least = np.inf

    def improve(point: Point, steps: int) -> tuple[Point, bool]:
        """A point after some steps, and whether the search is over with it."""
        nonlocal least
        record.check(spectra.objective)
        after = spectra.improve(point, steps)
        better, least = _loss(after) < least, min(_loss(after), least)
        return after, better and spectra.difference(after.units).matches

    for number, starts in enumerate(places):
        record.check(spectra.objective)
        here = [Point(one, spectra(one, curvature=False), FIRST_DAMPING) for one in starts]
        here = sorted(filter(_finite, here), key=_loss)[:PER_PLACE]
        if here and not number:
            # Where nothing but the pitch is sought, it may be right already.
            here[0], over = improve(here[0], 0)
            if not over:
                here[0], over = improve(here[0], FIRST_STEPS)
            if over:
                return here[0]
        points += here
    for count, steps in ((len(points), FIRST_STEPS), (FINALISTS, FINAL_STEPS)):
        kept = sorted(points, key=_loss)[:count]
        points = []
        for one in kept:
            after, over = improve(one, steps)
            if over:
                return after
            points.append(after)
    return min(points, key=_loss, default=None)


def _finite(point: Point) -> bool:
    return point.sums.finite


def _loss(point: Point) -> float:
    return point.sums.loss


def _neighbour(spectra: Spectra, point: Point, tuned: Sequence[Tuner]) -> Point | None:
    """A better place a little beside a point, in one of the sliders that tune, or None."""
    best = None
    for one in tuned:
        for ratio in (way * size for size in PITCH_OFFSETS for way in (1, -1)):
            units = point.units.copy()
            units[one.slider] = np.clip(units[one.slider] + ratio / one.slope, 0.0, 1.0)
            sums = spectra(units, curvature=False)
            if sums.finite and sums.loss < (1 - OF_SPECTRA.gain) * min(
                point.sums.loss, best.sums.loss if best else np.inf
            ):
                best = Point(units, sums, FIRST_DAMPING)
    return None if best is None else replace(best, sums=spectra(best.units))
