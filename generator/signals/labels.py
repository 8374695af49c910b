"""Labels of widgets and groups, read as both compilers read them.

A label holds metadata in brackets, which may be nested; a backslash takes the next character as it
is, and what is not closed is dropped. That of a widget may begin with steps of a path: `/` from the
top, `./` here, `../` up, `h:name/` into a group. What is left empty is called `0x00`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: What Faust calls a widget or a group whose label is empty.
EMPTY = "0x00"
#: What it calls a widget whose label is a path that ends in no name.
NAMELESS = "cons"

_GROUPS = {"h": "hgroup", "t": "tgroup"}


@dataclass(frozen=True)
class Label:
    """A label without its metadata, and that metadata by key."""

    text: str
    metadata: dict[str, str]


def read_label(label: str) -> Label:
    """The text that Faust shows for a label, and its metadata: {"unit": "dB"} of "[unit:dB]"."""
    text, key, value = "", "", ""
    metadata: dict[str, str] = {}
    depth, valued = 0, False
    characters = iter(label)
    for character in characters:
        taken = character
        if character == "\\":
            taken = next(characters, "")
        elif character == "[":
            depth += 1
            if depth == 1:
                continue
        elif character == "]" and depth:
            depth -= 1
            if not depth:
                metadata[_trim(key)] = _trim(value)
                key, value, valued = "", "", False
                continue
        elif character == ":" and depth == 1 and not valued:
            valued = True
            continue
        if not depth:
            text += taken
        elif valued:
            value += taken
        else:
            key += taken
    return Label(_trim(text) or EMPTY, metadata)


def label_of(text: str) -> str:
    """A label that Faust shows as `text`, which has no blanks around it.

    Brackets would be metadata, and a letter behind `%` the name of a variable.
    """
    return re.sub(r"[][\\]|(?<=%)[\w{]", r"\\\g<0>", text)


def place_of(groups: Sequence[tuple[str, str]], label: str) -> tuple[list[tuple[str, str]], str]:
    """The groups around a widget after the steps of its label, and what is left of the label.

    `groups` are kind and label, the outermost first.
    """
    around = list(groups)
    while True:
        if label.startswith("/"):
            around, label = [], label[1:]
        elif label.startswith("./"):
            label = label[2:]
        elif label.startswith("../"):
            around, label = around[:-1], label[3:]
        elif label[1:2] == ":":
            name, _, rest = label[2:].partition("/")
            around.append((_GROUPS.get(label[0].lower(), "vgroup"), name))
            label = rest
        else:
            break
    if label in (".", ".."):
        return around[: -len(label)], NAMELESS
    return around, label


def path_of(groups: Sequence[tuple[str, str]], label: str) -> list[str]:
    """The texts of the groups around a widget and of the widget, as in its path."""
    around, own = place_of(groups, label)
    return [read_label(one).text for one in (*(name for _, name in around), own)]


def _trim(text: str) -> str:
    return text.strip(" \t")
