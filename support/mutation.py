"""Rows of a table, broken in many small ways.

A mutant that is equal to the original wherever the row is defined is no error; whether it is, is
decided by evaluating both with Python's own arithmetic, which shares no code with the check.
"""

from __future__ import annotations

import ast
import copy
import itertools
import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from faustdiff.table.expressions import TIME, Expression, ExpressionError, parse
from faustdiff.table.model import Guard, Primitive, Table, tangent_name
from faustdiff.table.samples import sample_points
from support.evaluator import Plain

POINTS = 60
FRAMES = 12
#: Two numbers are the same below this distance; the mutants differ by a thousandth or more.
CLOSE = 1e-9

OTHER_FUNCTION = {
    "sin": "cos",
    "cos": "sin",
    "exp": "log",
    "log": "exp",
    "sqrt": "cbrt",
    "cbrt": "sqrt",
    "sinh": "cosh",
    "cosh": "sinh",
    "J0": "J1",
    "J1": "J0",
    "Y0": "Y1",
    "Y1": "Y0",
    "floor": "ceil",
    "int": "rint",
    "rint": "floor",
    "sign": "abs",
    "fmod": "remainder",
    "remainder": "fmod",
    "Jn": "Yn",
    "Yn": "Jn",
    "enable": "control",
    "control": "enable",
}
#: Any function of one argument is replaced by these too.
GENERIC = ("sin", "tanh", "abs", "floor", "cbrt")

FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.GtE, ast.LtE, ast.Gt),
    ast.LtE: (ast.Gt, ast.Lt, ast.GtE),
    ast.Gt: (ast.LtE, ast.GtE, ast.Lt),
    ast.GtE: (ast.Lt, ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


@dataclass(frozen=True)
class Mutant:
    """A row, and the same row with one expression changed that concerns `argument`."""

    row: Primitive
    broken: Primitive
    argument: str
    change: str

    def __str__(self) -> str:
        return f"{self.row.name}, {self.argument}: {self.change}"


def rewritten(row: Primitive, text: str, argument: str) -> Expression:
    """The expression that `text` spells in the scope of a partial of the row."""
    return parse(text, [*row.args, *((TIME, tangent_name(argument)) if row.temporal else ())])


def with_partial(row: Primitive, argument: str, text: str) -> Primitive:
    return replace(row, partials={**row.partials, argument: rewritten(row, text, argument)})


def with_condition(row: Primitive, guard: Guard, text: str) -> Primitive:
    changed = replace(guard, when=rewritten(row, text, guard.args[0]))
    return replace(row, guards=tuple(changed if g is guard else g for g in row.guards))


# Mutations: from a tree to the trees that are wrong in one place.

Trees = Iterator[ast.expr]
Changed = Callable[[str], Primitive]
Mutation = Callable[[ast.expr, Primitive], Trees]


def everywhere(local: Callable[[ast.expr], Trees]) -> Mutation:
    """The mutation that changes one node of the tree, each in turn, as `local` says."""

    def mutate(tree: ast.expr, row: Primitive) -> Trees:
        for index, node in enumerate(ast.walk(tree)):
            if not isinstance(node, ast.expr):
                continue
            for other in local(node):
                whole = copy.deepcopy(tree)
                place = next(itertools.islice(ast.walk(whole), index, None))
                yield _Replacement(place, copy.deepcopy(other)).visit(whole)

    return mutate


class _Replacement(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def called(node: ast.expr) -> str:
    """The name of the function that a node calls."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def is_zero(tree: ast.expr) -> bool:
    return ast.unparse(tree) in ("0", "0.0")


def sign(tree: ast.expr, row: Primitive) -> Trees:
    if not is_zero(tree):  # which is its own negative
        yield ast.UnaryOp(ast.USub(), tree)


def factor(tree: ast.expr, row: Primitive) -> Trees:
    if not is_zero(tree):  # which is its own multiple
        yield ast.BinOp(ast.Constant(1.001), ast.Mult(), tree)


def one_for_zero(tree: ast.expr, row: Primitive) -> Trees:
    if is_zero(tree):
        yield ast.Constant(1)


def swapped_arguments(tree: ast.expr, row: Primitive) -> Trees:
    """Two arguments exchanged; only of one role, and not a signal for a listed index."""
    for a, b in itertools.combinations(row.args, 2):
        listed = (a in row.samples.values) == (b in row.samples.values)
        if row.roles[a] == row.roles[b] and (listed or not row.temporal):
            other = copy.deepcopy(tree)
            for node in ast.walk(other):
                if isinstance(node, ast.Name) and node.id in (a, b):
                    node.id = b if node.id == a else a
            yield other


def swapped_operands(node: ast.expr) -> Trees:
    match node:
        case ast.BinOp(left=left, op=ast.Sub() | ast.Div() | ast.Pow() as op, right=right):
            yield ast.BinOp(right, op, left)
        case ast.Call(func=function, args=[first, second]):
            yield ast.Call(function, [second, first], [])


def dropped_term(node: ast.expr) -> Trees:
    match node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield from (left, ast.UnaryOp(ast.USub(), right))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            yield from (left, ast.BinOp(ast.Constant(1), ast.Div(), right))
        case ast.BinOp(left=left, right=right):
            yield from (left, right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand


def wrong_operator(node: ast.expr) -> Trees:
    others: dict[type[ast.operator], ast.operator] = {
        ast.Add: ast.Sub(),
        ast.Sub: ast.Add(),
        ast.Mult: ast.Div(),
        ast.Div: ast.Mult(),
    }
    if isinstance(node, ast.BinOp) and type(node.op) in others:
        yield ast.BinOp(node.left, others[type(node.op)], node.right)


def wrong_function(node: ast.expr) -> Trees:
    name = called(node)
    if isinstance(node, ast.Call) and name and name != "where":
        generic = GENERIC if len(node.args) == 1 else ()
        for other in {*filter(None, [OTHER_FUNCTION.get(name)]), *generic} - {name}:
            yield ast.Call(ast.Name(other), node.args, [])
        if len(node.args) == 1:
            yield node.args[0]


def wrong_constant(node: ast.expr) -> Trees:
    if isinstance(node, ast.Constant):
        yield ast.Constant(node.value + 1)  # type: ignore[operator]


def swapped_branches(node: ast.expr) -> Trees:
    if isinstance(node, ast.Call) and called(node) == "where":
        condition, yes, no = node.args
        yield ast.Call(node.func, [condition, no, yes], [])


def flipped_comparison(node: ast.expr) -> Trees:
    if isinstance(node, ast.Compare):
        for other in FLIPPED[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)


def shifted_delay(node: ast.expr) -> Trees:
    """One sample later, and for a table the entry before."""
    if isinstance(node, ast.Subscript):
        later = ast.BinOp(node.slice, ast.Sub(), ast.Constant(1))
        yield ast.Subscript(node.value, later)


def moved_border(node: ast.expr) -> Trees:
    """A comparison that is off by half a thousandth."""
    if isinstance(node, ast.Compare):
        moved = ast.BinOp(node.comparators[0], ast.Add(), ast.Constant(0.0005))
        yield ast.Compare(node.left, node.ops, [moved, *node.comparators[1:]])


GUARD = "flipped guard"

MUTATIONS: dict[str, Mutation] = {
    "sign": sign,
    "factor of 1.001": factor,
    "1 for 0": one_for_zero,
    "swapped arguments": swapped_arguments,
    "swapped operands": everywhere(swapped_operands),
    "dropped term": everywhere(dropped_term),
    "wrong operator": everywhere(wrong_operator),
    "wrong function": everywhere(wrong_function),
    "wrong constant": everywhere(wrong_constant),
    "swapped branches": everywhere(swapped_branches),
    "flipped comparison": everywhere(flipped_comparison),
    "shifted delay": everywhere(shifted_delay),
    "moved border": everywhere(moved_border),
    GUARD: everywhere(flipped_comparison),
}


def mutants(table: Table, kind: str) -> list[Mutant]:
    """All mutants of one kind whose text is not the original's, each once."""
    if kind in PARTS:
        return [mutant for row in table.primitives for mutant in PARTS[kind](row)]
    return _rewritten_rows(table, kind)


def _rewritten_rows(table: Table, kind: str) -> list[Mutant]:
    """All mutants of one kind whose text is not the original's, each once."""
    found: dict[tuple[str, str, str], Mutant] = {}

    def add(row: Primitive, tree: ast.expr, argument: str, change: Changed) -> None:
        before = ast.unparse(tree)
        for other in MUTATIONS[kind](tree, row):
            after = ast.unparse(ast.fix_missing_locations(other))
            key = (row.name, argument, after)
            if after == before or key in found:
                continue
            # What the language does not have, as a delay into the future, cannot be stated.
            with suppress(ExpressionError):
                found[key] = Mutant(row, change(after), argument, f"'{before}' became '{after}'")

    for row in table.primitives:
        for argument, stated in row.partials.items():
            if stated is not None and kind != GUARD:
                add(row, stated.tree, argument, partial(with_partial, row, argument))
        for guard in row.guards:
            if kind == GUARD:
                for argument in guard.args:
                    add(row, guard.when.tree, argument, partial(with_condition, row, guard))
    return list(found.values())


# Rows that are wrong in a part of what they say: none of these equals its original.

Part = Callable[[Primitive], Iterator[Mutant]]


def _formulas(row: Primitive) -> Iterator[tuple[str, str, float, float, dict[str, float]]]:
    """Each argument with a partial and a range: partial, ends of the range, a point in it."""
    if row.temporal or row.kind in ("structural", "unavailable"):
        return
    for name, stated in row.partials.items():
        if stated is not None and name in row.samples.ranges:
            yield name, str(stated), *row.samples.ranges[name], dict(sample_points(row)[0])


def slab(share: float) -> Part:
    """Wrong in a share of the range, around a sample point."""

    def mutate(row: Primitive) -> Iterator[Mutant]:
        for name, stated, low, high, point in _formulas(row):
            half, at = share * (high - low) / 2, point[name]
            inside = f"{name} > {at - half!r} and {name} < {at + half!r}"
            text = f"({stated}) + where({inside}, 1, 0)"
            yield Mutant(row, with_partial(row, name, text), name, inside)

    return mutate


def beyond(row: Primitive) -> Iterator[Mutant]:
    """Wrong beyond the samples, where the row still has a value."""
    for name, stated, low, high, point in _formulas(row):
        end = high + 0.01 * (high - low)
        far = {**point, name: 2 * end + 1}
        plain, inside = Plain(), str(row.domain) if row.domain else "0 == 0"
        value = outcome(plain.value, str(row.value), far)
        if outcome(plain.value, inside, far) is True and real(value):
            text = f"({stated}) + where({name} > {end!r}, 1, 0)"
            yield Mutant(row, with_partial(row, name, text), name, f"beyond {end:g}")


def single_point(row: Primitive) -> Iterator[Mutant]:
    """Wrong at one number."""
    for name, stated, _, _, point in _formulas(row):
        text = f"({stated}) + where({name} == {point[name]!r}, 1, 0)"
        yield Mutant(row, with_partial(row, name, text), name, f"at {point[name]:g}")


def tie(row: Primitive) -> Iterator[Mutant]:
    """A tie rule that the partials do not keep."""
    for name, stated in row.tie.partials.items() if row.tie else ():
        other = {**row.tie.partials, name: rewritten(row, f"({stated}) + 1", name)}  # type: ignore
        yield Mutant(row, replace(row, tie=replace(row.tie, partials=other)), name, "tie + 1")  # type: ignore


def joint_tie(row: Primitive) -> Iterator[Mutant]:
    """Partials that hold one by one at a tie, and contradict each other along the diagonal."""
    if row.tie is None or len(row.tie.partials) < 2 or row.name == "copysign":
        return  # The corner of copysign has no partials that fit every direction.
    for name in row.tie.partials:
        broken = with_partial(row, name, f"where({row.tie.at}, 0.5, {row.partials[name]})")
        other = {**row.tie.partials, name: rewritten(row, "0.5", name)}
        yield Mutant(row, replace(broken, tie=replace(row.tie, partials=other)), name, "tie 0.5")


def narrower_domain(row: Primitive) -> Iterator[Mutant]:
    """A domain that leaves out a part where the value is finite, without a reason."""
    for name, _, _, _, point in _formulas(row):
        if not row.reason:
            stated = f"({row.domain}) and " if row.domain else ""
            domain = rewritten(row, f"{stated}{name} < {point[name]!r}", name)
            yield Mutant(row, replace(row, domain=domain), name, f"domain {domain}")


PARTS: dict[str, Part] = {
    "in 10 % of the range": slab(0.1),
    "in 1 % of the range": slab(0.01),
    "in 0.01 % of the range": slab(0.0001),
    "beyond the samples": beyond,
    "at one point": single_point,
    "tie": tie,
    "joint ties": joint_tie,
    "domain": narrower_domain,
}
KINDS = (*MUTATIONS, *PARTS)


# Equivalence: the two expressions, evaluated without the code under test.


def outcome(evaluate: Callable[..., Any], *arguments: Any) -> Any:
    """The result, NaN where Python has none."""
    try:
        return evaluate(*arguments)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return math.nan


def real(value: Any) -> bool:
    return not isinstance(value, complex) and value == value


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return all(map(same, a, b))
    return real(a) and real(b) and bool(a == b or abs(a - b) <= CLOSE * max(abs(a), abs(b)))


def equivalent(mutant: Mutant, plain: Plain) -> bool:
    """Whether the mutant equals the original wherever the row is defined, at its poles too."""
    row, source = mutant.row, random.Random(str(mutant))
    if row.temporal:
        signals, tables = moving(row, source)
        texts = contribution(row, mutant.argument), contribution(mutant.broken, mutant.argument)
        a, b = (outcome(plain.stream, t, signals, tables, FRAMES) for t in texts)
        return same(a, b)
    original, changed = (guarded(r, mutant.argument) for r in (row, mutant.broken))
    for point in places(row, source, plain):
        expected = outcome(plain.value, original, point)
        if real(expected) and not same(expected, outcome(plain.value, changed, point)):
            return False
    return True


def guarded(row: Primitive, argument: str) -> str:
    """The rule for one argument; `plain` evaluates only the branch that is chosen."""
    guard, stated = row.guard_of(argument), row.partials[argument]
    return f"where({guard.when}, {stated}, {guard.elsewhere})" if guard else str(stated)


def contribution(row: Primitive, argument: str) -> str:
    stated, tangent = row.partials[argument], tangent_name(argument)
    return str(stated) if stated and tangent in stated.names else f"({stated}) * {tangent}"


def places(row: Primitive, source: random.Random, plain: Plain) -> Iterator[dict[str, Any]]:
    """Random points of the domain, as numbers of 20 bits, then the edges and the poles."""
    inside = str(row.domain) if row.domain else "0 == 0"
    for _ in range(POINTS):
        point = {name: drawn(row, name, source) for name in row.args}
        if outcome(plain.value, inside, point):
            yield point
    yield from map(dict, (*row.samples.edges, *row.samples.poles))


def drawn(row: Primitive, name: str, source: random.Random) -> Any:
    """A number that an argument can have: in its range; between its values, or one of them."""
    if name in row.samples.ranges:
        return round(source.uniform(*row.samples.ranges[name]) * 2**20) / 2**20
    listed = row.samples.values[name]
    between = source.uniform(min(listed), max(listed))
    if row.roles[name] != "signal":
        between = round(between)
    return source.choice((*listed, between))


def moving(row: Primitive, source: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Random signals for the arguments of a row and their tangents, and random tables."""
    signals: dict[str, list[Any]] = {}
    tables: dict[str, list[Any]] = {}
    for name in row.args:
        if row.roles[name] == "table":
            tables[name] = [source.randint(-64, 64) / 8 for _ in range(FRAMES)]
        elif row.roles[name] == "constant":
            signals[name] = [row.samples.values[name][0]] * FRAMES
        else:
            signals[name] = [drawn(row, name, source) for _ in range(FRAMES)]
        signals[tangent_name(name)] = [source.randint(-64, 64) / 8 for _ in range(FRAMES)]
    return signals, tables
