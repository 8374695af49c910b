"""What the processes of a test run share, so that nothing is compiled, proved or read twice.

    a cache        programs and proofs, in a folder that lasts as long as the run
    headers        the standard headers of C++ precompiled, which else take most of g++'s time
    a linker       gold, where there is one, is four times as quick as the default
    groups         tests that use the same programs run in one process

g++ is told by environment variables of its own, which reach every process that a test starts. The
headers are kept in `.cache/`. A run in which FAUSTDIFF_CACHE is set keeps that folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from faustdiff.faust.cache import CACHE_VARIABLE, digest
from faustdiff.faust.compilers import gpp_target, gpp_version
from faustdiff.faust.translation import FAST_FLAGS, PORTABLE_FLAG, QUICK_STANDARD
from faustdiff.proof import findings_store
from support.paths import ROOT

#: g++ uses precompiled headers in place of the first header that a text includes, if it was told
#: the same flags: the first one of `host.cpp` and of `batch.cpp`, and what they need in all.
HEADERS = {
    "cmath": ("cmath", "algorithm", "cstdint", "math.h"),
    "algorithm": (
        *("algorithm", "atomic", "cstdint", "cstring", "type_traits", "vector"),
        *("pthread.h", "cmath", "math.h"),
    ),
}
SHARED = pytest.StashKey[bool]()
LIBRARY = ("-fPIC", "-fvisibility=hidden")
FLAGS = {
    "cmath": (("-O0", PORTABLE_FLAG), ("-O1", PORTABLE_FLAG), FAST_FLAGS),
    "algorithm": (("-O0", PORTABLE_FLAG), ("-O1", PORTABLE_FLAG), FAST_FLAGS),
}


def share(config: pytest.Config) -> None:
    """Puts what is shared in the environment, once for a run and the workers that it starts."""
    if not config.pluginmanager.has_plugin(Groups.__name__):
        config.pluginmanager.register(Groups(), Groups.__name__)
    if "PYTEST_XDIST_WORKER" in os.environ or config.stash.get(SHARED, False):
        return
    config.stash[SHARED] = True
    shared = pytest.MonkeyPatch()
    config.add_cleanup(shared.undo)
    if CACHE_VARIABLE not in os.environ:
        known = findings_store.folder()
        cache = Path(tempfile.mkdtemp(prefix="faustdiff-run-"))
        config.add_cleanup(lambda: shutil.rmtree(cache, ignore_errors=True))
        # Proofs of the same rows by the same code are kept from run to run, as for users.
        with suppress(OSError):
            known.mkdir(parents=True, exist_ok=True)
            (cache / findings_store.DATABASE_FILE).symlink_to(known / findings_store.DATABASE_FILE)
        shared.setenv(CACHE_VARIABLE, str(cache))
    if shutil.which("g++") and "CPLUS_INCLUDE_PATH" not in os.environ:
        shared.setenv("CPLUS_INCLUDE_PATH", str(precompiled_headers()))
    if gold := shutil.which("ld.gold"):
        programs = Path(tempfile.mkdtemp(prefix="faustdiff-ld-"))
        config.add_cleanup(lambda: shutil.rmtree(programs, ignore_errors=True))
        (programs / "ld").symlink_to(gold)
        shared.setenv("COMPILER_PATH", str(programs))


class Groups:
    """Puts the group of each test in its name, by which a run on several processes distributes it.

    xdist does the same, but in an attribute that pytest no longer reads since 9.2: the tests of a
    group come to all processes, each of which makes what the group shares.
    """

    @staticmethod
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
        if not getattr(config.option, "loadgroup", False):
            return
        for item in items:
            mark = item.get_closest_marker("xdist_group")
            if mark and not item.nodeid.endswith(f"@{mark.args[0]}"):
                item._id = type(item._id).parse(f"{item.nodeid}@{mark.args[0]}")  # type: ignore[attr-defined]


def precompiled_headers() -> Path:
    """The folder of the headers, made where this g++ has none yet."""
    found = (
        ROOT
        / ".cache"
        / "headers"
        / digest(gpp_version(), gpp_target(), repr((FLAGS, HEADERS)))[:16]
    )
    for first, sets in FLAGS.items():
        if not (found / first).exists():
            found.mkdir(parents=True, exist_ok=True)
            # Where none of them can be used, g++ asks for the header itself in this place.
            (found / first).write_text(f"#include_next <{first}>\n", "utf-8")
        text = "".join(f"#include <{header}>\n" for header in HEADERS[first])
        for number, flags in enumerate(sets):
            path = found / f"{first}.gch" / str(number)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                precompile(text, flags, path)
    return found


def precompile(text: str, flags: tuple[str, ...], path: Path) -> None:
    """Writes the headers that `text` includes as g++ reads them with these flags."""
    # Not beside `path`: g++ tries every file there.
    with tempfile.TemporaryDirectory(dir=path.parent.parent) as work:
        header, made = Path(work, "headers.hpp"), Path(work, path.name)
        header.write_text(text, "utf-8")
        command = ["g++", *flags, QUICK_STANDARD, *LIBRARY, "-x", "c++-header", header, "-o", made]
        # Without them, all is as it was, only slower.
        if subprocess.run(command).returncode == 0:
            made.replace(path)
