"""Attempts at one fit: with the recordings as they are, and with what is undone to them.

A target that is late or upside down leads a search to wrong values, and a program may itself delay
or invert: so neither is believed beforehand. The correlation between the program's first output and
the target says what to try, and the attempt that explains the target is kept; the recordings as
they are, if that explains as much. The fraction of a sample is found together with the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from .alignment import MAX_SAMPLES, Alignment, example_alignment
from .clock import at_own_clock, drift
from .dual_runs import model_of
from .identifiability import find_unidentifiable, share
from .least_squares import Point
from .likeness import SoundDifference
from .losses import Sums
from .objective import Iteration, Record, Search, SearchEndError
from .pool import Pool
from .scales import Scales
from .search import candidates, is_lost
from .searcher import Searcher, with_latencies
from .setup import LATENCY_RANGE, Options, Setup
from .verdict import NOTHING_LEFT
from .voices import TunedStart, pitch_first, spectra_of

Array = NDArray[np.float64]

#: Up to this error-to-signal ratio in energy, nothing is left to try.
EXPLAINED_ERROR = 1e-8
#: An attempt is better than a simpler one if its loss is less than this part of the other's.
BETTER_PART = 0.95
#: Latencies, as a column of the Jacobian, are told apart from the sliders below this R^2.
DISTINCT_R2 = 0.99
#: Lags of up to so many samples are no reason to look for a latency before the sliders.
NEAR_LAG = 8
#: A latency that is further from what is known than this part of its range is sought again there.
FAR_PART = 0.75
#: A latency that is nearer to a whole number of samples than this may be one.
WHOLE_DISTANCE = 0.03
#: Times that the drift of a clock is undone.
CLOCK_ROUNDS = 3
#: Starts at each place of a slider that tunes: of one search, and of a race.
TIMBRES, MANY_TIMBRES = 4, 8
#: A loss that sees phases is left where it makes the difference of spectra so many times larger.
WORSE_FACTOR = 1.1
#: Why a search ends where no loss has a slope by what tunes.
PITCH_REASON = "the pitch is that of the target"
#: Passes of a search for the pitch.
RACE_PASSES = 1000.0


@dataclass(frozen=True)
class Attempt:
    """What an attempt has come to: the best units of a setup, and why it ended.

    `sums` are those at `units`, if they are known.
    """

    setup: Setup
    units: Array
    best: Iteration
    whole: bool
    reason: str
    sums: Sums | None = None

    @property
    def explained(self) -> bool:
        """Whether there is nothing left to explain."""
        return self.whole and self.best.error <= EXPLAINED_ERROR


@dataclass
class Attempts:
    """Tries setups one after the other; all that is computed goes into one record."""

    options: Options
    pool: Pool
    record: Record
    finished: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def best(self) -> Attempt | None:
        """The attempt with the least loss; of those that are as good, the simplest."""
        complete = [one for one in self.finished if one.whole] or self.finished
        if not complete:
            return None
        least = min(one.best.loss for one in complete)
        good = [one for one in complete if one.best.loss * BETTER_PART <= least or one.explained]
        return min(good, key=lambda one: (not one.setup.plain, one.setup.latency, one.best.loss))

    def run(self, setup: Setup) -> None:
        """All attempts at `setup`. `SearchEndError` and Ctrl-C end it; what is done is kept."""
        # Without partials, what a latency does is not told apart from what the sliders do.
        if self.record.units is not None or not self._aligns or not setup.source.partials:
            self.attempt(setup)
            return
        first = self._first(setup)
        sounds = self.options.optimizer == "lm" and all(one.input is None for one in setup.examples)
        if sounds and not setup.compares_samples:
            self._attempt_by_spectra(setup)
            return
        # A random start is to be one: the pitch is sought where that leads nowhere.
        if sounds and not self.options.random_start:
            self._attempt_pitch_first(setup)
        alignments = self._estimate(setup, setup.objective().scales.values(first))
        plain_first = not self.finished and all(abs(one.lag) <= NEAR_LAG for one in alignments)
        if plain_first:
            # A filter at its start may lie as far from the target as a latency would.
            self.attempt(setup)
        if self._leaves_much and any(one.moves for one in alignments):
            self._attempt_aligned(setup, alignments, first)
        # The program itself may delay or invert.
        best = self.best()
        if self._leaves_much and not plain_first:
            self.attempt(setup)
        elif best is not None and (mirrored := self._mirror(best)) is not None:
            self.attempt(setup, mirrored)
        if sounds and self.options.random_start and self._leaves_much:
            self._attempt_pitch_first(setup)
        self._refine()

    def _allow_more(self, passes: float | None = None) -> None:
        """So many passes for what comes next, or the usual number; unless their number is given."""
        if self.options.passes is None and not self._resume:
            self.record.limit = self.record.passes_before + (passes or self.options.passes_limit)

    @property
    def _resume(self) -> bool:
        return self.record.units is not None and not self.finished

    @property
    def _leaves_much(self) -> bool:
        best = self.best()
        return best is None or leaves_much(best)

    def _attempt_by_spectra(self, setup: Setup) -> None:
        """A sound by magnitudes of spectra, which have no latency: from its pitch where that helps.

        Where no slider tunes the program at its start, one search begins there as it is.
        """
        single = self.options.starts == 1
        sought = self._attempt_pitch_first(setup, everywhere=not single)
        if not self._has_same_spectra:
            self.attempt(setup)
        if single and not sought and not self._has_same_spectra:
            self._attempt_pitch_first(setup)

    @property
    def _has_same_spectra(self) -> bool:
        """Whether the best attempt has the spectra of the target."""
        best = self.best()
        if best is None or not best.whole:
            return False
        return best.best.error <= NOTHING_LEFT or self._difference(best.setup, best.units).matches

    def _difference(self, setup: Setup, units: Array) -> SoundDifference:
        """How the spectra differ from those of the targets."""
        objective = setup.objective()
        difference = spectra_of(setup, objective).difference(units)
        self.record.passes_before += objective.passes
        return difference

    def _attempt_pitch_first(self, setup: Setup, *, everywhere: bool = True) -> bool:
        """From the frequencies of the target, if it has some and sliders tune the program.

        They are moved at one start, or `everywhere`. Says whether there was anything to try.
        """
        tuned = self._find_tuned(setup, everywhere)
        if tuned is None:
            return False
        if setup.compares_samples:
            self.attempt(setup, tuned.units)
        elif not self._keep_by_jumps(setup, tuned):
            self.attempt(setup, tuned.units)
            self._return_to_longer_windows(setup, tuned.units)
        return True

    def _find_tuned(self, setup: Setup, everywhere: bool) -> TunedStart | None:
        """Where the program has the pitch and the spectra of the target, or None."""
        objective, first = setup.objective(), self._first(setup)
        search = Search(objective, self.record)
        self._allow_more(RACE_PASSES)
        count = MANY_TIMBRES if self.options.starts > 1 else TIMBRES
        start = None if self.options.random_start else first
        timbres = next(candidates(count, len(first), self.options.seed, start))
        limit = self.record.limit
        if self.options.passes is not None:
            # The search that follows has to be paid, too.
            self.record.limit -= (limit - self.record.passes_before) / 2
        places = timbres if everywhere else timbres[:1]
        try:
            best = pitch_first(search, spectra_of(setup, objective), timbres, places)
        finally:
            self.record.limit = limit
            self.record.passes_before += objective.passes
        if best is not None and not best.whole:
            what = "the pitch was not looked for to the end"
            self.warnings.append(f"{what}: allow more with --passes")
        return best

    def _keep_by_jumps(self, setup: Setup, tuned: TunedStart) -> bool:
        """Keeps what is tuned where no loss has a slope by the sliders that tune, and it matches.

        A square of 1 and -1 depends on its frequency by jumps alone.
        """
        objective = setup.objective()
        left = find_unidentifiable(objective(tuned.units).curvature)
        self.record.passes_before += objective.passes
        if left.together or not left.idle or not set(left.idle) <= set(tuned.sliders):
            return False
        if not self._difference(setup, tuned.units).matches:
            return False
        self.finished.append(self._stay(setup, tuned.units, "the pitch", PITCH_REASON))
        return True

    def _return_to_longer_windows(self, setup: Setup, units: Array) -> None:
        """Undoes the last attempt, from `units`, where its loss has led away from the spectra.

        One with windows shorter than a few periods depends on phases.
        """
        after = self._difference(setup, self.finished[-1].units)
        if after.matches or after.level <= WORSE_FACTOR * self._difference(setup, units).level:
            return
        self.finished[-1] = self._stay(
            setup, units, "by windows of several periods", "no loss leads closer to the spectra"
        )
        what = f"'{setup.loss}' leads away from the spectra here"
        self.warnings.append(f"{what}: the values are by windows that see no phase")

    def _stay(self, setup: Setup, units: Array, stage: str, reason: str) -> Attempt:
        """An attempt that stays where it begins."""
        self.record.forget()
        self._allow_more()
        search = Search(setup.objective(), self.record)
        # Where this spends the passes, the units are kept before it ends.
        with suppress(SearchEndError):
            search.add(stage, units, search.objective(units))
        self.record.passes_before += search.objective.passes
        assert self.record.best is not None
        return Attempt(setup, units, self.record.best, True, reason)

    @property
    def _aligns(self) -> bool:
        return self.options.align and not self.options.batch

    def _first(self, setup: Setup) -> Array:
        scales = setup.objective().scales
        return scales.units([one.init for one in setup.params])

    def _estimate(self, setup: Setup, values: Array) -> list[Alignment]:
        """How each target lies against the output at `values`, or the input if that is silent."""
        model = model_of(setup.source)
        sliders = len(setup.source.params)
        alignments = []
        for index, one in enumerate(setup.examples):
            before = model.frames
            # All that goes in, wherever the target begins; and all of the target.
            early = one.input.frames if one.input else 0
            whole = replace(one, advance=-early, margin=0)
            output = model.output(values[:sliders], whole, MAX_SAMPLES)
            self.record.passes_before += (model.frames - before) / _total(setup)
            signs = np.array(one.signs or (1.0,) * one.outputs)[:, None]
            target = signs * one.target.samples(MAX_SAMPLES)
            given = whole.input_blocks(MAX_SAMPLES)
            by = example_alignment(one.input is not None, output, target, given, one.rate)
            known = one.advance
            if len(values) > sliders:
                known += round(float(values[sliders + index]))
            alignments.append(replace(by, lag=by.lag - known) if by.reliable else by)
        return alignments

    def _attempt_aligned(self, setup: Setup, alignments: Sequence[Alignment], first: Array) -> None:
        """With the targets moved; unless the sliders would do the same."""
        whole = self.options.starts > 1 or not setup.compares_samples
        moved = setup.with_alignment(alignments, latency=not whole)
        if moved.latency and not self._tells_latencies_apart(moved, first):
            return
        self.attempt(moved)

    def _tells_latencies_apart(self, setup: Setup, first: Array) -> bool:
        """Whether the latencies do what no combination of sliders does, at the start."""
        objective = setup.objective()
        sums = objective(with_latencies(setup, first))
        self.record.passes_before += objective.passes
        if not sums.finite:
            return False
        sliders = len(setup.source.params)
        for place in range(sliders, len(sums.curvature)):
            keep = [*range(sliders), place]
            if share(sums.curvature[np.ix_(keep, keep)]) > DISTINCT_R2:
                return False
        return True

    def _mirror(self, attempt: Attempt) -> Array | None:
        """Units at which a slider inverts the output, where the target has been inverted."""
        setup = attempt.setup
        if not any(one.inverted for one in setup.examples):
            return None
        objective, model, one = setup.objective(), model_of(setup.source), setup.examples[0]
        values = objective.scales.values(attempt.units)[: len(setup.source.params)]
        output = model.output(values, one, MAX_SAMPLES)
        for index, param in enumerate(setup.source.params):
            if param.min <= -values[index] <= param.max and values[index]:
                other = values.copy()
                other[index] *= -1
                mirrored = model.output(other, one, MAX_SAMPLES)
                size = float(np.vdot(output, output))
                if float(np.vdot(output, mirrored)) < -DISTINCT_R2 * size:
                    return Scales(setup.source.params, setup.file).units(other)
        return None

    def _refine(self) -> None:
        """Looks at the result again: whole samples first, then the fraction."""
        for _ in range(3):
            best = self.best()
            if best is None or best.explained or not best.whole:
                return
            if self._recentre(best):
                continue
            setup, scales = best.setup, best.setup.objective().scales
            if leaves_much(best):
                alignments = self._estimate(setup, scales.values(best.units))
                if any(a.moves and (abs(a.lag) > 1 or min(a.signs) < 0) for a in alignments):
                    moved = setup.with_alignment(alignments, latency=setup.compares_samples)
                    if not moved.latency or self._tells_latencies_apart(moved, best.units):
                        self.attempt(moved, best.units)
                        continue
            if setup.latency or not setup.compares_samples:
                break
            fraction = setup.with_latency(True)
            if not self._tells_latencies_apart(fraction, best.units):
                break
            self.attempt(fraction, best.units)
            if self.best() is best:
                break
        self._correct_clock()
        self._round_latencies()

    def _recentre(self, attempt: Attempt) -> bool:
        """Tries again around the latencies where one of them is at an end of its range."""
        sliders = len(attempt.setup.source.params)
        by = attempt.setup.objective().scales.values(attempt.units)[sliders:]
        if not by.size or np.abs(by).max() < FAR_PART * LATENCY_RANGE:
            return False
        moved = attempt.setup.with_alignment(_lags(by, attempt.setup), latency=True)
        self.attempt(moved, attempt.units[:sliders])
        return True

    def _correct_clock(self) -> None:
        """Where the target's clock drifts, without that; again, as it is known better then."""
        for _ in range(CLOCK_ROUNDS):
            best = self.best()
            if best is None or best.explained or not best.whole:
                return
            setup, sliders = best.setup, len(best.setup.source.params)
            values = setup.objective().scales.values(best.units)
            model = model_of(setup.source)
            examples = []
            for index, one in enumerate(setup.examples):
                latency = float(values[sliders + index]) if setup.latency else None
                output = model.output(values[:sliders], one, MAX_SAMPLES)
                wanted = one.target_blocks(MAX_SAMPLES, latency=latency)
                target = np.concatenate([part for part, _ in wanted], axis=1)[:, : output.shape[1]]
                ppm = drift(output, target, one.rate, known=bool(one.drift))
                slower = at_own_clock(one, ppm) if ppm else None
                examples.append(slower or one)
            if tuple(examples) == setup.examples:
                return
            again = replace(setup, examples=tuple(examples)).with_latency(True)
            self.attempt(again, best.units)
            if self.best() is best:
                return

    def _round_latencies(self) -> None:
        """Most latencies are whole: where the one that is found nearly is, it alone is tried."""
        best = self.best()
        # Where a clock drifts, the latency is none that was whole.
        if best is None or not best.setup.latency or any(one.drift for one in best.setup.examples):
            return
        sliders = len(best.setup.source.params)
        by = best.setup.objective().scales.values(best.units)[sliders:]
        if np.abs(by - np.round(by)).max() > WHOLE_DISTANCE:
            return
        whole = best.setup.with_alignment(_lags(by, best.setup), latency=False)
        self.attempt(whole, best.units[:sliders])

    def attempt(self, setup: Setup, units: Array | None = None) -> None:
        """One search, from `units` or from its start."""
        record, options = self.record, self.options
        resumed = self._resume
        if not resumed:
            record.forget()
        self._allow_more()
        objective = setup.objective()
        search = Search(objective, record)
        reason = ""
        try:
            reason = Searcher(setup, options, search, self.pool, self.warnings).run(units, resumed)
        except SearchEndError as end:
            reason = str(end)
            if record.units is None and not self.finished:
                what = f"{end} before there is anything to show"
                hint = "allow more with --passes"
                raise InputError([Problem(Place(setup.file), what, hint)]) from None
            if options.passes is not None or options.patience:
                raise
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            record.passes_before += objective.passes
            if record.units is not None and record.best is not None:
                last = Attempt(setup, record.units, record.best, record.whole, reason, record.sums)
                self.finished.append(last)


def _lags(by: Array, setup: Setup) -> list[Alignment]:
    """Latencies (examples,) beyond what is known, to whole samples."""
    return [
        Alignment(round(float(lag)), (1.0,) * one.outputs, 0.0)
        for lag, one in zip(by, setup.examples, strict=True)
    ]


def _total(setup: Setup) -> int:
    return sum(one.frames for one in setup.examples)


def leaves_much(attempt: Attempt) -> bool:
    """Whether it leaves much of the target."""
    point = Point(attempt.units, Sums(0.0, attempt.units, attempt.units, attempt.best.error), 0.0)
    return not attempt.whole or is_lost(attempt.setup.objective(), point)
