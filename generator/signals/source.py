"""The text of a program, from a file or as it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Place, Problem
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
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what, hint = f"cannot be read: {error.strerror}", "name an existing Faust program"
        raise InputError([Problem(Place(str(path)), what, hint)]) from None
    except UnicodeDecodeError as error:
        what, hint = f"is not UTF-8 (byte {error.start})", "save the program as UTF-8"
        raise InputError([Problem(Place(str(path)), what, hint)]) from None
    return Source(text, path.stem, str(path), (path.parent,))
