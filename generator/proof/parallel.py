"""Rows checked in processes of their own, each with a limit to its time and memory."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from ..table.model import Primitive
from .findings import Finding

Check = Callable[[Primitive], list[Finding]]

#: Bytes that a process may take beyond what it starts with.
WORKER_MEMORY = 2_000_000_000
#: Objects made between two searches for garbage: a check makes many, and few of them are garbage.
COLLECTION_THRESHOLD = 50_000
#: Fewer rows than this are checked here: to start a process takes as long.
FEW_ROWS = 6


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def check_rows(
    rows: Sequence[Primitive], check: Check, patience: float
) -> Iterator[tuple[Primitive, list[Finding]]]:
    """Each row with its findings, as they come; after `patience` seconds a row is unknown."""
    if len(rows) < FEW_ROWS or cores() < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from ((row, check(row)) for row in rows)
        return
    # What takes long first, as far as the length of the text tells.
    waiting = sorted(range(len(rows)), key=lambda index: len(str(rows[index].partials)))
    workers = [_Worker(rows, check) for _ in range(min(cores(), len(rows)))]
    try:
        while waiting or any(worker.busy is not None for worker in workers):
            for worker in workers:
                if worker.busy is None and waiting:
                    worker.start(waiting.pop())
            yield from _answers(workers, rows, patience)
    finally:
        for worker in workers:
            worker.end()


def _answers(
    workers: list[_Worker], rows: Sequence[Primitive], patience: float
) -> Iterator[tuple[Primitive, list[Finding]]]:
    busy = [worker for worker in workers if worker.busy is not None]
    ready = wait([worker.connection for worker in busy], timeout=1.0)
    for worker in busy:
        assert worker.busy is not None
        row = rows[worker.busy]
        if worker.connection in ready:
            yield row, worker.answer(row)
        elif time.monotonic() - worker.since > patience:
            worker.restart()
            what = f"stopped after {patience:g} s"
            yield row, [Finding(row, name, "unknown", what) for name in row.args]


class _Worker:
    """A process that answers the number of a row with the findings on it."""

    def __init__(self, rows: Sequence[Primitive], check: Check) -> None:
        self.rows, self.check = rows, check
        self.busy: int | None = None
        self.since = 0.0
        self.connection, self.process = self._start_process()

    def _start_process(self) -> tuple[Connection, BaseProcess]:
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, self.rows, self.check), daemon=True)
        process.start()
        there.close()
        return here, process

    def start(self, index: int) -> None:
        self.busy, self.since = index, time.monotonic()
        self.connection.send(index)

    def answer(self, row: Primitive) -> list[Finding]:
        try:
            findings = [Finding(row, **found) for found in self.connection.recv()]
        except (EOFError, OSError):
            self.restart()
            what = "the check ended by itself: too much memory?"
            return [Finding(row, name, "unknown", what) for name in row.args]
        self.busy = None
        return findings

    def restart(self) -> None:
        self.end()
        self.busy = None
        self.connection, self.process = self._start_process()

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _serve(connection: Connection, rows: Sequence[Primitive], check: Check) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + WORKER_MEMORY
    limit = own if most == resource.RLIM_INFINITY else min(own, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    # What was imported stays: no search goes through it again.
    gc.freeze()
    gc.set_threshold(COLLECTION_THRESHOLD)
    while True:
        try:
            index = connection.recv()
        except (EOFError, OSError):
            return
        connection.send([finding.without_row() for finding in check(rows[index])])
