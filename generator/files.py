"""Files: read no further than makes sense, and written whole or not at all.

Below all rooms, so that each of them does it in the same way. A symbolic link is followed: what it
names is written. What is no regular file, such as a device or a pipe, is written where it is, for
another file in its place would be none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import InputError, Place, Problem

#: More than any program, or values of a network, in bytes: a device may have no end.
MAX_TEXT_BYTES = 1 << 28


def name_of(path: Path) -> str:
    """The name of a file without its ending, as text: bytes that are none are "?"."""
    return path.stem.encode("utf-8", "replace").decode("utf-8")


def read_text(path: Path, kind: str) -> str:
    """The text of a file, which is to be a `kind`, as in "Faust program".

    Raises `InputError` if it cannot be read, is not UTF-8, or has more than `MAX_TEXT_BYTES` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            what, hint = f"has more than {MAX_TEXT_BYTES >> 20} MB", f"name a {kind}"
        else:
            return content.decode("utf-8")
    except OSError as error:
        what, hint = f"cannot be read: {error.strerror}", f"name an existing {kind}"
    except UnicodeDecodeError as error:
        what, hint = f"is not UTF-8 (byte {error.start})", f"save the {kind} as UTF-8"
    raise InputError([Problem(Place(str(path)), what, hint)])


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """A new file beside `path`, to be written in the block, which takes its place afterwards.

    Where the block fails, `path` is what it was. `suffix` is that of the new file's name. Raises
    OSError, also where `path` is a folder, or a file that may not be written.
    """
    before = _status(path)
    if before is not None and (_standard_stream(before) or not stat.S_ISREG(before.st_mode)):
        with _copy_into(path, before, suffix) as new:
            yield new
        return
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    # A link may name what is not there yet.
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-", suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
        # A temporary file is for its owner alone; a new file is as the user wants his files.
        Path(name).chmod(_mask_of_new_files() if before is None else stat.S_IMODE(before.st_mode))
        Path(name).replace(target)
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


def is_stream(path: Path) -> bool:
    """Whether `path` is the standard output or error of this process, as `/dev/stdout` is."""
    try:
        status = _status(path)
    except OSError:
        return False
    return status is not None and _standard_stream(status) is not None


@contextmanager
def _copy_into(path: Path, before: os.stat_result, suffix: str) -> Iterator[Path]:
    """A temporary file that is copied into `path` after the block."""
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    handle, name = tempfile.mkstemp(prefix="faustdiff-", suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
        with Path(name).open("rb") as source, _open_output(path, before) as sink:
            shutil.copyfileobj(source, sink)
    finally:
        Path(name).unlink(missing_ok=True)


def _open_output(path: Path, before: os.stat_result) -> BinaryIO:
    """The file to write into; of a standard stream the descriptor, which knows its position."""
    stream = _standard_stream(before)
    if stream is None:
        return path.open("wb")
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fdopen(os.dup(stream), "wb")


def _standard_stream(status: os.stat_result) -> int | None:
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(stream)):
                return stream
    return None


def _status(path: Path) -> os.stat_result | None:
    """What `path` is, links followed; None if nothing is there. OSError for links in a circle."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _mask_of_new_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
