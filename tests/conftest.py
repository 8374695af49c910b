"""What the tests of the generator share: the table, a small one, and a second evaluator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faustdiff.proof.checking import CheckedTable, Report, check
from faustdiff.resources import resource
from faustdiff.table.assembling import read
from faustdiff.table.loading import parse_yaml
from faustdiff.table.model import Primitive, Table
from faustdiff.table.modelling import model
from support.evaluator import Plain
from support.sharing import share


def pytest_configure(config: pytest.Config) -> None:
    share(config)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a report of the built-in table waits for its proofs."""
    for item in items:
        if "report" in getattr(item, "fixturenames", ()):
            item.add_marker("exhaustive")


@pytest.fixture(scope="session")
def table() -> Table:
    """The built-in table."""
    return read(resource("primitives.yaml"))


@pytest.fixture(scope="session")
def report(table: Table) -> Report:
    """What `check` says of the built-in table."""
    return check(table)


@pytest.fixture(scope="session")
def small_text() -> str:
    """A good table of three rows, as YAML."""
    return (Path(__file__).parent / "small.yaml").read_text("utf-8")


@pytest.fixture(scope="session")
def small(small_text: str) -> CheckedTable:
    """The small table, checked."""
    report = check(model(parse_yaml(small_text, "small.yaml")))
    assert isinstance(report, CheckedTable), report.failures
    return report


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Primitive]:
    """A row from its fields as YAML text; what is not given is that of a sine of x."""

    def make(**fields: str) -> Primitive:
        given = {
            "name": "row",
            "faust": "row",
            "section": "Tests",
            "kind": "smooth",
            "args": "[x]",
            "value": "sin(x)",
            "partials": "{x: cos(x)}",
            "samples": "{x: [-2, 2]}",
            "summary": "A row.",
            **fields,
        }
        lines = "\n  ".join(f"{key}: {text}" for key, text in given.items() if text)
        return model(parse_yaml(f"primitives:\n- {lines}\n", "row.yaml")).primitives[0]

    return make


@pytest.fixture(scope="session")
def plain() -> Plain:
    """An evaluator that is independent of the one under test."""
    return Plain()
