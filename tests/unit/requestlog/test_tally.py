from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from smartify_core.requestlog._tally import Tally


def test_no_step_is_lost_between_threads() -> None:
    """Threads that count at once are all counted, and whoever takes the count takes each step once."""
    tally, taken = Tally(), list[int]()

    def add() -> None:
        for _ in range(5_000):
            tally.add()

    def take() -> None:
        for _ in range(1_000):
            taken.append(tally.take())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(add)
            pool.submit(take)
    finally:
        sys.setswitchinterval(before)
    assert sum(taken) + tally.count == 40_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_child_begins_at_nothing() -> None:
    """What was counted before a fork is the parent's to tell; a lock that another thread had taken stops no child."""
    tally = Tally()
    tally.add()
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with tally._lock:
            held.set()
            leave.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    child = os.fork()
    if child == 0:
        tally.add()
        os._exit(tally.count)
    leave.set()
    other.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert tally.count == 1
