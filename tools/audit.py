"""Licences and known vulnerabilities of what the project needs.

    python tools/audit.py

Licences are read from what is installed, without a network. Vulnerabilities are looked up by
`pip-audit` if it is installed and there is a network; else this is said, loudly. Ends with 1 for a
licence that does not go with MIT, and for a known vulnerability.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution
from importlib.util import find_spec

from installed import closure, requirements

#: Licences that ask for no more than to be named, or for changes of the package itself.
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|Zlib|HPND|0BSD|"
    r"CC0|Public Domain|CMU)\b|BSD-\d|matplotlib",
    re.IGNORECASE,
)
#: Used in development only, and never inside what is given away; each with the reason.
DEVELOPMENT = {
    "pedalboard": "GPL 3; another implementation of plugins, held against ours",
    "soxr": "LGPL 2.1; a resampler, held against ours",
}


def licence(one: Distribution) -> str:
    """What a distribution says of its licence; "" if it says nothing."""
    metadata = one.metadata
    expression = metadata.get("License-Expression") or ""
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or []
        if text.startswith("License ::")
    ]
    stated = (metadata.get("License") or "").strip().partition("\n")[0][:60]
    return expression or ", ".join(classifiers) or stated


def licences() -> list[str]:
    """What is wrong with the licences, a line for each distribution."""
    wrong = []
    for extra, use in (((), "needed"), (("dev",), "for development")):
        for name, one in closure(requirements(*extra)).items():
            text = licence(one)
            if PERMISSIVE.search(text) or (extra and name in DEVELOPMENT):
                continue
            wrong.append(f"{name} {one.version} ({use}): {text or 'no licence is stated'}")
    return sorted(set(wrong))


def vulnerabilities() -> int | None:
    """The exit status of pip-audit; None if it could not look anything up."""
    if find_spec("pip_audit") is None:
        return None
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--timeout", "20"]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, end="")
    if done.returncode and "Found" not in done.stderr:
        return None
    return done.returncode


def main() -> None:
    """Prints both checks."""
    wrong = licences()
    print("\n".join(f"licence: {line}" for line in wrong) or "licences: all permissive")
    status = vulnerabilities()
    if status is None:
        print("SKIPPED: vulnerabilities were NOT looked up: pip-audit or the network is missing")
    sys.exit(1 if wrong or status else 0)


if __name__ == "__main__":
    main()
