"""A Faust program to one that outputs its partials as well: the stages in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ..compilers import Compiler, find_compiler
from ..errors import InputError, Place, Problem
from ..resources import resource
from ..stage2_model import Table, read
from .boxes import NotUnderstoodError
from .core import Core, parse
from .cotangents import NoReverseError, cotangents
from .graph import Graph
from .parameters import Parameter, choose, sliders
from .printer import definitions, input_name
from .propagate import deeply, propagate
from .rows import Rows
from .tangents import NoRuleError, tangents

Mode = Literal["forward", "reverse"]

#: What the compiler says about itself and its machine, which is nothing about the program.
_ABOUT_COMPILING = ("compile_options", "filename", "version", "library_path")

#: The name that every program has which is expanded from a text.
_NAMELESS = "program"


@dataclass(frozen=True)
class Differentiated:
    """A program with its partials.

    `text` is a Faust program without imports. For each output of the original it has the value,
    then one partial for each of `params`, in that order: (1 + len(params)) * outputs in all. It
    keeps the `inputs` and the user interface of the original, so it is set by the same names.
    """

    text: str
    params: tuple[Parameter, ...]
    inputs: int
    outputs: int
    mode: Mode

    @property
    def stride(self) -> int:
        """From the value of one output to the value of the next."""
        return 1 + len(self.params)


@dataclass(frozen=True)
class Program:
    """A program as a signal graph; `numbers` are the signals that its outputs are made of."""

    graph: Graph
    inputs: int
    outputs: tuple[int, ...]
    numbers: tuple[int, ...]
    sliders: Mapping[int, Parameter]
    metadata: tuple[tuple[str, str], ...]


def differentiate(
    source: str,
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    mode: Mode = "forward",
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = _NAMELESS,
    file: str = "",
) -> Differentiated:
    """The Faust program `source` with its partial derivatives.

    They are taken with respect to the sliders that `params` names by label or path, in that order;
    else to all continuous sliders, if `all_continuous`; else to those marked `[diff:1]` or
    `[diff:on]`. `mode` "reverse" is for many parameters without feedback. `compiler` expands the
    program, `include` lists folders for its imports, `table` replaces the built-in rules; `name` is
    that of the program if it declares none, and `file` stands for it in messages.

    Raises `FaustError` with the compiler's message if the program does not compile, and
    `InputError` if there is nothing to differentiate, a slider is unknown, or a box on the way to
    an output has no rule.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    rows = Rows(table or built_in(), compiler, tuple(include))
    text = compiler.expand(source, include=include)
    return deeply(
        lambda: _differentiated(text, rows, params, all_continuous, mode, name, file or name)
    )


@cache
def built_in() -> Table:
    """The table of the package."""
    return read(resource("primitives.yaml"))


def read_program(text: str, rows: Rows, name: str = _NAMELESS, file: str = "") -> Program:
    """The signal graph of a program that the compiler has expanded to `text`.

    `name` and `file` are those of `differentiate`. Raises `InputError` if that text is not
    understood.
    """
    graph = Graph()
    try:
        core = _named(parse(text, rows.arities), name)
        inputs = tuple(graph.add("input", (i,)) for i in range(core.process.inputs))
        outputs = propagate(graph, core.process, inputs)
    except NotUnderstoodError as error:
        what = f"the program as the compiler expands it is not understood: {error}"
        raise InputError([Problem(Place(file or name), what, "see `faust -e`")]) from None
    numbers = tuple(graph.reachable(outputs))
    found = sliders(graph, numbers, dict(core.metadata).get("name", name))
    return Program(graph, len(inputs), outputs, numbers, found, core.metadata)


def _named(core: Core, name: str) -> Core:
    """With the name of the file where the program declares none."""
    metadata = tuple(
        (key, name if (key, value) == ("name", _NAMELESS) else value)
        for key, value in core.metadata
        if not key.startswith(_ABOUT_COMPILING)
    )
    return Core(metadata, core.process)


def _differentiated(
    text: str,
    rows: Rows,
    wanted: Sequence[str] | None,
    all_continuous: bool,
    mode: Mode,
    name: str,
    file: str,
) -> Differentiated:
    program = read_program(text, rows, name, file)
    graph, outputs = program.graph, program.outputs
    chosen = choose(program.sliders, wanted, all_continuous, file)
    try:
        engine = tangents if mode == "forward" else cotangents
        partials = engine(graph, rows, outputs, chosen)
    except NoRuleError as error:
        hint = "choose other sliders with --param, or add a row with --extend"
        what = f"cannot differentiate through {error.box}: {error.why}"
        raise InputError([Problem(Place(file), what, hint)]) from None
    except NoReverseError as error:
        what = f"reverse mode ends here: {error}"
        raise InputError([Problem(Place(file), what, "use --mode forward")]) from None
    silence = graph.number(0.0)
    results: list[int] = []
    for output, found in zip(outputs, partials, strict=True):
        results += [output, *(found.get(index, silence) for index in range(len(chosen)))]
    params = tuple(program.sliders[number] for number in chosen)
    printed = _printed(program, params, results)
    return Differentiated(printed, params, program.inputs, len(outputs), mode)


def _printed(program: Program, params: Sequence[Parameter], results: Sequence[int]) -> str:
    lines, names = definitions(program.graph, results)
    header = [
        "// Made by `faustdiff differentiate`; edit the original and make it again.",
        "//",
        "// For each output of the original: its value, then its partial derivatives by",
        *(f"//   {index}. {param.path}" for index, param in enumerate(params, 1)),
        "",
        *(f'declare {key} "{value}";' for key, value in program.metadata),
        "",
    ]
    inputs = ", ".join(input_name(i) for i in range(program.inputs))
    outputs = ", ".join(names)
    if not inputs:
        return "\n".join([*header, *lines, f"process = {outputs};", ""])
    body = [f"    {line}" for line in lines]
    return "\n".join([*header, f"process({inputs}) = {outputs} with {{", *body, "};", ""])
