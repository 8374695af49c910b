"""What a page runs: a program that learns, or a plain one and its partials, as WebAssembly."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..autodiff.differentiate import differentiate
from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler
from ..faust.wasm import WasmModule, to_wasm
from ..resources import resource
from ..signals.sliders import MARK, MARKED
from ..table.model import Table

#: The bargraph that every loss of the library shows, by which a program is known to learn.
LOSS, METERS = "loss", ("hbargraph", "vbargraph")
LIBRARY = "diff.lib"
#: The definition by which `df.backprop` multiplies its steps, and a slider in its place.
STEP_SCALE = re.compile(r"^step_scale = 1;$", re.MULTILINE)
RATE = 'step_scale = hslider("/learning rate factor[scale:log]", 1, 0.01, 100, 0.01);'


@dataclass(frozen=True)
class PageProgram:
    """The modules of a page.

    `kind` is "self" for a program that learns by itself, whose first output is its loss, and
    "sliders" for a plain one: the page then finds the sliders `paths`, by the module `partials`
    with the outputs of `differentiate`.
    """

    kind: Literal["self", "sliders"]
    program: WasmModule
    partials: WasmModule | None = None
    paths: tuple[str, ...] = ()


def page_program(
    source: str,
    *,
    compiler: Compiler,
    params: Sequence[str] = (),
    all_continuous: bool = False,
    include: Sequence[Path] = (),
    table: Table | None = None,
    file: str,
) -> PageProgram:
    """The modules for the Faust program `source`; `params` and the rest as for `differentiate`.

    Where no folder of `include` has a `diff.lib`, it is that of the package. Raises FaustError with
    the compiler's message, and InputError for a program in which nothing learns.
    """
    with library_with_rate(include) as folders:
        program = to_wasm(source, compiler=compiler, include=folders)
    widgets = list(program.widgets())
    chosen = bool(params) or all_continuous
    learning = any(w["type"] in METERS and w["label"] == LOSS for w in widgets)
    if learning and not chosen:
        _refuse_without_loss(program, file)
        return PageProgram("self", program)
    if not chosen and not any(_is_marked(widget) for widget in widgets):
        what = "nothing in the program learns"
        hint = (
            "use df.backprop, or write [diff:1] into the label of a slider, "
            "or choose sliders with --param NAME or --all"
        )
        raise InputError([Problem(Place(file), what, hint)])
    done = differentiate(
        source,
        params=params or None,
        all_continuous=all_continuous,
        compiler=compiler,
        include=_folders(include),
        table=table,
        file=file,
    )
    partials = to_wasm(done.text, compiler=compiler)
    paths = tuple(param.path for param in done.params)
    return PageProgram("sliders", program, partials, paths)


@contextmanager
def library_with_rate(include: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """The folders for imports, the last with a `diff.lib` that has a slider for the rate.

    A library without the definition, as of an earlier version, is left as it is.
    """
    folders = _folders(include)
    library = next(folder / LIBRARY for folder in reversed(folders) if (folder / LIBRARY).is_file())
    text, count = STEP_SCALE.subn(RATE, library.read_text(encoding="utf-8"))
    if not count:
        yield folders
        return
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
        (Path(folder) / LIBRARY).write_text(text, encoding="utf-8")
        yield (*folders, Path(folder))


def _folders(include: Sequence[Path]) -> tuple[Path, ...]:
    """The folders for imports, that of the package's library among them.

    Of a file that several folders have, the compilers take that of the last.
    """
    return (resource("build"), *include)


def _is_marked(widget: Mapping[str, Any]) -> bool:
    meta = {key: value for entry in widget.get("meta", ()) for key, value in entry.items()}
    return str(meta.get(MARK, "")).strip() in MARKED


def _refuse_without_loss(program: WasmModule, file: str) -> None:
    if program.description["outputs"] < 1:
        hint = "let the first output be the loss, as that of df.backprop is"
        raise InputError([Problem(Place(file), "the program has no output", hint)])
