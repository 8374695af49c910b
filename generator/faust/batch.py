"""A batch of items of one Faust program at once: threads without the lock of the interpreter.

Each item has signals, slider values and a state of its own. Signals are read and written where they
are, without copies; a program of reversed time begins at their end.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .calling import COMPILER_TIMEOUT, FaustError
from .channels import Channels, LaneChannels, address, addresses, count_channels
from .compiled import CompiledProgram
from .compilers import Compiler
from .cpp_rewriting import with_channels, with_local_states
from .interface import Control
from .lane_rewriting import in_lanes
from .loop_order import with_newest_last
from .ring_lengths import with_short_rings
from .supervision import in_program
from .translation import LEVELS, compile_cpp, translate

#: Frames per call of the program.
LONGEST_BLOCK = 1024

#: How many samples of all items are worth a second compilation.
LANES_FROM = 1 << 16
#: Of a vector, see lanes.hpp.
LANE_BYTES = 32
#: Vectors need no more optimization: measured, -O3 takes g++ four times as long, and what it makes
#: runs no faster. The second flag has g++ clear the upper halves of vectors before it calls the
#: functions of libm, which are ten times slower else.
LANE_FLAGS = ("-O1", "-fexpensive-optimizations", "-faligned-new")
#: `Result` of batch.cpp.
_NOT_FINITE, _TIMES_DIFFER = 1, 2


class _BatchJob(ctypes.Structure):
    """`Job` of batch.cpp."""

    _fields_ = [
        *(
            (name, ctypes.c_int)
            for name in ("first", "items", "frames", "block", "threads", "sums")
        ),
        *((name, ctypes.c_void_p) for name in ("inputs", "outputs", "values")),
        *((name, ctypes.c_void_p) for name in ("initial", "final", "totals")),
    ]


def lanes_pay(items: int, frames: int, words: int) -> bool:
    """Whether items should run side by side: g++ is called once, and `words` of state are moved."""
    return items * frames >= LANES_FROM and 2 * frames >= words


class NotFiniteError(ValueError):
    """An input of a batch that has to be finite has a sample that is NaN or infinite."""


@dataclass(frozen=True)
class BatchResult:
    """What a run of a batch gives beside its signals.

    `totals` (items, sums) are those of the program, `state` (items, bytes) is where each instance
    ended, empty if it was not asked for.
    """

    totals: NDArray[np.float64]
    state: NDArray[np.uint8]


class BatchProgram:
    """A program compiled to run in batches at one sample rate, for this machine.

    `inputs`, `outputs` and `controls` are those of the program; of the last `sums` outputs only the
    sum over time is known. `settable` are the controls without bargraphs, in whose order `run`
    takes values. `state_size` is in bytes; `digest` stands for the program and how it was compiled.
    `wide` compiles it for items side by side, when that is first used, and gives None if it cannot
    be. Threads may share it.
    """

    def __init__(
        self,
        library: Path,
        *,
        double: bool,
        sample_rate: int,
        sums: int,
        wide: Callable[[], Path | None] = lambda: None,
    ) -> None:
        program = CompiledProgram(library, double=double)
        self.dtype = program.dtype
        self.digest = library.stem
        self.sample_rate, self.sums = sample_rate, sums
        self.inputs, self.outputs = program.inputs, program.outputs
        self.controls: tuple[Control, ...] = program.controls
        self.settable = tuple(one for one in self.controls if not one.readonly)
        #: Gives all sound files a sound, see `Program.sounding`.
        self.sounding = program.sounding
        self._single = _Engine(program.api)
        self.state_size = self._single.state_size
        self._lock = threading.Lock()
        self._wide: Callable[[], Path | None] | _Engine | None = wide

    @property
    def runs_side_by_side(self) -> bool:
        """Whether it was compiled for items side by side."""
        return isinstance(self._wide, _Engine)

    def run(
        self,
        inputs: Sequence[Channels],
        outputs: Sequence[Channels],
        values: NDArray[np.float64],
        *,
        frames: int,
        initial: NDArray[np.uint8] | None = None,
        keep_state: bool = False,
        threads: int = 1,
    ) -> BatchResult:
        """Runs the items, and fills `outputs` in place.

        `inputs` and `outputs` are groups of channels, one after the other: arrays (items, channels,
        frames) of `dtype`, contiguous along frames; a first axis of length 1 is for all items.
        Those in the order of lanes have as many as `lanes` says. The `sums` have no channels.
        `values` (items, controls) are those of `settable`. `initial` (items, bytes) is where the
        instances start, else fresh. Raises ValueError if the shapes do not fit, and NotFiniteError
        for a sample that is not, in an input that has to be.
        """
        items = len(values)
        for groups, count in ((inputs, self.inputs), (outputs, self.outputs - self.sums)):
            given = count_channels(groups, items, frames, self.dtype)
            if given != count:
                raise ValueError(f"expected {count} channels, not {given}")
        if values.shape != (items, len(self.settable)):
            raise ValueError(f"expected values ({items}, {len(self.settable)}), not {values.shape}")
        if initial is not None and initial.shape != (items, self.state_size):
            raise ValueError(f"expected states ({items}, {self.state_size}), not {initial.shape}")
        values = np.ascontiguousarray(values, np.float64)
        initial = None if initial is None else np.ascontiguousarray(initial)
        totals = np.empty((items, self.sums))
        state = np.empty((items if keep_state else 0, self.state_size), np.uint8)
        job = _BatchJob(
            0,
            items,
            frames,
            LONGEST_BLOCK,
            threads,
            self.sums,
            None,
            None,
            address(values),
            None if initial is None else address(initial),
            address(state) if keep_state else None,
            address(totals),
        )
        if not self._run(job, inputs, outputs):
            raise NotFiniteError("an input has a sample that is not finite")
        return BatchResult(totals, state)

    def lanes(self, items: int, frames: int) -> int:
        """How many items of such a batch run side by side, 1 if it runs one by one."""
        wide = self._side_by_side(items, frames)
        return wide.lanes if wide else 1

    def _run(self, job: _BatchJob, inputs: Sequence[Channels], outputs: Sequence[Channels]) -> bool:
        """Runs items side by side, as many as fill all lanes, and the others one after the other.

        Whether inputs were finite. Which runs how goes by sizes alone: equal calls give equal
        numbers.
        """
        finite, items = True, job.items
        wide = self._side_by_side(items, job.frames)
        if wide is not None:
            job.items -= items % wide.lanes
            result = wide.run(job, inputs, outputs)
            finite = result != _NOT_FINITE
            if result != _TIMES_DIFFER:
                job.first = job.items
            job.items = items
        if job.first < items:
            read, written = (
                groups if job.first else [_as_signals(one) for one in groups]
                for groups in (inputs, outputs)
            )
            finite = self._single.run(job, read, written) != _NOT_FINITE and finite
            for group, copy in zip(outputs, written, strict=True):
                if isinstance(group, LaneChannels) and isinstance(copy, np.ndarray):
                    group.fill(copy)
        return finite

    def _side_by_side(self, items: int, frames: int) -> _Engine | None:
        """What runs a batch side by side, if it fills all lanes once and that is worth it."""
        lanes, words = LANE_BYTES // self.dtype.itemsize, self.state_size // self.dtype.itemsize
        if items < lanes or not lanes_pay(items, frames, words):
            return None
        with self._lock:
            if callable(self._wide):
                library = self._wide()
                self._wide = _Engine(ctypes.CDLL(str(library)), wide=True) if library else None
            return self._wide


class _Engine:
    """The functions of batch.cpp in a library, and its batch, until nobody uses it any more."""

    def __init__(self, api: ctypes.CDLL, *, wide: bool = False) -> None:
        api.open_batch.restype = ctypes.c_void_p
        api.close_batch.argtypes = [ctypes.c_void_p]
        api.state_size.restype = ctypes.c_longlong
        api.run_batch.argtypes = [ctypes.c_void_p, ctypes.POINTER(_BatchJob)]
        api.run_batch.restype = ctypes.c_int
        self._run, self._wide = api.run_batch, wide
        self.lanes = int(api.batch_lanes())
        self.state_size = int(api.state_size())
        self._batch = api.open_batch()
        weakref.finalize(self, api.close_batch, self._batch)

    def run(self, job: _BatchJob, inputs: Sequence[Channels], outputs: Sequence[Channels]) -> int:
        """What `run_batch` says."""
        sources, sinks = (addresses(one, wide=self._wide) for one in (inputs, outputs))
        job.inputs, job.outputs = ctypes.addressof(sources), ctypes.addressof(sinks)
        with in_program():
            return int(self._run(self._batch, ctypes.byref(job)))


def _as_signals(group: Channels) -> Channels:
    return group.signals() if isinstance(group, LaneChannels) else group


def build_batch(
    source: str,
    compiler: Compiler,
    *,
    double: bool,
    sample_rate: int,
    reversed_time: bool = False,
    finite: int = 0,
    sums: int = 0,
    local_states: bool = True,
    include: Sequence[Path] = (),
    cache: Path | None = None,
    timeout: float = COMPILER_TIMEOUT,
) -> BatchProgram:
    """Faust text to a program that runs in batches.

    `sample_rate` is in Hz; with `reversed_time`, the program's first sample is the last one of its
    signals. The first `finite` inputs have to be finite: the program reads 0 for a sample of them
    that is not. The last `sums` outputs are added up over time instead of given. Without
    `local_states`, states stay where the compiler puts them, which is slower. Other parameters as
    for `build`. Raises FaustError if a compiler is missing, refuses the program, or writes C++ that
    is not understood.
    """
    cpp = translate(source, compiler, double=double, include=include, cache=cache, timeout=timeout)
    # Side by side and one by one, the same sums are computed in the same order.
    cpp = with_newest_last(cpp)
    try:
        cpp = with_short_rings(cpp, sample_rate)
        text = with_channels(with_local_states(cpp) if local_states else cpp, finite, sums)
    except ValueError as error:
        raise FaustError(str(error), compiler.name, source) from None

    def compiled(text: str, *more: str, defines: Sequence[str] = ()) -> Path:
        return compile_cpp(
            text,
            double=double,
            include=include,
            fast=True,
            more=more,
            host="batch.cpp",
            defines=(f"FORWARD={-1 if reversed_time else 1}", f"RATE={sample_rate}", *defines),
            cache=cache,
            timeout=timeout,
        )

    def wide() -> Path | None:
        if len(cpp) > LEVELS[0][0]:
            return None
        try:
            text = in_lanes(with_channels(cpp, finite, sums))
            return compiled(text, *LANE_FLAGS, defines=("LANES",))
        except (ValueError, FaustError):
            return None

    library = compiled(text)
    return BatchProgram(library, double=double, sample_rate=sample_rate, sums=sums, wide=wide)
