"""Affine forms: exact coefficients by name, and what two quantities of one sign have in common."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..table.expressions import COMPARE
from ..table.folding import COMPARISONS
from ..table.vocabulary import CONSTANTS, FUNCTIONS, WHERE, Function
from .polynomials import decimal, polynomial_key, polynomial_of


def constant_of(node: ast.expr) -> Fraction | None:
    """The value of an expression of numbers alone, by exact arithmetic; else None."""
    form = affine_form(node)
    return form[""] if form is not None and set(form) == {""} else None


def affine_form(
    node: ast.expr, signs: Mapping[str, int] | None = None
) -> dict[str, Fraction] | None:
    """Coefficients by name, and the constant by ""; None for what is not affine.

    `signs` are those of quantities by their keys (`atom_key`): with them a choice is the branch
    that is taken, and an absolute value what stands in it, or its negative.
    """
    match node:
        case ast.Constant(value=int() | float() as value):
            return {"": decimal(value)}
        case ast.Name(id=name):
            return None if name in CONSTANTS else {"": Fraction(0), name: Fraction(1)}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            inner = affine_form(operand, signs)
            return inner if inner is None or isinstance(op, ast.UAdd) else _scale(inner, -1)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = affine_form(left, signs), affine_form(right, signs)
            if a is None or b is None:
                return None
            match op:
                case ast.Add():
                    return _add(a, b)
                case ast.Sub():
                    return _add(a, _scale(b, -1))
                case ast.Mult() if set(a) == {""}:
                    return _scale(b, a[""])
                case ast.Mult() if set(b) == {""}:
                    return _scale(a, b[""])
                case ast.Div() if set(b) == {""} and b[""]:
                    return _scale(a, 1 / b[""])
        case ast.Call(func=ast.Name(id=name), args=arguments) if signs is not None:
            return _decided_form(name, arguments, signs)
    return None


def _decided_form(
    name: str, arguments: Sequence[ast.expr], signs: Mapping[str, int]
) -> dict[str, Fraction] | None:
    """The affine form of a choice or an absolute value where quantities have these signs."""
    if name == WHERE:
        holds = truth(arguments[0], signs)
        return None if holds is None else affine_form(arguments[1 if holds else 2], signs)
    if name == "abs":
        sign = _known_sign(arguments[0], signs)
        inner = affine_form(arguments[0], signs)
        return None if sign is None or inner is None else _scale(inner, sign)
    return None


def _known_sign(node: ast.expr, signs: Mapping[str, int]) -> int | None:
    key, flip = atom_key(node)
    return signs[key] * flip if key in signs else None


def truth(node: ast.expr, signs: Mapping[str, int]) -> bool | None:
    """Whether a condition holds where quantities have these signs; None if they do not tell."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = truth(operand, signs)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            decisive = isinstance(op, ast.Or)
            for value in values:
                known = truth(value, signs)
                if known is None or known == decisive:
                    return known
            return not decisive
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            is_zero = isinstance(right, ast.Constant) and right.value == 0
            sign = _known_sign(left if is_zero else ast.BinOp(left, ast.Sub(), right), signs)
            return None if sign is None else bool(COMPARISONS[COMPARE[type(operator)]](sign, 0))
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
        case ast.Call(args=[argument]) if _keeps_sign(node):
            return atom_key(argument)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            if inner := _increasing_arguments(left, right):
                return atom_key(ast.BinOp(inner[0], ast.Sub(), inner[1]))
    polynomial = polynomial_of(node, opaque=True)
    if polynomial and len(polynomial) > 1:
        return polynomial_key(polynomial)
    match node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            sides = ast.unparse(left), ast.unparse(right)
            if sides[0] > sides[1]:
                return f"{sides[1]} - ({sides[0]})", -1
            return f"{sides[0]} - ({sides[1]})", 1
    return ast.unparse(node), 1


def _keeps_sign(node: ast.Call) -> bool:
    """Whether a function has the sign of its argument where it has a value."""
    function = called_function(node)
    if function is None or not function.only_zero:
        return False
    return function.increasing or function.name == "sqrt"


def _increasing_arguments(a: ast.expr, b: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Two quantities whose difference has the sign of `a - b`, if the same function is on both."""
    match a, b:
        case ast.Call(args=[x]), ast.Call(args=[y]) if function := called_function(a):
            return (x, y) if function.increasing and called_function(b) is function else None
        case (
            ast.BinOp(left=x, op=ast.Pow(), right=ast.Constant(value=int() as power)),
            ast.BinOp(left=y, op=ast.Pow(), right=ast.Constant(value=other)),
        ):
            return (x, y) if power == other and power > 0 and power % 2 else None
    return None


def called_name(node: ast.expr) -> str:
    """The name of the function that is called; nothing for anything else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def called_function(node: ast.expr) -> Function | None:
    """The function of the vocabulary that is called, if one is."""
    return FUNCTIONS.get(called_name(node))


def _scale(form: Mapping[str, Fraction], factor: Fraction | int) -> dict[str, Fraction]:
    return {name: value * factor for name, value in form.items()}


def _add(a: Mapping[str, Fraction], b: Mapping[str, Fraction]) -> dict[str, Fraction]:
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
    return _affine_key(_scale(form, -1))[0], -1
