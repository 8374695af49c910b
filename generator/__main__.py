"""`python -m faustdiff` is the command `faustdiff`."""

import signal
import sys
from types import FrameType


class Termination(BaseException):
    """A request to end, as from a shutdown; what is open is closed on its way."""


def run() -> None:
    """The command, which Ctrl-C and SIGTERM end without a traceback even while it is loaded."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    try:
        from .commands.main import main

        main(prog_name="faustdiff", obj={"supervised": True})
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Termination as request:
        print("terminated", file=sys.stderr)
        sys.exit(128 + request.args[0])


def _terminate(number: int, frame: FrameType | None) -> None:
    # A second request ends the process at once.
    signal.signal(number, signal.SIG_DFL)
    raise Termination(number)


if __name__ == "__main__":
    run()
