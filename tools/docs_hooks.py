"""What the site takes from elsewhere: the reference, its diagrams, CONTRIBUTING, and formulas.

Formulas are turned into MathML when the site is built, so that a page needs neither a script nor
a network to show them.
"""

from __future__ import annotations

import html
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from faustdiff.comparison.changes import KINDS as CHANGES
from faustdiff.faust.compilers import FaustError
from faustdiff.table.model import KINDS
from faustdiff.table.modelling import ROW
from faustdiff.table.schema import meanings

sys.path.insert(0, str(Path(__file__).parent))
import command_pages
import faust_lexer
import library_page
import site_assets
from diagrams import Diagram, diagrams, shown

faust_lexer.register()

#: A logger of MkDocs, which prints what it is told.
LOG = logging.getLogger("mkdocs.hooks.docs")
ROOT = Path(__file__).resolve().parent.parent
#: Pages of the site that stand elsewhere in the repository.
ELSEWHERE = {"reference.md": "build/reference.md", "contributing.md": "CONTRIBUTING.md"}
#: Tables with so many columns, and a cell of so many characters, do not fit on a phone.
WIDE, SENTENCE = 3, 80
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_TAG = re.compile(r"<.*?>")
#: Where a program learns on a page: its example is the first of the README.
_LIVE = re.compile(r'<div class="learner" id="(\w+)"></div>')
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_ENTRY = re.compile(r'^### <a id="(\w+)"></a>(.*)$', re.MULTILINE)
_INLINE = re.compile(r"(?<!\\)\$([^$\n]+)\$")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that stand elsewhere, and the diagrams of the reference."""
    drawn = diagrams(ROOT / "primitives.yaml")
    for reason in {str(found) for found in drawn.values() if isinstance(found, FaustError)}:
        LOG.info("Block diagrams are missing in the reference: %s", reason)
    for name, found in drawn.items():
        if isinstance(found, Diagram):
            for path, svg in found.files(f"diagrams/{name}"):
                files.append(File.generated(config, path, content=svg))
    for path, content in [*_library(), ("commands.md", command_pages.markdown())]:
        files.append(File.generated(config, path, content=content))
    for path, content in site_assets.files():
        files.append(File.generated(config, path, content=content))
    if site_assets.faustwasm() is None:
        LOG.info("The playground has no compiler: 'npm install' fetches it")
    for page, source in ELSEWHERE.items():
        text = (ROOT / source).read_text("utf-8")
        if page == "reference.md":
            text = illustrated(text, drawn)
        files.append(File.generated(config, page, content=text))
    return files


def _library() -> Iterator[tuple[str, str]]:
    """The page of the library's symbols, and their diagrams."""
    library = ROOT / "build" / "diff.lib"
    drawn = library_page.drawn(library)
    yield "library.md", library_page.markdown(library.read_text("utf-8"), drawn)
    for name, found in drawn.items():
        if isinstance(found, Diagram):
            yield from found.files(f"diagrams/df/{name}")


def illustrated(reference: str, drawn: Mapping[str, Diagram | FaustError]) -> str:
    """The reference with a diagram in front of the usage of each rule that has one."""
    text, *entries = _ENTRY.split(reference)
    for name, title, entry in zip(*[iter(entries)] * 3, strict=True):
        # The anchor becomes that of the heading itself, which would get a second one by its text.
        text += f"### {title} {{ #{name} }}"
        if name in drawn:
            image = shown(
                drawn[name],
                f"diagrams/{name}.svg",
                f"Block diagram: value and tangent of {name}",
            )
            entry = entry.replace("- Usage:", f"{image}\n\n- Usage:", 1)
        text += entry
    return text


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts in the tables that the program knows; formulas between dollars become MathML."""
    return "".join(
        part if part.startswith("`") else _INLINE.sub(_formula, _BLOCK.sub(_block, part))
        for part in _CODE.split(_filled(markdown))
    )


def _filled(markdown: str) -> str:
    """Markdown with tables, and a program, in the place of their names."""
    for name, table in (
        ("kinds of change", kinds_of_change),
        ("inputs of the action", action_inputs),
        ("fields of a row", row_fields),
        ("first program", first_program),
        ("kinds of rows", row_kinds),
    ):
        mark = f"{{{{ {name} }}}}"
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown


def action_inputs() -> str:
    """What `action.yml` takes, as rows of a table."""
    inputs = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
    rows = []
    for name, one in inputs.items():
        default = f" By default `{one['default']}`." if one["default"] else ""
        rows.append(f"| `{name}` | {one['description']}{default} |")
    return "\n".join(rows)


def first_program() -> str:
    """The program that learns on the front page, as code."""
    return f"```faust\n{site_assets.first_program()}```"


def row_fields() -> str:
    """The fields of a row of the table, as rows of a table; those that it has to have in bold."""
    required, _ = ROW
    lines = []
    for name, text in meanings().items():
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        lines.append(f"| {shown} | {text[0].upper()}{text[1:]} |")
    return "\n".join(lines)


def row_kinds() -> str:
    """The kinds of rows, and what each is, as rows of a table."""
    return "\n".join(f"| `{kind}` | {text} |" for kind, text in KINDS.items())


def kinds_of_change() -> str:
    """The kinds of change that `faustdiff diff` tells apart, and what each asks for, as a table."""
    lines = ["| `change` | meaning | suggested bump |", "|---|---|---|"]
    for kind, meaning in CHANGES.items():
        bumps = "; ".join(f"{bump} {when}".strip() for bump, when in meaning.bumps.items())
        lines.append(f"| `{kind}` | {meaning.text} | {bumps} |")
    return "\n".join(lines)


def _block(match: re.Match[str]) -> str:
    return f'<div class="formula">{convert(match[1].strip(), display="block")}</div>'


def _formula(match: re.Match[str]) -> str:
    return convert(match[1])


def on_page_content(content: str, **_: Any) -> str:
    """Tables of sentences know the head of each cell, by which they are shown on a phone."""
    content = _TABLE.sub(_with_heads, content)
    return _LIVE.sub(_living, content)


def _living(element: re.Match[str]) -> str:
    """An element in which a program learns, with its scripts."""
    try:
        return element[0] + site_assets.live(element[1])
    except FaustError as error:
        reason = html.escape(str(error).splitlines()[0])
        return f'<p class="diagram">No program was compiled for this page: {reason}</p>'


def on_post_build(config: Any) -> None:
    """Writes the index of the search as a script, too: from a disk it cannot be fetched."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text("utf-8")
    (folder / "search_index.js").write_text(f"var __index = {index};\n", encoding="utf-8")


def _with_heads(table: re.Match[str]) -> str:
    heads, cells = (
        [_TAG.sub("", cell) for cell in re.findall(rf"<{tag}>(.*?)</{tag}>", table[0], re.DOTALL)]
        for tag in ("th", "td")
    )
    if len(heads) < WIDE or max(map(len, cells)) < SENTENCE:
        return table[0]
    columns = cycle(heads)
    text = re.sub("<td>", lambda _: f'<td data-head="{next(columns)}">', table[0])
    return text.replace("<table>", "<table data-wide>")
