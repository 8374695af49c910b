"""Sums in the recursions of C++ text: which term comes last, and what stays as it is."""

from __future__ import annotations

import random
import re

import pytest

from faustdiff.faust.loop_order import with_newest_last, with_sums_in_parts

LOOP = """class mydsp : public dsp {{
\tdouble fRec0[3];
\tdouble fRec1[3];
\tint iRec2[2];
\tdouble fRec3[16];
\tint IOTA0;
\tvirtual void compute(int count, FAUSTFLOAT** inputs, FAUSTFLOAT** outputs) {{
\t\tFAUSTFLOAT* input0 = inputs[0];
\t\tFAUSTFLOAT* output0 = outputs[0];
\t\tdouble fSlow0 = double(fHslider0);
\t\tdouble fSlow1 = double(fHslider1);
\t\tfor (int i0 = 0; i0 < count; i0 = i0 + 1) {{
{0}
\t\t}}
\t}}
}};
"""
SHIFTS = ["fRec0[2] = fRec0[1];", "fRec0[1] = fRec0[0];"]


def program(*statements: str) -> str:
    return LOOP.format("\n".join(f"\t\t\t{one}" for one in statements))


def ordered(*statements: str) -> list[str]:
    """The statements of the loop with the newest states last."""
    return re.findall(r"^\t{3}(.*;)$", with_newest_last(program(*statements)), re.M)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # The newest state comes last; of two products, g++ fuses the first one.
        (
            "fSlow1 * fRec0[1] + fSlow0 * fRec0[2] + double(input0[i0])",
            "double(input0[i0]) + fSlow0 * fRec0[2] + fSlow1 * fRec0[1]",
        ),
        ("fSlow0 * fSlow0 + fSlow1 * fRec0[1]", "fSlow1 * fRec0[1] + fSlow0 * fSlow0"),
        ("fSlow0 * fSlow0 - fSlow1 * fRec0[1]", "-(fSlow1 * fRec0[1]) + fSlow0 * fSlow0"),
        ("fSlow1 * fRec0[1] - fSlow0 * fSlow1", "fSlow1 * fRec0[1] - fSlow0 * fSlow1"),
        ("fRec0[1] * fSlow0 - fSlow0 - fSlow1", "fRec0[1] * fSlow0 - (fSlow0 + fSlow1)"),
        # Sums of sums that wait become one; the others stay.
        (
            "double(input0[i0]) - (fSlow1 * fRec0[1] - fSlow0 * fRec0[2])",
            "double(input0[i0]) + fSlow0 * fRec0[2] - fSlow1 * fRec0[1]",
        ),
        ("fRec0[1] - (fSlow0 - fSlow1)", "fRec0[1] - (fSlow0 - fSlow1)"),
        ("0.0 - (fSlow0 + fRec0[1])", "0.0 - fSlow0 - fRec0[1]"),
        ("-1.0 * (fSlow0 + fRec0[1])", "0.0 - fSlow0 - fRec0[1]"),
        ("-(fRec0[1] - fSlow0)", "fSlow0 - fRec0[1]"),
        ("0.0 - fRec0[1]", "0.0 - fRec0[1]"),
        ("0.0 + fRec0[1]", "fRec0[1]"),
        # Within other operations.
        (
            "std::max<double>(0.5, (fRec0[1] + fSlow0) / -(fRec0[2] + fSlow1))",
            "std::max<double>(0.5, (fSlow0 + fRec0[1]) / -(fSlow1 + fRec0[2]))",
        ),
        (
            "((fRec0[1] > 0.5) ? fRec0[1] + fSlow0 : -(fRec0[2]))",
            "((fRec0[1] > 0.5) ? fSlow0 + fRec0[1] : -(fRec0[2]))",
        ),
        # Many that are ready at the same time are added up side by side.
        (
            "fRec0[1] * 2.0 - fRec0[1] * 0.5 + fSlow1 - fRec0[1] * fSlow0 + 3.0 * fRec0[1]",
            "fSlow1 + fRec0[1] * 2.0 - fRec0[1] * 0.5 + (3.0 * fRec0[1] - fRec0[1] * fSlow0)",
        ),
        # What may be a whole number, and what is not understood, stays.
        ("double(iRec2[1] + 1) + foreign(3) + fRec0[1]", None),
        ("fRec0[1] + iRec2[0] * 3", None),
        ("fRec0[1] + table->at(3) + fSlow0", None),
        ("fRec0[1] + 1e-05 * (fSlow0 > fRec0[2]) + fSlow0", None),
        ("double((fRec0[1] > 0.5) + 3)", None),
        ("fSlow0 * (" * 500 + "fRec0[1] + fSlow0" + ")" * 500, None),
    ],
)
def test_the_newest_state_comes_last(value: str, expected: str | None) -> None:
    assert ordered(f"fRec0[0] = {value};", *SHIFTS)[0] == f"fRec0[0] = {expected or value};"


@pytest.mark.parametrize("rate", ["0.001", "-1e-05", "2.0"])
def test_a_constant_comes_before_what_is_decided(rate: str) -> None:
    lines = ("double fTemp0 = fRec0[1] + fSlow0;", *SHIFTS)
    assert ordered(f"fRec0[0] = {rate} * ((iTemp1) ? fSlow1 * fTemp0 : 0.0);", *lines)[0] == (
        f"fRec0[0] = ((iTemp1) ? {rate} * fSlow1 * fTemp0 : 0.0);"
    )
    for other in ("fSlow1 * fTemp0 : 1.0", "fSlow1 + fTemp0 : 0.0", "fTemp0 : 0.0"):
        for head in ("", "fSlow1 / 2.0 * ", "1e+", "2 * "):
            kept = f"fRec0[0] = {head}{rate} * ((iTemp1) ? {other});"
            assert ordered(kept, *lines)[0] == kept
    kept = "fRec0[0] = fSlow1 / 2.0 * ((iTemp1) ? fSlow1 * fTemp0 : 0.0);"
    assert ordered(kept, *lines)[0] == kept
    kept = "fRec0[0] = 1e+02 * ((iTemp1) ? fSlow1 * fTemp0 : 0.0);"
    assert "(iTemp1) ? 1e+02 * fSlow1" in ordered(kept, *lines)[0]


def test_sums_that_no_sample_waits_for_stay() -> None:
    lines = ["output0[i0] = FAUSTFLOAT(fRec0[1] + fSlow0);", *SHIFTS]
    assert ordered("fRec0[0] = fSlow0 * fRec0[1];", *lines)[1:] == lines
    # A delay line is no recursion, and a constant of another size is no state.
    lines = ["fRec0[0] = fRec1[1] + double(input0[i0]) + fSlow1;", *SHIFTS]
    assert ordered(*lines) == lines


def test_rings_and_states_of_each_other() -> None:
    assert ordered(
        "double fTemp0 = fRec3[(IOTA0 - 1) & 15];",
        "fRec3[IOTA0 & 15] = fTemp0 * fSlow1 + fSlow0 + fRec3[(IOTA0 - 9) & 15];",
        "IOTA0 = IOTA0 + 1;",
    )[1] == ("fRec3[IOTA0 & 15] = fSlow0 + fRec3[(IOTA0 - 9) & 15] + fTemp0 * fSlow1;")
    # What another recursion gives is early.
    assert ordered(
        "fRec0[0] = fRec0[1] + fSlow0;",
        "fRec1[0] = fRec1[1] * fSlow0 + fRec0[0] + fSlow0;",
        *SHIFTS,
        "fRec1[1] = fRec1[0];",
    )[:2] == [
        "fRec0[0] = fSlow0 + fRec0[1];",
        "fRec1[0] = fRec0[0] + fSlow0 + fRec1[1] * fSlow0;",
    ]
    # In one recursion, what was computed in this sample is the last to be there.
    assert ordered(
        "double fTemp0 = fRec1[1] * fSlow0 + fRec0[1] * fSlow1;",
        "fRec0[0] = fTemp0 * fSlow0 + fRec0[1] * fSlow1;",
        "fRec1[0] = fRec0[0] + fTemp0 + fSlow0;",
        *SHIFTS,
        "fRec1[1] = fRec1[0];",
    )[1:3] == [
        "fRec0[0] = fTemp0 * fSlow0 + fRec0[1] * fSlow1;",
        "fRec1[0] = fSlow0 + fTemp0 + fRec0[0];",
    ]


def test_a_state_does_not_wait_for_its_opposite() -> None:
    lines = ("fRec0[0] = 0.0 - fTemp0;", "output0[i0] = FAUSTFLOAT(fTemp0);", *SHIFTS)
    assert ordered("double fTemp0 = fSlow1 * fRec0[1] + fSlow0;", *lines)[:2] == [
        "fRec0[0] = 0.0 - fSlow0 - fSlow1 * fRec0[1];",
        "double fTemp0 = -fRec0[0];",
    ]


def test_single_precision_stays_single() -> None:
    text = program("fRec0[0] = -1.0f * (fSlow0 * fRec0[1] + fSlow1);", *SHIFTS)
    text = text.replace("double", "float")
    assert "fRec0[0] = 0.0f - fSlow1 - fSlow0 * fRec0[1];" in with_newest_last(text)


def test_a_text_that_is_not_understood_stays() -> None:
    text = program("if (fSlow0) {", "\tfRec0[0] = fRec0[1] + fSlow0;", "}", *SHIFTS)
    assert with_newest_last(text) == text
    known = program("fRec0[0] = fRec0[1] + fSlow0;", *SHIFTS)
    assert with_newest_last(known) != known
    assert with_newest_last(known + known) == known + known


@pytest.mark.parametrize("seed", range(20))
def test_random_sums_keep_their_value(seed: int) -> None:
    draw = random.Random(seed)
    known = {"fSlow0": 1.5, "fSlow1": -0.75, "fRec0": [0.0, 0.3125, -2.5]}

    def drawn(depth: int) -> str:
        leaf = draw.choice(["fSlow0", "fSlow1", "fRec0[1]", "fRec0[2]", "2.0"])
        if not depth or draw.random() < 0.2:
            return leaf
        terms = [drawn(depth - 1) for _ in range(draw.randint(2, 4))]
        text = terms[0] + "".join(draw.choice([" + ", " - "]) + term for term in terms[1:])
        return draw.choice(["", "", "-1.0 * ", "-", f"{leaf} * "]) + f"({text})"

    for _ in range(5):
        text = drawn(4)
        line = ordered(f"fRec0[0] = {text};", *SHIFTS)[0]
        new = line.removeprefix("fRec0[0] = ").removesuffix(";")
        assert eval(new, {}, known) == pytest.approx(eval(text, {}, known), rel=1e-12, abs=1e-12)


LONG = [f"fSlow{k} * fYec0[i - {k}]" for k in range(14)]


@pytest.mark.parametrize("wrap", ["output0[i] = FAUSTFLOAT({});", "double fTemp0 = {};"])
def test_a_long_sum_is_added_up_in_parts(wrap: str) -> None:
    draw = random.Random(3)
    known = {f"fSlow{k}": draw.uniform(-1, 1) for k in range(14)}
    known |= {"i": 20, "fYec0": [draw.uniform(-1, 1) for _ in range(21)]}
    before, after = f"\t\t\t\t{wrap}\n".split("{}")
    for operators in ("+" * 13, "-" * 13, "+-++--+--+++-"):
        text = LONG[0] + "".join(map(" {} {}".format, operators, LONG[1:]))
        line = with_sums_in_parts(before + text + after)
        assert (line[: len(before)], line[-len(after) :]) == (before, after)
        new = line[len(before) : -len(after)]
        assert max(map(len, re.split("[()]", new))) < len(text) / 2
        assert eval(new, {}, known) == pytest.approx(eval(text, {}, known), rel=1e-13)


@pytest.mark.parametrize(
    "value",
    [
        " + ".join(LONG[:11]),
        "FAUSTFLOAT(fTemp0) + FAUSTFLOAT(fTemp1)",
        f"(fTemp0 > {' + '.join(LONG)}) ? fTemp0 : 1.0",
        f"{' + '.join(LONG)} > 0.5",
        " * ".join(LONG),
    ],
)
def test_what_is_no_long_sum_stays(value: str) -> None:
    line = f"\t\t\t\toutput0[i] = {value};\n"
    assert with_sums_in_parts(line) == line
