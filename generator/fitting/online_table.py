"""Gradient descent sample by sample, as a table: iteration, truth, output, loss, parameters."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .descent import ONLINE_SENSITIVITY, descend_online
from .setup import Setup

Array = NDArray[np.float64]

#: Rows that are shown; then every tenth up to ten times as many, and so on.
FIRST_ROWS = 20
COLUMN_WIDTH = 15


def run_online(
    setup: Setup, values: Array, rate: float, absolute: bool, show: Callable[[str], None]
) -> tuple[Array, str, bool]:
    """Descends from `values` and shows the table.

    The values at the end, all rows as CSV, and whether Ctrl-C made an end of it.
    """
    start, labels = values, setup.labels
    rule = "-" * (5 + COLUMN_WIDTH * (3 + len(labels)))
    show(f"Learning rate: {rate:g}\nSensitivity: {ONLINE_SENSITIVITY:g}")
    for label, value in zip(labels, values, strict=True):
        show(f"Learnable parameter: {label}, value: {value:.10g}")
    show("")
    show(rule)
    show(_row("Iter", ["Ground truth", "Learnable", "Loss", *labels]))
    show(rule)
    rows = io.StringIO()
    rows.write(",".join(["iteration", "ground_truth", "learnable", "loss", *labels]) + "\n")
    last, interrupted = "", False
    try:
        for number, (target, output, loss, moved) in enumerate(
            _steps(setup, values, rate, absolute)
        ):
            values = moved
            still = loss < ONLINE_SENSITIVITY
            shown = [f"{loss:.3e}" if still else f"{loss:.10f}"]
            shown += ["-" if still else f"{value:.10f}" for value in moved]
            last = _row(str(number + 1), [_channels(target), _channels(output), *shown])
            if _is_shown(number + 1):
                show(last)
                last = ""
            numbers = [float(target[0]), float(output[0]), loss, *map(float, moved)]
            rows.write(",".join([str(number + 1), *map(repr, numbers)]) + "\n")
    except KeyboardInterrupt:
        if values is start:
            raise
        interrupted = True
    if last:
        show(last)
    return values, rows.getvalue(), interrupted


def _steps(
    setup: Setup, values: Array, rate: float, absolute: bool
) -> Iterator[tuple[Array, Array, float, Array]]:
    return descend_online(setup.objective(), values, rate, absolute)


def _is_shown(number: int) -> bool:
    decade = 1
    while number > FIRST_ROWS * decade:
        decade *= 10
    return number % decade == 0


def _channels(signal: Array) -> str:
    return " ".join(f"{value:.10f}" for value in signal)


def _row(number: str, cells: Sequence[str]) -> str:
    return f"{number:>5}" + "".join(f"{cell:>{COLUMN_WIDTH}}" for cell in cells)
