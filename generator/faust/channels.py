"""The channels of a batch as they lie in memory, and their addresses for batch.cpp."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interface import Signals


@dataclass(frozen=True)
class AbsentChannels:
    """Channels without memory: silent as inputs, dropped as outputs."""

    channels: int


@dataclass(frozen=True)
class LaneChannels:
    """Channels in the order in which items side by side read and write them.

    `lanes` (groups, channels, frames, lanes) are those of the items that fill all lanes, aligned to
    whole vectors; `rest` (items, channels, frames) those of the others. A program that runs items
    one by one works on copies.
    """

    lanes: NDArray[np.floating[Any]]
    rest: Signals

    @property
    def shape(self) -> tuple[int, int, int]:
        """As of signals: (items, channels, frames)."""
        groups, channels, frames, lanes = self.lanes.shape
        return groups * lanes + len(self.rest), channels, frames

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a sample."""
        return self.lanes.dtype

    def signals(self) -> Signals:
        """A copy (items, channels, frames)."""
        groups, channels, frames, lanes = self.lanes.shape
        beside = np.moveaxis(self.lanes, 3, 1).reshape(groups * lanes, channels, frames)
        return np.concatenate([beside, self.rest])

    def fill(self, signals: Signals) -> None:
        """Takes over `signals` (items, channels, frames)."""
        groups, channels, frames, lanes = self.lanes.shape
        beside, self.rest[:] = np.split(signals, [groups * lanes])
        self.lanes[:] = np.moveaxis(beside.reshape(groups, lanes, channels, frames), 1, 3)


Channels = Signals | AbsentChannels | LaneChannels


class Place(ctypes.Structure):
    """Where the samples of a channel are: `Signal` of batch.cpp."""

    _fields_ = (
        ("start", ctypes.c_longlong),
        ("stride", ctypes.c_longlong),
        ("beside", ctypes.c_longlong),
    )


def address(array: NDArray[Any]) -> int:
    """Where the first element of an array is."""
    return int(array.__array_interface__["data"][0])


def addresses(groups: Iterable[Channels], *, wide: bool) -> ctypes.Array[Place]:
    """The places of all channels, for items side by side or one by one.

    Items one by one read and write the `rest` of what lies in the order of lanes.
    """
    places = [one for group in groups for one in _places(group, wide)]
    return (Place * len(places))(*places)


def _memory(group: Signals | LaneChannels, wide: bool) -> tuple[NDArray[Any], int]:
    """The array that is used, and its first item."""
    if not isinstance(group, LaneChannels):
        return group, 0
    return (group.lanes, 0) if wide else (group.rest, group.shape[0] - len(group.rest))


def _places(group: Channels, wide: bool) -> list[Place]:
    if isinstance(group, AbsentChannels):
        return [Place()] * group.channels
    array, first = _memory(group, wide)
    beside = int(wide and isinstance(group, LaneChannels))
    stride = array.strides[0] if group.shape[0] > 1 else 0
    start = address(array) - first * stride
    return [Place(start + k * array.strides[1], stride, beside) for k in range(array.shape[1])]


def count_channels(
    groups: Iterable[Channels], items: int, frames: int, dtype: np.dtype[Any]
) -> int:
    """How many channels there are. Raises ValueError if they do not fit what they are for."""
    count = 0
    for group in groups:
        if isinstance(group, AbsentChannels):
            count += group.channels
            continue
        given, channels, length = group.shape if len(group.shape) == 3 else (0, 0, 0)
        if given not in (1, items) or length != frames or group.dtype != dtype:
            expected = f"({items}, channels, {frames}) of {dtype}"
            raise ValueError(f"expected signals {expected}, not {group.shape} of {group.dtype}")
        array = group.rest if isinstance(group, LaneChannels) else group
        if array.size and frames > 1 and array.strides[2] != array.itemsize:
            raise ValueError("the frames of a channel do not follow each other in memory")
        count += channels
    return count
