"""What the gradient of a dense network costs by reverse mode: to compile, and for each sample.

Times are CPU seconds of the Faust compiler, from Faust to C++. The networks are plain functions of
their parameters, named or by wire; operations are those of `faust-tests/operations.py`.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from faustdiff.compilers import Compiler, FaustError, available_compilers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "faust-tests"))

from networks import dense  # noqa: E402
from operations import operations  # noqa: E402

SHAPES = ((1, 16, 1), (1, 8, 8, 1), (1, 32, 1), (1, 16, 16, 1), (1, 64, 1))
HEAD = 'df = library("diff.lib"); si = library("signals.lib"); ma = library("maths.lib");\n'


def compiled(compiler: Compiler, source: str) -> tuple[str, float]:
    """The C++ of a program, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    cpp = compiler.to_cpp(HEAD + source, double=True, include=[ROOT / "build"])
    return cpp, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    """Prints the table."""
    print("The gradient of a dense network with tanh, by df.grad")
    print(f"{'compiler':>16}{'network':>12}{'parameters':>12}{'by':>6}{'seconds':>9}{'cost':>7}")
    for compiler in available_compilers():
        for shape in SHAPES:
            for by_wire in (False, True):
                count, text = dense(shape, "ma.tanh", by_wire=by_wire)
                name = f"{compiler.name} {compiler.version()}"
                row = f"{name:>16}{'-'.join(map(str, shape)):>12}{count:12d}"
                row += f"{'wire' if by_wire else 'name':>6}"
                try:
                    plain, _ = compiled(compiler, f"{text}\nprocess = net;")
                    grad, seconds = compiled(compiler, f"{text}\nprocess = df.grad({count}, net);")
                except FaustError as error:
                    print(row, str(error).splitlines()[0][:60])
                    continue
                cost = operations(grad).sample / operations(plain).sample
                print(f"{row}{seconds:9.2f}{cost:7.2f}", flush=True)


if __name__ == "__main__":
    main()
