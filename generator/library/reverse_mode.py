"""What fills the template of reverse mode."""

from __future__ import annotations

from .buses import EQUAL_BOXES, alike
from .forward_mode import newer_attempts, next_newer
from .row_text import DualText, LibraryRows
from .templates import fill, lines_of

#: Numbers that are matched, of the compiler 2.54.9, to which a number behind a route is none.
MATCHED_NUMBERS = 256


def reverse_mode(rows: LibraryRows) -> str:
    """The section of reverse mode."""
    masks = sorted({d.adjoint.mask for d in rows.duals if d.adjoint.form == "values"})
    lag_masks = sorted({d.adjoint.mask for d in rows.duals if d.adjoint.form == "lag"})
    last = "opened_function(inputs(x), x)"
    return fill(
        "library/reverse.lib",
        constants=[f"({row.faust}) => constant_of({row.faust});" for row in rows.constants],
        equal_boxes=_equal_boxes(),
        wires_before_b=_in_a_row(EQUAL_BOXES + 1, "_", "B"),
        cuts_before_b=_in_a_row(EQUAL_BOXES + 1, "!", "B"),
        wires_in_a_row=_in_a_row(EQUAL_BOXES, "_", "_"),
        cuts_in_a_row=_in_a_row(EQUAL_BOXES, "!", "!"),
        buses=[*alike("bus", "_"), *alike("cuts", "!")],
        primitives=[
            f"({dual.row.faust}) => {dual.row.name}_rule;"
            for dual in rows.duals
            if dual.adjoint.form and not dual.newer
        ],
        newer_or_opened=next_newer(rows.newer, "or_opened(x, x)", last),
        newer=newer_attempts(
            "library/repeated/newer_reverse.lib", rows.newer, "or_opened(x, x)", last
        ),
        values=[line for mask in masks for line in _values(mask)],
        lags=[_lags(mask) for mask in [*masks, *(m for m in lag_masks if m not in masks)]],
        delays=[
            line for mask in lag_masks for line in lines_of("library/repeated/delay.lib", mask=mask)
        ],
        hidden=fill("library/hidden.lib"),
        again=fill("library/again.lib"),
        numbers=[f"({number}) => {number};" for number in range(MATCHED_NUMBERS)],
        adjoints=[
            f"{dual.row.name}_adjoint({', '.join([*dual.row.args, 'cotangent'])}) = "
            f"{', '.join(dual.adjoint.values)};"
            for dual in rows.duals
            if dual.adjoint.form in ("values", "lag and value")
        ],
        lags_of_delays=[
            f"{dual.row.name}_lag(X) = {dual.adjoint.lag};"
            for dual in rows.duals
            if dual.adjoint.lag
        ],
        rules=[line for dual in rows.duals for line in _rule(dual)],
    )


def _in_a_row(count: int, box: str, last: str) -> str:
    """`count` boxes side by side, as `par` makes them; as a pattern it binds nothing."""
    return last if count == 1 else f"({box}, {_in_a_row(count - 1, box, last)})"


def _copies(count: int, box: str) -> str:
    """`count` equal boxes side by side, as doubling makes them."""
    if count == 1:
        return box
    if count % 2:
        return f"({box}, {_copies(count - 1, box)})"
    half = _copies(count // 2, box)
    return f"({half}, {half})"


def _equal_boxes() -> list[str]:
    lines = []
    for count in range(EQUAL_BOXES, 1, -1):
        for box, rule in (("_", "bus_rule({count})"), ("!", "cuts_rule")):
            for pattern in dict.fromkeys((_in_a_row(count, box, box), _copies(count, box))):
                lines.append(f"({pattern}) => {rule.format(count=count)};")
    return lines


def _values(mask: str) -> list[str]:
    """Shares that are values, for one pattern of the arguments that get one."""
    count = mask.count("1")
    shares = "at_lags(X, R, L)"
    if count > 1:
        shares = f"({shares} : by_argument(lag_count(L), {count}))"
    return lines_of("library/repeated/values.lib", mask=mask, shares=shares)


def _lags(mask: str) -> str:
    lags = ["L" if bit == "1" else "!" for bit in mask]
    nested = "".join(f"({lag}, " for lag in lags[:-1]) + lags[-1] + ")" * (len(lags) - 1)
    return f"lags_{mask}(L) = {nested};"


def _rule(dual: DualText) -> list[str]:
    """The reverse rule of a row, by the lags L of its cotangent, its place s and its operands X."""
    name, mask, count = dual.row.name, dual.adjoint.mask, len(dual.row.args)
    by_values = f"values_{mask}(L, X, {name}_adjoint);"
    match dual.adjoint.form:
        case "values" if "0" not in mask:
            return [
                f"{name}_rule = case {{",
                f"    (0, s, X) => ((X, _ : {name}_adjoint), (none, 0));",
                f"    (L, s, X) => {by_values}",
                "};",
            ]
        case "values":
            return [f"{name}_rule(L, s, X) = {by_values}"]
        case "none":
            return [f"{name}_rule = inactive_rule;"]
        case "state":
            return [f"{name}_rule(L, s, X) = of_memory(L, {count});"]
        case "lag":
            return [f"{name}_rule(L, s, X) = lagged_{mask}(L, {name}_lag(X));"]
        case "lag and value":
            shares = f"lagged_and_valued(L, X, {name}_lag(X), {name}_adjoint)"
            return [f"{name}_rule(L, s, X) = {shares};"]
        case "unavailable":
            return [f"{name}_rule = {dual.refusal};"]
    return []
