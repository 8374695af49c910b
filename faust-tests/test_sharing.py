"""What a test run shares is used: headers that are read once, programs that are compiled once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from faustdiff.faust.cache import CACHE_VARIABLE, Entry
from faustdiff.faust.compilers import gpp
from faustdiff.faust.translation import HOST_FILES, QUICK_STANDARD
from support.sharing import FLAGS, LIBRARY

FOLDER = Path(os.environ.get("CPLUS_INCLUDE_PATH", ""))
SETS = [(first, flags) for first, sets in FLAGS.items() for flags in sets]


@pytest.mark.skipif(not any(FOLDER.glob("*.gch/*")), reason="this g++ precompiles no headers")
@pytest.mark.parametrize(("first", "flags"), SETS)
def test_a_host_takes_the_headers_that_are_precompiled(first: str, flags: tuple[str, ...]) -> None:
    (host,) = (path for path in HOST_FILES if _first_header(path) == first)
    command = [gpp(), *flags, QUICK_STANDARD, *LIBRARY, "-DFAUSTFLOAT=float", "-H", "-S", str(host)]
    told = subprocess.run(command, capture_output=True, text=True).stderr
    # g++ marks by '!' the precompiled header that it takes.
    assert f"! {FOLDER / first}.gch" in told


def _first_header(path: Path) -> str:
    text = path.read_text("utf-8")
    return text.partition("#include <")[2].partition(">")[0]


def test_a_program_of_a_run_is_kept_for_its_other_processes() -> None:
    entry = Entry.of(None, ".txt", "what is kept")
    assert entry.folder == Path(os.environ[CACHE_VARIABLE]).resolve()


@pytest.mark.xdist_group("sharing")
def test_a_group_is_in_the_name_by_which_tests_are_distributed(
    request: pytest.FixtureRequest,
) -> None:
    distributed = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@sharing") == distributed
