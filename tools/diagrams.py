"""Block diagrams for the site, drawn by Faust: of the derivative rules, and of any program.

A diagram that is larger than a page is folded, as Faust does it: it is a set of sheets, in which a
box leads to the sheet of what is in it. What was drawn is kept from one build to the next.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faustdiff.faust.cache import Entry
from faustdiff.faust.compilers import Compiler, FaustError, available_compilers, find_compiler
from faustdiff.library.printing import faust
from faustdiff.table import rules
from faustdiff.table.assembling import read
from faustdiff.table.model import Primitive, tangent_name

ROOT = Path(__file__).resolve().parent.parent
#: A sheet with more characters than this is larger than a page.
LARGEST = 150_000
#: The most characters of all sheets of a diagram: what is deeper inside is not drawn.
LARGEST_SET = 800_000
#: Which parts get sheets of their own, from few to many: those of more elements than this.
FOLDING = (20, 2)
#: A sheet with fewer characters than this that leads to one other is only the box around that.
SMALL = 10_000
_LINK = re.compile(r'<a xlink:href="([^"]*)">')
_END = "</a>"
#: The sheet of the whole program, as Faust calls it.
_WHOLE = "process.svg"


@dataclass(frozen=True)
class Diagram:
    """A block diagram as sheets of SVG, by the endings of their names.

    The one to begin with has the ending ""; the others, "-1" and so on, are reached from it.
    """

    sheets: Mapping[str, str]

    def files(self, stem: str) -> Iterator[tuple[str, str]]:
        """Paths and contents of its files, of which the first is `stem`.svg."""
        name = stem.rpartition("/")[2]
        for ending, svg in self.sheets.items():
            links = _LINK.sub(lambda link: f'<a xlink:href="{name}{link[1]}.svg">', svg)
            yield f"{stem}{ending}.svg", links

    def image(self, path: str, text: str) -> str:
        """The first sheet as an image of a page; with others, it leads to where they open."""
        image = f'<img class="diagram" src="{path}" loading="lazy" alt="{text}">'
        if len(self.sheets) == 1:
            return image
        return (
            f'<a class="diagram" href="{path}">{image}'
            "<span>Open the diagram, to look into its boxes</span></a>"
        )


def diagrams(table: Path) -> dict[str, Diagram | FaustError]:
    """By name of a row, its value and its tangent, if both are expressions of Faust.

    Where it cannot be drawn, as without a compiler, there is the reason instead.
    """
    rows = read(table).primitives
    return drawn({row.name: source for row in rows if (source := _program(row))})


def drawn(
    programs: Mapping[str, str], library: Path | None = None
) -> dict[str, Diagram | FaustError]:
    """The diagrams of programs by name, or why there is none; they may import `library`."""
    try:
        first = find_compiler()
    except FaustError as error:
        return dict.fromkeys(programs, error)
    # A primitive of later versions is drawn by a compiler that knows it.
    compilers = dict.fromkeys([first, *available_compilers()])
    versions = [f"{one.name} {one.version()}" for one in compilers]
    imported = library.read_text("utf-8") if library else ""
    include = [library.parent] if library else []

    def draw(source: str) -> Diagram | FaustError:
        def made(_: Path) -> bytes:
            return json.dumps(dict(_sheets(source, [*compilers], include))).encode()

        code = Path(__file__).read_text("utf-8")
        entry = Entry.of(ROOT / ".cache" / "diagrams", ".json", code, source, imported, *versions)
        try:
            return Diagram(json.loads(entry.path(made).read_bytes()))
        except FaustError as error:
            return error

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(programs, pool.map(draw, programs.values()), strict=True))


def shown(drawing: Diagram | FaustError, path: str, text: str) -> str:
    """A diagram on a page, its first file being `path`; or why there is none."""
    if isinstance(drawing, Diagram):
        return drawing.image(path, text)
    reason = html.escape(str(drawing).strip().splitlines()[0])
    return f'<p class="diagram">No block diagram was drawn: {reason}</p>'


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


def _sheets(source: str, compilers: list[Compiler], include: list[Path]) -> Mapping[str, str]:
    """The sheets by the endings of their names, folded as little as fits a page."""
    compiler, *others = compilers
    try:
        found = compiler.diagram(source, include=include)
        for folding in FOLDING:
            if max(map(len, found.values())) <= LARGEST:
                break
            found = compiler.diagram(source, include=include, folding=folding)
    except FaustError as error:
        if not others:
            raise
        try:
            return _sheets(source, others, include)
        except FaustError:
            raise error from None
    return _named(found)


def _named(found: Mapping[str, str]) -> Mapping[str, str]:
    """Sheets in the order in which they are met, with links by the endings of their names.

    Faust's own names have addresses of memory in them.
    """
    start = _WHOLE
    parts = set(_LINK.findall(found[start])) & set(found)
    if len(parts) == 1 and len(found[start]) < SMALL:
        (start,) = parts
    order, size = [start], len(found[start])
    for name in order:
        for part in _LINK.findall(found[name]):
            if part in found and part not in order and size + len(found[part]) <= LARGEST_SET:
                order.append(part)
                size += len(found[part])
    endings = {name: f"-{i}" if i else "" for i, name in enumerate(order)}
    return {ending: _linked(found[name], endings) for name, ending in endings.items()}


def _linked(svg: str, endings: Mapping[str, str]) -> str:
    """A sheet with links to sheets that there are, and no others."""
    parts = _LINK.split(svg)
    text = parts[0]
    for target, rest in zip(parts[1::2], parts[2::2], strict=True):
        known = target in endings
        text += f'<a xlink:href="{endings[target]}">{rest}' if known else rest.replace(_END, "", 1)
    return text
