"""The reference of `df`, made from the documentation blocks of diff.lib, with block diagrams."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faustdiff.faust.compilers import FaustError, find_compiler

_SECTION = re.compile(r"^//=+(\w[^=]*?)=+\n((?://.*\n)*?)//=+$", re.MULTILINE)
_BLOCK = re.compile(r"^//-+`\(df\.\)(\w+)`-+\n((?://.*\n)*?)//-{40,}$", re.MULTILINE)
_HEADING = re.compile(r"^#### (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"</?a\b[^>]*>")
#: A diagram with more characters than this is larger than a page.
LARGEST = 150_000


@dataclass(frozen=True)
class Entry:
    """A symbol: what its block says before the first heading, and below each."""

    name: str
    summary: str
    parts: Mapping[str, str]

    @property
    def program(self) -> str:
        """Its test as a program; its block diagram is that of the symbol in use."""
        (test,) = _FENCE.findall(self.parts["Test"])
        return f"{test}process = {self.name}_test;\n"


def sections(library: str) -> Iterator[tuple[str, str, list[Entry]]]:
    """Each section of the library: its title, its text, and its symbols."""
    starts = list(_SECTION.finditer(library))
    ends = [one.start() for one in starts[1:]] + [len(library)]
    for start, end in zip(starts, ends, strict=True):
        part = library[start.end() : end]
        entries = [_entry(one[1], _uncommented(one[2])) for one in _BLOCK.finditer(part)]
        yield start[1], _uncommented(start[2]), entries


def drawn(library: Path) -> dict[str, str | FaustError]:
    """The block diagram of each symbol as SVG, or why there is none."""
    entries = [one for _, _, some in sections(library.read_text("utf-8")) for one in some]
    try:
        compiler = find_compiler()
    except FaustError as error:
        return {one.name: error for one in entries}

    def draw(entry: Entry) -> str | FaustError:
        try:
            svg = compiler.diagram(entry.program, include=[library.parent])
        except FaustError as error:
            return error
        return _LINK.sub("", svg)

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((one.name for one in entries), pool.map(draw, entries), strict=True))


def markdown(library: str, diagrams: Mapping[str, str | FaustError]) -> str:
    """The page; `diagrams` as from `drawn`."""
    found = list(sections(library))
    lines = [
        "# The library, symbol by symbol",
        "",
        'What `df = library("diff.lib");` has. A dual signal is a value followed by its N '
        "partial derivatives. The derivative rules of the primitives, with formulas and verdicts, "
        "are in the [reference of the rules](reference.md).",
        "",
    ]
    for title, _, entries in found:
        names = ", ".join(f"[`{one.name}`](#{one.name})" for one in entries)
        lines += [f"- **{title}**: {names}"]
    for title, text, entries in found:
        lines += ["", f"## {title}", "", text]
        for entry in entries:
            lines += _shown(entry, diagrams[entry.name])
    return "\n".join(lines) + "\n"


def _shown(entry: Entry, diagram: str | FaustError) -> Iterator[str]:
    yield from ("", f"### `df.{entry.name}` {{ #{entry.name} }}", "", entry.summary)
    if isinstance(diagram, FaustError):
        reason = html.escape(str(diagram).strip().splitlines()[0])
        yield f'\n<p class="diagram">No block diagram was drawn: {reason}</p>\n'
    elif len(diagram) <= LARGEST:
        yield (
            f'\n<img class="diagram" src="diagrams/df/{entry.name}.svg" loading="lazy" '
            f'alt="Block diagram of df.{entry.name} in its example">\n'
        )
    else:
        yield '\n<p class="diagram">Its block diagram is larger than a page.</p>\n'
    shown = dict(entry.parts)
    # A test makes its own signals: where there is no other example, it is one.
    test = shown.pop("Test")
    shown.setdefault("Example", test)
    for heading, text in shown.items():
        yield f"\n**{heading}**\n\n{_FENCE.sub(_coloured, text)}"


def _coloured(fence: re.Match[str]) -> str:
    return f"```faust\n{fence[1]}```"


def _entry(name: str, text: str) -> Entry:
    summary, *parts = _HEADING.split(text)
    headings = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    return Entry(name, summary.strip(), headings)


def _uncommented(text: str) -> str:
    return re.sub(r"^// ?", "", text, flags=re.MULTILINE).strip()
