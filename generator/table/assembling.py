"""The table of one file or of several, and the table of the package."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ..errors import InputError, Place, Problem
from ..resources import resource
from .loading import load_tree
from .model import Primitive, Table
from .modelling import model
from .spelling import OWN_LIBRARIES

_PREFIX = re.compile(r"(?<![\w.\"])([A-Za-z_]\w*)\.[A-Za-z_]")


@cache
def built_in_table() -> Table:
    """The table of the package."""
    return read(resource("primitives.yaml"))


def read(path: Path, extensions: Sequence[Path] = ()) -> Table:
    """The table of the file at `path`, with the rows of every file in `extensions` added.

    Raises `InputError` with all problems of all files.
    """
    problems: list[Problem] = []
    tables: list[Table] = []
    with uncollected():
        for file in (path, *extensions):
            try:
                tables.append(model(load_tree(file)))
            except InputError as error:
                problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return merge(tables)


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage in the block, which makes much that stays: it would take half the time.

    What is searched grows with what was made, so that time would grow faster than the rows.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def merge(tables: Sequence[Table]) -> Table:
    """One table of all rows; two rows may not share a name or a spelling."""
    rows = tuple(row for table in tables for row in table.primitives)
    libraries: dict[str, str] = {}
    for table in tables:
        for prefix, file in table.libraries.items():
            libraries.setdefault(prefix, file)
    problems = [
        *_prefix_conflicts(tables),
        *_row_conflicts(rows),
        *_unknown_prefixes(rows, libraries),
    ]
    if problems:
        raise InputError(problems)
    return Table(rows, libraries, tables[0].file)


def _prefix_conflicts(tables: Sequence[Table]) -> Iterator[Problem]:
    files = dict(OWN_LIBRARIES)
    for table in tables:
        for prefix, file in table.libraries.items():
            if files.setdefault(prefix, file) != file:
                yield Problem(
                    Place(table.file),
                    f"the prefix '{prefix}' is {files[prefix]}, and {file} too",
                    "use another prefix for your library",
                )


def _row_conflicts(rows: Sequence[Primitive]) -> Iterator[Problem]:
    taken: dict[str, Primitive] = {}
    for row in rows:
        for key in {f"name '{row.name}'", *(f"box '{box}'" for box in (row.faust, *row.aliases))}:
            first = taken.setdefault(key, row)
            if first is not row:
                yield Problem(
                    row.place,
                    f"the {key} is taken by the row at {first.place}",
                    "rename this row, or replace the whole table with --table",
                    row=row.name,
                )


def _unknown_prefixes(rows: Sequence[Primitive], libraries: Mapping[str, str]) -> Iterator[Problem]:
    for row in rows:
        for prefix in dict.fromkeys(p for box in (row.faust, *row.aliases) for p in _prefixes(box)):
            if prefix not in libraries:
                yield Problem(
                    row.place_of("faust"),
                    f"no library has the prefix '{prefix}'",
                    f"add it at the top: 'libraries: {{{prefix}: {prefix}.lib}}'",
                    row=row.name,
                    field="faust",
                )


def _prefixes(box: str) -> list[str]:
    """The library prefixes in a Faust spelling: `ma` in `ma.tanh`, none in a foreign function."""
    if re.match(r"(ffunction|fconstant|fvariable)\b", box):
        return []
    return _PREFIX.findall(re.sub(r'"[^"]*"', "", box))
