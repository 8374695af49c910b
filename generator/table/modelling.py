"""A tree of nodes becomes rows; everything malformed is reported at once."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence

from ..errors import InputError, Place, nearest
from .consistency import inconsistencies
from .expressions import TIME, Expression, parse
from .fields import FieldReader
from .loading import YamlNode
from .model import KINDS, ROLES, THROUGH, Guard, Primitive, Role, Samples, Table, Tie, tangent_name
from .spelling import is_box, is_library_prefix, is_own_name
from .vocabulary import CONSTANTS, FAUST_WORDS, FUNCTIONS

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
FILE = re.compile(r"[A-Za-z0-9_./-]+\.lib")
VERSION = re.compile(r"\d+(\.\d+)*")

#: Keys of a mapping: those that it has to have, and those that it may have.
Keys = tuple[tuple[str, ...], tuple[str, ...]]

TABLE: Keys = (("primitives",), ("libraries",))
ROW: Keys = (
    ("name", "faust", "kind", "section", "args", "value", "partials", "summary"),
    (
        *("aliases", "since", "roles", "surrogates", "domain", "guards", "tie", "samples"),
        *("edges", "poles", "avoid", "reason", "through", "composite", "real", "broken"),
    ),
)
GUARD: Keys = (("args", "when", "elsewhere", "reason"), ("safe",))
TIE: Keys = (("at", "partials", "reason"), ())
#: Samples of an argument that are no range.
SAMPLES: Keys = (("values",), ())


def model(root: YamlNode) -> Table:
    """The table that a tree states; raises `InputError` with every problem in it."""
    return _TableReader(root.place.file).table(root)


class _TableReader(FieldReader):
    """Reads the table, its rows, and the parts of a row."""

    def table(self, root: YamlNode) -> Table:
        top = self.keys(root, "", *TABLE)
        libraries = {}
        if "libraries" in top:
            for prefix, node in self.mapping(top["libraries"], "libraries").items():
                if not is_library_prefix(prefix):
                    what = f"'{prefix}' is no name for a library"
                    hint = "write letters, digits and _, as in 'my: my.lib'"
                    self.problem(top["libraries"].keys[prefix], "libraries", what, hint)
                libraries[prefix] = self.matching(
                    node, "libraries", FILE, "name a file, as in 'ma: maths.lib'"
                )
        rows = [self.primitive(row) for row in self.items(top.get("primitives"), "primitives")]
        if "primitives" in top and not rows and not self.problems:
            self.problem(top["primitives"], "primitives", "has no rows", "add at least one row")
        if self.problems:
            raise InputError(self.problems)
        return Table(tuple(rows), libraries, self.file)

    def primitive(self, node: YamlNode) -> Primitive:
        self.row = ""
        before = len(self.problems)
        if isinstance(node.value, dict) and "name" in node.value:
            self.row = str(node.value["name"].value)[:40]
        fields = self.keys(node, "", *ROW)
        get: Callable[[str], YamlNode | None] = fields.get
        kind = self.choice(get("kind"), "kind", KINDS, "smooth")
        args = self.arguments(get("args"))
        scope = [*args, TIME] if kind == "linear" else args
        partials, places = self.partials(get("partials"), args, scope)
        places |= {key: child.place for key, child in fields.items()}
        value = self.value(get("value"), scope)
        row = Primitive(
            name=self.matching(get("name"), "name", NAME, "letters, digits and _ only"),
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
            since=self.matching(get("since"), "since", VERSION, 'a version, as in "2.69"'),
            through=self.choice(get("through"), "through", THROUGH, "diff"),
            composite=self.flag(get("composite"), "composite"),
            real=self.flag(get("real"), "real"),
            broken=self.text(get("broken"), "broken"),
            place=node.place,
            places=places,
        )
        if len(self.problems) == before:
            # A field with a problem reads as empty: what follows from that would mislead.
            self.problems.extend(inconsistencies(row))
        return row

    def box(self, node: YamlNode | None, field: str) -> str:
        """A Faust spelling; whether it compiles is for the compiler to say."""
        text = self.text(node, field)
        if node is not None and text and not is_box(text):
            self.problem(
                node, field, f"'{text}' is not one Faust box", "write a primitive or my.function"
            )
        return text

    def arguments(self, node: YamlNode | None) -> tuple[str, ...]:
        names: list[str] = []
        for item in self.items(node, "args"):
            name = self.matching(item, "args", NAME, "letters, digits and _ only")
            reserved = {*FAUST_WORDS, *FUNCTIONS, *CONSTANTS, TIME}
            if keyword.iskeyword(name):
                what = f"'{name}' is a word of Python, in which expressions are written"
                self.problem(item, "args", what, "use another name, as in x or y")
            elif name in reserved or is_own_name(name):
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

    def value(self, node: YamlNode | None, scope: Sequence[str]) -> Expression | None:
        return (
            None
            if node is not None and node.value == "none"
            else self.expression(node, "value", scope)
        )

    def partials(
        self, node: YamlNode | None, args: Sequence[str], scope: Sequence[str]
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

    def roles(self, node: YamlNode | None, args: Sequence[str]) -> dict[str, Role]:
        roles: dict[str, Role] = dict.fromkeys(args, "signal")
        if node is not None:
            for name, item in self.keys(node, "roles", (), args).items():
                roles[name] = self.choice(item, f"roles.{name}", ROLES, "signal")
        return roles

    def guard(self, node: YamlNode, args: Sequence[str]) -> Guard:
        entries = self.keys(node, "guards", *GUARD)
        guarded = tuple(
            self.text(item, "guards") for item in self.items(entries.get("args"), "guards")
        )
        if not guarded and "args" in entries:
            self.problem(node, "guards", "guards no argument", "name one, as in 'args: [x]'")
        for name in guarded:
            if name not in args:
                hint = nearest(name, args, f"the arguments are: {', '.join(args) or 'none'}")
                self.problem(node, "guards", f"'{name}' is not an argument", hint)
        nothing = parse("0", ())
        return Guard(
            guarded,
            self.condition(entries.get("when"), "guards", args) or nothing,
            self.expressions(entries.get("safe"), "guards", args, ()),
            self.expression(entries.get("elsewhere"), "guards", args) or nothing,
            self.text(entries.get("reason"), "guards"),
        )

    def tie(self, node: YamlNode | None, args: Sequence[str]) -> Tie | None:
        if node is None:
            return None
        entries = self.keys(node, "tie", *TIE)
        at = self.condition(entries.get("at"), "tie", args)
        partials = self.expressions(entries.get("partials"), "tie", args, args)
        return Tie(at, partials, self.text(entries.get("reason"), "tie")) if at else None

    def samples(self, fields: Mapping[str, YamlNode], args: Sequence[str]) -> Samples:
        ranges: dict[str, tuple[float, float]] = {}
        values: dict[str, tuple[float, ...]] = {}
        if "samples" in fields:
            for name, item in self.keys(fields["samples"], "samples", (), args).items():
                field = f"samples.{name}"
                if isinstance(item.value, dict):
                    entries = self.keys(item, field, *SAMPLES)
                    listed = self.items(entries.get("values"), field)
                    values[name] = tuple(self.number(value, field) for value in listed)
                    continue
                ends = [self.number(end, field) for end in self.items(item, field)]
                if len(ends) != 2 or not ends[0] < ends[1]:
                    self.problem(item, field, "is not a range", "write [low, high]")
                    continue
                ranges[name] = (ends[0], ends[1])

        def points(key: str) -> tuple[Mapping[str, float], ...]:
            return tuple(self.point(p, key, args) for p in self.items(fields.get(key), key))

        avoid = (
            self.expression(e, "avoid", args) for e in self.items(fields.get("avoid"), "avoid")
        )
        return Samples(
            ranges, values, points("edges"), points("poles"), tuple(e for e in avoid if e)
        )
