"""What no single field of a row shows: fields that contradict or need each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..errors import Problem
from .expressions import delay_of
from .model import NOT_DIFFERENTIATED, Primitive


def inconsistencies(row: Primitive) -> Iterator[Problem]:
    """The problems of a row each of whose fields has been read without one."""
    yield from _of_kind(row)
    yield from _of_guards(row)
    yield from _of_arguments(row)
    yield from _of_subscripts(row)
    yield from _of_samples(row)


def _problem(row: Primitive, field: str, what: str, hint: str, at: str = "") -> Problem:
    """A problem with `field`, at the place of the row or of the field `at`."""
    return Problem(row.place_of(at), what, hint, row.name, field)


def _is_differentiated(row: Primitive) -> bool:
    return row.kind not in NOT_DIFFERENTIATED


def _of_kind(row: Primitive) -> Iterator[Problem]:
    inactive = [name for name in row.args if row.partials[name] is None]
    if (inactive or row.kind in ("zero", "unavailable")) and not row.reason:
        what = "has arguments without a derivative, and no reason"
        yield _problem(row, "reason", what, "add 'reason: ...'")
    if row.kind == "zero" and row.active:
        name = row.active[0]
        what = f"is of kind zero, yet {name} has a partial that is not 0"
        yield _problem(row, "partials", what, "state 0, or another kind", f"partials.{name}")
    if _is_differentiated(row) and not row.args:
        what = f"is of kind {row.kind} and has no arguments"
        yield _problem(row, "args", what, "a box without input is structural")
    if _is_differentiated(row) and row.value is None:
        hint = "state what is computed; only structural rows have none"
        yield _problem(row, "value", "is missing", hint, "value")


def _of_guards(row: Primitive) -> Iterator[Problem]:
    if (row.kind == "guarded") != bool(row.guards):
        what = f"a row of kind {row.kind} with {len(row.guards)} guards"
        yield _problem(row, "guards", what, "a guarded row has guards, and no other does")
    guarded = [name for guard in row.guards for name in guard.args]
    for name in sorted({name for name in guarded if guarded.count(name) > 1}):
        what = f"'{name}' has more than one guard"
        yield _problem(row, "guards", what, "join the conditions with 'and'")


def _of_arguments(row: Primitive) -> Iterator[Problem]:
    """Partials against the roles of their arguments, and against the tie."""
    fixed = ("table", "constant", "integer") if row.temporal else ("table", "constant")
    for name, stated in row.partials.items():
        if _is_differentiated(row) and stated is not None and row.roles[name] in fixed:
            what = f"'{name}' is a {row.roles[name]}, yet it has a partial"
            yield _problem(row, "partials", what, "write inactive", f"partials.{name}")
    for name in row.args:
        if row.tie and name not in row.tie.partials and row.partials[name] is not None:
            what = f"the tie has no partial for '{name}'"
            yield _problem(row, "tie", what, f"add '{name}: ...'", "tie")


def _of_subscripts(row: Primitive) -> Iterator[Problem]:
    for field, expression in (("value", row.value), *row.partials.items()):
        at = field if field == "value" else f"partials.{field}"
        for used in ast.walk(expression.tree) if expression else ():
            if isinstance(used, ast.Subscript) and isinstance(used.value, ast.Name):
                lookup = delay_of(used) is None
                if lookup != (row.roles.get(used.value.id, "signal") == "table"):
                    what = f"'{ast.unparse(used)}' does not fit the role of '{used.value.id}'"
                    yield _problem(row, field, what, "t[i] reads a table, x[n - k] a signal", at)


def _of_samples(row: Primitive) -> Iterator[Problem]:
    sampled = {*row.samples.ranges, *row.samples.values}
    for name in row.args:
        if row.samples.values.get(name) == ():
            what = f"'{name}' has no values"
            yield _problem(row, "samples", what, "list at least one", "samples")
        if _is_differentiated(row) and row.roles[name] != "table" and name not in sampled:
            what = f"the argument '{name}' has no samples"
            yield _problem(row, "samples", what, f"add 'samples: {{{name}: [low, high]}}'")
