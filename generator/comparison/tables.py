"""Two tables: their libraries, what is gone, what is new, and the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ..table.model import Primitive, Table
from .changes import Bump, Change, Detail, Kind
from .matching import match_rows
from .row_pair import RowPair


def compare_tables(
    old: Table, new: Table, progress: Callable[[Primitive], None] = lambda row: None
) -> tuple[Change, ...]:
    """All changes from `old` to `new`: libraries, what is gone, then rows in the new order.

    `progress` is called before each row that differs.
    """
    pairs = match_rows(old, new)
    kept = {id(row) for row in pairs.values()}
    changes = [*_libraries(old.libraries, new.libraries)]
    changes += [_removals(row) for row in old.primitives if id(row) not in kept]
    for row in new.primitives:
        before = pairs.get(row.name)
        if before is None:
            changes.append(_additions(row))
        elif _content(before) != _content(row):
            progress(row)
            changes += RowPair(before, row).changes()
    return tuple(changes)


def _libraries(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for prefix in sorted({*old, *new}):
        before, after = old.get(prefix, ""), new.get(prefix, "")
        if before == after:
            continue
        kind: Kind = "changed" if before and after else "added" if after else "removed"
        what = f"the library {prefix}: {before or 'none'} is now {after or 'none'}"
        detail = Detail("libraries", before, after)
        bump: Bump = "minor" if kind == "added" else "major"
        yield Change(f"libraries.{prefix}", kind, what, bump, (detail,))


def _removals(row: Primitive) -> Change:
    summary = f"the row of {row.faust} is gone"
    return Change(row.name, "removed", summary, "major", (), row.place, None)


def _additions(row: Primitive) -> Change:
    return Change(row.name, "added", row.summary, "minor", (), None, row.place)


def _content(row: Primitive) -> Primitive:
    """A row without its place in the file."""
    return replace(row, place=None, places={})  # type: ignore[arg-type]
