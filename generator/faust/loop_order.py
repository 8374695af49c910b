"""The order of sums in C++ text that the Faust compiler emits.

The next sample waits for the state of a recursion. Where the term of the newest state is added
last, one fused multiply-add is all that lies between a state and the next one; the compiler orders
terms by a rule of its own. Sums keep their terms: rounding, and the sign of a zero, may differ.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: C++ of more characters is left as it is: it is compiled with less optimization as well.
MAX_ORDERED = 100_000

_LOOP = re.compile(r"^\t\tfor \(int i\d+ = 0; [^\n]*\{\n(.*?)^\t\t\}\n", re.M | re.S)
_STATEMENT = re.compile(r"^\t\t\t(?:(?:double|float|int) )?(\w+)(?:\[.*\])? = (.*);$", re.M)
_SHIFT = re.compile(r"^\t\t\t(\w+)\[[^][]*\] = \1\[[^][]*\];$", re.M)
#: A state that is the opposite of the variable before it.
_DETOUR = re.compile(
    r"^\t\t\t((?:double|float) )(\w+) = (.*);\n\t\t\t(\w+\[.*\]) = (0\.0f?) - \2;$", re.M
)
_REAL_NAME = re.compile(r"^\s*(double|float|FAUSTFLOAT)\*? (\w+)(?: =|\[\d+\];|;)", re.M)
_PRODUCT = {"*", "/"}
_ARITHMETIC = {"+", "-", *_PRODUCT}
_NAME = re.compile(r"[A-Za-z_]\w*")
_OPERAND = re.compile(r"(?P<name>\w+)(?:\[.*\])?|(?P<call>[\w:<>]*)\((?P<given>.*)\)")
_REAL_NUMBER = re.compile(r"\d+(\.\d*(e[-+]?\d+)?|e[-+]?\d+)f?")
_FACTOR = r"\w+(?:\[\d+\])?"
#: A constant times a product, unless something decides for 0.
_DECIDED = re.compile(
    rf"(?<!/ )(?<![\w.+-])(-?{_REAL_NUMBER.pattern}) \* "
    rf"\((\(\w+\) \? )({_FACTOR}(?: \* {_FACTOR})+ : 0\.0f?)\)"
)
_CAST = re.compile(r"double|float|FAUSTFLOAT|static_cast<(double|float)>")
#: Functions of real numbers that give one.
_FUNCTION = re.compile(
    r"(std::)?(a?(sin|cos|tan)h?|atan2|exp|log|log10|log2|pow|sqrt|fabs|floor|ceil|rint|round|fmod"
    r"|remainder)f?|std::(max|min)<(double|float)>|mydsp_faustpower\d+_f|"
)
#: The place of a state in its memory: shifted at each sample, or a ring.
_AGO = re.compile(r"\w+\[(?:(\d+)|\(IOTA\d* - (\d+)\) & \d+|IOTA\d* & \d+)\]")
#: More steps of computing than there are within a sample.
_SAMPLE = 1e6
#: So many terms that are ready last, at the same time, are added up in two halves side by side.
_HALVED = 4
#: Without recursion, sums of so many terms are added up in four parts side by side.
_LONG = 12
_VALUE = re.compile(
    r"^(\t+(?:double |float )?\w+(?:\[\w+\])? = )(FAUSTFLOAT\()?(.*?)(?(2)\));$", re.M
)


def with_newest_last(cpp: str) -> str:
    """C++ text of the Faust compiler in which sums of a recursion end with its newest state.

    What is not understood stays as it is.
    """
    loops = list(_LOOP.finditer(cpp))
    if len(loops) != 1 or len(cpp) > MAX_ORDERED:
        return cpp
    start, end = loops[0].span(1)
    # Nobody but the state has to wait for its opposite.
    loop = _DETOUR.sub(r"\t\t\t\4 = \5 - (\3);\n\t\t\t\1\2 = -\4;", loops[0][1])
    # The constant is multiplied with what is ready first.
    loop = _DECIDED.sub(r"(\4\1 * \5)", loop)
    sums = _Sums(_dependences(loop), {name: kind for kind, name in _REAL_NAME.findall(cpp)})
    return cpp[:start] + _STATEMENT.sub(sums.ordered, loop) + cpp[end:]


def with_sums_in_parts(cpp: str) -> str:
    """C++ text without recursions in which no addition waits for more than a part of a long sum.

    g++ adds up terms as they stand, each when the one before is done.
    """
    if len(cpp) > MAX_ORDERED:
        return cpp
    return _VALUE.sub(lambda one: one[0].replace(one[3], _in_parts(one[3])), cpp)


def _in_parts(text: str) -> str:
    """A sum with parentheses around three of its four parts, if it is a long one."""
    pieces = _split(text)
    places = [k for k, piece in enumerate(pieces) if piece in {"+", "-"}]
    if len(places) + 1 < _LONG or not set(pieces[1::2]) <= _ARITHMETIC:
        return text
    size = -(-(len(places) + 1) // 4)
    ends = [*places[size - 1 :: size], len(pieces)]
    done = " ".join(pieces[: ends[0]])
    for start, end in itertools.pairwise(ends):
        part = pieces[start + 1 : end]
        if pieces[start] == "-":
            part = [{"+": "-", "-": "+"}.get(piece, piece) for piece in part]
        done += f" {pieces[start]} ({' '.join(part)})"
    return done


def _dependences(loop: str) -> dict[str, set[str]]:
    """For each name that is written, those it is computed from, over any number of samples."""
    found: dict[str, set[str]] = {}
    for name, value in _STATEMENT.findall(_SHIFT.sub("", loop)):
        found.setdefault(name, set()).update(_NAME.findall(value))
    for reads in found.values():
        reads.intersection_update(found)
    changed = True
    while changed:
        changed = False
        for reads in found.values():
            size = len(reads)
            reads.update(*(found[name] for name in reads))
            changed |= len(reads) > size
    return found


@dataclass
class _Sums:
    """Sums in the statements of a loop, one statement after the other.

    A value is ready after so many steps, counted from the start of the sample; the states of the
    last sample were ready long before, and what waits for no state of the recursion, always.
    """

    dependences: Mapping[str, set[str]]
    #: "double" or "float" for each name of a real number.
    types: Mapping[str, str]
    ready: dict[str, float] = field(default_factory=dict)
    #: What the statement writes.
    target: str = ""

    def ordered(self, statement: re.Match[str]) -> str:
        """The statement with its sums in order."""
        self.target, value = statement.groups()
        text = statement[0]
        if self.target not in self.dependences.get(self.target, ()) or _SHIFT.fullmatch(text):
            return text
        time = self._time(value)
        # What is not understood, or is too deep, stays.
        with contextlib.suppress(ValueError, RecursionError):
            done, time = self._walk(value)
            text = f"{text.removesuffix(f'{value};')}{done};"
        self.ready[self.target] = time
        return text

    def _walk(self, text: str) -> tuple[str, float]:
        """A real expression with its sums in order, and when it is ready.

        Raises ValueError for what is not known to be one.
        """
        pieces = _split(text)
        operators = set(pieces[1::2])
        if operators <= _ARITHMETIC:
            terms = list(self._terms(1, text))
            return self._sum(terms) if len(terms) > 1 else self._product(pieces)
        if pieces[1::2].count("?") != 1 or ":" not in operators:
            raise ValueError(f"{text!r} may be no real number")
        question, colon = pieces.index("?"), pieces.index(":")
        asked = " ".join(pieces[:question])
        yes, early = self._walk(" ".join(pieces[question + 1 : colon]))
        no, late = self._walk(" ".join(pieces[colon + 1 :]))
        return f"{asked} ? {yes} : {no}", max(self._time(asked), early, late) + 1

    def _product(self, pieces: list[str]) -> tuple[str, float]:
        """`_walk` of operands with `*` and `/` between them."""
        done, times = zip(*map(self._operand, pieces[::2]), strict=True)
        pieces[::2] = done
        return " ".join(pieces), max(times) + (len(pieces) > 1)

    def _operand(self, text: str) -> tuple[str, float]:
        """`_walk` of what has no operator outside parentheses but a sign."""
        if text.startswith("-"):
            done, time = self._operand(text[1:])
            return f"-{done}", time
        found = _OPERAND.fullmatch(text)
        if _REAL_NUMBER.fullmatch(text) or (found and found["name"] in self.types):
            return text, self._time(text)
        if found is None or found["name"]:
            raise ValueError(f"{text!r} may be no real number")
        if _CAST.fullmatch(found["call"]):
            return text, self._time(text) + 1
        if not _FUNCTION.fullmatch(found["call"]):
            raise ValueError(f"{found['call']!r} is a function that is not known")
        given, times = zip(*map(self._walk, _split(found["given"], ", ")), strict=True)
        return f"{found['call']}({', '.join(given)})", max(times) + 2 * bool(found["call"])

    def _sum(self, given: list[tuple[int, str]]) -> tuple[str, float]:
        """The sum of terms with signs, of which the last is the one that is ready last."""
        terms = [(*self._walk(term), sign) for sign, term in given]
        terms.sort(key=lambda term: term[1])
        zero = "0.0f" if self.types.get(self.target) == "float" else "0.0"
        signed, last = [(sign, term) for term, _, sign in terms], terms[-1][1]
        late = sum(time == last for _, time, _ in terms)
        if late < _HALVED or last < -_SAMPLE:
            return _arranged(signed, zero), last + 1
        half = len(terms) - late // 2
        first, second = _arranged(signed[:half], zero), _arranged(signed[half:], zero)
        return f"{first} + ({second})", last + 2

    def _terms(self, sign: int, text: str) -> Iterator[tuple[int, str]]:
        """Terms with their signs, with those of sums in parentheses that wait for a state."""
        pieces = _split(text)
        if "+" in pieces or "-" in pieces:
            start = 0
            for at in (*(k for k, piece in enumerate(pieces) if piece in "+-"), len(pieces)):
                one = -sign if start and pieces[start - 1] == "-" else sign
                yield from self._terms(one, " ".join(pieces[start:at]))
                start = at + 1
            return
        opposite = re.match(r"-(1\.0f? \* )?(?=\()", text)
        inner = text[opposite.end() if opposite else 0 :]
        while len(_split(inner)) == 1 and inner.startswith("("):
            inner = inner[1:-1]
        operators = set(_split(inner)[1::2])
        is_sum = operators <= _ARITHMETIC and not operators <= _PRODUCT
        if is_sum and self._time(inner) > -math.inf:
            yield from self._terms(-sign if opposite else sign, inner)
        else:
            yield sign, text

    def _time(self, text: str) -> float:
        """When all that is read in the text is ready."""
        time = -math.inf
        for found in _NAME.finditer(text):
            name = found[0]
            if self.target not in self.dependences.get(name, ()):
                continue
            if name in self.dependences[self.target]:
                ago = _AGO.match(text, found.start())
                lag = int(ago[1] or ago[2] or 0) if ago else 0
                time = max(time, -lag * _SAMPLE if lag else self.ready.get(name, -_SAMPLE))
        return time


def _split(text: str, separator: str = " ") -> list[str]:
    """The text split where the separator stands outside parentheses and brackets."""
    pieces: list[list[str]] = [[]]
    depth = 0
    for piece in text.split(separator):
        pieces[-1].append(piece)
        depth += sum(map(piece.count, "([")) - sum(map(piece.count, ")]"))
        if not depth:
            pieces.append([])
    return [separator.join(piece) for piece in pieces if piece]


def _arranged(terms: list[tuple[int, str]], zero: str) -> str:
    """The sum of terms with signs, where the last of them is added last.

    Of two products that are added, g++ fuses the first one with the addition.
    """
    *rest, (sign, newest) = [term for term in terms if term[1] != zero] or terms
    first = next((k for k, (one, _) in enumerate(rest) if one > 0), None)
    if first is None and sign > 0:
        others = " + ".join(term for _, term in rest)
        return f"{newest} - {others if len(rest) == 1 else f'({others})'}" if rest else newest
    head = zero if first is None else rest.pop(first)[1]
    if not rest and all("*" in _split(term)[-2:-1] for term in (head, newest)):
        return f"{newest if sign > 0 else f'-({newest})'} + {head}"
    tail = [*rest, (sign, newest)]
    return head + "".join(f" {'+' if one > 0 else '-'} {term}" for one, term in tail)
