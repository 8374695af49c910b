"""Programs that g++ compiled, inside this process, and what g++ makes of C++ text."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .calling import FaustError
from .interface import BLOCK_LENGTH, Control, Program, Signals, control_path
from .supervision import in_program

#: The callback of `describe` in host.cpp: event, label, value, zone, init, min, max, step.
LISTENER = ctypes.CFUNCTYPE(None, *[ctypes.c_char_p] * 3, ctypes.c_void_p, *[ctypes.c_double] * 4)


class CompiledProgram(Program):
    """A program compiled by g++ and loaded into this process.

    `library` is a shared object made by `compile_cpp` in the precision `double`.
    """

    def __init__(self, library: Path, *, double: bool) -> None:
        self.double = double
        self.real = ctypes.c_double if double else ctypes.c_float
        signatures: list[tuple[str, Any, list[Any]]] = [
            ("create", ctypes.c_void_p, [ctypes.c_int]),
            ("destroy", None, [ctypes.c_void_p]),
            ("inputs", ctypes.c_int, [ctypes.c_void_p]),
            ("outputs", ctypes.c_int, [ctypes.c_void_p]),
            ("describe", None, [ctypes.c_void_p, LISTENER]),
            ("compute", None, [ctypes.c_void_p] * 3 + [ctypes.c_int] * 2),
            ("sound", ctypes.c_int, [ctypes.POINTER(ctypes.POINTER(self.real))]),
        ]
        try:
            self.api = ctypes.CDLL(str(library))
            for name, result, arguments in signatures:
                function = getattr(self.api, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            text = f"g++ wrote a library that cannot be used: {error}"
            raise FaustError(text, "g++") from None
        with in_program():
            instance = self.api.create(44100)
        self.inputs = self.api.inputs(instance)
        self.outputs = self.api.outputs(instance)
        widgets = self._widgets(instance)
        self.controls = tuple(control for control, _ in widgets)
        #: Where the values of the controls stand in an instance, in bytes from its beginning.
        self.offsets = tuple(offset for _, offset in widgets)
        self.api.destroy(instance)

    def _widgets(self, instance: int) -> list[tuple[Control, int]]:
        """The controls of an instance, each with the offset of its value."""
        widgets: list[tuple[Control, int]] = []
        groups: list[str] = []
        meta: dict[int | None, dict[str, str]] = {}

        def tell(
            event: bytes,
            label: bytes,
            value: bytes,
            zone: int | None,
            init: float,
            low: float,
            high: float,
            step: float,
        ) -> None:
            text = label.decode()
            if event == b"open":
                groups.append(text)
            elif event == b"close":
                groups.pop()
            elif event == b"declare":
                meta.setdefault(zone, {})[text] = value.decode()
            elif event == b"soundfile":
                self.sounds += (text,)
            else:
                path = control_path([*groups, text])
                control = Control(
                    text, path, event.decode(), init, low, high, step, meta.get(zone, {})
                )
                widgets.append((control, (zone or 0) - instance))

        self.api.describe(instance, LISTENER(tell))
        return widgets

    @contextmanager
    def sounding(self, sound: ArrayLike) -> Iterator[None]:
        start = ctypes.POINTER(self.real)()
        frames = self.api.sound(ctypes.byref(start))
        samples = np.ctypeslib.as_array(start, (frames,))
        samples[:] = np.resize(np.asarray(sound, samples.dtype), frames)
        try:
            yield
        finally:
            samples[:] = 0

    def session(self, *, sample_rate: int = 44100) -> Session:
        return Session(self, sample_rate)

    def run(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        sample_rate: int = 44100,
        controls: Mapping[str, float] | None = None,
        block: int = BLOCK_LENGTH,
    ) -> Signals:
        session = self.session(sample_rate=sample_rate)
        for name, value in (controls or {}).items():
            session.set(name, value)
        return session.compute(inputs, frames, block=block)


class Session:
    """One instance of a compiled program, which keeps its state from call to call.

    Sessions of one program share its constant tables, as Faust instances do: where those depend
    on the sample rate, the session made last decides.
    """

    def __init__(self, program: CompiledProgram, sample_rate: int) -> None:
        self._program = program
        with in_program():
            self.instance = program.api.create(sample_rate)
        weakref.finalize(self, program.api.destroy, self.instance)
        self._values = [
            program.real.from_address(self.instance + offset) for offset in program.offsets
        ]
        for control, value in zip(program.controls, self._values, strict=True):
            # Faust leaves a bargraph undefined until it is computed.
            value.value = control.init

    def set(self, name: str, value: float) -> None:
        """Set a control by label or path; ValueError for an unknown name or a bargraph."""
        self._values[self._program.find_settable(name)].value = value

    def get(self, name: str) -> float:
        """The value of a control or bargraph by label or path; ValueError for an unknown name."""
        return float(self._values[self._program.find(name)].value)

    def compute(
        self,
        inputs: ArrayLike | None = None,
        frames: int | None = None,
        *,
        block: int = BLOCK_LENGTH,
    ) -> Signals:
        """The next outputs (outputs, frames) for `inputs` (inputs, frames), as in `Program.run`."""
        source = self._program.signals(inputs, frames)
        count = source.shape[1]
        sink = np.zeros((self._program.outputs, count), self._program.dtype)
        if block < 1:
            raise ValueError(f"a block has at least one frame, not {block}")
        with in_program():
            self._program.api.compute(
                self.instance, source.ctypes.data, sink.ctypes.data, count, block
            )
        return sink
