"""What the gradient of a dense network costs by reverse mode: to compile, and for each sample.

Times are CPU seconds of the Faust compiler, from Faust to C++. The networks are plain functions of
their parameters, named, by wire or `apply` of `df.nn`, which `df.grad` differentiates; or `df.nn`
differentiates them by layers (`dual`). Operations are those of `faust-tests/operations.py`.
"""

from __future__ import annotations

import resource
from itertools import pairwise

from faustdiff.faust.compilers import Compiler, FaustError, available_compilers
from support.networks import dense
from support.operations import operations
from support.paths import BUILD

SHAPES = ((1, 4, 1), (1, 8, 1), (1, 16, 1), (1, 32, 1), (1, 64, 1), (1, 8, 8, 1))
HEAD = 'df = library("diff.lib"); si = library("signals.lib"); ma = library("maths.lib");\n'


def compiled(compiler: Compiler, source: str) -> tuple[str, float]:
    """The C++ of a program, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    cpp = compiler.to_cpp(HEAD + source, double=True, include=[BUILD])
    return cpp, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def programs(shape: tuple[int, ...]) -> dict[str, tuple[str, str]]:
    """Of each way to write the network, the plain program and the one with the gradient."""
    found = {}
    for way, by_wire in (("name", False), ("wire", True)):
        count, text = dense(shape, "ma.tanh", by_wire=by_wire)
        found[way] = (f"{text}\nprocess = net;", f"{text}\nprocess = df.grad({count}, net);")
    layers = ", df.nn.tanh, ".join(f"df.nn.dense({n}, {m})" for n, m in pairwise(shape))
    net = f"net = df.nn.sequential(({layers}));\n"
    plain = f"{net}process = net.apply;"
    found["apply"] = (plain, f"{net}process = df.grad({count}, net.apply);")
    found["layers"] = (plain, f"{net}process = net.dual;")
    return found


def main() -> None:
    """Prints the table."""
    print("The value and gradient of a dense network with tanh")
    print(f"{'compiler':>16}{'network':>12}{'by':>8}{'seconds':>9}{'cost':>7}")
    for compiler in available_compilers():
        name = f"{compiler.name} {compiler.version()}"
        for shape in SHAPES:
            for way, (plain, gradient) in programs(shape).items():
                row = f"{name:>16}{'-'.join(map(str, shape)):>12}{way:>8}"
                try:
                    without, _ = compiled(compiler, plain)
                    grad, seconds = compiled(compiler, gradient)
                except FaustError as error:
                    print(row, str(error).splitlines()[0][:60])
                    continue
                cost = operations(grad).sample / operations(without).sample
                print(f"{row}{seconds:9.2f}{cost:7.2f}", flush=True)


if __name__ == "__main__":
    main()
