"""Weights from elsewhere, by format, as layers of `df.nn`.

    .json         a PyTorch state dict, alone or inside a model of GuitarML (Proteus), or RTNeural
    .nam          Neural Amp Modeler: LSTM and WaveNet, a flat list of numbers in a known order
    .safetensors  a state dict
    .pt, .pth     a state dict saved by PyTorch; nothing but tensors is loaded from it

What a file holds besides layers, and what has to be added by hand, is said in notes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, Place, Problem
from ..table.assembling import built_in_table
from . import pytorch
from .pytorch import NetworkLayer, Tensor
from .values import read_object

#: NumPy's names of the types of numbers in safetensors.
SAFETENSORS_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
}


@dataclass(frozen=True)
class Weights:
    """The layers of a file, in order, and what there is to say about it."""

    layers: tuple[NetworkLayer, ...]
    notes: tuple[str, ...] = ()


def read_weights(path: Path) -> Weights:
    """The layers in a file of any known format.

    Raises `InputError` for a file that cannot be read, and for what `df.nn` does not have, by name.
    """
    match path.suffix.lower():
        case ".safetensors":
            return _safetensors_layers(path)
        case ".pt" | ".pth":
            return Weights(tuple(pytorch.layers(_torch(path), str(path))))
    content = read_object(path)
    try:
        if "architecture" in content and "weights" in content:
            return _nam(content)
        if isinstance(content.get("layers"), list):
            return Weights(tuple(_rtneural(content["layers"])))
        if isinstance(content.get("state_dict"), dict):
            return _guitarml(content, path)
    except KeyError as error:
        raise _refusal(path, f"lacks {error}", "export the model again") from None
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise _refusal(path, f"is not understood: {error}", "export the model again") from None
    return Weights(tuple(pytorch.layers(content, str(path))))


def _guitarml(content: Mapping[str, Any], path: Path) -> Weights:
    """A model of GuitarML, whose trainer may add the input to the output."""
    notes = []
    data = content.get("model_data", {})
    if isinstance(data, dict) and data.get("skip"):
        notes.append("the model adds its input to the output (skip)")
    return Weights(tuple(pytorch.layers(content["state_dict"], str(path))), tuple(notes))


def _safetensors_layers(path: Path) -> Weights:
    """A state dict whose file keeps no order: layers are sorted by name, numbers as numbers."""
    found = _safetensors(path)
    modules = {name.rpartition(".")[0] for name in found}
    named = [one for one in modules if not one.rpartition(".")[2].isdecimal()]
    notes = ["the file keeps no order of its layers: they are sorted by name"] if named else []
    state = {name: found[name] for name in sorted(found, key=_natural_order)}
    # One layer alone is in order.
    return Weights(
        tuple(pytorch.layers(state, str(path))), tuple(notes) if len(modules) > 1 else ()
    )


def _natural_order(name: str) -> tuple[tuple[int, str], ...]:
    """A key by which '2.weight' comes before '10.weight'."""
    return tuple(
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)
    )


def _safetensors(path: Path) -> dict[str, Any]:
    _require_file(path)
    try:
        import safetensors
    except ImportError:
        hint = "pip install safetensors"
        raise _refusal(path, "needs a package that is not installed", hint) from None
    # It has no types of its own.
    deserialize: Callable[[bytes], list[tuple[str, Any]]] = safetensors.deserialize
    try:
        entries = deserialize(path.read_bytes())
    except (safetensors.SafetensorError, OSError) as error:
        what = f"is no file of safetensors: {error}"
        raise _refusal(path, what, "save it again") from None
    return {name: _tensor(path, name, one) for name, one in entries}


def _tensor(path: Path, name: str, entry: Mapping[str, Any]) -> Tensor:
    """A tensor of safetensors, whose `data` are bytes, the lowest first."""
    kind, data, shape = entry["dtype"], entry["data"], entry["shape"]
    if kind == "BF16":
        # The upper half of a number of 32 bits.
        wide = np.frombuffer(data, "<u2").astype("<u4") << 16
        return wide.view("<f4").astype(float).reshape(shape)
    if kind not in SAFETENSORS_TYPES:
        known = ", ".join(["BF16", *SAFETENSORS_TYPES])
        what = f"'{name}' has numbers of the type {kind}; {known} are known"
        raise _refusal(path, what, "convert it to F32, and save it again")
    return np.frombuffer(data, SAFETENSORS_TYPES[kind]).astype(float).reshape(shape)


def _torch(path: Path) -> dict[str, Any]:
    _require_file(path)
    try:
        import torch
    except ImportError:
        hint = "pip install 'faustdiff[torch]', or save the state dict as JSON or safetensors"
        raise _refusal(path, "needs PyTorch, which is not installed", hint) from None
    try:
        # Nothing but tensors: a pickle may run whatever it likes.
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    # Bytes that are no pickle end its reader in any error at all.
    except Exception as error:
        what = f"has no state dict that can be loaded without running code: {_first(error)}"
        raise _refusal(path, what, "save model.state_dict() instead of the model") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(hasattr(one, "detach") for one in content.values()):
        what = "holds no state dict: names with tensors"
        raise _refusal(path, what, "save model.state_dict()")
    return {str(name): _array(one.detach()) for name, one in content.items()}


def _array(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor of PyTorch as an array: floats of any width as doubles, for NumPy lacks some."""
    return np.asarray((tensor.double() if tensor.is_floating_point() else tensor).numpy())


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise _refusal(path, "cannot be read: there is no such file", "name an existing file")


class _NumberList:
    """A flat list of numbers that is read from its beginning."""

    def __init__(self, values: Any) -> None:
        self._values = pytorch.tensor(values).reshape(-1)
        self._place = 0

    def take(self, *shape: int) -> Tensor:
        """The next numbers, as a tensor of this shape."""
        count = int(np.prod(shape))
        part = self._values[self._place : self._place + count]
        if len(part) < count:
            raise ValueError(f"{len(self._values)} weights are too few for its configuration")
        self._place += count
        return part.reshape(shape)

    def end(self) -> None:
        """Raises ValueError if numbers are left."""
        left = len(self._values) - self._place
        if left:
            raise ValueError(f"{left} of its weights belong to no layer of its configuration")


def _nam(content: Mapping[str, Any]) -> Weights:
    """A file of Neural Amp Modeler."""
    kinds: dict[str, Callable[[Mapping[str, Any], _NumberList], Weights]]
    kinds = {"LSTM": _nam_lstm, "WaveNet": _nam_wavenet}
    name = str(content["architecture"])
    if name not in kinds:
        raise ValueError(f"the architecture {name} is not known; LSTM and WaveNet are")
    numbers = _NumberList(content["weights"])
    weights = kinds[name](content["config"], numbers)
    numbers.end()
    rate = content.get("sample_rate")
    notes = (f"it was trained at {rate:g} Hz",) if isinstance(rate, int | float) else ()
    return Weights(weights.layers, (*weights.notes, *notes))


def _nam_lstm(config: Mapping[str, Any], numbers: _NumberList) -> Weights:
    """Cells with one matrix for input and state, one bias, and a state to start from; a head."""
    units, inputs = int(config["hidden_size"]), int(config["input_size"])
    layers, started = [], False
    for index in range(int(config["num_layers"])):
        width = inputs if index == 0 else units
        matrix = numbers.take(4 * units, width + units)
        bias = numbers.take(4 * units)
        started |= bool(numbers.take(2 * units).any())
        tensors = {
            "weight_ih_l0": matrix[:, :width],
            "weight_hh_l0": matrix[:, width:],
            "bias_ih_l0": bias,
            "bias_hh_l0": np.zeros(4 * units),
        }
        layers.append(NetworkLayer(f"lstm({width}, {units})", tensors))
    head = {"weight": numbers.take(1, units), "bias": numbers.take(1)}
    layers.append(NetworkLayer(f"dense({units}, 1)", head))
    note = "the state that it starts from is left out: here, layers start at 0"
    return Weights(tuple(layers), (note,) if started else ())


def _nam_wavenet(config: Mapping[str, Any], numbers: _NumberList) -> Weights:
    """Arrays of dilated convolutions: each layer's tensors in the order in which they are used."""
    if config.get("head"):
        raise ValueError("a WaveNet with a head after its arrays is not known")
    layers: list[NetworkLayer] = []
    activations: list[str] = []
    for index, array in enumerate(config["layers"]):
        name = _activation(str(array.get("activation", "Tanh")), f"array {index}")
        activations.append(name or "no activation")
        channels, width = int(array["channels"]), int(array["input_size"])
        condition, size = int(array["condition_size"]), int(array["kernel_size"])
        out = channels * (2 if array.get("gated") else 1)
        layers.append(_dense(numbers, width, channels, bias=False))
        for dilation in array["dilations"]:
            weight = numbers.take(out, channels, size)
            call = f"conv1d({channels}, {out}, {size}, {int(dilation)})"
            layers.append(NetworkLayer(call, {"weight": weight, "bias": numbers.take(out)}))
            layers.append(_dense(numbers, condition, out, bias=False))
            layers.append(_dense(numbers, channels, channels, bias=True))
        head = int(array["head_size"])
        layers.append(_dense(numbers, channels, head, bias=bool(array["head_bias"])))
    scale = float(numbers.take(1)[0])
    first = config["layers"][0]
    gate = ", gated" if first.get("gated") else ""
    names = " or ".join(dict.fromkeys(activations))
    note = (
        "of each array: dense in, then for each dilation convolution, dense of the input, "
        f"{names}{gate}, dense to the next; then dense to the head; the "
        f"sum of the heads is multiplied by {scale:g}"
    )
    return Weights(tuple(layers), (note,))


def _dense(numbers: _NumberList, inputs: int, outputs: int, *, bias: bool) -> NetworkLayer:
    weight = numbers.take(outputs, inputs)
    offset = numbers.take(outputs) if bias else np.zeros(outputs)
    return NetworkLayer(f"dense({inputs}, {outputs})", {"weight": weight, "bias": offset})


def _rtneural(layers: Sequence[Mapping[str, Any]]) -> list[NetworkLayer]:
    """Layers of RTNeural, in the layouts of Keras: inputs first, gates z, r, h of a GRU."""
    result: list[NetworkLayer] = []
    for number, one in enumerate(layers):
        kind = str(one["type"]).lower().replace("-", "").replace("_", "")
        weights = [pytorch.tensor(part) for part in one.get("weights", [])]
        match kind:
            case "dense" | "timedistributeddense":
                result.append(_keras_dense(weights))
            case "lstm":
                result.append(_keras_recurrent("lstm", weights, (0, 1, 2, 3)))
            case "gru":
                result.append(_keras_recurrent("gru", weights, (1, 0, 2)))
            case "conv1d":
                result.append(_keras_convolution(one, weights))
            case "activation" if result:
                pass
            case _:
                raise ValueError(f"layer {number} is of the type '{one['type']}'")
        activation = _activation(str(one.get("activation") or ""), f"layer {number}")
        if kind in ("lstm", "gru"):
            if activation not in ("", "tanh"):
                raise ValueError(f"layer {number} is a {kind} with {activation}: here it has tanh")
        elif activation:
            before = result.pop()
            result.append(NetworkLayer(f"{before.call} then {activation}", before.tensors))
    return result


def _activation(name: str, where: str) -> str:
    """The activation of `df.nn` that a layer names, or nothing for none; ValueError for others."""
    same = name.lower().replace("_", "")
    if same in ("", "linear"):
        return ""
    rows = built_in_table().primitives
    known = ["tanh", *(row.name for row in rows if row.section == "Activations")]
    for one in known:
        if one.replace("_", "") == same:
            return one
    raise ValueError(f"{where} has the activation '{name}'; df.nn has {', '.join(known)}")


def _keras_dense(weights: Sequence[Tensor]) -> NetworkLayer:
    weight = weights[0].T
    bias = weights[1] if len(weights) > 1 else np.zeros(len(weight))
    call = f"dense({weight.shape[1]}, {len(weight)})"
    return NetworkLayer(call, {"weight": weight, "bias": bias.reshape(-1)})


def _keras_recurrent(name: str, weights: Sequence[Tensor], order: Sequence[int]) -> NetworkLayer:
    given, state = weights[0].T, weights[1].T
    units, rows = state.shape[1], len(state)
    if rows != len(order) * units or len(given) != rows:
        raise ValueError(f"a {name} with matrices {list(given.shape)} and {list(state.shape)}")
    biases = np.zeros((2, rows))
    if len(weights) > 2:
        bias = weights[2].reshape(-1, rows)
        biases[: len(bias)] = bias
    places = np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in order])
    tensors = {
        "weight_ih_l0": given[places],
        "weight_hh_l0": state[places],
        "bias_ih_l0": biases[0][places],
        "bias_hh_l0": biases[1][places],
    }
    return NetworkLayer(f"{name}({given.shape[1]}, {units})", tensors)


def _keras_convolution(one: Mapping[str, Any], weights: Sequence[Tensor]) -> NetworkLayer:
    weight = weights[0].transpose(2, 1, 0)
    outputs, inputs, size = weight.shape
    dilation = np.asarray(one.get("dilation", 1)).reshape(-1)[0]
    bias = weights[1] if len(weights) > 1 else np.zeros(outputs)
    call = f"conv1d({inputs}, {outputs}, {size}, {int(dilation)})"
    return NetworkLayer(call, {"weight": weight, "bias": bias.reshape(-1)})


def _refusal(path: Path, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(str(path)), what, hint)])
