"""What duals are made of: parameters, wires, widgets, sums, and errors for what has no rule."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler, FaustError, call, include_flags, worker
from faustdiff.faust.program import build
from faustdiff.table.model import THROUGH, Primitive
from support.harness import LIBRARIES, Array, Case, case, differences, outputs
from support.paths import BUILD
from support.row_trials import TABLE

PRELUDE = """
d = df.env(df.vars((0.5, 0.25)));
d0 = df.env(df.vars(!));
d1 = df.env(df.vars((0.5)));
d3 = df.env(df.vars((0.5, 0.25, 0.125)));
sliders = df.vars((hslider("gain", 0.75, 0, 1, 0.01), hslider("dc", -0.5, -1, 1, 0.01)));
steps = df.vars((-~_, -~_));
mixed = df.vars((hslider("gain", 0.75, 0, 1, 0.01), -~_));
"""

#: Frames of the longest case; a foreign variable of the host tells it.
FRAMES = 6

SIGNAL = [0.5, -1.5, 2.25, -0.75, 3.0, 1.25]
MOVES = [[0.7, -0.2, 1.1, 0.4, -0.9, 0.15], [-1.3, 0.8, 0.25, -0.6, 1.7, -0.35]]
DUAL = [SIGNAL, *MOVES]

precisions = pytest.mark.parametrize("double", [True, False], ids=["double", "single"])


def check(cases: Sequence[Case], compiler: Compiler, double: bool, absolute: float = 0.0) -> None:
    found = outputs(cases, PRELUDE, compiler, double)
    wrong = [
        line
        for one, got in zip(cases, found, strict=True)
        for line in differences(one, got, double, absolute)
    ]
    assert not wrong, "\n".join(wrong)


def source(process: str) -> str:
    return f"{LIBRARIES}{PRELUDE} process = {process};"


# -- structural rows -----------------------------------------------------------------------------

#: What each structural row is fed, and what comes out of its dual for two parameters.
STRUCTURAL: Mapping[str, tuple[list[list[float]], list[list[float]]]] = {
    "cut": (DUAL, []),
    "route": ([*DUAL, [1.5] * 6, [0.3] * 6, [0.4] * 6], [[1.5] * 6, [0.3] * 6, [0.4] * 6, *DUAL]),
    "hbargraph": (DUAL, DUAL),
    "vbargraph": (DUAL, DUAL),
    "number": ([], [[0.5], [0], [0]]),
    "sample_rate": ([], [[44100], [0], [0]]),
    "foreign_constant": ([], [[44100], [0], [0]]),
    "foreign_variable": ([], [[FRAMES], [0], [0]]),
    "hslider": ([], [[0.5], [0], [0]]),
    "vslider": ([], [[0.5], [0], [0]]),
    "nentry": ([], [[0.5], [0], [0]]),
    "button": ([], [[0], [0], [0]]),
    "checkbox": ([], [[0], [0], [0]]),
    "waveform": ([], [[3] * 4, [0] * 4, [0] * 4, [1, 2.5, -3, 1], [0] * 4, [0] * 4]),
    # The sound of the host is 1024 frames of silence; a part and a place in it come in.
    "soundfile": ([], [[1024], [0], [0], [44100], [0], [0], [0], [0], [0]]),
}


def structural() -> list[Primitive]:
    return [row for row in TABLE.primitives if row.kind == "structural"]


def used(row: Primitive) -> str:
    """The row as it says it is to be used, in a group of its own."""
    box = THROUGH[row.through].replace("box", row.faust)
    if row.name == "soundfile":
        box = f"0, 0.3, 0.4, 1, 0.3, 0.4 : {box}"
    return f'vgroup("{row.name}", {box})'


def test_every_structural_row_is_tried() -> None:
    assert {row.name for row in structural()} == set(STRUCTURAL)


@precisions
def test_structural_rows_are_used_as_they_say(compiler: Compiler, double: bool) -> None:
    cases = [case(row.name, used(row), *STRUCTURAL[row.name]) for row in structural()]
    check(cases, compiler, double)


@precisions
def test_widgets_exist_once_and_have_no_slope(compiler: Compiler, double: bool) -> None:
    values = {"hslider": 0.25, "vslider": 0.75, "nentry": 1.0, "button": 1.0, "checkbox": 1.0}
    rows = [TABLE[name] for name in values]
    bargraphs = [TABLE[name] for name in ("hbargraph", "vbargraph")]
    text = source(f'vgroup("all", {", ".join(used(row) for row in [*rows, *bargraphs])})')
    program = build(text, compiler=compiler, double=double, include=[BUILD])
    assert sorted(control.kind for control in program.controls) == sorted(
        [*values, "hbargraph", "vbargraph"]
    )
    paths = {control.kind: control.path for control in program.controls}
    session = program.session()
    for kind, value in values.items():
        session.set(paths[kind], value)
    found = session.compute(np.array([*DUAL, *DUAL]))
    expected = [[value] * FRAMES for number in values.values() for value in (number, 0, 0)]
    np.testing.assert_allclose(found, [*expected, *DUAL, *DUAL], rtol=1e-6)
    # A bargraph keeps the last value: the primal's, no tangent's.
    assert session.get(paths["hbargraph"]) == session.get(paths["vbargraph"]) == SIGNAL[-1]


@precisions
def test_wire_input_and_constant_boxes(compiler: Compiler, double: bool) -> None:
    check(
        [
            case("wire", "d.diff(_)", DUAL, DUAL),
            case("input", "d.input", [SIGNAL], [SIGNAL, [0] * 6, [0] * 6]),
            case("expression of numbers", "d.diff(1 + 2 * 3)", [], [7, 0, 0]),
            case("no parameters", "inputs(d0.input), outputs(d0.input), d0.N", [], [1, 1, 0]),
            case("three", "inputs(d3.input), outputs(d3.input), d3.N", [], [1, 4, 3]),
            case("oscillator", "d.diff(1 : + ~ _)", [], [[1, 2, 3], [0] * 3, [0] * 3]),
            case("two outputs", "d.diff((0.5, 0.25))", [], [0.5, 0, 0, 0.25, 0, 0]),
        ],
        compiler,
        double,
    )


@precisions
def test_linear_boxes_with_several_inputs_and_outputs(compiler: Compiler, double: bool) -> None:
    other = [[1.5, -0.5, 0.25], [0.3, 0.6, -0.9], [0.4, 2.0, 0.1]]
    first = [channel[:3] for channel in DUAL]
    added = np.add(first, other)
    check(
        [
            case(
                "mid and side",
                "d.linear(\\(l, r).(l + r, l - r))",
                [*first, *other],
                [*added, *np.subtract(first, other)],
            ),
            case("sum", "d.linear(+)", [*first, *other], added),
            case("split", "d.linear((_ <: _, _, _))", first, [*first, *first, *first]),
            case("memory", "d.linear(_ : mem)", first, [[0, *channel[:2]] for channel in first]),
        ],
        compiler,
        double,
    )


@precisions
def test_sumall(compiler: Compiler, double: bool) -> None:
    cases = []
    for count, environment in ((0, "d0"), (1, "d1"), (3, "d3")):
        for duals in (1, 2, 5):
            numbers = np.random.default_rng(duals).integers(-99, 99, (duals, count + 1)) / 4
            title = f"sumall({duals}) with N = {count}"
            cases.append(
                case(title, f"{environment}.sumall({duals})", numbers.ravel(), numbers.sum(axis=0))
            )
    check(cases, compiler, double)


# -- parameters ----------------------------------------------------------------------------------


@precisions
def test_parameters(compiler: Compiler, double: bool) -> None:
    first, second = [0.25, 0.5, -1.0], [1.0, -2.0, 0.125]
    learned = -np.cumsum([first, second], axis=1)
    units = [[[1] * 3, [0] * 3], [[0] * 3, [1] * 3]]
    check(
        [
            case(
                "sliders",
                "sliders.N, sliders.var(1), sliders.var(2)",
                [],
                [2, 0.75, 1, 0, -0.5, 0, 1],
            ),
            case("arity of sliders", "inputs(sliders.var(1)), outputs(sliders.var(1))", [], [0, 3]),
            case("numbers", "df.vars((0.5, 0.25, 0.125)).var(3)", [], [0.125, 0, 0, 1]),
            case(
                "one",
                "df.vars(0.5).N, df.vars(0.5).var(1), df.vars((0.5)).var(1)",
                [],
                [1, 0.5, 1, 0.5, 1],
            ),
            case("none", "df.vars(!).N", [], [0]),
            case(
                "feedback",
                "steps.var(1), steps.var(2)",
                [first, second],
                [learned[0], *units[0], learned[1], *units[1]],
            ),
            case(
                "arity of feedback",
                "steps.N, inputs(steps.var(2)), outputs(steps.var(2))",
                [],
                [2, 1, 3],
            ),
            case(
                "one feedback",
                "df.vars(-~_).N, df.vars(-~_).var(1)",
                [first],
                [[1] * 3, learned[0], [1] * 3],
            ),
            case(
                "a slider and feedback",
                "mixed.var(1), mixed.var(2)",
                [first],
                [[0.75] * 3, *units[0], learned[0], *units[1]],
            ),
            case("from an initial value", "df.var(_, 0.5)", [first], [0.5 + learned[0]]),
            case("with a meter", 'df.var(hbargraph("meter", -9, 9), 2)', [first], [2 + learned[0]]),
        ],
        compiler,
        double,
    )


@pytest.mark.parametrize("index", ["0", "3"])
def test_a_parameter_that_does_not_exist_is_an_error(compiler: Compiler, index: str) -> None:
    with pytest.raises(FaustError, match="the_number_of_a_parameter_is_from_1_to_N"):
        compiler.to_cpp(source(f"sliders.var({index})"), double=True, include=[BUILD])


TABLE_AND_INDEX = "waveform{1.5, -2.5, 0.75, 4.25}, (int : max(0) : min(3))"

#: Boxes without parameters, with the number of their inputs, and what they must be equal to.
PLAIN = [
    ("d0.input", 1, "_"),
    ("d0.diff(_)", 1, "_"),
    ("d0.diff(!), _", 2, "!, _"),
    ("d0.diff(3)", 0, "3"),
    ("d0.diff(waveform{1, 2.5, -3})", 0, "waveform{1, 2.5, -3}"),
    ("d0.sumall(2)", 2, "+"),
    ("d0.linear(route(2, 2, (1, 2), (2, 1)))", 2, "route(2, 2, (1, 2), (2, 1))"),
    ('d0.display(hbargraph("level", 0, 1))', 1, "_"),
    ("d0.inactive(+)", 2, "+"),
    ("d0.diff(mem)", 1, "mem"),
    ("_, (max(0) : min(4)) : d0.diff(@)", 2, "_, (max(0) : min(4)) : @"),
    ("_, 1.5 : d0.fdelay", 1, "\\(x).(0.5 * x' + 0.5 * x'')"),
    ("5, _ : d0.diff(prefix)", 1, "5, _ : prefix"),
    (f"{TABLE_AND_INDEX} : d0.diff(rdtable)", 1, f"{TABLE_AND_INDEX} : rdtable"),
    ("waveform{1.5, -2.5, 0.75, 4.25}, 1.5 : d0.frdtable", 0, "-0.875"),
    ("4, 0.5, WRITE, _, READ : d0.diff(rwtable)", 3, "4, 0.5, WRITE, _, READ : rwtable"),
    ("d0.diff(attach)", 2, "attach"),
    ("_, GATE : d0.diff(enable)", 2, "_, GATE : enable"),
    ("_, GATE : d0.diff(control)", 2, "_, GATE : control"),
]
INDICES = "WRITE = int : max(0) : min(3); READ = WRITE; GATE = int : max(0) : min(2);"


@precisions
def test_without_parameters_each_box_is_the_plain_one(compiler: Compiler, double: bool) -> None:
    source = np.random.default_rng(1)
    duals, plains = [], []
    for dual, width, plain in PLAIN:
        inputs = source.uniform(-2, 4, (width, 40))
        duals.append(case(dual, dual, inputs, np.zeros((1, 40))))
        plains.append(case(plain, plain, inputs, np.zeros((1, 40))))
    found = outputs([*duals, *plains], PRELUDE + INDICES, compiler, double)
    for one, got, expected in zip(duals, found, found[len(duals) :], strict=False):
        np.testing.assert_array_equal(got, expected, one.title)


# -- errors --------------------------------------------------------------------------------------

#: Boxes without a rule, and what the message must name.
WITHOUT_RULE = {
    'ffunction(float foo(float), <math.h>, "")': ["foo"],
    'hgroup("box", +)': ["hgroup", "box"],
    'hbargraph("level", 0, 1)': ["hbargraph", "level", "display"],
    'vbargraph("level", 0, 1)': ["vbargraph", "level", "display"],
    "route(2, 2, (1, 2), (2, 1))": ["route", "linear"],
    'soundfile("sound", 1)': ["soundfile", "sound", "inactive"],
    "*(3)": ["3", "*"],
}


@pytest.mark.parametrize("box", WITHOUT_RULE)
def test_a_box_without_a_rule_is_an_error_that_names_it(compiler: Compiler, box: str) -> None:
    with pytest.raises(FaustError) as caught:
        compiler.to_cpp(source(f"d.diff({box})"), double=True, include=[BUILD])
    for word in ("no_derivative_rule_for_this_box", *WITHOUT_RULE[box]):
        assert word in caught.value.message


@pytest.mark.parametrize(
    "row", [r for r in TABLE.primitives if r.kind == "unavailable"], ids=lambda row: row.name
)
def test_a_function_without_a_derivative_is_an_error_that_names_it(
    compiler: Compiler, row: Primitive
) -> None:
    with pytest.raises(FaustError) as caught:
        compiler.to_cpp(source(f"d.diff({row.faust})"), double=True, include=[BUILD])
    for word in (row.name, "not_available"):
        assert word in caught.value.message


# -- whole programs ------------------------------------------------------------------------------

GAIN = 'hslider("gain", 0.75, 0, 2, 0.001)'
DC = 'hslider("dc", -0.5, -1, 1, 0.001)'

GAIN_AND_DC = """
    vars = df.vars((GAIN, DC)); d = df.env(vars);
    process = d.input, vars.var(1) : d.diff(*) : _, _, _, vars.var(2) : d.diff(+);
"""
PLAIN_GAIN_AND_DC = "process = *(GAIN) : +(DC);"

CHAIN = """
    vars = df.vars((GAIN, DC)); d = df.env(vars);
    above = d.input, vars.var(1) : d.diff(*) : d.diff(sin) : d.diff(exp);
    below = d.input, vars.var(2) : d.diff(*), d.diff(2) : d.diff(^), d.diff(1.5) : d.diff(+);
    process = _ <: above, below : d.diff(/) : d.diff(sqrt) : d.diff(atan) : d.diff(mem)
        : d.diff(cos), d.diff(0.3) : d.diff(max) : d.diff(log10);
"""
PLAIN_CHAIN = """
    process = _ <: (*(GAIN) : sin : exp), ((*(DC), 2 : ^), 1.5 : +) : / : sqrt : atan : mem
        : cos, 0.3 : max : log10;
"""


def program(text: str) -> str:
    return f"{LIBRARIES} {text}".replace("GAIN", GAIN).replace("DC", DC)


def central(plain: str, compiler: Compiler, x: Array) -> Array:
    """The value of a plain program, and its differences along both sliders, in double."""
    compiled = build(program(plain), compiler=compiler)
    at = {"gain": 0.75, "dc": -0.5}
    found = [compiled.run(x, controls=at)]
    for name, value in at.items():
        ends = [compiled.run(x, controls={**at, name: value + h}) for h in (1e-5, -1e-5)]
        found.append((ends[0] - ends[1]) / 2e-5)
    return np.concatenate(found)


@precisions
@pytest.mark.parametrize(
    ("dual", "plain"),
    [(GAIN_AND_DC, PLAIN_GAIN_AND_DC), (CHAIN, PLAIN_CHAIN)],
    ids=["gain and offset", "chain of twelve"],
)
def test_partials_of_a_program_are_its_central_differences(
    compiler: Compiler, dual: str, plain: str, double: bool
) -> None:
    x = np.random.default_rng(1).uniform(-2, 2, 500)
    compiled = build(program(dual), compiler=compiler, double=double, include=[BUILD])
    expected = central(plain, compiler, x)
    np.testing.assert_allclose(compiled.run(x), expected, rtol=0, atol=1e-8 if double else 1e-5)
    assert (np.abs(expected).max(axis=1) > 0.05).all()


@pytest.mark.parametrize("text", [GAIN_AND_DC, CHAIN], ids=["gain and offset", "chain of twelve"])
def test_the_compiler_has_nothing_to_say_about_a_program(compiler: Compiler, text: str) -> None:
    flags = ["-double", *include_flags([BUILD])]
    if compiler.name == "faust":
        command = ["faust", *flags, "program.dsp", "-o", "result"]
    else:
        command = worker("cpp", flags)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "program.dsp").write_text(program(text), encoding="utf-8")
        assert call(command, cwd=Path(folder), compiler=compiler.name) == ""
