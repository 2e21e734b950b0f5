"""What sealing a tenant's accounts needs again and again, prepared once: keyed states, places, and shared groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Final

from smartify_core.model import Identity, Membership

from ._fingerprint import fingerprinter, index_maker
from ._key_ring import KeyRing
from ._payload import encode_membership

#: Memberships whose encoded form and index are at hand, about 400 bytes each: more than almost any customer has groups.
#: A source that shares no values meets the bound, not the end of memory.
_MEMBERSHIPS_AT_HAND: Final = 1 << 15

LAYOUT: Final = b"\x01"
_ACCOUNT_ID_BYTES: Final = 16


class Prepared:
    """The tools for one tenant. They hold the tenant's lookup keys, and the groups that were met last.

    Args:
        ring: Where the keys come from.
        tenant: Whose accounts are sealed.
    """

    def __init__(self, ring: KeyRing, tenant: str) -> None:
        self.tenant = tenant
        self._ring = ring
        self._fields_place = place(b"fields", tenant)
        self._key_place = place(b"data key", tenant)
        # By the identity of the object, as in `fingerprinter`: sources share one value among all members of a group.
        self._at_hand: dict[int, tuple[Membership, str, bytes]] = {}
        #: The memberships that opened accounts share; see `decode`.
        self.opened: dict[tuple[str, str, str, str], Membership] = {}

    # Made when they are first needed: whoever only opens asks the ring for no key for hashing.

    @cached_property
    def fingerprint(self) -> Callable[[Identity], bytes]:
        """What takes an identity to its fingerprint."""
        return fingerprinter(self._ring.fingerprint_key(self.tenant))

    @cached_property
    def email_index(self) -> Callable[[str], bytes]:
        """What takes a person's address to its blind index."""
        return index_maker(self._index_key, b"smartify-email")

    @cached_property
    def _group_index(self) -> Callable[[str], bytes]:
        return index_maker(self._index_key, b"smartify-group")

    @cached_property
    def _account_ids(self) -> blake2b:
        return blake2b(key=self._index_key, digest_size=_ACCOUNT_ID_BYTES, person=b"smartify-account")

    @cached_property
    def _index_key(self) -> bytes:
        return self._ring.index_key(self.tenant)

    def account_id(self, source_id: str, predecessor: str | None) -> str:
        """Return the id of the account that a person gets; see `Sealer.account_id`."""
        state = self._account_ids.copy()
        state.update(part(source_id.encode()))
        if predecessor is not None:
            state.update(part(predecessor.encode()))
        return state.hexdigest()

    def places(self, source_id: str, account_id: str) -> tuple[bytes, bytes]:
        """Return the associated data of an account's fields and of its data key."""
        rest = part(source_id.encode("utf-8", "surrogatepass")) + part(account_id.encode("utf-8", "surrogatepass"))
        return self._fields_place + rest, self._key_place + rest

    def groups(self, memberships: Sequence[Membership]) -> tuple[list[str], tuple[bytes, ...]]:
        """Return the memberships as a payload holds them, and the blind indexes of their groups, ascending."""
        known, prepare = self._at_hand.get, self._prepare
        entries = [known(id(membership)) or prepare(membership) for membership in memberships]
        return [entry[1] for entry in entries], tuple(sorted({entry[2] for entry in entries}))

    def _prepare(self, membership: Membership) -> tuple[Membership, str, bytes]:
        if len(self._at_hand) >= _MEMBERSHIPS_AT_HAND:
            self._at_hand.clear()
        entry = membership, encode_membership(membership), self._group_index(membership.group.email)
        self._at_hand[id(membership)] = entry
        return entry


def place(purpose: bytes, *ids: str) -> bytes:
    """Return the associated data: each part after its length, so that no two places share them."""
    parts = (purpose, LAYOUT, *(one.encode("utf-8", "surrogatepass") for one in ids))
    return b"smartify/1" + b"".join(map(part, parts))


def part(content: bytes) -> bytes:
    """Return ``content`` after its length."""
    return len(content).to_bytes(8, "big") + content
