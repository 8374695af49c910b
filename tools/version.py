"""The version of the package, and what CHANGELOG.md says of it; nothing has to be installed.

python tools/version.py          the version
python tools/version.py --notes  the part of the changelog about it
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    """What `generator/__init__.py` states."""
    text = (ROOT / "generator" / "__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found, "generator/__init__.py states the version"
    return found[1]


def notes(of: str) -> str:
    """The part of the changelog about a version; SystemExit if there is none."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(of)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if not found:
        sys.exit(f"CHANGELOG.md has no part about {of}")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    print(notes(version()) if "--notes" in sys.argv else version(), end="\n")
