"""What follows from the value of a row: its memory, its type, its cost, where it jumps.

A program that is differentiated is taken apart by such facts: what has memory cannot be computed
again, what rounds makes a staircase, what is cheap need not be recorded. They are read off the
expression of the value and the entries of the vocabulary, so that a new row brings its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .expressions import delay_of, is_condition
from .folding import Algebra, fold
from .model import Primitive
from .vocabulary import (
    FUNCTIONS,
    READ_AT_WHOLE_PLACES,
    WHERE,
    WRITTEN_AT_WHOLE_PLACES,
    Function,
    Result,
)


@dataclass(frozen=True)
class Facts:
    """What is known of a row; arguments are given by their places.

    `memory`: the result depends on more than the present sample of the arguments. `interval`: it
    is what the compiler knows of an argument, not a function of its samples. `gate`: the argument
    that stops the others while it is 0. `reads`: the arguments that the result is computed from at
    each sample. `contents`: those that fill a table. `passed`: the argument that is the result, as
    it is. `rounded`: those whose whole part counts. `steps`: what is decided by whole numbers or
    by a condition, argument by argument. `result`: the type of the result, or the arguments whose
    common type it is; None where it is not known. `finite`: the result is finite for all finite
    arguments that do not overflow at once. `cost`: of one sample, in additions.
    """

    memory: bool
    interval: bool
    gate: int | None
    reads: tuple[int, ...]
    contents: tuple[int, ...]
    passed: int | None
    rounded: tuple[int, ...]
    steps: tuple[tuple[int, str], ...]
    sizes: tuple[int, ...]
    result: Result | None
    finite: bool
    cost: int


def facts(row: Primitive) -> Facts:
    """The facts of a row; of one without a value nothing is known."""
    contents = tuple(place for place, name in enumerate(row.args) if row.roles[name] == "table")
    if row.value is None:
        everything = tuple(range(len(row.args)))
        return Facts(
            False, False, None, everything, contents, None, (), (), (), None, row.kind == "zero", 0
        )
    tree = row.value.tree
    called = [FUNCTIONS[name] for name in _function_names(tree)]
    gates = [function.gate for function in called if function.gate is not None]
    uses = list(_uses(tree, ""))
    places = {name: place for place, name in enumerate(row.args)}
    passed = isinstance(tree, ast.Name) and not row.real
    return Facts(
        memory=any(function.stream for function in called) or any(map(_is_delay, ast.walk(tree))),
        interval=any(function.interval for function in called),
        gate=gates[0] if gates else None,
        reads=tuple(p for name, p in places.items() if name in row.value.names - _tables(row)),
        contents=contents,
        passed=places[tree.id] if passed and isinstance(tree, ast.Name) else None,
        rounded=tuple(p for name, p in places.items() if (name, _ROUNDED) in uses),
        steps=tuple(_steps(row, uses)),
        sizes=tuple(sorted({places[name] for name, part in uses if part in _SIZES})),
        result="real" if row.real else _result(row),
        finite=fold(row.value, _Finiteness()),
        cost=max(1, fold(row.value, _Cost())),
    )


def _tables(row: Primitive) -> frozenset[str]:
    return frozenset(name for name in row.args if row.roles[name] == "table")


def _function_names(tree: ast.expr) -> list[str]:
    names = [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return [name for name in names if name != WHERE]


def _is_delay(node: ast.AST) -> bool:
    lag = delay_of(node) if isinstance(node, ast.Subscript) else None
    return lag is not None and not (isinstance(lag, ast.Constant) and lag.value == 0)


_ROUNDED = "rounded"
#: What an argument decides that nothing but a part of the value reads.
_DELAY = "a delay of whole samples"
_SELECTION = "a selection"
_SIZES = {_DELAY, READ_AT_WHOLE_PLACES, WRITTEN_AT_WHOLE_PLACES}


def _uses(node: ast.expr, part: str) -> Iterator[tuple[str, str]]:
    """The arguments in an expression, each with the part that it is in: "" is the value itself."""
    match node:
        case ast.Name(id=name):
            yield name, part
        case ast.Call(func=ast.Name(id=called), args=arguments):
            for place, argument in enumerate(arguments):
                yield from _uses(argument, part or _part(called, place))
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            yield name, part
            lag = delay_of(node)
            inside = index if lag is None else lag
            yield from _uses(inside, part or (READ_AT_WHOLE_PLACES if lag is None else _DELAY))
        case _:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from _uses(child, part)


def _part(called: str, place: int) -> str:
    if called == WHERE:
        return "" if place else _SELECTION
    function = FUNCTIONS[called]
    if (function.step and not function.interval) or (function.quotient and not place):
        return _ROUNDED
    return function.steps.get(place, "")


def _steps(row: Primitive, uses: Sequence[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    assert row.value is not None
    for place, name in enumerate(row.args):
        parts = dict.fromkeys(part for used, part in uses if used == name)
        if is_condition(row.value.tree):
            yield place, f"a comparison '{row.faust}'"
        elif _ROUNDED in parts:
            yield place, f"'{row.faust}'"
        elif parts and "" not in parts:
            yield place, next(iter(parts))


class _OfParts(Algebra):
    """Algebras in which a value is made of those of the parts, whatever the operation."""

    def join(self, *parts: Any) -> Any:
        raise NotImplementedError

    def add(self, a: Any, b: Any) -> Any:
        return self.join(a, b)

    sub = mul = div = pow = both = either = add

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        return self.join(a, b)

    def negate(self, a: Any) -> Any:
        return a

    def opposite(self, a: Any) -> Any:
        return a

    def indicator(self, condition: Any) -> Any:
        return condition

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return self.join(condition, yes(), no())


class _Cost(_OfParts):
    """What an expression costs, in additions; a selection is in the cost of its condition."""

    def join(self, *parts: int) -> int:
        return sum(parts)

    def constant(self, text: str) -> int:
        return 0

    def name(self, name: str) -> int:
        return 0

    def add(self, a: int, b: int) -> int:
        return 1 + a + b

    sub = mul = add

    def div(self, a: int, b: int) -> int:
        return 4 + a + b

    def pow(self, a: int, b: int) -> int:
        return FUNCTIONS["exp"].cost + a + b

    def compare(self, operator: str, a: int, b: int) -> int:
        return 1 + a + b

    def call(self, function: Function, arguments: Sequence[int]) -> int:
        return function.cost + sum(arguments)

    def delay(self, signal: str, lag: int) -> int:
        return 1

    def lookup(self, table: str, index: int) -> int:
        return 4


class _Finiteness(_OfParts):
    """Whether an expression is finite for all finite arguments that do not overflow at once."""

    def join(self, *parts: bool) -> bool:
        return all(parts)

    def constant(self, text: str) -> bool:
        return True

    def name(self, name: str) -> bool:
        return True

    def div(self, a: bool, b: bool) -> bool:
        return False

    pow = div

    def compare(self, operator: str, a: bool, b: bool) -> bool:
        return True

    def call(self, function: Function, arguments: Sequence[bool]) -> bool:
        return (function.finite or function.stream) and all(arguments)

    def delay(self, signal: str, lag: bool) -> bool:
        return True

    def lookup(self, table: str, index: bool) -> bool:
        return index


def _result(row: Primitive) -> Result | None:
    """The type of the value; a name stands for the type of its argument."""
    assert row.value is not None
    kind = fold(row.value, _Types(row.args))
    return tuple(sorted(kind)) if isinstance(kind, frozenset) else kind


#: The type of an expression: fixed, that of the arguments at some places, or not known (None).
_Type = str | frozenset[int] | None


class _Types(_OfParts):
    """The type that Faust gives an expression: a real where any part is one."""

    def __init__(self, args: Sequence[str]) -> None:
        self.args = args

    def join(self, *parts: _Type) -> _Type:
        if "real" in parts:
            return "real"
        if None in parts:
            return None
        places = [part for part in parts if isinstance(part, frozenset)]
        return frozenset[int]().union(*places) if places else "integer"

    def constant(self, text: str) -> _Type:
        return "integer" if text.isdigit() else "real"

    def name(self, name: str) -> _Type:
        return frozenset((self.args.index(name),)) if name in self.args else "real"

    def div(self, a: _Type, b: _Type) -> _Type:
        return "real"

    def pow(self, a: _Type, b: _Type) -> _Type:
        # Whether a power of integers is an integer depends on the compiler.
        return "real" if "real" in (a, b) else None

    def compare(self, operator: str, a: _Type, b: _Type) -> _Type:
        return "integer"

    def both(self, a: _Type, b: _Type) -> _Type:
        return "integer"

    either = both

    def where(self, condition: _Type, yes: Callable[[], Any], no: Callable[[], Any]) -> _Type:
        return self.join(yes(), no())

    def call(self, function: Function, arguments: Sequence[_Type]) -> _Type:
        if isinstance(function.result, str):
            return function.result
        return self.join(*(arguments[place] for place in function.result))

    def delay(self, signal: str, lag: _Type) -> _Type:
        return self.name(signal)

    def lookup(self, table: str, index: _Type) -> _Type:
        return self.name(table)
