"""Decoys: accounts, grants and employees that nobody has a reason to touch, and what counts as touching one. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from attrs import field, frozen

from smartify_core.policy.audit._entries import AuditRecord

#: The most decoys of a store.
MOST_DECOYS: Final = 2_000
#: The most characters of a note on a decoy.
LONGEST_NOTE: Final = 200


@enum.unique
class DecoyKind(enum.Enum):
    """What a decoy is."""

    #: An account of a tenant, whose fields nobody has a reason to open.
    SUBJECT = "subject"
    #: A grant that nobody has a reason to use.
    GRANT = "grant"
    #: An employee or service that never does anything.
    EMPLOYEE = "employee"


@frozen(order=False)
class Decoy:
    """One decoy.

    Args:
        kind: What it is.
        id: The id of the account, the grant or the employee. Not shown: whoever knows it walks around it.
        tenant: Whose account it is; ``None`` for the other kinds.
        planted_at: When it was planted.
        planted_by: Who planted it.
        since: How many entries the audit trail had then: what is older is no touch.
        note: What it is for.
    """

    kind: DecoyKind
    id: str = field(repr=False)
    tenant: str | None = field(repr=False)
    planted_at: datetime
    planted_by: str
    since: int
    note: str = field(default="", repr=False)

    @property
    def place(self) -> tuple[DecoyKind, str | None, str]:
        """What it is told from others by."""
        return self.kind, self.tenant, self.id


@frozen(order=False)
class Decoys:
    """All decoys of a store, as they are kept: in one document."""

    all: tuple[Decoy, ...] = field(default=(), repr=False)


#: The beginnings of the kinds of entries that touch an account or a grant: asking for one, or approving it, is no use
#: of it. An employee who is a decoy does nothing at all, and so whatever they do is a touch.
_TOUCHING: Final = ("access.", "export.", "reason.", "communication.")


class Decoyed:
    """The decoys of a store, in the order in which entries are compared with them.

    Args:
        decoys: The decoys.
    """

    def __init__(self, decoys: Iterable[Decoy] = ()) -> None:
        #: From which place on each is one.
        self._since = {one.place: one.since for one in decoys}
        self._ids = frozenset(id_ for _, _, id_ in self._since)
        self._bytes = frozenset(one.encode() for one in self._ids)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._since)

    def may_touch(self, content: bytes) -> bool:
        """Return whether the bytes of an entry name a decoy anywhere, without reading them.

        Entries are canonical JSON (RFC 8785), which escapes nothing in an id: each stands between two quotation marks.
        """
        return not self._bytes.isdisjoint(content.split(b'"'))

    def touched(self, record: AuditRecord, place: int | None = None) -> frozenset[DecoyKind]:
        """Return of which kinds the decoys are that a record touches; none for a record that touches no decoy.

        Args:
            record: What happened.
            place: Where it stands in the trail; ``None`` for the latest.
        """
        named: list[tuple[DecoyKind, str | None, str]] = []
        if record.actor in self._ids and record.actor is not None:
            named.append((DecoyKind.EMPLOYEE, None, record.actor))
        if record.kind.startswith(_TOUCHING):
            named += [(DecoyKind.SUBJECT, record.tenant, one) for one in record.subjects if one in self._ids]
            grant = record.facts.get("grant")
            if isinstance(grant, str) and grant in self._ids:
                named.append((DecoyKind.GRANT, None, grant))
        return frozenset(one[0] for one in named if one in self._since and (place is None or self._since[one] <= place))
