"""Whatever changes, fails, pauses or dies: a consumer has every event, in order per account, and none is forgotten."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smartify_core.errors import LeaseHeld, LeaseLost, WriteConflict
from smartify_core.lifecycle import ChangeKind, JournalEntry
from smartify_core.lifecycle._journal import encode
from smartify_core.lifecycle.events import DeliveryVerdict, Dispatcher, Event, RetryPolicy, Subscription, trim_journal
from smartify_core.lifecycle.events._event import events_of
from smartify_core.lifecycle.events._parking import DEAD_KIND, dead_in
from smartify_core.model import Batch
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

TENANT = "acme"
PEOPLE = 4
#: Beyond any lease, and beyond any wait.
LONG = timedelta(minutes=10)

Happening = tuple[int, ChangeKind, tuple[str, ...], int, int]

people = st.integers(0, PEOPLE - 1)
#: What changes in one account: which fields, how many groups are joined and left, and of what kind it is.
changes = st.tuples(
    people,
    st.sampled_from([ChangeKind.UPDATE, ChangeKind.DEACTIVATE, ChangeKind.REACTIVATE, ChangeKind.DELETE]),
    st.sampled_from([(), ("given_name",), ("email", "family_name")]),
    st.integers(0, 2),
    st.integers(0, 1),
)


processes = st.integers(0, 1)
waits = st.sampled_from([0, 0.5, 2, 10])
#: At which call to the store a process dies, and whether that call takes effect.
deaths = st.tuples(st.integers(0, 25), st.booleans())


class Died(BaseException):
    """The process is gone; no handler of the library's runs."""


class Process:
    """A process with the shared store: at a chosen call it dies, before or after the call took effect, for good."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._countdown: int | None = None
        self._after = False
        self.dead = False

    def dies_in(self, calls: int, after: bool) -> None:
        """Choose the call."""
        self._countdown, self._after = calls, after

    @property
    def calls_left(self) -> int:
        """Return at which call from now on the process dies."""
        return self._countdown or 0

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


class Outbox:
    """A journal that grows, a consumer's dispatcher in two processes, and a host that watches what it is told.

    Args:
        attempts: After how many attempts an event is given up.
    """

    def __init__(self, attempts: int = 2) -> None:
        self.attempts = attempts
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
        #: Whatever concerns these people fails.
        self.trouble: set[int] = set()
        self.pause_in: int | None = None
        #: What the handler found wrong. A dispatcher takes whatever a handler raises for the handler's own trouble.
        self.wrong: list[str] = []
        self.processes = [Process(self.storage), Process(self.storage)]
        # Trimming waits for the consumers that are known.
        self.deliver(0)

    def publish(self, some: Iterable[Happening]) -> None:
        """Commit a few changes together."""
        entries = [self._entry(*one) for one in some]
        claim = self.storage.claim(TENANT, now=self.clock(), ttl=timedelta(minutes=1))
        self.storage.commit(claim, Batch(entries=tuple(map(encode, entries))))
        self.storage.release(claim)
        for entry in entries:
            self.position += 1
            for event in events_of(entry, self.position):
                self.published.append(event)
                self.by_account[event.account_id].append(event)

    def trim(self) -> None:
        """Remove whatever nobody needs."""
        trim_journal(self.storage, TENANT, keep_for=timedelta(0), now=self.clock() + LONG)

    def dispatcher(self, which: int) -> Dispatcher:
        """Return the dispatcher of one process, for one delivery or decision."""
        done: set[str] = set()
        return Dispatcher(
            cast("Storage", self.processes[which]),
            "mailer",
            lambda event: self._handle(event, which, done),
            clock=self.clock,
            retry=RetryPolicy(attempts=self.attempts, ceiling=timedelta(minutes=2)),
            batch=3,
            lease_ttl=timedelta(minutes=5),
            room=5,
        )

    def deliver(self, which: int) -> DeliveryVerdict | None:
        """Let one process deliver, and return how that ended, if it did."""
        try:
            return self.dispatcher(which).deliver(TENANT).verdict
        except (LeaseHeld, LeaseLost, Died):
            return None

    def decide(self, which: int, pick: int, *, retry: bool) -> None:
        """Let an operator retry or drop a dead letter, if there is one."""
        try:
            letters = self.dispatcher(which).dead_letters(TENANT)
            if letters and retry:
                self.dispatcher(which).retry_dead(TENANT, letters[pick % len(letters)].event.id)
            elif letters:
                self.dropped.add(letters[pick % len(letters)].event.id)
                self.dispatcher(which).drop_dead(TENANT, letters[pick % len(letters)].event.id)
        except (LeaseHeld, LeaseLost, Died):
            pass

    def replace_process(self, which: int) -> bool:
        """Put a new process in the place of one, and return whether that had died."""
        died = self.processes[which].dead
        self.processes[which] = Process(self.storage)
        return died

    def check_the_end(self) -> None:
        """Once nothing fails any more, all was told but what was given up, and nothing is left over."""
        assert len({event.id for event in self.published}) == len(self.published)
        self.trouble.clear()
        self.replace_process(0)
        verdict = None
        for _ in range(len(self.published) + 5):
            self.clock.advance(LONG)
            verdict = self.deliver(0)
            if verdict is DeliveryVerdict.CURRENT:
                break
        assert (verdict, self.wrong) == (DeliveryVerdict.CURRENT, [])
        letters = {letter.event.id for letter in self.dispatcher(0).dead_letters(TENANT)}
        assert all(self.failures[event_id] >= self.attempts for event_id in letters)
        assert {event.id for event in self.published} - self.handled <= letters | self.dropped
        self.trim()
        assert not self.storage.entries(TENANT)

    def _handle(self, event: Event, which: int, done: set[str]) -> None:
        """Be the host: check that it is this event's turn, then handle it or fail, perhaps after a long sleep."""
        self.wrong += self._what_is_wrong_with(event, done)
        fails = int(event.source_id) in self.trouble
        if fails:
            self.failures[event.id] += 1
        else:
            self.handled.add(event.id)
            done.add(event.id)
        if self.pause_in is not None:
            self.pause_in -= 1
            if self.pause_in < 0:
                self.pause_in = None
                self.clock.advance(LONG)
                self.deliver(1 - which)
        if fails:
            raise ConnectionError

    def _what_is_wrong_with(self, event: Event, done: set[str]) -> Iterator[str]:
        """Yield why this event should not be told now, to a worker that has done these already."""
        if event not in self.published:
            yield f"{event.id} never happened"
        if event.id in done:
            yield f"{event.id} was told again although nobody died"
        if event.id in (
            letter.event.id for letter in dead_in(self.storage.document(TENANT, DEAD_KIND, "mailer"), TENANT)
        ):
            yield f"{event.id} was told although it is a dead letter"
        for earlier in self.by_account[event.account_id]:
            if earlier.sequence >= event.sequence:
                break
            if earlier.id not in self.handled and self.failures[earlier.id] < self.attempts:
                yield f"{event.id} was told before {earlier.id}"

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


class DispatchMachine(RuleBasedStateMachine):
    """Changes, deliveries by two processes with trouble, pauses and deaths, an operator, and trimming, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()

    @rule(some=st.lists(changes, min_size=1, max_size=4))
    def people_change(self, some: list[Happening]) -> None:
        """One commit with a few changes goes through."""
        self.outbox.publish(some)

    @rule()
    def journal_is_trimmed(self) -> None:
        """Whatever nobody needs is removed."""
        self.outbox.trim()

    @rule(which=processes, trouble=st.sets(people), minutes=waits, death=st.none() | deaths)
    def a_process_delivers(self, which: int, trouble: set[int], minutes: float, death: tuple[int, bool] | None) -> None:
        """After a while one process delivers, or dies at some call to the store on the way."""
        outbox = self.outbox
        outbox.clock.advance(minutes=minutes)
        outbox.trouble = trouble
        if death is not None:
            outbox.processes[which].dies_in(*death)
        outbox.deliver(which)
        outbox.replace_process(which)

    @rule(which=processes, trouble=st.sets(people), minutes=waits, calls=st.integers(0, 4))
    def a_process_is_paused(self, which: int, trouble: set[int], minutes: float, calls: int) -> None:
        """Inside a call of its handler one process sleeps for so long that the other takes over."""
        outbox = self.outbox
        outbox.clock.advance(minutes=minutes)
        outbox.trouble = trouble
        outbox.pause_in = calls
        outbox.deliver(which)
        outbox.pause_in = None

    @rule(which=processes, pick=st.integers(0, 9), retry=st.booleans(), death=st.none() | deaths)
    def an_operator_decides(self, which: int, pick: int, death: tuple[int, bool] | None, *, retry: bool) -> None:
        """A dead letter is retried or dropped, by somebody whose process may die over it."""
        if death is not None:
            self.outbox.processes[which].dies_in(*death)
        self.outbox.decide(which, pick, retry=retry)
        self.outbox.replace_process(which)

    @invariant()
    def nothing_is_told_out_of_turn(self) -> None:
        """Of one account, an event is told only once all before it were handled or given up."""
        assert self.outbox.wrong == []

    def teardown(self) -> None:
        """Everything was told in the end."""
        self.outbox.check_the_end()


class SubscriptionMachine(RuleBasedStateMachine):
    """Changes, trimming, and two workers of one consumer that pull, acknowledge and begin anew, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()
        self.pulled: set[str] = set()
        self.workers = [self._worker(), self._worker()]
        self._pull(0, 1)

    def _worker(self) -> Subscription:
        return Subscription(self.outbox.storage, consumer="search", tenant=TENANT)

    @rule(some=st.lists(changes, min_size=1, max_size=4))
    def people_change(self, some: list[Happening]) -> None:
        """One commit with a few changes goes through."""
        self.outbox.publish(some)

    @rule()
    def journal_is_trimmed(self) -> None:
        """The other consumer has had everything; whatever this one needs must stay."""
        self.outbox.deliver(0)
        self.outbox.trim()

    @rule(which=processes)
    def a_worker_begins_anew(self, which: int) -> None:
        """A process was replaced: what it pulled is forgotten."""
        self.workers[which] = self._worker()

    @rule(which=processes, limit=st.integers(1, 7), up_to=st.integers(0, 6), rival=st.booleans())
    def a_worker_works(self, which: int, limit: int, up_to: int, *, rival: bool) -> None:
        """One worker pulls, works, and acknowledges some of it, perhaps after the other one did so."""
        mine = self._pull(which, limit)
        faster = self._pull(1 - which, 3) if rival else ()
        if faster:
            self.workers[1 - which].acknowledge(faster[0])
        if not mine:
            return
        try:
            self.workers[which].acknowledge(mine[min(up_to, len(mine) - 1)])
        except WriteConflict:
            assert faster
        else:
            assert not faster

    def teardown(self) -> None:
        """Everything was given in the end, and nothing is held back."""
        while events := self._pull(0, 50):
            self.workers[0].acknowledge(events[-1])
        assert self.pulled == {event.id for event in self.outbox.published}
        self.outbox.check_the_end()

    def _pull(self, which: int, limit: int) -> tuple[Event, ...]:
        events = self.workers[which].pull(limit=limit)
        for event in events:
            place = self.outbox.published.index(event)
            assert all(earlier.id in self.pulled for earlier in self.outbox.published[:place]), "skipped"
            self.pulled.add(event.id)
        return events


TestDispatch = DispatchMachine.TestCase
TestDispatch.settings = settings(parent=settings(), max_examples=150, stateful_step_count=30)
TestSubscription = SubscriptionMachine.TestCase
TestSubscription.settings = settings(parent=settings(), max_examples=60, stateful_step_count=30)


# --- dying at every single call ---------------------------------------------------------------------------------------

RENAME = (("given_name",), 0, 0)


def tell_a_story(outbox: Outbox) -> None:
    """Let one person be in trouble for good, one for a while and one never; retry what was given up, drop the rest."""
    outbox.publish((person, ChangeKind.UPDATE, *RENAME) for person in (0, 1, 2, 0, 1, 2, 1))
    for trouble in ({0, 1}, {0}, {0}, {0}, set[int]()):
        outbox.trouble = trouble
        outbox.deliver(0)
        outbox.clock.advance(minutes=2)
    outbox.publish((person, ChangeKind.UPDATE, *RENAME) for person in (0, 1))
    outbox.decide(0, 0, retry=True)
    outbox.deliver(0)
    outbox.decide(0, 0, retry=False)


def calls_of_the_story(attempts: int) -> int:
    """Return how many calls to the store the story makes when nobody dies."""
    outbox = Outbox(attempts)
    outbox.processes[0].dies_in(10_000, after=False)
    tell_a_story(outbox)
    assert outbox.failures
    assert outbox.dropped
    return 10_000 - outbox.processes[0].calls_left


@pytest.mark.parametrize("trouble", [set(), {0, 1}], ids=["all well", "still in trouble"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_a_process_may_die_at_any_call_to_the_store(trouble: set[int], attempts: int, *, after: bool) -> None:
    """Wherever it dies, another takes over once the lease is out: nothing is lost, or told out of turn."""
    for call in range(calls_of_the_story(attempts)):
        outbox = Outbox(attempts)
        outbox.processes[0].dies_in(call, after=after)
        tell_a_story(outbox)
        assert outbox.replace_process(0), "the story is shorter than it was"
        for _ in range(3):
            outbox.clock.advance(LONG)
            outbox.trouble = set(trouble)
            outbox.deliver(1)
            outbox.trim()
        outbox.check_the_end()
