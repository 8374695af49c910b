"""The public symbols of build/diff.lib, and what their comments say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from faustdiff.faust.compilers import Compiler
from support.paths import BUILD
from support.row_trials import TABLE

LIBRARY = BUILD / "diff.lib"

#: Their value is 0 for every number.
SILENT = {"dual_isnan", "dual_isinf"}
#: For so long the documented tests run: losses of short-time spectra come some windows late.
FRAMES = 512

TITLE = re.compile(r"//-+`\(df\.\)(\w+)`-+")
RULER = re.compile(r"//-{40,}")
DEFINITION = re.compile(r"(?!with\b|declare\b)([A-Za-z_]\w*)\s*(?:\(([^=]*)\)\s*)?=(?!=)")
LOADED = re.compile(r'\w+ = library\("[\w.]+"\);')
WORD = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True)
class Symbol:
    """A public definition: its name and parameters, and the comment block directly before it.

    `title` is the name in the first line of the block, "" without a title or a closing line.
    """

    name: str
    parameters: tuple[str, ...]
    title: str
    lines: tuple[str, ...]

    def fenced(self, heading: str) -> list[str]:
        """The lines between the fences that follow a heading; [] without the heading."""
        if heading not in self.lines:
            return []
        start = self.lines.index(heading)
        first, last, *_ = [k for k, line in enumerate(self.lines) if k > start and line == "```"]
        return list(self.lines[first + 1 : last])


@cache
def text() -> str:
    return LIBRARY.read_bytes().decode("utf-8")


@cache
def symbols() -> tuple[Symbol, ...]:
    """The public definitions of the library; of several equations, the first."""
    lines = text().splitlines()
    found: dict[str, Symbol] = {}
    for number, line in enumerate(lines):
        definition = DEFINITION.match(line)
        if definition and definition[1] not in found and not LOADED.fullmatch(line):
            name, parameters = definition[1], tuple(WORD.findall(definition[2] or ""))
            found[name] = Symbol(name, parameters, *_block(lines, number))
    return tuple(found.values())


def _block(lines: list[str], number: int) -> tuple[str, tuple[str, ...]]:
    """The title and the text of the comment that ends just before a line."""
    start = number - 1
    while start > 0 and lines[start].startswith("//") and not TITLE.fullmatch(lines[start]):
        start -= 1
    title = TITLE.fullmatch(lines[start])
    if title is None or not RULER.fullmatch(lines[number - 1]):
        return "", ()
    block = lines[start + 1 : number - 1]
    return title[1], tuple(line.removeprefix("//").removeprefix(" ") for line in block)


def grouped_tests(compiler: Compiler) -> list[dict[str, list[str]]]:
    """The documented tests as programs can hold them together.

    The compilers call the counters of their loops j0, j1 and so on, as C calls Bessel's functions.
    """
    groups: list[dict[str, list[str]]] = [{}, {}]
    for name, test in documented_tests(compiler).items():
        groups[bool(re.search(r"\bma\.[JY][01n]\b|dual_[JY]", " ".join(test)))][name] = test
    return groups


def documented_tests(compiler: Compiler) -> dict[str, list[str]]:
    """The test of each symbol that a compiler of this version can be asked for."""
    version = tuple(map(int, compiler.version().split(".")))
    rows = {f"dual_{row.name}": row for row in TABLE.primitives}
    found = {}
    for symbol in symbols():
        row = rows.get(symbol.name)
        since = tuple(map(int, (row.since if row and row.since else "0").split(".")))
        if since <= version and not (row and row.broken):
            found[symbol.name] = symbol.fenced("#### Test")
    return found
