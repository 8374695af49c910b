"""SymPy's part: whether a residual is literally 0 on a piece.

On a piece every condition is decided, so that both formulas are plain ones. SymPy's own
differentiation is taken, not the one in balls.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from ..table.algebras import Symbols
from ..table.expressions import COMPARE, Expression, is_condition
from ..table.folding import COMPARISONS, fold
from ..table.rules import copy_tree
from ..table.vocabulary import CONSTANTS, WHERE
from .affine import atom_key
from .forms import is_positive
from .questions import Piece

#: Larger residuals are not simplified: that can take minutes.
MAX_OPERATIONS = 300
#: Sums to a higher power than this are not multiplied out.
MAX_expand_radicands_POWER = 12


def vanishes_on(
    piece: Piece,
    value: Expression,
    stated: Expression,
    direction: Mapping[str, Fraction | str] | None,
    whole: frozenset[str],
) -> bool:
    """Whether SymPy reduces slope (without a direction, value) minus formula to a literal 0."""
    signs = {atom.key: sign * atom.flip for atom, sign in piece.signs}
    try:
        plain = [DecidedConditions(signs).visit(copy_tree(side.tree)) for side in (value, stated)]
    except KeyError:
        return False
    names = {n.id for tree in plain for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names |= {*(direction or {}), *(w for w in (direction or {}).values() if isinstance(w, str))}
    symbols = {name: _symbol(name, signs, whole) for name in names}
    algebra = Symbols({name: term for name, (term, _) in symbols.items()})
    try:
        first, second = (sp.sympify(fold(tree, algebra)) for tree in plain)
        if direction is not None:
            first = _slope(first, direction, symbols)
        return vanishes(first - second)
    except (TypeError, ValueError, NotImplementedError, ArithmeticError, RecursionError):
        return False


def _slope(value: Any, direction: Mapping[str, Fraction | str], symbols: Mapping[str, Any]) -> Any:
    total = sp.Integer(0)
    for name, way in direction.items():
        term, symbol = symbols[name]
        along = symbols[way][0] if isinstance(way, str) else sp.Rational(way)
        # A name that is negative here is the negative of a positive symbol.
        total += derivative(value, symbol) * derivative(term, symbol) * along
    return total


def derivative(value: Any, symbol: Any) -> Any:
    """The derivative by SymPy's rules of its functions.

    `sympy.diff` asks of every part on its way whether it is 0, which takes as long as all the rest.
    """
    if symbol not in value.free_symbols:
        return sp.Integer(0)
    if value == symbol:
        return sp.Integer(1)
    if isinstance(value, sp.Add):
        return sp.Add(*(derivative(term, symbol) for term in value.args))
    if isinstance(value, sp.Mul):
        return sp.Add(
            *(
                sp.Mul(*value.args[:index], derivative(factor, symbol), *value.args[index + 1 :])
                for index, factor in enumerate(value.args)
                if symbol in factor.free_symbols
            )
        )
    if isinstance(value, sp.Pow):
        base, exponent = value.args
        moved = (
            derivative(exponent, symbol) * sp.log(base) if symbol in exponent.free_symbols else 0
        )
        return value * (moved + derivative(base, symbol) * exponent / base)
    if type(value)._eval_derivative is not sp.Function._eval_derivative:
        return sp.diff(value, symbol)
    return sp.Add(
        *(
            value.fdiff(index) * derivative(argument, symbol)
            for index, argument in enumerate(value.args, 1)
            if symbol in argument.free_symbols
        )
    )


def _symbol(name: str, signs: Mapping[str, int], whole: frozenset[str]) -> tuple[Any, Any]:
    """A name as a term and the symbol in it, with the sign that the piece gives it."""
    if name in whole:
        symbol = sp.Symbol(name, integer=True)
        return symbol, symbol
    key, flip = atom_key(ast.Name(name))
    sign = signs.get(key, 0) * flip
    if sign:
        symbol = sp.Symbol(name, positive=True)
        return sign * symbol, symbol
    symbol = sp.Symbol(name, real=True)
    return symbol, symbol


def is_sloping(expression: Expression, whole: frozenset[str]) -> bool:
    """Whether some slope is a rational function other than 0, so that no range has the value 0.

    What steps is a constant of its own between jumps, and must not be in that slope.
    """
    names = expression.names - {*CONSTANTS}
    symbols = {name: sp.Symbol(name, real=True) for name in names}
    try:
        value = sp.sympify(fold(expression, Symbols(symbols)))
    except (TypeError, ValueError, NotImplementedError, ArithmeticError):
        return False
    moving = {symbol for name, symbol in symbols.items() if name not in whole}
    for symbol in moving if value.is_rational_function() else ():
        slope = derivative(value, symbol)
        if slope.free_symbols <= moving and sp.expand(sp.numer(sp.together(slope))) != 0:
            return True
    return False


class DecidedConditions(ast.NodeTransformer):
    """Replaces every condition, absolute value and sign by what it is where atoms have `signs`."""

    def __init__(self, signs: Mapping[str, int]) -> None:
        self.signs = signs

    def _sign(self, node: ast.expr) -> int:
        key, flip = atom_key(node)
        return self.signs[key] * flip

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and is_condition(node):
            return ast.Constant(int(self._holds(node)))
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == WHERE:
            return self.visit(node.args[1] if self._holds(node.args[0]) else node.args[2])
        arguments = [self.visit(argument) for argument in node.args]
        if name in ("abs", "sign", "copysign", "cbrt"):
            sign = ast.Constant(self._sign(node.args[0]))
            if name == "sign":
                return sign
            size = ast.BinOp(sign, ast.Mult(), arguments[0])
            if name == "cbrt":
                root = ast.BinOp(ast.Constant(1), ast.Div(), ast.Constant(3))
                return ast.BinOp(sign, ast.Mult(), ast.BinOp(size, ast.Pow(), root))
            if name == "copysign":
                way = 1 if self._sign(node.args[1]) >= 0 else -1
                return ast.BinOp(ast.Constant(way), ast.Mult(), size)
            return size
        return ast.Call(node.func, arguments, [])

    def _holds(self, node: ast.expr) -> bool:
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._holds(operand)
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._holds(value) for value in values)
            case ast.BoolOp(values=values):
                return any(self._holds(value) for value in values)
            case ast.Compare(left=left, ops=operators, comparators=others):
                terms = (left, *others)
                return all(
                    COMPARISONS[COMPARE[type(operator)]](self._difference(a, b), 0)
                    for a, operator, b in zip(terms, operators, terms[1:], strict=False)
                )
        raise TypeError(f"not a condition: {ast.unparse(node)}")

    def _difference(self, a: ast.expr, b: ast.expr) -> int:
        is_zero = isinstance(b, ast.Constant) and b.value == 0
        node = a if is_zero else ast.BinOp(a, ast.Sub(), b)
        key, flip = atom_key(node)
        if key in self.signs:
            return self.signs[key] * flip
        if is_positive(node):
            return 1
        known = sp.sympify(fold(node, Symbols({}))) if not _names(node) else None
        if known is None:
            raise KeyError(key)
        return int(sp.sign(known))


def _names(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) for n in ast.walk(node))


def vanishes(difference: Any) -> bool:
    """Whether SymPy reduces a formula to a literal 0."""
    difference = sp.sympify(difference)
    if difference == 0:
        return True
    # What has no infinity in it is not asked whether it is finite: that takes long.
    if difference.has(sp.nan, sp.zoo, sp.oo) and not difference.is_finite:
        return False
    for step in _promising(difference) if _expandable(difference) else _WITHOUT_EXPANSION:
        try:
            if step(difference) == 0:
                return True
        except (TypeError, ValueError, NotImplementedError, ArithmeticError, RecursionError):
            continue
        except (sp.PolynomialError, AttributeError):
            continue
    return False


def _expandable(expression: Any) -> bool:
    return not any(
        power.base.is_Add and power.exp.is_Integer and abs(power.exp) > MAX_expand_radicands_POWER
        for power in expression.atoms(sp.Pow)
    )


def _expand_radicands(expression: Any) -> Any:
    """What stands under a root multiplied out, so that equal roots look alike."""
    return expression.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.Pow(sp.expand(e.base), e.exp)
    )


def _factor_radicands(expression: Any) -> Any:
    return expression.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.Pow(sp.factor(e.base), e.exp)
    )


def _joined_roots(expression: Any) -> Any:
    """Products of roots as the root of a product: where they have real values, that is the same."""
    numerator = sp.expand(sp.numer(sp.together(expression)))
    return sp.expand(_expand_radicands(sp.powsimp(numerator, force=True)))


def _double_angles(expression: Any) -> Any:
    """Angles doubled, which turns the functions of half an angle into functions of a whole one."""
    doubles = {s: 2 * sp.Symbol(s.name, real=True) for s in expression.free_symbols}
    return sp.expand_trig(expression.subs(doubles))


def _as_exponentials(expression: Any) -> Any:
    numerator = sp.numer(sp.together(expression.rewrite(sp.exp)))
    return sp.expand(sp.powsimp(sp.expand(numerator)))


def _simplify(expression: Any) -> Any:
    return sp.simplify(expression) if sp.count_ops(expression) <= MAX_OPERATIONS else expression


def _with_factored_radicands(expression: Any) -> Any:
    return sp.expand(sp.numer(sp.together(_factor_radicands(expression))))


def _expand_functions(expression: Any) -> Any:
    return sp.expand(sp.expand_func(expression))


Strategy = Callable[[Any], Any]

_STRATEGIES: tuple[Strategy, ...] = (
    sp.expand,
    lambda d: sp.expand(sp.numer(sp.together(d))),
    lambda d: sp.expand(sp.numer(sp.together(_expand_radicands(d)))),
    _with_factored_radicands,
    _expand_functions,
    lambda d: sp.expand_log(sp.expand(d)),
    _as_exponentials,
    lambda d: sp.cancel(sp.together(sp.expand_trig(d))),
    lambda d: _as_exponentials(_double_angles(d)),
    lambda d: sp.expand(d.rewrite(sp.asin)),
    _joined_roots,
    lambda d: sp.radsimp(sp.together(d)),
    lambda d: sp.trigsimp(sp.expand_trig(d)),
    _simplify,
    lambda d: _simplify(sp.expand_func(d)),
    lambda d: _simplify(d.rewrite(sp.log)),
    lambda d: _simplify(_double_angles(d)),
)
_WITHOUT_EXPANSION: tuple[Strategy, ...] = (sp.factor_terms, sp.trigsimp)


def _promising(difference: Any) -> list[Strategy]:
    """All strategies; after the first, those that suit the functions in a formula come first."""
    suited: list[Strategy] = []
    if difference.has(sp.besselj, sp.bessely):
        suited.append(_expand_functions)
    if difference.has(sp.exp) and difference.has(sp.sinh, sp.cosh, sp.tanh):
        suited.append(_as_exponentials)
    roots = (power for power in difference.atoms(sp.Pow) if not power.exp.is_Integer)
    if len({root.base for root in roots if root.free_symbols}) > 1:
        suited.append(_with_factored_radicands)
    first, *others = _STRATEGIES
    return [first, *suited, *(step for step in others if step not in suited)]
