"""Programs in the interpreter of the wheel `cyfaust`, for machines without g++."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .calling import COMPILER_TIMEOUT, FaustError, call
from .compilers import find_compiler, include_flags, worker
from .interface import BLOCK_LENGTH, Control, Program, Signals

if TYPE_CHECKING:
    from .compiled import Session


class Interpreter(Program):
    """A program in the interpreter of cyfaust, for machines without g++; single precision only.

    Each run is a process of its own. Foreign functions other than those of Faust's libraries are
    refused by the interpreter. Raises FaustError if cyfaust is missing, refuses `source`, or if
    `double` is asked for.
    """

    def __init__(
        self,
        source: str,
        *,
        double: bool = False,
        include: Sequence[Path] = (),
        timeout: float = COMPILER_TIMEOUT,
    ) -> None:
        if double:
            text = "the interpreter of cyfaust computes in single precision only: use double=False"
            raise FaustError(f"{text}, or 'apt-get install g++'", "cyfaust", source)
        self.double = False
        find_compiler("cyfaust")
        self._source = source
        self._include = tuple(include)
        self._timeout = timeout
        with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
            self._work("describe", Path(folder))
            description = json.loads((Path(folder) / "result").read_text(encoding="utf-8"))
        self.inputs = description["inputs"]
        self.outputs = description["outputs"]
        self.controls = tuple(Control(**control) for control in description["controls"])

    def session(self, *, sample_rate: int = 44100) -> Session:
        text = "the interpreter of cyfaust keeps no state between calls: 'apt-get install g++'"
        raise FaustError(text, "cyfaust", self._source)

    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK_LENGTH,
    ) -> Signals:
        values = {self.find_settable(name): value for name, value in (controls or {}).items()}
        with tempfile.TemporaryDirectory(prefix="faustdiff-") as folder:
            np.savez(
                Path(folder) / "job.npz",
                inputs=self.signals(inputs, frames),
                paths=np.array([self.controls[index].path for index in values], str),
                values=np.array(list(values.values()), float),
                sample_rate=sample_rate,
                block=block,
            )
            self._work("run", Path(folder))
            result: Signals = np.load(Path(folder) / "result.npy")
            return result

    def _work(self, action: str, work: Path) -> None:
        (work / "program.dsp").write_text(self._source, encoding="utf-8")
        command = worker(action, include_flags(self._include))
        call(command, cwd=work, compiler="cyfaust", source=self._source, timeout=self._timeout)
