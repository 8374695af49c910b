"""Rows about signals in time and tables.

Where every delay is a constant, each delayed signal is an argument of its own, and the row is one
about numbers: that is decided like any other. What is left (moving delays, tables, memory) is
unrolled over a few samples, with a symbol for every sample.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath as mp
import sympy as sp

from ..table import rules
from ..table.algebras import Stream, Symbols
from ..table.expressions import TIME, Expression, delay_of
from ..table.folding import fold
from ..table.model import Primitive, tangent_name
from ..table.vocabulary import FUNCTIONS
from .affine import constant_of
from .balls import BallCompiler
from .doubts import doubt
from .findings import Finding
from .pieces import decide
from .questions import Question
from .symbolic import derivative, vanishes_on

#: Samples over which rows about time are unrolled; as many as such rows list values.
UNROLLED_SAMPLES = 6
#: A longer constant delay is not unrolled; state the rule for a shorter one.
MAX_DELAY = 64
#: A residual that is not literally 0 is tried at this many places.
RESIDUAL_TRIALS = 3


def finding_in_time(row: Primitive, name: str) -> Finding:
    """The verdict on one argument of a row about time or tables."""
    if row.partials[name] is None and row.roles[name] != "signal":
        return Finding(row, name, "declared", f"not differentiated: {row.reason}")
    if name in row.surrogates and not row.reason:
        what = "the surrogate is an approximation, and the row gives no reason for it"
        return Finding(row, name, "refuted", what)
    value = row.surrogates.get(name, row.value)
    if value is None:
        return Finding(row, name, "refuted", "the row has no value")
    finding = _as_numbers(row, name, value) or _in_time(row, name, value)
    if finding.fails:
        return finding
    if row.partials[name] is None:
        return Finding(row, name, "declared", f"not differentiated: {row.reason}")
    if row.kind == "zero":
        return Finding(
            row, name, "declared", f"0 between the jumps, at {UNROLLED_SAMPLES} samples in time"
        )
    if name in row.surrogates:
        detail = f"an approximation: {finding.outcome} for the surrogate; {finding.detail}"
        return Finding(row, name, "declared", detail)
    return finding


# Constant delays.


class _Taps(ast.NodeTransformer):
    """Replaces each delayed signal by a name of its own; raises `KeyError` at anything else."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in FUNCTIONS or node.id in ("where", "pi"):
            return node
        return self._tap(node.id, 0)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in FUNCTIONS and FUNCTIONS[name].stream:
            raise KeyError(name)
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        lag = delay_of(node)
        fixed = None if lag is None else constant_of(lag)
        if fixed is None or fixed.denominator != 1 or not isinstance(node.value, ast.Name):
            raise KeyError(TIME)
        if fixed > MAX_DELAY:
            raise ValueError(f"a delay of {fixed} samples is longer than {MAX_DELAY}")
        return self._tap(node.value.id, int(fixed))

    def _tap(self, signal: str, lag: int) -> ast.expr:
        name = f"{signal}_at_{lag}"
        self.names[name] = signal
        return ast.Name(name)


def _as_numbers(row: Primitive, name: str, value: Expression) -> Finding | None:
    """The verdict where every delay is a constant; else None."""
    taps = _Taps()
    try:
        plain = rules.expression_of(taps.visit(rules.copy_tree(value.tree)))
        stated = rules.expression_of(
            taps.visit(rules.copy_tree(rules.contribution(row, name).tree))
        )
    except KeyError:
        return None
    own = [tap for tap, signal in taps.names.items() if signal == name]
    tangent = tangent_name(name)
    way: dict[str, Fraction | str] = {}
    for tap in own:
        way[tap] = tangent + tap.removeprefix(name)
    names = tuple(dict.fromkeys((*taps.names, *(w for w in way.values() if isinstance(w, str)))))
    compiler = BallCompiler()
    question = Question(
        compiler.expression(plain), compiler.expression(stated), names, way, compiler.atoms,
        frozenset(compiler.constants), jumps=True, seed=row.name,
    )  # fmt: skip
    answer = decide(question)
    if answer.objection:
        objection = answer.objection
        return Finding(
            row,
            name,
            "refuted",
            objection.what,
            objection.point,
            objection.expected,
            objection.stated,
        )
    pieces = len(answer.pieces)
    if answer.unknown or not pieces:
        return Finding(row, name, "unknown", answer.unknown or "no point was found")
    if all(vanishes_on(piece, plain, stated, way, frozenset()) for piece in answer.stretches):
        detail = "residual 0, each delayed signal an argument of its own"
        return Finding(row, name, "proved", detail, pieces=pieces)
    if open_question := doubt(question, answer):
        return Finding(row, name, "unknown", open_question, pieces=pieces)
    detail = "agrees to 150 digits, each delayed signal an argument of its own"
    return Finding(row, name, "confirmed", detail, pieces=pieces)


# Everything else, unrolled.


def _in_time(row: Primitive, name: str, value: Expression) -> Finding:
    """The directional derivative over `UNROLLED_SAMPLES` samples, a symbol for every sample."""
    e = sp.Symbol("e")
    horizon = UNROLLED_SAMPLES + _longest_delay(row)
    signals, tables = _symbols(row, horizon)
    if row.roles[name] in ("integer", "table", "constant"):
        return Finding(row, name, "declared", f"not differentiated: {row.reason}")
    direction = sp.symbols(f"{tangent_name(name)}:{horizon}")
    moved = {**signals, name: [x + e * d for x, d in zip(signals[name], direction, strict=True)]}
    algebra = Symbols({}, origin={e: 0})
    along = fold(value, Stream(algebra, moved, tables))
    stated = fold(
        rules.contribution(row, name),
        Stream(algebra, {**signals, tangent_name(name): direction}, tables),
    )
    confirmed = False
    for n in range(horizon):
        expected = derivative(sp.sympify(along(n)), e).subs(e, 0)
        residual = sp.expand(expected - stated(n))
        if residual == 0:
            continue
        if _vanishes_at_random(residual):
            confirmed = True
            continue
        what = f"the contribution is not the derivative, at sample {n}"
        shown = str(sp.expand(expected)), str(stated(n))
        return Finding(row, name, "refuted", what, {"n": n}, *shown)
    if confirmed:
        return Finding(
            row, name, "confirmed", f"unrolled over {UNROLLED_SAMPLES} samples, at random places"
        )
    return Finding(row, name, "proved", f"unrolled over {UNROLLED_SAMPLES} samples, residual 0")


def _vanishes_at_random(residual: Any) -> bool:
    draws = random.Random(0)
    free = sorted(residual.free_symbols, key=sp.default_sort_key)
    for _ in range(RESIDUAL_TRIALS):
        place = {symbol: sp.Rational(draws.randint(-400, 400), 97) for symbol in free}
        value = sp.N(residual.subs(place), 60)
        if not (value.is_number and abs(value) < mp.mpf("1e-40")):
            return False
    return True


def _symbols(
    row: Primitive, horizon: int
) -> tuple[dict[str, Sequence[Any]], dict[str, Sequence[Any]]]:
    """Symbols for the samples of each signal, or the values it lists, and for each table."""
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
    return signals, tables


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
