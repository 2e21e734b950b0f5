"""Holding everybody whom a read shows against the accounts, by fingerprint.

A person in whom nothing changed costs one fingerprint and one look-up; nothing of theirs is loaded or opened. People
are taken in blocks, so that what is done for each of them is done by Python's own loops.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, repeat
from typing import Final, Protocol

from smartify_core.model import Identity
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page

from ._columns import fingerprints_in
from ._sorted import Sorted
from ._unmatched import KeptPage, hold_against, kept, twice

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
    """Read ``people`` to their end with every account's id and fingerprint at hand: fast, and some 150 bytes each.

    Raises:
        SourceMalformed: The source yielded one person twice.
        SourceError: The source could not be read.
        StorageError: The store could not be read.
    """
    found = Sorted()
    pages: list[KeptPage] = []
    # A fingerprint covers the source id, so two people are the same if and only if their fingerprints are. A mapping in
    # place of a set: the garbage collector passes over one of bytes alone, and would walk through a million of a set
    # again and again while people are read.
    unseen: dict[bytes, None] = {}
    for page in every_head_page(storage, tenant):
        unseen.update(dict.fromkeys(fingerprints_in(page.fingerprints)))
        found.known += len(page) - len(page.waiting)
        pages.append(kept(page))
    fingerprint = fingerprinter()
    differing: list[Identity] = []
    for some, ids in people.blocks():
        heartbeat()
        found.people += len(some)
        if not unseen:  # as in a first load: nothing to compare with, so nobody's fingerprint is needed
            differing += some
            continue
        here = list(map(fingerprint, some))
        distinct = set(here)
        if len(distinct) < len(here):
            raise twice(tenant, Counter(ids).most_common(1)[0][0])
        if others := distinct.difference(unseen):
            differing += compress(some, map(others.__contains__, here))
        deque(map(unseen.pop, distinct, repeat(None)), maxlen=0)  # runs through it, and keeps nothing
    found.unchanged = found.people - len(differing)
    differing_ids: set[str] = set()
    for identity in differing:
        if identity.source_id in differing_ids:
            raise twice(tenant, identity.source_id)
        differing_ids.add(identity.source_id)
    unmatched = hold_against(tenant, pages, differing_ids, unseen)
    found.absent, found.waiting = unmatched.absent, unmatched.waiting
    for identity in differing:
        (found.changed if identity.source_id in unmatched.has_account else found.fresh).append(identity)
    return found
