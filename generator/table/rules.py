"""From the fields of a row to the rule that is checked, printed and tested.

A row states formula, guard and selection apart; this is where they meet, as expressions. The
proof and the library take the same rule from here, so what is proved is what is rendered.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .expressions import Expression, delay_of
from .model import Guard, Primitive, tangent_name
from .vocabulary import WHERE


@dataclass(frozen=True)
class Rule:
    """The tangent of a primitive, split into what all tangents share and what each one needs.

    `shared` are expressions of the arguments, computed once; `operands` are arguments that the
    tangent itself reads. `tangent` is an expression of `operands`, of the names `s1`, `s2`, ...
    (which stand for `shared`, in order) and of the tangents of `active`.
    """

    active: tuple[str, ...]
    operands: tuple[str, ...]
    shared: tuple[Expression, ...]
    tangent: Expression

    @property
    def shared_names(self) -> tuple[str, ...]:
        return tuple(f"s{index + 1}" for index in range(len(self.shared)))


def partial(row: Primitive, argument: str) -> Expression:
    """The partial with respect to `argument`, with its guard; 0 where there is none."""
    stated = row.partials[argument]
    if stated is None:
        return expression_of(ast.Constant(0))
    guard = row.guard_of(argument)
    return expression_of(_guard_formula(stated.tree, guard) if guard else stated.tree)


def plain_partial(row: Primitive, argument: str) -> Expression:
    """The partial with respect to `argument` as stated, without its guard."""
    return row.partials[argument] or expression_of(ast.Constant(0))


def contribution(row: Primitive, argument: str) -> Expression:
    """What the tangent of `argument` adds to the tangent of the result."""
    rule = partial(row, argument)
    tangent = ast.Name(tangent_name(argument))
    if tangent.id in rule.names:
        return rule
    return expression_of(ast.BinOp(rule.tree, ast.Mult(), tangent))


def tangent(row: Primitive) -> Rule:
    """The whole tangent of a row that has at least one active argument."""
    terms = [(partial(row, name), tangent_name(name)) for name in row.active]
    shared = _SharedExpressions(row)
    if row.kind == "selector":
        tree = _select([rule.tree for rule, _ in terms], [name for _, name in terms], shared)
    else:
        tree = _sum([_term(rule.tree, name, shared) for rule, name in terms])
    operands = tuple(name for name in row.args if name in expression_of(tree).names)
    return Rule(row.active, operands, tuple(shared.expressions), expression_of(tree))


#: The name of the cotangent of a row's result in the expressions of an adjoint.
COTANGENT = "cotangent"


@dataclass(frozen=True)
class Share:
    """What the cotangent of a result gives to one argument.

    In the form "value", `expression` is the cotangent of the argument, of the arguments and of
    `COTANGENT`. In the form "lag", the cotangent goes to the argument as it was `expression`
    samples ago. In the form "state", the tangent has a memory that reverse mode cannot follow, and
    in the form "none" nothing goes to the argument.
    """

    form: Literal["value", "lag", "state", "none"]
    expression: Expression


def adjoint(row: Primitive) -> tuple[Share, ...]:
    """The share of each argument in a cotangent: the transpose of what `tangent` is made of."""
    return tuple(_share(row, name) for name in row.args)


def _share(row: Primitive, argument: str) -> Share:
    if argument not in row.active:
        return Share("none", expression_of(ast.Constant(0)))
    rule = partial(row, argument)
    tangent = tangent_name(argument)
    if tangent not in rule.names:
        return Share("value", expression_of(_times_cotangent(rule.tree, row.kind == "selector")))
    match rule.tree:
        case ast.Subscript(value=ast.Name(id=name)) if name == tangent:
            lag = delay_of(rule.tree)
            if lag is not None:
                return Share("lag", expression_of(lag))
        case ast.Call(func=ast.Name(id="prefix"), args=[_, ast.Name(id=name)]) if name == tangent:
            return Share("lag", expression_of(ast.Constant(1)))
    return Share("state", rule)


def _times_cotangent(rule: ast.expr, chosen: bool) -> ast.expr:
    """A partial times the cotangent; a selection chooses, for the reason given at `_select`."""
    name = ast.Name(COTANGENT)
    if chosen and _is_where(rule) and isinstance(rule, ast.Call):
        condition, *branches = rule.args
        return ast.Call(rule.func, [condition, *(_times_cotangent(b, True) for b in branches)], [])
    match ast.unparse(rule):
        case "0" | "0.0":
            return ast.Constant(0)
        case "1" | "1.0":
            return name
        case "-1" | "-1.0":
            return ast.UnaryOp(ast.USub(), name)
    return ast.BinOp(rule, ast.Mult(), name)


def plain_tangent(row: Primitive) -> Expression:
    """The tangent of a row in one expression of its arguments and tangents, for reading."""
    terms: list[ast.expr | None] = []
    for name in row.active:
        stated = row.partials[name]
        if stated is not None:
            terms.append(_term(stated.tree, tangent_name(name), None))
    return expression_of(_sum(terms))


class _SharedExpressions:
    """Collects the expressions that do not depend on a tangent; equal ones are kept once."""

    def __init__(self, row: Primitive) -> None:
        self.row = row
        self.expressions: list[Expression] = []

    def name(self, node: ast.expr) -> ast.expr:
        expression = expression_of(node)
        if expression not in self.expressions:
            self.expressions.append(expression)
        return ast.Name(f"s{self.expressions.index(expression) + 1}")


def _term(rule: ast.expr, tangent: str, shared: _SharedExpressions | None) -> ast.expr | None:
    """A partial times its tangent, or a rule that contains its tangent; None if it is 0."""
    name = ast.Name(tangent)
    if tangent in expression_of(rule).names:
        return rule
    match ast.unparse(rule):
        case "0" | "0.0":
            return None
        case "1":
            return name
        case "-1":
            return ast.UnaryOp(ast.USub(), name)
    return ast.BinOp(shared.name(rule) if shared else rule, ast.Mult(), name)


def _sum(terms: list[ast.expr | None]) -> ast.expr:
    kept = [term for term in terms if term is not None]
    if not kept:
        return ast.Constant(0)
    total = kept[0]
    for term in kept[1:]:
        if isinstance(term, ast.UnaryOp):
            total = ast.BinOp(total, ast.Sub(), term.operand)
        else:
            total = ast.BinOp(total, ast.Add(), term)
    return total


def _select(rules: list[ast.expr], tangents: list[str], shared: _SharedExpressions) -> ast.expr:
    """A selection among tangents: choices under one condition become a single choice.

    The tangent must be chosen, not multiplied by 0 or 1: the branch that is not taken may not be
    finite, and 0 times infinity is not 0.
    """
    if all(_is_where(rule) for rule in rules):
        chosen = {ast.unparse(rule.args[0]) for rule in rules if isinstance(rule, ast.Call)}
        if len(chosen) == 1:
            calls = [rule for rule in rules if isinstance(rule, ast.Call)]
            branches = [_select([c.args[i] for c in calls], tangents, shared) for i in (1, 2)]
            if ast.unparse(branches[0]) == ast.unparse(branches[1]):
                return branches[0]
            switch = shared.name(calls[0].args[0])
            test = ast.Compare(switch, [ast.NotEq()], [ast.Constant(0)])
            return ast.Call(ast.Name(WHERE), [test, *branches], [])
    return _sum([_term(rule, name, shared) for rule, name in zip(rules, tangents, strict=True)])


def _is_where(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == WHERE


def _guard_formula(formula: ast.expr, guard: Guard) -> ast.expr:
    """The formula where the guard holds, on operands that are always in its domain."""
    operands = {
        name: ast.Call(ast.Name(WHERE), [guard.when.tree, ast.Name(name), safe.tree], [])
        for name, safe in guard.safe.items()
    }
    inner = substitute(formula, operands)
    return ast.Call(ast.Name(WHERE), [guard.when.tree, inner, guard.elsewhere.tree], [])


def substitute(tree: ast.expr, replacements: Mapping[str, ast.expr]) -> ast.expr:
    """A tree of its own, with an expression in the place of each name that has a replacement."""
    replaced: ast.expr = _Substitution(replacements).visit(copy_tree(tree))
    return replaced


class _Substitution(ast.NodeTransformer):
    def __init__(self, replacements: Mapping[str, ast.expr]) -> None:
        self.replacements = replacements

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.replacements.get(node.id, node)


def copy_tree(tree: ast.expr) -> ast.expr:
    """A tree of its own, to be changed."""
    return ast.parse(ast.unparse(tree), mode="eval").body


def expression_of(tree: ast.expr) -> Expression:
    """A tree made of checked pieces as an expression; function names are not among its names."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called)
    return Expression(ast.unparse(tree), tree, frozenset(names))
