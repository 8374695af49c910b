"""The derivative that is generated computes no more than one written by hand.

By hand means forward sensitivities: one recursion for each parameter in the feedback, nothing for
what is zero, and nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.operations import operations
from support.paths import BUILD

pytestmark = pytest.mark.each_compiler

HEAD = """
df = library("diff.lib"); fi = library("filters.lib"); si = library("signals.lib");
ba = library("basics.lib");
"""
TAPS = 16


@dataclass(frozen=True)
class Pair:
    """A model, and by hand its value and partials; both of the parameters, then a signal."""

    title: str
    at: tuple[float, ...]
    model: str
    by_hand: str


PAIRS = (
    Pair(
        "one pole",
        (0.7,),
        r"\(a).(+ ~ *(a))",
        r"\(a, x).(y, (y' : + ~ *(a)) with { y = x : + ~ *(a); })",
    ),
    Pair(
        "gain and pole",
        (0.5, 0.7),
        r"\(g, a).(*(g) : + ~ *(a))",
        r"""\(g, a, x).(y, (x : loop), (y' : loop)
            with { y = x * g : loop; loop = + ~ *(a); })""",
    ),
    Pair(
        "biquad",
        (0.5, 0.3, 0.2, -0.4, 0.1),
        "fi.tf2",
        r"""\(b0, b1, b2, a1, a2, x).(b0 * v + b1 * v' + b2 * v'', v, v', v'',
            (0 - v' : poles : zeros), (0 - v'' : poles : zeros)
            with {
                v = x : poles;
                poles = \(late, now).(now - late) ~ (_ <: *(a1), (mem : *(a2)) :> _);
                zeros = _ <: *(b0), (mem : *(b1)), (mem : mem : *(b2)) :> _;
            })""",
    ),
    Pair(
        "biquad, direct form I",
        (0.5, 0.3, 0.2, 0.4, -0.1),
        r"""\(b0, b1, b2, a1, a2).(_ <: *(b0), (mem : *(b1)), (mem : mem : *(b2)) :> _
            : + ~ (_ <: *(a1), (mem : *(a2)) :> _))""",
        r"""\(b0, b1, b2, a1, a2, x).(y, (x : poles), (x' : poles), (x'' : poles),
            (y' : poles), (y'' : poles)
            with {
                y = x * b0 + x' * b1 + x'' * b2 : poles;
                poles = + ~ (_ <: *(a1), (mem : *(a2)) :> _);
            })""",
    ),
    Pair(
        "FIR",
        tuple(0.9**k for k in range(TAPS)),
        f"(si.bus({TAPS}), (_ <: par(i, {TAPS}, @(i))) : si.dot({TAPS}))",
        f"""(si.bus({TAPS}), (_ <: par(i, {TAPS}, @(i))) <: si.dot({TAPS}),
            (si.block({TAPS}), si.bus({TAPS})))""",
    ),
)


def sources(pair: Pair) -> tuple[str, str]:
    """The derivative that is generated and the one by hand, with sliders for the parameters."""
    sliders = ", ".join(f'hslider("p{i}", {at}, -2, 2, 0.001)' for i, at in enumerate(pair.at))
    generated = f"df.jvp({len(pair.at)}, {pair.model})"
    both = [f"{HEAD}process = {sliders}, _ : {box};" for box in (generated, pair.by_hand)]
    return both[0], both[1]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.title)
def test_no_more_operations_than_by_hand(pair: Pair, compiler: Compiler) -> None:
    generated, by_hand = (
        operations(compiler.to_cpp(source, double=True, include=[BUILD])).sample
        for source in sources(pair)
    )
    assert 0 < generated <= by_hand


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.title)
def test_both_compute_the_same(pair: Pair, compiler: Compiler) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, 500)
    generated, by_hand = (
        build(source, compiler=compiler, include=[BUILD], optimize="-O0").run(noise)
        for source in sources(pair)
    )
    assert generated.shape == (len(pair.at) + 1, 500)
    np.testing.assert_allclose(generated, by_hand, rtol=1e-12, atol=1e-12)
