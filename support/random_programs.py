"""Random Faust programs, and what they compute: an evaluator that knows nothing of derivatives.

A box is its Faust text together with an interpreter of it, sample by sample. The interpreter takes
all signals at several points of the parameters at once, in extended precision, so that partials
are difference quotients of what the program means: no rule of the table, and no compiler, is part
of it. Where the meaning has a kink or a pole too near for that, the program is turned away.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import mpmath as mp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

#: One number for each point of the parameters.
Points = NDArray[np.longdouble]
Values = list[Points]
#: The inputs of one sample, the variables in scope and the number of the sample, to the outputs.
Step = Callable[[Values, Mapping[str, Points], int], Values]

#: What is nearer to a kink than this, at any of the points, is turned away.
MARGIN = 1e-7
#: Above these, a comparison would be one of roundings.
LARGEST, STEEPEST = 1e4, 1e6

#: A parameter is moved by these multiples of STEP, a power of 2, so that it moves exactly.
STEP = 2.0**-12
SHIFTS = (-4, -2, -1, 1, 2, 4)


class Rejected(Exception):  # noqa: N818
    """The program has a kink, a pole or too large a number near where it is tried."""


@dataclass(frozen=True)
class Box:
    """A Faust box: its text, and `begin`, which gives the interpreter of a fresh instance.

    `make` makes the same box of other `parts`.
    """

    text: str
    ins: int
    outs: int
    begin: Callable[[], Step] = field(repr=False)
    parts: tuple[Box, ...] = field(default=(), repr=False)
    make: Callable[..., Box] | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        return 1 + sum(part.size for part in self.parts)


# ==== Boxes that are made of boxes ============================================================


def seq(a: Box, b: Box) -> Box:
    def begin() -> Step:
        first, second = a.begin(), b.begin()
        return lambda x, env, n: second(first(x, env, n), env, n)

    return Box(f"({a.text} : {b.text})", a.ins, b.outs, begin, (a, b), seq)


def par(a: Box, b: Box) -> Box:
    def begin() -> Step:
        left, right = a.begin(), b.begin()
        return lambda x, env, n: [*left(x[: a.ins], env, n), *right(x[a.ins :], env, n)]

    return Box(f"({a.text}, {b.text})", a.ins + b.ins, a.outs + b.outs, begin, (a, b), par)


def split(a: Box, b: Box) -> Box:
    def begin() -> Step:
        first, second = a.begin(), b.begin()
        return lambda x, env, n: second(first(x, env, n) * (b.ins // a.outs), env, n)

    return Box(f"({a.text} <: {b.text})", a.ins, b.outs, begin, (a, b), split)


def merge(a: Box, b: Box) -> Box:
    def begin() -> Step:
        first, second = a.begin(), b.begin()

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            y = first(x, env, n)
            sums = [sum(y[k :: b.ins], np.zeros_like(y[k])) for k in range(b.ins)]
            return second(sums, env, n)

        return step

    return Box(f"({a.text} :> {b.text})", a.ins, b.outs, begin, (a, b), merge)


def rec(a: Box, b: Box) -> Box:
    """`a ~ b`: the outputs of `a`, one sample late, through `b` to its first inputs."""

    def begin() -> Step:
        forward, back = a.begin(), b.begin()
        last: Values = []

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            late = last[: b.ins] or [zeros(env)] * b.ins
            last[:] = forward([*back(late, env, n), *x], env, n)
            return list(last)

        return step

    return Box(f"({a.text} ~ {b.text})", a.ins - b.outs, a.outs, begin, (a, b), rec)


def zeros(env: Mapping[str, Points]) -> Points:
    return np.zeros_like(next(iter(env.values())))


def abstraction(names: Sequence[str], body: Box) -> Box:
    r"""`\(x, y).(body)`: the first inputs get names."""

    def begin() -> Step:
        inner = body.begin()

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            return inner(x[len(names) :], {**env, **dict(zip(names, x, strict=False))}, n)

        return step

    text = f"\\({', '.join(names)}).({body.text})"
    return Box(
        text, len(names) + body.ins, body.outs, begin, (body,), lambda b: abstraction(names, b)
    )


def applied(function: Box, arguments: Sequence[Box]) -> Box:
    """`f(x, y)`: closed boxes for the first inputs of a function; the others stay inputs."""

    def begin() -> Step:
        inner, given = function.begin(), [one.begin() for one in arguments]
        return lambda x, env, n: inner([*(one([], env, n)[0] for one in given), *x], env, n)

    text = f"{function.text}({', '.join(f'({one.text})' for one in arguments)})"
    return Box(
        text,
        function.ins - len(arguments),
        function.outs,
        begin,
        (function, *arguments),
        lambda f, *rest: applied(f, rest),
    )


def iterated(kind: str, index: str, count: int, body: Box) -> Box:
    """`par(i, 3, body)` and its like; in the body, `i` is a number."""

    def begin() -> Step:
        inner = [body.begin() for _ in range(count)]

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            results = []
            for k, one in enumerate(inner):
                scope = {**env, index: zeros(env) + k}
                if kind == "seq":
                    x = one(x, scope, n)
                else:
                    results.append(one(x[k * body.ins : (k + 1) * body.ins], scope, n))
            if kind == "seq":
                return x
            if kind == "par":
                return [y for ys in results for y in ys]
            total = results[0][0]
            for ys in results[1:]:
                total = total + ys[0] if kind == "sum" else total * ys[0]
            return [total]

        return step

    ins = body.ins if kind == "seq" else count * body.ins
    outs = {"seq": body.outs, "par": count * body.outs}.get(kind, 1)
    return Box(
        f"{kind}({index}, {count}, {body.text})",
        ins,
        outs,
        begin,
        (body,),
        lambda b: iterated(kind, index, count, b),
    )


def letrec(name: str, body: Box) -> Box:
    """`y letrec { 'y = body; }`: in the body, `y` is the sample before, 0 at first."""

    def begin() -> Step:
        inner = body.begin()
        state: Values = []

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            before = state[0] if state else zeros(env)
            state[:] = inner([], {**env, name: before}, n)
            return list(state)

        return step

    text = f"({name} letrec {{ '{name} = {body.text}; }})"
    return Box(text, 0, 1, begin, (body,), lambda b: letrec(name, b))


def infix(symbol: str, a: Box, b: Box) -> Box:
    """`a + b` on closed boxes."""
    operator = PRIMITIVES[symbol].box
    both = seq(par(a, b), operator)
    return Box(
        f"(({a.text}) {symbol} ({b.text}))",
        0,
        1,
        both.begin,
        (a, b),
        lambda p, q: infix(symbol, p, q),
    )


# ==== Boxes that are not made of boxes ========================================================


def stateless(text: str, ins: int, outs: int, function: Callable[[Values], Values]) -> Box:
    return Box(text, ins, outs, lambda: lambda x, env, n: function(x))


def number(value: float) -> Box:
    return Box(
        f"{value!r}" if value >= 0 else f"(0 - {-value!r})",
        0,
        1,
        lambda: lambda x, env, n: [zeros(env) + value],
    )


def variable(name: str) -> Box:
    return Box(name, 0, 1, lambda: lambda x, env, n: [env[name]])


def route(places: Sequence[int]) -> Box:
    """Output k is input `places[k]`."""
    ins = max(places) + 1
    pairs = ", ".join(f"({place + 1}, {k + 1})" for k, place in enumerate(places))
    text = f"route({ins}, {len(places)}, {pairs})"
    return stateless(text, ins, len(places), lambda x: [x[place] for place in places])


def delayed(text: str, lags: Sequence[int], first: float = 0.0) -> Box:
    """A delay by `lags` in turn; before the first sample there is `first`."""

    def begin() -> Step:
        past: Values = []

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            past.append(x[0])
            lag = lags[n % len(lags)]
            return [past[n - lag] if lag <= n else zeros(env) + first]

        return step

    return Box(text, 1, 1, begin)


def clocked(text: str, numbers: Sequence[float]) -> Box:
    """`numbers` in turn."""
    return Box(text, 0, 1, lambda: lambda x, env, n: [zeros(env) + numbers[n % len(numbers)]])


WIRE = stateless("_", 1, 1, lambda x: x)
CUT = stateless("!", 1, 0, lambda x: [])


# ==== Primitives: what each computes, and what its operands have to be ========================


def sided(*distances: Points) -> None:
    """Reject if a kink at 0 is near, unless no parameter tells on which side, or at, it is."""
    for distance in distances:
        if np.all(distance == 0):
            continue
        if not (np.all(distance > MARGIN) or np.all(distance < -MARGIN)):
            raise Rejected("a kink")


def between(x: Points) -> None:
    """Reject if an integer is near."""
    sided(x - np.rint(x[0]))


def special(function: Callable[..., Any]) -> Callable[[Points], Points]:
    """A function of mpmath on extended precision."""

    @functools.cache
    def at(number: np.longdouble) -> np.longdouble:
        head = float(number)
        with mp.workdps(30):
            result = function(mp.mpf(head) + mp.mpf(float(number - head)))
            if isinstance(result, mp.mpc):
                raise Rejected("outside of the domain")
            return np.longdouble(float(result)) + np.longdouble(float(result - float(result)))

    return lambda x: np.array([at(number) for number in x])


def kinked(function: Callable[..., Points], *distances: Callable[..., Points]) -> Any:
    """A function, and the expressions at whose zeros it has a kink."""

    def apply(*x: Points) -> Points:
        sided(*(distance(*x) for distance in distances))
        return function(*x)

    return apply


def stepped(function: Callable[..., Points], of: Callable[..., Points] = lambda x: x) -> Any:
    """A function that jumps where `of` its operands is an integer."""

    def apply(*x: Points) -> Points:
        between(of(*x))
        return function(*x)

    return apply


def whole(x: Points) -> Any:
    return x.astype(np.int64)


#: What an operand goes through, so that it is in the domain: from any number to ...
DOMAINS = {
    "any": "",
    "unit": "sin : *(0.75)",
    "small": "sin : *(2.0)",
    "positive": "abs : +(0.25)",
    "moderate": "sin : abs : +(0.25)",
    "over": "abs : +(1.25)",
    "integer": "*(8.0) : int",
    "third": "abs : *(2.0) : int : %(3)",
}


@dataclass(frozen=True)
class Primitive:
    """A row of the table: its spelling, what it computes, and the domains of its operands."""

    faust: str
    function: Callable[..., Points]
    domains: tuple[str, ...]
    since: tuple[int, ...] = ()

    @property
    def box(self) -> Box:
        """On operands that are in the domain."""
        return stateless(self.faust, len(self.domains), 1, lambda x: [checked(self.function(*x))])

    @property
    def safe(self) -> Box:
        """On any operands."""
        chains = {name: chain(text) for name, text in DOMAINS.items()}
        before = chains[self.domains[0]]
        for name in self.domains[1:]:
            before = par(before, chains[name])
        return self.box if set(self.domains) == {"any"} else seq(before, self.box)


def checked(x: Points) -> Points:
    if not np.all(np.abs(x) < LARGEST):
        raise Rejected("a large number, or none")
    return x


def chain(text: str) -> Box:
    """One of `DOMAINS` as a box."""
    box = WIRE
    for one in filter(None, text.split(" : ")):
        name, _, rest = one.partition("(")
        operator = PRIMITIVES[name].box
        box = seq(box, section(name, operator, float(rest[:-1])) if rest else operator)
    return Box(f"({text})", 1, 1, box.begin) if text else WIRE


def section(text: str, operator: Box, value: float) -> Box:
    """`*(2.0)`: an operator whose second operand is given."""
    digits = f"{value:g}" if text == "%" else repr(value)
    inner = operator.begin
    return Box(
        f"{text}({digits})" if value >= 0 else f"{text}(0 - {-value!r})",
        1,
        1,
        lambda: lambda x, env, n: inner()([x[0], zeros(env) + value], env, n),
    )


def primitives(*rows: Primitive) -> dict[str, Primitive]:
    return {row.faust: row for row in rows}


def _p(faust: str, function: Any, *domains: str) -> Primitive:
    return Primitive(faust, function, domains or ("any",))


_TWO = ("any", "any")

PRIMITIVES = primitives(
    _p("+", lambda x, y: x + y, *_TWO),
    _p("-", lambda x, y: x - y, *_TWO),
    _p("*", lambda x, y: x * y, *_TWO),
    _p("/", lambda x, y: x / y, "any", "positive"),
    _p("^", lambda x, y: x**y, "moderate", "small"),
    _p("%", kinked(np.fmod, lambda x, y: x / y - np.rint(x[0] / y[0])), "any", "positive"),
    _p("fmod", kinked(np.fmod, lambda x, y: x / y - np.rint(x[0] / y[0])), "any", "positive"),
    _p(
        "remainder",
        kinked(
            lambda x, y: x - y * np.rint(x / y),
            lambda x, y: x / y - np.floor(x[0] / y[0]) - 0.5,
        ),
        "any",
        "positive",
    ),
    _p("int", stepped(np.trunc)),
    _p("float", lambda x: x),
    _p("&", lambda x, y: (whole(x) & whole(y)) + np.longdouble(0), "integer", "integer"),
    _p("|", lambda x, y: (whole(x) | whole(y)) + np.longdouble(0), "integer", "integer"),
    _p("xor", lambda x, y: (whole(x) ^ whole(y)) + np.longdouble(0), "integer", "integer"),
    _p("<<", lambda x, y: (whole(x) << whole(y)) + np.longdouble(0), "integer", "third"),
    _p(">>", lambda x, y: (whole(x) >> whole(y)) + np.longdouble(0), "integer", "third"),
    _p("<", kinked(lambda x, y: (x < y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p("<=", kinked(lambda x, y: (x <= y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p(">", kinked(lambda x, y: (x > y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p(">=", kinked(lambda x, y: (x >= y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p("==", kinked(lambda x, y: (x == y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p("!=", kinked(lambda x, y: (x != y) + np.longdouble(0), lambda x, y: x - y), *_TWO),
    _p("floor", stepped(np.floor)),
    _p("ceil", stepped(np.ceil)),
    _p("rint", stepped(np.rint, lambda x: x + 0.5)),
    _p("abs", kinked(np.abs, lambda x: x)),
    _p("min", kinked(np.minimum, lambda x, y: x - y), *_TWO),
    _p("max", kinked(np.maximum, lambda x, y: x - y), *_TWO),
    # By whole numbers: in constants that are arguments of a function, compilers take 0.5 for 1.
    _p("select2", lambda c, x, y: np.where(c == 0, x, y), "integer", "any", "any"),
    _p(
        "select3",
        lambda c, x, y, z: np.where(c == 0, x, np.where(c == 1, y, z)),
        "third",
        "any",
        "any",
        "any",
    ),
    _p("sin", np.sin),
    _p("cos", np.cos),
    _p("tan", np.tan, "unit"),
    _p("asin", np.arcsin, "unit"),
    _p("acos", np.arccos, "unit"),
    _p("atan", np.arctan),
    _p("atan2", np.arctan2, "any", "positive"),
    _p("exp", np.exp, "small"),
    _p("log", np.log, "positive"),
    _p("log10", np.log10, "positive"),
    _p("sqrt", np.sqrt, "positive"),
    _p("attach", lambda x, y: x, *_TWO),
    _p("ma.sinh", np.sinh, "small"),
    _p("ma.cosh", np.cosh, "small"),
    _p("ma.tanh", np.tanh),
    _p("ma.asinh", np.arcsinh),
    _p("ma.acosh", np.arccosh, "over"),
    _p("ma.atanh", np.arctanh, "unit"),
    _p("ma.log1p", np.log1p, "positive"),
    _p("ma.expm1", np.expm1, "small"),
    _p("ma.cbrt", np.cbrt, "positive"),
    _p("ma.hypot", np.hypot, "any", "positive"),
    _p("ma.erf", special(mp.erf), "small"),
    _p("ma.erfc", special(mp.erfc), "small"),
    _p("ma.Y0", special(lambda x: mp.bessely(0, x)), "positive"),
    _p("ma.Y1", special(lambda x: mp.bessely(1, x)), "positive"),
    _p(
        "ma.copysign",
        kinked(np.copysign, lambda x, y: x, lambda x, y: y),
        "positive",
        "positive",
    ),
    _p("ma.logb", stepped(lambda x: np.floor(np.log2(x)), np.log2), "positive"),
    _p("ma.ilogb", stepped(lambda x: np.floor(np.log2(x)), np.log2), "positive"),
    _p("ma.isnan", lambda x: 0 * x),
    _p("ma.isinf", lambda x: 0 * x),
)

#: Rows whose operands are not all signals, with the operand they have here.
PARTLY = {
    "ma.Jn": ("ma.Jn(2)", special(lambda x: mp.besselj(2, x)), "small"),
    "ma.Yn": ("ma.Yn(2)", special(lambda x: mp.bessely(2, x)), "positive"),
    "ma.ldexp": (r"\(x).(ma.ldexp(x, 2))", lambda x: 4 * x, "any"),
    "ma.scalb": (r"\(x).(ma.scalb(x, 2))", lambda x: 4 * x, "any"),
    "enable": ("(_, 1 : enable)", lambda x: x, "any"),
    "control": ("(_, 1 : control)", lambda x: x, "any"),
}

#: Rows about time, each with one input.
TIMED = {
    "mem": delayed("mem", (1,)),
    "@": delayed("@(3)", (3,)),
    "@ by the clock": delayed("@(ba.time & 3)", (0, 1, 2, 3)),
    "'": delayed("(\\(x).(x'))", (1,)),
    "prefix": delayed("(0.5, _ : prefix)", (1,), 0.5),
    "rwtable": delayed("\\(x).(rwtable(4, 0.0, ba.time % 4, x, (ba.time + 1) % 4))", (3,)),
}

#: Rows that need no input.
CLOCKS = {
    "rdtable": clocked("(waveform{0.5, -0.25, 0.75}, ba.time % 3 : rdtable)", (0.5, -0.25, 0.75)),
    "time": clocked("(ba.time % 5 * 0.25)", (0.0, 0.25, 0.5, 0.75, 1.0)),
}

UNARY = [
    *(row.safe for row in PRIMITIVES.values() if len(row.domains) == 1),
    *(
        seq(chain(DOMAINS[domain]), stateless(text, 1, 1, lambda x, f=function: [checked(f(x[0]))]))
        for text, function, domain in PARTLY.values()
    ),
    *TIMED.values(),
]
BINARY = [row.safe for row in PRIMITIVES.values() if len(row.domains) == 2]
TERNARY = [row.safe for row in PRIMITIVES.values() if len(row.domains) == 3]
SATURATIONS = [PRIMITIVES[name].box for name in ("sin", "atan", "ma.tanh")]

#: What only jumps: behind it there is nothing to differentiate, so it is drawn less often.
JUMPS = set("int & | xor << >> < <= > >= == != floor ceil rint".split()) | {
    "ma.logb",
    "ma.ilogb",
    "ma.isnan",
    "ma.isinf",
}
MOVING = {
    count: [
        row.safe
        for row in PRIMITIVES.values()
        if len(row.domains) == count and row.faust not in JUMPS
    ]
    for count in (1, 2)
}

#: Numbers that are exact in any precision.
NUMBERS = (0.25, 0.5, 0.75, 1.5, 2.0, -0.5, -1.25)


# ==== Drawing a program =======================================================================


@dataclass(frozen=True)
class Model:
    """A function of `len(at)` parameters, then of signals."""

    body: Box
    names: tuple[str, ...]
    at: tuple[float, ...]

    @property
    def text(self) -> str:
        return f"\\({', '.join(self.names)}).({self.body.text})"


@dataclass(frozen=True)
class Scope:
    """Variables; functions, each with how many names it gives to its inputs; how deep it is.

    Names tell the depth, so none hides another.
    """

    variables: tuple[str, ...]
    functions: tuple[tuple[Box, int], ...] = ()
    depth: int = 0

    def names(self, count: int) -> tuple[str, ...]:
        return tuple(f"v{self.depth}_{k}" for k in range(count))

    def deeper(self, *variables: str) -> Scope:
        return Scope((*self.variables, *variables), self.functions, self.depth + 1)


class Drawer:
    """Boxes of any number of inputs and outputs, about as large as asked for."""

    def __init__(self, source: Random) -> None:
        self.source = source

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.source.choice(choices)

    def upto(self, last: int, first: int = 1) -> int:
        return self.source.randint(first, max(first, last))

    def box(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        if outs == 0:
            return bus(CUT, ins)
        if size <= 1:
            return self.small(ins, outs, scope)
        kinds = ["seq", "split", "merge", "rec", "define", "iterate", "route"]
        if ins:
            kinds += ["abstract"] * 2
        if ins + outs > 2:
            kinds += ["par"] * 3
        if (ins, outs) == (0, 1):
            kinds += ["term"] * 6
        if ins + outs <= 3 and outs == 1:
            kinds += ["leaf"] * 2
        return getattr(self, self.pick(kinds))(ins, outs, size, scope)  # type: ignore[no-any-return]

    def small(self, ins: int, outs: int, scope: Scope) -> Box:
        """Without choice but for the leaves."""
        if outs == 1:
            return self.leaf(ins, 1, 1, scope)
        first = min(ins, 1)
        return par(self.leaf(first, 1, 1, scope), self.small(ins - first, outs - 1, scope))

    def leaf(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        if ins == 0:
            kind = self.pick(["variable"] * 4 + ["number", "clock"])
            if kind == "variable":
                return variable(self.pick(scope.variables))
            return number(self.pick(NUMBERS)) if kind == "number" else self.pick([*CLOCKS.values()])
        if ins == 1:
            kind = self.pick(["unary"] * 3 + ["section", "by a variable", "wire"])
            if kind == "unary":
                return self.pick(self.pick([MOVING[1], MOVING[1], UNARY]))  # type: ignore[no-any-return]
            if kind == "section":
                name = self.pick(["+", "-", "*", "min", "max", "/"])
                value = abs(self.pick(NUMBERS)) if name == "/" else self.pick(NUMBERS)
                return section(name, PRIMITIVES[name].box, value)
            if kind == "by a variable":
                return self.by_a_variable(scope)
            return WIRE
        if ins == 2:
            return self.binary()
        if ins == 3 and self.pick([True, False]):
            return self.pick(TERNARY)  # type: ignore[no-any-return]
        return seq(par(self.binary(), bus(WIRE, ins - 2)), self.leaf(ins - 1, 1, 1, scope))

    def binary(self) -> Box:
        return self.pick(self.pick([MOVING[2], MOVING[2], BINARY]))  # type: ignore[no-any-return]

    def by_a_variable(self, scope: Scope) -> Box:
        """`*(g)`: one operand is a parameter, or another name."""
        symbol, name = self.pick(["+", "-", "*"]), self.pick(scope.variables)
        operator = PRIMITIVES[symbol].box

        def begin() -> Step:
            inner = operator.begin()
            return lambda x, env, n: inner([x[0], env[name]], env, n)

        return Box(f"{symbol}({name})", 1, 1, begin)

    def seq(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        middle, part = self.upto(3), self.upto(size - 1)
        return seq(self.box(ins, middle, part, scope), self.box(middle, outs, size - part, scope))

    def par(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        if outs < 2:
            return self.seq(ins, outs, size, scope)
        left, top, part = self.upto(ins, 0), self.upto(outs - 1), self.upto(size - 1)
        return par(
            self.box(left, top, part, scope), self.box(ins - left, outs - top, size - part, scope)
        )

    def split(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        middle, times, part = self.upto(2), self.upto(3, 2), self.upto(size - 1)
        return split(
            self.box(ins, middle, part, scope),
            self.box(middle * times, outs, size - part, scope),
        )

    def merge(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        middle, times, part = self.upto(2), self.upto(3, 2), self.upto(size - 1)
        return merge(
            self.box(ins, middle * times, part, scope),
            self.box(middle, outs, size - part, scope),
        )

    def rec(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        """What goes round is bounded, and gets smaller."""
        part, loops = self.upto(size - 1), self.upto(min(outs, 2))
        forward = seq(
            self.box(loops + ins, outs, part, scope), repeat([self.pick(SATURATIONS)], outs)
        )
        late = self.upto(loops)
        half = section("*", PRIMITIVES["*"].box, self.pick([0.25, 0.5]))
        back = seq(self.box(late, loops, size - part, scope), bus(half, loops))
        return rec(forward, back)

    def abstract(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        names = scope.names(self.upto(min(ins, 2)))
        return abstraction(names, self.box(ins - len(names), outs, size - 1, scope.deeper(*names)))

    def define(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        """A function with a name, in whose scope the rest is drawn; as a box, or applied."""
        (first, *_) = names = scope.names(self.upto(2))
        part = self.upto(size - 1)
        inner = scope.deeper(*names)
        function = abstraction(
            names, self.box(self.upto(1, 0), 1, part, Scope(inner.variables, (), inner.depth))
        )
        name = f"f{scope.depth}_{first}"
        named = reference_to(name, function)
        outer = Scope(scope.variables, (*scope.functions, (named, len(names))), scope.depth + 1)
        body = self.using(named, len(names), ins, outs, size - part, outer)
        return definition(name, function, body)

    def using(self, function: Box, names: int, ins: int, outs: int, size: int, scope: Scope) -> Box:
        """A box that uses a function of `names`: all, some or none of its arguments given."""
        given = self.upto(names, 0)
        arguments = [self.box(0, 1, 1, scope) for _ in range(given)]
        used = applied(function, arguments) if given else function
        before = self.box(ins, used.ins, size // 2, scope) if used.ins else None
        called = seq(before, used) if before else used
        if before is None and ins:
            called = par(called, bus(CUT, ins))
        return seq(called, self.box(1, outs, size // 2, scope))

    def iterate(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        (index,) = scope.names(1)
        index, inner = f"i{index}", scope.deeper()
        kind, count = self.pick(["par", "seq", "sum", "prod"]), self.upto(3, 2)
        body = self.box(1, 1, min(size - 1, 4), Scope((*inner.variables, index), (), inner.depth))
        inside = iterated(kind, index, count, body)
        return seq(
            seq(self.box(ins, inside.ins, size // 2, scope), inside),
            self.box(inside.outs, outs, 1, scope),
        )

    def route(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        middle = self.upto(3, 2)
        places = self.source.sample(range(middle), middle)
        crossed = seq(self.box(ins, middle, size - 1, scope), route(places))
        return seq(crossed, self.box(middle, outs, 1, scope))

    def term(self, ins: int, outs: int, size: int, scope: Scope) -> Box:
        """An expression as in a textbook: infix, a call, a recursive definition."""
        kind = self.pick(["infix"] * 3 + ["call", "letrec"])
        part = self.upto(size - 1)
        if kind == "infix":
            symbol = self.pick(["+", "-", "*"])
            return infix(symbol, self.box(0, 1, part, scope), self.box(0, 1, size - part, scope))
        if kind == "letrec":
            (name,) = scope.names(1)
            body = self.box(0, 1, size - 1, scope.deeper(name))
            half = section("*", PRIMITIVES["*"].box, 0.5)
            return letrec(name, seq(seq(body, self.pick(SATURATIONS)), half))
        if scope.functions:
            function, count = self.pick(scope.functions)
            arguments = [self.box(0, 1, part, scope) for _ in range(count)]
            rest = function.ins - count
            called = applied(function, arguments)
            return seq(self.small(0, rest, scope), called) if rest else called
        names = scope.names(self.upto(2))
        function = abstraction(names, self.box(0, 1, part, scope.deeper(*names)))
        bare = Box(f"({function.text})", function.ins, 1, function.begin)
        return applied(bare, [self.box(0, 1, 1, scope) for _ in names])


def reference_to(name: str, function: Box) -> Box:
    """The name of a function, which stands for the function where the name is known."""

    def begin() -> Step:
        inner = function.begin()

        def step(x: Values, env: Mapping[str, Points], n: int) -> Values:
            assert env[name] is not None
            return inner(x, env, n)

        return step

    return Box(name, function.ins, function.outs, begin)


def definition(name: str, function: Box, body: Box) -> Box:
    """`body with { name = function; }`."""

    def begin() -> Step:
        inner = body.begin()
        return lambda x, env, n: inner(x, {**env, name: zeros(env)}, n)

    text = f"({body.text} with {{ {name} = {function.text}; }})"
    return Box(text, body.ins, body.outs, begin, (body,), lambda b: definition(name, function, b))


def bus(box: Box, count: int) -> Box:
    """`count` of them side by side; none is a bus without wires."""
    if count == 0:
        return stateless("si.bus(0)", 0, 0, lambda x: [])
    return repeat([box], count)


def repeat(boxes: Sequence[Box], count: int) -> Box:
    result = boxes[0]
    for _ in range(count - 1):
        result = par(result, boxes[0])
    return result


@st.composite
def models(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Model:
    """A function of one to three parameters and up to two signals, with one or two outputs."""
    # Seen from hypothesis a program is one number: drawn choice by choice, each would be a small
    # change of the one before. What fails is made smaller by `smaller`, not by hypothesis, so that
    # one compilation tries many candidates.
    drawer = Drawer(draw(st.randoms(use_true_random=True)))
    names = tuple(f"p{k + 1}" for k in range(drawer.upto(3)))
    at = tuple(drawer.pick([0.375, 0.6875, 0.90625, -0.4375, 1.1875]) for _ in names)
    ins, outs, size = drawer.upto(2, 0), drawer.upto(2), drawer.upto(16, 2)
    return Model(drawer.box(ins, outs, size, Scope(names)), names, at)


# ==== What a program computes =================================================================


def reference(model: Model, signals: NDArray[np.float64]) -> NDArray[np.longdouble]:
    """Value and partials (outputs, 1 + parameters, frames), for `signals` (inputs, frames).

    Raises Rejected where difference quotients at two widths do not agree.
    """
    count, frames = len(model.at), signals.shape[1]
    points = np.zeros((count, 1 + len(SHIFTS) * count), np.longdouble) + np.array(
        model.at, np.longdouble
    ).reshape(-1, 1)
    for k in range(count):
        for j, shift in enumerate(SHIFTS):
            points[k, 1 + k * len(SHIFTS) + j] += shift * STEP
    env = dict(zip(model.names, points, strict=True))
    step = model.body.begin()
    result = np.zeros((model.body.outs, 1 + count, frames), np.longdouble)
    with np.errstate(all="ignore"):
        for n in range(frames):
            inputs = [zeros(env) + x for x in signals[: model.body.ins, n]]
            for output, y in enumerate(step(inputs, env, n)):
                checked(y)
                result[output, 0, n] = y[0]
                for k in range(count):
                    moved = y[1 + k * len(SHIFTS) : 1 + (k + 1) * len(SHIFTS)]
                    result[output, 1 + k, n] = slope(moved)
    return result


def slope(moved: Points) -> np.longdouble:
    """The derivative, of values at `SHIFTS`, by Richardson's extrapolation."""
    a, b, c, d, e, f = moved
    wide = (8 * (e - b) - (f - a)) / (24 * STEP)
    narrow = (8 * (d - c) - (e - b)) / (12 * STEP)
    if not abs(wide - narrow) <= 1e-7 * max(1, abs(narrow)) or not abs(narrow) < STEEPEST:
        raise Rejected("no slope")
    # Both are of the fourth order, so this is of the sixth.
    return np.longdouble(narrow + (narrow - wide) / 15)


# ==== Making it smaller =======================================================================


def smaller(model: Model) -> list[Model]:
    """The same program with one box in it replaced by a part of that box, or by something plain."""
    candidates = {box.text: box for box in _smaller(model.body) if box.size < model.body.size}
    return [replace(model, body=box) for box in sorted(candidates.values(), key=lambda b: b.size)]


def _smaller(box: Box) -> Iterator[Box]:
    if box.size > 3 and box.outs:
        yield plain(box.ins, box.outs)
    yield from (part for part in box.parts if (part.ins, part.outs) == (box.ins, box.outs))
    for k, part in enumerate(box.parts):
        for candidate in _smaller(part):
            assert box.make is not None
            yield box.make(*box.parts[:k], candidate, *box.parts[k + 1 :])


def plain(ins: int, outs: int) -> Box:
    """Wires, sums and numbers."""
    if outs > 1:
        first = min(ins, 1)
        return par(plain(first, 1), plain(ins - first, outs - 1))
    if ins == 0:
        return number(0.5)
    return WIRE if ins == 1 else merge(bus(WIRE, ins), WIRE)
