"""The ``smartify`` command. Needs the extra ``[cli]``; what it does is in ``docs/reference/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from smartify_core.errors import MissingExtra

__all__ = ["main"]

#: What the extra brings. Anything else that cannot be imported is a fault, and shows itself as one.
_EXTRA = frozenset({"click", "rich"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: What follows the command's name; the process's own arguments when not given.
    """
    try:
        from ._commands import run  # noqa: PLC0415 - click and rich may be missing, and that deserves a sentence
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"{MissingExtra.named('cli', needed_for='the smartify command')}\n")
        return 2
    return run(sys.argv[1:] if arguments is None else list(arguments))
