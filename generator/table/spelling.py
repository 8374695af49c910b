"""How a row may spell a box, an argument and a library in Faust: names and applications only.

What is spelled here goes into the text of a library, so nothing may end what stands around it.
"""

from __future__ import annotations

import re

from .vocabulary import FAUST_WORDS

_NAME = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_OPERATOR = r"[-+*/%^&|<>@!]|<<|>>|<=|>=|==|!="
_NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"
_STRING = r'"[^"\\\n]*"'
_BOX = re.compile(rf"{_NAME}|{_OPERATOR}|{_NUMBER}")
_APPLIED = re.compile(rf"(?P<name>{_NAME})\((?P<inside>.*)\)")
_WAVEFORM = re.compile(rf"waveform\s*\{{\s*{_NUMBER}(\s*,\s*{_NUMBER})*\s*\}}")
#: What every box looks like, for who knows patterns only; `is_box` says more.
BOX_FORM = re.compile(rf"{_BOX.pattern}|{_WAVEFORM.pattern}|{_NAME}\(.*\)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
#: Names that the rules of a library use by themselves.
OWN_NAME = re.compile(r"s\d+|cotangent")
#: Libraries that diff.lib refers to, whatever the rows of a table do.
OWN_LIBRARIES = {"ba": "basics.lib", "si": "signals.lib"}
#: Words of the language that are no boxes.
_NO_BOXES = frozenset(
    "case component declare environment import inputs letrec library ondemand outputs par process "
    "prod seq sum where with".split()
)


def is_box(text: str) -> bool:
    """Whether a text is one box: a primitive, a name, a number, or a name applied to arguments."""
    if _BOX.fullmatch(text):
        return text not in _NO_BOXES
    if _WAVEFORM.fullmatch(text):
        return True
    applied = _APPLIED.fullmatch(text)
    if applied is None or applied["name"] in _NO_BOXES:
        return False
    return _is_list(re.sub(_STRING, "0", applied["inside"]))


def _is_list(text: str) -> bool:
    """Whether a text without its strings is a list of arguments, each bracket closed in it."""
    if re.search(r"[;={}\[\]\"'`\\\n#~:]|//|/\*|\*/|,\s*(,|$)|^\s*,", text):
        return False
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def is_library_prefix(text: str) -> bool:
    """Whether a text can name a library in Faust."""
    return bool(_IDENTIFIER.fullmatch(text)) and text not in FAUST_WORDS and text != "df"


def is_own_name(text: str) -> bool:
    """Whether the rules of a library use a name by themselves, so that no argument may have it."""
    return bool(OWN_NAME.fullmatch(text))
