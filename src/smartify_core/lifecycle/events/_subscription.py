"""Events by pulling: a host asks for what is new, works on it, and says how far it has come."""

from __future__ import annotations

from attrs import evolve

from smartify_core.errors import UsageError, WriteConflict
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._consumer import ConsumerState, Cursor, Start, check_consumer, load, starting_at, steps, write_of
from ._event import Event


class Subscription:
    """One consumer's place among one tenant's events, kept in the store.

    Every event is given at least once, in order. What was pulled and not acknowledged is given again, under the same
    id. Use one subscription in one thread.

    Args:
        storage: Where the events are.
        consumer: The consumer's name, such as ``"mailer"``. Each name has a place of its own with each tenant.
        tenant: Whose events.
        start: Where a new consumer begins: ``"begin"``, with the first event that there still is, or ``"now"``, with
            what happens after its first `pull`.
    """

    def __init__(self, storage: Storage, *, consumer: str, tenant: str, start: Start = "begin") -> None:
        check_consumer(consumer, start)
        self._storage = storage
        self._consumer = consumer
        self._tenant = tenant
        self._start: Start = start
        self._state: ConsumerState | None = None
        self._version = 0
        self._after: dict[tuple[int, int], Cursor] = {}

    def pull(self, *, limit: int = 100) -> tuple[Event, ...]:
        """Return the next events that were not acknowledged, at most ``limit`` of them; none when there is nothing new.

        Raises:
            UsageError: ``limit`` is below 1, or a `Dispatcher` serves the consumer.
            EventsTrimmed: Events that the consumer has not had were trimmed away; see `start_over`.
            WriteConflict: Another worker of the consumer began at the same moment; pull again.
            StorageError: The store could not be read.
        """
        if limit < 1:
            raise UsageError(f"a pull asks for 1 event or more, not {limit}", cure="Ask for more.")
        state = self._load()
        events: list[Event] = []
        self._after = {}
        passed = state.cursor
        for step in steps(self._storage, self._tenant, state.cursor, at_once=min(limit, KEYS_AT_ONCE)):
            passed = step.after
            if step.event is not None:
                events.append(step.event)
                self._after[step.event.sequence] = step.after
                if len(events) == limit:
                    break
        # A stretch without any event is not read again at every pull, and nobody waits for it before trimming.
        if not events and passed != state.cursor:
            self._keep(evolve(state, cursor=passed))
        return tuple(events)

    def acknowledge(self, event: Event) -> None:
        """Keep that this event, and all before it, need not be given again. Doing so twice is harmless.

        Raises:
            UsageError: The event is none of those that the latest `pull` returned.
            WriteConflict: Another worker of the consumer was faster; nothing was kept. Pull again.
            StorageError: The store could not be written.
        """
        if self._state is not None and event.tenant == self._tenant and self._state.cursor.is_beyond(event.sequence):
            return
        after = self._after.get(event.sequence)
        if self._state is None or after is None or event.tenant != self._tenant:
            raise UsageError(
                "the event is none of those that were pulled last",
                where=f"tenant {self._tenant}, consumer {self._consumer}",
                cure="Acknowledge what this subscription's latest pull returned.",
            )
        self._keep(evolve(self._state, cursor=after))

    def start_over(self, at: Start) -> None:
        """Place the consumer anew: before the first event that there still is (``"begin"``), or behind all (``"now"``).

        Raises:
            WriteConflict: Another worker of the consumer acknowledged something meanwhile; nothing was kept.
            StorageError: The store could not be written.
        """
        check_consumer(self._consumer, at)
        state = self._load()
        self._after = {}
        self._keep(evolve(state, cursor=starting_at(self._storage, self._tenant, at)))

    def _load(self) -> ConsumerState:
        state, self._version = load(self._storage, self._tenant, self._consumer, "pull")
        if state is None:
            state = ConsumerState("pull", starting_at(self._storage, self._tenant, self._start))
            # At once, so that what is trimmed from here on waits for this consumer.
            self._keep(state)
        self._state = state
        return state

    def _keep(self, state: ConsumerState) -> None:
        try:
            self._storage.record(self._tenant, documents=[write_of(self._consumer, state, over=self._version)])
        except WriteConflict:
            self._state, self._after = None, {}
            raise WriteConflict(
                "another worker of this consumer was faster; nothing was kept",
                where=f"tenant {self._tenant}, consumer {self._consumer}",
                cure="Pull again: what is not acknowledged yet is given again.",
            ) from None
        self._state, self._version = state, self._version + 1
