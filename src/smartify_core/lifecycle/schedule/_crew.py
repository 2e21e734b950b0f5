"""A few threads that each work on one tenant at a time, so that a slow tenant keeps one of them and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from smartify_core.lifecycle._plan import Run
from smartify_core.model import Claim, ProgressSink, Stage


class Abandoned(BaseException):  # no Exception: nothing that handles a run's errors may take it for one
    """A run is given up between two of its writes, because its process has to go."""


class Crew:
    """Threads for the claims of one process. A context manager; leaving it waits for the runs that were begun.

    Args:
        work: What is done with a claim; called in a thread of the crew. ``None`` for a run that was given up.
        size: How many threads there are.
        abandon: Once set, runs are given up at their next report of progress.
    """

    def __init__(
        self, work: Callable[[Claim, ProgressSink], Run | None], *, size: int, abandon: threading.Event
    ) -> None:
        self._work = work
        self._size = size
        self._abandon = abandon
        self._under_way: set[Future[Run | None]] = set()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="smartify-run")
        #: How many runs were begun.
        self.begun = 0

    @property
    def free(self) -> int:
        """Return how many threads have nothing to do."""
        return self._size - len(self._under_way)

    @property
    def busy(self) -> bool:
        """Return whether runs are under way, or ended and not yet collected."""
        return bool(self._under_way)

    def begin(self, claim: Claim) -> None:
        """Let a free thread work on a tenant."""
        self._under_way.add(self._threads.submit(self._work, claim, self._progress))
        self.begun += 1

    def collect(self, *, within: float | None = None) -> list[Run]:
        """Return the runs that have ended since the last call, as soon as there is one; none if nothing is under way.

        Args:
            within: For how many seconds at most to wait for one; for as long as it takes when not given.
        """
        ended, self._under_way = wait(self._under_way, timeout=within, return_when=FIRST_COMPLETED)
        return [run for one in ended if (run := one.result()) is not None]

    def _progress(self, _stage: Stage, _done: int, _total: int | None) -> None:
        if self._abandon.is_set():
            raise Abandoned

    def __enter__(self) -> Self:
        """Return the crew itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the runs that were begun. When an error is on its way, they are given up where they can be."""
        if error is not None:
            self._abandon.set()
        self._threads.shutdown(wait=True)
