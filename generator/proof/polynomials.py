"""Polynomials with exact coefficients: one text for equal ones, the least value of a quadratic."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..table.vocabulary import CONSTANTS

#: The powers of the names in a term.
Monomial = tuple[tuple[str, int], ...]
Polynomial = dict[Monomial, Fraction]

#: Larger polynomials are not multiplied out.
MAX_TERMS, MAX_POWER = 40, 8


class _TooLargeError(Exception):
    """No polynomial, or one that is too large."""


@lru_cache(maxsize=4096)
def decimal(value: Any) -> Fraction:
    """A number of the text with the digits that it was written with."""
    return Fraction(value) if isinstance(value, int) else Fraction(str(value))


def polynomial_of(node: ast.expr, opaque: bool = False) -> Polynomial | None:
    """The terms of a polynomial of names; None for what is none, or a large one.

    With `opaque`, a function that is called counts as a name, its text.
    """
    try:
        return _polynomial(node, opaque)
    except _TooLargeError:
        return None


def _polynomial(node: ast.expr, opaque: bool) -> Polynomial:
    match node:
        case ast.Constant(value=int() | float() as value):
            return {(): decimal(value)} if value else {}
        case ast.Name(id=name) if opaque or name not in CONSTANTS:
            return {((name, 1),): Fraction(1)}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            factor = Fraction(-1 if isinstance(op, ast.USub) else 1)
            return _times(_polynomial(operand, opaque), {(): factor})
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            factor = Fraction(-1 if isinstance(op, ast.Sub) else 1)
            other = _times(_polynomial(right, opaque), {(): factor})
            return _plus(_polynomial(left, opaque), other)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _times(_polynomial(left, opaque), _polynomial(right, opaque))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            below = _polynomial(right, opaque)
            if set(below) == {()}:
                return _times(_polynomial(left, opaque), {(): 1 / below[()]})
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)):
            if 0 <= power <= MAX_POWER:
                product: Polynomial = {(): Fraction(1)}
                for _ in range(power):
                    product = _times(product, _polynomial(left, opaque))
                return product
    if opaque and isinstance(node, ast.Call):
        return {((ast.unparse(node), 1),): Fraction(1)}
    raise _TooLargeError


def _plus(a: Polynomial, b: Polynomial) -> Polynomial:
    total = {term: a.get(term, Fraction(0)) + b.get(term, Fraction(0)) for term in {**a, **b}}
    return {term: value for term, value in total.items() if value}


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    total: Polynomial = {}
    for first, value in a.items():
        for second, factor in b.items():
            powers = dict(first)
            for name, power in second:
                powers[name] = powers.get(name, 0) + power
            term = tuple(sorted(powers.items()))
            total[term] = total.get(term, Fraction(0)) + value * factor
    if len(total) > MAX_TERMS:
        raise _TooLargeError
    return {term: value for term, value in total.items() if value}


def polynomial_key(polynomial: Polynomial) -> tuple[str, int]:
    """A text that all positive and negative multiples share, and the sign of this one."""
    terms = sorted(polynomial.items(), reverse=True)
    scale = terms[0][1]
    text = " + ".join(f"{v / abs(scale) * (1 if scale > 0 else -1)}*{m}" for m, v in terms)
    return text, 1 if scale > 0 else -1


def least_value(node: ast.expr) -> Fraction | None:
    """The least value of a sum of even powers, or of a quadratic; None where none is known.

    Of a quadratic, names are eliminated by completing the square.
    """
    polynomial = polynomial_of(node)
    if polynomial is None:
        return None
    if all(
        not term or (value > 0 and all(power % 2 == 0 for _, power in term))
        for term, value in polynomial.items()
    ):
        return polynomial.get((), Fraction(0))
    if any(sum(power for _, power in term) > 2 for term in polynomial):
        return None
    names = sorted({name for term in polynomial for name, _ in term})
    rest: Mapping[Monomial, Fraction] = polynomial
    for name in names:
        square = rest.get(((name, 2),), Fraction(0))
        linear = {
            tuple((n, p) for n, p in term if n != name): value
            for term, value in rest.items()
            if (name, 1) in term
        }
        rest = {term: value for term, value in rest.items() if name not in dict(term)}
        if linear and square <= 0:
            return None
        if square < 0:
            return None
        if linear:
            # a x^2 + b x is at least -b^2 / (4 a), which it is at x = -b / (2 a).
            rest = _plus(dict(rest), _times(_times(linear, linear), {(): -1 / (4 * square)}))
    return rest.get((), Fraction(0))
