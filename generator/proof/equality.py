"""Whether two expressions of the table are equal: proved, confirmed, refuted, or unknown.

The same prover that holds a partial against a derivative holds one expression against the other,
on every piece and on every border. A delayed signal, an entry of a table and an operator with
memory are each an argument of its own, the same one wherever what it is made of is equal.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import mpmath as mp
import sympy as sp

from ..table.algebras import Numbers, Stream, Symbols
from ..table.expressions import Expression, delay_of
from ..table.folding import fold
from ..table.model import Role
from ..table.rules import copy_tree, expression_of
from ..table.samples import Point
from ..table.vocabulary import CONSTANTS, FUNCTIONS, WHERE
from .balls import BallCompiler
from .budget import OverBudgetError, time_limit
from .doubts import doubt
from .pieces import decide
from .questions import INTEGER_TRIALS, Answer, Objection, Question
from .symbolic import vanishes_on

Outcome = Literal["identical", "proved", "confirmed", "differs", "undecided"]

#: Samples of signals in time are compared with this many digits ...
SIGNAL_DIGITS = 100
#: ... and values this close count as one: what cancels between two forms stays far below.
SIGNAL_TOLERANCE = mp.mpf("1e-40")
#: Samples over which signals in time are compared: more than the longest delay a row may have.
COMPARED_SAMPLES = 70
#: Seconds that a comparison may take.
COMPARISON_SECONDS = 10.0


@dataclass(frozen=True)
class Setting:
    """What two expressions have in common: names with their roles, where they matter, points.

    Outside `region` the expressions may be what they like. `points` and `edges` are tried first.
    `signals` are the samples of each name, and `tables` the entries, for expressions that speak of
    time.
    """

    roles: Mapping[str, Role]
    region: Expression | None = None
    points: Sequence[Point] = ()
    edges: Sequence[Point] = ()
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tables: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Equality:
    """What was found, and how; for a difference, a point with the old and the new value.

    `kink` says that the difference is one of single points: everywhere else the two are equal.
    """

    outcome: Outcome
    how: str
    point: Mapping[str, float] | None = None
    old: str = ""
    new: str = ""
    kink: bool = False

    @property
    def same(self) -> bool:
        """Whether the two are known to be equal."""
        return self.outcome in ("identical", "proved", "confirmed")


def same_text(old: Expression | None, new: Expression | None) -> bool:
    """Whether two expressions are the same, spaces and superfluous parentheses apart."""
    if old is None or new is None:
        return old is new
    return ast.unparse(old.tree) == ast.unparse(new.tree)


def compare(old: Expression, new: Expression, setting: Setting) -> Equality:
    """How two expressions of the same names compare where the setting's region holds."""
    if same_text(old, new):
        return Equality("identical", "the same expression")
    try:
        with time_limit(COMPARISON_SECONDS):
            if setting.signals:
                return _compare_in_time(old, new, setting)
            return _compare_numbers(old, new, setting)
    except OverBudgetError:
        return Equality("undecided", f"not decided in {COMPARISON_SECONDS:g} s")
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        return Equality("undecided", f"cannot be evaluated: {error}")


def _compare_numbers(old: Expression, new: Expression, setting: Setting) -> Equality:
    whole = {n: INTEGER_TRIALS for n, role in setting.roles.items() if role == "integer"}
    # Between two guards the least number of a format is a number, not 0.
    compiler = BallCompiler(frozenset(whole), denormals=True)
    names = tuple(n for n in setting.roles if n not in whole)
    question = Question(
        value=compiler.expression(old),
        stated=compiler.expression(new),
        names=names,
        direction=None,
        domain=compiler.condition(setting.region) if setting.region else None,
        atoms=compiler.atoms,
        constants=frozenset(compiler.constants),
        whole=whole,
        extra=(*setting.points, *setting.edges),
        seed="equality",
    )
    inside = decide(replace(question, borders=False))
    if inside.objection:
        return _difference(inside.objection)
    if inside.unknown or not inside.pieces:
        return Equality("undecided", inside.unknown or "no point of the region was found")
    on_borders = decide(question).objection
    if on_borders:
        return replace(_difference(on_borders), kink=True)
    return _equal(old, new, question, inside)


def _difference(objection: Objection) -> Equality:
    how = "the values differ"
    return Equality("differs", how, objection.point, objection.expected, objection.stated)


def _equal(old: Expression, new: Expression, question: Question, inside: Answer) -> Equality:
    whole = frozenset(question.whole)
    count = len(inside.pieces)
    on = f" on each of {count} pieces" if count > 1 else ""
    if all(vanishes_on(piece, old, new, None, whole) for piece in inside.stretches):
        return Equality("proved", f"SymPy reduces the difference to 0{on}")
    if open_question := doubt(question, inside):
        return Equality("undecided", open_question)
    return Equality("confirmed", f"not decided by SymPy; they agree to 150 digits{on}")


# Signals in time.


class _OpaqueMemory(ast.NodeTransformer):
    """Replaces what has a memory by a name, the same one where SymPy expands its parts alike."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, ...], str] = {}
        self.moving = False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        arguments = [self.visit(argument) for argument in node.args]
        if name in FUNCTIONS and FUNCTIONS[name].stream:
            self.moving = True
            return self._opaque_name(name, arguments)
        return ast.Call(node.func, arguments, [])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        lag = delay_of(node)
        base = ast.unparse(node.value)
        if lag is None:
            self.moving = True
            return self._opaque_name(f"{base} at", [self.visit(node.slice)])
        if isinstance(lag, ast.Constant) and lag.value == 0:
            return node.value
        self.moving = self.moving or not isinstance(lag, ast.Constant)
        return self._opaque_name(f"{base} delayed", [self.visit(lag)])

    def _opaque_name(self, what: str, parts: Sequence[ast.expr]) -> ast.expr:
        key = (what, *(_expand(part) for part in parts))
        return ast.Name(self.names.setdefault(key, f"opaque_{len(self.names)}"))


def _expand(node: ast.expr) -> str:
    """An expression as SymPy multiplies it out; with choices in it, as it stands."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    names -= {*FUNCTIONS, *CONSTANTS, WHERE}
    algebra = _UnevaluatedSymbols({name: sp.Symbol(name, real=True) for name in names})
    try:
        return str(sp.expand(fold(node, algebra)))
    except (TypeError, NotImplementedError):
        return ast.unparse(node)


class _UnevaluatedSymbols(Symbols):
    """Symbols with every function as it is."""

    def call(self, function: Any, arguments: Sequence[Any]) -> Any:
        return sp.Function(function.name)(*(sp.expand(argument) for argument in arguments))


def _compare_in_time(old: Expression, new: Expression, setting: Setting) -> Equality:
    """Samples refute; a proof takes each delayed signal and each entry for an argument."""
    if result := _differ_in_time(old, new, setting):
        return result
    opaque = _OpaqueMemory()
    first, second = (expression_of(opaque.visit(copy_tree(side.tree))) for side in (old, new))
    names = sorted((first.names | second.names) - {*CONSTANTS})
    result = _compare_numbers(first, second, Setting(dict.fromkeys(names, "signal")))
    if result.same:
        return replace(result, how=f"{result.how}; delayed signals are symbols of their own")
    if result.outcome == "differs" and not opaque.moving:
        return result
    return Equality("undecided", f"not decided; {COMPARED_SAMPLES} samples agree")


def _differ_in_time(old: Expression, new: Expression, setting: Setting) -> Equality | None:
    with mp.workdps(SIGNAL_DIGITS):
        signals = {n: [mp.mpf(value) for value in v] for n, v in setting.signals.items()}
        tables = {n: [mp.mpf(value) for value in v] for n, v in setting.tables.items()}
        # Folded apart: nothing of one is in the other.
        sides = [fold(side, Stream(Numbers({}), signals, tables)) for side in (old, new)]
        for n in range(COMPARED_SAMPLES):
            try:
                first, second = (side(n) for side in sides)
            except (LookupError, TypeError, ValueError, ArithmeticError):
                break
            if not _agree(first, second):
                shown = str(mp.nstr(mp.mpf(first), 12)), str(mp.nstr(mp.mpf(second), 12))
                return Equality("differs", f"sample {n} differs", {"n": n}, *shown)
    return None


def _agree(a: Any, b: Any) -> bool:
    if not (mp.isfinite(a) and mp.isfinite(b)):
        return bool(a == b or (mp.isnan(a) and mp.isnan(b)))
    return bool(abs(a - b) <= SIGNAL_TOLERANCE * max(1, abs(a), abs(b)))
