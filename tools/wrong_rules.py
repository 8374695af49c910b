"""How many wrong rules `check` refutes, by kind: `make wrong-rules`.

Every partial, guard, tie and domain of the built-in table is broken in many small ways. What is
left and equals its original wherever the row is defined is counted apart. With `--write` the
figures replace those in docs/verdicts.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from faustdiff.proof.checking import check_row
from faustdiff.table.assembling import built_in_table
from faustdiff.table.model import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.evaluator import Plain
from support.mutation import KINDS, equivalent, mutants

PAGE = Path(__file__).resolve().parents[1] / "docs" / "verdicts.md"
MARKS = "<!-- mutants -->", "<!-- end of mutants -->"


def counted(table: Table, kind: str) -> tuple[int, int, int, list[str]]:
    """Mutants of a kind: tried, refuted, equal to the original, and the names of the others."""
    made = mutants(table, kind)
    left = [
        mutant
        for mutant in made
        if not any(f.outcome == "refuted" for f in check_row(mutant.broken, proofs=False))
    ]
    plain = Plain()
    accepted = [str(mutant) for mutant in left if not equivalent(mutant, plain)]
    return len(made), len(made) - len(left), len(left) - len(accepted), accepted


def main() -> int:
    """Prints a table of kinds; 1 if a wrong rule was accepted."""
    table, lines, totals, accepted = built_in_table(), [], [0, 0, 0, 0], []
    lines += ["| wrong | tried | refuted | equal to the original | accepted |", "|" + 5 * "---|"]
    for kind in KINDS:
        tried, refuted, same, wrong = counted(table, kind)
        accepted += wrong
        counts = (tried, refuted, same, len(wrong))
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
        print(lines[-1], flush=True)
    lines.append(f"| all | {' | '.join(map(str, totals))} |")
    print(lines[-1])
    print("\n".join(accepted))
    if "--write" in sys.argv:
        block = "\n\n".join([MARKS[0], "\n".join(lines), MARKS[1]])
        between = re.compile(f"{MARKS[0]}.*{MARKS[1]}", re.DOTALL)
        PAGE.write_text(between.sub(lambda _: block, PAGE.read_text("utf-8")), "utf-8")
    return 1 if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
