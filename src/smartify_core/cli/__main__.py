"""The program ``smartify``, and ``python -m smartify_core.cli``, which is the same."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from smartify_core.cli import main

#: A process that a signal ended reports more than this.
_SIGNALLED = 128


def program() -> NoReturn:
    """Run the command that the process was started for, and end the process with its exit code."""
    code = main()
    if code > _SIGNALLED:
        # Everything is said, and the process about to end: a second signal that comes late, as some terminals and
        # wrappers send it, must not take the exit code away while Python closes down.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


if __name__ == "__main__":
    program()
