"""Reverse mode through feedback: a program as two, one forward in time and one backward.

    forward(inputs, signals)              -> outputs, tape
    backward(cotangents of outputs, tape) -> cotangents of inputs, of signals, and of sliders

or, where a host can add up over time, three, which cost less the more sliders there are:

    backward(cotangents of outputs, tape) -> cotangents of inputs, of signals, and of coefficients
    sliders(sums over time of the last)   -> the gradient by sliders, at a single sample

The backward program is fed with time-reversed signals and gives time-reversed signals. The gradient
of sum_n sum_j g_j[n] y_j[n] with respect to a slider that stands still is the sum over time of its
cotangent; with respect to input i at sample n it is the cotangent of the input at that sample. The
method is transposition (Griewank and Walther, Evaluating Derivatives, 2008, chapter 3; for linear
systems in time, Kailath, Linear Systems, 1980); see `transposition` and `tape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler, find_compiler
from ..signals.bounds import sizing
from ..signals.graph import Graph
from ..signals.printing import printed_program
from ..signals.propagate import with_deep_stack
from ..signals.reading import NAMELESS, ProgramGraph, read_program
from ..signals.row_lookup import Rows
from ..signals.signal_inputs import ProgramWithInputs, with_signals
from ..signals.sliders import Parameter, choose, list_sliders
from ..signals.steady import RECORDING_COST, Steadiness, operations
from ..table.assembling import built_in_table
from ..table.model import Table
from .activity import NoRuleError
from .gates import gated_signals, open_controls
from .tape import BackwardGraph, extract_backward
from .transposition import Transpose, transpose
from .waveforms import Waveforms
from .waveforms import waveforms as read_waveforms


@dataclass(frozen=True)
class ReversePrograms:
    """A program and its adjoint, as two Faust programs without imports.

    `forward` has the inputs of the original, then one for each of `signals`; its outputs are those
    of the original, then the tape. `backward` takes and gives everything in reversed time: its
    inputs are one cotangent for each output of the original, then the tape in the same order; its
    outputs are one cotangent for each input of the original, one for each of `signals`, and one for
    each of `params`. The cotangents of `params` are to be added up over time: a single sample of
    them has no meaning, since terms come where they are cheapest. Both programs have those sliders
    of the original, under the same paths, that they depend on, and must be set to the same values.
    With `waveforms`, two more outputs stand before those of `params` for each read of a table: the
    number of the entry, and its cotangent.

    `inputs`, `outputs` and `tape` are numbers of channels: of the original, of the original, and
    between the two programs. Made `by_sums`, `backward` gives the cotangents of so many
    `coefficients` in the place of those of `params`, to be added up over time too, and `sliders` is
    a program without memory that takes these sums and gives the gradient. `operations` is the cost
    of a sample in forward and backward program, in additions. `sizing` are the paths of the
    sliders on whose range a delay line or a table relies.
    """

    forward: str
    backward: str
    params: tuple[Parameter, ...]
    signals: tuple[Parameter, ...]
    inputs: int
    outputs: int
    tape: int
    waveforms: Waveforms
    operations: int = 0
    sliders: str = ""
    coefficients: int = 0
    sizing: frozenset[str] = frozenset()


class NothingToDifferentiateError(InputError):
    """A program has nothing to differentiate by: no input, no slider, no signal."""


def reverse_programs(
    source: str,
    *,
    params: Sequence[str] | None = None,
    all_continuous: bool = False,
    signals: Sequence[str] = (),
    waveforms: bool = False,
    by_sums: bool = False,
    compiler: Compiler | str | None = None,
    include: Sequence[Path] = (),
    table: Table | None = None,
    name: str = NAMELESS,
    file: str = "",
) -> ReversePrograms:
    """The Faust program `source` as a forward and a backward program.

    `params` are chosen as by `differentiate`; an empty list chooses none, and so does a program
    without sliders. `signals` names sliders, by label or path, that become inputs, which may move
    at every sample; what they are given is kept within the range of the slider. With `waveforms`,
    the entries of each waveform that is read by `rdtable` are parameters too. `by_sums` makes three
    programs instead of two. The other arguments are those of `differentiate`.

    Raises `FaustError` with the compiler's message if the program does not compile,
    `NothingToDifferentiateError` if it has no input, no slider and no signal, and `InputError` if
    a slider is unknown, or if a box on the way to an output has no rule, or none that reverse mode
    can follow; the message names the box and the reason.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    rows = Rows(table or built_in_table(), compiler, tuple(include))
    text = compiler.expand(source, include=include)

    def transform() -> ReversePrograms:
        program = read_program(text, rows, name, file)
        place = file or name
        moved = []
        if signals:
            moved = choose(program.sliders, signals, False, place, program.switches)
        chosen = _params(program, params, all_continuous, moved, place)
        return _programs(program, rows, chosen, moved, waveforms, by_sums, place)

    return with_deep_stack(transform)


def _params(
    program: ProgramGraph,
    wanted: Sequence[str] | None,
    all_continuous: bool,
    moved: Sequence[int],
    file: str,
) -> list[int]:
    """The sliders to differentiate with respect to, but for those that have become signals."""
    if wanted is not None and not wanted:
        return []
    candidates = {n: one for n, one in program.sliders.items() if n not in moved}
    if wanted is None and not candidates and not any(one.marked for one in program.switches):
        return []
    if wanted is None and moved and not all_continuous:
        return [number for number, one in candidates.items() if one.marked]
    among = program.sliders if wanted else candidates
    return choose(among, wanted, all_continuous, file, program.switches)


def _programs(
    original: ProgramGraph,
    rows: Rows,
    chosen: Sequence[int],
    moved: Sequence[int],
    waveforms: bool,
    by_sums: bool,
    file: str,
) -> ReversePrograms:
    both = [original.sliders[n].label for n in chosen if n in moved]
    if both:
        what = f"the slider '{both[0]}' is both a signal and a parameter"
        hint = "name it once: the cotangents of a signal add up to that of a parameter"
        raise InputError([Problem(Place(file), what, hint)])
    params = tuple(original.sliders[n] for n in chosen)
    by_sums = by_sums and bool(params)
    signals = tuple(original.sliders[n] for n in moved)
    moving = with_signals(original, moved)
    program, graph = moving.program, moving.program.graph
    open_controls(graph, rows, program.outputs)
    gated = gated_signals(graph, rows, program.outputs)
    tables = _waveforms(graph, program.outputs, file) if waveforms else Waveforms()
    reads = [read.value for read in tables.reads]
    steady, leaves = Steadiness(graph, rows, reads), _leaves(moving, reads, chosen)
    if not leaves:
        what = "there is nothing to differentiate by: no input, slider or signal"
        hint = "add a slider, or run the program as it is"
        raise NothingToDifferentiateError([Problem(Place(file), what, hint)])
    transposed = _transpose(program, rows, leaves, reads, steady, by_sums, file)
    moments = len(leaves) - len(params)
    results = _with_places(transposed.cotangents[:moments], tables)
    results += transposed.coefficients if by_sums else transposed.cotangents[moments:]
    fed = [graph.add("input", (program.inputs + k,)) for k in range(len(program.outputs))]
    cut = extract_backward(
        graph,
        results,
        transposed.time.signals(graph.reachable(results)),
        steady,
        {number: index for index, number in enumerate(fed)},
        gated,
    )
    texts = _Texts(program, params, signals, tables, original.inputs, cut, transposed.coefficients)
    return ReversePrograms(
        texts.forward(),
        texts.backward(by_sums),
        params,
        signals,
        original.inputs,
        len(program.outputs),
        len(cut.tape),
        tables,
        operations(graph, rows, [*program.outputs, *cut.tape])
        + operations(cut.graph, rows, cut.outputs)
        + RECORDING_COST * len(cut.tape),
        texts.sliders(_of_sums(graph, transposed, moments, steady)) if by_sums else "",
        len(transposed.coefficients),
        _sizing(original, rows),
    )


def _sizing(program: ProgramGraph, rows: Rows) -> frozenset[str]:
    """The paths of the sliders that delay lines and tables rely on."""
    numbers = sizing(program.graph, rows, program.outputs)
    return frozenset(one.path for number, one in program.sliders.items() if number in numbers)


def _transpose(
    program: ProgramGraph,
    rows: Rows,
    leaves: Sequence[int],
    reads: Sequence[int],
    steady: Steadiness,
    by_sums: bool,
    file: str,
) -> Transpose:
    graph, outputs = program.graph, program.outputs
    try:
        return transpose(
            graph, rows, outputs, leaves, steady, program.inputs, reads=reads, by_sums=by_sums
        )
    except NoRuleError as error:
        hint = "choose other sliders, or use forward mode, if it goes through"
        what = f"cannot differentiate through {error.box} in reverse mode: {error.why}"
        raise InputError([Problem(Place(file), what, hint)]) from None


def _waveforms(graph: Graph, outputs: Sequence[int], file: str) -> Waveforms:
    """The waveforms that are read; an error if there is none."""
    tables = read_waveforms(graph, outputs)
    if not tables.reads:
        hint = "read it as in `waveform{...}, index : rdtable`; a computed table has no entries"
        raise InputError([Problem(Place(file), "no waveform is read by rdtable", hint)])
    return tables


def _with_places(cotangents: Sequence[int], waveforms: Waveforms) -> list[int]:
    """The cotangents, of which the last are those of reads, each of these behind its place."""
    first = len(cotangents) - len(waveforms.reads)
    results = list(cotangents[:first])
    for read, cotangent in zip(waveforms.reads, cotangents[first:], strict=True):
        results += [read.place, cotangent]
    return results


def _of_sums(graph: Graph, transposed: Transpose, first: int, steady: Steadiness) -> BackwardGraph:
    """The cotangents of sliders, from the `first` on, as a program of the sums alone."""
    results, moving = transposed.cotangents[first:], set(transposed.sums)
    for number in graph.reachable(results):
        if not moving.isdisjoint(graph.nodes[number].args):
            moving.add(number)
    inputs = {number: index for index, number in enumerate(transposed.sums)}
    return extract_backward(graph, results, moving, steady, inputs)


def _leaves(moving: ProgramWithInputs, reads: Sequence[int], chosen: Sequence[int]) -> list[int]:
    """The signals whose cotangents are wanted, in the order of the backward program's outputs."""
    original = moving.program.inputs - len(moving.signals)
    inputs = [moving.program.graph.add("input", (index,)) for index in range(original)]
    return [*inputs, *moving.signals, *reads, *(moving.renamed[n] for n in chosen)]


@dataclass(frozen=True)
class _Texts:
    """The text of both programs; `inputs` is the number of inputs of the original."""

    program: ProgramGraph
    params: tuple[Parameter, ...]
    signals: tuple[Parameter, ...]
    waveforms: Waveforms
    inputs: int
    cut: BackwardGraph
    coefficients: tuple[int, ...]

    def forward(self) -> str:
        outputs, tape = len(self.program.outputs), len(self.cut.tape)
        comments = [
            "The forward program of reverse mode: made by `faustdiff differentiate`; edit the",
            "original and make it again.",
            "",
            f"Inputs: {self.inputs} of the original" + (", then" if self.signals else "."),
            *list_sliders(self.signals, self.inputs + 1),
            f"Outputs: {outputs} of the original, then a tape of {tape}.",
        ]
        recorded = [*self.program.outputs, *self.cut.tape]
        return self.text(comments, self.program.graph, self.program.inputs, recorded)

    def backward(self, by_sums: bool) -> str:
        outputs, tape = len(self.program.outputs), len(self.cut.tape)
        reads = self.waveforms.of_reads
        given = [*self.signals, *reads, *(() if by_sums else self.params)]
        count, first = len(self.coefficients), self.inputs + len(self.signals) + 1
        comments = [
            "The backward program of reverse mode: made by `faustdiff differentiate`; edit the",
            "original and make it again. It takes and gives every signal in reversed time, and",
            "its sliders are to be set as in the forward program.",
            "",
            f"Inputs: cotangents of {outputs} outputs of the original, then the tape of {tape}.",
            f"Outputs: cotangents of {self.inputs} inputs of the original"
            + (", then of" if given else "."),
            *list_sliders(self.signals, self.inputs + 1),
            *(
                f"  {first + 2 * k}. the entry of waveform {one + 1} that is read, from 0,"
                f" and {first + 2 * k + 1}. its cotangent"
                for k, one in enumerate(reads)
            ),
            *list_sliders(
                () if by_sums else self.params,
                first + 2 * len(reads),
                ", to be summed over time",
            ),
            *([f"Then of {count} coefficients, to be summed over time."] if by_sums else []),
        ]
        return self.text(comments, self.cut.graph, outputs + tape, self.cut.outputs)

    def sliders(self, cut: BackwardGraph) -> str:
        comments = [
            "From coefficients to sliders: made by `faustdiff`; edit the original, make it again.",
            "",
            f"Inputs: sums over time of the cotangents of {len(self.coefficients)} coefficients.",
            "Outputs: the gradient by",
            *list_sliders(self.params, 1),
        ]
        return self.text(comments, cut.graph, len(self.coefficients), cut.outputs)

    def text(self, comments: list[str], graph: Graph, inputs: int, outputs: Sequence[int]) -> str:
        metadata = self.program.metadata
        return printed_program(graph, inputs, outputs, comments=comments, metadata=metadata)
