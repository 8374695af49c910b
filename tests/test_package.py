"""A wheel carries everything: the command works from any folder, without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.exhaustive
def test_the_command_works_from_a_wheel_alone(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("faustdiff-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert (installed / "faustdiff" / "faust" / "host.cpp").exists()

    out = tmp_path / "out"
    # -I and -P would hide the folder too: only the checkout must be out of reach.
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = "import faustdiff, faustdiff.commands.main as c; print(faustdiff.__file__); c.main()"
    result = subprocess.run(
        [sys.executable, "-c", command, "build", "--out", str(out)],
        check=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.stdout.startswith(str(installed))
    for name in ("diff.lib", "reference.md", "primitives.schema.json"):
        assert (out / name).read_bytes() == (ROOT / "build" / name).read_bytes()
    assert not list(ROOT.glob("build/lib*"))
