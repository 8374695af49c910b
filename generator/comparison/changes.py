"""What a comparison finds, as data: changes, what they mean for users, and the next version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import Place
from .sources import Form

Kind = Literal[
    "added", "removed", "renamed", "documentation", "equal", "changed", "guard", "verdict"
]

#: What semantic versioning asks for, from least to most.
BUMPS = ("none", "patch", "minor", "major")
Bump = Literal["none", "patch", "minor", "major"]


@dataclass(frozen=True)
class KindDescription:
    """What a kind of change is called and means, and the bumps it can ask for, each with when."""

    title: str
    text: str
    bumps: Mapping[Bump, str]


#: From the gravest to the least.
KINDS: Mapping[Kind, KindDescription] = {
    "removed": KindDescription("removed", "the name is gone", {"major": ""}),
    "added": KindDescription("added", "a new name", {"minor": ""}),
    "renamed": KindDescription(
        "renamed",
        "another name, or another spelling in Faust",
        {"major": "", "minor": "if all spellings of before are kept"},
    ),
    "changed": KindDescription(
        "changed",
        "other numbers, with a point and both values; another box or other arguments; "
        "or a form that SymPy cannot prove equal, which is said",
        {
            "major": "",
            "minor": "for a function of a library whose parameters and members are kept",
            "patch": "for a rule that failed the check, and holds now",
        },
    ),
    "guard": KindDescription(
        "guard or tie changed",
        "the rule differs only where a guard or a tie decides",
        {"minor": ""},
    ),
    "verdict": KindDescription(
        "verdict or evidence changed",
        "the same rule, but the check says something else of it, or looks at other points",
        {"patch": "", "major": "if the check fails now"},
    ),
    "equal": KindDescription(
        "rewritten, but equal",
        "written in another way, and proved equal by SymPy; in a library, parameters renamed",
        {"patch": ""},
    ),
    "documentation": KindDescription(
        "documentation only", "texts, but nothing that is computed", {"patch": ""}
    ),
}


@dataclass(frozen=True)
class Detail:
    """One field that differs: its two texts, and how their meaning was compared.

    `point` is where old and new differ, with `old_value` and `new_value`; None if there is no such
    point, or none was found: `how` says which.
    """

    field: str
    old: str
    new: str
    how: str = ""
    point: Mapping[str, float] | None = None
    old_value: str = ""
    new_value: str = ""

    @property
    def where(self) -> str:
        """The point as text, `x=2, y=0.5`."""
        return ", ".join(f"{name}={value:.9g}" for name, value in (self.point or {}).items())


@dataclass(frozen=True)
class Change:
    """One kind of change to one row of a table, or to one public function of a library."""

    primitive: str
    change: Kind
    summary: str
    bump: Bump
    details: tuple[Detail, ...] = ()
    old_place: Place | None = None
    new_place: Place | None = None

    def __post_init__(self) -> None:
        if self.bump not in KINDS[self.change].bumps:
            raise ValueError(f"{self.change} never asks for {self.bump}, by KINDS")


@dataclass(frozen=True)
class Comparison:
    """All changes between two sources; `numeric` tells what compiling both has shown, if asked."""

    old: str
    new: str
    form: Form
    changes: tuple[Change, ...]
    seconds: float
    version: str = ""
    numeric: str = ""

    @property
    def bump(self) -> Bump:
        """The greatest bump that a change asks for."""
        return max((change.bump for change in self.changes), key=BUMPS.index, default="none")

    @property
    def next_version(self) -> str:
        """The version after the old one, if that is known; before 1.0, major counts as minor."""
        parts = self.version.split(".")
        if len(parts) != 3 or not all(part.isdecimal() for part in parts) or self.bump == "none":
            return ""
        major, minor, patch = map(int, parts)
        if self.bump == "patch":
            return f"{major}.{minor}.{patch + 1}"
        if self.bump == "minor" or not major:
            return f"{major}.{minor + 1}.0"
        return f"{major + 1}.0.0"
