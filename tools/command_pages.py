"""The commands as text: a page of the site, and a page of the manual. Nothing is told twice.

Both are made from what the commands themselves say of their options.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from faustdiff import __version__
from faustdiff.commands import main as line

#: The exit codes, as the command line has them.
EXIT_CODES = (
    (0, "done"),
    (1, "what was checked does not hold"),
    (2, "the options or the input cannot be used"),
)
#: What marks a paragraph of a help text whose lines are kept.
AS_IT_IS = "\b"
_NAME = re.compile(r"(?<![\w`-])(--[a-z][\w-]*|[A-Z]{3,}(?:\.\w+)?)(?![\w`])")


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Each command with its name, in the order of the help."""
    top = click.Context(line.main, info_name="faustdiff")
    for name in line.commands():
        command = line.main.get_command(top, name)
        assert command is not None
        yield name, command, click.Context(command, info_name=name, parent=top)


def markdown() -> str:
    """The command reference, for the site."""
    parts = [
        "# Commands\n\n"
        "Errors go to the standard error stream: one line of what and where, one of what to do.\n\n"
        "| exit code | meaning |\n|---|---|\n"
        + "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)
        + "\n"
    ]
    for name, command, context in commands():
        text, examples = described(command)
        usage = " ".join(command.collect_usage_pieces(context))
        parts.append(f"## {name} {{ #{name} }}\n\n{_prose(text)}\n")
        parts.append(f"```console\n$ faustdiff {name} {usage}\n```\n")
        lines = ["| option | meaning |", "|---|---|"]
        lines += [f"| {_code(option)} | {_cell(meaning)} |" for option, meaning in options(command)]
        parts.append("\n".join(lines) + "\n")
        if examples:
            listed = "\n".join(f"$ {line}" for line in examples)
            parts.append(f"```console\n{listed}\n```\n")
    return "\n".join(parts)


def roff() -> str:
    """The manual page `faustdiff(1)`, in the macros of man(7)."""
    text, _ = described(line.main)
    lines = [
        f'.TH FAUSTDIFF 1 "" "faustdiff {__version__}" "User commands"',
        ".SH NAME",
        "faustdiff \\- derivative rules for Faust, and what is made of them",
        ".SH SYNOPSIS",
        ".B faustdiff",
        "COMMAND [OPTIONS] ...",
        ".SH DESCRIPTION",
        *_paragraphs(text),
        ".SH COMMANDS",
    ]
    for name, command, context in commands():
        text, examples = described(command)
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f".SS faustdiff {_plain(name)} {_plain(usage)}", *_paragraphs(text)]
        for option, meaning in options(command):
            lines += [".TP", f"\\fB{_plain(option)}\\fR", _plain(meaning)]
        if examples:
            lines += [".PP", "Examples:", ".PP", ".nf", *map(_plain, examples), ".fi"]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", str(code), _plain(meaning)]
    return "\n".join(lines) + "\n"


def described(command: click.Command) -> tuple[str, list[str]]:
    """The text of a command's help, and the examples below it."""
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    return text.strip(), [line.strip() for line in examples.splitlines() if line.strip()]


def options(command: click.Command) -> Iterator[tuple[str, str]]:
    """Each option of a command, and what it means, with its default."""
    context = click.Context(command)
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None and isinstance(param, click.Option):
            yield record


def _prose(text: str) -> str:
    """Help as Markdown: what is written as an option or as a name for a file is code."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith(AS_IT_IS):
            paragraphs.append(f"```text\n{inspect.cleandoc(paragraph[1:])}\n```")
        else:
            paragraphs.append(_NAME.sub(r"`\1`", paragraph.replace("[", "\\[")))
    return "\n\n".join(paragraphs)


def _code(option: str) -> str:
    return f"`{option}`".replace("|", "\\|")


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("<", "&lt;")
    # Brackets around a default would be read as a link, a star as emphasis.
    return re.sub(r"([\[\]*_])", r"\\\1", escaped)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith(AS_IT_IS):
            yield from [".PP", ".nf", *map(_plain, paragraph.splitlines()[1:]), ".fi"]
        else:
            yield from [".PP", _plain(" ".join(paragraph.split()))]


def _plain(text: str) -> str:
    """Text as roff prints it: no line of it is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
