"""Every program of Faust's library of demos, differentiated: the table in docs/demos.md.

    python tools/demos.py [--compiler faust] [--jobs 1] [--limit 180] [--only NAME]...
    python tools/demos.py --write

The first form tries the demos of a compiler's own library, each in a process of its own with all
its sliders, and keeps what came out in demos.json; a demo that is there is not tried again, unless
`--only` names it. The second writes the page. Times are processor time of the compiler alone. A
verdict counts pairs of an output and a slider, over 0.05 s of noise.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faustdiff.autodiff.differentiate import differentiate
from faustdiff.autodiff.verification import verify
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from faustdiff.faust.excitation import excitation

ROOT = Path(__file__).parents[1]
PAGE, KEPT = ROOT / "docs/demos.md", ROOT / "demos.json"
SECONDS = 0.1
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
VERDICTS = ("agrees", "no effect", "undecided", "differs")


def demos(compiler: Compiler) -> list[str]:
    """The names of the demos in a compiler's library."""
    text = (compiler.libraries() / "demos.lib").read_text(encoding="utf-8")
    documented = re.findall(r"^//-+`\(dm\.\)(\w+)`", text, re.MULTILINE)
    defined = re.findall(r"^(\w+_demo)\b", text, re.MULTILINE)
    return list(dict.fromkeys([*documented, *defined]))


def source(name: str) -> str:
    """The program that a demo is."""
    given = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
    return f'dm = library("demos.lib");\nprocess = dm.{name}{given};\n'


def compiled(compiler: Compiler, text: str) -> float:
    """Seconds of processor time that the compiler takes for a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compiler.to_cpp(text, double=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def tried(compiler: Compiler, name: str) -> dict[str, Any]:
    """What comes out of one demo."""
    text = source(name)
    try:
        plain = compiled(compiler, text)
    except FaustError as error:
        return {"outcome": f"does not compile itself: {_short(error)}"}
    try:
        done = differentiate(text, all_continuous=True, compiler=compiler, name=name)
    except InputError as error:
        return {"plain": plain, "outcome": error.problems[0].what}
    found: dict[str, Any] = {"plain": plain, "sliders": len(done.params), "outputs": done.outputs}
    try:
        found["derivative"] = compiled(compiler, done.text)
    except FaustError as error:
        return found | {"outcome": f"the derivative does not compile: {_short(error)}"}
    print(json.dumps(found), flush=True)
    report = verify(
        text,
        lambda inputs: excitation("noise", inputs, SECONDS, None),
        all_continuous=True,
        compiler=compiler,
        name=name,
    )
    found["verdicts"] = Counter(one.verdict for one in report.comparisons)
    found["differs"] = sorted(
        {one.parameter.label for one in report.comparisons if one.verdict == "differs"}
    )
    found["undecided"] = sorted(
        {one.parameter.label for one in report.comparisons if one.verdict == "undecided"}
    )
    return found | {"outcome": "verified"}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:100]


def in_a_process(compiler: str, name: str, limit: float) -> dict[str, Any]:
    """What comes out of one demo, or how far it came within `limit` seconds."""
    command = ["nice", sys.executable, __file__, "--compiler", compiler, "--one", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=limit)
            late = ""
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            late = f"not verified within {limit:g} s"
    lines = output.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if process.returncode and not late:
        late = f"ended with status {process.returncode}"
    return found if "outcome" in found else found | {"outcome": late}


def run(compiler: str, jobs: int, limit: float, only: list[str]) -> None:
    """Tries the demos of a compiler that are not kept yet, or `only` some."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    of_compiler = kept.setdefault(compiler, {})
    names = only or [one for one in demos(find_compiler(compiler)) if one not in of_compiler]
    with ThreadPoolExecutor(jobs) as pool:
        for name, found in zip(
            names, pool.map(lambda one: in_a_process(compiler, one, limit), names), strict=True
        ):
            of_compiler[name] = found
            print(compiler, name, found, flush=True)
            now = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
            now.setdefault(compiler, {})[name] = found
            KEPT.write_text(json.dumps(now, indent=1), encoding="utf-8")


def page(kept: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The page of what is kept, by compiler and demo."""
    lines = [
        "# The demos of Faust, differentiated",
        "",
        "Made by `tools/demos.py`: every program of `demos.lib`, of the library that comes with",
        "each compiler, differentiated by all its continuous sliders. Times are processor time of",
        "the Faust compiler in seconds, for the program and for it with its partials. The last",
        f"columns count pairs of an output and a slider, verified over {SECONDS} s of noise; see",
        "[what `verify` says](autodiff.md).",
        "",
    ]
    for name, found in kept.items():
        lines += [f"## {find_compiler(name).version()}, `--compiler {name}`", ""]
        ratios = [one["derivative"] / one["plain"] for one in found.values() if "derivative" in one]
        left = [one for one in demos(find_compiler(name)) if one not in found]
        total = Counter[str]()
        for one in found.values():
            total.update(one.get("verdicts", {}))
        done = sum(one["outcome"] == "verified" for one in found.values())
        lines += [
            f"{len(found)} demos, {done} verified; the derivative takes"
            f" {statistics.median(ratios):.1f} times as long to compile in the median,"
            f" {max(ratios):.1f} at most; "
            + ", ".join(f"{total[verdict]} {verdict}" for verdict in VERDICTS)
            + ".",
            "",
            *(
                ["Not tried yet: " + ", ".join(f"`{one}`" for one in left) + ".", ""]
                if left
                else []
            ),
            "| demo | sliders | program | with partials | " + " | ".join(VERDICTS) + " | remark |",
            "|---|" + "---:|" * 7 + "---|",
        ]
        for demo, one in sorted(found.items()):
            counts = [str(one["verdicts"].get(v, 0)) if "verdicts" in one else "" for v in VERDICTS]
            remark = "" if one["outcome"] == "verified" else one["outcome"]
            for verdict in ("differs", "undecided"):
                if one.get(verdict):
                    remark += f"{verdict}: {', '.join(one[verdict])} "
            times = [f"{one[key]:.2f}" if key in one else "" for key in ("plain", "derivative")]
            cells = [f"`{demo}`", str(one.get("sliders", "")), *times, *counts, remark.strip()]
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--compiler", choices=["faust", "cyfaust"], default="faust")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=float, default=180)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(tried(find_compiler(options.compiler), options.one)))
    elif options.write:
        PAGE.write_text(page(json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")
    else:
        run(options.compiler, options.jobs, options.limit, options.only)


if __name__ == "__main__":
    main()
