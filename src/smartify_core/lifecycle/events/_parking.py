"""Events that could not be delivered yet, and those that were given up: values, and their form in the store."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import field, frozen

from smartify_core.errors import SealBroken
from smartify_core.model import Document

from ._consumer import damaged, opened
from ._event import Event

PARKED_KIND: Final = "consumer parked"
DEAD_KIND: Final = "consumer dead"
_VERSION: Final = 1


@frozen(order=False)
class Parked:
    """One event that waits: for its own next attempt, or behind an earlier event of its account.

    Args:
        sequence: Where the event stands.
        account_id: Whose event it is.
        attempts: How often its handler has raised.
        retry_at: Not before then it is tried again; ``None`` for one that has only waited.
        error: The class of what its handler raised last. Never its text, which could quote anything.
        event: The event itself as JSON, where the journal need not keep it any more.
    """

    sequence: tuple[int, int]
    account_id: str
    attempts: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    event: str | None = field(default=None, repr=False)


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

    Attributes:
        changed: Whether something was added or removed since the store was told.
    """

    def __init__(self, items: Iterable[Parked] = ()) -> None:
        self._lanes: dict[str, list[Parked]] = {}
        self._sequences: set[tuple[int, int]] = set()
        for item in items:
            self.add(item)
        self.changed = False

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
        self.changed = True

    def replace(self, item: Parked) -> None:
        """Put an event in the place that it has already."""
        self.remove(item)
        self.add(item)

    def remove(self, item: Parked) -> None:
        """Let an event go."""
        lane = [one for one in self._lanes[item.account_id] if one.sequence != item.sequence]
        self._sequences.discard(item.sequence)
        self.changed = True
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
        return min(
            (item.sequence[0] for lane in self._lanes.values() for item in lane if item.event is None), default=None
        )


def _place(item: Parked) -> tuple[int, int]:
    return item.sequence


class DeadLetters:
    """The dead letters of one consumer and tenant, in the order in which they were given up. Opened when asked for.

    Args:
        rows: The letters as their document holds them.
        otherwise: What is raised when a letter turns out to be damaged.

    Attributes:
        changed: Whether something was added or removed since the store was told.
    """

    def __init__(self, rows: Iterable[Sequence[Any]] = (), *, otherwise: SealBroken | None = None) -> None:
        self._rows = {(row[0], row[1]): row for row in rows}
        self._otherwise = otherwise
        self.changed = False

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, sequence: tuple[int, int]) -> bool:
        return sequence in self._rows

    def __iter__(self) -> Iterator[DeadLetter]:
        try:
            return iter([_letter(row) for row in self._rows.values()])
        except ValueError:
            raise self._otherwise or ValueError from None

    def rows(self) -> list[Sequence[Any]]:
        """Return the letters as their document holds them."""
        return list(self._rows.values())

    def add(self, letter: DeadLetter) -> None:
        """Give an event up."""
        event, sequence = letter.event, letter.event.sequence
        self._rows[sequence] = [*sequence, event.to_json(), letter.attempts, letter.error, letter.died_at.isoformat()]
        self.changed = True

    def take(self, event_id: str) -> DeadLetter | None:
        """Remove the letter of this event and return it, if there is one."""
        for letter in self:
            if letter.event.id == event_id:
                del self._rows[letter.event.sequence]
                self.changed = True
                return letter
        return None


def parked_to_bytes(parking: Parking) -> bytes:
    """Return parked events as their document holds them."""
    return _to_bytes(
        [
            *item.sequence,
            item.account_id,
            item.attempts,
            None if item.retry_at is None else item.retry_at.isoformat(),
            item.error,
            item.event,
        ]
        for item in parking
    )


def dead_to_bytes(letters: DeadLetters) -> bytes:
    """Return dead letters as their document holds them."""
    return _to_bytes(letters.rows())


def parked_in(document: Document | None, tenant: str) -> list[Parked]:
    """Return the parked events that a document holds.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """
    if document is None:
        return []
    rows = _rows(document, tenant, _PARKED_ROW)
    try:
        return [_parked(row) for row in rows]
    except ValueError:
        raise damaged(document, tenant) from None


def dead_in(document: Document | None, tenant: str) -> DeadLetters:
    """Return the dead letters that a document holds.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged.
    """
    if document is None:
        return DeadLetters()
    return DeadLetters(_rows(document, tenant, _DEAD_ROW), otherwise=damaged(document, tenant))


#: The types of the items of a row.
_PARKED_ROW: Final = (int, int, str, int, str | None, str | None, str | None)
_DEAD_ROW: Final = (int, int, str, int, str, str)


def _parked(row: Sequence[Any]) -> Parked:
    position, number, account_id, attempts, retry_at, error, event = row
    return Parked(
        sequence=(position, number),
        account_id=account_id,
        attempts=attempts,
        retry_at=None if retry_at is None else datetime.fromisoformat(retry_at),
        error=error,
        event=event,
    )


def _letter(row: Sequence[Any]) -> DeadLetter:
    _, _, event, attempts, error, died_at = row
    return DeadLetter(Event.from_json(event), attempts, error, datetime.fromisoformat(died_at))


def _to_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    return json.dumps({"v": _VERSION, "items": list(rows)}, separators=(",", ":")).encode()


def _rows(document: Document, tenant: str, kinds: Sequence[Any]) -> list[Sequence[Any]]:
    rows = opened(document, tenant, known=_VERSION).get("items")
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == len(kinds) and all(map(isinstance, row, kinds)) for row in rows
    ):
        raise damaged(document, tenant)
    return rows
