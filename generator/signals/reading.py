"""A Faust program, as the compiler expands it, to a signal graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import InputError, Place, Problem
from .boxes import NotUnderstoodError
from .core import Core, parse
from .graph import Graph
from .propagate import propagate
from .row_lookup import Rows
from .sliders import Parameter, sliders, switches

#: What the compiler says about itself and its machine, which is nothing about the program.
_ABOUT_COMPILING = ("compile_options", "filename", "version", "library_path")

#: The name that every program has which is expanded from a text.
NAMELESS = "program"


@dataclass(frozen=True)
class ProgramGraph:
    """A program as a signal graph; `numbers` are the signals that its outputs are made of."""

    graph: Graph
    inputs: int
    outputs: tuple[int, ...]
    numbers: tuple[int, ...]
    sliders: Mapping[int, Parameter]
    switches: tuple[Parameter, ...]
    metadata: tuple[tuple[str, str], ...]


def read_program(text: str, rows: Rows, name: str = NAMELESS, file: str = "") -> ProgramGraph:
    """The signal graph of a program that the compiler has expanded to `text`.

    `name` and `file` are those of `differentiate`. Raises `InputError` if that text is not
    understood.
    """
    graph = Graph()
    try:
        core = _with_name(parse(text, rows.arities), name)
        inputs = tuple(graph.add("input", (i,)) for i in range(core.process.inputs))
        outputs = propagate(graph, core.process, inputs)
    except NotUnderstoodError as error:
        what = f"the program as the compiler expands it is not understood: {error}"
        raise InputError([Problem(Place(file or name), what, "see `faust -e`")]) from None
    numbers = tuple(graph.reachable(outputs))
    called = dict(core.metadata).get("name", name)
    return ProgramGraph(
        graph,
        len(inputs),
        outputs,
        numbers,
        sliders(graph, numbers, called),
        switches(graph, numbers, called),
        core.metadata,
    )


def _with_name(core: Core, name: str) -> Core:
    """With the name of the file where the program declares none.

    A backslash in it would be an escape in C++, which is given what is declared as it is.
    """
    name = name.replace("\\", "_")
    metadata = tuple(
        (key, name if (key, value) == ("name", NAMELESS) else value)
        for key, value in core.metadata
        if not key.startswith(_ABOUT_COMPILING)
    )
    return Core(metadata, core.process)
