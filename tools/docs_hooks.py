"""What the site takes from elsewhere: the reference, CONTRIBUTING, and formulas as MathML.

Formulas are turned into MathML when the site is built, so that a page needs neither a script nor
a network to show them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
#: Pages of the site that stand elsewhere in the repository.
ELSEWHERE = {"reference.md": "build/reference.md", "contributing.md": "CONTRIBUTING.md"}
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_CODE = re.compile(r"(```.*?```)", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that stand elsewhere."""
    for page, source in ELSEWHERE.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Formulas between double dollars, outside code, become MathML."""
    parts = _CODE.split(markdown)
    return "".join(part if part.startswith("```") else _BLOCK.sub(_mathml, part) for part in parts)


def _mathml(match: re.Match[str]) -> str:
    return f'<div class="formula">{convert(match[1].strip(), display="block")}</div>'
