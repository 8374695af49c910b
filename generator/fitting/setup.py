"""What is fitted to what, and how: all that another process needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..autodiff import Parameter
from .alignment import Alignment
from .catalogue import at_rate, knows_level, parse_loss
from .dual_runs import DualSource, model_of
from .likeness import Windows
from .losses import Loss, Residual
from .objective import Objective
from .pairing import REACH, Example
from .scales import Scales

OPTIMIZERS = ("lm", "lbfgs", "adam", "sgd")
#: Passes after which a search ends, by optimizer.
DEFAULT_PASSES = {"lm": 60, "lbfgs": 200, "adam": 500, "sgd": 500}
#: How far a latency is sought on either side of the whole number that is known, in samples.
LATENCY_RANGE = 16.0


@dataclass(frozen=True)
class Options:
    """How to search.

    `optimizer` is lm, lbfgs, adam or sgd; `passes` and `patience` are those of `Record` (None:
    by optimizer); `starts` is the number of starts in a race; the first is that of the sliders,
    unless `random_start`. `rate`, `batch` and `seed` are those of `Descent`. With `align`, latency
    and polarity of the targets are estimated and undone.
    """

    optimizer: str = "lm"
    passes: float | None = None
    patience: int = 0
    starts: int = 1
    random_start: bool = False
    seed: int = 0
    rate: float | None = None
    batch: int = 0
    align: bool = True

    @property
    def gradient_alone(self) -> bool:
        """Whether the search takes the gradient of all samples and nothing else."""
        return self.optimizer != "lm" and not self.batch and self.starts == 1

    @property
    def passes_limit(self) -> float:
        """After how many passes a search ends."""
        return self.passes or DEFAULT_PASSES[self.optimizer]


def compares_samples(loss: str) -> bool:
    """Whether a loss, by its name, compares sample by sample."""
    return isinstance(parse_loss(loss), Residual)


@dataclass(frozen=True)
class Setup:
    """What is fitted to what.

    With `latency`, the latency of each example is a parameter as well, beyond its `advance`.
    """

    source: DualSource
    examples: tuple[Example, ...]
    loss: str
    others: tuple[Example, ...] = ()
    file: str = "program"
    latency: bool = False

    def objective(self) -> Objective:
        """The loss of this setup, in this process."""
        scales = Scales(self.params, self.file)
        return Objective(model_of(self.source), scales, self.examples, self.measure, self.others)

    @property
    def measure(self) -> Loss:
        """The loss itself."""
        loss = at_rate(parse_loss(self.loss), self.examples[0].rate)
        bands = [one.band for one in self.examples if one.band]
        if bands and isinstance(loss, Residual):
            return replace(loss, band=min(bands))
        return loss

    @property
    def compares_samples(self) -> bool:
        """Whether its loss compares sample by sample, so that a latency matters."""
        return compares_samples(self.loss)

    @property
    def judges_level(self) -> bool:
        """Whether a match must be as loud as the target.

        Not where shares of energy are compared, and no other slider is sought that may set a level.
        """
        return len(self.source.params) > 1 or knows_level(parse_loss(self.loss))

    @cached_property
    def windows(self) -> Windows:
        """The windows by which spectra are compared with those of the targets."""
        return Windows.of(self.examples)

    @property
    def tells_errors(self) -> bool:
        """Whether what is left over tells how well values are known, if it is noise.

        What a lossy format changes depends on the signal, and is none.
        """
        files = [file for one in self.examples for file in (one.input, one.target)]
        lossy = any(file is not None and file.lossy for file in files)
        return self.loss == "mse" and bool(self.source.partials) and not lossy

    @property
    def params(self) -> tuple[Parameter, ...]:
        """The sliders, and the latencies if these are sought."""
        count = len(self.examples) if self.latency else 0
        names = [f"latency {i + 1}" if count > 1 else "latency" for i in range(count)]
        more = [
            Parameter(name, name, "latency", 0.0, -LATENCY_RANGE, LATENCY_RANGE, 0.0)
            for name in names
        ]
        return (*self.source.params, *more)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the parameters."""
        return tuple(one.label for one in self.params)

    @property
    def identity(self) -> str:
        """A hash of what a checkpoint depends on."""
        parts = [self.source.text, self.loss, *(str(one.target.frames) for one in self.examples)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def with_alignment(self, alignments: Sequence[Alignment], *, latency: bool) -> Setup:
        """With targets that are so late, and upside down, beyond what is known already."""
        examples = []
        for one, by in zip(self.examples, alignments, strict=True):
            signs = tuple(
                a * b for a, b in zip(one.signs or (1.0,) * one.outputs, by.signs, strict=True)
            )
            examples.append(replace(one, advance=one.advance + by.lag, signs=signs))
        return replace(self, examples=tuple(examples)).with_latency(latency)

    def with_latency(self, sought: bool) -> Setup:
        """With or without the latencies as parameters."""
        margin = REACH + int(LATENCY_RANGE) if sought else 0
        examples = [
            replace(one, margin=min(margin, max(0, one.frames + one.margin - REACH)))
            for one in self.examples
        ]
        return replace(self, examples=tuple(examples), latency=sought)

    @property
    def plain(self) -> bool:
        """Whether nothing is undone to the targets."""
        return not self.latency and not any(one.advance or one.inverted for one in self.examples)
