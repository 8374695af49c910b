"""A Faust program to a WebAssembly module, for pages.

The command `faust` makes modules; the compiler inside the wheel `cyfaust` does not. In its place
there is `@grame/faustwasm`, an npm package: the same compiler as a WebAssembly module itself, which
Node runs. It is given the program expanded, so that it needs no file of this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .calling import COMPILER_TIMEOUT, CompilerMissingError, as_text, call, read_answer
from .compilers import Compiler, EmbeddedFaust

#: The compiler for Node, and the file of it that is looked for.
NPM_PACKAGE = "@grame/faustwasm"
_FAUST = "install the command 'faust' ('apt-get install faust'), or"
_NODE = f"Node with the package {NPM_PACKAGE} ('npm install {NPM_PACKAGE}' in the current folder)"
INSTALL_NPM_PACKAGE = f"{_FAUST} {_NODE}"
#: Where there is no compiler at all; of the wheel comes no WebAssembly, but what Node is given.
INSTALL_FOR_WASM = f"{_FAUST} the wheel ('pip install cyfaust') and {_NODE}"
#: The section of a module that holds its data: here the description, with paths of this machine.
DATA_SECTION = 11
#: What of the description a page needs; the rest is about the machine that compiled it.
PAGE_FIELDS = ("name", "inputs", "outputs", "size", "ui")
_JSON = re.compile(r"return '(.*)';\n\}", re.DOTALL)


@dataclass(frozen=True)
class WasmModule:
    """A program as WebAssembly: `code` computes in double precision and keeps its own memory.

    `description` has its "name", "inputs", "outputs", the "size" of its state in bytes, and "ui",
    the groups and widgets as Faust describes them.
    """

    code: bytes
    description: Mapping[str, Any]

    def widgets(self) -> Iterator[Mapping[str, Any]]:
        """Each widget, in order, with "groups", the labels of the groups around it."""
        yield from _widgets(self.description["ui"])


def to_wasm(
    source: str,
    *,
    compiler: Compiler,
    include: Sequence[Path] = (),
    timeout: float = COMPILER_TIMEOUT,
) -> WasmModule:
    """The module of the Faust program `source`; parameters as for `Compiler.to_cpp`.

    Raises FaustError with the compiler's message, or with what to install.
    """
    if isinstance(compiler, EmbeddedFaust):
        node, package = _node_and_package(source)  # before what may take long
        expanded = compiler.expand(source, include=include, timeout=timeout)
        code, text = _by_node(node, package, expanded, timeout)
    else:
        code, script = compiler.to_wasm(source, include=include, timeout=timeout)
        match = _JSON.search(script)
        assert match, "the script beside a module returns its description"
        text = match[1].replace("\\'", "'")
    description = json.loads(text)
    return WasmModule(without_data(code), {key: description[key] for key in PAGE_FIELDS})


def without_data(code: bytes) -> bytes:
    """A module without its data section, which the program does not read.

    Layout: "Modules" in the binary format of the WebAssembly specification.
    """
    header = 8
    kept, at = [code[:header]], header
    while at < len(code):
        length, start = _leb128(code, at + 1)
        if code[at] != DATA_SECTION:
            kept.append(code[at : start + length])
        at = start + length
    return b"".join(kept)


def faustwasm() -> Path | None:
    """The folder of the npm package: of the current folder or one above it, or a global one."""
    here = Path.cwd()
    places = [folder / "node_modules" for folder in (here, *here.parents)]
    places += [Path(entry) for entry in os.environ.get("NODE_PATH", "").split(os.pathsep) if entry]
    places += [Path("/usr/local/lib/node_modules"), Path("/usr/lib/node_modules")]
    folders = (place / NPM_PACKAGE for place in places)
    return next((path for path in folders if (path / "package.json").is_file()), None)


def _node_and_package(source: str) -> tuple[str, Path]:
    node, package = shutil.which("node"), faustwasm()
    if node is None or package is None:
        what = "no compiler to WebAssembly found" if node else "no Node to compile to WebAssembly"
        raise CompilerMissingError(what, INSTALL_NPM_PACKAGE, "faustwasm", source)
    return node, package


def _by_node(node: str, package: Path, expanded: str, timeout: float) -> tuple[bytes, str]:
    """The module and its description, from a program without imports."""
    with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
        work = Path(folder)
        (work / "program.dsp").write_text(expanded, encoding="utf-8")
        # What the compiler leaves on the stack of Node grows with the depth of the program.
        command = [node, "--stack-size=3900", str(Path(__file__).with_name("faustwasm.mjs"))]
        call(
            [*command, str(package)],
            cwd=work,
            compiler="faustwasm",
            source=expanded,
            timeout=timeout,
        )
        code, text = (
            read_answer(work / name, "faustwasm", expanded)
            for name in ("result.wasm", "result.json")
        )
        return code, as_text(text, "faustwasm", expanded)


def _leb128(code: bytes, at: int) -> tuple[int, int]:
    """An unsigned number in LEB128 at a place, and the place behind it."""
    value = shift = 0
    while True:
        byte = code[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _widgets(
    items: Sequence[Mapping[str, Any]], groups: tuple[str, ...] = ()
) -> Iterator[Mapping[str, Any]]:
    for item in items:
        if "items" in item:
            yield from _widgets(item["items"], (*groups, item["label"]))
        else:
            yield {**item, "groups": groups}
