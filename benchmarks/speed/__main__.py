"""Gradients side by side: `python -m benchmarks.speed [--quick] [--task TEXT]... [--write]`.

For each task the contenders are checked against central differences of the plain program, then
measured in turn, round by round, in CPU seconds of the thread that computes; the ratio of the
medians to that of the hand-written one is printed. With --write the table goes to
`docs/speed.md`, and all numbers with the machine to `benchmarks/speed/results.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler, FaustError, find_compiler, gpp_version
from faustdiff.faust.program import build
from faustdiff.faust.translation import FAST_FLAGS
from faustdiff.files import write_file

from . import contenders
from .contenders import RATE, Array, Contender, labels, noise, slider_program
from .scans import jax_scan
from .tasks import TASKS, Task

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "speed.md"
RESULTS = Path(__file__).with_name("results.json")
#: Columns, in the order of the table.
COLUMNS = ("hand", "primal", "jvp", "forward", "reverse", "JAX")
#: Rounds, and the error against central differences that a contender may have, in the greatest
#: partial: the differences are good to about 1e-7.
ROUNDS, WRONG = 9, 2e-6
#: Those measured by --quick.
QUICK = ("one-pole", "biquad, five coefficients", "FIR, 16 taps", "compressor")


def reference(task: Task, compiler: Compiler, given: Array) -> Array:
    """The value and its partials (1 + P, n), by central differences of the plain program."""
    program = build(slider_program(task), compiler=compiler)

    def value(values: Array) -> Array:
        controls = dict(zip(labels(task), map(float, values), strict=True))
        return np.asarray(program.run(given[None], sample_rate=RATE, controls=controls)[0])

    here = np.array(task.values)
    found = [value(here)]
    for i, at in enumerate(here):
        step = np.zeros(len(here))
        step[i] = 1e-5 * max(1.0, abs(at))
        found.append((value(here + step) - value(here - step)) / (2 * step[i]))
    return np.array(found)


def error(contender: Contender, expected: Array, given: Array) -> float:
    """The greatest error in a signal, relative to that signal's greatest sample."""
    got = contender.run(given)
    if contender.name == "reverse":
        expected = _sums(expected)
    wrong = [
        float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-12))
        for a, b in zip(got, expected, strict=True)
    ]
    return max(wrong)


def _sums(expected: Array) -> Array:
    """What reverse mode gives: the partials of half the sum of squares, spread over the samples."""
    sums = expected[1:] @ expected[0] / expected.shape[1]
    return np.concatenate([expected[:1], np.tile(sums[:, None], expected.shape[1])])


def field(task: Task, compiler: Compiler) -> tuple[list[Contender], dict[str, str]]:
    """The contenders of a task that are right, and why others are not among them."""
    given = noise(2000)
    expected = reference(task, compiler, given)
    makers: dict[str, Callable[[], Contender | None]] = {
        "hand": lambda: contenders.hand_written(task),
        "primal": lambda: contenders.primal(task, compiler),
        "jvp": lambda: contenders.jvp(task, compiler),
        "forward": lambda: contenders.forward(task, compiler),
        "reverse": lambda: contenders.reverse(task, compiler),
        "JAX": lambda: jax_scan(task),
    }
    right, reasons = [], {}
    for name, make in makers.items():
        try:
            made = make()
        except (FaustError, InputError) as refused:
            reasons[name] = str(refused).splitlines()[0][:120]
            continue
        if made is None:
            continue
        wrong = error(made, expected[:1] if name == "primal" else expected, given)
        if wrong > WRONG:
            reasons[name] = f"wrong by {wrong:.1e}"
        else:
            right.append(made)
    return right, reasons


def measured(task: Task, compiler: Compiler, rounds: int) -> dict[str, object]:
    """The medians of a task in nanoseconds per sample, and what is not there with its reason."""
    right, reasons = field(task, compiler)
    seconds: dict[str, list[float]] = {one.name: [] for one in right}
    for _ in range(rounds):
        for one in right:
            seconds[one.name].append(one.measure())
    medians = {name: 1e9 * statistics.median(taken) for name, taken in seconds.items()}
    spread = {name: max(taken) / min(taken) for name, taken in seconds.items()}
    return {"task": task.name, "nanoseconds": medians, "spread": spread, "absent": reasons}


def row(result: dict[str, object]) -> str:
    """A line of the table: nanoseconds by hand, else the ratio to that."""
    times = result["nanoseconds"]
    assert isinstance(times, dict)
    hand = times.get("hand")
    cells = [
        ""
        if name not in times or hand is None
        else f"{hand:.1f} ns"
        if name == "hand"
        else f"{times[name] / hand:.2f}"
        for name in COLUMNS
    ]
    return f"| {result['task']} | {' | '.join(cells)} |"


def machine(compiler: Compiler) -> dict[str, object]:
    """What was measured on."""
    model = platform.processor()
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"model name\s*: (.*)", information.read_text("utf-8"))
        model = found.group(1) if found else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "faust": compiler.version(),
        "g++": gpp_version().splitlines()[0],
        "flags": list(FAST_FLAGS),
    }


def main() -> None:
    """Measures, prints the table line by line, and writes it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four tasks")
    parser.add_argument("--task", action="append", help="tasks whose name contains this")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write table and numbers")
    options = parser.parse_args()
    compiler = find_compiler()
    chosen = [
        task
        for task in TASKS
        if (not options.quick or task.name in QUICK)
        and (not options.task or any(text in task.name for text in options.task))
    ]
    about = machine(compiler)
    head = [f"| task | {' | '.join(COLUMNS)} |", "|---" * (1 + len(COLUMNS)) + "|"]
    print("\n".join(head), flush=True)
    results, lines = [], []
    for task in chosen:
        results.append(measured(task, compiler, options.rounds))
        lines.append(row(results[-1]))
        print(lines[-1], results[-1]["absent"] or "", flush=True)
    if options.write:
        write_file(RESULTS, json.dumps({"machine": about, "results": results}, indent=1) + "\n")
        facts = (
            f"Faust {about['faust']}, {about['g++']} with `{' '.join(FAST_FLAGS)}`,"
            f" {about['processor']}, {about['cores']} cores, a load of {about['load']:.1f};"
            f" double precision, medians of {options.rounds} rounds."
        )
        text = DOCUMENT.read_text("utf-8")
        table = "\n".join(["<!-- table -->", *head, *lines, "", facts, "<!-- /table -->"])
        marked = re.compile(r"<!-- table -->.*<!-- /table -->", re.S)
        write_file(DOCUMENT, marked.sub(lambda _: table, text))


if __name__ == "__main__":
    main()
