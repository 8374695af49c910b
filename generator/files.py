"""Files that are written: all of one or nothing, whatever was there before.

Below all rooms, so that each of them writes in the same way.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError, Place, Problem


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """A new file beside `path`, to be written in the block, which takes its place afterwards.

    Where the block fails, `path` is what it was. `suffix` is that of the new file's name. Raises
    OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
        # A temporary file is for its owner alone; a new file is as the user wants his files.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_file(path: Path, content: str | bytes) -> None:
    """Writes a file; raises `InputError` where that is impossible, and leaves what was there."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with replacing(path) as new:
            new.write_bytes(data)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise InputError([Problem(Place(str(path)), what, "choose another file")]) from None


def make_folder(path: Path) -> None:
    """Makes a folder, with those that it is in; raises `InputError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot be made: {error.strerror}"
        raise InputError([Problem(Place(str(path)), what, "choose another folder")]) from None
