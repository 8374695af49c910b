"""What is trained, imported and frozen gives the same outputs as the model it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from faustdiff.commands.main import main
from faustdiff.faust.compilers import Compiler, find_compiler
from faustdiff.faust.program import build
from support.paths import BUILD

pytestmark = [
    pytest.mark.xdist_group("learned"),
    pytest.mark.usefixtures("little_optimization"),
    pytest.mark.either_compiler,
]

PYTORCH = BUILD.parent / "tests" / "data" / "pytorch" / "models.json"

NETWORK = """
df = library("diff.lib"); no = library("noises.lib"); ma = library("maths.lib");
net = df.nn.sequential((df.nn.dense(1, 3), df.nn.tanh, df.nn.rnn(3, 1)));
model = net.model;
truth = *(0.5) : ma.tanh;
process = no.noise <: df.nn.train(net, truth, net.d.learnMSE(1, net.d.optimizers.SGD(0.05)));
"""


def call(compiler: Compiler, *arguments: object) -> Result:
    options = ["-I", BUILD, "--compiler", compiler.name]
    if arguments[0] == "import-weights":
        options = []
    return CliRunner().invoke(main, [str(a) for a in (*arguments, *options)])


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def flat(nested: Any, name: str) -> dict[str, float]:
    if isinstance(nested, dict):
        pairs = nested.items()
        return {k: v for key, part in pairs for k, v in flat(part, key).items()}
    if isinstance(nested, list):
        parts = [flat(part, f"{name}.{i}") for i, part in enumerate(nested)]
        return {key: value for part in parts for key, value in part.items()}
    return {name: nested}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "network.dsp"
    path.write_text(NETWORK, encoding="utf-8")
    return path


def test_steps_that_were_not_taken_are_counted(tmp_path: Path) -> None:
    program, params = tmp_path / "gain.dsp", tmp_path / "gain.json"
    program.write_text(
        """
        df = library("diff.lib"); no = library("noises.lib");
        d = df.env(df.vars((df.var(hbargraph("gain", 0, 1), 0))));
        time = 1 : + ~ _;
        truth = *(0.5) : /((time % 1000) != 7);
        model(gain) = *(gain);
        process = no.noise
            <: df.backprop(truth, d.learnable(model), d.learnMSE(1, d.optimizers.SGD(0.1)));
        """,
        encoding="utf-8",
    )
    text = done(
        call(find_compiler("faust"), "train", program, "--params", params, "--seconds", "1")
    )
    assert "steps that were no finite numbers: 45" in text
    assert json.loads(params.read_text()) == {"gain": pytest.approx(0.5, abs=1e-3)}


def test_a_trained_network_is_frozen_and_trained_on(
    compiler: Compiler, program: Path, tmp_path: Path
) -> None:
    learned, more = tmp_path / "learned.json", tmp_path / "more.json"
    frozen = tmp_path / "frozen.dsp"
    text = done(call(compiler, "train", program, "--params", learned, "--seconds", "3"))
    first, last = map(float, text.split("loss ")[1].split(" -> "))
    assert last < first / 10
    values = json.loads(learned.read_text())
    shapes = {key: np.shape(value) for key, value in values.items()}
    assert shapes == {
        "0.weight": (3, 1), "0.bias": (3,), "1.weight_ih_l0": (1, 3), "1.weight_hh_l0": (1, 1),
        "1.bias_ih_l0": (1,), "1.bias_hh_l0": (1,),
    }  # fmt: skip
    # Frozen, it gives what the model gives whose number boxes are set.
    text = done(
        call(compiler, "freeze", program, "--params", learned, "--entry", "model", "-o", frozen)
    )
    assert "12 numbers in place" in text
    source = frozen.read_text()
    assert "library" not in source.replace("_lib", "") and "nentry" not in source
    x = np.random.default_rng(1).uniform(-1, 1, 500)
    source_of_model = 'process = library("network.dsp").model;'
    model = build(source_of_model, compiler=compiler, include=[tmp_path, BUILD])
    expected = model.run(x, controls=flat(values, ""))
    plain = build(source, compiler=compiler)
    np.testing.assert_allclose(plain.run(x), expected, rtol=1e-12, atol=1e-15)
    assert np.abs(expected - np.tanh(x / 2)).max() < 0.1
    # Trained on, it starts where it was.
    text = done(
        call(compiler, "train", program, "--start", learned, "--params", more, "--seconds", "1")
    )
    assert float(text.split("loss ")[1].split(" -> ")[0]) < 2 * last


def test_a_frozen_library_defines_the_entry(
    compiler: Compiler, program: Path, tmp_path: Path
) -> None:
    params, library = tmp_path / "params.json", tmp_path / "shaper.lib"
    params.write_text('{"0.weight": [[1], [2], [3]], "1.weight_ih_l0": [[0.5, 0.25, 0.125]]}')
    output = done(
        call(compiler, "freeze", program, "--params", params, "--entry", "model", "-o", library)
    )
    assert "6 numbers in place, left free: /start/0.bias.0" in output
    source = 'process = library("shaper.lib").model;'
    made = build(source, compiler=compiler, include=[tmp_path])
    x = np.linspace(-1, 1, 9)
    got = made.run(x, controls={"1.weight_hh_l0.0.0": 0})
    hidden = np.tanh(np.outer([1, 2, 3], x))
    np.testing.assert_allclose(got, [np.tanh([0.5, 0.25, 0.125] @ hidden)], rtol=1e-12, atol=1e-15)


GROUPS = """
one = *(hslider("gain [unit:dB]", 1, -9, 9, 0.1)) : +(checkbox("on"));
level = vslider("h:out/level", 1, 0, 2, 0.1);
process = hgroup("left", one), hgroup("right [style:knob]", one) :> *(level);
"""


def test_sliders_are_named_by_label_or_the_end_of_a_path(
    compiler: Compiler, tmp_path: Path
) -> None:
    program, params, out = (tmp_path / n for n in ("groups.dsp", "values.json", "frozen.dsp"))
    program.write_text(GROUPS)
    params.write_text('{"left/gain": -2, "level": 0.5, "loss": 0.1}')
    result = call(compiler, "freeze", program, "--params", params, "-o", out)
    assert "2 numbers in place, left free: /groups/right/gain" in done(result)
    assert "has no slider 'loss'" in result.stderr
    frozen = build(out.read_text(), compiler=compiler)
    assert {c.path for c in frozen.controls} == {
        "/groups/left/on", "/groups/right/gain", "/groups/right/on"
    }  # fmt: skip
    got = frozen.run([[1.0], [1.0]], controls={"gain": 3})
    np.testing.assert_allclose(got, [[(-2 + 3) * 0.5]])


ANSWERS = {
    "conv1d": "conv1d(2, 3, 3, DILATION), conv1d(3, 1, 2, DILATION)",
    "lstm": "lstm(1, 2), lstm(2, 2), dense(2, 1)",
    "norm": "dense(2, 3), layer_norm(3)",
}


def test_models_of_pytorch_give_what_they_gave_there(compiler: Compiler, tmp_path: Path) -> None:
    state, params = tmp_path / "state.json", tmp_path / "params.json"
    program, frozen = tmp_path / "model.dsp", tmp_path / "frozen.dsp"
    for name, model in json.loads(PYTORCH.read_text())["models"].items():
        state.write_text(json.dumps(model["state"]))
        program.write_text(
            f'df = library("diff.lib");process = df.nn.sequential(({model["layers"]})).model;'
        )
        text = done(call(compiler, "import-weights", state, "-o", params))
        if name in ANSWERS:
            assert text.endswith(f": {ANSWERS[name]}\n")
        done(call(compiler, "freeze", program, "--params", params, "-o", frozen))
        got = build(frozen.read_text(), compiler=compiler).run(model["input"])
        # Both compute in double; sums in another order differ in the last digits.
        np.testing.assert_allclose(got, model["output"], rtol=1e-12, atol=1e-14, err_msg=name)


# -- what cannot be used -------------------------------------------------------------------------


def refused(result: Result, words: Sequence[str], code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert not result.exception or isinstance(result.exception, SystemExit)
    for word in words:
        assert word in result.stderr


def test_a_training_that_diverges_writes_nothing(tmp_path: Path, compiler: Compiler) -> None:
    program, params = tmp_path / "wild.dsp", tmp_path / "params.json"
    # The loops of the library skip steps that are not finite; one written by hand may not.
    program.write_text('process = 1 : + ~ *(-1e200) : hbargraph("gain", -1, 1);')
    result = call(compiler, "train", program, "--params", params, "--seconds", "0.1")
    refused(result, ["diverged", "nothing was written"], code=1)
    assert not params.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"gain": 1}', ["the program has no control", "'gain'"]),
        ('{"0.bias.0": 1, "start/0.bias.0": 2}', ["name the same control"]),
        ('{"0.bias": [1, "x"]}', ["'0.bias.1' is not a number"]),
        ('{"0.bias": [1, NaN]}', ["'0.bias.1' is nan"]),
        ('{"0.bias": [1], "0.bias.0": 2}', ["given twice"]),
        ('{"a": 1, "a": 2}', ["two entries 'a'"]),
        ("{", [":1:2", "is not JSON"]),
        ("[1]", ["is no object"]),
    ],
)
def test_values_that_cannot_be_used(
    compiler: Compiler, program: Path, tmp_path: Path, content: str, words: list[str]
) -> None:
    params, out = tmp_path / "params.json", tmp_path / "out.dsp"
    params.write_text(content)
    result = call(compiler, "freeze", program, "--params", params, "--entry", "model", "-o", out)
    refused(result, words)
    assert not out.exists()


def test_an_unknown_entry_and_a_program_that_learns_nothing(
    compiler: Compiler, program: Path, tmp_path: Path
) -> None:
    params = tmp_path / "params.json"
    params.write_text('{"0.bias.0": 1}')
    refused(call(compiler, "freeze", program, "--params", params, "--entry", "nix"), ["nix"])
    program.write_text("process = _;")
    refused(call(compiler, "train", program, "--params", params), ["no bargraph"])
