"""The reference of `df`, made from the documentation blocks of diff.lib, with block diagrams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import diagrams
from diagrams import Diagram
from faustdiff.faust.compilers import FaustError

_SECTION = re.compile(r"^//=+(\w[^=]*?)=+\n((?://.*\n)*?)//=+$", re.MULTILINE)
_BLOCK = re.compile(r"^//-+`\(df\.\)(\w+)`-+\n((?://.*\n)*?)//-{40,}$", re.MULTILINE)
_HEADING = re.compile(r"^#### (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def drawn(library: Path) -> dict[str, Diagram | FaustError]:
    """The block diagram of each symbol in use, or why there is none."""
    entries = [one for _, _, some in sections(library.read_text("utf-8")) for one in some]
    return diagrams.drawn({one.name: one.program for one in entries}, library)


def markdown(library: str, drawings: Mapping[str, Diagram | FaustError]) -> str:
    """The page; `drawings` as from `drawn`."""
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
            lines += _shown(entry, drawings[entry.name])
    return "\n".join(lines) + "\n"


def _shown(entry: Entry, diagram: Diagram | FaustError) -> Iterator[str]:
    yield from ("", f"### `df.{entry.name}` {{ #{entry.name} }}", "", entry.summary)
    text = f"Block diagram of df.{entry.name} in its example"
    yield f"\n{diagrams.shown(diagram, f'diagrams/df/{entry.name}.svg', text)}\n"
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
