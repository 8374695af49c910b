"""One search of one setup: by an optimizer, from the sliders' values or from many starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, Place, Problem
from .descent import LEARNING_RATES, Descent, descend, lbfgs
from .dual_runs import Model, model_of
from .identifiability import Unidentifiable
from .least_squares import Point
from .losses import Sums
from .objective import Search
from .pool import Pool
from .search import (
    RaceOutcome,
    RacePiece,
    candidates,
    from_start,
    improve_piece,
    least_squares,
    race,
    release_from_ends,
)
from .setup import Options, Setup
from .starting import find_start, require_finite

Array = NDArray[np.float64]


def with_latencies(setup: Setup, units: Array) -> Array:
    """Units of the sliders and, in the middles of their ranges, of the latencies of a setup."""
    missing = len(setup.params) - len(units)
    return np.concatenate([units, np.full(max(0, missing), 0.5)])


@dataclass(frozen=True)
class Searcher:
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
            first = with_latencies(setup, units)
        elif options.random_start:
            first = rng.random(count)
        else:
            first = objective.scales.units([one.init for one in setup.params])
        if resumed:
            assert record.units is not None
            return self._resume(np.asarray(record.state.get("units", record.units), float))
        if options.starts > 1 and units is None:
            point = self._race(None if options.random_start else first, rng)
            if options.optimizer == "lm":
                return release_from_ends(search, point).ending
            return self._optimize(point.units, point.sums)
        start = find_start(objective, first, setup.labels, setup.file)
        self._require_known(start.unknown)
        if start.moved:
            names = ", ".join(f"'{setup.labels[i]}'" for i in start.moved)
            self.warnings.append(f"{names} had no effect at the start: the search began beside it")
            search.add("moved", start.units, start.sums)
        else:
            search.add("start", start.units, start.sums)
        return self._optimize(start.units, start.sums)

    def _optimize(self, units: Array, sums: Sums) -> str:
        options, search = self.options, self.search
        match options.optimizer:
            case "lm":
                return from_start(search, units, sums).ending
            case "lbfgs":
                return lbfgs(search, units, sums)
        rate = options.rate or LEARNING_RATES[options.optimizer]
        descent = Descent(options.optimizer, rate, options.batch, options.seed)
        return descend(search, units, sums, descent)

    def _resume(self, units: Array) -> str:
        search, options = self.search, self.options
        sums = search.objective(units, curvature=options.optimizer == "lm")
        require_finite(search.objective, units, sums, self.setup.labels, self.setup.file)
        if options.optimizer == "lm":
            damping = search.record.state.get("damping", 1e-2)
            known = float(damping) if isinstance(damping, float) else 1e-2
            return least_squares(search, Point(units, sums, known)).ending
        return self._optimize(units, sums)

    def _race(self, first: Array | None, rng: np.random.Generator) -> Point:
        setup, options, search = self.setup, self.options, self.search
        count = len(setup.params)
        places = [one for one in (first,) if one is not None]
        places += list(rng.random((2, count)))
        left: Unidentifiable | None = None
        for at in places:
            sums = search.objective(at)
            if sums.finite:
                left = find_start(search.objective, at, setup.labels, setup.file).unknown
                break
        self._require_known(left or Unidentifiable())
        fields = candidates(options.starts, count, options.seed, first)
        return race(search, fields, _PieceSender(setup, self.pool), self.pool.jobs)

    def _require_known(self, left: Unidentifiable) -> None:
        """Refuses, or for optimizers that invert no matrix warns of, what cannot be known."""
        if not left:
            return
        described = left.describe(self.setup.labels)
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
class _PieceSender:
    """Sends the pieces of a race to the processes of a pool."""

    setup: Setup
    pool: Pool

    def __call__(self, pieces: Sequence[RacePiece]) -> Iterable[Any]:
        function: Callable[..., RaceOutcome] = improve_in_process
        return self.pool.map(function, [(self.setup, piece) for piece in pieces])


def improve_in_process(setup: Setup, piece: RacePiece) -> RaceOutcome:
    """A piece of a race, in any process."""
    return improve_piece(setup.objective(), piece)
