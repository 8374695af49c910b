"""Findings of earlier runs, by the content of a row and of the check itself.

The file stands in the folder that `FAUSTDIFF_CACHE` names, else in the user's cache folder. It can
be deleted at any time; what cannot be read or written is as if it were not there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ..errors import Place
from ..table.model import Primitive
from .findings import Finding

#: What verdicts rest on, beside the source of the check itself, and the file with its version.
DECIDING_PACKAGES = {"sympy": "release.py", "flint": "__init__.py", "mpmath": "__init__.py"}
#: The file in the folder of the cache.
DATABASE_FILE = "findings.sqlite"
#: Seconds to wait for another process.
LOCK_SECONDS = 1.0


def key(row: Primitive) -> str:
    """The same text for two rows that state the same, checked by the same code."""
    stated = replace(row, place=Place(""), places={})
    return hashlib.sha256(f"{_check_digest()}\n{stated!r}".encode()).hexdigest()


@functools.cache
def _check_digest() -> str:
    """The versions and the source that decide a verdict."""
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    for package, file_name in DECIDING_PACKAGES.items():
        spec = find_spec(package)
        for folder_name in (spec and spec.submodule_search_locations) or ():
            digest.update((Path(folder_name) / file_name).read_bytes())
    here = Path(__file__).parent
    for file in sorted((*here.glob("*.py"), *(here.parent / "table").glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def folder() -> Path:
    """Where findings are kept."""
    stated = os.environ.get("FAUSTDIFF_CACHE")
    if stated:
        return Path(stated)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faustdiff"


@contextlib.contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(place / DATABASE_FILE, timeout=LOCK_SECONDS)
    try:
        connection.execute("create table if not exists findings (key text primary key, found text)")
        yield connection
        connection.commit()
    finally:
        connection.close()


def recall(rows: Sequence[Primitive]) -> dict[str, list[Finding]]:
    """What is known of rows, by their names."""
    by_row: dict[str, list[Finding]] = {}
    try:
        with _database() as connection:
            for row in rows:
                query = "select found from findings where key = ?"
                entry = connection.execute(query, (key(row),)).fetchone()
                if entry is not None:
                    by_row[row.name] = [Finding(row, **stored) for stored in json.loads(entry[0])]
    except (OSError, RuntimeError, sqlite3.Error, ValueError, TypeError):
        return {}
    return by_row


def remember(by_row: Mapping[str, Sequence[Finding]], rows: Sequence[Primitive]) -> None:
    """Keeps findings for the next run; what was not decided may be decided then."""
    try:
        with _database() as connection:
            for row in rows:
                findings = by_row[row.name]
                if all(finding.outcome != "unknown" for finding in findings):
                    text = json.dumps([finding.without_row() for finding in findings])
                    insert = "insert or replace into findings values (?, ?)"
                    connection.execute(insert, (key(row), text))
    except (OSError, RuntimeError, sqlite3.Error):
        return
