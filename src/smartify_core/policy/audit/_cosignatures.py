"""Cosignatures: how a witness says that it saw a trail grow, and when (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from attrs import frozen

from smartify_core.errors import UsageError

from ._notes import Verifier, parted

#: The kind of key, as the format numbers it.
_COSIGNATURE: Final = b"\x04"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_key_like = re.compile(r"([^\s+]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})").fullmatch


@frozen(order=False)
class Cosigner:
    """The public key of a witness, which checks what the witness cosigned.

    Args:
        name: The witness.
        key: Its public key, 32 bytes.

    Raises:
        UsageError: The name is not valid, or the key is no public key of Ed25519.
    """

    name: str
    key: bytes

    def __attrs_post_init__(self) -> None:
        Verifier(self.name, self.key)

    @property
    def id(self) -> bytes:
        """The four bytes by which a note tells keys apart: other ones than if the same key signed notes itself."""
        return sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.key).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as others know it: name, id and key, parted by plus signs."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_COSIGNATURE + self.key).decode('ascii')}"

    @classmethod
    def of_vkey(cls, vkey: str) -> Cosigner:
        """Return the key of a text form.

        Raises:
            UsageError: It is not a key, or its id is not the key's.
        """
        match = _key_like(vkey)
        try:
            data = b"" if match is None else b64decode(match[3], validate=True)
        except NoBase64:
            data = b""
        if match is not None and data[:1] == _COSIGNATURE and len(data) == 1 + _KEY_BYTES:
            found = cls(match[1], data[1:])
            if found.vkey == vkey:
                return found
        raise UsageError("this is no key of a witness", where="Cosigner", cure="Copy it whole, as name+id+key.")

    def cosigned(self, note: str) -> datetime | None:
        """Return when the witness cosigned the checkpoint in a note, to the second; ``None`` where it did not.

        A false cosignature counts for nothing. The instant is the witness's own word.

        Raises:
            UsageError: It is no note.
        """
        text, signatures = parted(note)
        verifier = Verifier(self.name, self.key)
        for name, data in signatures:
            stamp, signature = data[_ID_BYTES : _ID_BYTES + _TIME_BYTES], data[_ID_BYTES + _TIME_BYTES :]
            if name == self.name and data[:_ID_BYTES] == self.id and len(stamp) == _TIME_BYTES:
                seconds = int.from_bytes(stamp, "big")
                if verifier.verifies(cosigned_text(text, seconds), signature):
                    try:
                        return datetime.fromtimestamp(seconds, UTC)
                    except (OverflowError, ValueError, OSError):
                        return None
        return None


def cosigned_text(text: str, seconds: int) -> str:
    """Return what a witness signs for the checkpoint of this text."""
    return f"cosignature/v1\ntime {seconds}\n{text}"
