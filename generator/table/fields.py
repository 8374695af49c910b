"""Reading the fields of a table: nodes of the file become text, numbers and expressions."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from ..errors import Place, Problem, nearest
from .expressions import Expression, ExpressionError, is_condition, parse
from .loading import YamlNode

T = TypeVar("T")

#: Numbers of a table are 0, or of a size between these: that of single precision.
LEAST, GREATEST = 1e-45, 3e38


def visible_text(text: str) -> str:
    """A text in which every character can be seen."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def invisible(text: str) -> str:
    """What is said of the first character of a text that cannot be seen; nothing if all can."""
    hidden = next((c for c in text if not c.isprintable()), "")
    name = unicodedata.name(hidden, "a control character").lower() if hidden else ""
    return f": it holds an invisible character, U+{ord(hidden):04X} ({name})" if hidden else ""


class FieldReader:
    """Reads fields and collects problems; a field with a problem reads as empty."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.row = ""

    def problem(self, node: YamlNode | Place, field: str, what: str, hint: str) -> None:
        place = node.place if isinstance(node, YamlNode) else node
        self.problems.append(Problem(place, what, hint, self.row, field))

    def mapping(self, node: YamlNode, field: str) -> dict[str, YamlNode]:
        if isinstance(node.value, dict):
            return node.value
        self.problem(node, field, "is not a mapping", "write it as 'key: value' lines")
        return {}

    def items(self, node: YamlNode | None, field: str) -> tuple[YamlNode, ...]:
        if node is None:
            return ()
        if isinstance(node.value, tuple):
            return node.value
        self.problem(node, field, "is not a list", "write it as '- item' lines, or [a, b]")
        return ()

    def keys(
        self, node: YamlNode, field: str, required: Iterable[str], optional: Iterable[str]
    ) -> dict[str, YamlNode]:
        entries = self.mapping(node, field)
        required, known = tuple(required), {*required, *optional}
        for key, place in node.keys.items():
            if key not in known:
                hint = nearest(key, known, f"known keys: {', '.join(sorted(known)) or 'none'}")
                self.problem(place, field, f"unknown key '{key}'", hint)
        for key in required:
            if key not in entries and isinstance(node.value, dict):
                self.problem(node, field, f"the key '{key}' is missing", f"add '{key}: ...'")
        return {key: value for key, value in entries.items() if key in known}

    def text(self, node: YamlNode | None, field: str) -> str:
        if node is None:
            return ""
        if not isinstance(node.value, str):
            self.problem(node, field, "is not text", "write one value, in quotes if it has : or #")
            return ""
        if node.word:
            what = f"'{node.value}' means something else in YAML"
            self.problem(node, field, what, f'write "{node.value}" in quotes')
            return ""
        text = " ".join(node.value.split())
        if not text:
            self.problem(node, field, "is empty", "write a value")
        return text

    def matching(
        self, node: YamlNode | None, field: str, pattern: re.Pattern[str], hint: str
    ) -> str:
        text = self.text(node, field)
        raw = str(node.value).strip(" \n") if node is not None and text else ""
        if text and node is not None and not pattern.fullmatch(raw):
            self.problem(
                node, field, f"'{visible_text(raw)}' is not valid here{invisible(raw)}", hint
            )
            return ""
        return text

    def choice(self, node: YamlNode | None, field: str, known: Mapping[T, str], default: T) -> T:
        text = self.text(node, field)
        for option in known:
            if option == text:
                return option
        if node is not None and text:
            hint = nearest(text, map(str, known), f"one of: {', '.join(map(str, known))}")
            self.problem(node, field, f"'{text}' is not known", hint)
        return default

    def flag(self, node: YamlNode | None, field: str) -> bool:
        if node is not None and node.value not in ("true", "false"):
            self.problem(node, field, "is neither true nor false", "write true or false")
        return node is not None and node.value == "true"

    def number(self, node: YamlNode, field: str) -> float:
        text = self.text(node, field) or "0"
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not (number == 0 or LEAST <= abs(number) <= GREATEST):
            hint = "write a number that single precision holds"
            self.problem(node, field, f"'{text}' is not a number", hint)
            return 0.0
        return number

    def expression(
        self, node: YamlNode | None, field: str, scope: Sequence[str]
    ) -> Expression | None:
        text = self.text(node, field)
        if node is None or not text:
            return None
        try:
            return parse(text, scope)
        except ExpressionError as error:
            self.problem(node, field, error.what, error.hint)
            return None

    def condition(
        self, node: YamlNode | None, field: str, scope: Sequence[str]
    ) -> Expression | None:
        expression = self.expression(node, field, scope)
        if expression is None or is_condition(expression.tree):
            return expression
        if node is not None:
            hint = "compare it, as in 'x > 0'"
            self.problem(node, field, f"'{expression}' is not a condition", hint)
        return None

    def expressions(
        self, node: YamlNode | None, field: str, args: Sequence[str], scope: Sequence[str]
    ) -> dict[str, Expression]:
        if node is None:
            return {}
        expressions = {
            name: self.expression(item, f"{field}.{name}", scope)
            for name, item in self.keys(node, field, (), args).items()
        }
        return {
            name: expression for name, expression in expressions.items() if expression is not None
        }

    def point(self, node: YamlNode, field: str, args: Sequence[str]) -> dict[str, float]:
        entries = self.keys(node, field, args, ())
        return {name: self.number(value, field) for name, value in entries.items()}
