"""`fold` gives an expression of the table its value in an algebra.

An algebra says what numbers, names, operators, functions and conditions are in a world:

    Numbers      mpmath numbers, for sampling (rounded to a format, for the guards)
    Symbols      SymPy expressions, for proofs
    Stream       either of them, lifted to functions of time
    Unevaluated  SymPy expressions in the author's form (`library/printing.py`)
    Nodes        nodes of a graph, for derivatives of whole programs (`autodiff/rules.py`)
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .expressions import BINARY, COMPARE, Expression, delay_of, is_condition
from .vocabulary import FUNCTIONS, WHERE, Function

#: What the comparisons of the language mean.
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Algebra:
    """What `fold` needs to know of a world; `Any` is a number there, a condition where said."""

    def constant(self, text: str) -> Any:
        raise NotImplementedError

    def name(self, name: str) -> Any:
        raise NotImplementedError

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def sub(self, a: Any, b: Any) -> Any:
        return a - b

    def mul(self, a: Any, b: Any) -> Any:
        return a * b

    def div(self, a: Any, b: Any) -> Any:
        return a / b

    def pow(self, a: Any, b: Any) -> Any:
        return a**b

    def negate(self, a: Any) -> Any:
        return -a

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        raise NotImplementedError

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        """A condition."""
        raise NotImplementedError

    def both(self, a: Any, b: Any) -> Any:
        """The condition that `a` and `b` hold."""
        raise NotImplementedError

    def either(self, a: Any, b: Any) -> Any:
        """The condition that `a` or `b` holds."""
        raise NotImplementedError

    def opposite(self, a: Any) -> Any:
        """The condition that `a` does not hold."""
        raise NotImplementedError

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        """`yes` if the condition holds, else `no`; both are given as thunks."""
        raise NotImplementedError

    def indicator(self, condition: Any) -> Any:
        """1 if the condition holds, else 0."""
        return self.where(condition, lambda: self.constant("1"), lambda: self.constant("0"))

    def delay(self, signal: str, lag: Any) -> Any:
        raise TypeError(f"'{signal}[n - k]' has no value outside a signal")

    def lookup(self, table: str, index: Any) -> Any:
        raise TypeError(f"'{table}[i]' has no value outside a signal")


def fold(expression: Expression | ast.expr, algebra: Algebra) -> Any:
    """The value of an expression in an algebra: a number; for a condition, its indicator."""
    node = expression.tree if isinstance(expression, Expression) else expression
    if is_condition(node):
        return algebra.indicator(condition(node, algebra))
    match node:
        case ast.Constant(value=value):
            return algebra.constant(repr(value))
        case ast.Name(id=name):
            return algebra.name(name)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return fold(operand, algebra)
        case ast.UnaryOp(operand=operand):
            return algebra.negate(fold(operand, algebra))
        case ast.BinOp(left=left, op=op, right=right):
            operation = getattr(algebra, BINARY[type(op)])
            return operation(fold(left, algebra), fold(right, algebra))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name == WHERE:
            chosen, yes, no = arguments
            return algebra.where(
                condition(chosen, algebra), lambda: fold(yes, algebra), lambda: fold(no, algebra)
            )
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return algebra.call(FUNCTIONS[name], [fold(a, algebra) for a in arguments])
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            lag = delay_of(node)
            if lag is None:
                return algebra.lookup(name, fold(index, algebra))
            return algebra.delay(name, fold(lag, algebra))
    raise TypeError(f"not an expression of the table: {ast.dump(node)}")


def condition(expression: Expression | ast.expr, algebra: Algebra) -> Any:
    """The value of a condition in an algebra."""
    node = expression.tree if isinstance(expression, Expression) else expression
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return algebra.opposite(condition(operand, algebra))
        case ast.BoolOp(op=op, values=values):
            combine = algebra.both if isinstance(op, ast.And) else algebra.either
            result = condition(values[0], algebra)
            for value in values[1:]:
                result = combine(result, condition(value, algebra))
            return result
        case ast.Compare(left=left, ops=operators, comparators=others):
            terms = [fold(term, algebra) for term in (left, *others)]
            result = algebra.compare(COMPARE[type(operators[0])], terms[0], terms[1])
            for sign, a, b in zip(operators[1:], terms[1:], terms[2:], strict=False):
                result = algebra.both(result, algebra.compare(COMPARE[type(sign)], a, b))
            return result
    raise TypeError(f"not a condition: {ast.dump(node)}")
