"""Weights from elsewhere: each format against the network that it describes, in NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faustdiff.errors import InputError
from faustdiff.learned.formats import Weights, read_weights
from faustdiff.learned.pytorch import NetworkLayer
from faustdiff.learned.values import read_values

RNG = np.random.default_rng(0)


def read(folder: Path, content: object, name: str = "model.json") -> Weights:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_weights(path)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def lstm(layer: NetworkLayer, signal: np.ndarray) -> np.ndarray:
    """PyTorch's LSTM on (n, inputs), from its documentation."""
    w, u, b, c = (
        layer.tensors[f"{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    state, cell, found = np.zeros(u.shape[1]), np.zeros(u.shape[1]), []
    for x in signal:
        i, f, g, o = np.split(w @ x + b + u @ state + c, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(cell)
        found.append(state)
    return np.array(found)


def gru(layer: NetworkLayer, signal: np.ndarray) -> np.ndarray:
    """PyTorch's GRU on (n, inputs), from its documentation."""
    w, u, b, c = (
        layer.tensors[f"{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    state, found = np.zeros(u.shape[1]), []
    for x in signal:
        (r1, z1, n1), (r2, z2, n2) = np.split(w @ x + b, 3), np.split(u @ state + c, 3)
        r, z = sigmoid(r1 + r2), sigmoid(z1 + z2)
        state = (1 - z) * np.tanh(n1 + r * n2) + z * state
        found.append(state)
    return np.array(found)


def test_guitarml(tmp_path: Path) -> None:
    state = {
        "rec.weight_ih_l0": RNG.normal(size=(8, 1)).tolist(),
        "rec.weight_hh_l0": RNG.normal(size=(8, 2)).tolist(),
        "rec.bias_ih_l0": RNG.normal(size=8).tolist(),
        "rec.bias_hh_l0": RNG.normal(size=8).tolist(),
        "lin.weight": RNG.normal(size=(1, 2)).tolist(),
        "lin.bias": [0.1],
    }
    found = read(tmp_path, {"model_data": {"skip": 1}, "state_dict": state})
    assert [one.call for one in found.layers] == ["lstm(1, 2)", "dense(2, 1)"]
    assert found.layers[0].tensors["weight_hh_l0"].tolist() == state["rec.weight_hh_l0"]
    assert found.notes == ("the model adds its input to the output (skip)",)


def test_rtneural(tmp_path: Path) -> None:
    """In the layouts of Keras: LSTM i f c o, GRU z r h with a bias for each of its products."""
    kernel, state, bias = (RNG.normal(size=s) for s in ((1, 12), (3, 12), 12))
    gates, gated, both = (RNG.normal(size=s) for s in ((3, 6), (2, 6), (2, 6)))
    dense, offset = RNG.normal(size=(2, 4)), RNG.normal(size=4)
    taps, shift = RNG.normal(size=(5, 4, 2)), RNG.normal(size=2)

    def layer(kind: str, *weights: np.ndarray, **more: Any) -> dict[str, Any]:
        return {"type": kind, "weights": [one.tolist() for one in weights], **more}

    found = read(
        tmp_path,
        {
            "in_shape": [None, None, 1],
            "layers": [
                layer("lstm", kernel, state, bias),
                layer("gru", gates, gated, both),
                layer("dense", dense, offset),
                layer("activation", activation="tanh"),
                layer("conv1d", taps, shift, dilation=3),
            ],
        },
    ).layers
    calls = ["lstm(1, 3)", "gru(3, 2)", "dense(2, 4) then tanh", "conv1d(4, 2, 5, 3)"]
    assert [one.call for one in found] == calls
    signal = RNG.normal(size=(20, 1))
    h, c, expected = np.zeros(3), np.zeros(3), []
    for x in signal:
        i, f, g, o = np.split(x @ kernel + h @ state + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        expected.append(h)
    assert lstm(found[0], signal) == pytest.approx(np.array(expected), abs=1e-12)
    h, after = np.zeros(2), []
    for x in expected:
        (z1, r1, h1), (z2, r2, h2) = (
            np.split(x @ gates + both[0], 3),
            np.split(h @ gated + both[1], 3),
        )
        z, r = sigmoid(z1 + z2), sigmoid(r1 + r2)
        h = z * h + (1 - z) * np.tanh(h1 + r * h2)
        after.append(h)
    assert gru(found[1], np.array(expected)) == pytest.approx(np.array(after), abs=1e-12)
    assert found[2].tensors["weight"] == pytest.approx(dense.T)
    assert found[3].tensors["weight"][1, 2, 4] == taps[4, 2, 1]


def nam(kind: str, config: dict[str, Any], weights: list[float]) -> dict[str, Any]:
    return {
        "version": "0.5.4",
        "architecture": kind,
        "config": config,
        "weights": weights,
        "sample_rate": 48000,
    }


def test_nam_lstm(tmp_path: Path) -> None:
    """A cell is one matrix for input and state, gates i f g o, then bias, state and cell."""
    matrix, bias = RNG.normal(size=(8, 3)), RNG.normal(size=8)
    numbers = [*matrix.reshape(-1), *bias, 0, 0, 0, 0, 0.3, -0.4, 0.5]
    config = {"input_size": 1, "hidden_size": 2, "num_layers": 1}
    found = read(tmp_path, nam("LSTM", config, numbers), "m.nam")
    assert [one.call for one in found.layers] == ["lstm(1, 2)", "dense(2, 1)"]
    assert found.notes == ("it was trained at 48000 Hz",)
    signal = RNG.normal(size=(10, 1))
    h, c, expected = np.zeros(2), np.zeros(2), []
    for x in signal:
        i, f, g, o = np.split(matrix @ np.concatenate([x, h]) + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        expected.append(h)
    assert lstm(found.layers[0], signal) == pytest.approx(np.array(expected), abs=1e-12)
    assert found.layers[1].tensors["weight"].tolist() == [[0.3, -0.4]]
    numbers[-5] = 0.1
    noted = read(tmp_path, nam("LSTM", config, numbers), "m.nam").notes[0]
    assert noted.startswith("the state that it starts from")


def test_nam_wavenet(tmp_path: Path) -> None:
    array = {
        "input_size": 1,
        "condition_size": 1,
        "channels": 2,
        "head_size": 1,
        "kernel_size": 3,
        "dilations": [1, 8],
        "activation": "Tanh",
        "gated": False,
        "head_bias": True,
    }
    # In, then for each of two layers convolution, bias, input and 1x1 with bias, head and scale.
    count = 2 + 2 * (12 + 2 + 2 + 4 + 2) + 2 + 1 + 1
    numbers = [float(index) for index in range(count)]
    found = read(tmp_path, nam("WaveNet", {"layers": [array]}, numbers), "m.nam")
    assert [one.call for one in found.layers] == [
        "dense(1, 2)",
        *("conv1d(2, 2, 3, 1)", "dense(1, 2)", "dense(2, 2)"),
        *("conv1d(2, 2, 3, 8)", "dense(1, 2)", "dense(2, 2)"),
        "dense(2, 1)",
    ]
    # Row by row: outputs, inputs, taps.
    assert found.layers[1].tensors["weight"][1, 0].tolist() == [8, 9, 10]
    assert found.layers[1].tensors["bias"].tolist() == [14, 15]
    assert found.layers[2].tensors["bias"].tolist() == [0, 0]
    assert found.layers[7].tensors["bias"].tolist() == [count - 2]
    assert f"multiplied by {count - 1}" in found.notes[0]
    assert ", tanh, dense" in found.notes[0]
    array["activation"] = "Hardtanh"
    with pytest.raises(InputError, match="array 0 has the activation 'Hardtanh'"):
        read(tmp_path, nam("WaveNet", {"layers": [array]}, numbers), "m.nam")


@pytest.mark.exhaustive
def test_safetensors_and_pytorch(tmp_path: Path) -> None:
    weight, bias = RNG.normal(size=(3, 2)), RNG.normal(size=3)
    numpy_format = pytest.importorskip("safetensors.numpy")
    numpy_format.save_file({"0.weight": weight, "0.bias": bias}, tmp_path / "m.safetensors")
    (layer,) = read_weights(tmp_path / "m.safetensors").layers
    assert layer.call == "dense(2, 3)"
    assert (layer.tensors["weight"] == weight).all()
    (tmp_path / "bad.safetensors").write_bytes(b"\x05\x00\x00\x00\x00\x00\x00\x00hello")
    with pytest.raises(InputError, match="no file of safetensors"):
        read_weights(tmp_path / "bad.safetensors")
    torch = pytest.importorskip("torch")
    torch.save({"0.weight": torch.tensor(weight), "0.bias": torch.tensor(bias)}, tmp_path / "m.pt")
    (layer,) = read_weights(tmp_path / "m.pt").layers
    assert (layer.tensors["weight"] == weight).all()
    torch.save(torch.nn.Linear(2, 3), tmp_path / "whole.pt")
    with pytest.raises(InputError, match="without running code"):
        read_weights(tmp_path / "whole.pt")


@pytest.mark.parametrize("names", [("weight_g", "weight_v"), ("original0", "original1")])
def test_weight_norm(tmp_path: Path, names: tuple[str, str]) -> None:
    v, g = RNG.normal(size=(3, 2, 4)), RNG.normal(size=(3, 1, 1))
    prefix = "" if names[0] == "weight_g" else "parametrizations.weight."
    state = {
        "c.bias": [1.0, 2.0, 3.0],
        f"c.{prefix}{names[0]}": g.tolist(),
        f"c.{prefix}{names[1]}": v.tolist(),
        "d.weight": [[1.0, 2.0, 3.0]],
    }
    found = read(tmp_path, state).layers
    assert [one.call for one in found] == ["conv1d(2, 3, 4, DILATION)", "dense(3, 1)"]
    norms = np.linalg.norm(v.reshape(3, -1), axis=1)
    assert found[0].tensors["weight"] == pytest.approx(g * v / norms[:, None, None])


UNKNOWN = {
    "PReLU is not in df.nn": {"act.weight": [0.25]},
    "batch normalisation": {"b.weight": [1.0], "b.running_mean": [0.0]},
    "the architecture ConvNet is not known": nam("ConvNet", {}, [1.0]),
    "weights are too few": nam("LSTM", {"input_size": 1, "hidden_size": 9, "num_layers": 1}, [1.0]),
    "is of the type 'prelu'": {"layers": [{"type": "prelu", "weights": [[0.1]]}]},
    "layer 1 has the activation 'swoosh'": {
        "layers": [
            {"type": "dense", "weights": [[[1.0]], [0.0]]},
            {"type": "activation", "activation": "swoosh"},
        ]
    },
    "layer 0 has the activation 'softmax'": {
        "layers": [{"type": "dense", "activation": "softmax", "weights": [[[1.0]], [0.0]]}]
    },
    "a gru with relu": {
        "layers": [{"type": "gru", "activation": "relu", "weights": [[[1.0] * 3], [[1.0] * 3]]}]
    },
    "it holds true": {"0.weight": [[0.5, True]]},
    'it holds "2"': {"0.weight": [[0.5, "2"]]},
    "not understood: it holds false": {"layers": [{"type": "dense", "weights": [[[False]]]}]},
    "understood: it holds true": nam(
        "LSTM", {"input_size": 1, "hidden_size": 1, "num_layers": 1}, [True]
    ),
    "'0.weight_g' is not a tensor of numbers": {"0.weight_g": ["a"], "0.weight_v": [[1.0]]},
    "is not understood: 'architecture'": {"architecture": "x"},
}


@pytest.mark.parametrize("what", list(UNKNOWN)[:-1])
def test_what_is_unknown_is_named(tmp_path: Path, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read(tmp_path, UNKNOWN[what])


def test_what_a_fit_writes_is_read_by_path(tmp_path: Path) -> None:
    parameters = [
        {"path": "/p/a/gain", "label": "gain", "value": 0.5, "standard_error": None},
        {"path": "/p/b/gain", "label": "gain", "value": -1, "standard_error": 0.1},
    ]
    path = tmp_path / "values.json"
    path.write_text(json.dumps({"parameters": parameters, "verdict": "found"}), encoding="utf-8")
    assert read_values(path) == {"/p/a/gain": 0.5, "/p/b/gain": -1.0}


def test_safetensors_in_order_and_types(tmp_path: Path) -> None:
    numpy_format = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "m.safetensors"
    modules = {f"{index}.weight": np.full((1, 1), float(index)) for index in (12, 2, 0, 10)}
    numpy_format.save_file(modules, path)
    found = read_weights(path)
    assert [one.tensors["weight"].item() for one in found.layers] == [0, 2, 10, 12]
    assert not found.notes
    numpy_format.save_file({"rec.weight": np.ones((1, 1)), "lin.weight": np.ones((1, 1))}, path)
    assert "sorted by name" in read_weights(path).notes[0]

    def write(kind: str, data: bytes) -> None:
        entry = {"dtype": kind, "shape": [1, 2], "data_offsets": [0, len(data)]}
        header = json.dumps({"0.weight": entry}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + data)

    # 1.5 and -2 are 0x3fc0 and 0xc000 in bfloat16.
    write("BF16", b"\xc0\x3f\x00\xc0")
    assert read_weights(path).layers[0].tensors["weight"].tolist() == [[1.5, -2.0]]
    write("F8_E4M3", b"\x38\x38")
    with pytest.raises(InputError, match="has numbers of the type F8_E4M3"):
        read_weights(path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "holds no tensors"),
        ({"architecture": "LSTM", "config": {}, "weights": []}, r"lacks 'hidden_size'"),
        ({"0.weight_g": [[1.0]], "0.weight_v": [[0.0]]}, "not finite"),
    ],
)
def test_files_that_lack_something(
    content: dict[str, object], message: str, tmp_path: Path
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_weights(tmp_path / "m.json")


@pytest.mark.exhaustive
def test_bytes_that_are_no_pickle_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "model.pt"
    for content in (b"", b"0", b"\x80\x02.", b"PK\x03\x04", *map(random_bytes, range(60))):
        path.write_bytes(content)
        with pytest.raises(InputError, match="no state dict"):
            read_weights(path)


def random_bytes(seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(1 + 7 * seed)
