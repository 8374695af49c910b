"""The pages of the documentation, and what stands in them as code."""

from __future__ import annotations

import re
from pathlib import Path

from support.paths import ROOT

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced pieces of a page in one language, with the files that they include."""
    text = re.sub(r'^--8<-- "(.+?)"$', _included, page.read_text("utf-8"), flags=re.M)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.M)


def programs(page: Path) -> dict[str, str]:
    """The programs of a page that are said to be a file, as "This is `amp.dsp`:", by its name."""
    named = r"`(\w+\.dsp)`[^`\n]*:\n\n```faust\n(.*?)^```"
    return dict(re.findall(named, page.read_text("utf-8"), re.DOTALL | re.M))


def _included(line: re.Match[str]) -> str:
    return (ROOT / line[1]).read_text("utf-8").rstrip("\n")


def between(text: str, name: str, content: str) -> str:
    """A page with `content` between the comments `<!-- name -->` and `<!-- end of name -->`."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, _, rest = text.partition(start)
    _, found, tail = rest.partition(end)
    assert found, f"the page has no place for '{name}'"
    return f"{head}{start}\n\n{content}\n\n{end}{tail}"
