"""Where the files that belong to the package are, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The path of `templates`, `primitives.yaml` or `build`, the folder of the library.

    A wheel carries them inside the package; in a checkout they stand beside its folder.
    """
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name
