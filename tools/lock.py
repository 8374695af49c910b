"""Writes constraints.txt: the versions that the project was last tested with. Needs no network.

python tools/lock.py            from what is installed here
python tools/lock.py --check    says what is installed in another version, and ends with 1
pip install -c constraints.txt -e '.[dev]'
"""

from __future__ import annotations

import sys

from installed import ROOT, closure, requirements

FILE = ROOT / "constraints.txt"
HEAD = "# The versions that the tests last passed with; written by tools/lock.py.\n"


def locked() -> str:
    """The text of the file for what is installed."""
    found = closure(requirements("dev"))
    # What stands behind a + names a build of one's own.
    pins = [f"{name}=={one.version.partition('+')[0]}\n" for name, one in found.items()]
    return HEAD + "".join(pins)


def main() -> None:
    """Writes the file, or compares it."""
    text = locked()
    if "--check" not in sys.argv:
        FILE.write_text(text, "utf-8")
        return
    kept = set(FILE.read_text("utf-8").splitlines())
    other = sorted(set(text.splitlines()) - kept)
    print("\n".join(f"not as locked: {line}" for line in other) or "all as locked")
    sys.exit(1 if other else 0)


if __name__ == "__main__":
    main()
