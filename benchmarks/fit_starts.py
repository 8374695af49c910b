"""Ten seeded starts for the examples of `faustdiff fit` that race: voice and string.

For each, clean and with noise at 40 dB: passes, seconds of processor, and the greatest relative
error of a parameter. The tests do the same from fewer starts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from faustdiff.faust.compilers import find_compiler
from faustdiff.fitting.fit import fit
from faustdiff.fitting.setup import Options
from support.fits import EXAMPLES, errors, setup

STARTS = 10


def main() -> None:
    """Prints the table, for the examples that are named or all that race."""
    compiler = find_compiler("faust")
    names = sys.argv[1:] or [name for name, one in EXAMPLES.items() if one.options]
    print(f"{'example':<12}{'SNR':>6}{'seed':>6}{'passes':>9}{'seconds':>9}{'error':>10}")
    for name in names:
        one = EXAMPLES[name]
        text = one.program.read_text(encoding="utf-8")
        for snr in (None, 40):
            with tempfile.TemporaryDirectory() as folder:
                target = one.target(compiler, snr)
                problem = setup(Path(folder), text, compiler, target, one.input())
                for seed in range(STARTS):
                    start = time.process_time()
                    found = fit(problem, Options(starts=256, random_start=True, seed=seed))
                    seconds = time.process_time() - start
                    error = max(errors(one, problem, found))
                    print(
                        f"{name:<12}{snr or 'none':>6}{seed:>6}{found.passes:>9.1f}"
                        f"{seconds:>9.1f}{error:>10.1e}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
