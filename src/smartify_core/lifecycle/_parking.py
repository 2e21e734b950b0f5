"""Events that could not be delivered yet, and those that were given up: values, and their form in the store."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from attrs import field, frozen

from smartify_core.errors import SealBroken, UsageError
from smartify_core.model import Document

from ._consumer import opened
from ._event import Event

PARKED_KIND: Final = "consumer parked"
DEAD_KIND: Final = "consumer dead"
_VERSION: Final = 1

T = TypeVar("T")


@frozen(order=False)
class Parked:
    """One event that waits: for its own next attempt, or behind an earlier event of its account.

    Args:
        sequence: Where the event stands.
        account_id: Whose event it is.
        attempts: How often its handler has raised.
        retry_at: Not before then it is tried again; ``None`` for one that has only waited.
        error: The class of what its handler raised last. Never its text, which could quote anything.
        event: The event itself, where the journal need not keep it any more.
    """

    sequence: tuple[int, int]
    account_id: str
    attempts: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    event: Event | None = None


@frozen(order=False)
class DeadLetter:
    """An event that was given up after its last attempt.

    Args:
        event: The event.
        attempts: How often its handler raised.
        error: The class of what it raised last, without any text.
        died_at: When it was given up.
    """

    event: Event
    attempts: int
    error: str
    died_at: datetime


class Parking:
    """The parked events of one consumer and tenant: each account's in order.

    Args:
        items: What is parked.
    """

    def __init__(self, items: Iterable[Parked] = ()) -> None:
        self._lanes: dict[str, list[Parked]] = {}
        self._sequences: set[tuple[int, int]] = set()
        for item in items:
            self.add(item)

    def __len__(self) -> int:
        return len(self._sequences)

    def __contains__(self, sequence: tuple[int, int]) -> bool:
        return sequence in self._sequences

    def __iter__(self) -> Iterator[Parked]:
        return iter(sorted((item for lane in self._lanes.values() for item in lane), key=_place))

    def blocks(self, account_id: str) -> bool:
        """Return whether events of this account must wait."""
        return account_id in self._lanes

    def add(self, item: Parked) -> None:
        """Park an event that is not parked."""
        insort(self._lanes.setdefault(item.account_id, []), item, key=_place)
        self._sequences.add(item.sequence)

    def replace(self, item: Parked) -> None:
        """Put an event in the place that it has already."""
        self.remove(item)
        self.add(item)

    def remove(self, item: Parked) -> None:
        """Let an event go."""
        lane = [one for one in self._lanes[item.account_id] if one.sequence != item.sequence]
        self._sequences.discard(item.sequence)
        if lane:
            self._lanes[item.account_id] = lane
        else:
            del self._lanes[item.account_id]

    def first_of(self, account_id: str) -> Parked | None:
        """Return the event of this account that is next, if any is parked."""
        lane = self._lanes.get(account_id)
        return lane[0] if lane else None

    def due(self, now: datetime) -> Sequence[Parked]:
        """Return the first event of each account whose time has come, in order of sequence."""
        firsts = (lane[0] for lane in self._lanes.values())
        return sorted((one for one in firsts if one.retry_at is None or one.retry_at <= now), key=_place)

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next event is to be tried, ``now`` at the earliest; ``None`` when nothing is parked."""
        return min((max(lane[0].retry_at or now, now) for lane in self._lanes.values()), default=None)

    def oldest_position(self) -> int | None:
        """Return the position of the oldest event that must still be read from the journal."""
        return min((item.sequence[0] for lane in self._lanes.values() for item in lane if item.event is None), default=None)


def _place(item: Parked) -> tuple[int, int]:
    return item.sequence


def parked_to_bytes(items: Iterable[Parked]) -> bytes:
    """Return parked events as their document holds them."""
    return _to_bytes(
        [
            [
                *item.sequence,
                item.account_id,
                item.attempts,
                None if item.retry_at is None else item.retry_at.isoformat(),
                item.error,
                None if item.event is None else item.event.to_json(),
            ]
            for item in items
        ]
    )


def parked_in(document: Document | None, tenant: str) -> list[Parked]:
    """Return the parked events that a document holds.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """

    def item(row: list[object]) -> Parked:
        position, number, account_id, attempts, retry_at, error, event = row
        return Parked(
            sequence=(_is(position, int), _is(number, int)),
            account_id=_is(account_id, str),
            attempts=_is(attempts, int),
            retry_at=None if retry_at is None else datetime.fromisoformat(_is(retry_at, str)),
            error=None if error is None else _is(error, str),
            event=None if event is None else Event.from_json(_is(event, str)),
        )

    return _rows(document, tenant, item)


def dead_to_bytes(letters: Iterable[DeadLetter]) -> bytes:
    """Return dead letters as their document holds them."""
    return _to_bytes([[one.event.to_json(), one.attempts, one.error, one.died_at.isoformat()] for one in letters])


def dead_in(document: Document | None, tenant: str) -> list[DeadLetter]:
    """Return the dead letters that a document holds.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """

    def letter(row: list[object]) -> DeadLetter:
        event, attempts, error, died_at = row
        return DeadLetter(
            event=Event.from_json(_is(event, str)),
            attempts=_is(attempts, int),
            error=_is(error, str),
            died_at=datetime.fromisoformat(_is(died_at, str)),
        )

    return _rows(document, tenant, letter)


def _to_bytes(rows: list[list[object]]) -> bytes:
    return json.dumps({"v": _VERSION, "items": rows}, separators=(",", ":")).encode()


def _rows(document: Document | None, tenant: str, of: Callable[[list[object]], T]) -> list[T]:
    if document is None:
        return []
    content = opened(document, tenant, known=_VERSION)
    try:
        return [of(row) for row in content["items"]]
    except (KeyError, TypeError, ValueError, UsageError):
        raise SealBroken(
            "what is remembered of undelivered events is damaged",
            where=f"tenant {tenant}, document {document.kind}/{document.key}",
            cure="Restore the store from a backup, and find out who writes to it.",
        ) from None


def _is(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError
    return value
