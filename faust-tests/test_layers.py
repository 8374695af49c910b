"""A program as a layer: gradients in PyTorch and in JAX are those of central differences."""

from __future__ import annotations

import functools
import importlib.util
import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.xdist_group("layers"),  # one process compiles each program once
    pytest.mark.usefixtures("little_optimization"),
]

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed: pip install 'faustdiff[torch]', or a CPU build of it",
)
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="JAX is not installed: pip install 'faustdiff[jax]'",
)


@dataclass(frozen=True)
class Case:
    """A program, and the values of its sliders: `fixed` for all items, `each` per item.

    The rate is low where time constants would be longer than the few frames of these tests.
    """

    text: str
    fixed: dict[str, float]
    each: dict[str, tuple[float, float]]
    moving: dict[str, tuple[float, float]] = field(default_factory=dict)
    rate: int = 44100
    frames: int = 14
    channels: int = 1

    @property
    def source(self) -> str:
        return 'import("stdfaust.lib");\n' + self.text


CASES = {
    "biquad": Case(
        """process = fi.tf2(hslider("b0", 0.5, -2, 2, 0.01), hslider("b1", 0.2, -2, 2, 0.01), 0.3,
            hslider("a1", -0.6, -2, 2, 0.01), hslider("a2", 0.3, -1, 1, 0.01));""",
        {"b0": 0.5, "a2": 0.3},
        {"b1": (0.2, -0.4)},
        {"a1": (-0.9, 0.2)},
    ),
    "lowpass": Case(
        """process = fi.lowpass(4, hslider("cutoff", 5000, 20, 20000, 1))
            * hslider("gain", 1, 0, 2, 0.01);""",
        {"gain": 0.7},
        {},
        {"cutoff": (3000, 9000)},
    ),
    "moog": Case(
        """process = ve.moog_vcf(hslider("res", 0.5, 0, 1, 0.01),
            hslider("freq", 8000, 20, 20000, 1)) * hslider("gain", 1, 0, 2, 0.01);""",
        {"gain": 1.2},
        {"freq": (2000, 4000)},
        {"res": (0.3, 0.7)},
    ),
    "compressor": Case(
        """process = co.compressor_mono(hslider("ratio", 4, 1, 20, 0.01),
            hslider("threshold", -30, -60, 0, 0.1), hslider("attack", 0.01, 0.001, 0.1, 0.001),
            hslider("release", 0.05, 0.01, 1, 0.01)) * hslider("makeup", 1, 0, 4, 0.1);""",
        {"ratio": 5.0, "attack": 0.004},
        {"threshold": (-30.0, -20.0), "release": (0.02, 0.05)},
        {"makeup": (0.5, 2.0)},
        rate=1000,
    ),
    "delay": Case(
        """back = hslider("back", 0.5, 0, 0.95, 0.01); tone = hslider("tone", 3000, 100, 15000, 1);
        process = loop ~ (@(2), @(4)) with {
            loop(a, b, l, r) = l + back * b : fi.lowpass(1, tone), r + back * a; };""",
        {},
        {"tone": (4000, 8000)},
        {"back": (0.2, 0.9)},
        channels=2,
    ),
    "reverb": Case(
        """process = re.mono_freeverb(hslider("room", 0.8, 0, 1, 0.01),
            hslider("allpass", 0.5, 0, 1, 0.01), hslider("damp", 0.3, 0, 1, 0.01), 23)
            * hslider("wet", 1, 0, 2, 0.01);""",
        {"allpass": 0.5, "damp": 0.3},
        {"room": (0.8, 0.6)},
        {"wet": (0.3, 1.0)},
        rate=400,
        frames=40,
    ),
}


def arguments(case: Case) -> tuple[list[str], list[np.ndarray]]:
    """The names of the sliders, then an input and their values."""
    random = np.random.default_rng(3)
    x = random.standard_normal((2, case.channels, case.frames))
    values = [
        *map(np.asarray, case.fixed.values()),
        *map(np.asarray, case.each.values()),
        *(random.uniform(*range_, (2, case.frames)) for range_ in case.moving.values()),
    ]
    return [*case.fixed, *case.each, *case.moving], [x, *(one.astype(float) for one in values)]


@functools.cache
def torch_module(name: str, **options: Any) -> Any:
    import torch

    from faustdiff.torch import FaustModule

    case = CASES[name]
    return FaustModule(
        case.source,
        signals=tuple(case.moving),
        sample_rate=case.rate,
        dtype=torch.float64,
        **options,
    )


@needs_torch
@pytest.mark.parametrize("name", CASES)
def test_gradcheck_of_pytorch(name: str) -> None:
    import torch

    names, values = arguments(CASES[name])
    module = torch_module(name)
    tensors = [torch.tensor(one, requires_grad=True) for one in values]

    def call(x: torch.Tensor, *sliders: torch.Tensor) -> torch.Tensor:
        return module(x, dict(zip(names, sliders, strict=True)))

    assert torch.autograd.gradcheck(call, tensors)


@needs_jax
@pytest.mark.parametrize("name", CASES)
def test_check_grads_of_jax(name: str) -> None:
    import jax
    from jax.test_util import check_grads

    from faustdiff.jax import FaustFunction

    case = CASES[name]
    names, values = arguments(case)
    function = FaustFunction(
        case.source, signals=tuple(case.moving), sample_rate=case.rate, double=True
    )
    with jax.enable_x64(True):

        def call(x: jax.Array, *sliders: jax.Array) -> jax.Array:
            return function(x, dict(zip(names, sliders, strict=True)))

        # The step of gradcheck: the default of 1e-4 is 2.5 % of an attack time.
        check_grads(jax.jit(call), values, order=1, modes=["rev"], eps=1e-6)


@needs_jax
def test_vmap_of_jax_is_a_loop() -> None:
    import jax
    import jax.numpy as jnp

    from faustdiff.jax import FaustFunction

    case = CASES["lowpass"]
    function = FaustFunction(case.source, signals=["cutoff"], double=True)
    random = np.random.default_rng(4)
    with jax.enable_x64(True):
        x = jnp.asarray(random.standard_normal((3, 2, 1, 20)))
        gain = jnp.asarray(random.uniform(0.5, 1.5, (3,)))
        cutoff = jnp.asarray(random.uniform(2000, 9000, (2, 20)))

        def loss(x: jax.Array, gain: jax.Array, cutoff: jax.Array) -> jax.Array:
            return jnp.sum(function(x, gain=gain, cutoff=cutoff) ** 2)

        gradient = jax.grad(loss, argnums=(0, 1, 2))
        mapped = jax.jit(jax.vmap(gradient, in_axes=(0, 0, None)))(x, gain, cutoff)
        loop = [gradient(x[i], gain[i], cutoff) for i in range(3)]
        for index, found in enumerate(mapped):
            expected = np.stack([one[index] for one in loop])
            # The same sums, in another order where items are added up.
            np.testing.assert_allclose(found, expected, rtol=1e-10)


@needs_jax
def test_jax_runs_programs_without_inputs_or_tape() -> None:
    import jax

    from faustdiff.jax import FaustFunction

    function = FaustFunction('process = hslider("gain", 1, 0, 9, 0.1);')
    gain = np.array([0.5, 2.0], np.float32)
    sums = jax.grad(lambda gain: function(frames=5, batch=2, gain=gain).sum())(gain)
    np.testing.assert_array_equal(sums, [5, 5])
    assert function(frames=0, batch=2, gain=gain).shape == (2, 1, 0)


@needs_jax
def test_jax_gets_a_tape_of_its_own() -> None:
    from faustdiff.jax import FaustFunction
    from faustdiff.jax.function import JaxCall

    function = FaustFunction(CASES["lowpass"].source)
    x = np.ones((1, 1, 16), np.float32)  # channels of one line of the cache have no gaps
    _, tape = function._forward_on_host(JaxCall((), (3,)), True, x)
    kept = tape.copy()
    function._forward_on_host(JaxCall((), (3,)), True, 2 * x)
    np.testing.assert_array_equal(tape, kept)


@needs_torch
@needs_jax
def test_pytorch_and_jax_agree_in_single_precision() -> None:
    import jax
    import torch

    from faustdiff.jax import FaustFunction

    case = CASES["biquad"]
    names, values = arguments(case)
    module = torch_module("biquad")
    x, *sliders = (torch.tensor(one, dtype=torch.float32, requires_grad=True) for one in values)
    y = module(x, dict(zip(names, sliders, strict=True)))
    assert y.dtype == torch.float32
    y.square().sum().backward()
    function = FaustFunction(case.source, signals=tuple(case.moving))

    def loss(x: Any, *sliders: Any) -> Any:
        return (function(x, dict(zip(names, sliders, strict=True))) ** 2).sum()

    arrays = [one.astype(np.float32) for one in values]
    found = jax.grad(loss, argnums=tuple(range(len(arrays))))(*arrays)
    for one, tensor in zip(found, (x, *sliders), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, tensor.grad.numpy(), rtol=1e-4, atol=1e-4)


@needs_jax
def test_errors_of_jax_name_the_slider_and_copies_give_the_same() -> None:
    from faustdiff.jax import FaustFunction

    function = FaustFunction(CASES["lowpass"].source, signals=["cutoff"])
    x = np.zeros((2, 1, 20), np.float32)
    for values, message in (
        ({"gain": np.ones(3)}, r"'gain' has the shape \(3,\), expected a number or \(2,\)"),
        ({"cutoff": np.ones((2, 9))}, r"expected a number or \(2,\) or \(2, 20\)"),
        ({"gian": 1.0}, "there is no slider 'gian': did you mean 'gain'?"),
        ({"gain": "loud"}, "the value of 'gain': expected real numbers, not str"),
        ({"gain": 1j}, "the value of 'gain': expected real numbers, not complex"),
        (0.5, "given by name, as gain=0.5, not as a float"),
    ):
        with pytest.raises(ValueError, match=message):
            function(x, values)
    with pytest.raises(ValueError, match=r"x has the shape \(2, 3, 20\), expected \(batch, 1, "):
        function(np.zeros((2, 3, 20), np.float32))
    with pytest.raises(ValueError, match="x has its own frames"):
        function(x, frames=20)
    copied = pickle.loads(pickle.dumps(function))
    np.testing.assert_array_equal(copied(x + 1, gain=0.3), function(x + 1, gain=0.3))
