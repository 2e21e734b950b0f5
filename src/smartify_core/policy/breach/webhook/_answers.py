"""What an answer to a webhook means (Standard Webhooks 1.0, "Receiving webhooks"). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from smartify_core.policy.breach._notifier import AttemptVerdict, Parcel, Reply

_GONE: Final = 410
#: Those with which a receiver may say when it will be ready (RFC 9110, section 10.2.3; RFC 6585, section 4).
_BUSY: Final = frozenset({429, 503})
_LONGEST_WAIT: Final = timedelta(hours=24)
_DETAIL: Final = 1_000


def reply_of(status: int, retry_after: str | None, said: bytes, parcel: Parcel, digest: str) -> Reply:
    """Return what an answer makes of an attempt. A redirect is none that was asked for, and so a failure."""
    verdict = AttemptVerdict.TRY_AGAIN
    if 200 <= status < 300:  # noqa: PLR2004  # the class of answers that say yes
        verdict = AttemptVerdict.ACCEPTED
    elif status == _GONE:
        verdict = AttemptVerdict.GONE
    return Reply(
        verdict,
        f"http {status}",
        detail=said.decode("utf-8", "replace")[:_DETAIL] or None,
        retry_after=_wait(retry_after, parcel.at) if status in _BUSY else None,
        reference=parcel.id,
        content_sha256=digest,
    )


def _wait(text: str | None, now: datetime) -> timedelta | None:
    """Return how long ``Retry-After`` asks for: a number of seconds or an instant. At most a day is granted."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        # Compared by length first: a number with a million digits is read by nobody.
        return _LONGEST_WAIT if len(text) > 6 else min(timedelta(seconds=int(text)), _LONGEST_WAIT)  # noqa: PLR2004
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return min(max(until - now, timedelta(0)), _LONGEST_WAIT)
