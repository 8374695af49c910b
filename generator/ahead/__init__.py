"""Differentiation ahead of time: a whole program, as the compiler expands it, with its partials.

core language (`faust -e`) -> signal graph -> tangents, by the rules of the table -> Faust
"""
