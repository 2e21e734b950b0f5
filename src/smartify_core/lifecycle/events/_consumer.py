"""How far each consumer of a tenant's events has come, and reading on from there.

The position is kept in the store as the document of kind ``consumer`` whose key is the consumer's name. Every write of
it is a compare-and-set, so that of two workers the slower is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal

from attrs import field, frozen

from smartify_core.errors import EventsTrimmed, NewerSchema, SealBroken, UsageError
from smartify_core.lifecycle._journal import decode
from smartify_core.model import Document, PutDocument
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._event import Event, events_of

KIND: Final = "consumer"
_VERSION: Final = 1
_UPGRADE: Final = "Upgrade smartify-core on this host."
_SERVED_BY: Final = {"pull": "a Subscription", "dispatch": "a Dispatcher"}
_MISSING: Final = object()
#: The types of what a document holds.
_KINDS: Final = {
    "use": str,
    "through": int,
    "done": int,
    "until": str | None,
    "parked": int,
    "oldest": int | None,
    "due": str | None,
    "dead": int,
    "retired": bool,
}

#: Where a consumer begins with a tenant: at the first entry that the journal still has, or behind the latest.
Start = Literal["begin", "now"]
#: How a consumer is served: by pulling (`Subscription`), or by being called (`Dispatcher`).
Use = Literal["pull", "dispatch"]


@frozen(order=False)
class Cursor:
    """How far a consumer has come: all entries up to ``through``, and the first ``done`` events of the next one."""

    through: int = 0
    done: int = 0

    def is_beyond(self, sequence: tuple[int, int]) -> bool:
        """Return whether the event at ``sequence`` is behind the cursor."""
        return sequence <= (self.through + 1, self.done)


@frozen(order=False)
class ConsumerState:
    """What is remembered of one consumer of one tenant's events.

    Args:
        use: How it is served.
        cursor: How far it has come.
        leased_until: When the right of the worker ends that delivers to it; ``None`` while none does.
        parked: How many events behind the cursor are waiting for another attempt.
        oldest: The position of the oldest of them that is still needed in the journal.
        due: When the next of them is to be tried.
        dead: How many events were given up and are not settled.
        retired: Whether the consumer was forgotten. The document stays, so that its versions never repeat.
    """

    use: Use
    cursor: Cursor = field(factory=Cursor)
    leased_until: datetime | None = None
    parked: int = 0
    oldest: int | None = None
    due: datetime | None = None
    dead: int = 0
    retired: bool = False

    @property
    def needs_beyond(self) -> int:
        """Return the position up to which the consumer needs no entry of the journal any more."""
        return self.cursor.through if self.oldest is None else min(self.cursor.through, self.oldest - 1)


@frozen(order=False)
class Step:
    """One event (``None`` for an entry that has none), and the cursor of whoever is done with it."""

    event: Event | None
    after: Cursor


def check_consumer(consumer: str, start: str) -> None:
    """Raise `UsageError` unless a consumer may have this name and start."""
    if not consumer:
        raise UsageError("a consumer needs a name", cure="Name it after what it does with the events.")
    if start not in {"begin", "now"}:
        raise UsageError("a consumer starts at 'begin' or 'now'", cure="Pass one of these two.")


def load(storage: Storage, tenant: str, consumer: str, use: Use) -> tuple[ConsumerState | None, int]:
    """Return what is remembered of a consumer (``None`` for a new or retired one), and its document's version.

    Raises:
        UsageError: The consumer is served in the other way.
        NewerSchema: A newer version of this library wrote the document.
        SealBroken: The document is damaged.
    """
    document = storage.document(tenant, KIND, consumer)
    if document is None:
        return None, 0
    state = state_in(document, tenant)
    if state.retired:
        return None, document.version
    if state.use != use:
        raise UsageError(
            f"the consumer {consumer!r} is served by {_SERVED_BY[state.use]}",
            where=f"tenant {tenant}",
            cure="Serve it in one way only, or give the other one a name of its own.",
        )
    return state, document.version


def write_of(consumer: str, state: ConsumerState, *, over: int) -> PutDocument:
    """Return the write that keeps ``state`` over version ``over`` of its document."""
    content = {
        "v": _VERSION,
        "use": state.use,
        "through": state.cursor.through,
        "done": state.cursor.done,
        "until": _text(state.leased_until),
        "parked": state.parked,
        "oldest": state.oldest,
        "due": _text(state.due),
        "dead": state.dead,
        "retired": state.retired,
    }
    return PutDocument(KIND, consumer, json.dumps(content, separators=(",", ":")).encode(), over)


def state_in(document: Document, tenant: str) -> ConsumerState:
    """Return the state that a consumer's document holds.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """
    content = opened(document, tenant, known=_VERSION)
    if str(content.get("use")) not in _SERVED_BY or not all(
        isinstance(content.get(key, _MISSING), kind) for key, kind in _KINDS.items()
    ):
        raise damaged(document, tenant)
    try:
        leased_until, due = _time(content["until"]), _time(content["due"])
    except ValueError:
        raise damaged(document, tenant) from None
    return ConsumerState(
        use=content["use"],
        cursor=Cursor(content["through"], content["done"]),
        leased_until=leased_until,
        parked=content["parked"],
        oldest=content["oldest"],
        due=due,
        dead=content["dead"],
        retired=content["retired"],
    )


def opened(document: Document, tenant: str, *, known: int) -> dict[str, Any]:
    """Return the JSON object in a document of a consumer, whose format must be ``known``.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """
    try:
        content = json.loads(document.value)
        version = content["v"]
        newer = version > known
    except (KeyError, TypeError, ValueError, RecursionError):
        raise damaged(document, tenant) from None
    if newer:
        raise NewerSchema(
            "a newer version of this library delivered to the consumer", where=_place(document, tenant), cure=_UPGRADE
        )
    if not isinstance(content, dict) or version != known:
        raise damaged(document, tenant)
    return content


def damaged(document: Document, tenant: str) -> SealBroken:
    """Return the error for a document of a consumer that no version of this library writes."""
    return SealBroken(
        "what is remembered of a consumer is damaged",
        where=_place(document, tenant),
        cure="Restore the store from a backup, and find out who writes to it.",
    )


def _place(document: Document, tenant: str) -> str:
    return f"tenant {tenant}, document {document.kind}/{document.key}"


def starting_at(storage: Storage, tenant: str, start: Start) -> Cursor:
    """Return the cursor of a consumer that begins with a tenant."""
    position = storage.tenant(tenant).position
    if start == "now" or not position:
        return Cursor(position)
    first = storage.entries(tenant, limit=1)
    return Cursor(first[0].position - 1 if first else position)


def steps(storage: Storage, tenant: str, cursor: Cursor, *, at_once: int = KEYS_AT_ONCE) -> Iterator[Step]:
    """Yield the steps beyond ``cursor`` until the journal ends, reading ``at_once`` entries at a time.

    Raises:
        EventsTrimmed: The next entry was trimmed away.
        NewerSchema: A newer version of this library wrote an entry.
        SealBroken: An entry is damaged.
    """
    through, done = cursor.through, cursor.done
    if storage.tenant(tenant).position <= through:
        return
    while True:
        page = storage.entries(tenant, after=through, limit=at_once)
        if (not page and through == cursor.through) or (page and page[0].position != through + 1):
            raise trimmed(tenant, through + 1)
        for entry in page:
            events = events_of(decode(entry.content, tenant=tenant, position=entry.position), entry.position)
            for number, event in enumerate(events[done:], start=done + 1):
                whole = number == len(events)
                yield Step(event, Cursor(entry.position) if whole else Cursor(entry.position - 1, number))
            if done >= len(events):
                yield Step(None, Cursor(entry.position))
            through, done = entry.position, 0
        if len(page) < at_once:
            return


def trimmed(tenant: str, position: int) -> EventsTrimmed:
    """Return the error for a consumer that still needs an entry which the journal does not have any more."""
    return EventsTrimmed(
        "the journal was trimmed beyond the consumer's position: it was left behind",
        where=f"tenant {tenant}, position {position}",
        cure="Bring the consumer in step with the accounts as they are, then let it start over.",
    )


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
