"""From the text of `faust -e` to boxes: what is read, what is shared, what is refused."""

from __future__ import annotations

import pytest

from faustdiff.signals.boxes import Box, NotUnderstoodError
from faustdiff.signals.core import parse

ARITIES = {
    "_": (1, 1),
    "!": (1, 0),
    **dict.fromkeys(("+", "-", "*", "/", "@", "<", "pow"), (2, 1)),
    **dict.fromkeys(("sin", "int", "mem"), (1, 1)),
    "rdtable": (3, 1),
}


def process(text: str) -> Box:
    return parse(f"process = {text};", ARITIES).process


@pytest.mark.parametrize(
    ("text", "arity"),
    [
        ("_", (1, 1)),
        ("1.5e-03", (0, 1)),
        ("-1", (0, 1)),
        ("_, -1 : *", (1, 1)),
        ("(1,2 : -),_ : <", (1, 1)),
        ("_ <: _,_,_", (1, 3)),
        ("_,_,_,_ :> _,_", (4, 2)),
        ("+ ~ _", (1, 1)),
        (r"\(x1).(\(x2).(x2,x1 : -))", (2, 1)),
        (r"\(x2).(\(x3).(x3,x2 : -)) ~ (_ <: _)", (1, 1)),
        ("waveform{1,2.5,-3}", (0, 2)),
        ("waveform{1,2.5,-3},(_ : int) : rdtable", (1, 1)),
        ("route(2,3,1,2,2,1)", (2, 3)),
        ('hslider("a [unit:(dB)]/b", 0.5, 0.0, 1e+03, 0.01)', (0, 1)),
        ('button("go")', (0, 1)),
        ('vgroup("a:b, c", _ : hbargraph("l [x:~]", -6e+01, 0.0))', (1, 1)),
        ("soundfile(\"s[url:{'a.wav'}]\", 2)", (2, 4)),
        ("fconstant(int fSamplingFreq, <math.h>)", (0, 1)),
        ("fvariable(int count, <math.h>)", (0, 1)),
        ('ffunction(float hypotf|hypot(float,float),<math.h>,"")', (2, 1)),
        ('ffunction(int now|now),"now.h","-lnow")', (0, 1)),
        ("_ : (_ <: (_ : sin),(_,2 : pow)) :> _", (1, 1)),
    ],
)
def test_the_language_is_read_with_its_arities(text: str, arity: tuple[int, int]) -> None:
    box = process(text)
    assert (box.inputs, box.outputs) == arity


OPERATORS = ("+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "<<", ">>", "%", "&", "|", "@")
TWO = dict.fromkeys(OPERATORS, (2, 1))


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_are_read_without_a_space_before_a_composition(operator: str) -> None:
    """The compilers print `<:`, `:>`, `,` and `~` without spaces: `<<:` is `<` and a split."""
    read = parse(
        f"process = {operator}<:_,_:>{operator}<:{operator}~_,{operator};", ARITIES | TWO
    ).process
    assert (read.inputs, read.outputs) == (2, 2)
    merged = parse(f"process = ({operator},{operator}):>{operator}~_;", ARITIES | TWO).process
    assert (merged.inputs, merged.outputs) == (4, 1)


def test_equal_boxes_are_one() -> None:
    box = process(r"\(x1).((x1,2 : *),(x1,2 : *)),\(x1).((x1,2 : *),(x1,2 : *))")
    assert box.parts[0] is box.parts[1]
    first, second = box.parts[0].parts[0].parts
    assert first is second
    assert box.free == frozenset() and first.free == {"x1"}


def test_definitions_and_metadata() -> None:
    text = """
declare name "a name";
declare options "[midi:on] (x)";
ID_0 = _, 2;
ID_1 = (ID_0 : *);
process = ID_1, ID_1;
"""
    core = parse(text, ARITIES)
    assert core.metadata == (("name", "a name"), ("options", "[midi:on] (x)"))
    assert core.process.parts[0] is core.process.parts[1]


def test_a_long_program_is_read_without_deep_recursion() -> None:
    lines = ["ID_0 = _ : sin;"]
    lines += [f"ID_{k} = ID_{k - 1} : sin;" for k in range(1, 3000)]
    box = parse("\n".join([*lines, "process = ID_2999;"]), ARITIES).process
    assert (box.inputs, box.outputs) == (1, 1)


def test_what_repeats_is_parsed_once() -> None:
    inner = "_"
    for _ in range(14):
        inner = f"(({inner}),({inner}) :> _)"
    # Sixteen thousand leaves, fifteen boxes.
    assert process(f"_ <: {inner}").parts[1].inputs == 2**14


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(+,_ : +) ~ _ ~ (_ <: _,_)", ["~", "<:"]),
        ("sin ~ + ~ _", ["primitive", "~"]),
    ],
)
def test_a_chain_of_recursions_is_grouped_as_its_arities_allow(text: str, parts: list[str]) -> None:
    box = process(text)
    assert (box.inputs, box.outputs) == (0, 1)
    assert [part.kind for part in box.parts] == parts


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sni", "'sni' is no primitive"),
        ("_ : ?", r"\?"),
        ("(_", "without"),
        ("_)", "without"),
        ("_,_ : sin", "2 outputs do not fit 1 inputs"),
        ('hslider("a", 1, 2)', "hslider"),
        ("(_,_,_) ~ + ~ _", "several groupings"),
        ("route(2,2,x1,2)", "route"),
        ("ondemand(_)", "ondemand"),
    ],
)
def test_what_is_not_understood_is_named(text: str, what: str) -> None:
    with pytest.raises(NotUnderstoodError, match=what):
        process(text)


def test_a_text_without_process() -> None:
    with pytest.raises(NotUnderstoodError, match="no 'process'"):
        parse("ID_0 = _;", ARITIES)


def test_metadata_of_files_outside_the_folder_begins_with_underscores() -> None:
    core = parse('declare ___comp_part_dsp_author "me";\nprocess = _;', ARITIES)
    assert core.metadata == (("___comp_part_dsp_author", "me"),)
