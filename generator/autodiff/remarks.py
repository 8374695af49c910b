"""What a differentiated program leaves out, decides or costs, in lines for its user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..signals.graph import Graph
from ..signals.reading import ProgramGraph
from ..signals.row_lookup import Rows
from .tangents import table_slopes

#: Characters of Faust from which on the time of compilation is foretold, and millions of them that
#: are compiled in a second, as measured with 2.54.9.
LARGE, COMPILED_PER_SECOND = 400_000, 0.1
#: What makes an instrument of several voices, and the effect behind all of them, outside comments.
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_VOICES = re.compile(r"\[\s*nvoices\s*:\s*(\d+)\s*\]")
_EFFECT = re.compile(r"^\s*effect\s*=", re.MULTILINE)


def left_out(program: ProgramGraph) -> tuple[str, ...]:
    """Which controls are not among all continuous sliders, and why."""
    choices = [one for one in program.sliders.values() if not one.continuous]
    named = [f"{one.label} (a choice)" for one in choices]
    named += [f"{one.label} (a {one.kind})" for one in program.switches]
    return (f"without derivatives: {', '.join(named)}",) if named else ()


def one_voice(source: str) -> tuple[str, ...]:
    """What is differentiated of an instrument of several voices, which have an effect behind them.

    Each voice is a `process` of its own, and the compiler is given `effect` apart from it.
    """
    text = _COMMENT.sub("", source)
    voices = _VOICES.search(text)
    if not voices:
        return ()
    effect = "; 'effect' is a program of its own" if _EFFECT.search(text) else ""
    return (f"one of {voices[1]} voices is differentiated{effect}",)


def read_tables(
    graph: Graph,
    rows: Rows,
    numbers: Sequence[int],
    slopes: Mapping[int, int],
    chosen: Sequence[int],
) -> tuple[str, ...]:
    """Which tables that a slider reads at whole places have a slope, and which have none."""
    read = {
        number: index
        for number, index in table_slopes(graph, rows, numbers, "all").items()
        if not set(graph.reachable([index])).isdisjoint(chosen)
    }
    sloped = sum(number in slopes for number in read)
    remarks = []
    if sloped:
        what = "table is" if sloped == 1 else "tables are"
        remarks.append(
            f"{sloped} {what} read at whole places, a staircase: the slope of the content is taken"
            " for its derivative (--table-slope none for 0)"
        )
    if len(read) > sloped:
        what = "table is" if len(read) == sloped + 1 else "tables are"
        remarks.append(
            f"{len(read) - sloped} {what} read at whole places, a staircase: its derivative is 0"
            " (--table-slope all for the slope of the content)"
        )
    return tuple(remarks)


def time_to_compile(text: str) -> tuple[str, ...]:
    """What a large derivative costs to compile, and the ways out."""
    if len(text) < LARGE:
        return ()
    seconds = len(text) / 1e6 / COMPILED_PER_SECOND
    return (
        f"the derivative is {len(text) / 1e6:.1f} MB of Faust, which takes the compiler some"
        f" {seconds:.0f} s: choose fewer sliders with --param, or use --mode reverse",
    )
