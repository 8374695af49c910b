"""Why points that agree do not tell that a formula is right, where SymPy has not proved it."""

from __future__ import annotations

from dataclasses import replace

from .branches import several_places
from .budget import during
from .pieces import decide
from .questions import Answer, Question


def doubt(question: Question, answer: Answer) -> str:
    """What is left open by the points of an answer; "" for nothing."""
    return several_places(question, answer) or unseen_part(question)


def unseen_part(question: Question) -> str:
    """A part of a formula that no point says anything of; "" if all are seen in all pieces."""
    with during("parts that are too small to be seen"):
        part = decide(replace(question, watching=True, borders=False)).unseen
    return f"'{part}' is too small to be seen at every point that was tried" if part else ""
