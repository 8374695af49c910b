"""Which sliders a program is differentiated with respect to, and what is known about them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import InputError, Place, Problem
from ..faust.interface import Control, control_path
from ..faust.names import places_of
from .graph import Graph, Widget
from .labels import path_of, place_of, read_label

SLIDERS = ("hslider", "vslider", "nentry")
#: What is on or off, and has no derivative.
SWITCHES = ("button", "checkbox")
#: Their initial value, least and greatest value and step.
SWITCH_RANGE = ("0", "0", "1", "1")
#: What marks a slider, as in `hslider("gain [diff:1]", ...)`.
MARK, MARKED = "diff", ("1", "on")


@dataclass(frozen=True)
class Parameter(Control):
    """A control that can be set: a slider, or a switch."""

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
    widgets = _widgets(graph, numbers, SLIDERS)
    around = _around(graph, numbers, name)
    return {number: _parameter(widget, around) for number, widget in widgets.items()}


def switches(graph: Graph, numbers: Sequence[int], name: str) -> tuple[Parameter, ...]:
    """The buttons and checkboxes among the signals `numbers`, as `sliders` has sliders."""
    around = _around(graph, numbers, name)
    found = _widgets(graph, numbers, SWITCHES).values()
    return tuple(_parameter(replace(one, numbers=SWITCH_RANGE), around) for one in found)


def _widgets(graph: Graph, numbers: Sequence[int], kinds: Sequence[str]) -> dict[int, Widget]:
    widgets = {number: graph.nodes[number].widget for number in numbers}
    return {number: one for number, one in widgets.items() if one and one.kind in kinds}


def _around(graph: Graph, numbers: Sequence[int], name: str) -> list[str]:
    """The group that the compiler puts around everything, if there is one."""
    return [] if in_one_group(graph, numbers) else [name]


def _parameter(widget: Widget, around: Sequence[str]) -> Parameter:
    init, low, high, step = map(float, widget.numbers)
    place = path_of(widget.groups, widget.label)
    meta = read_label(place_of(widget.groups, widget.label)[1]).metadata
    path = control_path([*around, *place])
    return Parameter(place[-1], path, widget.kind, init, low, high, step, meta)


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
    switches: Sequence[Parameter] = (),
) -> list[int]:
    """The signals to differentiate with respect to.

    Those that `wanted` names, by label or path, in that order; else all continuous sliders, or
    those that are marked. Raises `InputError` if there are none, for a name that is unknown or
    stands for several, and for one of the `switches`.
    """
    wanted = [wanted] if isinstance(wanted, str) else wanted
    problems: list[Problem] = []
    if wanted:
        chosen = [
            _find(parameters, switches, name, file, problems) for name in dict.fromkeys(wanted)
        ]
        if problems:
            raise InputError(problems)
        return list(dict.fromkeys(number for number in chosen if number is not None))
    if all_continuous:
        chosen = [number for number, one in parameters.items() if one.continuous]
        what, hint = "no continuous slider reaches an output", "add an hslider, vslider or nentry"
    else:
        problems += [_of_a_switch(one, file) for one in switches if one.marked]
        chosen = [number for number, one in parameters.items() if one.marked]
        what = "no slider is marked for differentiation"
        listed = ", ".join(f"'{one.label}'" for one in parameters.values())
        hint = "write [diff:1] into the label of a slider, or use --all or --param NAME; " + (
            f"sliders: {listed}" if parameters else "the program has no sliders"
        )
    if not chosen and not problems:
        problems.append(Problem(Place(file), what, hint))
    if problems:
        raise InputError(problems)
    return [number for number in chosen if number is not None]


def _of_a_switch(one: Parameter, file: str) -> Problem:
    what = f"'{one.label}' is a {one.kind}, which is on or off: there is no derivative by it"
    return Problem(Place(file), what, "choose a slider")


def _find(
    parameters: Mapping[int, Parameter],
    switches: Sequence[Parameter],
    name: str,
    file: str,
    problems: list[Problem],
) -> int | None:
    numbers = list(parameters)
    matching = [numbers[place] for place in places_of(name, list(parameters.values()))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        paths = ", ".join(parameters[number].path for number in matching)
        what, hint = f"several sliders are named '{name}'", f"use a path: {paths}"
    elif places := places_of(name, switches):
        problems.append(_of_a_switch(switches[places[0]], file))
        return None
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
