"""The command line: one module of this room for each command, loaded when it is called.

Exit codes: 0 done, 1 the thing checked does not hold, 2 usage or unreadable input.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click

from .. import __version__
from ..extras import how_to_install

#: What a command needs from the start: it would else be missed when the work is done.
NEEDED_PACKAGES = {"fit": ("scipy", "soxr", "matplotlib")}

#: What to do where a file cannot be read or written that the user did not name.
SPACE_HINT = "make room there, or name another folder; TMPDIR is for temporary files"


def commands() -> dict[str, str]:
    """The source of each command, by its name; none is imported.

    A module `a_b` of this room that defines a function `a_b_command` is the command `a-b`.
    """
    sources = {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted(Path(__file__).parent.glob("*.py"))
    }
    return {
        name.replace("_", "-"): text
        for name, text in sources.items()
        if f"def {name}_command(" in text
    }


class LazyGroup(click.Group):
    """Commands that are imported when they are called; the list of them imports none."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs a command; what the machine refuses it is a message, too."""
        try:
            return super().main(*args, **options)
        except SystemExit:
            _flush()
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _refuse(f"{where}{error.strerror or error}", SPACE_HINT)
        except MemoryError:
            _refuse("there is not enough memory", "take fewer parameters, or a shorter input")
        except RecursionError:
            _refuse("the input is nested too deeply", "divide it into definitions")

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            _refuse_without(error.name or "", error)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in commands():
            return None
        for module in NEEDED_PACKAGES.get(cmd_name, ()):
            if find_spec(module) is None:
                _refuse_without(module, None)
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"{__package__}.{name}"), f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(text)) for name, text in commands().items()])


def _refuse_without(module: str, error: ModuleNotFoundError | None) -> NoReturn:
    """Ends the command where an extra is missing; any other module is a fault of the package."""
    command = how_to_install(module)
    if command is None:
        assert error is not None
        raise error
    # Imported here: the list of commands is shown without what the commands need.
    from .options import refuse

    package = module.partition(".")[0]
    refuse(f"this needs the package '{package}', an extra", command)


def _flush() -> None:
    """Writes what was printed; ends the command where that is impossible."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _refuse(f"the output cannot be written: {error.strerror}", SPACE_HINT)


def _refuse(what: str, hint: str) -> NoReturn:
    # What could not be written would be tried again at the end of the process.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    click.echo(f"{what}\n  {hint}", err=True)
    sys.exit(2)


def _summary(text: str) -> str:
    """The first line of the help of a command, from the source of its module."""
    (function,) = (
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_command")
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
