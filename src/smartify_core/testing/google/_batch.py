"""Multipart batches: many calls in one POST, each answered for itself (guide "Batch requests").

The outer answer is 200 whatever the parts say, and each part counts against the quotas.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google._answers import Answer, Refusal
from smartify_core.testing.google._calls import Request

#: The most calls that one batch may hold.
MOST_CALLS = 1000

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;]+))""")


def answer_batch(request: Request, handle: Callable[[Request, str], Answer]) -> Answer:
    """Return the multipart answer to a batch; ``handle`` answers one part, given the batch's own ``Authorization``.

    Raises:
        Refusal: 400: no multipart body, a part that is no HTTP request, or more than 1,000 parts.
    """
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None or not request.headers.get("content-type", "").startswith("multipart/mixed"):
        raise Refusal(answers.error_answer(400, "badRequest", "Failed to parse batch request: no boundary"))
    boundary = found[1] or found[2]
    parts = _parts(request.body, boundary.encode())
    if not parts or len(parts) > MOST_CALLS:
        text = "Failed to parse batch request: too many or no parts"
        raise Refusal(answers.error_answer(400, "badRequest", text))
    outer = request.headers.get("authorization", "")
    ours = f"batch_{blake2b(request.body, digest_size=12).hexdigest()}"
    pieces = [_part(content_id, handle(inner, outer), ours) for content_id, inner in parts]
    body = b"".join(pieces) + f"--{ours}--\r\n".encode()
    return Answer(200, body, f"multipart/mixed; boundary={ours}")


def _parts(body: bytes, boundary: bytes) -> list[tuple[str | None, Request]]:
    """Return the ``Content-ID`` and the HTTP request of each part."""
    found = []
    for chunk in re.split(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r?\n|\Z)", body):
        if not chunk.strip():
            continue
        part_headers, inner = _headers_and_rest(chunk.lstrip(b"\r\n"))
        line, _, rest = inner.lstrip(b"\r\n").partition(b"\n")
        words = line.decode("latin-1").split()
        if len(words) < 2:  # noqa: PLR2004 - method and target
            raise Refusal(answers.error_answer(400, "badRequest", "Failed to parse batch request: bad part"))
        headers, content = _headers_and_rest(rest)
        found.append((part_headers.get("content-id"), Request(words[0], words[1], headers, content)))
    return found


def _headers_and_rest(data: bytes) -> tuple[dict[str, str], bytes]:
    """Return the header lines up to the first empty line, and what follows it."""
    headers: dict[str, str] = {}
    while data:
        line, _, data = data.partition(b"\n")
        text = line.decode("latin-1").strip()
        if not text:
            break
        name, _, value = text.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, data


def _part(content_id: str | None, answer: Answer, boundary: str) -> bytes:
    """Return one part. ``<x>`` comes back as ``<response-x>``, which is how clients tell the parts apart."""
    echo = f"Content-ID: <response-{content_id.strip('<>')}>\r\n" if content_id else ""
    phrase = HTTPStatus(answer.status).phrase
    inner = [f"HTTP/1.1 {answer.status} {phrase}", f"Content-Type: {answer.content_type}"]
    inner += [f"{name}: {value}" for name, value in answer.headers]
    inner.append(f"Content-Length: {len(answer.body)}")
    head = f"--{boundary}\r\nContent-Type: application/http\r\n{echo}\r\n" + "\r\n".join(inner) + "\r\n\r\n"
    return head.encode() + answer.body + b"\r\n"
