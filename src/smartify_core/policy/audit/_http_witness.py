"""A witness behind HTTP (C2SP tlog-witness)."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from smartify_core.errors import UsageError, WitnessRefused, WitnessUnavailable

from ._checkpoint import Checkpoint
from ._cosignatures import Cosigner
from ._notes import parted
from ._witness import ProofFrom

_LARGEST_ANSWER: Final = 65_536
_OK, _CONFLICT = 200, 409
_REDIRECTS: Final = range(300, 400)
#: Why a witness refuses, by the status that it answers with.
_REFUSALS: Final = {
    400: "it takes the checkpoint for malformed",
    403: "it does not know the key that signed it",
    404: "it does not know this trail",
    _CONFLICT: "it has seen another trail of this size",
    422: "it has seen a trail that this one did not grow from",
}
_size_like = re.compile(rb"(0|[1-9][0-9]{0,18})\n").fullmatch


class HttpWitness:
    """Somebody else's witness. It checks that the trail only grew, and signs with the time at which it saw it.

    Redirects are not followed, and no proxy of the environment is used.

    Args:
        url: Its submission prefix: ``https://witness.example/log``.
        cosigner: Its public key.
        timeout: Seconds that one exchange may take in all.
        context: What TLS trusts; the system's certificates unless told otherwise.

    Raises:
        UsageError: The URL is not valid.
    """

    def __init__(
        self, url: str, cosigner: Cosigner, *, timeout: float = 10.0, context: ssl.SSLContext | None = None
    ) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise UsageError(
                "this is no address of a witness", where="HttpWitness", cure="Give it as https://witness.example/log."
            )
        self._host, self._port, self._secure = parts.hostname, port, parts.scheme == "https"
        self._path = f"{parts.path.rstrip('/')}/add-checkpoint"
        self._cosigner = cosigner
        self._timeout = timeout
        self._context = context

    @property
    def name(self) -> str:
        """What the witness is called in reports: the name of its key."""
        return self._cosigner.name

    def vouch(
        self,
        note: str,
        *,
        seen: int,
        proof_from: ProofFrom,
        successions: Sequence[str] = (),  # noqa: ARG002  # its protocol has no place for them
    ) -> Sequence[str]:
        """Ask for a cosignature. Whoever runs the witness tells it of a new signing key. See `Witness.vouch`."""
        size = Checkpoint.of_body(parted(note)[0]).size
        status, kind, answer = self._asked(note, min(seen, size), proof_from)
        if status == _CONFLICT and kind == "text/x.tlog.size":
            found = _size_like(answer)
            if found is None:
                raise self._unavailable("its answer is not in its protocol")
            if (latest := int(found[1])) > size:
                raise self._refused(f"it has seen {latest} entries, and this trail has {size}")
            status, kind, answer = self._asked(note, latest, proof_from)
        if status == _OK:
            return self._lines(note, answer)
        if status in _REFUSALS:
            raise self._refused(_REFUSALS[status])
        what = "it sends us elsewhere" if status in _REDIRECTS else "it failed"
        raise self._unavailable(f"{what} (HTTP status {status})")

    def _lines(self, note: str, answer: bytes) -> Sequence[str]:
        """Return the lines of an answer by which the witness signs; those of other keys are left out."""
        try:
            lines = answer.decode().splitlines()
            own = [line for line in lines if self._cosigner.cosigned(f"{note}{line}\n") is not None]
        except (UsageError, UnicodeDecodeError):
            own = []
        if not own:
            raise self._refused("what it answered is not signed by its key")
        return own[:1]

    def _asked(self, note: str, old: int, proof_from: ProofFrom) -> tuple[int, str, bytes]:
        proof = "".join(f"{b64encode(one).decode('ascii')}\n" for one in proof_from(old))
        body = f"old {old}\n{proof}\n{note}".encode()
        connection = (
            HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
            if self._secure
            else HTTPConnection(self._host, self._port, timeout=self._timeout)
        )
        is_over = threading.Event()
        try:
            with closing(connection):
                connection.connect()
                # A witness that answers a byte at a time never runs into the limit of a single wait.
                limit = threading.Timer(self._timeout, _cut, [connection.sock, is_over])
                limit.daemon = True
                limit.start()
                try:
                    connection.request("POST", self._path, body, {"Content-Type": "text/plain; charset=utf-8"})
                    with connection.getresponse() as response:
                        answer = response.read(_LARGEST_ANSWER + 1)
                        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                finally:
                    limit.cancel()
        except (OSError, HTTPException, ValueError):
            raise self._unavailable("it cannot be reached, or did not answer in time") from None
        if is_over.is_set():
            raise self._unavailable("it did not answer in time")
        if len(answer) > _LARGEST_ANSWER:
            raise self._unavailable("its answer is not in its protocol")
        return response.status, kind, answer

    def _refused(self, why: str) -> WitnessRefused:
        return WitnessRefused(
            f"a witness does not vouch for the checkpoint: {why}",
            where=self.name,
            cure="Register the trail with it, or verify the trail against what it has seen.",
        )

    def _unavailable(self, why: str) -> WitnessUnavailable:
        return WitnessUnavailable(
            f"a witness does not answer: {why}", where=self.name, cure="The next checkpoint is offered to it again."
        )


def _cut(sock: socket.socket, is_over: threading.Event) -> None:
    """End a connection under whoever waits for it."""
    is_over.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
