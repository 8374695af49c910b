"""Breaks our own code in one place after another, and tells which tests notice.

    python -m benchmarks.mutants [--count N] [--seed S] [--only WORD]

Each mutant is one edit in a copy of the checkout: a comparison or an operator turned into another,
a number moved by one, a condition negated, a result dropped; in a template two wires exchanged, an
index or a sign. The tests named beside a file are run on it; of a template the library is built
first. What survives is listed; `EQUIVALENT` says of which it is known that they mean the same. The
table in docs/robustness.md is written by this script, after each file.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.pages import between
from support.paths import ROOT

PAGE = ROOT / "docs" / "robustness.md"
#: How long the tests of one mutant may take, in seconds; a mutant may hang.
TIMEOUT = 240

#: Tests of faults that are about programs of others.
CALLED = "a_faust_of_a_bad_kind or none or hangs or output or temporary"
LEARNT = "cyfaust and double"
TRANSPOSED = "memories_gates or sums_over_time or move_in_time or on_the_tape"
#: Files, and the tests that are to notice what is done to them.
TARGETS = {
    "generator/files.py": ["tests/test_files.py"],
    "generator/faust/calling.py": ["faust-tests/test_faults.py", "-k", CALLED],
    "generator/faust/cache.py": ["faust-tests/test_harness.py", "-k", "cache and faust"],
    "generator/library/printing.py": ["tests/test_printer.py"],
    "generator/table/expressions.py": ["tests/test_expressions.py", "tests/test_bad_tables.py"],
    "generator/signals/printing.py": ["tests/test_ahead_signals.py"],
    "generator/proof/borders.py": [
        "tests/test_known_wrong_rules.py",
        "tests/test_rules_of_all_kinds.py",
    ],
    "generator/autodiff/nodes.py": ["tests/test_nodes.py"],
    "generator/autodiff/transposition.py": [
        "faust-tests/test_reverse_programs.py",
        "-k",
        f"cyfaust and ({TRANSPOSED})",
    ],
    "templates/library/learning.lib": [
        "faust-tests/test_backprop.py",
        "faust-tests/test_learning.py",
        "-k",
        LEARNT,
    ],
}

#: Survivors that mean the same, by the line that they make; each with the reason.
EQUIVALENT = {
    'hasher.update(len(data).to_bytes(9, "little") + data)': "the width only has to be fixed",
    "if left <= 1 or not selector.select(left):": "a limit of time ends a second early",
    "if sum(1 for _ in ast.walk(tree)) >= MAX_NODES:": "the limit of a size is one less",
    "if raised >= MAX_EXPONENT:": "the limit of an exponent is one less",
    "parts = sum(self.parts.get((chain, argument), 2) for argument in node.args)": (
        "chains are cut at half their length"
    ),
    'if slope.is_finite() and abs(change) <= arb("1e-25") * (1 + abs(slope)):': (
        "no slope is as far from another as that, and no farther"
    ),
    "assert a is not None or b is not None": "it states what always holds",
}

COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="}
COMPARED |= {ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
CALCULATED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}
#: Of a template, in lines of Faust: what is found, and what takes its place.
WIRES = (
    (r"(?<=\w)\((\w+), (\w+)\)", r"(\2, \1)"),
    (r" \+ ", " - "),
    (r"\b1\b", "2"),
    (r"_, !", "!, _"),
)


@dataclass(frozen=True)
class Mutant:
    """One edit: the file, the line and what it becomes."""

    file: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before.strip()}  ->  {self.after.strip()}"


@dataclass(frozen=True)
class Tried:
    """How many mutants of a file were tried, and which survived."""

    count: int
    survivors: tuple[str, ...]


def mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of a file that is still a program."""
    text = (ROOT / file).read_text("utf-8")
    edits = _in_python(text) if file.endswith(".py") else _in_template(text)
    lines = text.splitlines(keepends=True)
    for line, start, end, new in edits:
        old = lines[line - 1]
        made = old[:start] + new + old[end:]
        changed = "".join([*lines[: line - 1], made, *lines[line:]])
        if made != old and (not file.endswith(".py") or _parses(changed)):
            yield Mutant(file, line, old, made, changed)


def _in_python(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Line, columns and new text; only what stands in one line."""
    for node in ast.walk(ast.parse(text)):
        if getattr(node, "lineno", 0) != getattr(node, "end_lineno", 0):
            continue
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = node.left, node.comparators[0]
            new = f" {COMPARED[type(node.ops[0])]} "
            yield node.lineno, left.end_col_offset or 0, right.col_offset, new
        elif isinstance(node, ast.BinOp) and type(node.op) in CALCULATED:
            new = f" {CALCULATED[type(node.op)]} "
            yield node.lineno, node.left.end_col_offset or 0, node.right.col_offset, new
        elif isinstance(node, ast.BoolOp):
            new = " or " if isinstance(node.op, ast.And) else " and "
            yield node.lineno, node.values[0].end_col_offset or 0, node.values[1].col_offset, new
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.lineno, node.col_offset, node.operand.col_offset, ""
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield node.lineno, node.col_offset, node.end_col_offset or 0, str(node.value + 1)
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node.lineno, node.col_offset, node.end_col_offset or 0, "return None"


def _in_template(text: str) -> Iterator[tuple[int, int, int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("//") or "{" in line:
            continue
        for pattern, new in WIRES:
            for match in re.finditer(pattern, line):
                yield number, match.start(), match.end(), match.expand(new)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def copied(folder: Path) -> Path:
    """A copy of the checkout, in which the package has its name."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "faustdiff").symlink_to("generator")
    return folder


def passes(folder: Path, tests: list[str], template: bool = False) -> bool:
    """Whether the tests hold in a copy; what is not done in time does not."""
    python = [sys.executable, "-m"]
    build = [*python, "faustdiff", "build", "--out", "build"]
    test = [*python, "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    for command in [build, test] if template else [test]:
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            return False
        if done.returncode:
            return False
    return True


def run(count: int, seed: int, only: str) -> Iterator[tuple[str, Tried]]:
    """What came of each file whose name has the word."""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        for file, tests in TARGETS.items():
            if only not in file:
                continue
            template = file.startswith("templates/")
            assert passes(folder, tests, template), (
                f"{file}: its tests do not hold before any change"
            )
            every = list(mutants(file))
            chosen = random.Random(seed).sample(every, min(count, len(every)))
            survivors = []
            for mutant in chosen:
                (folder / file).write_text(mutant.text, "utf-8")
                if passes(folder, tests, template) and mutant.after.strip() not in EQUIVALENT:
                    survivors.append(mutant)
                    print(f"survived: {mutant}", flush=True)
            shutil.copy2(ROOT / file, folder / file)
            print(f"{file}: {len(chosen) - len(survivors)} of {len(chosen)} noticed", flush=True)
            yield file, Tried(len(chosen), tuple(map(str, survivors)))


def known(page: str) -> dict[str, Tried]:
    """What the page says of each file."""
    rows = re.findall(r"^\| `(.+?)` \| (\d+) \| \d+ \| `.+?` \|$", page, re.M)
    return {
        file: Tried(int(count), tuple(re.findall(rf"^- `({re.escape(file)}:.+)`$", page, re.M)))
        for file, count in rows
        if file in TARGETS
    }


def table(found: Mapping[str, Tried], seed: int) -> str:
    """The table of the documentation, in the order of `TARGETS`."""
    lines = ["| file | mutants | noticed | tests |", "|---|---|---|---|"]
    tried = {file: found[file] for file in TARGETS if file in found}
    for file, one in tried.items():
        noticed = one.count - len(one.survivors)
        lines.append(f"| `{file}` | {one.count} | {noticed} | `{TARGETS[file][0]}` |")
    total = sum(one.count for one in tried.values())
    left = [survivor for one in tried.values() for survivor in one.survivors]
    lines += ["", f"{total - len(left)} of {total}, drawn with the seed {seed}. Not noticed:", ""]
    lines += [f"- `{survivor}`" for survivor in left] or ["- none"]
    return "\n".join(lines)


def main() -> None:
    """Reads the options, runs, and writes what came of each file to the page."""
    parser = argparse.ArgumentParser(description="Break the code; see which tests notice.")
    parser.add_argument("--count", type=int, default=12, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the name of the files")
    options = parser.parse_args()
    for file, tried in run(options.count, options.seed, options.only):
        # After each file: a run that is ended keeps what it found.
        text = PAGE.read_text("utf-8")
        found = known(text) | {file: tried}
        PAGE.write_text(between(text, "mutants", table(found, options.seed)), "utf-8")


if __name__ == "__main__":
    main()
