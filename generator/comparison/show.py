"""A comparison as text for people, JSON for programs and Markdown for a changelog."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from .changes import KINDS, Change, Comparison, Detail, Kind

COLOURS: Mapping[Kind, str] = {
    "removed": "red",
    "added": "green",
    "renamed": "cyan",
    "changed": "bold red",
    "guard": "yellow",
    "verdict": "magenta",
    "equal": "green",
    "documentation": "dim",
}

SUBJECT = {"table": "rows", "library": "functions"}


def print_changes(comparison: Comparison, console: Console) -> None:
    """Prints the changes by kind, the gravest first; in colour where the console has it."""

    def line(content: str | Text) -> None:
        console.print(content, soft_wrap=True, highlight=False, markup=False)

    line(f"{comparison.old} -> {comparison.new}")
    for kind, changes in _by_kind(comparison):
        line("")
        line(Text(f"{KINDS[kind].title} ({len(changes)})", style=COLOURS[kind]))
        for change in changes:
            head = Text(f"  {change.primitive}", style="bold")
            head.append(f"  {change.summary}", style="not bold")
            place = change.new_place or change.old_place
            if place is not None:
                head.append(f"  [{place}]", style="not bold dim")
            line(head)
            for detail in change.details:
                for sign, colour, stated in _lines(detail):
                    line(Text(f"    {sign} {stated}", style=colour))
    line("")
    for note in _notes(comparison):
        line(note)
    line(f"time: {comparison.seconds:.1f} s")


def as_json(comparison: Comparison) -> str:
    """An object with `changes`, a list; each entry has `primitive` and `change`."""
    content = {
        "old": comparison.old,
        "new": comparison.new,
        "form": comparison.form,
        "same": not comparison.changes,
        "bump": comparison.bump,
        "version": comparison.version or None,
        "next_version": comparison.next_version or None,
        "numeric": comparison.numeric or None,
        "seconds": round(comparison.seconds, 3),
        "counts": {kind: len(changes) for kind, changes in _by_kind(comparison)},
        "changes": [_entry(change) for change in comparison.changes],
    }
    return json.dumps(content, indent=2)


def as_markdown(comparison: Comparison) -> str:
    """A section for a changelog or a pull request."""
    lines = [f"### Changes from `{comparison.old}` to `{comparison.new}`"]
    for kind, changes in _by_kind(comparison):
        lines += ["", f"**{KINDS[kind].title.capitalize()}**", ""]
        for change in changes:
            lines.append(f"- `{change.primitive}`: {_escape(change.summary)}")
            if kind in ("documentation", "added", "removed"):
                continue
            lines += [
                f"    - {detail.field}: {_code(detail.old)} is now {_code(detail.new)}"
                for detail in change.details
            ]
    lines += ["", *(_escape(note) for note in _notes(comparison))]
    return "\n".join(lines)


CHANGE_FORMATS: Mapping[str, Callable[[Comparison], str] | None] = {
    "text": None,
    "json": as_json,
    "markdown": as_markdown,
}


def _by_kind(comparison: Comparison) -> Iterator[tuple[Kind, list[Change]]]:
    for kind in KINDS:
        changes = [change for change in comparison.changes if change.change == kind]
        if changes:
            yield kind, changes


def _lines(detail: Detail) -> Iterator[tuple[str, str, str]]:
    yield "-", "red", f"{detail.field}: {detail.old or 'none'}"
    yield "+", "green", f"{detail.field}: {detail.new or 'none'}"
    if detail.point is not None:
        yield "@", "", f"{detail.where}: {detail.old_value} was, {detail.new_value} is"
    if detail.how:
        yield " ", "dim", detail.how


def _notes(comparison: Comparison) -> Iterator[str]:
    subject = SUBJECT[comparison.form]
    if not comparison.changes:
        yield f"no differences between the {subject}"
    else:
        after = (
            f" ({comparison.version} -> {comparison.next_version})"
            if comparison.next_version
            else ""
        )
        yield f"suggested version bump: {comparison.bump}{after}"
    if comparison.numeric:
        yield comparison.numeric


def _entry(change: Change) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "primitive": change.primitive,
        "change": change.change,
        "bump": change.bump,
        "summary": change.summary,
        "details": [_detail(detail) for detail in change.details],
    }
    for side, place in (("old", change.old_place), ("new", change.new_place)):
        if place is not None:
            entry[side] = {"file": place.file, "line": place.line}
    pointed = next((d for d in change.details if d.point is not None), None)
    if pointed is not None:
        entry |= {
            "point": dict(pointed.point or {}),
            "old_value": pointed.old_value,
            "new_value": pointed.new_value,
        }
    return entry


def _detail(detail: Detail) -> dict[str, Any]:
    entry: dict[str, Any] = {"field": detail.field, "old": detail.old, "new": detail.new}
    if detail.how:
        entry["how"] = detail.how
    if detail.point is not None:
        entry |= {
            "point": dict(detail.point),
            "old_value": detail.old_value,
            "new_value": detail.new_value,
        }
    return entry


def _code(stated: str) -> str:
    fence = "``" if "`" in stated else "`"
    return f"{fence}{stated or 'none'}{fence}"


def _escape(stated: str) -> str:
    return stated.replace("*", r"\*").replace("<", "&lt;").replace("|", r"\|")
