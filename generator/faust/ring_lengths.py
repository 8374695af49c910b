"""Delay lines as long as one sample rate needs them, in the C++ text that the Faust compiler emits.

The compiler makes a ring long enough for every sample rate there is. Where all its delays are known
once the rate is, a shorter one holds the same samples, and fits nearer to the processor.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

from .cpp_rewriting import MAX_LOCAL_LENGTH, MEMBER, split_at_body

#: The least and the greatest value of a number: both whole, or both real.
Bounds = tuple[float, float]

#: More than the relative error of a number, or of an operation, in single precision.
ROUNDING = 1e-6
#: Whole numbers of C++ are below; beyond, they wrap around.
WRAP = 1 << 31

_CONSTANTS = re.compile(r"\tvirtual void instanceConstants\(int \w+\) \{\n(.*?)\n\t\}\n", re.S)
_CONSTANT = re.compile(r"^\t+(?:float |double |int )?([fi]Const\d+) = (.*);$", re.M)
#: A place in a ring, now or some samples ago.
_PLACE = r"IOTA\d*|\((?:IOTA\d* - |faust_wrap_sub\(IOTA\d*, )(\w+)\)?\)"
_OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "faust_wrap_add": operator.add,
    "faust_wrap_sub": operator.sub,
    "faust_wrap_mul": operator.mul,
    "min": min,
    "max": max,
}


def with_short_rings(cpp: str, sample_rate: int) -> str:
    """The class for one sample rate in Hz, with each ring as short as its delays allow.

    Raises ValueError if there is no function that computes a block.
    """
    before, body, after = split_at_body(cpp)
    delays = _longest_delays(cpp, sample_rate)
    for _, name, digits in MEMBER.findall(before):
        length = int(digits or 1)
        if length <= MAX_LOCAL_LENGTH or length & (length - 1):
            continue
        place = re.compile(rf"\b({name}\[(?:{_PLACE}) & ){length - 1}\]")
        used = [delay or "0" for _, delay in place.findall(body)]
        if not used or len(used) < len(re.findall(rf"\b{name}\b", body)):
            continue
        longest = max(int(one) if one.isdigit() else delays.get(one, length) for one in used)
        short = 1 << longest.bit_length()
        if short >= length:
            continue
        body = place.sub(rf"\g<1>{short - 1}]", body)
        before = before.replace(f" {name}[{length}];", f" {name}[{short}];")
        cleared = rf"(for \(int (l\d+) = 0; \2 < ){length}(; .*\n\t+{name}\[\2\] = )"
        before, after = (re.sub(cleared, rf"\g<1>{short}\3", text) for text in (before, after))
    return before + body + after


def _longest_delays(cpp: str, sample_rate: int) -> dict[str, int]:
    """What the whole constants of the class are at most, by name, of those that are known."""
    constants = _CONSTANTS.search(cpp)
    known: dict[str, Bounds] = {"fSampleRate": (sample_rate, sample_rate)}
    for name, text in _CONSTANT.findall(constants[1]) if constants else ():
        text = re.sub(r"static_cast<(\w+)>", r"\1", text)
        text = re.sub(r"(?<=[\d.])f\b|std::|<\w+>", "", text)
        try:
            known[name] = _bounds(ast.parse(text, mode="eval").body, known)
        except (SyntaxError, ValueError, ArithmeticError):
            continue
    return {name: int(high) for name, (_, high) in known.items() if name.startswith("i")}


def _bounds(node: ast.expr, known: Mapping[str, Bounds]) -> Bounds:
    """Those of an expression, however C++ rounds it. Raises ValueError for what is not known."""
    match node:
        case ast.Constant(int() | float() as value):
            return _rounded(value, value)
        case ast.Name(name) if name in known:
            return known[name]
        case ast.UnaryOp(ast.USub(), operand):
            low, high = _bounds(operand, known)
            return _rounded(-high, -low)
        case ast.Call(ast.Name("int"), [argument]):
            low, high = _bounds(argument, known)
            return _rounded(int(low), int(high))
        case ast.Call(ast.Name("float" | "double"), [argument]):
            low, high = _bounds(argument, known)
            return _rounded(float(low), float(high))
        case ast.BinOp(left, operation, right):
            return _combined(type(operation).__name__, _bounds(left, known), _bounds(right, known))
        case ast.Call(ast.Name(name), [left, right]):
            return _combined(name, _bounds(left, known), _bounds(right, known))
    raise ValueError("an expression that is not known")


def _combined(name: str, left: Bounds, right: Bounds) -> Bounds:
    operation = _OPERATIONS.get(name)
    if operation is None or (name == "Div" and right[0] <= 0 <= right[1]):
        raise ValueError("an operation that is not known")
    if name in ("min", "max"):
        return operation(left[0], right[0]), operation(left[1], right[1])
    whole = all(isinstance(one, int) for one in (*left, *right))
    corners = [operation(x, y) for x in left for y in right]
    low, high = min(corners), max(corners)
    return _rounded(int(low), int(high)) if whole else _rounded(low, high)


def _rounded(low: float, high: float) -> Bounds:
    """The bounds of numbers between these as C++ has them. Raises ValueError if they may wrap."""
    if isinstance(low, int) and isinstance(high, int):
        if low < -WRAP or high >= WRAP:
            raise ValueError("whole numbers that wrap around")
        return low, high
    return low - ROUNDING * abs(low), high + ROUNDING * abs(high)
