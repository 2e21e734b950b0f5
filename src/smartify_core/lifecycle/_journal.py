"""What a tenant's journal keeps of each applied change: what happened to whom, when and why, without personal data.

An entry is written in the commit of its change. Events and the history are read from entries and from nothing else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from attrs import frozen

from smartify_core.errors import NewerSchema, SealBroken
from smartify_core.model import InactiveReason

from ._transitions import ChangeKind

#: The number that stands first in every entry. A reader refuses greater ones.
FORMAT: Final = 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: A text as JSON, in ASCII.
_text_of: Final = encode_basestring_ascii


@frozen(order=False)
class JournalEntry:
    """One applied change of one account. Ids and names of fields only, never a value.

    Args:
        tenant: Whose account it is.
        at: When the change was decided (aware, UTC).
        kind: What happened.
        source_id: The person's id in the directory.
        account_id: The account's id.
        version: The account's version after the change; for a deletion, the last one plus one.
        fields: The names of what differs, among ``email``, ``given_name``, ``family_name``, ``groups``, ``state``.
        joined: Ids of the groups that the account is in since this change; for a provision, of all it begins with.
        left: Ids of the groups that it is in no more.
        inactive_reason: Why the account is inactive after the change: the value of an `InactiveReason`.
        adopted: Whether the host had this person before the first run.
        predecessor: The account id of the tombstone that this person's earlier account left.
        snapshot_id: The read of the directory that led to the change.
        evidence: What the source said, and where.
        rule: Why that leads to this change.
        plan: The hash of the held plan that a person approved, if that is why.
    """

    tenant: str
    at: datetime
    kind: ChangeKind
    source_id: str
    account_id: str
    version: int
    fields: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    inactive_reason: str | None = None
    adopted: bool = False
    predecessor: str | None = None
    snapshot_id: str = ""
    evidence: str = ""
    rule: str = ""
    plan: str | None = None


def encode(entry: JournalEntry) -> bytes:
    """Return the entry as the journal keeps it: one compact JSON array. The tenant is not in it; the store knows it."""
    # Built by hand: a general encoder takes twice as long, and there is an entry for every change.
    inactive_reason, predecessor, plan = entry.inactive_reason, entry.predecessor, entry.plan
    return (
        f'[{FORMAT},{(entry.at - _EPOCH) // _MICROSECOND},"{entry.kind._value_}",{_text_of(entry.source_id)}'
        f",{_text_of(entry.account_id)},{entry.version},{_list_of(entry.fields)},{_list_of(entry.joined)}"
        f",{_list_of(entry.left)},{'null' if inactive_reason is None else _text_of(inactive_reason)}"
        f",{'true' if entry.adopted else 'false'},{'null' if predecessor is None else _text_of(predecessor)}"
        f",{_text_of(entry.snapshot_id)},{_text_of(entry.evidence)},{_text_of(entry.rule)}"
        f",{'null' if plan is None else _text_of(plan)}]"
    ).encode("ascii")


def _list_of(texts: tuple[str, ...]) -> str:
    return f"[{','.join(map(_text_of, texts))}]" if texts else "[]"


def decode(content: bytes, *, tenant: str, position: int) -> JournalEntry:
    """Return the entry that ``content`` holds.

    Args:
        content: What `encode` returned.
        tenant: In whose journal it stands.
        position: Where it stands there.

    Raises:
        NewerSchema: A newer version of this library wrote it.
        SealBroken: It is damaged: no version of this library writes such bytes.
    """
    try:
        items = json.loads(content)
        if type(items) is list and items and type(items[0]) is int and items[0] > FORMAT:
            raise NewerSchema(
                "a newer version of this library wrote the journal",
                where=f"tenant {tenant}, position {position}",
                cure="Upgrade smartify-core on this host.",
            )
        return _entry(tenant, items)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise SealBroken(
            "an entry of the journal is damaged",
            where=f"tenant {tenant}, position {position}",
            cure="Restore the store from a backup, and find out who writes to it.",
        ) from None


def _entry(tenant: str, items: Any) -> JournalEntry:  # noqa: ANN401 -- what JSON holds is known once it is checked
    (format_number, at, kind, source_id, account_id, version, fields, joined, left, *rest) = items
    inactive_reason, adopted, predecessor, snapshot_id, evidence, rule, plan = rest
    if type(format_number) is not int or format_number != FORMAT or type(adopted) is not bool:
        raise ValueError
    if type(at) is not int or type(version) is not int or version < 1:
        raise ValueError
    return JournalEntry(
        tenant=tenant,
        at=_EPOCH + _MICROSECOND * at,
        kind=ChangeKind(_text(kind)),
        source_id=_text(source_id),
        account_id=_text(account_id),
        version=version,
        fields=_texts(fields),
        joined=_texts(joined),
        left=_texts(left),
        inactive_reason=None if inactive_reason is None else InactiveReason(_text(inactive_reason)).value,
        adopted=adopted,
        predecessor=_text_or_none(predecessor),
        snapshot_id=_text(snapshot_id),
        evidence=_text(evidence),
        rule=_text(rule),
        plan=_text_or_none(plan),
    )


def _text(item: object) -> str:
    if type(item) is not str:
        raise ValueError
    return item


def _text_or_none(item: object) -> str | None:
    return None if item is None else _text(item)


def _texts(items: object) -> tuple[str, ...]:
    if type(items) is not list:
        raise ValueError
    return tuple(_text(item) for item in items)
