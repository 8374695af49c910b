"""Commands that are interrupted while a compiler is at work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from .fake_compilers import install


def install_slow_compiler(folder: Path, name: str) -> Path:
    """Puts a compiler into `folder`, a folder of the PATH before that of the one it is made of.

    It writes a temporary file and takes a minute for a program; the path that is returned then
    exists. A test is skipped where there is no such compiler.
    """
    real, busy = shutil.which(name), folder / "busy"
    if real is None:
        pytest.skip(f"there is no {name}")
    work = f'case "$*" in *program.*) touch $TMPDIR/left.s {busy}; sleep 60;; esac'
    install(folder, name, f'#!/bin/sh\n{work}\nexec {real} "$@"\n'.encode())
    return busy


def assert_interruptible(
    arguments: Sequence[str],
    request: signal.Signals,
    is_busy: Callable[[], bool],
    *,
    folder: Path,
    environment: Mapping[str, str],
) -> None:
    """Ends a command in `folder` once it is busy: it fails, with no traceback and no process left.

    SIGINT goes to all its processes, as Ctrl-C does; others to the first alone.
    """
    running = subprocess.Popen(
        [sys.executable, "-m", "faustdiff", *arguments],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell starts what runs in the background with Ctrl-C ignored, and tests may run there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    _wait_until_busy(running, is_busy)
    if request is signal.SIGINT:
        os.killpg(running.pid, request)
    else:
        running.send_signal(request)
    _, messages = running.communicate(timeout=60)
    assert running.returncode not in (0, None)
    assert "Traceback" not in messages
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def _wait_until_busy(running: subprocess.Popen[str], is_busy: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        if is_busy():
            return
        time.sleep(0.05)
    raise AssertionError(running.communicate())
