"""Packages that are extras: not everybody who uses faustdiff needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: The extra of faustdiff that brings a package.
EXTRAS = {
    "cyfaust": "embedded",
    "dask": "cluster",
    "distributed": "cluster",
    "jax": "jax",
    "matplotlib": "plots",
    "scipy": "fit",
    "soxr": "fit",
    "torch": "torch",
}


def how_to_install(module: str) -> str | None:
    """The command that brings a module, None if no extra does."""
    extra = EXTRAS.get(module.partition(".")[0])
    return extra and f"pip install 'faustdiff[{extra}]'"


def naming_extras(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose ModuleNotFoundError says how to install what is missing."""

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        try:
            return function(*args, **options)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            command = how_to_install(package)
            if command is None:
                raise
            text = f"{function.__name__} needs the package '{package}', an extra: {command}"
            raise ModuleNotFoundError(text, name=error.name) from None

    return call
