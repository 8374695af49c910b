"""A row and what became of it: the sides on which the two differ, and what that means.

The sides are the spelling, the rule, where the rule holds, and the verdict. What only the
documentation says counts if nothing else has changed.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..proof import equality
from ..proof.checking import Finding, Report, check_row
from ..proof.equality import Setting, same_text
from ..table import rules
from ..table.expressions import Expression, parse
from ..table.model import Guard, Primitive, Table, Tie, is_zero, tangent_name
from ..table.rules import expression_of
from ..table.samples import Point, is_usable, sample_points, special_points
from .changes import Bump, Change, Detail, Kind
from .matching import in_terms_of, plain_text, plain_texts, stated_rule

#: Points that read well are tried first.
READABLE_POINTS = (0.5, 2.0, -0.5, -2.0, 0.25, 1.0, 3.0, -1.0, -3.0, 1.5, 10.0, -10.0)
EDGE_POINTS = (0.0, 1.0, -1.0, 1e-6, -1e-6, 1e6)
ZERO = parse("0", ())
ALWAYS = parse("0 == 0", ())


@dataclass(frozen=True)
class RowPair:
    """An old row and a new one; `now` is the new one with the old names of the arguments."""

    old: Primitive
    new: Primitive

    @cached_property
    def now(self) -> Primitive:
        return in_terms_of(self.new, self.old.args)

    @property
    def same_arity(self) -> bool:
        return len(self.old.args) == len(self.new.args)

    def changes(self) -> list[Change]:
        """One change for each side that differs; for the documentation, if it is all there is."""
        result = [*self._spelling(), *self._rule, *self._verdict()]
        return result or [*self._documentation()]

    def _change(self, kind: Kind, summary: str, bump: Bump, details: Sequence[Detail]) -> Change:
        places = self.old.place, self.new.place
        return Change(self.new.name, kind, summary, bump, tuple(details), *places)

    # The spelling.

    def _spelling(self) -> Iterator[Change]:
        details = [
            Detail(field, before, after)
            for field, before, after in (
                ("name", self.old.name, self.new.name),
                ("faust", self.old.faust, self.new.faust),
                ("aliases", ", ".join(self.old.aliases), ", ".join(self.new.aliases)),
            )
            if before != after
        ]
        if not details:
            return
        kept = {self.old.faust, *self.old.aliases} <= {self.new.faust, *self.new.aliases}
        bump: Bump = "minor" if kept and self.old.name == self.new.name else "major"
        summary = "; ".join(f"{d.field} {d.old or 'none'} -> {d.new or 'none'}" for d in details)
        yield self._change("renamed", summary, bump, details)

    # The rule, and where it holds.

    @cached_property
    def _rule(self) -> list[Change]:
        usage = [*self._usage()]
        if not self.same_arity:
            before, after = (f"({', '.join(row.args)})" for row in (self.old, self.new))
            usage.append(Detail("args", before, after, "the number of arguments differs"))
            return [self._change("changed", f"takes {after}, took {before}", "major", usage)]
        formulas = [*self._formulas()]
        wrong = [
            *usage,
            *(d for d, comparison in formulas if not (comparison.same or comparison.kink)),
        ]
        conditions = [*self._conditions()]
        bent = [d for d, result in formulas if result.kink]
        bent += [d for d, result in conditions if not result.same]
        rewritten = [d for d, result in [*formulas, *conditions] if result.same]
        if not wrong and not bent:
            summary = "; ".join(f"{detail.field}: {detail.how}" for detail in rewritten)
            return [self._change("equal", summary, "patch", rewritten)] if rewritten else []
        comparison = []
        if wrong:
            comparison.append(self._change("changed", self._account(wrong), self._severity, wrong))
        if bent:
            comparison.append(self._change("guard", self._account(bent), "minor", bent))
        return comparison

    def _account(self, details: Sequence[Detail]) -> str:
        """What differs, and how the verdict moved with it."""
        parts = [
            f"{d.field}: {d.old_value} -> {d.new_value} at {d.where}"
            if d.point
            else f"{d.field}: {d.how}"
            for d in details
        ]
        return "; ".join(
            [*parts, *([f"verdict: {self._verdict_change}"] if self._verdict_change else [])]
        )

    @property
    def _verdict_change(self) -> str:
        """How the verdict moved, as `proved -> failed`; "" if it did not."""
        before, after = (_verdict(row, findings) for row, findings in self._findings)
        return "" if before == after else f"{before} -> {after}"

    @property
    def _severity(self) -> Bump:
        """A rule that did not hold and now does is a correction; any other is a new meaning."""
        before, after = (_verdict(row, findings) for row, findings in self._findings)
        return "patch" if before == "refuted" and after != "refuted" else "major"

    def _usage(self) -> Iterator[Detail]:
        """What decides how the row is used, apart from its spelling."""
        for field in ("through", "composite", "real", "since"):
            before, after = str(getattr(self.old, field)), str(getattr(self.new, field))
            if before != after:
                yield Detail(field, before, after, "it is used in another way")
        if self.same_arity:
            for mine, its in zip(self.old.args, self.new.args, strict=True):
                before, after = self.old.roles[mine], self.new.roles[its]
                if before != after:
                    how = "the argument is read in another way"
                    yield Detail(f"roles.{its}", before, after, how)
        apart = ("structural", "unavailable")
        if (self.old.kind in apart or self.new.kind in apart) and self.old.kind != self.new.kind:
            how = "one of the two has no derivative"
            yield Detail("kind", self.old.kind, self.new.kind, how)

    def _formulas(self) -> Iterator[tuple[Detail, equality.Equality]]:
        """Value, surrogates and partials that are written in another way, and their meaning."""
        domain = self.old.domain, self.now.domain
        for mine, its in zip(self.old.args, self.new.args, strict=True):
            before, after = self.old.partials[mine], self.now.partials[mine]
            # From 0 to inactive nothing is computed in another way: that is for the verdict.
            if not same_text(before, after) and not (is_zero(before) and is_zero(after)):
                region = _conjunction(*domain, _when(self.old, mine), _when(self.now, mine))
                result = equality.compare(
                    rules.contribution(_without_guards(self.old), mine)
                    if self.temporal
                    else before or ZERO,
                    rules.contribution(_without_guards(self.now), mine)
                    if self.temporal
                    else after or ZERO,
                    self._setting(region),
                )
                shown = self.new.partials[its]
                yield _detail(f"partials.{its}", before, shown, result, "inactive")
            before, after = self.old.surrogates.get(mine), self.now.surrogates.get(mine)
            if not same_text(before, after):
                first, second = before or self.old.value, after or self.now.value
                yield _detail(
                    f"surrogates.{its}",
                    before,
                    self.new.surrogates.get(its),
                    self._compare(first, second, _conjunction(*domain)),
                    "the value",
                )
        if not same_text(self.old.value, self.now.value):
            result = self._compare(self.old.value, self.now.value, _conjunction(*domain))
            yield _detail("value", self.old.value, self.new.value, result)
        if self.old.args != self.new.args:
            names = ", ".join(self.old.args), ", ".join(self.new.args)
            same = equality.Equality("identical", "arguments have other names")
            yield Detail("args", *names, same.how), same
        if self.old.kind != self.new.kind and not [*self._usage()]:
            same = equality.Equality("identical", "the formulas are compared by themselves")
            yield Detail("kind", self.old.kind, self.new.kind, same.how), same

    def _compare(
        self, old: Expression | None, new: Expression | None, region: Expression | None
    ) -> equality.Equality:
        if old is None or new is None:
            return equality.Equality("differs", "one of the two has no formula")
        return equality.compare(old, new, self._setting(region))

    def _conditions(self) -> Iterator[tuple[Detail, equality.Equality]]:
        """Domain, guards and tie that are written in another way, and their meaning."""
        if not same_text(self.old.domain, self.now.domain):
            result = self._compare(self.old.domain or ALWAYS, self.now.domain or ALWAYS, None)
            yield _detail("domain", self.old.domain, self.new.domain, result, "everywhere")
        for mine, its in zip(self.old.args, self.new.args, strict=True):
            yield from self._guard(mine, its)
        yield from self._tie()

    def _guard(self, mine: str, its: str) -> Iterator[tuple[Detail, equality.Equality]]:
        guards = self.old.guard_of(mine), self.now.guard_of(mine)
        before, after = map(_guard_text, guards)
        if before == after:
            return
        old, new = guards
        shown = _guard_text(self.new.guard_of(its))
        effective = equality.compare(
            rules.partial(self.old, mine), rules.partial(self.now, mine), self._setting(None)
        )
        if old is None or new is None:
            what = "a guard was taken away" if old else "a guard was added"
            result = replace(effective, outcome="differs", how=f"{what}; {effective.how}")
            yield _comparison_detail(f"guard of {its}", before, shown, result), result
            return
        outside = expression_of(ast.UnaryOp(ast.Not(), old.when.tree))
        parts = (
            equality.compare(old.when, new.when, self._setting(None)),
            equality.compare(old.elsewhere, new.elsewhere, self._setting(outside)),
        )
        if all(part.same for part in parts) and plain_texts(old.safe) == plain_texts(new.safe):
            result = next((part for part in parts if part.outcome == "proved"), parts[0])
        elif effective.outcome == "differs":
            result = replace(effective, kink=False)
        elif all(part.same for part in parts):
            result = replace(parts[0], outcome="differs", how="only the safe operand differs")
        else:
            # The condition differs where the partial does not: the guard is another one all the
            # same, and the point is one that only one of the two lets through.
            worst = next(part for part in parts if not part.same)
            result = replace(worst, outcome="undecided", how=f"the condition: {worst.how}")
        yield _comparison_detail(f"guard of {its}", before, shown, result), result

    def _tie(self) -> Iterator[tuple[Detail, equality.Equality]]:
        old, new = self.old.tie, self.now.tie
        if _tie_text(old) == _tie_text(new):
            return
        if old is None or new is None:
            result = equality.Equality("differs", "a tie rule was taken away or added")
        else:
            parts = [equality.compare(old.at, new.at, self._setting(None))]
            for name in self.old.args:
                before, after = old.partials.get(name, ZERO), new.partials.get(name, ZERO)
                parts.append(equality.compare(before, after, self._setting(old.at)))
            result = next((part for part in parts if not part.same), parts[0])
            result = replace(result, kink=False)
        yield _comparison_detail("tie", _tie_text(old), _tie_text(self.new.tie), result), result

    # The verdict.

    @cached_property
    def _findings(self) -> tuple[tuple[Primitive, list[Finding]], ...]:
        if _checked_part(self.old) == _checked_part(self.new):
            findings = check_row(self.new)
            return (self.old, findings), (self.new, findings)
        return (self.old, check_row(self.old)), (self.new, check_row(self.new))

    def _verdict(self) -> Iterator[Change]:
        """The verdict on each argument; where the rule or a guard changed, that has told it."""
        if _checked_part(self.old) == _checked_part(self.new):
            return
        if any(change.change in ("changed", "guard") for change in self._rule):
            return
        (_, was), (_, findings) = self._findings
        details = [
            Detail(f"verdict of {f.argument}" if f.argument else "verdict", g.outcome, f.outcome)
            for g, f in zip(was, findings, strict=False)
            if g.outcome != f.outcome
        ]
        failed = any(finding.outcome == "refuted" for finding in findings)
        for name in self.old.args if self.same_arity else ():
            before, after = (str(r.partials[name] or "inactive") for r in (self.old, self.now))
            if before != after and "inactive" in (before, after):
                details.append(Detail(f"partials.{name}", before, after))
        if details:
            summary = "; ".join(f"{d.field}: {d.old} -> {d.new}" for d in details)
            yield self._change("verdict", summary, "major" if failed else "patch", details)
        elif self.old.samples != self.now.samples:
            verdict = _verdict(self.new, findings)
            how = f"checked at other points; the verdict stays {verdict}"
            details = [Detail("samples", _samples(self.old), _samples(self.new), how)]
            yield self._change("verdict", how, "patch", details)

    # The documentation.

    def _documentation(self) -> Iterator[Change]:
        fields = ("section", "summary", "reason", "broken")
        details = [
            Detail(field, getattr(self.old, field), getattr(self.new, field))
            for field in fields
            if getattr(self.old, field) != getattr(self.new, field)
        ]
        reasons = [
            [*(guard.reason for guard in row.guards), *([row.tie.reason] if row.tie else [])]
            for row in (self.old, self.new)
        ]
        if reasons[0] != reasons[1]:
            details.append(Detail("reasons", " ".join(reasons[0]), " ".join(reasons[1])))
        if details:
            listed = ", ".join(detail.field for detail in details)
            yield self._change("documentation", listed, "patch", details)

    # Where the two are compared.

    @property
    def temporal(self) -> bool:
        return self.old.temporal or self.now.temporal

    def _setting(self, region: Expression | None) -> Setting:
        roles = {**dict(self.now.roles), **dict(self.old.roles)}
        if not self.temporal:
            return Setting(roles, region, self._points, self._edges)
        draws = random.Random(self.old.name)
        length = equality.COMPARED_SAMPLES
        listed = {**self.now.samples.values, **self.old.samples.values}
        names = [name for name in self.old.args if self.old.roles[name] != "table"]
        signals = {
            name: [listed[name][n % len(listed[name])] for n in range(length)]
            if name in listed
            else [draws.randint(-40, 40) / 8 for _ in range(length)]
            for name in names
        }
        tangents = {
            tangent_name(name): [draws.randint(-40, 40) / 8 for _ in range(length)]
            for name in self.old.args
        }
        tables = {
            name: [draws.randint(-40, 40) / 8 for _ in range(length)]
            for name in self.old.args
            if name not in names
        }
        for tangent in tangents:
            roles[tangent] = "signal"
        return Setting(roles, None, (), (), {**signals, **tangents}, tables)

    @cached_property
    def _points(self) -> list[Point]:
        """Points in the ranges of both rows, those that read well first."""
        draws = random.Random(self.old.name)
        rows = self.old, self.now
        drawn: list[Point] = []
        for _ in range(40):
            point: dict[str, float] = {}
            for name in self.old.args:
                listed = self.old.samples.values.get(name) or READABLE_POINTS
                if self.old.roles[name] == "integer" and name not in self.old.samples.values:
                    listed = (0.0, 1.0, 2.0)
                point[name] = draws.choice(listed)
            drawn.append(point)
        usable = [point for point in drawn if all(is_usable(row, point) for row in rows)]
        for row in rows:
            try:
                usable.extend(sample_points(row))
            except ValueError:
                continue
        return usable

    @cached_property
    def _edges(self) -> list[Point]:
        """The edges and poles of both rows, and a border of zeros, ones and extremes."""
        border: list[Point] = [dict.fromkeys(self.old.args, value) for value in EDGE_POINTS]
        for name in self.old.args:
            border += [{**dict.fromkeys(self.old.args, 0.5), name: value} for value in EDGE_POINTS]
        return [*special_points(self.old), *special_points(self.now), *border]


# Pieces.


def _verdict(row: Primitive, findings: Sequence[Finding]) -> str:
    return Report(Table((row,), {}, ""), tuple(findings), 0).verdict(row)


def _checked_part(row: Primitive) -> tuple[Any, ...]:
    """What the verdict rests on."""
    samples = row.samples
    listed = dict(samples.ranges), dict(samples.values), samples.edges, samples.poles
    return (row.kind, row.args, dict(row.roles), stated_rule(row), listed, samples.avoid)


def _detail(
    field: str,
    old: Expression | None,
    new: Expression | None,
    result: equality.Equality,
    nothing: str = "none",
) -> tuple[Detail, equality.Equality]:
    before, after = (str(side) if side else nothing for side in (old, new))
    return _comparison_detail(field, before, after, result), result


def _comparison_detail(field: str, old: str, new: str, result: equality.Equality) -> Detail:
    return Detail(field, old, new, result.how, result.point, result.old, result.new)


def _guard_text(guard: Guard | None) -> str:
    if guard is None:
        return "none"
    safe = ", ".join(f"{name} = {plain_text(value)}" for name, value in guard.safe.items())
    when, elsewhere = plain_text(guard.when), plain_text(guard.elsewhere)
    return f"{when}; safe: {safe or 'none'}; elsewhere: {elsewhere}"


def _tie_text(tie: Tie | None) -> str:
    if tie is None:
        return "none"
    partials = ", ".join(f"{name}: {plain_text(value)}" for name, value in tie.partials.items())
    return f"at {plain_text(tie.at)}: {partials}"


def _samples(row: Primitive) -> str:
    samples = row.samples
    parts = [f"{name}: [{low:g}, {high:g}]" for name, (low, high) in samples.ranges.items()]
    parts += [f"{name}: {[*values]}" for name, values in samples.values.items()]
    parts += [f"{len(samples.edges)} edges", f"{len(samples.poles)} poles"]
    parts += [f"avoid {expression}" for expression in samples.avoid]
    return "; ".join(parts)


def _when(row: Primitive, argument: str) -> Expression | None:
    guard = row.guard_of(argument)
    return guard.when if guard else None


def _without_guards(row: Primitive) -> Primitive:
    return replace(row, guards=())


def _conjunction(*conditions: Expression | None) -> Expression | None:
    """The condition that all hold; None for no condition."""
    stated = {plain_text(condition): condition.tree for condition in conditions if condition}
    trees = [*stated.values()]
    if not trees:
        return None
    return expression_of(trees[0] if len(trees) == 1 else ast.BoolOp(ast.And(), trees))
