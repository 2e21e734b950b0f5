"""A few threads that do the asking, and one owner who does the thinking.

Tasks run on the crew's threads and answer with an *act*; acts run one after the other on the owner's thread, so that
everything they touch needs no lock and the host's progress sink is called from the thread that reads the snapshot.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from ._retry import ClosingError

Act = Callable[[], None]
Task = Callable[[], Act]


class Crew:
    """At most ``size`` daemon threads, started as they are needed.

    Args:
        size: How many.
        name: What to call them, for whoever looks at a stack dump.
        on_leave: Called on each thread before it ends.
    """

    def __init__(self, size: int, name: str, on_leave: Callable[[], None]) -> None:
        self._size = size
        self._name = name
        self._on_leave = on_leave
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._acts: queue.SimpleQueue[Act] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._pending = 0

    def submit(self, task: Task) -> None:
        """Hand in a task. For the owner, and for acts."""
        self._pending += 1
        self._tasks.put(task)
        if len(self._threads) < min(self._size, self._pending):
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def post(self, act: Act) -> None:
        """Have an act run by the owner while the task that posts it goes on."""
        self._acts.put(act)

    def attend(self) -> None:
        """Run acts until every task, and every task that they submit, is done. For the owner.

        Raises:
            ClosingError: The crew was dismissed meanwhile.
            BaseException: What a task or an act raised first; the other tasks are still under way then.
        """
        while self._pending:
            self._acts.get()()

    def _work(self) -> None:
        try:
            while (task := self._tasks.get()) is not None:
                try:
                    act = task()
                except BaseException as error:  # noqa: BLE001 - it is raised again on the owner's thread
                    act = _raising(error)
                self._acts.put(self._finishing(act))
        finally:
            self._on_leave()

    def _finishing(self, act: Act) -> Act:
        def finish() -> None:
            self._pending -= 1
            act()

        return finish

    def dismiss(self, patience: float) -> None:
        """Send all threads home: no further task is begun. Wait up to ``patience`` seconds for those under way.

        Whoever attends is woken by a `ClosingError`, for the tasks that were not begun will never answer.
        """
        while True:
            try:
                self._tasks.get_nowait()
            except queue.Empty:
                break
        for _ in self._threads:
            self._tasks.put(None)
        self._acts.put(_raising(ClosingError()))
        until = time.monotonic() + patience
        for thread in self._threads:
            # A signal may have come between making a thread and its start. Such a thread has begun no task and cannot
            # be joined; if it still starts, it finds its leave in the queue.
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))


def _raising(error: BaseException) -> Act:
    def act() -> None:
        raise error

    return act
