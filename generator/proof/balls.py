"""Expressions of the table compiled to dual balls: a value and its slope along a direction.

Each expression becomes one Python function of a `Context`. What an expression compares, takes the
absolute value or the root of is an `Atom`: between the places where atoms are 0 every expression is
analytic. A context tells the sign of an atom, and so which piece is looked at; it may do so from
the ball of the atom (`Context`), or because a piece is wanted (in `regions`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from ..table.expressions import COMPARE, Expression, is_condition
from ..table.folding import COMPARISONS
from ..table.vocabulary import CONSTANTS, FUNCTIONS, WHERE
from .affine import affine_form, constant_of
from .arithmetic import (
    ONE,
    ZERO,
    absolute,
    add,
    choice,
    copy_sign,
    divide,
    multiply,
    negate,
    pi,
    real_power,
    step_function,
    subtract,
    unmoved_step,
    whole_power,
    with_branch,
)
from .ballfunctions import FUNCTIONS as BALL_FUNCTIONS
from .ballfunctions import Branches, Edge
from .contexts import (
    BALL_BITS,
    Atom,
    Branch,
    Compiled,
    Context,
    Dual,
    NoValueError,
    OutsideError,
    Test,
    exact,
    working_precision,
)
from .forms import alike, form_of
from .polynomials import decimal

#: Where a step function jumps, some places.
WHOLE_JUMPS = (1, -1, 2)
HALF_JUMPS = (0.5, -0.5, 1.5)
#: Numbers beyond this, or below its inverse, make a function flatten out over an unusual distance.
STEEP_NUMBER = 1e3


@dataclass(frozen=True)
class Part:
    """A compiled node, and the atoms and constants in it."""

    node: ast.expr
    compiled: Compiled
    atoms: list[Atom]
    constants: set[Fraction]


@dataclass
class BallCompiler:
    """Compiles expressions; collects the atoms of all of them, and the constants they mention.

    `whole` are names that take integers only. With `denormals`, `tiny` is the least double with all
    its digits, not 0. Compilers that agree in these may share what is `known`.
    """

    whole: frozenset[str] = frozenset()
    denormals: bool = False
    atoms: list[Atom] = field(default_factory=list)
    constants: set[Fraction] = field(default_factory=set)
    _within: bool = False
    known: dict[int, Part] = field(default_factory=dict)

    def expression(self, expression: Expression | ast.expr) -> Compiled:
        """The function that gives the dual of an expression; of a condition, 1 or 0."""
        node = expression.tree if isinstance(expression, Expression) else expression
        part = self.known.get(id(node))
        if part is None:
            before = self.atoms, self.constants
            self.atoms, self.constants = [], set()
            compiled = self._compile_node(node)
            # The node is kept, so that its number is not given to another one.
            part = self.known[id(node)] = Part(node, compiled, self.atoms, self.constants)
            self.atoms, self.constants = before
        self.atoms += part.atoms
        self.constants |= part.constants
        return part.compiled

    def _compile_node(self, node: ast.expr) -> Compiled:
        if is_condition(node):
            test = self.condition(node)
            return lambda c: (ONE, None) if test(c) else (ZERO, None)
        match node:
            case ast.Constant(value=value):
                return self._constant(decimal(value))
            case ast.Name(id=name) if name in CONSTANTS:
                return pi if name == "pi" else self._constant(self._tiny)
            case ast.Name(id=name):
                return lambda c: c.values[name]
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.expression(operand)
            case ast.UnaryOp(operand=operand):
                if isinstance(operand, ast.Constant):
                    self.constants.add(-decimal(operand.value))
                return negate(self.expression(operand))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                divisor = self._special(right)
                return divide(self.expression(left), self.expression(right), divisor)
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if alike(left, right):
                return whole_power(self.expression(left), 2)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._sum(node)
            case ast.BinOp(left=left, right=right):
                return multiply(self.expression(left), self.expression(right))
            case ast.Call(func=ast.Name(id=name), args=[chosen, yes, no]) if name == WHERE:
                return choice(self.condition(chosen), self.expression(yes), self.expression(no))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, arguments)
        raise TypeError(f"not an expression of numbers: {ast.unparse(node)}")

    def _sum(self, node: ast.BinOp) -> Compiled:
        """A sum; where an affine one is 0, something may happen there alone."""
        before = self._within
        if not before and affine_form(node) is not None:
            self._within = True
            self._special(node)
        parts = self.expression(node.left), self.expression(node.right)
        self._within = before
        return (add if isinstance(node.op, ast.Add) else subtract)(*parts, node)

    @property
    def _tiny(self) -> Fraction:
        return Fraction(2) ** -1022 if self.denormals else Fraction(0)

    def condition(self, condition: Expression | ast.expr) -> Test:
        """The function that tells whether a condition holds."""
        node = condition.tree if isinstance(condition, Expression) else condition
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.condition(operand)
                return lambda c: not inner(c)
            case ast.BoolOp(op=op, values=values):
                tests = [self.condition(value) for value in values]
                if isinstance(op, ast.And):
                    return lambda c: all(test(c) for test in tests)
                return lambda c: any(test(c) for test in tests)
            case ast.Compare(left=left, ops=operators, comparators=others):
                terms = (left, *others)
                tests = [
                    self._compile_comparison(a, type(operator), b)
                    for a, operator, b in zip(terms, operators, terms[1:], strict=False)
                ]
                return tests[0] if len(tests) == 1 else lambda c: all(test(c) for test in tests)
        raise TypeError(f"not a condition: {ast.unparse(node)}")

    def atom(self, node: ast.expr, decides: bool = True, centre: bool = True) -> Atom:
        """The atom of a quantity; a `decides` of False is for one that has no say in the piece."""
        quantity = self.expression(node)
        form = form_of(ast.unparse(node))
        atom = Atom(
            form.key, quantity, form.text, form.free, self.is_stepping(node), form.affine, decides,
            form.flip, centre, node, smooth=form.smooth, zeros=form.zeros, missing=form.missing,
        )  # fmt: skip
        self.atoms.append(atom)
        for factor in curved_factors(node):
            self._special(factor)
        return atom

    def _special(self, node: ast.expr, centre: bool = True) -> Atom | None:
        """Remembers a quantity whose zeros are to be looked at; None if nothing moves it."""
        if any(isinstance(n, ast.Name) and n.id not in CONSTANTS for n in ast.walk(node)):
            return self.atom(node, False, centre)
        return None

    def _scales(self, node: ast.expr) -> None:
        """Remembers where a function that flattens out does so, and where it is steepest."""
        self._special(node)
        if is_steep(node):
            for at in (1, -1):
                self._special(ast.BinOp(node, ast.Sub(), ast.Constant(at)), centre=False)

    def _jumps(self, name: str, node: ast.expr) -> None:
        """Remembers some of the places where a step function of a quantity jumps."""
        offset = HALF_JUMPS if name in ("rint", "round") else WHOLE_JUMPS
        for at in offset:
            self._special(ast.BinOp(node, ast.Sub(), ast.Constant(at)), centre=False)

    def is_stepping(self, node: ast.expr) -> bool:
        """Whether a quantity is constant between jumps."""
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self.whole or name in CONSTANTS
            case ast.BinOp(left=left, right=right):
                return self.is_stepping(left) and self.is_stepping(right)
            case ast.UnaryOp(operand=operand):
                return is_condition(node) or self.is_stepping(operand)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                if name == WHERE:
                    return all(map(self.is_stepping, arguments[1:]))
                return (
                    name == "sign" or FUNCTIONS[name].step or all(map(self.is_stepping, arguments))
                )
        return is_condition(node)

    def _constant(self, value: Fraction) -> Compiled:
        self.constants.add(value)
        if value.denominator & (value.denominator - 1) == 0 and abs(value.numerator) < 2**BALL_BITS:
            with working_precision(BALL_BITS):
                whole = (exact(value), None)
            return lambda c: whole
        quotient = fmpq(value.numerator, value.denominator)
        return lambda c: (arb(quotient), None)

    def _compile_comparison(
        self, left: ast.expr, operator: type[ast.cmpop], right: ast.expr
    ) -> Test:
        is_zero = isinstance(right, ast.Constant) and right.value == 0
        atom = self.atom(left if is_zero else ast.BinOp(left, ast.Sub(), right))
        holds = COMPARISONS[COMPARE[operator]]
        quantity = atom.quantity

        key, flip = atom.key, atom.flip

        def test(c: Context) -> bool:
            known = c.signs.get(key)
            sign = c.sign(atom, quantity(c)[0]) if known is None else known * flip
            return bool(holds(sign, 0))

        return test

    def _power(self, left: ast.expr, right: ast.expr) -> Compiled:
        base, exponent = self.expression(left), self.expression(right)
        fixed = constant_of(right)
        if fixed is not None and fixed.denominator == 1:
            divisor = self._special(left) if fixed < 0 else None
            return whole_power(base, int(fixed), divisor)
        if fixed is None:
            self._scales(right)
        signs = self.atom(left), self.atom(right)
        power = real_power(base, exponent, *signs)
        guards = self._guards([left], [signs[0]])
        if fixed is None:
            return with_branch(
                power, Branch(f"{ast.unparse(left)} ** {ast.unparse(right)}", guards)
            )
        if fixed.denominator == 2:
            return with_branch(power, Branch(f"sqrt({ast.unparse(left)})", guards, turns=True))
        return with_branch(power, Branch(ast.unparse(left), guards, power=fixed))

    def _guards(self, arguments: list[ast.expr], edges: list[Atom]) -> tuple[Atom, ...] | None:
        """The quantities around whose zeros a function has other branches; None if not known."""
        guards = [*edges]
        for node in (n for argument in arguments for n in ast.walk(argument)):
            match node:
                case ast.BinOp(left=left, op=ast.Pow(), right=right):
                    divisor = left if (constant_of(right) or 0) < 0 else None
                case ast.BinOp(op=ast.Div(), right=right):
                    divisor = right
                case ast.Call(func=ast.Name(id=name), args=inner):
                    if name in ("gamma", "lgamma") or (name in FUNCTIONS and FUNCTIONS[name].step):
                        return None
                    divisor = edge_expression(name, 0, inner) if name == "tan" else None
                case _:
                    divisor = None
            atom = None if divisor is None else self._special(divisor)
            guards += [atom] if atom else []
        return tuple(guards)

    def _call(self, name: str, arguments: list[ast.expr]) -> Compiled:
        parts = [self.expression(argument) for argument in arguments]
        match name:
            case "abs":
                return absolute(parts[0], self.atom(arguments[0]))
            case "sign":
                atom = self.atom(arguments[0])
                return lambda c: (arb(c.sign(atom, parts[0](c)[0])), None)
            case "copysign":
                size, direction = self.atom(arguments[0]), self.atom(arguments[1])
                return copy_sign(parts[0], size, parts[1], direction)
            case "isnan" | "isinf":
                return lambda c: (parts[0](c) and ZERO, None)
        function = FUNCTIONS[name]
        if function.quotient:
            self._special(arguments[1])
            self._jumps(function.quotient, ast.BinOp(arguments[0], ast.Div(), arguments[1]))
            quotient = step_function(function.quotient, [divide(parts[0], parts[1])])
            return subtract(parts[0], multiply(parts[1], quotient))
        if function.step:
            for argument in arguments:
                self._special(argument)
            if len(arguments) == 1:
                self._jumps(name, arguments[0])
            if all(map(self.is_stepping, arguments)):
                return unmoved_step(step_function(name, parts))
            return step_function(name, parts)
        if name not in BALL_FUNCTIONS:
            raise TypeError(f"{name} has no value outside a signal")
        return self._analytic(name, arguments, parts)

    def _analytic(self, name: str, arguments: list[ast.expr], parts: list[Compiled]) -> Compiled:
        function = BALL_FUNCTIONS[name]
        if function.saturates:
            self._scales(arguments[0])
        edges = [
            (self._edge_atom(name, index, arguments, parts, quantity, edge), edge)
            for index, (quantity, edge) in enumerate(function.edges)
        ]
        deciding = [(atom, edge) for atom, edge in edges if edge != "not zero" or name == "cbrt"]
        missing = [atom for atom, _ in edges] if name == "tan" else []
        jumping = [atom for atom, _ in edges] if name == "atan2" else []
        value, slopes = function.value, function.slopes

        def evaluate(c: Context) -> Dual:
            duals = [part(c) for part in parts]
            numbers = [dual[0] for dual in duals]
            for atom in missing:
                if c.vanishes(atom.quantity(c)[0]):
                    raise NoValueError
            for atom in jumping:
                quantity = atom.quantity(c)[0]
                c.on = c.on or quantity.contains(0) or c.vanishes(quantity)
            for atom, edge in deciding:
                sign = c.sign(atom, atom.quantity(c)[0])
                if edge != "not zero" and (sign < 0 or (sign == 0 and edge == "positive")):
                    raise OutsideError
            slope = None
            for (_, d), rule in zip(duals, slopes, strict=True):
                if d is not None and rule is not None:
                    term = rule(*numbers) * d
                    slope = term if slope is None else slope + term
            result = value(*numbers)
            if c.visibility is not None:
                for argument, part, rule in zip(arguments, numbers, slopes, strict=True):
                    if rule is not None:
                        c.visibility.note(argument, part * rule(*numbers), result)
            return result, slope

        branches = function.branches
        if not branches:
            return evaluate
        key = f"{name}({', '.join(map(ast.unparse, arguments))})"
        power = Fraction(1, 3) if name == "cbrt" else None
        known = None if name == "lgamma" else self._guards(arguments, [atom for atom, _ in edges])
        turns, shifts = Branches.SIGN in branches, Branches.CONSTANT in branches
        branch = Branch(key, known, turns, shifts, power)
        return with_branch(evaluate, branch)

    def _edge_atom(
        self,
        name: str,
        index: int,
        arguments: list[ast.expr],
        parts: list[Compiled],
        quantity: Callable[..., Any],
        edge: Edge,
    ) -> Atom:
        """The atom of what a function asks of its arguments, in its own arithmetic."""
        text = f"{name}.{index}({', '.join(map(ast.unparse, arguments))})"
        node = edge_expression(name, index, arguments)
        if node is not None:
            return self.atom(node, decides=edge != "not zero" or name == "cbrt")
        free = frozenset(
            n.id for a in arguments for n in ast.walk(a) if isinstance(n, ast.Name)
        ) - {*FUNCTIONS, *CONSTANTS, WHERE}

        def evaluate(c: Context) -> Dual:
            duals = [part(c) for part in parts]
            return quantity(*(dual[0] for dual in duals)), None

        atom = Atom(text, evaluate, text, free, False, None, edge != "not zero")
        self.atoms.append(atom)
        return atom


def is_steep(node: ast.expr) -> bool:
    """Whether the numbers in a quantity make it grow over a distance far from 1."""
    product = 1.0
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float) and part.value:
            size = abs(float(part.value))
            product *= max(size, 1 / size)
    return product > STEEP_NUMBER


def curved_factors(node: ast.expr) -> Sequence[ast.expr]:
    """What a product or a power is made of, where that is not affine."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            parts = [left] if alike(left, right) else [left, right]
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant()):
            parts = [left]
        case _:
            return []
    return [part for part in parts if isinstance(part, ast.BinOp) and affine_form(part) is None]


def edge_expression(name: str, index: int, arguments: list[ast.expr]) -> ast.expr | None:
    """The quantity of an edge of a function as an expression, where it is a simple one."""
    x = arguments[-1] if name in ("Yn",) else arguments[0]
    one = ast.Constant(1)
    match name:
        case "log" | "log10" | "sqrt" | "cbrt" | "Y0" | "Y1" | "Yn" | "atan2":
            return x
        case "asin" | "acos" | "atanh":
            return ast.BinOp(one, ast.Sub() if index == 0 else ast.Add(), x)
        case "acosh":
            return ast.BinOp(x, ast.Sub(), one)
        case "log1p":
            return ast.BinOp(one, ast.Add(), x)
        case "tan":
            return ast.Call(ast.Name("cos"), [x], [])
        case "hypot":
            squares = [ast.BinOp(side, ast.Pow(), ast.Constant(2)) for side in arguments]
            return ast.BinOp(squares[0], ast.Add(), squares[1])
    return None
