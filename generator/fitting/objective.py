"""The loss as a function of sliders between 0 and 1, and what is written down on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .dual_runs import Model
from .losses import Loss, Sums
from .pairing import Example, total_frames
from .scales import Scales

Array = NDArray[np.float64]


class SearchEndError(Exception):
    """A search ends here, for a reason that is no error."""


@dataclass(frozen=True)
class Iteration:
    """One line of the record.

    `stage` says what was computed and over how much, `passes` all that was computed until then, in
    runs over all samples; `loss` is that of the stage, `error` the error-to-signal ratio in energy;
    `validation` is the loss on other examples, or None. `values` are those of the sliders, and
    `latencies` those of the examples, where they are sought, beyond what is known.
    """

    number: int
    stage: str
    passes: float
    seconds: float
    loss: float
    error: float
    validation: float | None
    values: tuple[float, ...]
    latencies: tuple[float, ...] = ()


@dataclass
class Record:
    """What a search has seen: its iterations and the best of them.

    `limit` is the number of passes after which it ends, `patience` the number of iterations without
    a better validation (or loss, without one) after which it does. `tell` is called for each
    iteration.
    """

    limit: float
    patience: int = 0
    tell: Callable[[Record], None] | None = None
    iterations: list[Iteration] = field(default_factory=list)
    units: Array | None = None
    best: Iteration | None = None
    #: Those at `units`, where they were computed here.
    sums: Sums | None = None
    #: Steps that were skipped because they were not finite.
    skipped: int = 0
    #: What an optimizer needs to go on, as JSON holds it.
    state: dict[str, object] = field(default_factory=dict)
    passes_before: float = 0.0
    seconds_before: float = 0.0
    #: Whether the best is about all samples.
    whole: bool = False
    _since: int = 0
    _start: float = field(default_factory=time.monotonic)

    def add(
        self,
        stage: str,
        objective: Objective,
        units: Array,
        sums: Sums,
        *,
        whole: bool = True,
        comparable: bool = True,
    ) -> None:
        """Writes an iteration down. Raises `SearchEndError` where patience or passes are spent.

        `whole` says whether it is about all samples: nothing about a part of them is better.
        `comparable` is False where the loss is a coarser one.
        """
        validation = objective.validation(units) if whole and comparable else None
        values = tuple(map(float, objective.scales.values(units)))
        sliders = len(objective.model.paths)
        iteration = Iteration(
            len(self.iterations) + 1,
            stage,
            self.passes_before + objective.passes,
            self.seconds_before + time.monotonic() - self._start,
            sums.loss,
            sums.error,
            validation,
            values[:sliders],
            values[sliders:],
        )
        self.iterations.append(iteration)
        if comparable and np.isfinite(sums.loss):
            self._keep(iteration, units, sums, whole)
        if self.tell:
            self.tell(self)
        if self.patience and self._since >= self.patience:
            raise SearchEndError(f"no improvement in {self.patience} iterations")
        self.check(objective)

    def check(self, objective: Objective) -> None:
        """Raises `SearchEndError` where the passes are spent."""
        if self.passes_before + objective.passes + 1e-9 >= self.limit:
            raise SearchEndError(f"{self.limit:.0f} passes are spent")

    def forget(self) -> None:
        """Begins anew: what is best is that of the next attempt."""
        self.units, self.best, self.sums, self.whole, self.state = None, None, None, False, {}
        self._since = 0

    def _keep(self, iteration: Iteration, units: Array, sums: Sums, whole: bool) -> None:
        better = (
            self.best is None
            or (whole and not self.whole)
            or (whole == self.whole and _rank(iteration) < _rank(self.best))
            # What went before on a part of the samples says nothing about a longer part.
            or not (whole or self.whole)
        )
        self._since = 0 if better else self._since + 1
        if better:
            self.best, self.units, self.sums, self.whole = iteration, units.copy(), sums, whole


def _rank(iteration: Iteration) -> float:
    return iteration.loss if iteration.validation is None else iteration.validation


class Objective:
    """The loss over `examples`, by the units of the sliders.

    `others` are examples for validation. With more `scales` than sliders, the last ones are those
    of the latencies of the examples.
    """

    def __init__(
        self,
        model: Model,
        scales: Scales,
        examples: Sequence[Example],
        loss: Loss,
        others: Sequence[Example] = (),
    ) -> None:
        self.model, self.scales, self.loss = model, scales, loss
        self.examples, self.others = tuple(examples), tuple(others)
        self.total = total_frames(self.examples)
        self.frames = 0

    @property
    def passes(self) -> float:
        """All that was computed, in runs over all samples of the examples."""
        return self.frames / self.total

    @property
    def length(self) -> int:
        """The longest example, in samples."""
        return max(one.frames for one in self.examples)

    def __call__(self, units: Array, frames: int | None = None, *, curvature: bool = True) -> Sums:
        """The loss with its derivatives by the units, over the first `frames` of each example."""
        return self.several(units, [self.loss], frames, curvature=curvature)[0]

    def several(
        self,
        units: Array,
        losses: Sequence[Loss],
        frames: int | None = None,
        *,
        curvature: bool = True,
    ) -> list[Sums]:
        """As when called, for several losses in one run."""
        before = self.model.frames
        sums = self.model.sums(
            self.scales.values(units), self.examples, losses, frames=frames, curvature=curvature
        )
        self.frames += self.model.frames - before
        return [self.by_units(units, one) for one in sums]

    def by_units(self, units: Array, sums: Sums) -> Sums:
        """Sums by the values of the sliders as sums by their units."""
        slopes = self.scales.slopes(units)
        curvature = sums.curvature * np.outer(slopes, slopes)
        return Sums(sums.loss, sums.gradient * slopes, curvature, sums.error)

    def validation(self, units: Array) -> float | None:
        """The loss on the examples for validation, if there are any."""
        if not self.others:
            return None
        before = self.model.frames
        values = self.scales.values(units)
        sliders = values[: len(self.model.paths)]
        (sums,) = self.model.sums(sliders, self.others, [self.loss], curvature=False)
        self.frames += self.model.frames - before
        return sums.loss


@dataclass
class Search:
    """What is minimized, and the record of how."""

    objective: Objective
    record: Record

    def add(
        self,
        stage: str,
        units: Array,
        sums: Sums,
        *,
        whole: bool = True,
        comparable: bool = True,
    ) -> None:
        """Writes an iteration down, as `Record.add`."""
        self.record.add(stage, self.objective, units, sums, whole=whole, comparable=comparable)
