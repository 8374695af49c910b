"""A folder of what compilers made, each entry made once.

An entry is one file, named by what it was made from and by what is in it, so that a damaged one is
known, and made again. Processes may race for an entry: each puts a complete file in place.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Place, Problem
from ..files import replacing

#: The environment variable that names the folder.
CACHE_VARIABLE = "FAUSTDIFF_CACHE"


@dataclass(frozen=True)
class Entry:
    """A place in the folder of the cache, for a file of this key and ending."""

    folder: Path
    key: str
    suffix: str

    @classmethod
    def of(cls, cache: Path | None, suffix: str, *parts: str) -> Entry:
        """The entry for what is made from the texts `parts`.

        It is in the folder `cache`, else in the one that FAUSTDIFF_CACHE names, else in one that
        lasts until this process ends. Raises InputError if the folder cannot be made.
        """
        chosen = cache or os.environ.get(CACHE_VARIABLE)
        folder = Path(chosen) if chosen else _process_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refusal(folder, error) from None
        return cls(folder.resolve(), digest(*parts), suffix)

    def path(self, make: Callable[[Path], bytes]) -> Path:
        """The file, whose content comes from `make` if there is no sound one.

        `make` is given an empty folder to work in. Raises InputError if nothing can be written.
        """
        with self._in_folder():
            for path in self.folder.glob(f"{self.key}-*{self.suffix}"):
                if _is_sound(path):
                    return path
                with suppress(IsADirectoryError, PermissionError):
                    path.unlink(missing_ok=True)
            work = tempfile.TemporaryDirectory(dir=self.folder, prefix=".new-")
        with work:
            content = make(Path(work.name))
            path = self.folder / f"{self.key}-{_fingerprint(content)}{self.suffix}"
            with self._in_folder(), replacing(path) as new:
                new.write_bytes(content)
        return path

    @contextmanager
    def _in_folder(self) -> Iterator[None]:
        """What goes wrong with files in the block is the fault of the folder."""
        try:
            yield
        except OSError as error:
            raise _refusal(self.folder, error) from None


def digest(*parts: str) -> str:
    """A hash of the sequence of `parts`."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.hexdigest()


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _is_sound(path: Path) -> bool:
    """Whether a file holds what its name says: it may have been cut or changed."""
    if not path.is_file():
        return False
    return path.stem.rpartition("-")[2] == _fingerprint(path.read_bytes())


def _refusal(folder: Path, error: OSError) -> InputError:
    what = f"cannot be used to keep what is compiled: {error.strerror}"
    hint = f"name a folder that can be written by the environment variable {CACHE_VARIABLE}"
    return InputError([Problem(Place(str(folder)), what, hint)])


@functools.cache
def _process_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="faustdiff-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
