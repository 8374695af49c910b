"""What is released: wheel, sdist, diff.lib and manual page, made in dist/ and checked.

python tools/dist.py            makes and checks the files
python tools/dist.py --install  also installs the wheel into an empty environment, as a user
                                would, runs what the documentation says, and measures the size
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

from packaging.metadata import Metadata

from command_pages import commands, roff
from faustdiff import ROOMS, __version__

ROOT = Path(__file__).resolve().parent.parent
#: What the core may take, in megabytes, with all that it needs and the bytecode that pip makes.
LARGEST = 250
#: What the files themselves may take, in kilobytes.
LARGEST_WHEEL = 2000
#: Files of the package that are no modules of Python.
DATA = (
    "py.typed",
    "primitives.yaml",
    "build/diff.lib",
    "build/primitives.schema.json",
    "faust/host.cpp",
    "faust/faustwasm.mjs",
    "signals/core.lark",
    "templates/diff.lib",
    "templates/page/page.html.jinja",
    "templates/page/view.js",
    "templates/page/page.css",
)
#: Files of the sdist, beside the modules, without which no wheel can be made of it.
SOURCES = (
    "pyproject.toml",
    "setup.py",
    "LICENSE",
    "README.md",
    "primitives.yaml",
    "build/diff.lib",
    "build/primitives.schema.json",
    "templates/page/page.html.jinja",
)
#: What a shell asks for, to complete commands.
COMPLETION = "_FAUSTDIFF_COMPLETE"
#: What a new user does first; {home} has a program, and each line is to end well.
RECIPES = """
faustdiff --version
faustdiff check
faustdiff build --out {home}
faustdiff differentiate {home}/filter.dsp -o {home}/filter.diff.dsp
faustdiff verify {home}/filter.dsp
faustdiff train {home}/gain.dsp --params {home}/learned.json --seconds 2
faustdiff page {home}/gain.dsp -o {home}/gain.html
faustdiff page {home}/filter.dsp -o {home}/filter.html
"""
FILTER = """import("stdfaust.lib");
process = *(hslider("gain[diff:1]", 0.5, 0, 1, 0.01)) : fi.lowpass(1, 1000);
"""


def build(dist: Path) -> tuple[Path, Path]:
    """Wheel and sdist in a folder that is emptied first."""
    shutil.rmtree(dist, ignore_errors=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    return wheel, sdist


def add_files(dist: Path) -> None:
    """The library, the manual page, and sums of all files."""
    shutil.copy2(ROOT / "build" / "diff.lib", dist)
    (dist / "faustdiff.1").write_text(roff(), encoding="utf-8")
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(dist.iterdir())
    ]
    (dist / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def problems(dist: Path, wheel: Path, sdist: Path) -> list[str]:
    """What is wrong with the files, one line each."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"faustdiff-{__version__}.dist-info"
        if f"{info}/METADATA" not in names:
            return [f"{wheel.name} is not of version {__version__}"]
        metadata = archive.read(f"{info}/METADATA").decode("utf-8")
        entry = archive.read(f"{info}/entry_points.txt").decode("utf-8")
    modules = {f"faustdiff/{room}/__init__.py" for room in ROOMS}
    wanted = modules | {f"faustdiff/{name}" for name in DATA}
    found += [f"{wheel.name} lacks {name}" for name in sorted(wanted - names)]
    foreign = {name.partition("/")[0] for name in names} - {"faustdiff", info}
    found += [f"{wheel.name} has a folder of its own at the top: {name}" for name in foreign]
    if "faustdiff = faustdiff.__main__:run" not in entry:
        found.append(f"{wheel.name} does not install the command")
    found += _wrong_metadata(metadata)
    if wheel.stat().st_size > 1000 * LARGEST_WHEEL:
        found.append(f"{wheel.name} has more than {LARGEST_WHEEL} kB")
    with tarfile.open(sdist) as packed:
        packed_names = {name.partition("/")[2] for name in packed.getnames()}
    found += [f"{sdist.name} lacks {name}" for name in SOURCES if name not in packed_names]
    manual = (dist / "faustdiff.1").read_text("utf-8")
    for name, _, _ in commands():
        if f".SS faustdiff {name.replace('-', chr(92) + '-')} " not in manual:
            found.append(f"faustdiff.1 lacks {name}")
    library = (dist / "diff.lib").read_text("utf-8")
    if f'declare version "{__version__}";' not in library:
        found.append(f"diff.lib does not say that it is {__version__}")
    if not re.search(rf"^## {re.escape(__version__)}$", (ROOT / "CHANGELOG.md").read_text(), re.M):
        print(f"note: CHANGELOG.md has no heading for {__version__} yet", file=sys.stderr)
    return found


def _wrong_metadata(text: str) -> list[str]:
    found: Message = Parser().parsestr(text)
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as group:
        return [str(error) for error in group.exceptions]
    wrong = []
    if str(metadata.version) != __version__:
        wrong.append(f"the metadata are of version {metadata.version}")
    if not found.get_payload():
        wrong.append("the metadata have no description")
    return wrong


def install(wheel: Path) -> None:
    """Installs the wheel into an empty environment, runs the recipes, and prints the size."""
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        bin_ = home / "venv" / "bin"
        empty = _megabytes(home / "venv")
        pip = [bin_ / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", wheel], check=True)
        size = _megabytes(home / "venv") - empty
        print(f"{wheel.name} and what it needs: {size:.0f} MB")
        if size > LARGEST:
            sys.exit(f"more than {LARGEST} MB")
        shutil.copy2(ROOT / "examples" / "gain.dsp", home)
        (home / "filter.dsp").write_text(FILTER)
        for line in RECIPES.strip().splitlines():
            print(f"$ {line}")
            command, *arguments = shlex.split(line.format(home=home))
            subprocess.run([bin_ / command, *arguments], check=True, cwd=home)
        for shell in ("bash", "zsh", "fish"):
            environment = {**os.environ, COMPLETION: f"{shell}_source"}
            done = subprocess.run([bin_ / "faustdiff"], env=environment, capture_output=True)
            if done.returncode or COMPLETION.encode() not in done.stdout:
                sys.exit(f"no completion for {shell}")
        # An extra that is missing is named, not met with a traceback.
        done = subprocess.run([bin_ / "faustdiff", "fit", "-h"], capture_output=True, text=True)
        if done.returncode != 2 or "faustdiff[fit]" not in done.stderr:
            sys.exit(f"fit without its extra: {done.stdout}{done.stderr}")


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Makes dist/; the exit code says whether it can be released."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--install", action="store_true", help="try the wheel as a user would")
    dist = ROOT / "dist"
    given = parser.parse_args()
    wheel, sdist = build(dist)
    add_files(dist)
    found = problems(dist, wheel, sdist)
    if found:
        sys.exit("\n".join(found))
    for path in sorted(dist.iterdir()):
        print(f"{path.stat().st_size / 1000:8.0f} kB  {path.relative_to(ROOT)}")
    if given.install:
        install(wheel)


if __name__ == "__main__":
    main()
