"""The check refutes every rule that is slightly wrong: a part of what `make mutants` tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from faustdiff.proof.checking import check_row
from faustdiff.table.model import Table
from support.evaluator import Plain
from support.mutation import KINDS, Mutant, equivalent, mutants, with_partial

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("mutants")]

#: Of each kind, every so manieth mutant is tried here.
EVERY = 12


def refuted(mutant: Mutant) -> bool:
    findings = check_row(mutant.broken, proofs=False)
    return any(finding.outcome == "refuted" for finding in findings)


@pytest.fixture(scope="module")
def made(table: Table) -> Mapping[str, list[Mutant]]:
    return {kind: mutants(table, kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_mutant_is_refuted(kind: str, made: Mapping[str, list[Mutant]], plain: Plain) -> None:
    left = [mutant for mutant in made[kind][::EVERY] if not refuted(mutant)]
    missed = [str(mutant) for mutant in left if not equivalent(mutant, plain)]
    assert not missed, f"{len(missed)} mutants pass the check:\n" + "\n".join(missed)


def test_there_are_many_mutants(made: Mapping[str, list[Mutant]]) -> None:
    assert sum(map(len, made.values())) > 2000
    assert all(made.values())


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
