"""The signal graph: every signal of a program once, as a number that stands for a node.

Arguments of a node have smaller numbers than the node itself, save through a `feedback` node,
which is the previous sample of a signal that is defined later (`Graph.sources`). So a plain loop
over the numbers meets every node after its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Op = Literal[
    "input",  # data: its index
    "number",  # its text
    "widget",  # a Widget
    "bargraph",  # a Widget; args: what it shows
    "soundfile",  # a Widget; args: part and index
    "constant",  # the text of a foreign constant or variable
    "waveform",  # its text
    "pick",  # index and count: one output of a node that has several
    "primitive",  # its name
    "foreign",  # the text of a foreign function
    "feedback",  # the number of its source
]

#: The groups around a part of the user interface: kind and label, the outermost first.
Groups = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Widget:
    """A part of the user interface, in its place.

    `numbers` are init, min, max and step of a slider, min and max of a bargraph, the channels of a
    soundfile; a button has none.
    """

    groups: Groups
    kind: str
    label: str
    numbers: tuple[str, ...]


Data = tuple[str | int | Widget, ...]


@dataclass(frozen=True)
class Node:
    """A signal: what computes it, and from which signals."""

    op: Op
    data: Data = ()
    args: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The first item of the data: the name of a primitive, the text of a number."""
        return str(self.data[0])

    @property
    def widget(self) -> Widget | None:
        """The part of the user interface that this is."""
        return self.data[0] if self.data and isinstance(self.data[0], Widget) else None


@dataclass
class Graph:
    """Nodes by number, equal ones once. `sources[k]` is the signal that feedback `k` delays."""

    nodes: list[Node] = field(default_factory=list)
    sources: list[int | None] = field(default_factory=list)
    _numbers: dict[Node, int] = field(default_factory=dict)

    def add(self, op: Op, data: Data = (), args: tuple[int, ...] = ()) -> int:
        """The number of the node, which is new if there was no equal one."""
        node = Node(op, data, args)
        number = self._numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number

    def primitive(self, name: str, *args: int) -> int:
        return self.add("primitive", (name,), args)

    def number(self, value: float | str) -> int:
        return self.add("number", (value if isinstance(value, str) else repr(value),))

    def feedback(self) -> int:
        """A new signal: the previous sample of what `close` says."""
        self.sources.append(None)
        return self.add("feedback", (len(self.sources) - 1,))

    def close(self, feedback: int, source: int) -> None:
        """Says what a feedback delays; a loop of delays and nothing else is the number 0."""
        self.sources[self.index(feedback)] = source
        delays = [feedback]
        while self.nodes[delays[-1]].op == "feedback":
            further = self.sources[self.index(delays[-1])]
            if further is None:
                return
            if further in delays:
                for number in delays:
                    self.silence(number)
                return
            delays.append(further)

    def silence(self, feedback: int) -> None:
        """Makes a feedback the number 0, which it is if nothing but itself comes in."""
        self.nodes[feedback] = Node("number", ("0.0",))

    def index(self, feedback: int) -> int:
        """Where in `sources` the source of a feedback node is."""
        return int(self.nodes[feedback].name)

    def source(self, feedback: int) -> int:
        """What a feedback node delays."""
        source = self.sources[self.index(feedback)]
        assert source is not None, "every feedback is closed before the graph is read"
        return source

    def needs(self, number: int) -> Iterator[int]:
        """The arguments of a node; of a feedback, its source."""
        node = self.nodes[number]
        if node.op == "feedback":
            yield self.source(number)
        yield from node.args

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """All signals that the roots are computed from, and the roots, in ascending order."""
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting.extend(self.needs(number))
        return sorted(seen)

    def components(self, roots: Iterable[int]) -> list[list[int]]:
        """Signals that need each other, together; what a component needs comes before it.

        Tarjan's algorithm, without recursion.
        """
        order: dict[int, int] = {}
        low: dict[int, int] = {}
        stack: list[int] = []
        on_stack: set[int] = set()
        components: list[list[int]] = []
        for root in roots:
            if root in order:
                continue
            walk: list[tuple[int, Iterator[int]]] = [(root, self.needs(root))]
            order[root] = low[root] = len(order)
            stack.append(root)
            on_stack.add(root)
            while walk:
                number, rest = walk[-1]
                child = next(rest, None)
                if child is None:
                    walk.pop()
                    if walk:
                        above = walk[-1][0]
                        low[above] = min(low[above], low[number])
                    if low[number] == order[number]:
                        component = []
                        while True:
                            member = stack.pop()
                            on_stack.discard(member)
                            component.append(member)
                            if member == number:
                                break
                        components.append(sorted(component))
                elif child not in order:
                    order[child] = low[child] = len(order)
                    stack.append(child)
                    on_stack.add(child)
                    walk.append((child, self.needs(child)))
                elif child in on_stack:
                    low[number] = min(low[number], order[child])
        return components
