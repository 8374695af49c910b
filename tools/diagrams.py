"""Block diagrams of the derivative rules, drawn by Faust for the site."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from faustdiff.library.printing import faust
from faustdiff.table import rules
from faustdiff.table.assembling import read
from faustdiff.table.model import Primitive, tangent_name

_LINK = re.compile(r"</?a\b[^>]*>")


def diagrams(table: Path) -> dict[str, str | FaustError]:
    """By name of a row, its value and its tangent as SVG, if both are expressions of Faust.

    Where it cannot be drawn, as without a compiler, there is the reason instead.
    """
    programs = {row.name: source for row in read(table).primitives if (source := _program(row))}
    try:
        compiler = find_compiler()
    except FaustError as error:
        return dict.fromkeys(programs, error)
    with ThreadPoolExecutor(max_workers=2) as pool:
        drawn = pool.map(lambda source: _drawn(source, compiler), programs.values())
        return dict(zip(programs, drawn, strict=True))


def _program(row: Primitive) -> str:
    """A function of the arguments and their tangents; "" for a row that has no such."""
    if not row.active or row.value is None:
        return ""
    try:
        value = faust(row.value) if row.composite else f"({', '.join(row.args)} : {row.faust})"
        tangent = faust(rules.plain_tangent(row))
    except (TypeError, ValueError, NotImplementedError):
        return ""
    names = ", ".join([*row.args, *map(tangent_name, row.active)])
    return (
        f'ma = library("maths.lib");\nprocess({names}) = value, tangent\n'
        f"with {{ value = {value}; tangent = {tangent}; }};\n"
    )


def _drawn(source: str, compiler: Compiler) -> str | FaustError:
    try:
        svg = compiler.diagram(source)
    except FaustError as error:
        return error
    # Links to the diagrams of parts lead nowhere in a single file.
    return _LINK.sub("", svg)
