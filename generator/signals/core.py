"""From the text that `faust -e` prints to boxes.

The compiler prints closures in full wherever they are used, so that the text is mostly
repetition. What stands in parentheses is therefore cut out first, innermost first, and each
distinct piece is parsed once, by the grammar `core.lark`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import lark

from .boxes import Box, Boxes, NotUnderstoodError

WIDGETS = {"button": 0, "checkbox": 0, "hslider": 4, "vslider": 4, "nentry": 4}
BARGRAPHS = {"hbargraph": 2, "vbargraph": 2}
GROUPS = ("hgroup", "vgroup", "tgroup")

#: What the arguments of a call look like; every other call is `name(expression)`.
_ARGUMENTS = {
    **dict.fromkeys((*WIDGETS, *BARGRAPHS, "soundfile"), "widget"),
    **dict.fromkeys(GROUPS, "group"),
}

#: A tree of the grammar; its children are trees, or tokens, as the rule says.
Tree = Any

_CUT = re.compile(
    r"""(?P<whole>"[^"]*"
      |ffunction\([^()]*\(?[^()]*\)\s*,\s*(?:<[^>]*>|"[^"]*")\s*,\s*"[^"]*"\)
      |(?:fconstant|fvariable)\([^()]*\)
      |\\\(\w+\)\.(?=\())
    |(?P<open>[A-Za-z]\w*\(|\()
    |(?P<close>\))
    |(?P<rest>[^"()\\A-Za-z]+|[A-Za-z]\w*|.)""",
    re.VERBOSE | re.DOTALL,
)


def argument_types(foreign: str) -> tuple[str, ...]:
    """The types of the arguments of a foreign function, "int" or "float", as its text has them."""
    match = re.match(r"ffunction\([^()]*\(([^()]*)\)", foreign)
    names = match.group(1) if match else ""
    return tuple(one.strip() for one in names.split(",")) if names.strip() else ()


#: How the compilers print the value of a number such as 1e400.
_NOT_FINITE = re.compile(r"(?<![\w.])(inf|nan)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Core:
    """A program as the compiler expands it: its metadata, in order, and its diagram."""

    metadata: tuple[tuple[str, str], ...]
    process: Box


def parse(text: str, arities: Mapping[str, tuple[int, int]]) -> Core:
    """The program in the core language that `text` spells.

    `arities` maps the primitives to their numbers of inputs and outputs. Raises
    `NotUnderstoodError`.
    """
    reader = _CoreReader(Boxes(arities))
    reader.program(text)
    if "process" not in reader.names:
        raise NotUnderstoodError("there is no 'process' in it")
    return Core(tuple(reader.metadata), reader.names["process"])


@cache
def _grammar() -> lark.Lark:
    text = files(__package__).joinpath("core.lark").read_text(encoding="utf-8")
    starts = ["program", *sorted({"expression", *_ARGUMENTS.values()})]
    return lark.Lark(text, parser="lalr", start=starts, maybe_placeholders=False)


class _CoreReader:
    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        self.names: dict[str, Box] = {}
        self.metadata: list[tuple[str, str]] = []
        #: Each piece that was cut out, as what its place in the text says it is.
        self.pieces: list[Tree] = []
        self.numbers: dict[tuple[str, str], int] = {}
        self.read: dict[int, Box] = {}

    def program(self, text: str) -> None:
        for statement in self.parse(self.cut(text), "program").children:
            parts = [str(child) for child in statement.children]
            if statement.data == "declare":
                *keys, value = parts
                self.metadata.append(("_".join(keys), value[1:-1]))
            else:
                self.names[parts[0]] = self.expression(statement.children[1])

    def cut(self, text: str) -> str:
        """The text with every outermost parenthesis replaced by the number of its piece."""
        outer: list[tuple[list[str], str]] = []
        current: list[str] = []
        for match in _CUT.finditer(text):
            match match.lastgroup:
                case "open":
                    outer.append((current, match.group()[:-1]))
                    current = []
                case "close":
                    if not outer:
                        raise NotUnderstoodError("')' without '('")
                    inner = "".join(current)
                    current, name = outer.pop()
                    number = self.piece(inner, _ARGUMENTS.get(name, "expression"))
                    current.append(f"{name} ${number} ")
                case _:
                    current.append(match.group())
        if outer:
            raise NotUnderstoodError("'(' without ')'")
        return "".join(current)

    def piece(self, text: str, start: str) -> int:
        number = self.numbers.setdefault((text, start), len(self.pieces))
        if number == len(self.pieces):
            self.pieces.append(self.parse(text, start))
        return number

    def parse(self, text: str, start: str) -> Tree:
        try:
            return _grammar().parse(text, start=start)
        except lark.exceptions.UnexpectedInput as error:
            around = " ".join(error.get_context(text, 60).split("^")[0].split())
            what = "a number that is not finite, in " if _NOT_FINITE.search(around) else ""
            raise NotUnderstoodError(f"{what}'{around}'") from None

    def expression(self, tree: Tree) -> Box:
        operator, result = "", None
        for child in tree.children:
            if isinstance(child, lark.Token):
                operator = str(child)
                continue
            box = self.boxes.parallel([self.recursion(part) for part in child.children])
            result = self.boxes.chain(operator, result, box) if result else box
        assert result is not None
        return result

    def recursion(self, tree: Tree) -> Box:
        return self.boxes.recursion([self.atom(part) for part in tree.children])

    def atom(self, tree: Tree) -> Box:
        first, *others = map(str, tree.children)
        match tree.data:
            case "number":
                return self.boxes.number(first.removesuffix("f"))
            case "name":
                return self.name(first)
            case "operator":
                return self.boxes.primitive(first)
            case "waveform":
                return self.boxes.waveform(first)
            case "foreign":
                return self.foreign(first)
            case "piece":
                return self.inside(first)
            case "closure":
                return self.boxes.closure(first[2:-2], self.inside(others[0]))
        return self.call(first, int(others[0][1:]))

    def name(self, name: str) -> Box:
        if name in self.names:
            return self.names[name]
        # Closures have arguments that the compiler names x1, x2, ...
        return self.boxes.slot(name) if re.fullmatch(r"x\d+", name) else self.boxes.primitive(name)

    def foreign(self, text: str) -> Box:
        kind = text.split("(")[0]
        if kind != "ffunction":
            return self.boxes.foreign(kind, text, 0)
        return self.boxes.foreign(kind, text, len(argument_types(text)))

    def inside(self, piece: str) -> Box:
        number = int(piece[1:])
        if number not in self.read:
            self.read[number] = self.expression(self.pieces[number])
        return self.read[number]

    def call(self, name: str, number: int) -> Box:
        tree = self.pieces[number]
        if name in GROUPS:
            label, body = tree.children
            return self.boxes.group(name, str(label)[1:-1], self.expression(body))
        if name == "route":
            return self.boxes.route([_integer(part) for part in _flat(self.expression(tree))])
        arguments = [str(child) for child in tree.children]
        label, numbers = arguments[0][1:-1], arguments[1:]
        if name == "soundfile" and len(numbers) == 1:
            return self.boxes.soundfile(label, numbers[0])
        if WIDGETS.get(name) == len(numbers):
            return self.boxes.widget(name, label, numbers)
        if BARGRAPHS.get(name) == len(numbers):
            return self.boxes.bargraph(name, label, numbers)
        raise NotUnderstoodError(f"'{name}(...)'")


def _flat(box: Box) -> list[Box]:
    if box.kind != "parallel":
        return [box]
    return [leaf for part in box.parts for leaf in _flat(part)]


def _integer(box: Box) -> int:
    if box.kind != "number":
        raise NotUnderstoodError(f"a route with '{box.kind}' in its list")
    return int(float(box.data[0]))
