"""diff.lib as one of the standard libraries: used among them, and with the shapes it documents."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.library_symbols import (
    FRAMES,
    LOADED,
    SILENT,
    Symbol,
    documented_tests,
    grouped_tests,
    symbols,
)
from support.paths import BUILD

pytestmark = pytest.mark.each_compiler

#: One choice for each name that a usage mentions; numbers differ, so that none stands for another.
CHOICE = {
    "N": "2",
    "M": "3",
    "K": "5",
    "I": "2",
    "J": "1",
    "NEURONS": "4",
    "WINDOW": "4",
    "LENGTH": "10",
    "EPSILON": "1e-8",
    "RATE": "0.1",
    "BETA1": "0.9",
    "BETA2": "0.999",
    "LIMIT": "1",
    "LOW": "-1",
    "HIGH": "1",
    "INIT": "0.5",
    "METER": "_",
    "INPUTS": "3",
    "PARAMETERS": "(0.5, 0.25)",
    "VARS": "df.vars(PARAMETERS)",
    "PRIMITIVE": "sin",
    "D": "df.env(VARS)",
    "ACTIVATION": "df.activations.tanh",
    "INITIALIZER": "df.initializers.he",
    "INITIAL": "df.initializers.he",
    "OPTIMIZER": "par(i, N, *(RATE))",
    "TRUTH": "+, _ :> _",
    "LAYERS": "(1, 3, 3, 2, 2, 1)",
    "SIZE": "8",
    "SHIFT": "0",
    "HOP": "4",
    "PLACE": "df.frame_place(SIZE, SHIFT)",
}
#: Where a symbol gives a name another meaning, or more is asked of it.
ITS_OWN = {
    # N parameters, then M signals.
    "jvp": {"F": "*, *, _ : +, _"},
    "grad": {"F": "(*, *), _ :> _"},
    "vjp": {"F": "*, *, _ : +, _"},
    "pullback": {"F": "*, *, _ : +, _"},
    "backward_sweep": {
        "F": "*, *, _ : +, _",
        "VARS": "environment { N = 2; are_boxes = 0; wire(I) = I * (I <= 2); }",
        "OTHERWISE": "environment { cotangents = si.bus(5) : _, !, !, !, _; }",
        "M": "5",
    },
    "fad": {"EXPR": "*, _ : +", "SEEDS": "(_, _)"},
    "rad": {"EXPR": "*, _ : +", "SEEDS": "(_, _)"},
    "seeds": {"SEEDS": "(0.5, _, 0.25)"},
    "stop": {"BOX": "+, _"},
    "learned": {
        "K": "2",
        "M": "1",
        "STEPS": "_, _, ! : *(0.1), *(0.1)",
        "START": "0",
        "RESET": "0",
    },
    "skipping": {"K": "2", "ENGINE": "_, _"},
    "checked_engine": {"K": "2", "M": "2", "ENGINE": "_, _"},
    "descent": {"K": "2", "M": "1", "LOSS": "*, _ : +", "ENGINE": "_, _"},
    "least_squares": {"K": "2", "M": "1", "MODEL": "*, _ : +", "ENGINE": "_, _, _ : +, _"},
    "engines": {"K": "2", "MU": "0.1"},
    "gates": {"THRESHOLD": "0.1", "RHO": "0.9"},
    "averaged": {"RHO": "0.9"},
    "clocked_optimizers": {"CLOCK": "1"},
    "newton": {"K": "1", "STEPS": "3", "START": "1", "F": "\\(y, x).(y * y - x)"},
    "mixed": {"Z": "1", "NET": "*, _ : +", "PROGRAM": "*, + :> _"},
    "backprop": {
        "LEARNABLE": "si.bus(M + N) :> _ <: si.bus(N + 1)",
        "LOSS": "si.bus(N + 2) :> _ <: si.bus(N + 1)",
    },
    "backpropNoInput": {
        "TRUTH": "0.5",
        "LEARNABLE": "si.bus(N) :> _ <: si.bus(N + 1)",
        "LOSS": "si.bus(N + 2) :> _ <: si.bus(N + 1)",
    },
    # F takes what G gives, and M more; G takes the dual output of F, then K gradients.
    "rec": {"K": "1", "M": "3", "F": "si.bus(6) :> si.bus(3)", "G": "si.bus(4) :> _ <: si.bus(3)"},
    "learn": {"ERROR": "df.dual_squared_error(N)"},
    "spectrum": {"WINDOW": "df.windows.hann"},
    "short_time": {"WINDOW": "df.windows.hann", "ERROR": "df.stft_error(N)"},
    "losses": {"TRUTH": "0.5"},
    "backpropNN": {"K": "1"},
    "lift": {
        "ACTIVE": "(1, 3)",
        "VALUE": "+, _ : +",
        "SHARED": "+, abs",
        "TANGENT": "si.bus(4) :> _",
    },
    "lift_zero": {"VALUE": "+, _ : +"},
    # A dense layer of M inputs and K outputs.
    "nn": {"N": "K * (M + 1)", "INS": "M", "OUTS": "K"},
}

#: Usages without signals: the value of a parameter, and environments.
WITHOUT_SHAPE = ("vars(PARAMETERS).N", "vars(PARAMETERS).parameter(I)", "env(VARS).diff(PRIMITIVE)",
                 "backpropNN(LAYERS).start(K)")  # fmt: skip


@dataclass(frozen=True)
class Usage:
    """A documented line, `before : call : after`; the signals before and after may be missing."""

    symbol: Symbol
    line: str

    @property
    def parts(self) -> tuple[str, str, str]:
        call = re.search(rf"(?<![\w.]){self.symbol.name}\b[^:]*", self.line)
        assert call, self.line
        before, after = self.line[: call.start()], self.line[call.end() :]
        assert before in ("", "-") or before.endswith(" : "), self.line
        return before.removesuffix(" : "), f"df.{call[0].strip()}", after.removeprefix(": ")

    def shape(self, name: str) -> str:
        """A definition of four numbers: inputs and outputs, as documented and in truth."""
        before, call, after = self.parts
        stated = (
            f"{f'outputs(({before}))' if before else 0}, {f'inputs(({after}))' if after else 0}"
        )
        choice = CHOICE | ITS_OWN.get(self.symbol.name, {})
        chosen = " ".join(f"{key} = {value};" for key, value in choice.items())
        return f"{name} = {stated}, inputs({call}), outputs({call}) with {{ {chosen} }};"


def usages(names: Mapping[str, object]) -> Iterator[Usage]:
    for symbol in symbols():
        lines = symbol.fenced("#### Usage")
        assert lines
        for line in lines:
            if symbol.name in names and line not in WITHOUT_SHAPE:
                yield Usage(symbol, line)


def test_a_usage_has_the_inputs_and_outputs_that_it_says(compiler: Compiler) -> None:
    found = [*usages(documented_tests(compiler))]
    assert len(found) >= 120
    source = "\n".join(
        [
            'df = library("diff.lib"); si = library("signals.lib");',
            *(usage.shape(f"shape{k}") for k, usage in enumerate(found)),
            f"process = {', '.join(f'shape{k}' for k in range(len(found)))};",
        ]
    )
    program = build(source, compiler=compiler, include=[BUILD], double=True, optimize="-O0")
    shapes = program.run(None, 1)[:, 0].reshape(-1, 2, 2)
    wrong = [
        f"{usage.line}: {truth} in truth"
        for usage, (stated, truth) in zip(found, shapes.tolist(), strict=True)
        if stated != truth
    ]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def registered(compiler: Compiler, tmp_path: Path) -> Path:
    """The standard libraries of the compiler with diff.lib among them, `df` beside them."""
    for file in [*compiler.libraries().glob("*.lib"), BUILD / "diff.lib"]:
        shutil.copy(file, tmp_path)
    # Under a name of its own, for the embedded compiler knows its own stdfaust.lib first.
    standard = (tmp_path / "stdfaust.lib").read_text(encoding="utf-8")
    (tmp_path / "registered.lib").write_text(f'{standard}\ndf = library("diff.lib");\n', "utf-8")
    return tmp_path


@pytest.mark.parametrize("group", [0, 1], ids=["most", "Bessel"])
def test_registered_every_documented_test_runs_and_is_not_silent(
    compiler: Compiler, registered: Path, group: int
) -> None:
    """The tests as a reader of the standard libraries runs them: one import, and the prefixes."""
    tests = grouped_tests(compiler)[group]
    lines = ['import("registered.lib");']
    for name, test in tests.items():
        own = "\n".join(line for line in test if not LOADED.fullmatch(line))
        lines.append(f"the_{name} = {name}_test with {{\n{own}\n}};")
    counts = ", ".join(f"outputs(the_{name})" for name in tests)
    lines.append(f"process = {counts}, {', '.join(f'the_{name}' for name in tests)};")
    options = {"double": True, "include": [registered], "optimize": "-O0"}
    program = build("\n".join(lines), compiler=compiler, **options)
    signals = program.run(np.zeros((program.inputs, FRAMES)), FRAMES)
    start = len(tests)
    assert start > (2 if group else 110)
    silent = []
    for name, count in zip(tests, signals[:start, 0].astype(int), strict=True):
        found = signals[start : start + count]
        start += count
        assert np.isfinite(found).all(), name
        if not found.any():
            silent.append(name)
    assert start == program.outputs
    assert set(silent) <= SILENT


def test_every_name_of_all_libraries_is_there_at_once(compiler: Compiler, registered: Path) -> None:
    source = r"""
    import("registered.lib"); every = library("all.lib");
    both(g, x) = g * x : every.lowpass(1, 1000) + fi.lowpass(1, 1000)(x);
    process = 0.5, _ : df.jvp(1, both);
    """
    program = build(source, compiler=compiler, include=[registered])
    value, partial = program.run(np.ones((1, 50)))
    np.testing.assert_allclose(value, 1.5 * partial, rtol=1e-12)
