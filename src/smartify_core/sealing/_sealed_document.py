"""Sealed documents as bytes: the wrapped data key after its length, the nonce, and the content under the data key."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smartify_core.errors import SealBroken

from ._prepared import LAYOUT, part, place

_LENGTH_BYTES: Final = 4
_START: Final = len(LAYOUT) + _LENGTH_BYTES
_NONCE_BYTES: Final = 12
_DATA_KEY_BYTES: Final = 32
#: Tenants' kinds of document whose places are at hand.
_KINDS_AT_HAND: Final = 1024


def parted(sealed: bytes) -> tuple[bytes, bytes] | None:
    """Return the wrapped data key in ``sealed`` and what follows it, or ``None`` where it is no sealed document.

    What this library keeps unsealed is JSON or empty, which never begins as a sealed document does.
    """
    end = _START + int.from_bytes(sealed[len(LAYOUT) : _START], "big")
    if sealed[: len(LAYOUT)] != LAYOUT or len(sealed) < end + _NONCE_BYTES:
        return None
    return sealed[_START:end], sealed[end:]


def joined(wrapped: bytes, rest: bytes) -> bytes:
    """Return the bytes that `parted` takes apart."""
    return LAYOUT + len(wrapped).to_bytes(_LENGTH_BYTES, "big") + wrapped + rest


def document_places(tenant: str, kind: str, key: str) -> tuple[bytes, bytes]:
    """Return the associated data of a document's content and of its data key."""
    of_content, of_key = _prefixes(tenant, kind)
    rest = part(key.encode() if key.isascii() else key.encode("utf-8", "surrogatepass"))
    return of_content + rest, of_key + rest


def fresh_secret() -> tuple[bytes, bytes]:
    """Return a data key and a nonce that nothing was sealed with."""
    secret = os.urandom(_DATA_KEY_BYTES + _NONCE_BYTES)
    return secret[:_DATA_KEY_BYTES], secret[_DATA_KEY_BYTES:]


def content_of(data_key: bytes, rest: bytes, place_: bytes) -> bytes | None:
    """Return the content of a sealed document, or ``None`` where it does not open."""
    try:
        return AESGCM(data_key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place_)
    except InvalidTag:
        return None


def broken_document(tenant: str, kind: str) -> SealBroken:
    """Return the error for a sealed document that does not open."""
    return SealBroken(
        "a sealed document does not open: altered, cut short, or moved from another place",
        where=f"tenant {tenant}, {kind}",
        cure="Remove it, or restore it from a backup.",
    )


@lru_cache(_KINDS_AT_HAND)
def _prefixes(tenant: str, kind: str) -> tuple[bytes, bytes]:
    return place(b"document", tenant, kind), place(b"document key", tenant, kind)
