"""The vendor of the tests of the gate, and stores of his that refuse, die, or let somebody else go first."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from tests.unit.policy.gate.conftest import Vendor, vendor

from smartify_core.errors import StorageUnavailable
from smartify_core.storage import Storage

__all__ = ["Vendor", "vendor"]


class Between:
    """A store that does something else just before, or just after, it first records."""

    def __init__(self, storage: Storage, *, before: Callable[[], object] | None = None, after: Any = None) -> None:
        self._storage = storage
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, *args: Any, **options: Any) -> None:
        """Record, with what was told around it the first time."""
        before, self._before = self._before, None
        after, self._after = self._after, None
        if before is not None:
            before()
        self._storage.record(*args, **options)
        if after is not None:
            after()


def refuse() -> None:
    """Fail as a store does that cannot be reached."""
    raise StorageUnavailable("away")


class Always(Between):
    """A store that takes no writes at all."""

    def record(self, *args: Any, **options: Any) -> None:
        """Refuse."""
        refuse()


def die() -> None:
    """End this process as a power failure does."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object]) -> int:
    """Run work in a process of its own, and return the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
