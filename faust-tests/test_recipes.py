"""The recipes of CONTRIBUTING, each done in a copy of the sources.

Each touches the files that its recipe names, and no other; for the optimizer that is the template,
its second file being the test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faustdiff.autodiff.differentiate import differentiate
from faustdiff.autodiff.vjp import vjp
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from faustdiff.table.assembling import read
from support.paths import ROOT

pytestmark = [pytest.mark.xdist_group("recipes"), pytest.mark.either_compiler]

ROWS = """
- name: exp2
  faust: ffunction(float exp2f|exp2|exp2l (float), <math.h>, "")
  section: maths.lib
  kind: smooth
  args: [x]
  value: exp(x * log(2))
  partials: {x: log(2) * exp(x * log(2))}
  samples: {x: [-4, 4]}
  edges: [{x: 0}]
  summary: Two to the power of a number.

- name: softsign
  faust: softsign
  composite: true
  section: Activations
  kind: smooth
  args: [x]
  value: x / (1 + abs(x))
  partials: {x: 1 / ((1 + abs(x)) * (1 + abs(x)))}
  samples: {x: [-3, 3]}
  avoid: [x]
  edges: [{x: 0}]
  summary: A sigmoid without an exponential.

- name: log_ratio
  faust: log_ratio
  composite: true
  section: Losses
  kind: smooth
  args: [scale, y, t]
  roles: {scale: constant}
  value: scale * log1p((y - t) * (y - t))
  partials:
    scale: inactive
    y: 2 * scale * (y - t) / (1 + (y - t) * (y - t))
    t: 2 * scale * (t - y) / (1 + (y - t) * (y - t))
  samples: {scale: {values: [2]}, y: [-2, 2], t: [-2, 2]}
  edges: [{scale: 2, y: 0.5, t: 0.5}]
  reason: The scale is a number known at compile time.
  summary: The logarithm of the squared error, of Cauchy's distribution.
"""

OPTIMIZER = ("    SGD(RATE) = ", "    Ternary(RATE) = each(\\(g).(RATE * ((g > 0) - (g < 0))));\n")

COMMAND = """
import click

@click.command("hello-there")
def hello_there_command() -> None:
    \"\"\"Greet.

    At length.
    \"\"\"
    click.echo("hello")
"""

#: An estimate of 0.5 for the target 0.25, a loss of 2 log1p(e^2), and one step for it.
PROGRAM = """
df = library("diff.lib"); d = df.env(df.vars((0.5)));
process = (_, 1 : df.dual_softsign(1)),
    (0.25, 0.5, 1 : d.learnLogRatio(1, d.optimizers.Ternary(0.125), 2)),
    (0.5, 1, 1, 1 : df.losses.LogRatio(1, 0.25, 1, 2));
"""


#: A primitive of which nothing but the row is known, in a loop and after it.
FEEDBACK = """
exp2 = ffunction(float exp2f|exp2|exp2l (float), <math.h>, "");
process = _ : (+ ~ *(exp2(hslider("a", -2, -4, 0, 0.01)))) : exp2;
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with every recipe followed, and what it builds in `out`."""
    folder = tmp_path_factory.mktemp("sources")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "generator", folder / "faustdiff", ignore=ignore)
    shutil.copytree(ROOT / "templates", folder / "templates")
    table = (ROOT / "primitives.yaml").read_text("utf-8")
    (folder / "primitives.yaml").write_text(table + ROWS, "utf-8")
    template = folder / "templates" / "library" / "learning.lib"
    text = template.read_text("utf-8")
    assert text.count(OPTIMIZER[0]) == 1
    template.write_text(text.replace(OPTIMIZER[0], OPTIMIZER[1] + OPTIMIZER[0]), "utf-8")
    (folder / "faustdiff" / "commands" / "hello_there.py").write_text(COMMAND, "utf-8")
    assert "wrote" in run(folder, "build", "--out", str(folder / "out"))
    return folder


def run(sources: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "faustdiff", *arguments],
        cwd=sources,
        env={**os.environ, "PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_row_a_loss_and_an_optimizer_work(sources: Path, compiler: Compiler) -> None:
    program = build(PROGRAM, compiler=compiler, double=True, include=[sources / "out"])
    x = np.array([-3.0, -0.5, 0.25, 2.0])
    value, slope, loss, step, network, *gradients = program.run(x[None])
    np.testing.assert_allclose(value, x / (1 + abs(x)), rtol=1e-14)
    np.testing.assert_allclose(slope, (1 + abs(x)) ** -2.0, rtol=1e-14)
    np.testing.assert_allclose(loss, 2 * np.log1p(0.25**2), rtol=1e-14)
    np.testing.assert_allclose(step, 0.125, rtol=1e-14)
    np.testing.assert_allclose(network, 2 * np.log1p(0.25**2), rtol=1e-14)
    np.testing.assert_allclose(gradients, 4 * 0.25 / (1 + 0.25**2) * np.ones((3, 4)), rtol=1e-14)


def test_a_primitive_is_differentiated_in_the_language(sources: Path, compiler: Compiler) -> None:
    """Forward, reverse, and by the name of its dual."""
    source = """
    df = library("diff.lib"); d = df.env(df.vars((0.5)));
    exp2 = ffunction(float exp2f|exp2|exp2l (float), <math.h>, "");
    process = _ <: df.jvp(1, exp2), df.grad(1, exp2), (_, 1 : d.diff(exp2));
    """
    program = build(source, compiler=compiler, double=True, include=[sources / "out"])
    x = np.array([-3.0, -0.5, 0.0, 2.0])
    for value, slope in np.reshape(program.run(x[None]), (3, 2, 4)):
        np.testing.assert_allclose(value, 2**x, rtol=1e-14)
        np.testing.assert_allclose(slope, np.log(2) * 2**x, rtol=1e-14)


def test_a_primitive_is_differentiated_in_whole_programs(sources: Path, compiler: Compiler) -> None:
    """Against differences by the command, and in both modes against the tangent's recursion."""
    path = sources / "feedback.dsp"
    path.write_text(FEEDBACK, "utf-8")
    assert "agrees" in run(sources, "verify", str(path), "--all")
    table = read(sources / "primitives.yaml")
    x = np.random.default_rng(seed=1).uniform(-1, 1, 64)
    factor, y, slope = 2.0**-2, np.zeros(64), np.zeros(64)
    state = moved = 0.0
    for n in range(64):
        moved = factor * moved + np.log(2) * factor * state
        state = factor * state + x[n]
        y[n], slope[n] = 2**state, np.log(2) * 2**state * moved
    forward = differentiate(FEEDBACK, compiler=compiler, table=table, all_continuous=True)
    outputs = build(forward.text, compiler=compiler, double=True).run(x[None])
    np.testing.assert_allclose(outputs, [y, slope], rtol=1e-12, atol=1e-14)
    program = vjp(FEEDBACK, compiler=compiler, table=table)
    value, tape = program.forward(x[None])
    gradient = program.backward(tape, np.ones((1, 64))).sliders["a"]
    np.testing.assert_allclose(value, y[None], rtol=1e-12)
    np.testing.assert_allclose(gradient, slope.sum(), rtol=1e-11)


def test_the_reference_lists_them(sources: Path) -> None:
    reference = (sources / "out" / "reference.md").read_text("utf-8")
    assert "softsign" in reference
    assert "log_ratio" in reference


def test_a_command_is_called_and_in_the_help(sources: Path) -> None:
    assert run(sources, "hello-there") == "hello\n"
    assert "  hello-there     Greet.\n" in run(sources, "--help")
