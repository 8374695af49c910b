"""The tests with each Python, each age of the dependencies and each compiler that can be had here.

    python tools/matrix.py [WORD]...      only rows whose name has all the words

Each row has a virtual environment of its own below `.cache/matrix/`. What cannot be had is SKIPPED,
with the reason; a row that fails ends the script with 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from installed import ROOT, requirements

CACHE = ROOT / ".cache" / "matrix"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
AGES = ("oldest", "newest")
#: The compilers, each with the tests that ask for it and the command that tells whether it is here.
COMPILERS = {
    "faust": "import shutil, sys; sys.exit(shutil.which('faust') is None)",
    "cyfaust": "import cyfaust",
    "dawdreamer": "import dawdreamer",
    "wasm": "import sys; from faustdiff.faust.wasm import faustwasm; sys.exit(faustwasm() is None)",
}
#: What is run in each row: everything without a compiler that is quick, then programs.
QUICK = ["-m", "not (slow or compilers or exhaustive)", "tests"]
PROGRAMS = ["faust-tests/test_harness.py", "faust-tests/test_differentiate.py"]
#: What these need of the project's extras.
EXTRA = "fit"
#: What they need else, in the versions of `dev`.
TESTING = ("cyfaust", "hypothesis", "jsonschema", "pytest")
PACKAGE = "faustdiff"
TIMEOUT = 1800


@dataclass(frozen=True)
class Row:
    """What came of one combination."""

    name: str
    outcome: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.outcome:<8} {self.name:<22} {self.reason}"


def run(command: list[str]) -> tuple[bool, str]:
    """Whether a command ended well, and the last line that it printed."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode == 0, (lines or [""])[-1][:120]


def installed(python: Path, age: str) -> tuple[bool, str]:
    """Installs the project and what its tests need, and tells as `run` does."""
    needed = [one for one in requirements("dev") if one.name in TESTING]
    wanted = ["--editable", f".[{EXTRA}]", *map(str, needed)]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if age == "newest":
        return run([*pip, "--upgrade", *wanted])
    # pip would go through all versions that are not built for this Python, and build them.
    done, line = run([*pip, "uv"])
    if not done:
        return done, line
    oldest = ["--resolution", "lowest-direct", "--only-binary", ":all:", "--no-binary", PACKAGE]
    uv = [str(python.with_name("uv")), "pip", "install", "--quiet", "--python", str(python)]
    return run([*uv, *oldest, *wanted])


def environment(version: str, age: str) -> Path | Row:
    """The Python of a virtual environment with everything installed, or why there is none."""
    name = f"python {version} {age}"
    python = shutil.which(f"python{version}")
    if python is None or not run([python, "--version"])[0]:
        return Row(name, "SKIPPED", f"there is no python{version}")
    folder = CACHE / f"{version}-{age}"
    if not (folder / "bin" / "python").exists():
        done, line = run([python, "-m", "venv", str(folder)])
        if not done:
            return Row(name, "SKIPPED", line)
    mine = folder / "bin" / "python"
    done, line = installed(mine, age)
    return mine if done else Row(name, "SKIPPED", f"not installed: {line}")


def rows(words: list[str]) -> list[Row]:
    """All combinations, or those with the words."""
    found = []
    for version in PYTHONS:
        for age in AGES:
            name = f"python {version} {age}"
            if not all(word in name for word in words):
                continue
            python = environment(version, age)
            if isinstance(python, Row):
                found.append(python)
            else:
                found.append(_tried(name, [str(python), "-m", "pytest", "-q", *QUICK]))
            print(found[-1], flush=True)
    for compiler, asks in COMPILERS.items():
        name = f"compiler {compiler}"
        if not all(word in name for word in words):
            continue
        if not run([sys.executable, "-c", asks])[0]:
            found.append(Row(name, "SKIPPED", "it is not installed here"))
        elif compiler == "wasm":
            test = [sys.executable, "-m", "pytest", "-q", "faust-tests/test_pages.py"]
            found.append(_tried(name, test))
        else:
            test = [sys.executable, "-m", "pytest", "-q", *PROGRAMS, "-k", compiler]
            found.append(_tried(name, test))
        print(found[-1], flush=True)
    return found


def _tried(name: str, command: list[str]) -> Row:
    done, line = run(command)
    # Nothing that matches is no proof of anything.
    if "no tests ran" in line or "deselected" in line.partition(" in ")[0].split(",")[0]:
        return Row(name, "SKIPPED", "there are no tests for it")
    return Row(name, "passed" if done else "FAILED", line)


def main() -> None:
    """Prints a line for each row, then how many there were of each outcome."""
    CACHE.mkdir(parents=True, exist_ok=True)
    found = rows(sys.argv[1:])
    counts = {
        kind: sum(row.outcome == kind for row in found) for kind in ("passed", "FAILED", "SKIPPED")
    }
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    sys.exit(1 if counts["FAILED"] or not found else 0)


if __name__ == "__main__":
    main()
