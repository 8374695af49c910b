"""The circuit that learns: its routing, the snippets of the documents, and its messages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler, FaustError
from support.harness import LIBRARIES, Array, compiled, draw, near

pytestmark = pytest.mark.xdist_group("backprop")


# -- routing -------------------------------------------------------------------------------------

RATE = 0.05
INITIAL = [0.25, -0.5, 1.5]
STEPS = 60


@dataclass(frozen=True)
class Circuit:
    """Learnables that are linear in their parameters, so that the reference is a few sums.

    `features(signals)` gives (N, frames), of which the learnable is the sum, weighted by the
    parameters; `signals` are (M, frames). `truth` and `learnable` are Faust.
    """

    inputs: int
    count: int
    truth: str
    hidden: Callable[[Array], Array]
    learnable: str
    features: Callable[[Array], Array]

    def __str__(self) -> str:
        return f"M{self.inputs} N{self.count}"

    def alone(self, text: str) -> str:
        """`text` with an environment of its own: bargraphs as users have them, initial values."""
        graphs = (
            f'df.var(hbargraph("p{i}", -9, 9), {INITIAL[i - 1]})' for i in range(1, self.count + 1)
        )
        return f"({text} with {{ v = df.vars(({', '.join(graphs)})); d = df.env(v); }})"


def ramp(frames: int) -> Array:
    """What the generator of the programs below gives: 0, 0.25, 0.5, 0.75, 0, ..."""
    return np.arange(frames) % 4 / 4


RAMP = "(1 : + ~ _ : -(1) : %(4) : /(4))"


def silent(signals: Array) -> Array:
    return ramp(signals.shape[1])


def late(x: Array) -> Array:
    """The sample before."""
    return np.concatenate([[0.0], x[:-1]])


#: Signals first, then one gradient for each parameter.
CIRCUITS = [
    Circuit(
        0,
        1,
        f"{RAMP} * 0.75",
        lambda s: 0.75 * silent(s),
        f"{RAMP}, 0, v.var(1) : d.diff(*)",
        lambda s: np.array([silent(s)]),
    ),
    Circuit(
        0,
        2,
        f"{RAMP} * 0.75 + 0.5",
        lambda s: 0.75 * silent(s) + 0.5,
        f"{RAMP}, 0, 0, v.var(1), _ : d.diff(*), v.var(2) : d.diff(+)",
        lambda s: np.array([silent(s), np.ones(STEPS)]),
    ),
    Circuit(
        0,
        3,
        f"{RAMP} * 0.75 - mem({RAMP})",
        lambda s: 0.75 * silent(s) - late(silent(s)),
        f"""({RAMP}, 0, 0, 0, v.var(1) : d.diff(*)), v.var(2),
            ({RAMP}', 0, 0, 0, v.var(3) : d.diff(*)) : d.sumall(3)""",
        lambda s: np.array([silent(s), np.ones(STEPS), late(silent(s))]),
    ),
    Circuit(
        1,
        1,
        "*(0.5)",
        lambda s: 0.5 * s[0],
        "d.input, v.var(1) : d.diff(*)",
        lambda s: s,
    ),
    Circuit(
        1,
        2,
        "*(0.5) : +(0.25)",
        lambda s: 0.5 * s[0] + 0.25,
        "d.input, v.var(1), _ : d.diff(*), v.var(2) : d.diff(+)",
        lambda s: np.array([s[0], np.ones(STEPS)]),
    ),
    Circuit(
        1,
        3,
        "_ <: *(0.5), mem : + : +(0.25)",
        lambda s: 0.5 * s[0] + late(s[0]) + 0.25,
        """d.input, si.bus(3) : route(7, 11, par(i, 4, (i + 1, i + 1)), (5, 5),
                par(i, 4, (i + 1, i + 6)), (6, 10), (7, 11))
            : (si.bus(4), v.var(1) : d.diff(*)), (d.diff(mem), v.var(2) : d.diff(*)), v.var(3)
            : d.sumall(3)""",
        lambda s: np.array([s[0], late(s[0]), np.ones(STEPS)]),
    ),
    Circuit(
        2,
        1,
        "-",
        lambda s: s[0] - s[1],
        "(d.input, d.input : d.diff(-)), v.var(1) : d.diff(*)",
        lambda s: np.array([s[0] - s[1]]),
    ),
    Circuit(
        2,
        2,
        "*(0.5), *(-0.75) : +",
        lambda s: 0.5 * s[0] - 0.75 * s[1],
        """route(4, 4, (1, 1), (2, 3), (3, 2), (4, 4))
            : (d.input, v.var(1) : d.diff(*)), (d.input, v.var(2) : d.diff(*)) : d.diff(+)""",
        lambda s: s,
    ),
    Circuit(
        2,
        3,
        "*(0.5), *(-0.75) : + : +(0.125)",
        lambda s: 0.5 * s[0] - 0.75 * s[1] + 0.125,
        """route(5, 5, (1, 1), (2, 3), (3, 2), (4, 4), (5, 5)) : (d.input, v.var(1) : d.diff(*)),
            (d.input, v.var(2) : d.diff(*)), v.var(3) : d.sumall(3)""",
        lambda s: np.array([s[0], s[1], np.ones(STEPS)]),
    ),
]


def learned(
    features: Array, truths: Array, slope: Callable[[float, Array], float]
) -> tuple[Array, Array]:
    """What the circuit gives, and the parameters: a step takes effect one sample later."""
    parameters = np.array(INITIAL[: len(features)])
    step = np.zeros(len(features))
    estimates, path = [], []
    for column, truth in zip(features.T, truths.T, strict=True):
        parameters = parameters - step
        estimates.append(float(parameters @ column))
        path.append(parameters)
        step = RATE * slope(estimates[-1], truth) * column
    return np.array(estimates), np.array(path).T


def tolerance(double: bool) -> float:
    """Roundings of STEPS samples, each of which starts from the last."""
    return 1e-12 if double else 1e-5


@dataclass(frozen=True)
class Experiment:
    """A circuit that is fed signals: what it must give, and its parameters in the end."""

    title: str
    text: str
    fed: Array
    expected: Array
    parameters: Array


def experiments() -> list[Experiment]:
    """Truth and learnable get signals of their own, all different."""
    found = []
    for circuit in CIRCUITS:
        truth, learnable = np.split(draw(3 + circuit.count, 2 * circuit.inputs, STEPS), 2)
        if not circuit.inputs:
            truth = learnable = np.zeros((0, STEPS))
        fed = np.concatenate([truth, learnable])
        features, hidden = circuit.features(learnable), circuit.hidden(truth)
        estimate, path = learned(features, hidden[None], lambda y, t: 2 * (y - float(t[0])))
        expected = np.array([(estimate - hidden) ** 2, hidden, estimate])
        loss = f"d.learnMSE(1, d.optimizers.SGD({RATE}))"
        names = ["backprop"] + ["backpropNoInput"] * (circuit.inputs == 0)
        for name in names:
            text = f"df.{name}(({circuit.truth}), ({circuit.learnable}), {loss})"
            title = f"{name} {circuit}"
            found.append(Experiment(title, circuit.alone(text), fed, expected, path[:, -1]))
        if circuit.inputs == 1:
            # The absolute errors of both truths, averaged.
            both = np.array([0.5 * truth[0], -0.25 * truth[0]])
            estimate, path = learned(features, both, lambda y, t: float(np.sign(y - t).mean()))
            # The sign of an error that is almost 0 would be a matter of rounding.
            assert abs(estimate - both).min() > 1e-4
            expected = np.array([abs(estimate - both).mean(axis=0), *both, estimate])
            loss = f"d.learnN(1, d.optimizers.SGD({RATE}), 2)"
            text = f"df.backprop((_ <: *(0.5), *(-0.25)), ({circuit.learnable}), {loss})"
            title = f"learnN {circuit}"
            found.append(Experiment(title, circuit.alone(text), fed, expected, path[:, -1]))
    return found


EXPERIMENTS = experiments()


@functools.cache
def _routing(compiler: Compiler, double: bool) -> dict[str, list[str]]:
    """What is wrong in each experiment, all run in one program."""
    boxes = [f'vgroup("{e.title}", {e.text})' for e in EXPERIMENTS]
    counts = [f"{count}({e.text})" for e in EXPERIMENTS for count in ("inputs", "outputs")]
    program = compiled(f"{LIBRARIES} process = {', '.join(counts + boxes)};", compiler, double)
    session = program.session()
    got = session.compute(np.concatenate([e.fed for e in EXPERIMENTS])).astype(float)
    arities = got[: len(counts), 0].astype(int).reshape(-1, 2)
    ends = len(counts) + np.cumsum(arities[:, 1])
    exact = tolerance(double)
    reports: dict[str, list[str]] = {}
    for one, (takes, gives), end in zip(EXPERIMENTS, arities, ends, strict=True):
        wrong = reports.setdefault(one.title, [])
        if (takes, gives) != (len(one.fed), len(one.expected)):
            wrong.append(f"{takes} inputs, {gives} outputs")
            continue
        close = near(got[end - gives : end], one.expected, exact, 1e-1).all(axis=1)
        wrong += [f"output {k}" for k in np.flatnonzero(~close)]
        for i, parameter in enumerate(one.parameters.tolist(), start=1):
            (path,) = (
                control.path
                for control in program.controls
                if control.label == f"p{i}" and one.title.replace(" ", "_") in control.path
            )
            if abs(session.get(path) - parameter) > exact:
                wrong.append(f"parameter {i} is {session.get(path)}, expected {parameter}")
    return reports


@pytest.mark.one_program
@pytest.mark.parametrize("title", [e.title for e in EXPERIMENTS])
def test_routing(compiler: Compiler, double: bool, title: str) -> None:
    """Any number of inputs and parameters; the outputs are the loss, the truths, the learned."""
    wrong = _routing(compiler, double)[title]
    assert not wrong, "\n".join(wrong)


def test_a_step_arrives_one_sample_later(compiler: Compiler, double: bool) -> None:
    """By hand: p = 0, 0.1, 0.42 for x = 1, 2, -1, of which the truth is a half.

    The gradients 2 (p x - x / 2) x are -1, -3.2, and the rate is 0.1.
    """
    source = f"""{LIBRARIES} v = df.vars((df.var(_, 0))); d = df.env(v);
        process = _ <: df.backprop(*(0.5), (d.input, v.var(1) : d.diff(*)),
            d.learnMSE(1, d.optimizers.SGD(0.1)));"""
    got = compiled(source, compiler, double).run([1, 2, -1])
    loss, truth, estimate = [0.25, 0.64, 0.0064], [0.5, 1, -0.5], [0, 0.2, -0.42]
    np.testing.assert_allclose(got, [loss, truth, estimate], rtol=1e-14 if double else 3e-6)


def test_a_generator_learns_one_sample_later(compiler: Compiler, double: bool) -> None:
    """By hand: y = p + q n from p, q = 1, 0; the truth is 3 - n, the error absolute, the rate 0.25.

    The signs are -, -, +, so that p = 1, 1.25, 1.5, 1.25, and q = 0, 0, 0.25, -0.25.
    """
    source = f"""{LIBRARIES} v = df.vars((df.var(_, 1), df.var(_, 0))); d = df.env(v);
        time = 1 : + ~ _ : -(1);
        process = df.backpropNoInput(3 - time,
            (v.var(1), (time, 0, 0, v.var(2) : d.diff(*)) : d.diff(+)),
            d.learnMAE(1, d.optimizeSGD(0.25)));"""
    got = compiled(source, compiler, double).run(frames=4)
    loss, truth, estimate = [2, 0.75, 1, 0.5], [3, 2, 1, 0], [1, 1.25, 2, 0.5]
    np.testing.assert_array_equal(got, [loss, truth, estimate])


# -- the documents -------------------------------------------------------------------------------

TWO = """vars = df.vars((x1, x2)) with { x1 = -~_; x2 = -~_; };
d = df.env(vars);
"""

GAIN = """vars = df.vars((gain)) with { gain = -~_ <: attach(hbargraph("gain", 0, 1)); };
d = df.env(vars);
truth = _, hslider("gain", .5, 0, 1, .01) : *;
learnable = d.input, vars.var(1) : d.diff(*);
"""

#: Each primitive of the documents, with the number of dual signals that it takes and gives.
PRIMITIVES = {
    "_": (1, 1),
    "+": (2, 1),
    "-": (2, 1),
    "*": (2, 1),
    "/": (2, 1),
    "^": (2, 1),
    "int": (1, 1),
    "mem": (1, 1),
    "sin": (1, 1),
    "cos": (1, 1),
    "tan": (1, 1),
    "asin": (1, 1),
    "acos": (1, 1),
    "atan": (1, 1),
    "atan2": (2, 1),
    "exp": (1, 1),
    "log": (1, 1),
    "log10": (1, 1),
    "sqrt": (1, 1),
    "abs": (1, 1),
    "min": (2, 1),
    "max": (2, 1),
    "floor": (1, 1),
    "ceil": (1, 1),
    "0.75": (0, 1),
    "!": (1, 0),
}

#: Title, program, number of inputs and of outputs. With two parameters a dual signal has 3 outputs.
SNIPPETS: list[tuple[str, str, int, int]] = [
    *[
        (f"d.diff({name})", f"{TWO} process = d.diff({name}){', _' * (name == '!')};", *arity)
        for name, (takes, gives) in PRIMITIVES.items()
        for arity in [(3 * takes + (name == "!"), 3 * gives + (name == "!"))]
    ],
    ("delay", f"{TWO} process = d.input, d.diff(10) : d.diff(@);", 1, 3),
    ("input", f"{TWO} process = d.input;", 1, 3),
    ("learnable", f"{TWO} process = d.input, si.bus(vars.N);", 3, 5),
    ("sum", f"{TWO} process = d.sumall(4);", 12, 3),
    ("phasor", f"{TWO} process = _, 0, 0 : d.phasor(si.bus(3));", 1, 3),
    ("phasor of a number", f"{TWO} process = d.phasor(d.diff(440));", 0, 3),
    ("oscillator", f"{TWO} process = d.osc(vars.var(2));", 1, 3),
    (
        "environment",
        """vars = df.vars((x1, x2))
        with {
            x1 = -~_ <: attach(hbargraph("x1", 0, 1));
            x2 = -~_ <: attach(hbargraph("x2", 0, 1));
        };
        d = df.env(vars);
        process = d.diff(+);""",
        6,
        3,
    ),
    ("gain", f"{GAIN} process = d.input, vars.var(1) : d.diff(*);", 2, 2),
    (
        "gain and offset",
        f"{TWO} process = d.input, vars.var(1), _ : d.diff(*), vars.var(2) : d.diff(+);",
        3,
        3,
    ),
    (
        "one-pole",
        """process = gradient, d.input : df.rec(f~g, 1)
        with {
            vars = df.vars((a)) with { a = -~_; };
            d = df.env(vars);
            f = d.diff(+);
            g = d.diff(_), vars.var(1) : d.diff(*);
            gradient = _;
        };""",
        2,
        2,
    ),
    (
        "gain with scheduler",
        """process = no.noise <: _, _
            : hgroup("Differentiable gain", df.backprop(truth, learnable,
                d.learnMAE(1<<5, d.optimizer.SGD(1e-1) : d.learning_rate_scheduler(10000, -0.1))))
        with {
            truth = _, hslider("gain", .5, 0, 1, .01) : *;
            vars = df.vars((gain)) with { gain = -~_ <: attach(hbargraph("gain", 0, 1)); };
            d = df.env(vars);
            learnable = d.input, vars.var(1) : d.diff(*);
        };""",
        0,
        3,
    ),
    (
        "momentum",
        """vars = df.vars((x1, x2))
        with {
            x1 = _ : +~(_ : *(momentum)) : -~_ <: attach(hbargraph("x1", 0, 1));
            x2 = _ : +~(_ : *(momentum)) : -~_ <: attach(hbargraph("x2", 0, 1));
            momentum = 0.9;
        };
        d = df.env(vars);
        truth = *(0.5) : +(0.25);
        learnable = d.input, vars.var(1), _ : d.diff(*), vars.var(2) : d.diff(+);
        process = no.noise <: df.backprop(truth, learnable, d.learnMSE(1, d.optimizers.SGD(1e-3)));
        """,
        0,
        3,
    ),
    *[
        (
            f"loss {loss}",
            f"{GAIN} process = no.noise <: df.backprop(truth, learnable, {loss});",
            0,
            3,
        )
        for loss in (
            "d.learnMAE(1<<5, d.optimizeSGD(1e-3))",
            "d.learnMSE(1<<3, d.optimizers.SGD(1e-2))",
            "d.learnMSLE(1, d.optimizers.SGD(1e-2))",
            "d.learnHuber(1<<5, d.optimizers.SGD(1e-2), 1.0)",
            "d.learnLinearFreq(1<<5, d.optimizers.SGD(1e-2))",
            "d.learnMAE(1<<5, d.optimizeAdam(1e-3, 0.9, 0.999))",
            "d.learnMAE(1<<5, d.optimizeRMSProp(1e-3, 0.9))",
            "d.learnMAE(1<<5, d.optimizers.RMSProp(1e-3, 0.9))",
            "d.learnMAE(1<<5, d.optimizer.Adam(1e-3, 0.9, 0.999))",
            "d.learnMAE(1<<5, d.optimizers.SGD(1e-1 : d.learning_rate_scheduler(1000, -0.1)))",
        )
    ],
    (
        "several truths",
        f"""{GAIN} truths = _ <: *(0.5), *(0.6), *(0.7);
        process = no.noise
            <: df.backprop(truths, learnable, d.learnN(1<<5, d.optimizers.SGD(1e-3), 3));""",
        0,
        5,
    ),
    (
        "oscillator without input",
        """vars = df.vars((freq))
        with { freq = -~_ : +(500) <: attach(hbargraph("freq", 50, 5000)); };
        d = df.env(vars);
        truth = os.osc(hslider("freq", 440, 50, 5000, .01));
        learnable = d.osc(vars.var(1));
        process = df.backpropNoInput(truth, learnable,
            d.learnLinearFreq(1<<5, d.optimizers.SGD(1)));""",
        0,
        3,
    ),
    (
        "a layer",
        "process = df.fc(3, 2, df.activations.sigmoid, 1e-3);",
        3 * 3 + 2,
        3 * 6,
    ),
    (
        "a neuron that learns",
        """process = (df.neuron(3, df.activations.sigmoid, 1e-2) : df.losses.L1(1<<3, 0.7, 3))
            ~ (!, si.bus(4));""",
        3,
        8,
    ),
]


@functools.cache
def _snippets(compiler: Compiler, double: bool) -> list[tuple[int, int, Array]]:
    """Inputs, outputs and 500 samples of each snippet, all in one program, each in a group."""
    lines = [LIBRARIES]
    for index, (_, text, _, _) in enumerate(SNIPPETS):
        lines.append(f"snippet_{index} = environment {{ {text} }}.process;")
    boxes = [f"snippet_{index}" for index in range(len(SNIPPETS))]
    counts = [f"{count}({box})" for box in boxes for count in ("inputs", "outputs")]
    groups = [f'vgroup("{box}", {box})' for box in boxes]
    program = compiled(
        "\n".join([*lines, f"process = {', '.join(counts + groups)};"]), compiler, double
    )
    # Above 0 for the logarithm; small, for the pole is moved by the sum of its gradients.
    fed = np.random.default_rng(5).uniform(2e-4, 2e-3, (program.inputs, 500))
    got = program.run(fed)
    arities = got[: len(counts), 0].astype(int).reshape(-1, 2)
    ends = len(counts) + np.cumsum(arities[:, 1])
    return [
        (int(takes), int(gives), np.asarray(got[end - gives : end], float))
        for (takes, gives), end in zip(arities, ends, strict=True)
    ]


@pytest.mark.one_program
def test_the_snippets_of_the_documents_run(compiler: Compiler, double: bool) -> None:
    found = _snippets(compiler, double)
    wrong = [
        f"{title}: {takes} inputs, {gives} outputs, {np.isfinite(signals).all()}"
        for (title, _, fed, made), (takes, gives, signals) in zip(SNIPPETS, found, strict=True)
        if (takes, gives) != (fed, made) or not np.isfinite(signals).all()
    ]
    assert not wrong, "\n".join(wrong)


def test_each_snippet_stands_alone(compiler: Compiler) -> None:
    """Three of them as they are in the documents, with a `process` of their own."""
    for wanted in ("one-pole", "gain with scheduler", "oscillator without input"):
        title, text, inputs, outputs = next(s for s in SNIPPETS if s[0] == wanted)
        program = compiled(f"{LIBRARIES} {text}", compiler)
        assert (program.inputs, program.outputs) == (inputs, outputs), title


def test_the_gain_of_the_documents_is_found(compiler: Compiler, double: bool) -> None:
    """The snippet with a scheduler, as it is; its slider moves, too."""
    text = next(text for title, text, _, _ in SNIPPETS if title == "gain with scheduler")
    program = compiled(f"{LIBRARIES} {text}", compiler, double)
    slider = next(c.path for c in program.controls if c.kind == "hslider")
    graphs = [c.path for c in program.controls if c.readonly and c.label == "gain"]
    assert len(graphs) == 1
    for hidden in (0.5, 0.9):
        session = program.session()
        session.set(slider, hidden)
        session.compute(frames=15 * 44100)
        assert session.get(graphs[0]) == pytest.approx(hidden, rel=0.01)


# -- messages ------------------------------------------------------------------------------------

ENVIRONMENTS = """
v1 = df.vars((df.var(_, 0))); d1 = df.env(v1);
v2 = df.vars((df.var(_, 0), df.var(_, 1))); d2 = df.env(v2);
gain1 = d1.input, v1.var(1) : d1.diff(*);
gain2 = d2.input, v2.var(1), _ : d2.diff(*), v2.var(2) : d2.diff(+);
mse1 = d1.learnMSE(1, d1.optimizers.SGD(0.1));
mse2 = d2.learnMSE(1, d2.optimizers.SGD(0.1));
"""

RANGE = "the_number_of_a_parameter_is_from_1_to_N"
PARTIALS = "the_learnable_must_give_one_partial_for_each_parameter_of_the_loss"
SIGNALS = "the_learnable_must_take_the_signals_of_the_truth_then_a_gradient_for_each_parameter"
TRUTHS = "the_loss_must_take_the_truth_then_the_dual_signal"
STEP = "the_loss_must_give_the_loss_then_one_step_for_each_parameter"
GENERATOR = "the_truth_must_take_no_signals__else_use_backprop"
CHAIN = "each_layer_must_have_as_many_inputs_as_the_layer_before_it_has_neurons"
LAYERS = "each_layer_is_its_neurons_and_its_inputs"
START = "the_way_back_starts_below_the_number_of_layers"

#: Wrong use, and the cause that the message of the compiler must name.
MISTAKES = [
    ("v2.var(0)", RANGE),
    ("v2.var(3)", RANGE),
    ("v1.var(0)", RANGE),
    ("v1.var(2)", RANGE),
    ("v1.var(0 - 1)", RANGE),
    ("v2.var(1.5)", RANGE),
    ("df.backpropNN((1, 2, 2, 1)).start(2)", START),
    # Too many gradients, too few; the partials of another environment.
    ("df.backprop(*(0.5), (gain2, (_ : !)), mse2)", SIGNALS),
    ("df.backprop(*(0.5), (d2.input, v2.var(1) : d2.diff(*)), mse2)", SIGNALS),
    ("df.backprop(*(0.5), gain1, mse2)", PARTIALS),
    ("df.backprop(*(0.5), gain2, mse1)", PARTIALS),
    ("df.backprop(*(0.5), (gain1, gain1), mse1)", PARTIALS),
    # Different inputs.
    ("df.backprop(*, gain1, mse1)", SIGNALS),
    ("df.backprop(0.5, gain1, mse1)", SIGNALS),
    ("df.backprop(*(0.5), v1.var(1), mse1)", SIGNALS),
    ("df.backpropNoInput(0.5, gain1, mse1)", SIGNALS),
    # Losses of another number of truths, or of none that can learn.
    ("df.backprop(*(0.5), gain1, d1.learnN(1, d1.optimizers.SGD(1), 2))", TRUTHS),
    ("df.backprop((_ <: _, _), gain1, mse1)", TRUTHS),
    ("df.backprop(*(0.5), gain1, abs)", STEP),
    ("df.backpropNoInput(*(0.5), gain1, mse1)", GENERATOR),
    # Layers, from the last to the first.
    ("df.backpropNN((1, 2, 2)).start(0)", LAYERS),
    ("df.backpropNN((1, 2, 3, 1)).start(1)", CHAIN),
    ("df.backpropNN((1, 3, 3, 2, 1, 1)).start(2)", CHAIN),
    ("df.backpropNN((1, 3, 2, 1, 1, 1)).start(2)", CHAIN),
]


@pytest.mark.parametrize(("text", "cause"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_wrong_use_is_named(compiler: Compiler, text: str, cause: str) -> None:
    """Only the cause: none of the other names is in the message."""
    with pytest.raises(FaustError) as caught:
        compiled(f"{LIBRARIES} {ENVIRONMENTS} process = {text};", compiler)
    causes = {RANGE, PARTIALS, SIGNALS, TRUTHS, STEP, GENERATOR, CHAIN, START, LAYERS}
    assert [name for name in causes if name in str(caught.value)] == [cause]


def test_right_use_next_to_the_wrong_compiles(compiler: Compiler) -> None:
    right = [
        "v2.var(1)",
        "v2.var(2)",
        "df.backprop(*(0.5), gain1, mse1)",
        "df.backprop(*(0.5), gain2, mse2)",
        "df.backpropNoInput(0.5, v1.var(1), mse1)",
        "df.backprop((_ <: _, _), gain1, d1.learnN(1, d1.optimizers.SGD(1), 2))",
        "df.backpropNN((1, 3, 3, 2, 2, 1)).start(2)",
    ]
    groups = ", ".join(f'vgroup("{i}", {text})' for i, text in enumerate(right))
    compiled(f"{LIBRARIES} {ENVIRONMENTS} process = {groups};", compiler)
