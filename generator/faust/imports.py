"""The files that a program may read: those that it names, wherever they are.

Faust and C++ name files between quotes or angle brackets: `library("a.lib")`, the header of a
foreign function, `#include <b.h>`. More is taken for a name than is one; what matters is that
nothing is missed, inside a folder or beside it, and that other files of a folder, which may be
somebody's home, are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

#: What may be the name of a file.
_NAME = re.compile(r'"([^"\n]+)"|<([^<>\s()]+)>')
#: Of larger files, which hold no source, size and time stand for the content; in bytes.
MAX_SOURCE = 1 << 24


def imported(text: str, folders: Sequence[Path]) -> Iterator[str]:
    """Names and contents of the files that `text` names, and that these name, in a fixed order.

    A name is relative to each of `folders` and to the folder of the file that it stands in; all
    files that it may mean are taken. What does not exist, or may not be read, is left out.
    """
    waiting = [(text, [Path(folder).resolve() for folder in folders])]
    seen: set[Path] = set()
    while waiting:
        source, places = waiting.pop()
        for name in sorted({one or other for one, other in _NAME.findall(source)}):
            whole = Path(name)
            for path in [whole] if whole.is_absolute() else [place / name for place in places]:
                if path not in seen and _is_file(path):
                    seen.add(path)
                    content = content_of(path)
                    yield name
                    yield content
                    waiting.append((content, [*places, path.parent]))


def _is_file(path: Path) -> bool:
    # A name may be longer than one of a file can be.
    with suppress(OSError):
        return path.is_file()
    return False


def content_of(path: Path) -> str:
    """The text of a file; of one that may not be read nothing, which cannot be imported either."""
    with suppress(OSError):
        status = path.stat()
        if status.st_size > MAX_SOURCE:
            return f"{status.st_size} {status.st_mtime_ns}"
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    return ""
