"""The entries of a menu: `nentry("shape [style:menu{'soft':0;'hard':1}]", ...)`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_STYLE = re.compile(r"(?:menu|radio)\{(.*)\}")
_ENTRY = re.compile(r"'([^']*)'\s*:\s*([^;]+)")


def entries(meta: Mapping[str, str]) -> dict[str, float]:
    """The values of a menu or of radio buttons by label; empty for any other slider."""
    style = _STYLE.search(meta.get("style", ""))
    if style is None:
        return {}
    return {label: float(value) for label, value in _ENTRY.findall(style.group(1))}
