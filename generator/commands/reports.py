"""A `Report` as text for people, JSON for programs and JUnit XML for a CI."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from xml.etree import ElementTree

from ..proof.findings import OUTCOMES, Finding, Report

#: The kinds whose rules are closed formulas, so that a proof is expected.
FORMULA_KINDS = ("smooth", "guarded")


_HINTS = {
    "refuted": "correct the row; its fields are explained at the top of the table",
    "unknown": "write the row in simpler terms, or take it as it is with --accept",
}


def as_text(report: Report) -> str:
    """A summary; each failure with its place, point, expected and stated value."""
    lines = [
        f"accepted, not known to hold: {failure(finding)}" for finding in report.accepted_findings
    ]
    lines += [failure(finding) for finding in report.failures]
    rows, counts = len(report.table.primitives), _counts(report)
    lines.append(f"{report.table.file}: {rows} rows, {len(report.findings)} findings")
    for outcome in reversed(OUTCOMES):
        names = [f"{f.row.name} ({f.argument})" for f in report.findings if f.outcome == outcome]
        listed = f"  {', '.join(names)}" if outcome not in ("proved", "declared") else ""
        lines.append(f"  {outcome:<10}{counts[outcome]:>4}{listed}".rstrip())
    formulas = [row for row in report.table.primitives if row.kind in FORMULA_KINDS]
    unproved = [
        r for r in formulas if any(f.outcome not in ("proved", "declared") for f in report.of(r))
    ]
    if formulas:
        proved = len(formulas) - len(unproved)
        share = 100 * proved / len(formulas)
        lines.append(f"formulas proved: {proved} of {len(formulas)} rows ({share:.1f} %)")
    lines.append(f"time: {report.seconds:.1f} s")
    return "\n".join(lines)


def failure(finding: Finding) -> str:
    """One failure: a line of where and what, a line of the evidence."""
    argument = f", argument {finding.argument}" if finding.argument else ""
    head = f"{finding.place}: row '{finding.row.name}'{argument}: {finding.detail}"
    if finding.point is None:
        return f"{head}\n  {_HINTS[finding.outcome]}"
    if not (finding.expected or finding.stated):
        return f"{head}\n  at {finding.where}"
    return f"{head}\n  at {finding.where}: expected {finding.expected}, stated {finding.stated}"


def as_json(report: Report) -> str:
    """An object with `table`, `seconds`, `counts` and the list `findings`."""
    content = {
        "table": report.table.file,
        "rows": len(report.table.primitives),
        "seconds": round(report.seconds, 3),
        "counts": dict(_counts(report)),
        "findings": [_finding_data(finding) for finding in report.findings],
    }
    return json.dumps(content, indent=2)


def as_junit(report: Report) -> str:
    """One test case per finding; JUnit's counts are of findings."""
    suite = ElementTree.Element(
        "testsuite",
        name="faustdiff check",
        tests=str(len(report.findings)),
        failures=str(len(report.failures)),
        errors="0",
        time=f"{report.seconds:.3f}",
    )
    failing = {id(finding) for finding in report.failures}
    for finding in report.findings:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{finding.row.section}.{finding.row.name}",
            name=f"{finding.row.name} {finding.argument}".strip(),
            file=finding.place.file,
            line=str(finding.place.line),
        )
        if id(finding) in failing:
            problem = ElementTree.SubElement(case, "failure", message=finding.detail)
            problem.text = failure(finding)
        else:
            ElementTree.SubElement(case, "system-out").text = f"{finding.outcome}: {finding.detail}"
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, "unicode")


def as_github(report: Report) -> str:
    """A workflow command for each failure, which GitHub shows at its line; then a summary."""
    lines = []
    for finding in report.failures:
        what = failure(finding).partition(": ")[2]
        file = _escape(finding.place.file).replace(":", "%3A").replace(",", "%2C")
        place = f"file={file},line={finding.place.line},col={finding.place.column}"
        lines.append(f"::error {place},title=faustdiff::{_escape(what)}")
    rows, failures = len(report.table.primitives), len(report.failures)
    lines.append(f"{rows} rows, {len(report.findings)} findings, {failures} failed")
    return "\n".join(lines)


def _escape(text: str) -> str:
    """Text as the workflow commands of GitHub want it, on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _counts(report: Report) -> Counter[str]:
    counted = Counter(finding.outcome for finding in report.findings)
    return Counter({outcome: counted[outcome] for outcome in reversed(OUTCOMES)})


def _finding_data(finding: Finding) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "primitive": finding.row.name,
        "faust": finding.row.faust,
        "kind": finding.row.kind,
        "argument": finding.argument,
        "outcome": finding.outcome,
        "detail": finding.detail,
        "file": finding.place.file,
        "line": finding.place.line,
        "pieces": finding.pieces,
    }
    if finding.point is not None:
        entry |= {
            "point": dict(finding.point),
            "expected": finding.expected,
            "stated": finding.stated,
        }
    return entry
