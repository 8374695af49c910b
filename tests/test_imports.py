"""Which files a program may read, so that what was compiled of others is not taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from faustdiff.faust.imports import MAX_SOURCE, imported


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Libraries that name each other, inside the folder of a program and beside it."""
    files = {
        "program/own.lib": 'b = library("../beside/b.lib"); own = 1;',
        "program/other.lib": "other = 2;",
        "beside/b.lib": 'import("c.lib"); f = ffunction(float f(float), "f.h", "");',
        "beside/c.lib": "c = 3;",
        "program/f.h": "#include <deep/g.h>",
        "program/deep/g.h": "// g",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def names(text: str, *folders: Path) -> list[str]:
    return list(imported(text, folders))[::2]


def test_what_is_named_is_read_and_what_it_names(project: Path) -> None:
    found = names('import("own.lib"); process = 1;', project / "program")
    assert found == ["own.lib", "../beside/b.lib", "c.lib", "f.h", "deep/g.h"]


def test_a_whole_path_and_two_places_of_a_name(project: Path) -> None:
    assert names(f'library("{project}/beside/c.lib")') == [f"{project}/beside/c.lib"]
    (project / "beside" / "own.lib").write_text("own = 4;")
    folders = project / "program", project / "beside"
    first = list(imported('library("own.lib")', folders))
    assert first.count("own.lib") == 2
    (project / "beside" / "own.lib").write_text("own = 5;")
    assert list(imported('library("own.lib")', folders)) != first


def test_loops_folders_and_names_of_nothing(project: Path) -> None:
    loop = project / "program" / "own.lib"
    loop.write_text('import("own.lib"); import("deep"); import("none.lib"); x = "\\0";')
    text = f'import("own.lib"); import("{"a" * 5000}"); import("."); import("\0");'
    assert names(text, project / "program", project / "none") == ["own.lib"]


def test_a_recording_is_known_by_its_size_and_time(project: Path) -> None:
    with (project / "program" / "large.wav").open("wb") as file:
        file.truncate(MAX_SOURCE + 1)
    _, content = imported('soundfile("large.wav", 1)', [project / "program"])
    assert content.startswith(f"{MAX_SOURCE + 1} ")
