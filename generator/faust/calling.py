"""Programs of others, called: what they print, how they end, and what they leave.

Home of `call`, through which compilers are started. Nothing is trusted: a program may be missing,
crash, hang, print without end, or claim to have written what is not there.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

COMPILER_TIMEOUT = 120.0

#: How much of what a program prints is kept, and after how much it is stopped, in bytes.
KEPT_OUTPUT, MAX_OUTPUT = 1 << 20, 1 << 26
#: The largest file that a program may leave, in bytes: C++ of large derivatives takes some 50 MB.
MAX_FILE = 1 << 29


class FaustError(Exception):
    """A compiler is missing or has refused a program.

    `message` is the compiler's own text, `compiler` names it ("faust", "cyfaust", "g++"), and
    `source` is the text it was given ("" if it did not come to that).
    """

    def __init__(self, message: str, compiler: str, source: str = "") -> None:
        super().__init__(message, compiler, source)
        self.message = message
        self.compiler = compiler
        self.source = source

    def __str__(self) -> str:
        return self.message


class CompilerMissingError(FaustError):
    """There is no such compiler here: `what` is missing, and `hint` says what to install."""

    def __init__(self, what: str, hint: str, compiler: str, source: str = "") -> None:
        super().__init__(f"{what}: {hint}", compiler, source)
        self.args = (what, hint, compiler, source)
        self.what = what
        self.hint = hint


def call(
    command: Sequence[str],
    *,
    cwd: Path,
    compiler: str,
    source: str = "",
    timeout: float = COMPILER_TIMEOUT,
) -> str:
    """Run `command` in the folder `cwd` and return all it wrote.

    Its temporary files are in `cwd`, too. Raises FaustError in the name of `compiler` if the
    command cannot be started, fails, crashes, prints more than `MAX_OUTPUT`, or is not done after
    `timeout` seconds.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TMPDIR": str(cwd)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        text = f"{compiler} cannot be run: {command[0]}: {error.strerror}"
        raise FaustError(text, compiler, source) from None
    with process:
        try:
            assert process.stdout is not None
            end = time.monotonic() + timeout
            output = _read_output(process.stdout, end)
            process.wait(max(end - time.monotonic(), 0))
        except BaseException as error:
            # The whole session, because g++ leaves the work to children of its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, TimeoutError | subprocess.TimeoutExpired):
                text = f"{compiler} was stopped: not done after {timeout:g} s"
                raise FaustError(text, compiler, source) from None
            if isinstance(error, OverflowError):
                text = f"{compiler} was stopped: it printed more than {MAX_OUTPUT >> 20} MB"
                raise FaustError(text, compiler, source) from None
            raise
    if process.returncode < 0:
        text = f"{compiler} was ended by {signal_name(-process.returncode)}\n{output}"
        raise FaustError(text.strip(), compiler, source)
    if process.returncode:
        text = output.strip() or f"{compiler} ended with status {process.returncode}"
        raise FaustError(text, compiler, source)
    return output


def read_answer(path: Path, compiler: str, source: str = "") -> bytes:
    """The file that a program was asked to leave at `path`.

    Raises FaustError in the name of `compiler` if there is none, or it is empty, no regular file,
    or larger than `MAX_FILE`.
    """
    try:
        # Without O_NONBLOCK a pipe of that name would be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
            os.close(handle)
            regular = stat.S_ISREG(status.st_mode)
            kind = f"more than {MAX_FILE >> 20} MB" if regular else "no file"
            raise FaustError(f"{compiler} wrote {kind}", compiler, source)
        with os.fdopen(handle, "rb") as file:
            content = file.read(MAX_FILE)
    except OSError:
        raise FaustError(f"{compiler} ended well and wrote nothing", compiler, source) from None
    if not content:
        raise FaustError(f"{compiler} ended well and wrote an empty file", compiler, source)
    return content


def as_text(content: bytes, compiler: str, source: str = "") -> str:
    """The text that a program left; FaustError in the name of `compiler` if it is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        text = f"{compiler} wrote what is no text: not UTF-8 (byte {error.start})"
        raise FaustError(text, compiler, source) from None


def signal_name(number: int) -> str:
    """The name of a signal, as SIGFPE."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _read_output(pipe: IO[bytes], end: float) -> str:
    """What comes out of `pipe`: of much the beginning.

    Raises TimeoutError where it is open at the time `end`, OverflowError past `MAX_OUTPUT`.
    """
    kept, total = bytearray(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            piece = os.read(pipe.fileno(), 1 << 16)
            if not piece:
                return kept.decode("utf-8", "replace")
            total += len(piece)
            kept += piece[: KEPT_OUTPUT - len(kept)]
            if total > MAX_OUTPUT:
                raise OverflowError
