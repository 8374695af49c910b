"""The claims of a row about numbers, each with a verdict of its own.

A row claims a derivative for each argument, where it holds, what stands in for it elsewhere, which
arguments do not move the value, and at which points there is no slope. Each of that is a question
to `pieces`.
"""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import Any

from flint import arb

from ..table import rules
from ..table.expressions import Expression
from ..table.model import Primitive, Tie
from ..table.samples import draw_points, sample_points, special_points
from .balls import BallCompiler, Part
from .budget import during
from .contexts import Compiled, Context, NoValueError, Test, UndecidedError
from .doubts import doubt, unseen_part
from .findings import Finding
from .forms import is_smooth
from .gaps import gap_text
from .pieces import decide, objection_at
from .questions import INTEGER_TRIALS, Answer, Known, Objection, Question, Zeros
from .symbolic import is_sloping, vanishes_on

#: Integers of the text, and their neighbours, that are tried too.
MAX_LISTED = 24
#: Random sample points, and how often one is drawn that shall be in the domain.
DRAWN_POINTS, FEW_ATTEMPTS = 4, 12
#: Kinks at which the arguments of a row are moved together.
MAX_KINKS = 12

_ZERO_BETWEEN = "0 between the jumps, "
ZERO_EXPRESSION = rules.expression_of(ast.Constant(0))


@dataclass(frozen=True)
class Claims:
    """A row about numbers, and what can be asked of it; without `proofs` SymPy is not asked."""

    row: Primitive
    proofs: bool = True

    def findings(self) -> list[Finding]:
        """The findings on all arguments, in their order."""
        findings = [self._finding_in_time_limit(name) for name in self.row.args]
        if any(finding.outcome == "refuted" for finding in findings):
            return findings
        with during("domain, tie and what is avoided"):
            shared = self._shared_objection()
        if shared is not None:
            return [self._refutation(name, shared) for name in self.row.args]
        with during("all arguments together, at kinks"):
            return self._with_directions(findings)

    # What is asked.

    @cached_property
    def whole(self) -> dict[str, Sequence[float]]:
        """The integers that each argument of that role is tried with."""
        values = self.row.samples.values
        return {
            name: tuple(dict.fromkeys((*values.get(name, ()), *INTEGER_TRIALS)))
            for name in self.row.args
            if self.row.roles[name] == "integer"
        }

    def question(
        self,
        value: Expression,
        stated: Expression,
        direction: Mapping[str, Fraction | str] | None,
        domain: Expression | None = None,
    ) -> Question:
        """A question about the row; only where `domain` holds, if that is given."""
        row = self.row
        compiler = BallCompiler(frozenset(self.whole), known=self._compiled_parts)
        tried: dict[str, Sequence[float]] = {
            n: v for n, v in self.whole.items() if n not in (direction or {})
        }
        for name in (direction or {}).keys() & self.whole.keys():
            # Between two integers, where the primitive's own truncation is constant.
            tried[name] = tuple(k + 0.5 for k in self.whole[name])
        condition = domain or row.domain
        asked = compiler.expression(value), compiler.expression(stated)
        beside = [c + step for c in sorted(compiler.constants) for step in (0, 1, -1)]
        listed = [float(c) for c in beside if c.denominator == 1 and abs(c) < 2**31]
        for name in tried.keys() - (direction or {}).keys():
            tried[name] = tuple(dict.fromkeys((*tried[name], *listed[:MAX_LISTED])))
        is_moved = bool(tried.keys() & {*(direction or {})})
        moving = tuple(direction or ())
        if moving not in self._exception_tests:
            self._exception_tests[moving] = self._exception_test(moving)
        return Question(
            value=asked[0],
            stated=asked[1],
            names=tuple(name for name in row.args if name not in self.whole),
            direction=direction,
            domain=compiler.condition(condition) if condition else None,
            atoms=compiler.atoms,
            constants=frozenset(compiler.constants),
            whole=tried,
            ranges=row.samples.ranges,
            declared=self._exception_tests[moving],
            jumps=row.kind in ("zero", "selector"),
            extra=() if is_moved else self._first_points,
            more=tuple if is_moved else lambda: self._more_points,
            seed=row.name,
            known=self._known_answers if domain is None else {},
            zeros=self._zeros,
        )

    def _partial(self, name: str) -> Expression:
        """The partial by an argument with its guard, one tree for all questions."""
        if name not in self._partials:
            self._partials[name] = rules.partial(self.row, name)
        return self._partials[name]

    @cached_property
    def _partials(self) -> dict[str, Expression]:
        return {}

    @cached_property
    def _compiled_parts(self) -> dict[int, Part]:
        return {}

    @cached_property
    def _known_answers(self) -> Known:
        return {}

    @cached_property
    def _zeros(self) -> Zeros:
        return {}

    @cached_property
    def _first_points(self) -> list[Mapping[str, float]]:
        """The edges and poles of the row, and the first sample: there has to be one."""
        sampled = [*islice(draw_points(self.row, DRAWN_POINTS, FEW_ATTEMPTS), 1)]
        if not sampled:
            sampled = sample_points(self.row, DRAWN_POINTS)[:1]
        return [*special_points(self.row), *sampled]

    @cached_property
    def _more_points(self) -> list[Mapping[str, float]]:
        return [*draw_points(self.row, DRAWN_POINTS, FEW_ATTEMPTS)]

    @cached_property
    def _exception_tests(self) -> dict[tuple[str, ...], Callable[[Mapping[str, Any]], bool]]:
        return {}

    def _exception_test(self, arguments: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
        """Whether a place is one of those where the row says that there may be no slope."""
        row, compiler = self.row, BallCompiler(frozenset(self.whole), known=self._compiled_parts)
        zeros: list[Compiled] = [compiler.expression(e) for e in row.samples.avoid]
        tests = [compiler.condition(row.tie.at)] if row.tie else []
        guards = [g for g in row.guards if not arguments or {*g.args} & {*arguments}]
        failing = [compiler.condition(guard.when) for guard in guards]
        if row.domain is not None and row.reason:
            failing.append(compiler.condition(row.domain))
        poles = row.samples.poles

        def is_exception(place: Mapping[str, Any]) -> bool:
            size = max((abs(v) for v in place.values()), key=float, default=arb(0))
            small = (size * arb("1e-100")).mid()
            c = Context({n: (v, None) for n, v in place.items()}, small)
            if any(all(place[n] == v for n, v in pole.items()) for pole in poles):
                return True
            return (
                any(_is_zero(zero, c, small + arb("1e-100")) for zero in zeros)
                or any(_holds(test, c, True) for test in tests)
                or any(_holds(test, c, False) for test in failing)
            )

        return is_exception

    # Claims about the whole row.

    def _shared_objection(self) -> Objection | None:
        """What speaks against the domain, the sample points or what is to be avoided."""
        row = self.row
        if row.domain is not None and not row.reason and row.value is not None:
            outside = rules.expression_of(ast.UnaryOp(ast.Not(), row.domain.tree))
            question = replace(
                self.question(row.value, row.value, None, outside),
                forbidden="the domain leaves out points where the value is finite, and no reason",
            )
            if objection := _forbidden_objection(question, row.value):
                return replace(objection, expected="", stated="")
        for avoided in row.samples.avoid:
            if is_sloping(avoided, frozenset(self.whole)):
                continue
            question = replace(
                self.question(avoided, ZERO_EXPRESSION, None),
                forbidden=f"'{avoided}' is 0 on a whole range: only single points may be avoided",
            )
            if objection := _forbidden_objection(question, avoided):
                return replace(objection, expected="", stated="")
        return self._tie_objection()

    def _tie_objection(self) -> Objection | None:
        """What speaks against the partials that are stated for a kink."""
        row = self.row
        if row.tie is None:
            return None
        for name, stated in row.tie.partials.items():
            question = self.question(self._partial(name), stated, None, row.tie.at)
            objection = self._tie_answer(question, row.tie).objection
            if objection is not None:
                return replace(
                    objection, what="the tie rule is not kept", expected=objection.stated,
                    stated=objection.expected,
                )  # fmt: skip
        return None

    def _tie_answer(self, question: Question, tie: Tie) -> Answer:
        """Where a tie is flat, it is one of the flats, and lines elsewhere need not be many."""
        compiler = BallCompiler(frozenset(self.whole), known=self._compiled_parts)
        compiler.condition(tie.at)
        if all(atom.affine is not None for atom in compiler.atoms):
            answer = decide(replace(question, brief=True))
            if answer.objection or not answer.unknown:
                return answer
        return decide(question)

    # The derivative by one argument.

    def _finding_in_time_limit(self, name: str) -> Finding:
        with during(f"the argument {name}"):
            return self._finding(name)

    def _finding(self, name: str) -> Finding:
        row = self.row
        value = row.value
        if value is None:
            return Finding(row, name, "refuted", "the row has no value")
        if row.partials[name] is None:
            return self._inactive(name, value)
        if name in row.surrogates:
            return self._approximation(name, value)
        return self._derivative(name, value)

    def _inactive(self, name: str, value: Expression) -> Finding:
        detail = f"not differentiated: {self.row.reason}"
        if self.row.roles[name] in ("constant", "table"):
            return Finding(self.row, name, "declared", detail)
        objection = self._moves(name, value)
        if objection:
            what = "is declared inactive, yet the value depends on it"
            return self._refutation(name, replace(objection, what=what))
        question = self.question(value, ZERO_EXPRESSION, {name: Fraction(1)})
        if hidden := self._unseen_part(replace(question, jumps=True), value):
            return Finding(self.row, name, "unknown", hidden)
        return Finding(self.row, name, "declared", detail)

    def _moves(self, name: str, value: Expression) -> Objection | None:
        """A point at which the value has a slope along an argument, jumps apart."""
        question = self.question(value, ZERO_EXPRESSION, {name: Fraction(1)})
        objection = decide(replace(question, jumps=True)).objection
        return None if objection is None or objection.single else objection

    def _unseen_part(self, question: Question, value: Expression) -> str:
        """What is too small to be seen in a value that is to have no slope."""
        compiler = BallCompiler(frozenset(self.whole))
        return "" if compiler.is_stepping(value.tree) else unseen_part(question)

    def _approximation(self, name: str, value: Expression) -> Finding:
        """A surrogate stands for a value without a slope, or is the value in other words."""
        row = self.row
        if self._moves(name, value):
            finding = self._derivative(name, value)
            what = "the surrogate is not the value, which has a slope of its own"
            if finding.outcome == "refuted":
                return replace(finding, detail=what)
            question = self.question(value, row.surrogates[name], None)
            differs = decide(replace(question, jumps=True)).objection
            return (
                finding if differs is None else self._refutation(name, replace(differs, what=what))
            )
        if not row.reason:
            what = "the surrogate is an approximation, and the row gives no reason for it"
            return Finding(row, name, "refuted", what)
        finding = self._derivative(name, row.surrogates[name])
        if finding.fails:
            return finding
        detail = f"an approximation: {finding.outcome} for the surrogate; {finding.detail}"
        return replace(finding, outcome="declared", detail=detail)

    def _derivative(self, name: str, value: Expression) -> Finding:
        """Few points first: where SymPy proves what is found, no more are needed."""
        row, way = self.row, {name: Fraction(1)}
        question = self.question(value, self._partial(name), way)
        answer = Answer(unknown="no point was tried")
        if self.proofs or self._is_plainly_zero(name, value):
            answer = decide(replace(question, brief=True))
            if finding := self._first_finding(answer, name, value):
                return finding
        unsettled = bool(answer.unknown or not answer.pieces)
        answer = decide(question)
        if unsettled and (finding := self._first_finding(answer, name, value)):
            return finding
        if answer.objection:
            return self._refutation(name, answer.objection)
        self._kinks.extend(answer.kinks[:MAX_KINKS])
        pieces = len(answer.pieces)
        if answer.unknown or not pieces:
            what = answer.unknown or "no point of the domain was found"
            return Finding(row, name, "unknown", what, pieces=pieces)
        if row.kind == "zero":
            if hidden := self._unseen_part(question, value):
                return Finding(row, name, "unknown", hidden, pieces=pieces)
            return Finding(row, name, "declared", _ZERO_BETWEEN + _on(answer), pieces=pieces)
        if open_question := doubt(question, answer):
            return Finding(row, name, "unknown", open_question, pieces=pieces)
        detail = f"agrees to 150 digits {_on(answer)}"
        return Finding(row, name, "confirmed", detail, pieces=pieces)

    def _first_finding(self, answer: Answer, name: str, value: Expression) -> Finding | None:
        """A refutation, or a proof on all that was found; None if it takes more points."""
        if answer.objection:
            return self._refutation(name, answer.objection)
        pieces = len(answer.pieces)
        if answer.unknown or not pieces:
            return None
        if self._is_plainly_zero(name, value):
            detail = _ZERO_BETWEEN + _on(answer)
            finding = Finding(self.row, name, "declared", detail, pieces=pieces)
        elif self.row.kind != "zero" and self.proofs and self._is_proved(answer, name, value):
            detail = f"residual 0 {_on(answer)}"
            finding = Finding(self.row, name, "proved", detail, pieces=pieces)
        else:
            return None
        self._kinks.extend(answer.kinks[:MAX_KINKS])
        return finding

    def _is_plainly_zero(self, name: str, value: Expression) -> bool:
        """Whether 0 is stated, and the form of the value shows that it only jumps."""
        stated = self._partial(name).tree
        is_zero = isinstance(stated, ast.Constant) and stated.value == 0
        compiler = BallCompiler(frozenset(self.whole))
        return self.row.kind == "zero" and is_zero and compiler.is_stepping(value.tree)

    @cached_property
    def _kinks(self) -> list[Mapping[str, Any]]:
        return []

    def _is_proved(self, answer: Answer, name: str, value: Expression) -> bool:
        whole, stated, way = frozenset(self.whole), self._partial(name), {name: Fraction(1)}
        for part in answer.stretches:
            with during(f"SymPy's proof where {gap_text(part.signs) or 'the row is defined'}"):
                if not vanishes_on(part, value, stated, way, whole):
                    return False
        return True

    def _refutation(self, name: str, objection: Objection) -> Finding:
        what = objection.what.replace("what is expected", "the derivative")
        return Finding(
            self.row,
            name,
            "refuted",
            what.replace("the formula", "the partial"),
            objection.point,
            objection.expected,
            objection.stated,
        )

    # All arguments together, at kinks.

    def _with_directions(self, findings: list[Finding]) -> list[Finding]:
        """Refutes partials that hold one by one and contradict each other along a direction."""
        row = self.row
        moving = [n for n in row.args if row.partials[n] is not None and n not in self.whole]
        if len(moving) < 2 or not self._kinks or row.value is None:
            return findings
        if any(finding.outcome == "refuted" for finding in findings):
            return findings
        for way in _directions(moving):
            terms = [ast.BinOp(ast.Constant(float(w)), ast.Mult(), self._partial(n).tree)
                     for n, w in way.items()]  # fmt: skip
            total: ast.expr = terms[0]
            for term in terms[1:]:
                total = ast.BinOp(total, ast.Add(), term)
            question = self.question(row.value, rules.expression_of(total), way)
            objection = objection_at(question, self._kinks[:MAX_KINKS])
            if objection:
                text = ", ".join(f"{float(w):g} {n}" for n, w in way.items())
                what = f"the partials contradict each other along ({text}): {objection.what}"
                bad = self._refutation(moving[-1], replace(objection, what=what))
                return [bad if f.argument == moving[-1] else f for f in findings]
        return findings


def _forbidden_objection(question: Question, value: Expression) -> Objection | None:
    """Where two formulas agree that must not: without steps, a point in each piece tells."""
    if is_smooth(value.tree):
        answer = decide(replace(question, brief=True))
        if answer.objection or not answer.unknown:
            return answer.objection
    return decide(question).objection


def _on(answer: Answer) -> str:
    pieces = len(answer.pieces)
    return f"on {pieces} pieces" if pieces > 1 else "on the whole domain"


def _directions(names: Sequence[str]) -> list[dict[str, Fraction]]:
    """All together, two against each other, and at random."""
    draws = random.Random(len(names))
    ways = [dict.fromkeys(names, Fraction(1))]
    for first, other in itertools.pairwise(names):
        ways += [{first: Fraction(1), other: Fraction(way)} for way in (1, -1)]
    ways += [{name: Fraction(draws.randint(-8, 8), 4) for name in names} for _ in range(4)]
    return ways


def _holds(test: Test, c: Context, wanted: bool) -> bool:
    """Whether a condition is known to be what is wanted."""
    try:
        return test(c) == wanted
    except (NoValueError, UndecidedError):
        return False


def _is_zero(quantity: Compiled, c: Context, small: Any) -> bool:
    try:
        return bool(abs(quantity(c)[0]) <= small)
    except (NoValueError, UndecidedError):
        return False
