"""A PyTorch state dict, saved as JSON, as the parameters of a network of `df.nn`.

    json.dump({k: v.tolist() for k, v in model.state_dict().items()}, file)

The shapes and the orders within a layer are the same; what differs are the names, which in `df.nn`
number the layers with parameters from 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, Place, Problem

Tensor = np.ndarray[Any, np.dtype[np.float64]]

RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
#: Gates by how many rows of `weight_hh` there are for each unit.
GATES = {1: "rnn", 3: "gru", 4: "lstm"}

#: What a state dict says about a layer that `df.nn` does not have.
UNSUPPORTED = {
    "running_mean": "batch normalisation depends on the batch",
    "weight_hr_l0": "LSTMs with a projection are not in df.nn",
    "in_proj_weight": "attention is not in df.nn",
}


@dataclass(frozen=True)
class NetworkLayer:
    """A layer of `df.nn`: its call, as `gru(1, 4)`, and its tensors in order, by name."""

    call: str
    tensors: Mapping[str, Tensor]


def layers(state: Mapping[str, Any], file: str = "") -> list[NetworkLayer]:
    """The layers of a state dict, nested lists by name, in its order.

    Dense, Conv1d (dilation and stride are not in a state dict), RNN with tanh, GRU, LSTM, each of
    these with any number of layers, and LayerNorm. A bias that is missing is 0. `file` stands for
    the state dict in messages. Raises `InputError` for tensors that are not numbers, shapes that do
    not fit, and for other layers.
    """
    modules: dict[str, dict[str, Tensor]] = {}
    numbers: dict[str, Tensor] = {}
    problems: list[Problem] = []
    for key, nested in state.items():
        try:
            numbers[key] = tensor(nested)
        except (TypeError, ValueError) as error:
            what = f"'{key}' is not a tensor of numbers: {error}"
            problems.append(Problem(Place(file), what, "save each tensor with tolist()"))
    for key, one in _without_weight_norm(numbers).items():
        module, _, name = key.rpartition(".")
        if not np.isfinite(one).all():
            problems.append(Problem(Place(file), f"'{key}' is not finite", "train again"))
            continue
        modules.setdefault(module, {})[name] = one
    if not state:
        problems.append(Problem(Place(file), "holds no tensors", "save model.state_dict()"))
    network: list[NetworkLayer] = []
    for module, parts in modules.items():
        try:
            network.extend(_layers(parts))
        except _RefusedError as error:
            where = f"'{module}' " if module else ""
            what = f"module {where}with {_shapes(parts)}: {error}"
            hint = "df.nn has dense, conv1d, rnn, gru, lstm and layer_norm"
            problems.append(Problem(Place(file), what, hint))
    if problems:
        raise InputError(problems)
    return network


def tensor(nested: Any) -> Tensor:
    """Nested lists of numbers, or an array, as an array.

    Raises TypeError for anything else, as truth values and text, and ValueError for rows that
    differ in length.
    """
    if isinstance(nested, np.ndarray):
        if nested.dtype.kind not in "iuf":
            raise TypeError(f"it holds the type {nested.dtype}")
    else:
        _require_numbers(nested)
    return np.array(nested, float)


def _require_numbers(nested: Any) -> None:
    if isinstance(nested, list):
        for part in nested:
            _require_numbers(part)
    elif isinstance(nested, bool) or not isinstance(nested, int | float):
        raise TypeError(f"it holds {json.dumps(nested)[:40]}")


def tensors(network: Sequence[NetworkLayer]) -> dict[str, Any]:
    """The tensors of layers by their names in `df.nn`, as nested lists."""
    return {
        f"{index}.{name}": tensor.tolist()
        for index, layer in enumerate(network)
        for name, tensor in layer.tensors.items()
    }


def _without_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With the weight itself where a layer has its size and direction: g v / |v|, row by row.

    Salimans and Kingma, "Weight normalization" (2016), under both names that PyTorch has for it.
    """
    result = dict(state)
    for size, direction in (
        ("weight_g", "weight_v"),
        ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ):
        for sized in [one for one in state if one.endswith(size)]:
            prefix = sized[: -len(size)]
            v = result.get(f"{prefix}{direction}")
            if v is None:
                continue
            g = result.pop(sized).reshape(-1, *[1] * (v.ndim - 1))
            norm = np.sqrt((v**2).sum(axis=tuple(range(1, v.ndim)), keepdims=True))
            # A direction of length 0 is none, which is refused below as not finite.
            with np.errstate(invalid="ignore", divide="ignore"):
                weight = g * v / norm
            # In the place of the direction, so that layers stay in their order.
            name = f"{prefix}weight"
            result = {
                (name if k == f"{prefix}{direction}" else k): (
                    weight if k == f"{prefix}{direction}" else t
                )
                for k, t in result.items()
            }
    return result


class _RefusedError(Exception):
    """Why a module is no layer of `df.nn`."""


def _shapes(tensors: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())


def _layers(tensors: Mapping[str, Tensor]) -> Iterator[NetworkLayer]:
    for name, why in UNSUPPORTED.items():
        if name in tensors:
            raise _RefusedError(why)
    if "weight_ih_l0" in tensors:
        yield from _recurrent(tensors)
        return
    if "weight" not in tensors:
        raise _RefusedError("there is no weight")
    weight = tensors["weight"]
    if weight.ndim not in (1, 2, 3):
        raise _RefusedError("a weight has one, two or three dimensions")
    if weight.ndim == 1 and "bias" not in tensors:
        raise _RefusedError("PReLU is not in df.nn (nor LayerNorm without a bias)")
    rows = weight.shape[0]
    bias = tensors.get("bias", np.zeros(rows))
    _expect("bias", bias, (rows,))
    _expect_names(tensors, {"weight", "bias"})
    match weight.ndim:
        case 1:
            call = f"layer_norm({rows})"
        case 2:
            call = f"dense({weight.shape[1]}, {rows})"
        case _:
            call = f"conv1d({weight.shape[1]}, {rows}, {weight.shape[2]}, DILATION)"
    yield NetworkLayer(call, {"weight": weight, "bias": bias})


def _recurrent(tensors: Mapping[str, Tensor]) -> Iterator[NetworkLayer]:
    count = sum(name.startswith("weight_ih_l") for name in tensors)
    if any(name.endswith("_reverse") for name in tensors):
        raise _RefusedError("a layer that runs backwards in time needs the future")
    _expect_names(tensors, {f"{name}_l{k}" for name in RECURRENT for k in range(count)})
    for k in range(count):
        ih, hh = (tensors.get(f"{name}_l{k}") for name in RECURRENT[:2])
        if ih is None or hh is None or ih.ndim != 2 or hh.ndim != 2:
            raise _RefusedError(f"weight_ih_l{k} and weight_hh_l{k} are two matrices")
        rows, units = hh.shape
        gates = GATES.get(rows // units if units and rows % units == 0 else 0)
        if gates is None:
            raise _RefusedError(f"weight_hh_l{k} has 1, 3 or 4 times as many rows as columns")
        _expect(f"weight_ih_l{k}", ih, (rows, ih.shape[1]))
        biases = [tensors.get(f"{name}_l{k}", np.zeros(rows)) for name in RECURRENT[2:]]
        for name, bias in zip(RECURRENT[2:], biases, strict=True):
            _expect(f"{name}_l{k}", bias, (rows,))
        # Each is a layer of its own, so that all are the first of theirs.
        named = {f"{n}_l0": t for n, t in zip(RECURRENT, (ih, hh, *biases), strict=True)}
        yield NetworkLayer(f"{gates}({ih.shape[1]}, {units})", named)


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise _RefusedError(f"{name} has the shape {list(tensor.shape)}, not {list(shape)}")


def _expect_names(tensors: Mapping[str, Tensor], names: set[str]) -> None:
    others = sorted(set(tensors) - names)
    if others:
        raise _RefusedError(f"'{others[0]}' is of no layer that df.nn has")
