"""Scopes that reach whatever lived at a time: hosts, keys and copies of stores. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attrs import define, field, frozen

from smartify_core.policy.audit._entries import AuditRecord
from smartify_core.policy.breach._incident import BreachScope
from smartify_core.policy.breach._vocabulary import ScopeKind


@frozen(order=False)
class Span:
    """One scope that reaches whatever lived at a time.

    Args:
        bit: The scope.
        kind: Its kind.
        start: From when on; ``None`` for the beginning.
        end: The first instant after it; ``None`` for no end.
        tenants: Only these, unless it is empty.
        keys: The names of the keys, where it is one of keys.
    """

    bit: int
    kind: ScopeKind
    start: datetime | None
    end: datetime | None
    tenants: frozenset[str]
    keys: frozenset[str] = frozenset()

    def meets(self, began: datetime | None, ended: datetime | None) -> bool:
        """Return whether something lived at that time: from when on, where that is known, and until when, if it ended.

        What ended in the very instant counts: unknown never makes anybody safe.
        """
        if self.end is not None and began is not None and began >= self.end:
            return False
        return self.start is None or ended is None or ended >= self.start


def spans_of(scopes: Sequence[BreachScope]) -> tuple[Span, ...]:
    """Return the spans of the scopes that have one.

    A copy of a store was made at ``until``. Where only ``since`` is known too, it was made at some time between; where
    neither is known, at any time.
    """
    found = []
    for number, one in enumerate(scopes):
        if one.kind not in {ScopeKind.HOST, ScopeKind.KEY, ScopeKind.STORE}:
            continue
        start, end = one.since, one.until
        if one.kind is ScopeKind.STORE and end is not None:
            start = end if start is None else start
            end += timedelta(microseconds=1)  # what was made in that instant is in the copy
        keys = frozenset(one.names) if one.kind is ScopeKind.KEY else frozenset[str]()
        found.append(Span(1 << number, one.kind, start, end, frozenset(one.tenants), keys))
    return tuple(found)


@define(eq=False)
class KeyHistory:
    """What the audit trail says of wrapping keys."""

    #: Whether a key that may wrap for all tenants was changed; and the tenants of which one of their own was.
    all_moved: bool = False
    moved: set[str] = field(factory=set[str])
    #: Whose each key is that was made or taken out; ``None`` for all tenants'.
    owners: defaultdict[str, set[str | None]] = field(factory=lambda: defaultdict(set))
    #: When each key was taken out, at last.
    retired_at: dict[str, datetime] = field(factory=dict[str, datetime])
    #: All names of keys that were met.
    names: set[str] = field(factory=set[str])

    def note(self, record: AuditRecord) -> None:
        """Take note of an entry about a key."""
        key = record.facts.get("key")
        if record.tenant is None:
            self.all_moved = True
        else:
            self.moved.add(record.tenant)
        if not isinstance(key, str):
            return
        self.names.add(key)
        if record.kind in {"key.rotated", "key.retired"}:
            self.owners[key].add(record.tenant)
        if record.kind == "key.retired":
            self.retired_at[key] = record.at

    def may_have_wrapped(self, key: str, tenant: str, *, in_use: Iterable[str] | None, began: datetime | None) -> bool:
        """Return whether something of a tenant may ever have been wrapped under a key.

        Args:
            key: The name of the key.
            tenant: The tenant.
            in_use: The names of the keys that wrap what the tenant has now, and whatever it gets next; ``None`` where
                the ring cannot tell.
            began: When the tenant's earliest account was made; ``None`` where that is not on record.
        """
        if in_use is None or key in in_use:
            return True
        owners = self.owners.get(key, set())
        if owners and None not in owners and tenant not in owners:
            return False  # it is another tenant's own
        retired = self.retired_at.get(key)
        if retired is not None and began is not None and began > retired:
            return False  # it had been taken out
        # Whoever was never moved to another key, as far as is on record, has had those that are in use all the time.
        return self.all_moved or tenant in self.moved
