"""The port where keys come from."""

from __future__ import annotations

from collections.abc import Callable
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


@runtime_checkable
class RotatingKeyRing(KeyRing, Protocol):
    """A `KeyRing` that tells which key wrapped, so that what is under an older one can be moved to the newest.

    A ring need not offer this. Without it everything still opens for as long as the ring keeps its keys; it is only
    that nobody can tell what a key is still needed for.
    """

    def current_key(self, tenant: str) -> str:
        """Return the name of the key that wraps for ``tenant`` from now on. No secret, and the same after reopening."""

    def key_of(self, tenant: str, wrapped: bytes) -> str:
        """Return the name of the key that ``wrapped`` names, without opening anything, whether it is held or not.

        Raises:
            SealBroken: These are no wrapped bytes, as far as that shows.
        """


@runtime_checkable
class ForgetfulKeyRing(Protocol):
    """A key ring that can destroy all keys of one tenant, as one over a KMS can; one over root secrets cannot."""

    def forget(self, tenant: str) -> object:
        """Destroy the tenant's keys. Nothing of the tenant opens again, not from a backup either."""


@runtime_checkable
class TenantKeys(Protocol):
    """A ring that has keys for each tenant, and adds and retires them one tenant at a time, as a KMS ring does."""

    def rotate(self, tenant: str) -> str:
        """Add a key of the tenant that wraps from now on, and return its name. What was wrapped before still opens."""

    def retire(self, tenant: str, key_id: str, *, uses: Callable[[str], int]) -> None:
        """Take an old key of the tenant out, so that nothing opens under it again.

        Raises:
            UnknownKey: The tenant has no such key.
            KeyStillUsed: It is the current one, or ``uses`` counts something under it.
        """
