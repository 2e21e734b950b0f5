"""Keys of the people whom accounts stand for: what is kept about one of them elsewhere is sealed under theirs.

Copies of such bytes may lie in the audit trail, in exports and in backups of both. None of them opens once the one
document that holds the key is destroyed, and it is destroyed in the commit that ends the account.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import SealBroken, Shredded, WriteConflict
from smartify_core.model import SUBJECT_KEY, Document, PutDocument
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

_LAYOUT: Final = b"\x01"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SubjectKeys:
    """Seals and opens under the keys of a store's people (AES-256-GCM, NIST SP 800-38D).

    No key is kept at hand: what was destroyed a moment ago opens nothing.

    Args:
        storage: Where the accounts and the keys are.
        sealer: What seals the keys.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer

    def seal(self, tenant: str, source_id: str, account_id: str, purpose: str, content: bytes) -> bytes:
        """Return ``content`` sealed under the person's key, which is made when it is first needed.

        Args:
            tenant: Whose account it is.
            source_id: The person's id in the directory.
            account_id: The account.
            purpose: What the bytes are for. They open for the same purpose only.
            content: What is to be sealed.

        Raises:
            Shredded: There is no such live account. No key of it is left.
            WrongKey: The key ring does not hold the key that the person's was sealed under.
            StorageError: The store could not be read or written.
        """
        if not self._is_live(tenant, source_id, account_id):
            raise _shredded(tenant, account_id)
        key = self._key(tenant, account_id)
        if key is None:
            key = self._made(tenant, account_id)
            # Once more: whoever ends the account from here on finds the key, and whoever did so before is seen here.
            if not self._is_live(tenant, source_id, account_id):
                self.destroy(tenant, account_id)
                raise _shredded(tenant, account_id)
        nonce = os.urandom(_NONCE_BYTES)
        return _LAYOUT + nonce + AESGCM(key).encrypt(nonce, content, _place(tenant, account_id, purpose))

    def open(self, tenant: str, account_id: str, purpose: str, sealed: bytes) -> bytes:
        """Return the content of what `seal` returned.

        Raises:
            Shredded: The person's key is gone.
            SealBroken: It was altered or cut short, or sealed for another purpose, account or tenant.
            WrongKey: The key ring does not hold the key that the person's was sealed under.
            StorageError: The store could not be read.
        """
        key = self._key(tenant, account_id)
        if key is None:
            raise _shredded(tenant, account_id)
        start = len(_LAYOUT) + _NONCE_BYTES
        if sealed[: len(_LAYOUT)] != _LAYOUT or len(sealed) < start:
            raise _broken(tenant, account_id)
        try:
            return AESGCM(key).decrypt(
                sealed[len(_LAYOUT) : start], sealed[start:], _place(tenant, account_id, purpose)
            )
        except InvalidTag:
            raise _broken(tenant, account_id) from None

    def destroy(self, tenant: str, account_id: str) -> bool:
        """Destroy the person's key and return whether there was one.

        Raises:
            StorageError: The store could not be read or written.
        """
        found = False
        while (document := self._document(tenant, account_id)) is not None:
            found = True
            with suppress(WriteConflict):  # it was sealed anew or destroyed meanwhile: look again
                gone = PutDocument(SUBJECT_KEY, account_id, None, document.version)
                self._storage.record(tenant, documents=[gone])
        return found

    def _is_live(self, tenant: str, source_id: str, account_id: str) -> bool:
        account = self._storage.load(tenant, [source_id]).get(source_id)
        return account is not None and account.account_id == account_id

    def _document(self, tenant: str, account_id: str) -> Document | None:
        return self._storage.document(tenant, SUBJECT_KEY, account_id)

    def _key(self, tenant: str, account_id: str) -> bytes | None:
        document = self._document(tenant, account_id)
        if document is None:
            return None
        return self._sealer.open_document(tenant, SUBJECT_KEY, account_id, document.value)

    def _made(self, tenant: str, account_id: str) -> bytes:
        key = os.urandom(_KEY_BYTES)
        sealed = self._sealer.seal_document(tenant, SUBJECT_KEY, account_id, key)
        try:
            self._storage.record(tenant, documents=[PutDocument(SUBJECT_KEY, account_id, sealed, 0)])
        except WriteConflict:
            # Somebody else has made one. Where that one is gone again by now, so is the account.
            theirs = self._key(tenant, account_id)
            if theirs is None:
                raise _shredded(tenant, account_id) from None
            return theirs
        return key


def _place(tenant: str, account_id: str, purpose: str) -> bytes:
    parts = (part.encode("utf-8", "surrogatepass") for part in ("subject", tenant, account_id, purpose))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _shredded(tenant: str, account_id: str) -> Shredded:
    return Shredded(
        "the key of the account's person is gone",
        where=f"tenant {tenant}, account {account_id}",
        cure="Nothing brings it back: the account has ended, and what was sealed for it with it.",
    )


def _broken(tenant: str, account_id: str) -> SealBroken:
    return SealBroken(
        "what was sealed for an account's person does not open: altered, cut short, or moved from another place",
        where=f"tenant {tenant}, account {account_id}",
        cure="Restore it from a backup.",
    )
