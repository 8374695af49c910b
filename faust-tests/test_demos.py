"""The demos of the compilers' own libraries: their controls have the paths of the JSON description.

How they are differentiated and verified stands in docs/demos.md; `tools/demos.py` tries them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from faustdiff.faust.compilers import Compiler, available_compilers
from faustdiff.signals.propagate import with_deep_stack
from faustdiff.signals.reading import read_program
from faustdiff.signals.row_lookup import Rows
from faustdiff.table.assembling import built_in_table
from support.demo_programs import demo_names, demo_program

#: What takes a compiler more than a second.
LARGE = (
    *("fdnrev0_demo", "greyhole_demo", "jprev_demo", "mth_octave_spectral_level_demo"),
    *("motion_wrapper_demo", "spectral_level_demo", "vocoder_demo", "filterbank_demo"),
    *("reverbTank_demo", "ja_transformer_demo", "vital_rev_demo", "mth_octave_filterbank_demo"),
)


def _demos() -> Sequence[Any]:
    names = [demo_names(compiler) for compiler in available_compilers()]
    everywhere = set.intersection(*map(set, names)) if names else set()
    marks = {name: [pytest.mark.slow] if name in LARGE else [] for each in names for name in each}
    for name in marks:
        if name not in everywhere:
            marks[name].append(pytest.mark.newer_compiler)
    return [pytest.param(name, marks=marks[name]) for name in sorted(marks)]


@pytest.mark.parametrize("name", _demos())
def test_controls_of_a_demo_have_the_paths_of_its_json(compiler: Compiler, name: str) -> None:
    if name not in demo_names(compiler):
        pytest.skip(f"{compiler.version()} has no {name}")
    text = demo_program(name)
    with compiler._call("cpp", text, (), ["-json"], 60) as work:
        (description,) = work.glob("*.json")
        controls = _controls(json.loads(description.read_text(encoding="utf-8"))["ui"])
    rows = Rows(built_in_table(), compiler)
    expanded = compiler.expand(text)
    read = with_deep_stack(lambda: read_program(expanded, rows))
    ours = {_joined(one.path): one.kind for one in (*read.sliders.values(), *read.switches)}
    assert ours.items() <= controls.items()
    # What no output depends on is not in the graph; the compiler shows it all the same.
    assert ours or not controls or name in ("envelopes_demo", "latch_demo")


def _controls(items: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The kind of each control in a JSON description, by its joined address."""
    found: dict[str, str] = {}
    for item in items:
        found |= _controls(item.get("items", ()))
        if "address" in item:
            found[_joined(item["address"])] = item["type"]
    return found


def _joined(path: str) -> str:
    """The descriptions of 2.54.9 leave a `/` in a label as it is, which is `_` in a path."""
    return path.replace("/", "_")
