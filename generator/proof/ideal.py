"""A row over the real numbers, where the least number of a format is 0."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ..errors import Place
from ..table.expressions import Expression
from ..table.model import Primitive
from ..table.rules import copy_tree, expression_of

#: The name of the least number with all its digits.
TINY_NAME = "tiny"


def ideal(row: Primitive) -> Primitive:
    """The row with 0 for `tiny` in all that it states."""
    result: Primitive = _without_tiny(row)
    return result


def _without_tiny(stated: Any) -> Any:
    match stated:
        case Expression():
            if TINY_NAME not in stated.text:
                return stated
            return expression_of(_TinyAsZero().visit(copy_tree(stated.tree)))
        case Place() | str():
            return stated
        case Mapping():
            return {name: _without_tiny(value) for name, value in stated.items()}
        case tuple():
            return tuple(map(_without_tiny, stated))
    if is_dataclass(stated) and not isinstance(stated, type):
        parts = {f.name: getattr(stated, f.name) for f in fields(stated)}
        changed = {name: _without_tiny(value) for name, value in parts.items()}
        if any(changed[name] != value for name, value in parts.items()):
            return replace(stated, **changed)
    return stated


class _TinyAsZero(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(0) if node.id == TINY_NAME else node
