"""What is kept of a conversation, and for how long. Pure values."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import field, frozen

from smartify_core.errors import SealBroken, UsageError

#: The most characters of one text.
LONGEST_TEXT: Final = 100_000
_LONGEST_RETENTION: Final = timedelta(days=3653)
_channel_like = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII).fullmatch


@frozen(order=False)
class CommunicationRules:
    """Whether communications are kept, and for how long.

    Args:
        keep: Off means off: nothing is kept.
        retention: How long a text is kept. Its end is fixed when it is kept, and no later setting moves it.

    Raises:
        UsageError: ``keep`` is neither true nor false, or ``retention`` is not above nothing and at most ten years.
    """

    keep: bool = False
    retention: timedelta = timedelta(days=180)

    def __attrs_post_init__(self) -> None:
        if {type(self.keep), type(self.retention)} != {bool, timedelta}:
            raise UsageError("keep is no truth value, or retention no timedelta", where=_RULES, cure=_CURE)
        if not timedelta(0) < self.retention <= _LONGEST_RETENTION:
            raise UsageError("retention is not above nothing and at most ten years", where=_RULES, cure=_CURE)


_RULES: Final = "CommunicationRules"
_CURE: Final = "Give keep=True and retention=timedelta(days=180), for example."


@frozen(order=False)
class Communication:
    """One thing that was said, as an employee sees it who helps with the issue.

    Args:
        id: What it is called: the account's id, and a part of its own.
        account_id: The person's account.
        channel: How it was said: ``email``, ``chat``, ``phone``.
        text: What was said.
        about: The id of the issue.
        by: The id of the employee who kept it.
        kept_at: Since when it is kept.
        ends_at: The first instant at which it is not shown any more, and removed.
    """

    id: str
    account_id: str
    channel: str
    text: str = field(repr=False)
    about: str
    by: str
    kept_at: datetime
    ends_at: datetime


@frozen(order=False)
class Kept:
    """A communication as its document holds it: the text is sealed once more, under the person's own key."""

    source_id: str
    account_id: str
    about: str
    by: str
    kept_at: datetime
    ends_at: datetime
    #: Channel and text, base64.
    sealed: str = field(repr=False)


@frozen(order=False)
class OptOut:
    """That nobody's communications are to be kept, or one person's; the ids are empty for the whole tenant."""

    source_id: str
    account_id: str
    at: datetime


def check_said(channel: str, text: str) -> None:
    """Raise `UsageError` unless this can be kept. The text is not quoted."""
    if not _is_channel(channel):
        raise UsageError("a channel is lower-case letters, digits and hyphens", where="channel", cure="Say email, say.")
    if not _is_text(text):
        raise UsageError(
            f"what is to be kept is not 1 to {LONGEST_TEXT:,} characters",
            where="text",
            cure="Keep the part that helps.",
        )


def said(channel: str, text: str) -> bytes:
    """Return what is sealed under the person's key."""
    return json.dumps({"channel": channel, "text": text}, separators=(",", ":")).encode()


def as_said(content: bytes, where: str) -> tuple[str, str]:
    """Return channel and text again.

    Raises:
        SealBroken: They are not in the form of `said`.
    """
    try:
        held: dict[str, Any] = json.loads(content)
        return str(held["channel"]), str(held["text"])
    except (KeyError, TypeError, ValueError):
        raise SealBroken(
            "what was opened is not in a format of this library", where=where, cure="Restore it from a backup."
        ) from None


def _is_channel(text: object) -> bool:
    return isinstance(text, str) and _channel_like(text) is not None


def _is_text(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and len(text) <= LONGEST_TEXT
