"""Google Cloud KMS on this machine, for tests: the two calls that seal, over HTTP, with its messages and its errors.

It really encrypts (AES-256-GCM, a secret for each version of each key), knows the states of versions, checks what the
caller says of its bytes, and can be busy, away, strict, slow to mend, or on a line that damages bytes.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from attrs import define, field
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud.kms_v1 import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse

KEY: Final = "projects/p1/locations/global/keyRings/r1/cryptoKeys/k1"
_PATH: Final = re.compile(r"/v1/(?P<key>projects/[^:]+):(?P<call>encrypt|decrypt)(\?.*)?")
_NONCE: Final = 12
_REASONS: Final = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


def checksum(content: bytes) -> int:
    """Return the CRC-32C bit by bit: slow, and not the library's."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 & -(value & 1))
    return value ^ 0xFFFFFFFF


class _Refused(Exception):
    def __init__(self, code: int, message: str, status: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status or _REASONS.get(code, "UNKNOWN")


@define
class Kms:
    """One KMS with one key."""

    key: str = KEY
    #: The secrets of the key's versions; the last one is primary. Destroyed ones are ``None``.
    versions: list[bytes | None] = field(factory=lambda: [AESGCM.generate_key(256)])
    #: Versions, by number from 1, that are disabled.
    disabled: set[int] = field(factory=set)
    #: What was called, in order.
    calls: list[str] = field(factory=list)
    #: How it answers the next calls, before it answers well: codes of HTTP.
    trouble: list[int] = field(factory=list)
    #: Whether it refuses everybody.
    denies: bool = False
    #: Whether it closes the connection without an answer.
    away: bool = False
    #: Whether it answers what is not its protocol.
    babbles: bool = False
    #: Fields whose checksums it gets or gives wrong, in the next so many calls.
    damages: MutableMapping[str, int] = field(factory=dict)
    url: str = ""

    def add_version(self) -> None:
        """Add a version, which is primary from now on."""
        self.versions.append(AESGCM.generate_key(256))

    def destroy(self, number: int) -> None:
        """Destroy the secret of a version."""
        self.versions[number - 1] = None

    def answer(self, path: str, body: bytes) -> bytes:
        """Answer one call, or raise what the client gets."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise _Refused(404, "no such method")
        self.calls.append(match["call"])
        if self.trouble and (code := self.trouble.pop(0)) != 200:
            raise _Refused(code, "made up for the test", "UNAVAILABLE" if code == 503 else "")
        if self.denies:
            raise _Refused(403, f"Permission 'cloudkms.cryptoKeyVersions.use' denied on {self.key}")
        if match["key"] != self.key:
            raise _Refused(404, "CryptoKey not found")
        return (self._encrypt if match["call"] == "encrypt" else self._decrypt)(body)

    def _encrypt(self, body: bytes) -> bytes:
        request = EncryptRequest.from_json(body)
        plaintext, aad = request.plaintext, request.additional_authenticated_data
        self._compare(request.plaintext_crc32c, plaintext, "plaintext")
        self._compare(request.additional_authenticated_data_crc32c, aad, "additional_authenticated_data")
        number = len(self.versions)
        nonce = os.urandom(_NONCE)
        sealed = number.to_bytes(2, "big") + nonce + self._cipher(number).encrypt(nonce, plaintext, aad)
        damaged = self._damages("ciphertext")
        response = EncryptResponse(
            name=f"{'/'.join([self.key[:-1], 'k2']) if self._damages('name') else self.key}/cryptoKeyVersions/{number}",
            ciphertext=sealed[:-1] + bytes([sealed[-1] ^ 1]) if damaged else sealed,
            ciphertext_crc32c=checksum(sealed),
            verified_plaintext_crc32c=not self._damages("verified_plaintext"),
            verified_additional_authenticated_data_crc32c=not self._damages("verified_aad"),
        )
        return str(EncryptResponse.to_json(response)).encode()

    def _decrypt(self, body: bytes) -> bytes:
        request = DecryptRequest.from_json(body)
        sealed, aad = request.ciphertext, request.additional_authenticated_data
        self._compare(request.ciphertext_crc32c, sealed, "ciphertext")
        self._compare(request.additional_authenticated_data_crc32c, aad, "additional_authenticated_data")
        number, rest = int.from_bytes(sealed[:2], "big"), sealed[2:]
        if not 1 <= number <= len(self.versions):
            raise _Refused(400, "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
        try:
            plaintext = self._cipher(number).decrypt(rest[:_NONCE], rest[_NONCE:], aad)
        except InvalidTag:
            raise _Refused(400, "Decryption failed: the ciphertext is invalid.") from None
        damaged = self._damages("decrypted")
        response = DecryptResponse(
            plaintext=bytes([plaintext[0] ^ 1]) + plaintext[1:] if damaged else plaintext,
            plaintext_crc32c=checksum(plaintext),
            used_primary=number == len(self.versions),
        )
        return str(DecryptResponse.to_json(response)).encode()

    def _cipher(self, number: int) -> AESGCM:
        secret = self.versions[number - 1]
        state = "DESTROYED" if secret is None else "DISABLED" if number in self.disabled else "ENABLED"
        if secret is None or state != "ENABLED":
            what = f"{self.key}/cryptoKeyVersions/{number} is not enabled, current state is: {state}."
            raise _Refused(400, what, "FAILED_PRECONDITION")
        return AESGCM(secret)

    def _compare(self, told: int, content: bytes, name: str) -> None:
        if told != checksum(content) or self._damages(f"sent {name}"):
            raise _Refused(400, f"The checksum in field {name}_crc32c did not match the data in field {name}.")

    def _damages(self, name: str) -> bool:
        left = self.damages.get(name, 0)
        self.damages[name] = max(left - 1, 0)
        return left > 0


@contextmanager
def running(kms: Kms | None = None) -> Iterator[Kms]:
    """Serve a KMS on this machine, at the ``url`` of what is given."""
    served = kms or Kms()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if served.away:
                self.close_connection = True
                return
            try:
                code, content = 200, served.answer(self.path, body)
            except _Refused as refused:
                told = {"code": refused.code, "message": refused.message, "status": refused.status}
                code, content = refused.code, json.dumps({"error": told}).encode()
            self.send_response(code)
            content = b"<html>no KMS" if served.babbles else content
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
