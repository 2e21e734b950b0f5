from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import EventsTrimmed, NewerSchema, SealBroken, UsageError, WriteConflict
from smartify_core.lifecycle import ChangeKind, JournalEntry
from smartify_core.lifecycle._journal import encode
from smartify_core.lifecycle.events import Dispatcher, Subscription, forget_consumer, trim_journal
from smartify_core.model import Batch, PutDocument
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage

START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Return an empty store, once over each backend."""
    backend: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with backend:
        yield backend


def publish(storage: Storage, *entries: JournalEntry) -> None:
    """Append to the tenant's journal as a run would."""
    claim = storage.claim("acme", now=START, ttl=timedelta(minutes=1))
    storage.commit(claim, Batch(entries=tuple(map(encode, entries))))
    storage.release(claim)


def renamed(version: int, *, joined: tuple[str, ...] = (), at: datetime = START) -> JournalEntry:
    """Return an entry with one event for the name and one for each group joined."""
    fields = ("given_name", "groups") if joined else ("given_name",)
    return JournalEntry("acme", at, ChangeKind.UPDATE, "p1", "a1", version, fields, joined)


def silent(version: int) -> JournalEntry:
    """Return an entry without any event."""
    return JournalEntry("acme", START, ChangeKind.UPDATE, "p1", "a1", version)


def subscription(storage: Storage, **options: str) -> Subscription:
    """Return a mailer's subscription, as each of its workers would make it."""
    return Subscription(storage, consumer="mailer", tenant="acme", **options)  # type: ignore[arg-type]  # start


def told(mailer: Subscription, limit: int = 100) -> list[str]:
    """Return what is pulled, as ``account:version:number``."""
    return [f"{event.account_id}:{event.version}:{event.sequence[1]}" for event in mailer.pull(limit=limit)]


def test_events_come_in_order_until_they_are_acknowledged(storage: Storage) -> None:
    """What is not acknowledged comes again, to this subscription and to one made anew."""
    publish(storage, renamed(1, joined=("g1", "g2")), silent(2), renamed(3))
    mailer = subscription(storage)
    assert told(mailer) == ["a1:1:1", "a1:1:2", "a1:1:3", "a1:3:1"]
    mailer.acknowledge(mailer.pull()[1])
    assert told(mailer) == told(subscription(storage)) == ["a1:1:3", "a1:3:1"]
    mailer.acknowledge(mailer.pull()[-1])
    assert told(mailer) == told(subscription(storage)) == []
    publish(storage, renamed(4))
    assert told(mailer) == ["a1:4:1"]


def test_a_limit_may_fall_inside_a_change(storage: Storage) -> None:
    """Three events of one change may be had two at a time."""
    publish(storage, renamed(1, joined=("g1", "g2")))
    mailer = subscription(storage)
    assert told(mailer, 2) == ["a1:1:1", "a1:1:2"]
    mailer.acknowledge(mailer.pull(limit=2)[-1])
    assert told(mailer, 2) == ["a1:1:3"]


def test_each_event_may_be_acknowledged_as_it_is_worked_on(storage: Storage) -> None:
    """Acknowledging inside the loop over one pull is fine, and twice does nothing."""
    publish(storage, *(renamed(version) for version in range(1, 6)))
    mailer = subscription(storage)
    for event in mailer.pull():
        mailer.acknowledge(event)
        mailer.acknowledge(event)
    assert told(subscription(storage)) == []


def test_more_events_than_a_page_of_the_journal_come_in_one_pull(storage: Storage) -> None:
    """A pull may be larger than the pages in which the store is read."""
    publish(storage, *(renamed(version) for version in range(1, 2101)))
    assert len(subscription(storage).pull(limit=5000)) == 2100


def test_consumers_are_independent(storage: Storage) -> None:
    """What one has acknowledged is new to another."""
    publish(storage, renamed(1))
    mailer = subscription(storage)
    mailer.acknowledge(mailer.pull()[0])
    assert len(Subscription(storage, consumer="search", tenant="acme").pull()) == 1


def test_the_slower_of_two_workers_is_told_and_nothing_is_skipped(storage: Storage) -> None:
    """Its acknowledgement is refused whole; pulling again gives what is still to do."""
    publish(storage, renamed(1), renamed(2), renamed(3))
    fast, slow = subscription(storage), subscription(storage)
    theirs = slow.pull()
    fast.acknowledge(fast.pull(limit=1)[0])
    with pytest.raises(WriteConflict, match="another worker of this consumer"):
        slow.acknowledge(theirs[2])
    with pytest.raises(UsageError):
        slow.acknowledge(theirs[2])
    assert told(slow) == ["a1:2:1", "a1:3:1"]


def test_only_what_was_pulled_last_can_be_acknowledged(storage: Storage) -> None:
    """An event from elsewhere would skip others, so it is refused."""
    publish(storage, renamed(1), renamed(2))
    everything = subscription(storage).pull()
    mailer = subscription(storage)
    with pytest.raises(UsageError, match="pulled"):
        mailer.acknowledge(everything[0])
    mailer.pull(limit=1)
    with pytest.raises(UsageError, match="pulled"):
        mailer.acknowledge(everything[1])
    other = Subscription(storage, consumer="mailer", tenant="globex")
    with pytest.raises(UsageError, match="pulled"):
        other.acknowledge(everything[0])


def test_a_consumer_may_start_now(storage: Storage) -> None:
    """Then its first pull is empty, and what happens afterwards comes."""
    publish(storage, renamed(1))
    mailer = subscription(storage, start="now")
    assert told(mailer) == []
    publish(storage, renamed(2))
    assert told(mailer) == ["a1:2:1"]


def test_a_consumer_that_begins_after_a_trim_begins_with_what_there_is(storage: Storage) -> None:
    """It was not left behind: it was not there."""
    publish(storage, renamed(1), renamed(2))
    storage.trim("acme", through=1)
    assert told(subscription(storage)) == ["a1:2:1"]


@pytest.mark.parametrize("through", [2, 3])
def test_a_consumer_that_was_left_behind_is_told(storage: Storage, through: int) -> None:
    """Events that it never had are gone: an error says so, until it starts over."""
    publish(storage, renamed(1), renamed(2), renamed(3))
    mailer = subscription(storage)
    mailer.acknowledge(mailer.pull(limit=1)[0])
    storage.trim("acme", through=through)
    for _ in range(2):
        with pytest.raises(EventsTrimmed, match="position 2"):
            mailer.pull()
    mailer.start_over("begin")
    assert told(mailer) == ["a1:3:1"][: 3 - through]


def test_a_consumer_may_be_placed_behind_everything(storage: Storage) -> None:
    """Starting over now skips what is there."""
    publish(storage, renamed(1))
    mailer = subscription(storage)
    mailer.pull()
    mailer.start_over("now")
    assert told(mailer) == []


def test_a_long_stretch_without_events_is_passed_for_good(storage: Storage) -> None:
    """A thousand silent entries are read by one pull and not by the next."""
    publish(storage, *(silent(version) for version in range(1, 1501)))
    mailer = subscription(storage)
    assert told(mailer) == []
    storage.trim("acme", through=1500)
    assert told(mailer) == []


@pytest.mark.parametrize(("options", "limit"), [({"consumer": ""}, 1), ({"start": "tomorrow"}, 1), ({}, 0), ({}, -1)])
def test_nonsense_is_refused(storage: Storage, options: dict[str, str], limit: int) -> None:
    """A nameless consumer, another start and an empty pull are usage errors."""
    with pytest.raises(UsageError):
        Subscription(storage, **{"consumer": "mailer", "tenant": "acme", **options}).pull(limit=limit)  # type: ignore[arg-type]  # nonsense on purpose


def test_a_consumer_is_served_in_one_way_only(storage: Storage) -> None:
    """What a dispatcher serves cannot be pulled: parked events would be skipped."""
    publish(storage, renamed(1))
    Dispatcher(storage, "mailer", lambda event: None).deliver("acme")
    with pytest.raises(UsageError, match="a Dispatcher"):
        subscription(storage).pull()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"v":0}',
        b'{"v":1}',
        b'{"v":"1"}',
        b'{"v":1,"use":"pull","through":1.5,"done":0,"until":null,"parked":0,"oldest":null,"due":null,"dead":0,"retired":false}',
        b'{"v":1,"use":"pull","through":1,"done":0,"until":"x","parked":0,"oldest":null,"due":null,"dead":0,"retired":false}',
        b'{"v":1,"use":"push","through":1,"done":0,"until":null,"parked":0,"oldest":null,"due":null,"dead":0,"retired":false}',
    ],
)
def test_a_damaged_place_is_named(storage: Storage, content: bytes) -> None:
    """A consumer's document that no version writes is refused with its tenant and name."""
    storage.record("acme", documents=[PutDocument("consumer", "mailer", content, 0)])
    with pytest.raises(SealBroken, match="tenant acme, document consumer/mailer"):
        subscription(storage).pull()


def test_a_place_kept_by_a_newer_version_is_left_alone(storage: Storage) -> None:
    """A consumer's document of a newer format is refused as such."""
    storage.record("acme", documents=[PutDocument("consumer", "mailer", json.dumps({"v": 2}).encode(), 0)])
    with pytest.raises(NewerSchema):
        subscription(storage).pull()


# --- trimming ---------------------------------------------------------------------------------------------------------


def aged(days: int, version: int) -> JournalEntry:
    """Return an entry that was written so many days after the start."""
    return renamed(version, at=START + timedelta(days=days))


def positions(storage: Storage) -> list[int]:
    """Return the positions that the journal still has."""
    return [entry.position for entry in storage.entries("acme")]


def trim(storage: Storage, now: datetime) -> int:
    """Trim what is older than a month."""
    return trim_journal(storage, "acme", keep_for=timedelta(days=30), now=now)


def test_trimming_removes_what_is_old_and_keeps_the_rest(storage: Storage) -> None:
    """Without consumers, age alone decides; exactly thirty days old is kept."""
    publish(storage, aged(0, 1), aged(10, 2), aged(20, 3))
    assert trim(storage, START + timedelta(days=40)) == 1
    assert positions(storage) == [2, 3]
    assert trim(storage, START + timedelta(days=40)) == 0
    assert trim(storage, START + timedelta(days=90)) == 3
    assert positions(storage) == []
    assert trim(storage, START + timedelta(days=99)) == 0


def test_trimming_waits_for_the_slowest_consumer(storage: Storage) -> None:
    """However old an entry is, it stays until every consumer has had all of it."""
    publish(storage, aged(0, 1), renamed(2, joined=("g1",)), aged(0, 3))
    slow, fast = subscription(storage), Subscription(storage, consumer="fast", tenant="acme")
    fast.acknowledge(fast.pull()[-1])
    slow.pull()
    assert trim(storage, START + timedelta(days=99)) == 0
    slow.acknowledge(slow.pull()[1])
    assert trim(storage, START + timedelta(days=99)) == 1
    assert told(slow) == ["a1:2:2", "a1:3:1"]
    slow.acknowledge(slow.pull()[-1])
    assert trim(storage, START + timedelta(days=99)) == 3


def test_a_forgotten_consumer_holds_nothing_back(storage: Storage) -> None:
    """Trimming goes on without it; under the same name a new one begins with what there is."""
    publish(storage, aged(0, 1), aged(50, 2))
    mailer = subscription(storage)
    mailer.pull()
    forget_consumer(storage, "acme", "mailer")
    forget_consumer(storage, "acme", "nobody")
    assert trim(storage, START + timedelta(days=50)) == 1
    assert told(mailer) == ["a1:2:1"]


def test_trimming_goes_through_page_after_page(storage: Storage) -> None:
    """More than a page may be old."""
    publish(storage, *(aged(0, version) for version in range(1, 2101)), aged(90, 2101))
    assert trim(storage, START + timedelta(days=90)) == 2100


@pytest.mark.parametrize(("keep_for", "now"), [(timedelta(-1), START), (timedelta(1), START.replace(tzinfo=None))])
def test_trimming_refuses_nonsense(storage: Storage, keep_for: timedelta, now: datetime) -> None:
    """A negative retention and a present without a zone are usage errors."""
    with pytest.raises(UsageError):
        trim_journal(storage, "acme", keep_for=keep_for, now=now)
