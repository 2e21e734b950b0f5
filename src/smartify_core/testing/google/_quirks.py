"""What nobody outside Google could confirm, as switches."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from attrs import frozen


@frozen
class Quirks:
    """How the server behaves where neither documentation nor observation settles it: test a client under both values.

    Attributes:
        too_many_results: Whether a ``maxResults`` above the maximum is cut down or refused with a 400.
        capital_true: Whether ``showDeleted=True`` (as Python clients send a ``True``) means true; otherwise only
            ``true`` does.
        guests_listed: Whether users.list includes guests of the account.
        archived_reads_suspended: Whether an archived user also reads ``"suspended": true``.
        conditional_reads: Whether ``If-None-Match`` with the current etag gets a 304.
        direct_members_count: ``fresh``, or ``zero`` for a count that has not caught up yet.
        page_token_lifetime: How long a page token is good for. Google says three days, for users only.
        dead_subject_status: What a token answers once its subject is suspended, archived or deleted.
    """

    too_many_results: Literal["clamp", "refuse"] = "clamp"
    capital_true: bool = True
    guests_listed: bool = True
    archived_reads_suspended: bool = False
    conditional_reads: bool = False
    direct_members_count: Literal["fresh", "zero"] = "fresh"
    page_token_lifetime: timedelta = timedelta(days=3)
    dead_subject_status: Literal[401, 403] = 401
