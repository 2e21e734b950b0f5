"""Trails that know on which host they write, and those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from smartify_core.errors import UsageError, WriteConflict
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy import Policy
from smartify_core.policy.audit import AuditRecord, Trail, verify
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SOMETHING = AuditRecord("employee.added", NOON, actor="admin")


@pytest.fixture
def store() -> Iterator[Storage]:
    """Return an empty store."""
    with MemoryStorage() as made:
        yield made


def kinds(trail: Trail) -> list[str]:
    """Return the kinds of all entries."""
    return [one.record.kind for one in trail.entries()]


def test_the_first_commit_says_which_host_it_is(store: Storage) -> None:
    """One entry stands before the first one, in the same commit, with the host and the writer; callers count theirs."""
    trail = Trail(store, clock=lambda: NOON, host="web-1")
    assert trail.append(SOMETHING, SOMETHING) == (1, 2)
    assert trail.append(SOMETHING) == (3,)
    assert kinds(trail) == ["trail.opened", *["employee.added"] * 3]
    first = trail.entry(0)
    assert first.record.facts == {"host": "web-1", "writer": first.writer}
    assert {one.writer for one in trail.entries()} == {first.writer}


def test_every_open_trail_says_it_once(store: Storage) -> None:
    """Two hosts over one store each say it, and their entries are told apart by the writer."""
    for host in ("web-1", "web-2"):
        trail = Trail(store, clock=lambda: NOON, host=host)
        trail.append(SOMETHING)
        trail.append(SOMETHING)
    opened = [one for one in trail.entries() if one.record.kind == "trail.opened"]
    assert [one.record.facts["host"] for one in opened] == ["web-1", "web-2"]
    assert opened[0].writer != opened[1].writer


def test_without_a_host_nothing_is_added(store: Storage) -> None:
    """A trail whose host has no name is as it was."""
    trail = Trail(store, clock=lambda: NOON)
    assert trail.append(SOMETHING) == (0,)
    assert kinds(trail) == ["employee.added"]


def test_a_first_commit_that_is_refused_adds_nothing(store: Storage) -> None:
    """Where the first record cannot be kept the trail stays empty, and the next one that can says it."""
    trail = Trail(store, clock=lambda: NOON, host="web-1")
    with pytest.raises(WriteConflict):
        trail.append(SOMETHING, documents=[PutDocument("a", "b", b"c", 7)])
    assert kinds(trail) == []
    trail.append(SOMETHING)
    assert kinds(trail) == ["trail.opened", "employee.added"]


def test_a_trail_with_hosts_verifies(store: Storage) -> None:
    """What was added is part of the tree as everything else is."""
    for host in ("web-1", "web-2"):
        Trail(store, clock=lambda: NOON, host=host).append(SOMETHING)
    assert verify(Trail(store)).is_sound


@pytest.mark.parametrize("host", ["", "a\nb", "x" * 301, 7])
def test_a_host_without_a_name_is_refused(store: Storage, host: str) -> None:
    """What is no name is refused before anything is written."""
    with pytest.raises(UsageError):
        Trail(store, host=host)


def test_nobody_else_writes_that_entry(store: Storage) -> None:
    """The kind is the trail's own: nobody says of another process where it was."""
    with pytest.raises(UsageError):
        Trail(store).append(AuditRecord("trail.opened", NOON, facts={"host": "web-1", "writer": "00000000"}))


def test_policy_hands_the_host_on(store: Storage) -> None:
    """A host that names itself to `Policy` is in its trail."""
    policy = Policy(store, Sealer(MemoryKeyRing()), clock=lambda: NOON, host="web-1")
    policy.staff.add("e-1", by="admin")
    assert policy.trail.entry(0).record.facts["host"] == "web-1"
    assert store.tenant(LEDGER).positions["audit"] == 2
