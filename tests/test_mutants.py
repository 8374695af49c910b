"""The check refutes every rule that is slightly wrong: a part of what `make mutants` tries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faustdiff.proof.checking import check_row
from faustdiff.table.model import Table
from support.evaluator import Plain
from support.mutation import KINDS, Mutant, equivalent, mutants, with_partial

pytestmark = pytest.mark.exhaustive

#: Of each kind, every so manieth mutant is tried here.
EVERY = 12


def refuted(mutant: Mutant) -> bool:
    findings = check_row(mutant.broken, proofs=False)
    return any(finding.outcome == "refuted" for finding in findings)


@pytest.mark.parametrize("kind", KINDS)
def test_every_mutant_is_refuted(kind: str, table: Table, plain: Plain) -> None:
    made = mutants(table, kind)
    left = [mutant for mutant in made[::EVERY] if not refuted(mutant)]
    missed = [str(mutant) for mutant in left if not equivalent(mutant, plain)]
    assert not missed, f"{len(missed)} mutants pass the check:\n" + "\n".join(missed)


def test_there_are_many_mutants(table: Table) -> None:
    counts = {kind: len(mutants(table, kind)) for kind in KINDS}
    assert sum(counts.values()) > 2000
    assert all(counts.values())


def test_a_right_rule_is_equal_to_itself(table: Table, plain: Plain) -> None:
    """The evaluator knows every rule of the table: none of its outcomes is NaN throughout."""
    for row in table.primitives:
        for argument, stated in row.partials.items():
            if stated is not None:
                unchanged = Mutant(row, row, argument, "nothing")
                assert equivalent(unchanged, plain), row.name
                wrong = with_partial(row, argument, f"({stated}) + 1")
                broken = replace(unchanged, broken=wrong, change="+ 1")
                assert not equivalent(broken, plain), row.name
