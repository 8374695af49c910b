"""What fills the templates of forward mode: the environment, whole and sparse dual signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .row_text import DualText, LibraryRows, comment
from .templates import fill, lines_of


def environment(rows: LibraryRows) -> str:
    """The section of `env`."""
    # An environment that depends on nothing else is evaluated once for the whole program.
    rules: list[str] = []
    for dual in rows.duals:
        if dual.is_counterpart and not dual.row.composite:
            name, box = dual.row.name, dual.box
            rules.append(f"{name}_rule = {box}(VARS.N);")
            if dual.form == "lift":
                places = f"one = {box}(1); all = {name}_rule; some = {box};"
                rules.append(f"{name}_at = environment {{ {places} }};")
    processes = [dual for dual in rows.duals if dual.row.composite and dual.row.temporal]
    return fill(
        "library/environment.lib",
        losses_listed=[
            f"// * `d.learn{dual.signature('WINDOW', 'OPTIMIZER')}`: the same, by `{dual.box}`"
            for dual in rows.losses
        ],
        processes_listed=[_list_entry(dual) for dual in processes],
        processes=[f"{dual.row.name} = {dual.box}(N);" for dual in processes],
        losses=[
            line
            for dual in rows.losses
            for line in (
                f"learn{dual.signature('WINDOW', 'OPTIMIZER')} =",
                f"    learn(N, 1, {dual.error('N')}, WINDOW, OPTIMIZER);",
            )
        ],
        primitives=_rules_by_box(rows),
        newer_or_other=next_newer(rows.newer, "or_other(x, x)", "other(inputs(x), x)"),
        rules=rules,
        constants=[f"{row.name}_rule = constant({row.faust});" for row in rows.constants],
        unavailable=[
            line
            for dual in rows.duals
            if dual.form == "unavailable"
            for line in (
                f"{dual.row.name}_at = "
                f"environment {{ one = {dual.row.name}_rule; all = one; some(n) = one; }};",
                f"{dual.row.name}_rule = {dual.refusal};",
            )
        ],
        newer=newer_attempts(
            "library/repeated/newer.lib", rows.newer, "or_other(x, x)", "other(inputs(x), x)"
        ),
        hidden=fill("library/hidden.lib"),
        again=fill("library/again.lib"),
        gathered=fill("library/gathered.lib").rstrip(),
        dense=_dense(rows),
        sparse=_sparse(rows),
    )


def _list_entry(dual: DualText) -> str:
    summary = dual.row.summary
    return comment(f"* `d.{dual.row.name}`: {summary[0].lower()}{summary[1:]}")


def _rules_by_box(rows: LibraryRows) -> list[str]:
    """The cases of all primitives that the oldest compiler has."""
    return [
        f"({dual.row.faust}) => {dual.row.name}_rule;"
        for dual in rows.duals
        if dual.form != "other" and not dual.row.composite and not dual.newer
    ]


def next_newer(newer: Sequence[DualText], ending: str, last: str) -> str:
    """What comes next: the first primitive of a later compiler, or `last` if there is none."""
    return f"{newer[0].row.name}_{ending}" if newer else last


def newer_attempts(template: str, newer: Sequence[DualText], ending: str, last: str) -> list[str]:
    """Each primitive of a later compiler, tried one after the other; then comes `last`."""
    return [
        line
        for place, dual in enumerate(newer)
        for line in lines_of(
            template,
            faust=dual.row.faust,
            name=dual.row.name,
            since=dual.row.since,
            next=next_newer(newer[place + 1 :], ending, last),
        )
    ]


def _attempt_names(name: str, count: int, last: str) -> list[str]:
    """Names of `count` attempts one after the other, and of what comes after them."""
    return [name if place == 0 else f"{name}_{place + 1}" for place in range(count)] + [last]


def _dense(rows: LibraryRows) -> str:
    names = _attempt_names("dense_newer", len(rows.newer), "dense_function")
    return fill(
        "library/dense.lib",
        constants=[f"({row.faust}) => {row.name}_rule;" for row in rows.constants],
        primitives=_rules_by_box(rows),
        memoization=_memoization(rows),
        newer_or_function=names[0],
        newer=_newer_boxes(rows, names, "{}", lambda dual: f"{dual.row.name}_rule"),
    )


def _newer_boxes(
    rows: LibraryRows, names: Sequence[str], pattern: str, rule: Callable[[DualText], str]
) -> list[str]:
    """The boxes of newer compilers, each an attempt of its own that leads to the next of `names`.

    `pattern` has a place for the box, which has the `rule`.
    """
    return [
        line
        for dual, place, after in zip(rows.newer, names, names[1:], strict=False)
        for line in lines_of(
            "library/repeated/newer_box.lib",
            place=place,
            pattern=pattern.format(dual.row.faust),
            rule=rule(dual),
            name=dual.row.name,
            next=after,
        )
    ]


def _memoization(rows: LibraryRows) -> str:
    # An environment has that of `B`, then that of `A`: on the right there is often a number, and
    # what stands last in a body is not asked for what is known, and leaves no entry.
    both = (
        "environment { b = walk(B)(now); a = walk(A)(b.known); "
        "dual = (dual_of(a), dual_of(b)) : %s; known = known_of(a); }"
    )
    arithmetic: list[str] = []
    for dual in rows.duals:
        operation = dual.row.faust
        if operation in ("*", "+", "-", "/"):
            pairs = f"(((A : B), (C : D)) : {operation})"
            arithmetic += [
                f"{pairs} => \\(now).(now(1)((1, {pairs}))(now));",
                f"((A, B) : {operation}) => \\(now).({both % f'{dual.row.name}_rule'});",
            ]
    return fill(
        "library/memoization.lib",
        constants=[f"({row.faust}) => is({row.name}_rule);" for row in rows.constants],
        arithmetic=arithmetic,
    )


def _sparse(rows: LibraryRows) -> str:
    names = _attempt_names("function_or_newer", len(rows.newer), "function")
    newer = _newer_boxes(rows, names, "(({}), i)", _on_ranges)
    return fill(
        "library/sparse.lib",
        constants=[f"((({row.faust}), i)) => {row.faust}, (nothing, !);" for row in rows.constants],
        primitives=[
            f"((({dual.row.faust}), i)) => {_on_ranges(dual)};"
            for dual in rows.duals
            if dual.form in ("lift", "zero", "unavailable")
            and not dual.row.composite
            and not dual.newer
        ],
        newer=newer or ["function_or_newer = function;"],
    )


def _on_ranges(dual: DualText) -> str:
    """A primitive on wires that carry the partials of a range `i`."""
    if dual.form == "zero":
        return f"flat(({dual.row.faust}, i))"
    return f"lifted(({dual.row.name}_at, ({dual.row.faust}, i)))"
