"""Seeds of `fad` and `rad` that they cannot see: those inside of groups, and those before them.

In C++ Faust a function cannot look into a group, so that `fad(vgroup("amp", 2 * g), g)` has a
partial of 0; nor can it see what is fed into it, so that `2 * g : rad(_, g)` has one. Expanded
with markers instead of the words of the library, a program shows what its words are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from ..errors import InputError, Place, Problem
from .boxes import Box

CALL, EXPRESSION, SEEDS = "df.fad", "df.fad: expression", "df.fad: seeds"
TANGENT = "df.fad: tangent"
#: The labels of the groups around a box, from the outermost.
Groups = tuple[str, ...]

#: The words with as many inputs and outputs as those of the library, and nothing taken apart. With
#: numbers for tangents the compiler would leave out what it can do without.
MARKERS = (
    f'marked(E, S) = vgroup("{CALL}", (vgroup("{EXPRESSION}", E), (par(i, max(0, inputs(S)'
    f' - inputs(E)), !)), (par(i, inputs(S), 0) : vgroup("{SEEDS}", S) : par(i, outputs(S), !)))); '
    f'marked_tangents(S) = par(i, outputs(S), button("{TANGENT}")); '
    "marked_fad(E, S) = marked(E, S) : par(k, outputs(E), (_, marked_tangents(S))); "
    "marked_rad(E, S) = marked(E, S), marked_tangents(S); "
)
#: `df.fad`, where `df` is any name, and the words of a program that imports the whole library.
LIBRARY_WORD = re.compile(
    r'(?:\b[A-Za-z_]\w*|\blibrary\s*\(\s*"[^"]*\bdiff\.lib"\s*\))\s*\.\s*(fad|rad)\b'
)
IMPORT = re.compile(r'\bimport\s*\(\s*"[^"]*\bdiff\.lib"\s*\)')
IMPORTED_WORD = re.compile(r"(?<![\w.])(fad|rad)(?=\s*\()")
#: A definition of one of the words, as in `fad = df.fad;`.
DEFINITION = re.compile(r"(?:^|;)\s*(?:fad|rad)\s*(?:\([^()]*\)\s*)?=(?!=)", re.MULTILINE)


def defines_words(text: str) -> bool:
    """Whether a program defines `fad` or `rad` itself."""
    return DEFINITION.search(text) is not None


def mark_words(text: str) -> str:
    """A program that has no definition of its own for the words, with markers for them."""
    marked = LIBRARY_WORD.sub(r"marked_\1", text)
    return f"{MARKERS}fad = marked_fad; rad = marked_rad; {marked}"


def mark_words_of_library(text: str) -> str | None:
    """A program that takes the words from the library, with markers for them; None for others."""
    if "diff.lib" not in text:
        return None
    marked = LIBRARY_WORD.sub(r"marked_\1", text)
    if IMPORT.search(text) and not defines_words(text):
        marked = IMPORTED_WORD.sub(r"marked_\1", marked)
    return None if marked == text else MARKERS + marked


@dataclass(frozen=True)
class SeedCall:
    """What a word is given: an expression, and a list of seeds."""

    expression: Box
    seeds: tuple[Box, ...]

    @cached_property
    def widgets(self) -> dict[Box, set[Groups]]:
        """The widgets of the seeds, each with the groups around it there."""
        groups_by_widget: dict[Box, set[Groups]] = {}
        for seed in self.seeds:
            for widget, groups in _widgets(seed):
                groups_by_widget.setdefault(widget, set()).add(groups)
        return groups_by_widget

    def hidden_widgets(self) -> Iterator[tuple[str, str]]:
        """Labels of the widgets of seeds that a group hides, each with that of the group."""
        for widget, groups in _widgets(self.expression, self.seeds):
            if groups and {(), groups} & self.widgets.get(widget, set()):
                yield widget.data[1], groups[-1]

    def hidden_variables(self) -> Iterator[str]:
        """Labels of groups around a seed without widgets, such as a state of a recursion."""
        variables = {seed for seed in self.seeds if seed.free and not seed.shown}
        found = _in_groups(self.expression, variables.__contains__, lambda box, _: bool(box.free))
        return (groups[-1] for _, groups in found if groups)

    @property
    def takes_signals(self) -> bool:
        """Whether the expression has inputs that are no seeds."""
        return self.expression.inputs > sum(seed.inputs for seed in self.seeds)


def check_seeds(process: Box, file: str) -> tuple[str, ...]:
    """The numbers among the seeds of a program that was expanded with markers for the words.

    Raises `InputError` if a seed is hidden by a group, or acts on what is fed into its word: its
    partial would be 0, or leave that out.
    """
    calls = list(_calls(process, set()))
    hidden = dict.fromkeys(pair for call in calls for pair in call.hidden_widgets())
    problems = [
        Problem(
            Place(file),
            f"the group '{group}' hides the seed '{label}' in it: its partial would be 0",
            f'name the group in the label, as in "v:{group}/{label}", in place of the group',
        )
        for label, group in hidden
    ]
    variables = dict.fromkeys(group for call in calls for group in call.hidden_variables())
    problems += [
        Problem(
            Place(file),
            f"the group '{group}' hides a seed in it, a state or variable: its partial would be 0",
            "name the group in the labels of the widgets in it, in place of the group",
        )
        for group in variables
    ]
    problems += [
        Problem(
            Place(file),
            f"{name} acts on a signal that is fed into 'fad' or 'rad', which would leave that out",
            "write the whole expression in it, as in 'rad((_ : model(a)), a)', "
            "not '_ : model(a) : rad(_, a)'",
        )
        for name in dict.fromkeys(_fed_seeds(process))
    ]
    if problems:
        raise InputError(problems)
    numbers = (seed for call in calls for seed in call.seeds if seed.kind == "number")
    return tuple(dict.fromkeys(seed.data[0].removesuffix("f") for seed in numbers))


def _calls(box: Box, seen: set[Box]) -> Iterator[SeedCall]:
    if box in seen or not (box.shown or box.free):
        return
    seen.add(box)
    if box.kind == "group" and box.data[1] == CALL:
        expression, *rest = box.parts[0].parts
        (seeds,) = (group for part in rest for group in _groups(part, SEEDS))
        yield SeedCall(expression.parts[0], tuple(_leaves(seeds.parts[0])))
    for part in box.parts:
        yield from _calls(part, seen)


def _boxes_in(box: Box) -> set[Box]:
    boxes: set[Box] = set()
    waiting = [box]
    while waiting:
        one = waiting.pop()
        if one not in boxes:
            boxes.add(one)
            waiting += one.parts
    return boxes


def _is_in(seed: Box, boxes: Set[Box]) -> bool:
    # A function in a seed has other names each time: then by its widgets.
    return not boxes.isdisjoint((seed, *(widget for widget, _ in _widgets(seed))))


def _name_of(seed: Box) -> str:
    labels = [widget.data[1] for widget, _ in _widgets(seed)]
    return f"the seed '{labels[0]}'" if labels else "a seed"


def _fed_seeds(process: Box) -> Iterator[str]:
    """What the seeds are called that stand before the words they are given to."""
    calls: dict[Box, tuple[SeedCall, ...]] = {}
    inside: dict[Box, set[Box]] = {}

    def calls_in(box: Box) -> tuple[SeedCall, ...]:
        if box not in calls:
            calls[box] = tuple(call for call in _calls(box, set()) if call.takes_signals)
        return calls[box]

    def boxes_in(box: Box) -> set[Box]:
        if box not in inside:
            inside[box] = _boxes_in(box)
        return inside[box]

    for first, second in _feeds(process, set()):
        for call in calls_in(second):
            for seed in call.seeds:
                if seed.kind not in ("number", "primitive") and _is_in(seed, boxes_in(first)):
                    yield _name_of(seed)


def _feeds(box: Box, seen: set[Box]) -> Iterator[tuple[Box, Box]]:
    """Pairs of boxes of which one feeds the other, wire by wire where both stand in parallel."""
    if box in seen:
        return
    seen.add(box)
    if box.kind in (":", "<:", ":>"):
        first, second = box.parts
        yield from _connected_parts(first, second, box.kind == ":")
    for part in box.parts:
        yield from _feeds(part, seen)


def _connected_parts(first: Box, second: Box, straight: bool) -> Iterator[tuple[Box, Box]]:
    if not straight or "parallel" not in (first.kind, second.kind):
        yield first, second
        return
    ends = 0
    for part in _side_by_side(first):
        starts, ends = ends, ends + part.outputs
        at = 0
        for other in _side_by_side(second):
            if at < ends and starts < at + other.inputs:
                yield part, other
            at += other.inputs


def _side_by_side(box: Box) -> tuple[Box, ...]:
    return box.parts if box.kind == "parallel" else (box,)


def _groups(box: Box, label: str) -> Iterator[Box]:
    if box.kind == "group" and box.data[1] == label:
        yield box
        return
    for part in box.parts:
        yield from _groups(part, label)


def _leaves(box: Box) -> Iterator[Box]:
    if box.kind == "parallel":
        for part in box.parts:
            yield from _leaves(part)
    else:
        yield box


def _widgets(box: Box, seeds: Collection[Box] = ()) -> Iterator[tuple[Box, Groups]]:
    """The widgets in a box, but for those in `seeds`, with the labels of the groups around."""
    return _in_groups(
        box,
        lambda part: part.kind == "widget" and part.data[1] != TANGENT,
        lambda part, groups: part.shown and (bool(groups) or part not in seeds),
    )


def _in_groups(
    box: Box, is_wanted: Callable[[Box], bool], may_hold: Callable[[Box, Groups], bool]
) -> Iterator[tuple[Box, Groups]]:
    """The wanted boxes in a box, outermost ones alone, with the labels of the groups around."""
    seen: set[tuple[Box, Groups]] = set()

    def walk(box: Box, groups: Groups) -> Iterator[tuple[Box, Groups]]:
        if (box, groups) in seen or not may_hold(box, groups):
            return
        seen.add((box, groups))
        if is_wanted(box):
            yield box, groups
            return
        if box.kind == "group" and box.data[1] not in (CALL, EXPRESSION, SEEDS):
            groups = (*groups, box.data[1])
        for part in box.parts:
            yield from walk(part, groups)

    return walk(box, ())
