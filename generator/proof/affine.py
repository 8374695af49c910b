"""Affine forms: exact coefficients by name, and what two quantities of one sign have in common."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction

from ..table.vocabulary import CONSTANTS


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
