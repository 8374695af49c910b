"""A YAML file becomes a tree of nodes that know their place.

Stricter than YAML: no anchors or aliases, no tags, no duplicate keys, one document, UTF-8, of a
bounded size. Scalars stay text; what they mean is for `fields` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, Place, Problem

#: Room for some 20,000 rows of average length.
MAX_BYTES = 10_000_000
MAX_DEPTH = 20
#: The reader in C where PyYAML has it: ten times as fast.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlNode:
    """A piece of the file: text, a list of nodes or a mapping to nodes, and where it stands.

    `keys` holds the place of every key of a mapping. `word` is true for plain scalars that YAML
    takes for something else than text or a number (`no`, `on`, `null`, a date).
    """

    value: str | tuple[YamlNode, ...] | dict[str, YamlNode]
    place: Place
    keys: dict[str, Place]
    word: bool = False


def load_tree(path: Path) -> YamlNode:
    """The tree of the file at `path`; raises `InputError` with every problem that was found."""
    name = display_path(path)
    return parse_yaml(decode(read_bytes(path, name), name), name)


def read_bytes(path: Path, name: str) -> bytes:
    """What is in the file at `path`, called `name` in messages; no more than is ever used."""
    try:
        with path.open("rb") as stream:
            # No more than that is ever read, whatever the size of the file is said to be.
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refusal(
            Place(name), f"cannot be read: {error.strerror}", "name an existing, readable file"
        ) from None


def decode(content: bytes, name: str) -> str:
    """The text of a file; `InputError` if it is too long or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise _refusal(
            Place(name),
            f"the file has more than {MAX_BYTES} bytes",
            "a table is smaller than that; is this the right file?",
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _refusal(
            Place(name, line, 1), f"is not UTF-8 (byte {error.start})", "save the file as UTF-8"
        ) from None


def display_path(path: Path) -> str:
    """The path as the user would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def parse_yaml(text: str, name: str) -> YamlNode:
    """The tree of the YAML document `text`; `name` is the file's name in messages."""
    try:
        root = _root(text, name)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        if isinstance(error, yaml.reader.ReaderError):
            place = Place(name, text[: error.position].count("\n") + 1, 1)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
        raise _refusal(
            place, f"is not valid YAML: {what}", "quote text that has : # * & @ or { in it"
        ) from None
    if root is None:
        raise _refusal(Place(name), "the file is empty", "a table starts with 'primitives:'")
    return root


def _root(text: str, name: str) -> YamlNode | None:
    """The node of the whole document; what is wrong is said by the same reader everywhere."""
    try:
        return _YamlReader(name, Loader).read(text)
    except yaml.YAMLError:
        return _YamlReader(name, yaml.SafeLoader).read(text)


def _refusal(place: Place, what: str, hint: str) -> InputError:
    return InputError([Problem(place, what, hint)])


class _YamlReader:
    """Composes nodes and collects what the strict dialect does not allow."""

    def __init__(self, name: str, loader: Any) -> None:
        self.name = name
        self.loader = loader
        self.problems: list[Problem] = []

    def read(self, text: str) -> YamlNode | None:
        # The events are looked at first: an alias must be refused before anything is expanded.
        depth = 0
        for event in yaml.parse(text, Loader=self.loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _refusal(
                    self._place(event.start_mark),
                    f"is nested more than {MAX_DEPTH} deep",
                    "a table is a list of rows; is this the right file?",
                )
            tag = getattr(event, "tag", None)
            if tag:
                raise _refusal(
                    self._place(event.start_mark),
                    f"tags ({tag}) are not allowed",
                    "write the value alone; quote text that starts with !",
                )
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _refusal(
                    self._place(event.start_mark),
                    "anchors and aliases (& and *) are not allowed",
                    "write the value out; quote text that starts with & or *",
                )
        composed = yaml.compose(text, Loader=self.loader)
        root = None if composed is None else self._node(composed)
        if self.problems:
            raise InputError(self.problems)
        return root

    def _place(self, mark: Any) -> Place:
        if mark is None:
            return Place(self.name)
        return Place(self.name, mark.line + 1, mark.column + 1)

    def _node(self, node: yaml.Node) -> YamlNode:
        place = self._place(node.start_mark)
        kind = node.tag.rsplit(":", 1)[-1]
        if isinstance(node, yaml.ScalarNode):
            return YamlNode(node.value, place, {}, word=kind not in ("str", "int", "float"))
        if isinstance(node, yaml.SequenceNode):
            return YamlNode(tuple(self._node(item) for item in node.value), place, {})
        items: dict[str, YamlNode] = {}
        keys: dict[str, Place] = {}
        for key, value in node.value:
            at = self._place(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(at, "a key is not text", "use plain words as keys"))
                continue
            if key.value in items:
                self.problems.append(
                    Problem(
                        at,
                        f"duplicate key '{key.value}', first at line {keys[key.value].line}",
                        "keep one of the two",
                    )
                )
                continue
            items[key.value] = self._node(value)
            keys[key.value] = at
        return YamlNode(items, place, keys)
