"""What the commands share: their common options, and how they end on bad input."""

from __future__ import annotations

import functools
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from ..errors import InputError, Place, Problem
from ..faust.calling import CompilerMissingError, FaustError
from ..faust.compilers import Compiler, find_compiler
from ..faust.excitation import DEFAULT_RATE, GENERATED_INPUTS
from ..faust.supervision import ChildDeath, fork_worker
from ..files import is_stream, read_text, write_file
from ..resources import resource
from ..table.assembling import read
from ..table.model import Table

EXIT_NOT_HELD = 1
EXIT_UNUSABLE = 2

#: What `--fad` puts in front of a program, on its first line: the numbers of lines stay.
FAD_WORDS = 'fad = library("diff.lib").fad; rad = library("diff.lib").rad; '
#: What `-` stands for, where a file is written.
STANDARD_OUTPUT = Path("/dev/stdout")
#: What brings a cursor back that a progress bar has hidden.
SHOW_CURSOR = "\x1b[?25h"
#: How much of a line of a compiler's message is shown.
MAX_LINE_SHOWN = 300
#: What the compilers call the text they are given, before the number of a line.
COMPILER_PLACE = re.compile(r"^program(\.dsp)? ?: ?(?=\d)", re.MULTILINE)
#: What the compilers say of `fad(a * b, a, b)`, where the words are marked.
TOO_MANY_ARGUMENTS = re.compile(r"^ERROR : too much arguments .*\n.*: vgroup\(\"df\.fad")
#: What to do about what the compilers say.
ADVICE = (
    (
        re.compile(r"undefined symbol : [fr]ad$", re.MULTILINE),
        "with the option --fad, a program may use 'fad' and 'rad'",
    ),
    (
        re.compile(r"unable to open file .*\bdiff\.lib"),
        "'faustdiff build --out DIR' writes diff.lib, '-I DIR' finds it",
    ),
)


class FiniteFloat(click.FloatRange):
    """A number of a range; no range leaves out NaN, and one without an end has infinity in it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


#: A length in seconds: more than eleven days of sound are a mistake.
SECONDS = FiniteFloat(0, 1e6, min_open=True)


class Output(click.Path):
    """A file that is written once, for which `-` is the standard output; or a folder.

    `again` is for a file that is written again and read, which a stream cannot be.
    """

    def __init__(self, *, folder: bool = False, again: bool = False) -> None:
        super().__init__(path_type=Path, file_okay=not folder, dir_okay=folder)
        self.refused = "folder" if folder else "file that can be read again" if again else ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value) != "-":
            return super().convert(value, param, ctx)
        if self.refused:
            what = f"'-' is the standard output, and this is to be a {self.refused}: name one"
            self.fail(what, param, ctx)
        return STANDARD_OUTPUT


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--table` and `--extend`, which arrive as `table` and `extensions`."""
    table = click.option(
        "--table",
        type=click.Path(path_type=Path),
        default=lambda: resource("primitives.yaml"),
        show_default="the built-in one",
        help="Table to use in place of the built-in one.",
    )
    extend = click.option(
        "--extend",
        "extensions",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Table of rows to add, such as foreign functions of your own; may be repeated.",
    )
    return table(extend(command))


accept_option = click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="ROW",
    help="Name of a row to take as it is although its verdict is unknown; may be repeated.",
)


def program_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the argument `program` and how it is compiled: `-I`, `--compiler` and `--fad`.

    `--fad` arrives nowhere: `read_source` knows of it.
    """
    program = click.argument("program", type=click.Path(path_type=Path))
    include = click.option(
        "-I",
        "--include",
        type=click.Path(path_type=Path, file_okay=False),
        multiple=True,
        help="Folder to search for imports, besides that of the program; may be repeated.",
    )
    compiler = click.option(
        "--compiler",
        type=click.Choice(["faust", "cyfaust"]),
        help="Which Faust compiler to use.  [default: the one that is there, 'faust' first]",
    )
    words = click.option(
        "--fad",
        is_flag=True,
        expose_value=False,
        callback=_remember_words,
        help="Let the program use 'fad' and 'rad' of the next Faust; needs -I with diff.lib.",
    )
    return program(include(compiler(words(command))))


def _remember_words(context: click.Context, option: click.Parameter, chosen: bool) -> None:
    context.meta[FAD_WORDS] = chosen


def parameter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--param` and `--all`, which arrive as `params` and `all_continuous`."""
    every = click.option(
        "--all", "all_continuous", is_flag=True, help="Take every continuous slider."
    )
    param = click.option(
        "--param",
        "params",
        metavar="NAME",
        multiple=True,
        help="Take the slider with this label or path; may be repeated.",
    )
    return every(param(command))


def runs_programs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives the work of a command to a child: a program of a user that crashes is a message.

    Only where the command is the process: called as a function, it does its work here.
    """

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        about = click.get_current_context().find_root().obj or {}
        if not about.get("supervised") or not hasattr(os, "fork"):
            return command(*args, **options)
        ending = fork_worker()
        if ending is None:
            return command(*args, **options)
        if isinstance(ending, ChildDeath):
            if sys.stderr.isatty():
                click.echo(SHOW_CURSOR, err=True, nl=False)
            refuse(f"{options.get('program', 'a program')}: {ending.what}", ending.hint)
        sys.exit(ending)

    return run


def excitation_options(seconds: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What a program is fed, and for how long, as the arguments `fed`, `seconds` and `rate`."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        fed = click.option(
            "--input",
            "fed",
            default="noise",
            show_default=True,
            metavar="|".join(["FILE.wav", *GENERATED_INPUTS]),
            help="What the program is fed, if it has inputs.",
        )
        length = click.option(
            "--seconds",
            type=SECONDS,
            help=f"How long to run.  [default: {seconds:g}, or the whole file]",
        )
        rate = click.option(
            "--rate",
            type=click.IntRange(min=1),
            help=f"Sample rate in Hz.  [default: {DEFAULT_RATE}, or that of the file]",
        )
        return fed(length(rate(command)))

    return add


def table_slope_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--table-slope`, which arrives as `table_slope`."""
    option = click.option(
        "--table-slope",
        type=click.Choice(["oscillators", "all", "none"]),
        default="oscillators",
        show_default=True,
        help="Which tables that are read at whole places have the slope of their content.",
    )
    return option(command)


def read_table(table: Path, extensions: tuple[Path, ...]) -> Table:
    """The table of the options; ends the command if it cannot be used."""
    with usable_input():
        return read(table, extensions)


def read_source(program: Path) -> str:
    """The text of a program, after `FAD_WORDS` if asked; ends the command if it cannot be used.

    A program that defines the words itself is taken as it is.
    """
    from ..signals.seeds import defines_words, mark_words, mark_words_of_library

    context = click.get_current_context(silent=True)
    with usable_input(program):
        text = read_text(program, "Faust program")
        if context is None:
            return text
        if context.meta.get(FAD_WORDS) and not defines_words(text):
            try:
                _check_seeds(program, mark_words(text), context)
            except FaustError:
                # What the compiler says is to be of the program that the user knows.
                _expand(program, FAD_WORDS + text, context)
                raise
            return FAD_WORDS + text
        marked = mark_words_of_library(text)
        if marked is not None:
            # What the compiler says of a program is not said of the one with markers.
            with suppress(FaustError, CompilerMissingError):
                _check_seeds(program, marked, context)
        return text


def _check_seeds(program: Path, marked: str, context: click.Context) -> None:
    """Refuses seeds that a group hides, and says which are numbers; see `signals.seeds`."""
    from ..signals.core import parse
    from ..signals.propagate import with_deep_stack
    from ..signals.row_lookup import Rows
    from ..signals.seeds import check_seeds

    try:
        compiler, expanded = _expand(program, marked, context)
    except FaustError as error:
        _check_arguments(program, error)
        raise
    core = parse(expanded, Rows(read(resource("primitives.yaml"), ()), compiler).arities)
    for number in with_deep_stack(lambda: check_seeds(core.process, str(program))):
        what = f"{program}: the seed {number} is a number, and stands for that number everywhere"
        how = "arithmetic among numbers was done before; make it a slider if that matters"
        click.echo(f"{what}\n  {how}", err=True)


def _expand(program: Path, text: str, context: click.Context) -> tuple[Compiler, str]:
    """What the compiler of the options makes of the text of a program with `faust -e`."""
    compiler = find_compiler(context.params.get("compiler"))
    include = (program.parent, *context.params.get("include", ()))
    return compiler, compiler.expand(text, include=include)


def _check_arguments(program: Path, error: FaustError) -> None:
    """Says what is wrong with `fad(a * b, a, b)`, of which the compiler says a page."""
    if TOO_MANY_ARGUMENTS.search(error.message):
        what = "'fad' and 'rad' have two arguments, an expression and a list of seeds"
        how = (
            "put the seeds into parentheses, as in 'fad(a * b, (a, b))', and an expression with a "
            "comma in it, too, as in 'fad((_ <: *(a), mem), a)'"
        )
        raise InputError([Problem(Place(str(program)), what, how)]) from error


def chosen_compiler(name: str | None, install: str = "") -> Compiler:
    """The compiler of the options; ends the command if it is missing.

    `install` says what to install, where not every compiler will do.
    """
    with usable_input():
        try:
            return find_compiler(name)
        except CompilerMissingError as error:
            refuse(error.what, install or error.hint)


@contextmanager
def usable_input(*programs: Path) -> Iterator[None]:
    """Ends the command, with what is wrong and what to do, where the input cannot be used.

    A compiler that refuses one of `programs` says where by the name of that file.
    """
    try:
        yield
    except InputError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(EXIT_UNUSABLE)
    except CompilerMissingError as error:
        refuse(error.what, error.hint)
    except FaustError as error:
        message = _with_file_name(error, programs)
        lines = [_shorten(line) for line in message.strip().splitlines()]
        refuse("\n".join(lines), _hint(error))
    except ValueError as error:
        refuse(str(error), "see --help")


def _hint(error: FaustError) -> str:
    """What to do about an error of the compiler, after the name of the compiler."""
    said = f"this is what the compiler '{error.compiler}' says"
    known = (advice for sign, advice in ADVICE if sign.search(error.message))
    return "; ".join((said, *known))


def _with_file_name(error: FaustError, programs: Sequence[Path]) -> str:
    """The compiler's text, which calls what it was given `program`, with the name of the file."""
    for path in programs:
        name = f"{path}:"
        with suppress(OSError, UnicodeDecodeError):
            if path.read_text(encoding="utf-8") == error.source.removeprefix(FAD_WORDS):
                return COMPILER_PLACE.sub(name.replace("\\", r"\\"), error.message)
    return error.message


def _shorten(line: str) -> str:
    """A line of a compiler, which may print a whole program in it."""
    return line if len(line) <= MAX_LINE_SHOWN else f"{line[:MAX_LINE_SHOWN]} ..."


def refuse(what: str, hint: str) -> NoReturn:
    """Ends the command: one line of what and where, one line of what to do."""
    click.echo(f"{what}\n  {hint}", err=True)
    sys.exit(EXIT_UNUSABLE)


def refuse_to_replace(program: Path, *outputs: Path) -> None:
    """Ends the command if what it writes would take the place of the program that it reads."""
    what = "choose another file for what is made of it"
    for output in outputs:
        with suppress(OSError):
            if output.samefile(program):
                refuse(f"{output}: is the program itself", what)


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file, or ends the command and leaves what was there before."""
    with usable_input():
        write_file(path, content)


def tell(path: Path, text: str) -> None:
    """Says what was written to `path`; apart from it, where that is the standard output."""
    click.echo(text, err=is_stream(path))


def named_values(option: str, texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Names and values of an option that is NAME=VALUE; a name may itself contain `=`."""
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            yield name, number
        else:
            refuse(f"'{option} {text}' is not NAME=VALUE", f"write it as in {option} gain=0.5")
