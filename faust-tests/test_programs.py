"""Programs of every kind that the compilers accept: what they become is accepted too, on both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build

A, B = ('hslider("a", 0.2, 0, 1, 0.01)', 'hslider("b", 0.1, 0, 1, 0.01)')
TIME = "(+(1) ~ _)"
BINARY = (
    "+",
    "-",
    "*",
    "/",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "max",
    "min",
    "atan2",
    "pow",
    "fmod",
)
WHOLE = ("<<", ">>", "&", "|", "xor", "%")
PROGRAMS = {
    "operators before every composition": (
        "process = "
        + ", ".join(f"({one} <: _*{A}, _), (_,_,_,_ : {one},{one} :> _)" for one in BINARY)
        + ", "
        + ", ".join(f"(int,int : {one} <: _, _ :> {one}(3))" for one in WHOLE)
        + f", (< <: < :> *({A}) <: <);"
    ),
    "recursions inside recursions": (
        f"process = (+ : (+ ~ *({A})) : (+ ~ (_ : (+ ~ *({B})) : *(0.2)))) ~ *(0.3);"
    ),
    "two ways back": (
        f"process = ((_,_,_) : (+,_) : (+ ~ *({A})), _) ~ (_,_ : *(0.1),*({B})) : _,!;"
    ),
    "letrec": f"process(x) = y, z letrec {{ 'y = z*{A} + x; 'z = y*0.3 + x*{B}; }};",
    "environment": f"e = environment {{ g = {A}; f(x) = x*g; }}; process = e.f;",
    "case": f"f = case{{(0)=>_; (n)=>*(n);}}; process = f({A}) : f(0);",
    "sound file": (
        f"process = (0, 3) : soundfile(\"s[url:{{'a.wav'}}]\", 2) : !, !, (_ + 1)*{A}, _;"
    ),
    "sound file in a loop": (
        f"process = {A}*((_ : \\(y).((0, int(y) : soundfile(\"s[url:{{'a.wav'}}]\", 1)"
        " : _, !, _ : +) + 0.5)) ~ _);"
    ),
    "written table": (
        f"process(x) = rwtable(64, 0.0, {TIME} & 63, x*{A}, int({TIME} * 0.5) & 63);"
    ),
    "gates": f'process(x) = enable(x*{A}, checkbox("on")), control(x*{B}, 1);',
    "empty groups": (
        'process = tgroup("[0]", hgroup("", vgroup("[2][tooltip: a/b]",'
        ' *(hslider("[1]", 0.5, 0, 1, 0.1)) * hslider("x/y (z)", 0.5, 0, 1, 0.1)'
        ' * nentry("../h:[3]/n [style:knob]", 1, 0, 2, 0.1))));'
    ),
    "bargraphs": (
        f'process = _*{A} : hbargraph("m", 0, 1) : (_ <: attach(_, abs : vbargraph("v[2]", 0, 1)));'
    ),
    "comments in labels": (
        'declare name "my /* name // x"; process = *(hslider("a/*b*/ //c", 0.5, 0, 1, 0.1));'
    ),
    "a slider that a zero hides": f'process = _*({A}*0 + {B}), vgroup("k", {A}*0);',
    "routes": f"process = route(3, 4, (1,1), (2,2), (3,3), (1,4)) : *({A}), _, _, _ :> _, _;",
    "a choice": f"process = _*{A}*(1 + nentry(\"mode[style:menu{{'x':0;'y':1}}]\", 0, 0, 1, 1));",
    "a foreign function of whole numbers": (
        f'process = _*{A}*ffunction(int labs (int), <stdlib.h>, "")({B}*100);'
    ),
    "nothing but delays": f"process = (_ ~ _) + {A};",
    "a zero in a loop": f"process = {A}*0 : + ~ (*({B} * 0) : mem);",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_and_its_partials_are_compiled_and_agree(compiler: Compiler, name: str) -> None:
    """The values of the original, whose compilation shows that it is one."""
    done = differentiate(PROGRAMS[name], all_continuous=True, compiler=compiler)
    compiler.to_cpp(PROGRAMS[name], double=True)
    compiler.to_cpp(done.text, double=True)
    again = differentiate(done.text, all_continuous=True, compiler=compiler)
    assert {one.path for one in again.params} == {one.path for one in done.params}
    assert again.outputs == done.outputs * done.stride


def test_values_come_out_of_a_printed_recursion_as_they_went_in() -> None:
    """Many states, delays of states, and what is read outside, in one program."""
    text = (
        "loop = (_,_,_,_ : \\(a, b, c, x).(b', a + x, b * 0.5 + c' * 0.25)) ~ (_,_,_);"
        f"process = loop : *({A}), _, (_ <: _, _ @ 3 :> _);"
    )
    done = differentiate(text, all_continuous=True)
    x = np.random.default_rng(0).uniform(-1, 1, 200)
    plain, dual = (build(one, optimize="-O0").run(x) for one in (text, done.text))
    assert np.array_equal(plain, dual[:: done.stride])
    assert np.allclose(dual[1] * 0.2, plain[0], rtol=1e-12, atol=1e-15)


def test_metadata_of_a_component_in_another_folder(tmp_path: Path, compiler: Compiler) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "songs").mkdir()
    part = 'declare author "someone"; process = *(0.5);'
    (tmp_path / "parts/part.dsp").write_text(part, encoding="utf-8")
    text = f'process = component("../parts/part.dsp") : *({A});'
    done = differentiate(text, all_continuous=True, compiler=compiler, include=[tmp_path / "songs"])
    compiler.to_cpp(done.text, double=True)
    assert done.params[0].label == "a"
