"""Files of values, names of controls, and state dicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faustdiff.errors import InputError
from faustdiff.learned.pytorch import layers, tensors
from faustdiff.learned.values import place_values, read_values, short_names, text_of


def read_back(values: dict[str, float], tmp_path: Path) -> dict[str, float]:
    path = tmp_path / "values.json"
    path.write_text(text_of(values), encoding="utf-8")
    return read_values(path)


names = st.text("ab.0123", min_size=1, max_size=6)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(values=st.dictionaries(names, numbers, min_size=1))
def test_values_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, float]
) -> None:
    assert read_back(values, tmp_path_factory.mktemp("values")) == values


def test_whole_tensors_are_nested() -> None:
    text = text_of({"w.0.0": 1, "w.0.1": 2, "w.1.0": 3, "w.1.1": 4, "gain": 5, "b.1": 6})
    assert "".join(text.split()) == '{"w":[[1,2],[3,4]],"gain":5,"b.1":6}'


@dataclass(frozen=True)
class Control:
    label: str
    path: str


CONTROLS = [Control("gain", "/p/left/gain"), Control("gain", "/p/right/gain"), Control("q", "/p/q")]


def test_a_short_name_is_a_label_or_the_end_of_a_path() -> None:
    found = short_names(CONTROLS)
    assert found == ["left/gain", "right/gain", "q"]
    values = {name: float(index) for index, name in enumerate(found)}
    assert place_values(values, CONTROLS, "f") == ({0: 0.0, 1: 1.0, 2: 2.0}, [])


def test_a_name_of_several_controls_is_refused_with_their_paths() -> None:
    with pytest.raises(InputError, match=r"several controls.*\n.*/p/left/gain, /p/right/gain"):
        place_values({"gain": 1.0}, CONTROLS, "f")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a.weight": "x"}, "'a.weight' is not a tensor"),
        ({"a.weight": [[1.0], [1.0, 2.0]]}, "'a.weight' is not a tensor"),
        ({"a.weight": [[float("nan")]]}, "not finite"),
        ({"a.weight": [[1.0]], "a.bias": [1.0, 2.0]}, "bias has the shape \\[2\\], not \\[1\\]"),
        ({"a.bias": [1.0]}, "there is no weight"),
        ({"a.weight": [[1.0]], "a.extra": [1.0]}, "'extra' is of no layer"),
        ({"a.weight": [1.0], "a.running_mean": [1.0]}, "batch"),
        ({"a.weight_ih_l0": [[1.0]], "a.weight_hh_l0": [[1.0, 1.0]]}, "1, 3 or 4 times"),
        (
            {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[1.0]], "weight_ih_l0_reverse": [[1.0]]},
            "future",
        ),
    ],
)
def test_a_state_dict_that_is_no_network_is_refused(state: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        layers(state)


def test_biases_that_are_missing_are_0() -> None:
    state = {"x.weight": [[1.0, 2.0]], "y.weight_ih_l0": [[1.0]] * 3, "y.weight_hh_l0": [[1.0]] * 3}
    found = layers(state)
    assert [layer.call for layer in found] == ["dense(2, 1)", "gru(1, 1)"]
    named = tensors(found)
    assert named["0.bias"] == [0.0] and named["1.bias_hh_l0"] == [0.0] * 3
    assert list(named)[2:] == [
        f"1.{n}_l0" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
