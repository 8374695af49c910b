"""From a signal graph to Faust: each signal once, as a definition.

Signals that need each other are printed as one recursion. Its body is a function of the previous
samples, with definitions of its own; what else is needed of its inside is written down again
outside, in terms of its outputs, where the compiler finds it equal and shares it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .graph import Graph, Node, Widget


def definitions(graph: Graph, outputs: Sequence[int]) -> tuple[list[str], list[str]]:
    """The lines that define the signals, and the name of each output."""
    printer = _Printer(graph)
    printer.components(graph.components(outputs), set(outputs))
    return printer.lines, [printer.name(output) for output in outputs]


def input_name(index: int) -> str:
    """The name under which the definitions read an input."""
    return f"in{index}"


class _Printer:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.lines: list[str] = []

    def components(self, components: Iterable[Sequence[int]], wanted: set[int]) -> None:
        components = list(components)
        member = {n: c for c, component in enumerate(components) for n in component}
        #: What is read from outside its own component.
        wanted = set(wanted)
        for number in member:
            for needed in self.graph.needs(number):
                if member[needed] != member[number]:
                    wanted.add(needed)
        for component in components:
            if len(component) > 1:
                self.recursion(component, wanted)
            else:
                self.define(component[0], self.lines)

    def recursion(self, component: Sequence[int], wanted: set[int]) -> None:
        graph, inside = self.graph, set(component)
        feedbacks = [n for n in component if graph.nodes[n].op == "feedback"]
        sources = list(dict.fromkeys(graph.source(n) for n in feedbacks))
        group, width = f"r{sources[0]}", len(sources)
        previous = {source: f"p{source}" for source in sources}
        body: list[str] = []
        for number in component:
            if graph.nodes[number].op == "feedback":
                continue
            self.define(number, body, previous)
        arguments = ", ".join(previous.values())
        results = ", ".join(self.name(source, previous) for source in sources)
        self.lines.append(f"{group}_next({arguments}) = {results} with {{")
        self.lines.extend(f"    {line}" for line in body)
        self.lines.append("};")
        self.lines.append(f"{group} = {group}_next ~ ({', '.join('_' * width)});")
        for place, source in enumerate(sources):
            picked = ", ".join("_" if i == place else "!" for i in range(width))
            self.lines.append(f"{self.name(source)} = {group} : ({picked});")
        # What of the inside is needed outside, again.
        again: set[int] = set()
        waiting = [n for n in component if n in wanted and n not in previous]
        while waiting:
            number = waiting.pop()
            if number in again or number in previous or number not in inside:
                continue
            again.add(number)
            waiting.extend(graph.nodes[number].args)
        for number in sorted(again):
            self.define(number, self.lines)

    def define(self, number: int, lines: list[str], previous: dict[int, str] | None = None) -> None:
        node = self.graph.nodes[number]
        if node.op not in ("input", "number"):
            lines.append(f"{self.name(number)} = {self.text(number, node, previous or {})};")

    def name(self, number: int, previous: dict[int, str] | None = None) -> str:
        node = self.graph.nodes[number]
        match node.op:
            case "input":
                return input_name(int(node.name))
            case "number":
                return node.name
            case "feedback" if previous and self.graph.source(number) in previous:
                return previous[self.graph.source(number)]
        return f"s{number}"

    def text(self, number: int, node: Node, previous: dict[int, str]) -> str:
        if node.op == "feedback":
            return f"{self.name(self.graph.source(number))}'"
        box = self.box(node)
        if not node.args:
            return box
        given = ", ".join(self.name(argument, previous) for argument in node.args)
        return f"{given} : {box}"

    def box(self, node: Node) -> str:
        match node.op:
            case "constant" | "waveform":
                return node.name
            case "foreign":
                return foreign(node.name)
            case "pick":
                place, count = int(node.name), int(str(node.data[1]))
                return f"({', '.join('_' if i == place else '!' for i in range(count))})"
        return _widget(node.widget) if node.widget else node.name


def _widget(widget: Widget) -> str:
    """The widget inside its groups; the compiler puts groups of the same name together again."""
    text = f"{widget.kind}({', '.join([_quoted(widget.label), *widget.numbers])})"
    for kind, label in reversed(widget.groups):
        text = f"{kind}({_quoted(label)}, {text})"
    return text


def _quoted(label: str) -> str:
    return f'"{label}"'


def foreign(text: str) -> str:
    """A foreign function as it is declared; the compiler prints its argument types backwards."""
    head, separator, rest = text.partition(")")
    name, opened, types = head.removeprefix("ffunction(").partition("(")
    if not opened:
        return text.replace(")", " ()", 1)
    backwards = ",".join(reversed([kind.strip() for kind in types.split(",")]))
    return f"ffunction({name} ({backwards}{separator}{rest}"
