"""What fills the other templates with holes: seeds, networks, and the counterparts of the rows."""

from __future__ import annotations

from .buses import alike
from .row_text import DualText, LibraryRows, comment
from .templates import fill, lines_of

#: So many seeds are compared in one `case`: by the compiler, not by a function of ours.
SEEDS_AT_ONCE = 8
#: So many boxes that seeds with functions in them begin with.
STARTS_AT_ONCE = 3
#: The width of the rules above and below a title.
TITLE_WIDTH = 88

#: The parameters of layers: function, name in PyTorch, and indices.
TENSORS = (
    ("weight", "weight", "JI"),
    ("kernel", "weight", "JIT"),
    ("scale", "weight", "I"),
    ("bias", "bias", "J"),
    ("parameter", "parameter", "I"),
    ("weight_ih", "weight_ih_l0", "JI"),
    ("weight_hh", "weight_hh_l0", "JI"),
    ("bias_ih", "bias_ih_l0", "J"),
    ("bias_hh", "bias_hh_l0", "J"),
)


def seeds() -> str:
    """The section that finds seeds again in a program."""
    numbers = range(1, SEEDS_AT_ONCE + 1)
    pattern = "R"
    for k in reversed(numbers):
        pattern = f"((x{k}, p{k}), {pattern})"
    once = []
    for k in numbers:
        comma = "," if k < SEEDS_AT_ONCE else ""
        once.append(f"p{k}, unless_seen({k}, {seen(k)}, x{k}){comma}")
    pattern_of_starts = "!"
    for k in reversed(range(1, STARTS_AT_ONCE + 1)):
        pattern_of_starts = f"(x{k}, {pattern_of_starts})"
    return fill(
        "library/seeds.lib",
        count=str(SEEDS_AT_ONCE),
        pattern=pattern,
        seeds_once=once,
        parameters=", ".join(f"p{k}, x{k}" for k in numbers),
        definitions=[line for k in numbers for line in (f"s{k} = x{k};", f"n{k} = p{k};")],
        rules=[f"((seed.s{k}, !)) => seed.n{k};" for k in numbers],
        starts=str(STARTS_AT_ONCE),
        gathered=fill("library/gathered.lib").rstrip(),
        start_rules=[
            f"({form}) => looked_up({form[1:-1]});"
            for k in range(1, STARTS_AT_ONCE + 1)
            for form in (
                f"(begun.s{k} : F)",
                f"((begun.s{k}, F) : G)",
                f"((begun.s{k} : F) : G)",
            )
        ],
        arithmetic=[f"(((A, B) : {p})) => first(A), first(B) : {p};" for p in "+-*/"],
        start_pattern=pattern_of_starts,
        starts_once=", ".join(
            "x1" if k == 1 else f"unless_seen({k}, {seen(k)}, x{k})"
            for k in range(1, STARTS_AT_ONCE + 1)
        ),
        start_parameters=", ".join(f"x{k}" for k in range(1, STARTS_AT_ONCE + 1)),
        start_definitions=" ".join(f"s{k} = x{k};" for k in range(1, STARTS_AT_ONCE + 1)),
    )


def seen(k: int) -> str:
    """The list of the boxes before the one of this number."""
    return "(" * (k - 1) + "!" + "".join(f", x{j})" for j in range(1, k))


def neural_blocks(rows: LibraryRows) -> str:
    """The section of networks that are written with `backpropNN`."""
    return fill(
        "library/neural.lib",
        losses_listed=[
            f"// * `{dual.signature('WINDOW', 'TRUTH', 'M')}`: by `{dual.box}`"
            for dual in rows.losses
        ],
        losses=[
            line
            for dual in rows.losses
            for line in lines_of(
                "library/repeated/network_loss.lib",
                signature=dual.signature("WINDOW", "TRUTH", "M"),
                error=dual.error("N"),
            )
        ],
    )


def layers() -> str:
    """The section of networks of layers."""
    return fill(
        "library/nn.lib",
        buses=[*alike("bus", "_"), *alike("cut", "!")],
        tensors=[
            line
            for function, name, indices in TENSORS
            for line in lines_of(
                "library/repeated/tensor.lib",
                function=function,
                name=name,
                indices=", ".join(indices),
                places="".join(f".%{index}" for index in indices),
            )
        ],
    )


def counterparts(rows: LibraryRows) -> str:
    """The dual counterparts of all rows, by the sections of the table."""
    lines: list[str] = []
    for section, duals in rows.sections.items():
        shown = [dual for dual in duals if dual.is_counterpart]
        if shown:
            lines += [
                "",
                "//" + section.center(TITLE_WIDTH, "="),
                "// Dual counterparts, used as `d.diff(PRIMITIVE)`.",
                "//" + "=" * TITLE_WIDTH,
            ]
            lines += [line for dual in shown for line in _counterpart(dual)]
    return "\n".join(lines)


def _counterpart(dual: DualText) -> list[str]:
    return lines_of(
        "library/repeated/counterpart.lib",
        title=f"`(df.){dual.box}`".center(TITLE_WIDTH, "-"),
        summary=comment(dual.row.summary),
        usage_of_diff=dual.usage_of_diff,
        notes=_notes(dual),
        usage=dual.usage,
        box=dual.box,
        test=dual.test,
        definition=_definition(dual),
    )


def _notes(dual: DualText) -> list[str]:
    """Formulas, guards, tie and reasons, each below an empty line of the comment."""
    row = dual.row
    notes = [f"// $${formula}$$" for formula in dual.formulas]
    notes += [
        comment(
            f"Guard for {', '.join(guard.args)}: the formula holds where {guard.when}; "
            f"elsewhere the partial is {guard.elsewhere}. {guard.reason}"
        )
        for guard in row.guards
    ]
    if row.tie:
        notes.append(comment(f"Tie, at {row.tie.at}: {row.tie.reason}"))
    if row.reason:
        notes.append(comment(row.reason))
    if dual.newer:
        notes.append(f"// Needs a compiler from version {row.since} on.")
    if row.broken:
        notes.append(comment(row.broken))
    return [line for note in notes for line in ("//", note)]


def _definition(dual: DualText) -> str:
    count = len(dual.args)
    if dual.form == "cut":
        return f"{dual.box}(N) = si.block(N + 1);"
    if dual.form == "zero":
        return f"{dual.box}(N) = lift_zero(N, {len(dual.row.args)}, {dual.row.faust});"
    arguments = ", ".join(dual.args)
    holes = {
        "box": dual.box,
        "count": str(count),
        "active": ", ".join(map(str, dual.active)),
        "value": dual.value,
        "shared": "shared" if dual.shared else f"si.block({count})",
        "value_definition": f"value({arguments}) = {dual.value_body};" if dual.value_body else "",
        "shared_definition": (
            f"shared({arguments}) = {', '.join(dual.shared)};" if dual.shared else ""
        ),
        "tangent_args": ", ".join(dual.tangent_args),
        "tangent": dual.tangent,
    }
    if not dual.leading:
        return fill("library/repeated/lifted.lib", **holes)
    return fill(
        "library/repeated/lifted_with_constants.lib",
        leading_count=str(len(dual.leading)),
        leading=", ".join(dual.leading),
        **holes,
    )
