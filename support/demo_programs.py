"""The demos of a compiler's own library, each as a program."""

from __future__ import annotations

import re

from faustdiff.faust.compilers import Compiler

#: What the demos with arguments are given, as in their documentation.
ARGUMENTS = {
    "mth_octave_spectral_level_demo": "1.5",
    "spectral_tilt_demo": "4",
    "mth_octave_filterbank_demo": "1",
    "stereo_reverb_tester": "!",
    "fdnrev0_demo": "16, 5, 3",
    "fft_spectral_level_demo": "32",
    "reverse_echo_demo": "3",
    "pospass_demo": "_",
}


def demo_names(compiler: Compiler) -> list[str]:
    """The names of the demos in a compiler's library."""
    text = (compiler.libraries() / "demos.lib").read_text(encoding="utf-8")
    documented = re.findall(r"^//-+`\(dm\.\)(\w+)`", text, re.MULTILINE)
    defined = re.findall(r"^(\w+_demo)\b", text, re.MULTILINE)
    return list(dict.fromkeys([*documented, *defined]))


def demo_program(name: str) -> str:
    """The text of the program that is one demo."""
    arguments = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
    return f'dm = library("demos.lib");\nprocess = dm.{name}{arguments};\n'
