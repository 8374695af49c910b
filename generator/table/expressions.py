"""The expression language of the table: parsed by whitelist, then folded into an algebra.

The syntax is a small part of Python's: numbers, names, `+ - * / **`, comparisons, `and or not`,
calls of the vocabulary, and subscripts for signals in time. `x[n - k]` is `x` delayed by `k`
samples; `t[i]` reads entry `i` of a table. Text never reaches an evaluator: it is parsed with
`ast`, every node is checked, and `fold` walks what is left with one of the algebras:

    Numbers   mpmath numbers, for sampling (rounded to a format, for the guards)
    Symbols   SymPy expressions, for proofs
    Stream    either of them, lifted to functions of time
    Unevaluated (stage 4)   SymPy expressions in the author's form, for printing
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn

import mpmath as mp
import sympy as sp

from ..errors import nearest
from .vocabulary import CONSTANTS, FUNCTIONS, WHERE, Function, unknown_function

#: The name of time, in samples, inside a subscript.
TIME = "n"

MAX_LENGTH = 500
MAX_NODES = 400
MAX_DEPTH = 40
MAX_EXPONENT = 64
#: Numbers from 2 to this power on count as infinite: a function of one would take for ever.
MAX_MAGNITUDE = 16_384

_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
#: How the language spells the comparisons, by their node.
COMPARE: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
#: What they mean; the one table of comparisons.
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONDITIONS = (ast.Compare, ast.BoolOp)


class ExpressionError(ValueError):
    """An expression that the language does not have: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}; {hint}")
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text, its tree, and the names of arguments it uses."""

    text: str
    tree: ast.expr = field(compare=False, repr=False)
    names: frozenset[str] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


def parse(text: str, scope: Sequence[str]) -> Expression:
    """The expression that `text` spells, with only names of `scope` in it.

    Raises `ExpressionError` for anything outside the language, before anything is evaluated.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text)} characters", f"keep it below {MAX_LENGTH}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None)
        where = f" at column {column}" if column else ""
        raise ExpressionError(
            f"syntax error{where} in '{text}'", "write it like 'x / sqrt(1 + x**2)'"
        ) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(
            "the expression has too many terms", f"the limit is {MAX_NODES} nodes"
        )
    checker = _Checker(frozenset(scope))
    checker.visit(tree, depth=0, power=1.0)
    return Expression(text.strip(), tree, frozenset(checker.used))


class _Checker:
    """Walks a tree and raises at the first node that the language does not have."""

    def __init__(self, scope: frozenset[str]) -> None:
        self.scope = scope
        self.used: set[str] = set()

    def visit(self, node: ast.expr, depth: int, power: float) -> None:
        if depth > MAX_DEPTH:
            raise ExpressionError(
                "the expression is nested too deeply", f"the limit is {MAX_DEPTH}"
            )
        below = depth + 1
        match node:
            case ast.Constant():
                self.constant(node.value)
            case ast.Name():
                self.name(node.id)
            case ast.UnaryOp(op=ast.Not()):
                self.condition(node.operand)
                self.visit(node.operand, below, power)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                self.visit(node.operand, below, power)
            case ast.BinOp(op=ast.Pow()):
                raised = power * self.exponent(node)
                if raised > MAX_EXPONENT:
                    self.refuse_power(node)
                self.visit(node.left, below, raised)
                self.visit(node.right, below, power)
            case ast.BinOp() if type(node.op) in _BINARY:
                self.visit(node.left, below, power)
                self.visit(node.right, below, power)
            case ast.BoolOp():
                for value in node.values:
                    self.condition(value)
                    self.visit(value, below, power)
            case ast.Compare() if all(type(op) in COMPARE for op in node.ops):
                for value in (node.left, *node.comparators):
                    self.visit(value, below, power)
            case ast.Call():
                self.call(node, below, power)
            case ast.Subscript():
                self.subscript(node, below, power)
            case _:
                raise ExpressionError(
                    f"'{ast.unparse(node)[:60]}' ({type(node).__name__}) is not allowed",
                    "use numbers, arguments, + - * / **, comparisons and known functions",
                )

    def constant(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{value!r} is not a number", "only numbers are allowed")
        if value != value or abs(value) > 1e300:
            raise ExpressionError(f"the number {value!r} is too large", "keep it below 1e300")

    def name(self, name: str) -> None:
        if name in CONSTANTS:
            return
        if name == TIME and name in self.scope:
            raise ExpressionError(
                f"'{TIME}' stands for time, not for a number", f"write x[{TIME} - k] for a delay"
            )
        if name not in self.scope:
            known = ", ".join(sorted(self.scope)) or "none"
            raise ExpressionError(
                f"'{name}' is not in scope",
                nearest(name, [*self.scope, *CONSTANTS], f"names in scope: {known}"),
            )
        self.used.add(name)

    def condition(self, node: ast.expr) -> None:
        if not is_condition(node):
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not a condition", "compare it, as in 'x > 0'"
            )

    def exponent(self, node: ast.BinOp) -> float:
        """How much a constant exponent multiplies the degree; bombs are refused here."""
        names = any(isinstance(part, ast.Name) for part in ast.walk(node.right))
        if names:
            return 1.0
        value = _literal(node.right)
        if value is None:
            self.refuse_power(node)
        return max(1.0, abs(float(value)))

    def refuse_power(self, node: ast.BinOp) -> NoReturn:
        raise ExpressionError(
            f"the power '{ast.unparse(node)[:60]}' is too large",
            f"a constant exponent is a number between -{MAX_EXPONENT} and {MAX_EXPONENT}",
        )

    def call(self, node: ast.Call, depth: int, power: float) -> None:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not allowed", "call a known function by its name"
            )
        name = node.func.id
        if name != WHERE and name not in FUNCTIONS:
            raise ExpressionError(f"unknown function '{name}'", unknown_function(name))
        if name != WHERE and FUNCTIONS[name].stream and TIME not in self.scope:
            raise ExpressionError(f"{name} has memory", "only a row of kind linear speaks of time")
        arity = 3 if name == WHERE else FUNCTIONS[name].arity
        if len(node.args) != arity:
            raise ExpressionError(
                f"{name} takes {arity} arguments, not {len(node.args)}", f"in '{ast.unparse(node)}'"
            )
        for index, argument in enumerate(node.args):
            if isinstance(argument, ast.Starred):
                raise ExpressionError("'*' in a call is not allowed", "write every argument")
            if name == WHERE and index == 0:
                self.condition(argument)
            self.visit(argument, depth, power)

    def subscript(self, node: ast.Subscript, depth: int, power: float) -> None:
        if not isinstance(node.value, ast.Name) or isinstance(node.slice, ast.Slice | ast.Tuple):
            raise ExpressionError(
                f"'{ast.unparse(node)[:60]}' is not allowed",
                "write x[n - k] for a delay, t[i] for a table",
            )
        self.name(node.value.id)
        lag = delay_of(node)
        if lag is None:
            self.visit(node.slice, depth, power)
            return
        if TIME not in self.scope:
            raise ExpressionError(
                f"'{TIME}' is not in scope", "only a row of kind linear speaks of time"
            )
        if (_literal(lag) or 0) < 0:
            raise ExpressionError(f"'{ast.unparse(node)}' lies in the future", "delay by 0 or more")
        if not isinstance(lag, ast.Constant) or lag.value != 0:
            self.visit(lag, depth, power)


def is_condition(node: ast.expr) -> bool:
    """Whether a node is true or false, rather than a number."""
    negation = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    return negation or isinstance(node, _CONDITIONS)


def _literal(node: ast.expr) -> Fraction | None:
    """The value of a number, or of a negated number, or of a quotient of two numbers."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -Fraction(str(value))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            above, below = _literal(left), _literal(right)
            return above / below if above is not None and below else None
    return None


def delay_of(node: ast.Subscript) -> ast.expr | None:
    """The lag `k` of `x[n - k]`, also of `x[n - a - b]`; None when the index has no `n`."""
    match node.slice:
        case ast.Name(id=name) if name == TIME:
            return ast.Constant(0)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            outer = delay_of(ast.Subscript(node.value, left, node.ctx))
            if outer is None:
                return None
            if isinstance(outer, ast.Constant) and outer.value == 0:
                return right
            return ast.BinOp(outer, ast.Add(), right)
    return None


class Algebra:
    """What `fold` needs to know of a world; `Any` is a number there, a condition where said."""

    def constant(self, text: str) -> Any:
        raise NotImplementedError

    def name(self, name: str) -> Any:
        raise NotImplementedError

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def sub(self, a: Any, b: Any) -> Any:
        return a - b

    def mul(self, a: Any, b: Any) -> Any:
        return a * b

    def div(self, a: Any, b: Any) -> Any:
        return a / b

    def pow(self, a: Any, b: Any) -> Any:
        return a**b

    def negate(self, a: Any) -> Any:
        return -a

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        raise NotImplementedError

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        """A condition."""
        raise NotImplementedError

    def both(self, a: Any, b: Any) -> Any:
        """The condition that `a` and `b` hold."""
        raise NotImplementedError

    def either(self, a: Any, b: Any) -> Any:
        """The condition that `a` or `b` holds."""
        raise NotImplementedError

    def opposite(self, a: Any) -> Any:
        """The condition that `a` does not hold."""
        raise NotImplementedError

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        """`yes` if the condition holds, else `no`; both are given as thunks."""
        raise NotImplementedError

    def indicator(self, condition: Any) -> Any:
        """1 if the condition holds, else 0."""
        return self.where(condition, lambda: self.constant("1"), lambda: self.constant("0"))

    def delay(self, signal: str, lag: Any) -> Any:
        raise TypeError(f"'{signal}[n - k]' has no value outside a signal")

    def lookup(self, table: str, index: Any) -> Any:
        raise TypeError(f"'{table}[i]' has no value outside a signal")


def fold(expression: Expression | ast.expr, algebra: Algebra) -> Any:
    """The value of an expression in an algebra: a number; for a condition, its indicator."""
    node = expression.tree if isinstance(expression, Expression) else expression
    if is_condition(node):
        return algebra.indicator(condition(node, algebra))
    match node:
        case ast.Constant(value=value):
            return algebra.constant(repr(value))
        case ast.Name(id=name):
            return algebra.name(name)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return fold(operand, algebra)
        case ast.UnaryOp(operand=operand):
            return algebra.negate(fold(operand, algebra))
        case ast.BinOp(left=left, op=op, right=right):
            operation = getattr(algebra, _BINARY[type(op)])
            return operation(fold(left, algebra), fold(right, algebra))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name == WHERE:
            chosen, yes, no = arguments
            return algebra.where(
                condition(chosen, algebra), lambda: fold(yes, algebra), lambda: fold(no, algebra)
            )
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return algebra.call(FUNCTIONS[name], [fold(a, algebra) for a in arguments])
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            lag = delay_of(node)
            if lag is None:
                return algebra.lookup(name, fold(index, algebra))
            return algebra.delay(name, fold(lag, algebra))
    raise TypeError(f"not an expression of the table: {ast.dump(node)}")


def condition(expression: Expression | ast.expr, algebra: Algebra) -> Any:
    """The value of a condition in an algebra."""
    node = expression.tree if isinstance(expression, Expression) else expression
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return algebra.opposite(condition(operand, algebra))
        case ast.BoolOp(op=op, values=values):
            combine = algebra.both if isinstance(op, ast.And) else algebra.either
            result = condition(values[0], algebra)
            for value in values[1:]:
                result = combine(result, condition(value, algebra))
            return result
        case ast.Compare(left=left, ops=operators, comparators=others):
            terms = [fold(term, algebra) for term in (left, *others)]
            result = algebra.compare(COMPARE[type(operators[0])], terms[0], terms[1])
            for sign, a, b in zip(operators[1:], terms[1:], terms[2:], strict=False):
                result = algebra.both(result, algebra.compare(COMPARE[type(sign)], a, b))
            return result
    raise TypeError(f"not a condition: {ast.dump(node)}")


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

    def _guarded(self, operation: Callable[..., Any], *operands: Any) -> Any:
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
        return self._guarded(lambda x, y: x + y, a, b)

    def sub(self, a: Any, b: Any) -> Any:
        return self._guarded(lambda x, y: x - y, a, b)

    def mul(self, a: Any, b: Any) -> Any:
        return self._guarded(lambda x, y: x * y, a, b)

    def div(self, a: Any, b: Any) -> Any:
        return self._guarded(lambda x, y: x / y, a, b)

    def pow(self, a: Any, b: Any) -> Any:
        return self._guarded(mp.power, a, b)

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        return self._guarded(function.number, *arguments)

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
        return CONSTANTS[name].symbol if name in CONSTANTS else self.values[name]

    def _at_origin(self, value: Any) -> Any:
        return sp.sympify(value).subs(self.origin) if self.origin else sp.sympify(value)

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
        if function.name in ("fmod", "remainder"):
            x, y = arguments
            quotient = FUNCTIONS["int" if function.name == "fmod" else "rint"]
            return x - y * self.step(quotient, [x / y])
        if function.symbol is None:
            raise TypeError(f"{function.name} has no symbolic form")
        return function.symbol(*arguments)

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        relations = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge, "==": sp.Eq, "!=": sp.Ne}
        return relations[operator](self._at_origin(a), self._at_origin(b))

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

    def _held(self, value: Signal, gate: Signal) -> Signal:
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
        return self._held(x, gate)

    def _enable(self, x: Signal, gate: Signal) -> Signal:
        return self._held(self.mul(x, gate), gate)

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
