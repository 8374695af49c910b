"""Forward or reverse mode for a fit: the one that costs less, in operations per sample.

Least squares needs the partials of the output, which are forward mode's. Optimizers that take the
gradient alone get it by reverse mode where that costs less; while there are few sliders, the
partials are there as well, for a start from which all of them act and for standard errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..autodiff import DifferentiatedProgram, Parameter
from ..autodiff.reverse import ReversePrograms
from ..errors import InputError, Place, Problem

Wanted = Literal["auto", "forward", "reverse"]

#: Up to this number of sliders there are partials, whatever the gradient comes from.
MAX_PARTIALS = 64


@dataclass(frozen=True)
class Derivatives:
    """What a fit computes derivatives with: the fields of a `DualSource`."""

    text: str
    params: tuple[Parameter, ...]
    inputs: int
    outputs: int
    reverse: ReversePrograms | None = None
    partials: bool = True
    gradient: str = ""


def derivatives(
    forward: Callable[[], DifferentiatedProgram],
    reverse: Callable[[], ReversePrograms],
    wanted: Wanted,
    gradient_alone: bool,
    file: str,
) -> Derivatives:
    """The derivatives of a program, by the mode that is `wanted`, or else the cheaper one.

    `gradient_alone` says whether the optimizer takes the gradient and nothing else. Raises
    `InputError` as `differentiate` and `reverse_programs` do, and for reverse mode where the
    optimizer needs partials.
    """
    if wanted == "reverse" and not gradient_alone:
        what = "reverse mode gives no partials, which this search needs"
        hint = "use --optimizer lbfgs, or adam or sgd without --batch, from one start"
        raise InputError([Problem(Place(file), what, hint)])
    if wanted == "forward" or not gradient_alone:
        return _by_forward(forward())
    try:
        programs = reverse()
    except InputError:
        if wanted == "reverse":
            raise
        return _by_forward(forward())
    if len(programs.params) > MAX_PARTIALS:
        words = f"reverse mode, {programs.operations} operations per sample"
        return _by_reverse(programs, words)
    dual = forward()
    words = (
        f"reverse mode, {programs.operations} operations per sample; "
        f"forward mode takes {dual.operations}"
    )
    if wanted == "auto" and dual.operations <= programs.operations:
        words = (
            f"forward mode, {dual.operations} operations per sample; "
            f"reverse mode takes {programs.operations}"
        )
        return _by_forward(dual, words)
    return Derivatives(dual.text, dual.params, dual.inputs, dual.outputs, programs, gradient=words)


def _by_forward(dual: DifferentiatedProgram, words: str = "") -> Derivatives:
    return Derivatives(dual.text, dual.params, dual.inputs, dual.outputs, gradient=words)


def _by_reverse(programs: ReversePrograms, words: str) -> Derivatives:
    return Derivatives(
        programs.forward,
        programs.params,
        programs.inputs,
        programs.outputs,
        programs,
        False,
        words,
    )
