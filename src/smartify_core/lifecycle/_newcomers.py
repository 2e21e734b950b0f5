"""The people of a directory who have no account yet: packed, because a first load holds everybody at once."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from smartify_core.model import Identity, InactiveReason, Membership

_REASONS: Final = {reason.value: reason for reason in InactiveReason}

#: The source id, the email index of the address, and the rest of the person. A plain tuple of texts and bytes: the
#: garbage collector passes it over, where it would visit the objects of a person again and again.
Packed = tuple[str, bytes, bytes]


class Newcomers:
    """People without an account, some 300 bytes each, in the order in which they were read.

    Args:
        evidence: What shows them.
        index: Takes an address to its email index.
    """

    def __init__(self, evidence: str = "", index: Callable[[str], bytes] | None = None) -> None:
        self.evidence = evidence
        self._index = index
        self._packed: list[Packed] = []
        #: Memberships by number, and their numbers: sources share one value among all members of a group.
        self._memberships: list[Membership] = []
        self._numbers: dict[int, int] = {}

    def add(self, identity: Identity) -> None:
        """Take one person."""
        assert self._index is not None  # noqa: S101 - whoever adds people says how addresses are looked up
        known, note = self._numbers.get, self._note
        numbers = [known(id(one)) or note(one) for one in identity.memberships]
        reason = identity.inactive_reason
        rest = (
            identity.email,
            identity.given_name,
            identity.family_name,
            None if reason is None else reason.value,
            array("I", numbers).tobytes(),
        )
        self._packed.append((identity.source_id, self._index(identity.email), marshal.dumps(rest)))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._packed)

    def __iter__(self) -> Iterator[Packed]:
        """Yield them, packed."""
        return iter(self._packed)

    def identities(self, packed: Iterable[Packed] | None = None) -> Iterator[Identity]:
        """Yield these people, or all, as the directory shows them."""
        memberships = self._memberships
        for source_id, _, rest in self._packed if packed is None else packed:
            email, given_name, family_name, reason, numbers = marshal.loads(rest)  # noqa: S302 - dumped by `add`
            yield Identity(
                source_id,
                email,
                given_name,
                family_name,
                None if reason is None else _REASONS[reason],
                tuple([memberships[number - 1] for number in array("I", numbers)]),
            )

    def _note(self, membership: Membership) -> int:
        # By the identity of the object, which the list holds: hashing the value would cost more than all the rest.
        self._memberships.append(membership)
        number = self._numbers[id(membership)] = len(self._memberships)
        return number
