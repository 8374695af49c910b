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
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .least_squares import Point, minimize
from .losses import Spectral, spectral
from .objective import Objective, Record, Search
from .pairing import Example
from .pitch import peaks, pitch
from .tuning import MAX_PEAKS, Listener, Tuner, frequencies, target_of, tuners

Array = NDArray[np.float64]

#: A distance of magnitudes of spectra that is a match: that of two noises of one spectrum is 0.1.
SPECTRAL_MATCH = 1e-2
#: Places of the sliders that tune, at most, and how many sliders are tuned together.
MAX_PLACES, MAX_TUNED = 12, 2
#: How many of each place are improved, by how many steps; how many of these go on, by how many.
PER_PLACE, FIRST_STEPS, FINALISTS, FINAL_STEPS = 2, 6, 5, 14
#: Steps of the best one.
BEST_STEPS = 25
#: They end where a step is not expected to improve the distance by this part.
LEAST_GAIN = 1e-3
FIRST_DAMPING = 1e-2

#: Windows of so many periods tell partials apart, and see no phase; shorter ones do.
WINDOW_PERIODS = 4.5
#: The shortest and the longest window for a sound that has a pitch.
SHORTEST, LONGEST = 512, 8192
#: The samples of an end, and the part of the energy of the loudest ones with which it is quiet.
END_SAMPLES, QUIET_PART = 256, 0.1
#: What is near enough to a match for the others not to be improved.
NEAR_MATCH = SPECTRAL_MATCH / 2
#: Ratios by which a pitch may be off in a valley beside the right one, as logarithms.
PITCH_OFFSETS = (2e-4, 6e-4, 1.2e-3, 2e-3, 3.2e-3)
#: Times that it is looked at.
NEIGHBOUR_ROUNDS = 3


def resolving_distance(examples: Sequence[Example]) -> Spectral:
    """The distance of magnitudes whose windows tell the partials of the targets apart.

    What a shorter window shows of a tone depends on its phase, which nobody knows.
    """
    one = examples[0]
    target = target_of(one)
    lowest = pitch(target, one.rate)
    if lowest is None:
        high = sorted(peaks(target, one.rate, MAX_PEAKS))
        gaps = [after - before for before, after in itertools.pairwise(high)]
        lowest = min(gaps, default=np.inf)
    if not np.isfinite(lowest):
        return Spectral()
    least = max(SHORTEST, WINDOW_PERIODS * one.rate / lowest)
    size = 2 ** int(np.ceil(np.log2(least)))
    longest = min(LONGEST, min(example.frames for example in examples) // 2)
    sizes = [factor * size for factor in (4, 2, 1) if factor * size <= longest]
    if not sizes:
        return Spectral()
    return replace(spectral(sizes), padded=_quiet_ends(target))


def _quiet_ends(target: Array) -> tuple[bool, bool]:
    """Whether a signal (n,) begins and ends quietly."""
    pieces = [
        float(np.vdot(one, one))
        for one in np.split(target, range(END_SAMPLES, len(target), END_SAMPLES))
    ]
    loudest = QUIET_PART * max(pieces)
    return pieces[0] < loudest, pieces[-1] < loudest


def pitch_first(search: Search, timbres: Sequence[Array]) -> Array | None:
    """A start for a search: tuned, and the rest by the magnitudes of spectra; or None.

    `timbres` are units of all sliders, of which those that tune are found. None if no slider tunes
    the program at any of them, or the target has no frequency that stands out. Raises
    `SearchEndError` where the passes of the record are spent.
    """
    objective = search.objective
    ears = Listener(objective)
    wanted = frequencies(target_of(ears.one), ears.one.rate)
    tuned = next(filter(None, (tuners(ears, one) for one in timbres)), None)
    if not wanted or not tuned:
        return None
    by = resolving_distance(objective.examples)
    spectra = Objective(objective.model, objective.scales, objective.examples, by)
    try:
        point = _race(spectra, _starts(tuned[:MAX_TUNED], wanted, timbres), search.record)
        if point is None:
            return None
        for _ in range(NEIGHBOUR_ROUNDS):
            for after in islice(minimize(spectra, point, gain=LEAST_GAIN), BEST_STEPS):
                point = after
                search.record.check(spectra)
                search.add("pitch and spectra", point.units, point.sums, comparable=False)
            beside = _neighbour(spectra, point, tuned)
            if beside is None:
                break
            point = beside
        return point.units
    finally:
        objective.frames += spectra.frames


def _starts(
    tuned: Sequence[Tuner], wanted: Sequence[float], timbres: Sequence[Array]
) -> Iterator[list[Array]]:
    """Units: for each place of the sliders that tune, the likeliest first, each timbre there."""
    places = [[at for hertz in wanted if (at := one.at(hertz)) is not None] for one in tuned]
    # A slider that reaches none of the frequencies stays where it is.
    kept = [(one, there) for one, there in zip(tuned, places, strict=True) if there]
    combined = sorted(itertools.product(*(range(len(there)) for _, there in kept)), key=sum)
    for ranks in combined[:MAX_PLACES]:
        starts = []
        for units in timbres:
            start = units.copy()
            for (one, there), rank in zip(kept, ranks, strict=True):
                start[one.slider] = there[rank]
            starts.append(start)
        # Where all sliders tune, all timbres are one.
        yield list({one.tobytes(): one for one in starts}.values())


def _race(spectra: Objective, places: Iterator[list[Array]], record: Record) -> Point | None:
    """The best of the starts at all places by magnitudes of spectra."""
    points: list[Point] = []
    for starts in places:
        record.check(spectra)
        here = [Point(one, spectra(one, curvature=False), FIRST_DAMPING) for one in starts]
        points += sorted(filter(_finite, here), key=_loss)[:PER_PLACE]
    improved: list[Point] = []
    for number, steps in ((len(points), FIRST_STEPS), (FINALISTS, FINAL_STEPS)):
        improved = []
        for one in sorted(points, key=_loss)[:number]:
            record.check(spectra)
            improved.append(_improve(spectra, one, steps))
            if _loss(improved[-1]) < NEAR_MATCH:
                return improved[-1]
        points = improved
    return min(points, key=_loss, default=None)


def _finite(point: Point) -> bool:
    return point.sums.finite


def _loss(point: Point) -> float:
    return point.sums.loss


def _improve(spectra: Objective, point: Point, steps: int) -> Point:
    """A point after some steps of least squares."""
    point = replace(point, sums=spectra(point.units))
    for after in islice(minimize(spectra, point, gain=LEAST_GAIN), steps):
        point = after
    return point


def _neighbour(spectra: Objective, point: Point, tuned: Sequence[Tuner]) -> Point | None:
    """A better place a little beside a point, in one of the sliders that tune, or None."""
    best = None
    for one in tuned:
        for ratio in (way * size for size in PITCH_OFFSETS for way in (1, -1)):
            units = point.units.copy()
            units[one.slider] = np.clip(units[one.slider] + ratio / one.slope, 0.0, 1.0)
            sums = spectra(units, curvature=False)
            if sums.finite and sums.loss < (1 - LEAST_GAIN) * min(
                point.sums.loss, best.sums.loss if best else np.inf
            ):
                best = Point(units, sums, FIRST_DAMPING)
    return None if best is None else replace(best, sums=spectra(best.units))
