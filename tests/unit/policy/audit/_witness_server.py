"""A witness of its own make, after C2SP's tlog-witness: it shares no code with what it is a witness of."""

from __future__ import annotations

import ssl
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Answer = tuple[int, str, bytes]


def grew(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Return whether a proof holds, by rebuilding both roots from above as RFC 6962, section 2.1.2, makes it."""
    left = list(proof)

    def roots(size: int, part: int, *, whole: bool) -> tuple[bytes, bytes]:
        # Of a subtree of so many leaves, of which so many are old: the hash over the old ones, and over all.
        if part == size:
            hashed = old_root if whole else left.pop(0)
            return hashed, hashed
        middle = 1
        while 2 * middle < size:
            middle *= 2
        if part <= middle:
            older, newer = roots(middle, part, whole=whole)
            return older, sha256(b"\x01" + newer + left.pop(0)).digest()
        older, newer = roots(size - middle, part - middle, whole=False)
        beside = left.pop(0)
        return sha256(b"\x01" + beside + older).digest(), sha256(b"\x01" + beside + newer).digest()

    try:
        return roots(new, old, whole=True) == (old_root, new_root) and not left
    except IndexError:
        return False


class WitnessServer:
    """A witness that knows some trails by their keys.

    Attributes:
        logs: The public keys of the trails, by origin.
        seen: Size and root of the latest checkpoint of each.
        asked: The bodies of all requests.
        say: What is answered instead, if anything.
    """

    def __init__(self, name: str = "witness.example/w1") -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.name = name
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self._public = self._key.public_key().public_bytes(*raw)
        self._id = sha256(name.encode() + b"\n\x04" + self._public).digest()[:4]
        self.vkey = f"{name}+{self._id.hex()}+{b64encode(bytes([4]) + self._public).decode()}"
        self.logs: dict[str, bytes] = {}
        self.seen: dict[str, tuple[int, bytes]] = {}
        self.asked: list[bytes] = []
        self.say: Answer | None = None
        self.stall: threading.Event | None = None
        self.body_stalls = False
        self.url = ""

    def answer(self, body: bytes) -> Answer:  # noqa: PLR0911  # one for each rule of the protocol
        """Return what the witness answers to ``add-checkpoint``."""
        self.asked.append(body)
        if self.say is not None:
            return self.say
        header, _, note = body.decode().partition("\n\n")
        first, *proof = header.split("\n")
        text, _, signatures = note.rpartition("\n\n")
        origin, size_text, root_text = text.split("\n")[:3]
        old, size, root = int(first.removeprefix("old ")), int(size_text), b64decode(root_text)
        if origin not in self.logs:
            return 404, "text/plain", b"who?"
        if not self._is_signed(origin, f"{text}\n", signatures):
            return 403, "text/plain", b""
        if old > size:
            return 400, "text/plain", b""
        latest, latest_root = self.seen.get(origin, (0, b""))
        if old != latest:
            return 409, "text/x.tlog.size", f"{latest}\n".encode()
        if old == size and root != latest_root and old:
            return 409, "text/plain", b"another root"
        if old not in {0, size} and not grew(old, size, list(map(b64decode, proof)), latest_root, root):
            return 422, "text/plain", b""
        self.seen[origin] = size, root
        now = int(time.time())
        signature = self._key.sign(f"cosignature/v1\ntime {now}\n{text}\n".encode())
        line = f"\N{EM DASH} {self.name} {b64encode(self._id + now.to_bytes(8, 'big') + signature).decode()}\n"
        return 200, "text/plain", line.encode()

    def _is_signed(self, origin: str, text: str, signatures: str) -> bool:
        key = Ed25519PublicKey.from_public_bytes(self.logs[origin])
        for line in signatures.strip().split("\n"):
            _, name, data = line.split(" ")
            try:
                key.verify(b64decode(data)[4:], text.encode())
            except InvalidSignature:
                continue
            return name == origin
        return False


@contextmanager
def serving(witness: WitnessServer, tls: ssl.SSLContext | None = None) -> Iterator[WitnessServer]:
    """Have a witness listen on this machine, by TLS where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, content = (
                witness.answer(body) if self.path == "/log/add-checkpoint" else (404, "text/plain", b"no such path")
            )
            if witness.stall is not None:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" if witness.body_stalls else b"HTTP/1.1 200 OK\r\n")
                while not witness.stall.wait(0.05):
                    try:
                        self.wfile.write(b"X")
                    except OSError:
                        return
                return
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "/log/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    witness.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}/log"
    try:
        yield witness
    finally:
        if witness.stall is not None:
            witness.stall.set()
        server.shutdown()
        thread.join()
        server.server_close()
