"""New rows are compiled before a library takes its place.

Each row that the built-in table does not have is used in a program of its own, with an installed
compiler. A library that the table names and that cannot be found is stood in for: what is tried is
the text that was generated, not the library of the user.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import Place
from ..faust.compilers import Compiler, FaustError, available_compilers
from ..table.assembling import built_in_table
from ..table.model import Primitive, Table
from .row_text import own_test

#: Seconds that a row may take to compile.
ROW_SECONDS = 60.0
#: What to do about a row that does not compile.
SPELLING_HINT = "correct how the row spells its box and its names"
#: So many rows are named in a message.
MAX_NAMED = 5


def new_rows(table: Table) -> list[Primitive]:
    """The rows of a table that are not, word for word, rows of the built-in table."""
    known = {row.name: _without_places(row) for row in built_in_table().primitives}
    return [row for row in table.primitives if known.get(row.name) != _without_places(row)]


def _without_places(row: Primitive) -> Primitive:
    return replace(row, place=Place(""), places={})


def _compile_rows(table: Table) -> list[Primitive]:
    return [row for row in new_rows(table) if own_test(row)]


def untried_rows(table: Table) -> list[Primitive]:
    """The new rows that nothing is known of, because there is no compiler."""
    return [] if available_compilers() else _compile_rows(table)


def unknown_rows(rows: Sequence[Primitive]) -> str:
    """That nothing is known of the rows that `untried_rows` gives, in words."""
    names = ", ".join(row.name for row in rows[:MAX_NAMED]) + (
        ", ..." if len(rows) > MAX_NAMED else ""
    )
    return f"no Faust compiler is there: whether {len(rows)} new rows compile is unknown ({names})"


def refused_rows(files: Mapping[str, str], table: Table) -> list[tuple[Primitive, str]]:
    """The new rows that do not compile in the generated library, each with what the compiler says.

    Without a compiler nothing is known, and nothing is refused: `untried_rows` has these rows then.
    """
    rows = _compile_rows(table)
    compilers = available_compilers()
    if not rows or not compilers:
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "diff.lib").write_text(files["diff.lib"], "utf-8")
        compiler = compilers[0]
        # Of two folders with a file of that name, the compilers take the last.
        include = [*_folders(table), folder]
        for prefix, text in _stand_ins(table, compiler, include).items():
            (folder / table.libraries[prefix]).write_text(text, "utf-8")
        if _message(compiler, rows, table, include) is None:
            return []
        alone = [(row, _message(compiler, [row], table, include)) for row in rows]
        refused = [(row, message) for row, message in alone if message is not None]
        return refused or [(row, "does not compile together with the others") for row in rows]


def _folders(table: Table) -> list[Path]:
    """Where the files of a table may have their libraries: beside themselves, and here."""
    files = {row.place.file for row in table.primitives}
    return [*dict.fromkeys(Path(file).resolve().parent for file in sorted(files)), Path.cwd()]


def _stand_ins(table: Table, compiler: Compiler, include: Sequence[Path]) -> dict[str, str]:
    """By prefix, a library with the functions that the table names, if the real one is nowhere."""
    texts: dict[str, str] = {}
    for prefix, file in table.libraries.items():
        if any((folder / file).exists() for folder in (*include, compiler.libraries())):
            continue
        lines = {
            _definition(box[len(prefix) + 1 :], len(row.args))
            for row in table.primitives
            for box in (row.faust, *row.aliases)
            if re.fullmatch(rf"{prefix}\.\w+", box)
        }
        texts[prefix] = "\n".join(sorted(lines)) + "\n"
    return texts


def _definition(name: str, arity: int) -> str:
    """A foreign function: a box that is equal to itself alone."""
    if not arity:
        return f"{name} = fconstant(float {name}, <math.h>);"
    return f'{name} = ffunction(float {name}({", ".join(["float"] * arity)}), <math.h>, "");'


def _message(
    compiler: Compiler, rows: Sequence[Primitive], table: Table, include: Sequence[Path]
) -> str | None:
    """What the compiler says of a program that uses the rows; None if it compiles."""
    libraries = "".join(f'{p} = library("{file}");\n' for p, file in table.libraries.items())
    used = ",\n  ".join(f"({own_test(row)})" for row in rows)
    program = (
        f'df = library("diff.lib");\n{libraries}d = df.env(df.vars((0.5)));\nprocess =\n  {used};\n'
    )
    try:
        compiler.to_cpp(program, double=True, include=include, timeout=ROW_SECONDS)
    except FaustError as error:
        first = next(filter(str.strip, str(error).splitlines()), "it says nothing")
        shown = "".join(char if char.isprintable() else "?" for char in first)
        return f"{error.compiler}: {shown}"
    return None
