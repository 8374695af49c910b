"""Which sliders tune a program, and where they have to stand for a frequency.

No name and no unit says so: a slider is moved a little, twice. If what is heard moves as well, by
ratios in proportion, the slider tunes. What is heard is the pitch of the output; without one, or if
that does not depend on the slider, the highest peak of its spectrum; then that of the slider's own
partial, in which of two oscillators only the one that it tunes is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .alignment import MAX_SAMPLES
from .objective import Objective
from .pairing import Example
from .pitch import peaks, pitch

Array = NDArray[np.float64]

#: By how much of its range a slider is moved to see whether it tunes; twice that as well.
TEST_MOVES = (0.01, 0.002)
#: The least and largest change of what is heard, as a logarithm of a ratio, and how far that of the
#: double move may be from its double.
LEAST_CHANGE, LARGEST_CHANGE, PROPORTION_TOLERANCE = 5e-4, 0.4, 0.3
#: Steps to a frequency, and how near to it, as a ratio, is near enough.
SECANT_STEPS, NEAR_RATIO = 6, 1.0002
#: Ratios by which what is heard may leap: another partial is the highest one.
LEAP_RATIOS = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, 1.5, 2 / 3)
#: How near to a leap is one.
LEAP_DISTANCE = 0.02
#: Peaks of the target that a slider may have made.
MAX_PEAKS = 4
#: Pitches of the target that may be that of the slider, as ratios.
PITCH_RATIOS = (1.0, 0.5, 2.0, 1 / 3, 3.0, 0.25, 4.0)
#: Frequencies that differ by less than this ratio are one.
SAME_RATIO = 1.005

#: What is heard of a slider at some units, in Hz.
HeardFrequency = Callable[[Array], float | None]


def target_of(example: Example) -> Array:
    """The first channel of a target (n,), of the samples that are looked at."""
    blocks = [block[0] for block, _ in example.target_blocks(MAX_SAMPLES)]
    return np.asarray(np.concatenate(blocks), float)


class Listener:
    """What is heard of a program."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.one = objective, objective.examples[0]
        self._kept: dict[bytes, tuple[Array, Array]] = {}

    def sound(self, units: Array) -> tuple[Array, Array]:
        """Output (n,) and partials by the sliders (P, n), of the first channel."""
        key = units.tobytes()
        if key not in self._kept:
            model = self.objective.model
            before = model.frames
            values = self.objective.scales.values(units)[: len(model.paths)]
            parts = list(model.runs(values, self.one, MAX_SAMPLES))
            self.objective.frames += model.frames - before
            output = np.concatenate([one[0][0] for one in parts])
            partials = np.concatenate([one[1][0] for one in parts], axis=-1)
            self._kept = {key: (output, partials)}
        return self._kept[key]

    def ways(self, slider: int) -> list[HeardFrequency]:
        """The ways to hear a slider, the surest first."""
        rate = self.one.rate

        def top(signal: Array) -> float | None:
            return next(iter(peaks(signal, rate, 1)), None) if signal.any() else None

        def own(units: Array) -> float | None:
            partials = self.sound(units)[1]
            # A partial by a frequency is a slope in time: higher partials are louder in it.
            return top(np.cumsum(partials[slider])) if len(partials) else None

        return [
            lambda units: pitch(self.sound(units)[0], rate),
            lambda units: top(self.sound(units)[0]),
            own,
        ]


@dataclass(frozen=True)
class Tuner:
    """A slider, by index, that tunes a program, and how that is heard.

    At `units` it is heard at `hertz`; the logarithm of that moves by `slope` with its units.
    """

    slider: int
    heard: HeardFrequency
    units: Array
    hertz: float
    slope: float

    def at(self, wanted: float) -> float | None:
        """Its units for a frequency in Hz, or None where that is outside of its range.

        The secant method on logarithms; where what is heard is gone, as far as that led.
        """
        units, hertz, slope = self.units.copy(), self.hertz, self.slope
        for _ in range(SECANT_STEPS):
            place = units[self.slider] + float(np.log(wanted / hertz)) / slope
            if not -0.02 <= place <= 1.02:
                return None
            before = units[self.slider]
            units[self.slider] = np.clip(place, 0.0, 1.0)
            if (
                abs(float(np.log(wanted / hertz))) < np.log(NEAR_RATIO)
                or before == units[self.slider]
            ):
                break
            frequency = self.heard(units)
            if frequency is None:
                break
            frequency = _without_leap(frequency, wanted)
            moved = float(np.log(frequency / hertz)) / (units[self.slider] - before)
            # What moves the other way, or far more, is not the same sound.
            if not 0.1 < moved / slope < 10:
                break
            hertz, slope = frequency, moved
        return float(units[self.slider])


def _without_leap(frequency: float, expected: float) -> float:
    """A frequency as it would be heard, had another partial not become the highest."""
    for ratio in LEAP_RATIOS:
        if abs(float(np.log(frequency / expected / ratio))) < LEAP_DISTANCE:
            return frequency / ratio
    return frequency


def tuners(ears: Listener, units: Array) -> list[Tuner]:
    """The sliders that tune a program at some units, the strongest first."""
    result = [
        tuner
        for slider in range(len(ears.objective.model.paths))
        if (tuner := _tuner(ears, units, slider)) is not None
    ]
    return sorted(result, key=lambda one: -abs(one.slope))


def _tuner(ears: Listener, units: Array, slider: int) -> Tuner | None:
    for heard in ears.ways(slider):
        now = heard(units)
        if now is None:
            continue
        for size in TEST_MOVES:
            way = size if units[slider] < 0.5 else -size
            near, far = (_log_ratio(heard, units, slider, factor * way, now) for factor in (1, 2))
            if near is None or far is None or not LEAST_CHANGE < abs(near) < LARGEST_CHANGE:
                continue
            if abs(far - 2 * near) < PROPORTION_TOLERANCE * abs(far):
                return Tuner(slider, heard, units, now, near / way)
    return None


def _log_ratio(
    heard: HeardFrequency, units: Array, slider: int, way: float, now: float
) -> float | None:
    """The logarithm of the ratio by which a move changes what is heard."""
    at = units.copy()
    at[slider] += way
    frequency = heard(at)
    return None if frequency is None or not frequency > 0 else float(np.log(frequency / now))


def frequencies(target: Array, rate: int) -> list[float]:
    """Frequencies in Hz that a slider of a program may have in its target, the likeliest first."""
    wanted = pitch(target, rate)
    high = peaks(target, rate, MAX_PEAKS)
    candidates = [wanted * ratio for ratio in PITCH_RATIOS] if wanted else []
    # Of two oscillators, each may have made one of the highest peaks.
    candidates = [*candidates[:1], *high[:2], *candidates[1:], *high[2:]]
    # The distance of two sidebands is that of a modulator.
    candidates += [abs(one - two) for one, two in pairwise(high)]
    return _distinct([one for one in candidates if one > 0])


def _distinct(hertz: Sequence[float]) -> list[float]:
    kept: list[float] = []
    for one in hertz:
        if all(abs(float(np.log(one / other))) > np.log(SAME_RATIO) for other in kept):
            kept.append(one)
    return kept
