"""What docs/moving.md says in numbers: the older formulas, in numpy, next to what is compiled."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.paths import BUILD

PAGE = (Path(__file__).resolve().parents[1] / "docs/moving.md").read_text("utf-8")
WINDOW = 16


@cache
def learned(compiler: Compiler) -> tuple[np.ndarray, np.ndarray]:
    """White noise, and the steps of three optimizers and losses for `gain * noise` against noise.

    Rows: Adam at rate 1 on the gradients of the noise itself; the gradients by which the gain, at
    2, learns with a window, for MSE and MAE.
    """
    source = f"""
    df = library("diff.lib"); d = df.env(df.vars((0)));
    loss(learn, x) = x, 2 * x, x : learn({WINDOW}, d.optimizers.SGD(1)) : !, _;
    process(x) = (x : d.optimizers.Adam(1, 0.9, 0.999)), loss(d.learnMSE, x), loss(d.learnMAE, x);
    """
    noise = np.random.default_rng(7).uniform(-1, 1, (1, 50_000))
    program = build(source, compiler=compiler, include=[BUILD], double=True)
    return noise[0], program.run(noise)


def test_the_steps_of_the_older_adam(compiler: Compiler) -> None:
    gradients, (steps, *_) = learned(compiler)
    mean = square = 0.0
    older = []
    for gradient in gradients[:10_000]:
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        older.append((mean / 0.1) / np.sqrt(square / 0.001))
    head, stated = re.findall(r"\| step \|(.*)\|\n.*\n\| older by published \|(.*)\|", PAGE)[0]
    for step, factor in zip(head.split("|"), stated.split("|"), strict=True):
        # The page has two decimals; Adam's epsilon is far below them.
        assert older[int(step) - 1] / steps[int(step) - 1] == pytest.approx(float(factor), abs=6e-3)
    factors = np.array(older) / steps[:10_000]
    assert np.argmax(factors) == 12 - 1


def test_the_gradients_of_a_window(compiler: Compiler) -> None:
    noise, (_, squared, absolute) = learned(compiler)
    means = sliding_window_view(noise, WINDOW).mean(axis=1)
    # The gain is 2, the truth 1, so that the error is the signal.
    assert squared.mean() / (2 * means**2).mean() == pytest.approx(WINDOW, rel=0.1)
    # Means of noise are nearly normal, whose mean size is sqrt(2 / pi) of the deviation; the noise
    # is uniform, with sqrt(3) / 2: hence a factor of 1.085 besides.
    ratio = absolute.mean() / np.abs(means).mean()
    assert ratio == pytest.approx(np.sqrt(WINDOW) * np.sqrt(3) / 2 / np.sqrt(2 / np.pi), rel=0.05)
