"""Holding everybody whom a read shows against the accounts, by id and fingerprint.

A person in whom nothing changed costs one fingerprint and one look-up; nothing of theirs is loaded or opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from smartify_core.errors import SourceMalformed
from smartify_core.model import Head, Identity, InactiveReason
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._facts import Sorted

_SEEN: Final = None


class People(Protocol):
    """What people are read from: a snapshot, or something around one."""

    def identities(self) -> Iterator[Identity]:
        """Yield everybody."""


def sort_at_hand(
    tenant: str,
    storage: Storage,
    snapshot: People,
    *,
    fingerprint: Callable[[Identity], bytes],
    heartbeat: Callable[[], None],
) -> Sorted:
    """Read ``snapshot`` to its end with every account's id and fingerprint at hand: fast, and some 160 bytes each.

    Raises:
        SourceMalformed: The source yielded one person twice.
        SourceError: The source could not be read.
        StorageError: The store could not be read.
    """
    found = Sorted()
    unseen: dict[str, bytes | None] = {}
    waiting: set[str] = set()
    for page in heads_of(tenant, storage):
        unseen.update((head.source_id, head.fingerprint) for head in page)
        waiting.update(head.source_id for head in page if head.inactive_reason is InactiveReason.DELETED)
    found.known = len(unseen) - len(waiting)
    is_known, fresh, changed = unseen.get, found.fresh, found.changed
    people = unchanged = 0
    for identity in snapshot.identities():
        people += 1
        if not people % KEYS_AT_ONCE:
            heartbeat()
        source_id = identity.source_id
        before = is_known(source_id, b"")
        if before is _SEEN:
            raise twice(tenant, source_id)
        unseen[source_id] = _SEEN
        if not before:
            fresh.append(identity)
        elif before == fingerprint(identity):
            unchanged += 1
        else:
            changed.append(identity)
    found.people, found.unchanged = people, unchanged
    for source_id in sorted(source_id for source_id, before in unseen.items() if before is not _SEEN):
        (found.waiting if source_id in waiting else found.absent).append(source_id)
    return found


def heads_of(tenant: str, storage: Storage) -> Iterator[list[Head]]:
    """Yield the heads of a tenant's accounts, page by page."""
    after: str | None = None
    while True:
        page = list(storage.heads(tenant, after=after))
        yield page
        if len(page) < KEYS_AT_ONCE:
            return
        after = page[-1].source_id


def twice(tenant: str, source_id: str) -> SourceMalformed:
    """Return the error for a source that yields one person twice."""
    return SourceMalformed(
        "the source yielded one person twice",
        where=f"tenant {tenant}, source id {source_id}",
        cure="A source yields each id once (clause DS-01); mend the source.",
    )
