"""Events: what a host is told of its tenants' accounts. Pure values, derived from the journal's entries when read."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.lifecycle._journal import JournalEntry
from smartify_core.lifecycle._transitions import ChangeKind

if TYPE_CHECKING:
    from cattrs import Converter

#: The number that stands in every event's JSON. One that says another number is not read.
FORMAT: Final = 1


@enum.unique
class EventType(enum.Enum):
    """What happened."""

    PROVISIONED = "account.provisioned"
    UPDATED = "account.updated"
    EMAIL_CHANGED = "account.email_changed"
    DEACTIVATED = "account.deactivated"
    REACTIVATED = "account.reactivated"
    DELETED = "account.deleted"
    JOINED = "group.joined"
    LEFT = "group.left"


@frozen(order=False)
class Event:
    """One thing that happened to one account. Ids and names of fields, never a value.

    Args:
        id: The same at each delivery, and no other event's: what a receiver remembers to do nothing twice.
        type: What happened.
        tenant: Whose account it is.
        at: When the change was decided (aware, UTC).
        account_id: The account's id.
        source_id: The person's id in the directory.
        version: The account's version after the change. It grows with every change of the account.
        sequence: Where the event stands among all of its tenant: the journal's position, then a number from 1.
        fields: The names of the fields that the event is about, among ``email``, ``given_name``, ``family_name``,
            ``groups``, ``state``.
        groups: For a provision, the ids of all groups that the account begins with.
        group: The id of the group that was joined or left.
        inactive_reason: Why the account is inactive after the change; ``None`` for an active or a deleted one.
        adopted: Whether the host had this person before the first run.
        predecessor: For a provision, the account id of the tombstone that this person's earlier account left.
    """

    id: str
    type: EventType
    tenant: str
    at: datetime
    account_id: str
    source_id: str
    version: int
    sequence: tuple[int, int]
    fields: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    group: str | None = None
    inactive_reason: str | None = None
    adopted: bool = False
    predecessor: str | None = None

    def to_json(self) -> str:
        """Return the event as one JSON object on one line, as `event_schema` describes it."""
        content = {"format": FORMAT, **_converter().unstructure(self)}
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        """Return the event that `to_json` wrote.

        Raises:
            UsageError: It is no event, or one of another version of this library.
        """
        try:
            content = json.loads(text)
            if _exactly(content.pop("format"), int) == FORMAT:
                return _converter().structure(content, cls)
        except Exception:  # noqa: BLE001, S110 -- whatever a structuring error is called, its message may quote the text
            pass
        raise UsageError(
            f"the text is no event of format {FORMAT}",
            cure="Pass what `Event.to_json` of the same library version wrote.",
        ) from None


def events_of(entry: JournalEntry, position: int) -> tuple[Event, ...]:
    """Return what the change at this position of the journal means to the host, in the order to be told.

    Whoever loses something loses it first, and whoever gains something gains it last. A change that concerns
    nothing a host could see has no event.
    """
    return tuple(
        Event(
            id=_id(entry, number),
            type=kind,
            tenant=entry.tenant,
            at=entry.at,
            account_id=entry.account_id,
            source_id=entry.source_id,
            version=entry.version,
            sequence=(position, number),
            inactive_reason=None if kind is EventType.DELETED else entry.inactive_reason,
            adopted=entry.adopted,
            **details,
        )
        for number, (kind, details) in enumerate(_happenings(entry), start=1)
    )


def _id(entry: JournalEntry, number: int) -> str:
    """Return the id of an entry's event: 32 hex digits that follow from what happened, whenever it is read.

    The tenant belongs to it: two tenants' accounts may have the same id, which hosts give that number their users.
    """
    happening = json.dumps((entry.tenant, entry.account_id, entry.version, number))
    return blake2b(happening.encode(), digest_size=16).hexdigest()


def _happenings(entry: JournalEntry) -> list[tuple[EventType, Mapping[str, Any]]]:
    if entry.kind is ChangeKind.DELETE:
        return [(EventType.DELETED, {})]
    if entry.kind is ChangeKind.PROVISION:
        details = {"fields": entry.fields, "groups": entry.joined, "predecessor": entry.predecessor}
        return [(EventType.PROVISIONED, details)]
    found: list[tuple[EventType, Mapping[str, Any]]] = []
    if entry.kind is ChangeKind.DEACTIVATE:
        found.append((EventType.DEACTIVATED, {"fields": ("state",)}))
    found += [(EventType.LEFT, {"fields": ("groups",), "group": group}) for group in entry.left]
    if "email" in entry.fields:
        found.append((EventType.EMAIL_CHANGED, {"fields": ("email",)}))
    if updated := _updated(entry):
        found.append((EventType.UPDATED, {"fields": updated}))
    found += [(EventType.JOINED, {"fields": ("groups",), "group": group}) for group in entry.joined]
    if entry.kind is ChangeKind.REACTIVATE:
        found.append((EventType.REACTIVATED, {"fields": ("state",)}))
    return found


def _updated(entry: JournalEntry) -> tuple[str, ...]:
    """Return the fields that no event of their own tells of.

    The groups are among them where only their details changed (an address, a name, the path of a membership), and the
    state where only the reason changed why the account is inactive.
    """
    told = {"email"}
    if entry.joined or entry.left:
        told.add("groups")
    if entry.kind in {ChangeKind.DEACTIVATE, ChangeKind.REACTIVATE}:
        told.add("state")
    return tuple(name for name in entry.fields if name not in told)


@cache
def _converter() -> Converter:
    # Imported at first use: many a process that imports the lifecycle passes no event on.
    from cattrs import Converter  # noqa: PLC0415 -- as said above

    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    converter.register_unstructure_hook(datetime, lambda time: time.astimezone(UTC).isoformat())
    converter.register_structure_hook(datetime, _instant)
    return converter


def _exactly(value: object, kind: type) -> Any:  # noqa: ANN401 -- a converter's hook: the kind is its argument
    """Return ``value`` if it is of ``kind`` and nothing else: a number is no text here, and a truth no number."""
    if type(value) is not kind:
        raise TypeError
    return value


def _texts(value: object, _: type) -> tuple[str, ...]:
    return tuple(_exactly(item, str) for item in _exactly(value, list))


def _instant(value: object, _: type) -> datetime:
    time = datetime.fromisoformat(_exactly(value, str))
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)
