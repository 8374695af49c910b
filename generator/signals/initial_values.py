"""A program with other initial values for its sliders.

The user's own text is kept where each of these sliders is written in it once, as a call whose label
is a string. Otherwise - in a library, in an iteration, built from expressions - the program is
printed as the compiler expands it. Either result is expanded again, and counts only if all its
sliders start where they should.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..faust.calling import FaustError
from ..faust.compilers import Compiler
from ..table.assembling import built_in_table
from ..table.model import Table
from .labels import path_of
from .printing import printed_program
from .propagate import with_deep_stack
from .reading import ProgramGraph, read_program
from .row_lookup import Rows
from .sliders import SLIDERS

# Comments and strings first, so that nothing inside them counts.
_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"[^"]*"|\b(?:' + "|".join(SLIDERS) + r")\b|[(),\[\]{}]", re.DOTALL
)


@dataclass(frozen=True)
class InitializedProgram:
    """The program as `text`; `own` says whether it is the user's text."""

    text: str
    own: bool


@dataclass(frozen=True)
class Slider:
    """A slider in a text: its label, and where its initial value stands."""

    label: str
    start: int
    end: int


class Initializer:
    """Gives a program other initial values, any number of times.

    The program is read once, and the text with other numbers in it is checked once: where it starts
    as it should for some values, it does for others at the same places.
    """

    def __init__(
        self,
        source: str,
        compiler: Compiler,
        include: Sequence[Path] = (),
        name: str = "program",
    ) -> None:
        self._source, self._compiler = source, compiler
        self._include, self._name = tuple(include), name
        self._program: ProgramGraph | None = None
        self._checked: set[frozenset[str]] = set()

    def with_initial_values(
        self, values: Mapping[str, float], table: Table | None = None
    ) -> InitializedProgram:
        """The program whose sliders start at `values`, by path as in `Parameter`."""
        rows = Rows(table or built_in_table(), self._compiler, self._include)

        def read(text: str) -> ProgramGraph:
            expanded = self._compiler.expand(text, include=self._include)
            return with_deep_stack(lambda: read_program(expanded, rows, self._name))

        if self._program is None:
            self._program = read(self._source)
        program = self._program
        wanted = {one.path: values.get(one.path, one.init) for one in program.sliders.values()}
        patched = _patch(self._source, program, values)
        places = frozenset(values)
        if patched is not None and (places in self._checked or _starts(read, patched, wanted)):
            self._checked.add(places)
            return InitializedProgram(patched, own=True)
        # Printing writes the values into the graph.
        self._program = None
        return InitializedProgram(
            with_deep_stack(lambda: _print_program(program, values, self._name)), own=False
        )


def with_initial_values(
    source: str,
    values: Mapping[str, float],
    compiler: Compiler,
    *,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = "program",
) -> InitializedProgram:
    """The program `source` whose sliders start at `values`, by path as in `Parameter`."""
    return Initializer(source, compiler, include, name).with_initial_values(values, table)


def _starts(read: object, text: str, wanted: Mapping[str, float]) -> bool:
    assert callable(read)
    try:
        program: ProgramGraph = read(text)
    except FaustError:
        return False
    values = {one.path: one.init for one in program.sliders.values()}
    return values.keys() == wanted.keys() and all(
        np.isclose(values[path], value, rtol=1e-9, atol=1e-12) for path, value in wanted.items()
    )


def _patch(source: str, program: ProgramGraph, values: Mapping[str, float]) -> str | None:
    """The text with other values, or None where a slider is not in it exactly once."""
    written = list(sliders(source))
    labels = [one.label for one in program.sliders.values()]
    changes = []
    for one in program.sliders.values():
        if one.path not in values:
            continue
        places = [slider for slider in written if slider.label == one.label]
        if len(places) != 1 or labels.count(one.label) != 1:
            return None
        changes.append((places[0], values[one.path]))
    for slider, value in sorted(changes, key=lambda change: -change[0].start):
        source = f"{source[: slider.start]}{value!r}{source[slider.end :]}"
    return source


def sliders(source: str) -> Iterator[Slider]:
    """The calls of sliders in a Faust text whose label is a string."""
    tokens = [one for one in _TOKEN.finditer(source) if not one[0].startswith(("//", "/*"))]
    for index, token in enumerate(tokens):
        if token[0] not in SLIDERS or len(tokens) < index + 3:
            continue
        opened, label = tokens[index + 1 : index + 3]
        if opened[0] != "(" or not label[0].startswith('"'):
            continue
        depth, commas = 0, []
        for later in tokens[index + 3 :]:
            if later[0] in "([{":
                depth += 1
            elif later[0] in ")]}":
                if not depth:
                    break
                depth -= 1
            elif later[0] == "," and not depth:
                commas.append(later.start())
        if len(commas) >= 4 - 1:
            start, end = commas[0] + 1, commas[1]
            start += len(source[start:end]) - len(source[start:end].lstrip())
            text = path_of((), label[0][1:-1])[-1]
            yield Slider(text, start, start + len(source[start:end].rstrip()))


def _print_program(program: ProgramGraph, values: Mapping[str, float], name: str) -> str:
    graph = program.graph
    for number, one in program.sliders.items():
        if one.path in values:
            node = graph.nodes[number]
            assert node.widget is not None
            numbers = (repr(float(values[one.path])), *node.widget.numbers[1:])
            widget = replace(node.widget, numbers=numbers)
            graph.nodes[number] = replace(node, data=(widget, *node.data[1:]))
    comments = [
        f"{name} with fitted values, as the compiler expands it: its sliders are not all",
        "written in its own text, once each.",
    ]
    return printed_program(
        graph, program.inputs, program.outputs, comments=comments, metadata=program.metadata
    )
