"""Parts of a program whose tangents are found backwards: closed forms, growth, cancelling parts."""

from __future__ import annotations

import numpy as np
import pytest

from faustdiff.autodiff import differentiate
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.whole_programs import distance, function, results


def sliders(count: int) -> str:
    """Sliders `p(i)` whose values are 0.5, 0.51, 0.52, ..."""
    return f'p(i) = hslider("p%i", 0.5 + 0.01 * i, 0, 2, 0.001); N = {count};'


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_a_product_of_sliders(compiler: Compiler, count: int) -> None:
    """The partial by a factor is the product of the others."""
    source = f"{sliders(count)} process = _ * prod(i, N, p(i));"
    done = differentiate(source, all_continuous=True, compiler=compiler)
    signal = np.array([[1.0, -2.0, 1e-3, 1e6]])
    got = build(done.text, compiler=compiler).run(signal)
    values = 0.5 + 0.01 * np.arange(count)
    others = [np.prod(np.delete(values, i)) for i in range(count)]
    # One rounding for each factor, of the reference as well.
    np.testing.assert_allclose(got[1:], np.outer(others, signal[0]), rtol=2e-16 * (2 * count + 2))


def test_a_product_with_zeros_among_its_factors(compiler: Compiler) -> None:
    """Nothing is divided by: at a factor of 0 the partial by it is that of the others."""
    text = ", ".join(f'hslider("p{i}", {value}, -2, 2, 0.1)' for i, value in enumerate((0, 0.5, 2)))
    source = f"process = (_, {text}) : \\(x, a, b, c).(x * a * b * c * b);"
    done = differentiate(source, all_continuous=True, compiler=compiler)
    got = build(done.text, compiler=compiler).run(np.array([[3.0]]))
    np.testing.assert_array_equal(got[:, 0], [0, 1.5, 0, 0])


@pytest.mark.parametrize("operation", ["sum", "prod"])
def test_the_text_grows_with_the_program(compiler: Compiler, operation: str) -> None:
    sizes = []
    for count in (64, 256):
        source = f"{sliders(count)} process = _ * {operation}(i, N, p(i));"
        sizes.append(len(differentiate(source, all_continuous=True, compiler=compiler).text))
    # Four times the sliders; numbers of more digits are longer.
    assert sizes[1] < 5 * sizes[0]


def test_parts_of_all_kinds_against_differences(compiler: Compiler) -> None:
    programs = [
        function(
            "a network",
            [0.3, -0.4, 0.5, 0.6, 0.1, -0.2, 0.7],
            r"\(a, b, c, d, e, f, g).(_ <: ma.tanh(a * _ + b), ma.tanh(c * _ + d)"
            r" <: ma.tanh(e * _ + f * _), ma.tanh(f * _ - g * _) : + : *(g))",
        ),
        function(
            "choices between",
            [0.3, 0.6, 0.7, 0.2],
            r"\(a, b, c, d).(_ <: select2(>(0), *(a) * b * c, *(d) / (b + c))"
            r" : *(a + d) : max(-0.1))",
        ),
        function(
            "in a loop",
            [0.3, 0.2, 0.4, 0.5],
            r"\(a, b, c, d).(+ ~ (ma.tanh(a * b * _ * c) * d * exp(0 - a * b * c)))",
        ),
        function(
            "delays between",
            [0.3, 0.2, 0.4, 0.5],
            r"\(a, b, c, d).(_ * a * b * c <: _, @(3) : + : *(d * a * b) : mem : *(c * c * d))",
        ),
        function("powers", [1.3, 0.7, 1.1], r"\(a, b, c).(abs : +(0.1) * a : ^(b * c * a) : sqrt)"),
    ]
    for one in results(programs, compiler, frames=300):
        for partial, difference in zip(one.partials, one.differences, strict=True):
            assert np.any(partial), one.whole.title
            assert distance(partial, difference) < 1e-6, one.whole.title


def test_what_cancels_is_zero(compiler: Compiler) -> None:
    source = f"{sliders(3)} s = p(0) + p(1) + p(2); process = _ <: _ * (s * s) - _ * (s * s);"
    done = differentiate(source, all_continuous=True, compiler=compiler)
    got = build(done.text, compiler=compiler).run(np.ones((1, 2)))
    np.testing.assert_array_equal(got[1:], 0)
