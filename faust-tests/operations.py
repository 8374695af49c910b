"""How much a generated C++ class computes in each sample."""

from __future__ import annotations

import re
from collections import Counter

from rows import BUILD

from faustdiff.compilers import Compiler

#: What reads, stores, converts and counts is no computation: indices, casts, loops that copy.
_LOOP = re.compile(r"for \(int i0 = 0; i0 < count; [^{]*\{(.*?)\n\t\t\}", re.DOTALL)
_CAST = re.compile(r"static_cast<\w+>|\((?:double|float|int)\)|\b(?:double|float|int)(?=\()")
_BOOKKEEPING = re.compile(r"^\s*(?:for \(|int j\d|IOTA\d+ =).*$", re.MULTILINE)
_INDEX = re.compile(r"\[[^\[\]]*\]")
_EXPONENT = re.compile(r"(?<=[\d.])e[+-](?=\d)")
_BINARY = re.compile(r"(?<=[\w\])]) (\+|-|\*|/|%|<|>|<=|>=|==|!=|&|\||\^|<<|>>) (?=[\w(\-])")
_CALL = re.compile(r"\b(?:std::)?([a-z]\w*)\(")


def operations(source: str, compiler: Compiler) -> Counter[str]:
    """The operations of the sample loop of the program `source`, in double, by their names."""
    return count(compiler.to_cpp(source, double=True, include=[BUILD]))


def count(cpp: str) -> Counter[str]:
    """The operations of the sample loop in the C++ text of a Faust program without inner loops.

    Counted are binary operators, negations, choices and calls. What is computed once per block, and
    what moves numbers, is not.
    """
    (loop,) = _LOOP.findall(cpp)
    loop = _EXPONENT.sub("e", _CAST.sub("", _BOOKKEEPING.sub("", loop)))
    while _INDEX.search(loop):
        loop = _INDEX.sub("", loop)
    found = Counter(_BINARY.findall(loop))
    found["choice"] = loop.count("?")
    found["negation"] = len(
        re.findall(r"(?<=[=(,?:*/+-] )-(?=[a-zA-Z(])|(?<=\()-(?=[a-zA-Z(])", loop)
    )
    found.update(name for name in _CALL.findall(loop))
    return +found
