"""Many equal boxes side by side, as the templates make them of a number."""

from __future__ import annotations

from .templates import lines_of

#: So many equal boxes are made, and matched, at once; more of them in parts.
EQUAL_BOXES = 16


def alike(name: str, box: str) -> list[str]:
    """A function of a number that gives as many boxes, put together by doubling.

    What is wanted again and again is made once: to the compiler 2.54.9 each element of a `par` and
    each argument of a function is one more environment, in a table that is searched in full.
    """
    made_once = []
    for count in range(2, EQUAL_BOXES + 1):
        first, second = (1, count - 1) if count % 2 else (count // 2, count // 2)
        halves = [box if half == 1 else f"{name}_{half}" for half in (first, second)]
        made_once.append(f"{name}_{count} = {', '.join(halves)};")
    return lines_of(
        "library/repeated/alike.lib",
        name=name,
        box=box,
        by_width=[f"({count}) => {name}_{count};" for count in range(2, EQUAL_BOXES + 1)],
        mask=str(EQUAL_BOXES - 1),
        bits=str(EQUAL_BOXES.bit_length() - 1),
        widest=str(EQUAL_BOXES),
        made_once=made_once,
    )
