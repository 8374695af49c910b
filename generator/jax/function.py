"""A Faust program as a function of arrays that JAX differentiates in reverse mode."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ..faust.compilers import Compiler
from ..layers.layer import Layer
from ..table.model import Table

Array = NDArray[Any]


@dataclass(frozen=True)
class JaxCall:
    """All of a call that is no array: `axes` are those of x and of each value, without `vmap`."""

    names: tuple[str, ...]
    axes: tuple[int, ...]


class FaustFunction:
    """A Faust program whose inputs and sliders are arrays of JAX.

    The arguments and errors are those of `FaustModule` in `faustdiff.torch`, but for parameters of
    its own, states and menus, which JAX keeps outside of functions. `double` is what is compiled at
    once; the type of the inputs decides what is used.

    The program runs on the CPU, called back from the compiled function; `vmap` makes one batch of
    what it maps. Forward mode of JAX, and second derivatives, raise an error.
    """

    def __init__(
        self,
        program: str | Path,
        *,
        params: Sequence[str] | None = None,
        signals: Sequence[str] = (),
        normalized: bool = False,
        settings: Mapping[str, float] | None = None,
        sample_rate: int = 44100,
        double: bool = False,
        threads: int | None = None,
        compiler: Compiler | str | None = None,
        include: Sequence[Path] = (),
        table: Table | None = None,
        cache: Path | None = None,
    ) -> None:
        self.layer = Layer(
            program,
            params=params,
            signals=signals,
            settings=settings,
            sample_rate=sample_rate,
            double=double,
            threads=threads,
            compiler=compiler,
            include=include,
            table=table,
            cache=cache,
        )
        self._units = set(self.layer.sliders) if normalized else set()
        self._run = self._differentiated()

    def _differentiated(self) -> Any:
        run = jax.custom_vjp(self._outputs, nondiff_argnums=(0,))
        run.defvjp(self._run_and_record, self._cotangents)
        return run

    def __getstate__(self) -> dict[str, Any]:
        return {name: one for name, one in vars(self).items() if name != "_run"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._run = self._differentiated()

    @property
    def param_ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each slider that is differentiated."""
        return self.layer.ranges()

    def __call__(
        self,
        x: jax.Array | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        frames: int | None = None,
        batch: int | None = None,
        **sliders: Any,
    ) -> jax.Array:
        """The outputs (batch, outputs, frames) for `x` (batch, inputs, frames), or both flat.

        Sliders are given as in a call of `FaustModule`. Raises ValueError, with the name of the
        slider or array and the shape that was expected.
        """
        programs = self.layer.programs
        if x is None:
            if programs.inputs or frames is None:
                raise ValueError("x is missing, or of a program without inputs the `frames`")
            x = jnp.zeros((0, frames) if batch is None else (batch, 0, frames))
        elif frames is not None or batch is not None:
            raise ValueError("x has its own frames and batch: leave them out")
        x = jnp.asarray(x)
        if x.ndim not in (2, 3) or x.shape[-2] != programs.inputs:
            expected = f"(batch, {programs.inputs}, frames) or ({programs.inputs}, frames)"
            raise ValueError(f"x has the shape {x.shape}, expected {expected}")
        if x.dtype not in (jnp.float32, jnp.float64):
            raise ValueError(f"x is of {x.dtype}, expected float32 or float64")
        given: dict[str, jax.Array] = {}
        for name, value in self.layer.given(values, sliders).items():
            given[name] = _reals(name, value, x.dtype)
            self.layer.require_shape(name, given[name].shape, x.shape)
        call = JaxCall(tuple(given), (x.ndim, *(one.ndim for one in given.values())))
        return self._run(call, x, *given.values())

    def _outputs(self, call: JaxCall, x: Any, *values: Any) -> Any:
        shape = (*x.shape[:-2], self.layer.programs.outputs, x.shape[-1])
        result = jax.ShapeDtypeStruct(shape, x.dtype)
        host = functools.partial(self._forward_on_host, call, False)
        return self._callback(host, (result,), x, *values)[0]

    def _run_and_record(self, call: JaxCall, x: Any, *values: Any) -> tuple[Any, Any]:
        programs = self.layer.programs
        channels = (programs.outputs, programs.tape)
        shapes = [(*x.shape[:-2], count, x.shape[-1]) for count in channels]
        results = tuple(jax.ShapeDtypeStruct(shape, x.dtype) for shape in shapes)
        host = functools.partial(self._forward_on_host, call, True)
        y, tape = self._callback(host, results, x, *values)
        return y, (x, values, tape)

    def _cotangents(self, call: JaxCall, residuals: Any, cotangent: Any) -> tuple[Any, ...]:
        x, values, tape = residuals
        results = tuple(jax.ShapeDtypeStruct(one.shape, one.dtype) for one in (x, *values))
        host = functools.partial(self._backward_on_host, call)
        return tuple(self._callback(host, results, tape, cotangent, *values))

    def _callback(self, host: Any, results: Any, *arrays: Any) -> Any:
        return jax.pure_callback(host, results, *arrays, vmap_method="broadcast_all")

    def _forward_on_host(self, call: JaxCall, record: bool, *arrays: Any) -> tuple[Array, ...]:
        x, *values = map(np.asarray, arrays)
        items, given = _as_batch(call, x, values)
        y, passed = self.layer.forward(
            items,
            given,
            double=x.dtype == np.float64,
            units=self._units,
            record=record,
            restorable=True,
        )
        outer = x.shape[:-2]
        results = [y]
        if record:
            # A copy, also of what is contiguous: the memory of a tape is used again.
            results.append(np.array(passed.tape.recorded, order="C"))
        return tuple(one.reshape(*outer, *one.shape[-2:]) for one in results)

    def _backward_on_host(self, call: JaxCall, *arrays: Any) -> tuple[Array, ...]:
        tape, cotangent, *values = map(np.asarray, arrays)
        recorded, given = _as_batch(call, tape, values)
        inputs, sliders = self.layer.backward(
            self.layer.restore(recorded, given, units=self._units),
            cotangent.reshape(len(recorded), *cotangent.shape[-2:]),
        )
        assert inputs is not None
        outer = tape.shape[:-2]
        gradients = [inputs.reshape(*outer, *inputs.shape[-2:])]
        mapped = tape.ndim - call.axes[0]
        for name, value in zip(call.names, values, strict=True):
            one = sliders.get(name, np.zeros(len(recorded)))
            one = one.reshape(*outer, *one.shape[1:])
            if value.ndim == mapped:
                one = one.sum(axis=tuple(range(mapped, one.ndim)))
            gradients.append(one)
        return tuple(np.asarray(one, tape.dtype, order="C") for one in gradients)


def _reals(name: str, value: Any, dtype: Any) -> jax.Array:
    """The value of a slider as an array; ValueError, with its name, if it is none of numbers."""
    try:
        array = jnp.asarray(value)
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise TypeError
    except (TypeError, ValueError):
        kind = getattr(value, "dtype", type(value).__name__)
        raise ValueError(f"the value of '{name}': expected real numbers, not {kind}") from None
    return array.astype(dtype)


def _as_batch(call: JaxCall, x: Array, values: Sequence[Array]) -> tuple[Array, dict[str, Array]]:
    """All axes but channels and frames as one batch, and the values for each of its items."""
    outer, frames = x.shape[:-2], x.shape[-1]
    items = math.prod(outer)  # -1 says nothing where there are no channels or frames
    mapped = x.ndim - call.axes[0]
    given = {}
    for name, value, axes in zip(call.names, values, call.axes[1:], strict=True):
        moving = axes == 2 or (axes == 1 and call.axes[0] == 2)
        inner = value.shape[mapped : value.ndim - moving]
        wide = value.reshape(
            *value.shape[:mapped], *(inner or (1,) * (len(outer) - mapped)), frames if moving else 1
        )
        shape = (*outer, frames if moving else 1)
        flat = np.broadcast_to(wide, shape).reshape(items, shape[-1])
        given[name] = flat if moving else flat[:, 0]
    return x.reshape(items, *x.shape[-2:]), given
