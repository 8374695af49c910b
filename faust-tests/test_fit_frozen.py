"""Programs with other defaults: the user's text where it can be kept."""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.signals.initial_values import sliders, with_initial_values

WRITTEN = {
    "once": ('process = *(hslider("gain [diff:1]", 0.5, 0, 1, 0.01));', True),
    "in a group, after a comment": (
        '// hslider("gain", 7, 0, 1, 0.1)\n'
        'process = hgroup("a, (b", *(vslider("gain [tooltip: so, (much)]", (0.25 + 0.25),\n'
        "0, 1, 0.01)));",
        True,
    ),
    "label with a path": ('process = *(hslider("h:group/gain", 0.5, 0, 1, 0.01));', True),
    "twice in different groups": (
        'g(n) = hslider("gain", 0.5, 0, 1, 0.01);\n'
        'process = hgroup("a", *(hslider("gain", 0.5, 0, 1, 0.01))),'
        ' hgroup("b", *(hslider("gain", 0.25, 0, 1, 0.01))) :> _;',
        False,
    ),
    "in an iteration": ('process = par(i, 2, *(hslider("gain %i", 0.5, 0, 1, 0.01)));', False),
    "in a library": ('import("stdfaust.lib"); process = _ <: dm.zita_light : _, !;', False),
    "named by a definition": (
        's(x) = hslider("gain", x, 0, 1, 0.01); process = *(s(0.5)) : *(hslider("b", 1, 0, 2, 1));',
        True,
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_frozen(name: str, compiler: Compiler) -> None:
    text, own = WRITTEN[name]
    params = differentiate(text, all_continuous=True, compiler=compiler).params
    # Other values within the ranges; the last parameter stays as it is.
    values = {one.path: one.min + 0.3 * (one.max - one.min) for one in params[:-1] or params}
    result = with_initial_values(text, values, compiler)
    assert result.own == own
    program = build(result.text, compiler=compiler)
    inits = {one.path: one.init for one in program.controls if not one.readonly}
    for one in params:
        wanted = values.get(one.path, one.init)
        same = [v for path, v in inits.items() if path.split("/")[2:] == one.path.split("/")[2:]]
        assert same == [pytest.approx(wanted, rel=1e-9)]
    original = build(text, compiler=compiler)
    x = np.random.default_rng(0).uniform(-1, 1, (original.inputs, 500))
    moved = {
        original.controls[original.find(one.label)].path: values[one.path]
        for one in params
        if one.path in values and one.label.count("gain") == 0
    }
    if set(moved) == {one.path for one in params if one.path in values}:
        assert program.run(x) == pytest.approx(original.run(x, controls=moved), abs=1e-9)


def test_sliders_in_a_text() -> None:
    text = 'a = hslider("x [a:b/c]", f(1, 2), 0, 1, 0.1), nentry(label, 1, 2, 3, 4);'
    (found,) = sliders(text)
    assert found.label == "x"
    assert text[found.start : found.end] == "f(1, 2)"
