"""Colours for Faust: the words and signs of the language, for Pygments."""

from __future__ import annotations

from pygments.lexer import RegexLexer, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
)

#: What Pygments loads of this module.
__all__ = ("FaustLexer",)

KEYWORDS = "case declare environment import letrec library where with process component".split()
ITERATIONS = "par seq sum prod".split()
WIDGETS = (
    "button checkbox hslider vslider nentry hbargraph vbargraph hgroup vgroup tgroup soundfile"
).split()
PRIMITIVES = (
    "mem prefix int float rdtable rwtable select2 select3 ffunction fconstant fvariable route "
    "waveform attach enable control inputs outputs acos asin atan atan2 cos sin tan exp log log10 "
    "pow sqrt abs min max fmod remainder floor ceil rint round xor lowest highest assertbounds "
    "ondemand fad rad"
).split()


class FaustLexer(RegexLexer):
    """The language Faust."""

    name = "Faust"
    aliases = ("faust",)
    filenames = ("*.dsp", "*.lib")
    tokens = {  # noqa: RUF012
        "root": [
            (r"\s+", Text),
            (r"//.*?$", Comment.Single),
            (r"/\*.*?\*/", Comment.Multiline),
            (r'"[^"]*"', String),
            (words(KEYWORDS, prefix=r"\b", suffix=r"\b"), Keyword),
            (words(ITERATIONS, prefix=r"\b", suffix=r"\b"), Keyword),
            (words(WIDGETS, prefix=r"\b", suffix=r"\b"), Name.Function),
            (words(PRIMITIVES, prefix=r"\b", suffix=r"\b"), Name.Builtin),
            (r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?f?", Number),
            (r"<:|:>|:|~|,", Operator.Word),
            (r"<<|>>|<=|>=|==|!=|[-+*/%^@&|<>=!']", Operator),
            (r"[A-Za-z_]\w*", Name),
            (r"[(){}\[\];.\\]", Punctuation),
            (r".", Text),
        ]
    }


def register() -> None:
    """Lets Pygments find the lexer by the name of the language."""
    from pygments.lexers import LEXERS

    LEXERS["FaustLexer"] = (
        __name__,
        FaustLexer.name,
        FaustLexer.aliases,
        FaustLexer.filenames,
        (),
    )
