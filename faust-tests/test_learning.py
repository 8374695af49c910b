"""Losses, optimizers, schedulers, activations and parameters against the papers, for N = 1, 2, 3.

The references are written here from the formulas of the papers, sample by sample, in float64 (the
activations with mpmath). See `support.harness` for the tolerances.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program
from support.harness import (
    FRAMES,
    LIBRARIES,
    Array,
    Case,
    case_over_time,
    compiled,
    draw,
    near,
    outputs,
    reports,
)
from support.row_trials import SATURATING, SLOPE_ROUNDING

pytestmark = [pytest.mark.xdist_group("learning"), pytest.mark.one_program]

COUNTS = (1, 2, 3)

#: Environments of one, two and three parameters; which these are does not matter to a loss.
PRELUDE = """
d1 = df.env(df.vars((0.5))); d2 = df.env(df.vars((0.5, 0.25)));
d3 = df.env(df.vars((0.5, 0.25, -1)));
"""

Steps = Callable[[Array], Array]
#: A loss: its values and its slopes by the estimate y, for a truth t.
Loss = Callable[[Array, Array], tuple[Array, Array]]


def assert_all(
    cases: tuple[Case, ...], subject: str, compiler: Compiler, double: bool, prelude: str = ""
) -> None:
    """All cases whose title starts with the subject agree with their references."""
    found = reports(cases, PRELUDE + prelude, compiler, double)
    about = [title for title in found if title.split(" ")[0] == subject]
    assert about
    wrong = [line for title in about for line in found[title]]
    assert not wrong, "\n".join(wrong)


# -- losses --------------------------------------------------------------------------------------


def absolute(y: Array, t: Array) -> tuple[Array, Array]:
    return abs(y - t), np.sign(y - t)


def squared(y: Array, t: Array) -> tuple[Array, Array]:
    return (y - t) ** 2, 2 * (y - t)


def squared_log(y: Array, t: Array) -> tuple[Array, Array]:
    error = np.log(y + 1) - np.log(t + 1)
    return error**2, 2 * error / (y + 1)


def huber(delta: float) -> Loss:
    """P. J. Huber, "Robust Estimation of a Location Parameter", 1964."""

    def loss(y: Array, t: Array) -> tuple[Array, Array]:
        error = y - t
        inner = abs(error) <= delta
        values = np.where(inner, error**2 / 2, delta * (abs(error) - delta / 2))
        return values, np.where(inner, error, delta * np.sign(error))

    return loss


def log_cosh(y: Array, t: Array) -> tuple[Array, Array]:
    # cosh(e) = 1 + 2 sinh(e/2)^2; as it stands, log(cosh(e)) loses all digits of a small error.
    return np.log1p(2 * np.sinh((y - t) / 2) ** 2), np.tanh(y - t)


WINDOWS = (1, 5, 8, 32)

LOSSES: dict[str, tuple[str, Loss]] = {
    "MAE": ("learnMAE({w}, {o})", absolute),
    "MSE": ("learnMSE({w}, {o})", squared),
    "MSLE": ("learnMSLE({w}, {o})", squared_log),
    "LogCosh": ("learnLogCosh({w}, {o})", log_cosh),
    **{
        f"Huber({delta})": (f"learnHuber({{w}}, {{o}}, {delta})", huber(delta))
        for delta in (0.125, 0.5, 1.0, 4)
    },
}


def windowed(signals: Array, window: int) -> Array:
    """The mean of the last samples; before the first one, there is silence."""
    padded = np.pad(signals, ((0, 0), (window - 1, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
    return np.asarray(views.mean(axis=2))


def loss_signals(count: int, truths: int = 1) -> tuple[Array, Array, Array]:
    """Truths, estimate and its partials: above -1, and often on or next to a border or a tie."""
    truth = abs(draw(10 + count, truths)) - 0.75
    estimate = abs(draw(20 + count, 1)) - 0.75
    # Differences of exactly a delta, and of none.
    offsets = [0, 0.125, -0.125, 0.5, -0.5, 1.0, -1.0, 4.0]
    for index, offset in enumerate(offsets):
        truth[0, index::25] = 0.25 * (index % 3)
        estimate[0, index::25] = np.maximum(truth[0, index::25] + offset, -0.875)
    return truth, estimate, draw(30 + count, count)


def loss_case(title: str, count: int, window: int, rate: float, truths: int = 1) -> Case:
    truth, estimate, partials = loss_signals(count, truths)
    name = f"learnN({{w}}, {{o}}, {truths})" if truths > 1 else LOSSES[title][0]
    loss = absolute if truths > 1 else LOSSES[title][1]
    values, slopes = loss(estimate, truth)
    mean = np.concatenate([values.mean(axis=0)[None], slopes.mean(axis=0) * partials])
    expected = windowed(mean, window) * np.array([[1.0], *[[rate]] * count])
    optimizer = f"d{count}.optimizers.SGD({rate})"
    return case_over_time(
        f"{title} N={count} window={window}",
        f"d{count}.{name.format(w=window, o=optimizer)}",
        np.concatenate([truth, estimate, partials]),
        expected,
    )


LOSS_TRIALS = tuple(
    loss_case(title, count, window, 1.0 if window == 5 else 0.03125, 3 if title == "learnN" else 1)
    for title in [*LOSSES, "learnN"]
    for count in COUNTS
    for window in WINDOWS
)


@pytest.mark.parametrize("loss", [*LOSSES, "learnN"])
def test_a_loss_and_its_gradient(compiler: Compiler, double: bool, loss: str) -> None:
    assert_all(LOSS_TRIALS, loss, compiler, double)


def test_the_losses_meet_ties_and_borders() -> None:
    truth, estimate, _ = loss_signals(1)
    found = set((estimate - truth)[0].tolist())
    assert {0.0, 0.125, -0.125, 0.5, -0.5, 1.0, 4.0} <= found


# -- optimizers ----------------------------------------------------------------------------------


def sgd(rate: float) -> Steps:
    return lambda gradients: rate * gradients


def momentum(rate: float, mu: float) -> Steps:
    """The heavy ball: x[n+1] = x[n] - rate * g[n] + mu * (x[n] - x[n-1]).

    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """

    def steps(gradients: Array) -> Array:
        positions = [np.zeros(len(gradients))] * 2
        for g in gradients.T:
            positions.append(positions[-1] - rate * g + mu * (positions[-1] - positions[-2]))
        return -np.diff(np.array(positions[1:]), axis=0).T

    return steps


def nesterov(rate: float, mu: float) -> Steps:
    """The gradient is taken where the velocity leads, and that is where the parameters are.

    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013, equations 3 and 4.
    """

    def steps(gradients: Array) -> Array:
        x = v = np.zeros(len(gradients))
        ahead = [x]
        for g in gradients.T:
            v = mu * v - rate * g
            x = x + v
            ahead.append(x + mu * v)
        return -np.diff(np.array(ahead), axis=0).T

    return steps


def adagrad(rate: float, epsilon: float) -> Steps:
    """J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods", JMLR 12, 2011."""
    return lambda g: rate * g / (np.sqrt(np.cumsum(g**2, axis=1)) + epsilon)


def rmsprop(rate: float, rho: float, epsilon: float) -> Steps:
    """T. Tieleman and G. Hinton, "RMSProp", lecture 6.5 of a course, 2012."""

    def steps(gradients: Array) -> Array:
        mean = np.zeros(len(gradients))
        found = []
        for g in gradients.T:
            mean = rho * mean + (1 - rho) * g**2
            found.append(rate * g / (np.sqrt(mean) + epsilon))
        return np.array(found).T

    return steps


def adam(rate: float, beta1: float, beta2: float, epsilon: float) -> Steps:
    """D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", algorithm 1."""

    def steps(gradients: Array) -> Array:
        m = v = np.zeros(len(gradients))
        found = []
        for t, g in enumerate(gradients.T, start=1):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            found.append(rate * m_hat / (np.sqrt(v_hat) + epsilon))
        return np.array(found).T

    return steps


def adamw(
    rate: float, beta1: float, beta2: float, decay: float, initial: Array, epsilon: float
) -> Steps:
    """I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", algorithm 2.

    The paper subtracts decay * x; here, as in most programs, rate * decay * x.
    """

    def steps(gradients: Array) -> Array:
        x = np.broadcast_to(initial, len(gradients)).astype(float)
        found = []
        for step in adam(rate, beta1, beta2, epsilon)(gradients).T:
            found.append(step + rate * decay * x)
            x = x - found[-1]
        return np.array(found).T

    return steps


EPSILON = 1e-8

#: The spelling after `d.`, and the reference. A square root in single costs what a rounding of
#: 1 - beta2^t is magnified by 1 / (1 - beta2).
OPTIMIZERS: dict[str, tuple[str, Steps]] = {
    "SGD": ("optimizers.SGD(0.1)", sgd(0.1)),
    "Momentum": ("optimizers.Momentum(0.01, 0.9)", momentum(0.01, 0.9)),
    "Nesterov": ("optimizers.Nesterov(0.01, 0.95)", nesterov(0.01, 0.95)),
    "AdaGrad": ("optimizers.AdaGrad(0.1)", adagrad(0.1, EPSILON)),
    "RMSProp": ("optimizers.RMSProp(0.01, 0.9)", rmsprop(0.01, 0.9, EPSILON)),
    "Adam": ("optimizers.Adam(0.001, 0.9, 0.999)", adam(0.001, 0.9, 0.999, EPSILON)),
    "AdamW": (
        "optimizers.AdamW(0.01, 0.9, 0.999, 0.1, 0.75)",
        adamw(0.01, 0.9, 0.999, 0.1, np.array(0.75), EPSILON),
    ),
}

#: The optimizers that have the old spelling, as `d.optimizeAdam`.
OLD_SPELLINGS = {"SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW"}

INITIAL = [0.5, -1.25, 2.0]

SINGLE_STEPS = 5e-4


def gradients(count: int) -> Array:
    """Random, of a different size for each parameter; one pauses, and one starts late."""
    found = draw(40 + count, count) * np.array([1.0, 2.0**-10, 64.0])[:count, None]
    found[0, 60:80] = 0
    found[-1, :10] = 0
    return np.asarray(found)


def step_case(title: str, count: int, text: str, steps: Steps, fed: Array | None = None) -> Case:
    signals = gradients(count) if fed is None else fed
    return case_over_time(
        f"{title} N={count}", f"d{count}.{text}", signals, steps(signals), SINGLE_STEPS
    )


def optimizer_cases() -> tuple[Case, ...]:
    found = []
    for count in COUNTS:
        for title, (text, steps) in OPTIMIZERS.items():
            found.append(step_case(f"{title} d.optimizers", count, text, steps))
            prefixes = ["optimizer.", "optimizersWith(1e-8)."]
            prefixes += ["optimize"] if title in OLD_SPELLINGS else []
            for prefix in prefixes:
                spelling = prefix + text.removeprefix("optimizers.")
                found.append(step_case(f"{title} d.{prefix}", count, spelling, steps))
        # One initial value for each parameter.
        numbers = ", ".join(map(str, INITIAL[:count]))
        decayed = adamw(0.05, 0.8, 0.99, 0.2, np.array(INITIAL[:count]), EPSILON)
        text = f"optimizers.AdamW(0.05, 0.8, 0.99, 0.2, ({numbers}))"
        found.append(step_case("AdamW initials", count, text, decayed))
        # Gradients as small as the epsilon.
        small = gradients(count) * 2.0**-20
        for epsilon, name in ((1e-6, "optimizersWith(1e-6)"), (1e-8, "optimizers")):
            for text, steps in (
                (f"{name}.Adam(0.01, 0.9, 0.99)", adam(0.01, 0.9, 0.99, epsilon)),
                (f"{name}.RMSProp(0.01, 0.9)", rmsprop(0.01, 0.9, epsilon)),
                (f"{name}.AdaGrad(0.01)", adagrad(0.01, epsilon)),
                (
                    f"{name}.AdamW(0.01, 0.9, 0.99, 0, 1)",
                    adamw(0.01, 0.9, 0.99, 0, np.array(1), epsilon),
                ),
            ):
                found.append(step_case(f"epsilon {text}", count, text, steps, small))
    return tuple(found)


OPTIMIZER_TRIALS = optimizer_cases()


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "epsilon"])
def test_an_optimizer(compiler: Compiler, double: bool, optimizer: str) -> None:
    assert_all(OPTIMIZER_TRIALS, optimizer, compiler, double)


def test_adam_starts_with_the_rate_whatever_the_gradient() -> None:
    """The correction of the bias is what makes it so: a property of the reference itself."""
    first = adam(0.001, 0.9, 0.999, EPSILON)(draw(1, 1))[0, 0]
    assert abs(first) == pytest.approx(0.001, rel=1e-4)


# -- schedulers ----------------------------------------------------------------------------------

TIME = np.arange(FRAMES)


def cosine(rate: float, lowest: float, length: float, growth: float) -> Array:
    """I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts"."""
    rates: list[float] = []
    current, period = 0, length
    while len(rates) < FRAMES:
        if current >= period:
            current, period = 0, period * growth
        rates.append(lowest + (rate - lowest) / 2 * (1 + math.cos(math.pi * current / period)))
        current += 1
    return np.array(rates)


def warm(rates: Array | float, length: int) -> Array:
    """P. Goyal et al., "Accurate, Large Minibatch SGD", 2017: the gradual warm-up."""
    return np.array([min(1, (n + 1) / length) for n in range(FRAMES)]) * rates


SCHEDULES: dict[str, Array] = {
    "exponential(0.1, 50)": 0.1 * np.exp(-TIME / 50),
    "exponential(2, 0.5)": 2 * np.exp(-TIME / 0.5),
    "step(0.1, 40, 0.5)": 0.1 * np.power(0.5, TIME // 40),
    "step(3, 7, 0.9)": 3 * np.power(0.9, TIME // 7),
    "step(1, 1, 0.99)": np.power(0.99, TIME),
    "cosine(0.1, 0.001, 50, 1)": cosine(0.1, 0.001, 50, 1),
    "cosine(0.1, 0, 10, 2)": cosine(0.1, 0, 10, 2),
    "cosine(1, 0.5, 1, 2)": cosine(1, 0.5, 1, 2),
    "cosine(0.1, 0.01, 7, 1.5)": cosine(0.1, 0.01, 7, 1.5),
    "cosine(0.1, 0.01, 1000, 1)": cosine(0.1, 0.01, 1000, 1),
    "warmup(0.1, 32)": warm(0.1, 32),
    "warmup(0.1, 1)": warm(0.1, 1),
    "warmup(df.schedulers.exponential(0.1, 50), 32)": warm(0.1 * np.exp(-TIME / 50), 32),
    "warmup(df.schedulers.cosine(0.1, 0.01, 20, 2), 50)": warm(cosine(0.1, 0.01, 20, 2), 50),
}


def scheduled(steps: Steps, rates: Array) -> Steps:
    """An optimizer of a rate of 1, with rates that change."""
    return lambda gradients: steps(gradients) * rates


def decay(length: int, delta: float) -> Array:
    """A factor of exp(delta) after each epoch of `length` samples."""
    return np.asarray(np.exp(delta * (TIME // length)))


def scheduler_cases() -> tuple[Case, ...]:
    found = []
    for text, rates in SCHEDULES.items():
        name = text.partition("(")[0]
        found.append(case_over_time(f"{name} alone {text}", f"df.schedulers.{text}", [], rates))
        for count in COUNTS:
            rate = f"df.schedulers.{text}"
            for optimizer, steps in (
                (f"optimizers.SGD({rate})", sgd(1)),
                (f"optimizers.RMSProp({rate}, 0.9)", rmsprop(1, 0.9, EPSILON)),
                (f"optimizers.Adam({rate}, 0.9, 0.99)", adam(1, 0.9, 0.99, EPSILON)),
            ):
                reference = scheduled(steps, rates)
                found.append(step_case(f"{name} {optimizer}", count, optimizer, reference))
    for count in COUNTS:
        for length, delta in ((50, -0.1), (1, -0.01), (7, -0.5), (64, 0.25)):
            text = f"optimizers.SGD(0.1) : d{count}.learning_rate_scheduler({length}, {delta})"
            reference = scheduled(sgd(0.1), decay(length, delta))
            title = f"composed {length} {delta}"
            found.append(step_case(title, count, text, reference))
    return tuple(found)


SCHEDULER_TRIALS = scheduler_cases()
SCHEDULERS = ["exponential", "step", "cosine", "warmup", "composed"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_scheduler(compiler: Compiler, double: bool, scheduler: str) -> None:
    assert_all(SCHEDULER_TRIALS, scheduler, compiler, double)


def test_an_epoch_has_the_full_rate_exactly_up_to_its_last_sample(
    compiler: Compiler, double: bool
) -> None:
    """The epoch of the documents, 10000 samples; the old scheduler dropped one sample early."""
    source = f"""{LIBRARIES} d = df.env(df.vars((0.5)));
    process = _ <: d.optimizer.SGD(1e-1),
        (d.optimizer.SGD(1e-1) : d.learning_rate_scheduler(10000, -0.1));"""
    fed = draw(50, 1, 40001)
    plain, decayed = compiled(source, compiler, double).run(fed)
    epoch = 10000
    np.testing.assert_array_equal(decayed[:epoch], plain[:epoch])
    assert abs(plain).min() > 0
    factors = np.exp(-0.1 * (np.arange(fed.shape[1]) // epoch))
    expected = fed[0] * 0.1 * factors
    assert near(decayed, expected, 1e-12 if double else 1e-6, 0).all()


# -- clipping ------------------------------------------------------------------------------------


def by_value(limit: float) -> Steps:
    return lambda gradients: np.clip(gradients, -limit, limit)


def by_norm(limit: float) -> Steps:
    """R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training RNNs", algorithm 1."""

    def steps(gradients: Array) -> Array:
        found = gradients.copy()
        for column in found.T:
            norm = math.sqrt(sum(g * g for g in column.tolist()))
            if norm > limit:
                column *= limit / norm
        return found

    return steps


def clip_cases() -> tuple[Case, ...]:
    found = []
    for count in COUNTS:
        for limit in (0.5, 1, 3.0):
            value, norm = f"clip.value({limit})", f"clip.norm({limit})"
            fed = draw(60 + count, count)
            fed[:, 3] = 0
            fed[:, 4] = 0
            fed[0, 4] = limit
            found.append(step_case(f"value {limit}", count, value, by_value(limit), fed))
            found.append(step_case(f"norm {limit}", count, norm, by_norm(limit), fed))
            for text, clipped in ((value, by_value(limit)), (norm, by_norm(limit))):
                before = f"{text} : d{count}.optimizers.Adam(0.01, 0.9, 0.99)"
                steps = adam(0.01, 0.9, 0.99, EPSILON)

                def both(g: Array, steps: Steps = steps, clipped: Steps = clipped) -> Array:
                    return steps(clipped(g))

                found.append(step_case(f"before {text}", count, before, both, fed))
        alone = f"df.clippers({count}).norm(2)"
        fed = draw(70 + count, count)
        found.append(case_over_time(f"norm alone N={count}", alone, fed, by_norm(2)(fed)))
    return tuple(found)


CLIP_TRIALS = clip_cases()


@pytest.mark.parametrize("kind", ["value", "norm", "before"])
def test_clipping(compiler: Compiler, double: bool, kind: str) -> None:
    assert_all(CLIP_TRIALS, kind, compiler, double)


# -- activations ---------------------------------------------------------------------------------


def sigmoid(x: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-x))


def gelu_tanh(x: mp.mpf) -> mp.mpf:
    return mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))


def gelu_slope(x: mp.mpf) -> mp.mpf:
    w = gelu_tanh(x)
    inner = mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x**2)
    return (1 + w) / 2 + x / 2 * (1 - w) * (1 + w) * inner


#: Values and derivatives. relu, leaky relu: 0 belongs to the left. elu: D.-A. Clevert,
#: T. Unterthiner and S. Hochreiter, ICLR 2016, alpha = 1. gelu: D. Hendrycks and K. Gimpel,
#: "Gaussian Error Linear Units", 2016, with tanh. silu: S. Elfwing, E. Uchibe and K. Doya, 2018.
ACTIVATIONS: dict[str, tuple[Callable[[mp.mpf], mp.mpf], Callable[[mp.mpf], mp.mpf]]] = {
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "relu": (lambda x: max(x, mp.mpf(0)), lambda x: mp.mpf(int(x > 0))),
    "leaky_relu": (
        lambda x: x if x > 0 else x / 100,
        lambda x: mp.mpf(1) if x > 0 else 1 / mp.mpf(100),
    ),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), lambda x: mp.mpf(1) if x > 0 else mp.exp(x)),
    "softplus": (lambda x: mp.log(1 + mp.exp(x)), sigmoid),
    "gelu": (lambda x: x / 2 * (1 + gelu_tanh(x)), gelu_slope),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "linear": (lambda x: x, lambda _: mp.mpf(1)),
}

TINY = [1e-3, 1e-8, 2.0**-40, 1e-20, 1e-30]
POINTS = np.array(
    [0.0, 1000.0, -1000.0, *TINY, *[-x for x in TINY], *[30, -30, 10, -10, 5, -5, 1, -1]],
    np.float32,
)


def activation_cases() -> tuple[Case, ...]:
    found = []
    for name, (value, slope) in ACTIVATIONS.items():
        for count in COUNTS:
            drawn = draw(80 + count, 1)[0] * 3
            points = np.concatenate([np.asarray(POINTS, float), drawn])[:FRAMES]
            tangents = draw(90 + count, count)
            # 500 digits: 1 + tanh(-1000) has none left in fewer.
            with mp.workdps(500):
                values = np.array([float(value(mp.mpf(x))) for x in points.tolist()])
                slopes = np.array([float(slope(mp.mpf(x))) for x in points.tolist()])
            found.append(
                case_over_time(
                    f"{name} N={count}",
                    f"df.activations.{name}(d{count})",
                    np.concatenate([points[None], tangents]),
                    np.concatenate([values[None], slopes * tangents]),
                )
            )
    return tuple(found)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation(compiler: Compiler, double: bool, activation: str) -> None:
    """Each number for itself: next to 1000, a slip at 1e-8 would not be seen."""
    found = _activations(compiler, double)
    wrong = []
    for one, got in found[activation]:
        # Below that, a tail is 0 in one form and almost 0 in another.
        least = 1e-300 if double else 1e-30
        if activation in SATURATING:
            least = SLOPE_ROUNDING[double] * abs(one.inputs[1:]).max(initial=0)
        close = abs(got - one.expected) <= (1e-9 if double else 1e-4) * abs(one.expected) + least
        wrong += [
            f"{one.title} at {one.inputs[0, n]}: [{k}] is {got[k, n]}, not {one.expected[k, n]}"
            for k, n in np.argwhere(~close)
        ]
    assert not wrong, "\n".join(wrong[:20])


@functools.cache
def _activations(compiler: Compiler, double: bool) -> dict[str, list[tuple[Case, Array]]]:
    """The cases of each activation, with what came out."""
    cases = activation_cases()
    found: dict[str, list[tuple[Case, Array]]] = {name: [] for name in ACTIVATIONS}
    for one, got in zip(cases, outputs(cases, PRELUDE, compiler, double), strict=True):
        assert got.shape == one.expected.shape, one.title
        found[one.title.split(" ")[0]].append((one, np.asarray(got, float)))
    return found


# -- parameters ----------------------------------------------------------------------------------


def clamped(steps: Array, initial: float, low: float, high: float) -> Array:
    values = [initial]
    for step in steps[0]:
        values.append(min(max(values[-1] - step, low), high))
    return np.array(values[1:])


def parameter_cases() -> tuple[Case, ...]:
    steps = draw(100, 1) * 0.1
    meter = 'hbargraph("meter", -1, 1)'
    found = [
        case_over_time(
            f"var {graph} {start}", f"df.var({graph}, {start})", steps, start - np.cumsum(steps)
        )
        for graph in ("_", meter)
        for start in (0, 0.5, -3)
    ]
    for low, high, start in ((-1, 1, 0.5), (0, 0.25, 0), (0.1, 0.7, 0.7), (20, 20000, 20.5)):
        reference = clamped(steps, start, low, high)
        for graph in ("_", meter):
            box = f"df.clamped({low}, {high}, {graph}, {start})"
            found.append(case_over_time(f"clamped {box}", box, steps, reference))
    for count in COUNTS:
        x, tangents = 3 * draw(110 + count, 1), draw(120 + count, count)
        share = 1 / (1 + np.exp(-x))
        for low, high in ((-1, 3), (0.5, 0.75), (50, 20000)):
            found.append(
                case_over_time(
                    f"bounded {low} {high} N={count}",
                    f"d{count}.bounded({low}, {high})",
                    np.concatenate([x, tangents]),
                    np.concatenate(
                        [
                            low + (high - low) * share,
                            (high - low) * share * (1 - share) * tangents,
                        ]
                    ),
                )
            )
        x = x / 4
        for low, high in ((20, 20000), (50.0, 100)):
            power = low * (high / low) ** x
            found.append(
                case_over_time(
                    f"logarithmic {low} {high} N={count}",
                    f"d{count}.logarithmic({low}, {high})",
                    np.concatenate([x, tangents]),
                    np.concatenate([power, power * math.log(high / low) * tangents]),
                )
            )
    return tuple(found)


PARAMETER_TRIALS = parameter_cases()


@pytest.mark.parametrize("helper", ["var", "clamped", "bounded", "logarithmic"])
def test_a_parameter(compiler: Compiler, double: bool, helper: str) -> None:
    assert_all(PARAMETER_TRIALS, helper, compiler, double)


#: Bounds whose difference from the initial value is not exact.
BOUNDS = [(0.1, 0.7, 0.3), (1e-9, 1, 1), (-0.3, 0.1, 0.05), (1e-20, 10, 3)]


def test_a_clamped_parameter_is_never_beyond_its_bounds(compiler: Compiler, double: bool) -> None:
    """Not by a rounding either: a parameter above 0 may be what is divided by."""
    boxes = ", ".join(f"df.clamped({low}, {high}, _, {start})" for low, high, start in BOUNDS)
    source = f"{LIBRARIES} process = _ <: {boxes};"
    steps = np.concatenate([np.full(50, 0.3), np.full(100, -0.3), np.full(50, 0.07)])
    made = compiled(source, compiler, double)
    for (low, high, _), got in zip(BOUNDS, made.run(steps), strict=True):
        assert made.dtype.type(low) <= got.min() <= low + 1e-6
        assert high - 1e-6 <= got.max() <= made.dtype.type(high)


def test_a_meter_shows_the_parameter(compiler: Compiler, double: bool) -> None:
    source = f"""{LIBRARIES} process = df.var(hbargraph("a", -1, 1), 0.5),
        df.clamped(-1, 0.25, vbargraph("b", -1, 1), 0);"""
    session = compiled(source, compiler, double).session()
    final = session.compute(np.full((2, 10), [[0.125], [-0.125]]))[:, -1]
    assert final.tolist() == [-0.75, 0.25]
    assert [session.get("a"), session.get("b")] == final.tolist()


# -- phase ---------------------------------------------------------------------------------------

RATE = 44100
SAMPLES = np.arange(1, 2001)

#: A phase of 2000 roundings of 1e-16, relative to a sine next to its zero.
OSCILLATOR = 1e-6

#: In hertz, never a whole number of turns within the samples; one beyond half the sample rate, one
#: that turns backwards.
FREQUENCIES = [0.1, 61.7, 439.3, 4321.9, 17017.17, 23456.7, -1234.5]


def oscillator_cases() -> tuple[Case, ...]:
    found = []
    for count in COUNTS:
        tangents = draw(130 + count, count, len(SAMPLES))
        for frequency in FREQUENCIES:
            # The first output comes after one step.
            turns = frequency * SAMPLES / RATE
            slope = 2 * np.pi * SAMPLES / RATE
            unit = np.eye(count)[:, -1:]
            phase = np.concatenate([2 * np.pi * (turns % 1)[None], slope * unit])
            sine = np.sin(2 * np.pi * turns)
            wave = np.concatenate([sine[None], slope * np.cos(2 * np.pi * turns) * unit])
            # The frequency is the last of the parameters.
            environment = ", ".join(["0.5"] * (count - 1) + [str(frequency)])
            for name, expected in (("phasor", phase), ("osc", wave)):
                box = f"df.env(v).{name}(v.var({count})) with {{ v = df.vars(({environment})); }}"
                # The phase in single is next to 0 where it should be next to a whole turn.
                single = None if name == "phasor" else 2e-2
                title = f"{name} {frequency} N={count}"
                found.append(case_over_time(title, box, [], expected, single, OSCILLATOR))
        # A frequency that moves, with partials that do: phase and partials are sums.
        moving = 1000 + 300 * draw(140 + count, 1, len(SAMPLES))
        angle = 2 * np.pi * np.cumsum(moving, axis=1) / RATE
        slopes = 2 * np.pi * np.cumsum(tangents, axis=1) / RATE
        found.append(
            case_over_time(
                f"osc moving N={count}",
                f"d{count}.osc(si.bus({count + 1}))",
                np.concatenate([moving, tangents]),
                np.concatenate([np.sin(angle), np.cos(angle) * slopes]),
                2e-2,
                OSCILLATOR,
            )
        )
    return tuple(found)


OSCILLATOR_TRIALS = oscillator_cases()


def test_a_sine_over_a_wrapping_phase(compiler: Compiler, double: bool) -> None:
    """Value and derivative in closed form; in single, 2000 roundings of the phase are seen."""
    assert_all(OSCILLATOR_TRIALS, "osc", compiler, double)


def test_a_wrapping_phase(compiler: Compiler) -> None:
    """In double: in single, whether the phase has wrapped is a matter of rounding."""
    assert_all(OSCILLATOR_TRIALS, "phasor", compiler, True)


# -- feedback ------------------------------------------------------------------------------------


def one_pole(x: Array, a: float) -> tuple[Array, Array]:
    """y[n] = x[n] + a y[n-1] and its derivative by a, as sums over all past inputs."""
    powers = a ** np.arange(len(x), dtype=float)
    slopes = np.arange(len(x)) * np.concatenate([[0.0], powers[:-1]])
    return np.convolve(x, powers)[: len(x)], np.convolve(x, slopes)[: len(x)]


def rec_cases() -> tuple[Case, ...]:
    found = []
    x = draw(150, 1)
    for a in (0.9, -0.5, 0.99, 0.0):
        y, dy = one_pole(x[0], a)
        box = f"""d.input : df.rec(d.diff(+) ~ (d.diff(_), v.var(1) : d.diff(*)), 0)
            with {{ v = df.vars(({a})); d = df.env(v); }}"""
        found.append(case_over_time(f"constant {a} N=1", box, x, [y, dy]))
        # Gain and pole, with one that is not used.
        box = f"""d.input, v.var(1) : d.diff(*)
            : df.rec(d.diff(+) ~ (d.diff(_), v.var(3) : d.diff(*)), 0)
            with {{ v = df.vars((0.25, 7, {a})); d = df.env(v); }}"""
        expected = [0.25 * y, y, 0 * y, 0.25 * dy]
        found.append(case_over_time(f"constant {a} N=3", box, x, expected))
    # The pole is moved by gradients that go into the feedback: 0 - steps so far.
    steps = 0.02 * draw(151, 1)
    pole = -np.cumsum(steps)
    y = np.zeros(FRAMES + 1)
    dy = np.zeros(FRAMES + 1)
    for n in range(FRAMES):
        y[n] = x[0, n] + pole[n] * y[n - 1]
        dy[n] = y[n - 1] + pole[n] * dy[n - 1]
    box = """_, d.input : df.rec(f ~ g, 1)
        with { v = df.vars((-~_)); d = df.env(v); f = d.diff(+);
            g = d.diff(_), v.var(1) : d.diff(*); }"""
    found.append(case_over_time("learning N=1", box, np.concatenate([steps, x]), [y[:-1], dy[:-1]]))
    # Two gradients: y[n] = x[n] + a y[n-1] + b sin(y[n-1]), a and b from 0.5 and 0.25.
    two = 0.01 * draw(152, 2)
    first, second = 0.5 - np.cumsum(two[0]), 0.25 - np.cumsum(two[1])
    states = [np.zeros(3)]
    for n in range(FRAMES):
        before, da, db = states[-1]
        slope = first[n] + second[n] * math.cos(before)
        states.append(
            np.array(
                [
                    x[0, n] + first[n] * before + second[n] * math.sin(before),
                    slope * da + before,
                    slope * db + math.sin(before),
                ]
            )
        )
    box = """si.bus(2), d.input : df.rec(f ~ g, 2)
        with { v = df.vars((df.var(_, 0.5), df.var(_, 0.25))); d = df.env(v); f = d.diff(+);
            g = si.bus(3), si.bus(2) : route(5, 8, (1, 1), (2, 2), (3, 3), (4, 4),
                    (1, 5), (2, 6), (3, 7), (5, 8))
                : (si.bus(3), v.var(1) : d.diff(*)), (d.diff(sin), v.var(2) : d.diff(*))
                : d.diff(+); }"""
    found.append(
        case_over_time("learning N=2", box, np.concatenate([two, x]), np.array(states[1:]).T)
    )
    return tuple(found)


REC_TRIALS = rec_cases()


@pytest.mark.parametrize("pole", ["constant", "learning"])
def test_feedback_has_the_sensitivity_of_its_recursion(
    compiler: Compiler, double: bool, pole: str
) -> None:
    assert_all(REC_TRIALS, pole, compiler, double)


# -- spectra -------------------------------------------------------------------------------------

MEANS = (64, 256, 1024)
TRUTH = 523.3
LEVELS = 16

#: Central differences of order 4. With a step of 2e-3 Hz after up to 900 samples the phase moves by
#: 3e-4: what is left out is of the order of 1e-15, and the roundings of a loss (1e-16 of some 1e-2,
#: over the step, of slopes above 1e-6) of the order of 1e-9.
STEPS = {"frequency": 2e-3, "gain": 2e-3}

SPECTRAL = rf"""{LIBRARIES}
frequency = hslider("frequency", 440, 0, 20000, 1e-9);
gain = hslider("gain", 0.8, 0, 2, 1e-9);
v = df.vars((frequency, gain)); d = df.env(v);
estimate = d.osc(v.var(1)), v.var(2) : d.diff(*);
truth = {TRUTH} / ma.SR : (+ : \(x).(x - floor(x))) ~ _ : *(2 * ma.PI) : sin;
process = {", ".join(f"(truth, estimate : d.learnLinearFreq({w}, si.bus(2)))" for w in MEANS)};
"""

PLACES = [(150.0, 0.8), (440.0, 0.8), (523.4, 0.99), (1350.0, 1.2), (4000.0, 0.5)]


def spectral_loss(frequency: float, gain: float, window: int, frames: int) -> Array:
    """The squared errors of the levels behind lowpasses from 50 to 16000 Hz, averaged.

    A level is the root of the mean square; the mean is twice an exponential one.
    """
    cutoffs = 50 * 2 ** (np.arange(LEVELS) / (LEVELS - 1) * math.log2(320))
    pole, memory = np.exp(-2 * np.pi * cutoffs / RATE), 1 - 2 / window
    n = np.arange(1, frames + 1)
    levels = []
    for signal in (
        gain * np.sin(2 * np.pi * frequency * n / RATE),
        np.sin(2 * np.pi * TRUTH * n / RATE),
    ):
        low, once, twice = np.zeros((3, LEVELS))
        found = []
        for x in signal:
            low = pole * low + (1 - pole) * x
            once = memory * once + (1 - memory) * low**2
            twice = memory * twice + (1 - memory) * once
            found.append(np.sqrt(twice))
        levels.append(np.array(found))
    return np.asarray(((levels[0] - levels[1]) ** 2).mean(axis=1))


@functools.cache
def _spectral(compiler: Compiler) -> Program:
    return compiled(SPECTRAL, compiler)


def test_a_spectral_loss_has_its_own_gradient(compiler: Compiler) -> None:
    """By differences of the loss that the program itself gives, and in NumPy."""
    frames = 900
    windows = len(MEANS)

    def run(frequency: float, gain: float) -> Array:
        """Loss and gradient (windows, 3, frames)."""
        controls = {"frequency": frequency, "gain": gain}
        got = _spectral(compiler).run(frames=frames, controls=controls)
        return np.asarray(got, float).reshape(windows, 3, frames)

    tried = 0
    for place in PLACES:
        found = run(*place)
        for index, window in enumerate(MEANS):
            reference = spectral_loss(*place, window, frames)
            assert near(found[index, 0], reference, 1e-9, 1e-4).all(), (place, window)
        for k, (name, step) in enumerate(STEPS.items()):
            shift = np.eye(2)[k] * step
            one, two = (
                (run(*(place + i * shift)) - run(*(place - i * shift)))[:, 0] / (2 * i * step)
                for i in (1, 2)
            )
            slope = (4 * one - two) / 3
            # Where the loss is level, a relative error means nothing: 1 % of the steepest is left.
            late = np.arange(frames) >= 300
            steep = abs(slope) > 1e-2 * abs(slope[:, late]).max(axis=1, keepdims=True)
            chosen = steep & late
            tried += int(chosen.sum())
            error = (abs(found[:, 1 + k] - slope) / abs(slope))[chosen]
            assert error.max() < 1e-6, (place, name, error.max())
    assert tried > 0.5 * len(PLACES) * len(STEPS) * windows * 600


def test_a_spectral_loss_is_level_at_the_truth(compiler: Compiler) -> None:
    found = _spectral(compiler).run(frames=900, controls={"frequency": TRUTH, "gain": 1})
    assert abs(found).max() < 1e-12
