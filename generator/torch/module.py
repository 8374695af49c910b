"""A Faust program as an `nn.Module`."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from ..autodiff.arguments import value_of_slider
from ..autodiff.vjp import State
from ..faust.compilers import Compiler
from ..layers.layer import Layer, identifier
from ..table.model import Table
from .function import TorchCall, run

#: How close to the ends of a range an owned parameter begins, as a part of the range: at the ends
#: themselves a sigmoid has no slope.
UNIT_MARGIN = 1e-3

PRECISIONS = (torch.float32, torch.float64)

Value: TypeAlias = torch.Tensor | float


class FaustModule(nn.Module):
    """A Faust program whose inputs and sliders are tensors.

    `program` is the path of a file, or the text of a program. The sliders `params`, by label or
    path (else all that are continuous), stand still during a call; `signals` may move at every
    sample. Those that `owned` names, or all with True, are parameters of the module: numbers that
    a sigmoid keeps within the slider's range, spread as its scale says; in a call, other values
    may still be given. With `normalized`, values in a call are numbers in [0, 1] over the range.
    `settings` holds other sliders at values; the menus that `relaxed` names are mixed, the sound of
    each entry weighted by a softmax, whose logits are a parameter of the module or given in a call.

    `sample_rate` is in Hz; `dtype` is what is compiled at once, the other precision on first use;
    `segment` bounds memory, see `VJP.forward`; `threads` is how many items run at once. The other
    arguments are those of `vjp`, and so are the errors.

    Outputs are differentiated once: a second derivative raises an error.
    """

    def __init__(
        self,
        program: str | Path,
        *,
        params: Sequence[str] | None = None,
        signals: Sequence[str] = (),
        owned: Sequence[str] | bool = (),
        normalized: bool = False,
        settings: Mapping[str, float] | None = None,
        relaxed: Sequence[str] = (),
        sample_rate: int = 44100,
        dtype: torch.dtype | None = None,
        segment: int | Literal["auto"] | None = None,
        threads: int | None = None,
        compiler: Compiler | str | None = None,
        include: Sequence[Path] = (),
        table: Table | None = None,
        cache: Path | None = None,
    ) -> None:
        super().__init__()
        self.dtype = dtype or torch.get_default_dtype()
        _require_precision(self.dtype, "the module")
        self.layer = Layer(
            program,
            params=params,
            signals=signals,
            settings=settings,
            sample_rate=sample_rate,
            double=self.dtype == torch.float64,
            threads=threads,
            compiler=compiler,
            include=include,
            table=table,
            cache=cache,
        )
        self.normalized, self.segment = normalized, segment
        chosen = tuple(self.layer.sliders) if owned is True else _names(owned or ())
        self._owned = tuple(self._find_differentiable(name) for name in chosen)
        self.raw = nn.ParameterDict()
        for name in self._owned:
            unit = min(max(self.layer.unit(name), UNIT_MARGIN), 1 - UNIT_MARGIN)
            self.raw[identifier(name)] = nn.Parameter(torch.tensor(unit, dtype=self.dtype).logit())
        self._menus = {self.layer.find(name): self.layer.menu(name) for name in _names(relaxed)}
        for name in self._menus.keys() & self.layer.fixed.keys():
            raise ValueError(
                f"the menu '{name}' is both relaxed and held by the settings: choose one"
            )
        self.logits = nn.ParameterDict()
        for name, entries in self._menus.items():
            self.logits[identifier(name)] = nn.Parameter(
                torch.zeros(len(entries), dtype=self.dtype)
            )

    @property
    def inputs(self) -> int:
        """The number of input channels."""
        return self.layer.programs.inputs

    @property
    def outputs(self) -> int:
        """The number of output channels."""
        return self.layer.programs.outputs

    @property
    def param_ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each slider that is differentiated."""
        return self.layer.ranges()

    def values(self) -> dict[str, float]:
        """The owned parameters as values of their sliders."""
        units = {name: self.raw[identifier(name)].detach().sigmoid() for name in self._owned}
        return {name: self.layer.value(name, float(unit)) for name, unit in units.items()}

    @torch.compiler.disable(reason="a Faust program runs in C++, outside of PyTorch")
    def forward(
        self,
        x: torch.Tensor | None = None,
        values: Mapping[str, Value] | None = None,
        *,
        frames: int | None = None,
        batch: int | None = None,
        state: State | None = None,
        **sliders: Value,
    ) -> Any:
        """The outputs (batch, outputs, frames) for `x` (batch, inputs, frames), or both flat.

        Sliders are given by label, path, or label as a Python name, in `values` or as keywords: a
        number, a tensor (batch,), or (batch, frames) for those that may move; of a relaxed menu,
        logits (entries,) or (batch, entries). A program without inputs takes the number of
        `frames`, and of items in a `batch`. With `state`, from `start` or from the call before, the
        call continues there and gives (outputs, state); gradients do not reach back into earlier
        calls.

        Raises ValueError, with the name of the slider or tensor and the shape that was expected.
        """
        _require_real(x)
        if x is not None and (frames is not None or batch is not None):
            raise ValueError("x has its own frames and batch: leave them out")
        given, units = self._tensors_of(self.layer.given(values, sliders))
        dtype = self._dtype(x, given.values())
        size = (frames, batch) if x is None else (None, None)
        items = len(x) if x is not None and x.ndim == 3 else batch
        weights = {name: self._weights(name, given.pop(name, None), items) for name in self._menus}
        if weights and state is not None:
            raise ValueError("a relaxed menu has a state for each entry: leave out `state`")
        if not weights:
            y, ended = self._call(x, given, units, dtype, size, state)
            return y if state is None else (y, ended)
        total: Any = 0.0
        for branch in itertools.product(*(menu.values() for menu in self._menus.values())):
            held = dict(zip(self._menus, map(torch.tensor, branch), strict=True))
            y, _ = self._call(x, {**given, **held}, units, dtype, size, None)
            for (name, menu), value in zip(self._menus.items(), branch, strict=True):
                index = list(menu.values()).index(value)
                y = weights[name][..., index, None, None] * y
            total = total + y
        return total

    def start(self, batch: int | None = None, dtype: torch.dtype | None = None) -> State:
        """The state of a fresh program, for a batch of that many items or for none."""
        dtype = dtype or self._dtype(None, ())
        shape = (self.inputs, 0) if batch is None else (batch, self.inputs, 0)
        x = torch.empty(shape, dtype=dtype)
        _, state = self._call(x, {}, (), dtype, (None, None), None)
        assert state is not None
        return state

    def extra_repr(self) -> str:
        """What is shown of the module."""
        return f"{self.layer.file}, sliders={list(self.layer.sliders)}, owned={list(self._owned)}"

    def _tensors_of(self, values: Mapping[str, Value]) -> tuple[dict[str, torch.Tensor], set[str]]:
        """The sliders of a call as tensors, by name, and which are numbers in [0, 1]."""
        given = {name: _as_tensor(name, one) for name, one in values.items()}
        self._require_gradients(given)
        units = set(self.layer.sliders) if self.normalized else set()
        for name in self._owned:
            if name not in given:
                given[name] = self.raw[identifier(name)].sigmoid()
                units.add(name)
        return given, units

    def _require_gradients(self, given: Mapping[str, torch.Tensor]) -> None:
        """Raises ValueError for a slider that a gradient is wanted of, and that has none."""
        for name, one in given.items():
            if one.requires_grad and name not in self.layer.sliders and name not in self._menus:
                way = "name it among params or signals, or pass its .detach()"
                raise ValueError(f"there is no gradient by '{name}': {way}")

    def _call(
        self,
        x: torch.Tensor | None,
        values: Mapping[str, torch.Tensor],
        units: Collection[str],
        dtype: torch.dtype,
        size: tuple[int | None, int | None],
        state: State | None,
    ) -> tuple[torch.Tensor, State | None]:
        tensors = [one for one in (x, *values.values()) if one is not None]
        record = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
        names, segment = tuple(values), self.segment
        call = TorchCall(self.layer, names, frozenset(units), dtype, *size, state, segment, record)
        return run(call, x, values)

    def _dtype(self, x: torch.Tensor | None, given: Iterable[torch.Tensor]) -> torch.dtype:
        """The precision of a call: that of `x`, or without inputs that of the first tensor.

        Plain numbers have become tensors of no axis, which say nothing.
        """
        if x is not None:
            return x.dtype
        tensors = [one for one in given if one.ndim]
        kinds = (one.dtype for one in (*tensors, *self.parameters()))
        return next((one for one in kinds if one in PRECISIONS), self.dtype)

    def _weights(self, name: str, logits: torch.Tensor | None, items: int | None) -> torch.Tensor:
        logits = self.logits[identifier(name)] if logits is None else logits
        shape, count = tuple(logits.shape), len(self._menus[name])
        if shape not in ((count,), (items, count)):
            either = f"({count},)" if items is None else f"({count},) or ({items}, {count})"
            raise ValueError(f"'{name}' is relaxed: expected logits {either}, not {shape}")
        return logits.softmax(dim=-1)

    def _find_differentiable(self, name: str) -> str:
        slider = self.layer.find(name)
        if slider not in self.layer.sliders:
            listed = ", ".join(f"'{one}'" for one in self.layer.sliders)
            raise ValueError(
                f"'{name}' cannot be owned: it is none of params and signals: {listed}"
            )
        return slider


def _require_real(x: torch.Tensor | None) -> None:
    if x is None:
        return
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x is a tensor (batch, inputs, frames), not {type(x).__name__}")
    _require_precision(x.dtype, "x")


def _require_precision(dtype: torch.dtype, what: str) -> None:
    if dtype not in PRECISIONS:
        raise ValueError(f"{what} is of {dtype}, expected torch.float32 or torch.float64")


def _as_tensor(name: str, value: Value) -> torch.Tensor:
    """The value of a slider; of several tensors in a list, gradients would be lost."""
    if isinstance(value, torch.Tensor):
        return value
    try:
        return torch.tensor(value_of_slider(name, value))
    except RuntimeError:
        raise ValueError(
            f"the value of '{name}': expected a number or a tensor, not a {type(value).__name__}: "
            "torch.stack makes one tensor of several"
        ) from None


def _names(given: Sequence[str]) -> Sequence[str]:
    """Names, of which one alone may be given as it is."""
    return (given,) if isinstance(given, str) else given
