"""Controls and sliders by name: what a user, a file or another program calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Labelled(Protocol):
    """What has a label, and a path as compiled programs spell it."""

    @property
    def label(self) -> str: ...

    @property
    def path(self) -> str: ...


def places_of(name: str, controls: Sequence[Labelled]) -> list[int]:
    """The indices of the controls that `name` means: one, none, or several if it is ambiguous.

    It is a label or a path, else the end of a path. Else it is a path of the same program under
    another name, which is the first part of a path unless one group is around everything. The
    descriptions in JSON of 2.54.9 leave a `/` in a label as it is, which is `_` in a path; those of
    faustwasm have `-` for an apostrophe.
    """
    ways: tuple[Callable[[Labelled], bool], ...] = (
        lambda one: name in (one.label, one.path),
        lambda one: ends_in(one.path, name),
        lambda one: name.startswith("/") and _below_top(one.path) == _below_top(name),
        lambda one: name.startswith("/") and ends_in(name, one.path),
        lambda one: name.startswith("/") and _join(name) == _join(one.path),
    )
    for means in ways:
        places = [index for index, one in enumerate(controls) if means(one)]
        if places:
            return places
    return []


def ends_in(path: str, name: str) -> bool:
    """Whether a path ends in the steps of `name`."""
    return bool(name.strip("/")) and f"/{path.strip('/')}".endswith(f"/{name.strip('/')}")


def _join(path: str) -> str:
    return path.strip("/").replace("/", "_").replace("'", "-")


def _below_top(path: str) -> str:
    return path.strip("/").partition("/")[2] or path
