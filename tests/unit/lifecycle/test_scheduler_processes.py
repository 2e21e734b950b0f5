"""A fleet of real processes that share work through one SQLite file and nothing else. Their clock is a file."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from smartify_core.sealing import FileKeyRing
from smartify_core.storage.sqlite import SQLiteStorage

EVERY = timedelta(minutes=15)
START = datetime(2030, 1, 1, tzinfo=UTC)

WORKER = """
import os, sys, threading
from datetime import datetime, timedelta
from pathlib import Path
from smartify_core.lifecycle import Reconciler
from smartify_core.lifecycle.schedule import Scheduler
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

folder, tenants, hanging = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
never = threading.Event()
log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def tell(*words):
    os.write(log, (" ".join(words) + "\\n").encode())

def clock():
    return datetime.fromisoformat((folder / "clock").read_text())

class Source(FakeDirectory):
    def __init__(self, tenant):
        super().__init__(identity("ada"))
        self.tenant = tenant

    def snapshot(self, *, progress=None):
        if self.tenant in hanging:
            tell("hangs", self.tenant)
            never.wait()
        return super().snapshot(progress=progress)

def wait(_):
    never.wait(0.01)
    return (folder / "stop").exists()

with SQLiteStorage(folder / "store.db") as storage:
    sealer = Sealer(FileKeyRing(folder / "keys"))
    sources = {tenant: Source(tenant) for tenant in tenants}
    Scheduler(
        Reconciler(sources, storage, sealer, clock=clock),
        storage,
        tenants=tenants,
        every=timedelta(minutes=15),
        jitter=timedelta(0),
        workers=2,
        clock=clock,
        on_run=lambda run: tell(run.verdict.value, run.tenant),
    ).run(threading.Event(), wait=wait)
"""


def at_least(number: int, told: Counter[str]) -> bool:
    return told.total() >= number


class Fleet:
    """The processes, their clock, and what they have told so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.clock(START)
        FileKeyRing.create(folder / "keys")
        SQLiteStorage(folder / "store.db").close()

    def clock(self, now: datetime) -> None:
        (self.folder / "next").write_text(now.isoformat())
        (self.folder / "next").replace(self.folder / "clock")

    def start(self, *tenants: str, hanging: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        arguments = [str(self.folder), ",".join(tenants), ",".join(hanging)]
        process = subprocess.Popen([sys.executable, "-c", WORKER, *arguments], stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    @property
    def told(self) -> Counter[str]:
        log = self.folder / "log"
        return Counter(log.read_text().splitlines() if log.exists() else [])

    def until(self, reached: Callable[[Counter[str]], bool]) -> Counter[str]:
        """Wait until what was told satisfies ``reached``."""
        for _ in range(6000):
            if reached(self.told):
                return self.told
            threading.Event().wait(0.01)
        raise AssertionError(self.told)

    def stop(self) -> None:
        (self.folder / "stop").touch()
        for process in self.processes:
            _, err = process.communicate(timeout=60)
            assert process.returncode in {0, -9}, err


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Return a fleet without processes, and end whatever is left of it."""
    made = Fleet(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def test_each_tenant_runs_once_a_period_whoever_works(fleet: Fleet) -> None:
    """Two processes share twelve tenants for four periods: each tenant runs once in each, and never twice."""
    tenants = tuple(f"t{number:02}" for number in range(12))
    fleet.start(*tenants)
    fleet.start(*tenants)
    for period in range(5):
        fleet.clock(START + period * EVERY)
        everybody = 12 * (period + 1)
        fleet.until(partial(at_least, everybody))
    fleet.stop()
    assert fleet.told == {f"complete {tenant}": 5 for tenant in tenants}


def test_tenants_of_a_killed_process_are_taken_over(fleet: Fleet) -> None:
    """After a kill -9 the others go on, and once the leases have run out they do the dead process's work as well."""
    tenants = ("a", "b", "c")
    dying = fleet.start(*tenants, hanging=("a", "b"))
    fleet.until(lambda told: {"hangs a", "hangs b"} <= set(told))
    dying.kill()
    dying.wait()
    fleet.start(*tenants)
    fleet.until(lambda told: told["complete c"] == 1)
    assert not {"complete a", "complete b"} & set(fleet.told), "their leases still hold"
    fleet.clock(START + timedelta(minutes=10))
    told = fleet.until(lambda told: {"complete a", "complete b"} <= set(told))
    fleet.stop()
    assert (told["complete a"], told["complete b"]) == (1, 1)
