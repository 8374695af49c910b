"""A limit to the time that a block may take, in seconds of this process's own time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: After so many seconds the error is raised again: one that is raised while Python collects garbage
#: is dropped, and the block would go on without a limit.
AGAIN = 0.2


class OverBudgetError(BaseException):
    """The time is up, at what is told in `at`, from the whole to its part.

    No `Exception`, so that nothing on the way takes it for its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.at: list[str] = []


@contextmanager
def during(what: str) -> Iterator[None]:
    """Names what the block is about, for when the time is up in it."""
    try:
        yield
    except OverBudgetError as error:
        error.at.insert(0, what)
        raise


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `OverBudgetError` in the block after `seconds`; blocks may be nested.

    Only the main thread can be interrupted: in any other the block is not limited.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "SIGVTALRM"
    ):
        yield
        return

    expired = False

    def expire(_: int, __: FrameType | None) -> None:
        nonlocal expired
        expired = True
        raise OverBudgetError

    before = signal.signal(signal.SIGVTALRM, expire)
    outer, _ = signal.getitimer(signal.ITIMER_VIRTUAL)
    given = min(seconds, outer) if outer else seconds
    signal.setitimer(signal.ITIMER_VIRTUAL, given, AGAIN)
    try:
        yield
    finally:
        left, _ = signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if outer:
            spent = given if expired else given - left
            signal.setitimer(signal.ITIMER_VIRTUAL, max(outer - spent, 1e-3), AGAIN)
    if expired:
        # The block came to its end all the same.
        raise OverBudgetError
