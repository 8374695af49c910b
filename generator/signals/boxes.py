"""Boxes: the core language as a graph of shared nodes, each with its arity.

Equal boxes are one object, so that what follows can remember results by identity. Arities are
checked when a box is made; the compiler has checked them before, so a mismatch means that its
output was misread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class NotUnderstoodError(Exception):
    """A piece of the compiler's output that this reader does not know."""


@dataclass(frozen=True, eq=False)
class Box:
    """A node of a block diagram with `inputs` and `outputs`.

    `kind` says what `data` (text) and `parts` (boxes) mean, see `Boxes`. `free` are the names of
    closure arguments that the box reads from around it; `shown` says whether it has a user
    interface, whose place depends on the groups around it.
    """

    kind: str
    data: tuple[str, ...]
    parts: tuple[Box, ...]
    inputs: int
    outputs: int
    free: frozenset[str] = field(repr=False)
    shown: bool


#: Kinds whose appearance depends on the groups around them.
_VISIBLE_KINDS = frozenset(("widget", "bargraph", "soundfile"))


class Boxes:
    """Makes boxes, equal ones once. `arities` maps the primitives to (inputs, outputs)."""

    def __init__(self, arities: Mapping[str, tuple[int, int]]) -> None:
        self._arities = arities
        #: By kind, data, identities of the parts, and arity, which the data of a route do not tell.
        self._known: dict[tuple[str, tuple[str, ...], tuple[int, ...], tuple[int, int]], Box] = {}

    def _make(
        self,
        kind: str,
        data: tuple[str, ...],
        parts: tuple[Box, ...],
        arity: tuple[int, int],
        bound: frozenset[str] = frozenset(),
    ) -> Box:
        key = (kind, data, tuple(map(id, parts)), arity)
        box = self._known.get(key)
        if box is None:
            free = frozenset(data) if kind == "slot" else frozenset()
            for part in parts:
                free |= part.free
            shown = kind in _VISIBLE_KINDS or any(part.shown for part in parts)
            box = Box(kind, data, parts, *arity, free - bound, shown)
            self._known[key] = box
        return box

    def number(self, text: str) -> Box:
        return self._make("number", (text,), (), (0, 1))

    def primitive(self, name: str) -> Box:
        """A wire, a cut or a primitive of the language."""
        if name not in self._arities:
            raise NotUnderstoodError(f"'{name}' is no primitive that the table has a row for")
        return self._make("primitive", (name,), (), self._arities[name])

    def slot(self, name: str) -> Box:
        """The argument of a closure."""
        return self._make("slot", (name,), (), (0, 1))

    def closure(self, name: str, body: Box) -> Box:
        arity = (body.inputs + 1, body.outputs)
        return self._make("closure", (name,), (body,), arity, frozenset((name,)))

    def widget(self, kind: str, label: str, numbers: Sequence[str]) -> Box:
        """A button, checkbox, slider or entry; `numbers` are init, min, max and step."""
        return self._make("widget", (kind, label, *numbers), (), (0, 1))

    def bargraph(self, kind: str, label: str, numbers: Sequence[str]) -> Box:
        """A display; `numbers` are min and max."""
        return self._make("bargraph", (kind, label, *numbers), (), (1, 1))

    def soundfile(self, label: str, channels: str) -> Box:
        return self._make("soundfile", (label, channels), (), (2, 2 + int(channels)))

    def group(self, kind: str, label: str, body: Box) -> Box:
        return self._make("group", (kind, label), (body,), (body.inputs, body.outputs))

    def waveform(self, text: str) -> Box:
        return self._make("waveform", (text,), (), (0, 2))

    def foreign(self, kind: str, text: str, inputs: int) -> Box:
        """An `ffunction`, `fconstant` or `fvariable`."""
        return self._make(kind, (text,), (), (inputs, 1))

    def route(self, numbers: Sequence[int]) -> Box:
        """Inputs, outputs, then pairs of an input and an output, which count from 1."""
        inputs, outputs, *pairs = numbers
        return self._make("route", tuple(map(str, pairs)), (), (inputs, outputs))

    def parallel(self, parts: Sequence[Box]) -> Box:
        if len(parts) == 1:
            return parts[0]
        arity = (sum(p.inputs for p in parts), sum(p.outputs for p in parts))
        return self._make("parallel", (), tuple(parts), arity)

    def chain(self, operator: str, first: Box, second: Box) -> Box:
        """`:`, `<:` or `:>`; Faust binds them so that any order of grouping means the same."""
        out, into = first.outputs, second.inputs
        fits = {
            ":": out == into,
            "<:": out > 0 and into % out == 0,
            ":>": into > 0 and out % into == 0,
        }
        if not fits[operator] and (out or into):
            raise NotUnderstoodError(f"{out} outputs do not fit {into} inputs across '{operator}'")
        return self._make(operator, (), (first, second), (first.inputs, second.outputs))

    def recursion(self, parts: Sequence[Box]) -> Box:
        """`A ~ B ~ ...` as printed; the compiler does not print how it was grouped.

        `~` groups to the left. Where only the other grouping has arities that fit, it is that one;
        where both fit, the text could mean two programs. A loop is not meant as the way back
        of another one if it takes nothing back.
        """
        if len(parts) == 1:
            return parts[0]
        readings = self._readings(tuple(parts))
        if len(readings) != 1:
            what = "no grouping fits" if not readings else "several groupings fit"
            raise NotUnderstoodError(f"nested '~' in a function with an open argument: {what}")
        return readings[0]

    def _readings(self, parts: tuple[Box, ...]) -> list[Box]:
        if len(parts) == 1:
            return [parts[0]]
        boxes: dict[int, Box] = {}
        for cut in range(1, len(parts)):
            for first in self._readings(parts[:cut]):
                for second in self._readings(parts[cut:]):
                    if cut + 1 < len(parts) and not second.inputs:
                        continue
                    if second.inputs <= first.outputs and second.outputs <= first.inputs:
                        arity = (first.inputs - second.outputs, first.outputs)
                        box = self._make("~", (), (first, second), arity)
                        boxes[id(box)] = box
        return list(boxes.values())
