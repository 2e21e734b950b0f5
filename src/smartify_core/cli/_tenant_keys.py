"""Key rings that have keys for each tenant: the one that Google Cloud KMS guards, which is an extra."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from smartify_core.sealing import FileKeyRing, KeyRing, RotatingKeyRing, TenantKeys

from ._config_keys import KeySettings


@runtime_checkable
class TenantRing(RotatingKeyRing, TenantKeys, Protocol):
    """What the commands need of such a ring."""

    def key_ids(self, tenant: str) -> tuple[str, ...]:
        """Return the names of a tenant's keys, the oldest first."""


def tenant_ring(ring: KeyRing) -> TenantRing | None:
    """Return the ring if it has keys for each tenant; a key file has one for all."""
    return None if isinstance(ring, FileKeyRing) or not isinstance(ring, TenantRing) else ring


def create_file(keys: KeySettings) -> None:
    """Write a new file for keys that the KMS is to guard.

    Raises:
        MissingExtra: The client of the KMS is not installed.
        FileExists: Something is there already; it was left as it is.
        KeyFileInvalid: The folder is missing or not writable.
    """
    from smartify_core.sealing.google_kms import GoogleKmsKeyRing  # noqa: PLC0415 - an extra, and slow to import

    GoogleKmsKeyRing.create(keys.kms_key or "", keys.file)
