"""Every example of `fit` finds what is hidden in it, and as fast as promised.

A pass is a run over all samples; everything that is computed counts, races and retries included.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from faustdiff.faust.compilers import Compiler, find_compiler
from faustdiff.fitting.fit import Fit, fit
from faustdiff.fitting.setup import Options
from support.fits import EXAMPLES, errors, setup

PASSES = 30
#: By signal-to-noise ratio of the target in dB.
TOLERANCE = {None: 1e-3, 40: 3e-2}

DIRECT = [name for name, one in EXAMPLES.items() if not one.options]
RACED = [name for name, one in EXAMPLES.items() if one.options]

#: From one seed each time, and from the others with `-m slow`.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


def found(
    name: str, folder: Path, compiler: Compiler, snr: float | None, options: Options
) -> tuple[Fit, float]:
    """The fit, and its greatest relative error."""
    one = EXAMPLES[name]
    text = one.program.read_text(encoding="utf-8")
    problem = setup(folder, text, compiler, one.target(compiler, snr), one.input())
    result = fit(problem, options)
    return result, max(errors(one, problem, result))


@pytest.mark.parametrize("snr", TOLERANCE)
@pytest.mark.parametrize("name", DIRECT)
def test_from_the_sliders(name: str, snr: float | None, tmp_path: Path) -> None:
    result, error = found(name, tmp_path, find_compiler("faust"), snr, Options())
    assert error < TOLERANCE[snr]
    assert result.passes <= PASSES
    assert result.verdict.good


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", RACED)
def test_from_any_start(name: str, seed: int, tmp_path: Path) -> None:
    options = Options(starts=256, random_start=True, seed=seed)
    # With noise once; `benchmarks/fit_starts.py` does both for ten seeds.
    for snr in (None, 40) if seed == 0 else (None,):
        result, error = found(name, tmp_path, find_compiler("faust"), snr, options)
        assert error < TOLERANCE[snr]
        assert result.passes <= PASSES


@pytest.mark.parametrize("name", ["amplifier", "resonant_filter"])
def test_with_the_embedded_compiler(name: str, tmp_path: Path) -> None:
    result, error = found(name, tmp_path, find_compiler("cyfaust"), None, Options())
    assert error < TOLERANCE[None]
    assert result.passes <= PASSES
