"""What flows into calls of `fad` and `rad`: seeds that act there on what the word does not see.

A word sees its expression alone: neither what is fed into it, as in `2 * g : rad(_, g)`, nor what
a variable of a function around it stands for, as in `2 * g : \\(y).(rad(y * y, g))`. Each signal is
followed as the set of the seeds, and of the widgets of seeds, that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .boxes import Box

#: The seeds, and widgets of seeds, that a signal is made of.
Origins = frozenset[Box]
Signals = tuple[Origins, ...]
Slots = Mapping[str, Origins]

NOTHING: Origins = frozenset()


@dataclass(frozen=True)
class Fed:
    """A call of a word: what it is fed, what variables stand for, the seeds of words around it."""

    call: Box
    inputs: Signals
    slots: Slots
    leaves: Origins


@dataclass
class Flow:
    """Signals through a program; `wanted` are the boxes to look for, `is_call` knows the words.

    `leaves_of` gives the seeds of a call, which are leaves in its expression.
    """

    wanted: frozenset[Box]
    is_call: Callable[[Box], bool]
    leaves_of: Callable[[Box], tuple[Box, ...]]
    found: list[Fed] = field(default_factory=list)
    known: dict[object, Signals] = field(default_factory=dict)

    def through(self, box: Box, inputs: Signals, slots: Slots, leaves: Origins) -> Signals:
        if box in leaves:
            return (Origins({box} & self.wanted),) * box.outputs
        if box.kind == "primitive" and box.data[0] == "_":
            return inputs
        bound = tuple((name, slots[name]) for name in sorted(box.free))
        key = (box, inputs, bound, leaves)
        if key not in self.known:
            self.known[key] = self.apply(box, inputs, slots, leaves)
        return self.known[key]

    def apply(self, box: Box, inputs: Signals, slots: Slots, leaves: Origins) -> Signals:
        own = Origins({box} & self.wanted)
        match box.kind:
            case "slot":
                outputs: Signals = (slots[box.data[0]],)
            case ":" | "<:" | ":>":
                outputs = self.chain(box, inputs, slots, leaves)
            case "parallel":
                outputs = self.side_by_side(box, inputs, slots, leaves)
            case "~":
                outputs = self.recursion(box, inputs, slots, leaves)
            case "closure":
                inner = {**slots, box.data[0]: inputs[0]}
                outputs = self.through(box.parts[0], inputs[1:], inner, leaves)
            case "group":
                if self.is_call(box):
                    self.found.append(Fed(box, inputs, slots, leaves))
                    leaves |= Origins(self.leaves_of(box))
                outputs = self.through(box.parts[0], inputs, slots, leaves)
            case _:
                outputs = (union_of(inputs),) * box.outputs
        return tuple(own | output for output in outputs)

    def chain(self, box: Box, inputs: Signals, slots: Slots, leaves: Origins) -> Signals:
        first, second = box.parts
        between = self.through(first, inputs, slots, leaves)
        if box.kind == "<:" and between:
            between *= second.inputs // len(between)
        if box.kind == ":>":
            between = tuple(union_of(between[k :: second.inputs]) for k in range(second.inputs))
        return self.through(second, between, slots, leaves)

    def side_by_side(self, box: Box, inputs: Signals, slots: Slots, leaves: Origins) -> Signals:
        outputs: Signals = ()
        start = 0
        for part in box.parts:
            end = start + part.inputs
            outputs += self.through(part, inputs[start:end], slots, leaves)
            start = end
        return outputs

    def recursion(self, box: Box, inputs: Signals, slots: Slots, leaves: Origins) -> Signals:
        # A state is a constant to a word in the loop, and made of all that is in it outside.
        forth, back = box.parts
        returned = self.through(back, (NOTHING,) * back.inputs, slots, leaves)
        outputs = self.through(forth, (*returned, *inputs), slots, leaves)
        whole = union_of((*returned, *outputs))
        return tuple(whole for _ in outputs)


def union_of(signals: Signals) -> Origins:
    """What several signals are made of."""
    return NOTHING.union(*signals)


def flow_into_calls(
    process: Box,
    wanted: frozenset[Box],
    is_call: Callable[[Box], bool],
    leaves_of: Callable[[Box], tuple[Box, ...]],
) -> Iterator[Fed]:
    """The calls in a program with what flows into them, each as often as that differs."""
    flow = Flow(wanted, is_call, leaves_of)
    flow.through(process, (NOTHING,) * process.inputs, {}, NOTHING)
    yield from flow.found
