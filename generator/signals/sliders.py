"""Which sliders a program is differentiated with respect to, and what is known about them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import InputError, Place, Problem
from ..faust.interface import Control, control_path
from ..faust.names import places_of
from .graph import Graph
from .labels import path_of, place_of, read_label

SLIDERS = ("hslider", "vslider", "nentry")
#: What marks a slider, as in `hslider("gain [diff:1]", ...)`.
MARK, MARKED = "diff", ("1", "on")


@dataclass(frozen=True)
class Parameter(Control):
    """A control that is a slider: hslider, vslider or nentry."""

    @property
    def unit(self) -> str:
        """The unit that the label states, or nothing."""
        return self.meta.get("unit", "")

    @property
    def scale(self) -> str:
        """The scale that the label states: "log", "exp" or "lin", which is also the default."""
        return self.meta.get("scale", "lin")

    @property
    def marked(self) -> bool:
        """Whether the program marks it with [diff:1] or [diff:on]."""
        return self.meta.get(MARK, "").strip() in MARKED

    @property
    def continuous(self) -> bool:
        """Whether it is more than a choice: a menu or radio buttons are not."""
        return not self.meta.get("style", "").strip().startswith(("menu", "radio"))


def sliders(graph: Graph, numbers: Sequence[int], name: str) -> dict[int, Parameter]:
    """The sliders among the signals `numbers`, in order; `name` is that of the program."""
    around = [] if in_one_group(graph, numbers) else [name]
    parameters = {}
    for number in numbers:
        widget = graph.nodes[number].widget
        if widget and widget.kind in SLIDERS:
            init, low, high, step = map(float, widget.numbers)
            place = path_of(widget.groups, widget.label)
            parameters[number] = Parameter(
                place[-1],
                control_path([*around, *place]),
                widget.kind,
                init,
                low,
                high,
                step,
                read_label(place_of(widget.groups, widget.label)[1]).metadata,
            )
    return parameters


def in_one_group(graph: Graph, numbers: Sequence[int]) -> bool:
    """Whether one group of the program is around its whole user interface.

    If none is, the compiler puts everything in a group that is named as the program.
    """
    shown = [widget for n in numbers if (widget := graph.nodes[n].widget)]
    around = [place_of(widget.groups, widget.label)[0] for widget in shown]
    tops = {groups[0] if groups else None for groups in around}
    return len(tops) == 1 and None not in tops


def choose(
    parameters: Mapping[int, Parameter],
    wanted: Sequence[str] | None,
    all_continuous: bool,
    file: str,
) -> list[int]:
    """The signals to differentiate with respect to.

    Those that `wanted` names, by label or path, in that order; else all continuous sliders, or
    those that are marked. Raises `InputError` if there are none, or for a name that is unknown or
    stands for several.
    """
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted:
        problems: list[Problem] = []
        chosen = [_find(parameters, name, file, problems) for name in dict.fromkeys(wanted)]
        if problems:
            raise InputError(problems)
        return list(dict.fromkeys(number for number in chosen if number is not None))
    if all_continuous:
        chosen = [number for number, one in parameters.items() if one.continuous]
        what, hint = "no continuous slider reaches an output", "add an hslider, vslider or nentry"
    else:
        chosen = [number for number, one in parameters.items() if one.marked]
        what = "no slider is marked for differentiation"
        listed = ", ".join(f"'{one.label}'" for one in parameters.values())
        hint = "write [diff:1] into the label of a slider, or use --all or --param NAME; " + (
            f"sliders: {listed}" if parameters else "the program has no sliders"
        )
    if not chosen:
        raise InputError([Problem(Place(file), what, hint)])
    return [number for number in chosen if number is not None]


def _find(
    parameters: Mapping[int, Parameter], name: str, file: str, problems: list[Problem]
) -> int | None:
    numbers = list(parameters)
    matching = [numbers[place] for place in places_of(name, list(parameters.values()))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        paths = ", ".join(parameters[number].path for number in matching)
        what, hint = f"several sliders are named '{name}'", f"use a path: {paths}"
    else:
        names = list(dict.fromkeys(n for one in parameters.values() for n in (one.label, one.path)))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        listed = ", ".join(f"'{n}'" for n in near or [one.label for one in parameters.values()])
        what = f"there is no slider '{name}'"
        hint = f"did you mean {listed}?" if near else f"sliders: {listed or 'none'}"
    problems.append(Problem(Place(file), what, hint))
    return None


def list_sliders(params: Sequence[Parameter], start: int, note: str = "") -> list[str]:
    """Lines of a comment: the paths of sliders, numbered from `start`."""
    return [f"  {place}. {param.path}{note}" for place, param in enumerate(params, start)]
