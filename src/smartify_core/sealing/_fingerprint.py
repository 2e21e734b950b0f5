"""Keyed hashes of identities and addresses: what is compared and looked up without opening anything."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from smartify_core.model import Identity, InactiveReason, Membership, MembershipPath

#: The length of fingerprints and indexes.
DIGEST_BYTES: Final = 16

#: Memberships whose digests are at hand; many times a large customer's groups. A source that shares no values meets
#: the bound, not the end of memory.
_MEMBERSHIPS_AT_HAND: Final = 1 << 16

_PATHS: Final = {path: path.value for path in MembershipPath}
_REASONS: Final[dict[InactiveReason | None, str]] = {None: ""}
_REASONS.update((reason, reason.value) for reason in InactiveReason)


def fingerprinter(key: bytes) -> Callable[[Identity], bytes]:
    """Return the function that takes an identity to its fingerprint under ``key``.

    The canonical form puts the length of every text (in characters) before the texts, so that no two identities share
    one: moving a character from one field to its neighbour changes the lengths. Memberships follow as digests of fixed
    length. Hashed with keyed BLAKE2b (RFC 7693). Pinned by golden vectors: a change here makes every account differ
    once.
    """
    of_identity = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"smartify-ident")
    of_membership = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"smartify-member")
    # By the identity of the object, because hashing five memberships by value would cost more than the whole
    # fingerprint. The entry holds the object, so its id stays its own.
    at_hand: dict[int, tuple[Membership, bytes]] = {}
    known = at_hand.get
    reasons = _REASONS

    def prepare(membership: Membership) -> tuple[Membership, bytes]:
        group = membership.group
        text = (
            f"{len(group.id)},{len(group.email)},{len(group.name)},{_PATHS[membership.path]}:"
            f"{group.id}{group.email}{group.name}"
        )
        state = of_membership.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        if len(at_hand) >= _MEMBERSHIPS_AT_HAND:
            at_hand.clear()
        entry = at_hand[id(membership)] = membership, state.digest()
        return entry

    def fingerprint(identity: Identity) -> bytes:
        source_id, email, given, family = identity.source_id, identity.email, identity.given_name, identity.family_name
        text = (
            f"{len(source_id)},{len(email)},{len(given)},{len(family)},{reasons[identity.inactive_reason]}:"
            f"{source_id}{email}{given}{family}"
        )
        state = of_identity.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        if memberships := identity.memberships:
            state.update(b"".join([(known(id(one)) or prepare(one))[1] for one in memberships]))
        return state.digest()

    return fingerprint


def blind_index(key: bytes, purpose: bytes, email: str) -> bytes:
    """Return the keyed hash of a normalised address.

    ``purpose`` (at most 16 bytes) keeps people's and groups' addresses apart.
    """
    return index_maker(key, purpose)(email)


def index_maker(key: bytes, purpose: bytes) -> Callable[[str], bytes]:
    """Return the function that takes an address to its blind index, for many of them; see `blind_index`."""
    keyed = blake2b(key=key, digest_size=DIGEST_BYTES, person=purpose)

    def index(email: str) -> bytes:
        state = keyed.copy()
        state.update(normalise(email).encode("utf-8", "surrogatepass"))
        return state.digest()

    return index


def normalise(email: str) -> str:
    """Return the form of an address under which it is looked up.

    Stripped, and equal for any two that are canonical caseless matches (Unicode, definition D145). The whole address is
    case-folded, the local part too: directories that host mail compare it so. Dots and plus-tags are kept: elsewhere
    they make another address.
    """
    stripped = email.strip()
    if stripped.isascii():
        return stripped.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", stripped).casefold())
