"""Parts of a graph whose tangents are cheaper to find backwards, from one signal to many.

In forward mode a product of N sliders costs N^2 operations: each factor multiplies the tangents of
all that come before it. Backwards it costs N: what comes before a factor, and what comes behind it,
is computed once. A region is a signal, its root, with the signals that nothing but this root is
computed from, sample by sample; its leaves are the signals that it reads. Backwards through the
region the root has one partial for each leaf, from which its tangents follow:

    tangent of the root = sum over leaves of (partial by the leaf) * (tangent of the leaf)

This is vertex elimination (A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition,
chapter 9) in the one order that is worth its while here. What has memory, feedback, selections (the
branch that is not taken may not be finite, so that it must not be multiplied by 0) and sliders that
are differentiated are roots or leaves, never inside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..signals.graph import Graph
from ..signals.row_lookup import Rows
from ..table.folding import fold
from ..table.model import Primitive, tangent_name
from ..table.rules import Rule, adjoint
from .activity import Activity
from .nodes import Nodes, rule_of

#: Regions that cost less than this many operations are left to forward mode.
LEAST_OPERATIONS = 8


@dataclass(frozen=True)
class Region:
    """A root, the signals inside (the root among them, in ascending order), and its leaves."""

    root: int
    inside: tuple[int, ...]
    leaves: tuple[int, ...]


def regions(
    activity: Activity,
    numbers: Sequence[int],
    outputs: Collection[int],
    parameters: Collection[int],
) -> list[Region]:
    """The regions of a graph in which backwards is cheaper.

    `numbers` are the signals, in ascending order; `outputs` are read from outside, and
    `parameters` are what is differentiated by.
    """
    eligible = _RegionMembers(activity)
    readers: dict[int, list[int]] = {}
    for number in numbers:
        if activity.bits[number]:
            for argument in set(activity.paths(number)):
                readers.setdefault(argument, []).append(number)
    root_of: dict[int, int] = {}
    inside: dict[int, list[int]] = {}
    own = {*outputs, *parameters}
    for number in reversed(numbers):
        if not activity.bits[number] or number in parameters or not eligible.can_be_inside(number):
            continue
        # A reader with no root is no part of a region; feedback reads what comes after it.
        roots = {root_of.get(reader, -1) for reader in readers.get(number, ())}
        root = number if number in own or len(roots) != 1 or -1 in roots else roots.pop()
        root_of[number] = root
        inside.setdefault(root, []).append(number)
    loops = []
    for root, members in inside.items():
        leaves = {a for n in members for a in activity.paths(n) if root_of.get(a) != root}
        leaves = {leaf for leaf in leaves if activity.bits[leaf]}
        forwards = sum(activity.bits[n].bit_count() for n in members)
        backwards = len(members) + sum(activity.bits[n].bit_count() for n in leaves)
        if forwards > max(backwards, LEAST_OPERATIONS):
            loops.append(Region(root, tuple(members[::-1]), tuple(sorted(leaves))))
    return loops


@dataclass
class _RegionMembers:
    """Which signals can be inside a region."""

    activity: Activity
    _known: dict[str, bool] = field(default_factory=dict)

    def can_be_inside(self, number: int) -> bool:
        """Whether a tangent of the signal is a sum of its arguments' times factors, at once."""
        node = self.activity.graph.nodes[number]
        if node.op not in ("primitive", "foreign") or number in self.activity.slopes:
            return False
        row = self.activity.rows.of(node)
        if row is None:
            return False
        if row.name not in self._known:
            self._known[row.name] = (
                row.kind not in ("selector", "unavailable")
                and "table" not in row.roles.values()
                and all(share.form in ("value", "none") for share in adjoint(row))
            )
        return self._known[row.name]


class RegionPartials:
    """The partials of roots by their leaves, as nodes of a graph."""

    def __init__(self, graph: Graph, rows: Rows, activity: Activity) -> None:
        self.graph = graph
        self.rows = rows
        self.activity = activity
        self.plain = Nodes(graph, rows, {})
        self._rules: dict[tuple[str, str], Rule] = {}

    def partials(self, region: Region) -> Mapping[int, int]:
        """The partial of the root by each leaf that has one other than 0."""
        slopes = {region.root: self.graph.number(1.0)}
        for number in reversed(region.inside):
            cotangent = slopes.pop(number, None)
            if cotangent is None:
                continue
            node = self.graph.nodes[number]
            row = self.rows.of(node)
            assert row is not None
            for name, argument in zip(row.args, node.args, strict=True):
                if name in self.activity.active(row) and self.activity.bits[argument]:
                    given = self._share_of(row, node.args, name, cotangent)
                    total = self.plain.add(slopes.get(argument), given)
                    if total is not None:
                        slopes[argument] = total
        return slopes

    def _share_of(
        self, row: Primitive, arguments: Sequence[int], name: str, cotangent: int
    ) -> int | None:
        """What the cotangent of a signal gives to its argument `name`."""
        rule = self._rules.get((row.name, name))
        if rule is None:
            rule = self._rules[row.name, name] = rule_of(row, (name,))
        values: dict[str, int | None] = dict(zip(row.args, arguments, strict=True))
        algebra = Nodes(self.graph, self.rows, values)
        for shared, expression in zip(rule.shared_names, rule.shared, strict=True):
            values[shared] = fold(expression, algebra)
        values[tangent_name(name)] = cotangent
        given: int | None = fold(rule.tangent, algebra)
        return given
