"""Numbers as people read them: rounded to what is known."""

from __future__ import annotations

import math


def value_text(value: float, error: float | None, unit: str = "") -> str:
    """A value with its standard error, both rounded to two digits of that, and the unit.

    What is not known, or is known better than to six digits, has six.
    """
    known = error is not None and math.isfinite(error) and error > 0
    if not known or error is None or error < 5e-6 * abs(value):
        return f"{value:.6g} {unit}".strip()
    digits = max(0, 1 - math.floor(math.log10(error)))
    if digits > 12:
        return f"{value:.6g} {unit}".strip()
    return f"{value:.{digits}f} ± {error:.{digits}f} {unit}".strip()
