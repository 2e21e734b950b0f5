"""What one read of a directory said, kept until the comparison needs it, in memory that does not grow with the people.

Most runs find nothing changed, and know it from two numbers: how many people were read, and the sum of their
fingerprints. They never look into the spool again. Otherwise `_differences` tells whom it has to give back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from struct import unpack
from types import TracebackType
from typing import Final, Self

from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath

from ._scratch import Scratch

#: How many people stay in memory, about 400 bytes each. Of a smaller tenant no name meets a file.
IN_MEMORY: Final = 8_192
#: Memberships that are spooled as numbers before a new table of them begins, about 150 bytes each.
_MEMBERSHIPS: Final = 1 << 16

_DIGEST_BITS: Final = 128
_WORD_BITS: Final = 64
_REASONS: Final = {reason.value: reason for reason in InactiveReason}


class Spool:
    """The people of one read, in the order in which they came. A context manager; use it from one thread.

    Args:
        in_memory: How many people stay in memory; the rest go to an encrypted temporary file.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        #: How many people were taken.
        self.people = 0
        #: The sum of their fingerprints, as big-endian numbers, modulo 2^128.
        self.digest = 0
        self.scratch = Scratch(in_memory)
        self._in_memory = in_memory
        self._memberships = _Memberships(self.scratch)
        #: The first blocks: people as they came, and their fingerprints.
        self._held: list[tuple[Sequence[Identity], bytes]] = []
        #: The other ones: the place of ids and fingerprints, the place of the rest, the table of the memberships.
        self._blocks: list[tuple[int, int, int]] = []

    def take(self, identities: Sequence[Identity], fingerprints: Sequence[bytes]) -> None:
        """Keep some people, each with the fingerprint that stands at the same position.

        Raises:
            StorageUnavailable: The temporary folder cannot take them.
        """
        number = len(identities)
        joined = b"".join(fingerprints)
        words = unpack(f">{2 * number}Q", joined)
        self.digest = (self.digest + (sum(words[::2]) << _WORD_BITS) + sum(words[1::2])) % (1 << _DIGEST_BITS)
        self.people += number
        if self.people <= self._in_memory:
            self._held.append((identities, joined))
            return
        table, ordinals = self._memberships.ordinals(identities)
        details = (
            [one.email for one in identities],
            [one.given_name for one in identities],
            [one.family_name for one in identities],
            [None if one.inactive_reason is None else one.inactive_reason.value for one in identities],
            [len(one.memberships) for one in identities],
            ordinals,
        )
        index = ([one.source_id for one in identities], joined)
        self._blocks.append((self.scratch.put(index), self.scratch.put(details), table))

    def index(self) -> Iterator[tuple[list[str], bytes]]:
        """Yield, block by block, the source ids and their fingerprints (16 bytes each, joined)."""
        for held, joined in self._held:
            yield [one.source_id for one in held], joined
        for place, _, _ in self._blocks:
            ids, joined = self.scratch.get(place)
            yield ids, joined

    def identities(self, block: int, positions: Sequence[int]) -> Iterator[Identity]:
        """Yield the people at these positions of a block."""
        if block < len(self._held):
            held, _ = self._held[block]
            yield from (held[at] for at in positions)
            return
        ids_at, details_at, table = self._blocks[block - len(self._held)]
        ids, _ = self.scratch.get(ids_at)
        emails, given, family, reasons, counts, ordinals = self.scratch.get(details_at)
        memberships = self._memberships.table(table)
        ends = list(accumulate(counts))
        numbers = array("I", bytes(ordinals))
        for at in positions:
            yield Identity(
                ids[at],
                emails[at],
                given[at],
                family[at],
                None if reasons[at] is None else _REASONS[reasons[at]],
                tuple([memberships[number - 1] for number in numbers[ends[at] - counts[at] : ends[at]]]),
            )

    def close(self) -> None:
        """Forget everybody."""
        self._held, self._blocks = [], []
        self.scratch.close()

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the spool."""
        self.close()


class _Memberships:
    """Numbers for memberships. Sources share one value among all members of a group, so that a table stays short."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._full: list[int] = []
        self._now: list[Membership] = []
        self._numbers: dict[int, int] = {}
        self._reading: tuple[int, list[Membership]] = (-1, [])

    def ordinals(self, identities: Sequence[Identity]) -> tuple[int, bytes]:
        """Return a table and, joined, the numbers that these people's memberships have in it, from 1."""
        if len(self._now) >= _MEMBERSHIPS:
            rows = [(one.group.id, one.group.email, one.group.name, one.path.value) for one in self._now]
            self._full.append(self._scratch.put(rows))
            self._now, self._numbers = [], {}
        # By the identity of the object, which the table holds: hashing the value would cost more than all the rest.
        known, note = self._numbers.get, self._note
        numbers = [known(id(one)) or note(one) for person in identities for one in person.memberships]
        return len(self._full), array("I", numbers).tobytes()

    def _note(self, membership: Membership) -> int:
        self._now.append(membership)
        number = self._numbers[id(membership)] = len(self._now)
        return number

    def table(self, number: int) -> list[Membership]:
        """Return the memberships of a table, in the order of their numbers."""
        if number == len(self._full):
            return self._now
        if self._reading[0] != number:
            rows = self._scratch.get(self._full[number])
            self._reading = number, [Membership(Group(*row[:3]), MembershipPath(row[3])) for row in rows]
        return self._reading[1]
