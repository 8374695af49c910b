"""Whether two expressions of the table are equal: proved, refuted by a point, or left undecided.

Points are tried first: two values that differ at 100 digits refute the equality. Points never
prove it. A proof goes by the signs of what the expressions compare and take the absolute value of:
for each combination of signs both are formulas without a choice, and SymPy has to reduce their
difference to a literal 0. What SymPy has no form for (a delayed signal, a table, `isnan`) is a
symbol of its own, the same one wherever its arguments are equal.
"""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import mpmath as mp
import sympy as sp

from ..table.expressions import Expression, Numbers, Stream, Symbols, condition, fold
from ..table.model import Role
from ..table.samples import Point
from ..table.vocabulary import Function

Outcome = Literal["identical", "proved", "differs", "undecided"]

#: Points are compared with this many digits ...
DIGITS = 100
#: ... and values this close count as one: what cancels between two forms stays far below.
TOLERANCE = mp.mpf("1e-40")
#: Signs are tried for at most this many combinations.
MAX_CASES = 400
#: Larger differences are not simplified: that can take minutes.
MAX_OPERATIONS = 300
#: Samples over which signals in time are compared: more than the longest delay a row may have.
HORIZON = 70


@dataclass(frozen=True)
class Setting:
    """What two expressions have in common: names with their roles, where they matter, points.

    Outside `region` the expressions may be what they like. `points` are tried in their order;
    `edges` are tried last, for there a difference may be one of a single point. `signals` are the
    samples of each name, and `tables` the entries, for expressions that speak of time.
    """

    roles: Mapping[str, Role]
    region: Expression | None = None
    points: Sequence[Point] = ()
    edges: Sequence[Point] = ()
    signals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tables: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What was found, and how; for a difference, a point with the old and the new value.

    `kink` says that the difference is one of single points: everywhere else the two were proved
    equal.
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
        return self.outcome in ("identical", "proved")


def same_text(old: Expression | None, new: Expression | None) -> bool:
    """Whether two expressions are the same, spaces and superfluous parentheses apart."""
    if old is None or new is None:
        return old is new
    return ast.unparse(old.tree) == ast.unparse(new.tree)


def compare(old: Expression, new: Expression, setting: Setting) -> Comparison:
    """How two expressions of the same names compare where the setting's region holds."""
    if same_text(old, new):
        return Comparison("identical", "the same expression")
    with mp.workdps(DIGITS):
        if setting.signals:
            return _compare_in_time(old, new, setting)
        for point in setting.points:
            if found := _differ(old, new, setting, point):
                return found
        cases = _cases(old, new, setting)
        for case in cases:
            if not case.degenerate and case.witness:
                return case.witness
        settled = all(case.holds for case in cases if not case.degenerate)
        single = (case.witness for case in cases if case.degenerate and case.witness)
        edges = (_differ(old, new, setting, point) for point in setting.edges)
        if found := next((f for f in itertools.chain(single, edges) if f), None):
            return replace(found, kink=settled and bool(cases))
    if cases and all(case.holds for case in cases):
        return Comparison("proved", _by(cases))
    count = len(setting.points) + len(setting.edges)
    return Comparison("undecided", f"not decided by SymPy; they agree at {count} points")


def _by(cases: Sequence[_Case]) -> str:
    if len(cases) == 1:
        return "SymPy reduces the difference to 0"
    return f"SymPy reduces the difference to 0 for each of {len(cases)} combinations of signs"


# Points.


def _differ(old: Expression, new: Expression, setting: Setting, point: Point) -> Comparison | None:
    """The difference at a point of the region, if there is one."""
    algebra = Numbers({name: mp.mpf(value) for name, value in point.items()})
    try:
        if setting.region is not None and not condition(setting.region, algebra):
            return None
        values = fold(old, algebra), fold(new, algebra)
    except (TypeError, ValueError, ArithmeticError, KeyError):
        return None
    if _agree(*values):
        return None
    before, after = map(shown, values)
    return Comparison("differs", "the values differ", dict(point), before, after)


def _agree(a: Any, b: Any) -> bool:
    if not (mp.isfinite(a) and mp.isfinite(b)):
        return bool(a == b or (mp.isnan(a) and mp.isnan(b)))
    return bool(abs(a - b) <= TOLERANCE * max(1, abs(a), abs(b)))


def shown(value: Any) -> str:
    """A number with 12 digits."""
    return str(mp.nstr(mp.mpf(value), 12))


# Proofs.


class _OpenError(Exception):
    """The sign of a quantity is not known yet."""

    def __init__(self, quantity: Any) -> None:
        super().__init__(quantity)
        self.quantity = quantity


@dataclass
class _Known:
    """What holds in one case: names and opaque terms as SymPy expressions, and signs decided.

    `signs` maps a quantity, normalized by `_normal`, to its sign. `degenerate` says that one of
    them is 0: the case is a single point, or a line, or a surface.
    """

    names: dict[str, Any]
    opaque: dict[Any, Any] = field(default_factory=dict)
    signs: dict[Any, int] = field(default_factory=dict)
    degenerate: bool = False

    def sign(self, quantity: Any) -> int:
        """-1, 0 or 1; raises `_OpenError` where that is not known."""
        quantity = sp.sympify(quantity)
        for form in (quantity, sp.factor(quantity)):
            if form.is_zero:
                return 0
            if form.is_positive:
                return 1
            if form.is_negative:
                return -1
        normal, flip = _normal(quantity)
        if normal in self.signs:
            return self.signs[normal] * flip
        raise _OpenError(quantity)

    def with_sign(self, quantity: Any, sign: int) -> Iterator[_Known]:
        """The cases in which an open quantity has a sign."""
        # Integers are 0 over whole intervals of what they were rounded from.
        whole = any(symbol.is_integer for symbol in quantity.free_symbols)
        degenerate = self.degenerate or (sign == 0 and not whole)
        within = _symbols(part for key in self.opaque for part in key)
        bound = within if quantity.free_symbols & _symbols(self.opaque.values()) and sign else set()
        # What an opaque term was made of cannot be replaced by something with that term in it.
        for symbol in sorted(quantity.free_symbols - bound, key=sp.default_sort_key):
            slope = sp.diff(quantity, symbol)
            if not (slope.is_number and slope.is_real and not slope.is_zero):
                continue
            if sign and symbol.is_positive and sign * slope < 0:
                # Replaced, the symbol would no longer be known to be positive.
                continue
            rest = quantity - slope * symbol
            kind = {"integer": True} if symbol.is_integer and quantity.is_integer else {}
            beyond = sign * sp.Dummy("p", positive=True, **kind) if sign else 0
            yield from self._replaced(symbol, sp.expand((beyond - rest) / slope), degenerate)
            return
        roots = _roots(quantity) if sign == 0 else None
        if roots is not None:
            symbol = next(iter(quantity.free_symbols))
            for root in roots:
                yield from self._replaced(symbol, root, degenerate)
            return
        normal, flip = _normal(quantity)
        signs = {**self.signs, normal: sign * flip}
        if not _contradictory(signs):
            yield _Known(dict(self.names), dict(self.opaque), signs, degenerate)

    def _replaced(self, symbol: Any, value: Any, degenerate: bool) -> Iterator[_Known]:
        """This case with a symbol replaced, unless that contradicts the signs."""

        def put(term: Any) -> Any:
            return term.subs(symbol, value) if isinstance(term, sp.Basic) else term

        known = _Known(
            {name: put(term) for name, term in self.names.items()},
            {tuple(put(part) for part in key): put(term) for key, term in self.opaque.items()},
            {},
            degenerate,
        )
        for quantity, sign in self.signs.items():
            moved = put(quantity)
            if moved.is_number:
                if sp.sign(moved) != sign:
                    return
                continue
            normal, flip = _normal(moved)
            known.signs[normal] = sign * flip
        if not _contradictory(known.signs):
            yield known


def _symbols(terms: Iterable[Any]) -> set[Any]:
    return {s for term in terms if isinstance(term, sp.Basic) for s in term.free_symbols}


def _normal(quantity: Any) -> tuple[Any, int]:
    """A quantity up to a positive factor and its sign, and which of the two signs it was."""
    content, primitive = sp.expand(quantity).as_content_primitive()
    flip = -1 if content.is_negative else 1
    if primitive.could_extract_minus_sign():
        return sp.expand(-primitive), -flip
    return primitive, flip


def _roots(quantity: Any) -> list[Any] | None:
    """The real zeros of a polynomial of one symbol; None for anything else."""
    if len(quantity.free_symbols) != 1:
        return None
    symbol = next(iter(quantity.free_symbols))
    if not quantity.is_polynomial(symbol):
        return None
    roots = sp.roots(sp.Poly(quantity, symbol))
    if sum(roots.values()) != sp.degree(quantity, symbol):
        return None
    return [root for root in roots if root.is_real and not (symbol.is_positive and root <= 0)]


def _contradictory(signs: Mapping[Any, int]) -> bool:
    """Whether polynomials of one symbol cannot have these signs together."""
    plain = sp.Symbol("plain", real=True)
    for symbol in {s for quantity in signs for s in quantity.free_symbols}:
        relations = [
            {1: sp.Gt, 0: sp.Eq, -1: sp.Lt}[sign](quantity.subs(symbol, plain), 0)
            for quantity, sign in signs.items()
            if quantity.free_symbols == {symbol} and quantity.is_polynomial(symbol)
        ]
        if symbol.is_positive:
            relations.append(sp.Gt(plain, 0))
        try:
            if len(relations) > 1 and sp.reduce_inequalities(relations) == sp.false:
                return True
        except (NotImplementedError, TypeError, ValueError):
            continue
    return False


class _Terms(Symbols):
    """SymPy expressions in one case: every condition is decided by the signs that are known."""

    def __init__(self, known: _Known) -> None:
        super().__init__(known.names)
        self.known = known

    def _opaque(self, function: str, arguments: Sequence[Any], integer: bool = False) -> Any:
        key = (function, *(sp.expand(argument) for argument in arguments))
        kind = {"integer": True} if integer else {"real": True}
        return self.known.opaque.setdefault(key, sp.Dummy(function, **kind))

    def step(self, function: Function, arguments: Sequence[Any]) -> Any:
        if all(sp.sympify(argument).is_number for argument in arguments):
            return super().step(function, arguments)
        rounds = function.name in ("floor", "ceil", "rint", "round", "int")
        if rounds and sp.sympify(arguments[0]).is_integer:
            return arguments[0]
        return self._opaque(function.name, arguments, integer=True)

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        x = arguments[0]
        match function.name:
            case "abs":
                return self.known.sign(x) * x
            case "sign":
                return sp.Integer(self.known.sign(x))
            case "cbrt":
                sign = self.known.sign(x)
                return sign * (sign * x) ** sp.Rational(1, 3)
            case "copysign":
                sign = 1 if self.known.sign(arguments[1]) >= 0 else -1
                return sign * self.known.sign(x) * x
        if function.stream or (function.symbol is None and not function.step):
            if function.name in ("fmod", "remainder"):
                return super().call(function, arguments)
            return self._opaque(function.name, arguments)
        return super().call(function, arguments)

    def compare(self, operator: str, a: Any, b: Any) -> bool:
        sign = self.known.sign(a - b)
        return {
            "<": sign < 0,
            "<=": sign <= 0,
            ">": sign > 0,
            ">=": sign >= 0,
            "==": sign == 0,
            "!=": sign != 0,
        }[operator]

    def both(self, a: bool, b: bool) -> bool:
        return a and b

    def either(self, a: bool, b: bool) -> bool:
        return a or b

    def opposite(self, a: bool) -> bool:
        return not a

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return yes() if condition else no()

    def delay(self, signal: str, lag: Any) -> Any:
        if sp.sympify(lag).is_zero:
            return self.known.names[signal]
        return self._opaque(f"{signal} delayed", [lag])

    def lookup(self, table: str, index: Any) -> Any:
        return self._opaque(f"{table} at", [index])


@dataclass(frozen=True)
class _Case:
    """One combination of signs: whether the difference is proved to be 0, or a point against it."""

    holds: bool
    degenerate: bool
    witness: Comparison | None = None


def _cases(old: Expression, new: Expression, setting: Setting) -> list[_Case]:
    """All cases of the region; [] if there are too many, or no way to write them in SymPy."""
    found: list[_Case] = []
    waiting = [_Known({name: _symbol(name, role) for name, role in setting.roles.items()})]
    try:
        while waiting:
            if len(found) + len(waiting) > MAX_CASES:
                return []
            known = waiting.pop()
            try:
                algebra = _Terms(known)
                if setting.region is not None and not condition(setting.region, algebra):
                    continue
                difference = _settled(fold(old, algebra), fold(new, algebra), known)
            except _OpenError as open_:
                for sign in (1, 0, -1):
                    waiting.extend(known.with_sign(open_.quantity, sign))
                continue
            holds = vanishes(difference)
            witness = None if holds else _witness(old, new, setting, known)
            if not (holds or witness):
                holds = vanishes(_unbounded(difference, known))
            found.append(_Case(holds, known.degenerate, witness))
    except (TypeError, ValueError, NotImplementedError, ArithmeticError, RecursionError):
        return []
    return found


def _symbol(name: str, role: Role) -> Any:
    return sp.Symbol(name, integer=True) if role == "integer" else sp.Symbol(name, real=True)


def _settled(old: Any, new: Any, known: _Known) -> Any:
    """The difference, without the absolute values that SymPy makes of its own, as of sqrt(x**2)."""
    if old == new:
        return sp.Integer(0)
    difference = sp.sympify(old) - sp.sympify(new)
    while atoms := difference.atoms(sp.Abs, sp.sign):
        # From the inside out, so that what is settled has no absolute value in it.
        atom = min(atoms, key=lambda a: (sp.count_ops(a), sp.default_sort_key(a)))
        inner = atom.args[0]
        sign = sp.Integer(known.sign(inner))
        value = sign * inner if isinstance(atom, sp.Abs) else sign
        difference = difference.xreplace({atom: value})
    return difference


def _bounds(known: _Known) -> dict[Any, Any]:
    """The least upper bound of each positive symbol for which signs state one."""
    found: dict[Any, Any] = {}
    for quantity, sign in known.signs.items():
        for symbol in quantity.free_symbols if len(quantity.free_symbols) == 1 else ():
            slope = sp.diff(quantity, symbol)
            if not (symbol.is_positive and slope.is_number and sign * slope < 0):
                continue
            bound = symbol - quantity / slope
            if bound.is_number and bound.is_positive:
                found[symbol] = min(bound, found.get(symbol, bound))
    return found


def _unbounded(difference: Any, known: _Known) -> Any:
    """The difference with 0 < p < c written as p = c*q / (1 + q), of which SymPy knows the sign."""
    for symbol, bound in _bounds(known).items():
        free = sp.Dummy("q", positive=True)
        difference = sp.simplify(difference.subs(symbol, bound * free / (1 + free)))
    return difference


_TRIED = [sp.Rational(t) for t in ("1", "1/2", "2", "1/10", "3", "10", "1/100", "7/5", "100")]


def _witness(
    old: Expression, new: Expression, setting: Setting, known: _Known
) -> Comparison | None:
    """A point of the case at which the two differ, if one of a few has that property."""
    symbols = sorted(
        {s for term in known.names.values() for s in term.free_symbols}, key=sp.default_sort_key
    )
    draws = random.Random(0)
    bounds = _bounds(known)
    for turn in range(3 * len(_TRIED)):
        first = turn < len(_TRIED)
        values = {
            symbol: (_TRIED[turn] if first else draws.choice(_TRIED))
            * (1 if symbol.is_positive or first else draws.choice((1, -1)))
            for symbol in symbols
        }
        values |= {
            symbol: bound * values[symbol] / (1 + values[symbol])
            for symbol, bound in bounds.items()
            if symbol in values
        }
        point = {name: float(term.subs(values)) for name, term in known.names.items()}
        if found := _differ(old, new, setting, point):
            return found
    return None


def vanishes(difference: Any) -> bool:
    """Whether SymPy reduces a formula to a literal 0."""
    difference = sp.sympify(difference)
    if difference == 0:
        return True
    if not difference.is_finite and difference.has(sp.nan, sp.zoo, sp.oo):
        return False
    if not _small_at_a_point(difference):
        return False
    for step in _STRATEGIES:
        try:
            if step(difference) == 0:
                return True
        except (TypeError, ValueError, NotImplementedError, ArithmeticError, RecursionError):
            continue
        except (sp.PolynomialError, AttributeError):
            continue
    return False


def _small_at_a_point(difference: Any) -> bool:
    """False if a formula is plainly not 0, which spares the attempt to simplify it."""
    free = sorted(difference.free_symbols, key=sp.default_sort_key)
    values = {
        symbol: sp.Integer(index + 2) if symbol.is_integer else sp.Rational(7 + 4 * index, 13)
        for index, symbol in enumerate(free)
    }
    value = sp.N(difference.subs(values), 30)
    return not (value.is_number and value.is_finite and abs(value) > sp.Float("1e-15"))


def _plain_powers(expression: Any) -> Any:
    """What stands under a root multiplied out, so that equal roots look alike."""
    return expression.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.Pow(sp.expand(e.base), e.exp)
    )


def _factored_powers(expression: Any) -> Any:
    return expression.replace(
        lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.Pow(sp.factor(e.base), e.exp)
    )


def _doubled(expression: Any) -> Any:
    """Angles doubled, which turns the functions of half an angle into functions of a whole one."""
    doubles = {s: 2 * sp.Symbol(s.name, real=True) for s in expression.free_symbols}
    return sp.expand_trig(expression.subs(doubles))


def _exponential(expression: Any) -> Any:
    numerator = sp.numer(sp.together(expression.rewrite(sp.exp)))
    return sp.expand(sp.powsimp(sp.expand(numerator)))


def _simplified(expression: Any) -> Any:
    return sp.simplify(expression) if sp.count_ops(expression) <= MAX_OPERATIONS else expression


_STRATEGIES: tuple[Callable[[Any], Any], ...] = (
    sp.expand,
    lambda d: sp.expand(sp.numer(sp.together(d))),
    lambda d: sp.expand(sp.numer(sp.together(_plain_powers(d)))),
    lambda d: sp.expand(sp.numer(sp.together(_factored_powers(d)))),
    lambda d: sp.expand(sp.expand_func(d)),
    lambda d: sp.expand_log(sp.expand(d)),
    lambda d: sp.cancel(sp.together(sp.expand_trig(d))),
    _exponential,
    lambda d: _exponential(_doubled(d)),
    lambda d: sp.expand(d.rewrite(sp.asin)),
    lambda d: sp.radsimp(sp.together(d)),
    lambda d: sp.trigsimp(sp.expand_trig(d)),
    _simplified,
    lambda d: _simplified(sp.expand_func(d)),
    lambda d: _simplified(d.rewrite(sp.log)),
    lambda d: _simplified(_doubled(d)),
)


# Signals in time.


def _compare_in_time(old: Expression, new: Expression, setting: Setting) -> Comparison:
    """The samples refute; a proof takes each delayed signal and each table entry for a symbol."""
    signals = {
        name: [mp.mpf(value) for value in values] for name, values in setting.signals.items()
    }
    tables = {name: [mp.mpf(value) for value in values] for name, values in setting.tables.items()}
    # Folded apart: nothing of one is in the other.
    sides = [fold(side, Stream(Numbers({}), signals, tables)) for side in (old, new)]
    for n in range(HORIZON):
        try:
            values = [side(n) for side in sides]
        except (LookupError, TypeError, ValueError, ArithmeticError):
            break
        if not _agree(*values):
            before, after = map(shown, values)
            return Comparison("differs", f"sample {n} differs", {"n": n}, before, after)
    cases = _cases(old, new, setting)
    if cases and all(case.holds for case in cases):
        return Comparison("proved", f"{_by(cases)}; delayed signals are symbols of their own")
    return Comparison("undecided", f"not decided by SymPy; {HORIZON} samples agree")
