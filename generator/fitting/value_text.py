"""Numbers as people read them: rounded to what is known."""

from __future__ import annotations

import math

#: Digits of a value without a standard error.
MOST_DIGITS = 6
#: With more places behind the point, a value is printed as without a standard error.
MOST_PLACES = 12


def value_text(value: float, error: float | None, unit: str = "", digits: int = MOST_DIGITS) -> str:
    """A value with its standard error, both rounded to two digits of that, and the unit.

    Without one, or with one that is smaller than six digits show, it has so many `digits`.
    """
    if error and math.isfinite(error) and error >= 5e-6 * abs(value):
        places = max(0, 1 - math.floor(math.log10(error)))
        if places <= MOST_PLACES:
            return f"{value:.{places}f} ± {error:.{places}f} {unit}".strip()
    return f"{_rounded(value, digits)} {unit}".strip()


def _rounded(value: float, digits: int) -> str:
    """A number with so many digits, and an exponent only where six do not reach the point."""
    return f"{float(f'{value:.{digits}g}'):.{MOST_DIGITS}g}"
