"""The Faust programs of the README compile, and those that learn do."""

from __future__ import annotations

import pytest

from faustdiff.faust.compilers import Compiler
from faustdiff.faust.program import build
from support.pages import README, blocks
from support.paths import BUILD

SNIPPETS = blocks(README, "faust")
PROGRAMS = [text for text in SNIPPETS if "process" in text]
#: A snippet without a process is the hand-routed learnable of the program before it.
(BY_HAND,) = [text for text in SNIPPETS if "process" not in text]
LEARNING = next(text for text in PROGRAMS if "backprop" in text)


@pytest.mark.parametrize("text", PROGRAMS, ids=range(len(PROGRAMS)))
def test_programs_compile(compiler: Compiler, text: str) -> None:
    assert build(text, compiler=compiler, include=[BUILD]).outputs == 3


@pytest.mark.parametrize("by_hand", [False, True], ids=["plain", "routed by hand"])
def test_both_learnables_learn(compiler: Compiler, by_hand: bool) -> None:
    text = LEARNING
    if by_hand:
        text = text.replace("d.learnable(model)", "learnable").replace(
            "process", f"{BY_HAND}\nprocess"
        )
    session = build(text, compiler=compiler, include=[BUILD]).session()
    session.compute(None, 5 * 44100)
    assert session.get("gain") == pytest.approx(0.5, rel=1e-2)
    assert session.get("pole") == pytest.approx(0.8, rel=1e-2)
