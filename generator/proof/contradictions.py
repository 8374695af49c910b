"""Signs that no place can have: affine forms, factors and identities that contradict each other."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from ..table.rules import copy_tree
from .affine import affine_form, called_function, called_name
from .contexts import Atom
from .polynomials import polynomial_of
from .regions import Form, Signs, TooManyError, affine_part, feasible

#: Factors of one quantity that are told apart.
MAX_FACTORS = 5
#: Combinations of signs of factors that are tried.
MAX_CASES = 400


def is_excluded(signs: Signs, names: Sequence[str]) -> bool:
    """Whether affine forms contradict each other."""
    try:
        return feasible(affine_part(signs, names)[0], names) is None
    except TooManyError:
        return False


def contradict(signs: Signs, names: Sequence[str]) -> bool:
    """Whether signs contradict each other, with quantities factored, and sin and cos as a pair."""
    exclusions = (_on_circle, _as_monomials, _at_fixed_names)
    if _between_integers(signs, names) or any(excludes(signs) for excludes in exclusions):
        return True
    base, _ = affine_part(signs, names)
    cases = [_cases(atom, sign, signs[:index]) for index, (atom, sign) in enumerate(signs)]
    decided = [case for case in cases if case is not None]
    if not decided:
        return False
    functions = {n for case in decided for way in case for form, _ in way for n in form if n}
    names = (*names, *sorted(functions - {*names}))
    try:
        for _, way in zip(range(MAX_CASES), itertools.product(*decided), strict=False):
            if feasible([*base, *itertools.chain(*way)], names) is not None:
                return False
    except TooManyError:
        return False
    count = 1
    for case in decided:
        count *= len(case)
    return count <= MAX_CASES


def _as_monomials(signs: Signs) -> bool:
    """Whether polynomials contradict each other whatever their monomials are."""
    forms: list[Form] = []
    for atom, sign in signs:
        if atom.node is None or atom.steps:
            continue
        polynomial = polynomial_of(atom.node, opaque=True)
        if polynomial is not None:
            form = {str(term) if term else "": value for term, value in polynomial.items()}
            forms.append(({"": Fraction(0), **form}, sign))
    names = sorted({name for form, _ in forms for name in form if name})
    try:
        return bool(forms) and feasible(forms, names) is None
    except TooManyError:
        return False


def _at_fixed_names(signs: Signs) -> bool:
    """Whether a polynomial has another sign where its names are what other quantities make them."""
    fixed: dict[str, Fraction] = {}
    for atom, sign in signs:
        names = [name for name in atom.affine or () if name]
        if sign == 0 and atom.affine and len(names) == 1:
            fixed[names[0]] = -atom.affine[""] / atom.affine[names[0]]
    for atom, sign in signs:
        if atom.node is None or atom.steps or not atom.free or not atom.free <= fixed.keys():
            continue
        polynomial = polynomial_of(atom.node)
        if polynomial is not None:
            terms = (v * math.prod(fixed[n] ** p for n, p in t) for t, v in polynomial.items())
            value = sum(terms, Fraction(0))
            if (value > 0) - (value < 0) != sign:
                return True
    return False


def _cases(atom: Atom, sign: int, before: Signs) -> list[list[Form]] | None:
    """The ways in which the affine factors of a quantity give it a sign; None if there are none."""
    if atom.node is None or atom.steps:
        return None
    forms = _factors(atom.node, {a.key: s * a.flip for a, s in before})
    if forms is None:
        return None
    scale, factors, is_all = forms
    cases = []
    for chosen in itertools.product((1, -1, 0), repeat=len(factors)):
        product = scale
        if any(not way and factor.below for way, factor in zip(chosen, factors, strict=True)):
            continue
        for way, factor in zip(chosen, factors, strict=True):
            product *= way**factor.power
        # What stands beside the affine factors may have any sign.
        if product == sign or (not is_all and (product != 0 or sign == 0)):
            cases.append([(f.form, way) for way, f in zip(chosen, factors, strict=True)])
    return cases


class _Factor(NamedTuple):
    """An affine factor of a quantity and its power, in the numerator or `below`, where no 0 is."""

    form: Mapping[str, Fraction]
    power: int
    below: bool


def _factors(node: ast.expr, signs: Mapping[str, int]) -> tuple[int, list[_Factor], bool] | None:
    """Sign, affine factors, and whether these are all; None for no rational function."""
    import sympy as sp

    from ..table.algebras import Symbols
    from ..table.folding import fold
    from .symbolic import DecidedConditions

    if affine_form(node) is not None:
        return None
    try:
        tree = DecidedConditions(signs).visit(copy_tree(node))
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        algebra = Symbols({name: sp.Symbol(name, real=True) for name in names})
        quotient = sp.fraction(sp.together(sp.sympify(fold(tree, algebra))))
        (scale, above), (divisor, below) = map(sp.factor_list, quotient)
    except (KeyError, TypeError, ValueError, NotImplementedError, sp.PolynomialError):
        return None
    sides = [(factor, False) for factor in above] + [(factor, True) for factor in below]
    affine = [(_form(factor), int(power), is_below) for (factor, power), is_below in sides]
    kept = [_Factor(f, power, is_below) for f, power, is_below in affine if f is not None]
    scale *= divisor
    if not kept or len(kept) > MAX_FACTORS or not scale.is_real:
        return None
    return int(sp.sign(scale)), kept, len(kept) == len(affine)


def _form(factor: object) -> dict[str, Fraction] | None:
    """A factor as an affine form of its monomials; a function in it is one more name.

    That monomials hang together is left out: what has no solution then has none at all.
    """
    import sympy as sp

    polynomial = sp.Poly(factor)
    if not all(c.is_Rational for c in polynomial.coeffs()):
        return None
    form = {"": Fraction(0)}
    for powers, value in polynomial.terms():
        raised = zip(polynomial.gens, powers, strict=True)
        name = "*".join(str(g) if p == 1 else f"{g}**{p}" for g, p in raised if p)
        form[name] = Fraction(int(value.p), int(value.q))
    return form


def _on_circle(signs: Signs) -> bool:
    """Whether a sine is 0 where the cosine is neither 1 nor -1, or the other way round."""
    known = {ast.unparse(atom.node): sign for atom, sign in signs if atom.node is not None}
    for atom, sign in signs:
        if isinstance(atom.node, ast.Call) and called_name(atom.node) in ("sin", "cos"):
            other = "cos" if called_name(atom.node) == "sin" else "sin"
            partner = ast.unparse(ast.Call(ast.Name(other), atom.node.args, []))
            ends = known.get(f"1 - {partner}"), known.get(f"1 + {partner}")
            if (0 in ends and sign != 0) or (sign == 0 and None not in ends and 0 not in ends):
                return True
    return False


def _between_integers(signs: Signs, names: Sequence[str]) -> bool:
    """Whether a name that takes integers alone would have to lie between two of them."""
    low: dict[str, Fraction] = {}
    high: dict[str, Fraction] = {}
    for atom, sign in signs:
        if atom.node is None or not atom.steps:
            continue
        form = affine_form(_Integer().visit(copy_tree(atom.node)))
        moving = [name for name in form or () if name]
        if form is None or len(moving) != 1 or moving[0] in names:
            continue
        name = moving[0]
        zero, way = -form[""] / form[name], sign * (1 if form[name] > 0 else -1)
        if way >= 0:
            least = Fraction(math.floor(zero) + 1 if way else math.ceil(zero))
            low[name] = max(low.get(name, least), least)
        if way <= 0:
            most = Fraction(math.ceil(zero) - 1 if way else math.floor(zero))
            high[name] = min(high.get(name, most), most)
    return any(low[name] > high[name] for name in low.keys() & high.keys())


class _Integer(ast.NodeTransformer):
    """Replaces the whole part of a name by the name, which is an integer."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments = [self.visit(argument) for argument in node.args]
        function = called_function(node)
        if function and function.middle is not None and isinstance(arguments[0], ast.Name):
            return arguments[0]
        return ast.Call(node.func, arguments, [])
