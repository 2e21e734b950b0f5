"""Whatever changes, fails, pauses or dies: each consumer has every event, in order per account, and none is forgotten."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smartify_core.errors import LeaseHeld, LeaseLost, UsageError, WriteConflict
from smartify_core.lifecycle import (
    ChangeKind,
    DeliveryVerdict,
    Dispatcher,
    Event,
    JournalEntry,
    RetryPolicy,
    Subscription,
    trim_journal,
)
from smartify_core.lifecycle._event import events_of
from smartify_core.lifecycle._journal import encode
from smartify_core.model import Batch
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

TENANT = "acme"
PEOPLE = 4
ATTEMPTS = 2
#: Beyond any lease, and beyond any wait.
LONG = timedelta(minutes=10)

people = st.integers(0, PEOPLE - 1)
#: What changes in one account: which fields, how many groups are joined and left, and of what kind it is.
changes = st.tuples(
    people,
    st.sampled_from([ChangeKind.UPDATE, ChangeKind.DEACTIVATE, ChangeKind.REACTIVATE, ChangeKind.DELETE]),
    st.sampled_from([(), ("given_name",), ("email", "family_name")]),
    st.integers(0, 2),
    st.integers(0, 1),
)


class Died(BaseException):
    """The process is gone; no handler of the library's runs."""


class Process:
    """A process with the shared store: at a chosen call it dies, before or after the call took effect, for good."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._countdown: int | None = None
        self._after = False
        self.dead = False

    def dies_in(self, calls: int, *, after: bool) -> None:
        """Choose the call."""
        self._countdown, self._after = calls, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._storage, name)

        def call(*args: object, **options: object) -> Any:
            if self._countdown == 0:
                if self._after and not self.dead:
                    self.dead = True
                    method(*args, **options)
                self.dead = True
            if self.dead:
                raise Died
            if self._countdown is not None:
                self._countdown -= 1
            return method(*args, **options)

        return call


class OutboxMachine(RuleBasedStateMachine):
    """A journal that grows, a dispatcher in two processes that fail, pause and die, and a subscriber in two."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.storage = MemoryStorage()
        self.versions = [0] * PEOPLE
        self.lives = [0] * PEOPLE
        self.position = 0
        #: All that happened, in order, and by account.
        self.published: list[Event] = []
        self.by_account: defaultdict[str, list[Event]] = defaultdict(list)
        #: What the handler saw.
        self.handled: set[str] = set()
        self.failures: Counter[str] = Counter()
        self.dropped: set[str] = set()
        self.trouble: set[int] = set()
        self.pause_in: int | None = None
        self.processes = [Process(self.storage), Process(self.storage)]
        self.pulled: set[str] = set()
        self.subscriptions = [self._subscription(), self._subscription()]
        #: What the handler found wrong. A dispatcher takes whatever a handler raises for the handler's own trouble.
        self.wrong: list[str] = []
        # Trimming waits for the consumers that are known.
        self._deliver(0)
        self._pull(0, 1)

    # --- what happens -------------------------------------------------------------------------------------------------

    @rule(some=st.lists(changes, min_size=1, max_size=4))
    def people_change(self, some: list[tuple[int, ChangeKind, tuple[str, ...], int, int]]) -> None:
        """One commit with a few changes goes through."""
        entries = [self._entry(*change) for change in some]
        claim = self.storage.claim(TENANT, now=self.clock(), ttl=timedelta(minutes=1))
        self.storage.commit(claim, Batch(entries=tuple(map(encode, entries))))
        self.storage.release(claim)
        for entry in entries:
            self.position += 1
            for event in events_of(entry, self.position):
                self.published.append(event)
                self.by_account[event.account_id].append(event)

    @rule(minutes=st.sampled_from([0.5, 1, 3, 10]))
    def time_passes(self, minutes: float) -> None:
        """The clock goes on."""
        self.clock.advance(minutes=minutes)

    @rule(person=people)
    def trouble_begins(self, person: int) -> None:
        """Whatever concerns this person fails."""
        self.trouble.add(person)

    @rule(person=people)
    def trouble_ends(self, person: int) -> None:
        """What concerns this person works again."""
        self.trouble.discard(person)

    @rule()
    def journal_is_trimmed(self) -> None:
        """Whatever nobody needs is removed."""
        trim_journal(self.storage, TENANT, keep_for=timedelta(0), now=self.clock() + LONG)

    # --- the dispatcher -----------------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 1), attempts=st.none() | st.tuples(st.integers(0, 25), st.booleans()))
    def a_process_delivers(self, which: int, attempts: tuple[int, bool] | None) -> None:
        """One process delivers, or dies at some call to the store on the way."""
        if attempts is not None:
            self.processes[which].dies_in(attempts[0], after=attempts[1])
        self._deliver(which)
        self._bury(which)

    @rule(which=st.integers(0, 1), calls=st.integers(0, 4))
    def a_process_is_paused(self, which: int, calls: int) -> None:
        """Inside a call of its handler one process sleeps for so long that the other takes over."""
        self.pause_in = calls
        self._deliver(which)
        self.pause_in = None

    @rule(which=st.integers(0, 1), pick=st.integers(0, 9), retry=st.booleans(), calls=st.none() | st.integers(0, 12))
    def an_operator_decides(self, which: int, pick: int, calls: int | None, *, retry: bool) -> None:
        """A dead letter is retried or dropped, by somebody whose process may die over it."""
        letters = self._dispatcher(which).dead_letters(TENANT)
        if not letters:
            return
        event_id = letters[pick % len(letters)].event.id
        if calls is not None:
            self.processes[which].dies_in(calls, after=bool(pick % 2))
        try:
            if retry:
                self._dispatcher(which).retry_dead(TENANT, event_id)
            else:
                self.dropped.add(event_id)
                self._dispatcher(which).drop_dead(TENANT, event_id)
        except (LeaseHeld, LeaseLost, Died, UsageError):
            pass
        self._bury(which)

    def _dispatcher(self, which: int) -> Dispatcher:
        return Dispatcher(
            cast("Storage", self.processes[which]),
            "mailer",
            lambda event: self._handle(event, which),
            clock=self.clock,
            retry=RetryPolicy(attempts=ATTEMPTS, ceiling=timedelta(minutes=2)),
            batch=3,
            lease_ttl=timedelta(minutes=5),
            room=5,
        )

    def _deliver(self, which: int) -> DeliveryVerdict | None:
        try:
            return self._dispatcher(which).deliver(TENANT).verdict
        except (LeaseHeld, LeaseLost, Died):
            return None

    def _bury(self, which: int) -> None:
        """Put a new process in the place of one that died, or that was to die."""
        self.processes[which] = Process(self.storage)

    def _handle(self, event: Event, which: int) -> None:
        """Be the host: check that it is this event's turn, then handle it or fail."""
        if event not in self.published:
            self.wrong.append(f"{event.id} never happened")
        for earlier in self.by_account[event.account_id]:
            if earlier.sequence >= event.sequence:
                break
            if earlier.id not in self.handled and self.failures[earlier.id] < ATTEMPTS:
                self.wrong.append(f"{event.id} was told before {earlier.id}")
        fails = int(event.source_id) in self.trouble
        if fails:
            self.failures[event.id] += 1
        else:
            self.handled.add(event.id)
        if self.pause_in is not None:
            self.pause_in -= 1
            if self.pause_in < 0:
                self.pause_in = None
                self.clock.advance(LONG)
                self._deliver(1 - which)
        if fails:
            raise ConnectionError

    @invariant()
    def nothing_is_told_out_of_turn(self) -> None:
        """Of one account, an event is told only once all before it were handled or given up."""
        assert self.wrong == []

    # --- the subscriber -----------------------------------------------------------------------------------------------

    def _subscription(self) -> Subscription:
        return Subscription(self.storage, consumer="search", tenant=TENANT)

    @rule(which=st.integers(0, 1), limit=st.integers(1, 7), anew=st.booleans(), other=st.booleans(), upto=st.integers(0, 7))
    def a_subscriber_works(self, which: int, limit: int, upto: int, *, anew: bool, other: bool) -> None:
        """One worker pulls, works, and acknowledges some of it, perhaps after the other did so too, or after dying."""
        if anew:
            self.subscriptions[which] = self._subscription()
        mine = self._pull(which, limit)
        if other and (theirs := self._pull(1 - which, 3)):
            self.subscriptions[1 - which].acknowledge(theirs[0])
        if mine and upto:
            try:
                self.subscriptions[which].acknowledge(mine[min(upto, len(mine)) - 1])
            except WriteConflict:
                assert other

    def _pull(self, which: int, limit: int) -> tuple[Event, ...]:
        events = self.subscriptions[which].pull(limit=limit)
        for event in events:
            place = self.published.index(event)
            assert all(earlier.id in self.pulled for earlier in self.published[:place]), "skipped"
            self.pulled.add(event.id)
        return events

    # --- how it ends --------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Once nothing fails any more, all have had everything but what was given up, and nothing is left over."""
        assert len({event.id for event in self.published}) == len(self.published)
        self.trouble.clear()
        self._bury(0)
        verdict = None
        for _ in range(len(self.published) + 5):
            self.clock.advance(LONG)
            verdict = self._deliver(0)
            if verdict is DeliveryVerdict.CURRENT:
                break
        assert (verdict, self.wrong) == (DeliveryVerdict.CURRENT, [])
        letters = {letter.event.id for letter in self._dispatcher(0).dead_letters(TENANT)}
        assert all(self.failures[event_id] >= ATTEMPTS for event_id in letters)
        assert {event.id for event in self.published} - self.handled <= letters | self.dropped
        while events := self._pull(0, 50):
            self.subscriptions[0].acknowledge(events[-1])
        assert self.pulled == {event.id for event in self.published}
        trim_journal(self.storage, TENANT, keep_for=timedelta(0), now=self.clock() + LONG)
        assert not [one for one in self.storage.entries(TENANT) if any(e.sequence[0] == one.position for e in self.published)]

    def _entry(self, person: int, kind: ChangeKind, fields: tuple[str, ...], joined: int, left: int) -> JournalEntry:
        self.versions[person] += 1
        account_id, version = f"a{person}-{self.lives[person]}", self.versions[person]
        if version == 1:
            kind = ChangeKind.PROVISION
        if kind is ChangeKind.DELETE:
            self.lives[person] += 1
            self.versions[person] = 0
        return JournalEntry(
            tenant=TENANT,
            at=self.clock(),
            kind=kind,
            source_id=str(person),
            account_id=account_id,
            version=version,
            fields=fields + (("groups",) if joined or left else ()),
            joined=tuple(f"j{number}" for number in range(joined)),
            left=tuple(f"l{number}" for number in range(left)),
        )


OutboxMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestOutbox = OutboxMachine.TestCase
