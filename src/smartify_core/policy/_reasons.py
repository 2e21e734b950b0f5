"""The reasons that people give, sealed: under the one person's key that they are about, or under the tenant's.

They go into the audit trail and into grants as ciphertext. With the key its reader sees why; once the person or the
tenant is gone the key is gone, and the trail still proves what it proved.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import AuditUnavailable, SealBroken, Shredded, StorageError, UsageError, WriteConflict
from smartify_core.model import PutDocument, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._subject_keys import SubjectKeys

_KIND: Final = "reason key"
_KEY: Final = "tenant"
_PURPOSE: Final = "reason"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Reasons:
    """Seals reasons, and opens them for whoever reviews.

    Args:
        storage: Where the keys are.
        sealer: What seals the keys.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self._sealer = sealer
        self._subjects = SubjectKeys(storage, sealer)

    def about_one(self, account: SealedAccount, reason: str) -> str:
        """Return a reason that is about one person, sealed under their key.

        Raises:
            Shredded: The account has ended.
            AuditUnavailable: The key can be neither read nor made now, so the reason cannot be kept.
        """
        content = reason.encode("utf-8", "surrogatepass")
        with _kept():
            sealed = self._subjects.seal(account.tenant, account.source_id, account.account_id, _PURPOSE, content)
        return b64encode(sealed).decode("ascii")

    def about_many(self, tenant: str, reason: str) -> str:
        """Return a reason that is about many people of a tenant, sealed under its key, which is made if need be.

        Raises:
            AuditUnavailable: The key can be neither read nor made now, so the reason cannot be kept.
        """
        with _kept():
            key = self._tenant_key(tenant)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, reason.encode("utf-8", "surrogatepass"), _bound(tenant))
        return b64encode(nonce + sealed).decode("ascii")

    def opened(self, tenant: str, sealed: str, *, subject: str | None) -> str | None:
        """Return a reason in words; ``None`` when its key is gone.

        Args:
            tenant: Whose people it is about.
            sealed: The reason as it is kept.
            subject: The account id of the one person that it is about; ``None`` when it is about many.

        Raises:
            SealBroken: It was altered, or belongs to somebody else.
        """
        try:
            content = b64decode(sealed, validate=True)
        except NoBase64:
            raise _broken(tenant) from None
        if subject is not None:
            try:
                return self._subjects.open(tenant, subject, _PURPOSE, content).decode("utf-8", "surrogatepass")
            except Shredded:
                return None
        document = self._storage.document(tenant, _KIND, _KEY)
        if document is None:
            return None
        key = self._sealer.open_document(tenant, _KIND, _KEY, document.value)
        try:
            return (
                AESGCM(key)
                .decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _bound(tenant))
                .decode("utf-8", "surrogatepass")
            )
        except (InvalidTag, ValueError):
            raise _broken(tenant) from None

    def forget(self, tenant: str) -> None:
        """Destroy the tenant's key, if there is one: no reason that is sealed under it opens again.

        Raises:
            StorageError: The store could not be read or written.
        """
        while (document := self._storage.document(tenant, _KIND, _KEY)) is not None:
            with suppress(WriteConflict):  # it was sealed anew or destroyed meanwhile: look again
                self._storage.record(tenant, documents=[PutDocument(_KIND, _KEY, None, document.version)])

    def _tenant_key(self, tenant: str) -> bytes:
        document = self._storage.document(tenant, _KIND, _KEY)
        if document is None:
            key = os.urandom(_KEY_BYTES)
            sealed = self._sealer.seal_document(tenant, _KIND, _KEY, key)
            try:
                self._storage.record(tenant, documents=[PutDocument(_KIND, _KEY, sealed, 0)])
            except WriteConflict:
                return self._tenant_key(tenant)  # somebody else made one just now
            return key
        return self._sealer.open_document(tenant, _KIND, _KEY, document.value)


@contextmanager
def _kept() -> Iterator[None]:
    """Raise `AuditUnavailable` where a key cannot be had: what has no reason on record is not done."""
    try:
        yield
    except Shredded:
        raise
    except (StorageError, UsageError) as error:  # a store that is read only refuses the call
        raise AuditUnavailable(
            f"the reason cannot be kept, so nothing was done: {error.code} {error.what}",
            where=error.where,
            cure=error.cure,
        ) from None


def _bound(tenant: str) -> bytes:
    return b"smartify/1/reason/" + tenant.encode("utf-8", "surrogatepass")


def _broken(tenant: str) -> SealBroken:
    return SealBroken(
        "a sealed reason does not open: altered, or moved from elsewhere",
        where=f"tenant {tenant}",
        cure="Verify the audit trail.",
    )
