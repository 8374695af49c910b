"""Whatever `faust -e` prints is read, and printed again with the same values, on both compilers.

A line of each list is a program's body: every kind of box that the printers of the compilers know,
and what is gone once they have printed it (functions, patterns, environments, iterations).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from faustdiff.signals.printing import printed_program
from faustdiff.signals.reading import read_program
from faustdiff.signals.row_lookup import Rows
from faustdiff.table.assembling import built_in_table

pytestmark = pytest.mark.each_compiler

#: Each with as many inputs as it likes; all together run beside their printed forms.
BOXES = [
    # Evaluated before anything is printed.
    *(r"\(x).(x * 2)", "_ : \\(x).(x, x)", "3, case{(0) => 1; (n) => n * 2;}(2) : *"),
    *(
        "case{(0) => 1; (n) => n * 2;}(4) * _",
        "a with { a = _ * 2; }",
        "x letrec { 'x = 0.5 * x + _; }",
    ),
    *("_ * environment { a = 2; }.a", "swap((_, _ * 2)) with { swap((x, y)) = y, x; }"),
    *("par(i, 3, _ * i)", "seq(i, 2, _ + i)", "sum(i, 3, _ * i)", "prod(i, 3, _)"),
    *(
        "_ * inputs((_, _))",
        "_ * outputs((_, _))",
        '_ * ba.take(2, (3, 4)) with { ba = library("basics.lib"); }',
    ),
    'component("part.dsp")',
    # Wires, composition, routes.
    *("_, !", "_, _ <: +, -, _, _ :> _, _", "route(2, 2, (1, 2), (2, 1))"),
    *("route(2, 3, 1, 2, 2, 1, 2, 3)", "route(1, 2, (1, 0), (1, 2))", "0.5, _ : +"),
    *("+ ~ _ * 0.5", "(+, _) ~ _ * 0.5", "(_, _ <: +, -) : (*(0.25), *(0.25))"),
    *("(\\(a, b, x, y).(a * 0.25 + x, b * 0.25 + y)) ~ (_, _)", "+ ~ (_ * 0.5 : + ~ _ * 0.25)"),
    # Numbers.
    *("_ * 1e-10", "_ + 1e30", "_ + 123456789", "_ * 0.1f", "_ * -2147483648", "_ * .5", "_ + 2."),
    *("-1 * _", "-(_, 3)", "_ - (-0.5)", "+1 * _", "_ * 1.7976931348623157e308"),
    # Operators in prefix, infix and with one argument.
    *("+(1)", "*(2)", "-(3)", "/(4)", "<(5)", "@(3)", "pow(2)", "max(1)", "min(2)", "atan2(1)"),
    *(
        "fmod(2)",
        "remainder(2)",
        "(_, 2 : +)",
        "(_ : + ~ *(0.5))",
        "^(2)",
        "_ ^ 2",
        "_ ^ 3",
        "_ @ 10",
        "_'",
        "mem",
    ),
    *(
        "_ % 3",
        "int(_) % 3",
        "int(_) & 3",
        "int(_) | 3",
        "int(_) xor 3",
        "int(_) << 2",
        "int(_) >> 2",
    ),
    *("_ < 1", "_ <= 1", "_ > 1", "_ >= 1", "_ == 1", "_ != 1", "int(_ * 9), float(_)"),
    *("sin(_)", "cos(_)", "tan(_)", "asin(_)", "acos(_)", "atan(_)", "atan2(_, _)", "exp(_)"),
    *("log(abs(_) + 1)", "log10(abs(_) + 1)", "sqrt(abs(_))", "abs(_)", "min(_, _)", "max(_, _)"),
    *("pow(abs(_), _)", "fmod(_, 0.3)", "remainder(_, 0.3)", "floor(_)", "ceil(_)", "rint(_)"),
    *("select2(_ > 0, _, _)", "select3(int(_ * 3), _, _, _)", "1, _ : prefix", "prefix(2)"),
    # Tables, constants and functions of C.
    *(
        "waveform{1, 2.5, -3}",
        "rdtable(waveform{1, 2, 3, 4}, int(_) & 3)",
        "(waveform{0, 1}, int(_) & 1) : rdtable",
    ),
    *("rdtable(5, 0.5, int(_) & 3)", "rwtable(4, 0.0, int(_) & 3, _, int(_) & 3)"),
    *("_ * fconstant(int fSamplingFreq, <math.h>)", "_ * fvariable(int count, <math.h>)"),
    'ffunction(float sinhf|sinh|sinhl(float), <math.h>, "")',
    'ffunction(float log1pf|log1p|log1pl(float), <math.h>, "") (abs(_))',
    # The user interface.
    *('_ * hslider("h [unit:dB]", 0.5, 0, 1, 0.1)', '_ * vslider("../up", 0.5, -1, 1, 0.01)'),
    *("_ * nentry(\"n[style:menu{'a':0;'b':1}]\", 1, 0, 1, 1)", '_ * (1 - button("b"))'),
    *('_ * (2 - checkbox("c"))', '_ <: attach(_, abs : vbargraph("v[style:led]", 0, 1))'),
    *(
        'hbargraph("m[unit:dB]", -60, 0)',
        'hgroup("a", vgroup("b[2]", tgroup("", hslider("v:x/h:y/z", 0.5, 0, 1, 0.1)))) * _',
    ),
    *(
        '_ * hslider("a\'b (c) {d}", 0.5, 0, 1, 0.1)',
        'par(i, 3, _ * hslider("a%i", 0.5, 0, 1, 0.1))',
    ),
    *(
        "_ * (_ > 0) : enable(_, 1)",
        "enable(_, _ > 0)",
        "control(_, _ > 0)",
    ),
]
#: Compiled by the newer compiler alone.
NEWER = [
    *("lowest(_ : min(1) : max(-1))", "highest(_ : min(1) : max(-1))"),
    *("round(_)", '["freq": *(2) -> _ * hslider("freq", 0.5, 0, 10, 0.1)]'),
]
#: Read, but not run: what is foreign is nowhere, or differs from run to run.
READ_ALONE = [
    'ffunction(int rand(), <stdlib.h>, "")',
    'ffunction(float foo(float, int), "foo.h", "-lfoo")',
    "0, 0 : soundfile(\"s[url:{'a.wav';'b.wav'}]\", 2) : !, !, _, _",
    '0, int(_) : soundfile("s", 1)',
]


def readable(body: str, compiler: Compiler, folder: Path) -> tuple[str, str]:
    """A program, and what it is printed as once it is read."""
    source = f"process = {body};"
    rows = Rows(built_in_table(), compiler, (folder,))
    program = read_program(compiler.expand(source, include=[folder]), rows)
    return source, printed_program(
        program.graph, program.inputs, program.outputs, comments=[], metadata=program.metadata
    )


def test_every_box_is_printed_with_its_value(compiler: Compiler, tmp_path: Path) -> None:
    part = 'declare author "somebody"; process = _ * hslider("k", 0.5, 0, 1, 0.1);'
    (tmp_path / "part.dsp").write_text(part, encoding="utf-8")
    boxes = BOXES if compiler.name == "faust" else [*BOXES, *NEWER]
    body = ",\n".join(f"({box})" for box in boxes)
    source, printed = readable(body, compiler, tmp_path)
    original = build(source, compiler=compiler, include=[tmp_path])
    again = build(printed, compiler=compiler, include=[tmp_path])
    assert (again.inputs, again.outputs) == (original.inputs, original.outputs)
    noise = 2 * np.random.default_rng(0).standard_normal((original.inputs, 300))
    for settings in ({}, {c.path: c.max for c in original.controls if not c.readonly}):
        expected = original.run(noise, controls=settings)
        paths = {c.path for c in again.controls}
        known = {path: value for path, value in settings.items() if path in paths}
        # Sums may be taken in another order; some boxes are not defined everywhere.
        np.testing.assert_allclose(again.run(noise, controls=known), expected, 1e-12, 1e-14)


@pytest.mark.parametrize("body", READ_ALONE)
def test_what_is_foreign_is_read(body: str, compiler: Compiler, tmp_path: Path) -> None:
    _, printed = readable(body, compiler, tmp_path)
    assert compiler.expand(printed, include=[tmp_path])


@pytest.mark.parametrize("box", ["assertbounds(0, 1, _)"])
def test_what_the_compiler_does_not_compile_is_left_to_it(
    box: str, compiler: Compiler, tmp_path: Path
) -> None:
    source, printed = readable(box, compiler, tmp_path)
    for text in (source, printed):
        with pytest.raises(FaustError, match="AssertBounds"):
            compiler.to_cpp(text, double=True)


def test_a_number_that_is_not_finite_is_named(compiler: Compiler, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a number that is not finite"):
        readable("_ * 1e400", compiler, tmp_path)
