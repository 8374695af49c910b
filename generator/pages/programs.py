"""What a page runs: a program that learns, or a plain one and its partials, as WebAssembly."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..autodiff.differentiate import DifferentiatedProgram, differentiate
from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler
from ..faust.names import places_of
from ..faust.wasm import WasmModule, to_wasm
from ..resources import resource
from ..signals.sliders import MARK, MARKED
from ..table.model import Table

#: The bargraph that every loss of the library shows, and the group in which `df.backprop` has it.
LOSS, LOSS_GROUP, METERS = "loss", "Loss/gradient", ("hbargraph", "vbargraph")
LIBRARY = "diff.lib"
#: The definition by which `df.backprop` multiplies its steps, and a slider in its place.
STEP_SCALE = re.compile(r"^step_scale = 1;$", re.MULTILINE)
RATE = 'step_scale = hslider("/learning rate factor[scale:log]", 1, 0.01, 100, 0.01);'


@dataclass(frozen=True)
class PageProgram:
    """The modules of a page.

    `kind` is "self" for a program that learns by itself, whose first output is its loss, and
    "sliders" for a plain one: the page then finds the sliders `sought`, by the module `partials`
    with the outputs of `differentiate`. Sliders are known by the indices of the module `program`;
    `pairs` has those of `partials` for them, and for all that both modules have.
    """

    kind: Literal["self", "sliders"]
    program: WasmModule
    partials: WasmModule | None = None
    sought: tuple[int, ...] = ()
    pairs: Mapping[int, int] = field(default_factory=dict)


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
    if _is_learning(widgets) and not chosen:
        _refuse_without_loss(program, file)
        return PageProgram("self", program)
    if not chosen and not any(_is_marked(widget) for widget in widgets):
        what = "nothing in the program shows that it learns"
        hint = (
            "use df.backprop, or show a bargraph 'loss' beside those of what learns, or write "
            "[diff:1] into the label of a slider that reaches an output, or choose sliders with "
            "--param NAME or --all"
        )
        raise InputError([Problem(Place(file), what, hint)])

    def dual_program(names: Sequence[str]) -> DifferentiatedProgram:
        return differentiate(
            source,
            params=names or None,
            all_continuous=all_continuous,
            compiler=compiler,
            include=_folders(include),
            table=table,
            file=file,
        )

    dual = dual_program(params)
    sought = _with_a_range(program, dual, file)
    if len(sought) < len(dual.params):
        dual = dual_program(list(sought))
    partials = to_wasm(dual.text, compiler=compiler)
    pairs = {
        int(widget["index"]): at
        for widget in widgets
        if (at := _index_in(partials, widget["address"])) is not None
    }
    return PageProgram("sliders", program, partials, tuple(sought.values()), pairs)


def _is_learning(widgets: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a program learns by itself, as far as its widgets tell; as in plan.js.

    That is so for `df.backprop`. Others, as networks layer by layer, show a loss and what they
    learn; a plain program may show anything, but marks the sliders that are sought.
    """
    meters = [widget for widget in widgets if widget["type"] in METERS]
    losses = [meter for meter in meters if meter["label"] == LOSS]
    if any(LOSS_GROUP in meter["groups"] for meter in losses):
        return True
    return 0 < len(losses) < len(meters) and not any(map(_is_marked, widgets))


def _with_a_range(program: WasmModule, dual: DifferentiatedProgram, file: str) -> dict[str, int]:
    """The sliders that can be sought, by their paths, with their indices; InputError if none can.

    The others have no value but one, or the compiler left them out: they reach no output.
    """
    indices = {}
    for param in dual.params:
        index = _index_in(program, param.path)
        if index is not None and param.min < param.max:
            indices[param.path] = index
    if not indices:
        what = "no chosen slider has values to choose from, and reaches an output"
        raise InputError([Problem(Place(file), what, "give a slider a minimum below its maximum")])
    return indices


@dataclass(frozen=True)
class _PageWidget:
    """A widget of a module, as `places_of` takes it."""

    label: str
    path: str


def _index_in(module: WasmModule, path: str) -> int | None:
    """The index by which a module has the widget of a path; None if it has none."""
    widgets = list(module.widgets())
    places = places_of(path, [_PageWidget(one["label"], one["address"]) for one in widgets])
    return int(widgets[places[0]]["index"]) if len(places) == 1 else None


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
