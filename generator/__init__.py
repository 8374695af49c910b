"""Derivative rules for the Faust language, from one table: proved, rendered, compiled.

The rooms, from the ground up; no room imports one that stands below it in this list:

    faust/                      runs programs            text -> arrays; starts every process
    table/                      what a row is            YAML -> `Table`, frozen rows
    proof/                      what makes a row true    a table -> `CheckedTable`, or why not
    library/                    the library in Faust     `CheckedTable` -> diff.lib, reference.md
    signals/                    programs as graphs       a program -> a graph -> a program
    autodiff/                   their derivatives        a graph -> a graph with partials
    fitting/ learned/           values of sliders        a program, recordings -> values <-> JSON
    layers/ torch/ jax/ pages/  programs elsewhere       a program -> a layer, a page that learns
    comparison/                 two tables or libraries  both -> what changed between them
    commands/                   the command line         options -> calls, errors -> messages

Under all of them: `errors` (what is wrong with an input, as data), `resources` (files of the
package), `files` (what is written, whole or not at all), `recordings` (sound that is read and
written), `drawing` (plots), `extras` (packages that not everybody needs) and `deferred` (modules
imported on first use).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import build as build
    from .api import check as check
    from .api import differentiate as differentiate
    from .api import fit as fit
    from .api import verify as verify
    from .autodiff.vjp import vjp as vjp

__version__ = "0.2.0"

#: The rooms, from the ground up.
ROOMS = (
    "faust",
    "table",
    "proof",
    "library",
    "signals",
    "autodiff",
    "fitting",
    "learned",
    "layers",
    "torch",
    "jax",
    "pages",
    "comparison",
    "commands",
)

#: What is imported when it is first asked for, so that a command starts quickly.
_LAZY = {
    "build": "api",
    "check": "api",
    "differentiate": "api",
    "fit": "api",
    "verify": "api",
    "vjp": "autodiff.vjp",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
