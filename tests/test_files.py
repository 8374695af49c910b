"""Files are written whole or not at all; links are followed, and devices stay devices."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from faustdiff import files
from faustdiff.errors import InputError
from faustdiff.files import is_stream, read_text, replacing, write_file
from faustdiff.library.rendering import write


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".new-*")]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "target"
    (tmp_path / "link").symlink_to(target)
    write_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    write_file(tmp_path / "link", "newer")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "newer"
    assert not leftovers(tmp_path)


def test_a_folder_of_files_follows_links(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "kept" / "a")
    write({"a": "one", "b": "two"}, tmp_path / "out")
    assert (tmp_path / "out" / "a").is_symlink()
    assert (tmp_path / "kept" / "a").read_text() == "one"
    assert (tmp_path / "out" / "b").read_text() == "two"


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="cannot be written: Too many levels of symbolic links"):
        write_file(tmp_path / "a", "text")
    assert (tmp_path / "a").is_symlink()
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("place", ["folder", "file/below", "missing/below"])
def test_where_no_file_can_be(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("as it was")
    with pytest.raises(InputError, match="cannot be written"):
        write_file(tmp_path / place, "text")
    assert (tmp_path / "file").read_text() == "as it was"
    assert not leftovers(tmp_path)


def device(folder: Path, name: str, minor: int) -> Path:
    """A device of the machine; for root, one of its own: code that is wrong would replace it."""
    path = Path("/dev", name)
    if not path.exists():
        pytest.skip(f"there is no {path}")
    if os.geteuid() == 0:
        path = folder / name
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
            path.open("r").close()
        except OSError:
            pytest.skip("devices cannot be made here")
    return path


def test_a_device_is_written_and_stays_one(tmp_path: Path) -> None:
    null, full = device(tmp_path, "null", 3), device(tmp_path, "full", 7)
    write_file(null, "text")
    with pytest.raises(InputError, match=f"{full}: cannot be written: No space left on device"):
        write_file(full, "text")
    for one in (null, full):
        assert stat.S_ISCHR(one.stat().st_mode)


def test_a_pipe_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, "through it")
    reader.join(10)
    assert found == [b"through it"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


SCRIPT = """
from pathlib import Path
from faustdiff.files import write_file
print("before")
write_file(Path("/dev/stdout"), "content ")
print("after")
"""


@pytest.mark.parametrize("redirected", [False, True])
def test_the_standard_output_is_written_in_its_order(tmp_path: Path, redirected: bool) -> None:
    """A pipe, and a file that the shell has opened: what is printed later does not cover it."""
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            stdout=out if redirected else subprocess.PIPE,
            text=True,
            check=True,
        )
    text = (tmp_path / "out").read_text() if redirected else done.stdout
    assert text == "before\ncontent after\n"


def test_the_permissions_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_text("old")
    path.chmod(0o600)
    write_file(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mask = os.umask(0o027)
    try:
        write_file(tmp_path / "fresh", "new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640
    mask = os.umask(0)
    try:
        write_file(tmp_path / "open", "new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o666


def test_what_is_a_stream(tmp_path: Path) -> None:
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "nothing")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert not is_stream(tmp_path / "circle")
    script = "from pathlib import Path; from faustdiff.files import is_stream as s; import sys;"
    script += "sys.exit(not (s(Path('/dev/stdout')) and s(Path('/dev/stderr'))))"
    subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("as it was")
    with pytest.raises(KeyboardInterrupt), replacing(path) as new:
        new.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "as it was"
    assert not leftovers(tmp_path)


def test_no_more_is_read_than_makes_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="/dev/zero: has more than 256 MB"):
        read_text(Path("/dev/zero"), "Faust program")
    monkeypatch.setattr(files, "MAX_TEXT_BYTES", 3)
    (tmp_path / "text").write_text("abc")
    assert read_text(tmp_path / "text", "Faust program") == "abc"
    (tmp_path / "text").write_text("abcd")
    with pytest.raises(InputError, match="name a Faust program"):
        read_text(tmp_path / "text", "Faust program")


@pytest.mark.parametrize(
    ("content", "text"), [(b"a\xff", r"is not UTF-8 \(byte 1\)"), (None, "cannot be read: No such")]
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None, text: str) -> None:
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    with pytest.raises(InputError, match=text):
        read_text(tmp_path / "text", "Faust program")
