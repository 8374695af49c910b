"""The recipe for a CI: its commands run, and say what the documentation promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from faustdiff.commands import reports
from faustdiff.proof.checking import check
from faustdiff.table.loading import parse
from faustdiff.table.model import model

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[1]
OWN = """
primitives:
- name: softsign
  faust: my_softsign
  section: Own
  kind: smooth
  args: [x]
  value: x / (1 + x**2)
  partials: {x: (1 - x**2) / (1 + x**2)**2}
  samples: {x: [-5, 5]}
  summary: A soft sign.
"""
WRONG = OWN.replace("(1 - x**2)", "(1 + x**2)")


def test_github_annotations_name_file_line_and_point() -> None:
    report = check(model(parse(WRONG, "tables/my, own.yaml")))
    error, summary = reports.github(report).splitlines()
    line = WRONG.splitlines().index("  partials: {x: (1 + x**2) / (1 + x**2)**2}") + 1
    assert error.startswith(f"::error file=tables/my%2C own.yaml,line={line},col=")
    assert re.search(r"::row 'softsign', argument x: .*%0A  at x=.*: expected .*, stated ", error)
    assert summary == "1 rows, 1 findings, 1 failed"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a table of its own on a branch that `origin/main` names."""
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    (tmp_path / "my.yaml").write_text(OWN)
    for command in (
        ["init", "-q"],
        ["add", "my.yaml"],
        ["commit", "-q", "-m", "A table"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *identity, *command], check=True, cwd=tmp_path)
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it, `bash -e`, with `faustdiff` the one under test."""
    command = re.sub(r"^faustdiff ", f"{sys.executable} -m faustdiff ", command)
    environment = {
        **os.environ,
        "TABLE": "my.yaml",
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_steps_of_the_workflow(repository: Path) -> None:
    workflow = yaml.safe_load((ROOT / "docs/ci/workflow.yml").read_text("utf-8"))
    steps = {s["name"]: s["run"] for s in workflow["jobs"]["rules"]["steps"] if "run" in s}
    say = steps["Say what changed"]
    assert run(say, repository).returncode == 0
    assert "no differences" in (repository / "summary.md").read_text()
    (repository / "my.yaml").write_text(WRONG)
    assert run(say, repository).returncode == 0
    assert "softsign" in (repository / "summary.md").read_text()
    proved = run(steps["Prove every rule"], repository)
    assert proved.returncode == 1
    assert "::error file=my.yaml,line=" in proved.stdout


@pytest.mark.parametrize("config", ["docs/ci/pre-commit-config.yaml", ".pre-commit-hooks.yaml"])
def test_the_hook_runs_what_it_says(repository: Path, config: str) -> None:
    content = yaml.safe_load((ROOT / config).read_text("utf-8"))
    hook = content[0] if isinstance(content, list) else content["repos"][0]["hooks"][0]
    assert re.search(hook["files"], "my.yaml")
    (repository / "small.yaml").write_text(OWN)
    command = hook["entry"].replace("--extend my.yaml", "--table small.yaml")
    command += "" if "--table" in command else " --table small.yaml"
    assert run(command, repository).returncode == 0
    (repository / "small.yaml").write_text(WRONG)
    assert run(command, repository).returncode == 1
