"""The command line: one module of this room for each command, loaded when it is called.

Exit codes: 0 done, 1 the thing checked does not hold, 2 usage or unreadable input.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import click

from .. import __version__

#: The commands, in the order of the help. Module `a_b` holds the command `a-b` as `a_b_command`.
COMMANDS = (
    "build",
    "check",
    "diff",
    "differentiate",
    "verify",
    "fit",
    "train",
    "freeze",
    "import-weights",
    "page",
)


class LazyGroup(click.Group):
    """Commands that are imported when they are called; the list of them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        found = getattr(import_module(f"{__package__}.{name}"), f"{name}_command")
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in COMMANDS])


def _summary(command: str) -> str:
    """The first line of a command's help, read from its source without running it."""
    name = command.replace("-", "_")
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    (function,) = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == f"{name}_command"
    )
    return (ast.get_docstring(function) or "").partition("\n")[0]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="faustdiff", message="%(prog)s %(version)s")
def main() -> None:
    """Differentiable Faust: derivative rules from one table, proved, rendered and compiled.

    \b
    Examples:
      faustdiff check                         prove the built-in table
      faustdiff build --out lib               prove it, then write lib/diff.lib
      faustdiff build --extend my.yaml        with rules for functions of your own
      faustdiff differentiate a.dsp -o b.dsp  a program with its partial derivatives
      faustdiff verify a.dsp                  its partials against finite differences
      faustdiff fit a.dsp --input in.wav --target out.wav   its sliders from recordings
      faustdiff page a.dsp -o a.html          a page on which it learns
    """
