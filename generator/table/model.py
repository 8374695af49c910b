"""Stage 2: a tree of nodes becomes a frozen `Table`; everything malformed is reported at once.

The model is what the later stages agree on. A `Primitive` states the value of a Faust primitive,
one partial derivative per argument, where they hold, and what replaces them elsewhere. Nothing
here knows whether a rule is true: that is for stage 3.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from ..errors import InputError, Place, Problem, nearest
from ..resources import resource
from .expressions import TIME, Expression, ExpressionError, delay_of, is_condition, parse
from .loading import Node, load
from .spelling import is_box, is_library_prefix, is_own_name
from .vocabulary import CONSTANTS, FAUST_WORDS, FUNCTIONS

Kind = Literal["smooth", "guarded", "selector", "zero", "linear", "structural", "unavailable"]
Role = Literal["signal", "integer", "constant", "table"]
Through = Literal["diff", "linear", "display", "inactive", "none"]

KINDS: Mapping[Kind, str] = {
    "smooth": "differentiable everywhere in its domain",
    "guarded": "differentiable where a condition holds, with a stated value elsewhere",
    "selector": "passes one of its arguments on; the derivative is that of the selected one",
    "zero": "constant between jumps: the derivative is zero almost everywhere",
    "linear": "linear in a signal, perhaps with memory: the tangent goes the way of the signal",
    "structural": "wires, boxes without input and boxes that look at a signal without changing it",
    "unavailable": "has a derivative that Faust has no function for: using it is an error",
}
ROLES: Mapping[Role, str] = {
    "signal": "a real signal",
    "integer": "a signal that the primitive reads as an integer",
    "constant": "a number known at compile time",
    "table": "a signal that fills a table before the program runs",
}
THROUGH: Mapping[Through, str] = {
    "diff": "d.diff(box)",
    "linear": "d.linear(box)",
    "display": "d.display(box)",
    "inactive": "d.inactive(box)",
    "none": "no part of a dual",
}


@dataclass(frozen=True)
class Guard:
    """Where the formulas for `args` hold, and what stands in for them elsewhere.

    `when` is the condition; where it fails, each operand in `safe` is replaced by a number, so
    that the formula is never evaluated outside its domain, and the partial is `elsewhere`.
    """

    args: tuple[str, ...]
    when: Expression
    safe: Mapping[str, Expression]
    elsewhere: Expression
    reason: str


@dataclass(frozen=True)
class Tie:
    """What the partials are at a kink (where `at` holds), and why."""

    at: Expression
    partials: Mapping[str, Expression]
    reason: str


@dataclass(frozen=True)
class Samples:
    """Where a row is tested: ranges or values by argument, and single points.

    `edges` are points at the border of what is defined: value and partials must be finite there.
    At `poles` the value itself is not finite, the partials must be. Random points keep away from
    the zeros of `avoid`.
    """

    ranges: Mapping[str, tuple[float, float]]
    values: Mapping[str, tuple[float, ...]]
    edges: tuple[Mapping[str, float], ...]
    poles: tuple[Mapping[str, float], ...]
    avoid: tuple[Expression, ...]


@dataclass(frozen=True)
class Primitive:
    """One row: a primitive with its value and its derivative rule.

    `partials` maps every argument to an expression, or to None where the rule does not
    differentiate with respect to it (`reason` says why). An expression that mentions the tangent
    of its own argument (`dx` for `x`) is the whole contribution of that argument; any other is
    multiplied by the tangent. With respect to an argument in `surrogates`, that expression is
    differentiated in place of `value`, which has no useful derivative there.
    """

    name: str
    faust: str
    kind: Kind
    section: str
    args: tuple[str, ...]
    roles: Mapping[str, Role]
    value: Expression | None
    surrogates: Mapping[str, Expression]
    partials: Mapping[str, Expression | None]
    domain: Expression | None
    guards: tuple[Guard, ...]
    tie: Tie | None
    samples: Samples
    summary: str
    reason: str
    aliases: tuple[str, ...]
    since: str
    through: Through
    composite: bool
    broken: str
    place: Place
    places: Mapping[str, Place]

    def place_of(self, field: str) -> Place:
        """Where a field of this row stands, as `value` or `partials.x`."""
        return self.places.get(field, self.place)

    def guard_of(self, argument: str) -> Guard | None:
        """The guard of the partial with respect to `argument`."""
        return next((guard for guard in self.guards if argument in guard.args), None)

    @property
    def temporal(self) -> bool:
        """Whether the row speaks of signals in time or of tables, not of numbers alone."""
        return self.kind == "linear" or "table" in self.roles.values()

    @property
    def active(self) -> tuple[str, ...]:
        """The arguments whose tangent reaches the result."""
        return tuple(a for a in self.args if not is_zero(self.partials[a]))


@dataclass(frozen=True)
class Table:
    """All rows, in the order of the file, and the libraries their spellings refer to."""

    primitives: tuple[Primitive, ...]
    libraries: Mapping[str, str]
    file: str

    def __getitem__(self, name: str) -> Primitive:
        for primitive in self.primitives:
            if primitive.name == name:
                return primitive
        raise KeyError(name)


def is_zero(partial: Expression | None) -> bool:
    """Whether a partial never contributes: not differentiated, or literally 0."""
    return partial is None or partial.text in ("0", "0.0")


def tangent_name(argument: str) -> str:
    """The name of an argument's tangent in an expression: `dx` for `x`."""
    return f"d{argument}"


def read(path: Path, extensions: Sequence[Path] = ()) -> Table:
    """The table of the file at `path`, with the rows of every file in `extensions` added.

    Raises `InputError` with all problems of all files.
    """
    problems: list[Problem] = []
    tables: list[Table] = []
    for file in (path, *extensions):
        try:
            tables.append(model(load(file)))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return merge(tables)


def merge(tables: Sequence[Table]) -> Table:
    """One table of all rows; two rows may not share a name or a spelling."""
    problems: list[Problem] = []
    rows: list[Primitive] = []
    libraries: dict[str, str] = {}
    for table in tables:
        for prefix, file in table.libraries.items():
            if libraries.setdefault(prefix, file) != file:
                problems.append(
                    Problem(
                        Place(table.file),
                        f"the prefix '{prefix}' is {libraries[prefix]}, and {file} too",
                        "use another prefix for your library",
                    )
                )
        rows.extend(table.primitives)
    seen: dict[str, Primitive] = {}
    for row in rows:
        for key in {f"name '{row.name}'", *(f"box '{box}'" for box in (row.faust, *row.aliases))}:
            first = seen.setdefault(key, row)
            if first is not row:
                problems.append(
                    Problem(
                        row.place,
                        f"the {key} is taken by the row at {first.place}",
                        "rename this row, or replace the whole table with --table",
                        row=row.name,
                    )
                )
    for row in rows:
        for prefix in dict.fromkeys(p for box in (row.faust, *row.aliases) for p in _prefixes(box)):
            if prefix not in libraries:
                problems.append(
                    Problem(
                        row.place_of("faust"),
                        f"no library has the prefix '{prefix}'",
                        f"add it at the top: 'libraries: {{{prefix}: {prefix}.lib}}'",
                        row=row.name,
                        field="faust",
                    )
                )
    if problems:
        raise InputError(problems)
    return Table(tuple(rows), libraries, tables[0].file)


def model(root: Node) -> Table:
    """The table that a tree states; raises `InputError` with every problem in it."""
    return _Modeller(root.place.file).table(root)


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FILE = re.compile(r"[A-Za-z0-9_./-]+\.lib")
_PREFIX = re.compile(r"(?<![\w.\"])([A-Za-z_]\w*)\.[A-Za-z_]")
_VERSION = re.compile(r"\d+(\.\d+)*")

_REQUIRED = ("name", "faust", "kind", "section", "args", "value", "partials", "summary")
_OPTIONAL = (
    *("aliases", "since", "roles", "surrogates", "domain", "guards", "tie", "samples", "edges"),
    *("poles", "avoid", "reason", "through", "composite", "broken"),
)

T = TypeVar("T")
Numbers = Mapping[str, float]


def _prefixes(box: str) -> list[str]:
    """The library prefixes in a Faust spelling: `ma` in `ma.tanh`, none in a foreign function."""
    if re.match(r"(ffunction|fconstant|fvariable)\b", box):
        return []
    return _PREFIX.findall(re.sub(r'"[^"]*"', "", box))


class _Modeller:
    """Reads nodes into the model and collects problems; a field with a problem reads as empty."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.row = ""

    def problem(self, node: Node | Place, field: str, what: str, hint: str) -> None:
        place = node.place if isinstance(node, Node) else node
        self.problems.append(Problem(place, what, hint, self.row, field))

    # Generic pieces.

    def mapping(self, node: Node, field: str) -> dict[str, Node]:
        if isinstance(node.value, dict):
            return node.value
        self.problem(node, field, "is not a mapping", "write it as 'key: value' lines")
        return {}

    def items(self, node: Node | None, field: str) -> tuple[Node, ...]:
        if node is None:
            return ()
        if isinstance(node.value, tuple):
            return node.value
        self.problem(node, field, "is not a list", "write it as '- item' lines, or [a, b]")
        return ()

    def keys(
        self, node: Node, field: str, required: Iterable[str], optional: Iterable[str]
    ) -> dict[str, Node]:
        found = self.mapping(node, field)
        required, known = tuple(required), {*required, *optional}
        for key, place in node.keys.items():
            if key not in known:
                hint = nearest(key, known, f"known keys: {', '.join(sorted(known)) or 'none'}")
                self.problem(place, field, f"unknown key '{key}'", hint)
        for key in required:
            if key not in found and isinstance(node.value, dict):
                self.problem(node, field, f"the key '{key}' is missing", f"add '{key}: ...'")
        return {key: value for key, value in found.items() if key in known}

    def text(self, node: Node | None, field: str) -> str:
        if node is None:
            return ""
        if not isinstance(node.value, str):
            self.problem(node, field, "is not text", "write one value, in quotes if it has : or #")
            return ""
        if node.word:
            what = f"'{node.value}' means something else in YAML"
            self.problem(node, field, what, f'write "{node.value}" in quotes')
            return ""
        text = " ".join(node.value.split())
        if not text:
            self.problem(node, field, "is empty", "write a value")
        return text

    def matching(self, node: Node | None, field: str, pattern: re.Pattern[str], hint: str) -> str:
        text = self.text(node, field)
        if text and node is not None and not pattern.fullmatch(text):
            self.problem(node, field, f"'{text}' is not valid here", hint)
            return ""
        return text

    def choice(self, node: Node | None, field: str, known: Mapping[T, str], default: T) -> T:
        text = self.text(node, field)
        for option in known:
            if option == text:
                return option
        if node is not None and text:
            hint = nearest(text, map(str, known), f"one of: {', '.join(map(str, known))}")
            self.problem(node, field, f"'{text}' is not known", hint)
        return default

    def flag(self, node: Node | None, field: str) -> bool:
        if node is not None and node.value not in ("true", "false"):
            self.problem(node, field, "is neither true nor false", "write true or false")
        return node is not None and node.value == "true"

    def number(self, node: Node, field: str) -> float:
        text = self.text(node, field) or "0"
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not (number == 0 or 1e-45 <= abs(number) <= 3e38):
            hint = "write a number that single precision holds"
            self.problem(node, field, f"'{text}' is not a number", hint)
            return 0.0
        return number

    def expression(self, node: Node | None, field: str, scope: Sequence[str]) -> Expression | None:
        text = self.text(node, field)
        if node is None or not text:
            return None
        try:
            return parse(text, scope)
        except ExpressionError as error:
            self.problem(node, field, error.what, error.hint)
            return None

    def condition(self, node: Node | None, field: str, scope: Sequence[str]) -> Expression | None:
        found = self.expression(node, field, scope)
        if found is None or is_condition(found.tree):
            return found
        if node is not None:
            hint = "compare it, as in 'x > 0'"
            self.problem(node, field, f"'{found}' is not a condition", hint)
        return None

    def expressions(
        self, node: Node | None, field: str, args: Sequence[str], scope: Sequence[str]
    ) -> dict[str, Expression]:
        if node is None:
            return {}
        found = {
            name: self.expression(item, f"{field}.{name}", scope)
            for name, item in self.keys(node, field, (), args).items()
        }
        return {name: expression for name, expression in found.items() if expression is not None}

    def point(self, node: Node, field: str, args: Sequence[str]) -> Numbers:
        found = self.keys(node, field, args, ())
        return {name: self.number(value, field) for name, value in found.items()}

    # The table.

    def table(self, root: Node) -> Table:
        top = self.keys(root, "", ("primitives",), ("libraries",))
        libraries = {}
        if "libraries" in top:
            for prefix, node in self.mapping(top["libraries"], "libraries").items():
                if not is_library_prefix(prefix):
                    what = f"'{prefix}' is no name for a library"
                    hint = "write letters, digits and _, as in 'my: my.lib'"
                    self.problem(top["libraries"].keys[prefix], "libraries", what, hint)
                libraries[prefix] = self.matching(
                    node, "libraries", _FILE, "name a file, as in 'ma: maths.lib'"
                )
        rows = [self.primitive(row) for row in self.items(top.get("primitives"), "primitives")]
        if "primitives" in top and not rows and not self.problems:
            self.problem(top["primitives"], "primitives", "has no rows", "add at least one row")
        if self.problems:
            raise InputError(self.problems)
        return Table(tuple(rows), libraries, self.file)

    def primitive(self, node: Node) -> Primitive:
        self.row = ""
        before = len(self.problems)
        if isinstance(node.value, dict) and "name" in node.value:
            self.row = str(node.value["name"].value)[:40]
        fields = self.keys(node, "", _REQUIRED, _OPTIONAL)
        get: Callable[[str], Node | None] = fields.get
        kind = self.choice(get("kind"), "kind", KINDS, "smooth")
        args = self.arguments(get("args"))
        scope = [*args, TIME] if kind == "linear" else args
        partials, places = self.partials(get("partials"), args, scope)
        places |= {key: child.place for key, child in fields.items()}
        value = self.value(get("value"), scope)
        row = Primitive(
            name=self.matching(get("name"), "name", _NAME, "letters, digits and _ only"),
            faust=self.box(get("faust"), "faust"),
            kind=kind,
            section=self.text(get("section"), "section"),
            args=args,
            roles=self.roles(get("roles"), args),
            value=value,
            surrogates=self.expressions(get("surrogates"), "surrogates", args, scope),
            partials=partials,
            domain=self.condition(get("domain"), "domain", args),
            guards=tuple(self.guard(g, args) for g in self.items(get("guards"), "guards")),
            tie=self.tie(get("tie"), args),
            samples=self.samples(fields, args),
            summary=self.text(get("summary"), "summary"),
            reason=self.text(get("reason"), "reason"),
            aliases=tuple(self.box(a, "aliases") for a in self.items(get("aliases"), "aliases")),
            since=self.matching(get("since"), "since", _VERSION, 'a version, as in "2.69"'),
            through=self.choice(get("through"), "through", THROUGH, "diff"),
            composite=self.flag(get("composite"), "composite"),
            broken=self.text(get("broken"), "broken"),
            place=node.place,
            places=places,
        )
        if len(self.problems) == before:
            # A field with a problem reads as empty: what follows from that would mislead.
            self.consistent(row, node)
        return row

    def box(self, node: Node | None, field: str) -> str:
        """A Faust spelling; whether it compiles is for the compiler to say."""
        text = self.text(node, field)
        if node is not None and text and not is_box(text):
            self.problem(
                node, field, f"'{text}' is not one Faust box", "write a primitive or my.function"
            )
        return text

    def arguments(self, node: Node | None) -> tuple[str, ...]:
        names: list[str] = []
        for item in self.items(node, "args"):
            name = self.matching(item, "args", _NAME, "letters, digits and _ only")
            reserved = {*FAUST_WORDS, *FUNCTIONS, *CONSTANTS, TIME}
            if name in reserved or is_own_name(name):
                what = f"'{name}' is reserved"
                self.problem(item, "args", what, "use another name, as in x or y")
            elif name in names:
                self.problem(item, "args", f"'{name}' stands twice", "give it another name")
            elif name.removeprefix("d") in names or tangent_name(name) in names:
                what = f"'{name}' is also the tangent of an argument"
                self.problem(item, "args", what, "rename one of the two")
            elif name:
                names.append(name)
        return tuple(names)

    def value(self, node: Node | None, scope: Sequence[str]) -> Expression | None:
        return (
            None
            if node is not None and node.value == "none"
            else self.expression(node, "value", scope)
        )

    def partials(
        self, node: Node | None, args: Sequence[str], scope: Sequence[str]
    ) -> tuple[dict[str, Expression | None], dict[str, Place]]:
        partials: dict[str, Expression | None] = dict.fromkeys(args)
        places: dict[str, Place] = {}
        if node is None:
            return partials, places
        for name, item in self.mapping(node, "partials").items():
            places[f"partials.{name}"] = item.place
            if name not in args:
                hint = nearest(name, args, f"the arguments are: {', '.join(args) or 'none'}")
                self.problem(item, "partials", f"'{name}' is not an argument", hint)
            elif item.value != "inactive":
                own = [*scope, tangent_name(name)] if TIME in scope else scope
                partials[name] = self.expression(item, f"partials.{name}", own)
        for name in args:
            if f"partials.{name}" not in places:
                what = f"the partial with respect to the argument '{name}' is missing"
                self.problem(node, "partials", what, f"add '{name}: ...', or '{name}: inactive'")
        return partials, places

    def roles(self, node: Node | None, args: Sequence[str]) -> dict[str, Role]:
        roles: dict[str, Role] = dict.fromkeys(args, "signal")
        if node is not None:
            for name, item in self.keys(node, "roles", (), args).items():
                roles[name] = self.choice(item, f"roles.{name}", ROLES, "signal")
        return roles

    def guard(self, node: Node, args: Sequence[str]) -> Guard:
        found = self.keys(node, "guards", ("args", "when", "elsewhere", "reason"), ("safe",))
        guarded = tuple(
            self.text(item, "guards") for item in self.items(found.get("args"), "guards")
        )
        if not guarded and "args" in found:
            self.problem(node, "guards", "guards no argument", "name one, as in 'args: [x]'")
        for name in guarded:
            if name not in args:
                hint = nearest(name, args, f"the arguments are: {', '.join(args) or 'none'}")
                self.problem(node, "guards", f"'{name}' is not an argument", hint)
        nothing = parse("0", ())
        return Guard(
            guarded,
            self.condition(found.get("when"), "guards", args) or nothing,
            self.expressions(found.get("safe"), "guards", args, ()),
            self.expression(found.get("elsewhere"), "guards", args) or nothing,
            self.text(found.get("reason"), "guards"),
        )

    def tie(self, node: Node | None, args: Sequence[str]) -> Tie | None:
        if node is None:
            return None
        found = self.keys(node, "tie", ("at", "partials", "reason"), ())
        at = self.condition(found.get("at"), "tie", args)
        partials = self.expressions(found.get("partials"), "tie", args, args)
        return Tie(at, partials, self.text(found.get("reason"), "tie")) if at else None

    def samples(self, fields: Mapping[str, Node], args: Sequence[str]) -> Samples:
        ranges: dict[str, tuple[float, float]] = {}
        values: dict[str, tuple[float, ...]] = {}
        if "samples" in fields:
            for name, item in self.keys(fields["samples"], "samples", (), args).items():
                field = f"samples.{name}"
                if isinstance(item.value, dict):
                    found = self.keys(item, field, ("values",), ())
                    listed = self.items(found.get("values"), field)
                    values[name] = tuple(self.number(value, field) for value in listed)
                    continue
                ends = [self.number(end, field) for end in self.items(item, field)]
                if len(ends) != 2 or not ends[0] < ends[1]:
                    self.problem(item, field, "is not a range", "write [low, high]")
                    continue
                ranges[name] = (ends[0], ends[1])

        def points(key: str) -> tuple[Numbers, ...]:
            return tuple(self.point(p, key, args) for p in self.items(fields.get(key), key))

        avoid = (
            self.expression(e, "avoid", args) for e in self.items(fields.get("avoid"), "avoid")
        )
        return Samples(
            ranges, values, points("edges"), points("poles"), tuple(e for e in avoid if e)
        )

    def consistent(self, row: Primitive, node: Node) -> None:
        """Reports what no single field shows, once every field has been read."""
        differentiated = row.kind not in ("structural", "unavailable")
        if (row.kind == "guarded") != bool(row.guards):
            self.problem(
                node,
                "guards",
                f"a row of kind {row.kind} with {len(row.guards)} guards",
                "a guarded row has guards, and no other does",
            )
        inactive = [name for name in row.args if row.partials[name] is None]
        if (inactive or row.kind in ("zero", "unavailable")) and not row.reason:
            self.problem(
                node,
                "reason",
                "has arguments without a derivative, and no reason",
                "add 'reason: ...'",
            )
        if row.kind == "zero" and row.active:
            what = f"is of kind zero, yet {row.active[0]} has a partial that is not 0"
            self.problem(
                row.place_of(f"partials.{row.active[0]}"),
                "partials",
                what,
                "state 0, or another kind",
            )
        guarded = [name for guard in row.guards for name in guard.args]
        for name in sorted({name for name in guarded if guarded.count(name) > 1}):
            what = f"'{name}' has more than one guard"
            self.problem(node, "guards", what, "join the conditions with 'and'")
        if differentiated and not row.args:
            what = f"is of kind {row.kind} and has no arguments"
            self.problem(node, "args", what, "a box without input is structural")
        if differentiated and row.value is None:
            hint = "state what is computed; only structural rows have none"
            self.problem(row.place_of("value"), "value", "is missing", hint)
        for name, stated in row.partials.items():
            fixed = ("table", "constant", "integer") if row.temporal else ("table", "constant")
            if differentiated and stated is not None and row.roles[name] in fixed:
                what = f"'{name}' is a {row.roles[name]}, yet it has a partial"
                self.problem(row.place_of(f"partials.{name}"), "partials", what, "write inactive")
        for name in row.args:
            if row.tie and name not in row.tie.partials and row.partials[name] is not None:
                what = f"the tie has no partial for '{name}'"
                self.problem(row.place_of("tie"), "tie", what, f"add '{name}: ...'")
            if row.samples.values.get(name) == ():
                place = row.place_of("samples")
                self.problem(place, "samples", f"'{name}' has no values", "list at least one")
        for field, expression in (("value", row.value), *row.partials.items()):
            place = row.place_of(field if field == "value" else f"partials.{field}")
            for used in ast.walk(expression.tree) if expression else ():
                if isinstance(used, ast.Subscript) and isinstance(used.value, ast.Name):
                    lookup = delay_of(used) is None
                    if lookup != (row.roles.get(used.value.id, "signal") == "table"):
                        what = f"'{ast.unparse(used)}' does not fit the role of '{used.value.id}'"
                        hint = "t[i] reads a table, x[n - k] a signal"
                        self.problem(place, field, what, hint)
        sampled = {*row.samples.ranges, *row.samples.values}
        for name in row.args:
            if differentiated and row.roles[name] != "table" and name not in sampled:
                self.problem(
                    node,
                    "samples",
                    f"the argument '{name}' has no samples",
                    f"add 'samples: {{{name}: [low, high]}}'",
                )


@cache
def built_in_table() -> Table:
    """The table of the package."""
    return read(resource("primitives.yaml"))
