"""Stage 3: every rule of a table is proved, or sampled, or refused.

All kinds are held against one statement: the derivative of `value(x + e*dx)` with respect to `e`,
at `e = 0`, is the sum of the contributions of the arguments. Rows about numbers are first compared
at seeded points with 50-digit numerical derivatives, then handed to SymPy; rows about signals in
time or tables are unrolled over a few samples with a symbol for each. Guards and ties are checked
too: whatever the rule gives at the stated edges and poles must be finite in double and in single.

Only `Checked`, which `check` returns for a table without a failure, can be rendered.
"""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import mpmath as mp
import sympy as sp

from ..table import rules
from ..table.expressions import Expression, Numbers, Stream, Symbols, condition, fold
from ..table.model import Primitive, Table, tangent_name
from ..table.samples import Point, numbers, points, single, special

Outcome = Literal["proved", "sampled", "declared", "failed"]

DIGITS = 50
#: Relative distance allowed between a stated partial and the numerical derivative at 50 digits;
#: differences at 50 digits are good to about 1e-25.
TOLERANCE = 1e-20
#: Slopes from differences over 1e-16 and 1e-20 that are the same within this are one slope.
SLOPE_TOLERANCE = 1e-6
#: Samples over which rows about time are unrolled; as many as such rows list values.
HORIZON = 6
#: A longer constant delay is not unrolled; state the rule for a shorter one.
MAX_DELAY = 64
#: Larger residuals are not simplified: sampling has spoken by then.
MAX_OPERATIONS = 400


@dataclass(frozen=True)
class Finding:
    """The verdict on one argument of a row; for a failure, where and what was found."""

    row: Primitive
    argument: str
    outcome: Outcome
    detail: str
    point: Mapping[str, float] | None = None
    expected: str = ""
    stated: str = ""

    @property
    def place(self) -> Any:
        """Where the partial stands in the table."""
        return self.row.place_of(f"partials.{self.argument}")

    @property
    def where(self) -> str:
        """The point as text, `x=2, y=0.5`."""
        return ", ".join(f"{name}={value:.9g}" for name, value in (self.point or {}).items())


@dataclass(frozen=True)
class Report:
    """All findings on a table, in its order, and the time they took in seconds."""

    table: Table
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome == "failed")

    def of(self, row: Primitive) -> tuple[Finding, ...]:
        """The findings on one row."""
        return tuple(finding for finding in self.findings if finding.row.name == row.name)

    def verdict(self, row: Primitive) -> Outcome:
        """The weakest outcome among the differentiated arguments of a row, if there are any."""
        outcomes = {finding.outcome for finding in self.of(row)}
        order: tuple[Outcome, ...] = ("failed", "sampled", "proved", "declared")
        return next(outcome for outcome in order if outcome in outcomes)


@dataclass(frozen=True)
class Checked(Report):
    """A report without failures: the only thing that stage 5 renders."""

    def __post_init__(self) -> None:
        if self.failures:
            raise ValueError(f"{len(self.failures)} rules do not hold")


def check(table: Table, progress: Callable[[Primitive], None] = lambda row: None) -> Report:
    """The report on every row; a `Checked` if and only if no rule failed.

    `progress` is called before each row.
    """
    start = time.perf_counter()
    findings: list[Finding] = []
    for row in table.primitives:
        progress(row)
        findings.extend(check_row(row))
    seconds = time.perf_counter() - start
    failed = any(finding.outcome == "failed" for finding in findings)
    return (Report if failed else Checked)(table, tuple(findings), seconds)


def check_row(row: Primitive, proofs: bool = True) -> list[Finding]:
    """The findings on one row, one for each argument (one for a row that has none to check).

    Without `proofs`, a rule that survives sampling is left as sampled: enough to refute a rule.
    """
    if row.kind in ("structural", "unavailable"):
        return [Finding(row, "", "declared", row.reason)]
    with mp.workdps(DIGITS):
        try:
            where = [] if row.temporal else [*points(row), *special(row)]
        except ValueError as error:
            return [Finding(row, name, "failed", str(error)) for name in row.args]
        findings = []
        for name in row.args:
            try:
                failure = next(_failures(row, name, where), None)
                findings.append(failure or _verdict(row, name, where, proofs))
            except (TypeError, LookupError, ArithmeticError, ValueError, MemoryError) as error:
                what = f"the rule cannot be evaluated: {type(error).__name__}: {error}"
                findings.append(Finding(row, name, "failed", what))
        return findings


def _failures(row: Primitive, name: str, where: Sequence[Point]) -> Iterator[Finding]:
    """What speaks against the rule for one argument, cheapest evidence first."""
    if row.partials[name] is None:
        return
    for point in where:
        yield from _compare(row, name, point)
    for point in special(row):
        yield from _finite(row, name, point)
    yield from _tie(row, name)
    yield from _guard_is_met(row, name)
    if row.temporal:
        yield from _unrolled(row, name)


def _verdict(row: Primitive, name: str, where: Sequence[Point], proofs: bool) -> Finding:
    """The outcome for an argument against which nothing speaks."""
    if row.partials[name] is None:
        return Finding(row, name, "declared", f"not differentiated: {row.reason}")
    if row.kind == "zero":
        evidence = f"{HORIZON} samples in time" if row.temporal else f"{len(where)} points"
        return Finding(row, name, "declared", f"0 between the jumps, at {evidence}")
    if row.temporal:
        return Finding(row, name, "proved", f"unrolled over {HORIZON} samples, residual 0")
    if proofs and _residual_vanishes(row, name):
        return Finding(row, name, "proved", "residual 0")
    return Finding(row, name, "sampled", f"agrees at {len(where)} points to {TOLERANCE:g}")


# Sampling.


def _differentiated(row: Primitive, name: str) -> Expression:
    """The expression whose derivative with respect to `name` the rule states."""
    expression = row.surrogates.get(name, row.value)
    if expression is None:
        raise TypeError(f"the row '{row.name}' has no value")
    return expression


def _compare(row: Primitive, name: str, point: Point) -> Iterator[Finding]:
    """The stated partial against a numerical derivative of the value at one point."""
    at = dict(point)
    if row.roles[name] == "integer":
        # Between two integers, where the primitive's own truncation is constant.
        at[name] += 0.5
    along = partial(_along, row, name, at)
    if point in special(row) and not _has_slope(along, mp.mpf(at[name])):
        return
    expected = mp.diff(along, mp.mpf(at[name]))
    stated = fold(rules.partial(row, name), numbers(at))
    error = abs(stated - expected)
    # The error is compared by itself: an infinite partial is not near to anything.
    if not (mp.isfinite(error) and error <= TOLERANCE * max(1, abs(expected))):
        yield _failure(row, name, "the partial is not the derivative", at, expected, stated)


def _along(row: Primitive, name: str, point: Point, x: Any) -> Any:
    """The value at a point, with `x` in place of one coordinate."""
    return fold(_differentiated(row, name), Numbers({**numbers(point).values, name: x}))


def _slopes(along: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The slope to the left and to the right of `x`; NaN where a side has none."""
    sides = []
    for direction in (-1, 1):
        near, nearer = [
            (along(x + direction * step) - along(x)) / (direction * step)
            for step in (mp.mpf("1e-16"), mp.mpf("1e-20"))
        ]
        # A step of 1e-16 leaves an error of that size, times the curvature.
        settled = abs(near - nearer) <= SLOPE_TOLERANCE * max(1, abs(nearer))
        sides.append(nearer if settled else mp.nan)
    return sides[0], sides[1]


def _has_slope(along: Callable[[Any], Any], x: Any) -> bool:
    """Whether the value has a derivative at an edge, where it need not have one."""
    left, right = _slopes(along, x)
    return bool(abs(left - right) <= SLOPE_TOLERANCE * max(1, abs(right)))


def _failure(
    row: Primitive, name: str, what: str, point: Point, expected: Any, stated: Any
) -> Finding:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else str(mp.nstr(value, 12))

    return Finding(row, name, "failed", what, dict(point), text(expected), text(stated))


FORMATS: Mapping[str, Callable[[Any], Any]] = {
    "double": lambda value: mp.mpf(float(value)),
    "single": lambda value: mp.mpf(single(float(value))),
}


def _finite(row: Primitive, name: str, point: Point) -> Iterator[Finding]:
    """Value and partial at an edge (at a pole, the partial) in both floating-point formats."""
    if row.temporal:
        return
    poles = [{k: single(v) for k, v in pole.items()} for pole in row.samples.poles]
    for title, rounding in FORMATS.items():
        algebra = Numbers({key: mp.mpf(value) for key, value in point.items()}, rounding)
        stated = fold(rules.partial(row, name), algebra)
        if not mp.isfinite(stated):
            what = f"the partial is not finite in {title}"
            yield _failure(row, name, what, point, "a finite number", stated)
        if point not in poles and row.value is not None:
            value = fold(row.value, algebra)
            if not mp.isfinite(value):
                what = f"the value is not finite in {title}: a pole, not an edge"
                yield _failure(row, name, what, point, "a finite number", value)


def _tie(row: Primitive, name: str) -> Iterator[Finding]:
    """The partials at the kink are the ones that the row states for it."""
    if row.tie is None:
        return
    ties = [point for point in special(row) if condition(row.tie.at, numbers(point))]
    if not ties:
        yield Finding(row, name, "failed", f"no edge lies on the tie {row.tie.at}")
    for point in ties:
        expected = fold(row.tie.partials[name], numbers(point))
        stated = fold(rules.partial(row, name), numbers(point))
        if expected != stated:
            yield _failure(row, name, "the tie rule is not kept", point, expected, stated)
        left, right = _slopes(partial(_along, row, name, point), mp.mpf(point[name]))
        margin = SLOPE_TOLERANCE * max(1, abs(left), abs(right))
        if not min(left, right) - margin <= stated <= max(left, right) + margin:
            what = "the tie rule is not between the slopes on both sides"
            slopes = f"{mp.nstr(left, 6)} to {mp.nstr(right, 6)}"
            yield _failure(row, name, what, point, slopes, stated)


def _guard_is_met(row: Primitive, name: str) -> Iterator[Finding]:
    """A guard that no edge and no pole sets off has not been tested."""
    guard = row.guard_of(name)
    if guard is not None and all(condition(guard.when, numbers(p)) for p in special(row)):
        yield Finding(row, name, "failed", f"no edge or pole is outside the guard {guard.when}")


# Proofs.


def _symbol(row: Primitive, name: str, proved: str) -> sp.Symbol:
    """A symbol with the sign that the domain, or the guard of what is proved, states literally."""
    guard = row.guard_of(proved)
    texts = {
        ast.unparse(part)
        for stated in (row.domain, guard and guard.when)
        if stated
        for part in _conjuncts(stated.tree)
    }
    if row.roles[name] == "integer":
        return sp.Symbol(name, integer=True)
    return sp.Symbol(name, positive=True) if f"{name} > 0" in texts else sp.Symbol(name, real=True)


def _conjuncts(node: ast.expr) -> list[ast.expr]:
    """The conditions that all hold where `node` holds."""
    return node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) else [node]


def _residual_vanishes(row: Primitive, name: str) -> bool:
    """Whether SymPy reduces derivative minus partial to a literal 0, on either side of a kink."""
    algebra = Symbols({argument: _symbol(row, argument, name) for argument in row.args})
    try:
        value = fold(_differentiated(row, name), algebra)
        stated = fold(rules.plain_partial(row, name), algebra)
        return all(
            _reduces_to_zero(inside(sp.diff(side(value), algebra.values[name]) - side(stated)))
            for side, inside in _sides(value, stated)
        )
    except (TypeError, ValueError, NotImplementedError, ZeroDivisionError, RecursionError):
        return False


Substitution = Callable[[Any], Any]


def _sides(*expressions: Any) -> Iterator[tuple[Substitution, Substitution]]:
    """For each combination of signs, what settles every |a| and sign(a), and what is known then.

    The first is for the value and the partial; the second, for their residual, lets SymPy decide
    conditions such as `x >= 0`.
    """
    atoms = {atom for e in expressions for atom in sp.sympify(e).atoms(sp.Abs, sp.sign)}
    # SymPy may turn |y - t| into |t - y|; both are settled by one sign.
    bases = {a: -a if a.could_extract_minus_sign() else a for a in (x.args[0] for x in atoms)}
    inner = sorted(set(bases.values()), key=sp.default_sort_key)
    for signs in itertools.product((1, -1), repeat=len(inner)):
        sign = dict(zip(inner, signs, strict=True))
        settled: dict[Any, Any] = {}
        for a, base in bases.items():
            settled[sp.Abs(a)] = sign[base] * base
            settled[sp.sign(a)] = sp.Integer(sign[base] if a == base else -sign[base])
        known = {x: sign[x] * sp.Dummy(x.name, positive=True) for x in inner if x.is_Symbol}
        yield partial(_substituted, settled), partial(_with_signs, known)


def _with_signs(known: Mapping[Any, Any], residual: Any) -> Any:
    return residual.subs(known)


def _substituted(replacements: Mapping[Any, Any], expression: Any) -> Any:
    return sp.sympify(expression).xreplace(replacements)


def _reduces_to_zero(residual: Any) -> bool:
    return any(step(residual) == 0 for step in _STRATEGIES)


def _simplified(expression: Any) -> Any:
    return sp.simplify(expression) if sp.count_ops(expression) <= MAX_OPERATIONS else expression


_STRATEGIES: tuple[Callable[[Any], Any], ...] = (
    lambda residual: residual,
    sp.expand,
    lambda residual: sp.expand_func(sp.expand(residual)),
    lambda residual: sp.expand(sp.numer(sp.together(residual.rewrite(sp.exp)))),
    _simplified,
    lambda residual: _simplified(sp.expand_func(residual)),
)


# Rows about time and tables.


def _unrolled(row: Primitive, name: str) -> Iterator[Finding]:
    """The directional derivative over `HORIZON` samples, with a symbol for every sample."""
    e = sp.Symbol("e")
    horizon = HORIZON + _longest_delay(row)
    signals: dict[str, Sequence[Any]] = {}
    tables: dict[str, Sequence[Any]] = {}
    for argument in row.args:
        if row.roles[argument] == "table":
            tables[argument] = sp.symbols(f"{argument}:16")
        elif argument in row.samples.values:
            listed = [sp.Rational(str(value)) for value in row.samples.values[argument]]
            signals[argument] = [listed[n % len(listed)] for n in range(horizon)]
        else:
            signals[argument] = sp.symbols(f"{argument}:{horizon}")
    direction = sp.symbols(f"{tangent_name(name)}:{horizon}")
    if row.roles[name] in ("integer", "table", "constant"):
        return
    moved = {**signals, name: [x + e * d for x, d in zip(signals[name], direction, strict=True)]}
    algebra = Symbols({}, origin={e: 0})
    value = fold(_differentiated(row, name), Stream(algebra, moved, tables))
    stated = fold(
        rules.contribution(row, name),
        Stream(algebra, {**signals, tangent_name(name): direction}, tables),
    )
    for n in range(horizon):
        expected = sp.diff(value(n), e).subs(e, 0)
        if sp.expand(expected - stated(n)) != 0:
            what = f"the contribution is not the derivative, at sample {n}"
            yield _failure(row, name, what, {"n": n}, str(sp.expand(expected)), str(stated(n)))


def _longest_delay(row: Primitive) -> int:
    """The sum of the whole numbers in any subscript: no constant delay is longer."""
    stated = [row.value, *row.surrogates.values(), *row.partials.values()]
    indices = (
        node.slice
        for expression in stated
        if expression
        for node in ast.walk(expression.tree)
        if isinstance(node, ast.Subscript)
    )
    longest = max((sum(_integers(index)) for index in indices), default=0)
    if longest > MAX_DELAY:
        raise ValueError(f"a delay of {longest} samples is longer than {MAX_DELAY}")
    return longest


def _integers(node: ast.expr) -> list[int]:
    """The whole numbers that stand in an expression."""
    constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return [value for value in constants if isinstance(value, int)]
