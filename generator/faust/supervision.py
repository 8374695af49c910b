"""Programs of users run in a process of their own: what ends it is told, and what it leaves goes.

A program may divide integers by zero, read past its tables, ask for all memory, close the streams
on which messages are written, or never come back.
Inside this process nothing can be done about that, so the process becomes two: `fork_worker`
leaves the work to a child and waits for it. Temporary files of the child are in a folder that the
parent removes, whatever has happened.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .calling import signal_name

#: How long one call of a program may take, in seconds, if FAUSTDIFF_PATIENCE does not say.
DEFAULT_PATIENCE = 600.0
#: How long a call may still take once an end is asked for, and how often that is looked at, in
#: seconds. Outside of a program the child cleans up, or writes what it has found, for as long as
#: that takes.
GRACE, INTERVAL = 5.0, 0.02
#: Signals that ask for an end. Ctrl-C reaches the child from the terminal, too.
END_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

#: What usually stands behind an end by a signal, and the way out.
REASONS = {
    "SIGFPE": (
        "it divides integers by zero, or takes the remainder by zero",
        "keep the divisor from 0, as in `a % max(1, b)`",
    ),
    "SIGSEGV": (
        "it reads or writes outside of its memory",
        "look at its foreign functions, and at the sizes of its tables and delays",
    ),
    "SIGABRT": (
        "it gave up, as when memory runs out",
        "look at the sizes of its tables and delays",
    ),
    "SIGKILL": (
        "it was killed from outside, as when memory runs out",
        "look at the sizes of its tables and delays",
    ),
}
REASONS["SIGBUS"] = REASONS["SIGSEGV"]
UNKNOWN_REASON = ("it ended in the middle", "look at its foreign functions")
#: Of the memory that a child may take, the part after which an end by a signal is put down to it:
#: who asks for more is refused, and many a program then writes to nowhere.
FLOOD = 0.5
FLOOD_HINT = "look at the sizes of its tables and delays, and at what its foreign functions keep"
#: What is lost with these: results, and messages.
STREAMS = {1: "output", 2: "error"}


@dataclass(frozen=True)
class ChildDeath:
    """How a child ended that ended by no will of its own: `what` happened, and what to do."""

    what: str
    hint: str


#: What the child tells the parent: when the call began that a program is in, in seconds of the
#: monotonic clock, 0 outside of one; and the number of a stream that a program has closed, or 0.
_told = struct.Struct("dB")
_shared: mmap.mmap | None = None
#: The files that the streams of the child are, by their numbers, as they were before any program.
_streams: dict[int, tuple[int, int] | None] = {}


@contextlib.contextmanager
def in_program() -> Iterator[None]:
    """Marks the time that is spent inside a program; the parent knows how long it takes.

    A child whose program has closed, or replaced, a stream for messages ends here.
    """
    if _shared is not None:
        _told.pack_into(_shared, 0, time.monotonic(), 0)
    try:
        yield
    finally:
        if _shared is not None:
            closed = next((one for one, file in _streams.items() if _file_of(one) != file), 0)
            _told.pack_into(_shared, 0, 0.0, closed)
            if closed:
                os._exit(1)


def fork_worker() -> int | ChildDeath | None:
    """From here on there are two processes: None in the child, which goes on with the work.

    In the parent, once the child has ended: its status, or how it died. Raises OSError if there is
    no room for temporary files, or no process can be made.
    """
    global _shared
    scratch = tempfile.mkdtemp(prefix="faustdiff-")
    _shared = mmap.mmap(-1, _told.size)
    memory = _memory_limit()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    try:
        child = os.fork()
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    if child == 0:
        _become_child(parent, scratch, memory)
        return None
    try:
        return _Watch(child, memory).wait()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _program_began() -> float:
    """When the call began that the child is in, or was in when it ended; 0 outside of one."""
    assert _shared is not None
    return float(_told.unpack_from(_shared)[0])


def _closed_stream() -> int:
    """The number of the stream that a program of the child has closed, or 0."""
    assert _shared is not None
    return int(_told.unpack_from(_shared)[1])


def _file_of(stream: int) -> tuple[int, int] | None:
    """Which file a stream is: the numbers of its device and of the file; None if it is closed."""
    with contextlib.suppress(OSError):
        status = os.fstat(stream)
        return status.st_dev, status.st_ino
    return None


def _memory_limit() -> int:
    """How much memory a child may take, in bytes: what this machine can still give."""
    import resource

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        kilobytes = re.findall(r"^(?:MemAvailable|SwapFree): +(\d+) kB$", text, re.MULTILINE)
        if len(kilobytes) == 2:
            memory = sum(map(int, kilobytes)) * 1024
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return memory if limit == resource.RLIM_INFINITY else min(memory, limit)


def patience() -> float:
    """How long one call of a program may take, in seconds."""
    with contextlib.suppress(ValueError):
        return float(os.environ.get("FAUSTDIFF_PATIENCE", DEFAULT_PATIENCE))
    return DEFAULT_PATIENCE


def _become_child(parent: int, scratch: str, memory: int) -> None:
    import resource

    os.environ["TMPDIR"] = scratch
    tempfile.tempdir = scratch
    _streams.update({one: _file_of(one) for one in STREAMS})
    with contextlib.suppress(OSError, ValueError):
        # All memory there is, and no more: what asks for more is told, and others live on.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
        # A core of a program of a user helps nobody.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        end_with_parent = 1  # PR_SET_PDEATHSIG
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(end_with_parent, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)


class _Watch:
    """The parent's side: passes requests on, and keeps the time."""

    def __init__(self, child: int, memory: int) -> None:
        self.child = child
        self.memory = memory
        self.asked = 0.0

    def wait(self) -> int | ChildDeath:
        """Until the child has ended."""
        before = {request: signal.signal(request, self._pass_on) for request in END_SIGNALS}
        try:
            while True:
                pid, status, usage = os.wait4(self.child, os.WNOHANG)
                if pid:
                    unit = 1 if sys.platform == "darwin" else 1024
                    return self._ending(status, usage.ru_maxrss * unit)
                death = self._overdue()
                if death:
                    os.kill(self.child, signal.SIGKILL)
                    os.waitpid(self.child, 0)
                    return death
                time.sleep(INTERVAL)
        finally:
            for request, handler in before.items():
                signal.signal(request, handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.asked = self.asked or time.monotonic()
        if number != signal.SIGINT:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, number)

    def _overdue(self) -> ChildDeath | None:
        now = time.monotonic()
        began = _program_began()
        if began and began < self.asked and now - self.asked > GRACE:
            return ChildDeath("it was ended inside of a call", "it did not come back by itself")
        if began and now - began > patience():
            what = f"it was stopped: it did not come back within {patience():g} s"
            return ChildDeath(
                what, "the environment variable FAUSTDIFF_PATIENCE gives it more seconds"
            )
        return None

    def _ending(self, status: int, taken: int) -> int | ChildDeath:
        """What the status of a child means that took so many bytes of memory."""
        if stream := _closed_stream():
            return ChildDeath(
                f"it closed the standard {STREAMS[stream]}, or put another file in its place",
                "a foreign function calls 'close' or 'freopen'",
            )
        if not os.WIFSIGNALED(status):
            if _program_began():
                return ChildDeath(
                    "it ended the process from inside", "a foreign function calls 'exit'"
                )
            return os.WEXITSTATUS(status)
        name = signal_name(os.WTERMSIG(status))
        if self.asked:
            return 128 + os.WTERMSIG(status)
        reason, hint = REASONS.get(name, UNKNOWN_REASON)
        if taken > FLOOD * self.memory:
            reason = f"memory ran out, of which it had taken {taken / 2**30:.1f} GB"
            hint = FLOOD_HINT
        return ChildDeath(f"it was ended by {name}: {reason}", hint)
