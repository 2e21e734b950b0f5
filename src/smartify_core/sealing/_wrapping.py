"""Wrapped data keys as bytes: the name of the key that wrapped, a check of that name, a nonce, and the data key sealed.

What is kept is ``01``, the key's name (8 bytes), 4 bytes that check it, 12 of nonce, and the data key under AES-256-GCM
(NIST SP 800-38D) with its tag. Pinned by golden vectors.
"""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import SealBroken

SECRET_BYTES: Final = 32
KEY_ID_BYTES: Final = 8

_LAYOUT: Final = b"\x01"
_CHECK_BYTES: Final = 4
HEADER_BYTES: Final = len(_LAYOUT) + KEY_ID_BYTES + _CHECK_BYTES
_NONCE_BYTES: Final = 12
_SEALED_FROM: Final = HEADER_BYTES + _NONCE_BYTES
_WRAPPED_BYTES: Final = _SEALED_FROM + SECRET_BYTES + 16


def wrap_under(cipher: AESGCM, key_id: bytes, data_key: bytes, context: bytes) -> bytes:
    """Return ``data_key`` wrapped by ``cipher``, which has the name ``key_id``."""
    nonce = os.urandom(_NONCE_BYTES)
    return _header(key_id) + nonce + cipher.encrypt(nonce, data_key, context)


def unwrap_under(cipher: AESGCM, wrapped: bytes, context: bytes) -> bytes:
    """Return the data key in ``wrapped``, whose header names the key of ``cipher``.

    Raises:
        SealBroken: The bytes were altered, or belong to another tenant or context.
    """
    if len(wrapped) == _WRAPPED_BYTES:
        try:
            return cipher.decrypt(wrapped[HEADER_BYTES:_SEALED_FROM], wrapped[_SEALED_FROM:], context)
        except InvalidTag:
            pass
    raise broken()


def key_id_of(wrapped: bytes) -> bytes:
    """Return the name of the key that wrapped.

    The header carries a check, so that a damaged name reads as damage and not as a key that somebody lost.

    Raises:
        SealBroken: These are no wrapped bytes, or their header was altered.
    """
    key_id = wrapped[len(_LAYOUT) : len(_LAYOUT) + KEY_ID_BYTES]
    if len(wrapped) != _WRAPPED_BYTES or wrapped[:HEADER_BYTES] != _header(key_id):
        raise broken()
    return key_id


def broken() -> SealBroken:
    """Return the error for wrapped bytes that do not open."""
    return SealBroken(
        "a wrapped key does not open: altered, cut short, or moved from another account or tenant",
        cure="Restore the account from a backup, or delete it and let the next sync provision it anew.",
    )


@lru_cache(64)
def _header(key_id: bytes) -> bytes:
    named = _LAYOUT + key_id
    return named + blake2b(named, digest_size=_CHECK_BYTES, person=b"smartify-wrap").digest()
