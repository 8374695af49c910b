"""How long `fad` and `rad` take to compile, in times of `df.jvp` of the same expression.

    python -m benchmarks.fad_compile_time [faust|cyfaust] [TITLE]

All programs of the tests (`support/fad_cases.py`), or those with TITLE in their name: the time of
the processor from Faust to C++, the least of a few runs, the worst ratio on top. It is that in user
mode and in the kernel's together, as clock ticks divide so short a time badly into the two. A
program whose seeds are no names has no counterpart in `df.jvp`, and is listed at the end.
"""

from __future__ import annotations

import contextlib
import math
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from support.derivatives import PRELUDE, Case
from support.fad_cases import SEEDS, SHAPES

LIBRARY = Path(__file__).resolve().parent.parent / "build"
REPEATS = 7
LIMIT = 120


class NoCounterpartError(Exception):
    """Seeds that `df.jvp` cannot take for arguments."""


def by_jvp(text: str) -> str:
    """The program with `df.jvp` of a function in place of each `fad` and `rad`."""
    found = re.search(r"\b(?:fad|rad)\(", text)
    if found is None:
        return text
    end = _closing(text, found.end())
    expression, seeds = _parted(text[found.end() : end])
    names = [name.strip() for name in _leaves(seeds)]
    wires = re.fullmatch(r"si\.bus\((\d+)\)", seeds.strip())
    if wires:
        called = f"df.jvp({wires[1]}, {by_jvp(expression)})"
    elif all(re.fullmatch(r"\w+(\(\d+\))?", name) and name != "_" for name in names):
        bound = list(dict.fromkeys(names))
        plain = {name: re.sub(r"\W", "_", name) for name in bound}
        body = by_jvp(expression)
        for name in bound:
            body = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", plain[name], body)
        function = rf"\({', '.join(plain.values())}).({body})"
        fed = f"({', '.join(bound)}), si.bus(inputs({expression}))"
        called = f"({fed} : df.jvp({len(bound)}, {function}))"
    else:
        raise NoCounterpartError(seeds)
    return text[: found.start()] + called + by_jvp(text[end + 1 :])


def _closing(text: str, start: int) -> int:
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if not depth:
            return index
    raise AssertionError(text)


def _parted(arguments: str) -> tuple[str, str]:
    """An expression and its seeds."""
    depth = 0
    for index, letter in enumerate(arguments):
        depth += (letter in "({") - (letter in ")}")
        if letter == "," and not depth:
            return arguments[:index], arguments[index + 1 :]
    raise AssertionError(arguments)


def _leaves(seeds: str) -> Iterator[str]:
    """The seeds of a list, as they are written."""
    seeds = seeds.strip()
    while seeds.startswith("(") and _closing(seeds, 1) == len(seeds) - 1:
        seeds = seeds[1:-1].strip()
    try:
        first, rest = _parted(seeds)
    except AssertionError:
        yield seeds
    else:
        yield from _leaves(first)
        yield from _leaves(rest)


def seconds(compiler: Compiler, programs: Sequence[str]) -> list[float]:
    """The least time of each program from Faust to C++; infinite if it is not done in time.

    The programs take turns, so that what else the machine does weighs on all of them.
    """
    least = [math.inf] * len(programs)
    for _ in range(REPEATS):
        for index, program in enumerate(programs):
            before = processor_time()
            source = f"{PRELUDE}process = {program};"
            with contextlib.suppress(FaustError):
                compiler.to_cpp(source, double=True, include=[LIBRARY], timeout=LIMIT)
                least[index] = min(least[index], processor_time() - before)
    return least


def processor_time() -> float:
    """CPU seconds of the compilers that have run so far, with those of the kernel."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def named(cases: list[Case], part: str) -> list[Case]:
    """The cases with `part` in their title."""
    return [case for case in cases if part in case.title]


def main(name: str | None = None, part: str = "") -> None:
    """Prints a line for each program."""
    compiler = find_compiler(name)
    lines: list[tuple[float, str]] = []
    alone = []
    for case in named([*SEEDS, *SHAPES], part):
        try:
            counterpart = by_jvp(case.text)
        except NoCounterpartError as error:
            (own,) = seconds(compiler, [case.text])
            alone.append(f"{'':6} {own:8.3f} {'':8}  {case.title}: seeds {error}")
            continue
        own, other = seconds(compiler, [case.text, counterpart])
        lines.append((own / other, f"{own:8.3f} {other:8.3f}  {case.title}"))
    print(f"compiler {compiler.version()}; times of df.jvp, seconds, those of df.jvp, program")
    for ratio, line in sorted(lines, reverse=True):
        print(f"{ratio:6.2f} {line}")
    print(*alone, sep="\n")
    over = sum(ratio > 1.5 for ratio, _ in lines)
    print(f"{len(lines)} programs, {over} above 1.5")


if __name__ == "__main__":
    main(*sys.argv[1:])
