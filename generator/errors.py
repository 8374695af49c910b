"""What can be wrong with a user's input, as data.

A `Problem` says what is wrong, where, and what to do. Stages collect problems and raise them
together in one `InputError`; only the command line prints them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where something stands: `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input, and the way out of it."""

    place: Place
    what: str
    hint: str
    row: str = ""
    field: str = ""

    def __str__(self) -> str:
        where = [part for part in (self.row and f"row '{self.row}'", self.field) if part]
        subject = f" {', '.join(where)}:" if where else ""
        return f"{self.place}:{subject} {self.what}\n  {self.hint}"


class InputError(Exception):
    """The input cannot be used; carries every problem that was found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """The hint for an unknown `name`: the closest valid spelling, else the text `otherwise`."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else otherwise
