"""The losses of `fit` in PyTorch and JAX: values as in the catalogue, gradients by differences."""

from __future__ import annotations

import os

import numpy as np
import pytest

from faustdiff.errors import InputError
from faustdiff.fitting.catalogue import at_rate, parse_loss

NAMES = ("mse", "mae", "esr", "stft", "mrstft:sizes=64+32", "mel:mels=6,sizes=64", "ot:sizes=64")
SHAPE = (2, 1, 150)


def _library(name: str) -> object:
    if os.environ.get("CI"):
        return __import__(name)
    return pytest.importorskip(name)


def signals(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Output and target (batch, channels, frames)."""
    output, target = np.random.default_rng(seed).normal(size=(2, *SHAPE))
    return output, target


def expected(name: str, output: np.ndarray, target: np.ndarray) -> float:
    """The loss of the catalogue, of all of a batch."""
    return at_rate(parse_loss(name), 8000).whole(list(zip(output, target, strict=True)))


@pytest.mark.parametrize("name", NAMES)
def test_pytorch(name: str) -> None:
    torch = _library("torch")
    from faustdiff.torch import loss

    output, target = signals()
    y = torch.tensor(output, requires_grad=True)
    t = torch.tensor(target)
    found = loss(name, 8000)(y, t)
    assert found.item() == pytest.approx(expected(name, output, target), rel=1e-12)
    # A direction of all samples, against differences of the same numbers: 1e-6 of the slope.
    found.backward()
    way = np.random.default_rng(1).normal(size=SHAPE)
    step = 1e-6
    values = [expected(name, output + side * step * way, target) for side in (1, -1)]
    slope = (values[0] - values[1]) / (2 * step)
    assert float((y.grad.numpy() * way).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_pytorch_gradcheck() -> None:
    torch = _library("torch")
    from faustdiff.torch import loss

    rng = np.random.default_rng(2)
    y = torch.tensor(rng.normal(size=(1, 40)), requires_grad=True)
    t = torch.tensor(rng.normal(size=(1, 40)))
    for name in ("mse", "mrstft:sizes=16+8", "kl:sizes=16"):
        far = loss(name)
        assert torch.autograd.gradcheck(lambda x, far=far: far(x, t), (y,))
    assert loss("mse")(y.float(), t.float()).dtype == torch.float32
    with pytest.raises(ValueError, match="target"):
        loss("mse")(y, y)
    with pytest.raises(ValueError, match="channels"):
        loss("mse")(y, t[:, :20])
    with pytest.raises(InputError, match="no loss"):
        loss("nothing")


@pytest.mark.parametrize("name", ["mse", "mrstft:sizes=64+32"])
def test_jax(name: str) -> None:
    jax = _library("jax")
    from faustdiff.jax import loss

    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        output, target = signals()
        far = loss(name, 8000)
        value, slope = jax.jit(jax.value_and_grad(far))(output, target)
        assert float(value) == pytest.approx(expected(name, output, target), rel=1e-12)
        way = np.random.default_rng(1).normal(size=SHAPE)
        values = [expected(name, output + side * 1e-6 * way, target) for side in (1, -1)]
        known = (values[0] - values[1]) / 2e-6
        assert float((np.asarray(slope) * way).sum()) == pytest.approx(known, rel=1e-5)
        # What is not known is not called 0.
        assert np.isnan(jax.grad(far, argnums=1)(output, target)).all()
