"""`python -m faustdiff` is the command `faustdiff`."""

import sys


def run() -> None:
    """The command, which Ctrl-C ends without a traceback even while it is being loaded."""
    try:
        from .commands.main import main

        main(prog_name="faustdiff")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    run()
