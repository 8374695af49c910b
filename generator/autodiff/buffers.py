"""Memory for tapes that is used again: fresh pages cost more than what is written to them."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..faust.interface import Signals

#: Bytes of a cache line, and how many buffers wait to be used again.
LINE, WAITING = 64, 4


class Buffers:
    """Arrays of one type, given and taken back by any thread."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._lock = threading.Lock()
        self._waiting: list[NDArray[np.floating[Any]]] = []

    def take(self, items: int, channels: int, frames: int) -> Signals:
        """An array (items, channels, frames) with any content."""
        # Channels an odd number of lines apart do not compete for one place of the cache.
        line = LINE // self._dtype.itemsize
        stride = (-(-frames // line) | 1) * line
        size = items * channels * stride
        with self._lock:
            fitting = [one for one in self._waiting if size <= one.size <= 2 * size]
            if fitting:
                flat = min(fitting, key=lambda one: one.size)
                self._waiting = [one for one in self._waiting if one is not flat]
            else:
                flat = np.empty(size, self._dtype)
        return flat[:size].reshape(items, channels, stride)[:, :, :frames]

    def give_back(self, array: Signals) -> None:
        """Takes an array back that `take` gave and nobody uses any more."""
        flat = array
        while isinstance(flat.base, np.ndarray):
            flat = flat.base
        with self._lock:
            self._waiting = [*self._waiting, flat][-WAITING:]

    def give_back_with(self, owner: object, array: Signals) -> None:
        """Takes an array back as soon as its `owner` is gone."""
        weakref.finalize(owner, self.give_back, array).atexit = False
