"""Counts the arithmetic in the C++ that a Faust compiler writes for one sample.

What counts, one each, in the body of `compute`: `+ - * /` and `%` between two operands,
comparisons, choices (`? :`), bit operations, and calls of functions (`std::cosh`, Faust's own
`faustpower2_f`). What does not: casts (`double(...)`), the heads of loops, the arithmetic of array
indices, copies from and to arrays, and a minus sign that stands before one operand. A loop over a
delay line copies and computes nothing. What stands before the sample loop is done once per block,
and counted apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CASTS = {"double", "float", "int", "FAUSTFLOAT", "long", "bool"}
_KEYWORDS = {"for", "while", "if", "return", "sizeof", "switch"}
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[fFlL]?)"
    r"|(?P<name>[A-Za-z_][\w:]*(?:->\w+)*)"
    r"|(?P<operator><<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>?&|^=,;:!~()])"
    r"|\s+"
)


@dataclass(frozen=True)
class Operations:
    """The operations of one sample, and those of one block outside of the sample loop."""

    sample: int
    block: int


def operations(cpp: str) -> Operations:
    """The operations in the method `compute` of the C++ class that Faust wrote.

    Raises ValueError if there is no such method, or a character that this reading does not know.
    """
    start = re.search(r"void compute\(int count,[^{]*\{", cpp)
    if start is None:
        raise ValueError("the C++ has no method `compute`")
    body = _block(cpp, start.end())
    loop = re.search(r"for \(int i0 = 0; i0 < count; [^{;]*\{", body)
    if loop is None:
        return Operations(0, _count(body))
    inside = _block(body, loop.end())
    outside = body[: loop.start()] + body[loop.end() + len(inside) :]
    return Operations(_count(inside), _count(outside))


def _block(text: str, start: int) -> str:
    """The text from `start` to the brace that closes the block."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    raise ValueError("a block of the C++ does not end")


def _count(code: str) -> int:
    code = re.sub(r"for \([^{]*\{", "", code)
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", code, flags=re.DOTALL)
    code = re.sub(r"FAUSTFLOAT\s*\*\s*\w+ = ", "", code)
    while re.search(r"\[[^\[\]]*\]", code):
        code = re.sub(r"\[[^\[\]]*\]", "", code)
    code = re.sub(r"static_cast<\w+>", "", code)
    code = re.sub(r"[{}]", ";", code)
    total, before, position = 0, ";", 0
    while position < len(code):
        token = _TOKEN.match(code, position)
        if token is None:
            raise ValueError(f"not C++ as Faust writes it: {code[position : position + 40]!r}")
        position = token.end()
        text = token.group().strip()
        if not text:
            continue
        operand = bool(re.match(r"[\w.)]", before[-1]))
        if token.group("name"):
            called = code[position:].lstrip().startswith("(")
            total += called and text not in _CASTS | _KEYWORDS
        elif token.group("operator") and text not in ("(", ")", "=", ",", ";", ":", "!", "~"):
            total += operand
        before = text
    return total
