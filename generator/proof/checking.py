"""Every rule of a table is proved, confirmed, refuted, or unknown.

All kinds are held against one statement: the derivative of `value(x + e*dx)` with respect to `e`,
at `e = 0`, is the sum of the contributions of the arguments. `pointwise` has the claims of rows
about numbers, `unrolled` those of rows about signals in time and tables, `edges` what is finite in
a floating-point format.

Only `CheckedTable`, which `check` returns for a table without a failure, can be rendered. What
decides a row is imported when there is one to decide: where all is known, neither SymPy nor FLINT
is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from importlib import import_module

from ..table.assembling import uncollected
from ..table.model import Primitive, Table
from . import findings_store
from .budget import OverBudgetError, time_limit
from .findings import CheckedTable, Finding, Outcome, Report

__all__ = ["CheckedTable", "Finding", "Outcome", "Report", "check", "check_row"]

POINT_DIGITS = 50
#: Seconds that a row may take.
ROW_SECONDS = 10.0
#: Of these, what may pass before SymPy has answered.
SYMPY_SECONDS = 5.0
#: Times the budget after which a process that does not answer is stopped.
STOP_FACTOR = 6.0


def check(
    table: Table,
    progress: Callable[[Primitive], None] = lambda row: None,
    accepted: Collection[str] = (),
) -> Report:
    """The report on every row; a `CheckedTable` if and only if no rule failed.

    What is known from an earlier run is not checked again. `progress` is called for each row. Rows
    named in `accepted` may be unknown.
    """
    start = time.perf_counter()
    known = findings_store.recall(table.primitives)
    for row in table.primitives:
        if row.name in known:
            progress(row)
    fresh = [row for row in table.primitives if row.name not in known]
    if fresh:
        from . import parallel

        _import_provers()
        for row, row_findings in parallel.check_rows(fresh, check_row, STOP_FACTOR * ROW_SECONDS):
            progress(row)
            known[row.name] = row_findings
        findings_store.remember(known, fresh)
    findings = [finding for row in table.primitives for finding in known[row.name]]
    report = Report(table, tuple(findings), time.perf_counter() - start, frozenset(accepted))
    if report.failures:
        return report
    return CheckedTable(table, report.findings, report.seconds, report.accepted)


def _import_provers() -> None:
    """Imports what decides rows, once, before the processes that share it begin.

    Modules are no garbage: to look for some while they are made takes a sixth of the time.
    """
    with uncollected():
        # SymPy imports the last one itself, at the first sum.
        for module in (".pointwise", ".unrolling", ".edges", ".ideal", "sympy.tensor.tensor"):
            import_module(module, __package__)


def check_row(row: Primitive, proofs: bool = True, budget: float = ROW_SECONDS) -> list[Finding]:
    """The findings on one row, one for each argument (one for a row that has none to check).

    Without `proofs` SymPy is not asked: what it could prove is confirmed.
    """
    if row.kind in ("structural", "unavailable"):
        return [_without_rule(row)]
    try:
        with time_limit(budget):
            if not proofs:
                return _findings(row, False)
            try:
                with time_limit(min(SYMPY_SECONDS, budget / 2)):
                    return _findings(row, True)
            except (OverBudgetError, MemoryError):
                return _findings(row, False)
    except OverBudgetError as error:
        what = ": ".join((f"not decided in {budget:g} s", ", ".join(error.at) or "the whole row"))
    except MemoryError:
        what = "not decided: it takes more memory than a row may have"
    return [Finding(row, name, "unknown", what) for name in row.args]


def _without_rule(row: Primitive) -> Finding:
    """A row that is never differentiated states no derivative; a structural one no value."""
    for name in row.args:
        if row.partials[name] is not None:
            what = f"a row of kind {row.kind} has no derivative, yet it states one"
            return Finding(row, name, "refuted", what)
    if row.kind == "structural" and row.value is not None:
        return Finding(row, "", "refuted", "a structural row has no value, yet it states one")
    return Finding(row, "", "declared", row.reason)


def _findings(row: Primitive, proofs: bool) -> list[Finding]:
    import mpmath as mp

    from ..table.samples import NoPointError
    from . import edges, unrolling
    from .ideal import ideal
    from .pointwise import Claims

    with mp.workdps(POINT_DIGITS):
        try:
            if not edges.tie_is_met(row):
                what = f"no edge lies on the tie {row.tie and row.tie.at}"
                return [Finding(row, name, "refuted", what) for name in row.args]
            if row.temporal:
                return [unrolling.finding_in_time(row, name) for name in row.args]
            findings = [replace(f, row=row) for f in Claims(ideal(row), proofs).findings()]
            with mp.workdps(edges.EDGE_DIGITS):
                points = edges.Edges(row)
                return [
                    f if f.outcome == "refuted" else next(points.objections(f.argument), f)
                    for f in findings
                ]
        except NoPointError as error:
            return [Finding(row, name, "refuted", str(error)) for name in row.args]
        except (TypeError, LookupError, ArithmeticError, ValueError) as error:
            what = f"the rule cannot be evaluated: {type(error).__name__}: {error}"
            return [Finding(row, name, "refuted", what) for name in row.args]
