"""Page tokens: opaque to the client, bound to the listing, and holding the sort key of the last item shown.

A token says "after this key", never "page 3" or a snapshot. So whoever is renamed from ahead of the cursor to behind
it is missed, and whoever is renamed from behind it to ahead of it is seen twice: the listing is as little of a
snapshot as Google's.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TypeVar

from smartify_core.testing.google._answers import Refusal, invalid_input
from smartify_core.testing.google._calls import Call

T = TypeVar("T")
#: What items are ordered by: texts, compared in turn.
SortKey = tuple[str, ...]

#: Parameters that may change from page to page; all others belong to the listing.
_FREE = frozenset(
    {
        *("maxResults", "pageToken", "fields", "alt", "prettyPrint", "quotaUser", "key", "access_token", "oauth_token"),
        *("callback", "$.xgafv", "upload_protocol", "uploadType"),
    }
)


def binding_of(call: Call, customer_id: str) -> str:
    """Return a text that two calls share exactly when they are pages of the same listing."""
    kept = sorted((name, value) for name, value in call.query.items() if name not in _FREE)
    return json.dumps([customer_id, call.operation, [key.lower() for key in call.keys], kept])


def mint_token(binding: str, after: SortKey | None, clocks: Sequence[datetime], salt: int = 0) -> str:
    """Return a token that goes on behind ``after`` (``None``: from the start), issued at ``clocks``.

    ``salt`` makes tokens for the same place differ.
    """
    issued = [clock.timestamp() for clock in clocks]
    content = json.dumps([_digest(binding.encode()), after, issued, salt], separators=(",", ":")).encode()
    return urlsafe_b64encode(bytes.fromhex(_digest(content)) + content).rstrip(b"=").decode()


def read_token(token: str, binding: str, clocks: Sequence[datetime], lifetime: timedelta) -> SortKey | None:
    """Return the key behind which the listing goes on.

    Raises:
        Refusal: 400 ``Invalid Input: <the token>``: the token is made up, belongs to another listing, or is older
            than ``lifetime`` by any of the clocks.
    """
    try:
        raw = b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refusal(invalid_input(token)) from None
    seal, content = raw[:8].hex(), raw[8:]
    if seal != _digest(content):
        raise Refusal(invalid_input(token))
    bound, after, issued, _ = json.loads(content)
    too_old = any(now.timestamp() - then > lifetime.total_seconds() for now, then in zip(clocks, issued, strict=True))
    if bound != _digest(binding.encode()) or too_old:
        raise Refusal(invalid_input(token))
    return None if after is None else tuple(after)


def page_of(
    keys: Sequence[SortKey], items: Sequence[T], after: SortKey | None, size: int, *, descending: bool = False
) -> tuple[Sequence[T], SortKey | None]:
    """Return one page of ``items`` (in ascending order of ``keys``) and its last key, ``None`` when nothing follows."""
    if descending:
        end = len(keys) if after is None else bisect_left(keys, after)
        start = max(0, end - size)
        return items[start:end][::-1], keys[start] if start > 0 else None
    start = 0 if after is None else bisect_right(keys, after)
    end = min(len(keys), start + size)
    return items[start:end], keys[end - 1] if end < len(keys) else None


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8, person=b"page token").hexdigest()
