"""A Faust program to one that outputs its partials as well: the stages in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler, find_compiler
from ..signals.printing import printed_program
from ..signals.propagate import with_deep_stack
from ..signals.reading import NAMELESS, ProgramGraph, read_program
from ..signals.row_lookup import Rows
from ..signals.signal_inputs import with_signals
from ..signals.sliders import Parameter, choose, list_sliders
from ..signals.steady import operations
from ..table.assembling import built_in_table
from ..table.model import Table
from .activity import NoRuleError
from .cotangents import NoReverseError, cotangents
from .gates import open_controls
from .remarks import left_out, one_voice, read_tables, time_to_compile
from .staircases import staircases
from .tangents import TableSlope, table_slopes, tangents

Mode = Literal["forward", "reverse"]


@dataclass(frozen=True)
class DifferentiatedProgram:
    """A program with its partials.

    `text` is a Faust program without imports. For each output of the original it has the value,
    then one partial for each of `params`, in that order: (1 + len(params)) * outputs in all. It
    keeps the `inputs` and the user interface of the original, so it is set by the same names;
    sliders that have become signals are further inputs. `operations` is the cost of a sample, in
    additions.
    """

    text: str
    params: tuple[Parameter, ...]
    inputs: int
    outputs: int
    mode: Mode
    operations: int = 0
    #: For each of `params`, what makes a staircase of it on its way to an output.
    stairs: tuple[tuple[str, ...], ...] = ()
    #: What was decided that is not to be seen in the program, each in a line.
    remarks: tuple[str, ...] = ()

    @property
    def stride(self) -> int:
        """From the value of one output to the value of the next."""
        return 1 + len(self.params)


def differentiate(
    source: str,
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    signals: Sequence[str] = (),
    mode: Mode = "forward",
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = NAMELESS,
    file: str = "",
    table_slope: TableSlope = "oscillators",
) -> DifferentiatedProgram:
    """The Faust program `source` with its partial derivatives.

    They are taken with respect to the sliders that `params` names by label or path, in that order;
    else to all continuous sliders, if `all_continuous`; else to those marked `[diff:1]` or
    `[diff:on]`. `signals` names sliders that become inputs, after those of the program, so that
    they may move at every sample; the partial by one that is chosen as well is that by a number
    added to all its samples. `mode` "reverse" is for many parameters without feedback, in one
    program; for any program there is `reverse_programs`. `compiler` expands the program, `include`
    lists folders for its imports, `table` replaces the built-in rules; `name` is that of the
    program if it declares none, and `file` stands for it in messages. `table_slope` says which
    tables that are read at whole places have the slope of their content, see `table_slopes`.

    Raises `FaustError` with the compiler's message if the program does not compile, and
    `InputError` if there is nothing to differentiate, a slider is unknown, or a box on the way to
    an output has no rule.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    rows = Rows(table or built_in_table(), compiler, tuple(include))
    text = compiler.expand(source, include=include)
    differentiated = with_deep_stack(
        lambda: _differentiate(
            text, rows, params, all_continuous, signals, mode, table_slope, name, file or name
        )
    )
    return replace(differentiated, remarks=(*one_voice(source), *differentiated.remarks))


def _differentiate(
    text: str,
    rows: Rows,
    wanted: Sequence[str] | None,
    all_continuous: bool,
    signals: Sequence[str],
    mode: Mode,
    table_slope: TableSlope,
    name: str,
    file: str,
) -> DifferentiatedProgram:
    program = read_program(text, rows, name, file)
    chosen = choose(program.sliders, wanted, all_continuous, file, program.switches)
    params = tuple(program.sliders[number] for number in chosen)
    moved = choose(program.sliders, signals, False, file, program.switches) if signals else []
    moving = tuple(program.sliders[number] for number in moved)
    if moved:
        replaced = with_signals(program, moved)
        program, chosen = replaced.program, [replaced.renamed[number] for number in chosen]
    graph, outputs = program.graph, program.outputs
    open_controls(graph, rows, outputs)
    numbers = graph.reachable(outputs)
    stairs = tuple(map(tuple, staircases(graph, rows, outputs, chosen)))
    slopes = table_slopes(graph, rows, numbers, table_slope)
    remarks = read_tables(graph, rows, numbers, slopes, chosen)
    if all_continuous and not wanted:
        remarks = (*left_out(program), *remarks)
    try:
        engine = tangents if mode == "forward" else cotangents
        partials = engine(graph, rows, outputs, chosen, slopes)
    except NoRuleError as error:
        hint = "choose other sliders with --param, or add a row with --extend"
        what = f"cannot differentiate through {error.box}: {error.why}"
        raise InputError([Problem(Place(file), what, hint)]) from None
    except NoReverseError as error:
        what = f"reverse mode ends here: {error}"
        hint = "use --mode forward, or reverse mode in two programs"
        raise InputError([Problem(Place(file), what, hint)]) from None
    silence = graph.number(0.0)
    results: list[int] = []
    for output, partial in zip(outputs, partials, strict=True):
        results += [output, *(partial.get(index, silence) for index in range(len(chosen)))]
    printed = _print_dual(program, params, moving, results)
    remarks += time_to_compile(printed)
    cost = operations(graph, rows, results)
    return DifferentiatedProgram(
        printed, params, program.inputs, len(outputs), mode, cost, stairs, remarks
    )


def _print_dual(
    program: ProgramGraph,
    params: Sequence[Parameter],
    signals: Sequence[Parameter],
    results: Sequence[int],
) -> str:
    comments = [
        "Made by `faustdiff differentiate`; edit the original and make it again.",
        "",
        "For each output of the original: its value, then its partial derivatives by",
        *list_sliders(params, 1),
        *(["Its last inputs are"] if signals else []),
        *list_sliders(signals, program.inputs - len(signals) + 1),
    ]
    return printed_program(
        program.graph, program.inputs, results, comments=comments, metadata=program.metadata
    )
