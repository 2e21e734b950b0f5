"""The people of a directory who have no account yet: packed, because a first load holds everybody at once."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterable, Iterator
from random import SystemRandom
from typing import Final

from smartify_core.model import Identity, InactiveReason, Membership

_REASONS: Final = {reason.value: reason for reason in InactiveReason}

#: Takes a text to itself, and one of a class of its own, as some parsers return it, to the same as a plain one.
_plain: Final = str.__str__


def _permutation() -> bytes:
    order = list(range(256))
    SystemRandom().shuffle(order)
    return bytes(order)


#: What is packed goes through a permutation of the bytes that each process draws anew. That protects from nobody who
#: means it; it keeps names out of a repr, and of a traceback that shows values.
_MIXED: Final = _permutation()
_CLEAR: Final = bytes(_MIXED.index(byte) for byte in range(256))

#: The source id, the email index of the address, and the rest of the person. A plain tuple of texts and bytes: the
#: garbage collector passes it over, where it would visit the objects of a person again and again.
Packed = tuple[str, bytes, bytes]


class Memberships:
    """Numbers for memberships: sources share one value among all members of a group."""

    def __init__(self) -> None:
        self._noted: list[Membership] = []
        # By the identity of the object, which the list holds: hashing the value would cost more than all the rest.
        self._numbers: dict[int, int] = {}

    def numbers(self, memberships: Iterable[Membership]) -> bytes:
        """Return the numbers of these memberships, joined."""
        known, note = self._numbers.get, self._note
        return array("I", [known(id(one)) or note(one) for one in memberships]).tobytes()

    def numbered(self, numbers: bytes) -> tuple[Membership, ...]:
        """Return the memberships that have these numbers."""
        noted = self._noted
        return tuple([noted[number - 1] for number in array("I", numbers)])

    def _note(self, membership: Membership) -> int:
        self._noted.append(membership)
        number = self._numbers[id(membership)] = len(self._noted)
        return number


class Newcomers:
    """People without an account, some 300 bytes each, in the order in which they were read.

    Args:
        evidence: What shows them.
    """

    def __init__(self, evidence: str = "") -> None:
        self.evidence = evidence
        #: What is needed to unpack any of them.
        self.memberships = Memberships()
        self._packed: list[Packed] = []

    def add(self, identity: Identity, email_index: bytes) -> None:
        """Take one person, and the email index of their address."""
        reason = identity.inactive_reason
        rest = (
            _plain(identity.email),
            _plain(identity.given_name),
            _plain(identity.family_name),
            None if reason is None else reason.value,
            self.memberships.numbers(identity.memberships),
        )
        self._packed.append((_plain(identity.source_id), email_index, marshal.dumps(rest).translate(_MIXED)))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._packed)

    def __iter__(self) -> Iterator[Packed]:
        """Yield them, packed."""
        return iter(self._packed)

    def identities(self) -> Iterator[Identity]:
        """Yield them as the directory shows them."""
        return (unpacked(one, self.memberships) for one in self._packed)


def unpacked(packed: Packed, memberships: Memberships) -> Identity:
    """Return a newcomer as the directory shows them."""
    source_id, _, rest = packed
    email, given_name, family_name, reason, numbers = marshal.loads(rest.translate(_CLEAR))  # noqa: S302 - dumped by `Newcomers.add`
    return Identity(
        source_id,
        email,
        given_name,
        family_name,
        None if reason is None else _REASONS[reason],
        memberships.numbered(numbers),
    )
