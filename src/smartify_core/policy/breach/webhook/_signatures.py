"""Signing a webhook and verifying one (Standard Webhooks 1.0, "Signature scheme")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeAlias

from ._keys import WebhookKey, WebhookSecret, is_signed_by

Signer: TypeAlias = WebhookKey | WebhookSecret
_instant_like: Final = re.compile(r"[0-9]{1,12}").fullmatch
#: What can be signed as an id: no dot, which parts it from the instant behind it, and nothing that ends a header.
_id_like: Final = re.compile(r"[A-Za-z0-9_=+-]{1,64}").fullmatch
#: More signatures than anybody rotates; each costs the receiver time.
_MOST: Final = 32


def signed_id(parcel_id: str) -> str:
    """Return by which id a parcel goes, the same at every attempt: its own, or a hash where that cannot be signed.

    Raises:
        UnicodeError: It is no text.
    """
    return parcel_id if _id_like(parcel_id) else sha256(parcel_id.encode()).hexdigest()


def signed_headers(message_id: str, at: datetime, body: bytes, signers: Sequence[Signer]) -> dict[str, str]:
    """Return the headers that vouch for a message: by every key that its receiver may know it by."""
    instant = str(int(at.timestamp()))
    content = _content(message_id, instant, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": instant,
        "webhook-signature": " ".join(signer.signature(content) for signer in signers),
    }


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    public_keys: Iterable[str],
    *,
    now: datetime,
    tolerance: timedelta = timedelta(minutes=5),
) -> str | None:
    """Verify a webhook on the receiving side, before anything of it is read.

    Args:
        headers: The request's headers; however their names are written.
        body: The request's body, byte by byte as it came.
        public_keys: What the receiver knows the sender by: ``whpk_…``, or ``whsec_…`` where a secret is shared.
        now: The receiver's time.
        tolerance: How far the sender's time may be from it.

    Returns:
        The message's id, by which a repeat is known; ``None`` where none of the keys vouches for the message, or
        it is of another time.

    Raises:
        UsageError: A key is misshapen.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id, instant = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    # With a dot in the id, one signature would vouch for more than one pair of id and instant.
    if not message_id or "." in message_id or not _instant_like(instant):
        return None
    if abs(now.timestamp() - int(instant)) > tolerance.total_seconds():
        return None
    content = _content(message_id, instant, body)
    signatures = [one.partition(",") for one in found.get("webhook-signature", "").split(" ")[:_MOST]]
    held = [
        is_signed_by(key, version, signature, content) for key in public_keys for version, _, signature in signatures
    ]
    return message_id if any(held) else None


def _content(message_id: str, instant: str, body: bytes) -> bytes:
    return f"{message_id}.{instant}.".encode("utf-8", "surrogateescape") + body
