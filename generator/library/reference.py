"""The reference of the derivative rules, in Markdown: one entry for each row."""

from __future__ import annotations

from .row_text import DualText, LibraryRows
from .templates import fill, lines_of


def reference(rows: LibraryRows) -> str:
    """The text of reference.md."""
    sections: list[str] = []
    for section, duals in rows.sections.items():
        sections += ["", f"## {_prose(section)}"]
        sections += [line for dual in duals for line in _entry(dual)]
    return fill("reference.md", rows=[_line(dual) for dual in rows.duals], sections=sections)


def _prose(text: str) -> str:
    """Text of a row for Markdown, in which no element of HTML can start outside of code."""
    parts = text.split("`")
    parts[::2] = [part.replace("&", "&amp;").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def _line(dual: DualText) -> str:
    row = dual.row
    spelling = row.faust.replace("|", "\\|")
    cells = (f"[`{spelling}`](#{row.name})", _prose(row.section), row.kind, dual.verdict)
    return f"| {' | '.join(cells)} |"


def _entry(dual: DualText) -> list[str]:
    return lines_of(
        "reference_entry.md",
        name=dual.row.name,
        faust=dual.row.faust,
        summary=_prose(dual.row.summary),
        formulas=[line for formula in dual.formulas for line in ("", f"$${formula}$$")],
        facts=[f"- {fact}" for fact in _facts(dual)],
    )


def _facts(dual: DualText) -> list[str]:
    row = dual.row
    if dual.form == "unavailable":
        facts = [f"Usage: none; `d.diff({row.faust})` is an error that names the function"]
    else:
        since = f", from compiler version {row.since} on" if row.since else ""
        facts = [f"Usage: `{dual.usage_of_diff}`{since}"]
    if row.aliases:
        facts.append(f"Also spelled: {_codes(row.aliases)}")
    if row.args:
        arguments = ", ".join(f"`{name}` ({row.roles[name]})" for name in row.args)
        facts.append(f"Arguments: {arguments}")
    if dual.form in ("lift", "zero"):
        facts.append(f"Domain: `{row.domain}`" if row.domain else "Domain: everywhere")
    facts += [
        f"Guard for {_codes(guard.args)}: the formula holds where `{guard.when}`; "
        f"elsewhere the partial is `{guard.elsewhere}`. {_prose(guard.reason)}"
        for guard in row.guards
    ]
    if row.tie:
        values = ", ".join(f"`{value}` for `{name}`" for name, value in row.tie.partials.items())
        facts.append(f"Tie at `{row.tie.at}`: {values}. {_prose(row.tie.reason)}")
    facts += [
        f"Differentiated with respect to `{name}`: `{expression}` in place of the value."
        for name, expression in row.surrogates.items()
    ]
    if row.reason:
        facts.append(f"Reason: {_prose(row.reason)}")
    if row.broken:
        facts.append(f"Known problem: {_prose(row.broken)}")
    return [*facts, f"Verdict: **{dual.verdict}**{dual.evidence}"]


def _codes(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{text}`" for text in texts)
