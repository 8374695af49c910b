"""`FaustModule` as a module of PyTorch: parameters, copies, threads, memory, states and errors."""

from __future__ import annotations

import copy
import functools
import io
import pickle
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its tests are skipped")
from faustdiff.torch import FaustModule  # noqa: E402

torch.set_num_threads(1)  # tensors are small here: more threads wait for each other

pytestmark = [
    pytest.mark.xdist_group("layers"),
    pytest.mark.usefixtures("little_optimization"),
]

SOURCE = """
import("stdfaust.lib");
gain = hslider("gain [unit:dB]", 0, -20, 20, 0.1) : ba.db2linear;
cutoff = hslider("Cutoff Freq [scale:log]", 2000, 50, 12000, 1);
shape = nentry("shape [style:menu{'soft':0;'cubic':1;'none':2}]", 0, 0, 2, 1);
on = checkbox("on");
bend(x) = ba.selectn(3, shape, ma.tanh(x), x - x * x * x / 9, x);
process = *(gain) : fi.lowpass(2, cutoff) : bend : *(1 - on);
"""
NOISE = torch.randn(3, 1, 200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@functools.cache
def made(**options: Any) -> FaustModule:
    return FaustModule(SOURCE, **{"dtype": torch.float64, **options})


def owning() -> FaustModule:
    return copy.deepcopy(made(owned=True, relaxed=("shape",)))


def test_the_sliders_are_shown() -> None:
    module = made()
    assert module.param_ranges == {"gain": (-20.0, 20.0), "Cutoff Freq": (50.0, 12000.0)}
    assert (module.inputs, module.outputs) == (1, 1)
    assert list(module.parameters()) == []


def test_names_may_be_labels_paths_or_keywords() -> None:
    module = made()
    expected = module(NOISE, {"Cutoff Freq": 500.0})
    assert torch.equal(module(NOISE, Cutoff_Freq=500.0), expected)
    assert torch.equal(module(NOISE, {"/program/Cutoff_Freq": 500.0}), expected)
    assert not torch.equal(module(NOISE), expected)


def test_owned_parameters_begin_at_the_sliders_and_stay_in_their_ranges() -> None:
    module = owning()
    assert module.values() == pytest.approx({"gain": 0.0, "Cutoff Freq": 2000.0})
    torch.testing.assert_close(module(NOISE, shape=torch.tensor([1e3, 0, 0])), made()(NOISE))
    optimizer = torch.optim.SGD(module.parameters(), lr=1e4)
    for _ in range(3):
        optimizer.zero_grad()
        (-module(NOISE).square().sum()).backward()
        optimizer.step()
    for name, (low, high) in module.param_ranges.items():
        assert low <= module.values()[name] <= high


def test_gradients_of_owned_normalized_and_relaxed_parameters() -> None:
    module = owning()
    x = NOISE[:2, :, :12].clone().requires_grad_()
    parameters = list(module.parameters())
    assert len(parameters) == 3

    def call(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        named = dict(zip(dict(module.named_parameters()), values, strict=True))
        return torch.func.functional_call(module, named, (x,))

    assert torch.autograd.gradcheck(call, (x, *parameters))
    units = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
    normalized = made(normalized=True)
    assert torch.autograd.gradcheck(lambda u: normalized(x, gain=u, Cutoff_Freq=u), (units,))
    logits = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda one: module(x, shape=one), (logits,))


def test_settings_hold_and_values_of_them_have_no_gradient() -> None:
    silent = made()
    assert silent(NOISE, on=torch.tensor([0.0, 1.0, 0.0]))[1].abs().max() == 0
    held = FaustModule(SOURCE, dtype=torch.float64, settings={"shape": 2, "gain": 6.0206})
    linear = held(NOISE)
    torch.testing.assert_close(held(2 * NOISE), 2 * linear)


def test_copies_and_saved_modules_give_the_same() -> None:
    module = owning()
    with torch.no_grad():
        module.raw["gain"] += 0.5
    expected = module(NOISE)
    assert torch.equal(pickle.loads(pickle.dumps(module))(NOISE), expected)
    assert torch.equal(copy.deepcopy(module)(NOISE), expected)
    saved = io.BytesIO()
    torch.save(module.state_dict(), saved)
    saved.seek(0)
    fresh = owning()
    assert not torch.equal(fresh(NOISE), expected)
    fresh.load_state_dict(torch.load(saved, weights_only=True))
    assert torch.equal(fresh(NOISE), expected)
    single = copy.deepcopy(module).to(torch.float32)
    found = single(NOISE.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    found.sum().backward()
    assert single.raw["gain"].grad.dtype == torch.float32


def test_values_in_bfloat16_as_autocast_gives_them() -> None:
    given = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    expected = made()(NOISE, gain=given)
    half = given.detach().bfloat16().requires_grad_()
    found = made()(NOISE, gain=half)
    assert torch.equal(found, expected)
    (gradient,) = torch.autograd.grad(found.sum(), half)
    (wide,) = torch.autograd.grad(expected.sum(), given)
    torch.testing.assert_close(gradient, wide.bfloat16())


def test_a_compiled_function_calls_the_module_as_it_is() -> None:
    module, results = owning(), []
    compiled = torch.compile(lambda x: torch.tanh(2 * module(x)), backend="eager")
    for function in (compiled, lambda x: torch.tanh(2 * module(x))):
        x = NOISE.clone().requires_grad_()
        module.zero_grad()
        y = function(x)
        y.sum().backward()
        results.append((y, x.grad, module.raw["gain"].grad))
    torch.testing.assert_close(*results)
    with pytest.raises(RuntimeError, match="runs in C"):
        torch.compile(module, backend="eager", fullgraph=True)(NOISE)


def test_threads_may_call_one_module() -> None:
    module = made()

    def gradient(cutoff: float) -> torch.Tensor:
        value = torch.tensor(cutoff, dtype=torch.float64, requires_grad=True)
        module(NOISE, Cutoff_Freq=value).square().sum().backward()
        return value.grad

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(gradient, [400.0, 4000.0] * 20))
    for index, one in enumerate(found):
        assert torch.equal(one, gradient([400.0, 4000.0][index % 2]))


def test_a_training_loop_keeps_its_memory() -> None:
    module = copy.deepcopy(made(owned=True))
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    x = NOISE.repeat(1, 1, 5)

    def steps(count: int) -> int:
        for _ in range(count):
            optimizer.zero_grad()
            module(x).square().mean().backward()
            optimizer.step()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # In kB: to keep one signal of each of the 1,000 steps would take 24 MB.
    assert abs(steps(50) - steps(1000)) < 10_000


def test_blocks_with_states_are_the_whole() -> None:
    module = made()
    whole = module(NOISE, gain=3.0)
    state, parts = module.start(3), []
    for start in range(0, 200, 64):
        y, state = module(NOISE[:, :, start : start + 64], gain=3.0, state=state)
        parts.append(y)
    assert torch.equal(torch.cat(parts, dim=2), whole)
    flat, _ = module(NOISE[0], gain=3.0, state=module.start())
    assert torch.equal(flat, whole[0])


def test_segments_give_the_same_gradient() -> None:
    def gradients(module: FaustModule) -> list[torch.Tensor]:
        x = NOISE.clone().requires_grad_()
        gain = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        module(x, gain=gain).square().sum().backward()
        return [x.grad, gain.grad]

    for whole, pieces in zip(gradients(made()), gradients(made(segment=50)), strict=True):
        torch.testing.assert_close(pieces, whole, rtol=1e-12, atol=0)
    x = NOISE.clone()
    y = made(segment=50)(x, gain=torch.zeros((), requires_grad=True))
    x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_program_without_inputs() -> None:
    source = 'import("stdfaust.lib"); process = os.osc(440) * hslider("gain", 1, 0, 2, 0.1);'
    module = FaustModule(source)
    gain = torch.tensor([0.5, 2.0], requires_grad=True)
    y = module(frames=100, batch=2, gain=gain)
    assert y.shape == (2, 1, 100)
    torch.testing.assert_close(y[1], 4 * y[0])
    y.sum().backward()
    torch.testing.assert_close(gain.grad, y.sum((1, 2)) / gain)


def test_what_cannot_be_used_is_named() -> None:
    module = made()
    for call, message in (
        (lambda: module(NOISE[:, :, :].repeat(1, 2, 1)), r"inputs have .* \(batch, 1, frames\)"),
        (lambda: module(NOISE, gain=torch.ones(2)), r"'gain' has .* expected a number or \(3,\)"),
        (lambda: module(NOISE, gain=torch.ones(3, 200)), "name it among the signals"),
        (lambda: module(NOISE, gian=1.0), "no slider 'gian': did you mean 'gain'?"),
        (lambda: module(NOISE, {"gain": 1.0}, gain=1.0), "given twice"),
        (lambda: module(NOISE.half()), "x is of torch.float16"),
        (lambda: module(NOISE * torch.nan), r"inputs: nan at \[0, 0, 0\]"),
        (lambda: module(NOISE, state=module.start(2)), "of 2 items, not of 3"),
        (lambda: made(normalized=True)(NOISE, gain=3.0), r"'gain' takes numbers in \[0, 1\]"),
        (lambda: module(NOISE, gain=[0.5, [1]]), "the value of 'gain': .* real numbers, not list"),
        (
            lambda: module(NOISE, gain=[torch.ones((), requires_grad=True)] * 3),
            "'gain': .* torch.stack",
        ),
        (lambda: module(NOISE, on=1.1), r"'on': 1.1 is outside of \[0, 1\]"),
        (lambda: module(NOISE, frames=200), "x has its own frames"),
        (lambda: module(NOISE, on=torch.ones((), requires_grad=True)), "no gradient by 'on'"),
        (lambda: made()(NOISE, gain=None), "'gain': expected real numbers, not NoneType"),
        (lambda: module(NOISE, 0.5), "given by name, as gain=0.5, not as a float"),
        (lambda: made(dtype=torch.float16), "the module is of torch.float16"),
        (lambda: FaustModule(SOURCE, settings={"on": 2}), r"'on': 2 is outside of \[0, 1\]"),
        (lambda: FaustModule(SOURCE, settings={"on": "up"}), "'on': expected real numbers"),
        (lambda: made(owned=("on",)), "'on' cannot be owned"),
        (lambda: made(relaxed=("gain",)), "'gain' is no menu"),
        (lambda: owning()(NOISE, shape=torch.ones(2)), r"expected logits \(3,\)"),
        (
            lambda: owning()(NOISE, shape=torch.ones(2, 3)),
            r"logits \(3,\) or \(3, 3\), not \(2, 3\)",
        ),
        (lambda: owning()(NOISE[0], shape=torch.ones(1, 3)), r"expected logits \(3,\), not"),
        (
            lambda: FaustModule(SOURCE, relaxed="shape", settings={"shape": 1}),
            "both relaxed and held",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="x is a tensor"):
        module(NOISE.numpy())


def test_second_derivatives_are_refused() -> None:
    gain = torch.zeros((), dtype=torch.float64, requires_grad=True)
    y = made()(NOISE, gain=gain).square().sum()
    (first,) = torch.autograd.grad(y, gain, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.backward()
