"""The algebras in which a row is sampled and proved: numbers, symbols, and both in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath as mp

from ..deferred import DeferredModule
from .folding import COMPARISONS, Algebra
from .vocabulary import CONSTANTS, FUNCTIONS, Function

sp: Any = DeferredModule("sympy")
np: Any = DeferredModule("numpy")

#: Numbers from 2 to this power on count as infinite: a function of one would take for ever.
MAX_MAGNITUDE = 16_384


#: The comparisons of the language in SymPy.
RELATIONS = {"<": "Lt", "<=": "Le", ">": "Gt", ">=": "Ge", "==": "Eq", "!=": "Ne"}


class Numbers(Algebra):
    """mpmath numbers at the working precision.

    `rounding` is applied to every intermediate result; with a conversion to a floating-point
    format this shows where that format overflows, underflows or divides by zero. What is not a
    real number becomes NaN.
    """

    def __init__(
        self, values: Mapping[str, Any], rounding: Callable[[Any], Any] | None = None
    ) -> None:
        self.values = values
        self.rounding = rounding or (lambda value: value)

    def _real_result(self, operation: Callable[..., Any], *operands: Any) -> Any:
        try:
            value = operation(*operands)
        except ZeroDivisionError:
            infinite = operands and mp.isfinite(operands[0]) and operands[0] != 0
            return mp.inf if infinite else mp.nan
        except (ValueError, OverflowError):
            return mp.nan
        if isinstance(value, mp.mpc):
            if value.imag != 0:
                return mp.nan
            value = value.real
        if mp.isfinite(value) and value and mp.mag(value) > MAX_MAGNITUDE:
            value = mp.inf if value > 0 else -mp.inf
        return self.rounding(value)

    def constant(self, text: str) -> Any:
        return self.rounding(mp.mpf(text))

    def name(self, name: str) -> Any:
        return CONSTANTS[name].number(self.rounding) if name in CONSTANTS else self.values[name]

    def add(self, a: Any, b: Any) -> Any:
        return self._real_result(lambda x, y: x + y, a, b)

    def sub(self, a: Any, b: Any) -> Any:
        return self._real_result(lambda x, y: x - y, a, b)

    def mul(self, a: Any, b: Any) -> Any:
        return self._real_result(lambda x, y: x * y, a, b)

    def div(self, a: Any, b: Any) -> Any:
        return self._real_result(lambda x, y: x / y, a, b)

    def pow(self, a: Any, b: Any) -> Any:
        return self._real_result(mp.power, a, b)

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        return self._real_result(function.number, *arguments)

    def compare(self, sign: str, a: Any, b: Any) -> bool:
        return bool(COMPARISONS[sign](a, b))

    def both(self, a: Any, b: Any) -> bool:
        return bool(a and b)

    def either(self, a: Any, b: Any) -> bool:
        return bool(a or b)

    def opposite(self, a: Any) -> bool:
        return not a

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return yes() if condition else no()


#: Functions that NumPy has under other names.
_NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
          "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}  # fmt: skip


class Arrays(Algebra):
    """NumPy arrays, element by element, for formulas of rows on whole recordings.

    Both branches of a choice are computed. Raises `TypeError` for a function NumPy does not have.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def constant(self, text: str) -> Any:
        return float(text)

    def name(self, name: str) -> Any:
        return float(CONSTANTS[name].number(float)) if name in CONSTANTS else self.values[name]

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        own = getattr(np, _NUMPY.get(function.name, function.name), None)
        if own is None:
            raise TypeError(f"{function.name} has no form in NumPy")
        return own(*arguments)

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        return COMPARISONS[operator](a, b)

    def both(self, a: Any, b: Any) -> Any:
        return np.logical_and(a, b)

    def either(self, a: Any, b: Any) -> Any:
        return np.logical_or(a, b)

    def opposite(self, a: Any) -> Any:
        return np.logical_not(a)

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return np.where(condition, yes(), no())


class Symbols(Algebra):
    """SymPy expressions for proofs.

    Step functions become integer constants, one per function and argument: between two jumps
    that is what they are. `origin` maps the symbols of a perturbation to 0; a step or condition
    over numbers is decided there.
    """

    def __init__(self, values: Mapping[str, Any], origin: Mapping[Any, Any] | None = None) -> None:
        self.values = values
        self.origin = origin or {}
        self.steps: dict[tuple[str, Any], Any] = {}

    def constant(self, text: str) -> Any:
        return sp.Rational(text)

    def name(self, name: str) -> Any:
        return CONSTANTS[name].symbol() if name in CONSTANTS else self.values[name]

    def _at_origin(self, value: Any) -> Any:
        value = sp.sympify(value)
        moved = self.origin.keys() & value.free_symbols
        return value.subs(self.origin) if moved else value

    def step(self, function: Function, arguments: Sequence[Any]) -> Any:
        points = [self._at_origin(argument) for argument in arguments]
        if all(point.is_number for point in points):
            points = [p if p.is_Rational else sp.Rational(str(sp.N(p, 50))) for p in points]
            return sp.Integer(
                int(function.number(*[mp.mpf(sp.Rational(p).p) / sp.Rational(p).q for p in points]))
            )
        if function.arity == 1 and points[0].is_integer:
            return points[0]
        key = (function.name, tuple(sp.expand(point) for point in points))
        return self.steps.setdefault(key, sp.Dummy(function.name, integer=True))

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        if function.step:
            return self.step(function, arguments)
        if function.quotient:
            x, y = arguments
            return x - y * self.step(FUNCTIONS[function.quotient], [x / y])
        if function.symbol is None:
            raise TypeError(f"{function.name} has no symbolic form")
        symbol = function.symbol
        return (getattr(sp, symbol) if isinstance(symbol, str) else symbol)(*arguments)

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        return getattr(sp, RELATIONS[operator])(self._at_origin(a), self._at_origin(b))

    def both(self, a: Any, b: Any) -> Any:
        return sp.And(a, b)

    def either(self, a: Any, b: Any) -> Any:
        return sp.Or(a, b)

    def opposite(self, a: Any) -> Any:
        return sp.Not(a)

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        if condition in (sp.true, sp.false):
            return yes() if condition == sp.true else no()
        return sp.Piecewise((yes(), condition), (no(), True))


Signal = Callable[[int], Any]


class Stream(Algebra):
    """Functions of time over another algebra: a value is a map from the sample index, from 0.

    `signals` maps a name to its samples, `tables` a name to its entries. A signal is 0 before
    time 0.
    """

    def __init__(
        self,
        at: Algebra,
        signals: Mapping[str, Sequence[Any]],
        tables: Mapping[str, Sequence[Any]],
    ) -> None:
        self.at = at
        self.signals = signals
        self.tables = tables

    def _zero(self) -> Any:
        return self.at.constant("0")

    def _index(self, value: Any) -> int:
        return int(self.at.call(FUNCTIONS["int"], [value]))

    def constant(self, text: str) -> Signal:
        value = self.at.constant(text)
        return lambda n: value

    def name(self, name: str) -> Signal:
        if name in CONSTANTS:
            return lambda n: self.at.name(name)
        if name in self.tables:
            return lambda n: self.tables[name][n]
        return lambda n: self.signals[name][n] if n >= 0 else self._zero()

    def add(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.add(a(n), b(n))

    def sub(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.sub(a(n), b(n))

    def mul(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.mul(a(n), b(n))

    def div(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.div(a(n), b(n))

    def pow(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.pow(a(n), b(n))

    def negate(self, a: Signal) -> Signal:
        return lambda n: self.at.negate(a(n))

    def compare(self, operator: str, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.compare(operator, a(n), b(n))

    def both(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.both(a(n), b(n))

    def either(self, a: Signal, b: Signal) -> Signal:
        return lambda n: self.at.either(a(n), b(n))

    def opposite(self, a: Signal) -> Signal:
        return lambda n: self.at.opposite(a(n))

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Signal:
        return lambda n: self.at.where(condition(n), lambda: yes()(n), lambda: no()(n))

    def delay(self, signal: str, lag: Signal) -> Signal:
        source = self.name(signal)
        return lambda n: source(n - self._index(lag(n)))

    def lookup(self, table: str, index: Signal) -> Signal:
        return lambda n: self.tables[table][self._index(index(n))]

    def call(self, function: Function, arguments: Sequence[Signal]) -> Signal:
        if function.stream:
            operator: Signal = getattr(self, f"_{function.name}")(*arguments)
            return operator
        return lambda n: self.at.call(function, [argument(n) for argument in arguments])

    def _prefix(self, first: Signal, x: Signal) -> Signal:
        return lambda n: first(0) if n == 0 else x(n - 1)

    def _hold(self, value: Signal, gate: Signal) -> Signal:
        """`value` while the gate is open, else what it last was."""
        zero = self.at.constant("0")

        def at(n: int) -> Any:
            while n >= 0 and self._index(self._open(gate(n))) == 0:
                n -= 1
            return value(n) if n >= 0 else zero

        return at

    def _open(self, gate: Any) -> Any:
        return self.at.indicator(self.at.compare("!=", gate, self._zero()))

    def _control(self, x: Signal, gate: Signal) -> Signal:
        return self._hold(x, gate)

    def _enable(self, x: Signal, gate: Signal) -> Signal:
        return self._hold(self.mul(x, gate), gate)

    def _rwtable(
        self, size: Signal, init: Signal, write: Signal, x: Signal, read: Signal
    ) -> Signal:
        def at(n: int) -> Any:
            entry = self._index(read(n))
            for past in range(n, -1, -1):
                if self._index(write(past)) == entry:
                    return x(past)
            return init(entry)

        return at
