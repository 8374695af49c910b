"""Numbers as a fit prints them: no more digits than are known."""

from __future__ import annotations

import pytest

from faustdiff.fitting.likeness import SoundDifference
from faustdiff.fitting.value_text import value_text
from faustdiff.fitting.verdict import Verdict


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (5236.2186, 21.04, "5236 ± 21 Hz"),
        (0.123456, 0.00123, "0.1235 ± 0.0012 Hz"),
        (5236.2186, None, "5236.22 Hz"),
        (5236.2186, 1e-9, "5236.22 Hz"),
        (5236.2186, float("inf"), "5236.22 Hz"),
        (1e-15, 1e-16, "1e-15 Hz"),
    ],
)
def test_a_value_is_rounded_to_its_standard_error(
    value: float, error: float | None, text: str
) -> None:
    assert value_text(value, error, "Hz") == text


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Verdict("found", 0.0), "5236.22"),
        (Verdict("found, with noise", 1e-3), "5236.22"),
        (Verdict("found, in a lossy format", 1e-3), "5240"),
        (Verdict("found, by spectra", 1.0, difference=SoundDifference(0.1, 0.01, 0)), "5236"),
        (Verdict("poor match", 0.5), "5240"),
    ],
)
def test_without_one_the_verdict_says_how_many_digits(verdict: Verdict, text: str) -> None:
    assert value_text(5236.2186, None, "", verdict.digits) == text
