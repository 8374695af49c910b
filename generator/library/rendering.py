"""A checked table becomes diff.lib and reference.md, and a schema for the next one.

Equal tables give equal files, to the byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from .. import __version__
from ..errors import InputError, Place, Problem
from ..files import replacing
from ..proof.findings import CheckedTable
from ..table.model import Table
from ..table.schema import schema
from ..table.spelling import OWN_LIBRARIES
from .forward_mode import environment
from .layout import fit_lines
from .reference import reference
from .reverse_mode import reverse_mode
from .row_text import LibraryRows, library_rows
from .sections import counterparts, layers, neural_blocks, seeds
from .templates import fill

#: The file of the JSON schema; the first line of a table can name it.
SCHEMA = "primitives.schema.json"

#: The parts of the library that are Faust as it stands.
PLAIN_PARTS = ("parameters", "plain", "learning", "loops", "spectra", "blocks")


def render(checked: CheckedTable) -> dict[str, str]:
    """The generated files by name: diff.lib, reference.md, and the schema of tables."""
    rows = library_rows(checked)
    library = fit_lines(_library(rows, checked.table.libraries))
    _refuse_bound_prefixes(checked.table, library)
    return {"diff.lib": library, "reference.md": reference(rows), SCHEMA: schema()}


def _library(rows: LibraryRows, stated: Mapping[str, str]) -> str:
    """The text of diff.lib; `stated` are the libraries that the rows refer to."""
    titles = [
        section
        for section, duals in rows.sections.items()
        if any(dual.is_counterpart for dual in duals)
    ]
    return fill(
        "diff.lib",
        version=__version__,
        sections=[f"// * [{title}](#{_anchor(title)})" for title in titles],
        libraries=[
            f'{prefix} = library("{file}");' for prefix, file in {**OWN_LIBRARIES, **stated}.items()
        ],
        seeds=seeds(),
        environment=environment(rows),
        reverse=reverse_mode(rows),
        neural=neural_blocks(rows),
        nn=layers(),
        counterparts=counterparts(rows),
        **{part: fill(f"library/{part}.lib") for part in PLAIN_PARTS},
    )


def _anchor(title: str) -> str:
    """The anchor of a section in a page of Markdown."""
    return title.lower().replace(" ", "-").replace(".", "")


def write(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes the files into `folder`, all of them or none, each whole; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # What is entered last is left first, and takes its place first.
        for file, text in reversed(list(files.items())):
            new = stack.enter_context(replacing(folder / file))
            new.write_text(text, encoding="utf-8", newline="\n")
    return [folder / file for file in files]


def _refuse_bound_prefixes(table: Table, library: str) -> None:
    """Raises InputError if a prefix is a name that the library binds to something else too."""
    bound = Counter(_bound_names(library))
    problems = []
    for prefix in table.libraries:
        if bound[prefix] > 1:
            uses = re.compile(rf"\b{prefix}\.")
            rows = (r for r in table.primitives if any(map(uses.match, (r.faust, *r.aliases))))
            row = next(rows, None)
            where = f"row '{row.name}': " if row else ""
            what = f"{where}the prefix '{prefix}' is a name that diff.lib defines itself"
            place = row.place if row else Place(table.file)
            problems.append(Problem(place, what, "use another prefix for your library"))
    if problems:
        raise InputError(problems)


def _bound_names(library: str) -> Iterator[str]:
    """Each name that a library defines, at any depth, and each parameter, as often as it does."""
    code = re.sub(r"//.*", "", library)
    for name, parameters in re.findall(r"(\w+)\s*(?:\(([\w\s,]*)\))?\s*=(?![=>])", code):
        yield name
        yield from re.findall(r"\w+", parameters)
    for parameters in re.findall(r"\\\(([\w\s,]*)\)|\(([\w\s,]*)\)\s*=>", code):
        yield from re.findall(r"\w+", " ".join(parameters))
