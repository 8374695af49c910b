"""The examples of layers reach the errors of their headers; their gradients are right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> torch.Tensor:
        drawn = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return (0.3 + 0.4 * drawn).requires_grad_()

    # os.osc reads a table at whole places: steps of its frequency are seen in jumps, so that its
    # slope is not the difference of two close values.
    names = [one for one in module.param_ranges if (name, one) != ("harmonics", "frequency")]
    x = random(2, module.inputs, 14)
    values = [random(*((2, 14) if one in signals else (2,))) for one in names]

    def call(x: torch.Tensor, *sliders: torch.Tensor) -> torch.Tensor:
        return module(x, dict(zip(names, sliders, strict=True)))

    assert torch.autograd.gradcheck(call, (x, *values))
