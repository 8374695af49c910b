"""A row of the table as the templates see it: names and printed text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import mpmath as mp

from ..proof.findings import CheckedTable
from ..table import rules
from ..table.folding import fold
from ..table.model import THROUGH, Primitive
from ..table.samples import Point, numbers_at, sample_points
from .printing import faust, latex

#: The oldest compiler that everything is made for; rows with a later `since` are matched apart.
OLDEST_COMPILER = "2.54.9"

#: The section of the table whose rows become losses: of an estimate and a target, in this order.
LOSSES = "Losses"

#: The forms of rows that have a dual counterpart.
COUNTERPARTS = ("lift", "zero", "cut")

Form = Literal["lift", "zero", "cut", "unavailable", "other"]


AdjointForm = Literal["values", "none", "lag", "lag and value", "state", "unavailable", ""]


@dataclass(frozen=True)
class AdjointText:
    """The reverse rule of a row as the templates see it.

    `mask` tells for each argument whether it gets a share of the cotangent, as in "011" for
    `select2`. `values` are the shares that are values, `lag` is the one that is a delay, as a box
    without inputs, of the arguments `X`.
    """

    form: AdjointForm
    mask: str = ""
    values: tuple[str, ...] = ()
    lag: str = ""


@dataclass(frozen=True)
class DualText:
    """A row as the templates see it: names and printed text.

    `leading` are constant arguments: they are fixed before the rest is lifted, because a number
    that went through a `route` is no compile-time constant to the compiler 2.54.9. `active` counts
    the other arguments, from 1.
    """

    row: Primitive
    form: Form
    leading: tuple[str, ...]
    args: tuple[str, ...]
    active: tuple[int, ...]
    value: str
    value_body: str
    shared: tuple[str, ...]
    tangent: str
    tangent_args: tuple[str, ...]
    usage: str
    usage_of_diff: str
    test: str
    formulas: tuple[str, ...]
    verdict: str
    evidence: str
    newer: bool
    adjoint: AdjointText

    @property
    def box(self) -> str:
        """The name of the dual primitive in the library."""
        return f"dual_{self.row.name}"

    @property
    def is_counterpart(self) -> bool:
        """Whether there is a dual primitive."""
        return self.form in COUNTERPARTS

    @property
    def refusal(self) -> str:
        """Faust that does not compile, and whose error says that there is no derivative."""
        what = f"the_derivative_of_{self.row.name}_is_not_available__see_its_row_in_the_reference"
        return f"case {{ (0) => {what}; }}({self.row.faust})"

    @property
    def numbers(self) -> tuple[str, ...]:
        """The constant arguments, in capitals, as parameters of a definition."""
        return tuple(name.upper() for name in self.leading)

    def signature(self, *parameters: str) -> str:
        """The name of a loss with its parameters: `log_cosh` becomes `LogCosh(WINDOW, ...)`."""
        name = "".join(word.capitalize() for word in self.row.name.split("_"))
        return f"{name}({', '.join([*parameters, *self.numbers])})"

    def error(self, count: str) -> str:
        """The dual primitive with its constant arguments given, for `count` partials (Faust)."""
        dual = f"{self.box}({count})"
        if not self.numbers:
            return dual
        constants = [f"{number}, par(i, {count}, 0)" for number in self.numbers]
        rest = f"si.bus({len(self.args)} * ({count} + 1))"
        return f"({', '.join([*constants, rest])} : {dual})"


@dataclass(frozen=True)
class LibraryRows:
    """The rows of a checked table, in its order."""

    duals: tuple[DualText, ...]

    @cached_property
    def sections(self) -> Mapping[str, tuple[DualText, ...]]:
        """The rows by the section of the table that they stand in."""
        by_section: dict[str, list[DualText]] = {}
        for dual in self.duals:
            by_section.setdefault(dual.row.section, []).append(dual)
        return {section: tuple(duals) for section, duals in by_section.items()}

    @property
    def newer(self) -> tuple[DualText, ...]:
        """Primitives that the oldest compiler does not have."""
        return tuple(dual for dual in self.duals if dual.newer and dual.form in ("lift", "zero"))

    @property
    def losses(self) -> tuple[DualText, ...]:
        """The rows that become losses."""
        return self.sections.get(LOSSES, ())

    @property
    def constants(self) -> tuple[Primitive, ...]:
        """Constants of libraries, such as `ma.SR`."""
        return tuple(dual.row for dual in self.duals if _is_named_constant(dual.row))


def library_rows(checked: CheckedTable) -> LibraryRows:
    """The rows of a checked table with their texts."""
    return LibraryRows(tuple(_dual(checked, row) for row in checked.table.primitives))


def comment(text: str, indent: str = "// ", width: int = 100) -> str:
    """Text as comment lines of at most `width` characters."""
    lines, line = [], ""
    for word in text.split():
        if line and len(indent) + len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join(indent + part for part in [*lines, line])


def _dual(checked: CheckedTable, row: Primitive) -> DualText:
    leading = tuple(name for name in row.args if row.roles[name] in ("constant", "table"))
    args = tuple(name for name in row.args if name not in leading)
    form = _form(row)
    rule = rules.tangent(row) if form == "lift" else None
    operands = tuple(name for name in rule.operands if name in args) if rule else ()
    body = faust(row.value) if row.composite and row.value else ""
    if leading and not body:
        body = f"{row.faust}({', '.join(row.args)})"
    return DualText(
        row=row,
        form=form,
        leading=leading,
        args=args,
        active=tuple(args.index(name) + 1 for name in rule.active) if rule else (),
        value="value" if body else row.faust,
        value_body=body,
        shared=(*operands, *(faust(shared) for shared in rule.shared)) if rule else (),
        tangent=faust(rule.tangent) if rule else "",
        tangent_args=(*operands, *rule.shared_names, *(f"d{a}" for a in rule.active))
        if rule
        else (),
        usage=_usage(row),
        usage_of_diff=_usage_of_diff(row),
        test=_test(row) if form in ("lift", "zero", "cut") else "",
        formulas=_formulas(row),
        verdict=checked.verdict(row),
        evidence=_evidence(checked, row),
        newer=bool(row.since) and _version(row.since) > _version(OLDEST_COMPILER),
        adjoint=_adjoint(row),
    )


def _adjoint(row: Primitive) -> AdjointText:
    if row.composite or row.kind == "structural" or row.name == "wire":
        return AdjointText("")
    if row.kind == "unavailable":
        return AdjointText("unavailable")
    shares = rules.adjoint(row)
    mask = "".join("0" if share.form == "none" else "1" for share in shares)
    values = tuple(faust(share.expression) for share in shares if share.form == "value")
    lags = [share.expression for share in shares if share.form == "lag"]
    if any(share.form == "state" for share in shares):
        return AdjointText("state")
    if not lags:
        return AdjointText("values" if values else "none", mask, values)
    lag = faust(lags[0])
    if lags[0].names:
        lag = f"case {{ (({', '.join(row.args)})) => {lag}; }}(operands(X))"
    match [share.form for share in shares if share.form != "none"]:
        case ["lag"]:
            return AdjointText("lag", mask, (), lag)
        case ["lag", "value"] if len(shares) == 2:
            return AdjointText("lag and value", mask, values, lag)
    return AdjointText("state")


def _evidence(checked: CheckedTable, row: Primitive) -> str:
    """On how many pieces of the domain the arguments of a row were looked at, as text."""
    pieces = max((finding.pieces for finding in checked.of(row)), default=0)
    if not pieces:
        return ""
    digits = ", to 150 digits" if checked.verdict(row) == "confirmed" else ""
    return f" on {pieces} pieces of the domain{digits}" if pieces > 1 else digits


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _form(row: Primitive) -> Form:
    if row.kind == "unavailable":
        return "unavailable"
    if row.kind == "structural":
        return "cut" if row.args else "other"
    return "lift" if row.active else "zero"


def _is_named_constant(row: Primitive) -> bool:
    """Whether the row is a constant of a library, such as `ma.SR`: one pattern knows it whole."""
    return not row.args and row.faust.replace(".", "", 1).isidentifier() and "." in row.faust


def _usage(row: Primitive) -> str:
    duals = ", ".join(["si.bus(N+1)"] * len(row.args))
    return f"{duals} : dual_{row.name}(N)" + ("" if _form(row) == "cut" else " : si.bus(N+1)")


def _usage_of_diff(row: Primitive) -> str:
    if row.composite:
        return f"d.{row.name}"
    return THROUGH[row.through].replace("box", row.faust)


def _test(row: Primitive) -> str:
    """A program without inputs that is not silent: the dual for one parameter, on a sample point.

    Rows about time are fed a ramp.
    """
    ramp = "(1 : + ~ _)"
    # A slider, for the compiler 2.54.9 aborts on the interval of a number.
    slider = 'hslider("x", 0.5, 0.25, 1, 0.01)'
    point = {} if row.temporal else _loud(row) if row.value else {}
    inputs = []
    for name in row.args:
        if row.name in ("lowest", "highest"):
            inputs.append(f"{slider}, 1.0")
            continue
        listed = row.samples.values.get(name)
        if row.roles[name] == "table" or (row.temporal and not listed):
            value = ramp
        elif listed:
            value = f"{next((v for v in listed if v), 0):g}"
        else:
            value = f"{point.get(name, 0.5):.4g}"
        tangent = "0" if row.roles[name] in ("constant", "table", "integer") else "1.0"
        inputs.append(f"{value}, {tangent}")
    tail = ", 1.0" if _form(row) == "cut" else ""
    return f"{', '.join(inputs)} : df.dual_{row.name}(1){tail}"


def _loud(row: Primitive) -> Point:
    """The first sample point or edge where the value is not 0, if there is one."""
    tried = [*sample_points(row), *row.samples.edges]

    def loud(point: Point) -> bool:
        value = fold(row.value, numbers_at(point)) if row.value else 0
        return bool(mp.isfinite(value) and value != 0)

    return next(filter(loud, tried), tried[0])


def own_test(row: Primitive) -> str:
    """A row by itself, and as `d.diff` finds it, in an environment `d` of one parameter.

    Empty for rows that are no part of a dual.
    """
    if _form(row) not in ("lift", "zero", "cut"):
        return ""
    test = _test(row)
    if row.composite or any(row.roles[name] in ("constant", "table") for name in row.args):
        return test
    return f"({test}), ({test.replace(f'df.dual_{row.name}(1)', f'd.diff({row.faust})')})"


def _formulas(row: Primitive) -> tuple[str, ...]:
    """Value and partials in LaTeX, as equations."""
    if row.value is None or row.kind == "unavailable":
        return ()
    value = latex(row.value, row.args)
    if row.kind == "linear":
        tangent = latex(rules.plain_tangent(row), row.args)
        return (f"f = {value}", rf"\dot{{f}} = {tangent}")
    lines = [f"f = {value}"]
    for name in row.args:
        stated = row.partials[name]
        if stated is not None:
            symbol = name if len(name) == 1 else rf"\mathrm{{{name}}}"
            lines.append(rf"\frac{{\partial f}}{{\partial {symbol}}} = {latex(stated, row.args)}")
    return tuple(lines)
