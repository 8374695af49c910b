"""`python -m faustdiff` is the command `faustdiff`."""

from .cli import main

main(prog_name="faustdiff")
