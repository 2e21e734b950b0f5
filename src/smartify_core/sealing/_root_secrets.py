"""Keys of every tenant derived from a few root secrets: what the file and the memory key ring have in common.

Two kinds of root secret, apart from each other because they live differently:

- *wrapping* secrets, each with a name; the current one wraps, all of them unwrap. They rotate.
- one *lookup* secret, from which the keys of fingerprints and blind indexes come. It stays, or no account would be
  found again.

A tenant's key is HKDF-SHA256 (RFC 5869) of a root secret, with the purpose and the tenant in ``info``; so tenants' keys
are unrelated to one another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NoReturn

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from smartify_core.errors import SealBroken, WrongKey

SECRET_BYTES: Final = 32
KEY_ID_BYTES: Final = 8

_LAYOUT: Final = b"\x01"
_CHECK_BYTES: Final = 4
_HEADER_BYTES: Final = len(_LAYOUT) + KEY_ID_BYTES + _CHECK_BYTES
_NONCE_BYTES: Final = 12
_WRAPPED_BYTES: Final = _HEADER_BYTES + _NONCE_BYTES + SECRET_BYTES + 16
#: Derived keys that are kept at hand, per kind and ring: as many tenants as one process is busy with.
_TENANTS_AT_HAND: Final = 4096


@frozen(order=False)
class RootSecrets:
    """The root secrets of one ring."""

    current: bytes
    wrapping: Mapping[bytes, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> RootSecrets:
        """Return new random secrets with one wrapping secret."""
        key_id = os.urandom(KEY_ID_BYTES)
        return cls(key_id, {key_id: os.urandom(SECRET_BYTES)}, os.urandom(SECRET_BYTES))

    def with_new_wrapping(self) -> RootSecrets:
        """Return these secrets with one more wrapping secret, which is current from now on."""
        key_id = os.urandom(KEY_ID_BYTES)
        return RootSecrets(key_id, {**self.wrapping, key_id: os.urandom(SECRET_BYTES)}, self.lookup)


class RootKeyRing:
    """A `KeyRing` over root secrets. Not exported: hosts use one of its two kinds."""

    def __init__(self, secrets: RootSecrets) -> None:
        self._secrets = secrets
        self._cipher = lru_cache(_TENANTS_AT_HAND)(self._derive_cipher)
        self._lookup_key = lru_cache(2 * _TENANTS_AT_HAND)(self._derive_lookup_key)

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``data_key`` under the tenant's current wrapping key, bound to ``context``. See `KeyRing.wrap`."""
        key_id = self._secrets.current
        nonce = os.urandom(_NONCE_BYTES)
        return _header(key_id) + nonce + self._cipher(tenant, key_id).encrypt(nonce, data_key, context)

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the data key. See `KeyRing.unwrap`."""
        key_id = wrapped[len(_LAYOUT) : len(_LAYOUT) + KEY_ID_BYTES]
        # The header carries a check, so that a damaged key name reads as damage and not as a key that somebody lost.
        if len(wrapped) != _WRAPPED_BYTES or wrapped[:_HEADER_BYTES] != _header(key_id):
            raise _broken()
        if key_id not in self._secrets.wrapping:
            self._look_again(key_id)
        nonce = wrapped[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        try:
            return self._cipher(tenant, key_id).decrypt(nonce, wrapped[_HEADER_BYTES + _NONCE_BYTES :], context)
        except InvalidTag:
            raise _broken() from None

    def fingerprint_key(self, tenant: str) -> bytes:
        """Return the tenant's key for fingerprints. See `KeyRing.fingerprint_key`."""
        return self._lookup_key(b"fingerprint", tenant)

    def index_key(self, tenant: str) -> bytes:
        """Return the tenant's key for blind indexes. See `KeyRing.index_key`."""
        return self._lookup_key(b"index", tenant)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: keys do not travel."""
        what = f"a {type(self).__name__} cannot be pickled: make one where it is used"
        raise TypeError(what)

    def _look_again(self, key_id: bytes) -> None:
        """Give a ring that can change the chance to find ``key_id``; raise `WrongKey` when it is not held."""
        raise WrongKey(
            f"the key ring does not hold wrapping key {key_id.hex()}",
            cure="Use the key file that this store was written with, or restore it from your backup.",
        )

    def _derive_cipher(self, tenant: str, key_id: bytes) -> AESGCM:
        return AESGCM(_derive(self._secrets.wrapping[key_id], b"wrap", tenant))

    def _derive_lookup_key(self, purpose: bytes, tenant: str) -> bytes:
        return _derive(self._secrets.lookup, purpose, tenant)


def _derive(secret: bytes, purpose: bytes, tenant: str) -> bytes:
    # No purpose holds a NUL, so that no two (purpose, tenant) pairs share an ``info``.
    info = b"smartify/1/" + purpose + b"\0" + tenant.encode("utf-8", "surrogatepass")
    return HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret)


@lru_cache(64)
def _header(key_id: bytes) -> bytes:
    named = _LAYOUT + key_id
    return named + blake2b(named, digest_size=_CHECK_BYTES, person=b"smartify-wrap").digest()


def _broken() -> SealBroken:
    return SealBroken(
        "a wrapped key does not open: altered, cut short, or moved from another account or tenant",
        cure="Restore the account from a backup, or delete it and let the next sync provision it anew.",
    )
