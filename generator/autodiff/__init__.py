"""Differentiation ahead of time: a whole program, as the compiler expands it, with its partials.

    core language (`faust -e`) -> boxes -> signal graph -> tangents, by the table -> Faust

The stages have the names of the modules; `differentiate` runs them in a row:

    done = differentiate('process = *(hslider("gain [diff:1]", 0.5, 0, 1, 0.01));')
    done.text          # a Faust program that outputs the value, then the partial
    done.params        # one descriptor for each slider, in the order of the partials
"""

from ..signals.sliders import Parameter
from .differentiate import DifferentiatedProgram, differentiate

__all__ = ["DifferentiatedProgram", "Parameter", "differentiate"]
