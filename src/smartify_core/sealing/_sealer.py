"""Sealing and opening accounts."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import SealBroken
from smartify_core.model import AccountState, Identity, PersonalFields, SealedAccount

from ._fingerprint import blind_index, fingerprinter
from ._key_ring import KeyRing
from ._payload import decode, encode

_LAYOUT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_DATA_KEY_BYTES: Final = 32


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

        The same for spellings that differ by case, Unicode composition or outer white space only.
        """
        return blind_index(self._ring.index_key(tenant), b"smartify-email", email)

    def group_index(self, tenant: str, email: str) -> bytes:
        """Return the blind index (16 bytes) of a group's address.

        It is unrelated to that of a person with the same address.
        """
        return blind_index(self._ring.index_key(tenant), b"smartify-group", email)

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
        """
        fields = PersonalFields(identity.email, identity.given_name, identity.family_name, identity.memberships)
        data_key, nonce = os.urandom(_DATA_KEY_BYTES), os.urandom(_NONCE_BYTES)
        sealed = AESGCM(data_key).encrypt(
            nonce, encode(fields), _place(b"fields", tenant, identity.source_id, account_id)
        )
        context = _place(b"data key", tenant, identity.source_id, account_id)
        group_emails = {membership.group.email for membership in identity.memberships}
        return SealedAccount(
            tenant=tenant,
            source_id=identity.source_id,
            account_id=account_id,
            state=AccountState.ACTIVE if identity.active else AccountState.INACTIVE,
            inactive_reason=identity.inactive_reason,
            fingerprint=self.fingerprint(tenant, identity),
            email_index=self.email_index(tenant, identity.email),
            group_indexes=tuple(sorted({self.group_index(tenant, email) for email in group_emails})),
            wrapped_key=self._ring.wrap(tenant, data_key, context=context),
            payload=_LAYOUT + nonce + sealed,
            version=version,
            created_at=created_at,
            updated_at=updated_at,
            predecessor=predecessor,
        )

    def open(self, account: SealedAccount) -> PersonalFields:
        """Return the personal fields of ``account``.

        Raises:
            WrongKey: The key ring does not hold the key that the account was sealed under.
            SealBroken: Key or fields were altered, cut short, or moved here from another account or tenant.
            NewerSchema: A newer version of this library sealed them.
        """
        place = (account.tenant, account.source_id, account.account_id)
        where = f"tenant {account.tenant}, account {account.account_id}"
        data_key = self._ring.unwrap(account.tenant, account.wrapped_key, context=_place(b"data key", *place))
        nonce = account.payload[len(_LAYOUT) : len(_LAYOUT) + _NONCE_BYTES]
        sealed = account.payload[len(_LAYOUT) + _NONCE_BYTES :]
        if account.payload[: len(_LAYOUT)] != _LAYOUT or len(nonce) != _NONCE_BYTES:
            raise _broken(where)
        try:
            content = AESGCM(data_key).decrypt(nonce, sealed, _place(b"fields", *place))
        except InvalidTag:
            raise _broken(where) from None
        return decode(content, where=where)


def _place(purpose: bytes, *ids: str) -> bytes:
    """Return the associated data: each part after its length, so that no two places share them."""
    parts = [purpose, _LAYOUT, *(one.encode("utf-8", "surrogatepass") for one in ids)]
    return b"smartify/1" + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _broken(where: str) -> SealBroken:
    return SealBroken(
        "the sealed fields of an account do not open: altered, cut short, or moved from another account",
        where=where,
        cure="Restore the account from a backup, or delete it and let the next sync provision it anew.",
    )
