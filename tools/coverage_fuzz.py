"""Hostile text led by coverage: what parsers make of it, by atheris where that is installed.

    python tools/coverage_fuzz.py [--seconds N] [TARGET]...

Each target starts from texts that are right, and is given N seconds (20). It may refuse what it
reads by an error of ours and by no other. An input that breaks this is left in
`.cache/coverage_fuzz/`, and the end is 1. atheris is no dependency: `pip install atheris`.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / ".cache" / "coverage_fuzz"
#: What one input may take: seconds, megabytes in all, and bytes of its own.
LIMITS = ("-timeout=20", "-rss_limit_mb=2000", "-max_len=4000")
EXPANDED = r"""declare name "program";
ID_0 = hslider("gain [unit:dB]", 0.5f, 0.0f, 1.0f, 0.01f);
process = _, ID_0 : * : (\(x1).((x1, 2) : -)) ~ _ <: hgroup("g", (mem, sin)) :> _;
"""
VALUES = '{"gain": 0.5, "0.weight": [[1.0, 2e-3], [3, 4]], "0.bias": [0.25]}'
EXPRESSIONS = ("where(x > 0, log(x), 0) / (1 + x ** 2)", "x[n - 1] + floor(y) % 3")


@dataclass(frozen=True)
class Target:
    """What reads a text, in words and as a function, and texts that are right."""

    what: str
    read: Callable[[str], None]
    texts: Callable[[], Iterator[str]]


def table(text: str) -> None:
    """A table is read, or refused."""
    from faustdiff.errors import InputError
    from faustdiff.table.loading import parse_yaml
    from faustdiff.table.modelling import model

    with suppress(InputError):
        model(parse_yaml(text, "table.yaml"))


def expression(text: str) -> None:
    """A formula of a table is read, or refused."""
    from faustdiff.table.expressions import ExpressionError, parse

    with suppress(ExpressionError):
        parse(text, ["x", "y"])


def expanded(text: str) -> None:
    """What a compiler prints is understood, or refused."""
    from faustdiff.signals.boxes import NotUnderstoodError
    from faustdiff.signals.core import parse

    with suppress(NotUnderstoodError):
        parse(text, {"sin": (1, 1)})


def values(text: str) -> None:
    """A file of values is read, or refused."""
    from faustdiff.errors import InputError
    from faustdiff.learned.values import read_values

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.json")
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with suppress(InputError):
            read_values(path)


def right_tables() -> Iterator[str]:
    """Tables that are right, and those that once failed."""
    folder = ROOT / "tests"
    for path in (folder / "small.yaml", *sorted((folder / "data" / "fuzz").glob("*.yaml"))):
        yield path.read_text("utf-8")


TARGETS = {
    "table": Target("tables", table, right_tables),
    "expression": Target("formulas of a table", expression, lambda: iter(EXPRESSIONS)),
    "expanded": Target("what `faust -e` prints", expanded, lambda: iter([EXPANDED])),
    "values": Target("files of values", values, lambda: iter([VALUES])),
}


def is_installed() -> bool:
    """Whether there is an atheris."""
    return importlib.util.find_spec("atheris") is not None


@contextmanager
def corpus(name: str) -> Iterator[Path]:
    """A folder with what a target starts from, for as long as it runs."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(TARGETS[name].texts()):
            Path(folder, str(number)).write_text(text, "utf-8")
        yield Path(folder)


def run(name: str, seconds: int) -> tuple[int, bool]:
    """How many inputs a target was given, and whether all were read or refused."""
    FOUND.mkdir(parents=True, exist_ok=True)
    script = [sys.executable, str(Path(__file__)), "--inside", name]
    with corpus(name) as texts:
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/", *LIMITS]
        done = subprocess.run([*script, *options, str(texts)], capture_output=True, text=True)
    runs = re.findall(r"^Done (\d+) runs|^#(\d+)\b", done.stderr, re.M)
    if done.returncode:
        print(done.stderr[-3000:])
    return max((int(one or other) for one, other in runs), default=0), done.returncode == 0


def inside(name: str, options: list[str]) -> None:
    """Gives a target one input after another, in a process of its own, which atheris ends."""
    atheris: Any = importlib.import_module("atheris")
    read = TARGETS[name].read
    with atheris.instrument_imports(include=["faustdiff"]):
        # What it needs is imported, and seen by atheris, before the time runs.
        read(next(TARGETS[name].texts()))
    atheris.Setup(
        [sys.argv[0], *options], lambda data: read(data.decode("utf-8", "surrogateescape"))
    )
    atheris.Fuzz()


def main() -> None:
    """Runs the targets that are named, or all; says it loudly where atheris is missing."""
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description="Fuzz the parsers, led by coverage.")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    if not is_installed():
        print("SKIPPED: atheris is not installed; nothing was led by coverage")
        return
    failed = False
    for name in options.targets or TARGETS:
        runs, holds = run(name, options.seconds)
        failed |= not holds
        print(f"{name}: {runs} inputs, {'all read or refused' if holds else 'FAILED'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
