"""The losses of `fit` as functions that PyTorch differentiates, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ..layers.losses import BatchLoss, require_alike
from .function import array


def loss(
    name: str, sample_rate: float = 44100.0
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A loss by its name, as in `fit --loss mrstft:sizes=1024+256`, at a sampling rate in Hz.

    It takes output and target, (batch, channels, frames) or (channels, frames), and gives a tensor
    without axes, in the type and on the device of the output. All of a batch is one set. It is
    computed in double precision on the CPU, and its gradient is the exact one, by the output alone.
    Raises `InputError` for a name that is none, and when called `ValueError` for shapes that differ
    and for a target that requires a gradient.
    """
    batch = BatchLoss(name, sample_rate)

    def value_of(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        require_alike(tuple(output.shape), tuple(target.shape))
        if target.requires_grad:
            raise ValueError("there is no gradient by the target: pass target.detach()")
        return _LossFunction.apply(batch, output, target)

    return value_of


class _LossFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, batch: BatchLoss, output: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        ctx.batch = batch
        ctx.save_for_backward(output, target)
        value = batch.value(array(output), array(target))
        return torch.from_numpy(value).to(output.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[None, torch.Tensor, None]:
        output, target = ctx.saved_tensors
        gradient = ctx.batch.gradient(array(output), array(target))
        return None, cotangent * torch.from_numpy(gradient).to(output.device), None
