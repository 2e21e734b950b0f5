"""Signed notes: a text, and under it a line for each key that signed it (C2SP signed-note, Ed25519).

A note is text that people can read, and that any tool of the same format can check::

    vendor.example/audit/acme
    4711
    n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=

    - vendor.example/audit Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=

(The sign before a key's name is an em dash, U+2014.)
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from smartify_core.errors import UsageError

from ._checkpoint import check_origin

#: The kind of key that is signed with, as the format numbers it.
_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_DASH: Final = "\N{EM DASH}"
_MOST_SIGNATURES: Final = 100
_LONGEST: Final = 1_000_000
_verifier_like = re.compile(r"([^\s+]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})").fullmatch
_signature_like = re.compile(rf"{_DASH} ([^\s+]{{1,200}}) ([A-Za-z0-9+/]+={{0,2}})").fullmatch


@frozen(order=False)
class Verifier:
    """A public key and its name, which check what its owner signed.

    Args:
        name: Whose key it is, as ``vendor.example/audit``.
        key: The public key, 32 bytes.

    Raises:
        UsageError: The name is not valid, or the key is no public key of Ed25519.
    """

    name: str
    key: bytes
    _public: Ed25519PublicKey = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_origin(self.name)
        try:
            public = Ed25519PublicKey.from_public_bytes(self.key)
        except (ValueError, TypeError):
            raise UsageError(
                "this is no public key of Ed25519", where="Verifier", cure="Give its 32 bytes as they are."
            ) from None
        object.__setattr__(self, "_public", public)

    @property
    def id(self) -> bytes:
        """The four bytes by which a note tells keys apart."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as others know it: name, id and key, parted by plus signs (C2SP signed-note, verifier keys)."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.key).decode('ascii')}"

    @classmethod
    def of_vkey(cls, vkey: str) -> Verifier:
        """Return the key of a text form.

        Raises:
            UsageError: It is not a key, or its id is not the key's.
        """
        match = _verifier_like(vkey)
        data = b"" if match is None else _decoded(match[3]) or b""
        if match is not None and data[:1] == _ED25519 and len(data) == 1 + _KEY_BYTES:
            found = cls(match[1], data[1:])
            if found.id.hex() == match[2]:
                return found
        raise UsageError("this is no key of a verifier", where="Verifier", cure="Copy it whole, as name+id+key.")

    def verifies(self, text: str, signature: bytes) -> bool:
        """Return whether the owner of the key signed this text."""
        try:
            self._public.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@frozen(order=False)
class Signer:
    """A private key and its name.

    Args:
        name: Whose key it is, as ``vendor.example/audit``.
        seed: The private key, 32 bytes.

    Raises:
        UsageError: The name is not valid, or the seed has not 32 bytes.
    """

    name: str
    seed: bytes = field(repr=False)
    _private: Ed25519PrivateKey = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_origin(self.name)
        try:
            private = Ed25519PrivateKey.from_private_bytes(self.seed)
        except (ValueError, TypeError):
            raise UsageError(
                "this is no private key of Ed25519", where="Signer", cure="Give 32 random bytes that nobody knows."
            ) from None
        object.__setattr__(self, "_private", private)

    @property
    def verifier(self) -> Verifier:
        """The public key that checks what this one signs."""
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return Verifier(self.name, self._private.public_key().public_bytes(*raw))

    def sign(self, text: str) -> bytes:
        """Return the signature of a text, 64 bytes."""
        return self._private.sign(text.encode())


def signed_note(text: str, *signers: Signer) -> str:
    """Return the note of a text, with a line for each signer.

    Raises:
        UsageError: Nobody signs, or the text does not end a line, or has a character that could hide something.
    """
    if not signers or not _is_text(text):
        raise UsageError(
            "a note has a signer, and a text of whole lines without control characters",
            where="signed_note",
            cure="End the text with a line feed.",
        )
    lines = "".join(
        f"{_DASH} {signer.name} {b64encode(signer.verifier.id + signer.sign(text)).decode('ascii')}\n"
        for signer in signers
    )
    return f"{text}\n{lines}"


def opened_note(note: str, verifiers: Iterable[Verifier]) -> tuple[str, tuple[Verifier, ...]]:
    """Return the text of a note, and which of the verifiers vouch for it: at least one.

    Signatures by other keys are passed over. One by a known key that does not fit is no other key's: the note is false.

    Raises:
        UsageError: It is no note, none of the keys signed it, or a signature by one of them is false.
    """
    text, signatures = parted(note)
    known = {(one.name, one.id): one for one in verifiers}
    vouching: list[Verifier] = []
    for name, data in signatures:
        verifier = known.get((name, data[:_ID_BYTES]))
        if verifier is None or verifier in vouching:
            continue
        if not verifier.verifies(text, data[_ID_BYTES:]):
            raise _false("a signature under a note is false")
        vouching.append(verifier)
    if not vouching:
        raise _false("none of the known keys signed this note")
    return text, tuple(vouching)


def parted(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a note, and its signatures as they are: whose, and the key's id with what it signed.

    Raises:
        UsageError: It is no note.
    """
    text, found, lines = note.rpartition("\n\n")
    text += "\n"
    signatures = lines.removesuffix("\n").split("\n")
    whole = found and lines.endswith("\n") and len(note) <= _LONGEST and len(signatures) <= _MOST_SIGNATURES
    if not whole or not _is_text(text):
        raise _false("this is no signed note")
    named: list[tuple[str, bytes]] = []
    for line in signatures:
        match = _signature_like(line)
        data = None if match is None else _decoded(match[2])
        if match is None or data is None or len(data) <= _ID_BYTES:
            raise _false("this is no signed note")
        named.append((match[1], data))
    return text, named


def _is_text(text: str) -> bool:
    # C2SP signed-note: no control characters but line feeds, which surrogates and their like could not be written with.
    return text.endswith("\n") and len(text) > 1 and all(line.isprintable() for line in text[:-1].split("\n"))


def _decoded(text: str) -> bytes | None:
    try:
        data = b64decode(text, validate=True)
    except NoBase64:
        return None
    return data if b64encode(data).decode("ascii") == text else None


def _false(what: str) -> UsageError:
    return UsageError(
        what, where="a signed note", cure="Take it again from where it was kept, and check whose key you have."
    )
