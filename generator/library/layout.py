"""Long lines of a Faust file, broken where the language and its documentation allow.

Faust takes a line break for a space, so that a definition may be broken at any operator, also in
an example. Prose is filled again by paragraphs, and a formula goes on in the next line, between its
marks. Only the usage of a function is left as it is: one line for the tools that read it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

LINE_WIDTH = 100

_TOKEN = re.compile(r'"[^"]*"|//.*|=>|<:|:>|[=!<>]=|[()\[\]{}]|[,;]|[:~=+](?= )|.')
_COMMENT = re.compile(r"(?P<indent> *// )(?P<mark>\* )?(?P<text> *\S.*)")
#: Lines of a comment that are no prose: headings, formulas, tables, rules and deeper code.
_NO_PROSE = re.compile(r" *//( *$| {2,}| *[#$|<]|[-=#])")
_FENCE = re.compile(r" *// ```")
_FORMULA = "// $$"
#: Signs that begin no line, where Markdown would take some of them for a list or a quotation.
_OPERATORS = frozenset("+-*/=<>&")


def fit_lines(text: str, width: int = LINE_WIDTH) -> str:
    """The same program, in lines of `width` characters where that can be."""
    lines: list[str] = []
    for kind, part in _parts(text.split("\n")):
        if all(len(line) <= width for line in part):
            lines += part
        elif kind == "prose":
            lines += _fill(part, width)
        elif kind == "example":
            lines += [f"// {line}" for line in _break_line(part[0].removeprefix("// "), width - 3)]
        elif kind == "formula":
            lines += _break_formula(part, width)
        elif kind == "code":
            lines += _break_line(part[0], width)
        else:
            lines += part
    return "\n".join(lines)


Kind = Literal["prose", "example", "code", "formula", "fixed"]


def _parts(lines: list[str]) -> Iterator[tuple[Kind, list[str]]]:
    """The lines that are filled together, a paragraph or a formula; any other line is alone."""
    prose: list[str] = []
    formula: list[str] = []
    indent, in_fence, heading = "", False, ""
    for line in lines:
        if formula or line.startswith(_FORMULA):
            if prose:
                yield "prose", prose
                prose = []
            formula.append(line)
            if line.endswith("$$") and formula != [_FORMULA]:
                yield "formula", formula
                formula = []
            continue
        is_fence = bool(_FENCE.match(line))
        in_fence ^= is_fence
        if line.startswith("// ####"):
            heading = line
        kind = _kind(line, in_fence and heading != "// #### Usage", in_fence or is_fence, prose)
        match = _COMMENT.fullmatch(line) if kind == "prose" else None
        if prose and (match is None or match["mark"] or match["indent"] != indent):
            yield "prose", prose
            prose = []
        if match is None:
            yield kind, [line]
        else:
            indent = match["indent"]
            prose.append(line)
    if prose:
        yield "prose", prose


def _kind(line: str, is_example: bool, is_fenced: bool, prose: list[str]) -> Kind:
    """What a line is; `prose` is what stands before it."""
    if not line.lstrip().startswith("//"):
        return "code"
    if is_fenced:
        return "example" if is_example else "fixed"
    if _NO_PROSE.match(line) and not (prose and _continues(prose, line)):
        return "fixed"
    return "prose" if _COMMENT.fullmatch(line) else "fixed"


def _continues(prose: list[str], line: str) -> bool:
    """Whether an indented line goes on with a point of a list."""
    first = _COMMENT.fullmatch(prose[0])
    return bool(first and first["mark"] and line.startswith(first["indent"] + "  "))


def _fill(lines: list[str], width: int) -> list[str]:
    first = _COMMENT.fullmatch(lines[0])
    assert first is not None
    start = first["indent"] + (first["mark"] or "")
    rest = first["indent"] + " " * len(first["mark"] or "")
    words = " ".join(line.lstrip().removeprefix("//").strip() for line in lines)
    words = words.removeprefix("* ") if first["mark"] else words
    return textwrap.wrap(
        words,
        width,
        initial_indent=start,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _break_formula(lines: list[str], width: int) -> list[str]:
    """A formula as lines of a comment, each ended at a space, with its operator.

    A term that is longer than a line is broken behind its brackets, where a space means nothing.
    """
    terms: list[str] = []
    for word in " ".join(line.removeprefix("// ") for line in lines).split(" "):
        if word in _OPERATORS and terms:
            terms[-1] += f" {word}"
        elif len(word) > width - 8:
            terms += re.split(r"(?<=\\left\()(?=\\)", word)
        else:
            terms.append(word)
    broken, last = [], "//"
    for term in terms:
        if len(last) + 1 + len(term) > width and last != "//":
            broken.append(last)
            last = "//"
        last += f" {term}"
    return [*broken, last]


@dataclass(frozen=True)
class _Break:
    """A place where a line may end, how many brackets are open there, and how well it is chosen."""

    place: int
    depth: int
    rank: int


def _break_line(line: str, width: int) -> list[str]:
    """A line of code as several, each ended at a place with as few open brackets as possible."""
    indent = " " * (len(line) - len(line.lstrip()))
    code, comment = _without_comment(line)
    lines = [f"{indent}{comment}"] if comment else []
    rest, lead, depth = code.strip(), indent, 0
    while len(lead) + len(rest) > width:
        places = [one for one in _breaks(rest, depth) if len(lead) < one.place <= width - len(lead)]
        if not places:
            break
        least = min((one.depth, one.rank) for one in places)
        end = max((one for one in places if (one.depth, one.rank) == least), key=_place)
        lines.append(f"{lead}{rest[: end.place].rstrip()}")
        rest, depth = rest[end.place :].lstrip(), end.depth
        lead = indent + "    " * (1 + min(depth, 2))
    return [*lines, f"{lead}{rest}"] if rest else lines


def _place(one: _Break) -> int:
    return one.place


def _without_comment(line: str) -> tuple[str, str]:
    """The code of a line, and the comment at its end."""
    for token in _TOKEN.finditer(line):
        if token[0].startswith("//"):
            return line[: token.start()], token[0]
    return line, ""


def _breaks(code: str, depth: int) -> Iterator[_Break]:
    """Where code may be broken that begins with `depth` open brackets."""
    for token in _TOKEN.finditer(code):
        match token[0]:
            case "(" | "[" | "{":
                depth += 1
            case ")" | "]" | "}":
                depth -= 1
            case ";" | "=>":
                yield _Break(token.end(), depth, 0)
            case "=":
                yield _Break(token.end(), depth, 3 if depth else 0)
            case ":" | "~" | "<:" | ":>":
                yield _Break(token.start(), depth, 1)
            case ",":
                yield _Break(token.end(), depth, 2)
            case "+":
                yield _Break(token.start(), depth, 4)
