"""Sealing and opening accounts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import evolve
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import RingCannotTell, SealBroken
from smartify_core.model import AccountState, Identity, PersonalFields, SealedAccount

from ._fingerprint import blind_index, fingerprinter, index_maker
from ._key_ring import ForgetfulKeyRing, KeyRing, RotatingKeyRing
from ._payload import decode, encode_parts
from ._prepared import LAYOUT as _LAYOUT
from ._prepared import Prepared
from ._sealed_document import broken_document, content_of, document_places, fresh_secret, joined, parted

_NONCE_BYTES: Final = 12


class Sealer:
    """Seals the personal fields of accounts, opens them, and computes what may be compared while they stay sealed.

    Every account has a data key of its own (AES-256-GCM, NIST SP 800-38D), made anew with each sealing and wrapped by
    the tenant's key. Associated data bind both to their purpose, the layout, the tenant, the source id and the account
    id: moved anywhere else they do not open. Destroying the wrapped key therefore destroys the fields.

    Args:
        key_ring: Where the keys come from. A sealer may be shared by threads when its ring may.
    """

    def __init__(self, key_ring: KeyRing) -> None:
        self._ring = key_ring
        self._telling = key_ring if isinstance(key_ring, RotatingKeyRing) else None
        # One tenant's tools for each thread: a worker is busy with one tenant at a time, and threads never share them.
        self._at_hand = threading.local()

    def fingerprinter(self, tenant: str) -> Callable[[Identity], bytes]:
        """Return the function that takes an identity of ``tenant`` to its fingerprint.

        A fingerprint has 16 bytes; two are equal if and only if no field of the identities differs.

        For whole directories: the function remembers the digests of memberships that identities share. It holds the
        key; let go of it with the run.
        """
        return fingerprinter(self._ring.fingerprint_key(tenant))

    def fingerprint(self, tenant: str, identity: Identity) -> bytes:
        """Return the fingerprint of one identity; for many, use `fingerprinter`."""
        return self.fingerprinter(tenant)(identity)

    def email_index(self, tenant: str, email: str) -> bytes:
        """Return the blind index (16 bytes) of a person's address.

        The same for spellings that differ by case, Unicode composition or outer white space only. For many, use
        `email_indexer`.
        """
        return self.email_indexer(tenant)(email)

    def email_indexer(self, tenant: str) -> Callable[[str], bytes]:
        """Return the function that takes an address of ``tenant`` to its blind index. It holds the key."""
        return index_maker(self._ring.index_key(tenant), b"smartify-email")

    def group_index(self, tenant: str, email: str) -> bytes:
        """Return the blind index (16 bytes) of a group's address.

        It is unrelated to that of a person with the same address.
        """
        return blind_index(self._ring.index_key(tenant), b"smartify-group", email)

    def unlisted_index(self, tenant: str, account_id: str) -> bytes:
        """Return an index (16 bytes) that no address has, for an account whose address is somebody else's by now."""
        return blind_index(self._ring.index_key(tenant), b"smartify-none", account_id)

    def pseudonym(self, tenant: str, purpose: str, text: str) -> str:
        """Return what stands in for something (32 hexadecimal digits): another for every tenant and purpose.

        Nobody can tell from it what it stands for without the key.
        """
        return blind_index(self._ring.index_key(tenant), b"smartify-pseudo", f"{len(purpose)}:{purpose}{text}").hex()

    def account_id(self, tenant: str, source_id: str, *, predecessor: str | None = None) -> str:
        """Return the id (32 hexadecimal digits) of the account that a person gets.

        Always the same for a person and predecessor, so that a run that was cut short and the one that follows it
        speak of the same account; and unlike any other, so that a person who returns after a deletion gets a new one.
        Nobody can tell the person from it without the key.

        Args:
            tenant: The tenant.
            source_id: The person.
            predecessor: The account id of the person's latest tombstone, if any.
        """
        return self._prepared(tenant).account_id(source_id, predecessor)

    def seal_document(self, tenant: str, kind: str, key: str, content: bytes) -> bytes:
        """Return ``content`` sealed under a fresh data key, bound to the tenant and to the document's kind and key."""
        content_place, key_place = document_places(tenant, kind, key)
        data_key, nonce = fresh_secret()
        wrapped = self._ring.wrap(tenant, data_key, context=key_place)
        return joined(wrapped, nonce + AESGCM(data_key).encrypt(nonce, content, content_place))

    def open_document(self, tenant: str, kind: str, key: str, sealed: bytes) -> bytes:
        """Return the content of a sealed document.

        Raises:
            WrongKey: The key ring does not hold the key that it was sealed under.
            SealBroken: It was altered, cut short, or moved here from another tenant, kind or key.
        """
        parts = parted(sealed)
        if parts is None:
            raise broken_document(tenant, kind)
        content_place, key_place = document_places(tenant, kind, key)
        data_key = self._ring.unwrap(tenant, parts[0], context=key_place)
        content = content_of(data_key, parts[1], content_place)
        if content is None:
            raise broken_document(tenant, kind)
        return content

    def seal(
        self,
        tenant: str,
        identity: Identity,
        *,
        account_id: str,
        version: int,
        created_at: datetime,
        updated_at: datetime,
        predecessor: str | None = None,
        adopted: bool = False,
        email_index: bytes | None = None,
    ) -> SealedAccount:
        """Return the account of ``identity``, sealed under a fresh data key.

        Args:
            tenant: The tenant whose account it is.
            identity: The person.
            account_id: The account's id.
            version: The version that the account has once it is stored.
            created_at: When the account began, aware UTC.
            updated_at: When this version was made, aware UTC.
            predecessor: The account id of the tombstone that this person's earlier account left, if any.
            adopted: Whether the host had this person before the first run.
            email_index: What the account is found by, where the caller has computed it before, or it is not found by
                its address because that is somebody else's by now (`unlisted_index`).
        """
        prepared = self._prepared(tenant)
        source_id, reason = identity.source_id, identity.inactive_reason
        memberships, group_indexes = prepared.groups(identity.memberships)
        fields_place, key_place = prepared.places(source_id, account_id)
        content = encode_parts(identity.email, identity.given_name, identity.family_name, memberships)
        data_key, nonce = fresh_secret()
        return SealedAccount(
            tenant=tenant,
            source_id=source_id,
            account_id=account_id,
            state=AccountState.ACTIVE if reason is None else AccountState.INACTIVE,
            inactive_reason=reason,
            fingerprint=prepared.fingerprint(identity),
            email_index=prepared.email_index(identity.email) if email_index is None else email_index,
            group_indexes=group_indexes,
            wrapped_key=self._ring.wrap(tenant, data_key, context=key_place),
            payload=_LAYOUT + nonce + AESGCM(data_key).encrypt(nonce, content, fields_place),
            version=version,
            created_at=created_at,
            updated_at=updated_at,
            predecessor=predecessor,
            adopted=adopted,
        )

    def open(self, account: SealedAccount) -> PersonalFields:
        """Return the personal fields of ``account``.

        Raises:
            WrongKey: The key ring does not hold the key that the account was sealed under.
            SealBroken: Key or fields were altered, cut short, or moved here from another account or tenant.
            NewerSchema: A newer version of this library sealed them.
        """
        prepared = self._prepared(account.tenant)
        where = f"tenant {account.tenant}, account {account.account_id}"
        content = self._content(account, prepared.places(account.source_id, account.account_id), where)
        return decode(content, where=where, at_hand=prepared.opened)

    def key_of(self, account: SealedAccount) -> str:
        """Return the name of the key that the account's data key is wrapped under. Opens nothing.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            SealBroken: The wrapped key was altered.
        """
        return self._rotating().key_of(account.tenant, account.wrapped_key)

    def key_of_document(self, tenant: str, value: bytes) -> str | None:
        """Return the name of the key that a document's data key is wrapped under; ``None`` for an unsealed document.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            SealBroken: It is sealed, and the wrapped key was altered.
        """
        parts = parted(value)
        return None if parts is None else self._rotating().key_of(tenant, parts[0])

    def current_key(self, tenant: str) -> str:
        """Return the name of the key that wraps for ``tenant`` from now on.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
        """
        return self._rotating().current_key(tenant)

    def rewrapped(self, account: SealedAccount) -> SealedAccount | None:
        """Return the account with its data key wrapped under the newest key, or ``None`` where it is.

        The payload is not opened and stays as it is; the version is one more; nothing else changes.

        Raises:
            RingCannotTell: The ring is no `RotatingKeyRing`.
            WrongKey: The key ring does not hold the key that the account was sealed under.
            SealBroken: The wrapped key was altered, or moved here from elsewhere.
        """
        tenant = account.tenant
        if self.key_of(account) == self.current_key(tenant):
            return None
        _, key_place = self._prepared(tenant).places(account.source_id, account.account_id)
        data_key = self._ring.unwrap(tenant, account.wrapped_key, context=key_place)
        wrapped = self._ring.wrap(tenant, data_key, context=key_place)
        return evolve(account, wrapped_key=wrapped, version=account.version + 1)

    def rewrapped_document(self, tenant: str, kind: str, key: str, value: bytes) -> bytes | None:
        """Return a document with its data key wrapped under the newest key; ``None`` where it is, or is unsealed.

        Raises: as `rewrapped`.
        """
        parts = parted(value)
        if parts is None or self._rotating().key_of(tenant, parts[0]) == self.current_key(tenant):
            return None
        _, key_place = document_places(tenant, kind, key)
        data_key = self._ring.unwrap(tenant, parts[0], context=key_place)
        return joined(self._ring.wrap(tenant, data_key, context=key_place), parts[1])

    def resealed(self, account: SealedAccount) -> SealedAccount:
        """Return the account sealed again: under a fresh data key and nonce, which the newest key wraps.

        The version is one more; fingerprint, indexes, state and times stay.

        Raises: as `open`, but for `NewerSchema`: what is inside is not read.
        """
        where = f"tenant {account.tenant}, account {account.account_id}"
        places = self._prepared(account.tenant).places(account.source_id, account.account_id)
        content = self._content(account, places, where)
        data_key, nonce = fresh_secret()
        return evolve(
            account,
            wrapped_key=self._ring.wrap(account.tenant, data_key, context=places[1]),
            payload=_LAYOUT + nonce + AESGCM(data_key).encrypt(nonce, content, places[0]),
            version=account.version + 1,
        )

    def resealed_document(self, tenant: str, kind: str, key: str, value: bytes) -> bytes | None:
        """Return a document sealed again under a fresh data key and nonce; ``None`` for an unsealed one.

        Raises: as `open_document`.
        """
        if parted(value) is None:
            return None
        return self.seal_document(tenant, kind, key, self.open_document(tenant, kind, key, value))

    def forget(self, tenant: str) -> bool:
        """Have the key ring destroy the tenant's keys, and return whether it can: see `ForgetfulKeyRing`.

        Where it can, nothing of the tenant opens again, not from a backup either. What this thread has made ready for
        a tenant is forgotten in any case, as by `let_go`.

        Raises:
            SmartifyError: What the ring raises.
        """
        self.let_go()
        ring: object = self._ring
        if not isinstance(ring, ForgetfulKeyRing):
            return False
        ring.forget(tenant)
        return True

    def let_go(self) -> None:
        """Forget what this thread has made ready for the tenant that it last sealed or opened for.

        That is keyed states, and the groups that were met, some 400 bytes each. They are made again when they are
        needed. The keys themselves are the key ring's to keep or forget.
        """
        self._at_hand.prepared = None

    def _content(self, account: SealedAccount, places: tuple[bytes, bytes], where: str) -> bytes:
        """Return what is in the payload of ``account``, as bytes."""
        payload = account.payload
        data_key = self._ring.unwrap(account.tenant, account.wrapped_key, context=places[1])
        nonce = payload[len(_LAYOUT) : len(_LAYOUT) + _NONCE_BYTES]
        if payload[: len(_LAYOUT)] != _LAYOUT or len(nonce) != _NONCE_BYTES:
            raise _broken(where)
        try:
            return AESGCM(data_key).decrypt(nonce, payload[len(_LAYOUT) + _NONCE_BYTES :], places[0])
        except InvalidTag:
            raise _broken(where) from None

    def _rotating(self) -> RotatingKeyRing:
        if self._telling is not None:
            return self._telling
        raise RingCannotTell(
            "the key ring does not tell which key wrapped",
            where=type(self._ring).__name__,
            cure="Give it current_key and key_of, as smartify_core.sealing.RotatingKeyRing has them.",
        )

    def _prepared(self, tenant: str) -> Prepared:
        prepared: Prepared | None = getattr(self._at_hand, "prepared", None)
        if prepared is None or prepared.tenant != tenant:
            prepared = self._at_hand.prepared = Prepared(self._ring, tenant)
        return prepared


def _broken(where: str) -> SealBroken:
    return SealBroken(
        "the sealed fields of an account do not open: altered, cut short, or moved from another account",
        where=where,
        cure="Restore the account from a backup, or delete it and let the next sync provision it anew.",
    )
