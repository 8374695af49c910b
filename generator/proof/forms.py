"""What the form of a quantity shows: which signs it cannot have, where its zeros can be.

Nothing is evaluated here. What a form does not show is left open.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from ..table.vocabulary import CONSTANTS, FUNCTIONS, WHERE
from .affine import affine_form, atom_key, called_function, called_name
from .polynomials import least_value

#: Affine forms that are 0 together.
Zero = tuple[Mapping[str, Fraction], ...]

#: More places than this are not listed, and more ways through choices not followed.
MAX_ZEROS, MAX_BRANCHES = 8, 8


@dataclass(frozen=True)
class QuantityForm:
    """What the text of a quantity tells of it; the fields are those of an `Atom`."""

    text: str
    key: str
    flip: int
    free: frozenset[str]
    affine: Mapping[str, Fraction] | None
    smooth: bool
    zeros: Sequence[Sequence[Mapping[str, Fraction]]] | None
    missing: frozenset[int]


@cache
def form_of(text: str) -> QuantityForm:
    """The form of a quantity; arguments of a row, and its other claims, have most in common."""
    node = ast.parse(text, mode="eval").body
    affine = affine_form(node)
    if affine is None and is_positive(node):
        affine = {"": Fraction(1)}
    key, flip = atom_key(node, affine)
    names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    return QuantityForm(
        text,
        key,
        flip,
        names - {*FUNCTIONS, *CONSTANTS, WHERE},
        affine,
        is_smooth(node),
        zeros(node),
        frozenset() if affine and len(affine) > 1 else missing_signs(node),
    )


def is_smooth(node: ast.expr) -> bool:
    """Whether nothing in a quantity jumps where all its signs are known."""
    names = (called_name(n) for n in ast.walk(node) if isinstance(n, ast.Call))
    functions = (FUNCTIONS[name] for name in names if name in FUNCTIONS)
    return not any(function.step or function.quotient for function in functions)


def missing_signs(node: ast.expr) -> frozenset[int]:
    """The signs that a quantity has nowhere."""
    if is_positive(node):
        return frozenset((-1, 0))
    return frozenset((-1,)) if is_not_negative(node) else frozenset()


def is_positive(node: ast.expr) -> bool:
    """Whether the form of a quantity shows that it is more than 0 everywhere."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and value > 0
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            if is_positive(left) and is_not_negative(right):
                return True
            if is_not_negative(left) and is_positive(right):
                return True
            return (least_value(node) or 0) > 0
        case ast.BinOp(op=ast.Sub()):
            return (least_value(node) or 0) > 0
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return is_positive(left) and is_positive(right)
        case ast.BinOp(left=left, op=ast.Pow()):
            return is_positive(left)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return is_positive(left) and is_positive(right)
        case ast.Call():
            if called_name(node) in ("sqrt", "hypot"):
                return any(map(is_positive, node.args))
            return called_name(node) in ("exp", "cosh")
    return False


def is_not_negative(node: ast.expr) -> bool:
    """Whether the form of a quantity shows that it is nowhere less than 0."""
    match node:
        case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int() as exponent)):
            return exponent >= 0 and exponent % 2 == 0
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if alike(left, right):
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right):
            if is_not_negative(left) and is_not_negative(right):
                return True
            if isinstance(node.op, ast.Add) and _is_one_and_bounded(left, right):
                return True
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            if _is_one_and_bounded(left, right):
                return True
        case ast.Call() if called_name(node) in ("abs", "hypot", "sqrt"):
            return True
    least = least_value(node)
    if least is not None and least >= 0:
        return True
    return is_positive(node) or (isinstance(node, ast.Constant) and node.value == 0)


def _is_one_and_bounded(a: ast.expr, b: ast.expr) -> bool:
    return (
        isinstance(a, ast.Constant) and a.value == 1 and isinstance(b, ast.Call)
        and _is_bounded(b)
    )  # fmt: skip


def _is_bounded(node: ast.expr) -> bool:
    function = called_function(node)
    return function is not None and function.bounded


def _is_only_zero_at_zero(node: ast.expr) -> bool:
    function = called_function(node)
    return function is not None and function.only_zero


def zeros(node: ast.expr) -> tuple[Zero, ...] | None:
    """Affine forms that are 0 together, one entry for each way in which a quantity may be 0.

    All zeros are among these; None if the form does not tell. A choice is taken for either of its
    branches, an absolute value for what stands in it and for its negative.
    """
    result = _zeros(node)
    if result is None and (plain := _without_choices(node)):
        result = ()
        for branch in plain:
            result = _either(result, _zeros(branch))
    return None if result is None or len(result) > MAX_ZEROS else result


def has_choices(node: ast.expr) -> bool:
    """Whether a quantity is made of choices or absolute values, outside of other functions."""
    return len(_split_choice(node)) > 1


def _without_choices(node: ast.expr) -> list[ast.expr]:
    """What a quantity may be without its choices; none where it has none, or too many of them."""
    branches, again = [node], True
    while again:
        split = [_split_choice(branch) for branch in branches]
        again = any(len(ways) > 1 for ways in split)
        branches = [way for ways in split for way in ways]
        if len(branches) > MAX_BRANCHES:
            return []
    return branches if len(branches) > 1 else []


def _split_choice(node: ast.expr) -> list[ast.expr]:
    """A quantity with the first choice in it taken one way, and the other; itself if it has none.

    Nothing is looked for inside of a function that is called.
    """
    match node:
        case ast.Call(args=[_, yes, no]) if called_name(node) == WHERE:
            return [yes, no]
        case ast.Call(args=[argument]) if called_name(node) == "abs":
            return [argument, ast.UnaryOp(ast.USub(), argument)]
        case ast.UnaryOp(op=op, operand=operand) if not isinstance(op, ast.Not):
            return [ast.UnaryOp(op, way) for way in _split_choice(operand)]
        case ast.BinOp(left=left, op=op, right=right):
            ways = _split_choice(left)
            if len(ways) > 1:
                return [ast.BinOp(way, op, right) for way in ways]
            return [ast.BinOp(left, op, way) for way in _split_choice(right)]
    return [node]


def _zeros(node: ast.expr) -> tuple[Zero, ...] | None:
    form = affine_form(node)
    if form is not None:
        return ((form,),) if len(form) > 1 or not form[""] else ()
    if is_positive(node):
        return ()
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _zeros(operand)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _either(_zeros(left), _zeros(right))
        case ast.BinOp(left=left, op=ast.Div()):
            return _zeros(left)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() | float() as power)):
            return _zeros(left) if power > 0 else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            if is_not_negative(left) and is_not_negative(right):
                return _both(_zeros(left), _zeros(right))
            return _quotient_zeros(node)
        case ast.BinOp(op=ast.Sub()):
            return _quotient_zeros(node)
        case ast.Call(args=arguments) if called_name(node) == "hypot":
            return _both(*map(_zeros, arguments))
        case ast.Call(args=[argument]) if _is_only_zero_at_zero(node):
            return _zeros(argument)
        case ast.Call(args=[_, yes, no]) if called_name(node) == "where":
            return _either(_zeros(yes), _zeros(no))
    return None


def _quotient_zeros(node: ast.BinOp) -> tuple[Zero, ...] | None:
    """Where `a / b + c` is 0, `a + c * b` is."""
    for quotient, other in ((node.left, node.right), (node.right, node.left)):
        match quotient:
            case ast.BinOp(left=above, op=ast.Div(), right=below):
                product = ast.BinOp(other, ast.Mult(), below)
                is_first = quotient is node.left
                sides = (above, product) if is_first else (product, above)
                form = affine_form(ast.BinOp(sides[0], node.op, sides[1]))
                if form is not None:
                    return ((form,),) if len(form) > 1 or not form[""] else ()
    return None


def _either(a: tuple[Zero, ...] | None, b: tuple[Zero, ...] | None) -> tuple[Zero, ...] | None:
    return None if a is None or b is None else (*a, *(way for way in b if way not in a))


def _both(a: tuple[Zero, ...] | None, b: tuple[Zero, ...] | None) -> tuple[Zero, ...] | None:
    """The ways in which two quantities are 0 at once; never, if one of them is never 0."""
    if a == () or b == ():
        return ()
    return None if a is None or b is None else tuple((*x, *y) for x in a for y in b)


def alike(a: ast.expr, b: ast.expr) -> bool:
    """Whether two quantities are the same text, and not numbers."""
    return not isinstance(a, ast.Constant) and _is_same(a, b)


def _is_same(a: object, b: object) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, ast.AST):
        # Nodes that we made lack fields without a meaning, `ctx` and `kind`.
        meant = (name for name in a._fields if name not in ("ctx", "kind", "keywords"))
        return all(_is_same(getattr(a, name), getattr(b, name)) for name in meant)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_is_same, a, b))
    return a == b
