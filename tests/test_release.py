"""What is released: one version, whole files, and a workflow whose steps run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import command_pages
import dist
import faustdiff
from faustdiff.commands import main
from faustdiff.extras import EXTRAS, naming_extras
from support.paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))


def test_one_place_states_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    library = (ROOT / "build" / "diff.lib").read_text("utf-8")
    assert citation["version"] == faustdiff.__version__
    assert f'declare version "{faustdiff.__version__}";' in library
    # By semantic versioning: three numbers, and what comes before a release.
    assert re.fullmatch(r"\d+\.\d+\.\d+(-?(a|b|rc)\d+)?", faustdiff.__version__)


def steps() -> Iterator[str]:
    """What the workflow runs, but for what it fetches and publishes."""
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            if "run" in step and not re.match(r"sudo apt-get|gh release|make|mkdir", step["run"]):
                yield (
                    step["run"]
                    .replace("python3 ", "python ")
                    .replace("python ", f"{sys.executable} ")
                )


@pytest.mark.parametrize(("tag", "status"), [(faustdiff.__version__, 0), ("9.9.9", 1)])
def test_the_tag_has_to_be_the_version(tag: str, status: int) -> None:
    (check,) = (step for step in steps() if "GITHUB_REF_NAME" in step)
    environment = {**os.environ, "GITHUB_REF_NAME": f"v{tag}"}
    assert subprocess.run(["bash", "-ec", check], cwd=ROOT, env=environment).returncode == status


def test_what_the_workflow_makes_is_made_here() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    called = [s["run"] for job in WORKFLOW["jobs"].values() for s in job["steps"] if "run" in s]
    targets = [run.removeprefix("make ") for run in called if run.startswith("make ")]
    assert targets == ["audit", "dist", "try-dist"]
    assert all(re.search(rf"^{target}: ", makefile, re.M) for target in targets)


@pytest.mark.exhaustive
def test_the_files_of_a_release_are_whole(tmp_path: Path) -> None:
    wheel, sdist = dist.build(tmp_path / "dist")
    dist.add_files(wheel.parent)
    assert dist.problems(wheel.parent, wheel, sdist) == []
    names = {path.name for path in wheel.parent.iterdir()}
    assert names == {"SHA256SUMS", "diff.lib", "faustdiff.1", sdist.name, wheel.name}
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=wheel.parent, check=True)
    # What is missing, or of another version, is told.
    (wheel.parent / "diff.lib").write_text("")
    assert dist.problems(wheel.parent, wheel, sdist) != []


def test_the_manual_has_every_command_and_option() -> None:
    manual = command_pages.roff()
    site = command_pages.markdown()
    for name, command, _ in command_pages.commands():
        escaped = name.replace("-", "\\-")
        assert f".SS faustdiff {escaped}" in manual
        assert f"## {name} {{ #{name} }}" in site
        for option, meaning in command_pages.options(command):
            assert f"`{option}`".replace("|", "\\|") in site, option
            assert meaning
    assert "\b" not in manual + site


@pytest.mark.parametrize(
    ("module", "extra"), [("scipy.optimize", "fit"), ("matplotlib", "plots"), ("torch", "torch")]
)
def test_an_extra_that_is_missing_is_named(
    module: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main._refuse_without(module, ModuleNotFoundError(name=module))
    assert end.value.code == 2
    assert f"pip install 'faustdiff[{extra}]'" in capsys.readouterr().err


def test_a_function_names_the_extra_that_is_missing() -> None:
    @naming_extras
    def fold(module: str) -> None:
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)

    with pytest.raises(ModuleNotFoundError, match=r"fold needs .*pip install 'faustdiff\[fit\]'"):
        fold("scipy.sparse")
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'"):
        fold("nowhere")


def test_every_extra_is_known() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    install = (ROOT / "docs/install.md").read_text("utf-8")
    for extra in set(extras) - {"dev", "docs"}:
        assert f"`faustdiff[{extra}]`" in install
        for requirement in extras[extra]:
            (name,) = re.findall(r"^[\w-]+", requirement)
            if name != "faustdiff":
                assert EXTRAS[name] in extras, f"{name} of [{extra}]"


def test_any_other_missing_module_is_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError):
        main._refuse_without("nowhere", ModuleNotFoundError(name="nowhere"))


def test_fit_is_refused_from_the_start_without_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main.main(["fit", "a.dsp"], prog_name="faustdiff")
    assert end.value.code == 2
    assert "faustdiff[fit]" in capsys.readouterr().err
