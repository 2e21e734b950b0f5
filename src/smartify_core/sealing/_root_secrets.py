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
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NoReturn

from attrs import field, frozen
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from smartify_core.errors import KeyStillUsed, UnknownKey, WrongKey

from ._wrapping import HEADER_BYTES, KEY_ID_BYTES, SECRET_BYTES, key_id_of, unwrap_under, wrap_under

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

    def without(self, name: str, uses: Callable[[str], int]) -> RootSecrets:
        """Return these secrets without the wrapping secret of this name.

        Raises:
            UnknownKey: There is none.
            KeyStillUsed: It is the current one, or ``uses`` counts something under it.
        """
        kept = {key_id: secret for key_id, secret in self.wrapping.items() if key_id.hex() != name}
        if len(kept) == len(self.wrapping):
            raise unknown_key()
        if self.current not in kept:
            raise current_key(name)
        if number := uses(name):
            raise still_used(name, number)
        return RootSecrets(self.current, kept, self.lookup)


class RootKeyRing:
    """A `KeyRing` over root secrets. Not exported: hosts use one of its two kinds."""

    def __init__(self, secrets: RootSecrets) -> None:
        self._secrets = secrets
        self._cipher = lru_cache(_TENANTS_AT_HAND)(self._derive_cipher)
        # What opens, by tenant and header: a header that was met needs no second check.
        self._opening: dict[tuple[str, bytes], AESGCM] = {}
        self._lookup_key = lru_cache(2 * _TENANTS_AT_HAND)(self._derive_lookup_key)

    def wrap(self, tenant: str, data_key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``data_key`` under the tenant's current wrapping key, bound to ``context``. See `KeyRing.wrap`."""
        key_id = self._secrets.current
        return wrap_under(self._cipher(tenant, key_id), key_id, data_key, context)

    def unwrap(self, tenant: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the data key. See `KeyRing.unwrap`."""
        cipher = self._opening.get((tenant, wrapped[:HEADER_BYTES]))
        if cipher is not None:
            return unwrap_under(cipher, wrapped, context)
        key_id = key_id_of(wrapped)
        if key_id not in self._secrets.wrapping:
            self._look_again(key_id)
        cipher = self._cipher(tenant, key_id)
        if len(self._opening) >= _TENANTS_AT_HAND:
            self._opening.clear()
        self._opening[tenant, wrapped[:HEADER_BYTES]] = cipher
        return unwrap_under(cipher, wrapped, context)

    def fingerprint_key(self, tenant: str) -> bytes:
        """Return the tenant's key for fingerprints. See `KeyRing.fingerprint_key`."""
        return self._lookup_key(b"fingerprint", tenant)

    def index_key(self, tenant: str) -> bytes:
        """Return the tenant's key for blind indexes. See `KeyRing.index_key`."""
        return self._lookup_key(b"index", tenant)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the wrapping keys that are held, the oldest first. They are the same for all tenants."""
        return tuple(key_id.hex() for key_id in self._secrets.wrapping)

    def current_key(self, tenant: str) -> str:  # noqa: ARG002 - here one secret wraps for all
        """Return the name of the key that wraps from now on. See `RotatingKeyRing.current_key`."""
        return self._secrets.current.hex()

    def key_of(self, tenant: str, wrapped: bytes) -> str:  # noqa: ARG002 - as above
        """Return the name of the key that wrapped. See `RotatingKeyRing.key_of`."""
        return key_id_of(wrapped).hex()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: keys do not travel."""
        what = f"a {type(self).__name__} cannot be pickled: make one where it is used"
        raise TypeError(what)

    def _look_again(self, key_id: bytes) -> None:
        """Give a ring that can change the chance to find ``key_id``; raise `WrongKey` when it is not held."""
        raise _missing(key_id)

    def _take(self, secrets: RootSecrets) -> None:
        """Go on with other secrets, which have the same lookup secret."""
        self._secrets = secrets
        self._cipher.cache_clear()
        self._opening = {}

    def _derive_cipher(self, tenant: str, key_id: bytes) -> AESGCM:
        secret = self._secrets.wrapping.get(key_id)
        if secret is None:  # it was taken out between two looks
            raise _missing(key_id)
        return AESGCM(derive(secret, b"wrap", tenant))

    def _derive_lookup_key(self, purpose: bytes, tenant: str) -> bytes:
        return derive(self._secrets.lookup, purpose, tenant)


def derive(secret: bytes, purpose: bytes, tenant: str) -> bytes:
    """Return the tenant's key for ``purpose``."""
    # No purpose holds a NUL, so that no two (purpose, tenant) pairs share an ``info``.
    info = b"smartify/1/" + purpose + b"\0" + tenant.encode("utf-8", "surrogatepass")
    return HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret)


def current_key(name: str) -> KeyStillUsed:
    """Return the error for a key that cannot be retired, because it wraps."""
    return KeyStillUsed(
        f"wrapping key {name} is the current one; nothing was taken out",
        cure="Rotate first, rewrap, and retire the older key then.",
    )


def still_used(name: str, number: int) -> KeyStillUsed:
    """Return the error for a key that cannot be retired, because so much is wrapped under it."""
    return KeyStillUsed(
        f"{number} accounts and documents are still wrapped under key {name}; nothing was taken out",
        cure="Rewrap every tenant, and retire the key when nothing remains.",
    )


def unknown_key() -> UnknownKey:
    """Return the error for a name that no key has. It is not quoted: whatever was typed there may be a secret."""
    return UnknownKey("no wrapping key has this name", cure="List the names of the keys, and copy one from there.")


def _missing(key_id: bytes) -> WrongKey:
    return WrongKey(
        f"the key ring does not hold wrapping key {key_id.hex()}",
        cure="Use the key file that this store was written with, or restore it from your backup.",
    )
