"""The signal graph: what is propagated into it, and how it is printed; without a compiler."""

from __future__ import annotations

import re

import pytest

from faustdiff.errors import InputError
from faustdiff.signals.core import parse
from faustdiff.signals.graph import Graph
from faustdiff.signals.printing import (
    MAX_FLAT,
    MAX_NESTING,
    definitions,
    foreign,
    printed_program,
)
from faustdiff.signals.propagate import propagate, with_deep_stack
from faustdiff.signals.sliders import choose, sliders

ARITIES = {
    "_": (1, 1),
    "!": (1, 0),
    **dict.fromkeys(("+", "-", "*"), (2, 1)),
    **dict.fromkeys(("sin", "mem"), (1, 1)),
}


def sent(text: str) -> tuple[Graph, tuple[int, ...]]:
    box = parse(text if "process" in text else f"process = {text};", ARITIES).process
    graph = Graph()
    inputs = tuple(graph.add("input", (i,)) for i in range(box.inputs))
    return graph, with_deep_stack(lambda: propagate(graph, box, inputs))


def shown(graph: Graph, number: int) -> str:
    """A signal as text, to read; feedback is not followed."""
    node = graph.nodes[number]
    name = (
        node.widget.label if node.widget else f"in{node.name}" if node.op == "input" else node.name
    )
    if node.op == "feedback":
        return f"before({node.name})"
    return f"{name}({', '.join(shown(graph, a) for a in node.args)})" if node.args else name


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("_, 2 : *", ["*(in0, 2)"]),
        ("_ <: _,_", ["in0", "in0"]),
        ("_,_,_,_ :> _,_", ["+(in0, in2)", "+(in1, in3)"]),
        ("_,_,_ :> _", ["+(+(in0, in1), in2)"]),
        (r"\(x1).(\(x2).(x2,x1 : -))", ["-(in1, in0)"]),
        (r"\(x1).(x1,(_ : \(x1).(x1,1 : +)) : *)", ["*(in0, +(in1, 1))"]),
        ("_,_ : !,_", ["in1"]),
        ("route(2,3,1,2,2,1,1,1)", ["+(in1, in0)", "in0", "0"]),
        ("route(1,1,1,1,1,1)", ["+(in0, in0)"]),
        # The same pairs, with other numbers of inputs and outputs.
        ("route(1,1,1,1),route(1,2,1,1),route(2,1,1,1)", ["in0", "in1", "0", "in2"]),
        ("+ ~ sin", ["+(sin(before(0)), in0)"]),
    ],
)
def test_signals_go_through_boxes(text: str, outputs: list[str]) -> None:
    graph, found = sent(text)
    assert [shown(graph, number) for number in found] == outputs


def test_feedback_is_the_previous_sample_of_its_source() -> None:
    graph, (output,) = sent("+ ~ sin")
    feedback = next(n for n in graph.reachable([output]) if graph.nodes[n].op == "feedback")
    assert graph.source(feedback) == output
    assert [len(c) for c in graph.components([output])] == [1, 3]


def test_equal_signals_are_one_also_where_they_feed_back() -> None:
    graph, (first, second) = sent("_ <: (+ ~ sin),(+ ~ sin)")
    assert first == second
    assert len(graph.sources) == 1


def test_a_widget_is_one_wherever_it_stands_unless_the_groups_differ() -> None:
    slider = 'hslider("g", 0, 0, 1, 0.1)'
    text = f'vgroup("a", {slider}),vgroup("a", {slider}),vgroup("b", {slider}),{slider}'
    graph, found = sent(text)
    assert found[0] == found[1]
    assert len(set(found)) == 3
    widget = graph.nodes[found[2]].widget
    assert widget is not None and widget.groups == (("vgroup", "b"),)


def test_components_come_after_what_they_need() -> None:
    graph, outputs = sent("(+ ~ sin) : (+ ~ mem) <: _,sin")
    place = {n: k for k, members in enumerate(graph.components(outputs)) for n in members}
    assert set(place) == set(graph.reachable(outputs))
    for number in place:
        for needed in graph.needs(number):
            assert place[needed] <= place[number]


def test_work_is_linear_in_the_program() -> None:
    lines = ["ID_0 = _;", *(f"ID_{k} = ID_{k - 1} <: +;" for k in range(1, 2000))]
    graph, _ = sent("\n".join([*lines, "process = ID_1999;"]))
    assert len(graph.nodes) == 2000


def test_a_signal_has_a_name_where_it_is_read_twice() -> None:
    graph, outputs = sent("_ <: (_,2 : *),(_,2 : *) : + : sin")
    lines, names = definitions(graph, outputs)
    assert lines == ["s2 = in0, 2 : *;"]
    assert names == ["((s2, s2 : +) : sin)"]


def test_a_deep_expression_is_cut_by_names() -> None:
    graph, outputs = sent("_" + " : sin" * 100)
    lines, names = definitions(graph, outputs)
    assert max(line.count("(") for line in [*lines, *names]) <= MAX_NESTING
    assert sum(line.count("sin") for line in [*lines, *names]) == 100


def test_a_recursion_is_a_function_of_the_previous_samples() -> None:
    graph, outputs = sent("+ ~ (_,0.5 : *)")
    lines, names = definitions(graph, outputs)
    assert lines == [
        "r4_next(p1) = v1 with {",
        "    v1 = (p1, 0.5 : *), in0 : +;",
        "};",
        "r4 = r4_next ~ _;",
        "s4 = r4;",
    ]
    assert names == ["s4"]


def test_a_recursion_is_given_what_it_reads_of_others() -> None:
    graph, outputs = sent("(+ ~ sin) : (+ ~ mem)")
    lines, _ = definitions(graph, outputs)
    first = next(line for line in lines if line.startswith("r3 = "))
    second = next(line for line in lines if line.startswith("r6 = "))
    assert (first, second) == ("r3 = r3_next ~ _;", "r6 = (s3) : r6_next ~ _;")
    body = lines[lines.index("r6_next(p1, o1) = v1 with {") + 1]
    assert "s3" not in body and "o1" in body


def test_what_is_needed_of_the_inside_of_a_recursion_comes_out_of_it() -> None:
    graph = Graph()
    before, inputs = graph.feedback(), graph.add("input", (0,))
    inside = graph.primitive("sin", graph.primitive("sin", before))
    graph.close(before, graph.primitive("+", inside, inputs))
    lines, names = definitions(graph, [graph.source(before), graph.primitive("mem", inside)])
    assert sum(line.count("sin") for line in lines) == 2
    assert [line for line in lines if "route" in line] == [
        "s4 = r4 : route(2, 1, (1, 1));",
        "s3 = r4 : route(2, 1, (2, 1));",
    ]
    assert names == ["s4", "(s3 : mem)"]


def test_what_follows_from_the_states_alone_is_written_again() -> None:
    graph = Graph()
    before = graph.feedback()
    inside = graph.primitive("sin", before)
    graph.close(before, graph.primitive("+", inside, graph.add("input", (0,))))
    lines, _ = definitions(graph, [graph.source(before), graph.primitive("mem", inside)])
    outside = lines[lines.index("};") + 1 :]
    assert outside == ["r3 = r3_next ~ _;", "s3 = r3;", "s0 = (s3)';", "s1 = s0 : sin;"]


def test_the_delay_of_a_state_is_no_state() -> None:
    graph = Graph()
    first, second = graph.feedback(), graph.feedback()
    graph.close(first, second)
    graph.close(second, graph.primitive("+", first, graph.add("input", (0,))))
    lines, _ = definitions(graph, [graph.source(second)])
    assert lines[:2] == ["r3_next(p1) = v1 with {", "    v1 = p1', in0 : +;"]


def test_a_loop_of_delays_alone_is_nothing() -> None:
    graph = Graph()
    first, second = graph.feedback(), graph.feedback()
    graph.close(first, second)
    graph.close(second, first)
    assert definitions(graph, [first, second]) == ([], ["0.0", "0.0"])


def test_many_states_are_fed_back_and_picked_by_number() -> None:
    graph, outputs = sent("(_,_,_ : \\(x1).(\\(x2).(\\(x3).(x2,x3,x1)))) ~ (sin,sin,sin)")
    lines, _ = definitions(graph, outputs)
    text = " ".join(lines)
    assert "par(i, 3, _)" in text and "!" not in text
    assert text.count("route(3, 1, ") == 3


def test_widgets_are_printed_in_their_groups() -> None:
    text = 'vgroup("a [x:1]", hgroup("b", hslider("g [unit:dB]", 0.0, -6e+01, 6.0, 0.1)))'
    graph, outputs = sent(text)
    lines, _ = definitions(graph, outputs)
    assert lines == [f"s0 = {text};"]


@pytest.mark.parametrize(
    ("printed", "declared"),
    [
        (
            'ffunction(float ldexpf|ldexp(int,float),<math.h>,"")',
            'ffunction(float ldexpf|ldexp (float,int),<math.h>,"")',
        ),
        (
            'ffunction(float tanhf|tanh(float),<math.h>,"")',
            'ffunction(float tanhf|tanh (float),<math.h>,"")',
        ),
        ('ffunction(int now|now),"now.h","")', 'ffunction(int now|now (),"now.h","")'),
    ],
)
def test_a_foreign_function_is_declared_as_it_was(printed: str, declared: str) -> None:
    assert foreign(printed) == declared


WIDGETS = (
    'vgroup("top", hslider("gain [diff:1][unit:dB]", 0.5, 0.0, 1.0, 0.01)'
    ',hgroup("in/put", hslider("../../up [diff:on]", 1, 0, 2, 0.1)'
    ",nentry(\"v:x/kind [style:menu{'a':0;'b':1}]\", 0, 0, 1, 1)"
    ',vgroup("deep", hslider("gain", 0.5, 0.0, 1.0, 0.01))))'
)


def found(text: str) -> tuple[Graph, dict[int, str]]:
    graph, outputs = sent(text)
    named = sliders(graph, graph.reachable(outputs), "program")
    return graph, {number: one.path for number, one in named.items()}


def test_paths_are_those_of_compiled_programs() -> None:
    assert list(found(WIDGETS)[1].values()) == [
        "/program/top/gain",
        "/program/up",
        "/program/top/in_put/x/kind",
        "/program/top/in_put/deep/gain",
    ]
    assert list(found('hgroup("all", hslider("a b", 0, 0, 1, 1))')[1].values()) == ["/all/a_b"]
    assert list(found('hslider("a", 0, 0, 1, 1)')[1].values()) == ["/program/a"]
    # Of a label, only `h:`, `v:`, `t:`, `..`, `.` and a leading slash are steps of a path.
    for label, path in {
        "[1] Dry/Wet": "/x/Dry_Wet",
        "h:g/Dry/Wet": "/x/g/Dry_Wet",
        "/h:top/q": "/top/q",
        "/abs/q": "/program/abs_q",
        "h:b/../q": "/x/q",
        "./q": "/x/q",
    }.items():
        text = f'hgroup("x", hslider("{label}", 0, 0, 1, 1))'
        assert list(found(text)[1].values()) == [path]


def test_sliders_are_chosen_by_mark_by_name_or_all() -> None:
    graph, outputs = sent(WIDGETS)
    named = sliders(graph, graph.reachable(outputs), "program")

    def paths(wanted: list[str] | None = None, every: bool = False) -> list[str]:
        return [named[n].path.rsplit("/", 2)[-1] for n in choose(named, wanted, every, "f")]

    assert paths() == ["gain", "up"]
    assert paths(every=True) == ["gain", "up", "gain"]
    assert paths(["up", "/program/top/gain", "kind"]) == ["up", "gain", "kind"]
    with pytest.raises(InputError, match="several sliders are named 'gain'"):
        paths(["gain"])
    with pytest.raises(InputError, match="did you mean 'kind'"):
        paths(["knd"])


def test_many_outputs_are_in_halves_in_their_order() -> None:
    """The compiler makes a list of all that follows a comma."""
    count = 3 * MAX_FLAT
    graph, outputs = sent(f"process = {', '.join(['sin'] * count)};")
    text = printed_program(graph, count, outputs)
    body = text[text.index(") = ") + 4 : text.index(";")]
    assert re.findall(r"in\d+ : sin", body) == [f"in{i} : sin" for i in range(count)]
    parts = re.sub(r"\(in\d+ : sin\)", "x", body).replace(")", "(").split("(")
    assert all(part.count("x") <= MAX_FLAT for part in parts)


def test_a_whole_program_as_text() -> None:
    graph, found = sent("_ : sin <: (_,_ : *),(mem <: +)")
    comments = ["Two  words", "in\nlines "]
    assert printed_program(graph, 1, found, comments=comments, metadata=[("name", "a")]) == (
        """// Two  words
// in lines

declare name "a";

process(in0) = (s1, s1 : *), (s3, s3 : +) with {
    s1 = in0 : sin;
    s3 = s1 : mem;
};
"""
    )
    graph, found = sent("_,_ : +")
    assert printed_program(graph, 2, found, entry="sum") == "\nsum(in0, in1) = (in0, in1 : +);\n"
