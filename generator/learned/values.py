"""Values by name, and the JSON file that holds them.

A name is the label of a control, or the end of its path: `gain`, `filter/gain`. Tensors are nested
lists, as in a state dict saved as JSON: `{"0.weight": [[0.5, -1.0]]}` holds the values of the
controls `0.weight.0.0` and `0.weight.0.1`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, Place, Problem, nearest
from ..faust.names import Labelled, ends_in, places_of
from ..files import read_text

_ELEMENT = re.compile(r"(.+?)((?:\.(?:0|[1-9][0-9]*))+)", re.DOTALL)

Nested = float | list["Nested"]


def read_values(path: Path) -> dict[str, float]:
    """The values of a file by the names of single controls, as `0.weight.0.1`.

    Raises `InputError` if the file cannot be read, is not an object of finite numbers and nested
    lists of these, or gives a value twice.
    """
    problems: list[Problem] = []
    values: dict[str, float] = {}
    for name, nested in _fit_values(read_object(path)).items():
        for key, value in _elements(name, nested):
            if isinstance(value, bool) or not isinstance(value, int | float):
                what, hint = f"'{key}' is not a number", "give a number, or nested lists of numbers"
            elif not math.isfinite(value):
                what, hint = f"'{key}' is {value}", "give finite numbers"
            elif key in values:
                what, hint = f"'{key}' is given twice", "leave one of the two out"
            else:
                values[key] = float(value)
                continue
            problems.append(Problem(Place(str(path)), what, hint))
    if problems:
        raise InputError(problems)
    return values


def _fit_values(content: dict[str, Any]) -> dict[str, Any]:
    """The values by path in what `faustdiff fit` writes; anything else as it is."""
    parameters = content.get("parameters")
    if not isinstance(parameters, list) or ("verdict" not in content and "loss" not in content):
        return content
    entries = [one for one in parameters if isinstance(one, dict)]
    if len(entries) < len(parameters) or not all(
        {"path", "value"} <= one.keys() for one in entries
    ):
        return content
    return {str(one["path"]): one["value"] for one in entries}


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises `InputError` if there is none."""

    def refusal(what: str, hint: str, line: int = 0, column: int = 0) -> InputError:
        return InputError([Problem(Place(str(path), line, column), what, hint)])

    try:
        content = json.loads(
            read_text(path, "file of values"),
            object_pairs_hook=_unique_keys,
            parse_int=_whole_number,
        )
    except json.JSONDecodeError as error:
        raise refusal(f"is not JSON: {error.msg}", "repair it", error.lineno, error.colno) from None
    except RecursionError:
        raise refusal("is nested too deeply", "write values as lists of numbers") from None
    except _DuplicateKeyError as error:
        raise refusal(f"has two entries '{error}'", "leave one of the two out") from None
    if not isinstance(content, dict) or not content:
        raise refusal("is no object with values", 'write it as {"gain": 0.5, "0.weight": [[1.0]]}')
    return content


def _whole_number(digits: str) -> int | float:
    """A whole number; of so many digits that no float holds it, infinity."""
    return int(digits) if len(digits) < 300 else float(digits)


class _DuplicateKeyError(Exception):
    """A key that an object has twice, of which JSON would keep the last."""


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise _DuplicateKeyError(twice[0])
    return dict(pairs)


def _elements(name: str, nested: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(nested, list):
        yield name, nested
        return
    for index, part in enumerate(nested):
        yield from _elements(f"{name}.{index}", part)


def text_of(values: Mapping[str, float]) -> str:
    """The file for values by the names of single controls; what is a whole tensor is nested."""
    tensors: dict[str, dict[tuple[int, ...], float]] = {}
    for name, value in values.items():
        element = _ELEMENT.fullmatch(name)
        key = element[1] if element else name
        place = tuple(map(int, element[2][1:].split("."))) if element else ()
        tensors.setdefault(key, {})[place] = value
    entries: dict[str, Nested] = {}
    for key, places in tensors.items():
        nested = _nest(places)
        if nested is None:
            entries |= {".".join([key, *map(str, place)]): v for place, v in places.items()}
        else:
            entries[key] = nested
    return json.dumps(entries, indent=1) + "\n"


def _nest(places: Mapping[tuple[int, ...], float]) -> Nested | None:
    """Nested lists, if the places are all those of a tensor of some shape."""
    if list(places) == [()]:
        return places[()]
    if () in places:
        return None
    rows: dict[int, dict[tuple[int, ...], float]] = {}
    for (first, *rest), value in places.items():
        rows.setdefault(first, {})[tuple(rest)] = value
    parts = [_nest(rows[index]) for index in range(len(rows)) if index in rows]
    if len(parts) != len(rows) or None in parts:
        return None
    return [part for part in parts if part is not None]


def short_names(controls: Sequence[Labelled]) -> list[str]:
    """For each control a name that no other of them has: its label, else the end of its path."""
    labels = [control.label for control in controls]
    names = []
    for control in controls:
        if labels.count(control.label) == 1:
            names.append(control.label)
            continue
        steps = control.path.strip("/").split("/")
        ends = ("/".join(steps[-count:]) for count in range(1, len(steps) + 1))
        paths = [other.path for other in controls]
        names.append(next(e for e in ends if sum(ends_in(p, e) for p in paths) == 1))
    return names


def place_values(
    values: Mapping[str, float], controls: Sequence[Labelled], file: str
) -> tuple[dict[int, float], list[str]]:
    """The values by index of the control that each is for, and the names that are for none.

    Raises `InputError` if a name is that of several controls, a control is named twice, or no name
    is that of a control; `file` is where the values come from.
    """
    numbers: dict[int, str] = {}
    problems: list[Problem] = []
    without: list[str] = []
    for name in values:
        matching = places_of(name, controls)
        if not matching:
            without.append(name)
        elif len(matching) > 1:
            paths = ", ".join(controls[index].path for index in matching)
            what, hint = f"'{name}' names several controls", f"use the end of a path: {paths}"
            problems.append(Problem(Place(file), what, hint))
        elif matching[0] in numbers:
            what = f"'{name}' and '{numbers[matching[0]]}' name the same control"
            problems.append(Problem(Place(file), what, "leave one of the two out"))
        else:
            numbers[matching[0]] = name
    if not numbers and not problems:
        names = [control.label for control in controls]
        otherwise = "the program has no controls" if not names else f"it has '{names[0]}'"
        what = f"the program has no control with a name of this file, as '{without[0]}'"
        problems.append(Problem(Place(file), what, nearest(without[0], names, otherwise)))
    if problems:
        raise InputError(problems)
    return {index: values[name] for index, name in numbers.items()}, without
