"""The schema that editors check tables by: it takes what the reader takes, and sees its mistakes.

The mistakes are those that the reader is tried on; what no schema can say is listed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from jsonschema import Draft7Validator

from faustdiff.library.rendering import SCHEMA
from faustdiff.table.model import KINDS, ROLES, THROUGH
from faustdiff.table.modelling import ROW
from faustdiff.table.schema import meanings, schema
from support.pages import PAGES, blocks
from support.paths import BUILD, ROOT
from tests.test_bad_tables import KEYS, MEANING, RULES, VALUES, Bad

VALIDATOR = Draft7Validator(json.loads(schema()))

#: Mistakes between two fields or two rows, in an expression, or in how the file is YAML: for the
#: reader alone.
UNSEEN = {
    "duplicate key",
    "tag",
    "boolean as a name",
    "boolean as an argument",
    "missing argument in partials",
    "partial of no argument",
    "guard of no argument",
    "samples of no argument",
    "edge without an argument",
    "tie without an argument",
    "two guards of one argument",
    "argument that is a tangent",
    "zero with a partial",
    "range reversed",
    "name twice",
    "box twice",
    "box that is another's alias",
    "unknown library",
    "alias of an unknown library",
    "guard that is a number",
    "domain that is a number",
    "tie that is a number",
    "negation of a number",
    "conjunction of numbers",
    "memory in a row about numbers",
    "table that is a signal",
    "delay into the future",
    "time that is added to",
    "time as a number",
    "partial of an index in time",
    "edge that single precision takes for 0",
}


#: Words as YAML 1.2 reads them, and so editors: `yes` is text, `1e4` a number.
WORDS = {
    "bool": (r"true|false", "tf"),
    "float": (r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|-?\.inf|\.nan", "-+.0123456789"),
}


class Reader(yaml.SafeLoader):
    """Reads YAML 1.2."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in found if tag.rpartition(":")[2] not in WORDS]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _tag, (_form, _first) in WORDS.items():
    Reader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_form})$"), list(_first)
    )


def mistakes(text: str) -> list[str]:
    """What an editor underlines in a table, and why."""
    content: Any = yaml.load(text, Reader)
    return [f"{one.json_path}: {one.message}" for one in VALIDATOR.iter_errors(content)]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("table", ["primitives.yaml", "tests/small.yaml"])
def test_a_good_table_passes(table: str) -> None:
    assert mistakes((ROOT / table).read_text("utf-8")) == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")])
def test_the_rows_of_the_documentation_pass(page: Path) -> None:
    for text in blocks(page, "yaml"):
        if "primitives:" in text:
            assert mistakes(text) == []


@pytest.mark.parametrize("bad", [*KEYS, *VALUES, *RULES, *MEANING], ids=lambda bad: bad.id)
def test_a_mistake_is_seen(bad: Bad, small_text: str) -> None:
    text = bad.text(small_text)
    if bad.id == "key that is a list":
        with pytest.raises(yaml.YAMLError):
            mistakes(text)
    else:
        assert bool(mistakes(text)) == (bad.id not in UNSEEN)


def test_what_an_editor_shows() -> None:
    """Each field with what it means, each choice with all of its words."""
    fields = VALIDATOR.schema["definitions"]["row"]["properties"]
    assert set(fields) == set(meanings()) == {*ROW[0], *ROW[1]}
    assert all(len(field["description"]) > 15 for field in fields.values())
    assert fields["value"]["description"].startswith("what the primitive computes")
    assert fields["avoid"]["description"].endswith("Random samples keep away from them.")
    assert fields["kind"]["enum"] == list(KINDS)
    assert fields["kind"]["enumDescriptions"] == list(KINDS.values())
    assert fields["through"]["enum"] == list(THROUGH)
    assert fields["roles"]["additionalProperties"]["enum"] == list(ROLES)


def test_the_table_names_its_schema() -> None:
    first = (ROOT / "primitives.yaml").read_text("utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema={BUILD.name}/{SCHEMA}"
    assert (BUILD / SCHEMA).read_text("utf-8") == schema()
