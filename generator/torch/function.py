"""The program as a function that PyTorch differentiates, once."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.function import once_differentiable

from ..autodiff.vjp import State
from ..layers.layer import Layer


@dataclass(frozen=True)
class TorchCall:
    """All of a call that is no tensor: `names` are those of the tensors after the first.

    `units` are the names that are given in [0, 1]; the rest is as in `Layer.forward`.
    """

    layer: Layer
    names: tuple[str, ...]
    units: Collection[str]
    dtype: torch.dtype
    frames: int | None
    batch: int | None
    state: State | None
    segment: int | Literal["auto"] | None
    record: bool


class FinalState:
    """Where a call puts the state in which it ended."""

    state: State | None


def run(
    call: TorchCall, x: torch.Tensor | None, values: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, State | None]:
    """The outputs of the program in the type and on the device of `x`, and its state."""
    ended = FinalState()
    ordered = [values[name] for name in call.names]
    return _ProgramFunction.apply(call, ended, x, *ordered), ended.state


class _ProgramFunction(torch.autograd.Function):
    """Runs on the CPU, in NumPy: tensors of other devices are copied there and back."""

    @staticmethod
    def forward(
        ctx: Any, call: TorchCall, ended: FinalState, x: torch.Tensor | None, *values: torch.Tensor
    ) -> torch.Tensor:
        outputs, passed = call.layer.forward(
            None if x is None else array(x),
            {name: array(value) for name, value in zip(call.names, values, strict=True)},
            double=call.dtype == torch.float64,
            units=call.units,
            frames=call.frames,
            batch=call.batch,
            state=call.state,
            segment=call.segment,
            record=call.record,
        )
        ended.state = passed.tape.state
        ctx.call, ctx.passed = call, passed
        # With segments the inputs are needed again: PyTorch then tells if they were changed.
        ctx.save_for_backward(*((x,) if call.segment and x is not None else ()))
        ctx.places = [None if one is None else (one.dtype, one.device) for one in (x, *values)]
        return torch.from_numpy(outputs).to(_device(x, *values))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        _ = ctx.saved_tensors
        needed = ctx.needs_input_grad[2:]
        inputs, sliders = ctx.call.layer.backward(ctx.passed, array(cotangents), inputs=needed[0])
        tensors = [inputs, *(sliders.get(name) for name in ctx.call.names)]
        return (
            None,
            None,
            *(
                _tensor(one, place) if wanted and one is not None else None
                for one, place, wanted in zip(tensors, ctx.places, needed, strict=True)
            ),
        )


def array(tensor: torch.Tensor) -> NDArray[Any]:
    """A tensor as an array: the same memory on the CPU, a copy from elsewhere or of bfloat16."""
    if tensor.device.type != "cpu":
        warnings.warn(
            f"Faust programs run on the CPU: tensors on '{tensor.device}' are copied there and "
            "back at each call",
            stacklevel=2,
        )
        tensor = tensor.cpu()
    if tensor.dtype == torch.bfloat16:  # NumPy has no such numbers
        tensor = tensor.float()
    values: NDArray[Any] = tensor.detach().numpy()
    return values


def _device(*tensors: torch.Tensor | None) -> torch.device:
    """Where the outputs go: to the inputs, else to the first value that is no plain number."""
    devices = (one.device for one in tensors if one is not None and one.device.type != "cpu")
    return next(devices, torch.device("cpu"))


def _tensor(values: NDArray[Any], place: tuple[torch.dtype, torch.device]) -> torch.Tensor:
    tensor = torch.from_numpy(np.asarray(values))
    return tensor if (tensor.dtype, tensor.device) == place else tensor.to(place[1], place[0])
