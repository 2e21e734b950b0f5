"""The people of a spool held against the heads of a store, in memory that does not grow with either.

A fingerprint covers the source id, so two people are the same if and only if their fingerprints are. Both sides are
cut into partitions by the first bits of the fingerprint, each small enough for two sets; only what the sets do not
share is looked at by id.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import compress, count
from typing import Final

from smartify_core.model import HeadPage, Identity

from ._columns import fingerprints_in, parted
from ._partitions import Partitions
from ._spool import Spool
from ._unmatched import hold_against, kept, twice

#: How many fingerprints of one side are held at once, about 100 bytes each.
IN_PARTITION: Final = 4_096
_PREFIX_BITS: Final = 16


class Differences:
    """Compares when it is made; afterwards says who differs.

    Attributes:
        unchanged: How many people are as the store has them.
        absent: Whose account is live although they were not read, in bytewise order of source id.
        waiting: The same for those who are known to be deleted already.
        known: How many accounts there are, without those who are known to be deleted already.

    Args:
        tenant: Whose accounts these are.
        spool: Everybody who was read.
        pages: Every live account, in bytewise order of source id, page by page.
        accounts: About how many there are.
        in_partition: How many fingerprints of one side are held at once.

    Raises:
        SourceMalformed: The source yielded one person twice; ``where`` names the id alone.
        StorageUnavailable: The temporary folder cannot take what does not fit into memory.
    """

    def __init__(
        self,
        tenant: str,
        spool: Spool,
        pages: Iterable[HeadPage],
        *,
        accounts: int,
        in_partition: int = IN_PARTITION,
    ) -> None:
        self._tenant = tenant
        self._spool = spool
        self.known = 0
        #: The positions of the people who differ, by block.
        self._positions: dict[int, array[int]] = {}
        bits = min((max(spool.people, accounts) // in_partition).bit_length(), _PREFIX_BITS)
        ours = Partitions(spool.scratch, 1 << bits, in_partition)
        for _, whole in spool.index():
            ours.add(whole)
        ours.close()
        theirs = Partitions(spool.scratch, 1 << bits, in_partition)
        places = array("Q", [self._keep(page, theirs) for page in pages if page])
        theirs.close()
        only_ours, only_theirs, doubled = _unshared(ours, theirs)
        self.unchanged = spool.people - len(only_ours)
        differing = self._who_differs(only_ours, doubled)
        unmatched = hold_against(tenant, map(spool.scratch.get, places), differing, only_theirs)
        self.absent, self.waiting, self._has_account = unmatched.absent, unmatched.waiting, unmatched.has_account

    def people(self) -> Iterator[tuple[Identity, bool]]:
        """Yield everybody who is new or differs, in the order read, and whether they have an account."""
        for block, positions in self._positions.items():
            for identity in self._spool.identities(block, positions):
                yield identity, identity.source_id in self._has_account

    def _keep(self, page: HeadPage, theirs: Partitions) -> int:
        theirs.add(page.fingerprints)
        self.known += len(page) - len(page.waiting)
        return self._spool.scratch.put(kept(page), weight=len(page))

    def _who_differs(self, only_ours: set[bytes], doubled: set[bytes]) -> set[str]:
        differing: set[str] = set()
        if not only_ours and not doubled:
            return differing
        for block, (column, whole) in enumerate(self._spool.index()):
            fingerprints = fingerprints_in(whole)
            if not doubled.isdisjoint(fingerprints):
                at = next(at for at, one in enumerate(fingerprints) if one in doubled)
                raise twice(self._tenant, parted(column)[at])
            positions = array("I", compress(count(), map(only_ours.__contains__, fingerprints)))
            if positions:
                self._positions[block] = positions
                ids = parted(column)
                for at in positions:
                    if ids[at] in differing:
                        raise twice(self._tenant, ids[at])
                    differing.add(ids[at])
        return differing


def _unshared(ours: Partitions, theirs: Partitions) -> tuple[set[bytes], set[bytes], set[bytes]]:
    """Return the fingerprints that only one of the sides has, and those that ours has more than once."""
    only_ours: set[bytes] = set()
    only_theirs: set[bytes] = set()
    doubled: set[bytes] = set()
    for one, other in zip(ours, theirs, strict=True):
        left, right = set(one), set(other)
        if len(left) < len(one):
            doubled.update(here for here, times in Counter(one).items() if times > 1)
        only_ours |= left - right
        only_theirs |= right - left
    return only_ours, only_theirs, doubled
