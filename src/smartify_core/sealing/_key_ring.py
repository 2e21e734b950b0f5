"""The port where keys come from."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class KeyRing(Protocol):
    """Holds the keys of every tenant. An implementation may keep them in a file, a KMS or an HSM.

    Wrapping may be a remote call; the two keyed hashes are computed locally, millions of times a run, under keys handed
    out once.
    """

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``data_key`` (32 bytes) under the tenant's key, bound to ``context``.

        The answer names the key it used.
        """

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the data key.

        Raises:
            WrongKey: The ring does not hold the key that wrapped it.
            SealBroken: The bytes were altered, or belong to another tenant or context.
        """

    def fingerprint_key(self, tenant: str) -> bytes:
        """Return the tenant's key (32 bytes) for fingerprints. The same for as long as the tenant's accounts live."""

    def index_key(self, tenant: str) -> bytes:
        """Return the tenant's key (32 bytes) for blind indexes. The same for as long as the tenant's accounts live."""
