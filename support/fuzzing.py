"""What fuzzing draws: programs, tables, command lines, recordings; all by hypothesis.

How much is drawn is `examples`: little in the tests, more with `make fuzz`, which sets the
environment variable FAUSTDIFF_FUZZ to a factor. Failures are kept in `.hypothesis/` and tried
first; those worth keeping become a file in `data/fuzz/` of the tests.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

FACTOR = int(os.environ.get("FAUSTDIFF_FUZZ", "1"))


def examples(count: int) -> Callable[[Any], Any]:
    """`count` examples, times the factor; the same ones each time where the factor is 1."""
    exploring = FACTOR > 1
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    return settings(
        max_examples=count * FACTOR,
        deadline=None,
        derandomize=not exploring,
        phases=[*phases, Phase.shrink] if exploring else phases,
        suppress_health_check=list(HealthCheck),
    )


# -- programs ------------------------------------------------------------------------------------

#: Sliders that every program may read; their values keep feedback stable and roots real.
SLIDERS = """
a = hslider("a", 0.4, 0.1, 0.9, 0.001);
b = hslider("b", 0.7, 0.1, 2, 0.001);
counter(n) = (+(1) ~ _) : %(n);
wave = waveform{0.5, -0.25, 1.0, 0.75, -1.0, 0.125, 0.25, -0.5};
"""

_numbers = st.sampled_from(["0.5", "-0.25", "1.5", "2", "0.1"])
_leaves = st.one_of(st.sampled_from(["x", "x", "a", "b", "a", "b"]), _numbers)


@st.composite
def _larger(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    """An expression of smaller ones; all of them stay within some powers of ten."""
    e, f = draw(parts), draw(parts)
    n = draw(st.integers(1, 6))
    label = draw(st.sampled_from(["g", "two words", "[1]first", "h"]))
    forms = [
        f"sin({e})",
        f"ma.tanh({e})",
        f"sqrt(1 + {e} * {e})",
        f"exp(0.2 * sin({e}))",
        f"({e} + {f})",
        f"({e} - {f})",
        f"ma.tanh({e} * {f})",
        f"({e} / (1.5 + {f} * {f}))",
        f"({e} : mem)",
        f"({e} @ {n})",
        # A moving delay, moved by what no slider changes.
        f"({e} : @(min({n + 3}, int({n} + 2 * abs(x)))))",
        f"({e} : + ~ *(0.6 * sin({f})))",
        f"({e} : (+ : ma.tanh) ~ (_ <: _, mem :> *(0.4 * a)))",
        f"select2(x > 0.1, {e}, {f})",
        f'vgroup("{label}", {e})',
        f'hgroup("{label}", ma.tanh({e} * {f}))',
        f"(\\(u, v).(u * sin(v) - v))({e}, {f})",
        f"({e}, {f} : \\(u, v).(u * {n} + sin(v * u)))",
        f"(wave, int(7 * abs(x)) : rdtable : *({e}))",
        f"(rdtable(8, counter(8) / 8.0, int(7 * abs(x))) * {e} + {f})",
        f"rwtable({n + 2}, 0.5, counter({n + 2}), {e}, int({n} * abs(x)))",
        f"({e} <: _, {f} :> ma.tanh)",
        f"({e}, {f} : ro.cross(2) : -)",
        f"sum(i, {n}, {e} / (i + 1))",
        f"({e} <: seq(i, {n}, *(0.9)), !)",
    ]
    return draw(st.sampled_from(forms))


#: Expressions of the signal x and the sliders a and b, with one output.
signals = st.recursive(_leaves, _larger, max_leaves=8)


@st.composite
def programs(draw: st.DrawFn, outputs: int) -> str:
    """A program of one input and some outputs, each a signal of its own."""
    found = [draw(signals) for _ in range(outputs)]
    lines = [f"out{k}(x) = {text};" for k, text in enumerate(found)]
    # The last one, for each slider to reach an output.
    lines.append(f"out{outputs}(x) = a * x + b;")
    names = ", ".join(f"out{k}" for k in range(outputs + 1))
    imports = ('ma = library("maths.lib");', 'ro = library("routes.lib");')
    return "\n".join([*imports, SLIDERS, *lines, f"process = _ <: {names};"])


# -- tables --------------------------------------------------------------------------------------

_hostile_texts = st.sampled_from(
    [
        "__import__('os').system('touch written')",
        "().__class__.__mro__",
        "x ** x ** x ** 99999",
        "9 ** 9 ** 9 ** 9",
        "1e999",
        "x" * 3000,
        "(" * 400 + "x" + ")" * 400,
        "-" * 2000 + "x",
        "lambda: 0",
        "[x for x in x]",
        "x if x else x",
        "nan",
        "sin",
        "sin(x, x)",
        "!!python/object/apply:os.system ['touch written']",
        "&a [*a]",
        "no",
        "\u0000",
        "x; }; evil",
        "*/ evil /*",
        "",
    ]
)
_scalars = st.one_of(
    _hostile_texts,
    st.text(string.printable, max_size=30),
    st.floats().map(str),
    st.integers(-(10**20), 10**20).map(str),
)


@st.composite
def tables(draw: st.DrawFn, good: str) -> str:
    """A good table with lines that are cut, doubled, moved, or given another value."""
    lines = good.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["cut", "double", "value", "value", "value", "indent", "text"]))
        if kind == "cut":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "value" and ":" in lines[at]:
            lines[at] = f"{lines[at].partition(':')[0]}: {draw(_scalars)}"
        elif kind == "indent":
            lines[at] = "  " + lines[at]
        else:
            lines[at] = draw(st.text(max_size=20))
        lines = lines or [""]
    return "\n".join(lines)


# -- command lines -------------------------------------------------------------------------------

_values = st.one_of(
    st.sampled_from(
        ["", "-", "--", "nan", "inf", "-1", "1e999", "a=b", "=", "/dev/null", "\udcff"]
    ),
    st.sampled_from(
        ["../..", "missing.dsp", "broken.dsp", "broken.yaml", "noise.wav", ".", "x" * 5000]
    ),
    st.text(max_size=12),
)


def command_lines(options: list[str]) -> st.SearchStrategy[list[str]]:
    """Words that may follow a command: its options, and values of every kind."""
    return st.lists(st.one_of(st.sampled_from(options), _values), max_size=6)


# -- recordings ----------------------------------------------------------------------------------


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A file with bytes that are changed, cut, or put in."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(content), 60)))
        kind = draw(st.sampled_from(["change", "cut", "insert", "end"]))
        if kind == "change":
            content[at : at + 4] = draw(st.binary(min_size=4, max_size=4))
        elif kind == "cut":
            del content[at : at + draw(st.integers(1, 8))]
        elif kind == "insert":
            content[at:at] = draw(st.binary(max_size=8))
        else:
            del content[draw(st.integers(0, len(content))) :]
    return bytes(content)
