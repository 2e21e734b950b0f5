from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.errors import SealBroken, UsageError
from smartify_core.lifecycle import ChangeKind, History, JournalEntry
from smartify_core.lifecycle._journal import encode
from smartify_core.model import Batch
from smartify_core.storage.memory import MemoryStorage

START = datetime(2030, 1, 1, tzinfo=UTC)


def write(storage: MemoryStorage, contents: Sequence[bytes]) -> None:
    """Append to the tenant's journal."""
    claim = storage.claim("acme", now=START, ttl=timedelta(minutes=1))
    storage.commit(claim, Batch(entries=tuple(contents)))
    storage.release(claim)


def entry(number: int) -> JournalEntry:
    """Return the entry of one person among three, an hour after the one before."""
    who = number % 3
    return JournalEntry("acme", START + timedelta(hours=number), ChangeKind.UPDATE, f"p{who}", f"a{who}", number + 1)


@pytest.fixture
def storage() -> MemoryStorage:
    """Return a store with 2,500 entries: more than two pages."""
    storage = MemoryStorage()
    write(storage, [encode(entry(number)) for number in range(2500)])
    return storage


def test_all_entries_come_oldest_first_across_pages(storage: MemoryStorage) -> None:
    """No entry is missing or doubled where one page ends and the next begins."""
    assert list(History(storage).of("acme")) == [entry(number) for number in range(2500)]


def test_one_account_and_a_beginning_may_be_asked_for(storage: MemoryStorage) -> None:
    """Only the account's entries come, only from the given instant on, which is included."""
    found = list(History(storage).of("acme", account_id="a1", since=START + timedelta(hours=2491)))
    assert found == [entry(2491), entry(2494), entry(2497)]


def test_a_tenant_without_a_journal_has_no_history(storage: MemoryStorage) -> None:
    """An unknown tenant yields nothing."""
    assert list(History(storage).of("globex")) == []


def test_what_was_trimmed_is_no_part_of_it(storage: MemoryStorage) -> None:
    """History begins where the journal begins."""
    storage.trim("acme", through=2490)
    assert next(History(storage).of("acme")) == entry(2490)


def test_a_time_without_a_zone_is_refused_at_once(storage: MemoryStorage) -> None:
    """The call itself raises, before anything is read."""
    with pytest.raises(UsageError, match="time zone"):
        History(storage).of("acme", since=START.replace(tzinfo=None))


def test_a_damaged_entry_is_named_by_its_position(storage: MemoryStorage) -> None:
    """What comes before the damage is yielded; then the position is named."""
    write(storage, [b"[1]"])
    history = History(storage).of("acme")
    assert sum(1 for _ in zip(range(2500), history, strict=False)) == 2500
    with pytest.raises(SealBroken, match="position 2501"):
        next(history)
