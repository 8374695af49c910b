"""What the site has beside its pages: programs that learn, the playground and its compiler.

The compiler in WebAssembly comes from the npm package `@grame/faustwasm` (`npm install`); it is
copied into the site, and never into this repository: libfaust is under LGPL-2.1.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.wasm import faustwasm
from faustdiff.pages import page
from faustdiff.pages.programs import RATE, STEP_SCALE, page_program

ROOT = Path(__file__).resolve().parent.parent
#: The programs of the playground, by what they are called there.
EXAMPLES = {
    "A gain and a pole that learn": None,
    "A gain and an offset": "examples/gain_and_dc.dsp",
    "A lowpass finds its cutoff": "examples/lowpass_cutoff.dsp",
    "An FIR filter": "examples/fir.dsp",
    "A sine finds its frequency": "examples/frequency.dsp",
    "A neural network": "examples/neural_network.dsp",
    "Partials of a plain function": "examples/gain_dc.dsp",
}
#: Files of the compiler, and what they are called in the site.
COMPILER = {
    "dist/esm/index.js": "index.js",
    "libfaust-wasm/libfaust-wasm.js": "libfaust-wasm.js",
    "libfaust-wasm/libfaust-wasm.wasm": "libfaust-wasm.wasm",
    "libfaust-wasm/libfaust-wasm.data": "libfaust-wasm.data",
    "COPYING.txt": "COPYING.txt",
}


def first_program() -> str:
    """The first program of the README that learns."""
    text = (ROOT / "README.md").read_text("utf-8")
    programs = re.findall(r"^```faust\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return next(program for program in programs if "backprop" in program)


def live(element: str) -> str:
    """The scripts that make a page learn in an element of it; FaustError without a compiler."""
    made = page_program(first_program(), compiler=find_compiler(), file="README.md")
    data = json.dumps(page.page_data(made)).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="{element}-data">{data}</script>\n'
        f'<script src="assets/learning.js"></script>\n'
        f'<script>showLearning("{element}");</script>\n'
    )


def files() -> Iterator[tuple[str, str | bytes]]:
    """Paths of the site, and what is in them."""
    yield "assets/learning.css", page.stylesheet()
    yield "assets/learning.js", _bundle()
    yield (
        "playground/examples.json",
        json.dumps(
            {
                name: first_program() if path is None else (ROOT / path).read_text("utf-8")
                for name, path in EXAMPLES.items()
            }
        ),
    )
    library = (ROOT / "build" / "diff.lib").read_text("utf-8")
    yield "playground/diff.lib", STEP_SCALE.sub(RATE, library)
    package = faustwasm()
    if package is not None:
        for source, name in COMPILER.items():
            yield f"playground/faust/{name}", (package / source).read_bytes()


def _bundle() -> str:
    """The scripts of a page, and functions that start them on an element."""
    processor = base64.b64encode(page.scripts(page.THREAD_SCRIPTS).encode()).decode("ascii")
    return f"""// Made by faustdiff: what shows a program that learns.
"use strict";
(() => {{
{page.scripts(page.PAGE_SCRIPTS)}
const processor = new TextDecoder().decode(bytesOf("{processor}"));
window.learnsByItself = learns;
window.mountLearning = (element, data) => mount(element, data, processor);
window.showLearning = (name) => {{
    const data = JSON.parse(document.getElementById(`${{name}}-data`).textContent);
    for (const one of [data.program, data.partials]) if (one) one.code = bytesOf(one.code);
    window.page = mountLearning(document.getElementById(name), data);
}};
}})();
"""
