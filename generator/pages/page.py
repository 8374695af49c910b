"""The text of a page: templates, the modules of a program, and its source."""

from __future__ import annotations

import base64
import json
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import __version__
from ..faust.wasm import WasmModule
from ..resources import resource
from .programs import PageProgram

#: The scripts of the page, and those of its audio thread, in the order in which they build on
#: each other.
PAGE_SCRIPTS = ("program.js", "learners.js", "plan.js", "chart.js", "view.js")
THREAD_SCRIPTS = ("program.js", "learners.js", "processor.js")


def page(program: PageProgram, *, title: str, source: str) -> str:
    """A page of HTML that needs no other file; `source` is shown on it."""
    environment = Environment(
        loader=FileSystemLoader(resource("templates") / "page"),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja").render(
        title=title,
        source=source,
        version=__version__,
        css=_escape(stylesheet()),
        script=_escape(scripts(PAGE_SCRIPTS)),
        processor=_escape(scripts(THREAD_SCRIPTS)),
        data=_escape(json.dumps(page_data(program)).replace("<", "\\u003c")),
    )


def scripts(names: tuple[str, ...]) -> str:
    """Scripts of the page in a row."""
    return "\n".join(_part(name) for name in names)


def stylesheet() -> str:
    """The styles of what a page shows of a program."""
    return _part("page.css")


def page_data(program: PageProgram) -> dict[str, Any]:
    """What `planOf` of the page takes, the modules as base64."""
    return {
        "kind": program.kind,
        "program": _module(program.program),
        "partials": program.partials and _module(program.partials),
        "sought": program.sought,
        "pairs": list(program.pairs.items()),
    }


def _module(module: WasmModule) -> dict[str, Any]:
    code = base64.b64encode(module.code).decode("ascii")
    return {"code": code, "description": module.description}


def _part(name: str) -> str:
    return (resource("templates") / "page" / name).read_text(encoding="utf-8")


def _escape(text: str) -> Any:
    """Text that stands in a page as it is: our own, without the end of an element in it."""
    from markupsafe import Markup

    assert "</script" not in text and "</style" not in text
    return Markup(text)
