"""How much was drawn by fuzzing, and how many faults were survived; kept in docs/robustness.md.

    python -m benchmarks.robustness          FAUSTDIFF_FUZZ=20 draws twenty times as much

The tests are run, and what pytest and hypothesis say of them is counted; parsers are given what
atheris draws, where it is installed, for SECONDS times that factor. Ends with 1 if one failed.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import coverage_fuzz
from support.pages import between
from support.paths import ROOT

PAGE = ROOT / "docs" / "robustness.md"
KINDS = {
    "hostile tables, command lines, values, recordings": "tests/test_fuzz.py",
    "random programs": "faust-tests/test_fuzz_programs.py",
    "faults": "faust-tests/test_faults.py",
    "faults of every command": "faust-tests/test_faults_of_commands.py",
}
#: How long each parser is given what is led by coverage, times FAUSTDIFF_FUZZ.
SECONDS = 10
#: What hypothesis says of a test.
DRAWN = re.compile(r"(\d+) passing(?: examples)?, (\d+) failing")


def run(file: str) -> tuple[int, int, int]:
    """What a file of tests comes to: tests passed, tests not passed, inputs drawn."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "", file, f"--junitxml={report}"]
        done = subprocess.run(
            [*command, "--hypothesis-show-statistics"], cwd=ROOT, capture_output=True, text=True
        )
        if not report.exists():
            sys.exit(done.stdout + done.stderr)
        (suite,) = ElementTree.parse(report).getroot()
    wrong = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    skipped = int(suite.attrib["skipped"])
    drawn = sum(int(one) + int(other) for one, other in DRAWN.findall(done.stdout))
    return int(suite.attrib["tests"]) - wrong - skipped, wrong + skipped, drawn


def led_by_coverage(factor: int) -> Iterator[tuple[str, int, int, int]]:
    """The same of each parser: what it is, passed, not passed, inputs drawn."""
    if not coverage_fuzz.is_installed():
        print("SKIPPED: atheris is not installed; nothing was led by coverage")
        return
    for name, target in coverage_fuzz.TARGETS.items():
        runs, holds = coverage_fuzz.run(name, SECONDS * factor)
        yield f"by coverage: {target.what}, `tools/coverage_fuzz.py`", holds, not holds, runs


def main() -> None:
    """Prints the table and writes it into the page."""
    factor = int(os.environ.get("FAUSTDIFF_FUZZ", "1"))
    lines = ["| what | tests passed | not passed | inputs drawn |", "|---|---|---|---|"]
    failed = False
    by_tests = ((f"{kind}, `{file}`", *run(file)) for kind, file in KINDS.items())
    for what, passed, others, drawn in itertools.chain(by_tests, led_by_coverage(factor)):
        failed |= others > 0
        lines.append(f"| {what} | {passed:d} | {others:d} | {drawn or ''} |")
        print(lines[-1], flush=True)
    text = "\n".join([*lines, "", f"Drawn with FAUSTDIFF_FUZZ={factor}."])
    PAGE.write_text(between(PAGE.read_text("utf-8"), "figures", text), "utf-8")
    sys.exit(failed)


if __name__ == "__main__":
    main()
