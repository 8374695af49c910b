"""The user interface as the compilers name it: labels, groups and paths, on both of them."""

from __future__ import annotations

import json

import pytest

from faustdiff.autodiff import differentiate
from faustdiff.autodiff.reverse import reverse_programs
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.signals.reading import read_program
from faustdiff.signals.row_lookup import Rows
from faustdiff.table.assembling import built_in_table

pytestmark = pytest.mark.each_compiler

#: Labels of widgets, each tried in two groups, and labels of groups.
LABELS = (
    *("a", "[1]", "", " ", "a[tooltip: x", "a [x:[y]z] b", "a]b", "Dry/Wet", "./q", "../q", "/q"),
    *(
        "h:g/q",
        "v:/q",
        "x:y/q",
        "h:g",
        "/h:top/q",
        r"a\[b\]",
        "a  b",
        "äö",
        "a'b",
        "a:b",
        "h:[1]/q",
    ),
    *("h:g[2]/q[unit:Hz]", "..", ".", "/", "a/", "h:a/v:b/c", "t:tab/../q"),
    *("a(b){c}*,?#", r"a\b", "[a][b]", "[:]", "H:g/q", "$x&<>;", "[1]h:g/q", "h: g /q", "0x00"),
    *("h:[x:a/b]g/q", r"x [a:b\]c] y", "a [unit:Hz]/b", "a[style:menu{'x':0;'y':1}]"),
)
GROUPS = (
    "[1]",
    "",
    "a/b",
    "h:x/y",
    "../z",
    "/z",
    "a[b",
    "[x:a/b]c",
    "a b(c)",
    "..",
    r"a\[b\]",
    " g ",
)


def source() -> str:
    widgets = [
        f'vgroup("o{k}", hgroup("p", hslider("{label}", 0.5, 0, 1, 0.1)))'
        for k, label in enumerate(LABELS)
    ]
    widgets += [
        f'vgroup("o", hgroup("{label}", hslider("s{k}", 0.5, 0, 1, 0.1)))'
        for k, label in enumerate(GROUPS)
    ]
    return f"process = {', '.join(widgets)};"


def test_paths_are_those_of_the_compiled_program(compiler: Compiler) -> None:
    text = source()
    rows = Rows(built_in_table(), compiler)
    read = read_program(compiler.expand(text), rows)
    compiled = build(text, compiler=compiler, double=True, optimize="-O0")
    of_compiler = {(one.label, one.path, tuple(one.meta.items())) for one in compiled.controls}
    ours = {(one.label, one.path, tuple(one.meta.items())) for one in read.sliders.values()}
    assert {one[:2] for one in ours} == {one[:2] for one in of_compiler}
    metadata = {path: dict(meta) for _, path, meta in of_compiler}
    assert all(dict(meta) == metadata[path] for _, path, meta in ours)


@pytest.mark.parametrize("label", ["[1]", "a[tooltip: x", "h:[1]/q", "/h:top/q", r"a\[b\] (c)"])
def test_paths_are_those_of_the_json_description(compiler: Compiler, label: str) -> None:
    text = f'process = hgroup("x", hslider("{label}", 0.5, 0, 1, 0.1)), button("b");'
    with compiler._call("cpp", text, (), ["-json"], 60) as work:
        (description,) = work.glob("*.json")
        described = description.read_text(encoding="utf-8")
    rows = Rows(built_in_table(), compiler)
    read = read_program(compiler.expand(text), rows)
    (path,) = (one.path for one in read.sliders.values())
    assert path in _addresses(json.loads(described)["ui"])


def _addresses(items: object) -> set[str]:
    found: set[str] = set()
    for item in items if isinstance(items, list) else []:
        found |= _addresses(item.get("items")) | ({item["address"]} if "address" in item else set())
    return found


@pytest.mark.parametrize("name", ["q'uo\"te", "new\nline", "back\\slash", "a // b", "ä"])
def test_names_and_metadata_survive_another_compilation(compiler: Compiler, name: str) -> None:
    text = (
        "declare author \"(a) [b] 'c'; d // e\";\n"
        'process = vgroup("g [tooltip: it\'s; {x}]", *(hslider("a [x:y;z]", 1, 0, 2, 0.1)));'
    )
    done = differentiate(text, all_continuous=True, compiler=compiler, name=name)
    again = differentiate(done.text, all_continuous=True, compiler=compiler)
    assert [one.path for one in again.params] == [one.path for one in done.params]
    assert again.params[0].meta == {"x": "y;z"}
    assert "declare author \"(a) [b] 'c'; d // e\";" in again.text
    compiled = build(done.text, compiler=compiler, optimize="-O0")
    assert compiled.controls[0].path == done.params[0].path


@pytest.mark.parametrize("name", ["50%wet", "%s{{x}}", "a[b]", r"back\\slash"])
def test_a_slider_alone_keeps_the_path_that_the_name_of_the_program_gives(
    compiler: Compiler, name: str
) -> None:
    source = (
        f'declare name "{name}"; process = *(hslider("g", 0.5, 0, 1, 0.01)) : '
        '+ ~ *(hslider("p", 0.5, 0, 0.9, 0.01));'
    )
    whole = build(source, compiler=compiler, optimize="-O0")
    made = reverse_programs(source, params=["g"], signals=["p"], compiler=compiler)
    forward = build(made.forward, compiler=compiler, optimize="-O0")
    assert [one.path for one in forward.controls] == [
        one.path for one in whole.controls if one.label == "g"
    ]
