"""The C++ text of a program for several items at once, one in each lane of a vector (lanes.hpp).

A recursion waits for its own last value: a processor that computes eight items side by side takes
no longer than for one. The text stays that of one item; numbers become vectors, memory an array of
vectors, and a choice takes both its sides. What differs from item to item is told by the types, in
C++: a place in a delay line is one number for all items where it comes from the time alone.
"""

from __future__ import annotations

import re

from .cpp_rewriting import MAX_LOCAL_LENGTH, split_at_body

#: More bytes of states than this, of all lanes, do not fit into the caches.
MAX_STATE = 32 << 20

_MEMBER = re.compile(r"^\t(\S+) (\w+)(?:\[(\d+)\])?;$", re.M)
_TABLE = re.compile(r"^(?:const )?static (float|double|int) (\w+)\[(\d+)\]", re.M)
_POWER = re.compile(r"^static (float|double|int) (mydsp_faustpower\d+_[fi])\(.*?\n\}", re.M | re.S)
_CHANNEL = re.compile(r"^\t\t(?:Channel|FiniteChannel|Total) \w+\{.*\};\n", re.M)
_DECLARATIONS = (
    (re.compile(r"^(\t+(?:const )?)(?:float|double|FAUSTFLOAT) (\w+ =)", re.M), r"\1Lanes \2"),
    (re.compile(r"^(\t+)int (\w+ =)", re.M), r"\1auto \2"),
)
_STORE = re.compile(r"^(\t+(?!output)\w+)\[(.*?)\] = ", re.M)
_CASTS = (
    (re.compile(r"\bstatic_cast<(\w+)>\("), r"\1("),
    (re.compile(r"\b(?:float|double|FAUSTFLOAT)\("), "real("),
    (re.compile(r"\bint\("), "whole("),
    (re.compile(r"\bfaust_wrap_"), "wrap_"),
    (re.compile(r"\bstd::"), ""),
)
#: Constants of the sample rate, which all items have in common.
_CONSTANT = re.compile(r"[fi]Const\d+|fSampleRate")
#: Counters of the time.
_TIME = re.compile(r"IOTA\d*")


def in_lanes(cpp: str) -> str:
    """The text with a class `lanes::Instance` that computes, in place of the class of one item.

    The channels of the program are those of `with_channels`; its class is left to hold the state.

    Raises ValueError for a program that cannot run in lanes: one that is written in a way that is
    not known, branches, reads sound files, or needs too much memory. What calls functions that
    lanes.hpp has not is refused by g++.
    """
    before, body, after = split_at_body(cpp)
    if re.search(r"\b(if|while) \(|\bfSoundfile\d", body):
        raise ValueError("the program has a branch, or reads a sound file")
    start = body.find("\t\tfor (")
    if start < 0 or body.find("\n\t\tfor (", start) >= 0 or not body.endswith("\n\t\t}\n"):
        raise ValueError("the C++ text has no single loop over samples")
    channels = "".join(_CHANNEL.findall(body))
    control = _CHANNEL.sub("", body[:start])
    members = _Members(before, body)
    text = f"""
#include "lanes.hpp"

namespace lanes {{
{"".join(_in_lanes(one[0]) for one in _POWER.finditer(before))}
class Instance {{
{members.fields}
   public:
    // Whether the times of all items are the same.
    static bool alike(mydsp* const* items) {{ return {members.alike}; }}

    template <class Block> void compute(mydsp* const* items, Block& block) {{
{members.load}{_in_lanes(control)}\t\twhile (const int count = block.next()) {{
\t\t\tLanes* const* const inputs = block.inputs();
\t\t\tLanes* const* const outputs = block.outputs();
{channels}{_in_lanes(body[start:])}\t\t}}
{members.store}\t}}
}};
}}  // namespace lanes
"""
    end = after.rindex("#endif")
    held = (before + after[:end]).replace("\n private:\n", "\n public:\n")
    return held + text + after[end:]


class _Members:
    """The members of the class that `body` uses, as text that keeps them for all lanes."""

    def __init__(self, before: str, body: str) -> None:
        self.fields = self.load = self.store = ""
        alike, size = [], 0
        members = before[before.index("class mydsp ") :]
        for kind, name, length in _MEMBER.findall(members[: members.index("public:")]):
            if not re.search(rf"\b{name}\b", body):
                continue
            if kind not in ("float", "double", "int", "FAUSTFLOAT"):
                raise ValueError(f"the program has a member of the type {kind}")
            wide = "Ints" if kind == "int" else "Lanes"
            written = re.search(rf"\b{name}(\[[^=]*\])? = ", body)
            if _CONSTANT.fullmatch(name):
                self.load += f"\t\tconst {kind} {name} = items[0]->{name};\n"
            elif _TIME.fullmatch(name) and not length:
                alike.append(f"lanes::alike(items, &mydsp::{name})")
                self.load += f"\t\tint {name} = items[0]->{name};\n"
                self.store += f"\t\tstore_in_all({name}, items, &mydsp::{name});\n"
            elif length:
                size += 32 * int(length)
                declared = f"Memory<{wide}, {length}> {name};\n"
                local = int(length) <= MAX_LOCAL_LENGTH
                self.fields += "" if local else f"\t{declared}"
                self.load += f"\t\t{declared}" if local else ""
                self.load += f"\t\t{name}.load(items, &mydsp::{name});\n"
                if written:
                    self.store += f"\t\t{name}.store(items, &mydsp::{name});\n"
            else:
                self.load += f"\t\t{wide} {name} = load<{wide}>(items, &mydsp::{name});\n"
                if written:
                    self.store += f"\t\tlanes::store({name}, items, &mydsp::{name});\n"
        for kind, name, length in _TABLE.findall(before):
            if re.search(rf"\b{name}\b", body):
                wide = "Ints" if kind == "int" else "Lanes"
                self.load += f"\t\tconst Table<{wide}, {length}> {name}{{::{name}}};\n"
        if size > MAX_STATE:
            raise ValueError("the states of all lanes do not fit into the caches")
        self.alike = " && ".join(alike) or "true"


def _in_lanes(text: str) -> str:
    """Statements, or a function, on vectors instead of numbers."""
    power = _POWER.match(text)
    if power:
        wide = "Ints" if power[1] == "int" else "Lanes"
        return text.replace(power[1], wide).replace("static ", "static inline ", 1) + "\n"
    for pattern, replacement in (*_DECLARATIONS, (_STORE, r"\1.at(\2) = "), *_CASTS):
        text = pattern.sub(replacement, text)
    return "".join(map(_without_choices, text.splitlines(keepends=True)))


def _without_choices(line: str) -> str:
    """A line with `select(c, a, b)` for each `(c ? a : b)`."""
    while (question := line.find(" ? ")) >= 0:
        start = _outside(line, range(question, -1, -1), ")(", "(")
        end = _outside(line, range(question, len(line)), "()", ")")
        colon = _outside(line, range(question + 3, end), "()", " : ")
        first, second = line[question + 3 : colon], line[colon + 3 : end]
        choice = f"select({line[start + 1 : question]}, {first}, {second})"
        line = line[:start] + choice + line[end + 1 :]
    return line


def _outside(line: str, places: range, pair: str, wanted: str) -> int:
    """The first of the places where a text stands, outside of all that a pair encloses."""
    depth = 0
    for k in places:
        if not depth and line.startswith(wanted, k):
            return k
        depth += (line[k] == pair[0]) - (line[k] == pair[1])
    raise ValueError("the C++ text has a choice that is not in parentheses")
