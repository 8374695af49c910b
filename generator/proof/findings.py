"""What is known of a rule, as data: findings on its arguments, and a report on a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

from ..table.model import Primitive, Table

Outcome = Literal["proved", "confirmed", "declared", "unknown", "refuted"]

#: What each word means, from the weakest verdict to the strongest.
OUTCOMES: dict[Outcome, str] = {
    "refuted": "at a point, the rule is not the derivative, or not finite where the value is",
    "unknown": "not decided: a piece was neither found nor excluded, or the time was over",
    "confirmed": "at points of every piece of the domain the residual is 0 to 150 digits",
    "proved": "SymPy reduces the residual to a literal 0 on every piece of the domain",
    "declared": "0 between jumps, an approximation that has a name, or no derivative",
}


@dataclass(frozen=True)
class Finding:
    """The verdict on one argument of a row; where it does not hold, the point and what was found.

    `pieces` counts the pieces of the domain that were looked at, each by itself.
    """

    row: Primitive
    argument: str
    outcome: Outcome
    detail: str
    point: Mapping[str, float] | None = None
    expected: str = ""
    stated: str = ""
    pieces: int = 0

    @property
    def place(self) -> Any:
        """Where the partial stands in the table."""
        return self.row.place_of(f"partials.{self.argument}")

    @property
    def fails(self) -> bool:
        """Whether the rule cannot be relied on."""
        return self.outcome in ("refuted", "unknown")

    @property
    def where(self) -> str:
        """The point as text, `x=2, y=0.5`, with as many digits as it takes."""
        return ", ".join(
            f"{name}={_number_text(value)}" for name, value in (self.point or {}).items()
        )

    def without_row(self) -> dict[str, Any]:
        """All fields but the row, as plain data."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "row"}
        return {**plain, "point": None if self.point is None else dict(self.point)}


def _number_text(value: float) -> str:
    short = f"{value:.9g}"
    return short if float(short) == value else repr(float(value))


@dataclass(frozen=True)
class Report:
    """All findings on a table, in its order, and the time they took in seconds.

    `accepted` are names of rows that the user takes as they are although nothing is known.
    """

    table: Table
    findings: tuple[Finding, ...]
    seconds: float
    accepted: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def failures(self) -> tuple[Finding, ...]:
        """What is refuted, and what is unknown and was not accepted."""
        return tuple(f for f in self.findings if f.fails and not self._is_accepted(f))

    def _is_accepted(self, finding: Finding) -> bool:
        return finding.outcome == "unknown" and finding.row.name in self.accepted

    @cached_property
    def accepted_findings(self) -> tuple[Finding, ...]:
        """What is unknown, and accepted all the same."""
        return tuple(f for f in self.findings if self._is_accepted(f))

    @cached_property
    def _by_row(self) -> Mapping[str, tuple[Finding, ...]]:
        by_row: dict[str, list[Finding]] = {}
        for finding in self.findings:
            by_row.setdefault(finding.row.name, []).append(finding)
        return {name: tuple(findings) for name, findings in by_row.items()}

    def of(self, row: Primitive) -> tuple[Finding, ...]:
        """The findings on one row."""
        return self._by_row.get(row.name, ())

    def verdict(self, row: Primitive) -> Outcome:
        """The weakest outcome among the differentiated arguments of a row, if there are any."""
        outcomes = {finding.outcome for finding in self.of(row)}
        return next(outcome for outcome in OUTCOMES if outcome in outcomes)


@dataclass(frozen=True)
class CheckedTable(Report):
    """A report without failures: the only thing that a library is rendered from."""

    def __post_init__(self) -> None:
        if self.failures:
            raise ValueError(f"{len(self.failures)} rules do not hold")
