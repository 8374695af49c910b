"""A checked table becomes diff.lib and reference.md, and a schema for the next one.

Equal tables give equal files, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from .. import __version__
from ..errors import InputError, Place, Problem
from ..files import replacing
from ..proof.findings import Checked
from ..table.schema import schema
from ..table.spelling import OWN_LIBRARIES
from .forward import environment
from .layout import fit_lines
from .reference import reference
from .reverse import reverse_mode
from .row_text import LibraryRows, library_rows
from .sections import counterparts, layers, neural_blocks, seeds
from .templates import fill

#: The file of the JSON schema; the first line of a table can name it.
SCHEMA = "primitives.schema.json"

#: The parts of the library that are Faust as it stands.
PLAIN_PARTS = ("parameters", "plain", "learning", "loops", "spectra", "blocks")


def render(checked: Checked) -> dict[str, str]:
    """The generated files by name: diff.lib, reference.md, and the schema of tables."""
    rows = library_rows(checked)
    library = fit_lines(_library(rows, checked.table.libraries))
    _refuse_prefixes_defined_twice(checked.table.libraries, library, checked.table.file)
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


def _refuse_prefixes_defined_twice(prefixes: Mapping[str, str], library: str, file: str) -> None:
    """Raises InputError if a prefix is also a name that the library gives to something else."""
    defined = re.findall(r"^(\w+)(?:\(.*?\))? *=", library, re.MULTILINE)
    problems = [
        Problem(
            Place(file),
            f"the prefix '{prefix}' is a name that diff.lib defines itself",
            "use another prefix for your library",
        )
        for prefix in prefixes
        if defined.count(prefix) > 1 or re.search(rf"^{prefix}\(", library, re.MULTILINE)
    ]
    if problems:
        raise InputError(problems)
