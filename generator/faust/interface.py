"""What every Faust program offers that is ready to run: channels, controls, and a run on arrays."""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .names import places_of

if TYPE_CHECKING:
    from .compiled import Session

Signals = NDArray[np.floating[Any]]

#: Frames per call of a program.
BLOCK_LENGTH = 4096


@dataclass(frozen=True)
class Control:
    """A widget of a program's user interface.

    `path` is Faust's own: the labels of the groups and of the widget, joined by "/" with "_" for
    characters that are special there. `kind` is button, checkbox, hslider, vslider, nentry,
    hbargraph or vbargraph. `meta` holds the metadata of the label, as {"unit": "dB"}; it is empty
    in the interpreter. Faust does not clamp values to [min, max].
    """

    label: str
    path: str
    kind: str
    init: float
    min: float
    max: float
    step: float
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def readonly(self) -> bool:
        """Whether the program writes the value: a bargraph."""
        return self.kind.endswith("bargraph")


class Program(ABC):
    """A Faust program ready to run: channel counts, precision and controls."""

    inputs: int
    outputs: int
    double: bool
    controls: tuple[Control, ...]
    #: The labels of its sound files, which are silent, as where Faust finds no such file.
    sounds: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the samples: float64 in double precision, else float32."""
        return np.dtype(np.float64 if self.double else np.float32)

    @contextmanager
    def sounding(self, sound: ArrayLike) -> Iterator[None]:
        """While it is open, all sound files hold `sound` (frames,), again and again.

        Sessions of one program share their sounds. In the interpreter they stay silent.
        """
        yield

    @abstractmethod
    def session(self, *, sample_rate: int = 44100) -> Session:
        """A fresh instance that keeps its state; `sample_rate` in Hz.

        Raises FaustError where that is not possible, in the interpreter.
        """

    @abstractmethod
    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK_LENGTH,
    ) -> Signals:
        """The outputs (outputs, frames) of a fresh instance for `inputs` (inputs, frames).

        A program without inputs takes the number of `frames` instead. One input channel may come
        as a flat array. `sample_rate` is in Hz; `controls` gives values by label or path;
        `block` is the number of frames per call of the program. Raises ValueError for a wrong
        shape or control.
        """

    def find(self, name: str) -> int:
        """The index in `controls` of the one that `name` means, see `places_of`.

        Raises ValueError, with the nearest names, if there is no such control, and with the paths
        if there are several.
        """
        places = places_of(name, self.controls)
        if len(places) == 1:
            return places[0]
        if places:
            paths = ", ".join(self.controls[i].path for i in places)
            raise ValueError(f"several controls are named '{name}', use a path: {paths}")
        names = list(dict.fromkeys(n for c in self.controls for n in (c.label, c.path)))
        nearest = difflib.get_close_matches(name, names, n=4, cutoff=0)
        hint = f"the nearest are {', '.join(nearest)}" if nearest else "the program has no controls"
        raise ValueError(f"unknown control '{name}': {hint}")

    def find_settable(self, name: str) -> int:
        """Like `find`, but raises ValueError for a bargraph as well."""
        index = self.find(name)
        if self.controls[index].readonly:
            raise ValueError(
                f"control '{name}' is a {self.controls[index].kind}, set by the program"
            )
        return index

    def settable_path(self, name: str) -> str:
        """The path of the control that `name` means; errors as for `find_settable`."""
        return self.controls[self.find_settable(name)].path

    def signals(self, inputs: ArrayLike | None, frames: int | None) -> Signals:
        """The `inputs` of `run` as a contiguous array (inputs, frames) of the program's dtype."""
        if inputs is None:
            if frames is None:
                raise ValueError("give the inputs, or the number of frames")
            array = np.zeros((0, frames), self.dtype)
        else:
            array = np.ascontiguousarray(np.atleast_2d(np.asarray(inputs)), self.dtype)
        if array.ndim != 2 or array.shape[0] != self.inputs:
            raise ValueError(f"expected inputs ({self.inputs}, frames), not {array.shape}")
        if frames not in (None, array.shape[1]):
            raise ValueError(f"inputs of {array.shape[1]} frames do not fit frames={frames}")
        return array


def control_path(labels: Sequence[str]) -> str:
    """The path of a widget, spelled as by Faust's own hosts."""
    return "/" + "/".join(re.sub(r"[/ #*,?\[\]{}()]", "_", label) for label in labels)
