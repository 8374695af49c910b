"""The rooms of the package: none imports one above it, and one alone starts processes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faustdiff

PACKAGE = Path(faustdiff.__file__).parent
#: Modules beside the rooms: the ground that all of them stand on, and the way in at the top.
GROUND = {"deferred", "drawing", "errors", "extras", "files", "recordings", "resources"}
TOP = {"__init__", "__main__", "api"}
ROOT = Path(__file__).resolve().parent.parent
#: Pages that say where things are.
PAGES = [
    *(ROOT / "docs" / name for name in ("design.md", "autodiff.md", "in-faust.md", "verdicts.md")),
    ROOT / "CONTRIBUTING.md",
]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def height(module: str) -> int:
    """How high a room, or a module beside the rooms, stands."""
    if module in GROUND:
        return -1
    return len(faustdiff.ROOMS) if module in TOP else faustdiff.ROOMS.index(module)


def imported(path: Path) -> Iterator[str]:
    """The rooms and modules of the package that a module imports, also inside a function."""
    folders = path.parts[:-1]
    for node in ast.walk(ast.parse((PACKAGE / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [name.name.split(".") for name in node.names]
            yield from (name[1] for name in found if name[0] == "faustdiff" and len(name) > 1)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = folders[: len(folders) - (node.level - 1)]
            steps = [*base, *(node.module.split(".") if node.module else [])]
            yield from [steps[0]] if steps else (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("faustdiff"):
            steps = (node.module or "").split(".")[1:]
            yield from [steps[0]] if steps else (name.name for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_room_imports_one_above_it(path: Path) -> None:
    own = path.parts[0] if len(path.parts) > 1 else path.stem
    for other in imported(path):
        if not other.startswith("__"):
            assert height(other) <= height(own), f"{path} imports {other}"


def test_every_folder_is_a_room() -> None:
    folders = {path.parts[0] for path in MODULES if len(path.parts) > 1}
    assert folders == set(faustdiff.ROOMS)


@pytest.mark.parametrize("file", [PACKAGE / "__init__.py", ROOT / "README.md"], ids=str)
def test_ten_lines_show_every_room(file: Path) -> None:
    rows = re.findall(r"^ *((?:\w+/ )+) +\S.* -> .*$", file.read_text("utf-8"), re.M)
    assert len(rows) == 10
    assert tuple(" ".join(rows).replace("/", "").split()) == faustdiff.ROOMS


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_the_faust_room_starts_processes(path: Path) -> None:
    tree = ast.parse((PACKAGE / path).read_text("utf-8"))
    names = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    # `comparison/sources.py` asks git for files of other revisions.
    allowed = path.parts[0] == "faust" or path.as_posix() == "comparison/sources.py"
    assert allowed or "subprocess" not in names


def test_no_module_is_longer_than_450_lines() -> None:
    found = {p.as_posix() for p in MODULES if len(_text(p).splitlines()) > 450}
    assert not found, "make two modules of these"


def test_no_function_is_longer_than_60_lines() -> None:
    """Decorators do not count: the options of a command are a list."""
    found = {
        (path.as_posix(), node.name)
        for path in MODULES
        for node in ast.walk(ast.parse(_text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= 60
    }
    assert not found, "make two functions of these"


def _text(path: Path) -> str:
    return (PACKAGE / path).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_modules_that_pages_for_contributors_name_exist(page: Path) -> None:
    rooms = "|".join(faustdiff.ROOMS)
    text = page.read_text("utf-8")
    for name in re.findall(rf"`(?:generator/)?((?:{rooms})/[a-z_/]+)(?:\.py)?`", text):
        # A recipe calls what is not there yet `a_b`, and templates have a folder `library`, too.
        found = (PACKAGE / f"{name}.py", ROOT / "templates" / f"{name}.lib")
        assert any(path.exists() for path in found) or name.endswith("/a_b"), f"{page}: {name}"
