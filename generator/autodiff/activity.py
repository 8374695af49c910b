"""Which parameters can have a part in the derivative of a signal, and on which ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..signals.core import argument_types
from ..signals.graph import Graph, Node
from ..signals.row_lookup import Rows
from ..table.model import Primitive


class NoRuleError(Exception):
    """A box on the way from a parameter to an output has no derivative rule."""

    def __init__(self, box: str, why: str) -> None:
        super().__init__(f"{box}: {why}")
        self.box = box
        self.why = why


@dataclass
class Activity:
    """Which parameters the tangent of each signal can have, as bits."""

    graph: Graph
    rows: Rows
    slopes: Mapping[int, int]
    bits: dict[int, int] = field(default_factory=dict)
    _active: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _tables: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def spread(self, numbers: Sequence[int], parameters: Sequence[int]) -> None:
        """Fills `bits` for the signals `numbers`, which are in ascending order."""
        self.bits = dict.fromkeys(numbers, 0)
        for index, parameter in enumerate(parameters):
            if parameter in self.bits:
                self.bits[parameter] = 1 << index
        changed = True
        while changed:
            changed = False
            for number in numbers:
                bits = self.bits[number]
                for argument in self.paths(number):
                    bits |= self.bits[argument]
                if bits != self.bits[number]:
                    self.bits[number] = bits
                    changed = True

    def paths(self, number: int) -> Sequence[int]:
        """The signals through which a tangent reaches the signal."""
        node = self.graph.nodes[number]
        match node.op:
            case "feedback":
                return (self.graph.source(number),)
            case "bargraph":
                return node.args
            case "primitive" | "foreign":
                if number in self.slopes:
                    return (self.slopes[number],)
                row = self.rows.of(node)
                if row is None and node.op == "foreign":
                    # A function of whole numbers is constant between them.
                    types = argument_types(node.name)
                    return [a for a, of in zip(node.args, types, strict=True) if of != "int"]
                # Whether this may be is asked again when a parameter does arrive.
                if row is None or row.kind == "unavailable":
                    return node.args
                return [node.args[row.args.index(a)] for a in self.active(row)] + self.content(
                    node, row
                )
        return ()

    def row(self, number: int, moves: Callable[[int], bool]) -> Primitive:
        """The row of a signal that a parameter reaches; `moves` says which others it reaches.

        Raises `NoRuleError` if there is no derivative.
        """
        node = self.graph.nodes[number]
        row = self.rows.of(node)
        if row is None:
            raise NoRuleError(node.name, "there is no derivative rule for it in the table")
        if row.kind == "unavailable":
            raise NoRuleError(row.faust, row.reason)
        if any(map(moves, self.content(node, row))):
            why = "its content is filled in once, and cannot depend on a slider"
            raise NoRuleError(row.faust, why)
        return row

    def content(self, node: Node, row: Primitive) -> list[int]:
        """What fills a table: nothing may move there, so that it is watched."""
        if row.name not in self._tables:
            tables = [place for place, a in enumerate(row.args) if row.roles[a] == "table"]
            self._tables[row.name] = tuple(tables)
        return [node.args[place] for place in self._tables[row.name]]

    def active(self, row: Primitive) -> tuple[str, ...]:
        """The arguments of a row whose tangents count; asked for every signal and parameter."""
        if row.name not in self._active:
            self._active[row.name] = row.active
        return self._active[row.name]
