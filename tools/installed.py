"""What of this project's requirements is installed: names, versions, and what they need in turn."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def requirements(*extras: str) -> list[Requirement]:
    """What the project asks for, with the extras; those that name the project itself are opened."""
    texts = list(PROJECT["dependencies"])
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    found = []
    for text in texts:
        one = Requirement(text)
        if canonical(one.name) == PROJECT["name"]:
            found += requirements(*one.extras)[len(PROJECT["dependencies"]) :]
        else:
            found.append(one)
    return found


def closure(wanted: Sequence[Requirement]) -> dict[str, Distribution]:
    """The installed distributions that are needed, by name; what is not installed is left out."""
    found: dict[str, Distribution] = {}
    todo = list(wanted)
    while todo:
        one = todo.pop()
        name = canonical(one.name)
        if name in found or not _applies(one, ""):
            continue
        try:
            found[name] = distribution(one.name)
        except PackageNotFoundError:
            continue
        todo += _needed(found[name], one.extras)
    return dict(sorted(found.items()))


def canonical(name: str) -> str:
    """The name of a distribution as registries spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(one: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in one.requires or []:
        needed = Requirement(text)
        if any(_applies(needed, extra) for extra in {"", *extras}):
            needed.marker = None
            yield needed


def _applies(one: Requirement, extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})
