"""The expressions of the table by Python's own `eval`: a second evaluator, for tests."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import scipy.special


class Plain:
    """The language of the table by way of Python's own `eval`: nothing of faustdiff is in it.

    Arithmetic on fractions is exact; what needs `math` or SciPy is in floating point. It is for
    expressions of these tests only: `eval` runs whatever it is given.
    """

    def value(self, text: str, names: Mapping[str, Any]) -> Any:
        """The number that `text` gives at a point; raises what Python raises."""
        return self._run(text, {**_NUMBERS, **names})

    def stream(
        self,
        text: str,
        signals: Mapping[str, Sequence[Any]],
        tables: Mapping[str, Sequence[Any]],
        frames: int,
    ) -> list[Any]:
        """The first `frames` samples of `text`; signals are 0 before their start."""
        padded = {name: _Past(samples) for name, samples in signals.items()}
        filled = {name: _Entries(entries) for name, entries in tables.items()}
        at = self._run(f"lambda n: ({text})", {**_NUMBERS, **_STREAMS, **padded, **filled})
        return [at(n) for n in range(frames)]

    def _run(self, text: str, names: Mapping[str, Any]) -> Any:
        signals = {name for name, value in names.items() if isinstance(value, _Past | _Entries)}
        tree = _Python(signals).visit(ast.parse(text.strip(), mode="eval"))
        code = compile(ast.fix_missing_locations(tree), text, "eval")
        return eval(code, {"__builtins__": {}, "Fraction": Fraction, **names})


class _Past(tuple[Any, ...]):
    """The samples of a signal, 0 before the first; a delay is cut to whole samples."""

    def __getitem__(self, index: Any) -> Any:
        whole = math.ceil(index)
        return super().__getitem__(whole) if whole >= 0 else Fraction(0)


class _Entries(tuple[Any, ...]):
    """The content of a table; an index is cut to a whole number."""

    def __getitem__(self, index: Any) -> Any:
        if index < 0:
            raise IndexError(f"no entry {index}")
        return super().__getitem__(int(index))


class _Python(ast.NodeTransformer):
    """Numbers become fractions, `where` a conditional, a signal its sample at time n."""

    def __init__(self, signals: set[str]) -> None:
        self.signals = signals

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Call(ast.Name("Fraction", ast.Load()), [ast.Constant(repr(node.value))], [])

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.signals:
            return node
        return ast.Subscript(node, ast.Name("n", ast.Load()), ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Subscript(node.value, self.visit(node.slice), ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments = [self.visit(argument) for argument in node.args]
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "where":
            return ast.IfExp(*arguments)
        if name not in _STREAMS:
            return ast.Call(node.func, arguments, [])
        time = ast.arguments([], [ast.arg("n")], None, [], [], None, [])
        operator = ast.Call(node.func, [ast.Lambda(time, a) for a in arguments], [])
        return ast.Call(operator, [ast.Name("n", ast.Load())], [])


def _fmod(x: Any, y: Any) -> Any:
    return math.fmod(x, y) if isinstance(x, float) or isinstance(y, float) else x - y * int(x / y)


def _remainder(x: Any, y: Any) -> Any:
    if isinstance(x, float) or isinstance(y, float):
        return math.remainder(x, y)
    return x - y * round(x / y)


_NUMBERS: dict[str, Any] = {
    **{
        name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")
    },
    **{name: getattr(math, name) for name in ("exp", "log", "log10", "log1p", "expm1", "sqrt")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    **{name: getattr(math, name) for name in ("cbrt", "hypot", "erf", "erfc", "gamma", "lgamma")},
    **{name: getattr(math, name) for name in ("copysign", "floor", "ceil", "pi")},
    "tiny": Fraction(2) ** -1022,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "rint": round,
    "round": lambda x: (1 if x >= 0 else -1) * math.floor(abs(x) + Fraction(1, 2)),
    "int": int,
    "fmod": _fmod,
    "remainder": _remainder,
    "ldexp": lambda x, n: x * Fraction(2) ** n,
    "logb": lambda x: math.frexp(x)[1] - 1,
    "isnan": lambda x: int(math.isnan(x)),
    "isinf": lambda x: int(math.isinf(x)),
    "bitand": lambda x, y: int(x) & int(y),
    "bitor": lambda x, y: int(x) | int(y),
    "bitxor": lambda x, y: int(x) ^ int(y),
    "shift_left": lambda x, y: int(x) << int(y),
    "shift_right": lambda x, y: int(x) >> int(y),
    "lowest": lambda x: -1,
    "highest": lambda x: 1,
    **{name: getattr(scipy.special, name.lower()) for name in ("J0", "J1", "Y0", "Y1")},
    "Jn": lambda n, x: float(scipy.special.jv(int(n), float(x))),
    "Yn": lambda n, x: float(scipy.special.yn(int(n), float(x))),
}

_At = Callable[[int], Any]


def _held(value: _At, gate: _At) -> _At:
    """What a box gives that computes `value` while `gate` is not 0, and else repeats itself."""

    def at(n: int) -> Any:
        last = Fraction(0)
        for time in range(n + 1):
            if gate(time) != 0:
                last = value(time)
        return last

    return at


def _rwtable(size: _At, init: _At, write: _At, x: _At, read: _At) -> _At:
    def at(n: int) -> Any:
        entries = [init(entry) for entry in range(int(size(0)))]
        for time in range(n + 1):
            entries[int(write(time))] = x(time)
        return entries[int(read(n))]

    return at


_STREAMS: dict[str, Any] = {
    "prefix": lambda first, x: lambda n: first(0) if n == 0 else x(n - 1),
    "enable": lambda x, gate: _held(lambda n: x(n) * gate(n), gate),
    "control": _held,
    "rwtable": _rwtable,
}
