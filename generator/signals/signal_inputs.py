"""Sliders as signals: inputs of the program in the place of sliders, which may move in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .graph import Data, Graph
from .labels import label_of
from .reading import NAMELESS, ProgramGraph
from .sliders import in_one_group

#: x with the sign of x. To a compiler the result may be any number; of an input it believes that it
#: lies between -1 and 1, and would make a delay line no longer than that.
_UNBOUNDED = 'ffunction(float copysignf|copysign|copysignl (float, float),<math.h>,"")'


@dataclass(frozen=True)
class ProgramWithInputs:
    """A program with inputs in the place of sliders.

    The inputs of the original come first, then one for each of `signals`, the signals that stand
    where the sliders stood. `renamed` maps the numbers of the original to those of `program`.
    """

    program: ProgramGraph
    signals: tuple[int, ...]
    renamed: dict[int, int]


def with_signals(program: ProgramGraph, chosen: Sequence[int]) -> ProgramWithInputs:
    """The program with the sliders `chosen` as inputs, in that order, kept in their ranges.

    The other parts of its user interface keep their paths, also in a program with some of them.
    """
    graph = Graph()
    shared = in_one_group(program.graph, program.numbers)
    name = label_of(dict(program.metadata).get("name", NAMELESS))
    around = () if shared else (("vgroup", name),)
    renamed: dict[int, int] = {}
    for index in range(program.inputs):
        graph.add("input", (index,))
    places = {number: program.inputs + index for index, number in enumerate(chosen)}
    for number in program.graph.reachable(program.outputs):
        node = program.graph.nodes[number]
        if number in places:
            renamed[number] = _in_range(graph, places[number], node.widget.numbers)  # type: ignore[union-attr]
        elif node.op == "feedback":
            renamed[number] = graph.feedback()
        else:
            data: Data = node.data
            if node.widget:
                data = (replace(node.widget, groups=(*around, *node.widget.groups)),)
            renamed[number] = graph.add(node.op, data, tuple(renamed[a] for a in node.args))
    for number, copy in renamed.items():
        if program.graph.nodes[number].op == "feedback":
            graph.close(copy, renamed[program.graph.source(number)])
    changed = replace(
        program,
        graph=graph,
        inputs=program.inputs + len(chosen),
        outputs=tuple(renamed[n] for n in program.outputs),
        numbers=tuple(sorted(renamed.values())),
        sliders={renamed[n]: one for n, one in program.sliders.items() if n not in places},
    )
    return ProgramWithInputs(changed, tuple(renamed[n] for n in chosen), renamed)


def _in_range(graph: Graph, index: int, numbers: Sequence[str]) -> int:
    given = graph.add("input", (index,))
    free = graph.add("foreign", (_UNBOUNDED,), (given, given))
    _, low, high, _ = numbers
    bounded = graph.primitive("min", graph.number(repr(float(high))), free)
    return graph.primitive("max", graph.number(repr(float(low))), bounded)
