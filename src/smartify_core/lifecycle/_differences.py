"""The people of a spool held against the heads of a store, in memory that does not grow with either.

A fingerprint covers the source id, so two people are the same if and only if their fingerprints are. Both sides are
cut into partitions by the first bits of the fingerprint, each small enough for two sets; only what the sets do not
share is looked at by id.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from struct import iter_unpack
from typing import Final

from smartify_core.model import Head, Identity, InactiveReason

from ._scratch import Scratch
from ._sorting import twice
from ._spool import Spool

#: How many fingerprints of one side are held at once, about 100 bytes each.
IN_PARTITION: Final = 8_192
_DIGEST_BYTES: Final = 16
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
        pages: Iterable[Sequence[Head]],
        *,
        accounts: int,
        in_partition: int = IN_PARTITION,
    ) -> None:
        self._tenant = tenant
        self._spool = spool
        self.absent: list[str] = []
        self.waiting: list[str] = []
        self.known = 0
        #: The source ids of the people who differ and have an account.
        self._has_account: set[str] = set()
        #: The positions of the people who differ, by block.
        self._positions: dict[int, list[int]] = {}
        bits = min((max(spool.people, accounts) // in_partition).bit_length(), _PREFIX_BITS)
        ours, theirs = (_Partitions(spool.scratch, 1 << bits, in_partition) for _ in range(2))
        for _, joined in spool.index():
            ours.add(joined)
        blocks = [self._keep(page, theirs) for page in pages]
        only_ours, only_theirs, doubled = _unshared(ours, theirs)
        self.unchanged = spool.people - len(only_ours)
        differing = self._who_differs(only_ours, doubled)
        self._hold_against(blocks, differing, only_theirs)

    def people(self) -> Iterator[tuple[Identity, bool]]:
        """Yield everybody who is new or differs, in the order read, and whether they have an account."""
        for block, positions in self._positions.items():
            for identity in self._spool.identities(block, positions):
                yield identity, identity.source_id in self._has_account

    def _keep(self, page: Sequence[Head], theirs: _Partitions) -> int:
        joined = b"".join([head.fingerprint for head in page])
        theirs.add(joined)
        gone = bytes([head.inactive_reason is InactiveReason.DELETED for head in page])
        self.known += gone.count(0)
        return self._spool.scratch.put(([head.source_id for head in page], joined, gone), weight=len(page))

    def _who_differs(self, only_ours: set[bytes], doubled: set[bytes]) -> set[str]:
        differing: set[str] = set()
        if not only_ours and not doubled:
            return differing
        for block, (ids, joined) in enumerate(self._spool.index()):
            fingerprints = _split(joined)
            if doubled:
                for source_id, one in zip(ids, fingerprints, strict=True):
                    if one in doubled:
                        raise twice(self._tenant, source_id)
            positions = [at for at, one in enumerate(fingerprints) if one in only_ours]
            if positions:
                self._positions[block] = positions
                for at in positions:
                    if ids[at] in differing:
                        raise twice(self._tenant, ids[at])
                    differing.add(ids[at])
        return differing

    def _hold_against(self, blocks: Sequence[int], differing: set[str], only_theirs: set[bytes]) -> None:
        if not differing and not only_theirs:
            return
        for place in blocks:
            ids, joined, gone = self._spool.scratch.get(place)
            fingerprints = _split(joined)
            found = [at for at, one in enumerate(fingerprints) if one in only_theirs]
            here = differing.intersection(ids)
            for at in found:
                if ids[at] in here:
                    here.remove(ids[at])
                    self._has_account.add(ids[at])
                else:
                    (self.waiting if gone[at] else self.absent).append(ids[at])
            # Their account is as somebody who was read has it, and yet they differ: so they were read twice.
            for source_id in here:
                raise twice(self._tenant, source_id)


class _Partitions:
    """Fingerprints of one side, by their first bits."""

    def __init__(self, scratch: Scratch, number: int, in_partition: int) -> None:
        self._scratch = scratch
        self._number = number
        self._at_once = 4 * in_partition * _DIGEST_BYTES
        self._pending = bytearray()
        self._places = [array("Q") for _ in range(number)]
        step = (1 << _PREFIX_BITS) // number
        self._bounds = [(part * step).to_bytes(2, "big") for part in range(1, number)]

    def add(self, joined: bytes) -> None:
        self._pending += joined
        if len(self._pending) >= self._at_once:
            self._sort_away()

    def _sort_away(self) -> None:
        fingerprints = sorted(_split(bytes(self._pending)))
        self._pending.clear()
        start = 0
        ends = (*(bisect_left(fingerprints, bound) for bound in self._bounds), len(fingerprints))
        for places, end in zip(self._places, ends, strict=True):
            places.append(self._scratch.put(b"".join(fingerprints[start:end]), weight=end - start))
            start = end

    def __iter__(self) -> Iterator[list[bytes]]:
        if self._pending:
            self._sort_away()
        for places in self._places:
            yield _split(b"".join(map(self._scratch.get, places)))


def _unshared(ours: _Partitions, theirs: _Partitions) -> tuple[set[bytes], set[bytes], set[bytes]]:
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


def _split(joined: bytes) -> list[bytes]:
    return [one for (one,) in iter_unpack(f"{_DIGEST_BYTES}s", joined)]
