"""Expressions become text, Faust code or LaTeX, in the form their author gave them.

Expressions are built as SymPy trees that are never evaluated, so that `1 / sqrt((1 - x) * (1 + x))`
stays what it is, and printed by strict subclasses of SymPy's printers: a node without a rule is an
error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from ..table.algebras import RELATIONS
from ..table.expressions import Expression
from ..table.folding import Algebra, fold
from ..table.vocabulary import CONSTANTS, FUNCTIONS, MAX_INTEGER, WHERE, Function

_DELAY = "delay"
_LOOKUP = "lookup"
_TRUTH = "truth"

#: What `Unevaluated` makes.
_PRINTED = (
    *(sp.Integer, sp.Float, sp.Symbol, sp.Add, sp.Mul, sp.Pow, AppliedUndef),
    *(Relational, sp.And, sp.Or, sp.Not),
)


class Unevaluated(Algebra):
    """SymPy trees in the author's form, with functions that SymPy knows nothing about."""

    def constant(self, text: str) -> Any:
        return sp.Integer(text) if text.isdigit() else sp.Float(text)

    def name(self, name: str) -> Any:
        return sp.Symbol(name)

    def add(self, a: Any, b: Any) -> Any:
        return sp.Add(a, b, evaluate=False)

    def sub(self, a: Any, b: Any) -> Any:
        return sp.Add(a, sp.Mul(sp.S.NegativeOne, b, evaluate=False), evaluate=False)

    def mul(self, a: Any, b: Any) -> Any:
        return sp.Mul(a, b, evaluate=False)

    def div(self, a: Any, b: Any) -> Any:
        return sp.Mul(a, sp.Pow(b, -1, evaluate=False), evaluate=False)

    def pow(self, a: Any, b: Any) -> Any:
        return sp.Pow(a, b, evaluate=False)

    def negate(self, a: Any) -> Any:
        if a.is_Number:
            return -a
        return sp.Mul(sp.S.NegativeOne, a, evaluate=False)

    def call(self, function: Function, arguments: Sequence[Any]) -> Any:
        return sp.Function(function.name)(*arguments)

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        return getattr(sp, RELATIONS[operator])(a, b, evaluate=False)

    def both(self, a: Any, b: Any) -> Any:
        return sp.And(a, b, evaluate=False)

    def either(self, a: Any, b: Any) -> Any:
        return sp.Or(a, b, evaluate=False)

    def opposite(self, a: Any) -> Any:
        return sp.Not(a, evaluate=False)

    def where(self, condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return sp.Function(WHERE)(condition, yes(), no())

    def indicator(self, condition: Any) -> Any:
        return sp.Function(_TRUTH)(condition)

    def delay(self, signal: str, lag: Any) -> Any:
        return sp.Function(_DELAY)(sp.Symbol(signal), lag)

    def lookup(self, table: str, index: Any) -> Any:
        return sp.Function(_LOOKUP)(sp.Symbol(table), index)


def faust(expression: Expression) -> str:
    """The Faust text of an expression; a table is read as `rdtable(size, table, index)`."""
    return str(_Faust().doprint(fold(expression, Unevaluated())))


def latex(expression: Expression, args: Collection[str] = ()) -> str:
    """The LaTeX text of an expression in a row with these arguments."""
    return str(_Latex(args).doprint(fold(expression, Unevaluated())))


def _negated_part(term: Any) -> Any:
    """What is negated by a term of the form (-1) * x, else None."""
    if isinstance(term, sp.Mul) and len(term.args) == 2 and term.args[0] is sp.S.NegativeOne:
        return term.args[1]
    return None


def _divisor(factor: Any) -> Any:
    """What a factor of the form x ** (-1) divides by, else None."""
    if isinstance(factor, sp.Pow) and factor.exp is sp.S.NegativeOne:
        return factor.base
    return None


def _fits(expr: Any) -> bool:
    """Whether arithmetic on integers alone stays within the integers of Faust."""
    if not isinstance(expr, sp.Add | sp.Mul | sp.Pow):
        return True
    if not all(atom.is_Integer for atom in expr.atoms()):
        return True
    value = expr.doit()
    return not value.is_Integer or abs(int(value)) <= MAX_INTEGER


def _may_be_integer(expr: Any) -> bool:
    """Whether a value is an integer of Faust where all arguments are."""
    if isinstance(expr, AppliedUndef):
        return expr.func.__name__ == WHERE and all(map(_may_be_integer, expr.args[1:]))
    if isinstance(expr, sp.Add | sp.Mul):
        return all(map(_may_be_integer, expr.args))
    return isinstance(expr, sp.Symbol) or bool(expr.is_Integer)


class _Faust(StrPrinter):  # type: ignore[misc]
    """Faust text. Differs from SymPy's printer in that

    - a negated term is a difference from 0, for Faust has no unary minus on expressions;
    - a power is a call of `pow`, which binds the same way everywhere;
    - conditions are numbers, and always in parentheses;
    - a square is that of a real, for integers above 46340 have none in Faust;
    - functions, constants and time are spelled as in the vocabulary;
    - any other node raises.
    """

    #: Whether integers are printed as reals: set within a node whose value is no Faust integer.
    reals = False

    def _print(self, expr: Any, **kwargs: Any) -> str:
        # StrPrinter knows nodes that no expression of the table becomes, and would let them pass.
        if not isinstance(expr, _PRINTED):
            self.emptyPrinter(expr)
        if self.reals or _fits(expr):
            return str(super()._print(expr, **kwargs))
        self.reals = True
        try:
            return str(super()._print(expr, **kwargs))
        finally:
            self.reals = False

    def emptyPrinter(self, expr: Any) -> NoReturn:
        raise TypeError(f"no Faust text for {type(expr).__name__}: {expr!r}")

    def _print_Integer(self, expr: Any) -> str:
        return str(expr) if not self.reals and abs(int(expr)) <= MAX_INTEGER else f"{int(expr)}.0"

    _print_One = _print_Zero = _print_NegativeOne = _print_Integer

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Symbol(self, expr: Any) -> str:
        return CONSTANTS[expr.name].faust if expr.name in CONSTANTS else str(expr.name)

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        first, *others = expr.args
        text: str = self.parenthesize(first, PRECEDENCE["Add"], strict=True)
        for term in others:
            negated = _negated_part(term)
            operator, operand = (" + ", term) if negated is None else (" - ", negated)
            text += operator + self.parenthesize(operand, PRECEDENCE["Add"])
        return text

    def _print_Mul(self, expr: Any) -> str:
        negated = _negated_part(expr)
        if negated is not None:
            return f"0 - {self.parenthesize(negated, PRECEDENCE['Add'])}"
        first, *others = expr.args
        text: str = self.parenthesize(first, PRECEDENCE["Mul"], strict=True)
        if first == others[0] and not first.is_number and _may_be_integer(first):
            text = f"float({self._print(first)})"
        for factor in others:
            divisor = _divisor(factor)
            operator, operand = (" * ", factor) if divisor is None else (" / ", divisor)
            text += operator + self._operand(operand)
        return text

    def _operand(self, expr: Any) -> str:
        """What stands behind * or /; an inverse prints as a quotient, so it is set apart."""
        text = self.parenthesize(expr, PRECEDENCE["Mul"])
        return text if _divisor(expr) is None else f"({text})"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.exp is sp.S.NegativeOne:
            return f"1 / {self._operand(expr.base)}"
        return f"pow({self._print(expr.base)}, {self._print(expr.exp)})"

    def _print_Relational(self, expr: Any) -> str:
        return f"({self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)})"

    def _print_And(self, expr: Any) -> str:
        return "(" + " & ".join(map(self._print, expr.args)) + ")"

    def _print_Or(self, expr: Any) -> str:
        return "(" + " | ".join(map(self._print, expr.args)) + ")"

    def _print_Not(self, expr: Any) -> str:
        return f"(1 - {self._print(expr.args[0])})"

    def _print_Function(self, expr: AppliedUndef) -> str:
        name, arguments = expr.func.__name__, [self._print(a) for a in expr.args]
        if name == WHERE:
            chosen, yes, no = arguments
            return f"select2({chosen}, {no}, {yes})"
        if name == _TRUTH:
            return arguments[0]
        if name == _DELAY:
            signal, lag = arguments
            return f"{signal}'" if lag == "1" else f"({signal} @ ({lag}))"
        if name == _LOOKUP:
            table, index = arguments
            return f"rdtable(size, {table}, {index})"
        return FUNCTIONS[name].faust.format(*arguments)


class _Latex(LatexPrinter):  # type: ignore[misc]
    """LaTeX text; tangents are dotted, delays are subscripts, choices are cases."""

    def __init__(self, args: Collection[str]) -> None:
        super().__init__({"order": "none"})
        self.tangents = {f"d{name}" for name in args}

    def emptyPrinter(self, expr: Any) -> NoReturn:
        raise TypeError(f"no LaTeX for {type(expr).__name__}: {expr!r}")

    def _print_Mul(self, expr: Any) -> str:
        divisor = _divisor(expr.args[1]) if len(expr.args) == 2 else None
        if divisor is None:
            return str(super()._print_Mul(expr))
        return rf"\frac{{{self._print(expr.args[0])}}}{{{self._print(divisor)}}}"

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        if expr.name in CONSTANTS:
            return CONSTANTS[expr.name].latex
        tangent = expr.name in self.tangents
        name = expr.name[1:] if tangent else expr.name
        text = name if len(name) == 1 else rf"\mathrm{{{name}}}"
        return rf"\dot{{{text}}}" if tangent else text

    def _print_Float(self, expr: Any) -> str:
        return f"{float(expr):g}"

    def _print_Function(self, expr: AppliedUndef, exp: Any = None) -> str:
        name, arguments = expr.func.__name__, [self._print(a) for a in expr.args]
        if name == _DELAY and expr.args[1].is_Add:
            arguments[1] = rf"\left({arguments[1]}\right)"
        text = self._call(name, arguments)
        return text if exp is None else rf"{{{text}}}^{{{exp}}}"

    def _call(self, name: str, arguments: list[str]) -> str:
        first, *_ = arguments
        listed = ", ".join(arguments)
        match name:
            case "truth":
                return rf"\left[{first}\right]"
            case "where":
                chosen, yes, no = arguments
                other = r"\text{otherwise}"
                return rf"\begin{{cases}} {yes} & {chosen} \\ {no} & {other} \end{{cases}}"
            case "delay":
                return rf"{first}[n - {arguments[1]}]"
            case "lookup":
                return rf"{first}[{arguments[1]}]"
            case "sqrt":
                return rf"\sqrt{{{first}}}"
            case "cbrt":
                return rf"\sqrt[3]{{{first}}}"
            case "abs":
                return rf"\left|{first}\right|"
            case "floor" | "ceil":
                return rf"\left\l{name} {first} \right\r{name}"
            case "log10":
                return rf"\log_{{10}}\left({first}\right)"
        spelled = FUNCTIONS[name].latex or rf"\operatorname{{{name}}}"
        return rf"{spelled}\left({listed}\right)"
