"""Each kind of mistake in a table is answered with the place, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from faustdiff.errors import InputError
from faustdiff.table.assembling import read
from faustdiff.table.expressions import MAX_DEPTH, MAX_LENGTH, MAX_NODES
from faustdiff.table.loading import MAX_BYTES
from faustdiff.table.model import Table


@dataclass(frozen=True)
class Bad:
    """The small table with `old` replaced by `new`; the problem stands in the line of `at`."""

    id: str
    old: str
    new: str
    what: str
    hint: str
    at: str = field(default="")

    def text(self, good: str) -> str:
        assert self.old in good
        return good.replace(self.old, self.new, 1)

    def line(self, good: str) -> int:
        text = self.text(good)
        return text[: text.index(self.at or self.new)].count("\n") + 1


CBRT = "value: cbrt(x)"
MEM = "value: x[n - 1]"
SUMMARY = "summary: The cube root."

KEYS = [
    Bad("duplicate key", SUMMARY, f"{SUMMARY}\n  section: Again", "duplicate key 'section', first",
        "keep one of the two", at="section: Again"),
    Bad("unknown key", SUMMARY, "sumary: The cube root.", "unknown key 'sumary'",
        "did you mean 'summary'?"),
    Bad("unknown key, nothing near", SUMMARY, f"{SUMMARY}\n  qqq: 1", "unknown key 'qqq'",
        "known keys: aliases, args", at="qqq"),
    Bad("unknown key at the top", "libraries:", "librarys:", "unknown key 'librarys'",
        "did you mean 'libraries'?"),
    Bad("missing key", "  section: Memory\n", "", "the key 'section' is missing",
        "add 'section: ...'", at="name: mem"),
    Bad("missing key of a guard", "      when: x != 0\n", "", "the key 'when' is missing",
        "add 'when: ...'", at="args: [x]\n      safe"),
    Bad("key that is a list", SUMMARY, f"{SUMMARY}\n  ? [a]\n  : b", "a key is not text",
        "plain words", at="[a]"),
    Bad("row that is text", "- name: cbrt", "- a row\n- name: cbrt", "is not a mapping",
        "'key: value' lines", at="a row"),
]  # fmt: skip

VALUES = [
    Bad("boolean as a name", "name: mem", "name: no", "'no' means something else in YAML",
        'write "no" in quotes', at="no\n  faust"),
    Bad("boolean as an argument", "args: [x, y]", "args: [x, on]",
        "'on' means something else in YAML", 'write "on" in quotes'),
    Bad("null as a summary", SUMMARY, "summary: ~", "'~' means something else in YAML",
        "in quotes"),
    Bad("number as a name", "name: mem", "name: 12", "'12' is not valid here", "letters, digits"),
    Bad("list as a text", SUMMARY, "summary: [The, root]", "is not text", "write one value"),
    Bad("text as a list", "args: [x, y]", "args: x", "is not a list", "[a, b]"),
    Bad("text as a mapping", "edges: [{x: 0}]", "edges: [0]", "is not a mapping", "'key: value'"),
    Bad("text as a number", "edges: [{x: 0}]", "edges: [{x: zero}]", "'zero' is not a number",
        "write a number"),
    Bad("word as a flag", SUMMARY, f"{SUMMARY}\n  composite: yes", "is neither true nor false",
        "write true or false", at="composite"),
    Bad("word as a version", SUMMARY, f"{SUMMARY}\n  since: latest", "'latest' is not valid here",
        "a version", at="since"),
    Bad("kind that does not exist", "kind: selector", "kind: selecter", "'selecter' is not known",
        "did you mean 'selector'?"),
    Bad("role that does not exist", SUMMARY, f"{SUMMARY}\n  roles: {{x: singal}}",
        "'singal' is not known", "did you mean 'signal'?", at="roles"),
    Bad("library that is no file", "ma: maths.lib", "ma: maths", "'maths' is not valid here",
        "name a file, as in 'ma: maths.lib'"),
    Bad("two boxes in one", "faust: max", "faust: max; min", "'max; min' is not one Faust box",
        "my.function"),
    Bad("box that is not closed", "faust: max", "faust: max(", "'max(' is not one Faust box",
        "my.function"),
]  # fmt: skip

EXPRESSIONS = [
    Bad("unknown function", CBRT, "value: cbrrt(x)", "unknown function 'cbrrt'",
        "did you mean 'cbrt'?"),
    Bad("unknown function, nothing near", CBRT, "value: qqq(x)", "unknown function 'qqq'",
        "known functions: J0"),
    Bad("wrong number of arguments", CBRT, "value: cbrt(x, x)", "cbrt takes 1 arguments, not 2",
        "in 'cbrt(x, x)'"),
    Bad("syntax error", CBRT, "value: cbrt(x", "syntax error at column 5 in 'cbrt(x'",
        "write it like"),
    Bad("two expressions", CBRT, "value: cbrt(x); 1", "syntax error", "write it like"),
    Bad("name not in scope", CBRT, "value: cbrt(y)", "'y' is not in scope", "names in scope: x"),
    Bad("time in a row that has none", CBRT, "value: 'x[n - 1]'", "'n' is not in scope",
        "kind linear"),
    Bad("tangent in a row that has none", "{x: 1 / (3 * cbrt(x) ** 2)}", "{x: dx}",
        "'dx' is not in scope", "did you mean 'x'?"),
    Bad("condition that is a number", "value: where(x >= y, x, y)", "value: where(x - y, x, y)",
        "'x - y' is not a condition", "compare it, as in 'x > 0'"),
    Bad("import", CBRT, """value: "__import__('os')" """, "unknown function '__import__'",
        "known functions"),
    Bad("attribute", CBRT, "value: x.real", "'x.real' (Attribute) is not allowed", "use numbers"),
    Bad("attribute of a function", CBRT, "value: cbrt.__globals__", "(Attribute) is not allowed",
        "use numbers"),
    Bad("call of a call", CBRT, "value: cbrt(x)(x)", "'cbrt(x)(x)' is not allowed", "by its name"),
    Bad("keyword", CBRT, "value: cbrt(x=x)", "'cbrt(x=x)' is not allowed", "by its name"),
    Bad("unpacking", CBRT, "value: cbrt(*x)", "'*' in a call is not allowed", "every argument"),
    Bad("lambda", CBRT, "value: 'lambda: x'", "(Lambda) is not allowed", "use numbers"),
    Bad("comprehension", CBRT, "value: '[x for x in x]'", "(ListComp) is not allowed",
        "use numbers"),
    Bad("f-string", CBRT, """value: "f'{x}'" """, "(JoinedStr) is not allowed", "use numbers"),
    Bad("walrus", CBRT, "value: '(x := 1)'", "(NamedExpr) is not allowed", "use numbers"),
    Bad("Python's conditional", CBRT, "value: x if x > 0 else 0", "(IfExp) is not allowed",
        "use numbers"),
    Bad("Python's remainder", CBRT, "value: x % 2", "(BinOp) is not allowed", "use numbers"),
    Bad("string", CBRT, """value: "'x'" """, "'x' is not a number", "only numbers"),
    Bad("truth", CBRT, """value: "True" """, "True is not a number", "only numbers"),
    Bad("imaginary number", CBRT, "value: 2j", "2j is not a number", "only numbers"),
    Bad("number too large", CBRT, "value: 1e400", "the number inf is too large", "below 1e300"),
    Bad("tower of powers", CBRT, "value: 9**9**9", "the power '9 ** 9 ** 9' is too large",
        "between -64 and 64"),
    Bad("large power", CBRT, "value: x**99999", "the power 'x ** 99999' is too large",
        "between -64 and 64"),
    Bad("power of a power", CBRT, "value: (x**64)**2", "the power 'x ** 64' is too large",
        "between -64 and 64"),
    Bad("long expression", CBRT, f"value: {'x' * (MAX_LENGTH + 1)}",
        f"has {MAX_LENGTH + 1} characters", f"below {MAX_LENGTH}"),
    Bad("wide expression", CBRT, f"value: {'x+' * (MAX_NODES // 2)}x", "too many terms",
        f"{MAX_NODES} nodes"),
    Bad("deep expression", CBRT, f"value: {'-' * (MAX_DEPTH + 1)}x", "nested too deeply",
        f"limit is {MAX_DEPTH}"),
    Bad("slice", MEM, "value: 'x[1:n]'", "'x[1:n]' is not allowed", "x[n - k] for a delay"),
]  # fmt: skip

RULES = [
    Bad("missing argument in partials", "    y: where(x >= y, 0, 1)\n", "",
        "the partial with respect to the argument 'y' is missing", "add 'y: ...', or 'y: inactive'",
        at="x: where(x >= y, 1, 0)"),
    Bad("partial of no argument", "{x: \"dx[n - 1]\"}", "{x: \"dx[n - 1]\", z: 0}",
        "'z' is not an argument", "the arguments are: x"),
    Bad("inactive without a reason", "{x: \"dx[n - 1]\"}", "{x: inactive}",
        "has arguments without a derivative, and no reason", "add 'reason: ...'", at="name: mem"),
    Bad("zero with a partial", "kind: selector", "kind: zero\n  reason: None.",
        "is of kind zero, yet x has a partial that is not 0", "state 0, or another kind",
        at="x: where(x >= y, 1, 0)"),
    Bad("guarded without guards", "kind: selector", "kind: guarded",
        "a row of kind guarded with 0 guards", "a guarded row has guards", at="name: max"),
    Bad("guards on another kind", "kind: guarded", "kind: smooth",
        "a row of kind smooth with 1 guards", "and no other does", at="name: cbrt"),
    Bad("guard of no argument", "    - args: [x]\n", "    - args: [z]\n", "'z' is not an argument",
        "", at="args: [z]"),
    Bad("samples missing", "  samples: {x: [-10, 10], y: [-10, 10]}\n", "",
        "the argument 'x' has no samples", "add 'samples: {x: [low, high]}'", at="name: max"),
    Bad("range reversed", "samples: {x: [-1e3, 1e3]}", "samples: {x: [1e3, -1e3]}",
        "is not a range", "write [low, high]"),
    Bad("range of three", "samples: {x: [-1e3, 1e3]}", "samples: {x: [-1, 0, 1]}",
        "is not a range", "write [low, high]"),
    Bad("samples of no argument", "samples: {x: [-1e3, 1e3]}", "samples: {z: [-1, 1]}",
        "unknown key 'z'", "known keys: x"),
    Bad("edge without an argument", "edges: [{x: 1, y: 1}]", "edges: [{x: 1}]",
        "the key 'y' is missing", "add 'y: ...'"),
    Bad("argument that is a Faust word", "args: [x, y]", "args: [mem, y]", "'mem' is reserved",
        "use another name"),
    Bad("argument that is a function", "args: [x, y]", "args: [sinh, y]", "'sinh' is reserved",
        "use another name"),
    Bad("argument that is a constant", "args: [x, y]", "args: [pi, y]", "'pi' is reserved",
        "use another name"),
    Bad("argument that is time", "args: [x, y]", "args: [n, y]", "'n' is reserved",
        "use another name"),
    Bad("argument that is a tangent", "args: [x, y]", "args: [x, dx]",
        "'dx' is also the tangent of an argument", "rename one"),
    Bad("argument twice", "args: [x, y]", "args: [x, x]", "'x' stands twice", "another name"),
    Bad("name twice", "name: mem", "name: cbrt", "the name 'cbrt' is taken by the row at",
        "rename this row", at="name: cbrt\n  faust: mem"),
    Bad("box twice", "faust: mem", "faust: max", "the box 'max' is taken by the row at",
        "rename this row", at="name: mem"),
    Bad("box that is another's alias", "faust: mem", "faust: mem\n  aliases: [max]",
        "the box 'max' is taken by the row at", "rename this row", at="name: mem"),
    Bad("unknown library", "faust: ma.cbrt", "faust: mb.cbrt", "no library has the prefix 'mb'",
        "add it at the top: 'libraries: {mb: mb.lib}'"),
]  # fmt: skip

CONDITION = "compare it, as in 'x > 0'"
ABOUT_X = """args: [x]
  value: x[n - 1]
  partials: {x: "dx[n - 1]"}
  samples: {x: [-10, 10]}"""

#: Tables that are well formed and would make the check stumble, or pass what it has not checked.
MEANING = [
    Bad("tag", "args: [x, y]", "args: !!seq [x, y]", "tags (", "write the value alone"),
    Bad("empty name", "name: mem", 'name: ""', "is empty", "write a value", at='name: ""'),
    Bad("empty box", "faust: mem", 'faust: ""', "is empty", "write a value"),
    Bad("empty value", CBRT, 'value: ""', "is empty", "write a value"),
    Bad("empty partial", '{x: "dx[n - 1]"}', '{x: ""}', "is empty", "write a value"),
    Bad("no value", CBRT, "value: none", "value: is missing", "only structural rows have none"),
    Bad("no arguments", ABOUT_X, "args: []\n  value: 1\n  partials: {}", "has no arguments",
        "a box without input is structural", at="name: mem"),
    Bad("guard that is a number", "when: x != 0", "when: x + 1", "'x + 1' is not a condition",
        CONDITION),
    Bad("domain that is a number", SUMMARY, f"{SUMMARY}\n  domain: x", "'x' is not a condition",
        CONDITION, at="domain"),
    Bad("tie that is a number", "at: x == y", "at: x - y", "'x - y' is not a condition", CONDITION),
    Bad("negation of a number", CBRT, "value: not x", "'x' is not a condition", CONDITION),
    Bad("conjunction of numbers", CBRT, "value: where(x and x > 0, 1, 2)",
        "'x' is not a condition", CONDITION),
    Bad("tie without an argument", "partials: {x: 1, y: 0}", "partials: {x: 1}",
        "the tie has no partial for 'y'", "add 'y: ...'", at="at: x == y"),
    Bad("guard of nothing", "    - args: [x]\n", "    - args: []\n", "guards no argument",
        "name one", at="args: []"),
    Bad("two guards of one argument", "  guards:\n", "  guards:\n    - {args: [x], when: x > 0, "
        "elsewhere: 0, reason: None.}\n", "'x' has more than one guard", "join the conditions",
        at="name: cbrt"),
    Bad("memory in a row about numbers", CBRT, "value: prefix(0, x)", "prefix has memory",
        "only a row of kind linear"),
    Bad("table that is a signal", CBRT, "value: 'x[3]'", "'x[3]' does not fit the role of 'x'",
        "t[i] reads a table"),
    Bad("signal that is a table", "samples: {x: [-10, 10]}\n", "roles: {x: table}\n",
        "'x[n - 1]' does not fit the role of 'x'", "x[n - k] a signal", at=MEM),
    Bad("delay into the future", MEM, "value: x[n - -1]", "'x[n - -1]' lies in the future",
        "delay by 0 or more"),
    Bad("time that is added to", MEM, "value: x[n + 1]", "'n' stands for time", "x[n - k]"),
    Bad("time as a number", MEM, "value: x * n", "'n' stands for time", "x[n - k]"),
    Bad("no values", "{x: [-1e3, 1e3]}", "{x: {values: []}}", "'x' has no values",
        "list at least one"),
    Bad("range without end", "{x: [-1e3, 1e3]}", "{x: [0, inf]}", "'inf' is not a number",
        "single precision"),
    Bad("range beyond single precision", "{x: [-1e3, 1e3]}", "{x: [0, 1e39]}",
        "'1e39' is not a number", "single precision"),
    Bad("edge that is no number", "edges: [{x: 0}]", "edges: [{x: nan}]", "'nan' is not a number",
        "single precision"),
    Bad("edge that single precision takes for 0", "edges: [{x: 0}]", "edges: [{x: 1e-50}]",
        "'1e-50' is not a number", "single precision"),
    Bad("partial of an index in time", "samples: {x: [-10, 10]}\n",
        "samples: {x: {values: [1, 2]}}\n  roles: {x: integer}\n",
        "'x' is a integer, yet it has a partial", "write inactive", at='{x: "dx[n - 1]"}'),
    Bad("alias of an unknown library", "faust: mem", "faust: mem\n  aliases: [mb.mem]",
        "no library has the prefix 'mb'", "libraries: {mb: mb.lib}", at="faust: mem"),
]  # fmt: skip


def refusal(file: Path, extensions: Sequence[Path] = ()) -> str:
    """The whole message on a table that must not be read."""
    with pytest.raises(InputError) as caught:
        read(file, extensions)
    return str(caught.value)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """A file with the given content."""

    def write(content: str | bytes) -> Path:
        file = tmp_path / "table.yaml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return write


def test_the_small_table_is_good(small_text: str, written: Callable[[str], Path]) -> None:
    assert isinstance(read(written(small_text)), Table)


def titles(bad: Bad) -> str:
    return bad.id


@pytest.mark.parametrize("bad", [*KEYS, *VALUES, *EXPRESSIONS, *RULES, *MEANING], ids=titles)
def test_the_mistake_is_named_with_its_place_and_the_way_out(
    bad: Bad, small_text: str, written: Callable[[str], Path]
) -> None:
    file = written(bad.text(small_text))
    message = refusal(file)
    lines = [n for n in message.splitlines() if n.startswith(f"{file}:{bad.line(small_text)}:")]
    assert any(bad.what in line for line in lines), message
    assert bad.hint in message
    assert message.count("\n  ") >= len(lines), "every problem has a line of what to do"


FILES: list[tuple[str, str | bytes, str, str]] = [
    ("empty", "", "the file is empty", "starts with 'primitives:'"),
    ("comments only", "# a table\n", "the file is empty", "starts with 'primitives:'"),
    ("text", "hello", ":1:1: is not a mapping", "'key: value' lines"),
    ("list at the top", "- name: x\n", ":1:1: is not a mapping", "'key: value' lines"),
    ("no rows", "primitives: []\n", ":1:13: primitives: has no rows", "at least one row"),
    ("no table", "libraries: {}\n", ":1:1: the key 'primitives' is missing", "add 'primitives"),
    ("several documents", "primitives: []\n---\na: b\n", ":2:1: is not valid YAML", "document"),
    ("not YAML", "primitives: [\n", ":2:1: is not valid YAML", "quote text"),
    ("tab", "primitives:\n\t- name: x\n", ":2:1: is not valid YAML", "quote text"),
    ("bare star", "primitives:\n- faust: *\n", ":2:11: is not valid YAML", "quote text"),
    ("bare at", "primitives:\n- faust: @\n", ":2:10: is not valid YAML", "quote text"),
    ("merge key", "primitives:\n- <<: {name: x}\n", ":2:3: unknown key '<<'", "known keys"),
    ("not UTF-8", b"primitives:\n# caf\xe9\n", ":2:1: is not UTF-8 (byte 17)", "save the file"),
    ("UTF-16", "primitives: []".encode("utf-16"), ":1:1: is not UTF-8", "save the file"),
    ("bell", "primitives:\n- name: \x07\n", "is not valid YAML: special characters", ""),
    ("anchor", "primitives: &rows\n- name: x\n", ":1:13: anchors and aliases", "write the value"),
    ("alias", "primitives: *rows\n", ":1:13: anchors and aliases", "quote text that starts"),
    (
        "alias bomb",
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghi")),
        ":1:4: anchors and aliases",
        "write the value out",
    ),
    ("deep list", "[" * 100_000, ":1:21: is nested more than 20 deep", "right file?"),
    ("deep mapping", "{a: " * 50_000, "is nested more than 20 deep", "right file?"),
    ("deep block", "- " * 50_000, ":1:41: is nested more than 20 deep", "right file?"),
    ("deep keys", "? " * 50_000, "is nested more than 20 deep", "right file?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "what", "hint"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_a_file_that_is_no_table(
    content: str | bytes, what: str, hint: str, written: Callable[[str | bytes], Path]
) -> None:
    file = written(content)
    message = refusal(file)
    assert message.startswith(str(file))
    assert what in message
    assert hint in message


def test_a_file_of_50_megabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as stream:
        stream.truncate(50_000_000)
    message = refusal(file)
    assert f"more than {MAX_BYTES} bytes" in message


def test_a_folder(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none.yaml")
    assert "none.yaml: cannot be read: No such file" in message
    assert "name an existing, readable file" in message


def test_all_problems_of_a_file_are_reported_together(
    small_text: str, written: Callable[[str], Path]
) -> None:
    text = small_text
    for bad in (KEYS[1], VALUES[3], EXPRESSIONS[0], RULES[0]):
        text = bad.text(text)
    message = refusal(written(text))
    for bad in (KEYS[1], VALUES[3], EXPRESSIONS[0], RULES[0]):
        assert bad.what in message
        assert bad.hint in message


def test_problems_of_all_files_are_reported_together(small_text: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(KEYS[1].text(small_text))
    second.write_text("primitives: []\n")
    message = refusal(first, [second])
    assert f"{first}:{KEYS[1].line(small_text)}:" in message
    assert f"{second}:1:13:" in message


def test_an_extension_may_not_repeat_a_row(small_text: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(small_text)
    second.write_text(small_text.replace("maths.lib", "other.lib"))
    message = refusal(first, [second])
    assert (
        f"{second}:8:3: row 'cbrt': the name 'cbrt' is taken by the row at {first}:8:3" in message
    )
    assert "the prefix 'ma' is maths.lib, and other.lib too" in message
