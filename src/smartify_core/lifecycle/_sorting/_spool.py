"""What one read of a directory said, kept until the comparison needs it, in memory that does not grow with the people.

Most runs find nothing changed, and know it from two numbers: how many people were read, and the sum of their
fingerprints. They never look into the spool again. Otherwise `_differences` tells whom it has to give back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from types import TracebackType
from typing import Any, Final, Self

from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath

from ._columns import FINGERPRINT_BYTES, joined, parted
from ._scratch import Scratch

#: How many people stay in memory, about 400 bytes each. Of a smaller tenant no name meets a file.
IN_MEMORY: Final = 8_192
#: Memberships that are spooled as numbers before a new table of them begins, about 60 bytes each.
_MEMBERSHIPS: Final = 1 << 16

#: Fingerprints are added side by side, each with room above it for the carries of more people than there are.
_ROOM: Final = bytes(8)
_LANE_BITS: Final = 8 * (FINGERPRINT_BYTES + len(_ROOM))
_REASONS: Final = {reason.value: reason for reason in InactiveReason}


class Spool:
    """The people of one read, in the order in which they came. A context manager; use it from one thread.

    Args:
        in_memory: Up to how many people stay in memory. When there are more, all of them go to an encrypted temporary
            file: those who were in memory would be most of what a large tenant takes there.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        #: How many people were taken.
        self.people = 0
        self.scratch = Scratch(in_memory)
        self._in_memory = in_memory
        self._memberships = _Memberships(self.scratch)
        self._sums = 0
        #: People as they came, their ids and their fingerprints, by block: either everybody, or nobody.
        self._held: list[tuple[Sequence[Identity], Sequence[str], bytes]] = []
        #: By block: the place of ids and fingerprints, the place of the rest, the table of the memberships.
        self._index = array("Q")
        self._details = array("Q")
        self._tables = array("I")

    def take(self, identities: Sequence[Identity], ids: Sequence[str], fingerprints: Sequence[bytes]) -> None:
        """Keep a block of people, each with the id and the fingerprint that stand at the same position.

        Raises:
            StorageUnavailable: The temporary folder cannot take them.
        """
        self.people += len(identities)
        self._sums += int.from_bytes(_ROOM.join(fingerprints), "big")
        whole = b"".join(fingerprints)
        if self.people <= self._in_memory:
            self._held.append((identities, ids, whole))
            return
        for block in self._held:
            self._put(*block)
        self._held.clear()
        self._put(identities, ids, whole)

    @property
    def digest(self) -> int:
        """Return the sum of the fingerprints, as big-endian numbers, modulo 2^128."""
        # A number is the sum of its lanes modulo (a lane's size - 1).
        return self._sums % ((1 << _LANE_BITS) - 1) % (1 << 8 * FINGERPRINT_BYTES)

    def index(self) -> Iterator[tuple[Sequence[str] | str, bytes]]:
        """Yield, block by block, the source ids (for `parted`) and their fingerprints (16 bytes each, joined)."""
        for _, ids, whole in self._held:
            yield ids, whole
        for place in self._index:
            column, whole = self.scratch.get(place)
            yield column, whole

    def identities(self, block: int, positions: Sequence[int]) -> Iterator[Identity]:
        """Yield the people at these positions of a block."""
        if self._held:
            held = self._held[block][0]
            yield from (held[at] for at in positions)
            return
        ids = parted(self.scratch.get(self._index[block])[0])
        texts, why, counts, addresses = self.scratch.get(self._details[block])
        number = len(ids)
        texts = parted(texts)
        memberships = self._memberships.table(self._tables[block])
        ends = list(accumulate(array("I", counts)))
        starts = [0, *ends]
        of_everybody = array("Q", addresses)
        for at in positions:
            yield Identity(
                ids[at],
                texts[at],
                texts[number + at],
                texts[2 * number + at],
                None if why is None or why[at] is None else _REASONS[why[at]],
                tuple([memberships[one] for one in of_everybody[starts[at] : ends[at]]]),
            )

    def _put(self, identities: Sequence[Identity], ids: Sequence[str], whole: bytes) -> None:
        texts = [one.email for one in identities]
        texts += [one.given_name for one in identities]
        texts += [one.family_name for one in identities]
        reasons = [one.inactive_reason for one in identities]
        memberships = [one.memberships for one in identities]
        table, addresses = self._memberships.addresses(memberships)
        details = (
            joined(texts),
            [reason and reason.value for reason in reasons] if any(reasons) else None,
            array("I", map(len, memberships)).tobytes(),
            addresses,
        )
        self._index.append(self.scratch.put((joined(ids), whole)))
        self._details.append(self.scratch.put(details))
        self._tables.append(table)

    def close(self) -> None:
        """Forget everybody."""
        self._held = []
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
    """Tells memberships by where they are in memory: sources share one value among all members of a group.

    Comparing them by value would cost more than all the rest. A table holds its memberships, so that no other ever is
    where one of them was.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._full: list[int] = []
        self._now: dict[int, Membership] = {}
        self._reading: tuple[int, dict[int, Membership]] = (-1, {})

    def addresses(self, of_people: Sequence[Sequence[Membership]]) -> tuple[int, bytes]:
        """Return a table and, joined, the addresses that these people's memberships have in it."""
        if len(self._now) >= _MEMBERSHIPS:
            rows = {
                at: (one.group.id, one.group.email, one.group.name, one.path.value) for at, one in self._now.items()
            }
            self._full.append(self._scratch.put(rows))
            self._now = {}
        addresses = list(map(id, chain.from_iterable(of_people)))
        if not all(map(self._now.__contains__, addresses)):
            self._now.update(zip(addresses, chain.from_iterable(of_people), strict=True))
        return len(self._full), array("Q", addresses).tobytes()

    def table(self, number: int) -> dict[int, Membership]:
        """Return the memberships of a table, by their addresses."""
        if number == len(self._full):
            return self._now
        if self._reading[0] != number:
            rows: dict[int, Any] = self._scratch.get(self._full[number])
            self._reading = (
                number,
                {at: Membership(Group(*row[:3]), MembershipPath(row[3])) for at, row in rows.items()},
            )
        return self._reading[1]
