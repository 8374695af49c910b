"""The program that is fitted: differentiated by the sliders that are sought, the others set."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..autodiff import Parameter, differentiate
from ..autodiff.reverse import reverse_programs
from ..errors import InputError, Place, Problem
from ..faust.compilers import Compiler
from ..signals.initial_values import InitializedProgram, Initializer
from ..table.model import Table
from .dual_runs import DualSource, model_of
from .gradients import Wanted, derivatives
from .setup import Setup

#: A menu has at most so many entries, and so many combinations of entries are tried.
ENTRIES, COMBINATIONS = 32, 128


@dataclass(frozen=True)
class Subject:
    """A program: its text, its name without suffix, its file for messages, how it is compiled."""

    text: str
    name: str
    file: str
    compiler: Compiler
    include: tuple[Path, ...] = ()
    table: Table | None = None

    def with_initial_values(self, setup: Setup, values: Sequence[float]) -> InitializedProgram:
        """The program with fitted values as those that its sliders start at."""
        fitted = {one.path: float(v) for one, v in zip(setup.source.params, values, strict=True)}
        return _initializer(self.text, self.name, self.compiler, self.include).with_initial_values(
            {**setup.source.settings, **fitted}, self.table
        )


@lru_cache(maxsize=4)
def _initializer(
    text: str, name: str, compiler: Compiler, include: tuple[Path, ...]
) -> Initializer:
    """One for all fits of a program: what it reads of it stays the same."""
    return Initializer(text, compiler, include, name)


@dataclass(frozen=True)
class Menu:
    """A control with a few values, each of which is tried."""

    path: str
    label: str
    values: tuple[float, ...]


def source_of(
    subject: Subject,
    params: Sequence[str] = (),
    all_continuous: bool = False,
    settings: Mapping[str, float] | None = None,
    menus: Sequence[str] = (),
    cache: Path | None = None,
    gradient: Wanted = "forward",
    gradient_alone: bool = False,
) -> tuple[DualSource, tuple[Menu, ...]]:
    """The differentiated program, and the menus that are to be searched.

    `params` and `all_continuous` choose sliders as for `differentiate`; what is chosen and has a
    few whole numbers alone is a menu, and so is each control that `menus` names. `settings` are
    values by label or path: of a slider that is sought, where the search starts. `gradient` and
    `gradient_alone` are those of `derivatives`. Raises
    `InputError` and `FaustError` as `differentiate` does, and `ValueError` for an unknown control.
    """

    def dual_source(names: Sequence[str]) -> DualSource:
        every = all_continuous and not names
        return _differentiate(subject, names, every, cache, gradient, gradient_alone)

    source = dual_source(params)
    discrete = [one for one in source.params if _is_menu(one)]
    if discrete:
        rest = [one.path for one in source.params if one not in discrete]
        if not rest:
            what = f"'{discrete[0].label}' is a menu, and no slider is sought besides"
            hint = "mark a slider as well, or try the entries with --sweep"
            raise InputError([Problem(Place(subject.file), what, hint)])
        source = dual_source(rest)
    model = model_of(source)
    menu_list = [Menu(one.path, one.label, _entries(one)) for one in discrete]
    menu_list += [_named_menu(source, name) for name in menus]
    fixed: dict[str, float] = {}
    starts: dict[str, float] = {}
    for name, value in (settings or {}).items():
        path = model.program.settable_path(name)
        (starts if path in model.paths else fixed)[path] = value
    for one, path in zip(source.params, model.paths, strict=True):
        if not one.min <= starts.get(path, one.init) <= one.max:
            what = f"'{one.label}' is sought from {one.min:g} to {one.max:g}"
            hint = f"start within that, or widen the slider's range to reach {starts[path]:g}"
            raise InputError([Problem(Place(subject.file), what, hint)])
    moved = tuple(
        replace(one, init=starts.get(path, one.init))
        for one, path in zip(source.params, model.paths, strict=True)
    )
    return replace(source, params=moved, settings=fixed), tuple(menu_list)


def _differentiate(
    subject: Subject,
    names: Sequence[str],
    all_continuous: bool,
    cache: Path | None,
    gradient: Wanted,
    gradient_alone: bool,
) -> DualSource:
    options: dict[str, Any] = {
        "params": names or None,
        "all_continuous": all_continuous,
        "compiler": subject.compiler,
        "include": subject.include,
        "table": subject.table,
        "name": subject.name,
        "file": subject.file,
    }
    derived = derivatives(
        lambda: differentiate(subject.text, **options),
        lambda: reverse_programs(subject.text, by_sums=True, **options),
        gradient,
        # The adjoint runs compiled.
        gradient_alone and shutil.which("g++") is not None,
        subject.file,
    )
    return DualSource(
        derived.text,
        derived.params,
        derived.inputs,
        derived.outputs,
        subject.compiler,
        subject.include,
        cache=None if os.environ.get("FAUSTDIFF_CACHE") else cache,
        reverse=derived.reverse,
        partials=derived.partials,
        gradient=derived.gradient,
    )


def _is_menu(one: Parameter) -> bool:
    """Whether a slider has a few whole numbers alone: a menu, or a number box in steps of 1."""
    whole = all(float(number).is_integer() for number in (one.min, one.max, one.step))
    few = whole and one.step >= 1 and (one.max - one.min) / one.step < ENTRIES
    return few and (one.kind == "nentry" or not one.continuous)


def _entries(one: Parameter) -> tuple[float, ...]:
    count = int((one.max - one.min) / one.step) + 1
    return tuple(one.min + index * one.step for index in range(count))


def _named_menu(source: DualSource, name: str) -> Menu:
    model = model_of(source)
    control = model.program.controls[model.program.find_settable(name)]
    if control.path in model.paths:
        raise ValueError(f"'{name}' is sought as a slider: leave it out of --menu")
    if control.kind in ("button", "checkbox"):
        return Menu(control.path, control.label, (0.0, 1.0))
    step = control.step or 1.0
    count = round((control.max - control.min) / step) + 1
    if not 1 < count <= ENTRIES:
        raise ValueError(f"'{name}' has {count} values: a menu has from 2 to {ENTRIES}")
    values = tuple(control.min + index * step for index in range(count))
    return Menu(control.path, control.label, values)


def choices(setup: Setup, menus: Sequence[Menu]) -> Iterator[tuple[Setup, dict[str, float]]]:
    """A setup for each combination of entries, and those by path."""
    total = 1
    for menu in menus:
        total *= len(menu.values)
    if total > COMBINATIONS:
        what = f"the menus have {total} combinations, more than {COMBINATIONS}"
        raise InputError([Problem(Place(setup.file), what, "set some of them with --set")])
    for values in itertools.product(*(menu.values for menu in menus)):
        chosen = {menu.path: value for menu, value in zip(menus, values, strict=True)}
        source = replace(setup.source, settings={**setup.source.settings, **chosen})
        yield replace(setup, source=source), chosen
