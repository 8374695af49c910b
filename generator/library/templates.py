"""Templates: text with named holes, such as `{{ rules }}`. What goes into them is computed here.

A template holds no loop, no condition and no expression: one that ends in `.lib` is Faust, but for
its holes. A hole alone in its line stands for any number of lines, each indented as the hole is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import jinja2
import jinja2.ext
import jinja2.meta

from ..resources import resource

#: What goes into a hole: text, or lines.
Filling = str | Iterable[str]

_LINE_OF_ITS_OWN = re.compile(r"^( *)\{\{ (\w+) \}\}\n", re.MULTILINE)


def fill(template: str, /, **holes: Filling) -> str:
    """The text of a template with all its holes filled.

    Raises ValueError for holes without a filling, and for fillings without a hole.
    """
    text, names = _template(template)
    if names != holes.keys():
        wrong = ", ".join(sorted(names ^ holes.keys()))
        raise ValueError(f"{template}: holes and what is to fill them differ in {wrong}")
    return text.render(holes)


def lines_of(template: str, /, **holes: Filling) -> list[str]:
    """The lines of a template with all its holes filled."""
    return fill(template, **holes).removesuffix("\n").split("\n")


@cache
def _template(name: str) -> tuple[jinja2.Template, frozenset[str]]:
    environment = _environment()
    source = (resource("templates") / name).read_text(encoding="utf-8")
    return (
        environment.get_template(name),
        frozenset(jinja2.meta.find_undeclared_variables(environment.parse(source))),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resource("templates"))),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        extensions=[_LinesOfTheirOwn],
    )
    environment.filters["indented_lines"] = _indented_lines
    return environment


class _LinesOfTheirOwn(jinja2.ext.Extension):
    """Indents what fills a hole that is alone in its line; nothing leaves no line."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        def with_indent(match: re.Match[str]) -> str:
            return f"{{{{ {match[2]} | indented_lines({len(match[1])}) }}}}"

        return _LINE_OF_ITS_OWN.sub(with_indent, source)


def _indented_lines(filling: Filling, indent: int) -> str:
    text = filling.removesuffix("\n") if isinstance(filling, str) else "\n".join(filling)
    if not text:
        return ""
    return "".join(f"{' ' * indent if line else ''}{line}\n" for line in text.split("\n"))
