"""Every function that an expression of the table may call.

One row states what a name means in each of the three worlds an expression is taken to:
numbers (mpmath, 50 digits), symbols (SymPy, for the proof) and Faust text. Functions that are
constant between jumps are marked `step`: a proof treats them as locally constant, and sampling
confirms it away from the jumps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..deferred import DeferredModule
from ..errors import nearest
from .intervals import Interval, absolute, growing, hull, mask, remainder

mp: Any = DeferredModule("mpmath")
sp: Any = DeferredModule("sympy")

#: Faust integers have 32 bits; what is larger must be written as a real.
MAX_INTEGER = 2**31 - 1

#: The type that Faust gives a result: always the same, or that of the arguments at these places.
Result = Literal["real", "integer"] | tuple[int, ...]


@dataclass(frozen=True)
class Function:
    """A named function, and all that is known of it.

    `symbol` is a function of SymPy expressions, or the name of one of SymPy's own. `faust` is a
    format string over the printed arguments. `cost` is in additions. `finite` says
    that the value is finite for all finite arguments. `quotient` names the function that rounds
    `x / y` in a remainder. `interval` marks what the compiler knows of an argument, whatever its
    samples are. Of an operator with memory, `steps` says what the whole numbers at some places
    decide, and `gate` at which place the argument stands that stops the others. `only_zero` says
    that the value is 0 where the argument is and nowhere else, `bounded` that it is between -1 and
    1, `increasing` that it grows everywhere, `periodic` that it repeats. Of a whole part, `middle`
    is what it lies above its argument, half a step from a jump. `bounds` gives the interval of the
    value by those of the arguments, where it does not follow from that.
    """

    name: str
    arity: int
    number: Callable[..., Any]
    faust: str
    symbol: Callable[..., Any] | str | None = None
    step: bool = False
    stream: bool = False
    latex: str = ""
    cost: int = 16
    result: Result = "real"
    finite: bool = False
    quotient: str = ""
    interval: bool = False
    steps: Mapping[int, str] = field(default_factory=dict, hash=False)
    gate: int | None = None
    only_zero: bool = False
    bounded: bool = False
    increasing: bool = False
    periodic: bool = False
    bounds: Callable[..., Interval] | None = None
    middle: float | None = None


def _round_half_away(x: Any) -> Any:
    return mp.sign(x) * mp.floor(abs(x) + mp.mpf(1) / 2)


def _trunc(x: Any) -> Any:
    return mp.floor(x) if x >= 0 else mp.ceil(x)


def _sign_bit(x: Any) -> int:
    return -1 if x < 0 else 1


def _fmod(x: Any, y: Any) -> Any:
    return x - y * _trunc(x / y)


def _remainder(x: Any, y: Any) -> Any:
    return x - y * mp.nint(x / y)


def _logb(x: Any) -> Any:
    return mp.mpf(mp.frexp(x)[1] - 1)


def _log10(x: Any) -> Any:
    return sp.log(x) / sp.log(10)


def _cbrt(x: Any) -> Any:
    return sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3)


def _number(stated: Callable[..., Any] | str) -> Callable[..., Any]:
    """A function of numbers; mpmath's own by its name, so that it is imported when it is called."""
    return (lambda *points: getattr(mp, stated)(*points)) if isinstance(stated, str) else stated


def _smooth(name: str, arity: int, number: Any, symbol: Any, **facts: Any) -> Function:
    arguments = ", ".join(["{}"] * arity)
    return Function(name, arity, _number(number), f"{name}({arguments})", symbol, **facts)


def _foreign(name: str, arity: int, number: Any, symbol: Any = None, **facts: Any) -> Function:
    function = _smooth(name, arity, number, symbol, **facts)
    return replace(function, faust=f"ma.{function.faust}")


def _step(
    name: str, number: Any, faust: str, cost: int = 2, finite: bool = True, **facts: Any
) -> Function:
    return Function(name, 1, _number(number), faust, step=True, cost=cost, finite=finite, **facts)


def _bits(
    name: str, operation: Callable[[int, int], int], faust: str, latex: str, **facts: Any
) -> Function:
    """An operation on the bits of two integers."""
    form = f"({{}} {faust} {{}})"
    function = _step(name, _integers(operation), form, 1, result="integer", **facts)
    return replace(function, arity=2, latex=rf"\operatorname{{{latex}}}")


def _stream(name: str, arity: int, cost: int, result: Result, **facts: Any) -> Function:
    def not_pointwise(*_: Any) -> Any:
        raise TypeError(f"{name} has no value outside a signal")

    faust = f"{name}({', '.join(['{}'] * arity)})"
    return Function(
        name, arity, not_pointwise, faust, stream=True, cost=cost, result=result, **facts
    )


def _integers(operation: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    return lambda x, y: mp.mpf(operation(int(x), int(y)))


def _shift_left(x: int, y: int) -> int:
    if y >= 64:
        raise ValueError("no integer of any compiler is that long")
    return x << y


#: What a whole number decides that is the index of a table.
READ_AT_WHOLE_PLACES = "a table that is read at whole places"
WRITTEN_AT_WHOLE_PLACES = "a table that is written at whole places"

_TABLE = (
    # Primitives of the language that have a derivative everywhere in their domain.
    _smooth("sin", 1, "sin", "sin", finite=True, latex=r"\sin", bounded=True, periodic=True),
    _smooth("cos", 1, "cos", "cos", finite=True, latex=r"\cos", bounded=True, periodic=True),
    _smooth("tan", 1, "tan", "tan", latex=r"\tan", periodic=True),
    _smooth("asin", 1, "asin", "asin", only_zero=True),
    _smooth("acos", 1, "acos", "acos"),
    _smooth("atan", 1, "atan", "atan", finite=True, only_zero=True, increasing=True),
    _smooth("atan2", 2, "atan2", "atan2", finite=True),
    _smooth("exp", 1, "exp", "exp", latex=r"\exp", increasing=True),
    _smooth("log", 1, "log", "log", latex=r"\log", bounds=growing(math.log)),
    _smooth("log10", 1, "log10", _log10, bounds=growing(math.log10)),
    _smooth("sqrt", 1, "sqrt", "sqrt", cost=4, only_zero=True, bounds=growing(math.sqrt)),
    _smooth(
        "abs", 1, abs, "Abs", cost=1, result=(0,), finite=True, only_zero=True, bounds=absolute
    ),
    Function(
        *("sign", 1, _number("sign"), "(({0} > 0) - ({0} < 0))", "sign"),
        cost=3,
        result="integer",
        finite=True,
    ),
    # Foreign functions of maths.lib.
    _foreign("sinh", 1, "sinh", "sinh", latex=r"\sinh", only_zero=True, increasing=True),
    _foreign("cosh", 1, "cosh", "cosh", latex=r"\cosh"),
    _foreign(
        "tanh",
        1,
        "tanh",
        "tanh",
        finite=True,
        latex=r"\tanh",
        only_zero=True,
        bounded=True,
        increasing=True,
    ),
    _foreign("asinh", 1, "asinh", "asinh", finite=True, only_zero=True, increasing=True),
    _foreign("acosh", 1, "acosh", "acosh"),
    _foreign("atanh", 1, "atanh", "atanh", only_zero=True),
    _foreign("log1p", 1, "log1p", lambda x: sp.log(1 + x), only_zero=True),
    _foreign("expm1", 1, "expm1", lambda x: sp.exp(x) - 1, only_zero=True, increasing=True),
    _foreign(
        "cbrt", 1, lambda x: mp.sign(x) * mp.cbrt(abs(x)), _cbrt, only_zero=True, increasing=True
    ),
    _foreign("hypot", 2, "hypot", lambda x, y: sp.sqrt(x**2 + y**2)),
    _foreign("erf", 1, "erf", "erf", finite=True, only_zero=True, bounded=True, increasing=True),
    _foreign("erfc", 1, "erfc", "erfc", finite=True),
    _foreign("gamma", 1, "gamma", "gamma"),
    _foreign("lgamma", 1, lambda x: mp.log(abs(mp.gamma(x))), "loggamma"),
    _foreign("J0", 1, "j0", lambda x: sp.besselj(0, x), finite=True),
    _foreign("J1", 1, "j1", lambda x: sp.besselj(1, x), finite=True),
    _foreign("Jn", 2, "besselj", "besselj"),
    _foreign("Y0", 1, lambda x: mp.bessely(0, x), lambda x: sp.bessely(0, x)),
    _foreign("Y1", 1, lambda x: mp.bessely(1, x), lambda x: sp.bessely(1, x)),
    _foreign("Yn", 2, "bessely", "bessely"),
    _foreign("ldexp", 2, lambda x, n: x * mp.mpf(2) ** n, lambda x, n: x * 2**n),
    _foreign(
        "copysign", 2, lambda x, y: abs(x) * _sign_bit(y), lambda x, y: sp.Abs(x) * sp.sign(y)
    ),
    _foreign("isnan", 1, lambda x: mp.mpf(bool(mp.isnan(x)))),
    _foreign("isinf", 1, lambda x: mp.mpf(bool(mp.isinf(x)))),
    # Remainders: smooth between the jumps of their quotient, which a proof sees through.
    _smooth("fmod", 2, _fmod, None, result=(0, 1), quotient="int", bounds=remainder),
    _smooth("remainder", 2, _remainder, None, quotient="rint"),
    # Constant between jumps.
    _step("floor", "floor", "floor({})", middle=-0.5),
    _step("ceil", "ceil", "ceil({})", middle=0.5),
    _step("rint", "nint", "rint({})", middle=0),
    _step("round", _round_half_away, "round({})", middle=0),
    _step("int", _trunc, "int({})", 1, result="integer", middle=0),
    _step("logb", _logb, "ma.logb({})", finite=False),
    _bits("bitand", lambda x, y: x & y, "&", "and", bounds=mask),
    _bits("bitor", lambda x, y: x | y, "|", "or"),
    _bits("bitxor", lambda x, y: x ^ y, "xor", "xor"),
    _bits("shift_left", _shift_left, "<<", "shl"),
    _bits("shift_right", lambda x, y: x >> y, ">>", "shr"),
    # The ends of the interval the compiler knows for a signal; [-1, 1] for an input.
    _step("lowest", lambda _: mp.mpf(-1), "lowest({})", result=(0,), interval=True),
    _step("highest", lambda _: mp.mpf(1), "highest({})", result=(0,), interval=True),
    # Operators with memory; `expressions.Stream` gives their meaning in time.
    _stream("prefix", 2, 2, (0, 1), bounds=hull),
    _stream("enable", 2, 4, (0, 1), steps={1: "a gate"}, gate=1),
    _stream(
        *("control", 2, 4, (0,)),
        steps={1: "a gate"},
        gate=1,
        bounds=lambda x, _: hull(x, (0.0, 0.0)),
    ),
    _stream("rwtable", 5, 4, (1, 3), steps={2: WRITTEN_AT_WHOLE_PLACES, 4: READ_AT_WHOLE_PLACES}),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}

#: The choice between two expressions, `where(condition, value if true, value if false)`.
WHERE = "where"


@dataclass(frozen=True)
class Constant:
    """A name that stands for a number.

    `number` is its value for a format that holds numbers down to the one given. `symbol` gives its
    value in proofs.
    """

    name: str
    number: Callable[[Callable[[Any], Any]], Any]
    symbol: Callable[[], Any]
    faust: str
    latex: str


def _least_normal(rounding: Callable[[Any], Any]) -> Any:
    """The least number of a format that has all its digits; `rounding` rounds to the format."""
    double, single = mp.mpf(2) ** -1022, mp.mpf(2) ** -126
    return double if rounding(double) == double else single


#: Names that stand for a number. `tiny` is the least number with all its digits: what is smaller
#: (a denormal) counts as 0, as it does where a host flushes it. In proofs, `tiny` is 0.
CONSTANTS: dict[str, Constant] = {
    constant.name: constant
    for constant in (
        Constant("pi", lambda rounding: +mp.pi, lambda: sp.pi, "ma.PI", r"\pi"),
        Constant("tiny", _least_normal, lambda: sp.Integer(0), "ma.MIN", r"\varepsilon"),
    )
}


def unknown_function(name: str) -> str:
    """The hint for a function that is not in the vocabulary."""
    return nearest(name, [*FUNCTIONS, WHERE], f"known functions: {', '.join(sorted(FUNCTIONS))}")


#: Words of the Faust language; none of them can be the name of an argument.
FAUST_WORDS = frozenset(
    (
        "abs acos any asin assertbounds atan atan2 attach button case ceil checkbox component "
        "control cos declare effect enable environment exp fconstant ffunction float floor fmod "
        "fvariable hbargraph hgroup highest hslider import inputs int letrec library log log10 "
        "lowest max mem min nentry ondemand outputs par pow prefix process prod rdtable remainder "
        "rint round route rwtable select2 select3 seq sin soundfile sqrt sum tan tgroup vbargraph "
        "vgroup vslider waveform where with xor"
    ).split()
)
