"""Which row of an old table became which of a new one, and a row in the words of another.

Rows are matched by name, then by what they share: a spelling, or the whole rule.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..table.expressions import Expression
from ..table.model import Guard, Primitive, Samples, Table, tangent_name
from ..table.rules import expression_of, substitute

T = TypeVar("T")


def match_rows(old: Table, new: Table) -> dict[str, Primitive]:
    """The old row of each new one that has one, by the name of the new one."""
    pairs = {row.name: row for row in old.primitives}
    matches = {row.name: pairs[row.name] for row in new.primitives if row.name in pairs}
    removed = [row for row in old.primitives if row.name not in matches]
    fresh = [row for row in new.primitives if row.name not in matches]
    for alike in (_share_a_spelling, _same_rule):
        for row in fresh:
            candidates = [before for before in removed if alike(before, row)]
            if row.name not in matches and len(candidates) == 1:
                matches[row.name] = candidates[0]
                removed.remove(candidates[0])
    return matches


def _share_a_spelling(old: Primitive, new: Primitive) -> bool:
    return bool({old.faust, *old.aliases} & {new.faust, *new.aliases})


def _same_rule(old: Primitive, new: Primitive) -> bool:
    """Whether two rows state one rule, up to the names of arguments; never so without a value."""
    if old.value is None or len(old.args) != len(new.args) or old.kind != new.kind:
        return False
    return stated_rule(old) == stated_rule(in_terms_of(new, old.args))


def stated_rule(row: Primitive) -> tuple[Any, ...]:
    """What a row says of values and derivatives, as text that can be compared."""
    conditions = [
        (g.args, plain_text(g.when), plain_text(g.elsewhere), plain_texts(g.safe))
        for g in row.guards
    ]
    tie = row.tie and (plain_text(row.tie.at), plain_texts(row.tie.partials))
    stated = (
        plain_text(row.value),
        plain_texts(row.surrogates),
        plain_texts(row.partials),
        plain_text(row.domain),
    )
    return (*stated, tuple(conditions), tie)


def plain_text(expression: Expression | None) -> str:
    """An expression without the spaces and parentheses that mean nothing; "" for none."""
    return ast.unparse(expression.tree) if expression else ""


def plain_texts(expressions: Mapping[str, Expression] | Mapping[str, Expression | None]) -> Any:
    """The texts of several expressions by name."""
    return {name: plain_text(expression) for name, expression in expressions.items()}


def in_terms_of(row: Primitive, args: Sequence[str]) -> Primitive:
    """A row with other names for its arguments, in their order; as it is if the number differs."""
    if len(args) != len(row.args) or tuple(args) == row.args:
        return row
    names = dict(zip(row.args, args, strict=True))
    both = {**names, **{tangent_name(a): tangent_name(b) for a, b in names.items()}}
    replacements = {old: ast.Name(new) for old, new in both.items()}

    def of(expression: Expression) -> Expression:
        return expression_of(substitute(expression.tree, replacements))

    def keys(mapping: Mapping[str, T]) -> dict[str, T]:
        return {names[name]: value for name, value in mapping.items()}

    def guard(one: Guard) -> Guard:
        safe = {names[name]: of(value) for name, value in one.safe.items()}
        guarded = tuple(names[name] for name in one.args)
        return replace(one, args=guarded, when=of(one.when), safe=safe, elsewhere=of(one.elsewhere))

    samples = Samples(
        keys(row.samples.ranges),
        keys(row.samples.values),
        tuple(keys(point) for point in row.samples.edges),
        tuple(keys(point) for point in row.samples.poles),
        tuple(of(expression) for expression in row.samples.avoid),
    )
    tie = row.tie and replace(
        row.tie,
        at=of(row.tie.at),
        partials={names[name]: of(value) for name, value in row.tie.partials.items()},
    )
    return replace(
        row,
        args=tuple(args),
        roles=keys(row.roles),
        value=of(row.value) if row.value else None,
        surrogates={names[name]: of(value) for name, value in row.surrogates.items()},
        partials={
            names[name]: of(value) if value else None for name, value in row.partials.items()
        },
        domain=of(row.domain) if row.domain else None,
        guards=tuple(guard(one) for one in row.guards),
        tie=tie,
        samples=samples,
    )
