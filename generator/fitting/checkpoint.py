"""The state of a search as a file, from which it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, Place, Problem
from ..files import read_text
from .objective import Iteration, Record
from .setup import Options, Setup

CHECKPOINT_FORMAT = 2


def checkpoint(setup: Setup, options: Options, record: Record) -> str:
    """The text of a checkpoint."""
    best = record.iterations.index(record.best) if record.best else None
    content = {
        "format": CHECKPOINT_FORMAT,
        "fit": setup.identity,
        "optimizer": options.optimizer,
        "parameters": [one.path for one in setup.source.params],
        "units": None if record.units is None else record.units.tolist(),
        "best": best,
        "whole": record.whole,
        "state": record.state,
        "iterations": [asdict(one) for one in record.iterations],
    }
    return json.dumps(content, indent=1) + "\n"


def restore(file: Path, setup: Setup, options: Options) -> Record:
    """The record that a checkpoint holds; its passes count.

    Raises `InputError` if the file cannot be read, or is of another fit.
    """
    try:
        content: dict[str, Any] = json.loads(read_text(file, "checkpoint"))
        iterations = [
            Iteration(
                **{**one, "values": tuple(one["values"]), "latencies": tuple(one["latencies"])}
            )
            for one in content["iterations"]
        ]
        units, best = content["units"], content["best"]
        known = (content["format"], content["fit"], content["optimizer"])
        record = Record(
            options.passes_limit,
            options.patience,
            iterations=iterations,
            units=None if units is None else np.array(units, float),
            best=None if best is None else iterations[best],
            whole=content["whole"],
            state=content["state"],
            passes_before=iterations[-1].passes if iterations else 0.0,
            seconds_before=iterations[-1].seconds if iterations else 0.0,
        )
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror}", "leave out --resume") from None
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        raise _refusal(file, "is no checkpoint", "leave out --resume") from None
    if known != (CHECKPOINT_FORMAT, setup.identity, options.optimizer):
        what = "is of another program, examples, loss or optimizer"
        raise _refusal(file, what, "use the same ones, or leave out --resume")
    return record


def _refusal(file: Path, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(str(file)), what, hint)])
