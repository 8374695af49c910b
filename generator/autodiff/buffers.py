"""Memory for tapes that is used again: fresh pages cost more than what is written to them."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..faust.channels import LaneChannels, address
from ..faust.interface import Signals

#: Bytes of a cache line, and how many buffers wait to be used again.
LINE, WAITING = 64, 4

#: Items side by side have the tape in the order of their lanes.
Recorded = Signals | LaneChannels


class Buffers:
    """Arrays of one type, given and taken back by any thread."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._line = dtype, LINE // dtype.itemsize
        self._lock = threading.Lock()
        self._waiting: list[NDArray[np.floating[Any]]] = []

    def take(self, items: int, channels: int, frames: int, lanes: int = 1) -> Recorded:
        """Channels (items, channels, frames) with any content.

        With more than one of the `lanes`, items that fill them all are in their order.
        """
        beside = items - items % lanes if lanes > 1 else 0
        wide, alone = self._apart(frames * lanes), self._apart(frames)
        border = beside // lanes * channels * wide
        flat = self._flat(border + (items - beside) * channels * alone)
        rest = flat[border:].reshape(items - beside, channels, alone)[:, :, :frames]
        if not beside:
            return rest
        groups = flat[:border].reshape(beside // lanes, channels, wide)[:, :, : frames * lanes]
        return LaneChannels(groups.reshape(*groups.shape[:2], frames, lanes), rest)

    def give_back(self, channels: Recorded) -> None:
        """Takes back what `take` gave and nobody uses any more."""
        memory = channels.rest if isinstance(channels, LaneChannels) else channels
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        with self._lock:
            self._waiting = [*self._waiting, memory][-WAITING:]

    def give_back_with(self, owner: object, channels: Recorded) -> None:
        """Takes channels back as soon as their `owner` is gone."""
        weakref.finalize(owner, self.give_back, channels).atexit = False

    def _apart(self, samples: int) -> int:
        """From channel to channel: an odd number of lines, which share no place of the cache."""
        return (-(-samples // self._line) | 1) * self._line

    def _flat(self, size: int) -> NDArray[np.floating[Any]]:
        """So many numbers, from the beginning of a line."""
        size += self._line
        with self._lock:
            fitting = [one for one in self._waiting if size <= one.size <= 2 * size]
            if fitting:
                memory = min(fitting, key=lambda one: one.size)
                self._waiting = [one for one in self._waiting if one is not memory]
            else:
                memory = np.empty(size, self._dtype)
        start = -address(memory) % LINE // self._dtype.itemsize
        return memory[start : start + size - self._line]
