"""OLD and NEW as the user names them: a file, or `REV:PATH` in a git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from ..errors import InputError, Place, Problem
from ..table.loading import decode, display_path, read_bytes

Form = Literal["table", "library"]

FORM_BY_SUFFIX: dict[str, Form] = {".yaml": "table", ".yml": "table", ".lib": "library"}
GIT_TIMEOUT = 60.0


@dataclass(frozen=True)
class Document:
    """A text to compare: the name for messages, the name of the file, and what kind it is."""

    name: str
    file: str
    form: Form
    text: str


def fetch_document(name: str) -> Document:
    """The text that `name` stands for.

    A file that exists is taken as it is; otherwise `REV:PATH` is what git has for it, with PATH
    from the top of the repository, or from here if it starts with `./`. An empty REV is the index.
    Raises `InputError` for everything that cannot be read.
    """
    revision, colon, path = name.partition(":")
    if not colon or Path(name).exists():
        file = Path(name)
        form = _form(name, file.name)
        shown = display_path(file)
        return Document(shown, file.name, form, decode(read_bytes(file, shown), shown))
    form = _form(name, Path(path).name)
    content = _from_git(name, revision, path)
    return Document(name, Path(path).name, form, decode(content, name))


def _form(name: str, file: str) -> Form:
    form = FORM_BY_SUFFIX.get(Path(file).suffix.lower())
    if form is None:
        _refuse(
            name, "is neither a table (.yaml) nor a library (.lib)", "name a file of one of the two"
        )
    return form


def _from_git(name: str, revision: str, path: str) -> bytes:
    if not path:
        _refuse(name, "names a revision and no file", "write REV:PATH, as in HEAD~1:rules.yaml")
    if _git("rev-parse", "--git-dir").returncode:
        what = f"there is no file '{name}', and this is not a git repository"
        _refuse(name, what, "go into the repository, or name a file")
    if revision:
        commit = f"{revision}^{{tree}}"
        if _git("rev-parse", "--verify", "--quiet", "--end-of-options", commit).returncode:
            hint = "name a branch, a tag or a commit; 'git log --oneline' lists them"
            _refuse(name, f"there is no revision '{revision}'", hint)
    shown = _git("cat-file", "blob", f"{revision}:{path}")
    if shown.returncode:
        where = f"the revision '{revision}'" if revision else "the index"
        _refuse(name, f"{where} has no file '{path}'", _nearest(revision, path))
    return shown.stdout


def _nearest(revision: str, path: str) -> str:
    """The hint for a path that git does not have: the same file from here, if there is one."""
    here = _git("cat-file", "-e", f"{revision}:./{path}")
    if here.returncode == 0:
        return f"paths start at the top of the repository; from here it is {revision}:./{path}"
    return f"'git ls-tree -r --name-only {revision or 'HEAD'}' lists the files"


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What git answers, in any language of the user's: only its status and its output are read."""
    executable = shutil.which("git")
    if executable is None:
        _refuse("git", "is not installed", "install git, or name two files")
    return subprocess.run(
        [executable, "--no-pager", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=GIT_TIMEOUT,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )


def _refuse(name: str, what: str, hint: str) -> NoReturn:
    raise InputError([Problem(Place(name), what, hint)])
