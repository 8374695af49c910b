"""The examples of layers reach the errors of their headers; their gradients are right."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its tests are skipped")
from faustdiff.torch import FaustModule  # noqa: E402

FOLDER = Path(__file__).parent.parent / "examples" / "layers"
pytestmark = pytest.mark.xdist_group("layers")

#: From one seed each time, and from the others with `-m slow`.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


@pytest.fixture
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example that the test is named after."""
    monkeypatch.syspath_prepend(str(FOLDER))
    name = request.function.__name__.removeprefix("test_")
    sys.modules.pop(name, None)
    return __import__(name)


# Five hundred steps of a network: the gradients of its program are tested below.
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_predict_settings(example: Any, seed: int) -> None:
    error, _, _ = example.train(seed)
    assert error <= example.BOUND


@pytest.mark.parametrize("seed", SEEDS)
def test_moving_cutoff(example: Any, seed: int) -> None:
    error, _, _ = example.train(seed)
    assert error <= example.BOUND


@pytest.mark.parametrize(
    ("seed", "steps"),
    [(0, 400), *(pytest.param(seed, 1000, marks=pytest.mark.slow) for seed in range(3))],
)
def test_amplifier(example: Any, seed: int, steps: int) -> None:
    """From the first seed, the error of the header is reached long before its last step."""
    assert steps <= example.STEPS
    error, difference, _ = example.train(seed, steps)
    assert error <= example.BOUND
    assert difference <= example.FROZEN_BOUND


@pytest.mark.parametrize("seed", SEEDS)
def test_harmonics(example: Any, seed: int) -> None:
    error, _, _ = example.train(seed)
    assert error <= example.BOUND


#: The sliders that move, and the rate: low where time constants would be longer than the frames.
PROGRAMS: dict[str, tuple[list[str], int]] = {
    "channel": (["level"], 2000),
    "moving_cutoff": (["cutoff"], 44100),
    "cabinet": (["treble"], 44100),
    "harmonics": (["amplitude 1"], 16000),
}


def drawn(name: str, names: Iterable[str], inputs: int) -> tuple[list[str], list[np.ndarray]]:
    """The sliders that are tried, and values in [0, 1] for the inputs and for them."""
    # os.osc reads a table at whole places: steps of its frequency are seen in jumps, so that its
    # slope is not the difference of two close values.
    tried = [one for one in names if (name, one) != ("harmonics", "frequency")]
    shapes = [(2, 14) if one in PROGRAMS[name][0] else (2,) for one in tried]
    generator = np.random.default_rng(2)
    return tried, [generator.uniform(0.3, 0.7, one) for one in ((2, inputs, 14), *shapes)]


@pytest.mark.usefixtures("little_optimization")
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradcheck_of_the_programs(name: str) -> None:
    signals, rate = PROGRAMS[name]
    module = FaustModule(
        FOLDER / f"{name}.dsp",
        signals=signals,
        sample_rate=rate,
        normalized=True,
        dtype=torch.float64,
    )
    names, values = drawn(name, module.param_ranges, module.inputs)

    def call(x: torch.Tensor, *sliders: torch.Tensor) -> torch.Tensor:
        return module(x, dict(zip(names, sliders, strict=True)))

    # As PyTorch lays them out: of an array without channels, strides would be 0.
    tensors = [torch.empty(v.shape).double().copy_(torch.from_numpy(v)) for v in values]
    assert torch.autograd.gradcheck(call, [one.requires_grad_() for one in tensors])


@pytest.mark.usefixtures("little_optimization")
@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one == "harmonics" else pytest.mark.slow) for one in PROGRAMS],
)
def test_check_grads_of_the_programs(name: str) -> None:
    """The same in JAX."""
    jax = pytest.importorskip("jax", reason="JAX is not installed: its tests are skipped")
    from jax.test_util import check_grads

    from faustdiff.jax import FaustFunction

    signals, rate = PROGRAMS[name]
    function = FaustFunction(
        FOLDER / f"{name}.dsp", signals=signals, sample_rate=rate, normalized=True, double=True
    )
    names, values = drawn(name, function.param_ranges, function.layer.programs.inputs)
    with jax.enable_x64(True):

        def call(x: jax.Array, *sliders: jax.Array) -> jax.Array:
            return function(x, dict(zip(names, sliders, strict=True)))

        check_grads(jax.jit(call), values, order=1, modes=["rev"], eps=1e-6)
