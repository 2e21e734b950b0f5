"""The keys that webhooks are signed with, in the forms of Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from hashlib import sha256
from typing import Final

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from smartify_core.errors import UsageError

_SIGNING, _PUBLIC, _SHARED = "whsk_", "whpk_", "whsec_"
#: Ed25519 (RFC 8032): a seed, and the public key that follows it in the written form.
_SEED: Final = 32
#: The specification allows for 24 to 64 bytes.
_SHORTEST, _LONGEST = 24, 64


@frozen(order=False)
class WebhookKey:
    """A key of the host's by which receivers know its notices, and which none of them can sign with.

    Args:
        seed: The private key: 32 bytes.

    Raises:
        UsageError: It is not of this length.
    """

    seed: bytes = field(repr=False)
    # Made once, at the first use: to make it anew for every notice costs as much as to sign.
    _made: list[Ed25519PrivateKey] = field(init=False, factory=list, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if len(self.seed) != _SEED:
            raise _misshapen("signing key")

    @classmethod
    def generate(cls) -> WebhookKey:
        """Return a new key."""
        return cls(secrets.token_bytes(_SEED))

    @classmethod
    def parse(cls, text: str) -> WebhookKey:
        """Read a key as `secret` writes it, or with the seed alone.

        Raises:
            UsageError: It is none. Never says it.
        """
        raw = _decoded(_SIGNING, text)
        if raw is None or len(raw) not in {_SEED, 2 * _SEED}:
            raise _misshapen("signing key")
        key = cls(raw[:_SEED])
        if len(raw) != _SEED and raw[_SEED:] != key.public_bytes:
            raise _misshapen("signing key")
        return key

    @property
    def secret(self) -> str:
        """Return the key as it is kept: ``whsk_`` and, in Base64, the private and the public key. Keep it secret."""
        return _SIGNING + base64.b64encode(self.seed + self.public_bytes).decode()

    @property
    def public(self) -> str:
        """Return what receivers need: ``whpk_`` and, in Base64, the public key."""
        return _PUBLIC + base64.b64encode(self.public_bytes).decode()

    @property
    def public_bytes(self) -> bytes:
        """Return the public key's 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def signature(self, content: bytes) -> str:
        """Return the signature, as it stands in the header."""
        return "v1a," + base64.b64encode(self._private.sign(content)).decode()

    @property
    def _private(self) -> Ed25519PrivateKey:
        if not self._made:
            self._made.append(Ed25519PrivateKey.from_private_bytes(self.seed))
        return self._made[0]


@frozen(order=False)
class WebhookSecret:
    """A secret that host and receiver share, for receivers whose library knows nothing else. Either can sign with it.

    Args:
        value: The secret: 24 to 64 bytes.

    Raises:
        UsageError: It is not of this length.
    """

    value: bytes = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if not _SHORTEST <= len(self.value) <= _LONGEST:
            raise _misshapen("shared secret")

    @classmethod
    def generate(cls) -> WebhookSecret:
        """Return a new secret."""
        return cls(secrets.token_bytes(_SEED))

    @classmethod
    def parse(cls, text: str) -> WebhookSecret:
        """Read a secret as `secret` writes it.

        Raises:
            UsageError: It is none. Never says it.
        """
        raw = _decoded(_SHARED, text)
        if raw is None:
            raise _misshapen("shared secret")
        return cls(raw)

    @property
    def secret(self) -> str:
        """Return the secret as it is kept on both sides: ``whsec_`` and Base64."""
        return _SHARED + base64.b64encode(self.value).decode()

    def signature(self, content: bytes) -> str:
        """Return the signature, as it stands in the header."""
        return "v1," + base64.b64encode(hmac.digest(self.value, content, "sha256")).decode()


def is_signed_by(key: str, version: str, signature: str, content: bytes) -> bool:
    """Return whether one signature of a header is by this key of the receiver's: ``whpk_…`` or ``whsec_…``.

    Raises:
        UsageError: The key is none. Never says it.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if key.startswith(_SHARED):
        secret = WebhookSecret.parse(key)
        return version == "v1" and hmac.compare_digest(raw, hmac.digest(secret.value, content, sha256))
    public = _decoded(_PUBLIC, key)
    if public is None or len(public) != _SEED:
        raise _misshapen("public key")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(raw, content)
    except (InvalidSignature, ValueError):
        return False
    return version == "v1a"


def _decoded(prefix: str, text: object) -> bytes | None:
    if not isinstance(text, str) or not text.startswith(prefix):
        return None
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        return None


def _misshapen(what: str) -> UsageError:
    return UsageError(
        f"that is no {what} of webhooks",
        where="webhook key",
        cure="Give whsk_, whpk_ or whsec_ and Base64, as Standard Webhooks 1.0 writes them.",
    )
