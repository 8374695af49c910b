"""The compiler of the browser: what it takes of the library, and in which ways."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from faustdiff.faust import wasm
from faustdiff.faust.compilers import find_compiler
from support.paths import BUILD, ROOT

SCRIPT = """
import { readFileSync } from "node:fs";
const [folder, program, library] = process.argv.slice(2);
const faustwasm = await import(`${folder}/dist/esm/index.js`);
const module = await faustwasm.instantiateFaustModuleFromFile(
    `${folder}/libfaust-wasm/libfaust-wasm.js`);
const faust = new faustwasm.LibFaust(module);
if (library) faust.fs().writeFile("diff.lib", readFileSync(library, "utf8"));
try {
    faust.createDSPFactory("p", readFileSync(program, "utf8"), "-I . -double", true);
    console.log("compiled");
} catch (error) {
    console.log(error instanceof RangeError ? String(error) : faust.getErrorAfterException());
}
"""
GAIN = 'df = library("diff.lib");\nprocess = 0.5, _ : df.jvp(1, *);\n'


@pytest.fixture(scope="module")
def package() -> Path:
    """The npm package; without it the tests fail in CI and are skipped elsewhere."""
    found = wasm.faustwasm()
    if found is None or shutil.which("node") is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no node, or no '@grame/faustwasm': 'npm install'")
    return found


def answer(package: Path, folder: Path, text: str, *library: Path) -> str:
    """What the compiler says in Node, on its default stack."""
    (folder / "program.dsp").write_text(text)
    (folder / "run.mjs").write_text(SCRIPT)
    command = ["node", folder / "run.mjs", package, folder / "program.dsp", *library]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("example", ["neural_network", "lowpass_cutoff"])
def test_a_plain_example_fits_the_default_stack(
    package: Path, tmp_path: Path, example: str
) -> None:
    text = (ROOT / "examples" / "plain" / f"{example}.dsp").read_text()
    assert answer(package, tmp_path, text, BUILD / "diff.lib") == "compiled"


def test_the_ways_to_bring_the_library(package: Path, tmp_path: Path) -> None:
    """As docs/howto/web.md has them: a file, an environment, `differentiate`, no address."""
    library = (BUILD / "diff.lib").read_text("utf-8")
    assert answer(package, tmp_path, GAIN, BUILD / "diff.lib") == "compiled"

    assert "unable to open file" in answer(package, tmp_path, GAIN)
    far = GAIN.replace("diff.lib", "https://far.example/diff.lib")
    assert "compiled" not in answer(package, tmp_path, far)

    inside = re.sub(r"^declare .*\n", "", library, flags=re.MULTILINE)
    pasted = GAIN.replace('library("diff.lib")', f"environment {{\n{inside}\n}}")
    assert answer(package, tmp_path, pasted) == "compiled"


def test_a_module_of_the_other_compiler_is_the_same_program(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wasm, "faustwasm", lambda: package)
    text = (ROOT / "examples" / "gain.dsp").read_text()
    found = [
        wasm.to_wasm(text, compiler=find_compiler(name), include=[BUILD])
        for name in ("faust", "cyfaust")
    ]
    labels = [[widget["label"] for widget in one.widgets()] for one in found]
    assert labels[0] == labels[1] == ["gain", "gain", "loss", "skipped"]
    assert [one.description["outputs"] for one in found] == [3, 3]
