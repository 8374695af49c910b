"""Programs of users run in a process of their own: what ends it is told, and what it leaves goes.

A program may divide integers by zero, read past its tables, ask for all memory, or never come back.
Inside this process nothing can be done about that, so the process becomes two: `fork_worker`
leaves the work to a child and waits for it. Temporary files of the child are in a folder that the
parent removes, whatever has happened.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
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

SIZES_HINT = "look at the sizes of its tables and delays"
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


@dataclass(frozen=True)
class ChildDeath:
    """How a child ended that ended by no will of its own: `what` happened, and what to do."""

    what: str
    hint: str


#: When the call began that a program is in, in seconds of the monotonic clock; 0 outside of one.
_began: mmap.mmap | None = None


@contextlib.contextmanager
def in_program() -> Iterator[None]:
    """Marks the time that is spent inside a program; the parent knows how long it takes."""
    if _began is not None:
        _began[:8] = struct.pack("d", time.monotonic())
    try:
        yield
    finally:
        if _began is not None:
            _began[:8] = struct.pack("d", 0.0)


def fork_worker() -> int | ChildDeath | None:
    """From here on there are two processes: None in the child, which goes on with the work.

    In the parent, once the child has ended: its status, or how it died. Raises OSError if there is
    no room for temporary files, or no process can be made.
    """
    global _began
    scratch = tempfile.mkdtemp(prefix="faustdiff-")
    _began = mmap.mmap(-1, 8)
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    try:
        child = os.fork()
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    if child == 0:
        _become_child(parent, scratch)
        return None
    try:
        return _Watch(child).wait()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _program_began() -> float:
    """When the call began that the child is in, or was in when it ended; 0 outside of one."""
    assert _began is not None
    (began,) = struct.unpack("d", _began[:8])
    return float(began)


def patience() -> float:
    """How long one call of a program may take, in seconds."""
    with contextlib.suppress(ValueError):
        return float(os.environ.get("FAUSTDIFF_PATIENCE", DEFAULT_PATIENCE))
    return DEFAULT_PATIENCE


def _become_child(parent: int, scratch: str) -> None:
    os.environ["TMPDIR"] = scratch
    tempfile.tempdir = scratch
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # All memory there is, and no more: what asks for more is told, and others live on.
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most == resource.RLIM_INFINITY or most > memory:
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

    def __init__(self, child: int) -> None:
        self.child = child
        self.asked = 0.0

    def wait(self) -> int | ChildDeath:
        """Until the child has ended."""
        before = {request: signal.signal(request, self._pass_on) for request in END_SIGNALS}
        try:
            while True:
                pid, status = os.waitpid(self.child, os.WNOHANG)
                if pid:
                    return self._ending(status)
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

    def _ending(self, status: int) -> int | ChildDeath:
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
        return ChildDeath(f"it was ended by {name}: {reason}", hint)
