"""One attempt after another at webhooks, over a connection that is kept."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping, Sequence
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from typing import Final

from attrs import evolve

from smartify_core.errors import ContactInvalid, PrivateAddress
from smartify_core.policy.breach._notifier import AttemptVerdict, Parcel, Reply
from smartify_core.policy.breach._reaching import Cutoff, Line, reason_of

from ._answers import reply_of
from ._endpoint import Endpoint, Outside, endpoint_of
from ._keys import WebhookKey, WebhookSecret
from ._signatures import Signer, signed_headers, signed_id

#: Standard Webhooks 1.0, "Payload size".
_LONGEST_BODY: Final = 20_000
_LONGEST_ANSWER: Final = 4_096
#: How it looks from here when the other side closed the connection, with TLS and without.
_CLOSED: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class WebhookSender:
    """A way out for one thread.

    Args:
        keys: What notices are signed with, by name.
        seconds: How long one attempt may take in all.
        context: What TLS trusts.
        outside: Where webhooks may go.
        allow_http: Whether URLs may do without TLS.
        user_agent: What we call ourselves.
    """

    def __init__(
        self,
        keys: Mapping[str, Signer | Sequence[Signer]],
        *,
        seconds: float,
        context: ssl.SSLContext,
        outside: Outside,
        allow_http: bool,
        user_agent: str,
    ) -> None:
        self._keys, self._seconds, self._context = keys, seconds, context
        self._outside, self._allow_http, self._user_agent = outside, allow_http, user_agent
        self._kept: tuple[tuple[bool, str, int], Line] | None = None

    def send(self, parcel: Parcel) -> Reply:
        """Make one attempt. See `Sender.send`."""
        try:
            endpoint = endpoint_of(parcel.address, allow_http=self._allow_http)
            self._outside.check(endpoint)
        except (PrivateAddress, ContactInvalid) as error:
            is_private = isinstance(error, PrivateAddress)
            return Reply(AttemptVerdict.REFUSED, "private-address" if is_private else "address")
        try:
            body = json.dumps(parcel.payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError):
            return Reply(AttemptVerdict.REFUSED, "payload")
        if len(body) > _LONGEST_BODY:
            return Reply(AttemptVerdict.REFUSED, "too-large")
        signers = self._signers(parcel.key_id)
        if not signers:
            # The fault is ours, and mended by whoever brings the key.
            return Reply(AttemptVerdict.TRY_AGAIN, "no-key")
        try:
            message_id = signed_id(parcel.id)
        except UnicodeError:
            return Reply(AttemptVerdict.REFUSED, "id")
        if message_id != parcel.id:
            parcel = evolve(parcel, id=message_id)
        headers = signed_headers(parcel.id, parcel.at, body, signers) | {
            "Host": endpoint.authority,
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": self._user_agent,
        }
        return self._posted(parcel, endpoint, body, headers, Cutoff(self._seconds))

    def _signers(self, key_id: str | None) -> tuple[Signer, ...]:
        if key_id is None:
            names = list(self._keys)
            if len(names) != 1:
                return ()
            key_id = names[0]
        found = self._keys.get(key_id, ())
        return (found,) if isinstance(found, WebhookKey | WebhookSecret) else tuple(found)

    def _posted(
        self, parcel: Parcel, endpoint: Endpoint, body: bytes, headers: Mapping[str, str], cutoff: Cutoff
    ) -> Reply:
        digest = sha256(body).hexdigest()
        was_kept = self._kept is not None and self._kept[0] == _key(endpoint)
        try:
            try:
                response, said = self._exchanged(endpoint, body, headers, cutoff)
            except _CLOSED:
                self.close()
                if not was_kept or cutoff.is_over:
                    raise
                # It was closed while nobody spoke, as servers do: that is no failed attempt.
                response, said = self._exchanged(endpoint, body, headers, cutoff)
        except PrivateAddress:
            self.close()
            return Reply(AttemptVerdict.REFUSED, "private-address")
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            return Reply(AttemptVerdict.TRY_AGAIN, reason_of(error, cutoff), reference=parcel.id, content_sha256=digest)
        return reply_of(response.status, response.headers.get("Retry-After"), said, parcel, digest)

    def _exchanged(
        self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str], cutoff: Cutoff
    ) -> tuple[HTTPResponse, bytes]:
        line = self._at_hand(endpoint, cutoff)
        line.sendall(_request(endpoint, headers, body))
        response = HTTPResponse(line, method="POST")  # type: ignore[arg-type]  # it has what is called of a socket
        response.begin()
        if cutoff.is_over:
            # The end of the line in the midst of the headers looks like the end of the headers.
            raise TimeoutError
        try:
            said = response.read(_LONGEST_ANSWER)
        except (OSError, HTTPException, ValueError):
            # What it made of the message stood in the first line; the rest is only for people.
            said = b""
            self.close()
        if not response.isclosed():
            # More than we read would be taken for the next answer.
            response.close()
            self.close()
        elif response.will_close:
            self.close()
        return response, said

    def _at_hand(self, endpoint: Endpoint, cutoff: Cutoff) -> Line:
        if self._kept is not None:
            key, line = self._kept
            if key == _key(endpoint):
                line.limited_by(cutoff)
                return line
            self.close()
        places = cutoff.resolved(endpoint.host, endpoint.port)
        if not all(self._outside.has(ipaddress.ip_address(str(place[0]))) for _, place in places):
            raise PrivateAddress(
                "the name of a webhook's host leads into a private network",
                where="webhook",
                cure="Give a URL on the internet, or allow the network with allow_private.",
            )
        # To the addresses that were looked at: who asks again may be told others (DNS rebinding).
        line = cutoff.connected(places)
        if endpoint.is_secure:
            line.secure(self._context, endpoint.host)
        self._kept = _key(endpoint), line
        return line

    def close(self) -> None:
        """Close the connection that was kept, if any."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[1].close()


def _request(endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request in one piece (RFC 9112, section 2.1). None of its values can hold a line's end."""
    lines = [f"POST {endpoint.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("ascii") + body


def _key(endpoint: Endpoint) -> tuple[bool, str, int]:
    return endpoint.is_secure, endpoint.host, endpoint.port
