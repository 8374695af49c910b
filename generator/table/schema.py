"""A JSON schema of the table, by which editors complete and check rows as they are written.

It knows what the reader knows of each field alone, and which kinds need which fields; what an
expression says, and whether a rule holds, is for `faustdiff check`. It is of draft 7, the newest
that editors know well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from ..resources import resource
from . import modelling as keys
from .expressions import TIME
from .fields import GREATEST
from .model import KINDS, NOT_DIFFERENTIATED, ROLES, THROUGH
from .spelling import BOX_FORM, OWN_NAME
from .vocabulary import CONSTANTS, FAUST_WORDS, FUNCTIONS

DRAFT = "http://json-schema.org/draft-07/schema#"
#: Numbers as YAML writes them; some of its readers take `1e4` for text.
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
#: A field in the comment at the top of the table: its name, and the first line of its text.
_FIELD = re.compile(r"# (\w+) {2,}(.*)")

Schema = dict[str, Any]

#: YAML takes a plain number for one, where it stands for a text too.
_TEXT: Schema = {"type": ["string", "number"], "minLength": 1}
_CONDITION: Schema = {"type": "string", "minLength": 1}
_FINITE: Schema = {
    **{"type": ["number", "string"], "pattern": _NUMBER},
    **{"minimum": -GREATEST, "maximum": GREATEST},
}


def schema() -> str:
    """The schema as JSON text."""
    return json.dumps(_table(), indent=1) + "\n"


def meanings() -> dict[str, str]:
    """What each field of a row means, as the comment at the top of the built-in table says it."""
    texts: dict[str, str] = {}
    name = ""
    for line in resource("primitives.yaml").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        field = _FIELD.fullmatch(line)
        if field:
            name = field[1]
            texts[name] = field[2]
        elif name and line.startswith("#   "):
            texts[name] += f" {line[1:].strip()}"
        else:
            name = ""
    return texts


def _table() -> Schema:
    """The whole document."""
    prefixes = _mapping(_matching(keys.FILE))
    prefixes["description"] = "The file of each library, by the prefix that boxes have."
    rows = {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/row"}}
    table = _object(keys.TABLE, {"primitives": rows, "libraries": prefixes})
    return {
        "$schema": DRAFT,
        "title": "A table of derivative rules for faustdiff",
        **table,
        "definitions": {"row": _row()},
    }


def _row() -> Schema:
    """One row: its fields, and what some kinds ask for."""
    return {
        **_object(keys.ROW, _fields(), meanings()),
        "allOf": [
            _if(["guarded"], {"required": ["guards"]}, {"not": {"required": ["guards"]}}),
            _if(["zero", "unavailable"], {"required": ["reason"]}),
            _if(NOT_DIFFERENTIATED, {}, _differentiable_row()),
            {"anyOf": [{"required": ["reason"]}, {"properties": {"partials": _active()}}]},
        ],
    }


def _fields() -> dict[str, Schema]:
    """What each field of a row may be."""
    points = _list(_mapping(_FINITE))
    guard = {
        "args": {**_list(_argument()), "minItems": 1},
        "when": _CONDITION,
        "safe": _mapping(_TEXT),
        "elsewhere": _TEXT,
        "reason": _TEXT,
    }
    tie = {"at": _CONDITION, "partials": _mapping(_TEXT), "reason": _TEXT}
    return {
        "name": _matching(keys.NAME),
        "faust": _box(),
        "kind": _choice(KINDS),
        "section": _TEXT,
        "args": {**_list(_argument()), "uniqueItems": True},
        "value": _TEXT,
        "partials": _mapping(_TEXT),
        "summary": _TEXT,
        "aliases": _list(_box()),
        "since": {"type": ["string", "number"], "pattern": _whole(keys.VERSION)},
        "roles": _mapping(_choice(ROLES)),
        "surrogates": _mapping(_TEXT),
        "domain": _CONDITION,
        "guards": _list(_object(keys.GUARD, guard)),
        "tie": _object(keys.TIE, tie),
        "samples": _mapping({"anyOf": [_range(), _values()]}),
        "edges": points,
        "poles": points,
        "avoid": _list(_TEXT),
        "reason": _TEXT,
        "through": _choice(THROUGH),
        "composite": {"type": "boolean"},
        "real": {"type": "boolean"},
        "broken": _TEXT,
    }


def _box() -> Schema:
    return {**_TEXT, "pattern": _whole(BOX_FORM)}


def _range() -> Schema:
    return {**_list(_FINITE), "minItems": 2, "maxItems": 2, "description": "[low, high]"}


def _values() -> Schema:
    listed = {**_list(_FINITE), "minItems": 1}
    return _object(keys.SAMPLES, {"values": listed})


def _argument() -> Schema:
    """The name of an argument: none that the language, or an expression, has taken."""
    taken = sorted({*FAUST_WORDS, *FUNCTIONS, *CONSTANTS, TIME})
    own = {"type": "string", "pattern": _whole(OWN_NAME)}
    return {**_matching(keys.NAME), "not": {"anyOf": [{"enum": taken}, own]}}


def _differentiable_row() -> Schema:
    """What a row with a derivative has: a value, arguments, and samples of those."""
    return {
        "required": ["samples"],
        "properties": {"value": {"not": {"const": "none"}}, "args": {"minItems": 1}},
    }


def _active() -> Schema:
    """Partials of which none is missing for a reason."""
    return _mapping({"not": {"const": "inactive"}})


def _if(kinds: Collection[str], then: Schema, otherwise: Schema | None = None) -> Schema:
    kind = {"required": ["kind"], "properties": {"kind": {"enum": list(kinds)}}}
    return {"if": kind, "then": then, **({"else": otherwise} if otherwise else {})}


def _object(
    allowed: keys.Keys, fields: Mapping[str, Schema], described: Mapping[str, str] | None = None
) -> Schema:
    """A mapping with these keys and no other; the fields have to be those that the reader reads."""
    required, optional = allowed
    assert set(fields) == {*required, *optional}, set(fields) ^ {*required, *optional}
    properties = {
        name: {"description": described[name], **field} if described else field
        for name, field in fields.items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _choice(known: Mapping[Any, str]) -> Schema:
    """One of some words; editors show what each means while it is chosen."""
    return {
        "enum": list(known),
        "enumDescriptions": list(known.values()),
        "markdownEnumDescriptions": [f"`{word}`: {text}" for word, text in known.items()],
    }


def _matching(pattern: re.Pattern[str]) -> Schema:
    return {"type": "string", "pattern": _whole(pattern)}


def _whole(pattern: re.Pattern[str]) -> str:
    return f"^({pattern.pattern})$"
