"""Labels and names of the interface, without a compiler; `test_interface` holds compilers to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from faustdiff.faust.names import places_of
from faustdiff.signals.labels import label_of, path_of, read_label


@pytest.mark.parametrize(
    ("label", "text", "metadata"),
    [
        ("gain [unit:dB]", "gain", {"unit": "dB"}),
        ("[2] cut off [unit:Hz][scale:log]", "cut off", {"2": "", "unit": "Hz", "scale": "log"}),
        ("[1]", "0x00", {"1": ""}),
        ("", "0x00", {}),
        ("a[tooltip: x", "a", {}),
        ("a [x:[y]z] b", "a  b", {"x": "[y]z"}),
        ("a]b", "a]b", {}),
        (r"a\[b\]", "a[b]", {}),
        (r"x [a:b\]c]", "x", {"a": "b]c"}),
        ("[:]", "0x00", {"": ""}),
        ("[tooltip: a/b (c): d]", "0x00", {"tooltip": "a/b (c): d"}),
        ("a\\", "a", {}),
    ],
)
def test_a_label_is_text_and_metadata(label: str, text: str, metadata: dict[str, str]) -> None:
    read = read_label(label)
    assert (read.text, read.metadata) == (text, metadata)


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("q", ["o", "p", "q"]),
        ("Dry/Wet", ["o", "p", "Dry/Wet"]),
        ("./q", ["o", "p", "q"]),
        ("../q", ["o", "q"]),
        ("/q", ["q"]),
        ("../../../q", ["q"]),
        ("h:g/q", ["o", "p", "g", "q"]),
        ("h:g", ["o", "p", "g", "0x00"]),
        ("x:y/q", ["o", "p", "y", "q"]),
        ("h:[1]/q", ["o", "p", "0x00", "q"]),
        ("h:[x:a/b]g/q", ["o", "p", "0x00", "b]g/q"]),
        ("[1]h:g/q", ["o", "p", "h:g/q"]),
        (".", ["o", "cons"]),
        ("..", ["cons"]),
    ],
)
def test_the_label_of_a_widget_may_be_a_path(label: str, path: list[str]) -> None:
    assert path_of((("vgroup", "o"), ("hgroup", "p [3]")), label) == path


@dataclass(frozen=True)
class One:
    label: str
    path: str


CONTROLS = (One("gain", "/p/a/gain"), One("gain", "/p/b/gain"), One("Dry/Wet", "/p/Dry_Wet"))


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("gain", [0, 1]),
        ("/p/b/gain", [1]),
        ("b/gain", [1]),
        ("Dry/Wet", [2]),
        ("/other/a/gain", [0]),
        ("/other/p/b/gain", [1]),
        ("other/a/gain", []),
        ("/p/Dry/Wet", [2]),
        ("/", []),
        ("", []),
        ("ain", []),
    ],
)
def test_a_control_is_found_by_label_path_or_end_of_path(name: str, places: list[int]) -> None:
    assert places_of(name, CONTROLS) == places


def test_a_path_is_found_as_each_compiler_spells_it() -> None:
    """In JSON, 2.54.9 leaves `/`, and the compiler of the browser writes `-` for an apostrophe."""
    sought = "/program/a_b/the_'x'"
    for spelling in ("/program/a_b/the_'x'", "/program/a/b/the_'x'", "/program/a_b/the_-x-"):
        controls = [One("x", path) for path in (spelling, "/program/other")]
        assert places_of(sought, controls) == [0]


@pytest.mark.parametrize("text", ["gain", "a[b]", "%s{{x}}", "50%wet", "back\\slash", "a%[b:c]%d"])
def test_any_text_can_be_a_label(text: str) -> None:
    label = label_of(text)
    assert read_label(label).text == text
    assert not re.search(r"%[\w{]", label), "a variable to the compiler"
