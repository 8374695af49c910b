"""Attempts at one fit: with the recordings as they are, and with what is undone to them.

A target that is late or upside down leads a search to wrong values, and a program may itself delay
or invert: so neither is believed beforehand. The correlation between the program's first output and
the target says what to try, and the attempt that explains the target is kept; the recordings as
they are, if that explains as much. The fraction of a sample is found together with the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from .alignment import LOOKED_AT, Alignment, alignment
from .descent import RATES, Descent, descend, lbfgs
from .identifiability import Unknown
from .leastsquares import Point
from .losses import Sums
from .model import Model, model_of
from .objective import FinishedError, Iteration, Record, Search
from .pitch import pitch_first
from .pool import Pool
from .scales import Scales
from .search import (
    Improved,
    Piece,
    candidates,
    from_start,
    improve,
    least_squares,
    race,
    released,
    unexplained,
)
from .setup import Options, Setup
from .starting import begin, require_finite

Array = NDArray[np.float64]

#: Up to this error-to-signal ratio in energy, nothing is left to try.
EXPLAINED = 1e-8
#: An attempt is better than a simpler one if its loss is less than this part of the other's.
BETTER = 0.95
#: Latencies, as a column of the Jacobian, are told apart from the sliders below this R^2.
TOLD_APART = 0.99
#: Lags of up to so many samples are no reason to look for a latency before the sliders.
NEAR = 8
#: A latency that is nearer to a whole number of samples than this may be one.
WHOLE = 0.03


@dataclass(frozen=True)
class Attempt:
    """What an attempt has come to: the best units of a setup, and why it ended."""

    setup: Setup
    units: Array
    best: Iteration
    whole: bool
    reason: str

    @property
    def explained(self) -> bool:
        """Whether there is nothing left to explain."""
        return self.whole and self.best.error <= EXPLAINED


@dataclass
class Attempts:
    """Tries setups one after the other; all that is computed goes into one record."""

    options: Options
    pool: Pool
    record: Record
    done: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def best(self) -> Attempt | None:
        """The attempt with the least loss; of those that are as good, the simplest."""
        done = [one for one in self.done if one.whole] or self.done
        if not done:
            return None
        least = min(one.best.loss for one in done)
        good = [one for one in done if one.best.loss * BETTER <= least or one.explained]
        return min(good, key=lambda one: (not one.setup.plain, one.setup.latency, one.best.loss))

    def run(self, setup: Setup) -> None:
        """All attempts at `setup`. `FinishedError` and Ctrl-C end it; what is done is kept."""
        # Without partials, what a latency does is not told apart from what the sliders do.
        if self.record.units is not None or not self._aligns or not setup.source.partials:
            self.attempt(setup)
            return
        first = self._first(setup)
        sounds = self.options.optimizer == "lm" and all(one.input is None for one in setup.examples)
        if sounds and self.options.starts == 1:
            self._pitch_first(setup)
        found = self._estimate(setup, setup.objective().scales.values(first))
        plain_first = not self.done and all(abs(one.lag) <= NEAR for one in found)
        if plain_first:
            # A filter at its start may lie as far from the target as a latency would.
            self.attempt(setup)
        if self._unexplained and any(one.moves for one in found):
            self._moved_attempt(setup, found, first)
        # The program itself may delay or invert.
        best = self.best()
        if self._unexplained and not plain_first:
            self.attempt(setup)
        elif best is not None and (mirrored := self._mirrored(best)) is not None:
            self.attempt(setup, mirrored)
        if sounds and self.options.starts > 1 and self._unexplained:
            self._pitch_first(setup)
        self._refine()

    @property
    def _unexplained(self) -> bool:
        best = self.best()
        return best is None or unexplained_attempt(best)

    def _pitch_first(self, setup: Setup) -> None:
        """From the pitch of the target, if it has one and a slider tunes the program."""
        objective, start = setup.objective(), self._first(setup)
        search = Search(objective, self.record)
        try:
            units = pitch_first(search, start)
        finally:
            self.record.passes_before += objective.passes
        if units is not None:
            self.attempt(setup, units)

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
        found = []
        for index, one in enumerate(setup.examples):
            before = model.frames
            output = model.output(values[:sliders], one, LOOKED_AT)
            self.record.passes_before += (model.frames - before) / _total(setup)
            target = np.concatenate([target for target, _ in one.wanted(LOOKED_AT)], axis=1)
            found.append(
                _aligned(one.input is not None, output, target, one.given(LOOKED_AT), one.rate)
            )
            if len(values) > sliders and found[-1].lag:
                lag = found[-1].lag - round(float(values[sliders + index]))
                found[-1] = replace(found[-1], lag=lag)
        return found

    def _moved_attempt(self, setup: Setup, found: Sequence[Alignment], first: Array) -> None:
        """With the targets moved; unless the sliders would do the same."""
        whole = self.options.starts > 1 or not setup.compares_samples
        moved = setup.aligned(found, latency=not whole)
        if moved.latency and not self._told_apart(moved, first):
            return
        self.attempt(moved)

    def _told_apart(self, setup: Setup, first: Array) -> bool:
        """Whether the latencies do what no combination of sliders does, at the start."""
        objective = setup.objective()
        sums = objective(_with_latencies(setup, first))
        self.record.passes_before += objective.passes
        if not sums.finite:
            return False
        sliders = len(setup.source.params)
        for place in range(sliders, len(sums.curvature)):
            keep = [*range(sliders), place]
            if _share(sums.curvature[np.ix_(keep, keep)]) > TOLD_APART:
                return False
        return True

    def _mirrored(self, attempt: Attempt) -> Array | None:
        """Units at which a slider inverts the output, where the target has been inverted."""
        setup = attempt.setup
        if not any(one.inverted for one in setup.examples):
            return None
        objective, model, one = setup.objective(), model_of(setup.source), setup.examples[0]
        values = objective.scales.values(attempt.units)[: len(setup.source.params)]
        output = model.output(values, one, LOOKED_AT)
        for index, param in enumerate(setup.source.params):
            if param.min <= -values[index] <= param.max and values[index]:
                other = values.copy()
                other[index] *= -1
                mirrored = model.output(other, one, LOOKED_AT)
                size = float(np.vdot(output, output))
                if float(np.vdot(output, mirrored)) < -TOLD_APART * size:
                    return Scales(setup.source.params, setup.file).units(other)
        return None

    def _refine(self) -> None:
        """Looks at the result again: whole samples first, then the fraction."""
        for _ in range(2):
            best = self.best()
            if best is None or best.explained or not best.whole:
                return
            setup, scales = best.setup, best.setup.objective().scales
            if unexplained_attempt(best):
                found = self._estimate(setup, scales.values(best.units))
                if any(one.moves and (abs(one.lag) > 1 or min(one.signs) < 0) for one in found):
                    moved = setup.aligned(found, latency=setup.compares_samples)
                    if not moved.latency or self._told_apart(moved, best.units):
                        self.attempt(moved, best.units)
                        continue
            if setup.latency or not setup.compares_samples:
                break
            fraction = setup.with_latency(True)
            if not self._told_apart(fraction, best.units):
                break
            self.attempt(fraction, best.units)
            if self.best() is best:
                break
        self._whole_samples()

    def _whole_samples(self) -> None:
        """Most latencies are whole: where the one that is found nearly is, it alone is tried."""
        best = self.best()
        if best is None or not best.setup.latency:
            return
        sliders = len(best.setup.source.params)
        by = best.setup.objective().scales.values(best.units)[sliders:]
        if np.abs(by - np.round(by)).max() > WHOLE:
            return
        lags = [
            Alignment(round(float(lag)), (1.0,) * one.outputs, 0.0)
            for lag, one in zip(by, best.setup.examples, strict=True)
        ]
        self.attempt(best.setup.aligned(lags, latency=False), best.units[:sliders])

    def attempt(self, setup: Setup, units: Array | None = None) -> None:
        """One search, from `units` or from its start."""
        record, options = self.record, self.options
        resumed = record.units is not None and not self.done
        if not resumed:
            record.forget()
        if self.done and options.passes is None:
            record.limit = record.passes_before + options.passes_limit
        objective = setup.objective()
        search = Search(objective, record)
        reason = ""
        try:
            reason = _Searcher(setup, options, search, self.pool, self.warnings).run(units, resumed)
        except FinishedError as end:
            reason = str(end)
            if record.units is None and not self.done:
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
                self.done.append(Attempt(setup, record.units, record.best, record.whole, reason))


def _total(setup: Setup) -> int:
    return sum(one.frames for one in setup.examples)


def unexplained_attempt(attempt: Attempt) -> bool:
    """Whether it leaves much of the target."""
    point = Point(attempt.units, Sums(0.0, attempt.units, attempt.units, attempt.best.error), 0.0)
    return not attempt.whole or unexplained(attempt.setup.objective(), point)


def _aligned(
    has_input: bool, output: Array, target: Array, given: Iterable[Array], rate: int
) -> Alignment:
    signal = output
    if not np.isfinite(output).all() or not np.abs(output).max() > 0:
        if not has_input:
            return Alignment(0, (1.0,) * len(target), 0.0)
        fed = np.concatenate(list(given), axis=1).mean(axis=0)
        signal = np.broadcast_to(fed, target.shape)
    found = alignment(signal, target, rate)
    if not has_input:
        # What sounds by itself is not upside down.
        found = replace(found, signs=(1.0,) * len(target))
    return found


def _with_latencies(setup: Setup, units: Array) -> Array:
    missing = len(setup.params) - len(units)
    return np.concatenate([units, np.full(max(0, missing), 0.5)])


def _share(curvature: Array) -> float:
    """R^2 of the last column of a Jacobian on the others, from the products of its columns."""
    size = np.sqrt(np.maximum(np.diag(curvature), 0.0))
    if not size[-1] > 0:
        return 1.0
    keep = np.flatnonzero(size[:-1] > 0)
    if not keep.size:
        return 0.0
    scaled = curvature / np.outer(np.where(size > 0, size, 1.0), np.where(size > 0, size, 1.0))
    inner, cross = scaled[np.ix_(keep, keep)], scaled[keep, -1]
    found, *_ = np.linalg.lstsq(inner, cross, rcond=1e-12)
    return float(cross @ found)


@dataclass(frozen=True)
class _Searcher:
    """One search by the optimizer of the options."""

    setup: Setup
    options: Options
    search: Search
    pool: Pool
    warnings: list[str]

    def run(self, units: Array | None, resumed: bool) -> str:
        """Searches from `units`, or from the start of the options; says why it ended."""
        setup, options, search = self.setup, self.options, self.search
        objective, record = search.objective, search.record
        rng = np.random.default_rng(options.seed)
        count = len(setup.params)
        if units is not None:
            first = _with_latencies(setup, units)
        elif options.random_start:
            first = rng.random(count)
        else:
            first = objective.scales.units([one.init for one in setup.params])
        if resumed:
            assert record.units is not None
            return self._resumed(np.asarray(record.state.get("units", record.units), float))
        if options.starts > 1 and units is None:
            point = self._raced(None if options.random_start else first, rng)
            if options.optimizer == "lm":
                return released(search, point).done
            return self._optimized(point.units, point.sums)
        start = begin(objective, first, setup.labels, setup.file)
        self._require_known(start.unknown)
        if start.moved:
            names = ", ".join(f"'{setup.labels[i]}'" for i in start.moved)
            self.warnings.append(f"{names} had no effect at the start: the search began beside it")
            search.add("moved", start.units, start.sums)
        else:
            search.add("start", start.units, start.sums)
        return self._optimized(start.units, start.sums)

    def _optimized(self, units: Array, sums: Sums) -> str:
        options, search = self.options, self.search
        match options.optimizer:
            case "lm":
                return from_start(search, units, sums).done
            case "lbfgs":
                return lbfgs(search, units, sums)
        rate = options.rate or RATES[options.optimizer]
        descent = Descent(options.optimizer, rate, options.batch, options.seed)
        return descend(search, units, sums, descent)

    def _resumed(self, units: Array) -> str:
        search, options = self.search, self.options
        sums = search.objective(units, curvature=options.optimizer == "lm")
        require_finite(search.objective, units, sums, self.setup.labels, self.setup.file)
        if options.optimizer == "lm":
            damping = search.record.state.get("damping", 1e-2)
            known = float(damping) if isinstance(damping, float) else 1e-2
            return least_squares(search, Point(units, sums, known)).done
        return self._optimized(units, sums)

    def _raced(self, first: Array | None, rng: np.random.Generator) -> Point:
        setup, options, search = self.setup, self.options, self.search
        count = len(setup.params)
        places = [one for one in (first,) if one is not None]
        places += list(rng.random((2, count)))
        left: Unknown | None = None
        for at in places:
            sums = search.objective(at)
            if sums.finite:
                left = begin(search.objective, at, setup.labels, setup.file).unknown
                break
        self._require_known(left or Unknown())
        fields = candidates(options.starts, count, options.seed, first)
        return race(search, fields, _Improver(setup, self.pool), self.pool.jobs)

    def _require_known(self, left: Unknown) -> None:
        """Refuses, or for optimizers that invert no matrix warns of, what cannot be known."""
        if not left:
            return
        described = left.described(self.setup.labels)
        if self.options.optimizer != "lm":
            self.warnings.append(f"not identifiable: {described}")
            return
        sources = [one.input for one in self.setup.examples if one.input]
        if sources and all(one.silent for one in sources):
            hint = "the input is silent: use one that sounds"
        elif gates := closed_gates(model_of(self.setup.source)):
            hint = f"is the gate off? try --set {gates[0]}=1; or choose fewer sliders with --param"
        else:
            hint = "choose fewer sliders with --param, or examples in which they act"
        what = f"not identifiable: {described}"
        raise InputError([Problem(Place(self.setup.file), what, hint)])


def closed_gates(model: Model) -> list[str]:
    """The buttons and checkboxes of a program that are off, by label."""
    return [
        one.label
        for one in model.program.controls
        if one.kind in ("button", "checkbox") and not model.settings.get(one.path, one.init)
    ]


@dataclass(frozen=True)
class _Improver:
    """Sends the pieces of a race to the processes of a pool."""

    setup: Setup
    pool: Pool

    def __call__(self, pieces: Sequence[Piece]) -> Iterable[Any]:
        function: Callable[..., Improved] = improve_piece
        return self.pool.map(function, [(self.setup, piece) for piece in pieces])


def improve_piece(setup: Setup, piece: Piece) -> Improved:
    """A piece of a race, in any process."""
    return improve(setup.objective(), piece)
