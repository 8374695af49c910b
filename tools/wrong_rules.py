"""How many wrong rules `check` refutes, by kind: `make wrong-rules`.

Every partial, guard, tie and domain of the built-in table is broken in many small ways. What is
left and equals its original wherever the row is defined is counted apart. With `--write` the
figures replace those in docs/verdicts.md. Rows are checked in two processes.
"""

from __future__ import annotations

import multiprocessing
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from faustdiff.proof.checking import check_row
from faustdiff.table.assembling import built_in_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.evaluator import Plain
from support.mutation import KINDS, Mutant, equivalent, mutants

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verdicts.md"
MARKS = "<!-- mutants -->", "<!-- end of mutants -->"
PROCESSES = 2
COLUMNS = ("refuted", "equal to the original", "unknown", "accepted")


@cache
def made(kind: str) -> list[Mutant]:
    """The mutants of a kind, in the same order in every process."""
    return mutants(built_in_table(), kind)


def result(task: tuple[str, int]) -> tuple[str, str, str]:
    """The kind of a mutant, which of `COLUMNS` it belongs to, and its name."""
    kind, index = task
    mutant = made(kind)[index]
    outcomes = {finding.outcome for finding in check_row(mutant.broken)}
    if "refuted" in outcomes:
        return kind, "refuted", str(mutant)
    if equivalent(mutant, Plain()):
        return kind, "equal to the original", str(mutant)
    return kind, "unknown" if "unknown" in outcomes else "accepted", str(mutant)


def main() -> int:
    """Prints a table of kinds; 1 if a wrong rule was not refuted."""
    tasks = [(kind, index) for kind in KINDS for index in range(len(made(kind)))]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    with multiprocessing.Pool(PROCESSES) as pool:
        for done, (kind, column, name) in enumerate(pool.imap(result, tasks, chunksize=8), 1):
            counts[kind][column] += 1
            if column != "refuted":
                print(f"{column}: {name}", flush=True)
            if done % 100 == 0:
                print(f"{done} of {len(tasks)}", flush=True)
    lines = [f"| wrong | tried | {' | '.join(COLUMNS)} |", "|" + (2 + len(COLUMNS)) * "---|"]
    for kind, found in (*counts.items(), ("all", sum(counts.values(), Counter()))):
        cells = [found.total(), *(found[column] for column in COLUMNS)]
        lines.append(f"| {kind} | {' | '.join(map(str, cells))} |")
    print("\n".join(lines))
    if "--write" in sys.argv:
        block = "\n\n".join([MARKS[0], "\n".join(lines), MARKS[1]])
        between = re.compile(f"{MARKS[0]}.*{MARKS[1]}", re.DOTALL)
        PAGE.write_text(between.sub(lambda _: block, PAGE.read_text("utf-8")), "utf-8")
    return 1 if sum(found["accepted"] + found["unknown"] for found in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
