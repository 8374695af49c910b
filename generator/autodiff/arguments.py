"""What a caller gives a compiled program: signals, and slider values by name, checked.

A value is one number for all items of a batch, one for each item, or, for a slider that has become
a signal, one for each frame as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import nearest
from ..faust.batch import BatchProgram, NotFiniteError
from ..faust.interface import Control, Signals
from ..signals.sliders import SWITCHES, Parameter
from .reverse import ReversePrograms

Array = NDArray[np.float64]

#: How far outside of a slider's range a value may be by rounding, as a part of the range.
RANGE_TOLERANCE = 1e-6
#: As a number, for differences taken at its ends: so little more reads nothing else.
RANGE_MARGIN = 2e-6


@dataclass(frozen=True)
class Values:
    """The values of all sliders for one call.

    `numbers` (items, controls) are those that stand still, `signals` those that may move, each
    (items, frames) or with axes of length 1. `shapes` are the shapes in which they were given, by
    name; `held` are the places where one that may move is held at an end of its range, by name, if
    there are any. `items` is None for a call without a batch axis.
    """

    numbers: Array
    signals: tuple[Array, ...]
    shapes: Mapping[str, tuple[int, ...]]
    held: Mapping[str, NDArray[np.bool_]]
    items: int | None

    def channels(self, frames: int, dtype: np.dtype[Any]) -> list[Signals]:
        """The sliders that may move, each as the channel (items, 1, frames) of an input."""
        wide = (np.broadcast_to(one, (len(one), frames)) for one in self.signals)
        return [np.ascontiguousarray(one, dtype)[:, None] for one in wide]

    def in_shape(self, name: str, cotangent: NDArray[Any]) -> NDArray[Any]:
        """The `cotangent` (items,) or (items, frames) of a slider in the shape of its value."""
        if name in self.held:
            cotangent = np.where(self.held[name], 0, cotangent)
        shape = self.shapes.get(name, ())
        if not shape:
            return np.asarray(cotangent.sum())
        if self.items is None:
            return np.asarray(cotangent[0])
        return np.asarray(cotangent.sum(axis=1) if cotangent.ndim > len(shape) else cotangent)


class Names:
    """The sliders of a program and its adjoint: by label, or by path where labels repeat.

    `params`, `signals` and `settings` are names: of the sliders that stand still and are
    differentiated, of those that may move, and of the other controls, which keep their initial
    values if they are not given. `forward`, `backward` and `sliders` say which columns of
    `Values.numbers` each of the programs takes.
    """

    def __init__(
        self,
        programs: ReversePrograms,
        forward: BatchProgram,
        backward: BatchProgram,
        sliders: BatchProgram | None,
    ) -> None:
        params, signals = programs.params, programs.signals
        self._moving = signals
        controls: dict[str, Parameter | Control] = {one.path: one for one in params}
        last = sliders.settable if sliders else ()
        for one in (*forward.settable, *backward.settable, *last):
            controls.setdefault(one.path, one)
        self._columns = {path: column for column, path in enumerate(controls)}
        self._initial = np.array([one.init for one in controls.values()], float)
        self._known = {**controls, **{one.path: one for one in signals}}
        switches = {path for path, one in controls.items() if one.kind in SWITCHES}
        # A slider that may move is held in its range by the program.
        self._strict = (programs.sizing | switches) - {one.path for one in signals}
        labels = [one.label for one in self._known.values()]
        self._names = {
            path: one.label if labels.count(one.label) == 1 else path
            for path, one in self._known.items()
        }
        self.params = tuple(self._names[one.path] for one in params)
        self.signals = tuple(self._names[one.path] for one in signals)
        differentiated = {one.path for one in (*params, *signals)}
        self.settings = tuple(
            name for path, name in self._names.items() if path not in differentiated
        )
        self.forward = self._of(forward)
        self.backward = self._of(backward)
        self.sliders = self._of(sliders) if sliders else []

    def find(self, given: str) -> str:
        """The name of the slider `given`, a label or a path; ValueError if there is none."""
        if given in self._names:
            return self._names[given]
        if given in self._names.values():
            return given
        paths = [path for path, one in self._known.items() if one.label == given]
        if paths:
            raise ValueError(f"several sliders are named '{given}', use a path: {', '.join(paths)}")
        listed = ", ".join(f"'{name}'" for name in self._names.values())
        hint = nearest(str(given), self._names.values(), f"sliders: {listed or 'none'}")
        raise ValueError(f"there is no slider '{given}': {hint}")

    def has(self, path: str) -> bool:
        """Whether the program or its adjoint reads the control at this path."""
        return path in self._known

    def control(self, name: str) -> Parameter | Control:
        """What is known about the slider with this name, as `find` gives it."""
        return next(one for path, one in self._known.items() if self._names[path] == name)

    def values(self, given: Mapping[str, ArrayLike], items: int | None, frames: int) -> Values:
        """The values of a call with `items` in its batch, None without a batch axis.

        Raises ValueError, with the name of the slider and the shapes or the range that it may have.
        """
        if not isinstance(given, Mapping):
            raise ValueError(f"sliders are given as {{name: value}}, not as a {_type(given)}")
        numbers = np.tile(self._initial, (items or 1, 1))
        moving = {self._names[one.path]: np.full((1, 1), one.init) for one in self._moving}
        paths = {name: path for path, name in self._names.items()}
        shapes: dict[str, tuple[int, ...]] = {}
        for asked, value in given.items():
            name = self.find(asked)
            if name in shapes:
                raise ValueError(f"the slider '{name}' is given twice, by label and by path")
            array = value_of_slider(name, value)
            require_finite(array, f"the value of '{name}'")
            shapes[name] = array.shape
            self.require_shape(name, array.shape, items, frames)
            if paths[name] in self._strict:
                require_range(name, array, self._known[paths[name]])
            if name not in moving:
                numbers[:, self._columns[paths[name]]] = array
            elif items is None or array.ndim == 0:
                moving[name] = array.reshape(1, -1)
            else:
                moving[name] = array.reshape(items, -1)
        ranges = zip(moving, self._moving, strict=True)
        outside = {name: _outside(moving[name], one, 0.0) for name, one in ranges}
        held = {name: places for name, places in outside.items() if places is not None}
        return Values(numbers, tuple(moving.values()), shapes, held, items)

    def require_shape(
        self, name: str, shape: tuple[int, ...], items: int | None, frames: int
    ) -> None:
        """Raises ValueError if a value of the slider `name` cannot have this shape."""
        moving = name in self.signals
        allowed: list[tuple[int, ...]] = [()] if items is None else [(), (items,)]
        if moving:
            allowed.append((frames,) if items is None else (items, frames))
        if shape not in allowed:
            shapes = " or ".join("a number" if not one else str(one) for one in allowed)
            hint = "" if moving else "; to let it move in time, name it among the signals"
            raise ValueError(f"'{name}' has the shape {shape}, expected {shapes}{hint}")

    def _of(self, program: BatchProgram) -> list[int]:
        return [self._columns[one.path] for one in program.settable]


def checked_signals(
    given: ArrayLike, channels: int, frames: int | None, dtype: np.dtype[Any], what: str
) -> Signals:
    """The signals `given`, (batch, channels, frames) or without the first axis, in three axes.

    They are copied only where the type differs or frames do not follow each other in memory.
    Raises ValueError for a wrong shape, or no item at all.
    """
    array = np.asarray(given)
    length = "frames" if frames is None else frames
    fits = array.ndim in (2, 3) and array.shape[-2] == channels
    if not fits or frames not in (None, array.shape[-1]):
        expected = f"(batch, {channels}, {length}) or ({channels}, {length})"
        raise ValueError(f"{what} have the shape {array.shape}, expected {expected}")
    if not len(array) and array.ndim == 3:
        raise ValueError(f"{what} are a batch of no items: give one or more")
    array = _as_reals(array, dtype, what)
    array = array if array.ndim == 3 else array[None]
    if array.size and array.shape[2] > 1 and array.strides[2] != array.itemsize:
        array = np.ascontiguousarray(array)
    return array


def whole_number(value: Any, what: str, least: int) -> int:
    """The number as an int; ValueError if it is not whole, or below `least`."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise ValueError(f"{what} is a whole number of {least} or more, not {value!r}")
    return int(number)


def require_type(value: Any, kind: type, hint: str) -> None:
    """Raises ValueError if a value is of another type than `kind`."""
    if not isinstance(value, kind):
        raise ValueError(f"expected a {kind.__name__}, {hint}, not a {_type(value)}")


def _type(value: Any) -> str:
    return type(value).__name__


def value_of_slider(name: str, given: ArrayLike) -> Array:
    """A value as an array; ValueError, with the name of the slider, if it is none of numbers."""
    return _as_reals(given, np.dtype(np.float64), f"the value of '{name}'")


def _as_reals(given: ArrayLike, dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    array = None
    try:
        if given is None:
            raise TypeError
        array = np.asarray(given)
        if array.dtype == dtype:
            return array
        if array.dtype.kind != "c":
            return array.astype(dtype)
    except (TypeError, ValueError):
        pass
    found = _type(given) if array is None else array.dtype
    raise ValueError(f"{what}: expected real numbers, not {found}")


def require_finite(array: NDArray[Any], what: str) -> None:
    """Raises ValueError if a sample is NaN or infinite."""
    if array.ndim == 0 and math.isfinite(array.item()):
        return
    with np.errstate(all="ignore"):
        # One sum is quicker than a test of each sample, and spoiled by any that is not finite.
        if np.isfinite(array.sum()) or bool(np.isfinite(array).all()):
            return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    where = f" at {list(index)}" if index else ""
    raise ValueError(f"{what}: {array[index]}{where} is not a finite number")


def require_range(name: str, array: Array, slider: Control) -> None:
    """Raises ValueError if a value is outside of the slider's range."""
    outside = _outside(array, slider, RANGE_MARGIN)
    if outside is not None:
        value, low, high = array[outside][0], slider.min, slider.max
        raise ValueError(f"the value of '{name}': {value:g} is outside of [{low:g}, {high:g}]")


def _outside(array: Array, slider: Control, margin: float) -> NDArray[np.bool_] | None:
    """Where values are outside of the slider's range, but for rounding and the `margin`."""
    low, high = sorted((slider.min, slider.max))
    margin += RANGE_TOLERANCE * (high - low)
    low, high = low - margin, high + margin
    if not array.size or (low <= array.min() and array.max() <= high):
        return None
    return np.asarray((array < low) | (array > high))


@contextmanager
def naming_place(signals: Signals, what: str) -> Iterator[None]:
    """Says which of the `signals` of a run is not finite."""
    try:
        yield
    except NotFiniteError:
        require_finite(signals, what)
        raise
