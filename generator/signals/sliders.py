"""Which sliders a program is differentiated with respect to, and what is known about them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import InputError, Place, Problem
from ..faust.program import control_path
from .graph import Graph, Widget

SLIDERS = ("hslider", "vslider", "nentry")
#: What marks a slider, as in `hslider("gain [diff:1]", ...)`.
MARK, MARKED = "diff", ("1", "on")

_META = re.compile(r"\[([^\]:]*)(?::([^\]]*))?\]")
#: The first step of a label that is a path: up, here, into a group, or (nothing) from the top.
_STEP = re.compile(r"(?:(?P<up>\.\.)|(?P<here>\.)|[hvt]:(?P<group>(?:[^/\[]|\[[^\]]*\])+)|)/")


@dataclass(frozen=True)
class Parameter:
    """A slider: `label` without metadata, and `path` as compiled programs spell it.

    `init`, `min`, `max` and `step` are those of the slider; `meta` is the metadata of its label,
    as {"unit": "Hz", "scale": "log"}. `kind` is hslider, vslider or nentry.
    """

    label: str
    path: str
    kind: str
    init: float
    min: float
    max: float
    step: float
    meta: Mapping[str, str] = field(default_factory=dict)

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
    found = {}
    for number in numbers:
        widget = graph.nodes[number].widget
        if widget and widget.kind in SLIDERS:
            init, low, high, step = map(float, widget.numbers)
            meta, place = metadata(widget.label), _place(widget)
            path = control_path([*around, *place])
            found[number] = Parameter(place[-1], path, widget.kind, init, low, high, step, meta)
    return found


def in_one_group(graph: Graph, numbers: Sequence[int]) -> bool:
    """Whether one group of the program is around its whole user interface.

    If none is, the compiler puts everything in a group that is named as the program.
    """
    places = [_place(widget) for n in numbers if (widget := graph.nodes[n].widget)]
    tops = {place[0] if len(place) > 1 else None for place in places}
    return len(tops) == 1 and None not in tops


def choose(
    found: Mapping[int, Parameter], wanted: Sequence[str] | None, all_continuous: bool, file: str
) -> list[int]:
    """The signals to differentiate with respect to.

    Those that `wanted` names, by label or path, in that order; else all continuous sliders, or
    those that are marked. Raises `InputError` if there are none, or for a name that is unknown or
    stands for several.
    """
    if wanted:
        problems: list[Problem] = []
        chosen = [_named(found, name, file, problems) for name in dict.fromkeys(wanted)]
        if problems:
            raise InputError(problems)
        return list(dict.fromkeys(number for number in chosen if number is not None))
    if all_continuous:
        chosen = [number for number, one in found.items() if one.continuous]
        what, hint = "no continuous slider reaches an output", "add an hslider, vslider or nentry"
    else:
        chosen = [number for number, one in found.items() if one.marked]
        what = "no slider is marked for differentiation"
        listed = ", ".join(f"'{one.label}'" for one in found.values())
        hint = "write [diff:1] into the label of a slider, or use --all or --param NAME; " + (
            f"sliders: {listed}" if found else "the program has no sliders"
        )
    if not chosen:
        raise InputError([Problem(Place(file), what, hint)])
    return [number for number in chosen if number is not None]


def _named(
    found: Mapping[int, Parameter], name: str, file: str, problems: list[Problem]
) -> int | None:
    matching = [n for n, one in found.items() if name in (one.label, one.path)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        paths = ", ".join(found[number].path for number in matching)
        what, hint = f"several sliders are named '{name}'", f"use a path: {paths}"
    else:
        names = list(dict.fromkeys(n for one in found.values() for n in (one.label, one.path)))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        listed = ", ".join(f"'{n}'" for n in near or [one.label for one in found.values()])
        what = f"there is no slider '{name}'"
        hint = f"did you mean {listed}?" if near else f"sliders: {listed or 'none'}"
    problems.append(Problem(Place(file), what, hint))
    return None


def metadata(label: str) -> dict[str, str]:
    """The metadata of a label: `{"unit": "dB"}` of "gain [unit:dB]"."""
    return {key.strip(): (value or "").strip() for key, value in _META.findall(label)}


def plain(label: str) -> str:
    """A label without its metadata."""
    return " ".join(_META.sub("", label).split())


def _place(widget: Widget) -> list[str]:
    """The labels from the outermost group to the widget, whose label may itself be a path."""
    place = [plain(label) for _, label in widget.groups]
    label = widget.label
    # Any other slash is part of the label: "Dry/Wet".
    while step := _STEP.match(label):
        label = label[step.end() :]
        if step["group"]:
            place.append(plain(step["group"]))
        elif step["up"]:
            del place[-1:]
        elif not step["here"]:
            place.clear()
    return [*place, plain(label)]
