"""What follows from the value of a row, and that it stands nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import faustdiff
from faustdiff.table.assembling import built_in_table
from faustdiff.table.expressions import TIME, parse
from faustdiff.table.facts import Facts, facts
from faustdiff.table.model import Primitive

PACKAGE = Path(faustdiff.__file__).parent
ROWS = {
    row.faust: row
    for row in built_in_table().primitives
    if row.args and not row.composite and "." not in row.faust and row.faust not in ("_", "!")
}
KNOWN = {box: facts(row) for box, row in ROWS.items()}


def having(what: Callable[[Facts], object]) -> set[str]:
    return {box for box, known in KNOWN.items() if what(known)}


def test_facts_of_the_language() -> None:
    """As the documentation of Faust has them."""
    assert having(lambda f: f.memory) == {"mem", "@", "prefix", "rwtable", "enable", "control"}
    assert having(lambda f: f.gate is not None) == {"enable", "control"}
    assert having(lambda f: f.interval) == {"lowest", "highest"}
    assert having(lambda f: f.contents) == {"rdtable", "rwtable"}
    assert having(lambda f: f.passed is not None) == {"attach", "assertbounds"}
    comparisons = {"<", "<=", ">", ">=", "==", "!="}
    bits = {"&", "|", "xor", "<<", ">>"}
    assert having(lambda f: f.result == "integer") == {"int", *comparisons, *bits}
    rounding = {"int", "floor", "ceil", "rint", "round", "%", "fmod", "remainder"}
    assert having(lambda f: f.rounded) == {*rounding, *bits}
    decided = {"@", "rdtable", "rwtable", "select2", "select3", "enable", "control"}
    assert having(lambda f: f.steps) == {*rounding, *bits, *comparisons, *decided}


@pytest.mark.parametrize(
    ("box", "steps"),
    [
        ("@", ((1, "a delay of whole samples"),)),
        ("select2", ((0, "a selection"),)),
        ("max", ()),
        ("%", ((0, "'%'"),)),
        ("<", ((0, "a comparison '<'"), (1, "a comparison '<'"))),
    ],
)
def test_what_whole_numbers_decide(box: str, steps: tuple[tuple[int, str], ...]) -> None:
    assert KNOWN[box].steps == steps


@pytest.mark.parametrize(
    ("box", "result"),
    [
        ("+", (0, 1)),
        ("/", "real"),
        ("sin", "real"),
        ("float", "real"),
        ("floor", "real"),
        ("%", (0, 1)),
        ("fmod", "real"),
        ("select2", (1, 2)),
        ("rdtable", (1,)),
        ("^", None),  # 2.54.9 and 2.88 do not agree
    ],
)
def test_types(box: str, result: object) -> None:
    assert KNOWN[box].result == result


def row(value: str, *args: str) -> Primitive:
    """A row of that value; nothing else of it matters here."""
    model = ROWS["mem"]
    expression = parse(value, [*args, TIME])
    return replace(model, faust="new", args=args, roles=dict.fromkeys(args, "signal"),
                   value=expression)  # fmt: skip


def test_lengths_of_delays_and_places_in_tables() -> None:
    found = {box: known.sizes for box, known in KNOWN.items() if known.sizes}
    assert found == {"@": (1,), "rdtable": (2,), "rwtable": (2, 4)}


def test_a_new_row_brings_its_facts() -> None:
    smooth = facts(row("x / (1 + abs(x))", "x"))
    assert (smooth.memory, smooth.finite, smooth.result, smooth.steps) == (False, False, "real", ())
    assert smooth.cost == 4 + 1 + 1
    filtered = facts(row("x + 0.5 * x[n - 2]", "x"))
    assert (filtered.memory, filtered.finite, filtered.reads) == (True, True, (0,))
    assert facts(row("x[n - k]", "x", "k")).sizes == (1,)
    coarse = facts(row("floor(x * 8) / 8 + y", "x", "y"))
    assert (coarse.rounded, coarse.steps) == ((0,), ((0, "'new'"),))
    chosen = facts(row("where(g > 0.5, x, y)", "g", "x", "y"))
    assert (chosen.steps, chosen.result) == (((0, "a selection"),), (1, 2))
    held = facts(row("control(x, g)", "x", "g"))
    assert (held.gate, held.memory) == (1, True)


#: Each operation of these on balls is an algorithm, not a fact: they are its room.
ALGORITHMS = {
    "proof/arithmetic.py",
    "proof/ballfunctions.py",
    "proof/balls.py",
}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "table"
)


def collections(tree: ast.AST) -> Iterator[list[object]]:
    """The strings in each set, mapping, tuple or list that is written out, and in each pattern."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        match node:
            case ast.Set(elts=elements) | ast.List(elts=elements) | ast.Tuple(elts=elements):
                parts = list(elements)
            case ast.Dict(keys=keys):
                parts = [key for key in keys if key is not None]
            case ast.MatchOr(patterns=patterns):
                parts = [one.value for one in patterns if isinstance(one, ast.MatchValue)]
        yield [part.value for part in parts if isinstance(part, ast.Constant)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_set_of_primitives_stands_outside_the_table(path: Path) -> None:
    if path.relative_to(PACKAGE).as_posix() in ALGORITHMS:
        return
    words = {*ROWS} - {"+", "-", "*", "/"}  # what a computation is printed with
    for written in collections(ast.parse(path.read_text("utf-8"))):
        named = words.intersection(one for one in written if isinstance(one, str))
        assert len(named) < 3, f"{sorted(named)}: make it a fact of the row (table/facts.py)"
