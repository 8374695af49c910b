"""Derivative rules for the Faust language, from one table: proved, rendered, compiled.

The stages, each a module that takes what the one before it returns:

    stage1_load     a YAML file              -> a tree of nodes that know their place
    stage2_model    the tree                 -> `Table`, frozen rows
    stage3_check    the table                -> `Checked`, a table whose rules hold
    stage4_print    expressions of a rule    -> Faust and LaTeX text
    stage5_render   the checked table        -> diff.lib and reference.md

Beside them: `expressions` and `vocabulary` (the language of the table), `rules` (what a row's
fields amount to), `samples` (where rows are tried), `compilers` and `program` (Faust text to a
running program), `cli` (the command line).
"""

__version__ = "0.1.0"
