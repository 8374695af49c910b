"""Many programs of Faust, differentiated: the tables in docs/demos.md.

    python tools/demos.py [--compiler faust] [--folder DIR] [--limit 120] [--only NAME]...
    python tools/demos.py --write

The first form tries the demos of a compiler's own library, or all programs in and below a folder,
each with all its continuous sliders. First all are differentiated and compiled, then those are
verified that have sliders. What came out is kept in demos.json: a program that is there is not
tried again unless `--only` names it, so that a run can be ended and taken up. The second form
writes the page. Times are processor time of the compiler alone. A verdict counts pairs of an
output and a slider, over a tenth of a second of noise.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import statistics
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from faustdiff.autodiff.differentiate import differentiate
from faustdiff.autodiff.verification import verify
from faustdiff.errors import InputError
from faustdiff.faust.compilers import Compiler, FaustError, find_compiler
from faustdiff.faust.excitation import excitation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.demo_programs import demo_names, demo_program

ROOT = Path(__file__).parents[1]
PAGE, KEPT = ROOT / "docs/demos.md", ROOT / "demos.json"
SECONDS = 0.1
#: How long a program that is late may take to end its compiler, in seconds.
GRACE = 5.0
#: Where the demos of a library are kept; programs in folders are kept by the name of the folder.
DEMOS = "demos"
#: What is said of a stage that did not end in time.
DONE = {"compilation": "not compiled", "verification": "not verified"}
VERDICTS = ("agrees", "no effect", "undecided", "differs")

Found = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A program that is tried: its text, and where its imports begin."""

    name: str
    text: str
    include: tuple[Path, ...] = ()


def trials(compiler: Compiler, folder: Path | None) -> list[Trial]:
    """The demos of a compiler, or the programs in and below `folder`."""
    if folder is None:
        return [Trial(name, demo_program(name)) for name in demo_names(compiler)]
    return [
        Trial(
            str(path.relative_to(folder)),
            path.read_text(encoding="utf-8", errors="replace"),
            (path.parent,),
        )
        for path in sorted(folder.rglob("*.dsp"))
    ]


def compiled(compiler: Compiler, trial: Trial, text: str) -> float:
    """Seconds of processor time that the compiler takes for a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compiler.to_cpp(text, double=True, include=trial.include, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compilation(compiler: Compiler, trial: Trial) -> Iterator[Found]:
    """What comes out of differentiating and compiling, as far as it goes."""
    try:
        yield {"plain": compiled(compiler, trial, trial.text)}
    except FaustError as error:
        yield {"outcome": f"does not compile itself: {_short(error)}"}
        return
    try:
        done = differentiate(
            trial.text,
            all_continuous=True,
            compiler=compiler,
            name=trial.name,
            include=trial.include,
        )
    except (InputError, FaustError) as error:
        yield {"outcome": _short(error)}
        return
    yield {"sliders": len(done.params), "outputs": done.outputs, "size": len(done.text)}
    try:
        yield {"derivative": compiled(compiler, trial, done.text), "outcome": "compiled"}
    except FaustError as error:
        yield {"outcome": f"the derivative does not compile: {_short(error)}"}


def verification(compiler: Compiler, trial: Trial) -> Iterator[Found]:
    """What comes out of verifying."""
    try:
        report = verify(
            trial.text,
            lambda inputs: excitation("noise", inputs, SECONDS, None),
            all_continuous=True,
            compiler=compiler,
            name=trial.name,
            include=trial.include,
        )
    except (InputError, FaustError) as error:
        yield {"outcome": f"not verified: {_short(error)}"}
        return
    found: Found = {"verdicts": Counter(one.verdict for one in report.comparisons)}
    for verdict in ("differs", "undecided"):
        labels = {one.parameter.label for one in report.comparisons if one.verdict == verdict}
        found[verdict] = sorted(labels)
    yield found | {"outcome": "verified"}


def _short(error: Exception) -> str:
    what = error.problems[0].what if isinstance(error, InputError) else str(error)
    return " ".join(what.split())[:160]


def in_a_process(stage: Callable[..., Iterator[Found]], limit: float, *arguments: Any) -> Found:
    """What a stage finds in a process of its own, as far as it comes within `limit` seconds."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_alone, args=(there, stage, arguments))
    process.start()
    there.close()
    process.join(limit)
    late = process.exitcode is None
    if late:
        # An interruption ends the compiler as well, which leads a session of its own.
        os.kill(process.pid or 0, signal.SIGINT)
        process.join(GRACE)
        process.kill()
        process.join()
    found: Found = {}
    try:
        while here.poll():
            found |= here.recv()
    except EOFError:
        pass
    if late:
        return found | {"outcome": f"{DONE[stage.__name__]} within {limit:g} s"}
    if process.exitcode:
        found |= {"outcome": f"ended with status {process.exitcode}"}
    return found


def _alone(
    pipe: Connection, stage: Callable[..., Iterator[Found]], arguments: tuple[Any, ...]
) -> None:
    try:
        for found in stage(*arguments):
            pipe.send(found)
    except KeyboardInterrupt:
        return
    except Exception as error:
        traceback.print_exc()
        pipe.send({"outcome": f"crash: {type(error).__name__}: {_short(error)}"})


def _kept() -> dict[str, dict[str, dict[str, Found]]]:
    found = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return dict(found)


def _keep(compiler: str, kind: str, name: str, found: Found) -> None:
    print(compiler, name, found, flush=True)
    kept = _kept()
    kept.setdefault(compiler, {}).setdefault(kind, {})[name] = found
    new = KEPT.with_suffix(".new")
    new.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    new.replace(KEPT)


def run(compiler: str, folder: Path | None, limit: float, only: list[str], stages: str) -> None:
    """Tries the programs that are not kept yet, or `only` some."""
    kind = folder.name if folder else DEMOS
    found = _kept().get(compiler, {}).get(kind, {})
    chosen = find_compiler(compiler)
    some = [one for one in trials(chosen, folder) if not only or one.name in only]
    if "compile" in stages:
        for one in some:
            if only or one.name not in found:
                found[one.name] = in_a_process(compilation, limit, chosen, one)
                _keep(compiler, kind, one.name, found[one.name])
    if "verify" in stages:
        for one in some:
            if found.get(one.name, {}).get("outcome") == "compiled":
                found[one.name] |= in_a_process(verification, limit, chosen, one)
                _keep(compiler, kind, one.name, found[one.name])


def page(kept: dict[str, dict[str, dict[str, Found]]]) -> str:
    """The page of what is kept, by compiler and demo."""
    lines = [
        "# Programs of Faust, differentiated",
        "",
        "Made by `tools/demos.py`: every program of `demos.lib`, of the library that comes with",
        "each compiler, and of the examples that come with the package `faust` of Debian,",
        "differentiated by all its continuous sliders. Times are processor time of the Faust",
        "compiler in seconds, for the program and for it with its partials. The last columns",
        f"count pairs of an output and a slider, verified over {SECONDS} s of noise; see",
        "[what `verify` says](autodiff.md). Examples that took more than a minute on a busy",
        "machine are said to be late; those that only compiled were not verified yet.",
        "",
        "Where a slider stands at a tie of `max(0, x)` and `max(0, -x)`, whose kinks cancel, the",
        "partial is twice the slope ([kinks](autodiff.md#kinks)): so the three of",
        "`motion_wrapper_demo` that differ, with sliders at 0.",
        "",
    ]
    for name, kinds in kept.items():
        compiler = find_compiler(name)
        for kind, found in kinds.items():
            lines += [f"## {compiler.version()}, {kind}, `--compiler {name}`", ""]
            left = demo_names(compiler) if kind == DEMOS else []
            lines += _section(found, [one for one in left if one not in found])
    return "\n".join(lines)


def _section(found: dict[str, Found], left: list[str]) -> list[str]:
    total = Counter[str]()
    for one in found.values():
        total.update(one.get("verdicts", {}))
    done = sum(one["outcome"] == "verified" for one in found.values())
    counts = ", ".join(f"{total[verdict]} {verdict}" for verdict in VERDICTS)
    both = [one for one in found.values() if "derivative" in one]
    ratios = [one["derivative"] / one["plain"] for one in both] or [1.0]
    # What a derivative may take: five times the program itself, and a second.
    most = max((one["derivative"] - 1) / one["plain"] for one in both) if both else 0.0
    lines = [
        f"{len(found)} programs, {len(both)} differentiated and compiled, {done} verified; the"
        f" derivative takes {statistics.median(ratios):.1f} times as long to compile in the median,"
        f" {max(ratios):.1f} at most ({max(most, 0):.1f} and a second); {counts}.",
        "",
    ]
    if left:
        lines += ["Not tried yet: " + ", ".join(f"`{one}`" for one in left) + ".", ""]
    lines += [
        "| program | sliders | compiled | with partials | " + " | ".join(VERDICTS) + " | remark |",
        "|---|" + "---:|" * 7 + "---|",
    ]
    return [*lines, *(_row(name, one) for name, one in sorted(found.items())), ""]


def _row(name: str, one: Found) -> str:
    counts = [str(one["verdicts"].get(v, 0)) if "verdicts" in one else "" for v in VERDICTS]
    remark = "" if one["outcome"] == "verified" else one["outcome"]
    for verdict in ("differs", "undecided"):
        if one.get(verdict):
            remark += f"{verdict}: {', '.join(one[verdict])} "
    times = [f"{one[key]:.2f}" if key in one else "" for key in ("plain", "derivative")]
    cells = [f"`{name}`", str(one.get("sliders", "")), *times, *counts, remark.strip()]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--compiler", choices=["faust", "cyfaust"], default="faust")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--stages", default="compile,verify")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        PAGE.write_text(page(_kept()), encoding="utf-8")
    else:
        run(options.compiler, options.folder, options.limit, options.only, options.stages)


if __name__ == "__main__":
    main()
