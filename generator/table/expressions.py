"""The expression language of the table, parsed by whitelist.

The syntax is a small part of Python's: numbers, names, `+ - * / **`, comparisons, `and or not`,
calls of the vocabulary, and subscripts for signals in time. `x[n - k]` is `x` delayed by `k`
samples; `t[i]` reads entry `i` of a table. Text never reaches an evaluator: it is parsed with
`ast`, every node is checked, and `folding` walks what is left.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NoReturn

from ..errors import nearest
from .vocabulary import CONSTANTS, FUNCTIONS, WHERE, unknown_function

#: The name of time, in samples, inside a subscript.
TIME = "n"

MAX_LENGTH = 500
MAX_NODES = 400
MAX_DEPTH = 40
MAX_EXPONENT = 64

#: How an algebra names the operators, by their node.
BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
#: How the language spells the comparisons, by their node.
COMPARE: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CONDITIONS = (ast.Compare, ast.BoolOp)


class ExpressionError(ValueError):
    """An expression that the language does not have: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}; {hint}")
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text, its tree, and the names of arguments it uses."""

    text: str
    tree: ast.expr = field(compare=False, repr=False)
    names: frozenset[str] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


def parse(text: str, scope: Sequence[str]) -> Expression:
    """The expression that `text` spells, with only names of `scope` in it.

    Raises `ExpressionError` for anything outside the language, before anything is evaluated.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text)} characters", f"keep it below {MAX_LENGTH}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None)
        where = f" at column {column}" if column else ""
        raise ExpressionError(
            f"syntax error{where} in '{text}'", "write it like 'x / sqrt(1 + x**2)'"
        ) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(
            "the expression has too many terms", f"the limit is {MAX_NODES} nodes"
        )
    checker = _Checker(frozenset(scope))
    checker.visit(tree, depth=0, power=1.0)
    return Expression(text.strip(), tree, frozenset(checker.used))


class _Checker:
    """Walks a tree and raises at the first node that the language does not have."""

    def __init__(self, scope: frozenset[str]) -> None:
        self.scope = scope
        self.used: set[str] = set()

    def visit(self, node: ast.expr, depth: int, power: float) -> None:
        if depth > MAX_DEPTH:
            raise ExpressionError(
                "the expression is nested too deeply", f"the limit is {MAX_DEPTH}"
            )
        below = depth + 1
        match node:
            case ast.Constant():
                self.constant(node.value)
            case ast.Name():
                self.name(node.id)
            case ast.UnaryOp(op=ast.Not()):
                self.condition(node.operand)
                self.visit(node.operand, below, power)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                self.visit(node.operand, below, power)
            case ast.BinOp(op=ast.Pow()):
                raised = power * self.exponent(node)
                if raised > MAX_EXPONENT:
                    self.refuse_power(node)
                self.visit(node.left, below, raised)
                self.visit(node.right, below, power)
            case ast.BinOp() if type(node.op) in BINARY:
                self.visit(node.left, below, power)
                self.visit(node.right, below, power)
            case ast.BoolOp():
                for value in node.values:
                    self.condition(value)
                    self.visit(value, below, power)
            case ast.Compare() if all(type(op) in COMPARE for op in node.ops):
                for value in (node.left, *node.comparators):
                    self.visit(value, below, power)
            case ast.Call():
                self.call(node, below, power)
            case ast.Subscript():
                self.subscript(node, below, power)
            case _:
                raise ExpressionError(
                    f"'{ast.unparse(node)[:60]}' ({type(node).__name__}) is not allowed",
                    "use numbers, arguments, + - * / **, comparisons and known functions",
                )

    def constant(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{value!r} is not a number", "only numbers are allowed")
        if value != value or abs(value) > 1e300:
            raise ExpressionError(f"the number {value!r} is too large", "keep it below 1e300")

    def name(self, name: str) -> None:
        if name in CONSTANTS:
            return
        if name == TIME and name in self.scope:
            raise ExpressionError(
                f"'{TIME}' stands for time, not for a number", f"write x[{TIME} - k] for a delay"
            )
        if name not in self.scope:
            known = ", ".join(sorted(self.scope)) or "none"
            raise ExpressionError(
                f"'{name}' is not in scope",
                nearest(name, [*self.scope, *CONSTANTS], f"names in scope: {known}"),
            )
        self.used.add(name)

    def condition(self, node: ast.expr) -> None:
        if not is_condition(node):
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not a condition", "compare it, as in 'x > 0'"
            )

    def exponent(self, node: ast.BinOp) -> float:
        """How much a constant exponent multiplies the degree; bombs are refused here."""
        names = any(isinstance(part, ast.Name) for part in ast.walk(node.right))
        if names:
            return 1.0
        value = _literal(node.right)
        if value is None:
            self.refuse_power(node)
        return max(1.0, abs(float(value)))

    def refuse_power(self, node: ast.BinOp) -> NoReturn:
        raise ExpressionError(
            f"the power '{ast.unparse(node)[:60]}' is too large",
            f"a constant exponent is a number between -{MAX_EXPONENT} and {MAX_EXPONENT}",
        )

    def call(self, node: ast.Call, depth: int, power: float) -> None:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not allowed", "call a known function by its name"
            )
        name = node.func.id
        if name != WHERE and name not in FUNCTIONS:
            raise ExpressionError(f"unknown function '{name}'", unknown_function(name))
        if name != WHERE and FUNCTIONS[name].stream and TIME not in self.scope:
            raise ExpressionError(f"{name} has memory", "only a row of kind linear speaks of time")
        arity = 3 if name == WHERE else FUNCTIONS[name].arity
        if len(node.args) != arity:
            raise ExpressionError(
                f"{name} takes {arity} arguments, not {len(node.args)}", f"in '{ast.unparse(node)}'"
            )
        for index, argument in enumerate(node.args):
            if isinstance(argument, ast.Starred):
                raise ExpressionError("'*' in a call is not allowed", "write every argument")
            if name == WHERE and index == 0:
                self.condition(argument)
            self.visit(argument, depth, power)

    def subscript(self, node: ast.Subscript, depth: int, power: float) -> None:
        if not isinstance(node.value, ast.Name) or isinstance(node.slice, ast.Slice | ast.Tuple):
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not allowed",
                "write x[n - k] for a delay, t[i] for a table",
            )
        self.name(node.value.id)
        lag = delay_of(node)
        if lag is None:
            self.visit(node.slice, depth, power)
            return
        if TIME not in self.scope:
            raise ExpressionError(
                f"'{TIME}' is not in scope", "only a row of kind linear speaks of time"
            )
        if (_literal(lag) or 0) < 0:
            raise ExpressionError(f"'{ast.unparse(node)}' lies in the future", "delay by 0 or more")
        if not isinstance(lag, ast.Constant) or lag.value != 0:
            self.visit(lag, depth, power)


def is_condition(node: ast.expr) -> bool:
    """Whether a node is true or false, rather than a number."""
    negation = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    return negation or isinstance(node, _CONDITIONS)


def _literal(node: ast.expr) -> Fraction | None:
    """The value of a number, or of a negated number, or of a quotient of two numbers."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -Fraction(str(value))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            above, below = _literal(left), _literal(right)
            return above / below if above is not None and below else None
    return None


def delay_of(node: ast.Subscript) -> ast.expr | None:
    """The lag `k` of `x[n - k]`, also of `x[n - a - b]`; None when the index has no `n`."""
    match node.slice:
        case ast.Name(id=name) if name == TIME:
            return ast.Constant(0)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            outer = delay_of(ast.Subscript(node.value, left, node.ctx))
            if outer is None:
                return None
            if isinstance(outer, ast.Constant) and outer.value == 0:
                return right
            return ast.BinOp(outer, ast.Add(), right)
    return None
