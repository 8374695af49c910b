"""What the site takes from elsewhere: the reference, its diagrams, CONTRIBUTING, and formulas.

Formulas are turned into MathML when the site is built, so that a page needs neither a script nor
a network to show them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from faustdiff.comparison.changes import KINDS
from faustdiff.compilers import find_compiler

sys.path.insert(0, str(Path(__file__).parent))
from diagrams import diagrams

ROOT = Path(__file__).resolve().parent.parent
#: Pages of the site that stand elsewhere in the repository.
ELSEWHERE = {"reference.md": "build/reference.md", "contributing.md": "CONTRIBUTING.md"}
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_ENTRY = re.compile(r"^(### <a id=.*)$", re.MULTILINE)
_INLINE = re.compile(r"(?<!\\)\$([^$\n]+)\$")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that stand elsewhere, and the diagrams of the reference."""
    drawn = diagrams(ROOT / "primitives.yaml", find_compiler())
    for name, svg in drawn.items():
        files.append(File.generated(config, f"diagrams/{name}.svg", content=svg))
    for page, source in ELSEWHERE.items():
        text = (ROOT / source).read_text("utf-8")
        if page == "reference.md":
            text = _illustrated(text, drawn)
        files.append(File.generated(config, page, content=text))
    return files


def _illustrated(reference: str, drawn: Mapping[str, str]) -> str:
    """The reference with a diagram in front of the usage of each rule that has one."""
    entries = _ENTRY.split(reference)
    for index in range(1, len(entries), 2):
        name = re.findall(r'id="(\w+)"', entries[index])[0]
        if name in drawn:
            image = f'<img class="diagram" src="diagrams/{name}.svg" loading="lazy" '
            image += f'alt="Block diagram: value and tangent of {name}">\n\n'
            entries[index + 1] = entries[index + 1].replace("- Usage:", image + "- Usage:", 1)
    return "".join(entries)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts in the tables that the program knows; formulas between dollars become MathML."""
    return "".join(
        part if part.startswith("`") else _INLINE.sub(_formula, _BLOCK.sub(_block, part))
        for part in _CODE.split(markdown.replace("{{ kinds of change }}", kinds_of_change()))
    )


def kinds_of_change() -> str:
    """The kinds of change that `faustdiff diff` tells apart, and what each asks for, as a table."""
    lines = ["| `change` | meaning | suggested bump |", "|---|---|---|"]
    for kind, meaning in KINDS.items():
        bumps = "; ".join(f"{bump} {when}".strip() for bump, when in meaning.bumps.items())
        lines.append(f"| `{kind}` | {meaning.text} | {bumps} |")
    return "\n".join(lines)


def _block(match: re.Match[str]) -> str:
    return f'<div class="formula">{convert(match[1].strip(), display="block")}</div>'


def _formula(match: re.Match[str]) -> str:
    return convert(match[1])
