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
from faustdiff.table.loading import parse_yaml
from faustdiff.table.modelling import model

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
    report = check(model(parse_yaml(WRONG, "tables/my, own.yaml")))
    error, summary = reports.as_github(report).splitlines()
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


def run(command: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it, `bash -e`, with `faustdiff` the one under test."""
    command = re.sub(r"^faustdiff ", f"{sys.executable} -m faustdiff ", command, flags=re.M)
    environment = {
        **os.environ,
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **given,
    }
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )


def steps(command: str, repository: Path, **given: str) -> list[subprocess.CompletedProcess[str]]:
    """What the action of this repository does for a command, but for the installation."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    inputs = {name: one["default"] for name, one in action["inputs"].items()}
    inputs |= {"command": command, **given}
    done = []
    for step in action["runs"]["steps"]:
        if step.get("if") == f"inputs.command == '{command}'":
            environment = {
                name: inputs["base"] or "origin/main"
                if name == "BASE"
                else inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")]
                for name, text in step["env"].items()
            }
            done.append(run(step["run"], repository, **environment))
    return done


def test_the_steps_of_the_workflow(repository: Path) -> None:
    workflow = yaml.safe_load((ROOT / "docs/ci/workflow.yml").read_text("utf-8"))
    used = [s["with"] for s in workflow["jobs"]["rules"]["steps"] if "faustdiff" in s["uses"]]
    proving, telling = used
    assert [done.returncode for done in steps("diff", repository, extend=telling["extend"])] == [0]
    assert "no differences" in (repository / "summary.md").read_text()
    (repository / "my.yaml").write_text(WRONG)
    assert [done.returncode for done in steps("diff", repository, extend=telling["extend"])] == [0]
    assert "softsign" in (repository / "summary.md").read_text()
    (proved,) = steps("check", repository, extend=proving["extend"])
    assert proved.returncode == 1
    assert "::error file=my.yaml,line=" in proved.stdout
    assert telling["command"] == "diff" and "command" not in proving


def test_the_action_installs_its_own_revision() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    (install,) = (s["run"] for s in action["runs"]["steps"] if s.get("name") == "Install")
    assert install.endswith('install --quiet "$GITHUB_ACTION_PATH"')


def test_a_base_that_is_missing_fails_the_step(repository: Path) -> None:
    (done,) = steps("diff", repository, extend="my.yaml", base="nowhere")
    assert done.returncode == 1 and "nowhere" in done.stderr


def test_the_hook_runs_what_it_says(repository: Path) -> None:
    (offered,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    copied = yaml.safe_load((ROOT / "docs/ci/pre-commit-config.yaml").read_text("utf-8"))
    (hook,) = copied["repos"][0]["hooks"]
    assert hook["id"] == offered["id"]
    assert re.search(hook["files"], "my.yaml") and re.search(offered["files"], "my.yaml")
    assert hook["args"] == ["--extend", "my.yaml"]
    # In the place of the built-in table, the rows of one's own are proved at once.
    command = f"{offered['entry']} --table my.yaml"
    assert run(command, repository).returncode == 0
    (repository / "my.yaml").write_text(WRONG)
    assert run(command, repository).returncode == 1
