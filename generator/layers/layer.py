"""A Faust program as a layer on arrays: what PyTorch and JAX call, in single and double precision.

Values of sliders are in the units of the slider, or numbers in [0, 1] that are spread over its
range, evenly or by ratios as its scale says.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..autodiff.arguments import Names, require_finite, require_range, value_of_slider
from ..autodiff.reverse import ReversePrograms, reverse_programs
from ..autodiff.vjp import VJP, State, Tape
from ..faust.compilers import Compiler, find_compiler
from ..faust.interface import Control, Signals
from ..fitting.scales import Scales
from ..signals.sliders import Parameter
from ..signals.source import read_source
from ..table.model import Table
from .menus import entries

Array = NDArray[np.floating[Any]]
Value = TypeVar("Value")

#: How far outside [0, 1] a number may be by rounding.
UNIT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class ForwardPass:
    """A forward pass: its tape, and the slopes of the sliders that were given in [0, 1]."""

    tape: Tape
    slopes: Mapping[str, Array] = field(default_factory=dict)


class Layer:
    """A program to run forward and backward in either precision, each compiled when first used.

    It can be pickled and copied: what was compiled stays behind, and is compiled again on use.
    """

    def __init__(
        self,
        program: str | Path,
        *,
        params: Sequence[str] | None = None,
        signals: Sequence[str] = (),
        settings: Mapping[str, float] | None = None,
        sample_rate: int = 44100,
        double: bool = False,
        threads: int | None = None,
        compiler: Compiler | str | None = None,
        include: Sequence[Path] = (),
        table: Table | None = None,
        cache: Path | None = None,
    ) -> None:
        source = read_source(program)
        self.file = source.file or source.name
        self.compiler = compiler if isinstance(compiler, Compiler) else find_compiler(compiler)
        self.include = (*source.include, *include)
        self.sample_rate, self.threads, self.cache = sample_rate, threads, cache
        self.programs: ReversePrograms = reverse_programs(
            source.text,
            params=params,
            all_continuous=True,
            signals=signals,
            by_sums=True,
            compiler=self.compiler,
            include=self.include,
            table=table,
            name=source.name,
            file=source.file,
        )
        self._compiled: dict[bool, VJP] = {}
        self._lock = threading.Lock()
        names = self.at(double).names
        self.params, self.signals, self.settings = names.params, names.signals, names.settings
        #: The sliders that are differentiated, by name.
        self.sliders: dict[str, Parameter] = {
            **dict(zip(self.params, self.programs.params, strict=True)),
            **dict(zip(self.signals, self.programs.signals, strict=True)),
        }
        self.fixed = dict(self._held(name, value) for name, value in (settings or {}).items())

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: one for name, one in vars(self).items() if name != "_lock"}
        return {**kept, "_compiled": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> Layer:
        # Nothing in it changes but what has been compiled.
        return self

    def at(self, double: bool) -> VJP:
        """The program in one precision."""
        with self._lock:
            if double not in self._compiled:
                self._compiled[double] = VJP(
                    self.programs,
                    self.compiler,
                    sample_rate=self.sample_rate,
                    double=double,
                    threads=self.threads,
                    include=self.include,
                    cache=self.cache,
                )
            return self._compiled[double]

    def find(self, name: str) -> str:
        """The name of the slider `name`: a label, a path, or a label as a Python name.

        Raises ValueError if there is none.
        """
        known = (*self.params, *self.signals, *self.settings)
        spelled = [one for one in known if identifier(one) == name]
        if len(spelled) == 1:
            return spelled[0]
        return self._names().find(name)

    def given(self, *values: Mapping[str, Value] | None) -> dict[str, Value]:
        """The values of a call by the names of their sliders.

        Raises ValueError if a slider does not exist or is given twice.
        """
        found: dict[str, Value] = {}
        for some in values:
            if not isinstance(some, Mapping | None):
                kind = type(some).__name__
                raise ValueError(f"sliders are given by name, as gain=0.5, not as a {kind}")
            for asked, value in (some or {}).items():
                name = self.find(asked)
                if name in found:
                    raise ValueError(f"the slider '{name}' is given twice, by two of its names")
                found[name] = value
        return found

    def control(self, name: str) -> Control | Parameter:
        """What is known about the slider `name`."""
        return self._names().control(self.find(name))

    def menu(self, name: str) -> dict[str, float]:
        """The entries of the menu `name`, by label; ValueError if it is none."""
        choices = entries(self.control(name).meta)
        if not choices:
            raise ValueError(f"the slider '{name}' is no menu: it has no [style:menu{{...}}]")
        return choices

    def _held(self, given: str, value: float) -> tuple[str, float]:
        """The name of a slider, and a value that it can be held at."""
        name = self.find(given)
        number = value_of_slider(name, value)
        if number.ndim:
            raise ValueError(f"'{name}' is held at a number, not at several: {number.shape}")
        require_finite(number, f"the value of '{name}'")
        require_range(name, number, self.control(name))
        return name, float(number)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each slider that is differentiated."""
        return {name: (one.min, one.max) for name, one in self.sliders.items()}

    def unit(self, name: str) -> float:
        """The initial value of a slider as a number in [0, 1]."""
        one = self.sliders[name]
        return float(Scales([one], self.file).units([one.init])[0])

    def value(self, name: str, unit: float) -> float:
        """The value of a slider for a number in [0, 1]."""
        return float(Scales([self.sliders[name]], self.file).values([unit])[0])

    def forward(
        self,
        inputs: Array | None,
        values: Mapping[str, NDArray[Any]],
        *,
        double: bool,
        units: Collection[str] = (),
        frames: int | None = None,
        batch: int | None = None,
        state: State | None = None,
        segment: int | Literal["auto"] | None = None,
        record: bool = True,
        restorable: bool = False,
    ) -> tuple[Signals, ForwardPass]:
        """The outputs and what `backward` needs; `units` are given in [0, 1].

        `values` go by the names of `find`; the other arguments are those of `VJP.forward`.
        """
        given, slopes = self._physical(values, units)
        outputs, tape = self.at(double).forward(
            inputs,
            given,
            frames=frames,
            batch=batch,
            state=state,
            segment=segment,
            record=record,
            restorable=restorable,
        )
        return outputs, ForwardPass(tape, slopes)

    def restore(
        self, recorded: Signals, values: Mapping[str, NDArray[Any]], *, units: Collection[str] = ()
    ) -> ForwardPass:
        """A forward pass from what is `restorable`, (batch, tape, frames), and its values."""
        given, slopes = self._physical(values, units)
        return ForwardPass(self.at(recorded.dtype == np.float64).restore(recorded, given), slopes)

    def require_shape(self, name: str, shape: tuple[int, ...], inputs: tuple[int, ...]) -> None:
        """Raises ValueError if a value has the wrong `shape` for inputs of the shape `inputs`."""
        names = self._names()
        names.require_shape(name, shape, inputs[0] if len(inputs) == 3 else None, inputs[-1])

    def backward(
        self, passed: ForwardPass, cotangents: Array, *, inputs: bool = True
    ) -> tuple[Signals | None, dict[str, Array]]:
        """The cotangents of the inputs, if wanted, and of the sliders, each as it was given."""
        double = passed.tape.program.dtype == np.float64
        gradients = self.at(double).backward(passed.tape, cotangents, inputs=inputs)
        sliders = {
            name: np.asarray(one * passed.slopes.get(name, 1.0))
            for name, one in gradients.sliders.items()
        }
        return gradients.inputs, sliders

    def _names(self) -> Names:
        """The names of the sliders, which are the same in both precisions."""
        compiled = next(iter(self._compiled.values()), None)
        return (compiled or self.at(False)).names

    def _physical(
        self, values: Mapping[str, NDArray[Any]], units: Collection[str]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Array]]:
        """All values in the units of their sliders, and the slopes of those given in [0, 1]."""
        given: dict[str, NDArray[Any]] = {name: np.asarray(v) for name, v in self.fixed.items()}
        slopes: dict[str, Array] = {}
        for name, value in values.items():
            if name in units:
                value, slopes[name] = self._from_units(name, np.asarray(value, np.float64))
            given[name] = value
        return given, slopes

    def _from_units(self, name: str, units: NDArray[np.float64]) -> tuple[Array, Array]:
        """Numbers in [0, 1] as values of the slider, and the derivatives of these."""
        require_finite(units, f"the value of '{name}'")
        if units.size and (units.min() < -UNIT_TOLERANCE or units.max() > 1 + UNIT_TOLERANCE):
            low, high = units.min(), units.max()
            raise ValueError(
                f"'{name}' takes numbers in [0, 1] (normalized), not {low:g} to {high:g}"
            )
        scale = Scales([self.sliders[name]], self.file)
        column = units.reshape(-1, 1)
        return scale.values(column).reshape(units.shape), scale.slopes(column).reshape(units.shape)


def identifier(name: str) -> str:
    """A label as a Python name: "Cutoff Freq" is `Cutoff_Freq`."""
    return "".join(c if c.isalnum() else "_" for c in name)
