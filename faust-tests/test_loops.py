"""Engines, loops, gates, maps and Newton's method against NumPy; programs that learn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from support.harness import FRAMES, LIBRARIES, Array, Case, compiled, draw, reports
from support.harness import case_over_time as trial

HEAD = LIBRARIES + 'fi = library("filters.lib");\n'

GRADIENTS = draw(11, 2)
RESIDUAL, J1, J2, J3 = draw(12, 4)
SENSITIVITIES = np.array([J1, J2, J3])
NOISE = draw(13, 2)
EPSILON = 1e-8


def unbiased(x: Array, rho: float) -> Array:
    """The mean that forgets by `rho`, without the zeros before the start; along the last axis."""
    mean = np.zeros(x.shape[:-1])
    out = np.empty_like(x)
    for n in range(x.shape[-1]):
        mean = rho * mean + (1 - rho) * x[..., n]
        out[..., n] = mean / (1 - rho ** (n + 1))
    return out


def nadam(g: Array, rate: float, b1: float, b2: float) -> Array:
    """T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop, 2016."""
    m = v = np.zeros(len(g))
    steps = []
    for n, x in enumerate(g.T, 1):
        m, v = b1 * m + (1 - b1) * x, b2 * v + (1 - b2) * x * x
        ahead = b1 * m / (1 - b1 ** (n + 1)) + (1 - b1) * x / (1 - b1**n)
        steps.append(rate * ahead / (np.sqrt(v / (1 - b2**n)) + EPSILON))
    return np.array(steps).T


def amsgrad(g: Array, rate: float, b1: float, b2: float) -> Array:
    """S. J. Reddi et al., "On the Convergence of Adam and Beyond", ICLR 2018; bias taken off."""
    m = v = most = np.zeros(len(g))
    steps = []
    for n, x in enumerate(g.T, 1):
        m, v = b1 * m + (1 - b1) * x, b2 * v + (1 - b2) * x * x
        most = np.maximum(most, v)
        steps.append(rate * m / (1 - b1**n) / (np.sqrt(most / (1 - b2**n)) + EPSILON))
    return np.array(steps).T


def adabelief(g: Array, rate: float, b1: float, b2: float) -> Array:
    """J. Zhuang et al., "AdaBelief Optimizer", NeurIPS 2020."""
    m = s = np.zeros(len(g))
    steps = []
    for n, x in enumerate(g.T, 1):
        m = b1 * m + (1 - b1) * x
        s = b2 * s + (1 - b2) * (x - m) ** 2 + EPSILON
        steps.append(rate * m / (1 - b1**n) / (np.sqrt(s / (1 - b2**n)) + EPSILON))
    return np.array(steps).T


def lion(g: Array, rate: float, b1: float, b2: float) -> Array:
    """X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023."""
    m = np.zeros(len(g))
    steps = []
    for x in g.T:
        steps.append(rate * np.sign(b1 * m + (1 - b1) * x))
        m = b2 * m + (1 - b2) * x
    return np.array(steps).T


def marquardt(r: Array, j: Array, mu: float, damping: float, rho: float) -> Array:
    """D. W. Marquardt, J. SIAM 11 (2), 1963, with means that forget."""
    matrices = unbiased(j[:, np.newaxis] * j[np.newaxis], rho)
    size = len(j)
    steps = []
    for n in range(len(r)):
        matrix = matrices[..., n] * (1 + damping * np.eye(size)) + 1e-12 * np.eye(size)
        steps.append(mu * np.linalg.solve(matrix, j[:, n] * r[n]))
    return np.array(steps).T


def recursive_least_squares(r: Array, j: Array, forget: float, delta: float) -> Array:
    """S. Haykin, "Adaptive Filter Theory", the RLS algorithm."""
    inverse = np.eye(len(j)) / delta
    steps = []
    for residual, x in zip(r, j.T, strict=True):
        gain = inverse @ x / (forget + x @ inverse @ x)
        inverse = (inverse - np.outer(gain, x @ inverse)) / forget
        steps.append(gain * residual)
    return np.array(steps).T


def framed(g: Array, length: int, engine: Callable[[Array], Array]) -> Array:
    """Means of frames through an engine, the steps at the ends of the frames."""
    count = g.shape[1] // length
    means = g[:, : count * length].reshape(len(g), count, length).mean(axis=2)
    out = np.zeros_like(g)
    out[:, length - 1 : count * length : length] = engine(means)
    return out


def descended(x: Array, target: Array, rate: float) -> Array:
    """A gain by the slope of the squared error, from 0.1, within 0 and 0.4."""
    gain, seen = 0.1, []
    for a, t in zip(x, target, strict=True):
        gain = min(max(gain - rate * 2 * (gain * a - t) * a, 0.0), 0.4)
        seen.append(gain)
    return np.array(seen)


def reset_to(start: float, steps: Array, resets: Array) -> Array:
    """A parameter that subtracts steps, and is at its start while it is reset."""
    value, seen = start, []
    for step, is_reset in zip(steps, resets, strict=True):
        value = start if is_reset else value - step
        seen.append(value)
    return np.array(seen)


def until(happened: Array) -> Array:
    """1 until something has happened for the first time."""
    return 1.0 - np.maximum.accumulate(happened)


def passed_over(x: Array, rho: float) -> Array:
    """A mean that forgets by `rho`, from 0, and stays where a sample is no number."""
    mean, means = 0.0, []
    for a in x:
        mean = mean if np.isnan(a) else rho * mean + (1 - rho) * a
        means.append(mean)
    return np.array(means)


def below(x: Array, threshold: float, rho: float) -> Array:
    """A mean that forgets by `rho`, from 0; it counts once it has seen as much as it remembers."""
    mean, means = 0.0, []
    for a in x:
        mean = rho * mean + (1 - rho) * a
        means.append(mean)
    return until((np.array(means) < threshold) & (np.arange(len(x)) * (1 - rho) > 1))


def plateau(x: Array, ratio: float, length: int) -> Array:
    """The mean of `length` samples against that of as many before."""
    total = np.cumsum(np.concatenate([np.zeros(length), x]))
    means = (total[length:] - total[:-length]) / length
    before = np.concatenate([np.zeros(length), means[:-length]])
    return until((means > ratio * before) & (np.arange(len(x)) >= 2 * length))


#: A loss that falls once, and one that stops falling.
FALLEN = np.where(np.arange(FRAMES) % (FRAMES // 2) > FRAMES // 4, 0.02, 1.0) * (1 + 0.1 * J1)
SETTLED = np.exp(-np.minimum(np.arange(FRAMES), FRAMES // 2) / (FRAMES / 8))


def delayed(lag: int, x: Array) -> Array:
    return np.hstack([np.zeros((len(x), lag)), x[:, :-lag]])


#: A signal that is no number for a while.
BROKEN = np.where(abs(np.arange(FRAMES) - 30) < 3, np.nan, J1)
RESETS = (np.arange(FRAMES) % 50 > 45) * 1.0
#: The root of a y^3 + b y = 1 for a = 0.2 + J1^2, b = 1 + J2^2, and its partials.
CUBES = np.array([0.2 + J1**2, 1 + J2**2])
CUBIC = np.array([min(np.roots([a, 0, b, -1]), key=lambda y: abs(y.imag)).real for a, b in CUBES.T])
CUBIC_SLOPE = 3 * CUBES[0] * CUBIC**2 + CUBES[1]
CUBIC_PARTIALS = np.array([CUBIC, -(CUBIC**3) / CUBIC_SLOPE, -CUBIC / CUBIC_SLOPE])

TWO = "df.optimizers(2, 1e-8)"
BETAS = "0.1, 0.9, 0.99"
ENGINE_3 = np.vstack([RESIDUAL, SENSITIVITIES])
ENGINE_2 = ENGINE_3[:3]
POWER = (SENSITIVITIES**2).sum(axis=0)
LEVEL = unbiased(J1**2, 0.9)
APART = SENSITIVITIES[:2] * np.array([[100], [0.01]])

TRIALS: tuple[Case, ...] = (
    trial("Nadam", f"{TWO}.Nadam({BETAS})", GRADIENTS, nadam(GRADIENTS, 0.1, 0.9, 0.99)),
    trial("AMSGrad", f"{TWO}.AMSGrad({BETAS})", GRADIENTS, amsgrad(GRADIENTS, 0.1, 0.9, 0.99)),
    trial(
        "AdaBelief", f"{TWO}.AdaBelief({BETAS})", GRADIENTS, adabelief(GRADIENTS, 0.1, 0.9, 0.99)
    ),
    trial("Lion", f"{TWO}.Lion({BETAS})", GRADIENTS, lion(GRADIENTS, 0.1, 0.9, 0.99)),
    trial("Sign", f"{TWO}.Sign(0.1)", GRADIENTS, 0.1 * np.sign(GRADIENTS)),
    trial(
        "Langevin",
        f"si.bus(2), si.bus(2) : \\(a, b, m, n).((a, b) : {TWO}.Langevin(0.1, 0.2, (m, n)))",
        np.vstack([GRADIENTS, NOISE]),
        0.1 * GRADIENTS + np.sqrt(2 * 0.1 * 0.2) * NOISE,
    ),
    trial("LMS", "df.engines.LMS(3, 0.1)", ENGINE_3, 0.1 * RESIDUAL * SENSITIVITIES),
    trial(
        "NLMS",
        "df.engines.NLMS(3, 0.1, 1e-6)",
        ENGINE_3,
        0.1 * RESIDUAL * SENSITIVITIES / (1e-6 + POWER),
    ),
    trial(
        "Gauss-Newton",
        "df.engines.GaussNewton(0.1, 0.9)",
        ENGINE_3[:2],
        0.1 * RESIDUAL * J1 / (LEVEL + 1e-12),
    ),
    *(
        trial(
            f"Levenberg-Marquardt for {k}",
            f"df.engines.LevenbergMarquardt({k}, 0.1, 0.1, 0.95)",
            ENGINE_3[: k + 1],
            marquardt(RESIDUAL, SENSITIVITIES[:k], 0.1, 0.1, 0.95),
            single=None,
        )
        for k in (1, 2, 3)
    ),
    *(
        trial(
            f"recursive least squares for {k}",
            f"df.engines.RLS({k}, 0.99, 0.01)",
            ENGINE_3[: k + 1],
            recursive_least_squares(RESIDUAL, SENSITIVITIES[:k], 0.99, 0.01),
            single=None,
        )
        for k in (1, 2, 3)
    ),
    trial(
        "recursive least squares of levels far apart",
        "df.engines.RLS(2, 0.98, 0.1)",
        np.vstack([RESIDUAL, APART]),
        recursive_least_squares(RESIDUAL, APART, 0.98, 0.1),
        single=None,
    ),
    trial(
        "each its own",
        "df.engines.each((df.engines.GaussNewton(0.1, 0.9), *))",
        ENGINE_2,
        [0.1 * RESIDUAL * J1 / (LEVEL + 1e-12), RESIDUAL * J2],
    ),
    trial(
        "SGD by frames",
        "df.frames(2, 16, 1e-8).SGD(0.1)",
        GRADIENTS,
        framed(GRADIENTS, 16, lambda g: 0.1 * g),
    ),
    trial(
        "Lion's means by frames",
        "df.frames(2, 7, 1e-8).Lion(0.1, 0.9, 0.99)",
        GRADIENTS,
        framed(GRADIENTS, 7, lambda g: lion(g, 0.1, 0.9, 0.99)),
    ),
    *(
        trial(
            f"{name} by frames",
            f"df.frames(2, 7, 1e-8).{name}({BETAS})",
            GRADIENTS,
            framed(GRADIENTS, 7, functools.partial(engine, rate=0.1, b1=0.9, b2=0.99)),
        )
        for name, engine in (("Nadam", nadam), ("AMSGrad", amsgrad), ("AdaBelief", adabelief))
    ),
    trial(
        "Sign by frames",
        "df.frames(2, 7, 1e-8).Sign(0.1)",
        GRADIENTS,
        framed(GRADIENTS, 7, lambda g: 0.1 * np.sign(g)),
    ),
    trial(
        "no decay between the ends of frames",
        "df.frames(2, 7, 1e-8).AdamW(0.1, 0, 0, 0.5, 0)",
        np.zeros((2, FRAMES)),
        np.zeros((2, FRAMES)),
    ),
    trial(
        "Langevin by frames",
        "df.frames(2, 7, 1e-8).Langevin(0.1, 0.2, (0.5, 1))",
        GRADIENTS,
        framed(GRADIENTS, 7, lambda g: 0.1 * g + np.sqrt(0.04) * np.array([[0.5], [1]])),
    ),
    trial(
        "no steps before the clock first ticks",
        f"df.clocked_optimizers(2, 1e-8, ba.time >= 50).Nadam({BETAS})",
        np.hstack([np.ones((2, 50)), GRADIENTS[:, 50:]]),
        np.hstack([np.zeros((2, 50)), nadam(GRADIENTS[:, 50:], 0.1, 0.9, 0.99)]),
    ),
    trial("average", "df.averaged(0.9)", J1, unbiased(J1, 0.9)),
    trial(
        "average of Polyak and Juditsky",
        "df.averaged(ba.time / (ba.time + 1))",
        J1,
        np.cumsum(J1) / np.arange(1, FRAMES + 1),
    ),
    trial(
        "loop with bounds",
        "df.learned(1, df.descent(1, \\(g, x, t).((g * x - t) ^ 2), *(0.05)), 0, 0.4, 0.1, 0)",
        [J1, J2],
        [descended(J1, J2, 0.05), np.zeros(FRAMES)],
    ),
    trial(
        "loop with a reset",
        "\\(s, r).(s : df.learned(1, \\(p, s).(attach(s, p)), -100, 100, 0.5, r))",
        [J1, RESETS],
        [reset_to(0.5, J1, RESETS), np.zeros(FRAMES)],
    ),
    trial(
        "a start outside of the bounds",
        "df.learned(1, \\(p, s).(s * p), -1, 1, 5, 0)",
        1e20 * np.ones(FRAMES),
        [np.ones(FRAMES), 1 + np.arange(FRAMES)],
    ),
    trial(
        "gate by level, past what is no number",
        "df.gates.level(0.5, 0.9)",
        BROKEN,
        passed_over(BROKEN**2, 0.9) > 0.5,
    ),
    trial(
        "until a loss is small, past what is no number",
        "df.gates.until_below(0.2, 0.9)",
        np.where(np.isnan(BROKEN), np.nan, 0.1),
        np.arange(FRAMES) < 11,
    ),
    trial("gate by level", "df.gates.level(0.5, 0)", J1, J1**2 > 0.5),
    trial("budget", "(_ : !), df.gates.budget(50)", J1, np.arange(FRAMES) < 50),
    trial(
        "until a loss is small", "df.gates.until_below(0.2, 0.9)", FALLEN, below(FALLEN, 0.2, 0.9)
    ),
    trial(
        "until a loss stops falling",
        "df.gates.until_plateau(0.9, 25)",
        SETTLED,
        plateau(SETTLED, 0.9, 25),
    ),
    trial("poles", "df.maps.poles", [J1, J2], [J1 * (1 + J2), J2]),
    trial(
        "back from poles", "df.maps.poles : df.maps.reflections", [J1, J2], [J1, J2], single=None
    ),
    trial("logistic", "df.maps.logistic(1, 3)", J1, 1 + 2 / (1 + np.exp(-J1))),
    trial(
        "exponential for all",
        "df.maps.logistic(0, 1) : df.maps.exponential(20, 2000)",
        5 * J1,
        20 * 100 ** (1 / (1 + np.exp(-5 * J1))),
    ),
    trial("exponential", "df.maps.exponential(20, 2000)", J1, 20 * 100**J1),
    trial(
        "pseudo-Huber",
        "df.objectives.pseudo_huber(0.5)",
        [J1, J2],
        0.25 * (np.sqrt(1 + ((J1 - J2) / 0.5) ** 2) - 1),
    ),
    trial("lasso", "df.objectives.lasso(0.1, 0.01)", J1, 0.1 * (np.sqrt(J1**2 + 1e-4) - 0.01)),
    trial("ridge", "df.objectives.ridge(0.1)", J1, 0.1 * J1**2),
    trial(
        "square root by Newton",
        "df.newton(8, 1, \\(y, x).(y * y - x))",
        J1**2 + 0.1,
        np.sqrt(J1**2 + 0.1),
    ),
    trial(
        "and its derivative",
        "df.jvp(1, df.newton(8, 1, \\(y, x).(y * y - x)))",
        J1**2 + 0.1,
        [np.sqrt(J1**2 + 0.1), 0.5 / np.sqrt(J1**2 + 0.1)],
    ),
    trial(
        "the partials of a root by reverse mode",
        "df.grad(2, df.newton(9, 1, \\(y, a, b).(a * y * y * y + b * y - 1)))",
        CUBES,
        CUBIC_PARTIALS,
    ),
    trial(
        "the partials of a root that is delayed, by reverse mode",
        "df.grad(2, (df.newton(9, 1, \\(y, a, b).(a * y * y * y + b * y - 1)) : twice))"
        " with { twice = _ <: (@(3), mem) :> _; }",
        CUBES,
        delayed(3, CUBIC_PARTIALS) + delayed(1, CUBIC_PARTIALS),
    ),
)


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_numbers_are_those_of_the_reference(compiler: Compiler, double: bool) -> None:
    for k in range(0, len(TRIALS), 12):
        found = reports(TRIALS[k : k + 12], "", compiler, double)
        assert not [line for lines in found.values() for line in lines]


def learn(compiler: Compiler, process: str, frames: int, double: bool = True) -> Array:
    """What a program of one input gives, for white noise in [-1, 1]."""
    made = compiled(f"{HEAD}process = {process};", compiler, double, optimize="-O1")
    noise = np.random.default_rng(5).uniform(-1, 1, frames)
    return np.asarray(made.run(noise, frames), float)


RESONATOR = r"""(_ <: _, fi.resonlp(1200, 2, 1)) : df.learned(2, df.least_squares(2,
    \(f, q, x).(x : fi.resonlp(f, q, 1)),
    df.engines.LevenbergMarquardt(2, 0.01, 0.1, 0.99)), (20, 0.1), (20000, 10), (1000, 1), 0)"""


def test_a_resonator_by_levenberg_and_marquardt(compiler: Compiler) -> None:
    """Frequency and Q by one gain, to 1e-4 within 5,000 samples of noise."""
    frequency, q, skipped = learn(compiler, RESONATOR, 5000)[:, -1]
    assert abs(frequency / 1200 - 1) < 1e-4
    assert abs(q / 2 - 1) < 1e-4
    assert skipped == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_steps_that_are_not_finite_are_skipped_and_counted(compiler: Compiler, bad: float) -> None:
    made = compiled(
        HEAD
        + r"process = (_ <: _, *(0.5)) : df.learned(1, df.descent(1, \(g, x, t).((g * x - t) ^ 2),"
        " df.optimizers(1, 1e-8).Adam(0.01, 0.9, 0.99)), -4, 4, 0, 0);",
        compiler,
    )
    noise = np.random.default_rng(5).uniform(-1, 1, 3000)
    noise[100] = bad
    gain, skipped = made.run(noise, 3000)
    assert np.isfinite(gain).all()
    assert abs(gain[-1] - 0.5) < 1e-3
    assert (skipped == (np.arange(3000) >= 100)).all()


#: Two numbers, and whether they are usable together.
PAIRS = (
    (1.0, -2.0, True),
    (9e14, -4e14, True),
    (0.0, 0.0, True),
    (9e14, 5e14, False),
    (0.0, -1.1e15, False),
    (1e30, 1.0, False),
    (1.0, -np.inf, False),
    (np.inf, -np.inf, False),
    (np.nan, 0.0, False),
)


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_one_bad_number_skips_the_steps_of_all_parameters(compiler: Compiler, double: bool) -> None:
    """As a step, and as a gradient, of which an engine with a memory must not remember anything."""
    steps = r"df.learned(2, \(a, b, s, t).(attach(s, a), attach(t, b)), -1e20, 1e20, 0, 0)"
    memory = "df.skipping(2, par(i, 2, + ~ _))"
    made = compiled(f"{HEAD}process = _, _ <: {steps}, {memory};", compiler, double)
    given = np.array([(*pair, 0.25, 0.5) for *pair, _ in PAIRS]).reshape(-1, 2).T
    a, b, skipped, *engine = made.run(given, given.shape[1])
    usable = np.repeat([usable for *_, usable in PAIRS], 2)
    usable[1::2] = True
    kept = np.where(usable, given, 0)
    dtype = np.float64 if double else np.float32
    for found, part in zip((a, b), kept, strict=True):
        np.testing.assert_array_equal(found, -np.cumsum(part, dtype=dtype))
    np.testing.assert_array_equal(skipped, 2 * np.cumsum(~usable))
    for found, part in zip(engine, kept, strict=True):
        expected = np.where(usable, np.cumsum(part, dtype=dtype), dtype(1e30))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_backprop_survives_what_is_not_finite(compiler: Compiler, bad: float) -> None:
    made = compiled(
        HEAD
        + """vars = df.vars((df.var(hbargraph("gain", -4, 4), 0))); d = df.env(vars);
        process = _ <: df.backprop(*(0.5), (d.input, vars.var(1) : d.diff(*)),
            d.learnMSE(4, d.optimizers.SGD(0.1)));""",
        compiler,
    )
    noise = np.random.default_rng(5).uniform(-1, 1, 3000)
    noise[100] = bad
    session = made.session()
    _, truth, learned = session.compute(noise, 3000)
    assert abs(learned[-100:] - truth[-100:]).max() < 1e-3
    # The window holds what is not finite for four samples.
    assert session.get("skipped") == 4


@pytest.mark.parametrize("level", [0.1, 1.0, 10.0])
def test_normalised_lms_converges_alike_at_each_level(compiler: Compiler, level: float) -> None:
    process = rf"""*({level}) <: _, (_ <: *(0.5), (mem : *(-0.3)) :> _) : df.learned(2,
        df.least_squares(2, \(a, b, x).(a * x + b * x'), df.engines.NLMS(2, 0.2, 1e-9)),
        -1, 1, 0, 0)"""
    a, b, _ = learn(compiler, process, 400)[:, [20, 399]]
    np.testing.assert_allclose([a[1], b[1]], [0.5, -0.3], atol=1e-6)
    early = learn(compiler, process.replace(f"*({level})", "*(1.0)", 1), 400)[:2, 20]
    np.testing.assert_allclose([a[0], b[0]], early, rtol=1e-5)


def test_single_precision_loses_no_small_steps(compiler: Compiler) -> None:
    """A parameter at 1000 takes steps of 1e-6, which float32 cannot add to 1000."""
    process = (
        r"(_ : !), (1e-6 : df.learned(1, \(p, s).(attach(s, p)), 0, 2000, 1000, 0)) : -(1000), _"
    )
    value, _ = learn(compiler, process, 20000, double=False)[:, -1]
    assert abs(value + 0.02) < 1e-3


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
@pytest.mark.parametrize(("low", "start"), [(1e-5, 1000), (0.1, 0.7), (0.3, 0.9)])
def test_bounds_hold_although_sums_are_rounded(
    compiler: Compiler, double: bool, low: float, start: float
) -> None:
    """In float32, 1e-5 - 1000 and 1000 again add up to 0: a divisor must not become 0."""
    process = rf"df.learned(1, \(p, s).(attach(1e6 + s, p)), {low}, 2000, {start}, 0) : _, !"
    value = learn(compiler, process, 10, double)[0]
    assert (value == np.dtype("f8" if double else "f4").type(low)).all()


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_recursive_least_squares_learns_again_after_silence(
    compiler: Compiler, double: bool
) -> None:
    """In silence the inverse correlation grows by 1 / 0.99 at each sample, and then stays."""
    process = r"""\(x).(x * ((ba.time < 1000) | (ba.time >= 100000)))
        : \(x).(x, (0.5 - (ba.time >= 50000)) * x - 0.3 * x') : df.learned(2, df.least_squares(2,
        \(a, b, x).(a * x + b * x'), df.engines.RLS(2, 0.99, 0.01)), -10, 10, 0, 0)"""
    values = learn(compiler, process, 101_000, double)[:, [999, 99_999, -1]]
    near = 1e-6 if double else 1e-5
    np.testing.assert_allclose(values[0], [0.5, 0.5, -0.5], atol=near)
    np.testing.assert_allclose(values[1], -0.3, atol=near)
    assert not values[2].any()


EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "loops"

#: How long each program runs, what it must show at the end, and how near.
SHOWN = (
    ("resonator", 5000, [1200, 2, 0], 1e-4),
    ("levels", 400, [0.5, -0.3] * 3, 1e-6),
    ("control_rate", 40000, [0.5, 2, 0], 1e-4),
    ("echo_canceller", 8000, [0], 1e-6),
    ("diode_clipper", 20000, [0.2, 0], 1e-4),
    ("other_noise", 400_000, [2, 0], 1e-2),
)


@pytest.mark.parametrize(("name", "frames", "expected", "near"), SHOWN)
def test_examples_learn(
    compiler: Compiler, name: str, frames: int, expected: list[float], near: float
) -> None:
    made = compiled((EXAMPLES / f"{name}.dsp").read_text(), compiler)
    np.testing.assert_allclose(made.run(None, frames)[:, -1], expected, rtol=near, atol=near)


def test_lion_finds_a_biquad_that_stays_stable(compiler: Compiler) -> None:
    """Within 1e-5 after 300,000 samples, with one rate; stable at each step."""
    made = compiled((EXAMPLES / "stable_biquad.dsp").read_text(), compiler, optimize="-O1")
    shown = made.run(None, 300_000)
    np.testing.assert_allclose(shown[:5, -1], [0.1, 0.2, 0.1, -1, 0.4], atol=1e-5)
    a1, a2 = shown[3:5]
    assert (abs(a2) < 1).all()
    assert (abs(a1) < 1 + a2).all()


def test_langevin_leaves_the_shallow_well(compiler: Compiler) -> None:
    made = compiled((EXAMPLES / "two_wells.dsp").read_text(), compiler)
    descent, langevin = made.run(None, 100_000)[:, -1]
    assert abs(descent - 0.967) < 0.01
    assert abs(langevin + 1.03) < 0.1


#: A biquad that learns another one, by five coefficients or by three and two reflections.
BIQUADS = r"""
biquad(b0, b1, b2, a1, a2, x) = x : fi.tf2(b0, b1, b2, a1, a2);
reflected(b0, b1, b2, k1, k2, x) = (b0, b1, b2, (k1, k2 : df.maps.poles), x) : biquad;
steps(MODEL, RATE) = df.descent(5, loss, df.optimizers(5, 1e-8).Lion(RATE, 0.9, 0.99))
with {
    loss(b0, b1, b2, p1, p2, x, t) = MODEL(b0, b1, b2, p1, p2, x), t : df.objectives.squared;
};
most = (2, 2, 2, 0.999, 0.999);
least = (-2, -2, -2, -0.999, -0.999);
"""


def test_reflection_coefficients_stay_stable_for_ten_thousand_targets(compiler: Compiler) -> None:
    """Each target stands for 32 samples, at a rate that is too large; every step is stable."""
    targets = """n = no.multinoise(6);
    held(i) = ba.sAndH(ba.time % 32 == 0, n : ba.selector(i, 6));
    poles = held(4) * 0.999, held(5) * 0.999 : df.maps.poles;
    hidden(x) = (held(1), held(2), held(3), poles, x) : biquad;
    process = (n : ba.selector(0, 6)) <: _, hidden
        : df.learned(5, steps(reflected, 0.02), least, most, 0, 0) : !, !, !, df.maps.poles, _;"""
    made = compiled(HEAD + BIQUADS + targets, compiler, optimize="-O1")
    a1, a2, skipped = made.run(None, 320_000)
    assert (abs(a2) < 1).all()
    assert (abs(a1) < 1 + a2).all()
    assert not skipped.any()
    assert np.ptp(a1) > 3.9
    assert np.ptp(a2) > 1.9


def test_reflection_coefficients_converge_where_a_box_on_coefficients_does_not(
    compiler: Compiler,
) -> None:
    """The corner (2, -1) of the box of a1 and a2 is unstable: it is never left for the target."""
    both = """rate = 2e-7 + df.schedulers.exponential(1e-3, 10000);
    start = 0, 0, 0, 2, -1;
    box = df.learned(5, steps(biquad, rate), (-2, -2, -2, -2, -1), (2, 2, 2, 2, 1), start, 0);
    safe = df.learned(5, steps(reflected, rate), least, most, (0, 0, 0, 0.99, -0.9), 0);
    process = no.noise <: _, biquad(0.1, 0.2, 0.1, -1, 0.4)
        <: (box : !, !, !, _, _, !), (safe : !, !, !, df.maps.poles, !);"""
    made = compiled(HEAD + BIQUADS + both, compiler, optimize="-O1")
    a1, a2, safe1, safe2 = made.run(None, 100_000)[:, -1]
    assert abs(a1 + 1) > 0.5
    assert abs(a2 - 0.4) > 0.5
    np.testing.assert_allclose([safe1, safe2], [-1, 0.4], atol=1e-5)
