"""Seeds of `fad` and `rad` that they cannot see: those inside of groups, and those before them.

In C++ Faust a function cannot look into a group, so that `fad(vgroup("amp", 2 * g), g)` has a
partial of 0; nor can it see what is fed into it, so that `2 * g : rad(_, g)` has one. Expanded
with markers instead of the words of the library, a program shows what its words are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ..errors import InputError, Place, Problem
from .boxes import Box
from .feeds import flow_into_calls, union_of

CALL, EXPRESSION, SEEDS = "df.fad", "df.fad: expression", "df.fad: seeds"
TANGENT, WHOLE = "df.fad: tangent", "df.fad: whole"
#: Groups of the markers, which are none of the program.
OWN_GROUPS = (CALL, EXPRESSION, SEEDS, WHOLE)
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
#: Comments and strings, in which nothing is defined.
UNREAD = re.compile(r'//[^\n]*|/\*.*?\*/|"[^"]*"', re.DOTALL)


def defines_words(text: str) -> bool:
    """Whether a program defines `fad` or `rad` itself."""
    return DEFINITION.search(UNREAD.sub(" ", text)) is not None


def mark_words(text: str) -> str:
    """A program that has no definition of its own for the words, with markers for them."""
    marked = LIBRARY_WORD.sub(r"marked_\1", text)
    whole = f'fad(E, S) = vgroup("{WHOLE}", marked_fad(E, S)); '
    return f"{MARKERS}{whole}rad = marked_rad; {marked}"


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
    def variables(self) -> set[Box]:
        """The variables of functions around it that the expression reads, but for seeds."""

        def may_hold(box: Box, _: Groups) -> bool:
            return not self.expression.free.isdisjoint(box.free) and box not in self.seeds

        found = _in_groups(self.expression, lambda box: box.kind == "slot", may_hold)
        return {box for box, _ in found if box.data[0] in self.expression.free}


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
        Problem(Place(file), f"{name} acts on {what}, which would leave that out", hint)
        for name, what, hint in dict.fromkeys(_fed_seeds(process, calls))
    ]
    if _is_one_side_of_a_loop(process):
        what = "a 'fad' in a loop, as 'fad(a, seeds) ~ b', is that of the loop in the next Faust"
        hint = "write 'fad(a ~ b, seeds)'; here it would be that of one step"
        problems.append(Problem(Place(file), what, hint))
    if problems:
        raise InputError(problems)
    numbers = (seed for call in calls for seed in call.seeds if seed.kind == "number")
    return tuple(dict.fromkeys(seed.data[0].removesuffix("f") for seed in numbers))


def _calls(box: Box, seen: set[Box]) -> Iterator[SeedCall]:
    if box in seen or not (box.shown or box.free):
        return
    seen.add(box)
    if _is_call(box):
        yield _call(box)
    for part in box.parts:
        yield from _calls(part, seen)


def _is_call(box: Box) -> bool:
    return box.kind == "group" and box.data[1] == CALL


def _call(box: Box) -> SeedCall:
    expression, *rest = box.parts[0].parts
    (seeds,) = (group for part in rest for group in _groups(part, SEEDS))
    return SeedCall(expression.parts[0], tuple(_leaves(seeds.parts[0])))


def _is_one_side_of_a_loop(process: Box) -> bool:
    """Whether a `fad` is, as a whole, one of the two sides of a loop."""
    sides = [part for box in _boxes_in(process) if box.kind == "~" for part in box.parts]
    return any(_without_groups(part).kind == "group" for part in sides)


def _without_groups(box: Box) -> Box:
    while box.kind == "group" and box.data[1] != WHOLE:
        (box,) = box.parts
    return box


def _boxes_in(box: Box) -> set[Box]:
    boxes: set[Box] = set()
    waiting = [box]
    while waiting:
        one = waiting.pop()
        if one not in boxes:
            boxes.add(one)
            waiting += one.parts
    return boxes


#: How a seed acts on what its word does not see, and what to write.
FED = (
    "a signal that is fed into 'fad' or 'rad'",
    "write the whole expression in it, as in 'rad((_ : model(a)), a)', "
    "not '_ : model(a) : rad(_, a)'",
)
BOUND = (
    "a variable around 'fad' or 'rad'",
    "write the whole expression in it, as in 'rad(loss(model(a)), a)', "
    "not 'model(a) : \\(y).(rad(loss(y), a))'; or make the variable a seed as well",
)


def _fed_seeds(process: Box, calls: Iterable[SeedCall]) -> Iterator[tuple[str, str, str]]:
    """Seeds that act on what flows into a word: their names, on what, and what to write."""
    signs = {
        seed: _signs_of(seed)
        for call in calls
        for seed in call.seeds
        if seed.kind not in ("number", "primitive")
    }
    wanted = frozenset[Box]().union(*signs.values())
    for fed in flow_into_calls(process, wanted, _is_call, lambda box: _call(box).seeds):
        call = _call(fed.call)
        wires = sum(seed.inputs for seed in call.seeds)
        signals = union_of(fed.inputs[wires : call.expression.inputs])
        # A variable that is a seed of a word around is a constant to this one: it is asked for.
        variables = call.variables - fed.leaves
        stood_for = union_of(tuple(fed.slots[box.data[0]] for box in variables))
        for seed in call.seeds:
            sign = signs.get(seed, frozenset())
            if not sign.isdisjoint(signals):
                yield (_name_of(seed), *FED)
            if not sign.isdisjoint(stood_for):
                yield (_name_of(seed), *BOUND)


def _signs_of(seed: Box) -> frozenset[Box]:
    """The boxes that show that a seed is there."""
    # A function in a seed has other names each time: then its widgets.
    has_function = any(box.kind == "closure" for box in _boxes_in(seed))
    return frozenset((seed, *(widget for widget, _ in _widgets(seed) if has_function)))


def _name_of(seed: Box) -> str:
    labels = [widget.data[1] for widget, _ in _widgets(seed)]
    return f"the seed '{labels[0]}'" if labels else "a seed"


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
        if box.kind == "group" and box.data[1] not in OWN_GROUPS:
            groups = (*groups, box.data[1])
        for part in box.parts:
            yield from walk(part, groups)

    return walk(box, ())
