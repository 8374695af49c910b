"""What a loop that learns is given is checked: counts that do not fit are errors that say so."""

from __future__ import annotations

import pytest

from faustdiff.faust.compilers import Compiler, FaustError
from faustdiff.faust.program import build
from support.paths import BUILD

HEAD = """df = library("diff.lib");
model(a, b, x) = a * x + b;
loss(a, b, x, t) = (model(a, b, x) - t) ^ 2;
two(a, b, x) = a * x, b * x;
process = """


def steps(k: int, engine: str, model: str = "model") -> str:
    return f"df.least_squares({k}, {model}, df.engines.{engine})"


LMS = steps(2, "LMS(2, 0.1)")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (f"df.learned(1, {LMS}, -1, 1, 0, 0)", "the_steps_must_take_K_parameters_and_give_K_steps"),
        (
            f"df.learned(2, {steps(2, 'LMS(1, 0.1)')}, -1, 1, 0, 0)",
            "the_engine_must_take_a_residual_and_K_sens",
        ),
        (
            f"df.learned(2, {steps(1, 'LMS(2, 0.1)')}, -1, 1, 0, 0)",
            "the_engine_must_take_a_residual_and_K_sens",
        ),
        (
            "df.descent(2, loss, df.optimizers(1, 1e-8).SGD(0.1))",
            "the_engine_must_take_K_gradients",
        ),
        ("df.descent(2, loss, df.engines.LMS(2, 0.1))", "the_engine_must_take_K_gradients"),
        (steps(2, "LMS(2, 0.1)", "two"), "the_model_must_have_one_output"),
        ("df.descent(2, two, df.optimizers(2, 1e-8).SGD(0.1))", "the_loss_must_have_one_output"),
        (
            f"df.learned(2, {LMS}, (-1, -1, -1), 1, 0, 0)",
            "bounds_and_starts_must_be_one_number_or_a_list",
        ),
        (
            f"df.learned(2, {LMS}, -1, 1, (0, 0, 0), 0)",
            "bounds_and_starts_must_be_one_number_or_a_list",
        ),
        ("df.newton(3, 1, sin)", "the_function_must_take_y_and_at_least_one_signal"),
    ],
)
def test_counts_that_do_not_fit_are_errors_that_say_so(
    compiler: Compiler, box: str, message: str
) -> None:
    with pytest.raises(FaustError, match=message):
        build(f"{HEAD}{box};", compiler=compiler, include=[BUILD])


@pytest.mark.parametrize("bounds", ["-1, 1, 0.25", "(-1, -2), (1, 2), (0.25, 0.25)"])
def test_one_number_stands_for_all_and_a_list_for_each(compiler: Compiler, bounds: str) -> None:
    box = f"df.learned(2, {LMS}, {bounds}, 0)"
    # Where the model is right, no step is taken.
    got = build(f"{HEAD}0.5, 0.375 : {box};", compiler=compiler, include=[BUILD]).run(None, 2)
    assert got[:, 0].tolist() == [0.25, 0.25, 0]
