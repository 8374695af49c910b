"""From a signal graph to Faust: each signal once, as a definition.

Signals that need each other are printed as one recursion, whose body is a function of its states'
previous samples and of the signals from outside that it reads:

    r4_next(p4, s2) = s4, s3 with { ... };        // the state's next sample, and one thing more
    r4 = (s2) : (r4_next ~ _);
    s4 = r4 : route(2, 1, (1, 1));

What keeps the compiler quick, each point measured: a body that reads a signal by its name has the
compiler propagate that signal again inside, at every depth, so a body reads nothing from outside
but numbers, widgets, constants and inputs of the program; one output of many is picked by `route`,
not by a row of cuts; a delay of a state is no state of its own; and what is needed outside comes
out of the recursion rather than being computed again. Recursions are never nested. The compiler
orders the terms of a sum anew for each term that is added, and the factors of a product, so that N
of them take it N^3: a long one is cut in parts by `attach`, which the compiler does not look
through and which costs nothing when the program runs. `a, b, c, d` is `a, (b, (c, d))` to the
compiler, which makes a list of the signals of each of these: N outputs take it N^2, and N log N in
halves.

The compiler wants bounds of the length of a delay, and has none of what comes out of a recursion:
what makes such a length is computed again, outside, from the states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from unicodedata import category

from .graph import Graph, Node, Widget

#: What a recursion reads by its name; all else from outside is an input of the recursion.
_READ_BY_NAME = frozenset(("input", "number", "widget", "constant"))
#: Unicode categories of control characters and of what separates lines.
_BREAKS = ("Cc", "Zl", "Zp")
#: How deep a text may be nested before a signal gets a name.
MAX_NESTING = 6
#: How many terms a sum has before it is cut, and how many factors a product.
MAX_TERMS = 24
#: How many signals stand in parallel without parentheses.
MAX_FLAT = 32
#: The primitives that make a sum, and those that make a product.
_CHAINS = {"+": "+", "-": "+", "*": "*", "/": "*"}


def definitions(graph: Graph, outputs: Sequence[int]) -> tuple[list[str], list[str]]:
    """The lines that define the signals, and the name of each output."""
    scope = _Printer(graph, outputs).scope
    return scope.lines, [scope.texts[output] for output in outputs]


def printed_program(
    graph: Graph,
    inputs: int,
    outputs: Sequence[int],
    *,
    comments: Sequence[str] = (),
    metadata: Iterable[tuple[str, str]] = (),
    entry: str = "process",
) -> str:
    """The Faust program without imports that gives the signals `outputs`.

    `comments` are lines that open it, `metadata` what it declares, `entry` what it defines.
    """
    lines, names = definitions(graph, outputs)
    given = ", ".join(input_name(index) for index in range(inputs))
    head = f"{entry}({given})" if given else entry
    body = [" with {", *(f"    {line}" for line in lines), "};"] if lines else [";"]
    declared = [f"declare {key} {quote(value)};" for key, value in metadata]
    text = [
        *(f"// {one_line(line)}".rstrip() for line in comments),
        "",
        *declared,
        *([""] if declared else []),
        f"{head} = {side_by_side(names)}{body[0]}",
        *body[1:],
    ]
    return "\n".join([*text, ""])


def side_by_side(signals: Sequence[str]) -> str:
    """Signals in parallel; many of them in halves, down to `MAX_FLAT`."""
    if len(signals) <= MAX_FLAT:
        return ", ".join(signals)
    half = len(signals) // 2
    return f"({side_by_side(signals[:half])}), ({side_by_side(signals[half:])})"


def input_name(index: int) -> str:
    """The name under which the definitions read an input."""
    return f"in{index}"


@dataclass(frozen=True)
class _Loop:
    """A recursion: what it computes, its states, and what it is given from outside."""

    computed: Sequence[int]
    feedbacks: Sequence[int]
    states: Sequence[int]
    given: Sequence[int]
    #: What is needed outside and is no state: further outputs of the recursion, and what is soon
    #: computed again from the states.
    further: Sequence[int]
    again: Sequence[int]


@dataclass
class _Scope:
    """Definitions in one place, and how the signals are written there."""

    #: What the names begin with that the scope gives to its signals.
    prefix: str
    lines: list[str] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    #: How many parentheses are in the text of a signal that has no name.
    depths: dict[int, int] = field(default_factory=dict)

    def define(self, number: int, name: str, text: str) -> None:
        self.lines.append(f"{name} = {text};")
        self.texts[number] = name


class _Printer:
    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        self.graph = graph
        self.scope = _Scope("s")
        #: How many terms or factors the compiler sees in a signal, by the kind of chain.
        self.parts: dict[tuple[str, int], int] = {}
        components = self._with_their_picks(graph.components(outputs))
        place = {n: c for c, component in enumerate(components) for n in component}
        #: What is read from outside its own component.
        self.wanted = set(outputs)
        self.readers = Counter(outputs)
        for number in place:
            self.readers.update(graph.nodes[number].args)
            self.wanted.update(n for n in graph.needs(number) if place[n] != place[number])
        self.of_lengths = self._of_lengths(place)
        for component in components:
            if len(component) > 1:
                self.recursion(self._loop(component))
            else:
                self.add(component[0], self.scope)

    def _with_their_picks(self, components: Sequence[Sequence[int]]) -> list[list[int]]:
        """A box of several outputs inside a recursion is picked from inside it."""
        grouped: list[list[int]] = []
        place: dict[int, int] = {}
        for component in components:
            node = self.graph.nodes[component[0]]
            into = place[node.args[0]] if node.op == "pick" else len(grouped)
            if into == len(grouped) or len(grouped[into]) == 1:
                into = len(grouped)
                grouped.append([])
            grouped[into] += component
            place.update(dict.fromkeys(component, into))
        return [sorted(component) for component in grouped]

    def _of_lengths(self, numbers: Iterable[int]) -> set[int]:
        """What the lengths of delays are computed from at the same sample, and the lengths."""
        nodes = self.graph.nodes
        delays = (nodes[n] for n in numbers if nodes[n].op == "primitive" and nodes[n].name == "@")
        waiting = [delay.args[1] for delay in delays]
        lengths: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number not in lengths:
                lengths.add(number)
                waiting.extend(nodes[number].args)
        return lengths

    def _loop(self, component: Sequence[int]) -> _Loop:
        graph, inside = self.graph, set(component)
        feedbacks = [n for n in component if graph.nodes[n].op == "feedback"]
        computed = [n for n in component if graph.nodes[n].op != "feedback"]
        sources = dict.fromkeys(map(graph.source, feedbacks))
        # The sample before a feedback is the feedback's own, delayed.
        states = [n for n in sources if graph.nodes[n].op != "feedback"]
        given = dict.fromkeys(
            argument
            for number in computed
            for argument in graph.nodes[number].args
            if argument not in inside and graph.nodes[argument].op not in _READ_BY_NAME
        )
        further: list[int] = []
        again: list[int] = []
        exposed = self._lengths_outside(component, states)
        for number in computed:
            if number in exposed:
                again.append(number)
            elif number in self.wanted and number not in states and not self._several(number):
                known = all(
                    n not in inside or n in states or n in again or graph.nodes[n].op == "feedback"
                    for n in graph.nodes[number].args
                )
                (again if known and not graph.nodes[number].widget else further).append(number)
        self.wanted.update(n for number in again for n in graph.nodes[number].args)
        return _Loop(computed, feedbacks, states, list(given), further, again)

    def _lengths_outside(self, component: Sequence[int], states: Sequence[int]) -> set[int]:
        """What of a recursion is computed from its states to make the length of a delay outside."""
        nodes, inside = self.graph.nodes, {*component} - {*states}
        waiting = [n for n in component if n in self.of_lengths and n in self.wanted]
        lengths: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number in inside and number not in lengths and nodes[number].op == "primitive":
                lengths.add(number)
                waiting.extend(nodes[number].args)
        return lengths

    def _several(self, number: int) -> bool:
        return self.graph.nodes[number].op in ("waveform", "soundfile")

    def recursion(self, loop: _Loop) -> None:
        """Prints a recursion, and what of it is read outside."""
        outside, name = self.scope, f"r{loop.states[0]}"
        results = [*loop.states, *loop.further]
        arguments, body, returned = self._body(loop, results)
        given = f"({side_by_side([outside.texts[n] for n in loop.given])}) : " if loop.given else ""
        back = "_" if len(loop.states) == 1 else f"par(i, {len(loop.states)}, _)"
        outside.lines += [
            f"{name}_next({', '.join(arguments)}) = {side_by_side(returned)} with {{",
            *(f"    {line}" for line in body),
            "};",
            f"{name} = {given}{name}_next ~ {back};",
        ]
        delays = self._delays(loop)
        read = {*self.wanted, *map(self.graph.source, delays)}
        for place, number in enumerate(results):
            if number in read:
                outside.define(number, f"s{number}", f"{name}{_pick(place, len(results))}")
        for number in [*delays, *loop.again]:
            self.add(number, outside, named=True)

    def _body(self, loop: _Loop, results: Sequence[int]) -> tuple[list[str], list[str], list[str]]:
        """The arguments, the definitions and the results of the function that a recursion is."""
        scope = _Scope("v")
        before = {state: f"p{place}" for place, state in enumerate(loop.states, 1)}
        for place, number in enumerate(loop.given, 1):
            scope.texts[number] = f"o{place}"
        for number in loop.feedbacks:
            source, delays = self.graph.source(number), ""
            while source not in before:
                source, delays = self.graph.source(source), f"{delays}'"
            scope.texts[number] = f"{before[source]}{delays}"
        arguments = [*before.values(), *(scope.texts[n] for n in loop.given)]
        for number in loop.computed:
            self.add(number, scope, named=number in results)
        return arguments, scope.lines, [scope.texts[n] for n in results]

    def _delays(self, loop: _Loop) -> list[int]:
        """The feedbacks that are read outside, and those that they delay, in order."""
        waiting = [n for n in loop.feedbacks if n in self.wanted]
        delays: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number not in delays and self.graph.nodes[number].op == "feedback":
                delays.add(number)
                waiting.append(self.graph.source(number))
        order: list[int] = []
        for number in sorted(delays):
            chain = [number]
            while self.graph.source(chain[-1]) in delays:
                chain.append(self.graph.source(chain[-1]))
            order += chain[::-1]
        return list(dict.fromkeys(order))

    def add(self, number: int, scope: _Scope, named: bool = False) -> None:
        """Writes a signal down in a scope: under a name, or where it is read if that is once."""
        node = self.graph.nodes[number]
        if node.op in ("input", "number"):
            scope.texts[number] = input_name(int(node.name)) if node.op == "input" else node.name
            return
        text = self.text(number, node, scope)
        depth = 1 + max((scope.depths.get(n, 0) for n in node.args), default=0)
        named |= bool(node.widget) or self._several(number) or depth > MAX_NESTING
        if named or self.readers[number] != 1 or node.op == "feedback":
            prefix = scope.prefix
            name = f"{prefix}{number if scope is self.scope else len(scope.lines) + 1}"
            scope.define(number, name, text)
        else:
            scope.texts[number] = f"({text})"
            scope.depths[number] = depth

    def text(self, number: int, node: Node, scope: _Scope) -> str:
        """What computes a signal."""
        if node.op == "feedback":
            return f"({self.read(self.graph.source(number), scope)})'"
        given = ", ".join(self.read(argument, scope) for argument in node.args)
        if node.op == "pick":
            # By cuts: `route` hides from the compiler that the size of a waveform is a number.
            place, count = int(node.name), int(str(node.data[1]))
            return f"{given} : ({', '.join('_' if i == place else '!' for i in range(count))})"
        box = foreign(node.name) if node.op == "foreign" else node.name
        box = _widget(node.widget) if node.widget else box
        if node.op == "primitive" and node.name in _CHAINS:
            chain = _CHAINS[node.name]
            parts = sum(self.parts.get((chain, argument), 1) for argument in node.args)
            if parts > MAX_TERMS:
                return f"({given} : {box}), 0 : attach"
            self.parts[chain, number] = parts
        return f"{given} : {box}" if given else box

    def read(self, number: int, scope: _Scope) -> str:
        """How a signal is read in a scope."""
        if number not in scope.texts:
            # What a recursion does not have as an input.
            assert self.graph.nodes[number].op in _READ_BY_NAME
            return self.scope.texts[number]
        return scope.texts[number]


def _pick(place: int, count: int) -> str:
    """What takes one of the `count` outputs of a recursion."""
    return f" : route({count}, 1, ({place + 1}, 1))" if count > 1 else ""


def _widget(widget: Widget) -> str:
    """The widget inside its groups; the compiler puts groups of the same name together again."""
    text = f"{widget.kind}({', '.join([quote(widget.label), *widget.numbers])})"
    for kind, label in reversed(widget.groups):
        text = f"{kind}({quote(label)}, {text})"
    return text


def quote(text: str) -> str:
    """A string of Faust, which has no way to write a quote: it becomes an apostrophe."""
    inside = one_line(text).replace('"', "'")
    return f'"{inside}"'


def one_line(text: str) -> str:
    """A text without what would end the line that it stands in, here or in C++."""
    return "".join(" " if category(c) in _BREAKS and c != "\t" else c for c in text)


def foreign(text: str) -> str:
    """A foreign function as it is declared; the compiler prints its argument types backwards."""
    head, separator, rest = text.partition(")")
    name, opened, types = head.removeprefix("ffunction(").partition("(")
    if not opened:
        return text.replace(")", " ()", 1)
    backwards = ",".join(reversed([kind.strip() for kind in types.split(",")]))
    return f"ffunction({name} ({backwards}{separator}{rest}"
