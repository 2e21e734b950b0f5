"""Processes that are killed while they shred: the next one finishes, once, and no byte is left."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from smartify_core.lifecycle import Reconciler
from smartify_core.model import SUBJECT_KEY
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import EndingsFile, Shredder
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

pytestmark = pytest.mark.slow

TENANT = "acme"
_CHILD: Final = """
import os
import sys
from smartify_core.lifecycle import Reconciler
from smartify_core.policy.audit import Trail
from smartify_core.policy.shredding import EndingsFile, Shredder
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

folder, deed, countdown, after = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "after"


class Mortal(SQLiteStorage):
    pass


def mortal(name):
    whole = getattr(SQLiteStorage, name)

    def write(self, *args, **named):
        global countdown
        countdown -= 1
        if countdown < 0 and not after:
            os._exit(9)
        answer = whole(self, *args, **named)
        if countdown < 0:
            os._exit(9)
        return answer

    setattr(Mortal, name, write)


for name in ("record", "commit", "erase_tenant", "claim", "release"):
    mortal(name)
with Mortal(f"{folder}/store.db") as storage:
    sealer = Sealer(FileKeyRing(f"{folder}/smartify.keys"))
    trail = Trail(storage)
    shredder = Shredder(storage, sealer, trail, register=EndingsFile(f"{folder}/endings.jsonl"))
    if deed == "off-board":
        shredder.off_board("acme", by="olga", reason="it ended")
    else:
        directory = FakeDirectory(*(identity(f"p{number}", source_id=f"p{number}") for number in range(6)))
        directory.delete("p0")
        directory.delete("p1")
        Reconciler({"acme": directory}, storage, sealer).run("acme")
        shredder.settle()
"""


class Host:
    """A host whose tenant has six people, two of whom have keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sealer = Sealer(FileKeyRing.create(folder / "smartify.keys"))
        self.register = EndingsFile.create(folder / "endings.jsonl")
        self.people = [identity(f"p{number}", source_id=f"p{number}") for number in range(6)]
        self.traces: list[bytes] = []
        with SQLiteStorage(folder / "store.db") as storage:
            self.reconciler(storage, FakeDirectory(*self.people)).run(TENANT)
            for name in ("p0", "p1"):
                account = storage.load(TENANT, [name])[name]
                SubjectKeys(storage, self.sealer).seal(TENANT, name, account.account_id, "reason", b"why")
                self.traces += [account.payload, account.wrapped_key, account.email_index]
            self.traces += [one.value for one in storage.documents(TENANT, SUBJECT_KEY)]

    def reconciler(self, storage: SQLiteStorage, directory: FakeDirectory) -> Reconciler:
        """Return a worker."""
        return Reconciler({TENANT: directory}, storage, self.sealer)

    def kill(self, deed: str, countdown: int, when: str) -> bool:
        """Have a process do it that dies at a write, and return whether it died."""
        child = subprocess.run(
            [sys.executable, "-c", _CHILD, str(self.folder), deed, str(countdown), when], timeout=120, check=False
        )
        assert child.returncode in {0, 9}
        return child.returncode == 9

    def wait(self) -> None:
        """Let the lease of a process that is gone run out."""
        with SQLiteStorage(self.folder / "store.db") as storage:
            storage.release(storage.claim(TENANT, now=datetime(2999, 1, 1, tzinfo=UTC), ttl=timedelta(minutes=1)))

    def left(self) -> list[bytes]:
        """Return what is left of the two in any file."""
        files = [path.read_bytes() for path in self.folder.iterdir()]
        return [trace for trace in self.traces if any(trace in content for content in files)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("countdown", [0, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("deed", ["sync", "off-board"])
def test_a_killed_process_leaves_work_for_the_next_and_no_more(
    tmp_path: Path, deed: str, countdown: int, when: str
) -> None:
    """Killed at any write of a deletion, a settling or an off-boarding, the next process finishes it, each end once."""
    host = Host(tmp_path)
    assert len(host.left()) == 8
    host.kill(deed, countdown, when)
    host.wait()
    assert not host.kill(deed, 1_000, "before")
    assert host.left() == []
    with SQLiteStorage(tmp_path / "store.db") as storage:
        trail = Trail(storage)
        kinds = [entry.record.kind for entry in trail.entries()]
        Shredder(storage, host.sealer, trail, register=host.register).check_restored()
        assert host.register.head().size == trail.size
    if deed == "sync":
        assert kinds == ["account.shredded"] * 2
        assert len(list(host.register.endings())) == 2
    else:
        assert kinds == ["tenant.off-boarding", "tenant.off-boarded"]
        assert [one.account_id for one in host.register.endings()] == [None]
