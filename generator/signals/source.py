"""The text of a program, from a file or as it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..files import name_of, read_text
from .reading import NAMELESS


@dataclass(frozen=True)
class Source:
    """A Faust program: its text, its name if it declares none, and where its imports begin.

    `file` is empty for a program that is given as text.
    """

    text: str
    name: str = NAMELESS
    file: str = ""
    include: tuple[Path, ...] = ()


def read_source(program: str | Path) -> Source:
    """The program in a file, or given as text; a string that ends in ".dsp" is the name of a file.

    Raises `InputError` if the file cannot be read.
    """
    if isinstance(program, str) and not program.rstrip().endswith(".dsp"):
        return Source(program)
    path = Path(program)
    text = read_text(path, "Faust program")
    return Source(text, name_of(path), str(path), (path.parent,))
