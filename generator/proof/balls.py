"""Expressions of the table compiled to dual balls: a value and its slope along a direction.

Each expression becomes one Python function of a `Context`. What an expression compares, takes the
absolute value or the root of is an `Atom`: between the places where atoms are 0 every expression is
analytic. A context tells the sign of an atom, and so which piece is looked at; it may do so from
the ball of the atom (`Context`), or because a piece is wanted (in `regions`).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

from ..table.expressions import COMPARE, COMPARISONS, Expression, is_condition
from ..table.vocabulary import CONSTANTS, FUNCTIONS, WHERE
from .ballfunctions import FUNCTIONS as BALL_FUNCTIONS
from .ballfunctions import Edge

#: A value and its slope; None is a slope that is 0 whatever the arguments.
Dual = tuple[Any, Any]
Compiled = Callable[["Context"], Dual]
Test = Callable[["Context"], bool]

#: Bits of a ball, at least.
BITS = 700


class UndecidedError(Exception):
    """A ball is too wide to tell the sign of an atom."""


class NoValueError(Exception):
    """An expression has no real value here."""


@dataclass(eq=False)
class Atom:
    """A quantity whose sign decides something; `free` holds the names that move it.

    `steps` says that it is constant between jumps, so that it can be 0 over a whole range. `key`
    is the same for all atoms that have the same sign. `affine` maps names to coefficients, and ""
    to the constant, where the atom is of that form.
    """

    key: str
    quantity: Compiled
    text: str
    free: frozenset[str]
    steps: bool
    affine: Mapping[str, Fraction] | None
    decides: bool = True
    flip: int = 1


class Context:
    """The place where expressions are evaluated, and the signs that were found there.

    `values` maps a name to its dual. `signs` lists the atoms in the order they were met; `on`
    tells whether one was 0 or a step was on its jump. Below `zero` a quantity counts as 0.
    """

    def __init__(self, values: Mapping[str, Dual], zero: Any = None) -> None:
        self.values = values
        self.zero = zero
        self.signs: dict[str, int] = {}
        self.met: list[Atom] = []
        self.on = False

    def sign(self, atom: Atom, value: Any) -> int:
        """The sign of an atom whose ball is `value`: -1, 0 or 1."""
        known = self.signs.get(atom.key)
        if known is not None:
            return known * atom.flip
        found = self.told(atom, value)
        self.signs[atom.key] = found * atom.flip
        self.met.append(atom)
        if found == 0 and not atom.steps:
            self.on = True
        return found

    def told(self, atom: Atom, value: Any) -> int:
        """The sign that the ball of an atom shows."""
        if self.zero is not None and value.abs_upper() <= self.zero:
            return 0
        if value > 0:
            return 1
        if value < 0:
            return -1
        if value.is_exact() and value == 0:
            return 0
        if value.is_nan():
            raise NoValueError
        raise UndecidedError


@dataclass
class Compiler:
    """Compiles expressions; collects the atoms of all of them, and the constants they mention.

    `whole` are names that take integers only.
    """

    whole: frozenset[str] = frozenset()
    atoms: list[Atom] = field(default_factory=list)
    constants: set[Fraction] = field(default_factory=set)

    def expression(self, expression: Expression | ast.expr) -> Compiled:
        """The function that gives the dual of an expression; of a condition, 1 or 0."""
        node = expression.tree if isinstance(expression, Expression) else expression
        if is_condition(node):
            test = self.condition(node)
            return lambda c: (_ONE, None) if test(c) else (_ZERO, None)
        match node:
            case ast.Constant(value=value):
                return self._constant(Fraction(str(value)))
            case ast.Name(id=name) if name in CONSTANTS:
                return _pi if name == "pi" else lambda c: (_ZERO, None)
            case ast.Name(id=name):
                return lambda c: c.values[name]
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.expression(operand)
            case ast.UnaryOp(operand=operand):
                if isinstance(operand, ast.Constant):
                    self.constants.add(-Fraction(str(operand.value)))
                return _negated(self.expression(operand))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                self._special(right)
                return _divided(self.expression(left), self.expression(right))
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if _alike(left, right):
                return _whole_power(self.expression(left), 2)
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)](self.expression(left), self.expression(right))
            case ast.Call(func=ast.Name(id=name), args=[chosen, yes, no]) if name == WHERE:
                return _chosen(self.condition(chosen), self.expression(yes), self.expression(no))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, arguments)
        raise TypeError(f"not an expression of numbers: {ast.unparse(node)}")

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
                    self._compared(a, type(operator), b)
                    for a, operator, b in zip(terms, operators, terms[1:], strict=False)
                ]
                return tests[0] if len(tests) == 1 else lambda c: all(test(c) for test in tests)
        raise TypeError(f"not a condition: {ast.unparse(node)}")

    def atom(self, node: ast.expr, decides: bool = True) -> Atom:
        """The atom of a quantity; a `decides` of False is for one that has no say in the piece."""
        affine = affine_form(node)
        key, flip = atom_key(node, affine)
        names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        free = names - {*FUNCTIONS, *CONSTANTS, WHERE}
        quantity = self.expression(node)
        steps = self._steps(node)
        atom = Atom(key, quantity, ast.unparse(node), free, steps, affine, decides, flip)
        self.atoms.append(atom)
        return atom

    def _special(self, node: ast.expr) -> None:
        """Remembers a quantity whose zeros are to be looked at."""
        if any(isinstance(n, ast.Name) and n.id not in CONSTANTS for n in ast.walk(node)):
            self.atom(node, decides=False)

    def _steps(self, node: ast.expr) -> bool:
        """Whether a quantity is constant between jumps."""
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self.whole or name in CONSTANTS
            case ast.BinOp(left=left, right=right):
                return self._steps(left) and self._steps(right)
            case ast.UnaryOp(operand=operand):
                return is_condition(node) or self._steps(operand)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                if name == WHERE:
                    return all(map(self._steps, arguments[1:]))
                return name == "sign" or FUNCTIONS[name].step or all(map(self._steps, arguments))
        return is_condition(node)

    def _constant(self, value: Fraction) -> Compiled:
        self.constants.add(value)
        if value.denominator & (value.denominator - 1) == 0 and abs(value.numerator) < 2**BITS:
            exact = (arb(fmpq(value.numerator, value.denominator)), None)
            return lambda c: exact
        quotient = fmpq(value.numerator, value.denominator)
        return lambda c: (arb(quotient), None)

    def _compared(self, left: ast.expr, operator: type[ast.cmpop], right: ast.expr) -> Test:
        is_zero = isinstance(right, ast.Constant) and right.value == 0
        atom = self.atom(left if is_zero else ast.BinOp(left, ast.Sub(), right))
        holds = COMPARISONS[COMPARE[operator]]
        quantity = atom.quantity

        def test(c: Context) -> bool:
            return bool(holds(c.sign(atom, quantity(c)[0]), 0))

        return test

    def _power(self, left: ast.expr, right: ast.expr) -> Compiled:
        base, exponent = self.expression(left), self.expression(right)
        fixed = constant_of(right)
        if fixed is not None and fixed.denominator == 1:
            if fixed < 0:
                self._special(left)
            return _whole_power(base, int(fixed))
        return _real_power(base, exponent, self.atom(left), self.atom(right))

    def _call(self, name: str, arguments: list[ast.expr]) -> Compiled:
        parts = [self.expression(argument) for argument in arguments]
        match name:
            case "abs":
                return _absolute(parts[0], self.atom(arguments[0]))
            case "sign":
                atom = self.atom(arguments[0])
                return lambda c: (arb(c.sign(atom, parts[0](c)[0])), None)
            case "copysign":
                size, direction = self.atom(arguments[0]), self.atom(arguments[1])
                return _copied_sign(parts[0], size, parts[1], direction)
            case "fmod" | "remainder":
                self._special(arguments[1])
                quotient = _stepped("int" if name == "fmod" else "rint", [_divided(*parts)])
                return _BINARY[ast.Sub](parts[0], _BINARY[ast.Mult](parts[1], quotient))
            case "isnan" | "isinf":
                return lambda c: (parts[0](c) and _ZERO, None)
        function = FUNCTIONS[name]
        if function.step:
            for argument in arguments:
                self._special(argument)
            return _stepped(name, parts)
        if name not in BALL_FUNCTIONS:
            raise TypeError(f"{name} has no value outside a signal")
        return self._analytic(name, arguments, parts)

    def _analytic(self, name: str, arguments: list[ast.expr], parts: list[Compiled]) -> Compiled:
        function = BALL_FUNCTIONS[name]
        if function.saturates:
            self._special(arguments[0])
        edges = [
            (self._edge_atom(name, index, arguments, parts, quantity, edge), edge)
            for index, (quantity, edge) in enumerate(function.edges)
        ]
        deciding = [(atom, edge) for atom, edge in edges if edge != "not zero" or name == "cbrt"]
        value, slopes = function.value, function.slopes

        def evaluate(c: Context) -> Dual:
            duals = [part(c) for part in parts]
            numbers = [dual[0] for dual in duals]
            for atom, edge in deciding:
                sign = c.sign(atom, atom.quantity(c)[0])
                if edge != "not zero" and (sign < 0 or (sign == 0 and edge == "positive")):
                    raise NoValueError
            slope = None
            for (_, d), rule in zip(duals, slopes, strict=True):
                if d is not None and rule is not None:
                    term = rule(*numbers) * d
                    slope = term if slope is None else slope + term
            return value(*numbers), slope

        return evaluate

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
    return None


_ONE, _ZERO = arb(1), arb(0)


def _alike(a: ast.expr, b: ast.expr) -> bool:
    return not isinstance(a, ast.Constant) and ast.dump(a) == ast.dump(b)


def constant_of(node: ast.expr) -> Fraction | None:
    """The value of an expression of numbers alone, by exact arithmetic; else None."""
    form = affine_form(node)
    return form[""] if form is not None and set(form) == {""} else None


def affine_form(node: ast.expr) -> dict[str, Fraction] | None:
    """Coefficients by name, and the constant by ""; None for what is not affine."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return {"": Fraction(str(value))}
        case ast.Name(id=name):
            return None if name in CONSTANTS else {"": Fraction(0), name: Fraction(1)}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            inner = affine_form(operand)
            return inner if inner is None or isinstance(op, ast.UAdd) else _scaled(inner, -1)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = affine_form(left), affine_form(right)
            if a is None or b is None:
                return None
            match op:
                case ast.Add():
                    return _summed(a, b)
                case ast.Sub():
                    return _summed(a, _scaled(b, -1))
                case ast.Mult() if set(a) == {""}:
                    return _scaled(b, a[""])
                case ast.Mult() if set(b) == {""}:
                    return _scaled(a, b[""])
                case ast.Div() if set(b) == {""} and b[""]:
                    return _scaled(a, 1 / b[""])
    return None


def atom_key(node: ast.expr, affine: Mapping[str, Fraction] | None = None) -> tuple[str, int]:
    """What two quantities that have one sign, or opposite signs, share, and which of the two."""
    affine = affine or affine_form(node)
    if affine is not None:
        return _affine_key(affine)
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            key, flip = atom_key(operand)
            return key, -flip
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            sides = ast.unparse(left), ast.unparse(right)
            if sides[0] > sides[1]:
                return f"{sides[1]} - ({sides[0]})", -1
            return f"{sides[0]} - ({sides[1]})", 1
    return ast.unparse(node), 1


def _scaled(form: Mapping[str, Fraction], factor: Fraction | int) -> dict[str, Fraction]:
    return {name: value * factor for name, value in form.items()}


def _summed(a: Mapping[str, Fraction], b: Mapping[str, Fraction]) -> dict[str, Fraction]:
    total = {name: a.get(name, Fraction(0)) + b.get(name, Fraction(0)) for name in {*a, *b}}
    return {name: value for name, value in total.items() if value or not name}


def _affine_key(form: Mapping[str, Fraction]) -> tuple[str, int]:
    """The same text for all multiples of an affine form, and the sign of this multiple."""
    names = sorted(name for name in form if name)
    if not names:
        return f"{form['']}", 1
    lead = form[names[0]]
    terms = [f"{form[name] / abs(lead)}*{name}" for name in names] + [f"{form[''] / abs(lead)}"]
    if lead > 0:
        return " + ".join(terms), 1
    return _affine_key(_scaled(form, -1))[0], -1


def _pi(c: Context) -> Dual:
    return arb.pi(), None


def _negated(a: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        return -v, None if d is None else -d

    return evaluate


def _added(a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        return v + w, e if d is None else d if e is None else d + e

    return evaluate


def _subtracted(a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        return v - w, d if e is None else -e if d is None else d - e

    return evaluate


def _multiplied(a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        first = None if d is None else d * w
        second = None if e is None else v * e
        return v * w, second if first is None else first if second is None else first + second

    return evaluate


def _divided(a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        w, e = b(c)
        quotient = v / w
        if e is None:
            return quotient, None if d is None else d / w
        return quotient, (-quotient * e if d is None else d - quotient * e) / w

    return evaluate


_BINARY: Mapping[type[ast.operator], Callable[[Compiled, Compiled], Compiled]] = {
    ast.Add: _added,
    ast.Sub: _subtracted,
    ast.Mult: _multiplied,
}


def _chosen(test: Test, yes: Compiled, no: Compiled) -> Compiled:
    return lambda c: yes(c) if test(c) else no(c)


def _absolute(a: Compiled, atom: Atom) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        sign = c.sign(atom, v)
        return abs(v), None if d is None or sign == 0 else d if sign > 0 else -d

    return evaluate


def _copied_sign(a: Compiled, size: Atom, b: Compiled, direction: Atom) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        sign = c.sign(size, v) * (1 if c.sign(direction, b(c)[0]) >= 0 else -1)
        return v * sign, None if d is None else d * sign

    return evaluate


#: Fewer bits than this in a ball mean that it stands for an interval.
INTERVAL = 40


def _raised(v: Any, exponent: int) -> Any:
    """A whole power; for an interval, no wider than it has to be."""
    if exponent < 2 or v.rel_accuracy_bits() > INTERVAL or not v.is_finite():
        return v**exponent
    if exponent % 2:
        return (v.lower() ** exponent).union(v.upper() ** exponent)
    return (v.abs_lower() ** exponent).union(v.abs_upper() ** exponent)


def _whole_power(a: Compiled, exponent: int) -> Compiled:
    def evaluate(c: Context) -> Dual:
        v, d = a(c)
        if d is None or exponent == 0:
            return _raised(v, exponent), None
        return _raised(v, exponent), exponent * v ** (exponent - 1) * d

    return evaluate


def _real_power(a: Compiled, b: Compiled, base: Atom, exponent: Atom) -> Compiled:
    """A power with a base of 0 or less only where the exponent allows it."""

    def evaluate(c: Context) -> Dual:
        (v, d), (w, e) = a(c), b(c)
        sign = c.sign(base, v)
        whole = w.unique_fmpz() if w.is_exact() else None
        if sign == 0:
            below = c.sign(exponent, w)
            if below < 0:
                raise NoValueError
            slope = None if d is None else w * v ** (w - 1) * d
            return (_ONE if below == 0 else _ZERO), slope
        if sign < 0:
            if whole is None:
                raise NoValueError
            slope = None if d is None else whole * v ** (whole - 1) * d
            return v**whole, slope if e is None else arb.nan()
        power = v**w
        slope = None if d is None else w * v ** (w - 1) * d
        if e is not None:
            moved = power * v.log() * e
            slope = moved if slope is None else slope + moved
        return power, slope

    return evaluate


# Functions that are constant between jumps.


def _stepped(name: str, parts: list[Compiled]) -> Compiled:
    if len(parts) == 2:
        return _on_integers(FUNCTIONS[name].number, *parts)
    step = _STEPS[name]
    return lambda c: (step(c, parts[0](c)[0]), None)


def _on_integers(operation: Callable[..., Any], a: Compiled, b: Compiled) -> Compiled:
    def evaluate(c: Context) -> Dual:
        x, y = a(c)[0].unique_fmpz(), b(c)[0].unique_fmpz()
        if x is None or y is None:
            raise UndecidedError
        try:
            return arb(int(operation(int(x), int(y)))), None
        except ValueError:
            raise NoValueError from None

    return evaluate


def _floor(c: Context, x: Any) -> Any:
    """The floor; on a jump, the context is told."""
    if not x.is_finite():
        raise NoValueError if x.is_nan() and x.mid().is_nan() else UndecidedError
    near = (x + 0.5).floor().unique_fmpz()
    if near is not None:
        distance = abs(x - near).abs_upper()
        if distance == 0 or (c.zero is not None and distance <= c.zero):
            c.on = True
            return arb(near)
    return x.floor()


def _ceil(c: Context, x: Any) -> Any:
    return -_floor(c, -x)


def _truncated(c: Context, x: Any) -> Any:
    if abs(x) < 1:
        return _ZERO
    if x > 0:
        return _floor(c, x)
    if x < 0:
        return _ceil(c, x)
    return x.floor().union(x.ceil())


def _nearest_even(c: Context, x: Any) -> Any:
    before, c.on = c.on, False
    up = _floor(c, x + 0.5)
    half, c.on = c.on, before or c.on
    if half:
        whole = up.unique_fmpz()
        return up - 1 if whole is not None and int(whole) % 2 else up
    return up


def _nearest_away(c: Context, x: Any) -> Any:
    if x >= 0:
        return _floor(c, x + 0.5)
    if x < 0:
        return -_floor(c, -x + 0.5)
    return (x + 0.5).floor().union((x - 0.5).ceil())


def _exponent(c: Context, x: Any) -> Any:
    size = abs(x)
    if not size > 0:
        if x.is_exact():
            raise NoValueError
        raise UndecidedError
    if size.is_exact():
        mantissa, exponent = size.man_exp()
        if mantissa == 1:
            c.on = True
        return arb(int(exponent) + int(mantissa).bit_length() - 1)
    return _floor(c, size.log() / arb(2).log())


_STEPS: Mapping[str, Callable[[Context, Any], Any]] = {
    "floor": _floor,
    "ceil": _ceil,
    "int": _truncated,
    "rint": _nearest_even,
    "round": _nearest_away,
    "logb": _exponent,
    "lowest": lambda c, x: arb(-1),
    "highest": lambda c, x: _ONE,
}


def precision(constants: set[Fraction]) -> int:
    """Bits with which numbers as small and as large as these constants do not get lost."""
    sizes = [abs(math.log2(abs(c.numerator)) - math.log2(c.denominator)) for c in constants if c]
    return BITS + int(max(sizes, default=0))


class working_precision:  # noqa: N801 - a context manager, named as what it is
    """The block is evaluated with this many bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.before, ctx.prec = ctx.prec, self.bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self.before
