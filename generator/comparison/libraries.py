"""Two Faust libraries by their public functions; comments and layout do not count.

A library is read as far as a comparison needs it: statements, names, parameters, the tokens of a
definition, and the comment before it. Two definitions are the same if their tokens are, up to the
names of the parameters. What an environment has in it is compared member by member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, takewhile

from ..errors import InputError, Place, Problem
from .changes import Bump, Change, Detail, Kind
from .sources import Document

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>//[^\n]*|/\*.*?\*/)
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?f?)
    | (?P<name>(?:::)?[A-Za-z_]\w*)
    | (?P<operator><:|:>|<=|>=|==|!=|=>|<<|>>|[^\s\w"])
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {")": "(", "}": "{", "]": "["}
_NAME = re.compile(r"[A-Za-z_]\w*")
#: How many of the functions that a change reaches are named.
MAX_NAMED = 8


@dataclass(frozen=True)
class Token:
    """A token and the offset in the text at which it starts."""

    text: str
    start: int


@dataclass(frozen=True)
class Equation:
    """`name(parameters) = body`; each parameter is the text of a pattern, mostly a name."""

    parameters: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def plain(self) -> tuple[str, ...]:
        """All tokens, with the parameters named by their position."""
        numbers = {name: f"${k}" for k, name in enumerate(self.parameters) if _NAME.fullmatch(name)}
        patterns = [numbers.get(pattern, pattern) for pattern in self.parameters]
        body = [
            # A name after a dot is one of another scope.
            token if before == "." else numbers.get(token, token)
            for before, token in zip(("", *self.body), self.body, strict=False)
        ]
        return (*patterns, "=", *body)


@dataclass(frozen=True)
class Definition:
    """A public definition: all its equations, the comment before the first, and its place."""

    name: str
    equations: tuple[Equation, ...]
    comment: str
    place: Place

    @property
    def signature(self) -> str:
        """`name(A, B)`, of the first equation."""
        parameters = ", ".join(self.equations[0].parameters)
        return f"{self.name}({parameters})" if parameters else self.name

    @property
    def arity(self) -> int:
        return len(self.equations[0].parameters)

    @cached_property
    def plain(self) -> tuple[tuple[str, ...], ...]:
        return tuple(equation.plain for equation in self.equations)

    @cached_property
    def members(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """The tokens of each member by name, if the definition is an environment."""
        body = self.equations[0].body
        if body[:2] != ("environment", "{"):
            return {}
        depths = accumulate((token == "{") - (token == "}") for token in body[1:])
        end = next(k for k, depth in enumerate(depths, 1) if not depth)
        by_name: dict[str, list[tuple[str, ...]]] = {}
        for statement in _split_at(body[2:end]):
            by_name.setdefault(statement[0], []).append(statement)
        return {name: tuple(statements) for name, statements in by_name.items()}

    @cached_property
    def uses(self) -> frozenset[str]:
        """Every name in the definition."""
        return frozenset(t for e in self.equations for t in e.body if _NAME.fullmatch(t))


@dataclass(frozen=True)
class Library:
    """The public functions of a library by name, and what it declares."""

    source: Document
    functions: Mapping[str, Definition]
    declared: Mapping[str, str]


def parse_library(source: Document) -> Library:
    """The library that a text is; raises `InputError` if it is none."""
    functions: dict[str, Definition] = {}
    declared: dict[str, str] = {}
    for comment, tokens in _statements(source):
        place = Place(source.name, source.text.count("\n", 0, tokens[0].start) + 1, 1)
        words = tuple(token.text for token in tokens)
        match words:
            case ("declare", key, value):
                declared[key] = value.strip('"')
                continue
            case ("declare", *_) | ("import", "(", _, ")"):
                declared[" ".join(words)] = ""
                continue
        name, equation = _equation(words, place)
        before = functions.get(name)
        functions[name] = Definition(
            name,
            (*(before.equations if before else ()), equation),
            before.comment if before else comment,
            before.place if before else place,
        )
    if not functions:
        what, hint = "defines nothing", "a Faust library has lines 'name = expression;'"
        raise InputError([Problem(Place(source.name), what, hint)])
    return Library(source, functions, declared)


def _statements(source: Document) -> Iterator[tuple[str, list[Token]]]:
    """Each statement without its semicolon, and the comments before it."""
    comments: list[str] = []
    tokens: list[Token] = []
    opened: list[Token] = []
    ended = 0  # Where the last statement did; what follows on its line belongs to it.

    def problem(token: Token, what: str, hint: str) -> InputError:
        place = Place(source.name, source.text.count("\n", 0, token.start) + 1, 1)
        return InputError([Problem(place, what, hint)])

    for match in _TOKEN.finditer(source.text):
        token = Token(match.group(), match.start())
        trailing = "\n" not in source.text[ended : token.start]
        if match.lastgroup == "comment" and not tokens and not (trailing and ended):
            comments.append(token.text)
        if match.lastgroup in ("comment", "space"):
            continue
        if token.text in _PAIRS.values():
            opened.append(token)
        elif token.text in _PAIRS and not (opened and opened.pop().text == _PAIRS[token.text]):
            hint = "does the file compile? 'faust FILE' says where it stops"
            raise problem(token, f"'{token.text}' closes nothing", hint)
        if token.text == ";" and not opened:
            if tokens:
                yield "\n".join(comments), tokens
            comments, tokens, ended = [], [], token.start
        else:
            tokens.append(token)
    if opened or tokens:
        hint = "each definition ends with ';'; is the file cut off?"
        raise problem((opened or tokens)[0], "this is never closed", hint)


def _equation(words: tuple[str, ...], place: Place) -> tuple[str, Equation]:
    name, *rest = words
    head = [*takewhile(lambda word: word != "=", rest)]
    if not _NAME.fullmatch(name) or len(head) == len(rest) or (head and head[0] != "("):
        raise InputError(
            [
                Problem(
                    place,
                    f"'{' '.join(words[:4])}' starts no definition",
                    "write 'name(PARAMETERS) = expression;'",
                )
            ]
        )
    parameters = tuple(" ".join(p) for p in _split_at(tuple(head[1:-1]), ","))
    return name, Equation(parameters, tuple(rest[len(head) + 1 :]))


def _split_at(words: tuple[str, ...], at: str = ";") -> Iterator[tuple[str, ...]]:
    """The parts between separators that are in no bracket; empty ones are left out."""
    part: list[str] = []
    depth = 0
    for word in words:
        depth += (word in _PAIRS.values()) - (word in _PAIRS)
        if word == at and not depth:
            if part:
                yield tuple(part)
            part = []
        else:
            part.append(word)
    if part:
        yield tuple(part)


def compare_libraries(old: Library, new: Library) -> tuple[Change, ...]:
    """All changes from `old` to `new`: what is declared, what is gone, then in the new order."""
    renamed = _renames(old, new)
    old = _with_names(old, renamed)
    origin = {name: old.functions[name] for name in new.functions if name in old.functions}
    origin |= {after: old.functions[before] for before, after in renamed.items()}
    changes = [*_declaration_changes(old, new)]
    for name, function in old.functions.items():
        if name not in new.functions and name not in renamed:
            summary = f"{function.signature} is gone"
            changes.append(Change(name, "removed", summary, "major", (), function.place))
    for name, function in new.functions.items():
        before = origin.get(name)
        if before is None:
            summary = function.signature
            changes.append(Change(name, "added", summary, "minor", (), None, function.place))
        else:
            changes += _changes(before, function, new)
    return tuple(changes)


def _renames(old: Library, new: Library) -> dict[str, str]:
    """New names of definitions whose tokens are the same; none where that is ambiguous."""
    removed = [f for name, f in old.functions.items() if name not in new.functions]
    fresh = [f for name, f in new.functions.items() if name not in old.functions]
    renames = {}
    for function in removed:
        alike = [other for other in fresh if _tokens_used(other) == _tokens_used(function)]
        back = [other for other in removed if _tokens_used(other) == _tokens_used(function)]
        if len(alike) == len(back) == 1:
            renames[function.name] = alike[0].name
    return renames


def _with_names(library: Library, renamed: Mapping[str, str]) -> Library:
    """A library whose definitions call others by their new names."""

    def body(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            word if before == "." else renamed.get(word, word)
            for before, word in zip(("", *words), words, strict=False)
        )

    functions = {
        name: replace(
            function, equations=tuple(replace(e, body=body(e.body)) for e in function.equations)
        )
        for name, function in library.functions.items()
    }
    return replace(library, functions=functions) if renamed else library


def _tokens_used(function: Definition) -> tuple[tuple[str, ...], ...]:
    """The tokens, with the function's own name as a blank."""
    return tuple(
        tuple("self" if token == function.name else token for token in tokens)
        for tokens in function.plain
    )


def _declaration_changes(old: Library, new: Library) -> Iterator[Change]:
    details = [
        Detail(key, old.declared.get(key, ""), new.declared.get(key, ""))
        for key in sorted({*old.declared, *new.declared})
        if old.declared.get(key) != new.declared.get(key)
    ]
    if details:
        summary = "; ".join(f"{d.field}: {d.old or 'none'} -> {d.new or 'none'}" for d in details)
        yield Change("declare", "documentation", summary, "patch", tuple(details))


def _changes(old: Definition, new: Definition, library: Library) -> Iterator[Change]:
    def change(kind: Kind, summary: str, bump: Bump, details: Sequence[Detail] = ()) -> Change:
        return Change(new.name, kind, summary, bump, tuple(details), old.place, new.place)

    if old.name != new.name:
        detail = Detail("name", old.signature, new.signature)
        yield change("renamed", f"{old.name} -> {new.name}", "major", [detail])
    elif old.plain != new.plain:
        yield _definition_change(old, new, library)
    elif old.equations != new.equations:
        detail = Detail("signature", old.signature, new.signature, "parameters have other names")
        yield change("equal", "the same tokens, up to the names of parameters", "patch", [detail])
    elif _words(old.comment) != _words(new.comment):
        yield change("documentation", "the comment", "patch")


def _definition_change(old: Definition, new: Definition, library: Library) -> Change:
    """A definition with other tokens: its signature, its members, or what it computes."""
    details = []
    parts = []
    bump: Bump = "minor"
    if old.arity != new.arity:
        bump = "major"
        parts.append(f"signature {old.signature} -> {new.signature}")
        details.append(Detail("signature", old.signature, new.signature))
    removed = [name for name in old.members if name not in new.members]
    fresh = [name for name in new.members if name not in old.members]
    if old.members and new.members:
        both = [name for name in new.members if name in old.members]
        other = [name for name in both if old.members[name] != new.members[name]]
        for title, names in (("removed", removed), ("added", fresh), ("changed", other)):
            if names:
                parts.append(f"members {title}: {', '.join(names)}")
        bump = "major" if removed else bump
    if not parts:
        parts.append("the definition")
    if reached := _users(new.name, library):
        more = f" and {len(reached) - MAX_NAMED} more" if len(reached) > MAX_NAMED else ""
        parts.append(f"used by {', '.join(reached[:MAX_NAMED])}{more}")
    summary = "; ".join(parts)
    return Change(new.name, "changed", summary, bump, tuple(details), old.place, new.place)


def _users(name: str, library: Library) -> list[str]:
    """The functions that use one, directly or through others, in the order of the file."""
    reached = {name}
    while True:
        more = {
            f.name for f in library.functions.values() if f.name not in reached and f.uses & reached
        }
        if not more:
            return [other for other in library.functions if other in reached - {name}]
        reached |= more


def _words(comment: str) -> list[str]:
    """A comment without its layout."""
    lines = [line.strip().removeprefix("//").strip() for line in comment.splitlines()]
    return " ".join(line for line in lines if line.strip("-=#/* ")).split()
