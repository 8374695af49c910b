"""From boxes to signals: the inputs of a diagram are sent through it.

A box that receives the same signals twice gives the same signals, so that the work, like the
graph, is linear in the program.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from .boxes import Box, NotUnderstoodError
from .graph import Graph, Groups, Op, Widget

Signals = tuple[int, ...]
Slots = Mapping[str, int]
T = TypeVar("T")

_STACK = 512 * 2**20
_DEPTH = 1_000_000


def with_deep_stack(work: Callable[[], T]) -> T:
    """The result of `work`, which may recurse as deeply as a diagram is nested."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(_DEPTH)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if errors:
        raise errors[0]
    return results[0]


def propagate(graph: Graph, box: Box, inputs: Signals) -> Signals:
    """The signals that `box` gives for `inputs`, as new nodes of `graph`."""
    return _Propagation(graph).through(box, inputs, {}, ())


class _Propagation:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[tuple[object, ...], Signals] = {}

    def through(self, box: Box, inputs: Signals, slots: Slots, groups: Groups) -> Signals:
        match box.kind:
            case "number":
                return (self.graph.add("number", box.data),)
            case "slot":
                if box.data[0] not in slots:
                    raise NotUnderstoodError(f"'{box.data[0]}' stands for nothing")
                return (slots[box.data[0]],)
            case "primitive":
                return self.primitive(box.data[0], inputs)
        bound = tuple((name, slots[name]) for name in sorted(box.free))
        key = (box, inputs, bound, groups if box.shown else None)
        if key not in self.known:
            self.known[key] = self.apply(box, inputs, slots, groups)
        return self.known[key]

    def primitive(self, name: str, inputs: Signals) -> Signals:
        if name == "_":
            return inputs
        if name == "!":
            return ()
        return (self.graph.add("primitive", (name,), inputs),)

    def apply(self, box: Box, inputs: Signals, slots: Slots, groups: Groups) -> Signals:
        graph, data = self.graph, box.data
        match box.kind:
            case ":" | "<:" | ":>":
                return self.chain(box, inputs, slots, groups)
            case "parallel":
                outputs: list[int] = []
                start = 0
                for part in box.parts:
                    end = start + part.inputs
                    outputs.extend(self.through(part, inputs[start:end], slots, groups))
                    start = end
                return tuple(outputs)
            case "~":
                return self.recursion(box, inputs, slots, groups)
            case "closure":
                inner = {**slots, data[0]: inputs[0]}
                return self.through(box.parts[0], inputs[1:], inner, groups)
            case "group":
                return self.through(box.parts[0], inputs, slots, (*groups, (data[0], data[1])))
            case "widget" | "bargraph":
                widget = Widget(groups, data[0], data[1], data[2:])
                op: Op = "widget" if box.kind == "widget" else "bargraph"
                return (graph.add(op, (widget,), inputs),)
            case "soundfile":
                widget = Widget(groups, "soundfile", data[0], data[1:])
                return self.picks(graph.add("soundfile", (widget,), inputs), box.outputs)
            case "waveform":
                return self.picks(graph.add("waveform", data), 2)
            case "ffunction":
                return (graph.add("foreign", data, inputs),)
            case "fconstant" | "fvariable":
                return (graph.add("constant", data),)
            case "route":
                return self.route(box, inputs)
        raise AssertionError(box.kind)

    def picks(self, number: int, count: int) -> Signals:
        return tuple(self.graph.add("pick", (i, count), (number,)) for i in range(count))

    def chain(self, box: Box, inputs: Signals, slots: Slots, groups: Groups) -> Signals:
        first, second = box.parts
        between = self.through(first, inputs, slots, groups)
        if box.kind == "<:" and between:
            between *= second.inputs // len(between)
        if box.kind == ":>" and second.inputs:
            between = self.merge(between, second.inputs)
        return self.through(second, between, slots, groups)

    def merge(self, signals: Signals, count: int) -> Signals:
        """`count` sums, of every `count`-th signal."""
        sums = list(signals[:count])
        for index, signal in enumerate(signals[count:]):
            sums[index % count] = self.graph.primitive("+", sums[index % count], signal)
        return tuple(sums)

    def recursion(self, box: Box, inputs: Signals, slots: Slots, groups: Groups) -> Signals:
        forth, back = box.parts
        delayed = tuple(self.graph.feedback() for _ in range(back.inputs))
        returned = self.through(back, delayed, slots, groups)
        outputs = self.through(forth, (*returned, *inputs), slots, groups)
        for feedback, output in zip(delayed, outputs, strict=False):
            self.graph.close(feedback, output)
        return outputs

    def route(self, box: Box, inputs: Signals) -> Signals:
        pairs = list(map(int, box.data))
        outputs: list[int | None] = [None] * box.outputs
        for start, end in zip(pairs[::2], pairs[1::2], strict=True):
            # The compiler passes over what is not there.
            if 1 <= start <= box.inputs and 1 <= end <= box.outputs:
                signal, before = inputs[start - 1], outputs[end - 1]
                outputs[end - 1] = (
                    signal if before is None else self.graph.primitive("+", before, signal)
                )
        silence = self.graph.number("0")
        return tuple(silence if output is None else output for output in outputs)
