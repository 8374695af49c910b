"""Programs and their adjoints, many in one compilation, and what forward mode says about them.

The derivative of a program is a linear map J, from directions v of its inputs and sliders to
directions of its outputs; reverse mode applies its transpose. So <w, J v> = <J' w, v> must hold for
any v and w. J v by inputs is the partial of a slider e, 0, in the program at x + e v.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faustdiff.autodiff import differentiate
from faustdiff.autodiff.reverse import (
    NothingToDifferentiateError,
    ReversePrograms,
    reverse_programs,
)
from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import Program

from .whole_programs import HEAD, Array, Whole, joined, parted


@dataclass(frozen=True)
class Adjoint:
    """What both programs of reverse mode give for random inputs and cotangents.

    `value` (outputs, frames) is the forward program's, `original` that of the program itself.
    `gradient` is by slider, `given` (inputs, frames) by input. `expected` are the same inner
    products by forward mode: by slider, and last for the direction `along` of the inputs, if there
    are any; `scale` are the sums of the magnitudes of their terms. `slope` is the one along `along`
    by central differences.
    """

    whole: Whole
    made: ReversePrograms
    value: Array
    original: Array
    gradient: Array
    given: Array
    along: Array
    expected: Array
    scale: Array
    slope: float

    @property
    def products(self) -> Array:
        """What `expected` is to be held against."""
        last = [np.sum(self.given * self.along)] if self.made.inputs else []
        return np.concatenate([self.gradient, last])

    @property
    def error(self) -> float:
        """How far reverse mode is from forward mode, of the sum of the terms' magnitudes."""
        off = np.abs(self.products - self.expected)
        return float(np.max(off / np.maximum(self.scale, 1e-30), initial=0.0))

    @property
    def slope_error(self) -> float:
        """How far the cotangents of inputs are from differences, of the sum of the magnitudes."""
        if not self.made.inputs:
            return 0.0
        return float(abs(self.slope - self.products[-1]) / max(self.scale[-1], 1e-30))


def adjoints(
    programs: Sequence[Whole],
    compiler: Compiler,
    *,
    frames: int = 400,
    step: float = 1e-4,
    by_sums: bool = False,
) -> list[Adjoint]:
    """Each program in reverse mode, all continuous sliders, at their initial values.

    Programs that depend on no input and no slider are left out. With `by_sums`, sliders get their
    gradients from the sums over time of what the backward programs give, as in `faustdiff.vjp`.
    """
    each = [(p, m) for p in programs if (m := _reversed(p, compiler, by_sums))]
    programs, made = [p for p, _ in each], [m for _, m in each]
    rng = np.random.default_rng(5)
    fed = [one.feed(m.inputs, frames) for one, m in zip(programs, made, strict=True)]
    along = [rng.normal(size=x.shape) for x in fed]
    g = [rng.normal(size=(m.outputs, frames)) for m in made]

    forward = joined([m.forward for m in made], compiler)
    out = parted(forward.run(np.concatenate(fed), frames), [m.outputs + m.tape for m in made])
    tapes = [o[m.outputs :] for o, m in zip(out, made, strict=True)]
    backward = joined([m.backward for m in made], compiler)
    back = np.concatenate([c for pair in zip(g, tapes, strict=True) for c in pair])[:, ::-1]
    counts = [m.inputs + (m.coefficients if m.sliders else len(m.params)) for m in made]
    cotangents = parted(backward.run(back, frames)[:, ::-1], counts)
    sums = [one[m.inputs :].sum(axis=1) for one, m in zip(cotangents, made, strict=True)]
    gradients = _of_sums(made, sums, compiler)

    products = _forward(programs, made, fed, along, g, compiler)
    slopes, originals = _differences(programs, made, fed, along, g, step, compiler)
    return [
        Adjoint(
            one,
            m,
            out[k][: m.outputs],
            originals[k],
            gradients[k],
            cotangents[k][: m.inputs],
            along[k],
            *products[k],
            slopes[k],
        )
        for k, (one, m) in enumerate(zip(programs, made, strict=True))
    ]


def _reversed(program: Whole, compiler: Compiler, by_sums: bool) -> ReversePrograms | None:
    """The programs; None where there is no input and no slider."""
    try:
        return reverse_programs(
            program.text, all_continuous=True, by_sums=by_sums, compiler=compiler
        )
    except NothingToDifferentiateError:
        return None


def _of_sums(
    made: Sequence[ReversePrograms], sums: Sequence[Array], compiler: Compiler
) -> list[Array]:
    """The gradients by sliders, of the `sums` over time of what the backward programs give."""
    texts = [m.sliders for m in made if m.sliders]
    if not texts:
        return list(sums)
    given = np.concatenate([one for one, m in zip(sums, made, strict=True) if m.sliders])
    widths = [len(m.params) for m in made if m.sliders]
    results = iter(parted(joined(texts, compiler).run(given[:, None], 1)[:, 0], widths))
    return [next(results) if m.sliders else one for one, m in zip(sums, made, strict=True)]


def _forward(
    programs: Sequence[Whole],
    made: Sequence[ReversePrograms],
    fed: Sequence[Array],
    along: Sequence[Array],
    g: Sequence[Array],
    compiler: Compiler,
) -> list[tuple[Array, Array]]:
    """The inner products by forward mode, and their scales."""
    done = [
        differentiate(
            _along(one.text, m.inputs),
            params=[*(p.path for p in m.params), "direction"],
            compiler=compiler,
        )
        for one, m in zip(programs, made, strict=True)
    ]
    program = joined([d.text for d in done], compiler)
    signals = np.concatenate([c for pair in zip(fed, along, strict=True) for c in pair])
    duals = parted(program.run(signals, g[0].shape[1]), [d.outputs * d.stride for d in done])
    found = []
    for dual, one, m, w in zip(duals, done, made, g, strict=True):
        partials = dual.reshape(one.outputs, one.stride, -1)[: m.outputs, 1:]
        # Without inputs there is no direction.
        terms = w[:, None] * partials[:, : len(m.params) + bool(m.inputs)]
        found.append((terms.sum(axis=(0, 2)), np.abs(terms).sum(axis=(0, 2))))
    return found


def _along(text: str, inputs: int) -> str:
    """The program on its inputs plus a slider times as many directions; its paths stay.

    The slider is one more output, for a program may read none of its inputs.
    """
    slider = 'nentry("/direction", 0, -1, 1, 0.001)'
    moved = f"si.bus({inputs}), par(i, {inputs}, *({slider})) :> part.process"
    inside = moved if inputs else "part.process"
    return f"{HEAD}part = environment {{\n{text}\n}};\nprocess = ({inside}), {slider};"


def _differences(
    programs: Sequence[Whole],
    made: Sequence[ReversePrograms],
    fed: Sequence[Array],
    along: Sequence[Array],
    g: Sequence[Array],
    step: float,
    compiler: Compiler,
) -> tuple[list[float], list[Array]]:
    """The slope of each loss by its inputs, and the outputs of the originals."""
    program: Program = joined([one.text for one in programs], compiler)
    x, v = np.concatenate(fed), np.concatenate(along)
    widths, frames = [m.outputs for m in made], x.shape[1]
    runs = {k: parted(program.run(x + k * step * v, frames), widths) for k in (-2, -1, 0, 1, 2)}
    loss = {
        k: [float(np.sum(w * y)) for w, y in zip(g, run, strict=True)] for k, run in runs.items()
    }
    slopes = [
        (8 * (loss[1][k] - loss[-1][k]) - (loss[2][k] - loss[-2][k])) / (12 * step)
        for k in range(len(made))
    ]
    return slopes, runs[0]
