"""Networks as plain Faust functions of their parameters, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def dense(
    sizes: Sequence[int], activation: str, *, name: str = "net", by_wire: bool = False
) -> tuple[int, str]:
    """The number of parameters of a dense network, and its definition.

    `sizes` are the widths of its layers, from the inputs on; the last layer has no activation. Each
    neuron has its weights, then its bias. The parameters are named arguments, or with `by_wire`
    the first inputs of a box. Needs the prefix `si`.
    """
    layers = list(pairwise(sizes))
    count = sum((n + 1) * m for n, m in layers)
    body = _by_wire(layers, activation) if by_wire else _by_name(layers, activation)
    return count, f"{name}{body};"


def _by_name(layers: Sequence[tuple[int, int]], activation: str) -> str:
    names: list[str] = []
    texts = []
    for index, (n, m) in enumerate(layers):
        neurons = []
        for j in range(m):
            weights = [f"w{index}_{j}_{i}" for i in range(n)]
            bias = f"b{index}_{j}"
            names += [*weights, bias]
            tail = f" : {activation}" if index < len(layers) - 1 else ""
            products = ", ".join(f"*({weight})" for weight in weights)
            neurons.append(f"({products} :> +({bias}){tail})")
        texts.append(f"(si.bus({n}) <: {', '.join(neurons)})")
    return f"({', '.join(names)}) = {' : '.join(texts)}"


def _by_wire(layers: Sequence[tuple[int, int]], activation: str) -> str:
    rest = sum((n + 1) * m for n, m in layers)
    texts = []
    for index, (n, m) in enumerate(layers):
        own, rest = (n + 1) * m, rest - (n + 1) * m
        tail = activation if index < len(layers) - 1 else "_"
        pairs = [
            pair
            for j in range(m)
            for i in range(n)
            for pair in (
                (j * (n + 1) + i, rest + j * (2 * n + 1) + 2 * i),
                (own + rest + i, rest + j * (2 * n + 1) + 2 * i + 1),
            )
        ]
        pairs += [(j * (n + 1) + n, rest + j * (2 * n + 1) + 2 * n) for j in range(m)]
        pairs += [(own + k, k) for k in range(rest)]
        wires = ", ".join(f"({a + 1}, {b + 1})" for a, b in pairs)
        neurons = f"par(j, {m}, (par(i, {n}, *), _ :> {tail}))"
        kept = f"si.bus({rest}), " if rest else ""
        texts.append(
            f"route({own + rest + n}, {rest + m * (2 * n + 1)}, {wires}) : {kept}{neurons}"
        )
    return f" = {' : '.join(texts)}"
