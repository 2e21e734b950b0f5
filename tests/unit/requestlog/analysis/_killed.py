"""Packs and expires copies of a log in processes that are killed: ``python -m …_killed pack|expire LOG COPIES``.

Every copy gets a process that dies just before it changes a name for the first, the second, the third time, and so on;
the last one lives to its end.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from smartify_core.requestlog.analysis.cells import expire_with_cells
from smartify_core.requestlog.analysis.packing import pack

NOW = datetime(2026, 2, 5, 1, tzinfo=UTC)
KEEP = timedelta(days=30)
#: What changes names, as Python tells its audit hooks.
_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir"})

WORK: dict[str, Callable[[Path], object]] = {
    "pack": lambda log: pack(log, now=NOW, threads=1),
    "expire": lambda log: expire_with_cells(log, keep=KEEP, now=NOW, threads=1),
}


def _die_at(point: int) -> None:
    left = [point]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES and (event != "os.remove" or os.path.lexists(arguments[0])):
            left[0] -= 1
            if not left[0]:
                os._exit(9)

    sys.addaudithook(hook)


def main(work: str, log: Path, copies: Path) -> None:
    """Kill until it is done."""
    for point in count(1):
        copy = copies / f"{point:03}"
        shutil.copytree(log, copy)
        child = os.fork()
        if not child:
            try:
                _die_at(point)
                WORK[work](copy)
            except BaseException:  # noqa: BLE001 - a forked child ends here, whatever happens
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return
        if status != 9:
            sys.exit(f"point {point} ended with {status}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
