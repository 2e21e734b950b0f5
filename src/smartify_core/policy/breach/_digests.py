"""Names and digests of notices, so that a repeat is one and a change is seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def _framed(*texts: str) -> bytes:
    """Return texts in UTF-8, each with its length in front in eight bytes: no two lists of texts have one form."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def notice_id(incident: str, number: int, tenant: str) -> str:
    """Return the id of the notice that a round has for a tenant."""
    return f"ntc-{sha256(_framed(incident, str(number), tenant)).hexdigest()[:32]}"


def notice_digest(*parts: str) -> str:
    """Return the SHA-256 over the parts of a notice, in hexadecimal digits.

    Args:
        parts: Subject, text, HTML and payload: each stands in the hash with its length in front, in eight bytes.
    """
    return sha256(_framed(*parts)).hexdigest()


def round_digest(digests: Iterable[str]) -> str:
    """Return the SHA-256 over the digests of a round's notices, 32 bytes each, in order of their keys."""
    made = sha256()
    for one in digests:
        made.update(bytes.fromhex(one))
    return made.hexdigest()
