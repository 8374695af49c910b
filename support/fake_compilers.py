"""Commands in the place of a compiler that are not what they seem."""

from __future__ import annotations

import shutil
from pathlib import Path

from faustdiff.faust.compilers import SystemFaust

#: Of a `faust` that answers questions well; DSPDIR is the folder of its libraries.
HEAD = """#!/bin/sh
case "$*" in
*--version*) echo "FAUST Version 2.54.9"; exit 0;;
*-dspdir*) echo "DSPDIR"; exit 0;;
esac
for last; do :; done
"""

#: What is left of a compiler that answers questions well: it is to write the file "$last".
FAKES = {
    "writes nothing": ("exit 0", "wrote nothing"),
    "writes an empty file": (': > "$last"', "wrote an empty file"),
    "writes no text": ("printf '\\377\\376\\000' > \"$last\"", "not UTF-8"),
    "writes a folder": ('mkdir "$last"', "wrote no file"),
    "writes a pipe": ('mkfifo "$last"', "wrote no file"),
    "writes a link": ('ln -s /etc/hostname "$last"', "wrote nothing"),
    "writes another language": ("echo 'int main(){}' > \"$last\"", ""),
    "prints without end": ("while :; do cat /dev/zero; done", "printed more than"),
    "prints bytes": ("head -c 4000 /dev/urandom; exit 1", ""),
    "fails without a word": ("exit 3", "ended with status 3"),
    "crashes": ("kill -SEGV $$", "ended by SIGSEGV"),
    "is killed": ("kill -KILL $$", "ended by SIGKILL"),
    "sends a signal without a name": ("kill -40 $$", "ended by signal 40"),
}


def install(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    (folder / name).chmod(0o755)


def libraries() -> str:
    if shutil.which("faust") is None:
        return "/usr/share/faust"
    return str(SystemFaust().libraries())
