"""Holding everybody whom a read shows against the accounts, by id and fingerprint.

A person in whom nothing changed costs one fingerprint and one look-up; nothing of theirs is loaded or opened. People
are taken in blocks, so that what is done for each of them is done by Python's own loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, repeat
from operator import ne
from typing import Final, Protocol

from smartify_core.errors import SourceMalformed
from smartify_core.model import HeadPage, Identity
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._columns import fingerprints_in
from ._facts import Sorted

#: So many people are taken together: few enough that the processor's cache holds them between two looks at each.
BLOCK: Final = 250

#: Takes an identity to its fingerprint.
Fingerprint = Callable[[Identity], bytes]


class People(Protocol):
    """What people are read from."""

    def blocks(self) -> Iterator[tuple[Sequence[Identity], Sequence[str]]]:
        """Yield everybody, at most `BLOCK` at a time and never nobody, with their source ids."""


def sort_at_hand(
    tenant: str,
    storage: Storage,
    people: People,
    *,
    fingerprinter: Callable[[], Fingerprint],
    heartbeat: Callable[[], None],
) -> Sorted:
    """Read ``people`` to their end with every account's id and fingerprint at hand: fast, and some 180 bytes each.

    Raises:
        SourceMalformed: The source yielded one person twice.
        SourceError: The source could not be read.
        StorageError: The store could not be read.
    """
    found = Sorted()
    unseen: dict[str, bytes] = {}
    waiting: set[str] = set()
    pages: list[Sequence[str]] = []
    for page in heads_of(tenant, storage):
        unseen.update(zip(page.source_ids, fingerprints_in(page.fingerprints), strict=True))
        waiting.update(page.waiting)
        pages.append(page.source_ids)
    found.known = len(unseen) - len(waiting)
    see, fingerprint, fresh, changed = unseen.pop, fingerprinter(), found.fresh, found.changed
    for some, ids in people.blocks():
        heartbeat()
        found.people += len(some)
        before: list[bytes | None] = list(map(see, ids, repeat(None)))
        if not any(before):  # as in a first load: nothing to compare, so nobody's fingerprint is needed
            fresh += some
            continue
        for identity, was in compress(zip(some, before, strict=True), map(ne, before, map(fingerprint, some))):
            (fresh if was is None else changed).append(identity)
    found.unchanged = found.people - len(fresh) - len(changed)
    _refuse_whom_came_twice(tenant, fresh, pages)
    found.absent = sorted(unseen.keys() - waiting)
    found.waiting = sorted(unseen.keys() & waiting)
    return found


def heads_of(tenant: str, storage: Storage) -> Iterator[HeadPage]:
    """Yield the heads of a tenant's accounts, page by page."""
    after: str | None = None
    while True:
        page = storage.heads(tenant, after=after)
        yield page
        if len(page) < KEYS_AT_ONCE:
            return
        after = page.source_ids[-1]


def twice(tenant: str, source_id: str) -> SourceMalformed:
    """Return the error for a source that yields one person twice."""
    return SourceMalformed(
        "the source yielded one person twice",
        where=f"tenant {tenant}, source id {source_id}",
        cure="A source yields each id once (clause DS-01); mend the source.",
    )


def _refuse_whom_came_twice(tenant: str, fresh: Sequence[Identity], pages: Iterable[Sequence[str]]) -> None:
    """Raise when somebody came twice: then they are among those without an account, or their account was seen before.

    Asked at the end, so that it costs nothing for whoever has an account and came once.
    """
    if not fresh:
        return
    ids: set[str] = set()
    for identity in fresh:
        if identity.source_id in ids:
            raise twice(tenant, identity.source_id)
        ids.add(identity.source_id)
    for page in pages:
        if not ids.isdisjoint(page):
            raise twice(tenant, min(ids.intersection(page)))
