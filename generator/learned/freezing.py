"""A program with numbers in the place of sliders.

The program is read as a signal graph, so that what is written needs no library, keeps nothing that
no output depends on, and leaves the other controls where they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..faust.compilers import Compiler, find_compiler
from ..signals.graph import Node
from ..signals.printing import printed_program
from ..signals.propagate import with_deep_stack
from ..signals.reading import ProgramGraph, read_program
from ..signals.row_lookup import Rows
from ..table.assembling import built_in_table
from .values import place_values


@dataclass(frozen=True)
class FrozenProgram:
    """A program with numbers in place.

    `text` is Faust without imports. `set` are the sliders that have become numbers and `free` those
    that are left, as paths; `unused` are the names of values for which there was no slider.
    """

    text: str
    set: tuple[str, ...]
    free: tuple[str, ...]
    unused: tuple[str, ...]


def freeze(
    source: str,
    values: Mapping[str, float],
    *,
    entry: str = "process",
    library: bool = False,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    name: str = "program",
    values_file: str = "",
) -> FrozenProgram:
    """The Faust program `source` with each slider that `values` names replaced by its number.

    Names are those of `values.placed`. `entry` is the definition to freeze; with `library`, the
    text defines it under its name, in place of `process`. `compiler` expands the program, `include`
    lists folders for its imports, `name` is that of the program in paths, and `values_file` stands
    for the values in messages.

    Raises `FaustError` if the program does not compile, and `InputError` if no value has a slider,
    a name fits several, or the program is not understood.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    text = compiler.expand(source, include=include, options=["-pn", entry])
    rows = Rows(built_in_table(), compiler, tuple(include))
    return with_deep_stack(
        lambda: _freeze_graph(read_program(text, rows, name), values, entry, library, values_file)
    )


def _freeze_graph(
    program: ProgramGraph, values: Mapping[str, float], entry: str, library: bool, values_file: str
) -> FrozenProgram:
    numbers = list(program.sliders)
    sliders = [program.sliders[number] for number in numbers]
    by_slider, unused = place_values(values, sliders, values_file)
    nodes = program.graph.nodes
    for index, value in by_slider.items():
        nodes[numbers[index]] = Node("number", (repr(value),))
    frozen = tuple(slider.path for index, slider in enumerate(sliders) if index in by_slider)
    free = tuple(slider.path for index, slider in enumerate(sliders) if index not in by_slider)
    text = printed_program(
        program.graph,
        program.inputs,
        program.outputs,
        comments=["Made by `faustdiff freeze`; edit the original and make it again."],
        metadata=program.metadata,
        entry=entry if library else "process",
    )
    return FrozenProgram(text, frozen, free, tuple(unused))
