from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.errors import (
    EventsTrimmed,
    LeaseHeld,
    LeaseLost,
    SealBroken,
    StorageUnavailable,
    UsageError,
)
from smartify_core.lifecycle import ChangeKind, JournalEntry
from smartify_core.lifecycle._journal import encode
from smartify_core.lifecycle.events import (
    DeliveryReport,
    DeliveryVerdict,
    Dispatcher,
    Event,
    RetryPolicy,
    Subscription,
    forget_consumer,
    trim_journal,
)
from smartify_core.model import Append, Batch, Document, PutDocument
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import ManualClock

HALF_A_MINUTE = timedelta(seconds=30)


def named(event: Event) -> str:
    """Return which event of a test this is, as ``account:version``."""
    return f"{event.account_id}:{event.version}"


@define
class Host:
    """A host's handler: it remembers what it was given, and raises for the accounts that are in trouble."""

    handled: list[str] = field(factory=list)
    trouble: set[str] = field(factory=set)

    def __call__(self, event: Event) -> None:
        """Handle an event, or raise with a text that must never be kept."""
        if event.account_id in self.trouble:
            raise ConnectionError("ada@acme.example is unreachable")
        self.handled.append(named(event))


@define
class Office:
    """A store with a journal, a clock, and a host."""

    storage: Storage
    clock: ManualClock = field(factory=ManualClock)
    host: Host = field(factory=Host)

    def publish(self, *names: str, tenant: str = "acme") -> None:
        """Append one rename for each ``account:version``."""
        entries = []
        for name in names:
            account_id, version = name.split(":")
            entries.append(
                JournalEntry(
                    tenant,
                    self.clock(),
                    ChangeKind.UPDATE,
                    f"p-{account_id}",
                    account_id,
                    int(version),
                    ("given_name",),
                )
            )
        claim = self.storage.claim(tenant, now=self.clock(), ttl=timedelta(minutes=1))
        self.storage.commit(claim, Batch(entries=tuple(map(encode, entries))))
        self.storage.release(claim)

    def dispatcher(self, handler: Callable[[Event], object] | None = None, **options: object) -> Dispatcher:
        """Return one more worker of the consumer."""
        options = {"retry": RetryPolicy(attempts=3), **options}
        return Dispatcher(self.storage, "mailer", handler or self.host, clock=self.clock, **options)  # type: ignore[arg-type]  # as given

    def deliver(self) -> DeliveryReport:
        """Deliver with a worker made anew."""
        return self.dispatcher().deliver("acme")

    def taken(self) -> list[str]:
        """Return what was handled since the last question, as ``account:version``."""
        names = self.host.handled.copy()
        self.host.handled.clear()
        return names


@pytest.fixture(params=["memory", "sqlite"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """Return an office, once over each backend."""
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with storage:
        yield Office(storage)


# --- what is delivered, and in which order ----------------------------------------------------------------------------


def test_everything_is_delivered_once_when_nothing_goes_wrong(office: Office) -> None:
    """All events come in order; then there is nothing, for this worker and for any other."""
    office.publish("a:1", "b:1", "a:2")
    report = office.deliver()
    assert report == DeliveryReport("acme", DeliveryVerdict.CURRENT, delivered=3)
    assert office.taken() == ["a:1", "b:1", "a:2"]
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.CURRENT)
    office.publish("b:2")
    assert office.deliver().delivered == 1


def test_an_account_in_trouble_waits_while_others_flow(office: Office) -> None:
    """Later events of the same account stand behind the one that failed, and come in order once it is handled."""
    office.publish("a:1", "b:1", "a:2", "b:2")
    office.host.trouble = {"a"}
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.WAITING, delivered=2, failed=1, waiting=2)
    office.publish("a:3", "b:3")
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.WAITING, delivered=1, waiting=3)
    assert office.taken() == ["b:1", "b:2", "b:3"]
    office.host.trouble = set()
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.WAITING, waiting=3)
    office.clock.advance(HALF_A_MINUTE)
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.CURRENT, delivered=3)
    assert office.taken() == ["a:1", "a:2", "a:3"]


def test_after_its_last_attempt_an_event_is_given_up_and_the_account_goes_on(office: Office) -> None:
    """The dead letter keeps the class of the error and not its text, and the next event of the account has its turn."""
    office.publish("a:1", "a:2")
    office.host.trouble = {"a"}
    office.deliver()
    office.clock.advance(HALF_A_MINUTE)
    office.deliver()
    office.clock.advance(HALF_A_MINUTE)
    assert office.deliver().failed == 0
    office.clock.advance(HALF_A_MINUTE)
    report = office.deliver()
    assert report == DeliveryReport("acme", DeliveryVerdict.WAITING, failed=2, given_up=1, waiting=1, dead=1)
    (letter,) = office.dispatcher().dead_letters("acme")
    assert (named(letter.event), letter.attempts, letter.error) == ("a:1", 3, "ConnectionError")
    assert letter.died_at == office.clock()
    kept = [
        office.storage.document("acme", kind, "mailer") for kind in ("consumer", "consumer parked", "consumer dead")
    ]
    assert b"ada@" not in b"".join(document.value for document in kept if document)
    office.host.trouble = set()
    office.clock.advance(HALF_A_MINUTE)
    assert office.deliver().verdict is DeliveryVerdict.CURRENT
    assert office.taken() == ["a:2"]


def test_a_policy_of_one_attempt_gives_up_at_once(office: Office) -> None:
    """Nothing waits then."""
    office.publish("a:1", "b:1")
    office.host.trouble = {"a"}
    report = office.dispatcher(retry=RetryPolicy(attempts=1)).deliver("acme")
    assert report == DeliveryReport("acme", DeliveryVerdict.CURRENT, delivered=1, failed=1, given_up=1, dead=1)
    assert len(office.dispatcher().dead_letters("acme")) == 1


def test_waits_grow_up_to_a_ceiling() -> None:
    """Half a minute, doubled each time, one hour at most, however many attempts."""
    policy = RetryPolicy()
    assert [policy.wait(attempt).total_seconds() for attempt in range(1, 10)] == [
        *(30, 60, 120, 240, 480, 960, 1920),
        *(3600, 3600),
    ]
    assert policy.wait(100_000) == timedelta(hours=1)


@pytest.mark.parametrize(
    "values",
    [
        {"attempts": 0},
        {"first": timedelta(0)},
        {"first": timedelta(hours=2)},
        {"factor": 0.5},
        {"factor": float("nan")},
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(values: dict[str, object]) -> None:
    """No attempt, no wait, a first wait beyond the longest, or shrinking waits are usage errors."""
    with pytest.raises(UsageError):
        RetryPolicy(**values)  # type: ignore[arg-type]  # nonsense on purpose


@pytest.mark.parametrize(
    "options",
    [{"batch": 0}, {"batch": 1001}, {"room": 0}, {"lease_ttl": timedelta(0)}, {"start": "later"}],
)
def test_a_dispatcher_out_of_range_is_refused(office: Office, options: dict[str, object]) -> None:
    """A batch, room, lease or start that cannot be are usage errors."""
    with pytest.raises(UsageError):
        office.dispatcher(None, **options)


def test_more_than_a_batch_is_delivered_in_one_call(office: Office) -> None:
    """A delivery goes on until nothing is left."""
    office.publish(*(f"a{number % 7}:{number + 1}" for number in range(250)))
    assert office.dispatcher(batch=20).deliver("acme").delivered == 250


def test_a_consumer_may_start_now_with_each_tenant(office: Office) -> None:
    """What is there at the first look is skipped; a tenant seen while it is empty loses nothing."""
    office.publish("a:1")
    worker = office.dispatcher(start="now")
    office.storage.schedule({"globex": office.clock()})
    assert [report.delivered for report in worker.deliver_all()] == [0, 0]
    office.publish("a:2")
    office.publish("z:1", tenant="globex")
    assert [report.delivered for report in worker.deliver_all()] == [1, 1]
    assert office.taken() == ["a:2", "z:1"]


def test_a_subscriptions_place_is_not_a_dispatchers(office: Office) -> None:
    """A name is served in one way only."""
    Subscription(office.storage, consumer="mailer", tenant="acme").pull()
    with pytest.raises(UsageError, match="a Subscription"):
        office.deliver()


# --- limits -----------------------------------------------------------------------------------------------------------


def test_when_there_is_no_room_delivery_stops_instead_of_losing_order(office: Office) -> None:
    """New events stay in the journal, even those of accounts without trouble, until what waits was handled."""
    office.publish("a:1", "b:1", "c:1", "a:2")
    office.host.trouble = {"a", "b"}
    stopped = office.dispatcher(room=2).deliver("acme")
    assert stopped == DeliveryReport("acme", DeliveryVerdict.STOPPED, failed=2, waiting=2)
    office.host.trouble = {"b"}
    office.clock.advance(HALF_A_MINUTE)
    report = office.dispatcher(room=2).deliver("acme")
    assert (report.verdict, report.delivered) == (DeliveryVerdict.WAITING, 3)
    assert office.taken() == ["a:1", "c:1", "a:2"]


def test_when_no_more_can_be_given_up_events_go_on_waiting(office: Office) -> None:
    """A full list of dead letters loses none: the next one stays parked and is tried again."""
    office.publish("a:1", "b:1")
    office.host.trouble = {"a", "b"}
    worker = office.dispatcher(room=1, retry=RetryPolicy(attempts=1))
    worker.deliver("acme")
    (letter,) = worker.dead_letters("acme")
    assert named(letter.event) == "a:1"
    worker.drop_dead("acme", letter.event.id)
    office.clock.advance(HALF_A_MINUTE)
    worker.deliver("acme")
    assert [named(letter.event) for letter in worker.dead_letters("acme")] == ["b:1"]


# --- dead letters -----------------------------------------------------------------------------------------------------


def dying(office: Office) -> Dispatcher:
    """Return a worker whose one event was given up."""
    worker = office.dispatcher(retry=RetryPolicy(attempts=1))
    office.publish("a:1")
    office.host.trouble = {"a"}
    worker.deliver("acme")
    office.host.trouble = set()
    return worker


def the_dead(worker: Dispatcher) -> str:
    """Return the id of the one event that was given up."""
    (letter,) = worker.dead_letters("acme")
    return letter.event.id


def test_a_dead_letter_can_be_delivered_after_all(office: Office) -> None:
    """It goes back among the waiting, even when the journal has lost it meanwhile, and is delivered under its id."""
    worker = dying(office)
    assert trim_journal(office.storage, "acme", keep_for=timedelta(0), now=office.clock.advance(days=1)) == 1
    worker.retry_dead("acme", the_dead(worker))
    assert worker.dead_letters("acme") == ()
    assert worker.deliver("acme") == DeliveryReport("acme", DeliveryVerdict.CURRENT, delivered=1)
    assert office.taken() == ["a:1"]


def test_a_dead_letter_that_fails_again_dies_again(office: Office) -> None:
    """It gets all its attempts anew."""
    worker = dying(office)
    office.host.trouble = {"a"}
    worker.retry_dead("acme", the_dead(worker))
    assert worker.deliver("acme").given_up == 1
    assert len(worker.dead_letters("acme")) == 1


def test_a_dead_letter_can_be_dropped(office: Office) -> None:
    """Then it is gone, and never comes again."""
    worker = dying(office)
    worker.drop_dead("acme", the_dead(worker))
    assert worker.dead_letters("acme") == ()
    assert worker.deliver("acme").delivered == 0


@pytest.mark.parametrize("method", ["retry_dead", "drop_dead"])
def test_an_unknown_dead_letter_is_refused(office: Office, method: str) -> None:
    """Another id is a usage error, and the lease is given back."""
    worker = dying(office)
    with pytest.raises(UsageError, match="no dead letter"):
        getattr(worker, method)("acme", "a:9:1")
    worker.drop_dead("acme", the_dead(worker))


def test_a_consumer_without_dead_letters_has_none(office: Office) -> None:
    """Asking before anything was delivered is fine."""
    assert office.dispatcher().dead_letters("acme") == ()


# --- many tenants -----------------------------------------------------------------------------------------------------


def test_all_tenants_are_delivered_to_and_none_stops_the_next(office: Office) -> None:
    """One whose journal is damaged is reported with its error; those after it are served."""
    for tenant in ("acme", "globex", "initech"):
        office.publish("a:1", tenant=tenant)
    claim = office.storage.claim("globex", now=office.clock(), ttl=timedelta(minutes=1))
    office.storage.commit(claim, Batch(entries=(b"damage",)))
    reports = list(office.dispatcher().deliver_all())
    assert [report.tenant for report in reports] == ["acme", "globex", "initech"]
    assert [report.verdict.value for report in reports] == ["current", "failed", "current"]
    assert isinstance(reports[1].error, SealBroken)


class CountingStorage(MemoryStorage):
    """A store that counts how often documents are read."""

    documents_read = 0

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Count, and return the document."""
        self.documents_read += 1
        return super().document(tenant, kind, key)


def test_tenants_with_nothing_new_cost_no_read_of_a_document() -> None:
    """Only those with new events, or with one to be tried again, are looked into."""
    storage = CountingStorage()
    office = Office(storage)
    for number in range(50):
        office.publish("a:1", tenant=f"tenant-{number:02}")
    storage.schedule({"without-a-journal": office.clock()})
    worker = office.dispatcher()
    assert len(list(worker.deliver_all())) == 50
    storage.documents_read = 0
    assert list(worker.deliver_all()) == []
    assert storage.documents_read == 0
    office.publish("a:2", tenant="tenant-07")
    office.host.trouble = {"a"}
    assert [report.tenant for report in worker.deliver_all()] == ["tenant-07"]
    assert list(worker.deliver_all()) == []
    office.clock.advance(HALF_A_MINUTE)
    assert [report.failed for report in worker.deliver_all()] == [1]


def test_a_tenant_with_dead_letters_is_reported_until_a_person_has_seen_to_them(office: Office) -> None:
    """Nothing is due there, and still every walk counts what was given up; once it is settled the tenant is quiet."""
    worker = dying(office)
    office.publish("a:1", tenant="globex")
    quiet = DeliveryReport("acme", DeliveryVerdict.CURRENT, dead=1)
    assert list(worker.deliver_all()) == [quiet, DeliveryReport("globex", DeliveryVerdict.CURRENT, delivered=1)]
    assert list(worker.deliver_all()) == [quiet]
    assert next(office.dispatcher().deliver_all()) == quiet
    worker.drop_dead("acme", the_dead(worker))
    assert list(worker.deliver_all()) == [DeliveryReport("acme", DeliveryVerdict.CURRENT)]
    assert list(worker.deliver_all()) == []


def test_a_dead_letter_that_another_process_retries_is_found_by_the_next_walk(office: Office) -> None:
    """A worker looks into a tenant with dead letters at every walk."""
    worker = dying(office)
    assert [report.dead for report in worker.deliver_all()] == [1]
    office.dispatcher().retry_dead("acme", the_dead(worker))
    assert [report.delivered for report in worker.deliver_all()] == [1]


def test_a_consumer_that_another_process_starts_over_is_found_within_the_longest_wait(office: Office) -> None:
    """A worker that knows of nothing new looks again now and then."""
    office.publish("a:1")
    worker = office.dispatcher()
    assert [report.delivered for report in worker.deliver_all()] == [1]
    office.dispatcher().start_over("acme", "begin")
    assert list(worker.deliver_all()) == []
    office.clock.advance(hours=1)
    assert [report.delivered for report in worker.deliver_all()] == [1]


# --- several workers, and those that die ------------------------------------------------------------------------------


def test_while_one_worker_delivers_another_is_told(office: Office) -> None:
    """Deliver raises, and a walk over all tenants reports it as busy."""
    office.publish("a:1")
    seen: list[object] = []

    def intrude(event: Event) -> None:
        with pytest.raises(LeaseHeld):
            office.deliver()
        seen.extend(report.verdict for report in office.dispatcher().deliver_all())

    office.dispatcher(intrude).deliver("acme")
    assert seen == [DeliveryVerdict.BUSY]


def test_a_paused_worker_that_wakes_is_refused_and_touches_nothing_more(office: Office) -> None:
    """Its lease ran out inside a handler and another took over: it handles no further event and keeps nothing."""
    office.publish("a:1", "a:2", "b:1")
    host, late = office.host, Host()

    def sleep(event: Event) -> None:
        late(event)
        office.clock.advance(minutes=10)
        office.deliver()

    with pytest.raises(LeaseLost):
        office.dispatcher(sleep).deliver("acme")
    assert late.handled == ["a:1"]
    assert host.handled == ["a:1", "a:2", "b:1"]
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.CURRENT)


def test_a_paused_worker_cannot_park_or_bury_for_its_successor(office: Office) -> None:
    """What it knows of failures is refused too, although those are documents of their own."""
    office.publish("a:1", "b:1")
    for attempts in (1, 3):

        def sleep(event: Event) -> None:
            office.clock.advance(minutes=10)
            office.deliver()
            raise ConnectionError

        worker = office.dispatcher(sleep, retry=RetryPolicy(attempts=attempts))
        with pytest.raises(LeaseLost):
            worker.deliver("acme")
        assert worker.dead_letters("acme") == ()
        assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.CURRENT)
        assert office.taken() == ["a:1", "b:1"]
        office.dispatcher().start_over("acme", "begin")


def test_a_lease_is_renewed_while_a_long_delivery_goes_on(office: Office) -> None:
    """Handlers that take a minute each do not lose a lease of five."""
    office.publish(*(f"a:{version}" for version in range(1, 21)))

    def slow(event: Event) -> None:
        office.clock.advance(minutes=1)
        with pytest.raises(LeaseHeld):
            office.deliver()

    assert office.dispatcher(slow).deliver("acme").delivered == 20


class Interrupted(BaseException):
    """Somebody pressed Ctrl-C."""


def test_an_interrupted_delivery_keeps_what_was_done(office: Office) -> None:
    """The event in hand comes again; those before it do not, and the lease is free at once."""
    office.publish("a:1", "a:2", "a:3")

    def interrupted(event: Event) -> None:
        if event.version == 2:
            raise Interrupted
        office.host(event)

    with pytest.raises(Interrupted):
        office.dispatcher(interrupted).deliver("acme")
    office.deliver()
    assert office.taken() == ["a:1", "a:2", "a:3"]


class FailingStorage(MemoryStorage):
    """A store whose disk is full from one moment on."""

    full = False

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write, if there is room."""
        if self.full:
            raise StorageUnavailable("the disk is full")
        super().record(tenant, documents=documents, appends=appends)


def test_when_the_store_fails_the_error_comes_through_and_events_come_again() -> None:
    """Nothing is acknowledged by a write that failed; once the lease has run out, another worker goes on."""
    storage = FailingStorage()
    office = Office(storage)
    office.publish("a:1")

    def fills_the_disk(event: Event) -> None:
        storage.full = True

    with pytest.raises(StorageUnavailable):
        office.dispatcher(fills_the_disk).deliver("acme")
    storage.full = False
    with pytest.raises(LeaseHeld):
        office.deliver()
    office.clock.advance(minutes=5)
    assert office.deliver().delivered == 1


# --- left behind, started over, forgotten -----------------------------------------------------------------------------


def test_a_dispatcher_that_was_left_behind_is_told(office: Office) -> None:
    """Its delivery says so until it starts over."""
    office.publish("a:1", "a:2")
    office.deliver()
    office.publish("a:3", "a:4")
    office.storage.trim("acme", through=3)
    with pytest.raises(EventsTrimmed, match="position 3"):
        office.deliver()
    office.taken()
    office.dispatcher().start_over("acme", "begin")
    office.deliver()
    assert office.taken() == ["a:4"]


def test_a_parked_event_that_was_trimmed_away_is_named(office: Office) -> None:
    """Somebody trimmed by force: the delivery says what it misses."""
    office.publish("a:1")
    office.host.trouble = {"a"}
    office.deliver()
    office.storage.trim("acme", through=1)
    office.clock.advance(HALF_A_MINUTE)
    with pytest.raises(EventsTrimmed, match="position 1"):
        office.deliver()
    office.dispatcher().start_over("acme", "now")
    assert office.deliver().verdict is DeliveryVerdict.CURRENT


def test_trimming_spares_what_waits(office: Office) -> None:
    """A parked event holds the journal at its position, though the consumer's place is far beyond."""
    office.publish("b:1", "a:1", "b:2", "b:3")
    office.host.trouble = {"a"}
    office.deliver()
    now = office.clock.advance(days=1)
    assert trim_journal(office.storage, "acme", keep_for=timedelta(0), now=now) == 1
    office.host.trouble = set()
    office.deliver()
    assert trim_journal(office.storage, "acme", keep_for=timedelta(0), now=now) == 4


def test_starting_over_delivers_everything_again(office: Office) -> None:
    """What waited comes with it, once."""
    office.publish("a:1", "b:1")
    office.host.trouble = {"a"}
    office.deliver()
    office.host.trouble = set()
    office.taken()
    office.dispatcher().start_over("acme", "begin")
    office.deliver()
    assert office.taken() == ["a:1", "b:1"]


def test_a_forgotten_consumer_leaves_nothing_to_its_namesake(office: Office) -> None:
    """A new one under the same name has no dead letters and nothing that waits."""
    worker = dying(office)
    office.publish("b:1")
    office.host.trouble = {"b"}
    office.deliver()
    office.host.trouble = set()
    forget_consumer(office.storage, "acme", "mailer")
    assert worker.dead_letters("acme") == ()
    assert office.dispatcher(start="now").deliver("acme").verdict is DeliveryVerdict.CURRENT
    office.clock.advance(HALF_A_MINUTE)
    assert office.deliver() == DeliveryReport("acme", DeliveryVerdict.CURRENT)
    assert office.taken() == []


@pytest.mark.parametrize("kind", ["consumer parked", "consumer dead"])
@pytest.mark.parametrize(
    "content", [b"{", b'{"v":1}', b'{"v":1,"items":[[1]]}', b'{"v":1,"items":{}}', b'{"v":1,"items":[7]}']
)
def test_damage_to_what_waits_or_was_given_up_is_named(office: Office, kind: str, content: bytes) -> None:
    """A damaged document is refused with its tenant, kind and consumer."""
    office.deliver()
    office.publish("a:1")
    office.storage.record("acme", documents=[PutDocument(kind, "mailer", content, 0)])
    with pytest.raises(SealBroken, match=f"tenant acme, document {kind}/mailer"):
        office.deliver()


@pytest.mark.parametrize(
    "item",
    [
        b'[1,1,"a",1,"soon",null,null]',
        b'[1,9,"a",1,null,null,null]',
        b'[1,1,"a",1,null,null,"{}"]',
    ],
)
def test_a_parked_event_that_makes_no_sense_is_named(office: Office, item: bytes) -> None:
    """A time, a number or an event that no version writes is damage, not a wrong call."""
    office.publish("a:1")
    office.deliver()
    office.storage.record(
        "acme", documents=[PutDocument("consumer parked", "mailer", b'{"v":1,"items":[%b]}' % item, 0)]
    )
    office.publish("b:1")
    with pytest.raises(SealBroken, match="tenant acme"):
        office.deliver()


def test_a_dead_letter_that_makes_no_sense_is_named(office: Office) -> None:
    """A letter whose event cannot be read is damage, not a wrong call."""
    office.deliver()
    content = b'{"v":1,"items":[[1,1,"{}",3,"ConnectionError","2030-01-01T00:00:00+00:00"]]}'
    office.storage.record("acme", documents=[PutDocument("consumer dead", "mailer", content, 0)])
    with pytest.raises(SealBroken, match="tenant acme, document consumer dead/mailer"):
        office.dispatcher().dead_letters("acme")
