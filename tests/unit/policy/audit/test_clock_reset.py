from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.errors import AuditUnavailable, ClockNotAhead, ClockWentBackwards, TrailBroken, UsageError
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.audit import AuditRecord, Trail, verify
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def storage() -> MemoryStorage:
    """Return a store whose trail has an entry of a clock that ran sixty years ahead."""
    made = MemoryStorage()
    trail = Trail(made, clock=ManualClock(NOW))
    trail.append(AuditRecord("one.made", NOW, "acme"))
    trail.append(AuditRecord("other.made", NOW + timedelta(days=60 * 365), "acme"))
    return made


def test_far_ahead_nothing_is_decided(storage: MemoryStorage) -> None:
    """A trail that is more than a day ahead of the clock tells no time: one of the two is wrong."""
    with pytest.raises(ClockWentBackwards):
        Trail(storage, clock=ManualClock(NOW)).now()
    at = NOW + timedelta(days=60 * 365)
    for apart in (timedelta(days=1), timedelta(0)):
        assert Trail(storage, clock=ManualClock(at - apart)).now() == at
    with pytest.raises(ClockWentBackwards):
        Trail(storage, clock=ManualClock(at - timedelta(days=1, microseconds=1))).now()


def test_a_reset_is_an_entry_and_time_goes_on_from_it(storage: MemoryStorage) -> None:
    """Afterwards the trail's time is the clock's, its entries never run back but there, and it verifies."""
    trail = Trail(storage, clock=ManualClock(NOW))
    assert trail.reset_clock(by="e-2") == NOW + timedelta(days=60 * 365)
    assert trail.now() == NOW
    trail.append(AuditRecord("third.made", NOW - timedelta(hours=1), "acme"))
    entries = [(entry.record.kind, entry.record.at) for entry in trail.entries(after=1)]
    assert entries == [("clock.reset", NOW), ("third.made", NOW)]
    assert trail.entry(2).record.facts["was"] == "2089-12-17T00:00:00.000000Z"
    assert verify(trail).is_sound
    assert verify(trail).at == NOW
    with pytest.raises(ClockNotAhead):
        trail.reset_clock(by="e-2")


def test_nobody_writes_that_entry_otherwise(storage: MemoryStorage) -> None:
    """An entry of the kind that may bear an earlier instant is made by a reset alone."""
    with pytest.raises(UsageError):
        Trail(storage, clock=ManualClock(NOW)).append(AuditRecord("clock.reset", NOW))


def test_an_end_beyond_the_trail_is_found_and_not_built_upon() -> None:
    """A tenant's end that names an entry which the trail does not have is a finding, and nothing is appended to it."""
    storage = MemoryStorage()
    trail = Trail(storage, clock=ManualClock(NOW))
    trail.append(*(AuditRecord("one.made", NOW, "acme") for _ in range(3)))
    (tail,) = (one for one in storage.documents(LEDGER) if one.kind == "audit tail")
    false = PutDocument(tail.kind, tail.key, b'{"last":1000000,"number":3,"v":1}', tail.version)
    storage.record(LEDGER, documents=[false])
    assert not verify(trail).is_sound
    with pytest.raises(AuditUnavailable, match="SC313"):
        Trail(storage, clock=ManualClock(NOW)).append(AuditRecord("two.made", NOW, "acme"))
    assert trail.size == 3


def test_what_is_nested_without_end_is_damage() -> None:
    """A head, an end or a checkpoint of a hundred thousand brackets is a damaged one, and no deep trace."""
    storage = MemoryStorage()
    trail = Trail(storage, clock=ManualClock(NOW))
    trail.append(AuditRecord("one.made", NOW, "acme"))
    for one in list(storage.documents(LEDGER)):
        storage.record(LEDGER, documents=[PutDocument(one.kind, one.key, b"[" * 100_000, one.version)])
    for call in (trail.head, lambda: list(trail.of_tenant("acme"))):
        with pytest.raises(TrailBroken):
            call()
