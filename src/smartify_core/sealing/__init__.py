"""Keys and sealed personal fields: the `KeyRing` port, its adapter in a file, and the `Sealer` that uses one.

``sealing.memory`` has a ring for tests and demos, ``sealing.google_kms`` one whose keys a KMS guards.
"""

from __future__ import annotations

from ._file_key_ring import FileKeyRing
from ._key_ring import ForgetfulKeyRing, KeyRing, RotatingKeyRing, TenantKeys
from ._sealer import Sealer

__all__ = ["FileKeyRing", "ForgetfulKeyRing", "KeyRing", "RotatingKeyRing", "Sealer", "TenantKeys"]
